use serde_json::{Value, json};

use super::*;
use crate::json::Json;
use crate::outbound::{
    Action, AddressRequest, Card, CardAction, CtaUrl, Flow, FlowMode, FlowName, FlowStart, Header,
    Interactive, ListRow, ListSection, Media, ProductItem, ProductSection, ReplyButton, VoiceCall,
};

/// The interactive object; the type beside it is always the same.
fn interactive(message: Interactive) -> Value {
    let mut sent = content(message);
    assert_eq!(sent["type"], "interactive");
    assert_eq!(sent.as_object().unwrap().len(), 2);
    sent["interactive"].take()
}

fn json_of(text: &str) -> Option<Json> {
    Some(Json::parse(text).unwrap())
}

#[test]
fn buttons_lists_and_addresses() {
    let buttons = [ReplyButton::new("change-9", "Change"), ReplyButton::new("cancel-9", "Cancel")];
    let sections = [
        ListSection::new([ListRow::new("express", "Express").with_description("1 to 2 days")])
            .with_title("Soon"),
        ListSection::new([ListRow::new("parcel", "Parcel").with_description("")]).with_title("Later"),
    ];
    for (message, expected) in [
        (
            Interactive::buttons("Your lesson is at 9.", buttons)
                .with_header(Header::Image(Media::from(stored())))
                .with_footer("The mill"),
            json!({
                "type": "button",
                "header": {"type": "image", "image": {"id": "3000007"}},
                "body": {"text": "Your lesson is at 9."},
                "footer": {"text": "The mill"},
                "action": {"buttons": [
                    {"type": "reply", "reply": {"id": "change-9", "title": "Change"}},
                    {"type": "reply", "reply": {"id": "cancel-9", "title": "Cancel"}},
                ]},
            }),
        ),
        (
            Interactive::list("How shall we send it?", "Ways", sections)
                .with_header(Header::text("Shipping"))
                .with_footer(""),
            json!({
                "type": "list",
                "header": {"type": "text", "text": "Shipping"},
                "body": {"text": "How shall we send it?"},
                "action": {"button": "Ways", "sections": [
                    {"title": "Soon", "rows": [
                        {"id": "express", "title": "Express", "description": "1 to 2 days"},
                    ]},
                    {"title": "Later", "rows": [{"id": "parcel", "title": "Parcel"}]},
                ]},
            }),
        ),
        (
            Interactive::list("Which?", "Ways", [ListSection::new([ListRow::new("a", "A")])]),
            json!({
                "type": "list",
                "body": {"text": "Which?"},
                "action": {"button": "Ways", "sections": [{"rows": [{"id": "a", "title": "A"}]}]},
            }),
        ),
        (
            Interactive::cta_url("Free days below.", "See days", "https://shop.example?click=1")
                .with_header(Header::Video(link("v.mp4").into())),
            json!({
                "type": "cta_url",
                "header": {"type": "video", "video": {"link": "https://files.example/v.mp4"}},
                "body": {"text": "Free days below."},
                "action": {"name": "cta_url", "parameters": {
                    "display_text": "See days", "url": "https://shop.example?click=1",
                }},
            }),
        ),
        (
            Interactive::buttons("Signed?", [ReplyButton::new("y", "Yes")])
                .with_header(Header::Document(link("a.pdf").into())),
            json!({
                "type": "button",
                "header": {"type": "document", "document": {"link": "https://files.example/a.pdf"}},
                "body": {"text": "Signed?"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
            }),
        ),
    ] {
        assert_eq!(interactive(message), expected);
    }
}

#[test]
fn flows() {
    let sent = |flow: Flow| interactive(Interactive::new("Fill it in", Action::Flow(flow)));
    let mut flow = Flow::by_id("7000001", "Open");
    let frame = |parameters: Value| {
        json!({
            "type": "flow",
            "body": {"text": "Fill it in"},
            "action": {"name": "flow", "parameters": parameters},
        })
    };
    assert_eq!(
        sent(flow.clone()),
        frame(json!({"flow_message_version": "3", "flow_id": "7000001", "flow_cta": "Open"}))
    );
    flow.token = Some("abc".to_owned());
    flow.mode = Some(FlowMode::Published);
    flow.start = Some(FlowStart::Navigate { screen: "FIRST".to_owned(), data: json_of(r#"{"k": "v"}"#) });
    assert_eq!(
        sent(flow.clone()),
        frame(json!({
            "flow_message_version": "3", "flow_id": "7000001", "flow_cta": "Open", "flow_token": "abc",
            "mode": "published", "flow_action": "navigate",
            "flow_action_payload": {"screen": "FIRST", "data": {"k": "v"}},
        }))
    );
    flow.start = Some(FlowStart::Navigate { screen: "FIRST".to_owned(), data: None });
    assert_eq!(sent(flow.clone())["action"]["parameters"]["flow_action_payload"], json!({"screen": "FIRST"}));
    flow.flow = FlowName::Name("sign_up".to_owned());
    (flow.token, flow.mode) = (Some(String::new()), Some(FlowMode::Draft));
    flow.start = Some(FlowStart::DataExchange);
    assert_eq!(
        sent(flow),
        frame(json!({
            "flow_message_version": "3", "flow_name": "sign_up", "flow_cta": "Open", "mode": "draft",
            "flow_action": "data_exchange",
        }))
    );
}

#[test]
fn products_and_carousels() {
    let bare = |action| Interactive { body: None, ..Interactive::new("", action) };
    let sections = vec![
        ProductSection::new("Bundles", ["sku1".to_owned(), "sku2".to_owned()]),
        ProductSection::new("Single", ["sku3".to_owned()]),
    ];
    let list = |sections| Action::ProductList { catalog_id: "8000001".to_owned(), sections };
    let card = |number: u8| {
        let url = CtaUrl::new("Shop now", format!("https://shop.example/{number}"));
        let header = Header::Image(link(&format!("{number}.png")).into());
        Card { header: Some(header), body: Some(format!("Deal\n{number}")), action: CardAction::CtaUrl(url) }
    };
    let product = |product: &str| Card::new(CardAction::Product(ProductItem::new("8000001", product)));
    for (message, expected) in [
        (
            bare(Action::Product(ProductItem::new("8000001", "sku1"))),
            json!({"type": "product", "action": {"catalog_id": "8000001", "product_retailer_id": "sku1"}}),
        ),
        (
            Interactive::new("Try it", Action::Product(ProductItem::new("8000001", "sku1"))).with_footer("!"),
            json!({
                "type": "product", "body": {"text": "Try it"}, "footer": {"text": "!"},
                "action": {"catalog_id": "8000001", "product_retailer_id": "sku1"},
            }),
        ),
        (
            Interactive::new("For you", list(sections)).with_header(Header::text("Our picks")),
            json!({
                "type": "product_list",
                "header": {"type": "text", "text": "Our picks"},
                "body": {"text": "For you"},
                "action": {"catalog_id": "8000001", "sections": [
                    {"title": "Bundles", "product_items": [
                        {"product_retailer_id": "sku1"}, {"product_retailer_id": "sku2"},
                    ]},
                    {"title": "Single", "product_items": [{"product_retailer_id": "sku3"}]},
                ]},
            }),
        ),
        (
            Interactive::new("For you", list(vec![ProductSection::new("", ["sku1".to_owned()])]))
                .with_header(Header::text("Our picks")),
            json!({
                "type": "product_list",
                "header": {"type": "text", "text": "Our picks"},
                "body": {"text": "For you"},
                "action": {"catalog_id": "8000001", "sections": [
                    {"product_items": [{"product_retailer_id": "sku1"}]},
                ]},
            }),
        ),
        (
            Interactive::new("All of it", Action::Catalog { thumbnail_product: Some("sku1".to_owned()) }),
            json!({
                "type": "catalog_message", "body": {"text": "All of it"},
                "action": {"name": "catalog_message", "parameters": {"thumbnail_product_retailer_id": "sku1"}},
            }),
        ),
        (
            Interactive::new("All of it", Action::Catalog { thumbnail_product: None }),
            json!({
                "type": "catalog_message", "body": {"text": "All of it"},
                "action": {"name": "catalog_message"},
            }),
        ),
        (
            Interactive::new("Our offers", Action::Carousel { cards: vec![card(1), card(2)] }),
            json!({"type": "carousel", "body": {"text": "Our offers"}, "action": {"cards": [
                {
                    "card_index": 0, "type": "cta_url",
                    "header": {"type": "image", "image": {"link": "https://files.example/1.png"}},
                    "body": {"text": "Deal\n1"},
                    "action": {"name": "cta_url", "parameters": {
                        "display_text": "Shop now", "url": "https://shop.example/1",
                    }},
                },
                {
                    "card_index": 1, "type": "cta_url",
                    "header": {"type": "image", "image": {"link": "https://files.example/2.png"}},
                    "body": {"text": "Deal\n2"},
                    "action": {"name": "cta_url", "parameters": {
                        "display_text": "Shop now", "url": "https://shop.example/2",
                    }},
                },
            ]}}),
        ),
        (
            Interactive::new(
                "Our offers",
                Action::Carousel { cards: vec![product("sku1"), product("sku2")] },
            ),
            json!({"type": "carousel", "body": {"text": "Our offers"}, "action": {"cards": [
                {"card_index": 0, "type": "product",
                 "action": {"catalog_id": "8000001", "product_retailer_id": "sku1"}},
                {"card_index": 1, "type": "product",
                 "action": {"catalog_id": "8000001", "product_retailer_id": "sku2"}},
            ]}}),
        ),
    ] {
        assert_eq!(interactive(message), expected);
    }
}

#[test]
fn requests_and_calls() {
    let mut address = AddressRequest::new("IN");
    address.values = json_of(r#"{"name": "A", "in_pin_code": "400063"}"#);
    address.saved_addresses = json_of(r#"[{"id": "1", "value": {"city": "Mumbai"}}]"#);
    address.validation_errors = json_of(r#"{"in_pin_code": "We do not deliver there"}"#);
    let mut call = VoiceCall::new("Call us");
    let bare = VoiceCall::new("Call us");
    (call.ttl_minutes, call.payload) = (Some(100), Some("order-77".to_owned()));
    for (action, kind, expected) in [
        (Action::LocationRequest, "location_request_message", json!({"name": "send_location"})),
        (Action::ContactRequest, "request_contact_info", json!({"name": "request_contact_info"})),
        (Action::CallPermission, "call_permission_request", json!({"name": "call_permission_request"})),
        (
            Action::Address(AddressRequest::new("IN")),
            "address_message",
            json!({"name": "address_message", "parameters": {"country": "IN"}}),
        ),
        (
            Action::Address(address),
            "address_message",
            json!({"name": "address_message", "parameters": {
                "country": "IN",
                "values": {"name": "A", "in_pin_code": "400063"},
                "saved_addresses": [{"id": "1", "value": {"city": "Mumbai"}}],
                "validation_errors": {"in_pin_code": "We do not deliver there"},
            }}),
        ),
        (
            Action::VoiceCall(call),
            "voice_call",
            json!({"name": "voice_call", "parameters": {
                "display_text": "Call us", "ttl_minutes": 100, "payload": "order-77",
            }}),
        ),
        (
            Action::VoiceCall(bare),
            "voice_call",
            json!({"name": "voice_call", "parameters": {"display_text": "Call us"}}),
        ),
    ] {
        assert_eq!(
            interactive(Interactive::new("Please", action)),
            json!({"type": kind, "body": {"text": "Please"}, "action": expected})
        );
    }
    let silent = Interactive { body: None, ..Interactive::new("", Action::CallPermission) };
    assert_eq!(
        interactive(silent),
        json!({"type": "call_permission_request", "action": {"name": "call_permission_request"}})
    );
}
