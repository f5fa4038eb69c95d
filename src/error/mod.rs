//! What went wrong, and whether the message may have been accepted all the same.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

mod failure;
mod kind;

pub use failure::{AttemptReport, Failure, Hint};
pub use kind::{Acceptance, ErrorKind};

use crate::ids::ProviderId;
use crate::json::to_millis;

/// The result of an operation on a provider.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation on a provider failed.
///
/// Ask [`acceptance`](Self::acceptance) first: it says whether a second attempt could reach the user twice. Then
/// [`kind`](Self::kind). Neither `Display` nor `Debug` prints a token, a number, a message id, a body or a URL; what
/// the provider said in words is behind [`details`](Self::details), the cause in `source()`.
///
/// ```
/// use whatsapp_provider::{Acceptance, Error, ErrorKind, ProviderId};
///
/// let error = Error::new(ErrorKind::Throttled, Acceptance::NotAccepted)
///     .with_provider(ProviderId::META)
///     .with_code(130_429);
/// assert_eq!(error.to_string(), "meta: the sender or the account is throttled (code 130429, not accepted)");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    failure: Failure,
    attempts: Vec<AttemptReport>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error. Providers of your own make theirs with this and the `with_` methods.
    pub fn new(kind: ErrorKind, acceptance: Acceptance) -> Self {
        Failure::new(kind, acceptance).into()
    }

    /// The operation does not exist at this provider, or is not configured.
    pub fn unsupported(field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported, Acceptance::NotAccepted).with_field(field)
    }

    /// A field is longer, larger or more numerous than this provider carries.
    pub fn over_limit(field: impl Into<Cow<'static, str>>, limit: u64, actual: u64) -> Self {
        Self::unsupported(field).with_limit(limit, actual)
    }

    /// A field refers to what only another provider, or another sender, knows.
    pub fn not_portable(field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::NotPortable, Acceptance::NotAccepted).with_field(field)
    }

    /// No provider could carry this field as it is.
    pub fn invalid(field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidMessage, Acceptance::NotAccepted).with_field(field)
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.failure.kind
    }

    /// Whether the provider may have the message. For a failover: the worst of all its attempts.
    pub fn acceptance(&self) -> Acceptance {
        self.0.failure.acceptance
    }

    /// The provider that failed, if one was asked.
    pub fn provider(&self) -> Option<&ProviderId> {
        self.0.failure.provider.as_ref()
    }

    /// The provider's own error code (Meta 131047, Twilio 63016).
    pub fn code(&self) -> Option<i64> {
        self.0.failure.code
    }

    /// Meta's `error_subcode`.
    pub fn subcode(&self) -> Option<i64> {
        self.0.failure.subcode
    }

    /// The HTTP status of the answer. It decides nothing.
    pub fn status(&self) -> Option<u16> {
        self.0.failure.status
    }

    /// The field that was refused, as a path into the message: `content.body`.
    pub fn field(&self) -> Option<&str> {
        self.0.failure.field.as_deref()
    }

    /// The most that the field may hold; the unit is that of the field (characters, bytes, items).
    pub fn limit(&self) -> Option<u64> {
        self.0.failure.limit
    }

    /// What the field held, in the same unit.
    pub fn actual(&self) -> Option<u64> {
        self.0.failure.actual
    }

    /// How long the provider asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.failure.retry_after
    }

    /// What the provider said in words. It may name numbers and bodies: for people, not for logs.
    pub fn details(&self) -> Option<&str> {
        self.0.failure.details.as_deref()
    }

    /// The provider's id of this answer, which its support asks for (Meta's `fbtrace_id`).
    #[doc(alias = "fbtrace_id")]
    pub fn trace_id(&self) -> Option<&str> {
        self.0.failure.trace_id.as_deref()
    }

    /// Every attempt that was made, in order. Empty for an error that is not a failover's.
    pub fn attempts(&self) -> &[AttemptReport] {
        &self.0.attempts
    }

    /// The same content without the cause, as a value that can be stored.
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// Names the provider.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId) -> Self {
        self.0.failure.provider = Some(provider);
        self
    }

    /// Sets the provider's code.
    #[must_use]
    pub fn with_code(mut self, code: i64) -> Self {
        self.0.failure.code = Some(code);
        self
    }

    /// Sets the provider's subcode.
    #[must_use]
    pub fn with_subcode(mut self, subcode: i64) -> Self {
        self.0.failure.subcode = Some(subcode);
        self
    }

    /// Sets the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.failure.status = Some(status);
        self
    }

    /// Names the field.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.0.failure.field = Some(field.into());
        self
    }

    /// Says what the field may hold and what it held.
    #[must_use]
    pub fn with_limit(mut self, limit: u64, actual: u64) -> Self {
        self.0.failure.limit = Some(limit);
        self.0.failure.actual = Some(actual);
        self
    }

    /// Sets how long to wait, kept to the millisecond.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.0.failure.retry_after = Some(to_millis(retry_after));
        self
    }

    /// Sets what the code says beyond its kind.
    #[must_use]
    pub fn with_hint(mut self, hint: Hint) -> Self {
        self.0.failure.hint = Some(hint);
        self
    }

    /// Keeps what the provider said in words, cut to 1,000 characters.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        let mut details = details.into();
        if let Some((end, _)) = details.char_indices().nth(1000) {
            details.truncate(end);
        }
        self.0.failure.details = Some(details);
        self
    }

    /// Keeps the provider's id of the answer.
    #[must_use]
    pub fn with_trace_id(mut self, trace_id: impl Into<String>) -> Self {
        self.0.failure.trace_id = Some(trace_id.into());
        self
    }

    /// Sets the acceptance.
    #[must_use]
    pub fn with_acceptance(mut self, acceptance: Acceptance) -> Self {
        self.0.failure.acceptance = acceptance;
        self
    }

    /// Keeps the attempts that led here.
    #[must_use]
    pub fn with_attempts(mut self, attempts: Vec<AttemptReport>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(Inner { failure, attempts: Vec::new(), source: None }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.failure, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("failure", &self.0.failure).field("attempts", &self.0.attempts).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// A provider, a failover or a clock was built from parts that do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
#[non_exhaustive]
pub struct ConfigError {
    /// The setting, or the environment variable.
    pub field: Cow<'static, str>,
    /// What is wrong with it. The value is never repeated.
    pub problem: Cow<'static, str>,
}

impl ConfigError {
    /// Names a setting and what is wrong with it. Do not repeat the value: it may be a secret.
    pub fn new(field: impl Into<Cow<'static, str>>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_and_can_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn display_says_kind_code_and_acceptance() {
        let error = Error::over_limit("content.body", 1600, 2000).with_provider(ProviderId::TWILIO);
        assert_eq!(
            error.to_string(),
            "twilio: this provider cannot carry it: content.body (limit 1600, got 2000, not accepted)"
        );
        let error = Error::new(ErrorKind::NoAnswer, Acceptance::Unknown).with_status(502);
        assert_eq!(error.to_string(), "no usable answer came (HTTP 502, acceptance unknown)");
    }

    #[test]
    fn nothing_prints_what_the_provider_said() {
        let error = Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted)
            .with_details("CANARY +15551234567")
            .with_trace_id("CANARY")
            .with_source(std::io::Error::other("CANARY"));
        assert!(!format!("{error} {error:?} {error:#?}").contains("CANARY"));
        assert_eq!(error.details(), Some("CANARY +15551234567"));
        assert!(error.source().is_some());
    }

    #[test]
    fn details_are_cut_at_a_character() {
        let error = Error::invalid("to").with_details("é".repeat(2000));
        assert_eq!(error.details().unwrap().chars().count(), 1000);
    }
}
