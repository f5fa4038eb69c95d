//! How a worker comes to its end.

use whatsapp_provider::queue::Then;

use super::*;

fn is_fail(call: &Call) -> bool {
    matches!(call, Call::Fail(..))
}

fn is_end(call: &Call) -> bool {
    is_fail(call) || matches!(call, Call::Complete(_))
}

#[test]
fn a_worker_that_is_told_to_stop_before_it_began_does_nothing() {
    let lab = Lab::with(&[ANN]);
    lab.clock.block_on(lab.worker().run(std::future::ready(()), async |_| panic!("it was handled")));
    assert_eq!(lab.now(), 0.0);
    assert_eq!(lab.row(1).attempts, 0);
    assert_eq!(lab.told(), [""; 0]);
}

#[test]
fn an_idle_worker_ends_when_it_is_told_to() {
    let lab = Lab::new();
    assert_eq!(lab.run(lab.worker(), 7.3, async |_| Ok(())), 7.3);
}

#[test]
fn jobs_that_run_go_on_and_nothing_new_is_begun() {
    let lab = Lab::with(&[ANN, ANN, BOB]);
    let back =
        lab.run(lab.worker(), 5.0, async |job| lab.sleep_ok(if job.row() == 1 { 10.0 } else { 25.0 }).await);
    assert_eq!(back, 25.0);
    assert_eq!(lab.statuses(), [RowStatus::Done, RowStatus::Pending, RowStatus::Done]);
    assert_eq!(lab.row(2).attempts, 0);
    assert!(lab.probe.times(is_claim).iter().all(|at| *at < 5.0));
    assert_eq!(
        lab.probe.calls(|call| matches!(call, Call::Extend(_))),
        [(20.0, Call::Extend(3))],
        "it is renewed as before"
    );
}

#[test]
fn jobs_that_take_longer_than_the_grace_are_dropped_and_their_rows_free_at_once() {
    for (grace, job, back, status, attempts) in [
        (None, 35.0, 35.0, RowStatus::Done, 1),
        (None, 35.001, 35.0, RowStatus::Pending, 1),
        (None, 34.999, 34.999, RowStatus::Done, 1),
        (Some(0.0), 5.001, 5.0, RowStatus::Pending, 1),
        (Some(100.0), 105.0, 105.0, RowStatus::Done, 1),
        (Some(100.0), 1000.0, 105.0, RowStatus::Pending, 1),
    ] {
        let lab = Lab::with(&[ANN]);
        let room = RefCell::new((0, 0));
        let worker = lab.worker();
        let worker = if let Some(grace) = grace { worker.grace(secs(grace)) } else { worker };
        assert_eq!(
            lab.run(worker, 5.0, async |_| {
                let _guest = Guest::enters(&room);
                lab.sleep_ok(job).await
            }),
            back
        );
        assert_eq!(*room.borrow(), (0, 1));
        assert_eq!((lab.row(1).status, lab.row(1).attempts), (status, attempts), "{job}");
        if status == RowStatus::Pending {
            let stopped = Then::retry(Duration::ZERO, "the worker was stopped");
            assert_eq!(lab.probe.calls(is_end), [(back, Call::Fail(1, stopped))]);
            assert_eq!(lab.told(), [format!("{0:?}: pending for 0ns 1#1 {0:?}", secs(back))]);
            let free = lab.run(lab.worker(), back + 0.5, async |job| {
                assert_eq!(job.attempts(), 2);
                Ok(())
            });
            assert_eq!((free, lab.row(1).status), (back + 0.5, RowStatus::Done));
        }
    }
}

#[test]
fn a_job_that_is_stopped_in_its_last_attempt_is_for_somebody_to_look_at() {
    let lab = Lab::with(&[ANN]);
    lab.run(lab.worker().max_attempts(1).grace(Duration::ZERO), 1.0, |_| std::future::pending());
    assert_eq!(
        (lab.row(1).status, lab.row(1).reason.as_deref()),
        (RowStatus::Review, Some("the worker was stopped"))
    );
}

