//! What webhooks teach: who wrote to whom and when, what a user is called, who is blocked, and what was accepted.
//!
//! Knowledge **fails open**: a store that does not answer leaves this process with what it knows by itself, and no
//! message waits for it for longer than [`FailoverPolicy::knowledge_limit`](super::FailoverPolicy::knowledge_limit).

use std::collections::{BTreeMap, HashSet};
use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

mod cache;
mod fact;
mod name;

pub(super) use fact::{Alias, Block, Contact, Fact, Seen, WINDOW};
pub(super) use name::{Name, alias_key, block_key, contact_key, restriction_key, seen_key, status_block_key};

use name::is_of_a_message;

use self::cache::Cache;
use crate::clock::{Clock, timeout};
use crate::state::{Expected, PutOutcome, StateError, StateStore, Versioned};

/// How many facts of each of two sorts a process keeps by itself.
const CAPACITY: usize = 50_000;

/// How many writes go to the store at a time.
const AT_ONCE: usize = 16;

/// How often a write is tried again because somebody else was faster.
const TRIES: usize = 3;

/// What is known, in this process and in the store.
pub(super) struct Knowledge {
    store: Option<Arc<dyn StateStore>>,
    clock: Arc<dyn Clock>,
    remember: Duration,
    /// Facts about users and senders.
    facts: Mutex<Cache>,
    /// Facts about single messages, which are many and would crowd the others out.
    seen: Mutex<Cache>,
}

/// The store could not be asked, or did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAsked;

/// What was found under some keys.
pub(super) struct Found {
    facts: BTreeMap<String, Fact>,
    /// Whether the store was asked, if there is one.
    pub(super) asked: Result<(), NotAsked>,
}

impl Found {
    pub(super) fn get(&self, key: &str) -> Option<&Fact> {
        self.facts.get(key)
    }

    /// Adds what was found under other keys.
    pub(super) fn extend(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.asked = self.asked.and(other.asked);
    }

    pub(super) fn contact(&self, key: &str) -> Option<&Contact> {
        if let Some(Fact::Contact(contact)) = self.get(key) { Some(contact) } else { None }
    }

    pub(super) fn block(&self, key: &str) -> Option<&Block> {
        if let Some(Fact::Block(block)) = self.get(key) { Some(block) } else { None }
    }

    pub(super) fn seen(&self, key: &str) -> Option<&Seen> {
        if let Some(Fact::Seen(seen)) = self.get(key) { Some(seen) } else { None }
    }

    /// The names that users with these names have besides.
    pub(super) fn other_names(&self, names: &[Name]) -> Vec<Name> {
        let mut others = Vec::new();
        for name in names {
            if let Some(Fact::Alias(alias)) = self.get(&alias_key(name)) {
                others.extend(alias.names.iter().map(|(other, _)| other.clone()));
            }
        }
        others.retain(|other| !names.contains(other));
        others.sort_unstable();
        others.dedup();
        others
    }
}

impl Knowledge {
    pub(super) fn new(store: Option<Arc<dyn StateStore>>, clock: Arc<dyn Clock>, remember: Duration) -> Self {
        let cache = || Mutex::new(Cache::new(CAPACITY));
        Self { store, clock, remember, facts: cache(), seen: cache() }
    }

    /// Reads all the keys at once, within `limit`.
    pub(super) async fn read(&self, keys: &[String], limit: Duration) -> Found {
        let stored = match &self.store {
            None => Ok(Vec::new()),
            Some(store) => match timeout(&*self.clock, limit, get(&**store, keys)).await {
                Some(Ok(values)) => Ok(values),
                Some(Err(_)) | None => Err(NotAsked),
            },
        };
        let asked = stored.as_ref().map(|_| ()).map_err(|not_asked| *not_asked);
        let mut stored = stored.unwrap_or_default().into_iter();
        for key in keys {
            if let Some(fact) = stored.next().flatten().and_then(|value| Fact::from_json(&value.value)) {
                self.hear(key, &fact);
            }
        }
        Found { asked, ..self.remembered(keys) }
    }

