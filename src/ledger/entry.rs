use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::clock::Clock;
use crate::clock::Timestamp;
use crate::error::{AttemptReport, Failure};
use crate::ids::{MessageRef, ProviderId};
use crate::inbound::DeliveryState;
use crate::outbound::{Category, OutboundMessage};
use crate::redact::redacted_debug;

/// The id of an entry of a ledger, written as 32 lower-case hexadecimal digits. Ids sort by the time at which they were
/// made, to the millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(u128);

impl EntryId {
    /// 48 bits of time and 80 random ones.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn new(clock: &dyn Clock, now: Timestamp) -> Self {
        let random = u128::from(clock.random()) << 64 | u128::from(clock.random());
        Self(u128::from(now.unix_millis()) << 80 | random >> 48)
    }

    /// The first that can be made at this time.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn first_of(time: Timestamp) -> Self {
        Self(u128::from(time.unix_millis()) << 80)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a ledger's entry has 32 lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidEntryId;

impl FromStr for EntryId {
    type Err = InvalidEntryId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 32 || !text.bytes().all(digits) {
            return Err(InvalidEntryId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| InvalidEntryId)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What became of a message, as far as is known. In the table and in JSON a lower-case word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryState {
    /// `recorded`: it was about to be sent. If that is long ago, the sender came to nothing in between, and the message
    /// may have gone out.
    Recorded,
    /// `refused`: no provider accepted it.
    Refused,
    /// `in_doubt`: a provider may have it, and no status has told so far.
    InDoubt,
    /// A provider accepted it, and this is how far it is: the word of the [`DeliveryState`].
    Sent(DeliveryState),
}

impl EntryState {
    /// The state with this name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "recorded" => Self::Recorded,
            "refused" => Self::Refused,
            "in_doubt" => Self::InDoubt,
            other => Self::Sent(DeliveryState::from_name(other)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Recorded => "recorded",
            Self::Refused => "refused",
            Self::InDoubt => "in_doubt",
            Self::Sent(state) => state.as_str(),
        }
    }

    /// Whether it is on a user's phone.
    pub fn has_arrived(&self) -> bool {
        matches!(self, Self::Sent(DeliveryState::Delivered | DeliveryState::Read | DeliveryState::Played))
    }

    /// Whether its outcome is still open: it may be with a provider, and neither arrived nor failed.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Recorded | Self::InDoubt => true,
            Self::Refused => false,
            Self::Sent(state) => !state.is_final(),
        }
    }
}

impl Serialize for EntryState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EntryState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_name(&String::deserialize(deserializer)?))
    }
}

/// How a send, or one attempt of it, was answered. What says more comes later.
#[cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "only databases make them")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Refused,
    Unknown,
    Accepted,
}

/// When a message came to a state, by the provider's word or by the time at which its status arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateTime {
    /// The state.
    pub state: DeliveryState,
    /// The earliest time that a status told for it.
    pub at: Timestamp,
}

/// One message in a ledger. A message that was sent several times under one idempotency key is one entry.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// Its id.
    pub id: EntryId,
    /// When it was first recorded, by the ledger's clock.
    pub recorded_at: Timestamp,
    /// What became of it.
    pub state: EntryState,
    /// What it is for.
    pub category: Category,
    /// The caller's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The message, for as long as it may have to be sent again. See [the module](crate::ledger).
    #[serde(skip)]
    pub message: Option<OutboundMessage>,
    /// The provider's name for it, until the entry is erased, unless the ledger keeps no content: it may have the
    /// recipient's number in it.
    #[serde(skip)]
    pub sent_as: Option<MessageRef>,
    /// The provider that accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// Which content went out: 0 for the message's own, 1 for the first alternative, and so on.
    #[serde(default)]
    pub content_index: usize,
    /// The attempts that its sends told of, without words of the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptReport>,
    /// Why a send failed, without words of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When it came to each state, the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<StateTime>,
    /// What its statuses told of failures, without words of the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Whether every copy that a provider may have had is proved not to have reached the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proved_undelivered: bool,
    /// The entry under which it was sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resent_as: Option<EntryId>,
    /// The entry that it sends again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resend_of: Option<EntryId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
    /// How many of its sends have not told how they ended. One of them may have sent a copy that nobody knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) untold: u32,
    /// Whether recipient, content and message id were erased, so that nothing writes them again.
    #[serde(skip)]
    pub(super) erased: bool,
}

impl LedgerEntry {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn new(id: EntryId, recorded_at: Timestamp, message: &OutboundMessage) -> Self {
        Self {
            id,
            recorded_at,
            state: EntryState::Recorded,
            category: message.effective_category(),
            reference: message.reference.clone(),
            message: None,
            sent_as: None,
            provider: None,
            content_index: 0,
            attempts: Vec::new(),
            failure: None,
            times: Vec::new(),
            failures: Vec::new(),
            proved_undelivered: false,
            resent_as: None,
            resend_of: None,
            answer: None,
            untold: 1,
            erased: false,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

redacted_debug! {
    LedgerEntry { id, recorded_at, state, category, provider, attempts, failure, times, failures, proved_undelivered, resent_as, resend_of }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_only_what_they_write() {
        let id = EntryId(7);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "7", &"A".repeat(32), &"0".repeat(33)] {
            assert_eq!(bad.parse::<EntryId>(), Err(InvalidEntryId), "{bad}");
        }
    }

    #[test]
    fn names_of_states_round_trip() {
        for (name, open) in [
            ("recorded", true),
            ("refused", false),
            ("in_doubt", true),
            ("accepted", true),
            ("sent", true),
            ("delivered", false),
            ("failed", false),
            ("canceled", false),
            ("teleported", true),
        ] {
            let state = EntryState::from_name(name);
            assert_eq!((state.as_str(), state.is_open()), (name, open));
        }
    }
}
