//! A queue that fails is asked again, with patience, and never ends a worker.

use super::*;

fn is_listen(call: &Call) -> bool {
    matches!(call, Call::Listen)
}

/// That each time lies between half of a longest pause and all of it after the one before.
fn assert_pauses(times: &[f64], longest: &[f64]) {
    assert!(times.len() > longest.len(), "{times:?}");
    for (pair, longest) in times.windows(2).zip(longest) {
        let pause = pair[1] - pair[0];
        assert!((longest / 2.0..=*longest).contains(&pause), "{pause} of {longest}: {times:?}");
    }
}

#[test]
fn an_outage_is_waited_for_and_then_work_goes_on() {
    let mut lab = Lab::with(&[ANN]);
    let late = lab.maker.text(BOB, "hi");
    lab.queue.set_unavailable(true);
    let run = lab.worker().run(lab.clock.sleep(secs(400.0)), |_| lab.sleep_ok(0.0));
    let outage = async {
        lab.sleep(250.0).await;
        lab.queue.set_unavailable(false);
        lab.sleep(60.0).await;
        lab.queue.accept(&[late]).await
    };
    lab.clock.block_on(join(run, outage)).1.unwrap();
    assert_eq!(lab.statuses(), [RowStatus::Done, RowStatus::Done]);
    let times = lab.probe.times(is_claim);
    let during: Vec<_> = times.iter().copied().filter(|at| *at < 250.0).collect();
    assert_pauses(&during, &[1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
    let end = times.iter().copied().find(|at| *at >= 250.0).unwrap();
    assert!(end <= 280.0, "{times:?}");
    let told = lab.told();
    assert_eq!(told.iter().filter(|line| line.ends_with("Claim failed")).count(), during.len());
    assert!(told.contains(&format!("{:?}: done 1#1 0ns", secs(end))), "{told:?}");
    assert_eq!(told.last().unwrap(), "310s: done 2#1 0ns", "it listens again");
}

#[test]
fn pauses_begin_anew_after_the_queue_was_well() {
    let lab = Lab::new();
    lab.probe.script(|call, now| match call {
        Call::Claim(_) if now < secs(20.0) || (secs(100.0)..secs(110.0)).contains(&now) => Trouble::Fails,
        _ => Trouble::Fine,
    });
    lab.run(lab.worker(), 120.0, async |_| Ok(()));
    let times = lab.probe.times(is_claim);
    let second: Vec<_> = times.iter().copied().filter(|at| *at >= 100.0).collect();
    assert_pauses(&second, &[1.0, 2.0, 4.0]);
}

#[test]
fn nothing_shortens_a_pause() {
    let mut lab = Lab::with(&[ANN]);
    let event = lab.maker.text(BOB, "hi");
    // The first claim is well and the next ones are not.
    lab.probe.script(|call, now| match call {
        Call::Claim(_) if now > Duration::ZERO => Trouble::Fails,
        _ => Trouble::Fine,
    });
    let run = lab.worker().poll(secs(3600.0)).run(lab.clock.sleep(secs(60.0)), |_| lab.sleep_ok(10.0));
    let inserts = async {
        lab.sleep(10.2).await;
        lab.queue.accept(&[event]).await
    };
    lab.clock.block_on(join(run, inserts)).1.unwrap();
    let times: Vec<_> = lab.probe.times(is_claim).into_iter().filter(|at| *at > 0.0).collect();
    assert_eq!(times[0], 10.0);
    assert_pauses(&times, &[1.0, 2.0, 4.0, 8.0]);
}

#[test]
fn a_claim_that_is_never_answered_is_given_up_with_its_lease() {
    let lab = Lab::with(&[ANN]);
    lab.probe.script(|call, now| match call {
        Call::Claim(_) if now < secs(1.0) => Trouble::Hangs,
        _ => Trouble::Fine,
    });
    lab.run(lab.worker(), 62.0, async |_| Ok(()));
    let told = lab.told();
    assert_eq!((told[0].as_str(), told.len()), ("60s: Claim late", 2));
    assert!(told[1].ends_with("done 1#1 0ns"));
    assert_pauses(&lab.probe.times(is_claim)[1..], &[]);
}

#[test]
fn a_listener_that_breaks_is_opened_again_and_the_queue_is_polled_meanwhile() {
    let mut lab = Lab::new();
    let event = lab.maker.text(ANN, "hi");
    lab.probe.script(|call, now| match call {
        Call::Listen | Call::Next if now < secs(100.0) => Trouble::Fails,
        _ => Trouble::Fine,
    });
    let run = lab.worker().run(lab.clock.sleep(secs(200.5)), |_| lab.sleep_ok(0.0));
    let insert = async {
        lab.sleep(4.5).await;
        lab.queue.accept(&[event]).await
    };
    lab.clock.block_on(join(run, insert)).1.unwrap();
    let times = lab.probe.times(is_listen);
    assert_pauses(&times, &[1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
    assert_eq!(times.iter().filter(|at| **at >= 100.0).count(), 1, "it holds then");
    let told = lab.told();
    assert!(told.contains(&"5s: done 1#1 0ns".to_owned()), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.ends_with("Listen failed")).count(), times.len() - 1);
    // To begin to listen is a reason to ask, as is every second of the 200, and the job that ended.
    assert_eq!(lab.probe.times(is_claim).iter().filter(|at| **at < 100.0).count(), 101);
}

#[test]
fn a_listener_that_breaks_later_is_opened_again_after_a_pause() {
    let lab = Lab::new();
    let broken = Mutex::new(false);
    let broken_at = secs(50.0);
    lab.probe.script(move |call, now| {
        let mut broken = broken.lock().unwrap();
        if *call == Call::Next && now >= broken_at && !std::mem::replace(&mut *broken, true) {
            return Trouble::Fails;
        }
        Trouble::Fine
    });
    let mut maker = EventMaker::meta();
    let events = [maker.text(ANN, "1"), maker.text(ANN, "2")];
    let run = lab.worker().poll(secs(3600.0)).run(lab.clock.sleep(secs(100.0)), |_| lab.sleep_ok(0.0));
    let [first, second] = events;
    let inserts = async {
        // It is woken, and then it is cut off.
        lab.sleep(50.0).await;
        lab.queue.accept(&[first]).await.unwrap();
        lab.sleep(10.0).await;
        lab.queue.accept(&[second]).await.unwrap();
    };
    lab.clock.block_on(join(run, inserts));
    let times = lab.probe.times(is_listen);
    assert_eq!((times[0], times.len()), (0.0, 2));
    assert!((50.5..=51.0).contains(&times[1]), "{times:?}");
    assert_eq!(lab.told(), ["50s: done 1#1 0ns", "50s: Listen failed", "60s: done 2#1 0ns"]);
}
