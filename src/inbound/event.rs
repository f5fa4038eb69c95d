use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::account::AccountNotice;
use super::identity::{IdentityChange, User};
use super::message::{InboundContent, InboundMessage};
use super::status::StatusUpdate;
use crate::address::Recipient;
use crate::clock::Timestamp;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::json::Version1;
use crate::outbound::{Content, OutboundMessage};
use crate::redact::redacted_debug;

/// One item of a webhook.
///
/// As JSON:
///
/// ```
/// # use whatsapp_provider::InboundEvent;
/// let json = r#"{"v":1,"id":"message/wamid.HBgL","provider":"meta","sender":{"provider":"meta","id":"106540352242922"},"received_at":"2026-11-22T10:00:00.000Z","kind":"message","message":{"message":{"sender":{"provider":"meta","id":"106540352242922"},"id":"wamid.HBgL"},"from":{"phone":"+15557654321"},"content":{"type":"text","body":"Hi"}}}"#;
/// let event: InboundEvent = serde_json::from_str(json)?;
/// assert_eq!(serde_json::to_string(&event)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A kind that this version does not know is read as [`EventKind::Unrecognized`], so that an old worker survives a new
/// writer.
#[derive(Clone, PartialEq)]
pub struct InboundEvent {
    id: EventId,
    provider: ProviderId,
    sender: Option<SenderId>,
    occurred_at: Option<Timestamp>,
    received_at: Timestamp,
    assumed: bool,
    kind: EventKind,
    raw: Option<RawPayload>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// A user wrote.
    Message(Box<InboundMessage>),
    /// A message that was sent went on, or failed.
    Status(Box<StatusUpdate>),
    /// A user's names changed.
    Identity(Box<IdentityChange>),
    /// The business itself wrote, from the app or another application. Not a user's message: never answer it.
    Echo(Box<Echo>),
    /// News about the account, the number or a template.
    Account(Box<AccountNotice>),
    /// Something that this version does not understand, with its raw bytes.
    Unrecognized(Box<Unrecognized>),
}

impl EventKind {
    /// The stable name of the kind.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Status(_) => "status",
            Self::Identity(_) => "identity",
            Self::Echo(_) => "echo",
            Self::Account(_) => "account",
            Self::Unrecognized(_) => "unrecognized",
        }
    }
}

macro_rules! kind_from {
    ($($variant:ident($type:ty)),+ $(,)?) => {$(
        impl From<$type> for EventKind {
            fn from(value: $type) -> Self {
                Self::$variant(Box::new(value))
            }
        }
    )+};
}

kind_from! {
    Message(InboundMessage),
    Status(StatusUpdate),
    Identity(IdentityChange),
    Echo(Echo),
    Account(AccountNotice),
    Unrecognized(Unrecognized),
}

/// A message that the business itself sent, by another way than this crate.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Echo {
    /// The message.
    pub message: MessageRef,
    /// Whom it was sent to.
    pub to: User,
    /// What it says.
    pub content: InboundContent,
}

impl Echo {
    /// A message of the business's own.
    pub fn new(message: MessageRef, to: User, content: InboundContent) -> Self {
        Self { message, to, content }
    }
}

/// Something that was not understood.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unrecognized {
    /// What it calls itself, where that could be read: a type, a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Why it was not understood.
    pub reason: String,
    /// The bytes of the element.
    pub raw: RawPayload,
}

impl Unrecognized {
    /// An element, and why it was not understood.
    pub fn new(reason: impl Into<String>, raw: impl Into<RawPayload>) -> Self {
        Self { what: None, reason: reason.into(), raw: raw.into() }
    }

    /// Names what it calls itself.
    #[must_use]
    pub fn with_what(mut self, what: impl Into<String>) -> Self {
        self.what = Some(what.into());
        self
    }
}

/// Bytes as they were received. As JSON: `{"text":"…"}`, or `{"base64":"…"}` where they are not UTF-8.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawPayload(Bytes);

impl RawPayload {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, if they are UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl<T: Into<Bytes>> From<T> for RawPayload {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for RawPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawPayload({} bytes)", self.0.len())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawJson {
    Text(String),
    #[serde(with = "crate::json::base64_bytes")]
    Base64(Bytes),
}

impl Serialize for RawPayload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_text() {
            Some(text) => RawJson::Text(text.to_owned()),
            None => RawJson::Base64(self.0.clone()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawPayload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match RawJson::deserialize(deserializer)? {
            RawJson::Text(text) => Self(text.into()),
            RawJson::Base64(bytes) => Self(bytes),
        })
    }
}

