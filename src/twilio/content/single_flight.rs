//! One of many does the work, and the others wait for what comes of it.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::time::Time;
use crate::bounded;
use crate::clock::timeout;
use crate::error::{Error, Failure, Result};

/// Values that are made once for each key, by whoever asks first, and kept.
///
/// There is no task: the first one's own future does the work. If it is dropped, or its own time is too short, one of
/// those who wait takes over. So it is if it is kept but not polled for the time in which any request ends: its owner may be
/// waiting for one of those who wait. Locks are held only to look and to note.
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

    /// Puts a value in place of the one that is there, if that is (still) such a one.
    pub(super) fn replace(&self, key: &K, such: impl Fn(&V) -> bool, value: V) {
        let mut inner = self.inner();
        if let Some(known) = inner.known.get_mut(key).filter(|known| such(&known.value)) {
            known.value = value;
        }
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
        let mut stalled: Option<Arc<Flight<V>>> = None;
        loop {
            match self.turn(key, &usable, stalled.as_ref(), time.clock.elapsed()) {
                Turn::Known(value) => return Ok(value),
                Turn::Wait(wait) => {
                    let flight = Arc::clone(&wait.flight);
                    match time.within(wait.unless_stalled(time)).await? {
                        Some(Outcome::Made(value)) => return Ok(value),
                        Some(Outcome::Failed(failure)) => return Err(Error::from(*failure)),
                        Some(Outcome::Abandoned) => {}
                        None => stalled = Some(flight),
                    }
                }
                Turn::Lead(lead) => {
                    let mut work = pin!(work);
                    let work = std::future::poll_fn(|cx| {
                        lead.flight.progress().polled_at = time.clock.elapsed();
                        work.as_mut().poll(cx)
                    });
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

    /// What to do now, if the flight that is `stalled` is waited for no longer.
    fn turn(
        &self,
        key: &K,
        usable: impl Fn(&V) -> bool,
        stalled: Option<&Arc<Flight<V>>>,
        now: Duration,
    ) -> Turn<'_, K, V> {
        let mut inner = self.inner();
        inner.uses += 1;
        let uses = inner.uses;
        if let Some(known) = inner.known.get_mut(key).filter(|known| usable(&known.value)) {
            known.last_use = uses;
            return Turn::Known(known.value.clone());
        }
        let of_use = |flight: &&Arc<Flight<V>>| stalled.is_none_or(|stalled| !Arc::ptr_eq(flight, stalled));
        if let Some(flight) = inner.flights.get(key).filter(of_use) {
            return Turn::Wait(Wait { flight: Arc::clone(flight), place: uses });
        }
        let flight =
            Arc::new(Flight(Mutex::new(Progress { outcome: None, polled_at: now, waiting: HashMap::new() })));
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
    /// Whether it is this flight that others wait for.
    fn is_of(&self, key: &K, flight: &Arc<Flight<V>>) -> bool {
        self.flights.get(key).is_some_and(|current| Arc::ptr_eq(current, flight))
    }

    fn note(&mut self, key: K, value: V) {
        let known = Known { value, last_use: self.uses };
        bounded::insert(&mut self.known, self.most, key, known, |known| known.last_use);
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
    /// When the work was last gone on with, by the clock's monotonic time.
    polled_at: Duration,
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
            let mut inner = self.all.inner();
            // What another one has made meanwhile, who took over, is kept.
            if inner.is_of(&self.key, &self.flight) || !inner.known.contains_key(&self.key) {
                inner.note(self.key.clone(), value.clone());
            }
        }
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Outcome<V>) {
        self.ended = true;
        {
            let mut inner = self.all.inner();
            if inner.is_of(&self.key, &self.flight) {
                inner.flights.remove(&self.key);
            }
        }
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

impl<V: Clone> Wait<V> {
    /// The outcome, unless nobody goes on with the work.
    async fn unless_stalled(mut self, time: &Time<'_>) -> Option<Outcome<V>> {
        loop {
            let end = self.flight.progress().polled_at.saturating_add(time.stall);
            let left = end.saturating_sub(time.clock.elapsed());
            let outcome = timeout(time.clock, left, &mut self).await;
            if outcome.is_some() || left.is_zero() {
                return outcome;
            }
        }
    }
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
