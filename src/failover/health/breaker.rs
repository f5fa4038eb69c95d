use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::calls::Calls;
use super::in_flight::InFlight;
use super::{HealthAspect, HealthPolicy, HealthState, Verdict};
use crate::clock::{Clock, Timestamp};
use crate::error::ErrorKind;
use crate::failover::plan::Standing;

/// A circuit breaker: closed while all is well, open after failures, and half open while single messages try whether it
/// is well again.
///
/// The lock is held for a few instructions and never while something is waited for.
#[derive(Debug)]
pub(super) struct Breaker {
    aspect: HealthAspect,
    policy: HealthPolicy,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    calls: Calls,
    in_flight: InFlight,
    /// How often it opened since that was last forgotten.
    openings: u32,
    /// When traffic last went away from it.
    left_at: Option<Duration>,
    /// When it last became well.
    closed_at: Duration,
    /// When it last opened, by the time of day.
    opened_at: Timestamp,
    /// Which credentials it opened with.
    credentials: u64,
    /// Counts the changes of state: a result that began before the last one is late.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    Open { cause: ErrorKind, until: Duration },
    HalfOpen { cause: ErrorKind, successes: u32, trial_out: bool, probed: bool },
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

/// A breaker that changed from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::failover) struct Change {
    pub(in crate::failover) aspect: HealthAspect,
    pub(in crate::failover) from: HealthState,
    pub(in crate::failover) to: HealthState,
}

/// Leave to make one attempt. What is learned from it is [recorded](Self::record); dropped without that, it only gives
/// the trial back, so a send that is dropped can leave no breaker stuck.
#[derive(Debug)]
pub(super) struct Leave {
    breaker: Arc<Breaker>,
    epoch: u64,
    is_trial: bool,
    is_probed: bool,
    in_flight: Option<u64>,
}

impl Breaker {
    pub(super) fn new(aspect: HealthAspect, policy: HealthPolicy, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            state: State::Closed,
            calls: Calls::default(),
            in_flight: InFlight::default(),
            openings: 0,
            left_at: None,
            closed_at: clock.elapsed(),
            opened_at: Timestamp::UNIX_EPOCH,
            credentials: 0,
            epoch: 0,
        };
        Self { aspect, policy, clock, inner: Mutex::new(inner) }
    }

    /// Opens it if too many attempts wait for their answers. Nobody is told of the time, so whoever is about to look
    /// calls this first.
    pub(super) fn settle(&self) -> Option<Change> {
        let now = self.clock.elapsed();
        let mut inner = self.inner();
        let stalled = matches!(inner.state, State::Closed) && inner.in_flight.stalled(now, &self.policy);
        stalled.then(|| self.open(&mut inner, ErrorKind::NoAnswer, 0)).flatten()
    }

    pub(super) fn standing(&self) -> Standing {
        let now = self.clock.elapsed();
        let inner = self.inner();
        match inner.state {
            State::Open { cause, until } if now < until => Standing::open(cause, until - now),
            // Somebody is on trial; the others go on as if it were open until that is over.
            State::HalfOpen { cause, trial_out: true, .. } => Standing::open(cause, Duration::ZERO),
            State::Open { .. } | State::HalfOpen { .. } => Standing::Trial,
            State::Closed
                if inner.left_at.is_some_and(|left| now < left.saturating_add(self.policy.fail_back)) =>
            {
                Standing::Recovering
            }
            State::Closed => Standing::Ready,
        }
    }

    /// Leave for an attempt. `None` if the one trial at a time is out already, unless `forced`: then the attempt is
    /// made all the same. Tells whether the state changed with it.
    pub(super) fn leave(self: &Arc<Self>, forced: bool) -> Option<(Leave, Option<Change>)> {
        let now = self.clock.elapsed();
        let mut inner = self.inner();
        let before = inner.state;
        let (is_trial, is_probed) = match inner.state {
            State::Closed => (false, true),
            State::Open { cause, until } if now >= until => {
                inner.change(State::HalfOpen { cause, successes: 0, trial_out: true, probed: false });
                (true, false)
            }
            State::HalfOpen { cause, successes, trial_out: false, probed } => {
                inner.state = State::HalfOpen { cause, successes, trial_out: true, probed };
                (true, probed)
            }
            State::Open { .. } | State::HalfOpen { .. } if forced => (false, true),
            State::Open { .. } | State::HalfOpen { .. } => return None,
        };
        let change = self.changed(before, inner.state);
        let breaker = Arc::clone(self);
        Some((Leave { breaker, epoch: inner.epoch, is_trial, is_probed, in_flight: None }, change))
    }

    /// Lets an open breaker be tried at once, instead of when its time is over.
    pub(super) fn try_now(&self) {
        let now = self.clock.elapsed();
        if let State::Open { until, .. } = &mut self.inner().state {
            *until = now.min(*until);
        }
    }

    /// As [`try_now`](Self::try_now), if it opened with older credentials than these.
    pub(super) fn try_with(&self, credentials: u64) {
        let opened_with = self.inner().credentials;
        if credentials > opened_with {
            self.try_now();
        }
    }

    /// As [`try_now`](Self::try_now), if it opened before this time of day.
    pub(super) fn try_if_opened_before(&self, time: Timestamp) {
        let opened_at = self.inner().opened_at;
        if opened_at < time {
            self.try_now();
        }
    }

    /// Opens it because of something else than an attempt.
    pub(super) fn trip(&self, cause: ErrorKind, credentials: u64) -> Option<Change> {
        let mut inner = self.inner();
        match inner.state {
            State::Open { .. } => None,
            State::Closed | State::HalfOpen { .. } => self.open(&mut inner, cause, credentials),
        }
    }

    /// Its state, and how much speaks against it: failures in a row, and attempts that are out.
    pub(super) fn look(&self) -> (HealthState, usize, usize) {
        let inner = self.inner();
        (inner.state.name(), inner.calls.in_a_row(), inner.in_flight.len())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, before: State, after: State) -> Option<Change> {
        let (from, to) = (before.name(), after.name());
        (from != to).then_some(Change { aspect: self.aspect, from, to })
    }

    fn open(&self, inner: &mut Inner, cause: ErrorKind, credentials: u64) -> Option<Change> {
        let now = self.clock.elapsed();
        let before = inner.state;
        if matches!(before, State::Closed) {
            if now.saturating_sub(inner.closed_at) >= self.policy.forget {
                inner.openings = 0;
            }
            inner.left_at = Some(now);
        }
        let (first, max) = match self.aspect {
            HealthAspect::Reachability => (self.policy.open, self.policy.open_max),
            HealthAspect::Account => (self.policy.blocked, self.policy.blocked_max),
        };
        let doubled = first.saturating_mul(2_u32.saturating_pow(inner.openings)).min(max);
        inner.openings = inner.openings.saturating_add(1);
        (inner.opened_at, inner.credentials) = (self.clock.now(), credentials);
        inner.change(State::Open { cause, until: now.saturating_add(self.jitter(doubled)) });
        self.changed(before, inner.state)
    }

    /// After so many successes in a row of messages that were risked.
    fn succeed(&self, inner: &mut Inner, cause: ErrorKind, successes: u32) {
        if successes >= self.policy.successes {
            inner.change(State::Closed);
            inner.closed_at = self.clock.elapsed();
            return;
        }
        // A message says more than a probe, so none is needed any more.
        let half_open = State::HalfOpen { cause, successes, trial_out: false, probed: true };
        match inner.state {
            State::HalfOpen { .. } => inner.state = half_open,
            State::Closed | State::Open { .. } => inner.change(half_open),
        }
    }

    /// Between half of the time and all of it.
    fn jitter(&self, time: Duration) -> Duration {
        let half = time / 2;
        let share = (self.clock.random() >> 32) as f64 / f64::from(u32::MAX);
        half + half.mul_f64(share)
    }
}

