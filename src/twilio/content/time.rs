use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{Clock, timeout};
use crate::error::{Acceptance, Error, ErrorKind, Hint, Result};
use crate::outbound::{Attempt, Remaining};

/// What is granted beyond the time of a request until somebody has noticed its end.
const SPARE: Duration = Duration::from_secs(1);

/// The time of an attempt, which everything before the message's own request uses up as well.
pub(super) struct Time<'a> {
    remaining: Remaining<'a>,
    pub(super) clock: &'a dyn Clock,
    /// How long whoever works for others may do nothing before that counts as given up.
    pub(super) stall: Duration,
    /// Something would have taken longer than what was left.
    too_short: AtomicBool,
}

impl<'a> Time<'a> {
    /// From now on, where a request ends within `total`.
    pub(super) fn of(attempt: &'a Attempt, clock: &'a dyn Clock, total: Duration) -> Self {
        // A request that ends at the last moment is not given up.
        let stall = total.saturating_add(SPARE);
        Self { remaining: Remaining::of(attempt, clock), clock, stall, too_short: AtomicBool::new(false) }
    }

    /// What is left of it, if it is limited.
    ///
    /// # Errors
    ///
    /// If nothing is left, or the attempt was given up: the message has not left and will not.
    pub(super) fn left(&self) -> Result<Option<Duration>> {
        self.remaining.left().map_err(|error| error.with_hint(Hint::Beside))
    }

    /// Notes that something would take longer than what is left, and therefore was not begun.
    pub(super) fn falls_short(&self) {
        self.too_short.store(true, Ordering::Relaxed);
    }

    /// Whether what failed may have failed because of this time alone: it is over, or it was too short.
    pub(super) fn is_to_blame(&self) -> bool {
        self.too_short.load(Ordering::Relaxed) || self.left().is_err()
    }

    /// Waits for `future` as long as there is time.
    pub(super) async fn within<F: Future>(&self, future: F) -> Result<F::Output> {
        match self.left()? {
            None => Ok(future.await),
            Some(left) => timeout(self.clock, left, future).await.ok_or_else(too_late),
        }
    }
}

fn too_late() -> Error {
    Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_hint(Hint::Beside)
}
