use super::*;
use crate::address::GroupId;
use crate::clock::Timestamp;
use crate::json::Json;
use crate::outbound::{
    ButtonParameter, ContactCard, ContentKind, FileBytes, Interactive, Location, Media, Parameter,
    ProductItem, Raw, ReplyButton, Template, TemplateCard, TemplateHeader, Wish,
};

#[test]
fn each_limit_at_it_and_past_it() {
    let long = |count| "ä".repeat(count);
    let template = || Template::new("t", "en");
    let header = |count| template().with_header(TemplateHeader::Text(Parameter::text(long(count))));
    type Make<'a> = &'a dyn Fn(usize) -> Content;
    let limits: [(&str, usize, Make<'_>); 8] = [
        ("content.body", 4096, &|n| Content::text(long(n))),
        ("content.caption", 1024, &|n| Content::image(stored()).with_caption(long(n))),
        ("content.caption", 1024, &|n| Content::video(stored()).with_caption(long(n))),
        ("content.caption", 1024, &|n| Content::document(stored()).with_caption(long(n))),
        ("content.body[0]", 1024, &|n| template().with_body([long(n)]).into()),
        ("content.header", 60, &|n| header(n).into()),
        ("content.buttons[0].code", 20, &|n| {
            template().with_button(0, ButtonParameter::copy_code(long(n))).into()
        }),
        ("content.one_time_code", 15, &|n| Template::authentication("t", "en", long(n)).into()),
    ];
    for (field, limit, make) in limits {
        content(make(limit));
        let message = OutboundMessage::new(to(), make(limit + 1));
        let kind = if field == "content.one_time_code" { InvalidMessage } else { Unsupported };
        assert_eq!(refused(&message), (kind, field.to_owned()));
        let error = meta(&Fake::new([])).check(&message).unwrap_err();
        assert_eq!((error.limit(), error.actual()), (Some(limit as u64), Some(limit as u64 + 1)), "{field}");
        // No provider carries what is empty; an empty caption is none.
        if field == "content.caption" {
            content(make(0));
        } else {
            assert_eq!(refused_content(make(0)), (InvalidMessage, field.to_owned()));
        }
    }
    content(template().with_url_suffix(9, "x"));
    assert_eq!(
        refused_content(template().with_url_suffix(10, "x")),
        (Unsupported, "content.buttons[0].index".to_owned())
    );
}

#[test]
fn what_is_not_carried_is_named() {
    let template = || Template::new("t", "en");
    let bytes = || Media::from(FileBytes::new("x", "image/webp"));
    let foreign = || Media::from(MediaRef::new(elsewhere(), "3000007"));
    let mut marked = Location::new(1.0, 2.0);
    marked.url = Some("https://maps.example".to_owned());
    let mut offer = template();
    offer.offer_ends = Some(Timestamp::UNIX_EPOCH);
    let mut cards = template();
    cards.cards.push(TemplateCard::default());
    let place = |latitude| TemplateHeader::Location(Location::new(latitude, 0.0));
    let product = ProductItem::new("c", "p");
    let raw = Raw::new(ProviderId::META, Json::parse("{}").unwrap());
    let buttons = Interactive::buttons("?", [ReplyButton::new("1", "Yes")]);
    let quoted = MessageRef::new(sender(), "wamid.IN");
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
        (Content::contacts([ContactCard::named("Ada L", "Ada")]), Unsupported, "content"),
        (Content::reaction(quoted, "👍"), Unsupported, "content"),
        (Content::Interactive(buttons), Unsupported, "content"),
        (Content::Raw(raw), Unsupported, "content"),
        (offer.into(), Unsupported, "content.offer_ends"),
        (cards.into(), Unsupported, "content.cards"),
        (template().with_header(TemplateHeader::Product(product)).into(), Unsupported, "content.header"),
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
            template().with_button(0, ButtonParameter::flow(None, None)).into(),
            Unsupported,
            "content.buttons[0]",
        ),
        (
            template()
                .with_url_suffix(0, "a")
                .with_button(1, ButtonParameter::Catalog { thumbnail_product: None })
                .into(),
            Unsupported,
            "content.buttons[1]",
        ),
        (
            template().with_button(0, ButtonParameter::VoiceCall { ttl_minutes: None, payload: None }).into(),
            Unsupported,
            "content.buttons[0]",
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
    let place = TemplateHeader::Location(Location::new(1.0, 2.0));
    for content in [Content::location(1.0, 2.0), template.clone().with_header(place).into()] {
        assert_eq!(refused(&message(content)), (Unsupported, "content".to_owned()));
    }
    // A one-time code needs a phone number.
    assert_eq!(
        refused(&message(Template::authentication("t", "en", "1").into())),
        (InvalidMessage, "to".to_owned())
    );
}

#[test]
fn the_table_for_people_agrees_with_check() {
    let meta = meta(&Fake::new([]));
    let carried = meta.capabilities();
    let quoted = MessageRef::new(sender(), "wamid.IN");
    let raw = Raw::new(ProviderId::META, Json::parse("{}").unwrap());
    let samples: Vec<Content> = vec![
        Content::text("x"),
        Content::image(stored()),
        Content::video(stored()),
        Content::audio(stored()),
        Content::document(stored()),
        Content::sticker(stored()),
        Content::location(1.0, 2.0),
        Content::contacts([ContactCard::named("Ada L", "Ada")]),
        Content::reaction(quoted, "👍"),
        Content::Interactive(Interactive::buttons("?", [ReplyButton::new("1", "Yes")])),
        Template::new("t", "en").into(),
        Content::Raw(raw),
    ];
    for content in samples {
        let kind = content.kind();
        let checked = meta.check(&OutboundMessage::new(to(), content)).is_ok();
        assert_eq!(checked, carried.carries(kind), "{kind:?}");
    }
    assert!(!carried.carries(ContentKind::List));
    assert_eq!((carried.max_text, carried.max_caption), (Some(4096), Some(1024)));
    assert!(carried.drops.contains(&Wish::Ttl) && carried.mark_read && carried.show_typing);
}
