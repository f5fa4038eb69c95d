use crate::clock::Timestamp;
use crate::error::Failure;
use crate::http_client::ResponseBody;
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
    /// The content; its size is limited while it is read.
    pub body: ResponseBody,
}

impl MediaStream {
    /// A file about which nothing more is known.
    pub fn new(body: ResponseBody) -> Self {
        Self { mime_type: None, length: None, body }
    }
}
