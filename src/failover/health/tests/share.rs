//! The share of calls that failed.

use super::*;

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
fn failures_are_forgotten_each_in_its_time() {
    let (clock, health) = health(HealthPolicy::default());
    assert_eq!(calls(&health, 0, "sfsfsfsfs"), None);
    clock.advance(60 * SECOND);
    assert_eq!(calls(&health, 100, "ssfsfsfsfs"), None, "four of ten, and the older ones are no more");

    let (clock, twice) = self::health(HealthPolicy::default());
    fails(&twice, 1);
    clock.advance(30 * SECOND);
    assert_eq!(calls(&twice, 0, "sfsfsfsfs"), None, "once more to the first one, and to three others");
    clock.advance(30 * SECOND);
    assert_eq!(fails(&twice, 9), OPENED, "five of ten: the first one's later failure still counts");
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
fn without_a_share_only_failures_in_a_row_count() {
    let (_, health) = health(HealthPolicy::default().with_failure_share(0.0, 10, 60 * SECOND));
    for n in 0..40 {
        succeeds(&health);
        fail_all(&health, 4 * n..4 * n + 4);
    }
    assert_eq!(health.standing(), Standing::Ready);
}
