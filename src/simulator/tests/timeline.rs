use std::future::ready;
use std::time::Duration;

use http::StatusCode;

use crate::simulator::harness::Bench;
use crate::simulator::{Fault, Script, Side, WebhookAnswer};

fn lines(bench: &Bench) -> Vec<String> {
    let line = |line: String| line.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>();
    let entries = bench.simulator.timeline();
    entries
        .iter()
        .map(|entry| {
            let mut words = line(entry.to_string());
            let digest = words.pop().unwrap();
            assert!(digest == entry.digest && digest.len() == 16, "{digest}");
            words.join(" ")
        })
        .collect()
}

#[test]
fn everything_that_happens_is_on_it_in_order() {
    let bench = Bench::new();
    let script = Script::new().message(2, Fault::Refuse).message(3, Fault::AcceptThenDrop);
    bench.simulator.run_script(Side::Meta, script);
    for _ in 0..3 {
        let _ = bench.ask(bench.meta_text("x"));
    }
    let callback = ("StatusCallback", "https://example.test/status#rc=1&rp=5xx");
    bench.json(bench.twilio_message(&[("To", "whatsapp:+1"), ("Body", "x")]));
    bench.json(bench.twilio_message(&[("Body", "x"), callback]));
    bench.simulator.post(bench.ada().writes(Side::Twilio, "hi"));
    bench.clock.block_on(bench.simulator.post_webhooks_for(Duration::from_millis(400), |request| {
        let unreachable = request.uri().path() == "/webhook";
        ready(if unreachable {
            WebhookAnswer::NotConnected
        } else {
            WebhookAnswer::Status(StatusCode::SERVICE_UNAVAILABLE)
        })
    }));
    let expected = [
        "meta request POST 200",
        "meta delivered",
        "meta refused",
        "meta request POST unanswered",
        "meta delivered",
        "twilio request POST 400",
        "twilio request POST 201",
        "twilio delivered",
        "meta webhook 1 not connected",
        "twilio webhook 1 not connected",
        "meta webhook 1 not connected",
        "twilio webhook 1 503",
    ];
    assert_eq!(lines(&bench), expected);
}

#[test]
fn nothing_that_is_said_is_shown_but_every_byte_of_it_counts() {
    let timeline = |text: &str| {
        let bench = Bench::new();
        bench.json(bench.meta_text(text));
        let timeline = bench.simulator.timeline();
        let shown = timeline.iter().map(|entry| format!("{entry} {entry:?}")).collect::<String>();
        for secret in [text, "15557654321", bench.accounts.access_token.as_str(), "simulator.test"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        timeline
    };
    assert_eq!(timeline("zzz first"), timeline("zzz first"));
    let (a, b) = (timeline("zzz first"), timeline("zzz First"));
    assert_ne!(a[0].digest, b[0].digest);
    assert_eq!(a[1], b[1]);
}
