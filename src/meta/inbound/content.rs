//! What a message says, whoever wrote it.

use std::time::Duration;

use super::{NO_BODY, Post, Reader, cards, order, reply};
use crate::clock::Timestamp;
use crate::ids::{MediaRef, MessageRef, SenderId};
use crate::inbound::{ButtonReply, Edit, InboundContent, InboundMedia, InboundReaction, Unsupported};
use crate::meta::wire::Object;
use crate::outbound::Location;

/// How long Meta keeps a file that a user sent.
const MEDIA_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) const UNKNOWN_TYPE: &str = "a type that is not read";

/// What a message says, by its type.
pub(super) fn read(
    reader: &Reader<'_>,
    message: &Object<'_>,
    sender: &SenderId,
    post: Post,
) -> Result<InboundContent, &'static str> {
    let kind = message.text("type").ok_or("a message without a type")?;
    let there_since = there_since(reader, message, post);
    let content = match kind.as_str() {
        "edit" => edit(message, sender, there_since)?,
        "revoke" => original(message, &kind, sender).map(InboundContent::revoke),
        kind => return of_kind(message, kind, sender, there_since),
    };
    content.ok_or(NO_BODY)
}

/// Since when Meta has the files of a message. A webhook that comes again makes them no younger. Those of a history are
/// uploaded when the history is posted, however old its messages are.
fn there_since(reader: &Reader<'_>, message: &Object<'_>, post: Post) -> Timestamp {
    let received = reader.webhook.request().received_at;
    let said = message.time("timestamp").filter(|_| post != Post::History);
    said.map_or(received, |time| time.min(received))
}

/// What a message of any type says that does not change another message.
fn of_kind(
    message: &Object<'_>,
    kind: &str,
    sender: &SenderId,
    there_since: Timestamp,
) -> Result<InboundContent, &'static str> {
    let body = || message.object(kind);
    let media = || body().and_then(|body| file(&body, sender, there_since));
    let content = match kind {
        "text" => body().and_then(|body| body.string("body")).map(InboundContent::text),
        "image" => media().map(InboundContent::Image),
        "video" => media().map(InboundContent::Video),
        "audio" => media().map(InboundContent::Audio),
        "document" => media().map(InboundContent::Document),
        "sticker" => media().map(InboundContent::Sticker),
        "location" => body().as_ref().and_then(location).map(InboundContent::Location),
        "contacts" => message.get(kind).and_then(cards::read).map(InboundContent::contacts),
        "button" => body().as_ref().and_then(template_button).map(InboundContent::Button),
        "interactive" => return reply::read(&body().ok_or(NO_BODY)?),
        "order" => body().as_ref().and_then(order::read).map(InboundContent::Order),
        "reaction" => body().and_then(|body| reaction(&body, sender)).map(InboundContent::Reaction),
        "unsupported" => Some(unsupported(body().and_then(|body| body.text("type")))),
        // In a history it stands for a file that is posted by itself, or not at all.
        "media_placeholder" => Some(unsupported(Some(kind.to_owned()))),
        _ => return Err(UNKNOWN_TYPE),
    };
    content.ok_or(NO_BODY)
}

pub(super) fn unsupported(what: Option<String>) -> InboundContent {
    InboundContent::Unsupported(Unsupported::new(what))
}

/// A new wording, which is never itself an edit or a removal: nothing here goes deeper than that.
fn edit(
    message: &Object<'_>,
    sender: &SenderId,
    there_since: Timestamp,
) -> Result<Option<InboundContent>, &'static str> {
    let body = message.object("edit").ok_or(NO_BODY)?;
    let original = original(message, "edit", sender).ok_or(NO_BODY)?;
    let new = body.object("message").ok_or(NO_BODY)?;
    let kind = new.text("type").ok_or(NO_BODY)?;
    let content = of_kind(&new, &kind, sender, there_since)?;
    Ok(Some(InboundContent::Edit(Edit::new(original, content))))
}

/// The message that an edit or a removal is about.
fn original(message: &Object<'_>, kind: &str, sender: &SenderId) -> Option<MessageRef> {
    let id = message.object(kind)?.text("original_message_id")?;
    Some(MessageRef::new(sender.clone(), id))
}

fn file(body: &Object<'_>, sender: &SenderId, there_since: Timestamp) -> Option<InboundMedia> {
    let media =
        MediaRef::new(sender.clone(), body.text("id")?).with_expiry(there_since.saturating_add(MEDIA_KEPT));
    let mut file = InboundMedia::new(media);
    file.mime_type = body.text("mime_type");
    file.sha256 = body.text("sha256");
    file.caption = body.text("caption");
    file.filename = body.text("filename");
    file.voice = body.flag("voice");
    file.animated = body.flag("animated");
    file.url = body.text("url");
    Some(file)
}

fn location(body: &Object<'_>) -> Option<Location> {
    let degrees = |name| body.number(name).filter(|degrees: &f64| degrees.is_finite());
    let mut location = Location::new(degrees("latitude")?, degrees("longitude")?);
    location.name = body.text("name");
    location.address = body.text("address");
    location.url = body.text("url");
    Some(location)
}

/// A quick reply of a template. The payload is the button's text where the sender of the template gave none.
fn template_button(body: &Object<'_>) -> Option<ButtonReply> {
    let title = body.text("text");
    let id = body.text("payload").or_else(|| title.clone())?;
    let mut button = ButtonReply::new(id, title.unwrap_or_default());
    button.of_template = true;
    Some(button)
}

/// An emoji on a message. It is taken away if there is none, or an empty one.
fn reaction(body: &Object<'_>, sender: &SenderId) -> Option<InboundReaction> {
    let message = MessageRef::new(sender.clone(), body.text("message_id")?);
    Some(InboundReaction::new(message, body.text("emoji")))
}
