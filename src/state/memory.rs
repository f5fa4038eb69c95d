use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Expected, PutOutcome, StateError, StateStore, Versioned};
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
