use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::clock::{Clock, timeout};
use crate::error::{Acceptance, ErrorKind};
use crate::http_client::{HttpErrorKind, Limits, RequestBody, exchange};
use crate::outbound::Departure;
use crate::simulator::harness::Bench;
use crate::simulator::{Fault, Side};

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// A text through one side.
fn text(bench: &Bench, side: Side) -> Request<Bytes> {
    match side {
        Side::Meta => bench.meta_text("x"),
        Side::Twilio => bench.twilio_message(&[("Body", "x")]),
    }
}

/// How a request without an answer ended, how long it took, and whether it had left.
fn failure(bench: &Bench, side: Side, limits: Limits) -> (HttpErrorKind, Duration, bool) {
    let departure = Departure::new();
    departure.arm();
    let before = bench.clock.elapsed();
    let request = text(bench, side).map(|body| RequestBody::departing(body, departure.clone()));
    let client = bench.simulator.http_client();
    let error = bench.clock.block_on(client.execute(request, limits)).unwrap_err();
    (error.kind(), bench.clock.elapsed() - before, departure.departed())
}

#[test]
fn a_request_takes_the_latency_of_its_side() {
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Twilio, millis(500));
    for (side, latency) in [(Side::Meta, 80), (Side::Twilio, 500)] {
        let before = bench.clock.elapsed();
        assert!(bench.ask(text(&bench, side)).unwrap().status().is_success());
        assert_eq!(bench.clock.elapsed() - before, millis(latency));
    }
}

#[test]
fn every_fault_says_what_a_real_client_would() {
    let limits = Limits::default();
    for (fault, kind, took, departed, delivered, arrived) in [
        (Fault::Refuse, HttpErrorKind::Connect, millis(40), false, 0, 0),
        (Fault::Hang, HttpErrorKind::Timeout, millis(30_040), true, 0, 1),
        (Fault::AcceptThenDrop, HttpErrorKind::Interrupted, millis(80), true, 1, 1),
        (Fault::AcceptThenHang { after: Duration::ZERO }, HttpErrorKind::Timeout, millis(30_040), true, 1, 1),
    ] {
        for side in Side::ALL {
            let bench = Bench::new();
            bench.simulator.set_fault(*side, Some(fault));
            assert_eq!(failure(&bench, *side, limits), (kind, took, departed), "{fault:?}");
            assert_eq!(bench.simulator.deliveries().len(), delivered);
            let requests = bench.simulator.requests();
            assert_eq!(requests.len(), arrived);
            assert!(requests.iter().all(|request| request.accepted == (delivered == 1)));
            // The other side is well, and so is this one again.
            let other = if *side == Side::Meta { Side::Twilio } else { Side::Meta };
            assert!(bench.ask(text(&bench, other)).unwrap().status().is_success());
            bench.simulator.set_fault(*side, None);
            assert!(bench.ask(text(&bench, *side)).unwrap().status().is_success());
        }
    }
}

#[test]
fn an_answer_that_is_cut_has_a_head() {
    for side in Side::ALL {
        let bench = Bench::new();
        bench.simulator.set_fault(*side, Some(Fault::AcceptThenCut));
        let client = bench.simulator.http_client();
        let request = text(&bench, *side).map(RequestBody::new);
        bench.clock.block_on(async {
            let answer = client.execute(request, Limits::default()).await.unwrap();
            assert!(answer.status().is_success());
            let announced: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
            let mut body = answer.into_body();
            let half = body.chunk().await.unwrap().unwrap();
            assert_eq!(half.len(), announced / 2);
            assert_eq!(body.chunk().await.unwrap_err().kind(), HttpErrorKind::Interrupted);
        });
        assert_eq!(bench.simulator.deliveries().len(), 1);
    }
}

