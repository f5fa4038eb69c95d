use std::time::Duration;

use super::Attempt;
use crate::clock::Clock;
use crate::error::{Acceptance, Error, ErrorKind, Result};

/// The time of an attempt, of which everything before the message's own request uses some.
pub(crate) struct Remaining<'a> {
    attempt: &'a Attempt,
    clock: &'a dyn Clock,
    end: Option<Duration>,
}

impl<'a> Remaining<'a> {
    /// From now on.
    pub(crate) fn of(attempt: &'a Attempt, clock: &'a dyn Clock) -> Self {
        let end = attempt.deadline.map(|deadline| clock.elapsed().saturating_add(deadline));
        Self { attempt, clock, end }
    }

    /// What is left for what comes next, if it is limited.
    ///
    /// # Errors
    ///
    /// If nothing is left, or the attempt was given up: the message has not left and will not.
    pub(crate) fn left(&self) -> Result<Option<Duration>> {
        let left = self.end.map(|end| end.saturating_sub(self.clock.elapsed()));
        if self.attempt.departure.is_given_up() || left.is_some_and(|left| left.is_zero()) {
            return Err(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted));
        }
        Ok(left)
    }
}
