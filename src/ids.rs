//! Names of things: providers, senders, messages, media and attempts.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::{Clock, Timestamp};
use crate::redact::redacted_debug;

/// The id of a provider: `meta`, `twilio`, or a name of your own such as `meta-br`.
///
/// 1 to 64 characters out of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`, so that it can stand in a
/// [`Route`](crate::failover::Route), a log line or a metric label as it is.
///
/// ```
/// use whatsapp_provider::ProviderId;
///
/// let id: ProviderId = "meta-br".parse()?;
/// assert_eq!(id.as_str(), "meta-br");
/// assert!("only:meta".parse::<ProviderId>().is_err());
/// # Ok::<(), whatsapp_provider::InvalidProviderId>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Cow<'static, str>);

impl ProviderId {
    /// The id a `MetaCloud` has unless it is given another.
    pub const META: Self = Self(Cow::Borrowed("meta"));
    /// The id a `Twilio` has unless it is given another.
    pub const TWILIO: Self = Self(Cow::Borrowed("twilio"));
    /// The id a `FailoverProvider` has unless it is given another.
    pub const FAILOVER: Self = Self(Cow::Borrowed("failover"));
    /// The id a `Lines` has unless it is given another.
    pub const LINES: Self = Self(Cow::Borrowed("lines"));

    /// Makes an id.
    ///
    /// # Errors
    ///
    /// [`InvalidProviderId`] if the name is empty, longer than 64 characters, or has a character other than letters,
    /// digits, `-`, `_` and `.`.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidProviderId> {
        let id = id.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if (1..=64).contains(&id.len()) && id.bytes().all(allowed) {
            Ok(Self(Cow::Owned(id)))
        } else {
            Err(InvalidProviderId)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A provider id was empty, too long, or had a character that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a provider id has 1 to 64 letters, digits, `-`, `_` or `.`")]
#[non_exhaustive]
pub struct InvalidProviderId;

impl FromStr for ProviderId {
    type Err = InvalidProviderId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ProviderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProviderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One of the business's own numbers (or Messaging Services) at one provider.
///
/// For Meta the id is the phone number id; for Twilio it is the number in E.164 (`+14155238886`) or the Messaging
/// Service SID. Two providers are always two senders, because a number lives at one provider at a time.
///
/// `Debug` shows at most the last four characters of an id that begins with `+`.
#[doc(alias = "phone_number_id")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SenderId {
    /// The provider at which this sender lives.
    pub provider: ProviderId,
    /// The provider's own name for it.
    pub id: String,
}

impl SenderId {
    /// Names a sender.
    pub fn new(provider: ProviderId, id: impl Into<String>) -> Self {
        Self { provider, id: id.into() }
    }
}

impl fmt::Debug for SenderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.starts_with('+') {
            let keep = self.id.chars().count().saturating_sub(4);
            let tail: String = self.id.chars().skip(keep).collect();
            write!(f, "{}/+…{tail}", self.provider)
        } else {
            write!(f, "{}/{}", self.provider, self.id)
        }
    }
}

/// A message, named as the provider that carried it names it.
///
/// Meta's ids (`wamid.…`) contain the user's phone number in base64, so `Debug` does not print them.
#[doc(alias = "wamid")]
#[doc(alias = "MessageSid")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageRef {
    /// The sender that sent or received the message.
    pub sender: SenderId,
    /// The provider's id of the message.
    pub id: String,
}

impl MessageRef {
    /// Names a message.
    pub fn new(sender: SenderId, id: impl Into<String>) -> Self {
        Self { sender, id: id.into() }
    }
}

/// A media file that a provider keeps, named as that provider names it.
///
/// It can only be fetched or sent through the sender it belongs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaRef {
    /// The sender whose account keeps the file.
    pub sender: SenderId,
    /// Meta's media id, or the address of the file at Twilio.
    pub id: String,
    /// When the provider stops keeping it, if that is known (Meta: 7 days after a webhook, 30 days after an upload).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl MediaRef {
    /// Names a media file.
    pub fn new(sender: SenderId, id: impl Into<String>) -> Self {
        Self { sender, id: id.into(), expires_at: None }
    }

    /// Says until when the provider keeps it.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: Timestamp) -> Self {
        self.expires_at = Some(expires_at);
        self
    }
}

redacted_debug! {
    MessageRef { sender }
    MediaRef { sender, expires_at }
}

/// The id of one try at one provider: 128 random bits, written as 32 lower-case hexadecimal digits.
///
/// It travels on the wire (Meta's `biz_opaque_callback_data`, the query of Twilio's `StatusCallback`) and comes back
/// in the statuses of the message, which is how an answer that was lost can be found again.
///
/// ```
/// use whatsapp_provider::AttemptId;
///
/// let id: AttemptId = "000102030405060708090a0b0c0d0e0f".parse()?;
/// assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
/// # Ok::<(), whatsapp_provider::InvalidAttemptId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(u128);

impl AttemptId {
    /// Makes a new id from the clock's entropy.
    pub fn new(clock: &dyn Clock) -> Self {
        Self(u128::from(clock.random()) << 64 | u128::from(clock.random()))
    }

    /// The id with exactly these bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }
}

/// The text was not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt id has 32 lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidAttemptId;

impl FromStr for AttemptId {
    type Err = InvalidAttemptId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 32 || !text.bytes().all(digits) {
            return Err(InvalidAttemptId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| InvalidAttemptId)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for AttemptId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttemptId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_ids_fit_into_routes_and_labels() {
        for good in ["meta", "meta-br", "Twilio_2.eu", &"x".repeat(64)] {
            assert_eq!(ProviderId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "only:meta", "über", &"x".repeat(65)] {
            assert_eq!(ProviderId::new(bad), Err(InvalidProviderId));
        }
    }

    #[test]
    fn debug_masks_numbers_and_message_ids() {
        let sender = SenderId::new(ProviderId::TWILIO, "+14155238886");
        assert_eq!(format!("{sender:?}"), "twilio/+…8886");
        let message = MessageRef::new(sender.clone(), "wamid.SECRET");
        assert!(!format!("{message:?}").contains("SECRET"));
        let media = MediaRef::new(sender, "https://api.twilio.com/SECRET");
        assert!(!format!("{media:?}").contains("SECRET"));
    }

    #[test]
    fn attempt_ids_read_only_what_they_write() {
        let id = AttemptId::from_u128(7);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in
            ["", "7", &"g".repeat(32), &"A".repeat(32), &"0".repeat(33), "+0000000000000000000000000000007"]
        {
            assert_eq!(bad.parse::<AttemptId>(), Err(InvalidAttemptId), "{bad}");
        }
    }
}
