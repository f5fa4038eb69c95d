use super::*;
use crate::testing::TestClock;

const SECOND: Duration = Duration::from_secs(1);

fn health(policy: HealthPolicy) -> (TestClock, Arc<Health>) {
    let clock = TestClock::new();
    (clock.clone(), Arc::new(Health::new(policy, Arc::new(clock))))
}

fn permit(health: &Arc<Health>) -> Permit {
    health.permit(false).unwrap().0
}

fn fails(health: &Arc<Health>, recipient: u64) -> Option<(HealthState, HealthState)> {
    let verdict = Verdict::Failed { cause: ErrorKind::Unavailable, recipient };
    permit(health).record(verdict)
}

fn fail_all(health: &Arc<Health>, recipients: impl IntoIterator<Item = u64>) {
    for recipient in recipients {
        fails(health, recipient);
    }
}

fn succeeds(health: &Arc<Health>) -> Option<(HealthState, HealthState)> {
    permit(health).record(Verdict::Well)
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
    fail_all(&health, 0..4);
    succeeds(&health);
    fail_all(&health, 0..4);
    assert_eq!(health.standing(), Standing::Ready);
    permit(&health).record(Verdict::Nothing);
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
fn blocked_opens_at_once_and_for_longer() {
    let (_, health) = health(HealthPolicy::default());
    let verdict = Verdict::of(ErrorKind::Credentials, 1);
    assert_eq!(permit(&health).record(verdict), Some((HealthState::Closed, HealthState::Open)));
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
    let trial = permit(&health);
    assert!(trial.wants_probe());
    assert!(health.permit(false).is_none(), "the others go elsewhere");
    assert!(matches!(health.standing(), Standing::Open { .. }));
    assert_eq!(trial.record(Verdict::Well), None);
    assert_eq!(health.standing(), Standing::Trial);
    let second = permit(&health);
    assert!(!second.wants_probe());
    assert_eq!(second.record(Verdict::Well), Some((HealthState::HalfOpen, HealthState::Closed)));
}

#[test]
fn a_trial_that_is_dropped_or_says_nothing_is_given_back() {
    let (clock, health) = opened(HealthPolicy::default());
    clock.advance(30 * SECOND);
    drop(permit(&health));
    assert_eq!(health.standing(), Standing::Trial);
    permit(&health).record(Verdict::Nothing);
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
    assert_eq!(late_success.record(Verdict::Well), None);
    assert_eq!(remaining(&health), wait);
    clock.advance(wait);
    let trial = permit(&health);
    assert_eq!(late_failure.record(Verdict::Failed { cause: ErrorKind::NoAnswer, recipient: 9 }), None);
    assert_eq!(trial.record(Verdict::Well), None);
    assert_eq!(health.standing(), Standing::Trial, "the trial's success still counts");
}

#[test]
fn a_forced_attempt_on_an_open_breaker_counts_if_it_succeeds() {
    let (_, health) = opened(HealthPolicy::default());
    let wait = remaining(&health);
    let verdict = Verdict::Failed { cause: ErrorKind::Unavailable, recipient: 9 };
    assert_eq!(health.permit(true).unwrap().0.record(verdict), None);
    assert_eq!(remaining(&health), wait);
    let change = health.permit(true).unwrap().0.record(Verdict::Well);
    assert_eq!(change, Some((HealthState::Open, HealthState::HalfOpen)));
    assert_eq!(health.standing(), Standing::Trial);
    let next = permit(&health);
    assert!(!next.wants_probe(), "a message says more than a probe");
    assert_eq!(next.record(Verdict::Well), Some((HealthState::HalfOpen, HealthState::Closed)));
}

#[test]
fn outages_and_account_trouble_double_apart() {
    let (clock, health) = opened(HealthPolicy::default());
    for _ in 0..3 {
        clock.advance(remaining(&health));
        fails(&health, 9);
    }
    clock.advance(remaining(&health));
    permit(&health).record(Verdict::of(ErrorKind::Credentials, 9));
    assert!((30 * SECOND..=60 * SECOND).contains(&remaining(&health)));
}
