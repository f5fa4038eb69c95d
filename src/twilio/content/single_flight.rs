//! One of many does the work, and the others wait for what comes of it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::time::Time;
use crate::error::{Error, Failure, Result};

/// Values that are made once for each key, by whoever asks first, and kept.
///
/// There is no task: the first one's own future does the work. If it is dropped, or its own time is too short, one of
/// those who wait takes over. Locks are held only to look and to note.
pub(super) struct SingleFlight<K, V>(Mutex<Inner<K, V>>);

struct Inner<K, V> {
    known: HashMap<K, Known<V>>,
    flights: HashMap<K, Arc<Flight<V>>>,
    /// The most values that are kept. Of too many, the one that was not used for longest is forgotten.
    most: usize,
    uses: u64,
}

struct Known<V> {
    value: V,
    last_use: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> SingleFlight<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self(Mutex::new(Inner { known: HashMap::new(), flights: HashMap::new(), most, uses: 0 }))
    }

    /// The value, if there is one. Nobody is waited for.
    pub(super) fn known(&self, key: &K) -> Option<V> {
        self.inner().known.get(key).map(|known| known.value.clone())
    }

    /// Notes a value in place of the one that is there.
    pub(super) fn note(&self, key: K, value: V) {
        self.inner().note(key, value);
    }

    /// Forgets the value, if it is (still) such a one.
    pub(super) fn forget(&self, key: &K, such: impl Fn(&V) -> bool) {
        let mut inner = self.inner();
        if inner.known.get(key).is_some_and(|known| such(&known.value)) {
            inner.known.remove(key);
        }
    }

    /// The value that is there, if it is usable, and otherwise what `work` makes, which is done by one at a time.
    ///
    /// # Errors
    ///
    /// Those of the work, whoever does it, and those of the time.
    pub(super) async fn get(
        &self,
        key: &K,
        usable: impl Fn(&V) -> bool,
        time: &Time<'_>,
        work: impl Future<Output = Result<V>>,
    ) -> Result<V> {
        loop {
            match self.turn(key, &usable) {
                Turn::Known(value) => return Ok(value),
                Turn::Wait(wait) => match time.within(wait).await? {
                    Outcome::Made(value) => return Ok(value),
                    Outcome::Failed(failure) => return Err(Error::from(*failure)),
                    Outcome::Abandoned => {}
                },
                Turn::Lead(lead) => {
                    let result = work.await;
                    lead.end(match &result {
                        Ok(value) => Outcome::Made(value.clone()),
                        // Whose own time was too short knows nothing about the time of others.
                        Err(_) if time.is_to_blame() => Outcome::Abandoned,
                        Err(error) => Outcome::Failed(Box::new(error.failure().clone())),
                    });
                    return result;
                }
            }
        }
    }

    fn turn(&self, key: &K, usable: impl Fn(&V) -> bool) -> Turn<'_, K, V> {
        let mut inner = self.inner();
        inner.uses += 1;
        let uses = inner.uses;
        if let Some(known) = inner.known.get_mut(key).filter(|known| usable(&known.value)) {
            known.last_use = uses;
            return Turn::Known(known.value.clone());
        }
        if let Some(flight) = inner.flights.get(key) {
            return Turn::Wait(Wait { flight: Arc::clone(flight), place: uses });
        }
        let flight = Arc::new(Flight(Mutex::new(Progress { outcome: None, waiting: HashMap::new() })));
        inner.flights.insert(key.clone(), Arc::clone(&flight));
        Turn::Lead(Lead { all: self, key: key.clone(), flight, ended: false })
    }
}

impl<K, V> SingleFlight<K, V> {
    fn inner(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, V> Inner<K, V> {
    fn note(&mut self, key: K, value: V) {
        if self.known.len() >= self.most && !self.known.contains_key(&key) {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.last_use);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        self.known.insert(key, Known { value, last_use: self.uses });
    }
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SingleFlight({})", self.inner().known.len())
    }
}

/// What somebody who asks has to do.
enum Turn<'a, K: Clone + Eq + Hash, V> {
    /// Nothing.
    Known(V),
    /// Wait for another one.
    Wait(Wait<V>),
    /// The work.
    Lead(Lead<'a, K, V>),
}

/// The work of one, for which others may be waiting.
struct Flight<V>(Mutex<Progress<V>>);

struct Progress<V> {
    outcome: Option<Outcome<V>>,
    waiting: HashMap<u64, Waker>,
}

#[derive(Clone)]
enum Outcome<V> {
    Made(V),
    Failed(Box<Failure>),
    /// Whoever did the work does it no longer.
    Abandoned,
}

impl<V> Flight<V> {
    fn progress(&self) -> MutexGuard<'_, Progress<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever does the work. Dropped before the end, it leaves the work to another one.
struct Lead<'a, K: Clone + Eq + Hash, V> {
    all: &'a SingleFlight<K, V>,
    key: K,
    flight: Arc<Flight<V>>,
    ended: bool,
}

impl<K: Clone + Eq + Hash, V> Lead<'_, K, V> {
    fn end(mut self, outcome: Outcome<V>)
    where
        V: Clone,
    {
        if let Outcome::Made(value) = &outcome {
            self.all.inner().note(self.key.clone(), value.clone());
        }
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Outcome<V>) {
        self.ended = true;
        self.all.inner().flights.remove(&self.key);
        let waiting = {
            let mut progress = self.flight.progress();
            progress.outcome = Some(outcome);
            std::mem::take(&mut progress.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }
}

impl<K: Clone + Eq + Hash, V> Drop for Lead<'_, K, V> {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(Outcome::Abandoned);
        }
    }
}

/// Waits for another one's work.
struct Wait<V> {
    flight: Arc<Flight<V>>,
    place: u64,
}

impl<V: Clone> Future for Wait<V> {
    type Output = Outcome<V>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<V>> {
        let mut progress = self.flight.progress();
        if let Some(outcome) = &progress.outcome {
            return Poll::Ready(outcome.clone());
        }
        let before = progress.waiting.insert(self.place, cx.waker().clone());
        // A waker may be all that keeps a task: it goes when the lock is free.
        drop(progress);
        drop(before);
        Poll::Pending
    }
}

impl<V> Drop for Wait<V> {
    fn drop(&mut self) {
        let waker = self.flight.progress().waiting.remove(&self.place);
        drop(waker);
    }
}

#[cfg(test)]
mod tests;
