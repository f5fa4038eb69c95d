use std::fmt;
use std::vec;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};

use super::{EventSink, SinkError};
use crate::inbound::InboundEvent;

/// A channel with room for the events of so many webhooks (0 counts as 1).
///
/// **Not durable**: what is in it was acknowledged, so it is lost when the process ends. And it does not tell an event
/// that comes again. It is for tests, and for services that can bear both; [`Dedup`](super::Dedup) around it helps
/// against the second.
///
/// ```
/// # use whatsapp_provider::{EventSink, testing::{EventMaker, TestClock}};
/// let (sink, mut events) = whatsapp_provider::sink::channel(100);
/// # let hello = EventMaker::meta().text("+15557654321", "Hi");
/// # TestClock::new().block_on(async {
/// # sink.accept(&[hello.clone()]).await.unwrap();
/// # drop(sink);
///
/// while let Some(event) = events.recv().await {
///     // Handle it.
/// #   assert_eq!(event, hello);
/// }
/// # });
/// ```
pub fn channel(webhooks: usize) -> (ChannelSink, EventReceiver) {
    let (sender, receiver) = mpsc::channel(webhooks.clamp(1, Semaphore::MAX_PERMITS));
    (ChannelSink(sender), EventReceiver { receiver, batch: Vec::new().into_iter() })
}

/// The end of a [`channel`] into which events go. While the channel is full, it waits; when the receiver is gone, it is
/// unavailable. A clone leads to the same receiver.
#[derive(Clone)]
pub struct ChannelSink(mpsc::Sender<Vec<InboundEvent>>);

/// The end of a [`channel`] from which events come.
pub struct EventReceiver {
    receiver: mpsc::Receiver<Vec<InboundEvent>>,
    /// What is left of the webhook that was received last.
    batch: vec::IntoIter<InboundEvent>,
}

impl EventReceiver {
    /// The next event, in the order in which they were accepted. `None` once every [`ChannelSink`] is gone and nothing
    /// is left. No event is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<InboundEvent> {
        loop {
            if let Some(event) = self.batch.next() {
                return Some(event);
            }
            self.batch = self.receiver.recv().await?.into_iter();
        }
    }
}

/// The receiver of a channel was dropped.
#[derive(Debug, thiserror::Error)]
#[error("nobody receives from the channel any more")]
struct Closed;

#[async_trait]
impl EventSink for ChannelSink {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        // The error would hold the events.
        self.0.send(events.to_vec()).await.map_err(|_| SinkError::unavailable(Closed))
    }
}

impl fmt::Debug for ChannelSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelSink({} of {} free)", self.0.capacity(), self.0.max_capacity())
    }
}

impl fmt::Debug for EventReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventReceiver")
    }
}