impl Inner {
    fn change(&mut self, state: State) {
        self.state = state;
        self.calls.clear();
        self.in_flight.clear();
        self.epoch += 1;
    }
}

impl Leave {
    pub(super) fn is_trial(&self) -> bool {
        self.is_trial
    }

    pub(super) fn wants_probe(&self) -> bool {
        !self.is_probed
    }

    /// Takes down that the message has left.
    pub(super) fn departed(&mut self, recipient: u64) {
        let mut inner = self.breaker.inner();
        if inner.epoch == self.epoch && self.in_flight.is_none() {
            self.in_flight = Some(inner.in_flight.depart(self.breaker.clock.elapsed(), recipient));
        }
    }

    /// Takes down that the member's own probe found it alive, and gives the trial back: now a message may be risked.
    pub(super) fn probed(self) {
        let mut inner = self.breaker.inner();
        if inner.epoch == self.epoch
            && self.is_trial
            && let State::HalfOpen { probed, .. } = &mut inner.state
        {
            *probed = true;
        }
    }

    /// As [`record`](Self::record), for a probe: one that failed ends a trial, also where it says nothing of what the
    /// breaker is about.
    pub(super) fn refute(self, verdict: Verdict, credentials: u64) -> Option<Change> {
        let state = self.breaker.inner().state;
        match (state, verdict) {
            (State::HalfOpen { cause, .. }, Verdict::Failed { .. }) => {
                self.record(Verdict::Blocked { cause }, credentials)
            }
            (_, Verdict::Failed { .. }) => None,
            _ => self.record(verdict, credentials),
        }
    }

    /// Takes down what the attempt said about the member, and tells whether its state changed.
    pub(super) fn record(mut self, verdict: Verdict, credentials: u64) -> Option<Change> {
        let breaker = Arc::clone(&self.breaker);
        let mut inner = breaker.inner();
        // A trial answers for itself; any other attempt must have begun in the state that still holds.
        if inner.epoch != self.epoch {
            return None;
        }
        let now = breaker.clock.elapsed();
        let before = inner.state;
        match (before, verdict) {
            (State::Closed, Verdict::Well) => {
                inner.calls.succeeded(now, &breaker.policy);
                inner.in_flight.succeeded(now);
                None
            }
            (State::Closed, Verdict::Failed { cause, recipient }) => inner
                .calls
                .failed(now, recipient, &breaker.policy)
                .then(|| breaker.open(&mut inner, cause, credentials))
                .flatten(),
            (State::Closed, Verdict::Blocked { cause }) => breaker.open(&mut inner, cause, credentials),
            (State::HalfOpen { cause, successes, .. }, Verdict::Well) if self.is_trial => {
                self.is_trial = false;
                breaker.succeed(&mut inner, cause, successes + 1);
                breaker.changed(before, inner.state)
            }
            // Nobody else was there, and it worked: as good as a trial.
            (State::Open { cause, .. }, Verdict::Well) => {
                breaker.succeed(&mut inner, cause, 1);
                breaker.changed(before, inner.state)
            }
            (State::HalfOpen { .. }, Verdict::Failed { cause, .. } | Verdict::Blocked { cause })
                if self.is_trial =>
            {
                self.is_trial = false;
                breaker.open(&mut inner, cause, credentials)
            }
            // What says nothing, and what only confirms that it is not well.
            _ => None,
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut inner = self.breaker.inner();
        if let Some(number) = self.in_flight {
            inner.in_flight.end(number);
        }
        if self.is_trial
            && inner.epoch == self.epoch
            && let State::HalfOpen { trial_out, .. } = &mut inner.state
        {
            *trial_out = false;
        }
    }
}
