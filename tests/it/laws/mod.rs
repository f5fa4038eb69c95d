//! The laws of failover, as properties of many histories.
//!
//! A history is a seed. Machines with real providers, which share a store, send messages to users through the
//! simulator, while providers, flags, stores and machines fail. On the test clock the same seed gives the same history,
//! so a law that breaks names a seed, and `LAWS_SEED=<seed> cargo test --test it laws::` shows it again. How many
//! histories each law is held against says `LAWS_HISTORIES`.

mod at_most_once;
mod dropped;
mod log;
mod script;
mod sockets;
mod steps;
mod store;
mod unmoved;
mod way_back;
mod world;

use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use std::time::Duration;

use whatsapp_provider::PhoneNumber;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::testing::TestClock;

const SECOND: Duration = Duration::from_secs(1);

/// A law that was broken, in words.
type Broken = String;

/// The seeds of the histories. So many that plain `cargo test` stays quick, unless the environment asks for others: of
/// long ones it gets one for `cost` that it asks for.
fn seeds(usual: u64, cost: u64) -> Range<u64> {
    match (setting("LAWS_SEED"), setting("LAWS_HISTORIES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, histories) => 0..histories.map_or(usual, |histories: u64| histories.div_ceil(cost)),
    }
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|text| text.parse().ok().expect("a whole number"))
}

fn user(n: u64) -> PhoneNumber {
    PhoneNumber::from_digits(&(15_550_400_000 + n).to_string()).unwrap()
}

/// What chance decides in a history. Its numbers follow from the seed and are nobody else's.
struct Random(TestClock);

impl Random {
    fn new(seed: u64) -> Self {
        Self(TestClock::with_seed(seed ^ 0x5eed_0f1a_75ee_d000))
    }

    fn below(&self, end: u64) -> u64 {
        self.0.random() % end.max(1)
    }

    fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Clone>(&self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    fn millis(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(range.start() + self.below(range.end() - range.start() + 1))
    }

    /// A moment before `end`.
    fn before(&self, end: Duration) -> Duration {
        self.millis(0..=end.as_millis() as u64)
    }
}
