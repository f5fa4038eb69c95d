use serde_json::{Value, json};

use super::*;
use crate::clock::Timestamp;
use crate::json::Json;
use crate::outbound::{
    ButtonParameter, Location, Parameter, ParameterValue, ProductItem, ProductSection, TapTarget, Template,
    TemplateCard, TemplateHeader,
};

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
            template().with_header(TemplateHeader::Product(ProductItem::new("8000001", "sku1"))),
            header(json!({"type": "product", "product": {
                "catalog_id": "8000001", "product_retailer_id": "sku1",
            }})),
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

#[test]
fn every_button() {
    let products = vec![ProductSection::new("Bundles", ["sku1".to_owned(), "sku2".to_owned()])];
    let call = |ttl_minutes, payload: Option<&str>| ButtonParameter::VoiceCall {
        ttl_minutes,
        payload: payload.map(str::to_owned),
    };
    for (parameter, kind, parameters) in [
        (
            ButtonParameter::quick_reply("STOP"),
            "quick_reply",
            json!([{"type": "payload", "payload": "STOP"}]),
        ),
        (ButtonParameter::url_suffix("a/7"), "url", json!([{"type": "text", "text": "a/7"}])),
        (
            ButtonParameter::copy_code("SAVE25"),
            "copy_code",
            json!([{"type": "coupon_code", "coupon_code": "SAVE25"}]),
        ),
        (
            ButtonParameter::Catalog { thumbnail_product: Some("sku1".to_owned()) },
            "CATALOG",
            json!([{"type": "action", "action": {"thumbnail_product_retailer_id": "sku1"}}]),
        ),
        (ButtonParameter::Catalog { thumbnail_product: None }, "CATALOG", Value::Null),
        (
            ButtonParameter::MultiProduct { thumbnail_product: "sku1".to_owned(), sections: products },
            "mpm",
            json!([{"type": "action", "action": {
                "thumbnail_product_retailer_id": "sku1",
                "sections": [{"title": "Bundles", "product_items": [
                    {"product_retailer_id": "sku1"}, {"product_retailer_id": "sku2"},
                ]}],
            }}]),
        ),
        (
            ButtonParameter::flow(Some("abc".to_owned()), Some(Json::parse(r#"{"k": 1}"#).unwrap())),
            "flow",
            json!([{"type": "action", "action": {"flow_token": "abc", "flow_action_data": {"k": 1}}}]),
        ),
        (ButtonParameter::flow(None, None), "flow", json!([{"type": "action", "action": {}}])),
        (
            call(Some(100), Some("order-77")),
            "voice_call",
            json!([
                {"type": "ttl_minutes", "ttl_minutes": 100}, {"type": "payload", "payload": "order-77"},
            ]),
        ),
        (call(None, Some("order-77")), "voice_call", json!([{"type": "payload", "payload": "order-77"}])),
        (call(None, None), "voice_call", Value::Null),
    ] {
        let mut expected = json!({"type": "button", "sub_type": kind, "index": "3"});
        if !parameters.is_null() {
            expected["parameters"] = parameters;
        }
        let sent = content(Template::new("t", "en").with_button(3, parameter));
        assert_eq!(sent["template"]["components"], json!([expected]));
    }
}

#[test]
fn offers_tap_targets_and_carousels() {
    let mut offer = Template::new("t", "en")
        .with_header(TemplateHeader::Image(stored().into()))
        .with_body(["Ada", "SAVE25"])
        .with_offer_end(Timestamp::from_unix_millis(1_795_000_000_123).unwrap())
        .with_button(0, ButtonParameter::copy_code("SAVE25"))
        .with_url_suffix(1, "n3m");
    offer.tap_target = Some(TapTarget::new("https://shop.example", "Our shop"));
    assert_eq!(
        content(offer)["template"],
        json!({"name": "t", "language": {"code": "en"}, "components": [
            {"type": "header", "parameters": [{"type": "image", "image": {"id": "3000007"}}]},
            {"type": "body", "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "SAVE25"}]},
            {"type": "limited_time_offer", "parameters": [{
                "type": "limited_time_offer",
                "limited_time_offer": {"expiration_time_ms": 1_795_000_000_123_u64},
            }]},
            {"type": "tap_target_configuration", "parameters": [{
                "type": "tap_target_configuration",
                "tap_target_configuration": [{"url": "https://shop.example", "title": "Our shop"}],
            }]},
            {"type": "button", "sub_type": "copy_code", "index": "0",
             "parameters": [{"type": "coupon_code", "coupon_code": "SAVE25"}]},
            {"type": "button", "sub_type": "url", "index": "1",
             "parameters": [{"type": "text", "text": "n3m"}]},
        ]})
    );

    let media = TemplateCard::default()
        .with_header(TemplateHeader::Video(link("v.mp4").into()))
        .with_body(["aloe"])
        .with_button(0, ButtonParameter::quick_reply("more-aloes"))
        .with_button(1, ButtonParameter::url_suffix("blue-elf"));
    let product =
        TemplateCard::default().with_header(TemplateHeader::Product(ProductItem::new("8000001", "sku1")));
    let carousel = Template::new("t", "en").with_body(["Ada"]).with_card(media).with_card(product);
    assert_eq!(
        content(carousel)["template"]["components"],
        json!([
            {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]},
            {"type": "carousel", "cards": [
                {"card_index": 0, "components": [
                    {"type": "header", "parameters": [
                        {"type": "video", "video": {"link": "https://files.example/v.mp4"}},
                    ]},
                    {"type": "body", "parameters": [{"type": "text", "text": "aloe"}]},
                    {"type": "button", "sub_type": "quick_reply", "index": "0",
                     "parameters": [{"type": "payload", "payload": "more-aloes"}]},
                    {"type": "button", "sub_type": "url", "index": "1",
                     "parameters": [{"type": "text", "text": "blue-elf"}]},
                ]},
                {"card_index": 1, "components": [
                    {"type": "header", "parameters": [{"type": "product", "product": {
                        "catalog_id": "8000001", "product_retailer_id": "sku1",
                    }}]},
                ]},
            ]},
        ])
    );
}
