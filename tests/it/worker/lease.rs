//! A claim is kept while its job runs, and nobody believes in one that is over.

use super::*;

fn is_extend(call: &Call) -> bool {
    matches!(call, Call::Extend(_))
}

fn is_end(call: &Call) -> bool {
    matches!(call, Call::Complete(_) | Call::Fail(..))
}

/// When a guest left, and whether it had come to its end.
#[derive(Default)]
struct Left(RefCell<Option<(f64, bool)>>);

/// Works for so long, and writes down when it was dropped.
async fn work(lab: &Lab, left: &Left, seconds: f64) -> Result<(), JobError> {
    struct Working<'a>(&'a Lab, &'a Left, bool);
    impl Drop for Working<'_> {
        fn drop(&mut self) {
            *self.1.0.borrow_mut() = Some((self.0.now(), self.2));
        }
    }
    let mut working = Working(lab, left, false);
    lab.sleep(seconds).await;
    working.2 = true;
    Ok(())
}

/// One job of so many seconds, under this script; the worker is told to stop when it began, and may take its time.
fn one_job(
    seconds: f64,
    set: impl FnOnce(Worker) -> Worker,
    script: impl FnMut(&Call, Duration) -> Trouble + Send + 'static,
) -> (Lab, (f64, bool)) {
    let lab = Lab::with(&[ANN]);
    lab.probe.script(script);
    let left = Left::default();
    let worker = set(lab.worker().grace(secs(100_000.0)));
    lab.run(worker, 0.5, async |_| work(&lab, &left, seconds).await);
    let left = left.0.into_inner().unwrap();
    (lab, left)
}

fn fine(_: &Call, _: Duration) -> Trouble {
    Trouble::Fine
}

#[test]
fn a_lease_is_renewed_every_third_of_it_while_the_job_runs() {
    for (seconds, renewals) in [
        (19.999, vec![]),
        (20.0, vec![]),
        (20.001, vec![20.0]),
        (300.0, (1..15).map(|n| f64::from(n) * 20.0).collect()),
    ] {
        let (lab, left) = one_job(seconds, |worker| worker, fine);
        assert_eq!(lab.probe.times(is_extend), renewals);
        assert_eq!(left, (seconds, true));
        assert_eq!(lab.statuses(), [RowStatus::Done]);
        assert_eq!(lab.row(1).attempts, 1, "nobody else had it in between");
    }
    let (lab, _) = one_job(10.0, |worker| worker.lease(secs(9.0)), fine);
    assert_eq!(lab.probe.times(is_extend), [3.0, 6.0, 9.0]);
    let (lab, _) = one_job(0.09, |worker| worker.lease(Duration::ZERO), fine);
    let thirds = [1, 2].map(|n| (n * (Duration::from_millis(100) / 3)).as_secs_f64());
    assert_eq!(lab.probe.times(is_extend), thirds);
}

#[test]
fn a_job_whose_lease_is_lost_is_dropped_at_once() {
    let script = |call: &Call, now| match call {
        Call::Extend(_) if now >= secs(40.0) => Trouble::SaysLost,
        _ => Trouble::Fine,
    };
    let (lab, left) = one_job(100.0, |worker| worker, script);
    assert_eq!(left, (40.0, false));
    assert_eq!(lab.told(), ["40s: lost 1#1 40s"]);
    assert_eq!(lab.probe.calls(is_end), [], "it is not ours to end");
}

#[test]
fn a_renewal_that_fails_is_tried_again() {
    let script = |call: &Call, now| match call {
        Call::Extend(_) if now < secs(25.0) => Trouble::Fails,
        _ => Trouble::Fine,
    };
    let (lab, left) = one_job(70.0, |worker| worker, script);
    assert_eq!(left, (70.0, true));
    assert_eq!(lab.statuses(), [RowStatus::Done]);
    let times = lab.probe.times(is_extend);
    assert_eq!(times[0], 20.0);
    let success = *times.iter().find(|at| **at >= 25.0).unwrap();
    let after = *times.iter().find(|at| **at > success).unwrap();
    assert!((after - success - 20.0).abs() < 1e-6, "the next one is a third of a lease later: {times:?}");
    let failed = times.iter().filter(|at| **at < 25.0).count();
    assert_eq!(lab.told().iter().filter(|line| line.ends_with("Extend failed")).count(), failed);
    for (n, pair) in times.windows(2).take(failed).enumerate() {
        let longest = f64::from(1_u32 << n).min(10.0);
        assert!((longest / 2.0..=longest).contains(&(pair[1] - pair[0])), "{times:?}");
    }
}

#[test]
fn a_short_lease_leaves_time_for_several_renewals() {
    let script = |call: &Call, now| match call {
        Call::Extend(_) if now < secs(0.35) => Trouble::Fails,
        _ => Trouble::Fine,
    };
    let (lab, left) = one_job(2.0, |worker| worker.lease(secs(0.6)), script);
    assert_eq!(left, (2.0, true));
    assert!(lab.told().len() > 2, "{:?}", lab.told());
}

