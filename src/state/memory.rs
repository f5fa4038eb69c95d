use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Expected, PutOutcome, StateError, StateStore, Versioned, check_key};
use crate::clock::Clock;

/// A [`StateStore`] in the memory of one process. A clone is the same store.
///
/// It holds as many keys as it was told to (100,000 unless told otherwise) and then refuses new ones, rather than
/// forgetting what somebody relies on.
#[derive(Clone)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    capacity: usize,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<String, Entry>,
    last_version: u64,
}

struct Entry {
    stored: Versioned,
    expires: Option<Duration>,
}

impl MemoryStore {
    /// An empty store whose values expire by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, capacity: 100_000, entries: Arc::default() }
    }

    /// Holds at most this many keys.
    #[must_use]
    pub fn with_capacity(mut self, keys: usize) -> Self {
        self.capacity = keys;
        self
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Every change is a single step, so a panic elsewhere leaves nothing half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn live(&self, key: &str, now: Duration) -> Option<&Versioned> {
        let entry = self.by_key.get(key)?;
        entry.expires.is_none_or(|expires| now < expires).then_some(&entry.stored)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} keys)", self.entries().by_key.len())
    }
}

/// The store holds as many keys as it may.
#[derive(Debug, thiserror::Error)]
#[error("the memory store is full")]
struct Full;

#[async_trait]
impl StateStore for MemoryStore {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        let now = self.clock.elapsed();
        let entries = self.entries();
        Ok(keys.iter().map(|key| entries.live(key, now).cloned()).collect())
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        check_key(key)?;
        let now = self.clock.elapsed();
        let mut entries = self.entries();
        let current = entries.live(key, now);
        let holds = match expected {
            Expected::Absent => current.is_none(),
            Expected::Version(version) => current.is_some_and(|current| current.version == version),
        };
        if !holds {
            return Ok(PutOutcome::conflict(current.cloned()));
        }
        if !entries.by_key.contains_key(key) && entries.by_key.len() >= self.capacity {
            entries.by_key.retain(|_, entry| entry.expires.is_none_or(|expires| now < expires));
            if entries.by_key.len() >= self.capacity {
                return Err(StateError::new(Full));
            }
        }
        entries.last_version += 1;
        let version = entries.last_version;
        let expires = ttl.map(|ttl| now.saturating_add(ttl));
        entries.by_key.insert(key.to_owned(), Entry { stored: Versioned::new(value, version), expires });
        Ok(PutOutcome::stored(version))
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        check_key(key)?;
        let now = self.clock.elapsed();
        let mut entries = self.entries();
        let holds = entries.live(key, now).is_some_and(|current| current.version == version);
        if holds {
            entries.by_key.remove(key);
        }
        Ok(holds)
    }

    fn is_shared(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestClock;

    const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

    fn store() -> (TestClock, MemoryStore) {
        let clock = TestClock::new();
        (clock.clone(), MemoryStore::new(Arc::new(clock)))
    }

    /// Puts a value and answers with its version, if it was stored.
    fn put(
        store: &MemoryStore,
        key: &str,
        expected: Expected,
        value: &'static str,
        ttl: Option<Duration>,
    ) -> Option<u64> {
        let put = store.put_if(key, expected, Bytes::from(value), ttl);
        match TestClock::new().block_on(put).unwrap() {
            PutOutcome::Stored { version } => Some(version),
            PutOutcome::Conflict { .. } => None,
        }
    }

    fn get(store: &MemoryStore, key: &str) -> Option<Versioned> {
        TestClock::new().block_on(store.get(&[key])).unwrap().pop().unwrap()
    }

    #[test]
    fn of_writers_that_expect_the_same_one_succeeds() {
        let (_, store) = store();
        let first = put(&store, "k", Expected::Absent, "a", None).unwrap();
        assert_eq!(put(&store, "k", Expected::Absent, "b", None), None);
        let second = put(&store, "k", Expected::Version(first), "c", None).unwrap();
        assert_eq!(put(&store, "k", Expected::Version(first), "d", None), None);
        assert_eq!(get(&store, "k"), Some(Versioned::new("c", second)));
        let conflict = store.put_if("k", Expected::Absent, Bytes::new(), None);
        let conflict = TestClock::new().block_on(conflict).unwrap();
        assert_eq!(conflict, PutOutcome::conflict(Some(Versioned::new("c", second))));
    }

    #[test]
    fn a_value_is_gone_when_its_time_has_passed_and_not_before() {
        let (clock, store) = store();
        let version = put(&store, "k", Expected::Absent, "a", MINUTE).unwrap();
        clock.advance(Duration::from_nanos(59_999_999_999));
        assert!(get(&store, "k").is_some());
        clock.advance(Duration::from_nanos(1));
        assert_eq!(get(&store, "k"), None);
        assert_eq!(put(&store, "k", Expected::Version(version), "b", None), None);
        let again = put(&store, "k", Expected::Absent, "b", None).unwrap();
        assert_ne!(again, version, "a version is never used twice");
    }

    #[test]
    fn only_the_version_that_is_there_is_deleted() {
        let (_, store) = store();
        let version = put(&store, "k", Expected::Absent, "a", None).unwrap();
        let delete = |version| TestClock::new().block_on(store.delete_if("k", version)).unwrap();
        assert!(!delete(version + 1));
        assert!(delete(version));
        assert!(!delete(version));
        assert_ne!(put(&store, "k", Expected::Absent, "a", None), Some(version));
    }

    #[test]
    fn several_keys_come_in_the_order_they_were_asked_for() {
        let (_, store) = store();
        put(&store, "a", Expected::Absent, "1", None);
        put(&store, "b", Expected::Absent, "2", None);
        let values = TestClock::new().block_on(store.get(&["b", "none", "a", "b"])).unwrap();
        let values: Vec<_> = values.into_iter().map(|value| value.map(|value| value.value)).collect();
        let (a, b) = (Some(Bytes::from("1")), Some(Bytes::from("2")));
        assert_eq!(values, [b.clone(), None, a, b]);
    }

    #[test]
    fn a_full_store_refuses_new_keys_until_old_ones_expire() {
        let (clock, store) = store();
        let store = store.with_capacity(2);
        put(&store, "a", Expected::Absent, "1", MINUTE);
        let version = put(&store, "b", Expected::Absent, "1", None).unwrap();
        let third = || TestClock::new().block_on(store.put_if("c", Expected::Absent, Bytes::new(), None));
        assert!(third().is_err());
        assert!(
            put(&store, "b", Expected::Version(version), "2", None).is_some(),
            "what is there can be changed"
        );
        clock.advance(Duration::from_secs(60));
        assert!(third().is_ok());
    }
}
