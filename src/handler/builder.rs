use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::outcome::{Observer, WebhookOutcome};
use super::{Inner, WebhookHandler};
use crate::clock::{Clock, default_clock};
use crate::error::ConfigError;
use crate::provider::WhatsAppProvider;
use crate::sink::EventSink;

/// Meta posts up to 3 MB (up to 1,000 updates in one webhook).
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Together with the sink's time what Twilio waits: 15 seconds.
const BODY_TIME: Duration = Duration::from_secs(10);
const SINK_TIME: Duration = Duration::from_secs(5);

/// Builds a [`WebhookHandler`].
#[must_use]
pub struct WebhookHandlerBuilder {
    providers: Vec<Arc<dyn WhatsAppProvider>>,
    sink: Arc<dyn EventSink>,
    dead_letters: Option<Arc<dyn EventSink>>,
    body_limit: usize,
    body_time: Duration,
    sink_time: Duration,
    clock: Option<Arc<dyn Clock>>,
    observer: Observer,
}

impl WebhookHandlerBuilder {
    pub(super) fn new(provider: Arc<dyn WhatsAppProvider>, sink: Arc<dyn EventSink>) -> Self {
        Self {
            providers: vec![provider],
            sink,
            dead_letters: None,
            body_limit: BODY_LIMIT,
            body_time: BODY_TIME,
            sink_time: SINK_TIME,
            clock: None,
            observer: Arc::new(|_: &WebhookOutcome| {}),
        }
    }

    /// Another provider that posts to the same URL. Those that recognise a webhook are tried in the order in which they
    /// were given.
    ///
    /// One `MetaCloud` is enough for all the numbers of an app, and one `Twilio` for all those of an account.
    pub fn provider(mut self, provider: impl WhatsAppProvider) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Where the events go that the sink [rejects](crate::sink::SinkError::Reject), so that one of them does not hold up
    /// the others for ever. Without it a webhook with such an event is never acknowledged. It may be given an event
    /// again, like any sink.
    pub fn dead_letters(mut self, sink: impl EventSink) -> Self {
        self.dead_letters = Some(Arc::new(sink));
        self
    }

    /// The largest body, in bytes. Default 4 MiB: Meta posts up to 3 MB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long reading the whole body may take. Default 10 seconds.
    pub fn body_time(mut self, time: Duration) -> Self {
        self.body_time = time;
        self
    }

    /// How long the sink may take, dead letters and all. Default 5 seconds. Twilio waits 15 seconds for the answer, the
    /// body included; Meta wants most answers within 250 ms.
    pub fn sink_time(mut self, time: Duration) -> Self {
        self.sink_time = time;
        self
    }

    /// Who is told how each webhook ended, once, before it is answered: be quick.
    pub fn observer(mut self, observer: impl Fn(&WebhookOutcome) + Send + Sync + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// The clock. With the feature `tokio` there is a default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Puts it together.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if two providers have the same id (their events could not be told apart), if a limit is zero, or
    /// if there is no clock.
    pub fn build(self) -> Result<WebhookHandler, ConfigError> {
        let mut ids = HashSet::new();
        if let Some(twice) = self.providers.iter().find(|provider| !ids.insert(provider.id())) {
            let problem = format!("`{}` is there twice; give one of them another id", twice.id());
            return Err(ConfigError::new("providers", problem));
        }
        let none = [
            ("body_limit", self.body_limit == 0),
            ("body_time", self.body_time.is_zero()),
            ("sink_time", self.sink_time.is_zero()),
        ];
        if let Some((field, _)) = none.into_iter().find(|(_, zero)| *zero) {
            return Err(ConfigError::new(field, "zero would refuse every webhook"));
        }
        let clock = match self.clock {
            Some(clock) => clock,
            None => default_clock()?,
        };
        Ok(WebhookHandler(Arc::new(Inner {
            providers: self.providers,
            sink: self.sink,
            dead_letters: self.dead_letters,
            body_limit: self.body_limit,
            body_time: self.body_time,
            sink_time: self.sink_time,
            clock,
            observer: self.observer,
        })))
    }
}

impl fmt::Debug for WebhookHandlerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookHandlerBuilder")
            .field("providers", &self.providers)
            .field("sink", &self.sink)
            .finish_non_exhaustive()
    }
}
