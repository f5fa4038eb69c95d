use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use bytes::Bytes;

use super::*;
use crate::clock::Clock;
use crate::inbound::{EventId, Unrecognized};
use crate::sink::scripted::{Do, Scripted, ids};
use crate::state::{Expected, MemoryStore, PutOutcome, StateError, Versioned};
use crate::testing::{EventMaker, TestClock};

const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// A store in memory that answers each request after some time, and can be made to fail.
#[derive(Debug, Clone)]
struct Slow {
    inner: MemoryStore,
    clock: TestClock,
    state: Arc<Mutex<SlowState>>,
}

#[derive(Debug, Default)]
struct SlowState {
    latency: Duration,
    puts_fail: bool,
    puts: usize,
    deletes: usize,
    keys: Vec<String>,
}

impl Slow {
    fn set(&self, change: impl FnOnce(&mut SlowState)) {
        change(&mut self.state.lock().unwrap());
    }

    async fn wait(&self) {
        let latency = self.state.lock().unwrap().latency;
        if !latency.is_zero() {
            self.clock.sleep(latency).await;
        }
    }
}

#[async_trait]
impl StateStore for Slow {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        self.inner.get(keys).await
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        self.wait().await;
        self.set(|state| {
            state.puts += 1;
            state.keys.push(key.to_owned());
        });
        if self.state.lock().unwrap().puts_fail {
            return Err(StateError::new("as it was told"));
        }
        self.inner.put_if(key, expected, value, ttl).await
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        self.wait().await;
        self.set(|state| state.deletes += 1);
        self.inner.delete_if(key, version).await
    }

    fn is_shared(&self) -> bool {
        false
    }
}

