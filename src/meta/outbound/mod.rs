//! Turns a message into the body of a request, and refuses what Meta cannot carry.

use serde_json::{Map, Value, json};

mod content;
mod template;
#[cfg(test)]
mod tests;

use crate::address::Recipient;
use crate::error::{Error, Result};
use crate::ids::{AttemptId, MessageRef, ProviderId, SenderId};
use crate::outbound::{
    Content, ContentKind, Dropped, OutboundMessage, TemplateHeader, Wish, chars_between, validate,
};
use crate::provider::Capabilities;

/// In characters.
pub(super) const MAX_TEXT: usize = 4096;
/// In characters.
pub(super) const MAX_CAPTION: usize = 1024;

/// Who sends: what a message may refer to depends on it.
pub(super) struct Origin<'a> {
    pub(super) provider: &'a ProviderId,
    pub(super) sender: &'a SenderId,
    /// The business portfolio, if it is known.
    pub(super) portfolio: Option<&'a str>,
}

/// A request that lacks only the id of its attempt.
pub(super) struct Prepared {
    body: Map<String, Value>,
    pub(super) dropped: Vec<Dropped>,
}

impl Prepared {
    /// The body of the request. The attempt's id comes back in the statuses, and the reference behind it.
    pub(super) fn into_body(mut self, attempt: AttemptId, reference: Option<&str>) -> String {
        let callback = match reference {
            Some(reference) if !reference.is_empty() => format!("{attempt}|{reference}"),
            _ => attempt.to_string(),
        };
        self.body.insert("biz_opaque_callback_data".to_owned(), callback.into());
        Value::Object(self.body).to_string()
    }
}

/// Makes the request for a message, or says why there is none. `check` and `send_attempt` both ask here, so they never
/// disagree.
pub(super) fn prepare(message: &OutboundMessage, origin: &Origin<'_>) -> Result<Prepared> {
    validate(message)?;
    if message.via_only && message.via.as_ref() != Some(origin.provider) {
        return Err(Error::unsupported("via"));
    }
    if message.from.as_ref().is_some_and(|from| from != origin.sender) {
        return Err(Error::unsupported("from"));
    }
    let mut body = Map::new();
    body.insert("messaging_product".to_owned(), "whatsapp".into());
    address(&mut body, &message.to, origin)?;

    let mut dropped = Vec::new();
    if let Some(quote) = &message.reply_to {
        // A template with a context is sent, and shown without the quote.
        let quotable = !matches!(message.content, Content::Template(_));
        if quotable && quote.message.sender == *origin.sender {
            chars_between("reply_to", &quote.message.id, usize::MAX)?;
            body.insert("context".to_owned(), json!({"message_id": quote.message.id}));
        } else if quote.required {
            return Err(Error::not_portable("reply_to"));
        } else {
            dropped.push(Dropped::new(Wish::Quote));
        }
    }
    if message.ttl.is_some() {
        dropped.push(Dropped::new(Wish::Ttl));
    }

    let (kind, content) = content::write(&message.content, &message.to, origin)?;
    body.insert("type".to_owned(), kind.into());
    body.insert(kind.to_owned(), content);
    Ok(Prepared { body, dropped })
}

/// What [`prepare`] carries, for people.
pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        drops: [Wish::Ttl].into(),
        max_text: Some(MAX_TEXT),
        max_caption: Some(MAX_CAPTION),
        mark_read: true,
        show_typing: true,
        ..Capabilities::new([
            ContentKind::Text,
            ContentKind::Image,
            ContentKind::Video,
            ContentKind::Audio,
            ContentKind::Document,
            ContentKind::Sticker,
            ContentKind::Location,
            ContentKind::Template,
        ])
    }
}

/// Marks a user's message as read, and with `typing` shows that an answer is being typed.
pub(super) fn read_receipt(message: &MessageRef, typing: bool) -> String {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": message.id,
    });
    if typing && let Value::Object(body) = &mut body {
        body.insert("typing_indicator".to_owned(), json!({"type": "text"}));
    }
    body.to_string()
}

/// Whom it goes to. The number is written with `+`, because without it Meta puts the country of the business's own
/// number in front; a user id goes into a member of its own, beside the number where both are known.
fn address(body: &mut Map<String, Value>, to: &Recipient, origin: &Origin<'_>) -> Result<()> {
    let kind = if to.group().is_some() { "group" } else { "individual" };
    body.insert("recipient_type".to_owned(), kind.into());
    if let Some(group) = to.group() {
        body.insert("to".to_owned(), group.as_str().into());
    }
    if let Some(phone) = to.phone() {
        body.insert("to".to_owned(), phone.to_e164().into());
    }
    if let Some(user) = to.user() {
        // An id of which it is known where it means something goes there only; who does not know its own portfolio
        // cannot tell that it is the one.
        let foreign = user.scope().is_some() && user.scope() != origin.portfolio;
        if !foreign {
            body.insert("recipient".to_owned(), user.as_str().into());
        } else if to.phone().is_none() {
            return Err(Error::not_portable("to"));
        }
    }
    Ok(())
}

/// Groups take texts, media and templates of these, and nothing else.
fn fits_into_groups(content: &Content) -> bool {
    match content {
        Content::Text(_)
        | Content::Image(_)
        | Content::Video(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::Sticker(_) => true,
        Content::Template(template) => {
            !matches!(template.header, Some(TemplateHeader::Location(_) | TemplateHeader::Product(_)))
        }
        _ => false,
    }
}
