use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, with_local_recorder,
};

use super::super::samples::samples;
use super::*;
use crate::failover::FailoverProvider;
use crate::testing::{MemoryProvider, TestClock};

/// Keeps all that it is told as lines, in order.
#[derive(Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn of(run: impl FnOnce()) -> Vec<String> {
        let recorder = Self::default();
        with_local_recorder(&recorder, run);
        let lines = recorder.0.lock().unwrap();
        lines.clone()
    }

    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels: Vec<String> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Metric { name, lines: Arc::clone(&self.0) })
    }

    fn described(&self, sort: &str, key: &KeyName, unit: Option<Unit>, text: &str) {
        assert!(text.ends_with('.'), "{text}");
        let unit = unit.map_or("no unit", |unit| unit.as_str());
        self.0.lock().unwrap().push(format!("{} {sort}, {unit}", key.as_str()));
    }
}

impl Recorder for Lines {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.described("counter", &key, unit, &text);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.described("gauge", &key, unit, &text);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.described("histogram", &key, unit, &text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

struct Metric {
    name: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Metric {
    fn push(&self, what: &str) {
        self.lines.lock().unwrap().push(format!("{} {what}", self.name));
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.push(&format!("+{value}"));
    }

    fn absolute(&self, value: u64) {
        panic!("{} is set to {value}", self.name);
    }
}

impl GaugeFn for Metric {
    fn increment(&self, value: f64) {
        panic!("{} grows by {value}", self.name);
    }

    fn decrement(&self, value: f64) {
        panic!("{} shrinks by {value}", self.name);
    }

    fn set(&self, value: f64) {
        self.push(&format!("= {value}"));
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.push(&format!("took {value}"));
    }
}

#[test]
fn every_event_is_counted_like_this() {
    let lines = Lines::of(|| {
        let observer = MetricsObserver::new();
        samples().iter().for_each(|event| observer.observe(event));
    });
    assert_eq!(
        lines,
        [
            "whatsapp_attempts_total{provider=twilio,category=utility,acceptance=accepted,kind=none} +1",
            "whatsapp_attempt_duration_seconds{provider=twilio,acceptance=accepted} took 0.0815",
            "whatsapp_attempts_total{provider=twilio,category=utility,acceptance=not_accepted,kind=unsupported} +1",
            "whatsapp_attempt_duration_seconds{provider=twilio,acceptance=not_accepted} took 0.0815",
            "whatsapp_attempts_total{provider=twilio,category=utility,acceptance=not_accepted,kind=credentials} +1",
            "whatsapp_attempt_duration_seconds{provider=twilio,acceptance=not_accepted} took 0.0815",
            "whatsapp_attempts_total{provider=twilio,category=utility,acceptance=unknown,kind=no_answer} +1",
            "whatsapp_attempt_duration_seconds{provider=twilio,acceptance=unknown} took 0.0815",
            "whatsapp_sends_total{provider=twilio,category=authentication,acceptance=accepted,kind=none} +1",
            "whatsapp_send_duration_seconds{category=authentication,acceptance=accepted} took 1.25",
            "whatsapp_sends_total{provider=none,category=authentication,acceptance=not_accepted,kind=unsupported} +1",
            "whatsapp_send_duration_seconds{category=authentication,acceptance=not_accepted} took 1.25",
            "whatsapp_sends_total{provider=none,category=authentication,acceptance=unknown,kind=no_answer} +1",
            "whatsapp_send_duration_seconds{category=authentication,acceptance=unknown} took 1.25",
            "whatsapp_unknown_outcomes_total{provider=meta,resolution=stopped} +1",
            "whatsapp_unknown_outcomes_total{provider=meta,resolution=failed_over} +1",
            "whatsapp_unknown_outcomes_total{provider=meta,resolution=found} +1",
            "whatsapp_unknown_outcomes_total{provider=meta,resolution=refused} +1",
            "whatsapp_repeated_sends_total{provider=twilio} +1",
            "whatsapp_refused_claims_total{kind=duplicate} +1",
            "whatsapp_refused_claims_total{kind=store_unavailable} +1",
            "whatsapp_health_state{provider=meta,aspect=reachability} = 2",
            "whatsapp_health_state{provider=meta,aspect=account} = 1",
            "whatsapp_health_state{provider=meta,aspect=reachability} = 0",
            "whatsapp_switches_total{from=meta,to=twilio} +1",
            "whatsapp_switches_total{from=twilio,to=meta} +1",
            "whatsapp_pauses_total{provider=meta,category=marketing} +1",
            "whatsapp_attention_needed_total{provider=meta,cause=credentials} +1",
            "whatsapp_attention_needed_total{provider=meta,cause=blocked} +1",
            "whatsapp_knowledge_unavailable_total{} +1",
        ]
    );
}

#[test]
fn every_metric_is_described_with_its_unit() {
    let described = Lines::of(MetricsObserver::describe);
    assert_eq!(
        described,
        [
            "whatsapp_sends_total counter, count",
            "whatsapp_attempts_total counter, count",
            "whatsapp_unknown_outcomes_total counter, count",
            "whatsapp_repeated_sends_total counter, count",
            "whatsapp_refused_claims_total counter, count",
            "whatsapp_switches_total counter, count",
            "whatsapp_pauses_total counter, count",
            "whatsapp_attention_needed_total counter, count",
            "whatsapp_knowledge_unavailable_total counter, count",
            "whatsapp_send_duration_seconds histogram, seconds",
            "whatsapp_attempt_duration_seconds histogram, seconds",
            "whatsapp_health_state gauge, no unit",
        ]
    );
    let counted = Lines::of(|| {
        let observer = MetricsObserver::new();
        samples().iter().for_each(|event| observer.observe(event));
    });
    for line in counted {
        let (name, _) = line.split_once('{').unwrap();
        assert!(
            described.iter().any(|line| line.starts_with(&format!("{name} "))),
            "{name} is not described"
        );
    }
}

#[test]
fn the_gauges_can_be_set_before_anything_has_changed() {
    let member = |id: &str| MemoryProvider::new(id.parse().unwrap());
    let failover = FailoverProvider::builder()
        .primary(member("first"))
        .fallback(member("second"))
        .clock(Arc::new(TestClock::new()))
        .build()
        .unwrap();
    assert_eq!(
        Lines::of(|| MetricsObserver::new().report(&failover.status())),
        [
            "whatsapp_health_state{provider=first,aspect=reachability} = 0",
            "whatsapp_health_state{provider=first,aspect=account} = 0",
            "whatsapp_health_state{provider=second,aspect=reachability} = 0",
            "whatsapp_health_state{provider=second,aspect=account} = 0",
        ]
    );
}
