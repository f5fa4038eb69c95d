use std::sync::Arc;

use async_trait::async_trait;

use super::{EventSink, SinkError};
use crate::inbound::{EventKind, InboundEvent};

/// Gives events to different sinks by their kind. Within a kind the order is kept.
///
/// A webhook may bring several kinds, and a sink that has nothing to take is not asked. If one of them does not take its
/// events, those before it have theirs already and are given them again with the next delivery: each must be
/// idempotent. The order is messages, statuses, account notices, the others.
///
/// ```
/// # use whatsapp_provider::{EventSink, sink::SplitByKind};
/// # fn sink(queue: impl EventSink, receipts: impl EventSink, alerts: impl EventSink) -> impl EventSink {
/// SplitByKind::new(queue).statuses(receipts).account_notices(alerts)
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SplitByKind {
    messages: Option<Arc<dyn EventSink>>,
    statuses: Option<Arc<dyn EventSink>>,
    account_notices: Option<Arc<dyn EventSink>>,
    otherwise: Arc<dyn EventSink>,
}

impl SplitByKind {
    /// Everything goes here that has no sink of its own.
    pub fn new(otherwise: impl EventSink) -> Self {
        Self { messages: None, statuses: None, account_notices: None, otherwise: Arc::new(otherwise) }
    }

    /// Where [messages](EventKind::Message) go. The business's own ([echoes](EventKind::Echo)) are not among them, nor are
    /// those that are not to be answered ([observed](EventKind::Observed)).
    pub fn messages(mut self, sink: impl EventSink) -> Self {
        self.messages = Some(Arc::new(sink));
        self
    }

    /// Where [statuses](EventKind::Status) go.
    pub fn statuses(mut self, sink: impl EventSink) -> Self {
        self.statuses = Some(Arc::new(sink));
        self
    }

    /// Where [account notices](EventKind::Account) go.
    pub fn account_notices(mut self, sink: impl EventSink) -> Self {
        self.account_notices = Some(Arc::new(sink));
        self
    }

    /// Which of the sinks an event goes to, in the order of [`sinks`](Self::sinks).
    fn place(&self, event: &InboundEvent) -> usize {
        match event.kind() {
            EventKind::Message(_) if self.messages.is_some() => 0,
            EventKind::Status(_) if self.statuses.is_some() => 1,
            EventKind::Account(_) if self.account_notices.is_some() => 2,
            _ => 3,
        }
    }

    fn sinks(&self) -> [Option<&Arc<dyn EventSink>>; 4] {
        [self.messages.as_ref(), self.statuses.as_ref(), self.account_notices.as_ref(), Some(&self.otherwise)]
    }
}

#[async_trait]
impl EventSink for SplitByKind {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        for (place, sink) in self.sinks().into_iter().enumerate() {
            let own = |(_, event): &(usize, &InboundEvent)| self.place(event) == place;
            let (places, group): (Vec<_>, Vec<_>) =
                events.iter().enumerate().filter(own).map(|(index, event)| (index, event.clone())).unzip();
            let Some(sink) = sink.filter(|_| !group.is_empty()) else { continue };
            sink.accept(&group).await.map_err(|error| error.at(&places))?;
        }
        Ok(())
    }
}
