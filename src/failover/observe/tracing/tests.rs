use std::fmt::{self, Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

use super::super::samples::samples;
use super::*;

/// Keeps every event as a line: its level, its message, and its fields as they came.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        assert_eq!(event.metadata().target(), "whatsapp_provider::failover");
        let mut line = Line::default();
        event.record(&mut line);
        let line = format!("{} {}{}", event.metadata().level(), line.message, line.fields);
        self.0.lock().unwrap().push(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        panic!("there are no spans")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

/// Texts come in quotes, numbers and what is written by `Debug` or `Display` do not.
impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        assert_eq!(written, Ok::<(), fmt::Error>(()));
    }
}

fn lines(events: &[FailoverEvent]) -> Vec<String> {
    let lines = Lines::default();
    subscriber::with_default(lines.clone(), || {
        let observer = TracingObserver::new();
        events.iter().for_each(|event| observer.observe(event));
    });
    let lines = lines.0.lock().unwrap();
    lines.clone()
}

#[test]
fn every_event_is_one_line_with_these_fields() {
    let send = "send=00000000000000000000000000000001";
    let attempt = "attempt=00000000000000000000000000000002";
    let ended = format!(r#"{send} {attempt} provider="twilio""#);
    let order = r#"category="utility" reference="order-77""#;
    assert_eq!(
        lines(&samples()),
        [
            format!(r#"TRACE routed {send} route=prefer:meta origin="flag""#),
            format!("WARN the flag names no member {send} route=only:twilio"),
            format!(
                r#"DEBUG planned {send} category="utility" preferred="meta" members=[twilio] skipped=[Skipped {{ member: meta, reason: Unhealthy(Unavailable) }}]"#
            ),
            format!(r#"DEBUG planned {send} category="utility" members=[] skipped=[]"#),
            format!(r#"TRACE attempt started {send} {attempt} provider="meta" trial=true"#),
            format!(
                r#"DEBUG attempt ended {ended} sender=twilio/+…8886 {order} acceptance="accepted" latency_ms=81"#
            ),
            format!(
                r#"INFO attempt ended {ended} {order} acceptance="not_accepted" kind="unsupported" field="content.body" latency_ms=81"#
            ),
            format!(
                r#"WARN attempt ended {ended} {order} acceptance="not_accepted" kind="credentials" code=190 latency_ms=81"#
            ),
            format!(
                r#"WARN attempt ended {ended} {order} acceptance="unknown" kind="no_answer" latency_ms=81"#
            ),
            format!(
                r#"DEBUG send finished {send} provider="twilio" category="authentication" acceptance="accepted" attempts=2 latency_ms=1250"#
            ),
            format!(
                r#"INFO send finished {send} category="authentication" acceptance="not_accepted" kind="unsupported" field="content.body" attempts=2 latency_ms=1250"#
            ),
            format!(
                r#"WARN send finished {send} category="authentication" acceptance="unknown" kind="no_answer" attempts=2 latency_ms=1250"#
            ),
            format!(r#"WARN outcome unknown {attempt} provider="meta" resolution="stopped""#),
            format!(r#"WARN outcome unknown {attempt} provider="meta" resolution="failed_over""#),
            format!(r#"INFO outcome unknown {attempt} provider="meta" resolution="found""#),
            format!(r#"INFO outcome unknown {attempt} provider="meta" resolution="refused""#),
            format!(r#"DEBUG sent by an earlier call {send} provider="twilio""#),
            format!(r#"INFO not claimed {send} kind="duplicate""#),
            format!(r#"WARN not claimed {send} kind="store_unavailable""#),
            r#"DEBUG probed provider="meta""#.to_owned(),
            r#"WARN probed provider="meta" kind="credentials" code=190"#.to_owned(),
            r#"WARN health changed provider="meta" aspect="reachability" from="closed" to="open""#.to_owned(),
            r#"INFO health changed provider="meta" aspect="account" from="open" to="half_open""#.to_owned(),
            r#"INFO health changed provider="meta" aspect="reachability" from="half_open" to="closed""#
                .to_owned(),
            r#"WARN switched preferred="meta" from="meta" to="twilio""#.to_owned(),
            r#"INFO switched preferred="meta" from="twilio" to="meta""#.to_owned(),
            r#"INFO paused provider="meta" category="marketing" wait_ms=900000"#.to_owned(),
            r#"WARN attention needed provider="meta" kind="credentials" code=190"#.to_owned(),
            r#"WARN attention needed provider="meta" notice="blocked""#.to_owned(),
            "WARN isolated by hand provider=\"meta\"".to_owned(),
            "INFO restored by hand provider=\"meta\"".to_owned(),
            "WARN knowledge unavailable".to_owned(),
        ]
    );
}

#[test]
fn a_failure_is_a_warning_unless_the_message_brought_it_about() {
    use ErrorKind as K;
    let everyday = [
        K::InvalidMessage,
        K::Unsupported,
        K::NotPortable,
        K::MediaExpired,
        K::RecipientUnreachable,
        K::RecipientRefused,
        K::RecipientThrottled,
        K::WindowClosed,
        K::Duplicate,
    ];
    for kind in K::ALL {
        let expected = if everyday.contains(kind) { Level::INFO } else { Level::WARN };
        assert_eq!(level(Some(&Failure::new(*kind, Acceptance::NotAccepted))), expected, "{kind:?}");
        let expected = if *kind == K::Duplicate { Level::INFO } else { Level::WARN };
        assert_eq!(level(Some(&Failure::new(*kind, Acceptance::Unknown))), expected, "{kind:?}");
    }
}
