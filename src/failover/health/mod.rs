//! Who is well: what a member's attempts say of it, and what follows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::Standing;
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Failure, Hint};
use crate::outbound::Category;

mod account;
mod breaker;
mod calls;
mod in_flight;
mod policy;
mod registry;

pub(super) use breaker::Change;
pub use policy::HealthPolicy;
pub use registry::HealthRegistry;

use account::Account;
use breaker::{Breaker, Leave};

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HealthState {
    /// Used.
    Closed,
    /// Not used.
    Open,
    /// Tried, one message at a time.
    HalfOpen,
}

/// What of a member is well or not. Each has a circuit breaker of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HealthAspect {
    /// Whether its API answers. Shared by all members with the same one.
    Reachability,
    /// Whether it may send: credentials, suspensions, bills. Belongs to one sender.
    Account,
}

impl HealthState {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl HealthAspect {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reachability => "reachability",
            Self::Account => "account",
        }
    }
}

/// What an attempt says about a member's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It accepted a message.
    Well,
    /// It could not be reached, or gave no usable answer. The number stands for the recipient.
    Failed { cause: ErrorKind, recipient: u64 },
    /// It is well, but not for us.
    Blocked { cause: ErrorKind },
    /// The attempt says nothing about the member.
    Nothing,
}

impl Verdict {
    /// Only outages and account trouble count. What a message or a recipient caused never does: one bad recipient must
    /// not close the door for everybody.
    pub(super) fn of(kind: ErrorKind, recipient: u64) -> Self {
        match kind {
            ErrorKind::Unavailable | ErrorKind::NoAnswer => Self::Failed { cause: kind, recipient },
            ErrorKind::Credentials | ErrorKind::AccountBlocked => Self::Blocked { cause: kind },
            _ => Self::Nothing,
        }
    }

    /// As [`of`](Self::of), unless it was something beside the member's API that failed.
    pub(super) fn of_failure(failure: &Failure, recipient: u64) -> Self {
        match failure.hint {
            Some(Hint::Beside) => Self::Nothing,
            _ => Self::of(failure.kind, recipient),
        }
    }

    /// What of it concerns whether the API answers: one that refuses us does, and says no more.
    fn of_reach(self) -> Self {
        if let Self::Blocked { .. } = self { Self::Nothing } else { self }
    }

    /// What of it concerns the account: of one that cannot be asked nothing is known.
    fn of_account(self) -> Self {
        if let Self::Failed { .. } = self { Self::Nothing } else { self }
    }

    /// Whether a failure speaks against the member.
    pub(super) fn counts(failure: &Failure) -> bool {
        Self::of_failure(failure, 0) != Self::Nothing
    }
}

/// The health of one member, whose parts may be other members' as well.
#[derive(Debug)]
pub(super) struct Health {
    reach: Arc<Breaker>,
    account: Arc<Account>,
    /// Taken out of service by hand.
    isolated: AtomicBool,
    admission: Mutex<Admission>,
}

/// Since when what was said of a member's account holds.
#[derive(Debug)]
struct Admission {
    /// When it was last let in by hand, or with new credentials, by the time of day.
    at: Timestamp,
    credentials: Option<u64>,
}

/// Leave to make one attempt, by both breakers.
#[derive(Debug)]
pub(super) struct Permit {
    reach: Leave,
    account: Leave,
}

impl Health {
    fn new(reach: Arc<Breaker>, account: Arc<Account>) -> Self {
        let admission = Admission { at: Timestamp::UNIX_EPOCH, credentials: None };
        Self { reach, account, isolated: AtomicBool::new(false), admission: Mutex::new(admission) }
    }

    /// Looks whether attempts stall and whether the credentials were replaced. Whoever is about to look at the
    /// [standing](Self::standing) calls this first.
    pub(super) fn settle(&self, credentials: u64) -> Option<Change> {
        self.account.breaker.try_with(credentials);
        let mut admission = self.admission();
        if admission.credentials.replace(credentials).is_some_and(|before| before != credentials) {
            admission.at = self.account.now();
        }
        drop(admission);
        self.reach.settle()
    }

    pub(super) fn standing(&self) -> Standing {
        if self.isolated.load(Ordering::Acquire) {
            return Standing::Isolated;
        }
        worse(self.account.breaker.standing(), self.reach.standing())
    }

