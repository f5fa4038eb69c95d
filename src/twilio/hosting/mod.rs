//! Files that a message brings along. Twilio keeps no files for sending: it fetches them from wherever they are.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

mod cache;
mod kind;
mod vcard;

#[cfg(feature = "simulator")]
pub(crate) use vcard::write as write_vcard;

use super::account::Account;
use crate::clock::timeout;
use crate::error::{Acceptance, Error, ErrorKind, Hint, Result};
use crate::outbound::{
    Attempt, Contacts, Content, FileBytes, FileKind, Link, Media, OutboundMessage, Remaining, files,
    files_mut, validate,
};
use cache::{FileKey, Hosted};
use kind::check;

/// Where files are, until they are.
const STAND_IN: &str = "https://files.invalid/";

/// The most bytes of a contact card, as of any document.
const MAX_CARD: usize = kind::MAX_BYTES;

/// Keeps files at an address where Twilio can fetch them.
///
/// Twilio takes no files, only addresses. Whoever has a place for files on the web (a bucket, a folder of a web server)
/// puts it behind this trait, and [`Media::Bytes`](crate::outbound::Media::Bytes) and contact cards go out by Twilio as
/// well. A file is hosted before its message leaves; if that fails, the message has not been accepted.
///
/// # Contract
///
/// * The address is `https`, needs no credentials and does not redirect, and answers with the file's media type: by that
///   Twilio decides what is shown, and it does not look at the name. A key in the address is fine.
/// * It serves the file for a day at least. It is given to other messages with the same file for an hour, and Twilio may
///   keep a message for ten hours before it fetches.
/// * Nobody can guess it: whoever has the address has the file.
///
/// ```
/// use async_trait::async_trait;
/// use whatsapp_provider::outbound::{FileBytes, Link};
/// use whatsapp_provider::twilio::{MediaHost, MediaHostError};
///
/// # #[derive(Debug)]
/// # struct Bucket;
/// # impl Bucket {
/// #     fn random_key(&self) -> String { String::new() }
/// #     async fn put(&self, _: &str, _: &str, _: bytes::Bytes) -> Result<(), std::io::Error> { Ok(()) }
/// # }
/// #[derive(Debug)]
/// struct Files {
///     bucket: Bucket,
/// }
///
/// #[async_trait]
/// impl MediaHost for Files {
///     async fn host(&self, file: &FileBytes, _name: &str) -> Result<Link, MediaHostError> {
///         let key = self.bucket.random_key();
///         self.bucket.put(&key, &file.mime_type, file.data.clone()).await?;
///         Ok(format!("https://files.example.com/{key}").parse()?)
///     }
/// }
/// ```
#[async_trait]
pub trait MediaHost: std::fmt::Debug + Send + Sync + 'static {
    /// Keeps `file` and answers where it is. `name` is the name that the message gives it, or one with the ending of its
    /// type; it may have been written by anybody and is no safe path.
    ///
    /// # Errors
    ///
    /// Whatever went wrong, in words that are fit for a log. The send fails as
    /// [`Unavailable`](crate::ErrorKind::Unavailable) and not accepted, with this as its source, and a failover goes on to
    /// the next provider.
    async fn host(&self, file: &FileBytes, name: &str) -> Result<Link, MediaHostError>;
}

/// Why a file could not be kept.
pub type MediaHostError = Box<dyn std::error::Error + Send + Sync>;

/// A host, and what it was given.
#[derive(Debug)]
pub(super) struct Hosting {
    host: Arc<dyn MediaHost>,
    hosted: Hosted,
}

impl Hosting {
    pub(super) fn new(host: Arc<dyn MediaHost>) -> Self {
        Self { host, hosted: Hosted::default() }
    }
}

/// The message as it would be with its files at some address, so that everything else about it can be looked at. `None` if
/// it brings none along.
///
/// # Errors
///
/// What no provider could carry, and what is wrong with the files.
pub(super) fn with_stand_ins(message: &OutboundMessage) -> Result<Option<OutboundMessage>> {
    let Some(mut message) = with_files(message)? else {
        return Ok(None);
    };
    let link = Link::new(STAND_IN).map_err(|_| Error::unsupported("content.media"))?;
    for place in files_mut(&mut message.content) {
        if let Some(file) = brought(place.kind, place.media) {
            check(place.kind, &place.field, file, place.name)?;
            *place.media = Media::Link(link.clone());
        }
    }
    Ok(Some(message))
}

