//! Attempts that wait for an answer.

use super::*;

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
fn a_success_at_the_moment_of_departure_lets_nobody_wait() {
    let (clock, health) = health(HealthPolicy::default());
    let _waiting: Vec<_> = (0..5).map(|n| departed(&health, n)).collect();
    succeeds(&health);
    clock.advance(60 * SECOND);
    assert_eq!(health.settle(0), None);
}
