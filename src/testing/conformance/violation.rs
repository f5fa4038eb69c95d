use std::fmt::{self, Display};

/// A law that every provider keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Law {
    /// A genuine webhook is recognised, verified and read.
    Genuine,
    /// Every element becomes one event, in order, and the same one every time.
    Elements,
    /// What is not genuine is refused.
    Signatures,
    /// What is no handshake is not answered as one.
    Handshakes,
    /// `check` refuses what a send refuses before any request, and nothing else.
    Refusals,
    /// What is sent is what arrives, or the receipt says what does not.
    Sending,
    /// A receipt names the provider, the sender and the attempt.
    Receipts,
    /// Where the first content cannot go, the next one does.
    Alternatives,
    /// An attempt ends at its deadline, and what has left is not called refused.
    Deadlines,
    /// What was given up does not leave.
    Departures,
    /// What a provider does not have it calls unsupported.
    Optional,
    /// No secret, number or body is printed.
    Redaction,
    /// Any bytes are read without a panic, and no body is passed over.
    Robustness,
    /// Twice as much is at most 2.3 times the work.
    Cost,
    /// A value is the same after a trip through JSON.
    Json,
}

impl Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Genuine => "a genuine webhook is accepted",
            Self::Elements => "every element becomes one event, in order",
            Self::Signatures => "what is not genuine is refused",
            Self::Handshakes => "what is no handshake is not answered as one",
            Self::Refusals => "`check` refuses what a send refuses before any request, and nothing else",
            Self::Sending => "what is sent is what arrives, or the receipt says what does not",
            Self::Receipts => "a receipt names the provider, the sender and the attempt",
            Self::Alternatives => "where the first content cannot go, the next one does",
            Self::Deadlines => "an attempt ends at its deadline, and what has left is not called refused",
            Self::Departures => "what was given up does not leave",
            Self::Optional => "what a provider does not have it calls unsupported",
            Self::Redaction => "no secret, number or body is printed",
            Self::Robustness => "any bytes are read without a panic, and no body is passed over",
            Self::Cost => "twice as much is at most 2.3 times the work",
            Self::Json => "a value is the same after a trip through JSON",
        })
    }
}

/// A law that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{law}: {what}")]
#[non_exhaustive]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// What was seen.
    pub what: String,
}

impl Violation {
    pub(super) fn new(law: Law, what: impl Display) -> Self {
        Self { law, what: what.to_string() }
    }
}

/// The violation of `law`, unless it holds.
pub(super) fn hold(law: Law, holds: bool, what: impl Display) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(law, what)) }
}
