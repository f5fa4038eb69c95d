use crate::address::PhoneNumber;
use crate::ids::MessageRef;
use crate::outbound::{
    ContactCard, Content, Interactive, Link, ListRow, ListSection, Location, OutboundMessage, ReplyButton,
    Template,
};
use crate::provider::WhatsAppProvider;

/// Messages to `to`, to be tried with any provider: one of most kinds, some with every wish, some that are too long for
/// most providers or for all. The template is `order_shipped` in `en_US` and has two places in its body.
pub fn messages(provider: &dyn WhatsAppProvider, to: PhoneNumber) -> Vec<OutboundMessage> {
    let mut contents = vec![
        Content::text("Hello"),
        Content::text("Grüße 😀 & 100 % \"done\"\n+1\\ {{1}} <b>"),
        Content::text("x".repeat(1_600)),
        Content::text("x".repeat(4_096)),
        Content::text("x".repeat(4_097)),
        Content::text(""),
        Content::location(52.5163, 13.3777),
        Content::location(f64::NAN, 13.3777),
        Content::contacts([ContactCard::named("Ada L", "Ada").with_phone("+15550001111")]),
        Template::new("order_shipped", "en_US").with_body(["Ada", "77 & more"]).into(),
        Interactive::buttons("Fine?", [ReplyButton::new("y", "Yes"), ReplyButton::new("n", "No")]).into(),
        Interactive::buttons("Fine?", []).into(),
        Interactive::list("Which?", "Choose", [ListSection::new([ListRow::new("a", "A")])]).into(),
        Interactive::cta_url("Look", "See", "https://shop.example/a?b=c").into(),
    ];
    let mut place = Location::new(37.442_162, -122.161_535);
    (place.name, place.address) = (Some("Café".to_owned()), Some("1 Main St".to_owned()));
    contents.push(Content::Location(place));
    let link = |file: &str| Link::new(format!("https://files.example/{file}?k=v&w=%20")).ok();
    contents.extend(link("a.png").map(|link| Content::image(link).with_caption("a caption")));
    contents.extend(link("a.mp4").map(Content::video));
    contents.extend(link("a.mp3").map(Content::audio));
    contents.extend(link("a.ogg").map(Content::voice));
    contents.extend(link("a.webp").map(Content::sticker));
    contents.extend(link("a.pdf").map(|link| Content::document(link).with_caption("a caption")));
    contents.extend(link("b.pdf").map(|link| {
        let mut named = Content::document(link);
        if let Content::Document(document) = &mut named {
            document.filename = Some("menu.pdf".to_owned());
        }
        named
    }));
    let mut messages: Vec<OutboundMessage> =
        contents.into_iter().map(|content| OutboundMessage::new(to, content)).collect();

    let wishes = |text: &str| OutboundMessage::text(to, text).with_reference("order-77");
    if let Some(sender) = provider.senders().into_iter().next() {
        let earlier = || MessageRef::new(sender.clone(), "wamid.EARLIER");
        messages.push(OutboundMessage::new(to, Content::reaction(earlier(), "👍")));
        messages.push(wishes("an answer").with_reply_to(earlier()));
        messages.push(wishes("an answer that quotes").with_reply_to(earlier()).quote_required());
        messages.push(wishes("from a sender").with_from(sender));
    }
    messages.push(wishes("for an hour").with_ttl(std::time::Duration::from_secs(3600)));
    messages
}
