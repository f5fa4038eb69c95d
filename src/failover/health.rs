use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::plan::Standing;
use super::policy::HealthPolicy;
use crate::clock::Clock;
use crate::error::ErrorKind;

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
}

/// The state of a member's circuit breaker, as an observer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HealthState {
    /// Used.
    Closed,
    /// Not used.
    Open,
    /// Tried, one message at a time.
    HalfOpen,
}

/// The health of one member.
///
/// The lock is held for a few instructions and never while something is waited for.
#[derive(Debug)]
pub(super) struct Health {
    policy: HealthPolicy,
    clock: Arc<dyn Clock>,
    breaker: Mutex<Breaker>,
}

#[derive(Debug)]
struct Breaker {
    state: State,
    /// The recipients of the failures in a row.
    failed: Vec<u64>,
    /// How often it opened since that was last forgotten: by outages, and by trouble with the account.
    openings: [u32; 2],
    /// When traffic last went away from it.
    left_at: Option<Duration>,
    /// When it last became well.
    closed_at: Duration,
    /// Counts the changes of state: a result that began before the last one is late.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open { cause: ErrorKind, until: Duration },
    HalfOpen { cause: ErrorKind, successes: u32, trial_out: bool },
}

impl State {
    const fn name(self) -> HealthState {
        match self {
            Self::Closed => HealthState::Closed,
            Self::Open { .. } => HealthState::Open,
            Self::HalfOpen { .. } => HealthState::HalfOpen,
        }
    }
}

/// A state, and the one after it.
pub(super) type Change = (HealthState, HealthState);

fn changed(before: State, after: State) -> Option<Change> {
    (before.name() != after.name()).then(|| (before.name(), after.name()))
}

/// Leave to make one attempt. What is learned from it is [recorded](Self::record); dropped without that, it only gives
/// the trial back, so a send that is dropped can leave no breaker stuck.
#[derive(Debug)]
pub(super) struct Permit {
    health: Arc<Health>,
    epoch: u64,
    is_trial: bool,
    is_probed: bool,
}

impl Health {
    pub(super) fn new(policy: HealthPolicy, clock: Arc<dyn Clock>) -> Self {
        let breaker = Breaker {
            state: State::Closed,
            failed: Vec::new(),
            openings: [0; 2],
            left_at: None,
            closed_at: clock.elapsed(),
            epoch: 0,
        };
        Self { policy, clock, breaker: Mutex::new(breaker) }
    }

    pub(super) fn standing(&self) -> Standing {
        let now = self.clock.elapsed();
        let breaker = self.breaker();
        match breaker.state {
            State::Open { cause, until } if now < until => Standing::open(cause, until - now),
            // Somebody is on trial; the others go on as if it were open until that is over.
            State::HalfOpen { cause, trial_out: true, .. } => Standing::open(cause, Duration::ZERO),
            State::Open { .. } | State::HalfOpen { .. } => Standing::Trial,
            State::Closed
                if breaker.left_at.is_some_and(|left| now < left.saturating_add(self.policy.fail_back)) =>
            {
                Standing::Recovering
            }
            State::Closed => Standing::Ready,
        }
    }

    /// Leave for an attempt. `None` if the one trial at a time is out already, unless `forced`: then the attempt is
    /// made all the same. Tells whether the state changed with it.
    pub(super) fn permit(self: &Arc<Self>, forced: bool) -> Option<(Permit, Option<Change>)> {
        let now = self.clock.elapsed();
        let mut breaker = self.breaker();
        let before = breaker.state;
        let (is_trial, is_probed) = match breaker.state {
            State::Closed => (false, true),
            State::Open { cause, until } if now >= until => {
                breaker.change(State::HalfOpen { cause, successes: 0, trial_out: true });
                (true, false)
            }
            State::HalfOpen { cause, successes, trial_out: false } => {
                breaker.state = State::HalfOpen { cause, successes, trial_out: true };
                (true, successes > 0)
            }
            State::Open { .. } | State::HalfOpen { .. } if forced => (false, true),
            State::Open { .. } | State::HalfOpen { .. } => return None,
        };
        let change = changed(before, breaker.state);
        Some((Permit { health: Arc::clone(self), epoch: breaker.epoch, is_trial, is_probed }, change))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, breaker: &mut Breaker, cause: ErrorKind) {
        let now = self.clock.elapsed();
        let calm = matches!(breaker.state, State::Closed)
            && now.saturating_sub(breaker.closed_at) >= self.policy.forget;
        if calm {
            breaker.openings = [0; 2];
        }
        if matches!(breaker.state, State::Closed) {
            breaker.left_at = Some(now);
        }
        let [outages, blocks] = &mut breaker.openings;
        let (openings, first, max) = match cause {
            ErrorKind::Credentials | ErrorKind::AccountBlocked => {
                (blocks, self.policy.blocked, self.policy.blocked_max)
            }
            _ => (outages, self.policy.open, self.policy.open_max),
        };
        let doubled = first.saturating_mul(2_u32.saturating_pow(*openings)).min(max);
        *openings = openings.saturating_add(1);
        let until = now.saturating_add(self.jitter(doubled));
        breaker.change(State::Open { cause, until });
    }

