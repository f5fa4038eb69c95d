//! What becomes of a row whose handler failed, or that has none.

use whatsapp_provider::queue::Then;
use whatsapp_provider::{Acceptance, Error, ErrorKind};

use super::*;

fn is_fail(call: &Call) -> bool {
    matches!(call, Call::Fail(..))
}

/// Runs a handler that fails once, and says what the queue was told.
fn failing(error: impl Into<JobError>) -> (Lab, Vec<(f64, Call)>) {
    let lab = Lab::with(&[ANN]);
    let error = RefCell::new(Some(error.into()));
    lab.run(lab.worker(), 0.25, async |_| {
        lab.sleep(0.125).await;
        error.borrow_mut().take().map_or(Ok(()), Err)
    });
    let calls = lab.probe.calls(is_fail);
    (lab, calls)
}

#[test]
fn a_handler_says_what_becomes_of_its_row() {
    let (lab, calls) = failing(JobError::review("look"));
    assert_eq!(calls, [(0.125, Call::Fail(1, Then::review("look")))]);
    assert_eq!(lab.told(), ["125ms: review 1#1 125ms"]);
    let (lab, calls) = failing(JobError::dead("no"));
    assert_eq!(calls, [(0.125, Call::Fail(1, Then::dead("no")))]);
    assert_eq!(lab.told(), ["125ms: dead 1#1 125ms"]);
    let (lab, calls) = failing(JobError::retry_after(secs(600.0), "later"));
    assert_eq!(calls, [(0.125, Call::Fail(1, Then::retry(secs(600.0), "later")))]);
    assert_eq!(lab.told(), ["125ms: pending for 600s 1#1 125ms"]);
    assert_eq!(lab.statuses(), [RowStatus::Pending]);
}

#[test]
fn an_error_of_a_provider_says_it_too() {
    let throttled = || Error::new(ErrorKind::Throttled, Acceptance::NotAccepted);
    let (_, calls) = failing(throttled().with_retry_after(secs(90.0)));
    let reason = "the sender or the account is throttled (not accepted)";
    assert_eq!(calls[0].1, Call::Fail(1, Then::retry(secs(90.0), reason)));
    let (_, calls) = failing(throttled().with_acceptance(Acceptance::Unknown).with_retry_after(secs(90.0)));
    let reason = "the sender or the account is throttled (acceptance unknown)";
    assert_eq!(calls[0].1, Call::Fail(1, Then::review(reason)));
    let duplicate = Error::new(ErrorKind::Duplicate, Acceptance::Unknown).with_retry_after(secs(3.0));
    let (_, calls) = failing(duplicate);
    let reason = "the same message is still being sent (acceptance unknown)";
    assert_eq!(calls[0].1, Call::Fail(1, Then::retry(secs(3.0), reason)));
    let (_, calls) = failing(Error::invalid("content.body").with_details("CANARY"));
    let reason = "no provider could carry this message: content.body (not accepted)";
    assert_eq!(calls[0].1, Call::Fail(1, Then::dead(reason)));
}

#[test]
fn a_rest_doubles_from_one_second_to_five_minutes_with_the_clock_s_jitter() {
    let mut lab = Lab::on(TestClock::with_seed(7));
    // The same numbers a second time: a worker whose queue is well draws them for rests alone.
    let same = TestClock::with_seed(7);
    let event = lab.maker.text(ANN, "hi");
    lab.accept(event);
    lab.run(lab.worker().max_attempts(100), 3000.0, async |_| Err(JobError::retry("again")));
    let rests = lab.probe.calls(is_fail).into_iter().map(|(_, call)| match call {
        Call::Fail(1, Then::Retry { after, .. }) => after,
        other => panic!("{other:?}"),
    });
    let rests: Vec<_> = rests.collect();
    let longest = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0];
    let expected = longest.map(|longest| {
        let share = (same.random() >> 32) as f64 / f64::from(u32::MAX);
        let half = secs(longest) / 2;
        half + half.mul_f64(share)
    });
    assert_eq!(rests[..12], expected);
    // It is found by the first poll after its rest, and not before.
    let times = lab.probe.times(is_fail);
    for (pair, rest) in times.windows(2).zip(&rests) {
        let late = pair[1] - pair[0] - rest.as_secs_f64();
        assert!((-1e-6..1.0).contains(&late), "{late}");
    }
}

#[test]
fn the_last_attempt_is_the_last() {
    for (told, attempts) in [(None, 20), (Some(0), 1), (Some(1), 1), (Some(3), 3)] {
        let lab = Lab::with(&[ANN]);
        let worker = lab.worker();
        let worker = if let Some(most) = told { worker.max_attempts(most) } else { worker };
        let last = RefCell::new(Vec::new());
        lab.run(worker, 600.0, async |job| {
            last.borrow_mut().push(job.is_last_attempt());
            Err(JobError::retry_after(secs(1.0), "again"))
        });
        let mut expected = vec![false; attempts - 1];
        expected.push(true);
        assert_eq!(*last.borrow(), expected);
        let row = lab.row(1);
        assert_eq!((row.status, row.attempts), (RowStatus::Dead, attempts as u32));
        assert_eq!(row.reason.as_deref(), Some("again"));
    }
    let lab = Lab::with(&[ANN]);
    lab.run(lab.worker().max_attempts(1), 1.0, async |_| Err(JobError::review("look")));
    assert_eq!(lab.statuses(), [RowStatus::Review], "it was handled once, and somebody should look at it");
}

