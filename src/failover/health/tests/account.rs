//! Blocks, credentials, and throttling.

use super::*;

#[test]
fn blocked_opens_at_once_and_for_longer() {
    let (_, health) = health(HealthPolicy::default());
    let verdict = Verdict::of(ErrorKind::Credentials, 1);
    assert_eq!(records(permit(&health), verdict), Some((HealthState::Closed, HealthState::Open)));
    assert!((30 * SECOND..=60 * SECOND).contains(&remaining(&health)));
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
fn probes_that_find_nobody_say_nothing_of_the_account() {
    let (clock, health) = opened(HealthPolicy::default());
    for probe in 0..10 {
        clock.advance(remaining(&health));
        let trial = permit(&health);
        assert!(trial.wants_probe());
        let verdict = Verdict::Failed { cause: ErrorKind::Unavailable, recipient: probe };
        assert_eq!(one(trial.refuted(verdict, 0)), Some((HealthState::HalfOpen, HealthState::Open)));
        assert_eq!(health.look().1, HealthState::Closed);
    }
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