/// The id of an event: `message/wamid.HBgL`, `status/SM12…/read`. Two deliveries of one event have the same id.
///
/// An element that has no id of its own gets `x/<hash of the body>/<place in it>`. `Debug` does not print it, because
/// Meta's message ids contain phone numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// Joins the parts with `/`: the kind of event first, then the provider's id, then what tells several events of
    /// one id apart.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut id = String::new();
        for part in parts {
            if !id.is_empty() {
                id.push('/');
            }
            id.push_str(part);
        }
        Self(id)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl InboundEvent {
    pub(crate) fn new(
        id: EventId,
        provider: ProviderId,
        received_at: Timestamp,
        assumed: bool,
        kind: impl Into<EventKind>,
    ) -> Self {
        Self {
            id,
            provider,
            sender: None,
            occurred_at: None,
            received_at,
            assumed,
            kind: kind.into(),
            raw: None,
        }
    }

    /// The id, the same for every delivery of the event.
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// The provider it came from.
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Which of the business's own senders it is about. News about a whole account names none.
    pub fn sender(&self) -> Option<&SenderId> {
        self.sender.as_ref()
    }

    /// When it happened, where the provider says so (Twilio does not).
    pub fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    /// When the webhook arrived.
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// Whether nobody checked the signature
    /// ([`assume_verified`](crate::VerifiedWebhook::assume_verified)). Nothing learns from such an event.
    pub fn is_assumed(&self) -> bool {
        self.assumed
    }

    /// What it is about.
    pub fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// The element as it was received, if the provider was told to keep it.
    pub fn raw(&self) -> Option<&RawPayload> {
        self.raw.as_ref()
    }

    /// Says which sender it is about.
    #[must_use]
    pub fn with_sender(mut self, sender: SenderId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// Says when it happened.
    #[must_use]
    pub fn with_occurred_at(mut self, occurred_at: Timestamp) -> Self {
        self.occurred_at = Some(occurred_at);
        self
    }

    /// Keeps the element as it was received.
    #[must_use]
    pub fn with_raw(mut self, raw: impl Into<RawPayload>) -> Self {
        self.raw = Some(raw.into());
        self
    }

    /// The user it is about, if there is one.
    pub fn user(&self) -> Option<&User> {
        match &self.kind {
            EventKind::Message(message) => Some(&message.from),
            EventKind::Status(status) => Some(&status.to),
            EventKind::Identity(change) => Some(&change.after),
            EventKind::Echo(echo) => Some(&echo.to),
            EventKind::Account(_) | EventKind::Unrecognized(_) => None,
        }
    }

    /// An answer: to the user (or the group) the event is about, from the sender that received it, quoting the message
    /// where that is possible, and with an idempotency key made of the event's id, so that handling the event again
    /// does not answer twice.
    ///
    /// It is the first step of an answer; further ones are [`reply_step`](Self::reply_step)s.
    pub fn reply(&self, content: impl Into<Content>) -> OutboundMessage {
        self.reply_step(0, content)
    }

    /// One of several answers to the same event, counted from 0.
    pub fn reply_step(&self, step: u32, content: impl Into<Content>) -> OutboundMessage {
        let group = match &self.kind {
            EventKind::Message(message) => message.group.clone().map(Recipient::Group),
            _ => None,
        };
        let to = group.or_else(|| self.user().map(User::recipient)).unwrap_or(Recipient::Unknown);
        let mut reply = OutboundMessage::new(to, content)
            .with_idempotency_key(format!("reply:{}:{step}", self.id.as_str()));
        reply.from.clone_from(&self.sender);
        if let EventKind::Message(message) = &self.kind {
            reply = reply.with_reply_to(message.message.clone());
        }
        reply
    }
}

redacted_debug! {
    InboundEvent { provider, sender, occurred_at, received_at, assumed, kind }
    Echo { message, content }
    Unrecognized { what, raw }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventId([redacted])")
    }
}