#[test]
fn a_job_is_dropped_when_its_lease_must_be_over() {
    for trouble in [Trouble::Fails, Trouble::Hangs, Trouble::LosesTheAnswer] {
        let script = move |call: &Call, _| if is_extend(call) { trouble } else { Trouble::Fine };
        let (lab, left) = one_job(100.0, |worker| worker, script);
        assert_eq!(left, (60.0, false), "{trouble:?}: 60 s after it was claimed, to the moment");
        assert_eq!(lab.told().last().unwrap(), "60s: lost 1#1 60s");
        assert_eq!(lab.probe.calls(is_end), []);
        // A job that ends just before that is one that was held.
        let script = move |call: &Call, _| if is_extend(call) { trouble } else { Trouble::Fine };
        let (lab, left) = one_job(59.999, |worker| worker, script);
        assert_eq!(left, (59.999, true));
        assert_eq!(lab.statuses(), [RowStatus::Done]);
        let script = move |call: &Call, _| if is_extend(call) { trouble } else { Trouble::Fine };
        let (lab, left) = one_job(60.0, |worker| worker, script);
        assert_eq!(left, (60.0, true));
        assert_eq!(lab.told().last().unwrap(), "60s: lost 1#1 60s", "it came too late to tell of it");
        assert_eq!(lab.probe.calls(is_end), []);
    }
}

#[test]
fn a_lease_is_counted_from_before_the_question() {
    // The row is claimed at once and the worker hears of it 50 s later.
    let script = |call: &Call, _| match call {
        Call::Claim(_) => Trouble::Slow(secs(50.0)),
        Call::Extend(_) => Trouble::Fails,
        _ => Trouble::Fine,
    };
    let lab = Lab::with(&[ANN]);
    lab.probe.script(script);
    let left = Left::default();
    lab.run(lab.worker(), 55.0, async |_| work(&lab, &left, 100.0).await);
    assert_eq!(lab.probe.times(is_extend)[0], 50.0, "a renewal is overdue");
    assert_eq!(left.0.into_inner(), Some((60.0, false)));
    // One that takes as long as the lease brings nothing any more.
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, _| if is_claim(call) { Trouble::Slow(secs(60.0)) } else { Trouble::Fine });
    lab.run(lab.worker(), 60.5, async |_| panic!("it was handled"));
    assert_eq!(lab.told(), ["60s: lost 1#1 0ns"]);
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, _| if is_claim(call) { Trouble::Slow(secs(60.5)) } else { Trouble::Fine });
    lab.run(lab.worker(), 59.0, async |_| panic!("it was handled"));
    assert_eq!(lab.told(), ["60s: Claim late"]);
}

#[test]
fn the_end_of_a_job_is_told_until_it_is_heard() {
    for trouble in [Trouble::Fails, Trouble::Hangs] {
        let script = move |call: &Call, now| match call {
            Call::Complete(_) if now < secs(10.0) => trouble,
            _ => Trouble::Fine,
        };
        let (lab, _) = one_job(1.0, |worker| worker, script);
        let told = lab.told();
        let times = lab.probe.times(is_end);
        if trouble == Trouble::Fails {
            assert_eq!(lab.statuses(), [RowStatus::Done]);
            assert!(told.last().unwrap().ends_with("done 1#1 1s"), "{told:?}");
            assert!(times[times.len() - 2] < 10.0 && times[times.len() - 1] >= 10.0, "{times:?}");
            for (n, pair) in times.windows(2).enumerate() {
                let longest = f64::from(1_u32 << n).min(10.0);
                assert!((longest / 2.0..=longest).contains(&(pair[1] - pair[0])), "{times:?}");
            }
        } else {
            assert_eq!(told, ["60s: End late", "60s: lost 1#1 1s"]);
            assert_eq!(times, [1.0]);
        }
    }
}

#[test]
fn an_end_that_nobody_hears_is_told_no_longer_than_the_lease() {
    let script = |call: &Call, _| if is_end(call) { Trouble::Fails } else { Trouble::Fine };
    let (lab, _) = one_job(1.0, |worker| worker, script);
    assert_eq!(lab.told().last().unwrap(), "60s: lost 1#1 1s");
    assert!(lab.probe.times(is_end).iter().all(|at| *at < 60.0));
    assert_eq!(lab.statuses(), [RowStatus::Processing]);
    // If somebody else has the row, it is told no second time.
    let (lab, _) =
        one_job(1.0, |worker| worker, |call, _| if is_end(call) { Trouble::SaysLost } else { Trouble::Fine });
    assert_eq!(lab.told(), ["1s: lost 1#1 1s"]);
    assert_eq!(lab.probe.times(is_end), [1.0]);
    // If it was heard and only the answer was lost, the row is done.
    let (lab, _) = one_job(
        1.0,
        |worker| worker,
        |call, now| match call {
            Call::Complete(_) if now < secs(1.5) => Trouble::LosesTheAnswer,
            _ => Trouble::Fine,
        },
    );
    assert_eq!(lab.statuses(), [RowStatus::Done]);
    assert_eq!(lab.probe.times(is_end).len(), 2);
}

#[test]
fn the_claims_of_a_worker_that_is_dropped_run_out_with_their_leases() {
    let lab = Lab::with(&[ANN]);
    let left = Left::default();
    let run = lab.worker().run(std::future::pending(), async |_| work(&lab, &left, 1000.0).await);
    let cut = lab.clock.block_on(whatsapp_provider::clock::timeout(&lab.clock, secs(30.0), run));
    assert!(cut.is_none());
    assert_eq!(left.0.into_inner(), Some((30.0, false)));
    // Renewed at 20 s, so it holds until 80 s.
    let begun = RefCell::new(Vec::new());
    lab.run(lab.worker(), 100.0, async |job| {
        begun.borrow_mut().push((lab.now(), job.attempts()));
        Ok(())
    });
    assert_eq!(*begun.borrow(), [(80.0, 2)]);
}
