use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use futures_util::poll;

use super::super::pace::Pace;
use super::*;
use crate::clock::Clock;
use crate::error::{Acceptance, ErrorKind};
use crate::ids::AttemptId;
use crate::outbound::Attempt;
use crate::testing::TestClock;
use std::time::Duration;

/// How long a request may take.
const TOTAL: Duration = Duration::from_secs(20);

type Texts = SingleFlight<&'static str, Arc<str>>;

fn attempt(seconds: Option<u64>) -> Attempt {
    let mut attempt = Attempt::with_id(AttemptId::from_u128(7));
    attempt.deadline = seconds.map(Duration::from_secs);
    attempt.departure.arm();
    attempt
}

/// Work that takes a second, and counts how often it is done.
async fn second(clock: &TestClock, done: &AtomicUsize, result: Result<Arc<str>>) -> Result<Arc<str>> {
    clock.sleep(Duration::from_secs(1)).await;
    done.fetch_add(1, Ordering::Relaxed);
    result
}

fn failed() -> Error {
    Error::new(ErrorKind::Throttled, Acceptance::NotAccepted).with_code(20_429)
}

#[test]
fn one_works_and_all_have_it() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(10), AtomicUsize::new(0));
    let attempt = attempt(Some(10));
    clock.block_on(async {
        let time = Time::of(&attempt, &clock, TOTAL);
        let all = (0..100).map(|_| texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("x".into()))));
        assert!(join_all(all).await.into_iter().all(|text| &*text.unwrap() == "x"));
        texts.get(&"a", |_| true, &time, second(&clock, &done, Err(failed()))).await.unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 1);
        texts.get(&"b", |_| true, &time, second(&clock, &done, Ok("y".into()))).await.unwrap();
        let unusable = texts.get(&"a", |text| &**text == "z", &time, second(&clock, &done, Ok("z".into())));
        assert_eq!(&*unusable.await.unwrap(), "z");
        assert_eq!(done.load(Ordering::Relaxed), 3);
    });
    assert_eq!(format!("{texts:?}"), "SingleFlight(2)");
}

#[test]
fn all_who_wait_have_the_failure_and_the_next_one_tries_again() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(10), AtomicUsize::new(0));
    let attempt = attempt(None);
    clock.block_on(async {
        let time = Time::of(&attempt, &clock, TOTAL);
        let all = (0..5).map(|_| texts.get(&"a", |_| true, &time, second(&clock, &done, Err(failed()))));
        for failure in join_all(all).await {
            let failure = failure.unwrap_err();
            assert_eq!((failure.kind(), failure.code()), (ErrorKind::Throttled, Some(20_429)));
        }
        assert_eq!(done.load(Ordering::Relaxed), 1);
        texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("x".into()))).await.unwrap();
    });
}

#[test]
fn whoever_is_dropped_leaves_the_work_to_another_one() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(10), AtomicUsize::new(0));
    let attempt = attempt(None);
    clock.block_on(async {
        let time = Time::of(&attempt, &clock, TOTAL);
        let mut first = Box::pin(texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("first".into()))));
        let mut second_one =
            pin!(texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("second".into()))));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second_one).is_pending());
        drop(first);
        assert_eq!(&*second_one.await.unwrap(), "second");
        assert_eq!(done.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn the_time_of_one_is_not_that_of_another() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(10), AtomicUsize::new(0));
    let (short, long) = (attempt(Some(1)), attempt(Some(30)));
    clock.block_on(async {
        let (short, long) = (Time::of(&short, &clock, TOTAL), Time::of(&long, &clock, TOTAL));
        // The work of the first one ends when its time does, and without success.
        let first = texts.get(&"a", |_| true, &short, second(&clock, &done, Err(failed())));
        let patient = texts.get(&"a", |_| true, &long, second(&clock, &done, Ok("x".into())));
        let (first, patient) = futures_util::join!(first, patient);
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Throttled);
        assert_eq!(&*patient.unwrap(), "x");
    });
    let (hasty, slow) = (attempt(Some(1)), attempt(None));
    clock.block_on(async {
        let (hasty, slow) = (Time::of(&hasty, &clock, TOTAL), Time::of(&slow, &clock, TOTAL));
        let work = async {
            clock.sleep(Duration::from_secs(5)).await;
            Ok("y".into())
        };
        let slow = texts.get(&"b", |_| true, &slow, work);
        let hasty = texts.get(&"b", |_| true, &hasty, second(&clock, &done, Ok("x".into())));
        let (slow, hasty) = futures_util::join!(slow, hasty);
        assert_eq!(&*slow.unwrap(), "y");
        let error = hasty.unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unavailable, Acceptance::NotAccepted));
    });
}

