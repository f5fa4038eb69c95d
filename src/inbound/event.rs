use std::fmt;

use serde::{Deserialize, Serialize};

use super::account::AccountNotice;
use super::content::InboundContent;
use super::identity::{IdentityChange, User};
use super::message::{InboundMessage, QuotedMessage};
use super::status::{DeliveryState, StatusUpdate};
use super::unrecognized::{RawPayload, Unrecognized};
use crate::address::GroupId;
use crate::clock::Timestamp;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::redact::redacted_debug;

/// One item of a webhook.
///
/// As JSON:
///
/// ```
/// # use whatsapp_provider::InboundEvent;
/// let json = r#"{"v":1,"id":"message/wamid.HBgL","provider":"meta","sender":{"provider":"meta","id":"106540352242922"},"received_at":"2026-11-22T10:00:00.000Z","kind":"message","message":{"from":{"phone":"+15557654321"},"content":{"type":"text","body":"Hi"}}}"#;
/// let event: InboundEvent = serde_json::from_str(json)?;
/// assert_eq!(serde_json::to_value(&event)?, serde_json::from_str::<serde_json::Value>(json)?);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A message that is named by the event's own sender and id is not named a second time. A kind that this version does not
/// know is read as [`EventKind::Unrecognized`], so that an old worker survives a new
/// writer.
#[derive(Clone, PartialEq)]
pub struct InboundEvent {
    pub(super) id: EventId,
    pub(super) provider: ProviderId,
    pub(super) sender: Option<SenderId>,
    pub(super) occurred_at: Option<Timestamp>,
    pub(super) received_at: Timestamp,
    pub(super) assumed: bool,
    pub(super) kind: EventKind,
    pub(super) raw: Option<RawPayload>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// A user wrote.
    Message(Box<InboundMessage>),
    /// A user wrote, and it is not to be answered: another application is in charge of the conversation, or it was
    /// written long ago and is only brought over now. It is a kind of its own so that whoever answers messages does not
    /// answer these by accident; [`reply`](InboundEvent::reply) makes an answer to nobody of it.
    Observed(Box<InboundMessage>),
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
            Self::Observed(_) => "observed",
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

/// One that is not [to be answered](InboundMessage::is_to_be_answered) is [`Observed`](EventKind::Observed).
impl From<InboundMessage> for EventKind {
    fn from(message: InboundMessage) -> Self {
        let message = Box::new(message);
        if message.is_to_be_answered() { Self::Message(message) } else { Self::Observed(message) }
    }
}

kind_from! {
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
    /// The group it was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The message it quotes or answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<QuotedMessage>,
    /// Whether another application is in charge of the conversation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
    /// Whether it was sent long ago and is only brought over now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// How far a message of the history had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
}

impl Echo {
    /// A message of the business's own.
    pub fn new(message: MessageRef, to: User, content: InboundContent) -> Self {
        Self {
            message,
            to,
            content,
            group: None,
            reply_to: None,
            standby: false,
            history: false,
            state: None,
        }
    }
}

/// The id of an event: `message/wamid.HBgL`, `status/SM12…/read`. Two deliveries of one event have the same id.
///
/// It begins with what the event is: `message`, `edit`, `revoke`, `identity`, `status`, `echo`, `standby`, `history` or
/// `call`; then comes the provider's id, and what tells several events of one id apart. An element that has no id of its
/// own gets `x/<hash of the webhook>`, with its place in it where it can bring several. `Debug` does not print it, because
/// Meta's message ids contain phone numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// Joins the parts with `/`: the kind of event first, then the provider's id, then what tells several events of
    /// one id apart. The first part is `x` if the element has no id of its own.
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

    /// Whether the element has no id of its own, and this one was derived from the webhook. Two such elements can be
    /// equal and yet two, so nobody should take the second one for the first one come again.
    pub fn is_derived(&self) -> bool {
        self.0.starts_with("x/")
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

    /// Says whether nobody checked the signature of the webhook that brought it.
    #[cfg(any(feature = "testing", test))]
    #[must_use]
    pub(crate) fn with_assumed(mut self, assumed: bool) -> Self {
        self.assumed = assumed;
        self
    }
}

redacted_debug! {
    InboundEvent { provider, sender, occurred_at, received_at, assumed, kind }
    Echo { message, content, standby, history, state }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventId([redacted])")
    }
}
