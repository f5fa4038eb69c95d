//! One plain content of each kind, which nobody refuses who carries the kind at all.

use whatsapp_provider::outbound::{
    Action, AddressRequest, Card, CardAction, ContactCard, ContentKind, Flow, Interactive, Link, ListRow,
    ListSection, ProductItem, ProductSection, Raw, ReplyButton, Template, VoiceCall,
};
use whatsapp_provider::{Content, Json, MessageRef, SenderId};

fn link(file: &str) -> Link {
    Link::new(format!("https://files.example/{file}")).unwrap()
}

/// A content of this kind, from this sender. A template is named `order_shipped` in `en_US`, with two parameters.
pub(crate) fn of(kind: ContentKind, sender: &SenderId) -> Content {
    let asks = |action| Interactive::new("Please", action).into();
    let products = || vec![ProductSection::new("Bundles", ["sku1".to_owned()])];
    let item = || ProductItem::new("8000001", "sku1");
    match kind {
        ContentKind::Text => Content::text("Hi"),
        ContentKind::Image => Content::image(link("a.png")),
        ContentKind::Video => Content::video(link("a.mp4")),
        ContentKind::Audio => Content::audio(link("a.mp3")),
        ContentKind::Document => Content::document(link("a.pdf")),
        ContentKind::Sticker => Content::sticker(link("a.webp")),
        ContentKind::Location => Content::location(1.5, 2.5),
        ContentKind::Contacts => Content::contacts([ContactCard::named("Ada L", "Ada")]),
        ContentKind::Reaction => Content::reaction(MessageRef::new(sender.clone(), "wamid.IN"), "👍"),
        ContentKind::ReplyButtons => Interactive::buttons("Fine?", [ReplyButton::new("y", "Yes")]).into(),
        ContentKind::List => {
            Interactive::list("Which?", "Choose", [ListSection::new([ListRow::new("a", "A")])]).into()
        }
        ContentKind::CtaUrl => Interactive::cta_url("Look", "See", "https://shop.example").into(),
        ContentKind::Flow => asks(Action::Flow(Flow::by_id("7000001", "Open"))),
        ContentKind::LocationRequest => asks(Action::LocationRequest),
        ContentKind::Product => Interactive::product(item()).into(),
        ContentKind::ProductList => {
            Interactive::product_list("Ours", "For you", "8000001", products()).into()
        }
        ContentKind::Catalog => Interactive::catalog("All of it", None).into(),
        ContentKind::Carousel => {
            let card = Card::new(CardAction::Product(item()));
            Interactive::carousel("Offers", [card.clone(), card]).into()
        }
        ContentKind::ContactRequest => asks(Action::ContactRequest),
        ContentKind::CallPermission => asks(Action::CallPermission),
        ContentKind::Address => asks(Action::Address(AddressRequest::new("IN"))),
        ContentKind::VoiceCall => asks(Action::VoiceCall(VoiceCall::new("Call us"))),
        ContentKind::Template => Template::new("order_shipped", "en_US").with_body(["Ada", "77"]).into(),
        ContentKind::Raw => {
            let body = Json::parse(r#"{"type":"x","x":{}}"#).unwrap();
            Content::Raw(Raw::new(sender.provider.clone(), body))
        }
        other => panic!("nobody gave a sample of {other:?}"),
    }
}