impl Serialize for InboundEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &Version1)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("provider", &self.provider)?;
        if let Some(sender) = &self.sender {
            map.serialize_entry("sender", sender)?;
        }
        if let Some(occurred_at) = &self.occurred_at {
            map.serialize_entry("occurred_at", occurred_at)?;
        }
        map.serialize_entry("received_at", &self.received_at)?;
        if self.assumed {
            map.serialize_entry("assumed", &true)?;
        }
        let kind = self.kind.as_str();
        map.serialize_entry("kind", kind)?;
        match &self.kind {
            EventKind::Message(value) => map.serialize_entry(kind, value)?,
            EventKind::Status(value) => map.serialize_entry(kind, value)?,
            EventKind::Identity(value) => map.serialize_entry(kind, value)?,
            EventKind::Echo(value) => map.serialize_entry(kind, value)?,
            EventKind::Account(value) => map.serialize_entry(kind, value)?,
            EventKind::Unrecognized(value) => map.serialize_entry(kind, value)?,
        }
        if let Some(raw) = &self.raw {
            map.serialize_entry("raw", raw)?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
struct EventJson {
    #[serde(default, rename = "v")]
    _v: Version1,
    id: EventId,
    provider: ProviderId,
    sender: Option<SenderId>,
    occurred_at: Option<Timestamp>,
    received_at: Timestamp,
    #[serde(default)]
    assumed: bool,
    kind: String,
    raw: Option<RawPayload>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

impl<'de> Deserialize<'de> for InboundEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut json = EventJson::deserialize(deserializer)?;
        let value = json.rest.remove(&json.kind).unwrap_or_default();
        Ok(Self {
            id: json.id,
            provider: json.provider,
            sender: json.sender,
            occurred_at: json.occurred_at,
            received_at: json.received_at,
            assumed: json.assumed,
            kind: read_kind(&json.kind, value),
            raw: json.raw,
        })
    }
}

fn read_kind(name: &str, value: serde_json::Value) -> EventKind {
    fn read<T: serde::de::DeserializeOwned + Into<EventKind>>(
        value: &serde_json::Value,
    ) -> Option<EventKind> {
        T::deserialize(value).ok().map(Into::into)
    }
    let known = match name {
        "message" => read::<InboundMessage>(&value),
        "status" => read::<StatusUpdate>(&value),
        "identity" => read::<IdentityChange>(&value),
        "echo" => read::<Echo>(&value),
        "account" => read::<AccountNotice>(&value),
        "unrecognized" => read::<Unrecognized>(&value),
        _ => None,
    };
    known.unwrap_or_else(|| {
        Unrecognized::new("a kind of event that this version does not know", value.to_string())
            .with_what(name)
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#""v":1,"id":"poll/1","provider":"meta","received_at":"2026-11-22T10:00:00.000Z""#;

    #[test]
    fn kinds_of_a_newer_writer_are_kept_whole() {
        for (kind, value) in [
            ("poll", r#"{"question":"?"}"#),
            (
                "message",
                r#"{"message":{"sender":{"provider":"meta","id":"1"},"id":"2"},"from":{},"content":{"type":"hologram"}}"#,
            ),
        ] {
            let json = format!(r#"{{{HEAD},"kind":"{kind}","{kind}":{value},"new_field":1}}"#);
            let event: InboundEvent = serde_json::from_str(&json).unwrap();
            let EventKind::Unrecognized(unrecognized) = event.kind() else { panic!("{event:?}") };
            assert_eq!(unrecognized.what.as_deref(), Some(kind));
            let kept: serde_json::Value = serde_json::from_slice(unrecognized.raw.as_bytes()).unwrap();
            assert_eq!(kept, serde_json::from_str::<serde_json::Value>(value).unwrap());
        }
        assert!(
            serde_json::from_str::<InboundEvent>(
                &format!(r#"{{{HEAD},"kind":"poll"}}"#).replace("\"v\":1", "\"v\":2")
            )
            .is_err()
        );
    }

    #[test]
    fn raw_bytes_survive_json() {
        for bytes in [&b"text"[..], b"", b"\xff\xfe"] {
            let raw = RawPayload::from(bytes.to_vec());
            let json = serde_json::to_string(&raw).unwrap();
            assert_eq!(serde_json::from_str::<RawPayload>(&json).unwrap(), raw);
        }
    }
}
