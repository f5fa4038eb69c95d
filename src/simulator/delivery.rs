use bytes::Bytes;
use http::{Method, StatusCode};

use super::accounts::Side;
use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::ids::AttemptId;
use crate::outbound::{Content, FileBytes};
use crate::redact::redacted_debug;

/// A message that reached a user.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// The provider that carried it.
    pub side: Side,
    /// The user.
    pub to: PhoneNumber,
    /// The id that the provider answered with.
    pub message_id: String,
    /// What it says, read back from the request.
    ///
    /// A provider's form has less than ours, so some of it comes back in a normal form. Meta: an authentication
    /// template is one whose only parameters are one text of the body and the same text behind button 0; a type that
    /// [`Content`] does not have is [`Content::Raw`] without recipient and ids. Twilio: the kind of a media file
    /// follows from the ending of its address (a document where that says nothing); the `Body` of a location is its
    /// name and the label of its point is its address, unless that is the name again; a message that names a content is
    /// a template if the content is approved, and what the content's type says if it is not.
    ///
    /// A file that was uploaded is named by its id, whether the message brought it along or not.
    pub content: Content,
    /// The files that the message names by an id, in its order, as Meta had them then.
    pub files: Vec<FileBytes>,
    /// The attempt that sent it, if its id was on the wire.
    pub attempt: Option<AttemptId>,
    /// The caller's own name for it, if that was on the wire.
    pub reference: Option<String>,
    /// The hash that the user's identity key must have, if the request named one. Users have no keys here: whatever the hash
    /// is, the message is delivered.
    pub identity_key_hash: Option<String>,
    /// When the provider accepted it. If it was asked to send it later, that time: it is listed already, unless it is called
    /// back before.
    pub at: Timestamp,
}

/// A request that arrived at one of the two APIs.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulatedRequest {
    /// Whose API it was for.
    pub side: Side,
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, if there was one.
    pub query: Option<String>,
    /// The body.
    pub body: Bytes,
    /// When it arrived.
    pub at: Timestamp,
    /// Whether the provider did what it asks, whether or not the answer came back.
    pub accepted: bool,
    /// The status of the answer, if one was sent.
    pub answer: Option<StatusCode>,
}

redacted_debug! {
    Delivery { side, content, attempt, at }
    SimulatedRequest { side, method, at, accepted, answer }
}