    /// How long this category still pauses, because the member throttled it.
    pub(super) fn paused(&self, category: Category) -> Option<Duration> {
        self.account.paused(category)
    }

    /// Leave for an attempt. `None` if a trial of the member is out already, unless `forced`: then the attempt is made
    /// all the same. Tells what changed with it.
    pub(super) fn permit(&self, forced: bool) -> (Option<Permit>, [Option<Change>; 2]) {
        let Some((account, first)) = self.account.breaker.leave(forced) else {
            return (None, [None, None]);
        };
        let Some((reach, second)) = self.reach.leave(forced) else {
            return (None, [first, None]);
        };
        (Some(Permit { reach, account }), [first, second])
    }

    /// Takes the member out of service, or lets it in again.
    pub(super) fn isolate(&self, isolated: bool) {
        self.isolated.store(isolated, Ordering::Release);
    }

    /// Lets it be tried at once, whatever it is not well from.
    pub(super) fn try_now(&self) {
        self.reach.try_now();
        self.account.breaker.try_now();
        self.admission().at = self.account.now();
    }

    /// What was said of its account before this time of day holds no longer.
    pub(super) fn let_in_at(&self) -> Timestamp {
        self.admission().at
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account may send again, as of this time.
    pub(super) fn reinstated(&self, time: Timestamp) {
        self.account.breaker.try_if_opened_before(time);
    }

    /// Lets a category pause, and tells for how long.
    pub(super) fn pause(&self, category: Category, wait: Option<Duration>) -> Duration {
        self.account.pause(category, wait)
    }

    /// See [`Account::suspect`].
    pub(super) fn suspect(&self, recipient: u64) -> bool {
        self.account.suspect(recipient)
    }

    /// See [`Account::blocked_status`].
    pub(super) fn blocked_status(&self, message: u64, cause: ErrorKind, credentials: u64) -> Option<Change> {
        self.account.blocked_status(message, cause, credentials)
    }

    /// See [`Account::well_status`].
    pub(super) fn well_status(&self) {
        self.account.well_status();
    }

    /// The states of reachability and account, the failures in a row, and the attempts that wait for an answer.
    pub(super) fn look(&self) -> (HealthState, HealthState, usize, usize) {
        let (reach, failures, waiting) = self.reach.look();
        (reach, self.account.breaker.look().0, failures, waiting)
    }
}

impl Permit {
    /// Whether it is a trial of a member that was unwell.
    pub(super) fn is_trial(&self) -> bool {
        self.reach.is_trial() || self.account.is_trial()
    }

    /// Whether the member's own probe should be asked before a message is risked.
    pub(super) fn wants_probe(&self) -> bool {
        self.reach.wants_probe() || self.account.wants_probe()
    }

    /// Takes down that the message has left.
    pub(super) fn departed(&mut self, recipient: u64) {
        self.reach.departed(recipient);
    }

    /// Takes down that the member's own probe failed: whichever breaker let it be tried opens again.
    pub(super) fn refuted(self, verdict: Verdict, credentials: u64) -> [Option<Change>; 2] {
        [self.reach.record(verdict.of_reach(), credentials), self.account.refute(verdict, credentials)]
    }

    /// Takes down that the probe found the member alive, and gives the trial back.
    pub(super) fn probed(self) {
        self.reach.probed();
        self.account.probed();
    }

    /// Takes down what the attempt said about the member, and tells what changed.
    pub(super) fn record(self, verdict: Verdict, credentials: u64) -> [Option<Change>; 2] {
        let reach = self.reach.record(verdict.of_reach(), credentials);
        [reach, self.account.record(verdict.of_account(), credentials)]
    }
}

/// What is true of a member of whom both are.
pub(super) fn worse(account: Standing, reach: Standing) -> Standing {
    match (account, reach) {
        (Standing::Isolated, _) | (_, Standing::Isolated) => Standing::Isolated,
        (Standing::Open { cause, remaining }, Standing::Open { remaining: other, .. }) => {
            Standing::open(cause, remaining.max(other))
        }
        (open @ Standing::Open { .. }, _) | (_, open @ Standing::Open { .. }) => open,
        (Standing::Trial, _) | (_, Standing::Trial) => Standing::Trial,
        (Standing::Recovering, _) | (_, Standing::Recovering) => Standing::Recovering,
        (Standing::Ready, Standing::Ready) => Standing::Ready,
    }
}

#[cfg(test)]
mod tests;