#[test]
fn what_may_have_been_sent_is_never_dead() {
    use Acceptance::{NotAccepted, Unknown};
    for kind in [ErrorKind::Duplicate, ErrorKind::StoreUnavailable] {
        for (acceptance, last) in [(Unknown, RowStatus::Review), (NotAccepted, RowStatus::Dead)] {
            let lab = Lab::with(&[ANN]);
            lab.run(lab.worker().max_attempts(2), 60.0, async |_| {
                Err(Error::new(kind, acceptance).with_retry_after(secs(1.0)).into())
            });
            assert_eq!((lab.row(1).status, lab.row(1).attempts), (last, 2), "{kind:?}, {acceptance:?}");
        }
    }
}

#[test]
fn a_row_that_was_cut_off_too_often_is_not_handled_again() {
    for (cut_off, status, reason) in
        [(2, RowStatus::Done, None), (3, RowStatus::Review, Some("tried too often"))]
    {
        let lab = Lab::with(&[ANN]);
        for _ in 0..cut_off {
            let never = lab.clock.block_on(whatsapp_provider::clock::timeout(
                &lab.clock,
                secs(1.0),
                lab.worker().run(std::future::pending(), |_| std::future::pending()),
            ));
            assert!(never.is_none());
            lab.clock.advance(secs(60.0));
        }
        let runs = RefCell::new(0);
        lab.run(lab.worker().max_attempts(3), lab.now() + 1.0, async |_| {
            *runs.borrow_mut() += 1;
            Ok(())
        });
        let row = lab.row(1);
        assert_eq!((row.status, row.attempts), (status, cut_off + 1));
        assert_eq!(row.reason.as_deref(), reason);
        assert_eq!(*runs.borrow(), u32::from(status == RowStatus::Done));
        assert_eq!(reports(&lab)[0].duration, Duration::ZERO);
    }
}

#[test]
fn a_panic_fails_its_own_job_alone_and_is_not_repeated() {
    // Without the hook, whose output is of no use here.
    fn panics<T>() -> T {
        std::panic::resume_unwind(Box::new("CANARY"))
    }
    let lab = Lab::with(&[ANN, BOB]);
    lab.run(lab.worker(), 0.4, async |job| {
        lab.sleep(0.25).await;
        if job.row() == 1 { panics() } else { Ok(()) }
    });
    assert_eq!(lab.statuses(), [RowStatus::Pending, RowStatus::Done]);
    assert_eq!(lab.row(1).reason.as_deref(), Some("the handler panicked"));
    let told = lab.told();
    assert_eq!((told[0].as_str(), told.len()), ("250ms: panicked 1#1 250ms", 3));
    assert!(told[1].starts_with("250ms: pending for "), "{told:?}");
    assert_eq!(told[2], "250ms: done 2#1 250ms");

    // Also before there is a future, and at the last attempt.
    let lab = Lab::with(&[ANN]);
    lab.run(lab.worker().max_attempts(1), 1.0, |_| -> std::future::Ready<Result<(), JobError>> { panics() });
    assert_eq!(lab.told(), ["0ns: panicked 1#1 0ns", "0ns: review 1#1 0ns"]);
}

#[test]
fn what_is_no_event_is_not_handled_and_what_is_of_an_unknown_kind_is() {
    for payload in ["", "{}", "not JSON", r#"{"v":2,"id":"a","provider":"meta"}"#] {
        let lab = Lab::with(&[ANN]);
        lab.probe.replace_payload(payload);
        lab.run(lab.worker(), 1.0, async |_| -> Result<(), JobError> { panic!("it was handled") });
        assert_eq!(lab.told(), ["0ns: review 1#1 0ns"]);
        assert_eq!(lab.row(1).reason.as_deref(), Some("the event cannot be read"));
        assert_eq!((reports(&lab)[0].provider.clone(), reports(&lab)[0].kind), (None, None));
    }
    let lab = Lab::with(&[ANN]);
    lab.probe.replace_payload(
        r#"{"v":1,"id":"poll/1","provider":"meta","received_at":"2026-11-22T10:00:00.000Z","kind":"poll","poll":{}}"#,
    );
    lab.run(lab.worker(), 1.0, async |job| {
        let EventKind::Unrecognized(poll) = job.event().kind() else { panic!() };
        assert_eq!(poll.what.as_deref(), Some("poll"));
        Ok(())
    });
    assert_eq!(lab.told(), ["0ns: done 1#1 0ns"]);
    assert_eq!(reports(&lab)[0].kind, Some("unrecognized"));
}
