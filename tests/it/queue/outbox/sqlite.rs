//! The outbox in a SQLite file.

use async_trait::async_trait;
use whatsapp_provider::clock::{Clock, Timestamp};
use whatsapp_provider::queue::{OutboxEntry, OutboxError, SqliteOutbox, SqliteQueue};
use whatsapp_provider::{EventSink, OutboundMessage};

use crate::queue::events::{phone, text};
use crate::queue::sqlite::{SqlitePlace, start_with};
use crate::queue::suite::Place;
use crate::queue::suite::outbox::Outbox;

async fn start() -> SqlitePlace<OutboundMessage> {
    start_with("message_outbox", |path| Box::pin(async { SqliteQueue::open_outbox(path).await.unwrap() }))
        .await
}

#[async_trait]
impl Outbox for SqlitePlace<OutboundMessage> {
    async fn insert(&self, entries: &[OutboxEntry<'_>]) -> Result<(), OutboxError> {
        self.queue.insert(entries.iter().copied()).await
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

on_every_queue!(start, []);
on_every_outbox!(start, []);

#[tokio::test]
async fn one_file_holds_events_and_messages() {
    let place = start().await;
    let events = SqliteQueue::open(place.folder.join("queue.sqlite")).await.unwrap();
    events.accept(&[text(1, "a", "")]).await.unwrap();
    let messages = SqliteOutbox::outbox(events.pool().clone());
    messages
        .insert([&OutboundMessage::text(phone(1), "Hi"), &OutboundMessage::text(phone(2), "Hi")])
        .await
        .unwrap();
    assert_eq!(place.rows().await.len(), 2);
    events.pool().close().await;
    place.finish().await;
}
