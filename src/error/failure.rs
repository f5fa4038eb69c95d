use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Acceptance, Error, ErrorKind};
use crate::ids::{AttemptId, ProviderId};

/// What an [`Error`] says, as a value: inside statuses and notices, in logs of your own, in a database.
///
/// `Display` and `Debug` print no words of the provider's; they are in `details`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Whether the provider may have the message. In a status it is what was true of the send: the provider had it.
    pub acceptance: Acceptance,
    /// The provider that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// The provider's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Meta's subcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcode: Option<i64>,
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The field that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'static, str>>,
    /// The most that the field may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What the field held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<u64>,
    /// How long to wait, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::json::seconds::optional")]
    pub retry_after: Option<Duration>,
    /// What the code says beyond its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
    /// In a status: the code proves that the user did not get the message, so that it may be sent again. Without proof
    /// it may have been delivered all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proves_undelivered: bool,
    /// What the provider said in words. It may name numbers and bodies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The provider's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

impl Failure {
    /// A failure of this kind about which nothing more is known.
    pub fn new(kind: ErrorKind, acceptance: Acceptance) -> Self {
        Self {
            kind,
            acceptance,
            provider: None,
            code: None,
            subcode: None,
            status: None,
            field: None,
            limit: None,
            actual: None,
            retry_after: None,
            hint: None,
            proves_undelivered: false,
            details: None,
            trace_id: None,
        }
    }
}

impl Failure {
    /// The same without what the provider said in words, which can name numbers and bodies.
    #[cfg(any(feature = "failover", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn without_words(&self) -> Self {
        Self { details: None, ..self.clone() }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        error.failure().clone()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.provider {
            write!(f, "{provider}: ")?;
        }
        write!(f, "{}", self.kind)?;
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        f.write_str(" (")?;
        if let (Some(limit), Some(actual)) = (self.limit, self.actual) {
            write!(f, "limit {limit}, got {actual}, ")?;
        }
        match (self.code, self.status) {
            (Some(code), _) => write!(f, "code {code}, ")?,
            (None, Some(status)) => write!(f, "HTTP {status}, ")?,
            (None, None) => {}
        }
        write!(f, "{})", self.acceptance)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

/// What a provider's code says beyond its kind, for whoever decides what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hint {
    /// Another provider may well accept it, although the kind does not say so (Meta's code 1 stands for a bad request and
    /// for a fault of the server alike).
    TryElsewhere,
    /// Users block or report the sender, or may not be written to so often: no more marketing for a while, and somebody
    /// should look at it (Meta 131048, Twilio 63026).
    PauseMarketing,
    /// One message cannot tell whether the recipient or the sender is throttled: two recipients within seconds mean the
    /// sender (Twilio 63018).
    ThrottledIfRepeated,
    /// What failed is not the API that messages are sent to but something beside it, such as a media host or Twilio's API
    /// for contents: it says nothing of whether the provider is well.
    Beside,
    /// A hint that this version does not know; a failure from a newer one may have it.
    #[serde(other)]
    Other,
}

/// One attempt of a send: which provider was tried, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptReport {
    /// The attempt's id, as it was on the wire.
    pub id: AttemptId,
    /// The provider that was tried.
    pub provider: ProviderId,
    /// Why it failed; `None` for the attempt that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl AttemptReport {
    /// An attempt that was accepted.
    pub fn accepted(id: AttemptId, provider: ProviderId) -> Self {
        Self { id, provider, failure: None }
    }

    /// An attempt that failed.
    pub fn failed(id: AttemptId, provider: ProviderId, failure: Failure) -> Self {
        Self { id, provider, failure: Some(failure) }
    }
}
