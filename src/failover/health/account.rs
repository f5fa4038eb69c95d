use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::{Breaker, Change};
use super::{HealthAspect, HealthPolicy};
use crate::clock::{Clock, Timestamp};
use crate::error::ErrorKind;
use crate::outbound::Category;

/// What is known of one sender's account: whether it may send, and which categories pause because they were throttled.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) breaker: Arc<Breaker>,
    policy: HealthPolicy,
    clock: Arc<dyn Clock>,
    signs: Mutex<Signs>,
}

#[derive(Debug, Default)]
struct Signs {
    /// Until when each category pauses.
    pauses: Vec<(Category, Duration)>,
    /// The recipient that was throttled last, where it may have been the sender, and when.
    suspect: Option<(u64, Duration)>,
    /// The messages whose statuses have said, in a row, that the account is blocked.
    blocked: HashSet<u64>,
}

impl Account {
    pub(super) fn new(policy: HealthPolicy, clock: Arc<dyn Clock>) -> Self {
        let breaker = Arc::new(Breaker::new(HealthAspect::Account, policy.clone(), Arc::clone(&clock)));
        Self { breaker, policy, clock, signs: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long a category still pauses, if it does.
    pub(super) fn paused(&self, category: Category) -> Option<Duration> {
        let now = self.clock.elapsed();
        let signs = self.signs();
        let until = signs.pauses.iter().find(|(paused, _)| *paused == category)?.1;
        Some(until.saturating_sub(now)).filter(|left| !left.is_zero())
    }

    /// Lets a category pause for as long as the provider asks, or for the usual time. Never shortens a pause. Answers
    /// with its length.
    pub(super) fn pause(&self, category: Category, wait: Option<Duration>) -> Duration {
        let wait = wait.unwrap_or(self.policy.pause).min(self.policy.pause_max);
        let until = self.clock.elapsed().saturating_add(wait);
        let mut signs = self.signs();
        match signs.pauses.iter_mut().find(|(paused, _)| *paused == category) {
            Some((_, end)) => *end = until.max(*end),
            None => signs.pauses.push((category, until)),
        }
        wait
    }

    /// A recipient was throttled, or the sender was: says whether it was the sender.
    pub(super) fn suspect(&self, recipient: u64) -> bool {
        let now = self.clock.elapsed();
        let before = self.signs().suspect.replace((recipient, now));
        before.is_some_and(|(other, at)| other != recipient && now.saturating_sub(at) < self.policy.suspicion)
    }

    /// A message's status says that the account is blocked. Opens the breaker after several in a row.
    pub(super) fn blocked_status(&self, message: u64, cause: ErrorKind, credentials: u64) -> Option<Change> {
        let mut signs = self.signs();
        signs.blocked.insert(message);
        if signs.blocked.len() < self.policy.blocked_statuses.max(1) {
            return None;
        }
        signs.blocked.clear();
        drop(signs);
        self.breaker.trip(cause, credentials)
    }

    /// A message went on its way, so the account is not blocked.
    pub(super) fn well_status(&self) {
        self.signs().blocked.clear();
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
