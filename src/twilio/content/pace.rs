use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::time::Time;
use crate::error::{Acceptance, Error, ErrorKind, Result};

/// Twilio allows an account 20 lists of contents a second.
const INTERVAL: Duration = Duration::from_millis(50);

/// Lets requests through one after another.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the next one may go, by the clock's monotonic time.
    next: Mutex<Duration>,
}

impl Pace {
    /// Waits until it is this one's turn.
    ///
    /// # Errors
    ///
    /// If that would be too late, at once: `Throttled`, with the time it would take.
    pub(super) async fn turn(&self, time: &Time<'_>) -> Result<()> {
        let left = time.left()?;
        let wait = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = time.clock.elapsed();
            let turn = now.max(*next);
            let wait = turn.saturating_sub(now);
            if left.is_some_and(|left| left <= wait) {
                time.falls_short();
                let error = Error::new(ErrorKind::Throttled, Acceptance::NotAccepted);
                return Err(error.with_retry_after(wait));
            }
            *next = turn.saturating_add(INTERVAL);
            wait
        };
        if wait.is_zero() { Ok(()) } else { time.within(time.clock.sleep(wait)).await }
    }
}
