//! Files: up, down, and along with a message.

use http::Method;

mod cache;
mod fetch;
mod kind;
mod multipart;
mod outgoing;
#[cfg(test)]
mod tests;
mod upload;

pub use kind::MediaKind;
pub use upload::MediaUpload;

pub(super) use cache::Uploads;

use super::MetaCloud;
use super::wire::Object;
use crate::error::{Acceptance, Error, Result};
use crate::ids::MediaRef;
use crate::provider::MediaStream;
use crate::redact::redacted_debug;

/// What Meta says of a file that it keeps.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaInfo {
    /// Where it is, for five minutes and for who has the token. [`fetch_media`](crate::WhatsAppProvider::fetch_media)
    /// follows it with care; send no token there by hand without looking at the host.
    pub url: String,
    /// Its media type, with parameters where there are any.
    pub mime_type: Option<String>,
    /// Its size in bytes.
    pub length: Option<u64>,
    /// Its SHA-256, as Meta wrote it: in hexadecimal digits or in base64.
    pub sha256: Option<String>,
}

redacted_debug! { MediaInfo { mime_type, length } }

impl MetaCloud {
    /// Uploads a file, which Meta keeps for 30 days ([`MediaRef::expires_at`]) and only this number can send.
    ///
    /// A message can bring its file along by itself, as [`FileBytes`](crate::outbound::FileBytes); this is for files that
    /// are too large for the memory, or that are there before their messages.
    ///
    /// ```no_run
    /// # use whatsapp_provider::{Content, MetaCloud, OutboundMessage, PhoneNumber, WhatsAppProvider};
    /// # async fn run(meta: MetaCloud, to: PhoneNumber) -> Result<(), Box<dyn std::error::Error>> {
    /// use whatsapp_provider::outbound::FileBytes;
    ///
    /// let menu = meta.upload_media(FileBytes::new(std::fs::read("menu.pdf")?, "application/pdf")).await?;
    /// meta.send(&OutboundMessage::new(to, Content::document(menu))).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// From a stream, here of chunks that come from anywhere:
    ///
    /// ```no_run
    /// # use whatsapp_provider::MetaCloud;
    /// # async fn run(
    /// #     meta: MetaCloud,
    /// #     chunks: impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static,
    /// #     length: u64,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::TryStreamExt;
    /// use http_body::Frame;
    /// use http_body_util::StreamBody;
    /// use whatsapp_provider::meta::MediaUpload;
    ///
    /// let body = StreamBody::new(chunks.map_ok(Frame::data));
    /// let film = meta.upload_media(MediaUpload::stream(body, length, "video/mp4")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before any request: [`Unsupported`](crate::ErrorKind::Unsupported) for a file that is too large or of a type that
    /// its [`MediaKind`] does not take (the limit is in bytes), [`InvalidMessage`](crate::ErrorKind::InvalidMessage) for
    /// one without bytes or whose media type is none. Otherwise as Meta answers. No message is behind it, so it is never
    /// in doubt whether one was accepted.
    pub async fn upload_media(&self, file: impl Into<MediaUpload>) -> Result<MediaRef> {
        let upload = file.into();
        let result = match self.sending() {
            Ok(sending) => self.upload(sending, upload, self.shared.media_limits).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| self.named(error))
    }

    /// Asks what Meta knows of a file, and for its address.
    ///
    /// # Errors
    ///
    /// [`MediaExpired`](crate::ErrorKind::MediaExpired) if Meta does not keep it (any longer),
    /// [`NotPortable`](crate::ErrorKind::NotPortable) if it is another sender's; otherwise as Meta answers.
    pub async fn look_up_media(&self, media: &MediaRef) -> Result<MediaInfo> {
        let result = match self.sending() {
            Ok(sending) => self.look_up(sending, media, self.shared.limits).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| self.named(error))
    }

    /// Deletes a file before its time. Messages that were sent with it keep it.
    ///
    /// # Errors
    ///
    /// [`MediaExpired`](crate::ErrorKind::MediaExpired) if Meta does not keep it (any longer),
    /// [`NotPortable`](crate::ErrorKind::NotPortable) if it is another sender's; otherwise as Meta answers.
    pub async fn delete_media(&self, media: &MediaRef) -> Result<()> {
        // Whatever comes of it, no later message is to rely on it.
        self.shared.uploads.forget(media);
        let result = match self.sending() {
            Ok(sending) => {
                let gone = |answer: &Object<'_>| (answer.flag("success") == Some(true)).then_some(());
                self.ask_about(sending, Method::DELETE, media, self.shared.limits, gone).await
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| self.named(error))
    }

    pub(super) async fn fetch_file(&self, media: &MediaRef) -> Result<MediaStream> {
        let result = match self.sending() {
            Ok(sending) => self.fetch(sending, media).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| self.named(error))
    }

    fn named(&self, error: Error) -> Error {
        error.with_provider(self.shared.id.clone())
    }
}

/// An error of a request that sends no message: whatever became of it, no message was accepted, and whoever tries again
/// sends nothing twice.
fn harmless(error: Error) -> Error {
    error.with_acceptance(Acceptance::NotAccepted)
}
