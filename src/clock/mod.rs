//! Time, sleep and entropy, which a test can replace.
//!
//! Nothing else in the crate asks what time it is or draws a random number. With the feature `tokio` (a default) the
//! builders take [`TokioClock`]; tests take [`TestClock`](crate::testing::TestClock), whose hours take no time; on
//! wasm the host implements [`Clock`].

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

mod timestamp;
#[cfg(feature = "tokio")]
mod tokio_clock;

use crate::error::ConfigError;

pub use timestamp::{InvalidTimestamp, Timestamp};
#[cfg(feature = "tokio")]
pub use tokio_clock::TokioClock;

/// A future that is ready when its time has come.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The time of day, a monotonic clock, a way to wait, and entropy.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// The time since some fixed moment in this clock's past. It never goes back, whatever happens to the time of day.
    fn elapsed(&self) -> Duration;

    /// A future that is ready once `duration` has passed.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// 64 random bits. They make ids unique and spread retries; no secret is made of them.
    fn random(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        (**self).sleep(duration)
    }

    fn random(&self) -> u64 {
        (**self).random()
    }
}

/// The clock a builder takes when it is given none.
pub(crate) fn default_clock() -> Result<Arc<dyn Clock>, ConfigError> {
    #[cfg(feature = "tokio")]
    return Ok(Arc::new(TokioClock::new()));
    #[cfg(not(feature = "tokio"))]
    return Err(ConfigError::new(
        "clock",
        "none is bundled without the feature `tokio`; give the builder one",
    ));
}

/// 64 random bits, from a keyed hash whose 128-bit key the standard library takes from the operating system and never
/// repeats.
pub(crate) fn entropy() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// Waits for `future`, but no longer than `limit`. `None` means that the time ran out; the future is dropped then.
pub async fn timeout<F: Future>(clock: &dyn Clock, limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep = clock.sleep(limit);
    std::future::poll_fn(|cx: &mut Context<'_>| {
        // The work is asked first: what is done at the last moment is done.
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        sleep.as_mut().poll(cx).map(|()| None)
    })
    .await
}
