//! What comes together that seldom does: a phone that is off, a message for later, an answer that hangs, a service that
//! takes too long.

use std::cell::Cell;
use std::future::pending;
use std::num::NonZeroU32;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::clock::{Clock as _, timeout};
use crate::simulator::harness::Bench;
use crate::simulator::{Fault, Happening, Side, UserMessage};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A simulator that answers at once.
fn bench() -> Bench {
    let bench = Bench::new();
    for side in Side::ALL {
        bench.simulator.set_latency(*side, Duration::ZERO);
    }
    bench
}

/// A text by Twilio that is to be sent in an hour.
fn in_an_hour(bench: &Bench) -> Value {
    let at = bench.clock.now().saturating_add(seconds(3600)).to_string();
    let service = bench.accounts.messaging_service_sid.clone();
    let own = [
        ("Body", "x"),
        ("From", ""),
        ("MessagingServiceSid", &service),
        ("ScheduleType", "fixed"),
        ("SendAt", &at),
    ];
    let (status, message) = bench.json(bench.twilio_message(&own));
    assert_eq!(status, 201, "{message}");
    message
}

fn call_back(bench: &Bench, message: &Value) {
    let uri = message["uri"].as_str().unwrap();
    let (_, message) = bench.json(bench.to_twilio(Method::POST, uri, &[("Status", "canceled")]));
    assert_eq!(message["status"], "canceled");
}

#[test]
fn nothing_is_posted_after_the_end() {
    let bench = bench();
    for text in 0..20 {
        bench.simulator.post(bench.ada().writes(Side::Meta, &text.to_string()));
    }
    bench.clock.block_on(bench.simulator.post_webhooks_for(seconds(1), |_| pending::<StatusCode>()));
    assert_eq!(bench.simulator.webhooks().len(), 1, "one was begun before the end");
    assert_eq!(bench.simulator.due_webhooks().len(), 19, "the others are still there");
}

#[test]
fn what_falls_due_after_the_end_is_not_posted() {
    let bench = bench();
    bench.json(bench.meta_text("x"));
    let posts = Cell::new(0);
    bench.clock.block_on(bench.simulator.post_webhooks_for(Duration::from_millis(400), |_| async {
        posts.set(posts.get() + 1);
        bench.clock.sleep(seconds(3)).await;
        StatusCode::OK
    }));
    assert_eq!(posts.get(), 1, "that it was sent");
    assert_eq!(bench.simulator.due_webhooks().len(), 1, "that it was delivered");
}

#[test]
fn posting_can_be_dropped_without_a_loss() {
    let bench = bench();
    for text in ["one", "two", "three"] {
        bench.simulator.post(bench.ada().writes(Side::Meta, text));
    }
    let posting = bench.simulator.post_webhooks(|_| pending::<StatusCode>());
    let ended = bench.clock.block_on(timeout(&bench.clock, seconds(1), posting));
    assert!(ended.is_none(), "it ended by itself");
    assert!(bench.simulator.webhooks().is_empty());
    assert_eq!(bench.simulator.due_webhooks().len(), 3);
}

#[test]
fn a_forger_tries_once() {
    let bench = bench();
    bench.simulator.answered(&bench.ada().writes(Side::Meta, "x").forged(), StatusCode::UNAUTHORIZED);
    assert_eq!(bench.simulator.next_webhook_at(), None);
    assert_eq!(bench.simulator.webhooks().len(), 1);
}

#[test]
fn what_is_forged_is_not_made_genuine_by_a_batch() {
    let bench = bench();
    let genuine = bench.ada().writes(Side::Meta, "x");
    assert!(bench.simulator.batch(vec![genuine.clone(), genuine.forged()]).is_none());
    assert!(bench.simulator.batch(vec![genuine.clone(), genuine]).is_some());
}

#[test]
fn a_batch_is_in_order_and_no_larger_than_meta_posts() {
    let bench = bench();
    bench.simulator.set_batch_size(1_000);
    for _ in 0..1_000 {
        bench.simulator.post(bench.ada().writes(Side::Meta, &"x".repeat(4_096)));
    }
    bench.simulator.post(bench.ada().writes(Side::Twilio, "between"));
    bench.simulator.post(bench.ada().writes(Side::Meta, "last"));
    let due = bench.simulator.due_webhooks();
    let sides: Vec<Side> = due.iter().map(|webhook| webhook.side).collect();
    assert_eq!(sides, [Side::Meta, Side::Meta, Side::Twilio, Side::Meta]);
    assert!(due.iter().all(|webhook| webhook.request.body().len() <= 3_000_000));
}

