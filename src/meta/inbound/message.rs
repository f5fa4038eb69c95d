//! Messages from users.

use std::time::Duration;

use super::contacts::Contacts;
use super::{Element, Misread, NO_OBJECT, Reader, Reading, Scope};
use crate::address::GroupId;
use crate::ids::{MediaRef, MessageRef, SenderId};
use crate::inbound::{
    ButtonReply, EventId, InboundContent, InboundMedia, InboundMessage, InboundReaction, ListReply,
    QuotedMessage, Referral, ReferredProduct, User,
};
use crate::meta::wire::Object;
use crate::outbound::Location;

/// How long Meta keeps a file that a user sent.
const MEDIA_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

const UNKNOWN_TYPE: &str = "a type that is not read";
const UNKNOWN_REPLY: &str = "a reply that is not read";
const NO_BODY: &str = "its body is missing or not as it should be";

pub(super) fn read(
    reader: &Reader<'_>,
    element: &Element<'_>,
    scope: &Scope,
    contacts: &Contacts,
) -> Reading {
    let Some(object) = Object::read(element.json) else {
        return Reading { id: None, kind: Err(Misread::new(NO_OBJECT, scope.what.clone())), time: None };
    };
    let id = object.text("id");
    let kind = message(reader, &object, id.as_deref(), scope, contacts);
    Reading {
        id: id.map(|id| EventId::new(["message", id.as_str()])),
        kind: kind.map(Into::into).map_err(|reason| Misread::new(reason, object.text("type"))),
        time: object.time("timestamp"),
    }
}

fn message(
    reader: &Reader<'_>,
    object: &Object<'_>,
    id: Option<&str>,
    scope: &Scope,
    contacts: &Contacts,
) -> Result<InboundMessage, &'static str> {
    let id = id.ok_or("a message without an id")?;
    let sender = scope.sender.as_ref().ok_or("the webhook does not say which number it is for")?;
    let from = author(object, reader.portfolio)?;
    let content = content(reader, object, sender)?;
    let mut message =
        InboundMessage::new(MessageRef::new(sender.clone(), id), contacts.complete(from), content);
    message.group = match object.text("group_id") {
        // An answer would go to one person instead of the group.
        Some(id) => Some(GroupId::new(id).map_err(|_| "its group is not one")?),
        None if object.has("group_id") => return Err("its group is not one"),
        None => None,
    };
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

/// Who wrote it. A user who shares no number has only an id, and older messages have only a number; a name that is
/// there and is none would make the message somebody else's, or nobody's.
fn author(object: &Object<'_>, portfolio: Option<&str>) -> Result<User, &'static str> {
    let user = User {
        phone: object.phone("from"),
        user: object.user("from_user_id", portfolio),
        parent_user: object.user("from_parent_user_id", None),
        ..User::default()
    };
    if user.phone.is_none() && object.has("from") {
        return Err("its sender is not a phone number");
    }
    if user.user.is_none() && object.has("from_user_id") {
        return Err("its sender is not a user id");
    }
    Ok(user)
}

fn quoted(context: &Object<'_>, sender: &SenderId, portfolio: Option<&str>) -> Option<QuotedMessage> {
    let mut quoted = QuotedMessage::new(MessageRef::new(sender.clone(), context.text("id")?));
    let author = User {
        phone: context.phone("from"),
        user: context.user("from_user_id", portfolio),
        parent_user: context.user("from_parent_user_id", None),
        ..User::default()
    };
    quoted.author = Some(author).filter(|author| !author.is_unknown());
    Some(quoted)
}

fn referral(advertisement: &Object<'_>) -> Referral {
    let greeting = advertisement.object("welcome_message");
    Referral {
        source_url: advertisement.text("source_url"),
        source_id: advertisement.text("source_id"),
        source_type: advertisement.text("source_type"),
        headline: advertisement.text("headline"),
        body: advertisement.text("body"),
        media_type: advertisement.text("media_type"),
        media_url: advertisement.text("image_url").or_else(|| advertisement.text("video_url")),
        thumbnail_url: advertisement.text("thumbnail_url"),
        click_id: advertisement.text("ctwa_clid"),
        welcome_message: greeting.and_then(|greeting| greeting.text("text")),
    }
}

fn content(
    reader: &Reader<'_>,
    object: &Object<'_>,
    sender: &SenderId,
) -> Result<InboundContent, &'static str> {
    let kind = object.text("type").ok_or("a message without a type")?;
    let media: Option<fn(InboundMedia) -> InboundContent> = match kind.as_str() {
        "image" => Some(InboundContent::Image),
        "video" => Some(InboundContent::Video),
        "audio" => Some(InboundContent::Audio),
        "document" => Some(InboundContent::Document),
        "sticker" => Some(InboundContent::Sticker),
        "text" | "location" | "button" | "interactive" | "reaction" => None,
        _ => return Err(UNKNOWN_TYPE),
    };
    let body = object.object(&kind).ok_or(NO_BODY)?;
    if let Some(media) = media {
        return file(reader, &body, sender).map(media).ok_or(NO_BODY);
    }
    match kind.as_str() {
        "text" => body.string("body").map(InboundContent::text),
        "location" => location(&body).map(InboundContent::Location),
        "button" => template_button(&body).map(InboundContent::Button),
        "reaction" => body.text("message_id").map(|id| {
            let message = MessageRef::new(sender.clone(), id);
            // Removed if there is no emoji, or an empty one.
            InboundContent::Reaction(InboundReaction::new(message, body.text("emoji")))
        }),
        _ => return reply(&body),
    }
    .ok_or(NO_BODY)
}

fn file(reader: &Reader<'_>, body: &Object<'_>, sender: &SenderId) -> Option<InboundMedia> {
    let received = reader.webhook.request().received_at;
    let media =
        MediaRef::new(sender.clone(), body.text("id")?).with_expiry(received.saturating_add(MEDIA_KEPT));
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

fn reply(body: &Object<'_>) -> Result<InboundContent, &'static str> {
    let kind = body.text("type").ok_or(NO_BODY)?;
    let chosen = match kind.as_str() {
        "button_reply" | "list_reply" => body.object(&kind).ok_or(NO_BODY)?,
        _ => return Err(UNKNOWN_REPLY),
    };
    let id = chosen.text("id").ok_or(NO_BODY)?;
    let title = chosen.text("title").unwrap_or_default();
    Ok(if kind == "button_reply" {
        InboundContent::Button(ButtonReply::new(id, title))
    } else {
        let mut row = ListReply::new(id, title);
        row.description = chosen.text("description");
        InboundContent::ListReply(row)
    })
}
