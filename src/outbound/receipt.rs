use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::{PhoneNumber, UserId};
use crate::error::AttemptReport;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::json::Version1;
use crate::redact::redacted_debug;

/// Proof that a provider accepted a message. Acceptance is not delivery: that comes in statuses.
///
/// As JSON: `{"v":1,"provider":"meta","attempts":[…],"message":{…}}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SendReceipt {
    #[serde(default)]
    v: Version1,
    /// The provider that accepted it.
    pub provider: ProviderId,
    /// The sender it went out from, if the provider said so or there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<SenderId>,
    /// The message's id. `None` when the provider accepted it and the rest of its answer was lost; the statuses bring
    /// the attempt's id all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    /// Every attempt, in order; the last one was accepted.
    pub attempts: Vec<AttemptReport>,
    /// Which content went out: 0 for the message's own, 1 for the first alternative, and so on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub content_index: usize,
    /// Wishes that this provider could not fulfil.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// What the provider said of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<AcceptedStatus>,
    /// The phone number the provider knows the recipient by; it may differ from the number that was dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The user id the provider knows the recipient by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

fn is_zero(index: &usize) -> bool {
    *index == 0
}

impl SendReceipt {
    /// The receipt of an attempt that `attempt` reports as accepted.
    pub fn accepted(attempt: AttemptReport) -> Self {
        Self {
            v: Version1,
            provider: attempt.provider.clone(),
            sender: None,
            message: None,
            attempts: vec![attempt],
            content_index: 0,
            dropped: Vec::new(),
            status: None,
            phone: None,
            user: None,
        }
    }

    /// Names the message, and with it the sender.
    #[must_use]
    pub fn with_message(mut self, message: MessageRef) -> Self {
        self.sender = Some(message.sender.clone());
        self.message = Some(message);
        self
    }

    /// Names the sender.
    #[must_use]
    pub fn with_sender(mut self, sender: SenderId) -> Self {
        self.sender = Some(sender);
        self
    }

    /// Says which wishes were not fulfilled.
    #[must_use]
    pub fn with_dropped(mut self, dropped: Vec<Dropped>) -> Self {
        self.dropped = dropped;
        self
    }

    /// Sets what the provider said of the message.
    #[must_use]
    pub fn with_status(mut self, status: AcceptedStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets which content went out.
    #[must_use]
    pub fn with_content_index(mut self, index: usize) -> Self {
        self.content_index = index;
        self
    }

    /// Puts the attempts that failed in front of the one that was accepted.
    #[must_use]
    pub fn after(mut self, mut failed: Vec<AttemptReport>) -> Self {
        failed.append(&mut self.attempts);
        self.attempts = failed;
        self
    }

    /// The wishes that were not fulfilled.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }
}

/// What a provider says of a message that it has just accepted. In JSON a lower-case word; a word that this version does
/// not know is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AcceptedStatus {
    /// Taken, and on its way.
    Accepted,
    /// In the provider's own queue.
    Queued,
    /// Kept until the time at which it is to be sent.
    Scheduled,
    /// A template that Meta holds back until it has seen how others like it; it may yet fail.
    HeldForQuality,
    /// A template that Meta has paused.
    Paused,
    /// Something else, in the provider's word. Made with [`from_name`](Self::from_name), which knows the other words.
    #[non_exhaustive]
    Other(String),
}

impl AcceptedStatus {
    /// The status with this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "accepted" => Self::Accepted,
            "queued" => Self::Queued,
            "scheduled" => Self::Scheduled,
            "held_for_quality_assessment" => Self::HeldForQuality,
            "paused" => Self::Paused,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::HeldForQuality => "held_for_quality_assessment",
            Self::Paused => "paused",
            Self::Other(word) => word,
        }
    }
}

impl Serialize for AcceptedStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AcceptedStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_name(&String::deserialize(deserializer)?))
    }
}

/// A wish that the provider could not fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dropped {
    /// The wish.
    pub wish: Wish,
}

impl Dropped {
    /// Names the wish.
    pub const fn new(wish: Wish) -> Self {
        Self { wish }
    }
}

/// Something a message asks for that it can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Wish {
    /// The quote of `reply_to`.
    Quote,
    /// The time to live.
    Ttl,
    /// Whether a link is shown with a preview.
    LinkPreview,
    /// The name of a file.
    FileName,
    /// The caption of a file.
    Caption,
    /// That a sound file is shown as a voice message.
    Voice,
    /// The postal address of a place.
    LocationAddress,
    /// The caller's own name for the message, where no status can bring it back.
    Reference,
    /// A wish that this version does not know; a receipt from a newer one may name it.
    #[serde(other)]
    Other,
}

redacted_debug! {
    SendReceipt { provider, sender, attempts, content_index, dropped, status }
}
