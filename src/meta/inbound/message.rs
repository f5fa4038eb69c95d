//! Messages from users.

use super::content::{self, unsupported};
use super::people::{People, named};
use super::reply::UNKNOWN_REPLY;
use super::system::{self, UNKNOWN_SYSTEM};
use super::{Element, Misread, NO_NUMBER, NO_OBJECT, Post, Reader, Reading, Scope};
use crate::address::GroupId;
use crate::ids::{MessageRef, SenderId};
use crate::inbound::{
    EventId, EventKind, InboundContent, InboundMessage, QuotedMessage, Referral, ReferredProduct, User,
};
use crate::meta::error::{Operation, webhook_failures};
use crate::meta::wire::Object;

pub(super) const NO_ID: &str = "a message without an id";
const NO_GROUP: &str = "its group is not one";

pub(super) fn read(
    reader: &Reader<'_>,
    element: &Element<'_>,
    scope: &Scope,
    people: &People,
    post: Post,
) -> Reading {
    read_named(element, scope, None, |object, id| {
        let kind = kind(reader, object, id, scope, people, post);
        let prefix = match (post, &kind, object.text("type").as_deref()) {
            (Post::Standby, ..) => "standby",
            (_, Ok(EventKind::Identity(_)), _) => "identity",
            (.., Some("edit")) => "edit",
            (.., Some("revoke")) => "revoke",
            _ => "message",
        };
        (prefix, kind)
    })
}

/// An element that brings an id and a time of its own. `read` says what its event's id begins with, and what it is; a
/// `part` of a message has an id that ends with it.
pub(super) fn read_named(
    element: &Element<'_>,
    scope: &Scope,
    part: Option<&str>,
    read: impl FnOnce(&Object<'_>, Option<&str>) -> (&'static str, Result<EventKind, &'static str>),
) -> Reading {
    let Some(object) = Object::read(element.json) else {
        return Reading::odd(NO_OBJECT, scope.what.clone());
    };
    let id = object.text("id");
    let (prefix, kind) = read(&object, id.as_deref());
    Reading {
        id: id.map(|id| EventId::new([prefix, id.as_str()].into_iter().chain(part))),
        kind: kind.map_err(|reason| Misread::new(reason, what(&object, reason))),
        time: object.time("timestamp"),
    }
}

fn kind(
    reader: &Reader<'_>,
    object: &Object<'_>,
    id: Option<&str>,
    scope: &Scope,
    people: &People,
    post: Post,
) -> Result<EventKind, &'static str> {
    let id = id.ok_or(NO_ID)?;
    if object.text("type").as_deref() == Some("system") {
        let mut change = system::read(object, people, reader.portfolio)?;
        change.standby = post == Post::Standby;
        return Ok(change.into());
    }
    let author = author(object, reader.portfolio)?;
    let mut message = message(reader, object, id, scope, people.complete(author), post)?;
    message.standby = post == Post::Standby;
    Ok(message.into())
}

/// A message whose author is known.
pub(super) fn message(
    reader: &Reader<'_>,
    object: &Object<'_>,
    id: &str,
    scope: &Scope,
    author: User,
    post: Post,
) -> Result<InboundMessage, &'static str> {
    let sender = scope.sender.as_ref().ok_or(NO_NUMBER)?;
    let errors = object.get("errors");
    let provider = reader.webhook.provider();
    let failures = errors
        .map(|errors| webhook_failures(Operation::Inbound, provider, errors, false))
        .unwrap_or_default();
    let content = match content::read(reader, object, sender, post) {
        Ok(content) => content,
        // Meta says why there is nothing to read.
        Err(reason) => {
            let nothing_else = |kind: &String| kind == "errors" || !object.has(kind);
            let kind = object.text("type").filter(|kind| !failures.is_empty() && nothing_else(kind));
            unsupported(Some(kind.ok_or(reason)?))
        }
    };
    let mut message = InboundMessage::new(MessageRef::new(sender.clone(), id), author, content);
    match &mut message.content {
        InboundContent::Unsupported(unsupported) => unsupported.failures = failures,
        _ => message.failures = failures,
    }
    message.group = group(object)?;
    if let Some(context) = object.object("context") {
        message.frequently_forwarded = context.flag("frequently_forwarded") == Some(true);
        // Meta sets one of the two; what was passed on many times was passed on.
        message.forwarded = message.frequently_forwarded || context.flag("forwarded") == Some(true);
        message.reply_to = quoted(&context, sender, reader.portfolio);
        message.product = context.object("referred_product").and_then(|product| {
            let catalog = product.text("catalog_id")?;
            Some(ReferredProduct::new(catalog, product.text("product_retailer_id")?))
        });
    }
    message.referral = object.object("referral").map(|advertisement| Box::new(referral(&advertisement)));
    Ok(message)
}

/// What a message that was not understood calls itself: its type, and the type within it where that is the odd one.
fn what(object: &Object<'_>, reason: &'static str) -> Option<String> {
    let kind = object.text("type")?;
    let inner = || object.object(&kind).and_then(|body| body.text("type"));
    match inner().filter(|_| [UNKNOWN_REPLY, UNKNOWN_SYSTEM].contains(&reason)) {
        Some(inner) => Some(format!("{kind}.{inner}")),
        None => Some(kind),
    }
}

/// Who wrote it. A user who shares no number has only an id, and older messages have only a number; a name that is
/// there and is none would make the message somebody else's, or nobody's.
pub(super) fn author(object: &Object<'_>, portfolio: Option<&str>) -> Result<User, &'static str> {
    let user = named(object, ["from", "from_user_id", "from_parent_user_id"], portfolio);
    if user.phone.is_none() && object.has("from") {
        return Err("its sender is not a phone number");
    }
    if user.user.is_none() && object.has("from_user_id") {
        return Err("its sender is not a user id");
    }
    Ok(user)
}

/// The group of a message. Without it an answer would go to one person instead.
pub(super) fn group(object: &Object<'_>) -> Result<Option<GroupId>, &'static str> {
    match object.text("group_id") {
        Some(id) => GroupId::new(id).map(Some).map_err(|_| NO_GROUP),
        None if object.has("group_id") => Err(NO_GROUP),
        None => Ok(None),
    }
}

pub(super) fn quoted(
    context: &Object<'_>,
    sender: &SenderId,
    portfolio: Option<&str>,
) -> Option<QuotedMessage> {
    let mut quoted = QuotedMessage::new(MessageRef::new(sender.clone(), context.text("id")?));
    let author = named(context, ["from", "from_user_id", "from_parent_user_id"], portfolio);
    quoted.author = Some(author).filter(|author| !author.is_unknown());
    Some(quoted)
}

fn referral(advertisement: &Object<'_>) -> Referral {
    let greeting = advertisement.object("welcome_message");
    let media_type = advertisement.text("media_type");
    let (image, video) = (advertisement.text("image_url"), advertisement.text("video_url"));
    let is_video = media_type.as_deref() == Some("video");
    Referral {
        source_url: advertisement.text("source_url"),
        source_id: advertisement.text("source_id"),
        source_type: advertisement.text("source_type"),
        headline: advertisement.text("headline"),
        body: advertisement.text("body"),
        media_type,
        media_id: None,
        media_url: if is_video { video.or(image) } else { image.or(video) },
        thumbnail_url: advertisement.text("thumbnail_url"),
        click_id: advertisement.text("ctwa_clid"),
        welcome_message: greeting.and_then(|greeting| greeting.text("text")),
    }
}
