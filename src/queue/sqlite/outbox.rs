use std::path::Path;

use sqlx::sqlite::SqlitePool;

use super::SqliteQueue;
use crate::outbound::OutboundMessage;
use crate::queue::outbox::rows;
use crate::queue::{OutboxEntry, OutboxError, QueueError};

/// An [outbox](crate::queue#the-outbox) in a SQLite file.
pub type SqliteOutbox = SqliteQueue<OutboundMessage>;

impl SqliteOutbox {
    /// As [`open`](SqliteQueue::open), for the table `message_outbox`. The file may be that of a queue for events.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the file cannot be opened or written, or is none of SQLite's.
    pub async fn open_outbox(path: impl AsRef<Path>) -> Result<Self, QueueError> {
        Self::open_file(path.as_ref()).await
    }

    /// As [`new`](SqliteQueue::new), for the table `message_outbox`.
    pub fn outbox(pool: SqlitePool) -> Self {
        Self::of(pool)
    }

    /// Inserts messages, all or none. One whose idempotency key the outbox knows is not inserted again; one without a key
    /// is given one, which is not told.
    ///
    /// # Errors
    ///
    /// [`OutboxError`] if no provider could carry one of them, or the file cannot be written; in the second case they may
    /// have been inserted, so give messages keys if you insert them again.
    pub async fn insert<'m, E: Into<OutboxEntry<'m>>>(
        &self,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<(), OutboxError> {
        Ok(self.take(&rows(entries)?).await?)
    }
}
