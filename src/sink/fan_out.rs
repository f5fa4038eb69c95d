use std::sync::Arc;

use async_trait::async_trait;

use super::{EventSink, SinkError};
use crate::inbound::InboundEvent;

/// Gives every event to several sinks, one after the other. All of them must take it.
///
/// If one of them does not, those before it have the events already and are given them again with the next delivery:
/// that is why each must be idempotent. An event that one of them rejects goes to the dead letters, although those before
/// it have taken it; those after it are never given it.
///
/// ```
/// # use whatsapp_provider::{EventSink, sink::FanOut};
/// # fn sink(queue: impl EventSink, archive: impl EventSink) -> impl EventSink {
/// FanOut::new(queue).and(archive)
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct FanOut(Vec<Arc<dyn EventSink>>);

impl FanOut {
    /// Begins with the sink that is given the events first.
    pub fn new(first: impl EventSink) -> Self {
        Self(vec![Arc::new(first)])
    }

    /// Adds one that is given them next.
    pub fn and(mut self, next: impl EventSink) -> Self {
        self.0.push(Arc::new(next));
        self
    }
}

#[async_trait]
impl EventSink for FanOut {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        for sink in &self.0 {
            sink.accept(events).await?;
        }
        Ok(())
    }
}
