use serde_json::{Value, json};

use super::*;
use crate::json::Json;
use crate::outbound::{
    ContactAddress, ContactCard, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
    Location, Raw, Template, TemplateHeader,
};

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
fn contact_cards() {
    let text = |text: &str| Some(text.to_owned());
    let card = ContactCard {
        name: Some(ContactName {
            formatted: "Dr. Ada K. Lovel Esq.".to_owned(),
            first: text("Ada"),
            middle: text("K."),
            last: text("Lovel"),
            prefix: text("Dr."),
            suffix: text("Esq."),
        }),
        phones: vec![ContactPhone {
            phone: text("+15550009999"),
            wa_id: text("15550009999"),
            label: text("CELL"),
        }],
        emails: vec![ContactEmail { email: text("ada@mail.example"), label: text("Work") }],
        addresses: vec![ContactAddress {
            street: text("1 Long Way"),
            city: text("Mill Park"),
            state: text("CA"),
            zip: text("94000"),
            country: text("United States"),
            country_code: text("US"),
            label: text("Office"),
        }],
        urls: vec![ContactUrl { url: text("https://mill.example"), label: text("Company") }],
        organization: Some(ContactOrganization {
            company: text("The Mill"),
            department: text("Flour"),
            title: text("Miller"),
        }),
        birthday: text("1999-01-23"),
        ..ContactCard::default()
    };
    let mut small = ContactCard::named("Bob", "Bob").with_phone("+15550008888");
    small.birthday = text("");
    small.phones[0].label = text("");
    assert_eq!(
        content(Content::contacts([card, small])),
        json!({"type": "contacts", "contacts": [
            {
                "name": {
                    "formatted_name": "Dr. Ada K. Lovel Esq.", "first_name": "Ada", "middle_name": "K.",
                    "last_name": "Lovel", "prefix": "Dr.", "suffix": "Esq.",
                },
                "phones": [{"phone": "+15550009999", "wa_id": "15550009999", "type": "CELL"}],
                "emails": [{"email": "ada@mail.example", "type": "Work"}],
                "addresses": [{
                    "street": "1 Long Way", "city": "Mill Park", "state": "CA", "zip": "94000",
                    "country": "United States", "country_code": "US", "type": "Office",
                }],
                "urls": [{"url": "https://mill.example", "type": "Company"}],
                "org": {"company": "The Mill", "department": "Flour", "title": "Miller"},
                "birthday": "1999-01-23",
            },
            {"name": {"formatted_name": "Bob", "first_name": "Bob"}, "phones": [{"phone": "+15550008888"}]},
        ]})
    );
}

#[test]
fn reactions_and_their_removal() {
    let target = || MessageRef::new(sender(), "wamid.IN");
    for (message, emoji) in
        [(Content::reaction(target(), "👍🏽"), "👍🏽"), (Content::remove_reaction(target()), "")]
    {
        assert_eq!(
            content(message),
            json!({"type": "reaction", "reaction": {"message_id": "wamid.IN", "emoji": emoji}})
        );
    }
}

#[test]
fn a_body_of_ones_own_within_what_every_message_has() {
    let raw = |body: Value| Raw::new(ProviderId::META, Json::from_value(&body).unwrap());
    let pin = json!({"type": "pin", "pin": {"type": "pin", "message_id": "wamid.IN", "expiration_days": 7}});
    assert_eq!(content(Content::Raw(raw(pin.clone()))), pin);

    let mut crowded = pin.clone();
    for (member, value) in [("messaging_product", "x"), ("biz_opaque_callback_data", "x"), ("novelty", "x")] {
        crowded[member] = value.into();
    }
    crowded["context"] = json!({"message_id": "wamid.OWN"});
    let (body, _) = posted(&OutboundMessage::new(to(), Content::Raw(raw(crowded.clone()))));
    assert_eq!(body["messaging_product"], "whatsapp");
    assert_eq!(body["biz_opaque_callback_data"], "00000000000000000000000000000abc");
    assert_eq!((&body["novelty"], &body["pin"]), (&json!("x"), &pin["pin"]));
    assert_eq!(body["context"], json!({"message_id": "wamid.OWN"}));

    let quoting = OutboundMessage::new(to(), Content::Raw(raw(crowded)));
    let (body, _) = posted(&quoting.with_reply_to(MessageRef::new(sender(), "wamid.OUR")));
    assert_eq!(body["context"], json!({"message_id": "wamid.OUR"}));

    for name in ["to", "recipient", "recipient_type", "status"] {
        let mut own = pin.clone();
        own[name] = "x".into();
        assert_eq!(refused_content(Content::Raw(raw(own))), (InvalidMessage, format!("content.body.{name}")));
    }
    for kind in [json!({}), json!({"type": ""}), json!({"type": 1})] {
        assert_eq!(
            refused_content(Content::Raw(raw(kind))),
            (InvalidMessage, "content.body.type".to_owned())
        );
    }
    let foreign = Raw::new(ProviderId::TWILIO, Json::from_value(&pin).unwrap());
    assert_eq!(refused_content(Content::Raw(foreign)), (NotPortable, "content.provider".to_owned()));
}
