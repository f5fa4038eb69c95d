//! Turns a message into the body of a request, and refuses what Meta cannot carry.

use serde_json::{Map, Value, json};

mod contacts;
mod content;
mod direct_send;
mod interactive;
mod limits;
mod raw;
mod template;
#[cfg(test)]
mod tests;

#[cfg(feature = "simulator")]
pub(crate) use contacts::write as write_contacts;

use super::endpoint::EndpointPath;
use super::marketing::MarketingMessages;
use crate::address::Recipient;
use crate::error::{Error, Result};
use crate::ids::{AttemptId, MessageRef, ProviderId, SenderId};
use crate::outbound::{
    Category, Content, ContentKind, Dropped, OutboundMessage, TemplateHeader, Wish, filled, validate,
};
use crate::provider::Capabilities;
use limits::{MAX_CAPTION, MAX_TEXT};

/// Who sends: what a message may refer to depends on it.
pub(super) struct Origin<'a> {
    pub(super) provider: &'a ProviderId,
    pub(super) sender: &'a SenderId,
    /// The business portfolio, if it is known.
    pub(super) portfolio: Option<&'a str>,
    /// How marketing goes out, if not as everything else does.
    pub(super) marketing: Option<&'a MarketingMessages>,
}

/// A request that lacks only the id of its attempt.
pub(super) struct Prepared {
    body: Map<String, Value>,
    pub(super) path: EndpointPath,
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
    // Meta sends what it takes, at once.
    if message.send_at.is_some() {
        return Err(Error::unsupported("send_at"));
    }
    let mut body = match &message.content {
        Content::Raw(raw) => raw::members(raw, origin)?,
        content => content::write(content, &message.to, origin)?,
    };
    // What every message has, over what a body of the caller's own may have in its place.
    body.insert("messaging_product".to_owned(), "whatsapp".into());
    address(&mut body, &message.to, origin)?;

    if let Some(hash) = &message.identity_key_hash {
        if message.to.group().is_some() {
            // A group has no key.
            return Err(Error::unsupported("identity_key_hash"));
        }
        body.insert("recipient_identity_key_hash".to_owned(), hash.as_str().into());
    }

    let mut dropped = Vec::new();
    if let Some(quote) = &message.reply_to {
        // A template with a context is sent, and shown without the quote; a reaction with one is refused.
        let quotable = !matches!(message.content, Content::Template(_) | Content::Reaction(_));
        if quotable && quote.message.sender == *origin.sender {
            filled("reply_to", &quote.message.id)?;
            body.insert("context".to_owned(), json!({"message_id": quote.message.id}));
        } else if quote.required {
            return Err(Error::not_portable("reply_to"));
        } else {
            dropped.push(Dropped::new(Wish::Quote));
        }
    }
    let lives = direct_send::write(&mut body, message)?;
    if message.ttl.is_some() && !lives {
        dropped.push(Dropped::new(Wish::Ttl));
    }
    let mut path = EndpointPath::Messages;
    if let Some(marketing) = origin.marketing
        && is_marketing(message, &body)
    {
        marketing.write(&mut body);
        path = EndpointPath::MarketingMessages;
    }
    Ok(Prepared { body, path, dropped })
}

/// Whether the Marketing Messages API takes it: a template, to one user, of which somebody said what it is for.
fn is_marketing(message: &OutboundMessage, body: &Map<String, Value>) -> bool {
    message.category == Some(Category::Marketing)
        && message.to.group().is_none()
        && body.get("type").is_some_and(|kind| kind == "template")
}

/// `{"type":"image","image":{…}}`.
fn typed(kind: &str, value: Value) -> Value {
    json!({"type": kind, kind: value})
}

/// What [`prepare`] carries, for people.
pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        // But for a Direct Send, which lives as long as it is asked to.
        drops: [Wish::Ttl].into(),
        max_text: Some(MAX_TEXT),
        max_caption: Some(MAX_CAPTION),
        mark_read: true,
        show_typing: true,
        ..Capabilities::new(ContentKind::ALL.iter().copied())
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

/// Groups take texts, media and templates of these, and nothing else that the model has.
fn fits_into_groups(content: &Content) -> bool {
    match content {
        Content::Text(_)
        | Content::Image(_)
        | Content::Video(_)
        | Content::Audio(_)
        | Content::Document(_)
        | Content::Sticker(_) => true,
        Content::Template(template) => {
            let mut headers = template.cards.iter().map(|card| &card.header).chain([&template.header]);
            !headers.any(|header| {
                matches!(header, Some(TemplateHeader::Location(_) | TemplateHeader::Product(_)))
            })
        }
        _ => false,
    }
}
