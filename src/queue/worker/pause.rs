use std::time::Duration;

use crate::clock::Clock;

/// How long a row rests after its first attempt.
const FIRST_REST: Duration = Duration::from_secs(1);
/// How long a row rests at most, unless its error says otherwise.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Pauses that double, for asking again what failed.
#[derive(Debug)]
pub(super) struct Pauses {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// From 1 s to `longest`.
    pub(super) fn up_to(longest: Duration) -> Self {
        let first = Duration::from_secs(1).min(longest);
        Self { first, next: first, longest }
    }

    pub(super) fn next(&mut self, clock: &dyn Clock) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        jittered(clock, pause)
    }

    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// How long a row rests that failed for the `attempts`th time.
pub(super) fn rest(clock: &dyn Clock, attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1);
    jittered(clock, FIRST_REST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_REST))
}

/// Between half of the time and all of it, so that many workers do not come back at once.
fn jittered(clock: &dyn Clock, time: Duration) -> Duration {
    let half = time / 2;
    let share = (clock.random() >> 32) as f64 / f64::from(u32::MAX);
    half + half.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Sleep, Timestamp};

    /// A clock that draws the same number for ever.
    #[derive(Debug)]
    struct Draws(u64);

    impl Clock for Draws {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, _: Duration) -> Sleep {
            Box::pin(std::future::pending())
        }

        fn random(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let seconds = |clock: &Draws| {
            let mut pauses = Pauses::up_to(Duration::from_secs(30));
            let mut drawn: Vec<f64> = (0..7).map(|_| pauses.next(clock).as_secs_f64()).collect();
            pauses.reset();
            drawn.push(pauses.next(clock).as_secs_f64());
            drawn
        };
        assert_eq!(seconds(&Draws(u64::MAX)), [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 1.0]);
        assert_eq!(seconds(&Draws(0)), [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 0.5]);
        let short = Pauses::up_to(Duration::from_millis(10)).next(&Draws(u64::MAX));
        assert_eq!(short, Duration::from_millis(10));
    }

    #[test]
    fn a_row_rests_longer_after_each_attempt_and_never_over_five_minutes() {
        let rests = |draw| {
            let attempts = [0, 1, 2, 3, 9, 10, 33, u32::MAX];
            attempts.map(|attempts| rest(&Draws(draw), attempts).as_secs_f64())
        };
        assert_eq!(rests(u64::MAX), [1.0, 1.0, 2.0, 4.0, 256.0, 300.0, 300.0, 300.0]);
        assert_eq!(rests(0), [0.5, 0.5, 1.0, 2.0, 128.0, 150.0, 150.0, 150.0]);
    }
}