#[test]
fn what_is_accepted_late_counts_when_it_arrives() {
    let bench = bench();
    bench.simulator.enforce_pair_rate(true);
    for side in Side::ALL {
        bench.simulator.set_throughput(*side, NonZeroU32::new(2));
        bench.simulator.fault_next(*side, Fault::AcceptThenHang { after: seconds(3600) });
    }
    assert!(bench.ask(bench.meta_text("a")).is_err());
    assert!(bench.ask(bench.twilio_message(&[("Body", "a")])).is_err());
    for _ in 0..3 {
        bench.clock.advance(seconds(10));
        assert_eq!(bench.json(bench.meta_text("b")).0, 200);
        let now = bench.clock.now();
        assert_eq!(bench.json(bench.twilio_message(&[("Body", "b")])).0, 201);
        assert_eq!(bench.ada().received().last().unwrap().at, now);
    }
}

#[test]
fn a_message_for_later_leaves_the_pair_its_rate() {
    let bench = bench();
    bench.simulator.enforce_pair_rate(true);
    in_an_hour(&bench);
    assert_eq!(bench.json(bench.twilio_message(&[("Body", "now")])).0, 201);
    assert_eq!(bench.ada().received().len(), 2);
}

#[test]
fn nothing_is_left_of_a_message_that_was_called_back() {
    let bench = bench();
    let ada = bench.ada();
    ada.answers(|_| Some(UserMessage::text("hello")));
    call_back(&bench, &in_an_hour(&bench));
    ada.goes_offline();
    call_back(&bench, &in_an_hour(&bench));
    ada.comes_online();
    bench.clock.advance(seconds(7200));
    assert!(ada.received().is_empty() && bench.simulator.due_webhooks().is_empty());
    assert!(!bench.simulator.timeline().iter().any(|entry| entry.what == Happening::Delivered));
}

#[test]
fn the_timeline_has_what_has_happened_and_when_it_did() {
    let bench = bench();
    let delivered = || {
        let timeline = bench.simulator.timeline().into_iter();
        timeline.filter(|entry| entry.what == Happening::Delivered).map(|entry| entry.at).collect::<Vec<_>>()
    };
    in_an_hour(&bench);
    assert!(delivered().is_empty());
    bench.clock.advance(seconds(3600));
    let later = bench.clock.now();
    assert_eq!(delivered(), [later]);
    bench.ada().goes_offline();
    bench.json(bench.meta_text("x"));
    bench.clock.advance(seconds(60));
    bench.ada().comes_online();
    assert_eq!(delivered(), [later, bench.clock.now()]);
}

#[test]
fn the_digest_is_of_the_whole_answer() {
    let digest = |fault: Fault| {
        let bench = bench();
        bench.simulator.fault_next(Side::Meta, fault);
        let _ = bench.ask(bench.meta_text("x"));
        bench.simulator.timeline()[0].digest.clone()
    };
    let throttle = |wait| Fault::Throttle { retry_after: Some(seconds(wait)) };
    assert_ne!(digest(throttle(1)), digest(throttle(2)));
    assert_ne!(digest(Fault::AcceptThenDrop), digest(Fault::AcceptThenHang { after: Duration::ZERO }));
    assert_eq!(digest(throttle(1)), digest(throttle(1)));
}

#[test]
fn a_user_whose_phone_goes_off_answers_when_it_is_on_again() {
    let bench = bench();
    let ada = bench.ada();
    ada.answers(|_| Some(UserMessage::text("hello")));
    bench.json(bench.twilio_message(&[("Body", "x")]));
    ada.goes_offline();
    bench.clock.advance(seconds(10));
    assert!(bench.simulator.due_webhooks().is_empty());
    ada.comes_online();
    assert_eq!(bench.simulator.due_webhooks().len(), 1);
}

#[test]
fn statuses_are_in_order_even_if_the_phone_was_off_for_a_moment() {
    let bench = bench();
    bench.ada().goes_offline();
    bench.json(bench.meta_text("one"));
    bench.clock.advance(Duration::from_millis(1));
    bench.ada().comes_online();
    bench.clock.advance(seconds(20));
    let state = |webhook: crate::simulator::SimulatedWebhook| {
        let body: Value = serde_json::from_slice(webhook.request.body()).unwrap();
        let status = &body["entry"][0]["changes"][0]["value"]["statuses"][0]["status"];
        status.as_str().unwrap().to_owned()
    };
    let states: Vec<String> = bench.simulator.due_webhooks().into_iter().map(state).collect();
    assert_eq!(states, ["sent", "delivered", "read"]);
}

#[test]
fn what_is_to_be_sent_later_is_not_forgotten_before() {
    let bench = bench();
    let message = in_an_hour(&bench);
    bench.clock.advance(seconds(3599));
    bench.simulator.forget();
    call_back(&bench, &message);
}
