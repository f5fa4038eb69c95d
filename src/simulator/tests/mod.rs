use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::json;

use super::harness::Bench;
use super::{Fault, Side};
use crate::clock::Clock;

mod edges;
mod rules;
mod scripts;
mod timeline;

#[test]
fn a_lost_answer_is_followed_by_statuses_and_a_refused_connection_is_not() {
    let bench = Bench::new();
    bench.simulator.fault_next(Side::Meta, Fault::Refuse);
    assert!(bench.ask(bench.meta_text("a")).is_err());
    assert_eq!(bench.simulator.next_webhook_at(), None);
    bench.simulator.fault_next(Side::Meta, Fault::AcceptThenDrop);
    assert!(bench.ask(bench.meta_text("b")).is_err());
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.simulator.due_webhooks().len(), 3);
}

#[test]
fn the_same_script_gives_the_same_bytes() {
    let play = || {
        let bench = Bench::new();
        let mut bytes: Vec<Bytes> = Vec::new();
        let mut ask = |request: Request<Bytes>| match bench.ask(request) {
            Ok(answer) => bytes.push(format!("{:?} {:?}", answer.headers(), answer.body()).into()),
            Err(kind) => bytes.push(format!("{kind:?}").into()),
        };
        bench.simulator.fault_next(Side::Twilio, Fault::AcceptThenCut);
        ask(bench.meta_text("x"));
        ask(bench.twilio_message(&[("Body", "x"), ("StatusCallback", "https://example.test/s")]));
        ask(bench.meta_message(&json!({ "type": "text" })));
        ask(bench.to_twilio(Method::GET, &bench.messages(), &[]));
        bench.clock.advance(Duration::from_secs(10));
        let mut webhooks = bench.simulator.due_webhooks();
        webhooks.push(bench.ada().sends_image(Side::Meta, None));
        webhooks.push(bench.ada().sends_image(Side::Twilio, None));
        assert_eq!(webhooks.len(), 8);
        for webhook in webhooks {
            bytes.push(format!("{:?}", webhook.request).into());
        }
        bytes
    };
    assert_eq!(play(), play());
}

#[test]
fn requests_and_users_are_told_apart() {
    let bench = Bench::new();
    bench.ask(bench.meta_text("a")).unwrap();
    bench.ask(bench.twilio_message(&[("To", "whatsapp:+15550000009"), ("Body", "b")])).unwrap();
    bench.ask(bench.twilio_message(&[])).unwrap();
    let requests = bench.simulator.requests();
    let seen: Vec<_> =
        requests.iter().map(|request| (request.side, request.path.as_str(), request.accepted)).collect();
    let (meta, twilio) = (format!("/v23.0/{}/messages", bench.accounts.phone_number_id), bench.messages());
    assert_eq!(
        seen,
        [
            (Side::Meta, meta.as_str(), true),
            (Side::Twilio, twilio.as_str(), true),
            (Side::Twilio, twilio.as_str(), false)
        ]
    );
    assert_eq!(bench.ada().received(), bench.simulator.deliveries()[..1]);
}

#[test]
fn what_is_forgotten_is_gone_but_twilio_finds_it_for_an_hour() {
    let bench = Bench::new();
    let at_twilio = || {
        let (_, list) = bench.json(bench.to_twilio(Method::GET, &bench.messages(), &[]));
        list["messages"].as_array().unwrap().len()
    };
    bench.ask(bench.meta_text("a")).unwrap();
    bench.ask(bench.twilio_message(&[("Body", "b")])).unwrap();
    let accepted = bench.simulator.deliveries()[1].at;
    bench.simulator.forget();
    assert!(bench.simulator.requests().is_empty() && bench.ada().received().is_empty());
    assert_eq!(at_twilio(), 1);

    let hour = Duration::from_secs(3600);
    bench.clock.advance(hour - Duration::from_millis(1) - bench.clock.now().since(accepted));
    bench.simulator.forget();
    assert_eq!(at_twilio(), 1, "asking takes time, so it is over an hour old now");
    bench.simulator.forget();
    assert_eq!(at_twilio(), 0);
}

#[test]
fn debug_shows_nothing_of_anybody() {
    let bench = Bench::new();
    bench.ask(bench.meta_text("sesame")).unwrap();
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        bench.simulator,
        bench.accounts,
        bench.ada(),
        bench.simulator.deliveries(),
        bench.simulator.requests(),
        bench.ada().writes(Side::Meta, "sesame"),
        bench.simulator.http_client(),
    );
    let accounts = &bench.accounts;
    for canary in [
        "5557654321",
        "sesame",
        "wamid",
        "example",
        "/v23.0",
        &accounts.access_token,
        &accounts.app_secret,
        &accounts.verify_token,
        &accounts.account_sid,
        &accounts.auth_token,
        &accounts.phone_number_id,
    ] {
        assert!(!shown.contains(canary), "{canary}: {shown}");
    }
}