#[test]
fn whoever_has_too_little_time_for_the_pace_leaves_the_work_to_another_one() {
    let (clock, texts, pace) = (TestClock::new(), Texts::new(10), Pace::default());
    let (mut short, long) = (attempt(None), attempt(Some(30)));
    short.deadline = Some(Duration::from_millis(40));
    clock.block_on(async {
        let (short, long) = (Time::of(&short, &clock, TOTAL), Time::of(&long, &clock, TOTAL));
        let work = async |time: &Time<'_>| {
            clock.sleep(Duration::from_millis(1)).await;
            for _ in 0..2 {
                pace.turn(time).await?;
            }
            Ok("x".into())
        };
        let hasty = async {
            let error = texts.get(&"a", |_| true, &short, work(&short)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Throttled);
            assert!(short.left().is_ok(), "its time is not over");
        };
        let patient = texts.get(&"a", |_| true, &long, work(&long));
        let ((), patient) = futures_util::join!(hasty, patient);
        assert_eq!(&*patient.unwrap(), "x");
    });
}

#[test]
fn whoever_is_not_polled_is_not_waited_for_without_end() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(10), AtomicUsize::new(0));
    let attempt = attempt(None);
    clock.block_on(async {
        let time = Time::of(&attempt, &clock, TOTAL);
        let mut first = Box::pin(texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("first".into()))));
        assert!(poll!(&mut first).is_pending());
        // Whoever keeps it waits for the others before it goes on.
        let others =
            (0..5).map(|_| texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("new".into()))));
        assert!(join_all(others).await.into_iter().all(|text| &*text.unwrap() == "new"));
        assert_eq!(done.load(Ordering::Relaxed), 1, "one of them does it for all");
        assert_eq!(clock.elapsed(), Duration::from_secs(22));
        assert_eq!(&*first.await.unwrap(), "first");
        assert_eq!(texts.known(&"a").as_deref(), Some("new"));
    });
}

#[test]
fn whoever_was_overtaken_ends_no_other_flight() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(10), AtomicUsize::new(0));
    let attempt = attempt(None);
    clock.block_on(async {
        let time = Time::of(&attempt, &clock, TOTAL);
        let get = |text: &str| texts.get(&"a", |_| true, &time, second(&clock, &done, Ok(text.into())));
        let (mut first, mut other) = (Box::pin(get("first")), Box::pin(get("other")));
        assert!(poll!(&mut first).is_pending() && poll!(&mut other).is_pending());
        clock.advance(Duration::from_secs(21));
        assert!(poll!(&mut other).is_pending(), "it works");
        drop(first);
        let late = get("late");
        let (other, late) = futures_util::join!(other, late);
        assert_eq!((&*other.unwrap(), &*late.unwrap()), ("other", "other"));
        assert_eq!(done.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn work_that_takes_long_and_goes_on_is_waited_for() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(10), AtomicUsize::new(0));
    let attempt = attempt(None);
    clock.block_on(async {
        let time = Time::of(&attempt, &clock, TOTAL);
        let long = async {
            for _ in 0..10 {
                clock.sleep(TOTAL).await;
            }
            Ok("long".into())
        };
        let long = texts.get(&"a", |_| true, &time, long);
        let patient = texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("x".into())));
        let (long, patient) = futures_util::join!(long, patient);
        assert_eq!((&*long.unwrap(), &*patient.unwrap()), ("long", "long"));
    });
}

#[test]
fn of_too_many_the_one_that_was_not_used_for_longest_is_forgotten() {
    let (clock, texts) = (TestClock::new(), Texts::new(2));
    let attempt = attempt(None);
    clock.block_on(async {
        let time = Time::of(&attempt, &clock, TOTAL);
        for key in ["a", "b", "a", "c"] {
            texts.get(&key, |_| true, &time, async { Ok("x".into()) }).await.unwrap();
        }
    });
    let known = ["a", "b", "c"].map(|key| texts.known(&key).is_some());
    assert_eq!(known, [true, false, true]);
    texts.replace(&"a", |text| &**text == "y", "z".into());
    assert_eq!(texts.known(&"a").as_deref(), Some("x"), "it is another one by now");
    texts.replace(&"b", |_| true, "z".into());
    assert!(texts.known(&"b").is_none());
    texts.replace(&"a", |text| &**text == "x", "v".into());
    assert_eq!(texts.known(&"a").as_deref(), Some("v"));
    texts.forget(&"a", |text| &**text == "y");
    assert!(texts.known(&"a").is_some(), "it is another one by now");
    texts.forget(&"a", |text| &**text == "v");
    assert!(texts.known(&"a").is_none());
}

#[test]
fn what_was_given_up_is_not_waited_for() {
    let (clock, texts, done) = (TestClock::new(), Texts::new(2), AtomicUsize::new(0));
    let attempt = attempt(None);
    assert!(attempt.departure.revoke());
    let time = Time::of(&attempt, &clock, TOTAL);
    assert_eq!(time.left().unwrap_err().acceptance(), Acceptance::NotAccepted);
    let work = texts.get(&"a", |_| true, &time, second(&clock, &done, Ok("x".into())));
    assert!(clock.block_on(work).is_ok(), "the work itself asks for the time");
}
