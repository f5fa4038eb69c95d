use std::time::Duration;

use crate::clock::Clock;
use crate::http_client::HttpErrorKind;
use crate::simulator::harness::Bench;
use crate::simulator::{Change, Fault, Script, Side};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How a text to Meta ends, and how long it takes.
fn send(bench: &Bench) -> (Result<u16, HttpErrorKind>, Duration) {
    let before = bench.clock.elapsed();
    let answer = bench.ask(bench.meta_text("x")).map(|answer| answer.status().as_u16());
    (answer, bench.clock.elapsed() - before)
}

#[test]
fn a_side_changes_by_the_time() {
    let bench = Bench::new();
    let script = Script::new()
        .after(seconds(10), Change::Latency(seconds(2)))
        .after(seconds(20), Fault::Refuse)
        .after(seconds(30), Change::Heal);
    bench.simulator.run_script(Side::Meta, script);
    assert_eq!(send(&bench), (Ok(200), Duration::from_millis(80)));
    bench.clock.advance(seconds(10));
    assert_eq!(send(&bench), (Ok(200), seconds(2)));
    bench.clock.advance(seconds(10));
    assert_eq!(send(&bench).0, Err(HttpErrorKind::Connect));
    assert!(bench.ask(bench.twilio_message(&[("Body", "x")])).is_ok(), "the other side has its own");
    bench.clock.advance(seconds(10));
    assert_eq!(send(&bench), (Ok(200), seconds(2)));
}

#[test]
fn single_messages_are_treated_differently() {
    let bench = Bench::new();
    let script = Script::new()
        .message(2, Fault::AcceptThenDrop)
        .message(3, Fault::Refuse)
        .messages(5..=6, Change::Latency(seconds(1)))
        .message(7, Fault::WrongToken);
    bench.simulator.run_script(Side::Meta, script);
    let mark_read = bench.meta_message(&serde_json::json!({ "status": "read", "message_id": "wamid.x" }));
    let ends: Vec<_> = (0..8_u8)
        .map(|place| {
            // A refusal comes before it is known what a request is about.
            let unharmed =
                place == 2 || bench.ask(mark_read.clone()).is_ok_and(|answer| answer.status() == 200);
            assert!(unharmed);
            send(&bench).0
        })
        .collect();
    let ok = Ok(200);
    let expected =
        [ok, Err(HttpErrorKind::Interrupted), Err(HttpErrorKind::Connect), ok, ok, ok, Ok(401), ok];
    assert_eq!(ends, expected);
    assert_eq!(bench.ada().received().len(), 6);
}

#[test]
fn a_message_can_be_spared_and_what_is_asked_for_by_hand_comes_first() {
    let bench = Bench::new();
    bench.simulator.set_fault(Side::Meta, Some(Fault::Refuse));
    bench.simulator.run_script(Side::Meta, Script::new().message(2, Change::Heal));
    assert_eq!([0; 3].map(|_| send(&bench).0.is_ok()), [false, true, false]);
    bench.simulator.set_fault(Side::Meta, None);
    bench.simulator.run_script(Side::Meta, Script::new().messages(1..=2, Fault::WrongToken));
    bench.simulator.fault_next(Side::Meta, Fault::Suspend);
    assert_eq!([0; 3].map(|_| send(&bench).0), [Ok(403), Ok(401), Ok(200)]);
}
