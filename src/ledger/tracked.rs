use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{EntryId, Ledger, LedgerError, limited};
use crate::clock::{Clock, TokioClock};
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::inbound::{EventKind, InboundEvent};
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{WhatsAppProvider, forward_provider};

/// How long a call of the ledger may take unless the builder says otherwise.
const LIMIT: Duration = Duration::from_secs(2);

/// What a ledger did not take down.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrackedEvent<'e> {
    /// A message was not recorded. It was sent all the same, unless the provider [requires](Tracked::require_ledger) its
    /// ledger. If only the ledger's answer was late, there is an entry that nobody completes, and that stays
    /// [`Recorded`](super::EntryState::Recorded) until the message is sent again under its idempotency key, or purged.
    #[non_exhaustive]
    NotRecorded {
        /// The message.
        message: &'e OutboundMessage,
        /// Why.
        error: &'e LedgerError,
    },
    /// A provider accepted a message and its entry does not say so. Give the receipt to [`Ledger::accept`] later.
    #[non_exhaustive]
    NotAccepted {
        /// The entry.
        entry: EntryId,
        /// What the provider answered.
        receipt: &'e SendReceipt,
        /// Why.
        error: &'e LedgerError,
    },
    /// Sending failed and the entry does not say so.
    #[non_exhaustive]
    NotFailed {
        /// The entry.
        entry: EntryId,
        /// Why sending failed.
        failure: &'e Error,
        /// Why that was not written.
        error: &'e LedgerError,
    },
    /// Statuses were not taken down: this one and those behind it. Give them to [`Ledger::advance`] later, as a worker of a
    /// queue does.
    #[non_exhaustive]
    NotAdvanced {
        /// The events.
        events: &'e [InboundEvent],
        /// Why.
        error: &'e LedgerError,
    },
}

type Observer = dyn Fn(&TrackedEvent<'_>) + Send + Sync;

/// A provider that keeps a [`Ledger`] of what is sent through it: around a failover, not within one.
///
/// [`send`](WhatsAppProvider::send) makes an entry, sends, and writes how it ended; a future that is dropped before leaves
/// the entry [`Recorded`](super::EntryState::Recorded). [`record`](WhatsAppProvider::record) takes down statuses.
/// [`send_attempt`](WhatsAppProvider::send_attempt) is passed on without an entry.
///
/// A ledger does not stop messages: what it fails to take down within 2 seconds is told to the
/// [observer](Self::on_trouble), and the message is sent.
#[derive(Clone)]
pub struct Tracked<P, L> {
    provider: P,
    ledger: L,
    clock: Arc<dyn Clock>,
    limit: Duration,
    required: bool,
    observer: Option<Arc<Observer>>,
}

impl<P: WhatsAppProvider, L: Ledger> Tracked<P, L> {
    /// Puts a ledger beside a provider.
    pub fn new(provider: P, ledger: L) -> Self {
        let clock = Arc::new(TokioClock::new());
        Self { provider, ledger, clock, limit: LIMIT, required: false, observer: None }
    }

    /// Sends nothing that was not recorded: such a message is refused as
    /// [`StoreUnavailable`](ErrorKind::StoreUnavailable), not accepted.
    #[must_use]
    pub fn require_ledger(mut self) -> Self {
        self.required = true;
        self
    }

    /// Limits how long a call of the ledger may take, and the statuses of a whole webhook. 2 seconds unless set.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Measures the limit by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Tells what the ledger did not take down. The observer must not wait.
    #[must_use]
    pub fn on_trouble(mut self, observer: impl Fn(&TrackedEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The provider within.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// The ledger.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    fn tell(&self, event: &TrackedEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

forward_provider!([P: WhatsAppProvider, L: Ledger] Tracked<P, L>, Self::provider, {
    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.provider.send_attempt(message, attempt).await
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        let entry = match limited(&*self.clock, self.limit, self.ledger.record(message)).await {
            Ok(entry) => Some(entry),
            Err(error) => {
                self.tell(&TrackedEvent::NotRecorded { message, error: &error });
                if self.required {
                    let refusal = Error::new(ErrorKind::StoreUnavailable, Acceptance::NotAccepted);
                    return Err(refusal.with_provider(self.id().clone()).with_source(error));
                }
                None
            }
        };
        let sent = self.provider.send(message).await;
        let Some(entry) = entry else { return sent };
        match &sent {
            Ok(receipt) => {
                if let Err(error) =
                    limited(&*self.clock, self.limit, self.ledger.accept(entry, receipt)).await
                {
                    self.tell(&TrackedEvent::NotAccepted { entry, receipt, error: &error });
                }
            }
            Err(failure) => {
                if let Err(error) = limited(&*self.clock, self.limit, self.ledger.fail(entry, failure)).await
                {
                    self.tell(&TrackedEvent::NotFailed { entry, failure, error: &error });
                }
            }
        }
        sent
    }

    /// The provider learns first: it is quick, and needs no ledger.
    async fn record(&self, events: &[InboundEvent]) {
        self.provider.record(events).await;
        let end = self.clock.elapsed().saturating_add(self.limit);
        for (index, event) in events.iter().enumerate() {
            let own = event.sender().is_none_or(|sender| self.provider.receives_for(sender));
            if !own || !matches!(event.kind(), EventKind::Status(_)) {
                continue;
            }
            let left = end.saturating_sub(self.clock.elapsed());
            if let Err(error) = limited(&*self.clock, left, self.ledger.advance(event)).await {
                let events = events.get(index..).unwrap_or_default();
                return self.tell(&TrackedEvent::NotAdvanced { events, error: &error });
            }
        }
    }
});

impl<P: WhatsAppProvider, L: Ledger> fmt::Debug for Tracked<P, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, ledger, limit, required, .. } = self;
        f.debug_struct("Tracked")
            .field("provider", provider)
            .field("ledger", ledger)
            .field("limit", limit)
            .field("required", required)
            .finish_non_exhaustive()
    }
}
