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
fn blocked_opens_at_once_and_for_longer() {
    let (_, health) = health(HealthPolicy::default());
    let verdict = Verdict::of(ErrorKind::Credentials, 1);
    assert_eq!(records(permit(&health), verdict), Some((HealthState::Closed, HealthState::Open)));
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

#[test]
fn outages_and_account_trouble_double_apart() {
    let (clock, health) = opened(HealthPolicy::default());
    for _ in 0..3 {
        clock.advance(remaining(&health));
        fails(&health, 9);
    }
    clock.advance(remaining(&health));
    records(permit(&health), Verdict::of(ErrorKind::Credentials, 9));
    assert!((30 * SECOND..=60 * SECOND).contains(&remaining(&health)));
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
fn half_of_ten_calls_in_a_minute_open_it_and_fewer_do_not() {
    let (_, nine) = health(HealthPolicy::default());
    assert_eq!(calls(&nine, 0, "sfsfsfsfs"), None);
    assert_eq!(calls(&nine, 100, "f"), OPENED, "five of ten");
    let (_, fewer) = health(HealthPolicy::default());
    assert_eq!(calls(&fewer, 0, "sssfff"), None, "half of six calls say nothing");
    let (_, eleven) = health(HealthPolicy::default());
    assert_eq!(calls(&eleven, 0, "sfsfsfsfssf"), None, "five of eleven");
    assert_eq!(calls(&eleven, 100, "f"), OPENED, "six of twelve");
}

#[test]
fn the_share_looks_back_a_minute_and_no_further() {
    for (wait, expected) in [(60 * SECOND - Duration::from_nanos(1), None), (60 * SECOND, OPENED)] {
        let (clock, health) = health(HealthPolicy::default());
        calls(&health, 0, &"s".repeat(20));
        clock.advance(wait);
        assert_eq!(calls(&health, 0, "sfffsfffsf"), expected, "seven of thirty calls, or of ten: {wait:?}");
    }
}

#[test]
fn the_share_remembers_a_thousand_calls_at_most() {
    let (_, health) = health(HealthPolicy::default().with_failures(usize::MAX));
    calls(&health, 0, &"s".repeat(2_000));
    calls(&health, 0, &"sfff".repeat(166));
    assert_eq!(calls(&health, 1_000, "sf"), None, "499 of 1,000");
    assert_eq!(calls(&health, 2_000, "f"), OPENED, "500 of 1,000");
}

#[test]
fn one_recipient_counts_once_in_the_share_as_well() {
    let (_, health) = health(HealthPolicy::default());
    for _ in 0..50 {
        succeeds(&health);
        fails(&health, 7);
    }
    for _ in 0..50 {
        fails(&health, 7);
    }
    assert_eq!(health.standing(), Standing::Ready);
}

#[test]
fn the_thousandth_call_back_still_counts() {
    let (_, health) = health(HealthPolicy::default().with_failures(usize::MAX));
    calls(&health, 0, "f");
    calls(&health, 0, &"s".repeat(500));
    assert_eq!(calls(&health, 1, &"f".repeat(498)), None);
    assert_eq!(calls(&health, 1_000, "f"), OPENED, "500 of 1,000, the first of all among them");
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
fn a_departure_counts_once_and_not_after_the_state_has_changed() {
    let (_, health) = health(HealthPolicy::default());
    let mut once = departed(&health, 1);
    once.departed(1);
    assert_eq!(health.look().3, 1);
    let mut late = permit(&health);
    fail_all(&health, 0..5);
    late.departed(2);
    assert_eq!(health.look().3, 0);
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
fn without_a_share_only_failures_in_a_row_count() {
    let (_, health) = health(HealthPolicy::default().with_failure_share(0.0, 10, 60 * SECOND));
    for n in 0..40 {
        succeeds(&health);
        fail_all(&health, 4 * n..4 * n + 4);
    }
    assert_eq!(health.standing(), Standing::Ready);
}

#[test]
fn five_that_wait_for_three_seconds_open_it() {
    let (clock, health) = health(HealthPolicy::default());
    let waiting: Vec<_> = (0..5).map(|n| departed(&health, n)).collect();
    clock.advance(3 * SECOND - Duration::from_nanos(1));
    assert_eq!(health.settle(0), None);
    clock.advance(Duration::from_nanos(1));
    let change = health.settle(0).unwrap();
    assert_eq!((change.aspect, change.to), (HealthAspect::Reachability, HealthState::Open));
    assert_eq!(health.settle(0), None, "once");
    // Their answers are late now.
    for permit in waiting {
        assert_eq!(records(permit, Verdict::Well), None);
    }
    assert!(matches!(health.standing(), Standing::Open { cause: ErrorKind::NoAnswer, .. }));
}

#[test]
fn what_has_not_left_has_ended_or_is_for_one_recipient_does_not_stall() {
    let (clock, health) = health(HealthPolicy::default());
    let waiting: Vec<_> = (0..4).map(|n| departed(&health, n)).collect();
    let _not_left: Vec<_> = (10..20).map(|_| permit(&health)).collect();
    let _same: Vec<_> = (0..10).map(|_| departed(&health, 0)).collect();
    drop(departed(&health, 30));
    records(departed(&health, 31), Verdict::Nothing);
    clock.advance(60 * SECOND);
    assert_eq!(health.settle(0), None);
    assert_eq!(health.look().3, 14);
    let _fifth = departed(&health, 4);
    clock.advance(3 * SECOND);
    assert!(health.settle(0).is_some());
    drop(waiting);
}

#[test]
fn a_success_since_they_left_shows_that_it_does_not_hang() {
    let (clock, health) = health(HealthPolicy::default());
    let _waiting: Vec<_> = (0..5).map(|n| departed(&health, n)).collect();
    clock.advance(SECOND);
    succeeds(&health);
    clock.advance(60 * SECOND);
    assert_eq!(health.settle(0), None, "slow, but alive");
    let _later: Vec<_> = (10..15).map(|n| departed(&health, n)).collect();
    clock.advance(3 * SECOND);
    assert!(health.settle(0).is_some());
}

#[test]
fn attempts_of_an_outage_do_not_count_in_the_next_one() {
    let (clock, health) = health(HealthPolicy::default());
    let hanging: Vec<_> = (0..5).map(|n| departed(&health, n)).collect();
    clock.advance(3 * SECOND);
    assert!(health.settle(0).is_some());
    clock.advance(30 * SECOND);
    succeeds(&health);
    succeeds(&health);
    assert_eq!((health.settle(0), health.look().3), (None, 0));
    assert_eq!(health.standing(), Standing::Recovering);
    drop(hanging);
}

#[test]
fn the_rule_for_stalls_can_be_switched_off() {
    let (clock, health) = health(HealthPolicy::default().with_stalled(0, SECOND));
    let _waiting: Vec<_> = (0..50).map(|n| departed(&health, n)).collect();
    clock.advance(60 * SECOND);
    assert_eq!(health.settle(0), None);
}

#[test]
fn new_credentials_are_tried_at_once() {
    let (_, health) = health(HealthPolicy::default());
    permit(&health).record(Verdict::of(ErrorKind::Credentials, 1), 3);
    health.settle(3);
    assert!(matches!(health.standing(), Standing::Open { .. }), "the same ones");
    health.settle(2);
    assert!(matches!(health.standing(), Standing::Open { .. }), "older ones");
    health.settle(4);
    assert_eq!(health.standing(), Standing::Trial);
    let trial = permit(&health);
    assert!(trial.wants_probe());
    trial.record(Verdict::of(ErrorKind::Credentials, 1), 4);
    health.settle(4);
    let wait = remaining(&health);
    assert!((60 * SECOND..=120 * SECOND).contains(&wait), "not once more, and for twice as long: {wait:?}");
}

#[test]
fn a_reinstatement_counts_if_it_came_after_the_block() {
    let (clock, health) = health(HealthPolicy::default());
    clock.advance(SECOND);
    let opened = clock.now();
    permit(&health).record(Verdict::of(ErrorKind::AccountBlocked, 1), 0);
    health.reinstated(opened);
    assert!(matches!(health.standing(), Standing::Open { .. }), "an old one");
    health.reinstated(opened.saturating_add(Duration::from_millis(1)));
    assert_eq!(health.standing(), Standing::Trial);
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
fn reachability_and_account_are_judged_apart() {
    let (clock, health) = opened(HealthPolicy::default());
    let states = || (health.look().0, health.look().1);
    assert_eq!(states(), (HealthState::Open, HealthState::Closed));
    clock.advance(30 * SECOND);
    let changes = permit(&health).record(Verdict::of(ErrorKind::AccountBlocked, 1), 0);
    assert_eq!(one(changes), Some((HealthState::Closed, HealthState::Open)));
    assert_eq!(states(), (HealthState::HalfOpen, HealthState::Open), "it answers, but not to us");
    let wait = remaining(&health);
    assert!((30 * SECOND..=60 * SECOND).contains(&wait), "{wait:?}");
    clock.advance(wait);
    assert_eq!(succeeds(&health), None);
    let both = permit(&health).record(Verdict::Well, 0);
    assert!(both.iter().flatten().all(|change| change.to == HealthState::Closed));
    assert_eq!(both.iter().flatten().count(), 2);
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

#[test]
fn pauses_end_when_their_time_is_over_and_only_grow() {
    let (clock, health) = health(HealthPolicy::default());
    let marketing = || health.paused(Category::Marketing);
    assert_eq!(health.pause(Category::Marketing, None), 5 * SECOND);
    assert_eq!(health.pause(Category::Marketing, Some(SECOND)), SECOND);
    assert_eq!(marketing(), Some(5 * SECOND), "a shorter one does not shorten it");
    assert_eq!(health.paused(Category::Service), None);
    clock.advance(5 * SECOND - Duration::from_nanos(1));
    assert!(marketing().is_some());
    clock.advance(Duration::from_nanos(1));
    assert_eq!(marketing(), None);
    let day = 24 * 3600 * SECOND;
    assert_eq!(health.pause(Category::Marketing, Some(day)), 15 * 60 * SECOND);
}

#[test]
fn two_throttled_recipients_within_ten_seconds_mean_the_sender() {
    let (clock, health) = health(HealthPolicy::default());
    assert!(!health.suspect(1));
    assert!(!health.suspect(1), "the same one again");
    clock.advance(10 * SECOND);
    assert!(!health.suspect(2), "ten seconds later");
    clock.advance(10 * SECOND - Duration::from_nanos(1));
    assert!(health.suspect(3));
}

#[test]
fn three_blocked_statuses_in_a_row_open_the_account() {
    let (_, health) = health(HealthPolicy::default());
    let blocked = |message| health.blocked_status(message, ErrorKind::AccountBlocked, 0);
    assert_eq!(blocked(1), None);
    assert_eq!(blocked(1), None, "the same status again");
    assert_eq!(blocked(2), None);
    health.well_status();
    assert_eq!([blocked(3), blocked(4)], [None, None], "in a row");
    let change = blocked(5).unwrap();
    assert_eq!((change.aspect, change.to), (HealthAspect::Account, HealthState::Open));
    assert_eq!([blocked(6), blocked(7), blocked(8)], [None; 3], "it is open already");
}
