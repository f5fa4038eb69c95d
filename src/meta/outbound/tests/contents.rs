use serde_json::{Value, json};

use super::*;
use crate::outbound::{ButtonParameter, Location, Parameter, ParameterValue, Template, TemplateHeader};

#[test]
fn every_content_as_meta_wants_it() {
    let mut preview = Content::text("See https://shop.example");
    if let Content::Text(text) = &mut preview {
        text.preview_url = Some(false);
    }
    let mut document = Content::document(link("a.pdf")).with_caption("Your bill");
    if let Content::Document(document) = &mut document {
        document.filename = Some("bill.pdf".to_owned());
    }
    for (message, expected) in [
        (Content::text("Hi"), json!({"type": "text", "text": {"body": "Hi"}})),
        (
            preview,
            json!({"type": "text", "text": {"body": "See https://shop.example", "preview_url": false}}),
        ),
        (
            Content::image(link("a.png")).with_caption("Today"),
            json!({"type": "image", "image": {"link": "https://files.example/a.png", "caption": "Today"}}),
        ),
        (Content::image(stored()), json!({"type": "image", "image": {"id": "3000007"}})),
        (
            Content::video(stored()).with_caption("Look"),
            json!({"type": "video", "video": {"id": "3000007", "caption": "Look"}}),
        ),
        (
            Content::audio(link("a.mp3")),
            json!({"type": "audio", "audio": {"link": "https://files.example/a.mp3"}}),
        ),
        (Content::voice(stored()), json!({"type": "audio", "audio": {"id": "3000007", "voice": true}})),
        (
            document,
            json!({"type": "document", "document": {
                "link": "https://files.example/a.pdf", "caption": "Your bill", "filename": "bill.pdf",
            }}),
        ),
        (Content::sticker(stored()), json!({"type": "sticker", "sticker": {"id": "3000007"}})),
        (
            Content::location(37.442_162_518_683_71, -122.161_535_820_493_94),
            json!({"type": "location", "location": {
                "latitude": 37.442_162_518_683_71, "longitude": -122.161_535_820_493_94,
            }}),
        ),
    ] {
        assert_eq!(content(message), expected);
    }
    let mut place = Location::new(0.1, -0.0);
    place.name = Some("Café".to_owned());
    place.address = Some("1 Long Street".to_owned());
    assert_eq!(
        content(Content::Location(place)),
        json!({"type": "location", "location": {
            "latitude": 0.1, "longitude": -0.0, "name": "Café", "address": "1 Long Street",
        }})
    );
}

#[test]
fn an_empty_text_that_may_be_missing_is_missing() {
    let empty = || Some(String::new());
    let mut document = Content::document(stored()).with_caption("");
    if let Content::Document(document) = &mut document {
        document.filename = empty();
    }
    let mut place = Location::new(1.5, 2.5);
    (place.name, place.address) = (empty(), empty());
    for (message, kind, expected) in [
        (Content::image(stored()).with_caption(""), "image", json!({"id": "3000007"})),
        (Content::video(stored()).with_caption(""), "video", json!({"id": "3000007"})),
        (document, "document", json!({"id": "3000007"})),
        (Content::Location(place.clone()), "location", json!({"latitude": 1.5, "longitude": 2.5})),
    ] {
        assert_eq!(content(message)[kind], expected);
    }
    let file = TemplateHeader::Document { media: stored().into(), filename: empty() };
    for (header, kind, expected) in [
        (file, "document", json!({"id": "3000007"})),
        (TemplateHeader::Location(place), "location", json!({"latitude": 1.5, "longitude": 2.5})),
    ] {
        let sent = content(Template::new("t", "en").with_header(header));
        assert_eq!(sent["template"]["components"][0]["parameters"][0][kind], expected);
    }
}

#[test]
fn coordinates_read_back_exactly() {
    for degrees in [0.1 + 0.2, 1.0 / 3.0, -89.999_999_999_999_99, 5e-324, 1e-7, 45.0] {
        let sent = content(Content::location(degrees, -degrees));
        let text = sent.to_string();
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again["location"]["latitude"].as_f64().unwrap().to_bits(), degrees.to_bits());
        assert_eq!(again["location"]["longitude"].as_f64().unwrap().to_bits(), (-degrees).to_bits());
    }
}