#[test]
fn refusals_by_status_and_code() {
    for (side, fault, status, code) in [
        (Side::Meta, Fault::Unavailable { with_envelope: true }, 503, Some(2)),
        (Side::Twilio, Fault::Unavailable { with_envelope: true }, 503, Some(20_503)),
        (Side::Meta, Fault::Unavailable { with_envelope: false }, 503, None),
        (Side::Twilio, Fault::Unavailable { with_envelope: false }, 503, None),
        (Side::Meta, Fault::Throttle { retry_after: None }, 400, Some(130_429)),
        (Side::Twilio, Fault::Throttle { retry_after: None }, 429, Some(20_429)),
        (Side::Meta, Fault::Suspend, 403, Some(131_031)),
        (Side::Twilio, Fault::Suspend, 403, Some(20_005)),
        (Side::Meta, Fault::WrongToken, 401, Some(190)),
        (Side::Twilio, Fault::WrongToken, 401, Some(20_003)),
        (Side::Meta, Fault::Code { status: 400, code: 130_429 }, 400, Some(130_429)),
        (Side::Twilio, Fault::Code { status: 429, code: 20_429 }, 429, Some(20_429)),
        (Side::Meta, Fault::Code { status: 7, code: 1 }, 500, Some(1)),
    ] {
        let bench = Bench::new();
        bench.simulator.set_fault(side, Some(fault));
        let answer = bench.ask(text(&bench, side)).unwrap();
        assert_eq!(answer.status().as_u16(), status, "{fault:?}");
        let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
        let given = body.as_ref().and_then(|body| match side {
            Side::Meta => body["error"]["code"].as_i64(),
            Side::Twilio => body["code"].as_i64(),
        });
        assert_eq!(given, code, "{fault:?}");
        assert!(bench.simulator.deliveries().is_empty());
        assert!(!bench.simulator.requests()[0].accepted);
    }
}

#[test]
fn throttling_says_when_to_come_back() {
    for side in Side::ALL {
        for (retry_after, header) in
            [(None, None), (Some(Duration::ZERO), Some("0")), (Some(millis(7_900)), Some("7"))]
        {
            let bench = Bench::new();
            bench.simulator.set_fault(*side, Some(Fault::Throttle { retry_after }));
            let answer = bench.ask(text(&bench, *side)).unwrap();
            let given = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
            assert_eq!(given, header);
        }
    }
}

#[test]
fn what_is_accepted_is_accepted_although_somebody_answers_503() {
    for side in Side::ALL {
        let bench = Bench::new();
        bench.simulator.set_fault(*side, Some(Fault::AcceptThenUnavailable));
        let answer = bench.ask(text(&bench, *side)).unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.body().starts_with(b"<html>"));
        assert_eq!(bench.simulator.deliveries().len(), 1);
        assert!(bench.simulator.requests()[0].accepted);
    }
}

#[test]
fn what_is_accepted_late_is_found_late() {
    let bench = Bench::new();
    bench.simulator.fault_next(Side::Twilio, Fault::AcceptThenHang { after: millis(9_000) });
    let arrival = bench.clock.now().saturating_add(millis(40));
    let limits = Limits::default().with_head(millis(1_000));
    assert_eq!(failure(&bench, Side::Twilio, limits).0, HttpErrorKind::Timeout);
    let delivery = bench.simulator.deliveries().remove(0);
    assert_eq!(delivery.at, arrival.saturating_add(millis(9_000)));
    let found = || {
        let (_, list) = bench.json(bench.to_twilio(Method::GET, &bench.messages(), &[]));
        let one = bench.messages().replace(".json", &format!("/{}.json", delivery.message_id));
        let one = bench.ask(bench.to_twilio(Method::GET, &one, &[])).unwrap();
        (list["messages"].as_array().unwrap().len(), one.status().as_u16())
    };
    // A request arrives half a latency after it is made.
    bench.clock.advance(delivery.at.since(bench.clock.now()) - millis(200));
    assert_eq!(found(), (0, 404), "it is on its way for 9 s");
    bench.clock.advance(millis(40));
    assert_eq!(found(), (1, 200));

    bench.simulator.fault_next(Side::Meta, Fault::AcceptThenHang { after: millis(9_000) });
    failure(&bench, Side::Meta, limits);
    let late = bench.simulator.deliveries()[1].at;
    assert_eq!(bench.simulator.next_webhook_at(), Some(late.saturating_add(millis(300))));
}