    /// After so many successes in a row of messages that were risked.
    fn succeed(&self, breaker: &mut Breaker, cause: ErrorKind, successes: u32) {
        if successes >= self.policy.successes {
            breaker.change(State::Closed);
            breaker.closed_at = self.clock.elapsed();
        } else if matches!(breaker.state, State::HalfOpen { .. }) {
            breaker.state = State::HalfOpen { cause, successes, trial_out: false };
        } else {
            breaker.change(State::HalfOpen { cause, successes, trial_out: false });
        }
    }

    /// Between half of the time and all of it, so that many machines do not come back at once.
    fn jitter(&self, time: Duration) -> Duration {
        let half = time / 2;
        let share = (self.clock.random() >> 32) as f64 / f64::from(u32::MAX);
        half + half.mul_f64(share)
    }
}

impl Breaker {
    fn change(&mut self, state: State) {
        self.state = state;
        self.failed.clear();
        self.epoch += 1;
    }
}

impl Permit {
    /// Whether it is a trial of a member that was unwell.
    pub(super) fn is_trial(&self) -> bool {
        self.is_trial
    }

    /// Whether the member's own probe should be asked before a message is risked.
    pub(super) fn wants_probe(&self) -> bool {
        !self.is_probed
    }

    /// Takes down what the attempt said about the member, and tells whether its state changed.
    pub(super) fn record(mut self, verdict: Verdict) -> Option<Change> {
        let health = Arc::clone(&self.health);
        let mut breaker = health.breaker();
        // A trial answers for itself; any other attempt must have begun in the state that still holds.
        if breaker.epoch != self.epoch {
            return None;
        }
        let before = breaker.state;
        match (before, verdict) {
            (State::Closed, Verdict::Well) => breaker.failed.clear(),
            (State::Closed, Verdict::Failed { cause, recipient }) => {
                if !breaker.failed.contains(&recipient) {
                    breaker.failed.push(recipient);
                }
                if breaker.failed.len() >= health.policy.failures.max(1) {
                    health.open(&mut breaker, cause);
                }
            }
            (State::Closed, Verdict::Blocked { cause }) => health.open(&mut breaker, cause),
            (State::HalfOpen { cause, successes, .. }, Verdict::Well) if self.is_trial => {
                health.succeed(&mut breaker, cause, successes + 1);
            }
            // Nobody else was there, and it worked: as good as a trial.
            (State::Open { cause, .. }, Verdict::Well) => health.succeed(&mut breaker, cause, 1),
            (State::HalfOpen { .. }, Verdict::Failed { cause, .. } | Verdict::Blocked { cause })
                if self.is_trial =>
            {
                health.open(&mut breaker, cause);
            }
            // What says nothing, and what only confirms that it is not well.
            _ => {
                drop(breaker);
                return None;
            }
        }
        self.is_trial = false;
        changed(before, breaker.state)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_trial {
            return;
        }
        let mut breaker = self.health.breaker();
        if breaker.epoch == self.epoch
            && let State::HalfOpen { trial_out, .. } = &mut breaker.state
        {
            *trial_out = false;
        }
    }
}

#[cfg(test)]
mod tests;
