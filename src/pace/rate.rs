use std::num::NonZeroU32;
use std::time::Duration;

const SECOND_NANOS: u64 = 1_000_000_000;

/// So many at once, and then one in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) burst: NonZeroU32,
    pub(super) period: Duration,
}

impl Rate {
    /// At most so many in any second, wherever it begins: a small burst, and the rest of the second is filled evenly.
    ///
    /// The burst lets a sender catch up that was late by a moment, as every timer is.
    pub(super) fn per_second(most: u32) -> Self {
        let burst = NonZeroU32::new(most / 20).unwrap_or(NonZeroU32::MIN);
        // The first of the burst fills the second's first period, so it is none that the even ones have to leave out.
        let evenly = u64::from(most.saturating_sub(burst.get())).saturating_add(1);
        Self { burst, period: Duration::from_nanos(SECOND_NANOS.div_ceil(evenly)) }
    }
}

/// What has left at a rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Gone {
    /// When the burst is whole again.
    whole_at: Duration,
}

impl Gone {
    /// When one may leave that has so many in front: now, or later.
    pub(super) fn turn(self, rate: Rate, in_front: u32, now: Duration) -> Duration {
        let busy = self.whole_at.max(now).saturating_add(rate.period.saturating_mul(in_front));
        let ahead = rate.period.saturating_mul(rate.burst.get().saturating_sub(1));
        busy.saturating_sub(ahead).max(now)
    }

    /// One leaves now.
    pub(super) fn add(&mut self, rate: Rate, now: Duration) {
        self.whole_at = self.whole_at.max(now).saturating_add(rate.period);
    }

    /// Whether it is as if none had ever left.
    pub(super) fn is_forgotten(self, now: Duration) -> bool {
        self.whole_at <= now
    }
}
