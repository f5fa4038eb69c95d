//! What a [`ScriptedProvider`](super::ScriptedProvider) does with an attempt.

use std::time::Duration;

use crate::error::{Acceptance, Error, ErrorKind, Failure};

/// What becomes of one attempt at a [`ScriptedProvider`](crate::testing::ScriptedProvider): whether the message leaves and
/// when, whether the user gets it, and what the provider answers and when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    pub(super) leaves_after: Duration,
    pub(super) then: Then,
    pub(super) answers_after: Duration,
}

/// What happens when the time has come for the message to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// It does not, and this is the error.
    Stay(Failure),
    /// It leaves; the user gets it or not, and this is the answer.
    Leave { delivered: bool, answer: Answer },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Receipt,
    Error(Failure),
    Never,
}

impl Step {
    fn of(then: Then) -> Self {
        Self { leaves_after: Duration::ZERO, then, answers_after: Duration::ZERO }
    }

    fn leave(delivered: bool, answer: Answer) -> Self {
        Self::of(Then::Leave { delivered, answer })
    }

    /// The user gets the message, and the provider says so.
    pub fn accept() -> Self {
        Self::leave(true, Answer::Receipt)
    }

    /// The provider answers with this error, and the user gets nothing, also where the error says that it is unknown.
    pub fn fail(error: Error) -> Self {
        Self::leave(false, Answer::Error(error.failure().clone()))
    }

    /// The message does not leave: there is no connection.
    pub fn no_connection() -> Self {
        Self::of(Then::Stay(Failure::new(ErrorKind::Unavailable, Acceptance::NotAccepted)))
    }

    /// The message leaves, nothing ever comes back, and the user gets nothing. The attempt ends at its deadline; one
    /// without a deadline waits for ever.
    pub fn hang() -> Self {
        Self::leave(false, Answer::Never)
    }

    /// The user gets the message, and the answer is lost: whether it was accepted is unknown.
    pub fn lose_answer() -> Self {
        Self::fail(Error::new(ErrorKind::NoAnswer, Acceptance::Unknown)).delivered()
    }

    /// The user gets the message whatever is answered. An error then says that the acceptance is unknown, because a
    /// provider that says no to what it delivers is none.
    #[must_use]
    pub fn delivered(mut self) -> Self {
        self.then = match self.then {
            Then::Stay(mut failure) | Then::Leave { answer: Answer::Error(mut failure), .. } => {
                failure.acceptance = Acceptance::Unknown;
                Then::Leave { delivered: true, answer: Answer::Error(failure) }
            }
            Then::Leave { answer, .. } => Then::Leave { delivered: true, answer },
        };
        self
    }

    /// How long it takes until the message leaves. Before that an attempt can be given up, and the message certainly does
    /// not go out.
    #[must_use]
    pub fn leaving_after(mut self, duration: Duration) -> Self {
        self.leaves_after = duration;
        self
    }

    /// How long it takes from there until the answer. An answer that comes after the attempt's deadline is not heard.
    #[must_use]
    pub fn answering_after(mut self, duration: Duration) -> Self {
        self.answers_after = duration;
        self
    }
}
