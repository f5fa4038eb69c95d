//! Whose turn it is: those who wait for one sender, in two classes, each in the order in which they came.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::RateLimiter;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use tokio::sync::Mutex;

use super::PaceClock;
use super::policy::quota;
use crate::clock::{Clock, timeout};

type Limiter = RateLimiter<NotKeyed, InMemoryState, PaceClock, NoOpMiddleware<Duration>>;

/// The turns of one sender.
pub(super) struct Turns {
    all: Limiter,
    urgent: Class,
    bulk: Class,
}

/// Those who wait. Utility and marketing have a limit of their own, which leaves the reserve alone.
struct Class {
    own: Option<Limiter>,
    /// Held by the one who is next.
    next: Mutex<()>,
    waiting: AtomicU32,
    per_second: u32,
}

/// It would take longer than there is time: so long, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) Duration);

impl Turns {
    pub(super) fn new([all, bulk]: [u32; 2], clock: &PaceClock) -> Self {
        let limiter = |per_second| RateLimiter::direct_with_clock(quota(per_second), clock.clone());
        Self { all: limiter(all), urgent: Class::new(None, all), bulk: Class::new(Some(limiter(bulk)), bulk) }
    }

    /// Waits for a turn, for as long as there is time. Dropped, it gives its place to those behind it.
    pub(super) async fn wait(
        &self,
        is_urgent: bool,
        left: Duration,
        clock: &PaceClock,
    ) -> Result<(), TooLong> {
        let class = if is_urgent { &self.urgent } else { &self.bulk };
        // Those in front leave one after the other, so it takes at least as long as they do.
        let place = Place::behind(class);
        let those_in_front = place.takes();
        if those_in_front > left {
            return Err(TooLong(those_in_front));
        }
        let until = clock.elapsed().saturating_add(left);
        let Some(_next) = timeout(clock, left, class.next.lock()).await else {
            return Err(TooLong(place.takes()));
        };
        for limiter in class.own.iter().chain([&self.all]) {
            while let Err(later) = limiter.check() {
                let wait = later.wait_time_from(clock.elapsed());
                if clock.elapsed().saturating_add(wait) > until {
                    return Err(TooLong(wait));
                }
                clock.sleep(wait).await;
            }
        }
        Ok(())
    }
}

impl Class {
    fn new(own: Option<Limiter>, per_second: u32) -> Self {
        Self { own, next: Mutex::new(()), waiting: AtomicU32::new(0), per_second }
    }
}

/// A place among those who wait.
struct Place<'c> {
    class: &'c Class,
    in_front: u32,
}

impl<'c> Place<'c> {
    fn behind(class: &'c Class) -> Self {
        Self { class, in_front: class.waiting.fetch_add(1, Ordering::AcqRel) }
    }

    /// How long those in front take at least.
    fn takes(&self) -> Duration {
        let interval = Duration::from_secs(1) / self.class.per_second.max(1);
        interval.saturating_mul(self.in_front)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.class.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