    /// What this process knows by itself under these keys.
    pub(super) fn remembered(&self, keys: &[String]) -> Found {
        let now = self.clock.elapsed();
        let fact = |key: &String| Some((key.clone(), self.cache(key).get(key, now)?.clone()));
        Found { facts: keys.iter().filter_map(fact).collect(), asked: Ok(()) }
    }

    /// Takes down what the store has.
    fn hear(&self, key: &str, fact: &Fact) {
        let mut cache = self.cache(key);
        cache.learn(key, fact.clone(), self.clock.elapsed(), self.kept(fact));
        cache.stored(key, fact);
    }

    /// Adds to what is known, here at once and in the store within `limit`. The first facts are written first.
    pub(super) async fn learn(&self, facts: Vec<(String, Fact)>, limit: Duration) -> Result<(), NotAsked> {
        let keys: Vec<String> = {
            let now = self.clock.elapsed();
            let news = facts.into_iter().filter_map(|(key, fact)| {
                let kept = self.kept(&fact);
                self.cache(&key).learn(&key, fact, now, kept).then_some(key)
            });
            let mut known = HashSet::new();
            news.filter(|key| known.insert(key.clone())).collect()
        };
        let Some(store) = self.store.as_deref().filter(|_| !keys.is_empty()) else {
            return Ok(());
        };
        let write = self.write(store, &keys);
        timeout(&*self.clock, limit, write).await.unwrap_or(Err(NotAsked))
    }

    /// Writes to the store what is known here under these keys.
    async fn write(&self, store: &dyn StateStore, keys: &[String]) -> Result<(), NotAsked> {
        let there = get(store, keys).await.map_err(|_| NotAsked)?;
        let pairs = keys.iter().zip(there);
        let writing: Vec<_> = pairs.map(|(key, there)| self.write_one(store, key, there)).collect();
        let written = stream::iter(writing).buffer_unordered(AT_ONCE);
        written.fold(Ok(()), |all, one| future::ready(all.and(one))).await
    }

    async fn write_one(
        &self,
        store: &dyn StateStore,
        key: &str,
        mut there: Option<Versioned>,
    ) -> Result<(), NotAsked> {
        for _ in 0..TRIES {
            let known = self.cache(key).get(key, self.clock.elapsed()).cloned();
            let Some(known) = known else { return Ok(()) };
            let (expected, before) = match &there {
                None => (Expected::Absent, None),
                Some(current) => (Expected::Version(current.version), Fact::from_json(&current.value)),
            };
            if there.is_some() && before.is_none() {
                // A newer version wrote it, and knows more.
                return Ok(());
            }
            let merged = before.clone().map_or(known.clone(), |before| before.merge(known.clone()));
            if before.as_ref() != Some(&merged) {
                let ttl = Some(self.kept(&merged));
                let json = Bytes::from(merged.to_json());
                match store.put_if(key, expected, json, ttl).await.map_err(|_| NotAsked)? {
                    PutOutcome::Stored { .. } => {}
                    PutOutcome::Conflict { current } => {
                        there = current;
                        continue;
                    }
                }
            }
            self.hear(key, &merged);
            return Ok(());
        }
        Err(NotAsked)
    }

    fn kept(&self, fact: &Fact) -> Duration {
        fact.kept(self.clock.now(), self.remember)
    }

    /// The facts of this process among which one with this key is.
    fn cache(&self, key: &str) -> MutexGuard<'_, Cache> {
        let cache = if is_of_a_message(key) { &self.seen } else { &self.facts };
        cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn get(store: &dyn StateStore, keys: &[String]) -> Result<Vec<Option<Versioned>>, StateError> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    store.get(&keys).await
}

#[cfg(test)]
mod tests;
