use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{Debug, Display, Write};
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

/// Keeps all that anybody prints: what it is shown, what is written to `tracing` at any level and under any target, and
/// every metric with its labels. A clone is the same collector.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<Mutex<Vec<Printed>>>);

struct Printed {
    what: String,
    text: String,
}

impl Collector {
    /// Runs something with everything collected that it writes on this thread.
    pub(super) fn listen<T>(&self, run: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(self.clone(), || metrics::with_local_recorder(self, run))
    }

    /// Keeps both forms of a value's `Debug`.
    pub(super) fn debug(&self, what: &str, value: &(impl Debug + ?Sized)) {
        self.keep(what, format!("{value:?}\n{value:#?}"));
    }

    /// Keeps a value's `Display`.
    pub(super) fn text(&self, what: &str, value: &impl Display) {
        self.keep(what, value.to_string());
    }

    /// Keeps `Debug` and `Display` of an error and of all its causes.
    pub(super) fn error(&self, what: &str, error: &(dyn Error + 'static)) {
        self.debug(what, error);
        self.keep(what, error.to_string());
        if let Some(cause) = error.source() {
            self.error(&format!("a cause of {what}"), cause);
        }
    }

    /// Keeps what came of something.
    pub(super) fn result<T: Debug, E: Error + 'static>(&self, what: &str, result: &Result<T, E>) {
        match result {
            Ok(value) => self.debug(what, value),
            Err(error) => self.error(what, error),
        }
    }

    /// Every different place where one of these was printed, without regard to case, and what stands around it.
    pub(super) fn leaks<S: AsRef<str>>(&self, canaries: &[S]) -> BTreeSet<String> {
        let mut leaks = BTreeSet::new();
        for Printed { what, text } in &*self.0.lock().unwrap() {
            let text = text.to_ascii_lowercase();
            for canary in canaries {
                for (place, _) in text.match_indices(&canary.as_ref().to_ascii_lowercase()) {
                    let around = text.get(place.saturating_sub(60)..(place + 60).min(text.len()));
                    leaks.insert(format!("{what}: {}", around.unwrap_or(&text)));
                }
            }
        }
        leaks
    }

    /// Whether something like this was printed, by whatever `what` begins with.
    pub(super) fn has(&self, what: &str, text: &str) -> bool {
        let printed = self.0.lock().unwrap();
        printed.iter().any(|printed| printed.what.starts_with(what) && printed.text.contains(text))
    }

    fn keep(&self, what: &str, text: String) {
        self.0.lock().unwrap().push(Printed { what: what.to_owned(), text });
    }

    fn metric(&self, key: &Key) {
        let mut text = key.name().to_owned();
        key.labels().for_each(|label| {
            let _ = write!(text, " {}={}", label.key(), label.value());
        });
        self.keep("a metric", text);
    }
}

impl Subscriber for Collector {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.keep(&format!("tracing by {}", event.metadata().target()), fields.0);
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(span.metadata().name().to_owned());
        span.record(&mut fields);
        self.keep(&format!("a span of {}", span.metadata().target()), fields.0);
        // One number for all: nobody asks which is which.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.keep("a span", fields.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields(String);

impl Fields {
    fn add(&mut self, field: &Field, value: impl Display) {
        let _ = write!(self.0, " {field}={value}");
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

impl Recorder for Collector {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, text: SharedString) {
        self.keep("a description", format!("{} {text}", key.as_str()));
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.metric(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.metric(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.metric(key);
        Histogram::noop()
    }
}
