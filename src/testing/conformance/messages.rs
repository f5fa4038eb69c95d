//! The messages that the suite sends: every kind of content, plain and full, and every wish.

use std::time::Duration;

use serde_json::{Value, json};

use super::{FROM, ID, Law, MARK, RECEIVED_AT, Subject, Violation};
use crate::address::{PhoneNumber, Recipient};
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::json::Json;
use crate::outbound::{Category, Content, OutboundMessage, Raw, Template};

/// Messages that a provider may carry or not.
pub(super) fn all(subject: &impl Subject) -> Result<Vec<OutboundMessage>, Violation> {
    let Some(own) = subject.provider().senders().into_iter().next() else {
        let hello = recipient().map(|to| OutboundMessage::text(to, MARK));
        return Ok(hello.into_iter().collect());
    };
    let contents = contents(&own).map_err(|error| Violation::new(Law::Json, error))?;
    let mut messages = subject.messages();
    for to in subject.recipients() {
        for content in &contents {
            let plain = OutboundMessage::new(to.clone(), content.clone());
            messages.extend(wishes(&plain, &own));
            messages.push(plain);
        }
    }
    Ok(messages)
}

/// Messages of which at least one part makes no sense to anybody, or is too much. They need not be JSON.
pub(super) fn hopeless() -> Vec<OutboundMessage> {
    let contents = [
        Content::text(""),
        Content::text(MARK.repeat(10_000)),
        Content::location(f64::INFINITY, 0.0),
        Content::contacts([]),
        Template::new("", "en_US").into(),
    ];
    let to = recipient().into_iter();
    to.flat_map(|to| contents.clone().map(|content| OutboundMessage::new(to.clone(), content))).collect()
}

pub(super) fn recipient() -> Option<Recipient> {
    PhoneNumber::from_digits(FROM).ok().map(Recipient::from)
}

/// A provider that is not there.
pub(super) fn stranger() -> Option<SenderId> {
    ProviderId::new("a-stranger").ok().map(|id| SenderId::new(id, "1"))
}

/// The message with one wish more, each of them.
fn wishes(plain: &OutboundMessage, own: &SenderId) -> Vec<OutboundMessage> {
    let with = |change: &dyn Fn(OutboundMessage) -> OutboundMessage| change(plain.clone());
    let quote = |sender: &SenderId| plain.clone().with_reply_to(MessageRef::new(sender.clone(), ID));
    let mut wishes = vec![
        quote(own),
        quote(own).quote_required(),
        with(&|message| message.with_reference(MARK)),
        with(&|message| message.with_reference(MARK.repeat(100))),
        with(&|message| message.with_idempotency_key(MARK)),
        with(&|message| message.with_ttl(Duration::from_secs(300))),
        with(&|message| message.with_ttl(Duration::from_secs(60 * 60 * 24))),
        with(&|message| message.with_direct_send(Category::Utility)),
        with(&|message| message.with_direct_send(Category::Service)),
        with(&|message| message.with_identity_key_hash(MARK)),
        with(&|message| message.with_send_at(RECEIVED_AT.saturating_add(Duration::from_secs(3600)))),
        with(&|message| message.with_from(own.clone())),
        with(&|message| message.with_via_only(own.provider.clone())),
    ];
    for category in Category::ALL {
        wishes.push(with(&|message| message.with_category(*category)));
    }
    if let Some(stranger) = stranger() {
        wishes.push(quote(&stranger));
        wishes.push(quote(&stranger).quote_required());
        wishes.push(with(&|message| message.with_from(stranger.clone())));
        wishes.push(with(&|message| message.with_via(stranger.provider.clone())));
        wishes.push(with(&|message| message.with_via_only(stranger.provider.clone())));
    }
    wishes
}

