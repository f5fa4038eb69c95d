use std::time::{Duration, SystemTime};

use super::{Clock, Sleep, Timestamp, entropy};

/// The system's time of day, with tokio's monotonic time and timers.
///
/// Waiting needs a tokio runtime with its timer on; under tokio's paused clock, time jumps as tokio lets it.
#[derive(Debug, Clone)]
pub struct TokioClock {
    origin: tokio::time::Instant,
}

impl TokioClock {
    /// Starts a clock.
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now())
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> u64 {
        entropy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_do_not_repeat() {
        let clock = TokioClock::new();
        let drawn: std::collections::HashSet<u64> = (0..10_000).map(|_| clock.random()).collect();
        assert_eq!(drawn.len(), 10_000);
    }
}
