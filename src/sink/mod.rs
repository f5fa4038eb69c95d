//! Where events go that a [`WebhookHandler`](crate::WebhookHandler) has taken in.
//!
//! The webhook is acknowledged once the sink has said `Ok`, and then nobody posts the events again. So the sink decides
//! how safe they are:
//!
//! | take | when |
//! |---|---|
//! | a [queue](crate::queue), `SqliteQueue` or `PostgresQueue` | by default: events survive a crash, come once each, and a worker handles them in its own time |
//! | [`sink_fn`], or an [`EventSink`] of your own | you have a table, a broker or a log of your own to write to |
//! | [`Dedup`] around it | that cannot tell an event that comes again |
//! | [`channel`] | for tests, and where an event that is lost with the process is no harm |
//! | [`FanOut`] | several must have every event: a queue, and an archive |
//! | [`SplitByKind`] | messages, statuses and account notices go different ways |
//!
//! Handle nothing slow in a sink: it has 5 seconds unless the handler is told otherwise, and a provider that waits too
//! long posts again.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

mod by_kind;
#[cfg(feature = "tokio")]
mod channel;
#[cfg(any(feature = "meta", feature = "twilio", feature = "failover", feature = "queue"))]
mod dedup;
mod fan_out;
mod function;
#[cfg(test)]
pub(crate) mod scripted;

pub use by_kind::SplitByKind;
#[cfg(feature = "tokio")]
pub use channel::{ChannelSink, EventReceiver, channel};
#[cfg(any(feature = "meta", feature = "twilio", feature = "failover", feature = "queue"))]
pub use dedup::Dedup;
pub use fan_out::FanOut;
pub use function::{SinkFn, sink_fn};

use crate::inbound::InboundEvent;

/// Takes the events of a webhook before the webhook is acknowledged.
///
/// # Contract
///
/// * **All or nothing.** `Ok` means that every event is kept as safely as this sink keeps anything; after an error none
///   of them counts as taken, and the provider will post them again.
/// * **Idempotent on provider and [event id](crate::inbound::EventId).** Providers post again what was not acknowledged
///   in time, and sometimes what was. An event that was taken before is not taken a second time, and that is no error.
///   An event whose id is only [derived](crate::inbound::EventId::is_derived) is the exception: it is taken every time.
///   Wrap a sink that cannot do that in [`Dedup`].
/// * The order of the events is kept.
/// * The future may be dropped at any point, and nothing is half done then.
///
/// The queue for [outbound messages](crate::queue#the-outbox) takes its rows by the same contract; `T` is for that alone.
#[async_trait]
pub trait EventSink<T: Sync + 'static = InboundEvent>: fmt::Debug + Send + Sync + 'static {
    /// Takes all of these events, or none.
    ///
    /// # Errors
    ///
    /// [`SinkError::Unavailable`] if it cannot take them now, [`SinkError::Reject`] if it could never take some of them.
    async fn accept(&self, events: &[T]) -> Result<(), SinkError>;
}

#[async_trait]
impl<S: EventSink + ?Sized> EventSink for Arc<S> {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        (**self).accept(events).await
    }
}

#[async_trait]
impl<S: EventSink + ?Sized> EventSink for Box<S> {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        (**self).accept(events).await
    }
}

/// A sink took nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It cannot take events now. The webhook is answered with 503, and the provider posts it again.
    #[error("the sink is unavailable")]
    #[non_exhaustive]
    Unavailable {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It could never take these events, by their place among those it was given (from 0). None of the others was taken
    /// either.
    #[error("the sink can never take {} of the events", .0.len())]
    Reject(Vec<usize>),
}

impl SinkError {
    /// It cannot take events now, for this cause.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { source: source.into() }
    }
    /// The same for whoever gave only some of his events: those at these places among his own.
    fn at(self, places: &[usize]) -> Self {
        match self {
            Self::Reject(rejected) => {
                Self::Reject(rejected.into_iter().filter_map(|index| places.get(index).copied()).collect())
            }
            unavailable @ Self::Unavailable { .. } => unavailable,
        }
    }
}

#[cfg(test)]
mod tests;
