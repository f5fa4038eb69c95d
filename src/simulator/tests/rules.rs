//! What the providers refuse, at once or later, and in which order they tell what became of a message.

use std::num::NonZeroU32;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::super::harness::Bench;
use super::super::{Fault, Side, StatusOrder};
use crate::clock::Clock;
use crate::testing::TestClock;

const CALLBACK: (&str, &str) = ("StatusCallback", "https://example.test/status");
const CONTENT: &str = "HX00000000000000000000000000000001";

fn code(answer: (u16, Value)) -> (u16, i64) {
    let code = answer.1.get("error").unwrap_or(&answer.1)["code"].as_i64();
    (answer.0, code.unwrap_or_default())
}

/// The states in which Twilio posts them, with their codes; or Meta.
fn statuses(bench: &Bench) -> Vec<(String, i64)> {
    let due = bench.simulator.due_webhooks();
    let read = due.iter().map(|webhook| {
        let body = webhook.request.body();
        if webhook.side == Side::Meta {
            let body: Value = serde_json::from_slice(body).unwrap();
            let status = &body["entry"][0]["changes"][0]["value"]["statuses"][0];
            let code = status["errors"][0]["code"].as_i64().unwrap_or_default();
            (status["status"].as_str().unwrap().to_owned(), code)
        } else {
            let form: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap();
            let field =
                |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
            (field("MessageStatus").unwrap(), field("ErrorCode").map_or(0, |code| code.parse().unwrap()))
        }
    });
    read.collect()
}

#[test]
fn the_pair_rate_is_refused_at_once_by_meta_and_later_by_twilio() {
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Meta, Duration::ZERO);
    bench.simulator.set_latency(Side::Twilio, Duration::ZERO);
    bench.simulator.enforce_pair_rate(true);
    for _ in 0..45 {
        assert_eq!(bench.json(bench.meta_text("x")).0, 200);
        assert_eq!(bench.json(bench.twilio_message(&[("Body", "x")])).0, 201);
    }
    assert_eq!(code(bench.json(bench.meta_text("x"))), (400, 131_056));
    assert_eq!(bench.json(bench.twilio_message(&[("Body", "x"), CALLBACK])).0, 201);
    assert_eq!(bench.ada().received().len(), 90);
    let other = json!({ "type": "text", "text": { "body": "x" }, "to": "15557654322" });
    assert_eq!(bench.json(bench.meta_message(&other)).0, 200);

    bench.clock.advance(Duration::from_millis(300));
    let told = statuses(&bench);
    assert!(told.contains(&("failed".to_owned(), 63_018)), "{told:?}");
    bench.clock.advance(Duration::from_secs(6));
    assert_eq!(bench.json(bench.meta_text("x")).0, 200);
}

#[test]
fn what_is_over_the_rate_of_a_number_is_refused_by_meta_and_queued_by_twilio() {
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Meta, Duration::ZERO);
    bench.simulator.set_latency(Side::Twilio, Duration::ZERO);
    for side in Side::ALL {
        bench.simulator.set_throughput(*side, NonZeroU32::new(2));
    }
    let start = bench.clock.now();
    let answers = [0; 3].map(|_| code(bench.json(bench.meta_text("x"))));
    assert_eq!(answers, [(200, 0), (200, 0), (400, 130_429)]);
    let queued = [0; 5].map(|_| bench.json(bench.twilio_message(&[("Body", "x")])).1);
    assert!(queued.iter().all(|message| message["status"] == "queued"));
    let twilio = bench.simulator.deliveries().into_iter().filter(|delivery| delivery.side == Side::Twilio);
    let sent: Vec<u64> = twilio.map(|delivery| delivery.at.since(start).as_secs()).collect();
    assert_eq!(sent, [0, 0, 1, 1, 2]);
    bench.clock.advance(Duration::from_millis(1_000));
    let now = queued.map(|message| {
        bench.json(bench.to_twilio(Method::GET, message["uri"].as_str().unwrap(), &[])).1["status"].clone()
    });
    assert_eq!(now, ["delivered", "delivered", "queued", "queued", "queued"]);
    assert_eq!(bench.json(bench.meta_text("x")).0, 200);
}

