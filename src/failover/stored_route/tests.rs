use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use futures_util::poll;

use super::*;
use crate::failover::FailoverProvider;
use crate::ids::ProviderId;
use crate::outbound::{Category, OutboundMessage};
use crate::provider::WhatsAppProvider;
use crate::state::{MemoryStore, Versioned};
use crate::testing::{MemoryProvider, TestClock};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Failing,
    Hanging,
    /// Each read takes so long.
    Slow(Duration),
}

/// A store whose moods are set by hand, and that counts how often it is read.
#[derive(Debug, Clone)]
struct MoodyStore {
    inner: MemoryStore,
    clock: TestClock,
    mood: Arc<StdMutex<Mood>>,
    reads: Arc<AtomicUsize>,
}

impl MoodyStore {
    fn new(clock: &TestClock) -> Self {
        Self {
            inner: MemoryStore::new(Arc::new(clock.clone())),
            clock: clock.clone(),
            mood: Arc::new(StdMutex::new(Mood::Well)),
            reads: Arc::default(),
        }
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    async fn answer(&self) -> Result<(), StateError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => Ok(()),
            Mood::Failing => Err(StateError::new("out of reach")),
            Mood::Hanging => pending().await,
            Mood::Slow(time) => {
                self.clock.sleep(time).await;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl StateStore for MoodyStore {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        // What is read is what was there when it was asked.
        let found = self.inner.get(keys).await;
        self.answer().await?;
        found
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        self.answer().await?;
        self.inner.put_if(key, expected, value, ttl).await
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        self.answer().await?;
        self.inner.delete_if(key, version).await
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// The flag of two machines on one store.
struct Machines {
    clock: TestClock,
    store: MoodyStore,
    here: StoredRoute,
    there: StoredRoute,
}

impl Machines {
    fn new() -> Self {
        let clock = TestClock::new();
        let store = MoodyStore::new(&clock);
        let flag = || StoredRoute::with_clock(store.clone(), Arc::new(clock.clone()));
        Self { here: flag(), there: flag(), store, clock }
    }

    fn set(&self, route: &str) {
        self.clock.block_on(self.here.set(order(route))).unwrap();
    }

    /// What the other machine goes by.
    fn there(&self) -> Option<String> {
        self.clock.block_on(said(&self.there))
    }
}

fn order(route: &str) -> RouteOrder {
    RouteOrder::new(route.parse().unwrap())
}

async fn said(flag: &StoredRoute) -> Option<String> {
    Some(flag.route(&RouteContext::new(Category::Utility, 0)).await?.to_string())
}

fn is(route: &str) -> Option<String> {
    Some(route.to_owned())
}

#[test]
fn an_order_is_obeyed_here_at_once_and_elsewhere_after_the_interval() {
    let machines = Machines::new();
    let Machines { clock, store, here, .. } = &machines;
    assert_eq!(machines.there(), None);
    machines.set("only:twilio");
    assert_eq!(clock.block_on(said(here)), is("only:twilio"));
    assert_eq!(store.reads(), 1, "who has written does not read");
    clock.advance(2 * SECOND - MILLISECOND);
    assert_eq!((machines.there(), store.reads()), (None, 1));
    clock.advance(MILLISECOND);
    assert_eq!((machines.there(), store.reads()), (is("only:twilio"), 2));
    clock.block_on(here.clear()).unwrap();
    assert_eq!((clock.block_on(said(here)), machines.there()), (None, is("only:twilio")));
    clock.advance(2 * SECOND);
    assert_eq!(machines.there(), None);
}

#[test]
fn an_order_ends_at_its_time() {
    let Machines { clock, here, .. } = Machines::new();
    let until = clock.now().saturating_add(SECOND);
    let order = order("only:twilio").with_until(until);
    clock.block_on(here.set(order.clone())).unwrap();
    clock.advance(SECOND - MILLISECOND);
    assert_eq!(clock.block_on(here.current()), Some(order));
    clock.advance(MILLISECOND);
    assert_eq!((clock.block_on(here.current()), clock.block_on(said(&here))), (None, None));
}

#[test]
fn a_store_that_fails_changes_nothing_and_is_not_asked_before_the_interval() {
    let machines = Machines::new();
    let Machines { clock, store, here, .. } = &machines;
    machines.set("only:twilio");
    assert_eq!(machines.there(), is("only:twilio"));
    machines.set("only:meta");
    store.becomes(Mood::Failing);
    clock.block_on(here.set(order("auto"))).unwrap_err();
    clock.block_on(here.clear()).unwrap_err();
    assert_eq!(clock.block_on(said(here)), is("only:meta"), "what failed is not obeyed");
    clock.advance(2 * SECOND);
    let reads = store.reads();
    assert_eq!((machines.there(), store.reads()), (is("only:twilio"), reads + 1));
    store.becomes(Mood::Well);
    clock.advance(2 * SECOND - MILLISECOND);
    assert_eq!((machines.there(), store.reads()), (is("only:twilio"), reads + 1));
    clock.advance(MILLISECOND);
    assert_eq!((machines.there(), store.reads()), (is("only:meta"), reads + 2));
}

#[test]
fn a_read_that_is_given_up_counts_as_one_that_failed() {
    let machines = Machines::new();
    let Machines { clock, store, there, .. } = &machines;
    machines.set("only:twilio");
    assert_eq!(machines.there(), is("only:twilio"));
    store.becomes(Mood::Hanging);
    clock.advance(2 * SECOND);
    let limit = 40 * MILLISECOND;
    let began = clock.elapsed();
    assert_eq!((machines.there(), store.reads()), (is("only:twilio"), 2));
    assert_eq!(clock.elapsed() - began, limit);
    assert_eq!((machines.there(), store.reads()), (is("only:twilio"), 2), "nobody waits a second time");
    clock.advance(2 * SECOND - limit - MILLISECOND);
    assert_eq!((machines.there(), store.reads()), (is("only:twilio"), 2));
    clock.advance(MILLISECOND);
    // A page is more patient, but not kept for ever.
    let began = clock.elapsed();
    assert_eq!(clock.block_on(there.current()), Some(order("only:twilio")));
    assert_eq!((clock.elapsed() - began, store.reads()), (PAGE_LIMIT, 3));
}

#[test]
fn a_slow_store_is_waited_for_as_long_as_it_is_allowed() {
    let machines = Machines::new();
    let Machines { clock, store, there, .. } = &machines;
    machines.set("only:twilio");
    let there = there.clone().with_read_limit(SECOND);
    store.becomes(Mood::Slow(SECOND - MILLISECOND));
    assert_eq!(clock.block_on(said(&there)), is("only:twilio"));
    machines.set("only:meta");
    store.becomes(Mood::Slow(SECOND + MILLISECOND));
    clock.advance(2 * SECOND);
    assert_eq!(clock.block_on(said(&there)), is("only:twilio"));
}

#[test]
fn one_reads_and_the_others_go_by_what_is_known() {
    let machines = Machines::new();
    let Machines { clock, store, there, .. } = &machines;
    machines.set("only:twilio");
    store.becomes(Mood::Slow(10 * MILLISECOND));
    let all = || clock.block_on(join_all((0..5).map(|_| said(there))));
    assert_eq!(all(), vec![is("only:twilio"); 5], "before anything is known all wait for the one that reads");
    assert_eq!(store.reads(), 1);
    machines.set("only:meta");
    clock.advance(2 * SECOND);
    let mut expected = vec![is("only:twilio"); 5];
    expected[0] = is("only:meta");
    assert_eq!((all(), store.reads()), (expected, 2));
}

#[test]
fn of_those_that_wait_for_the_first_read_none_begins_another() {
    let Machines { clock, store, there, .. } = Machines::new();
    store.becomes(Mood::Hanging);
    let began = clock.elapsed();
    let limit = 30 * MILLISECOND;
    let first = timeout(&clock, limit, said(&there));
    let waiting = join_all((0..3).map(|_| said(&there)));
    assert_eq!(clock.block_on(futures_util::future::join(first, waiting)), (None, vec![None; 3]));
    assert_eq!((clock.elapsed() - began, store.reads()), (limit, 1));
}

#[test]
fn what_was_read_before_a_write_says_nothing() {
    let machines = Machines::new();
    let Machines { clock, store, here, .. } = &machines;
    machines.set("only:twilio");
    clock.advance(2 * SECOND);
    store.becomes(Mood::Slow(10 * MILLISECOND));
    clock.block_on(async {
        let mut reading = std::pin::pin!(said(here));
        assert!(poll!(reading.as_mut()).is_pending());
        store.becomes(Mood::Well);
        here.set(order("only:meta")).await.unwrap();
        assert_eq!(reading.await, is("only:meta"));
        assert_eq!(said(here).await, is("only:meta"));
    });
}

#[test]
fn of_two_writes_at_once_the_store_says_which_came_last() {
    let Machines { clock, store, here, .. } = Machines::new();
    clock.block_on(async {
        store.becomes(Mood::Slow(10 * MILLISECOND));
        let mut slow = std::pin::pin!(here.set(order("only:twilio")));
        assert!(poll!(slow.as_mut()).is_pending());
        store.becomes(Mood::Well);
        here.set(order("only:meta")).await.unwrap();
        slow.await.unwrap();
        let reads = store.reads();
        assert_eq!((said(&here).await, store.reads()), (is("only:twilio"), reads + 1));
    });
}

#[test]
fn what_cannot_be_read_changes_nothing_and_can_be_written_over() {
    let machines = Machines::new();
    let Machines { clock, store, here, .. } = &machines;
    machines.set("only:twilio");
    assert_eq!(machines.there(), is("only:twilio"));
    for bad in [r#"{"v":2,"route":"auto"}"#, "garbage", ""] {
        let put = async {
            let there = store.inner.get(&["route/failover"]).await.unwrap().pop().unwrap().unwrap();
            store
                .inner
                .put_if("route/failover", Expected::Version(there.version), bad.into(), None)
                .await
                .unwrap()
        };
        clock.block_on(put);
        clock.advance(2 * SECOND);
        assert_eq!(machines.there(), is("only:twilio"), "{bad}");
    }
    clock.block_on(here.set(order("only:meta"))).unwrap();
    clock.advance(2 * SECOND);
    assert_eq!(machines.there(), is("only:meta"));
}

#[test]
fn flags_of_other_names_are_other_flags() {
    let Machines { clock, here, .. } = Machines::new();
    let other = here.clone().with_name("marketing").unwrap();
    clock.block_on(here.set(order("only:twilio"))).unwrap();
    assert_eq!((clock.block_on(said(&here)), clock.block_on(said(&other))), (is("only:twilio"), None));
    assert_eq!(format!("{other:?}"), "StoredRoute(marketing)");
    assert!(here.clone().with_name(&"n".repeat(100)).is_ok());
    for bad in ["", "a\0b", &"n".repeat(101)] {
        assert_eq!(here.clone().with_name(bad).unwrap_err().field, "name");
    }
}

fn failover(clock: &TestClock, flag: &StoredRoute) -> FailoverProvider {
    FailoverProvider::builder()
        .primary(MemoryProvider::new(ProviderId::META))
        .fallback(MemoryProvider::new(ProviderId::TWILIO))
        .route(flag.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap()
}

/// Who sends a message.
fn send(clock: &TestClock, failover: &FailoverProvider) -> String {
    let to = crate::address::PhoneNumber::parse("+15551234567").unwrap();
    clock.block_on(failover.send(&OutboundMessage::text(to, "hi"))).unwrap().provider.to_string()
}

#[test]
fn two_failovers_on_one_store_obey_one_order_within_two_seconds() {
    let machines = Machines::new();
    let clock = &machines.clock;
    let failovers = [failover(clock, &machines.here), failover(clock, &machines.there)];
    let both = || failovers.each_ref().map(|failover| send(clock, failover));
    assert_eq!(both(), ["meta", "meta"]);
    machines.set("only:twilio");
    clock.advance(2 * SECOND);
    assert_eq!(both(), ["twilio", "twilio"]);
    // A store that is gone costs the first message the limit for a read, and no message its way.
    machines.store.becomes(Mood::Hanging);
    clock.advance(2 * SECOND);
    let began = clock.elapsed();
    assert_eq!(
        (both(), both()),
        (["twilio", "twilio"].map(String::from), ["twilio", "twilio"].map(String::from))
    );
    assert_eq!(clock.elapsed() - began, 80 * MILLISECOND, "40 ms on each machine");
}

#[test]
fn a_failover_obeys_what_was_ordered_last_here_and_its_end_while_the_store_hangs() {
    let Machines { clock, store, here, .. } = Machines::new();
    let failover = failover(&clock, &here);
    assert_eq!(send(&clock, &failover), "meta");
    let until = clock.now().saturating_add(5 * SECOND);
    clock.block_on(here.set(order("only:twilio").with_until(until))).unwrap();
    store.becomes(Mood::Hanging);
    clock.advance(2 * SECOND);
    assert_eq!(send(&clock, &failover), "twilio");
    clock.advance(3 * SECOND);
    assert_eq!(send(&clock, &failover), "meta");
}