#[test]
fn what_the_crate_makes_of_each_fault() {
    use Acceptance::{NotAccepted, Unknown};
    let outcome = |fault| {
        let bench = Bench::new();
        bench.simulator.set_fault(Side::Meta, Some(fault));
        let client = bench.simulator.http_client();
        let departure = Departure::new();
        let sent = exchange(&*client, bench.meta_text("x"), Limits::default(), &departure);
        let result = bench.clock.block_on(sent);
        (
            result
                .map(|answer| (answer.status.as_u16(), answer.body.is_some()))
                .map_err(|error| (error.kind(), error.acceptance())),
            bench.simulator.deliveries().len(),
        )
    };
    assert_eq!(outcome(Fault::Refuse), (Err((ErrorKind::Unavailable, NotAccepted)), 0));
    assert_eq!(outcome(Fault::Hang), (Err((ErrorKind::NoAnswer, Unknown)), 0));
    assert_eq!(outcome(Fault::AcceptThenDrop), (Err((ErrorKind::NoAnswer, Unknown)), 1));
    assert_eq!(outcome(Fault::AcceptThenCut), (Ok((200, false)), 1));
    let hang = |seconds| outcome(Fault::AcceptThenHang { after: Duration::from_secs(seconds) });
    assert_eq!(hang(0), (Err((ErrorKind::NoAnswer, Unknown)), 1));
    assert_eq!(hang(90), (Err((ErrorKind::NoAnswer, Unknown)), 1));
    assert_eq!(outcome(Fault::AcceptThenUnavailable), (Ok((503, true)), 1));
    assert_eq!(outcome(Fault::Unavailable { with_envelope: false }), (Ok((503, true)), 0));
}

#[test]
fn the_limits_hold_on_the_clock() {
    let slow = |latency, limits| {
        let bench = Bench::new();
        bench.simulator.set_latency(Side::Meta, latency);
        let failed = failure(&bench, Side::Meta, limits);
        (failed, bench.simulator.deliveries().len())
    };
    let second = |number| Duration::from_secs(number);
    let limits = Limits::default();
    // 5 s to connect, of which 3 are allowed.
    assert_eq!(slow(second(10), limits), ((HttpErrorKind::Connect, second(3), false), 0));
    // Everything ends before there is a connection.
    assert_eq!(
        slow(second(10), limits.with_total(second(1))),
        ((HttpErrorKind::Connect, second(1), false), 0)
    );
    // 40 s to connect and 40 s to the head, of which 30 are allowed: the message has reached the user.
    let patient = limits.with_connect(second(50));
    assert_eq!(
        slow(second(80), patient.with_total(second(300))),
        ((HttpErrorKind::Timeout, second(70), true), 1)
    );
    assert_eq!(slow(second(80), patient), ((HttpErrorKind::Timeout, second(60), true), 1));

    // What comes at the last moment has come.
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Meta, second(6));
    let client = bench.simulator.http_client();
    let request = bench.meta_text("x").map(RequestBody::new);
    assert!(bench.clock.block_on(client.execute(request, limits.with_head(second(3)))).is_ok());
}

#[test]
fn a_request_that_was_given_up_never_arrives() {
    let bench = Bench::new();
    let client = bench.simulator.http_client();
    for (wait, departs) in [(30, false), (60, true)] {
        let departure = Departure::new();
        departure.arm();
        let request = bench.meta_text("x").map(|body| RequestBody::departing(body, departure.clone()));
        let sent = client.execute(request, Limits::default());
        let clock: Arc<dyn Clock> = Arc::new(bench.clock.clone());
        assert!(bench.clock.block_on(timeout(&*clock, millis(wait), sent)).is_none());
        assert_eq!(departure.departed(), departs);
        assert_eq!(bench.simulator.deliveries().len(), usize::from(departs));
    }
    let departure = Departure::new();
    departure.arm();
    assert!(departure.revoke());
    let request = bench.meta_text("x").map(|body| RequestBody::departing(body, departure));
    let error = bench.clock.block_on(client.execute(request, Limits::default())).unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Request);
    assert_eq!(bench.simulator.requests().len(), 1);
}

#[test]
fn queued_faults_wait_for_messages_and_take_one_each() {
    let bench = Bench::new();
    let number = format!("/v23.0/{}", bench.accounts.phone_number_id);
    bench.simulator.fault_next(Side::Meta, Fault::Code { status: 400, code: 131_047 });
    bench.simulator.fault_next(Side::Meta, Fault::AcceptThenDrop);
    bench.simulator.fault_next(Side::Meta, Fault::Refuse);
    let read = bench.meta_message(&json!({ "status": "read", "message_id": "wamid.x" }));
    for harmless in [read, bench.to_meta(Method::GET, &number, ""), text(&bench, Side::Twilio)] {
        assert!(bench.ask(harmless).unwrap().status().is_success());
    }
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(bench.ask(text(&bench, Side::Meta)).map(|answer| answer.status().as_u16()));
    }
    let expected = [Ok(400), Err(HttpErrorKind::Interrupted), Err(HttpErrorKind::Connect), Ok(200)];
    assert_eq!(outcomes, expected);
    assert_eq!(bench.ada().received().iter().filter(|delivery| delivery.side == Side::Meta).count(), 2);
}