struct World {
    clock: TestClock,
    store: Slow,
    sink: Scripted,
    dedup: Dedup<Scripted>,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        let inner = MemoryStore::new(Arc::new(clock.clone()));
        let store = Slow { inner, clock: clock.clone(), state: Arc::default() };
        let sink = Scripted::new(&clock);
        let dedup = Dedup::new("test", sink.clone(), Arc::new(store.clone()));
        Self { clock, store, sink, dedup }
    }

    /// The same sink and store, in another process.
    fn elsewhere(&self) -> Dedup<Scripted> {
        Dedup::new("test", self.sink.clone(), Arc::new(self.store.clone()))
    }

    fn accept(&self, events: &[InboundEvent]) -> Result<(), Option<Vec<usize>>> {
        self.accept_at(&self.dedup, events)
    }

    /// Only what was rejected is told of an error.
    fn accept_at(&self, dedup: &Dedup<Scripted>, events: &[InboundEvent]) -> Result<(), Option<Vec<usize>>> {
        self.clock.block_on(dedup.accept(events)).map_err(|error| match error {
            SinkError::Reject(places) => Some(places),
            SinkError::Unavailable { .. } => None,
        })
    }

    /// Begins a delivery and drops its future once it waits.
    fn give_up(&self, events: &[InboundEvent]) {
        let mut future = pin!(self.dedup.accept(events));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

fn texts(count: usize) -> Vec<InboundEvent> {
    let mut maker = EventMaker::meta();
    (0..count).map(|_| maker.text("+15557654321", "Hi")).collect()
}

#[test]
fn an_event_that_was_taken_is_left_out_when_it_comes_again() {
    let world = World::new();
    let events = texts(4);
    assert_eq!(world.accept(&events[..2]), Ok(()));
    assert_eq!(world.accept(&events[..2]), Ok(()));
    assert_eq!(world.accept(&events), Ok(()));
    assert_eq!(world.sink.calls(), [["1", "2"], ["3", "4"]], "a sink that has nothing to take is not asked");
    assert_eq!(world.accept_at(&world.elsewhere(), &events), Ok(()));
    assert_eq!(world.sink.calls().len(), 2);
}

#[test]
fn an_event_that_is_twice_in_one_webhook_is_taken_once() {
    let world = World::new();
    let [first, second] = texts(2).try_into().unwrap();
    assert_eq!(world.accept(&[first.clone(), second, first]), Ok(()));
    assert_eq!(world.sink.calls(), [["1", "2"]]);
}

#[test]
fn a_derived_id_says_nothing() {
    let world = World::new();
    let notice = EventMaker::meta().event(EventId::new(["x", "hash"]), Unrecognized::new("test", Vec::new()));
    let text = texts(1).remove(0);
    let batch = [notice.clone(), text, notice];
    assert_eq!(world.accept(&batch), Ok(()));
    assert_eq!(world.accept(&batch), Ok(()));
    assert_eq!(world.sink.calls(), [vec!["x/hash", "1", "x/hash"], vec!["x/hash", "x/hash"]]);
    assert_eq!(world.store.state.lock().unwrap().puts, 3, "nothing is written of it");
}

#[test]
fn equal_ids_of_two_providers_or_of_two_sinks_are_two_events() {
    let world = World::new();
    let other_provider = EventMaker::twilio().text("+15557654321", "Hi");
    let both = [texts(1).remove(0), other_provider];
    assert_eq!(world.accept(&both), Ok(()));
    assert_eq!(world.sink.taken(), ["1", "1"]);
    let other = Dedup::new("other", world.sink.clone(), Arc::new(world.store.clone()));
    assert_eq!(world.accept_at(&other, &both), Ok(()));
    assert_eq!(world.sink.taken(), ["1", "1", "1", "1"]);

    // The names of the sink and of the provider do not run into each other.
    let sender = crate::ids::SenderId::new("eta".parse().unwrap(), "106540352242922");
    let eta = EventMaker::new(sender).text("+15557654321", "Hi");
    let testm = Dedup::new("testm", world.sink.clone(), Arc::new(world.store.clone()));
    assert_eq!(world.accept_at(&testm, &[eta]), Ok(()));
    assert_eq!(world.sink.taken().len(), 5);
}

#[test]
fn keys_hold_no_id_and_no_number() {
    let world = World::new();
    let id = format!("{}\0+15557654321", "i".repeat(5_000));
    let event = EventMaker::meta().event(EventId::new(["message", &id]), Unrecognized::new("t", Vec::new()));
    assert_eq!(world.accept(&[event]), Ok(()));
    let state = world.store.state.lock().unwrap();
    assert_eq!(state.keys.len(), 2, "claimed and done");
    for key in &state.keys {
        let digits = key.strip_prefix("event/").unwrap();
        assert_eq!(digits.len(), 64);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    assert_eq!(state.keys[0], state.keys[1]);
}

#[test]
fn what_the_sink_did_not_take_is_let_through_the_next_time() {
    let world = World::new();
    let events = texts(2);
    world.sink.then(Do::Fail);
    assert_eq!(world.accept(&events), Err(None));
    assert_eq!(world.accept(&events), Ok(()));
    assert_eq!(world.sink.calls().len(), 2);
    assert_eq!(world.sink.taken(), ["1", "2"]);
}

#[test]
fn a_rejection_names_the_places_of_the_whole_and_notes_nothing() {
    let world = World::new();
    let events = texts(5);
    assert_eq!(world.accept(&[events[0].clone(), events[3].clone()]), Ok(()));
    // It is given the events at 1, 2 and 4.
    world.sink.then(Do::Reject(vec![2, 0, 3]));
    assert_eq!(world.accept(&events), Err(Some(vec![4, 1])));
    assert_eq!(world.sink.calls()[1], ["2", "3", "5"]);
    assert_eq!(world.accept(&events[2..4]), Ok(()));
    assert_eq!(world.sink.calls()[2], ["3"]);
}

#[test]
fn it_is_known_for_eight_days_unless_told_otherwise() {
    let world = World::new();
    let short = World::new();
    let told = short.elsewhere().remember_for(DAY);
    for (world, dedup, time) in [(&world, &world.dedup, 8 * DAY), (&short, &told, DAY)] {
        assert_eq!(world.accept_at(dedup, &texts(1)), Ok(()));
        world.clock.advance(time - NANO);
        assert_eq!(world.accept_at(dedup, &texts(1)), Ok(()));
        assert_eq!(world.sink.calls().len(), 1);
        world.clock.advance(NANO);
        assert_eq!(world.accept_at(dedup, &texts(1)), Ok(()));
        assert_eq!(world.sink.calls().len(), 2);
    }
}

#[test]
fn while_one_delivery_is_in_work_another_is_refused() {
    let world = World::new();
    let elsewhere = world.elsewhere();
    let events = texts(3);
    world.sink.then_after(SECOND, Do::Take);
    world.clock.block_on(async {
        let mut first = pin!(world.dedup.accept(&events[1..2]));
        std::future::poll_fn(|cx| {
            assert!(first.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        for _ in 0..2 {
            let error = elsewhere.accept(&events).await.unwrap_err();
            assert!(matches!(error, SinkError::Unavailable { .. }));
        }
        let third = world.elsewhere().accept(&events[2..]).await;
        assert!(third.is_ok(), "the claims of the one that was refused were given back");
        first.await.unwrap();
        assert!(elsewhere.accept(&events).await.is_ok());
    });
    assert_eq!(world.sink.calls(), [["2"], ["3"], ["1"]]);
}

#[test]
fn the_claim_of_a_process_that_died_ends_after_a_minute() {
    let world = World::new();
    world.sink.then(Do::Hang);
    world.give_up(&texts(1));
    // Nobody settles what it left: this is another process.
    let elsewhere = world.elsewhere();
    world.clock.advance(60 * SECOND - NANO);
    assert_eq!(world.accept_at(&elsewhere, &texts(1)), Err(None));
    world.clock.advance(NANO);
    assert_eq!(world.accept_at(&elsewhere, &texts(1)), Ok(()));
    assert_eq!(world.sink.taken(), ["1"]);
}

#[test]
fn what_a_dropped_future_left_is_given_back_by_the_next_delivery() {
    let world = World::new();
    world.sink.then(Do::Hang);
    world.give_up(&texts(20));
    assert_eq!(world.accept(&texts(20)), Ok(()), "at once, and not after a minute");
    assert_eq!(world.sink.taken().len(), 20);
    assert_eq!(world.store.state.lock().unwrap().deletes, 20);
}

#[test]
fn what_was_taken_when_the_future_was_dropped_is_noted_by_the_next_delivery() {
    let world = World::new();
    world.store.set(|state| state.latency = SECOND);
    let events = texts(40);
    // Three rounds of claims, and of the three rounds of notes the first: the rest is left.
    let limit = 4 * SECOND + SECOND / 2;
    let given_up = crate::clock::timeout(&world.clock, limit, world.dedup.accept(&events));
    assert!(world.clock.block_on(given_up).is_none());
    assert_eq!(world.sink.taken().len(), 40);
    assert_eq!(world.accept(&events), Ok(()));
    assert_eq!(world.sink.calls().len(), 1, "none of them is taken a second time");
}

#[test]
fn settling_can_be_given_up_too() {
    let world = World::new();
    world.sink.then(Do::Hang);
    world.store.set(|state| state.latency = SECOND);
    let events = texts(40);
    let clock = &world.clock;
    let give_up_after = |limit| {
        assert!(clock.block_on(crate::clock::timeout(clock, limit, world.dedup.accept(&events))).is_none());
    };
    give_up_after(4 * SECOND);
    give_up_after(SECOND + SECOND / 2);
    give_up_after(SECOND + SECOND / 2);
    assert_eq!(world.accept(&events), Ok(()));
    assert_eq!(ids(&world.sink.events()).len(), 40);
}

#[test]
fn a_webhook_of_a_thousand_events_takes_sixteen_at_a_time() {
    let world = World::new();
    world.store.set(|state| state.latency = SECOND / 1000);
    let events = texts(1000);
    assert_eq!(world.accept(&events), Ok(()));
    assert_eq!(world.sink.taken(), ids(&events), "in order");
    // 63 rounds to claim and 63 to note.
    assert_eq!(world.clock.elapsed(), SECOND * 126 / 1000);
}

#[test]
fn without_the_store_nothing_is_taken() {
    let world = World::new();
    world.store.set(|state| state.puts_fail = true);
    assert_eq!(world.accept(&texts(1)), Err(None));
    assert!(world.sink.calls().is_empty());
    world.store.set(|state| state.puts_fail = false);
    assert_eq!(world.accept(&texts(1)), Ok(()));
}

#[test]
fn a_full_store_takes_no_event_and_keeps_no_claim() {
    let clock = TestClock::new();
    let store = MemoryStore::new(Arc::new(clock.clone())).with_capacity(2);
    let sink = Scripted::new(&clock);
    let dedup = Dedup::new("test", sink.clone(), Arc::new(store.clone()));
    let accept = |events: &[InboundEvent]| clock.block_on(dedup.accept(events)).is_ok();
    assert!(!accept(&texts(3)));
    assert!(sink.calls().is_empty());
    assert!(accept(&texts(2)), "the claims of the others were given back");
}

#[test]
fn what_was_taken_and_could_not_be_noted_is_accepted_all_the_same() {
    let world = World::new();
    world.sink.then_after(SECOND, Do::Take);
    world.clock.block_on(async {
        let events = texts(1);
        let mut accept = pin!(world.dedup.accept(&events));
        std::future::poll_fn(|cx| {
            assert!(accept.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        world.store.set(|state| state.puts_fail = true);
        assert!(accept.await.is_ok(), "or the provider would post it again for certain");
    });
    world.store.set(|state| state.puts_fail = false);
    assert_eq!(world.accept(&texts(1)), Err(None), "the claim stands");
    world.clock.advance(60 * SECOND);
    assert_eq!(world.accept(&texts(1)), Ok(()));
    assert_eq!(world.sink.taken(), ["1", "1"], "this is what is not guaranteed");
}

#[test]
fn nothing_of_an_event_is_printed() {
    let world = World::new();
    world.sink.then(Do::Hang);
    world.give_up(&texts(1));
    let text = format!("{:?}", world.dedup);
    assert!(text.starts_with("Dedup { name: \"test\", sink: Scripted("), "{text}");
    assert!(!text.contains("15557654321"));
}
