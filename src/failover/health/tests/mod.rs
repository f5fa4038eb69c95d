mod account;
mod share;
mod waiting;

use super::*;
use crate::clock::Clock;
use crate::ids::ProviderId;
use crate::testing::{MemoryProvider, TestClock};

const SECOND: Duration = Duration::from_secs(1);

fn health(policy: HealthPolicy) -> (TestClock, Health) {
    let clock = TestClock::new();
    let registry = HealthRegistry::with_clock(policy, Arc::new(clock.clone()));
    (clock, registry.health(&MemoryProvider::new(ProviderId::META)))
}

fn permit(health: &Health) -> Permit {
    health.permit(false).0.unwrap()
}

type Transition = Option<(HealthState, HealthState)>;

/// The one change, if there was one.
fn one(changes: [Option<Change>; 2]) -> Transition {
    let mut changes = changes.into_iter().flatten();
    let change = changes.next();
    assert_eq!(changes.next(), None);
    change.map(|change| (change.from, change.to))
}

fn records(permit: Permit, verdict: Verdict) -> Transition {
    one(permit.record(verdict, 0))
}

fn failed(recipient: u64) -> Verdict {
    Verdict::Failed { cause: ErrorKind::Unavailable, recipient }
}

fn fails(health: &Health, recipient: u64) -> Transition {
    records(permit(health), failed(recipient))
}

fn fail_all(health: &Health, recipients: impl IntoIterator<Item = u64>) {
    for recipient in recipients {
        fails(health, recipient);
    }
}

fn succeeds(health: &Health) -> Transition {
    records(permit(health), Verdict::Well)
}

fn opened(policy: HealthPolicy) -> (TestClock, Health) {
    let (clock, health) = health(policy);
    fail_all(&health, 0..5);
    (clock, health)
}

fn remaining(health: &Health) -> Duration {
    let Standing::Open { remaining, .. } = health.standing() else { panic!("{:?}", health.standing()) };
    remaining
}

/// An attempt that has left and waits for its answer.
fn departed(health: &Health, recipient: u64) -> Permit {
    let mut permit = permit(health);
    permit.departed(recipient);
    permit
}

#[test]
fn opens_at_the_fifth_failure_in_a_row_and_not_at_the_fourth() {
    let (_, health) = health(HealthPolicy::default());
    for recipient in 0..4 {
        assert_eq!(fails(&health, recipient), None);
    }
    assert_eq!(health.standing(), Standing::Ready);
    assert_eq!(fails(&health, 4), Some((HealthState::Closed, HealthState::Open)));
    assert!(health.permit(false).0.is_none());
}

#[test]
fn a_success_begins_the_count_anew_and_what_says_nothing_does_not() {
    let (_, health) = health(HealthPolicy::default());
    fail_all(&health, 0..4);
    succeeds(&health);
    fail_all(&health, 0..4);
    assert_eq!(health.standing(), Standing::Ready);
    records(permit(&health), Verdict::Nothing);
    fails(&health, 4);
    assert_ne!(health.standing(), Standing::Ready);
}

#[test]
fn one_recipient_cannot_open_it_alone() {
    let (_, health) = health(HealthPolicy::default());
    fail_all(&health, [7; 100]);
    assert_eq!(health.standing(), Standing::Ready);
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
    let trial = permit(&health);
    assert!(trial.wants_probe());
    assert!(health.permit(false).0.is_none(), "the others go elsewhere");
    assert!(matches!(health.standing(), Standing::Open { .. }));
    assert_eq!(records(trial, Verdict::Well), None);
    assert_eq!(health.standing(), Standing::Trial);
    let second = permit(&health);
    assert!(!second.wants_probe());
    assert_eq!(records(second, Verdict::Well), Some((HealthState::HalfOpen, HealthState::Closed)));
}

#[test]
fn a_trial_that_is_dropped_or_says_nothing_is_given_back() {
    let (clock, health) = opened(HealthPolicy::default());
    clock.advance(30 * SECOND);
    drop(permit(&health));
    assert_eq!(health.standing(), Standing::Trial);
    records(permit(&health), Verdict::Nothing);
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
        fail_all(&health, 0..5);
        let wait = remaining(&health);
        assert!((expected * SECOND / 2..=expected * SECOND).contains(&wait), "{wait:?} for {expected}");
    }
}

#[test]
fn late_results_change_nothing() {
    let (clock, health) = health(HealthPolicy::default());
    let late_failure = permit(&health);
    let late_success = permit(&health);
    fail_all(&health, 0..5);
    let wait = remaining(&health);
    assert_eq!(records(late_success, Verdict::Well), None);
    assert_eq!(remaining(&health), wait);
    clock.advance(wait);
    let trial = permit(&health);
    assert_eq!(records(late_failure, Verdict::Failed { cause: ErrorKind::NoAnswer, recipient: 9 }), None);
    assert_eq!(records(trial, Verdict::Well), None);
    assert_eq!(health.standing(), Standing::Trial, "the trial's success still counts");
}