#[test]
fn rows_that_come_too_late_are_given_back_untouched() {
    let lab = Lab::with(&[ANN, BOB]);
    lab.probe.script(|call, _| if is_claim(call) { Trouble::Slow(secs(10.0)) } else { Trouble::Fine });
    let back = lab.run(lab.worker(), 5.0, async |_| panic!("it was handled"));
    assert_eq!(back, 10.0);
    assert_eq!(lab.statuses(), [RowStatus::Pending; 2]);
    assert_eq!((lab.row(1).attempts, lab.row(2).attempts), (0, 0));
    assert_eq!(
        lab.probe.calls(is_end),
        [(10.0, Call::Fail(1, Then::Release)), (10.0, Call::Fail(2, Then::Release))]
    );
    assert_eq!(lab.told(), ["10s: released 1#1 0ns", "10s: released 2#1 0ns"]);
    // On the other side of the moment they are begun.
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, _| if is_claim(call) { Trouble::Slow(secs(4.999)) } else { Trouble::Fine });
    lab.run(lab.worker(), 5.0, async |_| Ok(()));
    assert_eq!(lab.statuses(), [RowStatus::Done]);
}

#[test]
fn rows_are_given_back_after_the_grace_as_well() {
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, _| if is_claim(call) { Trouble::Slow(secs(9.0)) } else { Trouble::Fine });
    assert_eq!(lab.run(lab.worker().grace(Duration::ZERO), 5.0, async |_| Ok(())), 9.0);
    assert_eq!((lab.row(1).status, lab.row(1).attempts), (RowStatus::Pending, 0));
    // 5 s after the grace nobody waits for a claim any more.
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, _| if is_claim(call) { Trouble::Hangs } else { Trouble::Fine });
    assert_eq!(lab.run(lab.worker().grace(secs(2.0)), 5.0, async |_| Ok(())), 12.0);
    assert_eq!(lab.row(1).attempts, 0);
}

#[test]
fn a_queue_out_of_reach_holds_up_the_end_no_longer_than_the_grace() {
    let lab = Lab::with(&[ANN, BOB]);
    lab.probe.script(|call, _| if is_end(call) { Trouble::Fails } else { Trouble::Fine });
    // One is handled and cannot say so, the other one never ends.
    let back =
        lab.run(lab.worker(), 5.0, async |job| lab.sleep_ok(if job.row() == 1 { 4.0 } else { 1e6 }).await);
    assert_eq!(back, 35.0);
    let told = lab.told();
    assert!(told.contains(&"35s: lost 1#1 4s".to_owned()), "{told:?}");
    assert!(told.contains(&"35s: lost 2#1 35s".to_owned()), "{told:?}");
    let calls = lab.probe.calls(is_end);
    assert_eq!(calls.iter().filter(|(at, _)| *at == 35.0).count(), 2, "one last call for each: {calls:?}");
    assert_eq!(lab.statuses(), [RowStatus::Processing; 2], "their leases run out");
}

#[test]
fn a_queue_that_does_not_answer_holds_up_the_end_five_seconds_longer() {
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, _| if is_end(call) { Trouble::Hangs } else { Trouble::Fine });
    assert_eq!(lab.run(lab.worker(), 5.0, |_| std::future::pending()), 40.0);
    // One that answers within them is heard.
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, _| if is_end(call) { Trouble::Slow(secs(4.9)) } else { Trouble::Fine });
    assert_eq!(lab.run(lab.worker(), 5.0, |_| std::future::pending()), 39.9);
    assert_eq!(lab.told(), ["39.9s: pending for 0ns 1#1 35s"]);
}

#[test]
fn an_outage_at_the_end_is_waited_for_within_the_grace() {
    let lab = Lab::with(&[ANN]);
    lab.probe
        .script(|call, now| if is_end(call) && now < secs(20.0) { Trouble::Fails } else { Trouble::Fine });
    let back = lab.run(lab.worker(), 5.0, |_| lab.sleep_ok(6.0));
    assert!((20.0..35.0).contains(&back), "{back}");
    assert_eq!(lab.statuses(), [RowStatus::Done]);
    // A worker that pauses has nothing to wait for.
    let lab = Lab::new();
    lab.queue.set_unavailable(true);
    assert_eq!(lab.run(lab.worker(), 40.0, async |_| Ok(())), 40.0);
}