#[test]
fn meta_refuses_templates_that_are_not_there_or_may_not_be_used() {
    let bench = Bench::new();
    let send = |name: &str, language: &str, places: usize| {
        let parameters = vec![json!({ "type": "text", "text": "x" }); places];
        let template = json!({
            "name": name, "language": { "code": language },
            "components": [{ "type": "body", "parameters": parameters }],
        });
        code(bench.json(bench.meta_message(&json!({ "type": "template", "template": template }))))
    };
    assert_eq!(send("anything", "en_US", 1), (200, 0));
    bench.simulator.require_templates(true);
    bench.simulator.register_template(
        "shipped",
        "en_US",
        "Your order {{1}} is on its way, {{ 2 }}.",
        "APPROVED",
    );
    for (name, status) in [("paused", "PAUSED"), ("disabled", "DISABLED"), ("pending", "PENDING")] {
        bench.simulator.register_template(name, "en_US", "Hi {{1}}", status);
    }
    assert_eq!(send("shipped", "en_US", 2), (200, 0));
    assert_eq!(send("shipped", "en_US", 1), (400, 132_000));
    assert_eq!(send("shipped", "de", 2), (404, 132_001));
    assert_eq!(send("anything", "en_US", 1), (404, 132_001));
    assert_eq!(send("pending", "en_US", 1), (404, 132_001));
    assert_eq!(send("paused", "en_US", 1), (400, 132_015));
    assert_eq!(send("disabled", "en_US", 1), (400, 132_016));
}

#[test]
fn twilio_says_why_a_content_is_no_template() {
    let bench = Bench::new();
    bench.simulator.enforce_windows(true);
    for (decision, expected) in
        [("rejected", 63_040), ("paused", 63_041), ("disabled", 63_042), ("pending", 63_016)]
    {
        bench.simulator.register_content(CONTENT, "order_shipped", "en_US", ["1"]);
        bench.simulator.decide_about_content(CONTENT, decision);
        assert_eq!(bench.json(bench.twilio_message(&[("ContentSid", CONTENT), CALLBACK])).0, 201);
        bench.clock.advance(Duration::from_secs(1));
        assert_eq!(statuses(&bench), [("failed".to_owned(), expected)], "{decision}");
    }
    assert!(bench.ada().received().is_empty());
}

#[test]
fn a_message_can_fail_after_it_was_accepted() {
    let bench = Bench::new();
    bench.simulator.fault_next(Side::Meta, Fault::FailLater { code: 131_026 });
    bench.simulator.fault_next(Side::Twilio, Fault::FailLater { code: 63_024 });
    assert_eq!(bench.json(bench.meta_text("x")).0, 200);
    assert_eq!(bench.json(bench.twilio_message(&[("Body", "x"), CALLBACK])).0, 201);
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(statuses(&bench), [("failed".to_owned(), 131_026), ("failed".to_owned(), 63_024)]);
    assert!(bench.ada().received().is_empty());
    assert_eq!(bench.json(bench.meta_text("x")).0, 200);
    assert_eq!(bench.ada().received().len(), 1);
}

#[test]
fn statuses_come_in_order_or_not_and_more_than_once() {
    let names = |bench: &Bench| statuses(bench).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    for side in Side::ALL {
        let bench = Bench::new();
        let send = || match side {
            Side::Meta => bench.json(bench.meta_text("x")),
            Side::Twilio => bench.json(bench.twilio_message(&[("Body", "x"), CALLBACK])),
        };
        send();
        bench.clock.advance(Duration::from_secs(5));
        assert_eq!(names(&bench), ["sent", "delivered", "read"]);

        bench.simulator.set_status_order(StatusOrder::Reversed);
        send();
        bench.clock.advance(Duration::from_millis(4_900));
        assert!(names(&bench).is_empty(), "nothing is told before the last has happened");
        bench.clock.advance(Duration::from_millis(100));
        assert_eq!(names(&bench), ["read", "delivered", "sent"]);

        bench.simulator.set_status_order(StatusOrder::InOrder);
        bench.simulator.repeat_statuses(2);
        send();
        bench.clock.advance(Duration::from_secs(10));
        assert_eq!(names(&bench), ["sent", "delivered", "read"]);
        bench.clock.advance(Duration::from_secs(15));
        assert_eq!(names(&bench), ["sent", "delivered", "read", "sent", "delivered", "read"]);
    }
}

#[test]
fn shuffled_statuses_come_in_every_order() {
    let clock = TestClock::with_seed(7);
    let bench = Bench::on(clock);
    bench.simulator.set_status_order(StatusOrder::Shuffled);
    let orders: std::collections::BTreeSet<Vec<(String, i64)>> = (0..100)
        .map(|_| {
            bench.json(bench.meta_text("x"));
            bench.clock.advance(Duration::from_secs(5));
            statuses(&bench)
        })
        .collect();
    assert_eq!(orders.len(), 6);
    assert!(orders.iter().all(|order| order.len() == 3));
}
