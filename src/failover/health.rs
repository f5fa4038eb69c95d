use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::plan::Standing;
use crate::clock::Clock;
use crate::error::ErrorKind;

/// When a member counts as unwell, and how it comes back.
#[doc(alias = "circuit breaker")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthPolicy {
    /// So many failures in a row, at most one of each recipient, and the member is not used for a while. Default 5: at
    /// one independent error in a hundred that is a chance of 1 in 10,000,000,000 per message.
    pub failures: usize,
    /// How long it is not used. Default 30 s; doubles with each time that it fails again.
    pub open: Duration,
    /// The longest time it is not used. Default 300 s.
    pub open_max: Duration,
    /// How long it is not used after its credentials were refused or its account was blocked. Default 60 s; doubles.
    pub blocked: Duration,
    /// The longest time it is not used after that. Default 30 min.
    pub blocked_max: Duration,
    /// So many successful trials, one at a time, and it is well again. Default 2.
    pub successes: u32,
    /// Traffic does not come back sooner than this after it went away. Default 60 s.
    pub fail_back: Duration,
    /// After this time without an outage the doubling begins anew. Default 300 s.
    pub forget: Duration,
    /// How long the member's own probe may take, which is asked before the first trial. Default 2 s.
    pub probe: Duration,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(30),
            open_max: Duration::from_secs(300),
            blocked: Duration::from_secs(60),
            blocked_max: Duration::from_secs(30 * 60),
            successes: 2,
            fail_back: Duration::from_secs(60),
            forget: Duration::from_secs(300),
            probe: Duration::from_secs(2),
        }
    }
}

impl HealthPolicy {
    /// Sets the number of failures in a row. 0 counts as 1.
    #[must_use]
    pub fn with_failures(mut self, failures: usize) -> Self {
        self.failures = failures;
        self
    }

    /// Sets for how long a member is not used, at first and at most.
    #[must_use]
    pub fn with_open(mut self, open: Duration, max: Duration) -> Self {
        self.open = open;
        self.open_max = max;
        self
    }

    /// Sets when traffic may come back.
    #[must_use]
    pub fn with_fail_back(mut self, fail_back: Duration) -> Self {
        self.fail_back = fail_back;
        self
    }

