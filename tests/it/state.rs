//! The contract of a state store, held against every store there is.

mod postgres;
mod redis;
mod sqlite;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use whatsapp_provider::state::{Expected, MemoryStore, PutOutcome, StateStore, Versioned};
use whatsapp_provider::testing::TestClock;

type Passing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Two stores on one database, and how its time passes.
struct World {
    store: Arc<dyn StateStore>,
    other: Arc<dyn StateStore>,
    pass: Box<dyn Fn(Duration) -> Passing + Send + Sync>,
    /// A time to live: long enough for a few statements where time passes by itself.
    ttl: Duration,
}

impl World {
    fn on(clock: TestClock, store: Arc<dyn StateStore>, other: Arc<dyn StateStore>) -> Self {
        let pass = move |time| -> Passing {
            clock.advance(time);
            Box::pin(std::future::ready(()))
        };
        Self { store, other, pass: Box::new(pass), ttl: Duration::from_secs(60) }
    }

    async fn put(
        &self,
        key: &str,
        expected: Expected,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<u64, Option<Versioned>> {
        put(&*self.store, key, expected, value, ttl).await
    }

    async fn read(&self, key: &str) -> Option<Versioned> {
        self.store.get(&[key]).await.unwrap().pop().unwrap()
    }
}

/// The new version, or what is there.
async fn put(
    store: &dyn StateStore,
    key: &str,
    expected: Expected,
    value: &[u8],
    ttl: Option<Duration>,
) -> Result<u64, Option<Versioned>> {
    match store.put_if(key, expected, Bytes::copy_from_slice(value), ttl).await.unwrap() {
        PutOutcome::Stored { version, .. } => Ok(version),
        PutOutcome::Conflict { current, .. } => Err(current),
        other => panic!("{other:?}"),
    }
}

async fn holds_the_contract(world: &World) {
    of_writers_that_expect_the_same_one_succeeds(world).await;
    a_conflict_says_what_is_there(world).await;
    several_keys_come_in_the_order_they_were_asked_for(world).await;
    a_value_is_gone_when_its_time_has_passed_and_not_before(world).await;
    a_version_is_never_used_twice(world).await;
    only_the_version_that_is_there_is_deleted(world).await;
    values_are_any_bytes(world).await;
    what_is_no_key_is_refused(world).await;
    a_write_replaces_the_time_to_live(world).await;
}

async fn of_writers_that_expect_the_same_one_succeeds(world: &World) {
    let mut expected = Expected::Absent;
    for round in 0..4 {
        let writers: Vec<_> = (0..32_u8)
            .map(|writer| {
                let store = Arc::clone(if writer % 2 == 0 { &world.store } else { &world.other });
                tokio::spawn(async move { put(&*store, "race", expected, &[writer], None).await })
            })
            .collect();
        let mut won = Vec::new();
        let mut conflicts = Vec::new();
        for (writer, task) in (0..).zip(writers) {
            match task.await.unwrap() {
                Ok(version) => won.push(Versioned::new(vec![writer], version)),
                Err(current) => conflicts.push(current),
            }
        }
        assert_eq!((won.len(), conflicts.len()), (1, 31), "round {round}");
        assert_eq!(world.read("race").await.as_ref(), Some(&won[0]));
        assert!(conflicts.iter().all(|current| current.as_ref() == Some(&won[0])), "round {round}");
        expected = Expected::Version(won[0].version);
    }
}

async fn a_conflict_says_what_is_there(world: &World) {
    assert_eq!(world.put("conflict", Expected::Version(1), b"a", None).await, Err(None));
    let version = world.put("conflict", Expected::Absent, b"a", None).await.unwrap();
    let there = Some(Versioned::new("a", version));
    assert_eq!(world.put("conflict", Expected::Absent, b"b", None).await, Err(there.clone()));
    for wrong in [version + 1, 0, u64::MAX] {
        let result = world.put("conflict", Expected::Version(wrong), b"b", None).await;
        assert_eq!(result, Err(there.clone()), "{wrong}");
    }
    assert_eq!(put(&*world.other, "conflict", Expected::Absent, b"b", None).await, Err(there.clone()));
    assert_eq!(world.read("conflict").await, there);
}

async fn several_keys_come_in_the_order_they_were_asked_for(world: &World) {
    let a = world.put("order/a", Expected::Absent, b"1", None).await.unwrap();
    let b = world.put("order/b", Expected::Absent, b"2", None).await.unwrap();
    let (a, b) = (Some(Versioned::new("1", a)), Some(Versioned::new("2", b)));
    let found = world.store.get(&["order/b", "order/none", "order/a", "order/b"]).await.unwrap();
    assert_eq!(found, [b.clone(), None, a, b]);
    assert_eq!(world.store.get(&[]).await.unwrap(), []);
}

async fn a_value_is_gone_when_its_time_has_passed_and_not_before(world: &World) {
    world.put("ttl/for good", Expected::Absent, b"a", None).await.unwrap();
    let endless = Some(Duration::MAX);
    world.put("ttl/as good as for good", Expected::Absent, b"a", endless).await.unwrap();

    let began = Instant::now();
    let version = world.put("ttl", Expected::Absent, b"a", Some(world.ttl)).await.unwrap();
    let before = world.read("ttl").await;
    let conflict = world.put("ttl", Expected::Absent, b"b", None).await;
    // On a machine that stood still meanwhile there is nothing to see.
    if began.elapsed() < world.ttl {
        assert_eq!(before, Some(Versioned::new("a", version)));
        assert_eq!(conflict, Err(before));
    }
    (world.pass)(world.ttl).await;
    assert_eq!(world.read("ttl").await, None);
    assert_eq!(world.put("ttl", Expected::Version(version), b"b", None).await, Err(None));
    assert!(!world.store.delete_if("ttl", version).await.unwrap());
    let again = world.put("ttl", Expected::Absent, b"b", None).await.unwrap();
    assert_ne!(again, version);
    assert!(world.read("ttl/for good").await.is_some());
    assert!(world.read("ttl/as good as for good").await.is_some());
}

async fn a_version_is_never_used_twice(world: &World) {
    let mut versions = Vec::new();
    for round in 0..5 {
        let first = world.put("versions", Expected::Absent, b"a", None).await.unwrap();
        let ttl = (round % 2 == 1).then_some(world.ttl);
        let second = world.put("versions", Expected::Version(first), b"a", ttl).await.unwrap();
        versions.extend([first, second]);
        if ttl.is_none() {
            assert!(world.store.delete_if("versions", second).await.unwrap());
        } else {
            (world.pass)(world.ttl).await;
        }
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 10);
}

async fn only_the_version_that_is_there_is_deleted(world: &World) {
    let version = world.put("delete", Expected::Absent, b"a", None).await.unwrap();
    for wrong in [version + 1, 0, u64::MAX] {
        assert!(!world.store.delete_if("delete", wrong).await.unwrap());
    }
    assert!(world.read("delete").await.is_some());
    assert!(world.other.delete_if("delete", version).await.unwrap());
    assert!(!world.store.delete_if("delete", version).await.unwrap());
    assert_eq!(world.read("delete").await, None);
}

async fn values_are_any_bytes(world: &World) {
    let every: Vec<u8> = (0..=255).collect();
    for (key, value) in [("bytes/every", every), ("bytes/none", vec![]), ("bytes/many", vec![0; 100_000])] {
        let version = world.put(key, Expected::Absent, &value, None).await.unwrap();
        assert_eq!(world.read(key).await, Some(Versioned::new(value, version)), "{key}");
    }
}

async fn what_is_no_key_is_refused(world: &World) {
    for good in ["", "keys/Ünïcode 'quoted\" \u{1}%_\\", &"é".repeat(256)] {
        let version = world.put(good, Expected::Absent, b"a", None).await.unwrap();
        assert_eq!(world.read(good).await, Some(Versioned::new("a", version)), "{good}");
    }
    for bad in ["a\0b".to_owned(), "k".repeat(513), format!("{}k", "é".repeat(256))] {
        let errors = [
            world.store.get(&["fine", &bad]).await.unwrap_err(),
            world.store.put_if(&bad, Expected::Absent, Bytes::new(), None).await.unwrap_err(),
            world.store.delete_if(&bad, 1).await.unwrap_err(),
        ];
        for error in errors {
            let reason = std::error::Error::source(&error).unwrap().to_string();
            let says = format!("a key has at most 512 bytes and no NUL; this one has {} bytes", bad.len());
            assert_eq!(reason, says);
        }
    }
}

async fn a_write_replaces_the_time_to_live(world: &World) {
    let version = world.put("again", Expected::Absent, b"a", Some(world.ttl)).await.unwrap();
    world.put("again", Expected::Version(version), b"b", None).await.unwrap();
    (world.pass)(world.ttl).await;
    let there = world.read("again").await.unwrap();
    assert_eq!(there.value, "b");
    world.put("again", Expected::Version(there.version), b"c", Some(Duration::ZERO)).await.unwrap();
    (world.pass)(Duration::from_millis(1)).await;
    assert_eq!(world.read("again").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_the_contract() {
    let clock = TestClock::new();
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
    assert!(!store.is_shared());
    holds_the_contract(&World::on(clock, Arc::new(Arc::clone(&store)), store)).await;
}