/// At least one content of each kind. Whatever is somebody's own words begins with [`MARK`].
fn contents(own: &SenderId) -> serde_json::Result<Vec<Content>> {
    let link = |file: &str| json!({ "link": format!("https://{MARK}.example/{file}") });
    let product = json!({ "type": "product", "catalog_id": "8000001", "product": MARK });
    let url = json!({ "type": "cta_url", "display_text": MARK, "url": format!("https://{MARK}.example/") });
    let row = json!({ "id": MARK, "title": MARK, "description": MARK });
    let sections = json!([{ "title": MARK, "products": [MARK] }]);
    let image = json!({ "image": link("card.png") });
    let cards = |header: Option<&Value>, action: &Value| {
        let card = json!({ "header": header, "body": MARK, "action": action });
        json!([card, card])
    };
    let plain = [
        json!({ "type": "text", "body": MARK }),
        json!({ "type": "text", "body": format!("{MARK} \"ü\" \\ 😀\n\u{2028}<a&b=%41+c>") }),
        json!({ "type": "text", "body": format!("https://{MARK}.example/"), "preview_url": true }),
        json!({ "type": "image", "media": link("a.png") }),
        json!({ "type": "image", "media": link("a.png"), "caption": MARK }),
        json!({ "type": "video", "media": link("a.mp4"), "caption": MARK }),
        json!({ "type": "audio", "media": link("a.mp3") }),
        json!({ "type": "audio", "media": link("a.ogg"), "voice": true }),
        json!({ "type": "document", "media": link("a.pdf") }),
        json!({ "type": "document", "media": link("a.pdf"), "caption": MARK, "filename": MARK }),
        json!({ "type": "sticker", "media": link("a.webp") }),
        json!({ "type": "location", "latitude": 1.5, "longitude": 2.5 }),
        json!({ "type": "location", "latitude": 1.5, "longitude": 2.5, "name": MARK, "address": MARK }),
        json!({ "type": "contacts", "cards": [{ "name": { "formatted": MARK, "first": MARK },
            "phones": [{ "phone": format!("+{FROM}") }] }] }),
    ];
    let actions = [
        json!({ "type": "reply_buttons", "buttons": [{ "id": MARK, "title": MARK }] }),
        json!({ "type": "list", "button": MARK, "sections": [{ "rows": [row] }] }),
        json!({ "type": "list", "button": MARK, "sections": [{ "title": MARK, "rows": [row] }] }),
        url.clone(),
        json!({ "type": "flow", "flow": { "id": "1" }, "cta": MARK, "token": MARK }),
        json!({ "type": "location_request" }),
        product.clone(),
        json!({ "type": "product_list", "catalog_id": "8000001", "sections": sections }),
        json!({ "type": "catalog", "thumbnail_product": MARK }),
        json!({ "type": "carousel", "cards": cards(Some(&image), &url) }),
        json!({ "type": "carousel", "cards": cards(None, &product) }),
        json!({ "type": "contact_request" }),
        json!({ "type": "call_permission" }),
        json!({ "type": "address", "country": "IN" }),
        json!({ "type": "voice_call", "display_text": MARK }),
    ];
    let mut contents = plain.map(serde_json::from_value).into_iter().collect::<Result<Vec<Content>, _>>()?;
    for action in actions {
        let header = json!({ "text": MARK });
        let full = json!({ "type": "interactive", "header": header, "body": MARK, "footer": MARK, "action": action });
        contents.push(serde_json::from_value(full)?);
        contents
            .push(serde_json::from_value(json!({ "type": "interactive", "body": MARK, "action": action }))?);
    }
    contents.push(Template::new("order_shipped", "en_US").with_body([MARK, MARK]).into());
    contents.push(Content::reaction(MessageRef::new(own.clone(), ID), "👍"));
    contents.push(Content::image(MediaRef::new(own.clone(), ID)));
    for provider in std::iter::once(own.provider.clone()).chain(stranger().map(|sender| sender.provider)) {
        let body = Json::from_value(&json!({ "type": "x", "x": MARK }));
        contents.extend(body.map(|body| Content::Raw(Raw::new(provider, body))));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::outbound::ContentKind;

    #[test]
    fn there_is_a_message_of_every_kind() {
        let own = SenderId::new(ProviderId::META, "1");
        let kinds: BTreeSet<_> = contents(&own).unwrap().iter().map(Content::kind).collect();
        assert_eq!(kinds, ContentKind::ALL.iter().copied().collect());
    }
}