/// A file, if the message brings it along. Twilio has no stickers.
fn brought(kind: FileKind, media: &Media) -> Option<&FileBytes> {
    match media {
        Media::Bytes(file) if kind != FileKind::Sticker => Some(file),
        _ => None,
    }
}

/// The message with a contact card as a file. `None` if it brings no files along.
fn with_files(message: &OutboundMessage) -> Result<Option<OutboundMessage>> {
    let is_card = matches!(message.content, Content::Contacts(_));
    if !is_card && files(&message.content).iter().all(|place| brought(place.kind, place.media).is_none()) {
        return Ok(None);
    }
    // What is wrong with the message for everybody comes before what is wrong with its files for Twilio.
    validate(message)?;
    if message.send_at.is_some() {
        // Nobody knows whether the file is still there when Twilio fetches it.
        return Err(Error::unsupported("send_at"));
    }
    Ok(Some(match &message.content {
        Content::Contacts(contacts) => message.with_only(&Content::document(card_file(contacts)?)),
        content => message.with_only(content),
    }))
}

/// Of several files in one message WhatsApp gets the first, and nobody says what it makes of several cards in one file.
fn card_file(contacts: &Contacts) -> Result<FileBytes> {
    let [card] = contacts.cards.as_slice() else {
        return Err(Error::over_limit("content.cards", 1, contacts.cards.len() as u64));
    };
    let text = vcard::write(card);
    if text.len() > MAX_CARD {
        return Err(Error::over_limit("content.cards[0]", MAX_CARD as u64, text.len() as u64));
    }
    Ok(FileBytes::new(text, "text/vcard"))
}

impl Account {
    /// The message with its files at addresses, and the attempt with the time that is left for it. `None` if it brings no
    /// files along.
    ///
    /// # Errors
    ///
    /// As the host fails, or if the time runs out. The message has not left.
    pub(super) async fn with_hosted(
        &self,
        message: &OutboundMessage,
        attempt: &Attempt,
    ) -> Result<Option<(OutboundMessage, Attempt)>> {
        let Some(hosting) = self.hosting.as_deref() else {
            return Ok(None);
        };
        let Some(mut message) = with_files(message)? else {
            return Ok(None);
        };
        let remaining = Remaining::of(attempt, &*self.clock);
        let left = || remaining.left().map_err(|error| error.with_hint(Hint::Beside));
        for place in files_mut(&mut message.content) {
            if let Some(file) = brought(place.kind, place.media) {
                let left = left()?.unwrap_or(self.limits.total);
                let name = check(place.kind, &place.field, file, place.name)?;
                let link = self.host(hosting, file, &name, left).await;
                *place.media = Media::Link(link.map_err(|error| error.with_field(place.field))?);
            }
        }
        let mut attempt = attempt.clone();
        attempt.deadline = left()?;
        Ok(Some((message, attempt)))
    }

    async fn host(&self, hosting: &Hosting, file: &FileBytes, name: &str, left: Duration) -> Result<Link> {
        let key = FileKey::new(file, name);
        if let Some(link) = hosting.hosted.find(&key, self.clock.elapsed()) {
            return Ok(link);
        }
        let answer = timeout(&*self.clock, left, hosting.host.host(file, name)).await;
        let link = answer.ok_or_else(unhosted)?.map_err(|error| unhosted().with_source(error))?;
        hosting.hosted.note(key, link.clone(), self.clock.elapsed());
        Ok(link)
    }
}

/// The message has not left, and Twilio has nothing to do with it.
fn unhosted() -> Error {
    Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_hint(Hint::Beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_are_brought_along_and_no_stickers() {
        let bytes = Media::from(FileBytes::new("x", "image/webp"));
        let link = Media::from(Link::new("https://files.example/a.png").unwrap());
        for kind in [FileKind::Image, FileKind::Video, FileKind::Audio, FileKind::Document] {
            assert!(brought(kind, &bytes).is_some() && brought(kind, &link).is_none());
        }
        assert_eq!(brought(FileKind::Sticker, &bytes), None);
        let sticker = OutboundMessage::new(crate::Recipient::Unknown, Content::sticker(bytes));
        assert!(matches!(with_files(&sticker), Ok(None)));
    }
}