    /// Sets how many trials must succeed.
    #[must_use]
    pub fn with_successes(mut self, successes: u32) -> Self {
        self.successes = successes;
        self
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
    /// How often it opened since it was last forgotten.
    openings: u32,
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
            openings: 0,
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
    /// made, and counts like any other.
    pub(super) fn permit(self: &Arc<Self>, forced: bool) -> Option<Permit> {
        let now = self.clock.elapsed();
        let mut breaker = self.breaker();
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
        Some(Permit { health: Arc::clone(self), epoch: breaker.epoch, is_trial, is_probed })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, breaker: &mut Breaker, cause: ErrorKind) {
        let now = self.clock.elapsed();
        let calm = matches!(breaker.state, State::Closed)
            && now.saturating_sub(breaker.closed_at) >= self.policy.forget;
        if calm {
            breaker.openings = 0;
        }
        if matches!(breaker.state, State::Closed) {
            breaker.left_at = Some(now);
        }
        let blocked = matches!(cause, ErrorKind::Credentials | ErrorKind::AccountBlocked);
        let (first, max) = if blocked {
            (self.policy.blocked, self.policy.blocked_max)
        } else {
            (self.policy.open, self.policy.open_max)
        };
        let doubled = first.saturating_mul(2_u32.saturating_pow(breaker.openings)).min(max);
        breaker.openings = breaker.openings.saturating_add(1);
        let until = now.saturating_add(self.jitter(doubled));
        breaker.change(State::Open { cause, until });
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
    pub(super) fn record(mut self, verdict: Verdict) -> Option<(HealthState, HealthState)> {
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
                let successes = successes + 1;
                if successes >= health.policy.successes {
                    breaker.change(State::Closed);
                    breaker.closed_at = health.clock.elapsed();
                } else {
                    breaker.state = State::HalfOpen { cause, successes, trial_out: false };
                }
            }
            (State::HalfOpen { .. }, Verdict::Failed { cause, .. } | Verdict::Blocked { cause })
                if self.is_trial =>
            {
                health.open(&mut breaker, cause);
            }
            // Forced attempts on an open breaker, and what says nothing.
            _ => {
                drop(breaker);
                return None;
            }
        }
        self.is_trial = false;
        let after = breaker.state;
        (before.name() != after.name()).then(|| (before.name(), after.name()))
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
mod tests {
    use super::*;
    use crate::testing::TestClock;

    const SECOND: Duration = Duration::from_secs(1);

    fn health(policy: HealthPolicy) -> (TestClock, Arc<Health>) {
        let clock = TestClock::new();
        (clock.clone(), Arc::new(Health::new(policy, Arc::new(clock))))
    }

    fn fails(health: &Arc<Health>, recipient: u64) -> Option<(HealthState, HealthState)> {
        let verdict = Verdict::Failed { cause: ErrorKind::Unavailable, recipient };
        health.permit(false).unwrap().record(verdict)
    }

    fn succeeds(health: &Arc<Health>) -> Option<(HealthState, HealthState)> {
        health.permit(false).unwrap().record(Verdict::Well)
    }

    fn opened(policy: HealthPolicy) -> (TestClock, Arc<Health>) {
        let (clock, health) = health(policy);
        for recipient in 0..5 {
            fails(&health, recipient);
        }
        (clock, health)
    }

    fn remaining(health: &Health) -> Duration {
        let Standing::Open { remaining, .. } = health.standing() else { panic!("{:?}", health.standing()) };
        remaining
    }

    #[test]
    fn opens_at_the_fifth_failure_in_a_row_and_not_at_the_fourth() {
        let (_, health) = health(HealthPolicy::default());
        for recipient in 0..4 {
            assert_eq!(fails(&health, recipient), None);
        }
        assert_eq!(health.standing(), Standing::Ready);
        assert_eq!(fails(&health, 4), Some((HealthState::Closed, HealthState::Open)));
        assert!(health.permit(false).is_none());
    }

    #[test]
    fn a_success_begins_the_count_anew_and_what_says_nothing_does_not() {
        let (_, health) = health(HealthPolicy::default());
        (0..4).for_each(|recipient| drop(fails(&health, recipient)));
        succeeds(&health);
        (0..4).for_each(|recipient| drop(fails(&health, recipient)));
        assert_eq!(health.standing(), Standing::Ready);
        health.permit(false).unwrap().record(Verdict::Nothing);
        fails(&health, 4);
        assert_ne!(health.standing(), Standing::Ready);
    }

    #[test]
    fn one_recipient_cannot_open_it_alone() {
        let (_, health) = health(HealthPolicy::default());
        (0..100).for_each(|_| drop(fails(&health, 7)));
        assert_eq!(health.standing(), Standing::Ready);
    }

    #[test]
    fn blocked_opens_at_once_and_for_longer() {
        let (_, health) = health(HealthPolicy::default());
        let verdict = Verdict::of(ErrorKind::Credentials, 1);
        assert_eq!(
            health.permit(false).unwrap().record(verdict),
            Some((HealthState::Closed, HealthState::Open))
        );
        assert!((30 * SECOND..=60 * SECOND).contains(&remaining(&health)));
    }

    #[test]
    fn only_outages_and_account_trouble_count() {
        for kind in ErrorKind::ALL.iter().copied() {
            let expected = match kind {
                ErrorKind::Unavailable | ErrorKind::NoAnswer => Verdict::Failed { cause: kind, recipient: 1 },
                ErrorKind::Credentials | ErrorKind::AccountBlocked => Verdict::Blocked { cause: kind },
                _ => Verdict::Nothing,
            };
            assert_eq!(Verdict::of(kind, 1), expected);
        }
    }

    #[test]
    fn open_time_doubles_to_its_limit_with_jitter_of_half() {
        let (clock, health) = opened(HealthPolicy::default());
        for expected in [30, 60, 120, 240, 300, 300] {
            let wait = remaining(&health);
            assert!((expected * SECOND / 2..=expected * SECOND).contains(&wait), "{wait:?} for {expected}");
            clock.advance(wait - Duration::from_nanos(1));
            assert!(matches!(health.standing(), Standing::Open { .. }));
            clock.advance(Duration::from_nanos(1));
            assert_eq!(health.standing(), Standing::Trial);
            assert_eq!(fails(&health, 9), Some((HealthState::HalfOpen, HealthState::Open)));
        }
    }

    #[test]
    fn one_trial_at_a_time_and_two_successes_close() {
        let (clock, health) = opened(HealthPolicy::default());
        clock.advance(30 * SECOND);
        let trial = health.permit(false).unwrap();
        assert!(trial.wants_probe());
        assert!(health.permit(false).is_none(), "the others go elsewhere");
        assert!(matches!(health.standing(), Standing::Open { .. }));
        assert_eq!(trial.record(Verdict::Well), None);
        assert_eq!(health.standing(), Standing::Trial);
        let second = health.permit(false).unwrap();
        assert!(!second.wants_probe());
        assert_eq!(second.record(Verdict::Well), Some((HealthState::HalfOpen, HealthState::Closed)));
    }

    #[test]
    fn a_trial_that_is_dropped_or_says_nothing_is_given_back() {
        let (clock, health) = opened(HealthPolicy::default());
        clock.advance(30 * SECOND);
        drop(health.permit(false).unwrap());
        assert_eq!(health.standing(), Standing::Trial);
        health.permit(false).unwrap().record(Verdict::Nothing);
        assert_eq!(health.standing(), Standing::Trial);
    }

    #[test]
    fn traffic_comes_back_sixty_seconds_after_it_left_and_not_before() {
        let (clock, health) = opened(HealthPolicy::default());
        clock.advance(30 * SECOND);
        succeeds(&health);
        succeeds(&health);
        assert_eq!(health.standing(), Standing::Recovering);
        clock.advance(30 * SECOND - Duration::from_nanos(1));
        assert_eq!(health.standing(), Standing::Recovering);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(health.standing(), Standing::Ready);
    }

    #[test]
    fn the_doubling_is_forgotten_after_five_calm_minutes() {
        for (calm, expected) in [(300 * SECOND, 30), (299 * SECOND, 60)] {
            let (clock, health) = opened(HealthPolicy::default());
            clock.advance(30 * SECOND);
            succeeds(&health);
            succeeds(&health);
            clock.advance(calm);
            (0..5).for_each(|recipient| drop(fails(&health, recipient)));
            let wait = remaining(&health);
            assert!((expected * SECOND / 2..=expected * SECOND).contains(&wait), "{wait:?} for {expected}");
        }
    }

    #[test]
    fn late_results_change_nothing() {
        let (clock, health) = health(HealthPolicy::default());
        let late_failure = health.permit(false).unwrap();
        let late_success = health.permit(false).unwrap();
        (0..5).for_each(|recipient| drop(fails(&health, recipient)));
        let wait = remaining(&health);
        assert_eq!(late_success.record(Verdict::Well), None);
        assert_eq!(remaining(&health), wait);
        clock.advance(wait);
        let trial = health.permit(false).unwrap();
        assert_eq!(late_failure.record(Verdict::Failed { cause: ErrorKind::NoAnswer, recipient: 9 }), None);
        assert_eq!(trial.record(Verdict::Well), None);
        assert_eq!(health.standing(), Standing::Trial, "the trial's success still counts");
    }

    #[test]
    fn a_forced_attempt_on_an_open_breaker_moves_nothing() {
        let (_, health) = opened(HealthPolicy::default());
        let wait = remaining(&health);
        assert_eq!(health.permit(true).unwrap().record(Verdict::Well), None);
        assert_eq!(remaining(&health), wait);
    }
}