#[test]
fn a_forced_attempt_on_an_open_breaker_counts_if_it_succeeds() {
    let (_, health) = opened(HealthPolicy::default());
    let wait = remaining(&health);
    let verdict = Verdict::Failed { cause: ErrorKind::Unavailable, recipient: 9 };
    assert_eq!(records(health.permit(true).0.unwrap(), verdict), None);
    assert_eq!(remaining(&health), wait);
    let change = records(health.permit(true).0.unwrap(), Verdict::Well);
    assert_eq!(change, Some((HealthState::Open, HealthState::HalfOpen)));
    assert_eq!(health.standing(), Standing::Trial);
    let next = permit(&health);
    assert!(!next.wants_probe(), "a message says more than a probe");
    assert_eq!(records(next, Verdict::Well), Some((HealthState::HalfOpen, HealthState::Closed)));
}

/// Lets calls succeed (`s`) or fail (`f`), each failure for a recipient of its own from `first` on. Answers with the last
/// transition.
fn calls(health: &Health, first: u64, calls: &str) -> Transition {
    let mut last = None;
    for (recipient, call) in (first..).zip(calls.chars()) {
        last = if call == 's' { succeeds(health) } else { fails(health, recipient) };
    }
    last
}

const OPENED: Transition = Some((HealthState::Closed, HealthState::Open));

#[test]
fn a_registry_keeps_the_policy_that_it_was_given() {
    let policy = HealthPolicy::default().with_failures(7);
    let registry = HealthRegistry::with_clock(policy.clone(), Arc::new(TestClock::new()));
    assert_eq!(*registry.policy(), policy);
}

#[test]
fn failures_in_a_row_are_counted_by_recipient() {
    let (_, health) = health(HealthPolicy::default());
    fail_all(&health, [1, 2, 2, 3]);
    assert_eq!(health.look().2, 3);
    succeeds(&health);
    assert_eq!(health.look().2, 0);
}

#[test]
fn only_the_trial_decides_while_it_is_out() {
    for verdict in [Verdict::Well, failed(9)] {
        let (clock, health) = opened(HealthPolicy::default().with_successes(1));
        clock.advance(30 * SECOND);
        let trial = permit(&health);
        let forced = health.permit(true).0.unwrap();
        assert!(!forced.is_trial());
        assert_eq!(records(forced, verdict), None, "{verdict:?}");
        assert_eq!(records(trial, Verdict::Well), Some((HealthState::HalfOpen, HealthState::Closed)));
    }
}

#[test]
fn names_are_those_of_the_json() {
    for state in [HealthState::Closed, HealthState::Open, HealthState::HalfOpen] {
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
    for aspect in [HealthAspect::Reachability, HealthAspect::Account] {
        assert_eq!(serde_json::to_value(aspect).unwrap(), aspect.as_str());
    }
}

#[test]
fn an_isolated_member_stays_isolated_until_it_is_restored() {
    let (_, health) = opened(HealthPolicy::default());
    health.isolate(true);
    assert_eq!(health.standing(), Standing::Isolated);
    health.isolate(false);
    assert!(matches!(health.standing(), Standing::Open { .. }));
    health.try_now();
    assert_eq!(health.standing(), Standing::Trial);
}

#[test]
fn a_probe_that_found_it_alive_leaves_the_trial_to_a_message() {
    let (clock, health) = opened(HealthPolicy::default());
    clock.advance(30 * SECOND);
    let trial = permit(&health);
    assert!(trial.wants_probe());
    trial.probed();
    assert_eq!(health.standing(), Standing::Trial);
    let next = permit(&health);
    assert!(next.is_trial() && !next.wants_probe());
}

#[test]
fn members_share_what_they_have_in_common() {
    let clock = TestClock::new();
    let registry = HealthRegistry::with_clock(HealthPolicy::default(), Arc::new(clock.clone()));
    let of = |id: &str| registry.health(&MemoryProvider::new(id.parse().unwrap()));
    let (one, same, other) = (of("a"), of("a"), of("b"));
    fail_all(&one, 0..5);
    assert!(matches!(same.standing(), Standing::Open { .. }));
    assert_eq!(other.standing(), Standing::Ready);
    same.isolate(true);
    assert!(matches!(one.standing(), Standing::Open { .. }), "isolation is one failover's own");
    assert!(format!("{registry:?}").contains("accounts: 2"));
}
