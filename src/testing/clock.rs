use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::clock::{Clock, Sleep, Timestamp};

/// A clock whose time passes only when it is told to. A clone is the same clock.
///
/// Either move it by hand with [`advance`](Self::advance), or let [`block_on`](Self::block_on) run a future and jump
/// from timer to timer, so that hours take no time. Its random numbers are those of its seed: the same every time.
///
/// ```
/// use std::time::Duration;
/// use whatsapp_provider::clock::Clock;
/// use whatsapp_provider::testing::TestClock;
///
/// let clock = TestClock::new();
/// clock.block_on(clock.sleep(Duration::from_secs(3600)));
/// assert_eq!(clock.elapsed(), Duration::from_secs(3600));
/// ```
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<State>>);

struct State {
    start: Timestamp,
    elapsed: Duration,
    random: u64,
    next_timer: u64,
    /// By the time they are due, then by the order in which they were made.
    timers: BTreeMap<(Duration, u64), Waker>,
}

impl TestClock {
    /// A clock that stands at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::with_seed(0)
    }

    /// A clock whose random numbers follow from `seed`.
    pub fn with_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            start: Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(1_767_225_600)),
            elapsed: Duration::ZERO,
            random: seed,
            next_timer: 0,
            timers: BTreeMap::new(),
        })))
    }

    /// Lets time pass and wakes whoever waited for it.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        state.elapsed = state.elapsed.saturating_add(duration);
        let now = state.elapsed;
        let later = state.timers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.timers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    /// Runs a future to its end. Whenever it can only wait, time jumps to the next timer.
    ///
    /// Everything that the future waits for must be on this clock: no sockets, no other runtime's timers.
    ///
    /// # Panics
    ///
    /// If the future waits and there is no timer: it would wait for ever.
    #[allow(clippy::panic, reason = "a test that can never end must fail")]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            while woken.0.swap(false, Ordering::AcqRel) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return output;
                }
            }
            let next = self.state().timers.first_key_value().map(|((due, _), _)| *due);
            match next {
                Some(due) => {
                    let wait = due.saturating_sub(self.state().elapsed);
                    self.advance(wait);
                }
                None => panic!("the future waits for something that is not on this clock"),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestClock({:?})", self.state().elapsed)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let state = self.state();
        state.start.saturating_add(state.elapsed)
    }

    fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.state();
        let due = state.elapsed.saturating_add(duration);
        state.next_timer += 1;
        let key = (due, state.next_timer);
        drop(state);
        Box::pin(Timer { clock: self.clone(), key })
    }

    fn random(&self) -> u64 {
        // SplitMix64: every seed, 0 included, gives a sequence of full period.
        let mut state = self.state();
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

struct Timer {
    clock: TestClock,
    key: (Duration, u64),
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.elapsed >= self.key.0 {
            return Poll::Ready(());
        }
        let before = state.timers.insert(self.key, cx.waker().clone());
        // A waker may be all that keeps a task, and the task may hold timers: it goes when the lock is free.
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let waker = self.clock.state().timers.remove(&self.key);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::timeout;

    #[test]
    fn timers_fire_in_order_and_not_before_their_time() {
        let clock = TestClock::new();
        let seconds = Duration::from_secs;
        let answer = clock.block_on(async {
            assert_eq!(timeout(&clock, seconds(5), clock.sleep(seconds(10))).await, None);
            assert_eq!(clock.elapsed(), seconds(5));
            timeout(&clock, seconds(10), clock.sleep(seconds(10))).await
        });
        assert_eq!(answer, Some(()), "what is done at the last moment is done");
        assert_eq!(clock.elapsed(), seconds(15));
        assert_eq!(clock.now(), Timestamp::from_unix_seconds(1_767_225_615).unwrap());
        assert!(clock.state().timers.is_empty(), "a timer that is dropped is gone");
    }

    #[test]
    fn a_waker_may_be_all_that_keeps_another_timer() {
        struct Task(#[expect(dead_code, reason = "it is only dropped")] Mutex<Sleep>);
        impl Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        let clock = TestClock::new();
        let inner = clock.sleep(Duration::from_secs(1));
        let waker = Waker::from(Arc::new(Task(Mutex::new(inner))));
        let mut outer = clock.sleep(Duration::from_secs(2));
        assert!(outer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert!(outer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());

        let inner = clock.sleep(Duration::from_secs(1));
        let waker = Waker::from(Arc::new(Task(Mutex::new(inner))));
        assert!(outer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(outer);
        assert!(clock.state().timers.is_empty());
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let clock = TestClock::with_seed(seed);
            [clock.random(), clock.random()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
