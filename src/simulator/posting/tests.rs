use std::cell::RefCell;
use std::future::{pending, ready};
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::*;
use crate::clock::Clock;
use crate::simulator::harness::Bench;
use crate::testing::TestClock;

const OK: StatusCode = StatusCode::OK;
const DOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn what_is_posted_comes_after_what_is_due_already() {
    let bench = Bench::new();
    bench.simulator.post_after(seconds(1), bench.ada().writes(Side::Meta, "later"));
    bench.simulator.post(bench.ada().writes(Side::Meta, "first"));
    bench.simulator.post(bench.ada().writes(Side::Twilio, "second"));
    assert_eq!(bench.simulator.next_webhook_at(), Some(bench.clock.now()));
    let sides = |due: Vec<SimulatedWebhook>| due.iter().map(|webhook| webhook.side).collect::<Vec<_>>();
    assert_eq!(sides(bench.simulator.due_webhooks()), [Side::Meta, Side::Twilio]);
    assert!(bench.simulator.due_webhooks().is_empty());
    bench.clock.advance(seconds(1));
    assert_eq!(sides(bench.simulator.due_webhooks()), [Side::Meta]);
}

#[test]
fn a_webhook_that_is_not_taken_comes_again_until_it_is() {
    let bench = Bench::new();
    let start = bench.clock.now();
    bench.simulator.post(bench.ada().writes(Side::Meta, "hi"));
    let posts = RefCell::new(Vec::new());
    bench.clock.block_on(bench.simulator.post_webhooks_for(seconds(3600), |request| {
        posts.borrow_mut().push((bench.clock.now().since(start).as_secs(), request.into_body()));
        ready(if posts.borrow().len() < 4 { DOWN } else { OK })
    }));
    let posts = posts.into_inner();
    assert_eq!(posts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 10, 30, 70]);
    assert!(posts.iter().all(|(_, body)| *body == posts[0].1));
    let log = bench.simulator.webhooks();
    assert_eq!(log.iter().map(|posted| posted.webhook.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(log[3].answer, OK.into());
    assert_eq!(bench.simulator.next_webhook_at(), None);
}

#[test]
fn twilio_drops_what_a_service_fails_at_unless_its_address_says_otherwise() {
    let bench = Bench::new();
    let count = |overrides: Option<&str>, answer: WebhookAnswer| {
        if let Some(overrides) = overrides {
            bench.simulator.set_twilio_overrides(overrides);
        }
        let before = bench.simulator.webhooks().len();
        bench.simulator.post(bench.ada().writes(Side::Twilio, "hi"));
        bench.clock.block_on(bench.simulator.post_webhooks_for(seconds(60), |_| ready(answer)));
        let tokens: Vec<_> = bench.simulator.webhooks()[before..]
            .iter()
            .map(|posted| posted.webhook.request.headers()["i-twilio-idempotency-token"].clone())
            .collect();
        assert!(tokens.iter().all(|token| token == tokens[0]));
        tokens.len()
    };
    assert_eq!(count(None, DOWN.into()), 1);
    assert_eq!(count(None, WebhookAnswer::NotConnected), 2);
    assert_eq!(count(Some("rc=5&rp=all"), DOWN.into()), 6);
}

#[test]
fn the_status_callback_of_a_message_has_overrides_of_its_own() {
    let bench = Bench::new();
    let callback = "https://example.test/status#rc=2&rp=5xx";
    bench.json(bench.twilio_message(&[("Body", "x"), ("StatusCallback", callback)]));
    bench.clock.block_on(bench.simulator.post_webhooks_for(seconds(60), |request| {
        assert_eq!(request.uri(), "https://example.test/status");
        ready(DOWN)
    }));
    assert_eq!(bench.simulator.webhooks().len(), 9, "three statuses, three times each");
}

#[test]
fn a_service_that_does_not_answer_is_given_up() {
    let bench = Bench::new();
    let start = bench.clock.now();
    bench.simulator.post(bench.ada().writes(Side::Twilio, "hi"));
    bench.clock.block_on(bench.simulator.post_webhooks_for(seconds(1), |_| pending::<StatusCode>()));
    let [posted] = bench.simulator.webhooks().try_into().unwrap();
    assert_eq!(posted.answer, WebhookAnswer::TimedOut);
    assert_eq!(posted.at.since(start), PATIENCE);
}

#[test]
fn what_is_put_there_while_it_waits_is_posted_at_once() {
    let bench = Bench::new();
    let start = bench.clock.now();
    let posts = RefCell::new(Vec::new());
    let work = async {
        bench.clock.sleep(seconds(7)).await;
        bench.simulator.post(bench.ada().writes(Side::Meta, "hi"));
        bench.clock.sleep(seconds(7)).await;
    };
    let posting = bench.simulator.post_webhooks(|_| {
        posts.borrow_mut().push(bench.clock.now().since(start).as_secs());
        ready(OK)
    });
    bench.clock.block_on(async {
        tokio::select! {
            biased;
            () = posting => panic!("it ended by itself"),
            () = work => {}
        }
    });
    assert_eq!(posts.into_inner(), [7]);
}

/// How many updates each post of Meta's has that is made now, and what they are about.
fn posts(bench: &Bench) -> (Vec<usize>, Vec<String>) {
    let due = bench.simulator.due_webhooks();
    let ids = due.iter().flat_map(|webhook| {
        let body: Value = serde_json::from_slice(webhook.request.body()).unwrap();
        let entries = body["entry"].as_array().unwrap().clone();
        entries.into_iter().map(|entry| {
            let value = &entry["changes"][0]["value"];
            let update = value.get("messages").or(value.get("statuses")).unwrap();
            update[0]["id"].as_str().unwrap().to_owned()
        })
    });
    (due.iter().map(webhook::updates).collect(), ids.collect())
}

#[test]
fn meta_posts_up_to_a_thousand_updates_together() {
    let bench = Bench::new();
    let write = || {
        for n in 0..2_500 {
            bench.simulator.post(bench.ada().writes(Side::Meta, &n.to_string()));
        }
    };
    write();
    let (single, ids) = posts(&bench);
    assert!(single.len() == 2_500 && ids.len() == 2_500);
    bench.simulator.set_batch_size(5_000);
    write();
    let (sizes, ids) = posts(&bench);
    assert_eq!(sizes, [1_000, 1_000, 500]);
    assert!(ids.iter().collect::<std::collections::HashSet<_>>().len() == 2_500);
}

#[test]
fn what_is_forged_or_comes_again_stays_alone() {
    let bench = Bench::new();
    bench.simulator.set_batch_size(10);
    let genuine = bench.ada().writes(Side::Meta, "hi");
    bench.simulator.answered(&genuine, DOWN);
    bench.clock.advance(seconds(10));
    for webhook in [genuine.forged(), genuine.clone(), genuine.clone()] {
        bench.simulator.post(webhook);
    }
    let due = bench.simulator.due_webhooks();
    assert_eq!(due.iter().map(webhook::updates).collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(due[0].attempt, 2);
    assert_eq!(due[1].request.headers(), genuine.forged().request.headers());
}

#[test]
fn one_clock_is_all_that_it_needs() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    clock.block_on(simulator.post_webhooks_for(seconds(60), |_| ready(OK)));
    assert_eq!(clock.elapsed(), seconds(60));
}
