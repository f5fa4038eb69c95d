use super::*;
use crate::address::GroupId;
use crate::json::Json;
use crate::outbound::{
    Action, ButtonParameter, Card, CardAction, ContactCard, ContentKind, CtaUrl, FileBytes, Header,
    Interactive, ListRow, ListSection, Location, Media, Parameter, ParameterValue, ProductItem, Raw,
    ReplyButton, Template, TemplateCard, TemplateHeader, Wish,
};

#[test]
fn what_is_not_carried_is_named() {
    let template = || Template::new("t", "en");
    let bytes = || Media::from(FileBytes::new("x", "image/webp"));
    let foreign = || Media::from(MediaRef::new(elsewhere(), "3000007"));
    let mut marked = Location::new(1.0, 2.0);
    marked.url = Some("https://maps.example".to_owned());
    let place = |latitude| TemplateHeader::Location(Location::new(latitude, 0.0));
    let buttons = || Interactive::buttons("?", [ReplyButton::new("1", "Yes")]);
    let headed = |action, header| Interactive::new("?", action).with_header(header);
    let list = || Interactive::list("?", "Open", [ListSection::new([ListRow::new("1", "A")])]);
    let image = || Header::Image(Media::from(stored()));
    let card = |header| {
        let action = CardAction::CtaUrl(CtaUrl::new("See", "https://a.example"));
        Card { header: Some(header), ..Card::new(action) }
    };
    let product_card = |header, body: Option<&str>| {
        let action = CardAction::Product(ProductItem::new("7", "a"));
        Card { header, body: body.map(str::to_owned), action }
    };
    let carousel = |card: Card| Interactive::new("?", Action::Carousel { cards: vec![card.clone(), card] });
    let cards = |header: TemplateHeader| {
        let card = TemplateCard::default().with_header(header);
        template().with_card(card.clone()).with_card(card)
    };
    let elsewhere_quoted = MessageRef::new(elsewhere(), "wamid.IN");
    let cases: Vec<(Content, ErrorKind, &str)> = vec![
        (Content::image(bytes()), Unsupported, "content.media.mime_type"),
        (Content::sticker(foreign()), NotPortable, "content.media"),
        (Content::audio(MediaRef::new(sender(), "")), InvalidMessage, "content.media"),
        (
            template().with_header(TemplateHeader::Location(marked.clone())).into(),
            InvalidMessage,
            "content.header.url",
        ),
        (Content::Location(marked), InvalidMessage, "content.url"),
        (Content::location(91.0, 0.0), InvalidMessage, "content.latitude"),
        (Content::reaction(elsewhere_quoted, "👍"), NotPortable, "content.message"),
        (buttons().with_header(Header::Image(bytes())).into(), Unsupported, "content.header.media.mime_type"),
        (buttons().with_header(Header::Video(foreign())).into(), NotPortable, "content.header.media"),
        (list().with_header(image()).into(), Unsupported, "content.header"),
        (headed(Action::LocationRequest, Header::text("x")).into(), Unsupported, "content.header"),
        (headed(Action::ContactRequest, image()).into(), Unsupported, "content.header"),
        (
            headed(Action::Product(ProductItem::new("7", "a")), Header::text("x")).into(),
            Unsupported,
            "content.header",
        ),
        (carousel(card(image())).with_header(image()).into(), Unsupported, "content.header"),
        (carousel(card(image())).with_footer("x").into(), Unsupported, "content.footer"),
        (carousel(card(Header::text("x"))).into(), Unsupported, "content.action.cards[0].header"),
        (
            carousel(card(Header::Document(stored().into()))).into(),
            Unsupported,
            "content.action.cards[0].header",
        ),
        (
            carousel(card(Header::Image(bytes()))).into(),
            Unsupported,
            "content.action.cards[0].header.media.mime_type",
        ),
        (carousel(product_card(Some(image()), None)).into(), Unsupported, "content.action.cards[0].header"),
        (carousel(product_card(None, Some("x"))).into(), Unsupported, "content.action.cards[0].body"),
        (
            template()
                .with_header(TemplateHeader::Text(Parameter::new(ParameterValue::date_time("June 1"))))
                .into(),
            Unsupported,
            "content.header",
        ),
        (cards(place(1.0)).into(), Unsupported, "content.cards[0].header"),
        (cards(TemplateHeader::Text(Parameter::text("x"))).into(), Unsupported, "content.cards[0].header"),
        (cards(TemplateHeader::document(stored())).into(), Unsupported, "content.cards[0].header"),
        (cards(TemplateHeader::Image(foreign())).into(), NotPortable, "content.cards[0].header.media"),
        (
            template().with_header(TemplateHeader::Image(bytes())).into(),
            Unsupported,
            "content.header.media.mime_type",
        ),
        (
            template().with_header(TemplateHeader::document(foreign())).into(),
            NotPortable,
            "content.header.media",
        ),
        (template().with_header(place(f64::NAN)).into(), InvalidMessage, "content.header.latitude"),
        (template().with_named("", "Ada").into(), InvalidMessage, "content.body[0].name"),
        (
            template().with_url_suffix(0, "a").with_url_suffix(0, "b").into(),
            InvalidMessage,
            "content.buttons[1].index",
        ),
        (
            template().with_button(0, ButtonParameter::quick_reply("")).into(),
            InvalidMessage,
            "content.buttons[0].payload",
        ),
    ];
    for (content, kind, field) in cases {
        assert_eq!(refused_content(content), (kind, field.to_owned()));
    }
}

#[test]
fn groups_take_texts_media_and_templates_of_these() {
    let group = GroupId::new("Y2Fw").unwrap();
    let message = |content: Content| OutboundMessage::new(group.clone(), content);
    let template = Template::new("t", "en");
    posted(&message(Content::text("Hi")));
    posted(&message(Content::voice(stored())));
    posted(&message(template.clone().with_body(["x"]).into()));
    let pin = r#"{"type":"pin","pin":{"type":"unpin","message_id":"wamid.IN"}}"#;
    let raw = Raw::new(ProviderId::META, Json::parse(pin).unwrap());
    let (body, _) = posted(&message(Content::Raw(raw)));
    assert_eq!((&body["recipient_type"], &body["to"]), (&"group".into(), &"Y2Fw".into()));
    assert_eq!(body["pin"]["type"], "unpin");
    let place = || TemplateHeader::Location(Location::new(1.0, 2.0));
    let product = TemplateCard::default().with_header(TemplateHeader::Product(ProductItem::new("7", "a")));
    for content in [
        Content::location(1.0, 2.0),
        template.clone().with_header(place()).into(),
        template.clone().with_card(product.clone()).with_card(product).into(),
        Content::contacts([ContactCard::named("Ada L", "Ada")]),
        Content::reaction(MessageRef::new(sender(), "wamid.IN"), "👍"),
        Interactive::buttons("?", [ReplyButton::new("1", "Yes")]).into(),
    ] {
        assert_eq!(refused(&message(content)), (Unsupported, "content".to_owned()));
    }
    // A one-time code needs a phone number.
    assert_eq!(
        refused(&message(Template::authentication("t", "en", "1").into())),
        (InvalidMessage, "to".to_owned())
    );
}

#[test]
fn the_table_for_people_names_every_kind() {
    let carried = meta(&Fake::new([])).capabilities();
    assert!(ContentKind::ALL.iter().all(|kind| carried.carries(*kind)));
    assert_eq!((carried.max_text, carried.max_caption), (Some(4096), Some(1024)));
    assert!(carried.drops.contains(&Wish::Ttl) && carried.mark_read && carried.show_typing);
}
