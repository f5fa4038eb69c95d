use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::json::Json;
use crate::outbound::{
    Action, AddressRequest, ButtonParameter, Card, CardAction, ContactCard, ContactOrganization, Content,
    Flow, FlowMode, FlowName, FlowStart, Header, Interactive, Link, ListRow, ListSection, Media, Parameter,
    ParameterValue, ProductItem, ProductSection, Raw, ReplyButton, TapTarget, Template, TemplateCard,
    TemplateHeader, VoiceCall,
};
use crate::simulator::harness::Bench;

fn link(url: &str) -> Media {
    Media::Link(Link::new(url).unwrap())
}

fn sender(bench: &Bench) -> SenderId {
    SenderId::new(ProviderId::META, bench.accounts.phone_number_id.as_str())
}

#[test]
fn simple_contents_read_back() {
    let bench = Bench::new();
    let mut place = crate::outbound::Location::new(37.442_162_518_686_83, -122.161_535_820_494);
    place.name = Some("Philz".to_owned());
    place.address = Some("101 Forest Ave".to_owned());
    let mut card = ContactCard::named("Barbara Johnson", "Barbara").with_phone("+16505559999");
    card.phones[0].label = Some("CELL".to_owned());
    card.phones[0].wa_id = Some("16505559999".to_owned());
    let organization =
        ContactOrganization { company: Some("Lucky Shrub".to_owned()), ..ContactOrganization::default() };
    card.organization = Some(organization);
    card.birthday = Some("1999-01-23".to_owned());
    let mut document = Content::document(link("https://example.test/a.pdf")).with_caption("Invoice");
    if let Content::Document(document) = &mut document {
        document.filename = Some("invoice.pdf".to_owned());
    }
    let reacted = MessageRef::new(sender(&bench), "wamid.x");
    let id = MediaRef::new(sender(&bench), "1479537139650973");
    for (own, content) in [
        (json!({ "type": "text", "text": { "body": "Hi\n\"there\"" } }), Content::text("Hi\n\"there\"")),
        (
            json!({ "type": "image", "image": { "link": "https://example.test/a.png?b=c", "caption": "Olá" } }),
            Content::image(link("https://example.test/a.png?b=c")).with_caption("Olá"),
        ),
        (json!({ "type": "image", "image": { "id": "1479537139650973" } }), Content::image(id.clone())),
        (
            json!({ "type": "video", "video": { "link": "https://example.test/a.mp4", "caption": "c" } }),
            Content::video(link("https://example.test/a.mp4")).with_caption("c"),
        ),
        (json!({ "type": "audio", "audio": { "id": "1479537139650973" } }), Content::audio(id.clone())),
        (
            json!({ "type": "audio", "audio": { "id": "1479537139650973", "voice": true } }),
            Content::voice(id.clone()),
        ),
        (
            json!({ "type": "document", "document": { "link": "https://example.test/a.pdf", "filename": "invoice.pdf", "caption": "Invoice" } }),
            document,
        ),
        (json!({ "type": "sticker", "sticker": { "id": "1479537139650973" } }), Content::sticker(id)),
        (
            json!({ "type": "location", "location": { "latitude": "37.44216251868683", "longitude": -122.161535820494, "name": "Philz", "address": "101 Forest Ave" } }),
            Content::Location(place),
        ),
        (
            json!({ "type": "location", "location": { "latitude": -90, "longitude": 180.0 } }),
            Content::location(-90.0, 180.0),
        ),
        (
            json!({ "type": "contacts", "contacts": [{
                "name": { "formatted_name": "Barbara Johnson", "first_name": "Barbara" },
                "phones": [{ "phone": "+16505559999", "type": "CELL", "wa_id": "16505559999" }],
                "org": { "company": "Lucky Shrub" },
                "birthday": "1999-01-23",
            }] }),
            Content::contacts([card]),
        ),
        (
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.x", "emoji": "😀" } }),
            Content::reaction(reacted.clone(), "😀"),
        ),
        (
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.x", "emoji": "" } }),
            Content::remove_reaction(reacted),
        ),
        (
            json!({ "type": "pin", "pin": { "type": "pin", "expiration_days": 7 }, "biz_opaque_callback_data": "x" }),
            Content::Raw(Raw::new(
                ProviderId::META,
                Json::parse(r#"{"type":"pin","pin":{"type":"pin","expiration_days":7}}"#).unwrap(),
            )),
        ),
    ] {
        assert!(bench.meta_content(&own) == content, "{own}");
    }
}

#[test]
fn interactive_contents_read_back() {
    let bench = Bench::new();
    let interactive = |own: Value| json!({ "type": "interactive", "interactive": own });
    let body = |action: Action| Interactive::new("Body", action);
    let bare = |action: Action| {
        let mut interactive = Interactive::new("", action);
        interactive.body = None;
        interactive
    };
    let image = Header::Image(link("https://example.test/b.png"));
    let flow = |mut flow: Flow, start| {
        flow.start = start;
        Action::Flow(flow)
    };
    let mut named = Flow::by_id("", "Open");
    named.flow = FlowName::Name("sign_up".to_owned());
    named.token = Some("abc".to_owned());
    named.mode = Some(FlowMode::Draft);
    let card = |number: u8, header: &Header| {
        let url = crate::outbound::CtaUrl::new("Shop now", format!("https://shop.example.test/{number}"));
        let mut card = Card::new(CardAction::CtaUrl(url));
        card.header = Some(header.clone());
        card.body = Some(format!("Deal {number}"));
        card
    };
    let wire_card = |number: u8| {
        json!({
            "card_index": number, "type": "cta_url",
            "header": { "type": "image", "image": { "link": "https://example.test/b.png" } },
            "body": { "text": format!("Deal {number}") },
            "action": { "name": "cta_url", "parameters": {
                "display_text": "Shop now", "url": format!("https://shop.example.test/{number}"),
            } },
        })
    };
    let mut address = AddressRequest::new("IN");
    address.values = Some(Json::parse(r#"{"name":"A"}"#).unwrap());
    for (own, expected) in [
        (
            json!({
                "type": "button",
                "header": { "type": "image", "image": { "link": "https://example.test/b.png" } },
                "body": { "text": "Body" }, "footer": { "text": "Footer" },
                "action": { "buttons": [
                    { "type": "reply", "reply": { "id": "y", "title": "Yes" } },
                    { "type": "reply", "reply": { "id": "n", "title": "No" } },
                ] },
            }),
            Interactive::buttons("Body", [ReplyButton::new("y", "Yes"), ReplyButton::new("n", "No")])
                .with_header(image.clone())
                .with_footer("Footer"),
        ),
        (
            json!({
                "type": "list", "header": { "type": "text", "text": "Head" }, "body": { "text": "Body" },
                "action": { "button": "Choose", "sections": [
                    { "title": "Soon", "rows": [{ "id": "a", "title": "A", "description": "1 day" }] },
                    { "rows": [{ "id": "b", "title": "B" }] },
                ] },
            }),
            Interactive::list(
                "Body",
                "Choose",
                [
                    ListSection::new([ListRow::new("a", "A").with_description("1 day")]).with_title("Soon"),
                    ListSection::new([ListRow::new("b", "B")]),
                ],
            )
            .with_header(Header::text("Head")),
        ),
        (
            json!({
                "type": "cta_url", "body": { "text": "Body" },
                "action": { "name": "cta_url", "parameters": { "display_text": "See", "url": "https://example.test/x?y=z" } },
            }),
            Interactive::cta_url("Body", "See", "https://example.test/x?y=z"),
        ),
        (
            json!({
                "type": "flow", "body": { "text": "Body" },
                "action": { "name": "flow", "parameters": {
                    "flow_message_version": "3", "flow_id": "123", "flow_cta": "Open",
                    "flow_action": "navigate", "flow_action_payload": { "screen": "FIRST", "data": { "k": "v" } },
                } },
            }),
            body(flow(
                Flow::by_id("123", "Open"),
                Some(FlowStart::Navigate {
                    screen: "FIRST".to_owned(),
                    data: Some(Json::parse(r#"{"k":"v"}"#).unwrap()),
                }),
            )),
        ),
        (
            json!({
                "type": "flow", "body": { "text": "Body" },
                "action": { "name": "flow", "parameters": {
                    "flow_message_version": "3", "flow_name": "sign_up", "flow_cta": "Open", "flow_token": "abc",
                    "mode": "draft", "flow_action": "data_exchange",
                } },
            }),
            body(flow(named, Some(FlowStart::DataExchange))),
        ),
        (
            json!({ "type": "location_request_message", "body": { "text": "Body" }, "action": { "name": "send_location" } }),
            body(Action::LocationRequest),
        ),
        (
            json!({ "type": "product", "action": { "catalog_id": "7", "product_retailer_id": "sku1" } }),
            bare(Action::Product(ProductItem::new("7", "sku1"))),
        ),
        (
            json!({
                "type": "product_list", "header": { "type": "text", "text": "Head" }, "body": { "text": "Body" },
                "action": { "catalog_id": "7", "sections": [
                    { "title": "Bundles", "product_items": [{ "product_retailer_id": "sku1" }, { "product_retailer_id": "sku2" }] },
                ] },
            }),
            body(Action::ProductList {
                catalog_id: "7".to_owned(),
                sections: vec![ProductSection::new("Bundles", ["sku1".to_owned(), "sku2".to_owned()])],
            })
            .with_header(Header::text("Head")),
        ),
        (
            json!({ "type": "catalog_message", "body": { "text": "Body" }, "action": { "name": "catalog_message" } }),
            body(Action::Catalog { thumbnail_product: None }),
        ),
        (
            json!({
                "type": "catalog_message", "body": { "text": "Body" },
                "action": { "name": "catalog_message", "parameters": { "thumbnail_product_retailer_id": "sku1" } },
            }),
            body(Action::Catalog { thumbnail_product: Some("sku1".to_owned()) }),
        ),
        (
            json!({ "type": "carousel", "body": { "text": "Body" }, "action": { "cards": [wire_card(0), wire_card(1)] } }),
            body(Action::Carousel { cards: vec![card(0, &image), card(1, &image)] }),
        ),
        (
            json!({ "type": "carousel", "body": { "text": "Body" }, "action": { "cards": [
                { "card_index": 0, "type": "product", "action": { "product_retailer_id": "abc", "catalog_id": "123" } },
            ] } }),
            body(Action::Carousel {
                cards: vec![Card::new(CardAction::Product(ProductItem::new("123", "abc")))],
            }),
        ),
        (
            json!({ "type": "request_contact_info", "body": { "text": "Body" }, "action": { "name": "request_contact_info" } }),
            body(Action::ContactRequest),
        ),
        (
            json!({ "type": "call_permission_request", "action": { "name": "call_permission_request" } }),
            bare(Action::CallPermission),
        ),
        (
            json!({
                "type": "address_message", "body": { "text": "Body" },
                "action": { "name": "address_message", "parameters": { "country": "IN", "values": { "name": "A" } } },
            }),
            body(Action::Address(address)),
        ),
        (
            json!({
                "type": "voice_call", "body": { "text": "Body" },
                "action": { "name": "voice_call", "parameters": { "display_text": "Call", "ttl_minutes": 9, "payload": "p" } },
            }),
            body(Action::VoiceCall(VoiceCall::new("Call").with_ttl_minutes(9).with_payload("p"))),
        ),
    ] {
        assert!(bench.meta_content(&interactive(own.clone())) == Content::Interactive(expected), "{own}");
    }
    let unknown = interactive(
        json!({ "type": "order_details", "body": { "text": "Pay" }, "action": { "name": "review_and_pay" } }),
    );
    let raw = Json::parse(&unknown.to_string()).unwrap();
    assert!(bench.meta_content(&unknown) == Content::Raw(Raw::new(ProviderId::META, raw)));
}

#[test]
fn templates_read_back() {
    let bench = Bench::new();
    let template = |components: Value| json!({ "type": "template", "template": { "name": "t", "language": { "code": "pt_BR" }, "components": components } });
    let new = || Template::new("t", "pt_BR");
    let body = |texts: &[&str]| {
        let texts: Vec<Value> = texts.iter().map(|text| json!({ "type": "text", "text": text })).collect();
        json!({ "type": "body", "parameters": texts })
    };
    let button = |kind: &str, index: Value, parameter: Value| json!({ "type": "button", "sub_type": kind, "index": index, "parameters": [parameter] });
    let mut money = new();
    money.body = vec![
        Parameter { name: Some("customer".to_owned()), ..Parameter::text("Pablo") },
        Parameter { name: None, value: ParameterValue::currency("$100.99", "USD", 100_990) },
        Parameter { name: None, value: ParameterValue::date_time("February 25") },
    ];
    let mut offer = new().with_header(TemplateHeader::Image(link("https://example.test/a.png")));
    offer.offer_ends = Timestamp::from_unix_millis(1_795_000_000_000);
    let offer = offer.with_button(0, ButtonParameter::copy_code("CARIBE25"));
    let mut carousel = new().with_body(["Pablo"]);
    let card = TemplateCard {
        header: Some(TemplateHeader::Video(link("https://example.test/a.mp4"))),
        buttons: new().with_button(0, ButtonParameter::quick_reply("more")).with_url_suffix(1, "elf").buttons,
        ..TemplateCard::default()
    };
    carousel.cards = vec![card];
    let data = Json::parse(r#"{"k":1}"#).unwrap();
    for (own, expected) in [
        (json!({ "type": "template", "template": { "name": "t", "language": { "code": "pt_BR" } } }), new()),
        (template(json!([body(&["Ada", "77"])])), new().with_body(["Ada", "77"])),
        (
            template(json!([{ "type": "body", "parameters": [
                { "type": "text", "parameter_name": "customer", "text": "Pablo" },
                { "type": "currency", "currency": { "fallback_value": "$100.99", "code": "USD", "amount_1000": 100990 } },
                { "type": "date_time", "date_time": { "fallback_value": "February 25" } },
            ] }])),
            money,
        ),
        (
            template(json!([{ "type": "header", "parameters": [{ "type": "text", "text": "Ada" }] }])),
            new().with_header(TemplateHeader::Text(Parameter::text("Ada"))),
        ),
        (
            template(json!([{ "type": "header", "parameters": [
                { "type": "document", "document": { "link": "https://example.test/a.pdf", "filename": "a.pdf" } },
            ] }])),
            new().with_header(TemplateHeader::Document {
                media: link("https://example.test/a.pdf"),
                filename: Some("a.pdf".to_owned()),
            }),
        ),
        (
            template(
                json!([{ "type": "header", "parameters": [{ "type": "location", "location": { "latitude": "1.5", "longitude": "2.5" } }] }]),
            ),
            new().with_header(TemplateHeader::Location(crate::outbound::Location::new(1.5, 2.5))),
        ),
        (
            template(
                json!([{ "type": "header", "parameters": [{ "type": "product", "product": { "product_retailer_id": "s", "catalog_id": "7" } }] }]),
            ),
            new().with_header(TemplateHeader::Product(ProductItem::new("7", "s"))),
        ),
        (
            template(json!([
                { "type": "HEADER", "parameters": [{ "type": "image", "image": { "link": "https://example.test/a.png" } }] },
                { "type": "limited_time_offer", "parameters": [{ "type": "limited_time_offer", "limited_time_offer": { "expiration_time_ms": 1_795_000_000_000_u64 } }] },
                button("COPY_CODE", json!(0), json!({ "type": "coupon_code", "coupon_code": "CARIBE25" })),
            ])),
            offer,
        ),
        (
            template(json!([
                button("catalog", json!("0"), json!({ "type": "action", "action": { "thumbnail_product_retailer_id": "s" } })),
                button("mpm", json!("1"), json!({ "type": "action", "action": {
                    "thumbnail_product_retailer_id": "s",
                    "sections": [{ "title": "Bundles", "product_items": [{ "product_retailer_id": "s" }] }],
                } })),
                button("flow", json!("2"), json!({ "type": "action", "action": { "flow_token": "abc", "flow_action_data": { "k": 1 } } })),
                { "type": "button", "sub_type": "voice_call", "index": "3", "parameters": [
                    { "type": "ttl_minutes", "ttl_minutes": 100 }, { "type": "payload", "payload": "p" },
                ] },
            ])),
            new()
                .with_button(0, ButtonParameter::Catalog { thumbnail_product: Some("s".to_owned()) })
                .with_button(
                    1,
                    ButtonParameter::MultiProduct {
                        thumbnail_product: "s".to_owned(),
                        sections: vec![ProductSection::new("Bundles", ["s".to_owned()])],
                    },
                )
                .with_button(2, ButtonParameter::flow(Some("abc".to_owned()), Some(data)))
                .with_button(
                    3,
                    ButtonParameter::VoiceCall { ttl_minutes: Some(100), payload: Some("p".to_owned()) },
                ),
        ),
        (
            template(
                json!([body(&["Pablo"]), { "type": "carousel", "cards": [{ "card_index": 0, "components": [
                { "type": "header", "parameters": [{ "type": "video", "video": { "link": "https://example.test/a.mp4" } }] },
                button("quick_reply", json!(0), json!({ "type": "payload", "payload": "more" })),
                button("url", json!(1), json!({ "type": "text", "text": "elf" })),
            ] }] }]),
            ),
            carousel,
        ),
        (
            template(json!([
                { "type": "tap_target_configuration", "parameters": [{
                    "type": "tap_target_configuration",
                    "tap_target_configuration": [{ "url": "https://example.test", "title": "Shop" }],
                }] },
                { "type": "button", "sub_type": "CATALOG", "index": "0" },
            ])),
            new()
                .with_tap_target(TapTarget::new("https://example.test", "Shop"))
                .with_button(0, ButtonParameter::catalog(None)),
        ),
        (
            template(json!([
                body(&["J$Fp"]),
                button("url", json!("0"), json!({ "type": "text", "text": "J$Fp" }))
            ])),
            Template::authentication("t", "pt_BR", "J$Fp"),
        ),
        (
            template(json!([
                body(&["a"]),
                button("url", json!("0"), json!({ "type": "text", "text": "b" }))
            ])),
            new().with_body(["a"]).with_url_suffix(0, "b"),
        ),
    ] {
        assert!(bench.meta_content(&own) == Content::Template(expected), "{own}");
    }
}
