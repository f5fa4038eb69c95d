use std::fmt;
use std::future::Future;

use async_trait::async_trait;

use super::{EventSink, SinkError};
use crate::inbound::InboundEvent;

/// A sink that is a function of the events of one webhook. It must keep the [contract](EventSink#contract).
///
/// ```
/// use whatsapp_provider::sink::{SinkError, sink_fn};
/// # #[derive(Clone)] struct Table;
/// # impl Table { async fn insert_new(&self, _: Vec<(Option<String>, String)>) -> std::io::Result<()> { Ok(()) } }
/// # fn sink(table: Table) -> impl whatsapp_provider::EventSink {
///
/// sink_fn(move |events| {
///     let table = table.clone();
///     async move {
///         let mut rows = Vec::new();
///         for event in &events {
///             // An event without an id of its own is inserted every time.
///             let key = (!event.id().is_derived())
///                 .then(|| format!("{}/{}", event.provider(), event.id().as_str()));
///             rows.push((key, serde_json::to_string(event).map_err(SinkError::unavailable)?));
///         }
///         // All in one transaction; rows whose key is there already are left out.
///         table.insert_new(rows).await.map_err(SinkError::unavailable)
///     }
/// })
/// # }
/// ```
pub fn sink_fn<F, Fut>(function: F) -> SinkFn<F>
where
    F: Fn(Vec<InboundEvent>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), SinkError>> + Send,
{
    SinkFn(function)
}

/// What [`sink_fn`] makes.
#[derive(Clone)]
pub struct SinkFn<F>(F);

impl<F> fmt::Debug for SinkFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SinkFn")
    }
}

#[async_trait]
impl<F, Fut> EventSink for SinkFn<F>
where
    F: Fn(Vec<InboundEvent>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), SinkError>> + Send,
{
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        (self.0)(events.to_vec()).await
    }
}
