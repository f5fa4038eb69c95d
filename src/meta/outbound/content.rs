//! Contents of messages.

use serde_json::{Map, Value, json};

use super::limits::{MAX_CAPTION, MAX_TEXT};
use super::{Origin, contacts, fits_into_groups, interactive, template};
use crate::address::Recipient;
use crate::error::{Error, Result};
use crate::outbound::{Content, Field, Location, Media, Reaction, chars_between, present};

/// The `type` of a content and the member of that name.
pub(super) fn write(content: &Content, to: &Recipient, origin: &Origin<'_>) -> Result<Map<String, Value>> {
    if to.group().is_some() && !fits_into_groups(content) {
        return Err(Error::unsupported("content"));
    }
    let (kind, value) = match content {
        Content::Text(text) => {
            chars_between("content.body", &text.body, MAX_TEXT)?;
            let mut object = Map::new();
            object.insert("body".to_owned(), text.body.as_str().into());
            if let Some(preview) = text.preview_url {
                object.insert("preview_url".to_owned(), preview.into());
            }
            ("text", object.into())
        }
        Content::Image(image) => ("image", captioned(&image.media, present(&image.caption), origin)?.into()),
        Content::Video(video) => ("video", captioned(&video.media, present(&video.caption), origin)?.into()),
        Content::Audio(audio) => {
            let mut object = media(&audio.media, "content.media", origin)?;
            if audio.voice {
                object.insert("voice".to_owned(), true.into());
            }
            ("audio", object.into())
        }
        Content::Document(document) => {
            let mut object = captioned(&document.media, present(&document.caption), origin)?;
            filename(&mut object, &document.filename);
            ("document", object.into())
        }
        Content::Sticker(sticker) => ("sticker", media(&sticker.media, "content.media", origin)?.into()),
        Content::Location(place) => ("location", location(place).into()),
        Content::Contacts(contacts) => ("contacts", contacts::write(&contacts.cards)?),
        Content::Reaction(reaction) => ("reaction", react(reaction, origin)?),
        Content::Interactive(interactive) => ("interactive", interactive::write(interactive, origin)?.into()),
        Content::Template(template) => ("template", template::write(template, origin)?.into()),
        // Written by whoever asks for it, because it has more members than these.
        Content::Raw(_) => return Err(Error::unsupported("content")),
    };
    Ok(Map::from_iter([("type".to_owned(), kind.into()), (kind.to_owned(), value)]))
}

/// An emoji on a message that was sent or received here; no emoji takes it away again.
fn react(reaction: &Reaction, origin: &Origin<'_>) -> Result<Value> {
    if reaction.message.sender != *origin.sender {
        return Err(Error::not_portable("content.message"));
    }
    let emoji = reaction.emoji.as_deref().unwrap_or_default();
    Ok(json!({"message_id": reaction.message.id, "emoji": emoji}))
}

/// A file: its address, or the id that it has at this sender.
pub(super) fn media(
    media: &Media,
    field: impl Into<Field>,
    origin: &Origin<'_>,
) -> Result<Map<String, Value>> {
    let (name, value) = match media {
        Media::Link(link) => ("link", link.as_str()),
        Media::Id(id) if id.sender != *origin.sender => return Err(Error::not_portable(field)),
        Media::Id(id) if id.id.is_empty() => return Err(Error::invalid(field)),
        Media::Id(id) => ("id", id.id.as_str()),
        // Files are uploaded before a message comes here, and have ids then.
        Media::Bytes(_) => return Err(Error::unsupported(field)),
    };
    Ok(Map::from_iter([(name.to_owned(), value.into())]))
}

fn captioned(file: &Media, caption: Option<&str>, origin: &Origin<'_>) -> Result<Map<String, Value>> {
    let mut object = media(file, "content.media", origin)?;
    if let Some(caption) = caption {
        chars_between("content.caption", caption, MAX_CAPTION)?;
        object.insert("caption".to_owned(), caption.into());
    }
    Ok(object)
}

/// The name a file is shown with. Meta documents no limit.
pub(super) fn filename(object: &mut Map<String, Value>, name: &Option<String>) {
    if let Some(name) = present(name) {
        object.insert("filename".to_owned(), name.into());
    }
}

/// A place that `validate` or the caller has looked at. The coordinates are written as numbers, in as many digits
/// as it takes to read back the same ones.
pub(super) fn location(place: &Location) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("latitude".to_owned(), place.latitude.into());
    object.insert("longitude".to_owned(), place.longitude.into());
    for (name, text) in [("name", &place.name), ("address", &place.address)] {
        if let Some(text) = present(text) {
            object.insert(name.to_owned(), text.into());
        }
    }
    object
}
