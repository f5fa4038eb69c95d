use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::identity::User;
use crate::address::GroupId;
use crate::clock::Timestamp;
use crate::error::Failure;
use crate::ids::{AttemptId, MessageRef};
use crate::redact::redacted_debug;

/// What became of a message that was sent.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusUpdate {
    /// The message.
    pub message: MessageRef,
    /// How far it is. Statuses arrive in any order: merge with [`DeliveryState::advance`].
    pub state: DeliveryState,
    /// The recipient, by as many names as the status gave.
    #[serde(default, skip_serializing_if = "is_default")]
    pub to: User,
    /// The group it was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// In a group: the member whom the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<User>,
    /// The attempt that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    /// The caller's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why it failed, or what went wrong although it did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Pricing>,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Conversation>,
    /// Whether another application is in charge of the conversation: then the message is that one's, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl StatusUpdate {
    /// A status about which nothing more is known.
    pub fn new(message: MessageRef, state: DeliveryState) -> Self {
        Self {
            message,
            state,
            to: User::default(),
            group: None,
            participant: None,
            attempt: None,
            reference: None,
            failures: Vec::new(),
            pricing: None,
            conversation: None,
            standby: false,
        }
    }
}

#[cfg(any(feature = "failover", feature = "postgres", feature = "sqlite"))]
impl StatusUpdate {
    /// Whether it says that the message was billed as marketing, in whichever of the words for that.
    pub(crate) fn billed_as_marketing(&self) -> bool {
        let category = self.pricing.as_ref().and_then(|pricing| pricing.category.as_deref());
        category.is_some_and(|category| category.starts_with("marketing"))
    }
}

/// How far a message is. In JSON and in [`as_str`](Self::as_str) a lower-case word; a word that this version does not
/// know is kept.
///
/// ```
/// use whatsapp_provider::inbound::DeliveryState::{Delivered, Failed, Read, Sent};
///
/// assert_eq!(Sent.advance(Read), Read);
/// assert_eq!(Read.advance(Sent), Read, "a late `sent` undoes nothing");
/// assert_eq!(Delivered.advance(Failed), Delivered, "what arrived has not failed");
/// assert_eq!(Failed.advance(Delivered), Delivered);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryState {
    /// In the provider's own queue.
    Queued,
    /// Accepted by the provider.
    Accepted,
    /// Held back by Meta until it has seen how others like the template.
    Held,
    /// On its way to WhatsApp.
    Sending,
    /// With WhatsApp.
    Sent,
    /// On the user's phone.
    Delivered,
    /// Read by the user.
    Read,
    /// Heard by the user (voice messages).
    Played,
    /// It will not arrive.
    Failed,
    /// Taken back before it was sent.
    Canceled,
    /// Something else, in the provider's word. Made with [`from_name`](Self::from_name), which knows the other words.
    #[non_exhaustive]
    Other(String),
}

impl DeliveryState {
    const KNOWN: [(Self, &'static str); 10] = [
        (Self::Queued, "queued"),
        (Self::Accepted, "accepted"),
        (Self::Held, "held"),
        (Self::Sending, "sending"),
        (Self::Sent, "sent"),
        (Self::Delivered, "delivered"),
        (Self::Read, "read"),
        (Self::Played, "played"),
        (Self::Failed, "failed"),
        (Self::Canceled, "canceled"),
    ];

    /// The state with this name.
    pub fn from_name(name: &str) -> Self {
        Self::KNOWN
            .iter()
            .find(|(_, known)| *known == name)
            .map_or_else(|| Self::Other(name.to_owned()), |(state, _)| state.clone())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(word) => word,
            known => Self::KNOWN.iter().find(|(state, _)| state == known).map_or("", |(_, name)| name),
        }
    }

    /// Failure outranks every state before arrival and none after it. An unknown word ranks below all others.
    fn rank(&self) -> u8 {
        match self {
            Self::Other(_) => 0,
            Self::Queued => 1,
            Self::Accepted => 2,
            Self::Held => 3,
            Self::Sending => 4,
            Self::Sent => 5,
            Self::Canceled | Self::Failed => 6,
            Self::Delivered => 7,
            Self::Read => 8,
            Self::Played => 9,
        }
    }

    /// The state after a status with `next` arrived: whichever of the two is further.
    #[must_use]
    pub fn advance(self, next: Self) -> Self {
        if next.rank() > self.rank() { next } else { self }
    }

    /// Whether nothing more will come that changes the outcome.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Delivered | Self::Read | Self::Played | Self::Failed | Self::Canceled)
    }

    /// Whether a message that was accepted at `accepted_at` and got no further than this must be given up for lost:
    /// providers drop what they could not deliver within `ttl` (30 days; 10 minutes for authentication) without a word.
    pub fn presumed_lost(&self, accepted_at: Timestamp, ttl: Duration, now: Timestamp) -> bool {
        !self.is_final() && now.since(accepted_at) > ttl
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for DeliveryState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DeliveryState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_name(&String::deserialize(deserializer)?))
    }
}

/// What a message cost, in the provider's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Pricing {
    /// Whether it is billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billable: Option<bool>,
    /// The pricing model, such as `PMP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Such as `regular`, `free_customer_service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Such as `utility`, `marketing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

/// The conversation a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What it was opened by, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl Conversation {
    /// A conversation about which nothing more is known.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), expires_at: None, origin: None }
    }
}

redacted_debug! { StatusUpdate { state, attempt, failures, standby } }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_unknown_words_are_kept() {
        for (state, name) in DeliveryState::KNOWN {
            assert_eq!(DeliveryState::from_name(name), state);
            assert_eq!(state.as_str(), name);
        }
        assert_eq!(DeliveryState::from_name("teleported"), DeliveryState::Other("teleported".into()));
        assert_eq!(
            serde_json::from_str::<DeliveryState>("\"teleported\"").unwrap().to_string(),
            "teleported"
        );
    }

    #[test]
    fn order_of_arrival_does_not_matter() {
        use DeliveryState::{
            Accepted, Canceled, Delivered, Failed, Held, Other, Played, Queued, Read, Sending, Sent,
        };
        let states = [
            Queued,
            Accepted,
            Held,
            Sending,
            Sent,
            Delivered,
            Read,
            Played,
            Failed,
            Canceled,
            Other("x".into()),
        ];
        for a in &states {
            for b in &states {
                let (ab, ba) = (a.clone().advance(b.clone()), b.clone().advance(a.clone()));
                assert!(ab == ba || a.rank() == b.rank(), "{a} and {b}");
            }
        }
    }

    #[test]
    fn lost_after_the_ttl_and_not_at_it() {
        let start = Timestamp::UNIX_EPOCH;
        let ttl = Duration::from_secs(600);
        assert!(!DeliveryState::Sent.presumed_lost(start, ttl, start.saturating_add(ttl)));
        assert!(DeliveryState::Sent.presumed_lost(
            start,
            ttl,
            start.saturating_add(ttl + Duration::from_millis(1))
        ));
        assert!(!DeliveryState::Delivered.presumed_lost(start, ttl, start.saturating_add(2 * ttl)));
    }
}