#[test]
fn templates_part_by_part() {
    let template = || Template::new("order_ready", "en_US");
    let components = |template: Template| {
        let mut sent = content(template);
        assert_eq!(sent["type"], "template");
        let template = sent["template"].as_object_mut().unwrap();
        assert_eq!(template.remove("name"), Some("order_ready".into()));
        assert_eq!(template.remove("language"), Some(json!({"code": "en_US"})));
        template.remove("components").unwrap_or_default()
    };
    let value = |value| Parameter { name: None, value };
    let mut values = template().with_body(["Ada"]);
    values.body.push(value(ParameterValue::currency("$100.99", "USD", 100_990)));
    values.body.push(value(ParameterValue::date_time("June 1")));
    let mut place = Location::new(1.5, 2.5);
    place.name = Some("Here".to_owned());
    let header = |parameter: Value| json!([{"type": "header", "parameters": [parameter]}]);
    for (template, expected) in [
        (template(), Value::Null),
        (
            values,
            json!([{"type": "body", "parameters": [
                {"type": "text", "text": "Ada"},
                {"type": "currency", "currency": {"fallback_value": "$100.99", "code": "USD", "amount_1000": 100_990}},
                {"type": "date_time", "date_time": {"fallback_value": "June 1"}},
            ]}]),
        ),
        (
            template().with_named("name", "Ada").with_named("table", "7"),
            json!([{"type": "body", "parameters": [
                {"type": "text", "parameter_name": "name", "text": "Ada"},
                {"type": "text", "parameter_name": "table", "text": "7"},
            ]}]),
        ),
        (
            template().with_header(TemplateHeader::Text(Parameter {
                name: Some("shop".to_owned()),
                ..Parameter::text("Mill")
            })),
            header(json!({"type": "text", "parameter_name": "shop", "text": "Mill"})),
        ),
        (
            template().with_header(TemplateHeader::Image(stored().into())),
            header(json!({"type": "image", "image": {"id": "3000007"}})),
        ),
        (
            template().with_header(TemplateHeader::Video(link("v.mp4").into())),
            header(json!({"type": "video", "video": {"link": "https://files.example/v.mp4"}})),
        ),
        (
            template().with_header(TemplateHeader::Document {
                media: link("a.pdf").into(),
                filename: Some("bill.pdf".to_owned()),
            }),
            header(json!({"type": "document", "document": {
                "link": "https://files.example/a.pdf", "filename": "bill.pdf",
            }})),
        ),
        (
            template().with_header(TemplateHeader::Location(place)),
            header(
                json!({"type": "location", "location": {"latitude": 1.5, "longitude": 2.5, "name": "Here"}}),
            ),
        ),
        (
            template()
                .with_body(["Ada"])
                .with_button(0, ButtonParameter::quick_reply("STOP"))
                .with_url_suffix(1, "track/77")
                .with_button(9, ButtonParameter::copy_code("SAVE25")),
            json!([
                {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]},
                {"type": "button", "sub_type": "quick_reply", "index": "0",
                 "parameters": [{"type": "payload", "payload": "STOP"}]},
                {"type": "button", "sub_type": "url", "index": "1",
                 "parameters": [{"type": "text", "text": "track/77"}]},
                {"type": "button", "sub_type": "copy_code", "index": "9",
                 "parameters": [{"type": "coupon_code", "coupon_code": "SAVE25"}]},
            ]),
        ),
        (
            Template::authentication("order_ready", "en_US", "J$Fp"),
            json!([
                {"type": "body", "parameters": [{"type": "text", "text": "J$Fp"}]},
                {"type": "button", "sub_type": "url", "index": "0",
                 "parameters": [{"type": "text", "text": "J$Fp"}]},
            ]),
        ),
    ] {
        assert_eq!(components(template), expected);
    }
}
