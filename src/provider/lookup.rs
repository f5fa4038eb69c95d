use bytes::Bytes;
#[cfg(any(feature = "meta", feature = "twilio"))]
use http::{HeaderValue, header};

use crate::clock::Timestamp;
use crate::error::{Acceptance, Error, ErrorKind, Failure, Result};
#[cfg(any(feature = "meta", feature = "twilio"))]
use crate::http_client::{Checked, Expected};
use crate::http_client::{HttpError, ResponseBody};
use crate::ids::AttemptId;
use crate::outbound::{OutboundMessage, SendReceipt};

/// The search for a message whose answer was lost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SentQuery {
    /// The attempt that may have been accepted.
    pub attempt: AttemptId,
    /// The message that was sent.
    pub message: OutboundMessage,
    /// When the attempt began.
    pub since: Timestamp,
}

impl SentQuery {
    /// Asks for an attempt.
    pub fn new(attempt: AttemptId, message: OutboundMessage, since: Timestamp) -> Self {
        Self { attempt, message, since }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SentLookup {
    /// The provider has the message.
    Found(Box<SendReceipt>),
    /// The provider refused it.
    Refused(Box<Failure>),
    /// It is not there, or not yet: no proof.
    NotSeen,
    /// Something is there that may be it and may not.
    CannotTell,
}

/// A media file on its way in.
#[derive(Debug)]
#[non_exhaustive]
pub struct MediaStream {
    /// Its media type, as the provider says.
    pub mime_type: Option<String>,
    /// Its size in bytes, if the provider says.
    pub length: Option<u64>,
    /// The content. Its size is limited while it is read, and where the provider says what it should be, the end is an
    /// error if it was something else.
    pub body: ResponseBody,
}

impl MediaStream {
    /// A file about which nothing more is known.
    pub fn new(body: ResponseBody) -> Self {
        Self { mime_type: None, length: None, body }
    }

    /// The file in an answer, held against what was `said` of it and what the answer's head announces. No more than `max`
    /// bytes are let through.
    #[cfg(any(feature = "meta", feature = "twilio"))]
    pub(crate) fn checked(
        answer: http::Response<ResponseBody>,
        said: Expected,
        mime_type: Option<String>,
        max: u64,
    ) -> Result<Self> {
        let (head, body) = answer.into_parts();
        let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let announced = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
        if let Some(length) = announced.filter(|length| *length > max) {
            return Err(Error::over_limit("media", max, length));
        }
        let length = said.length.or(announced);
        let checked = Checked::new(body, Expected { length, ..said }, max);
        let mime_type = mime_type.or_else(|| text(header::CONTENT_TYPE).map(str::to_owned));
        Ok(Self { mime_type, length, body: ResponseBody::new(checked) })
    }

    /// The next piece, or `None` at the end of the whole file.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`](ErrorKind::NoAnswer) if the file breaks off, takes too long, is too large, or is not the one that was
    /// announced; the cause is an [`HttpError`](crate::http_client::HttpError). What was read so far is not the file.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.body.chunk().await.map_err(unreadable)
    }

    /// The whole file.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), or if it is larger than `max_bytes`.
    pub async fn read(self, max_bytes: usize) -> Result<Bytes> {
        self.body.read(max_bytes).await.map_err(unreadable)
    }
}

/// No message is behind it, so nobody can have accepted one.
fn unreadable(error: HttpError) -> Error {
    Error::new(ErrorKind::NoAnswer, Acceptance::NotAccepted).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_cannot_be_read_may_be_fetched_again() {
        let file = || MediaStream::new(ResponseBody::full("hello"));
        let mut pieces = file();
        assert_eq!(pieces.chunk().await.unwrap().unwrap(), "hello");
        assert_eq!(pieces.chunk().await.unwrap(), None);
        assert_eq!(file().read(5).await.unwrap(), "hello");
        let error = file().read(4).await.unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoAnswer, Acceptance::NotAccepted));
        let cause = std::error::Error::source(&error).unwrap();
        assert!(cause.downcast_ref::<HttpError>().is_some());
    }
}
