use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::inbound::InboundEvent;
use crate::outbound::{Content, OutboundMessage};
use crate::queue::QueueItem;

/// One event to handle, or one message to send, perhaps not for the first time: a handler that failed or was cut off runs
/// again.
pub struct Job<T = InboundEvent> {
    item: T,
    row: i64,
    attempts: u32,
    last_attempt: bool,
    replies: AtomicU32,
}

impl<T: QueueItem> Job<T> {
    pub(super) fn new(item: T, row: i64, attempts: u32, last_attempt: bool) -> Self {
        Self { item, row, attempts, last_attempt, replies: AtomicU32::new(0) }
    }

    /// How many times the row was claimed, this time included.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The row.
    pub fn row(&self) -> i64 {
        self.row
    }

    /// Whether there is no further attempt: what would be tried again after this one is dead, or stands in `review`.
    pub fn is_last_attempt(&self) -> bool {
        self.last_attempt
    }
}

impl Job {
    /// The event.
    pub fn event(&self) -> &InboundEvent {
        &self.item
    }

    /// The next answer to the event: the first call is [step](InboundEvent::reply_step) 0, the second one step 1, and
    /// so on.
    ///
    /// A handler that runs again and makes its answers in the same order gives each of them the idempotency key it had
    /// before, so that whoever keeps the keys sends none twice. Where the order may differ, number the steps yourself
    /// with [`InboundEvent::reply_step`].
    pub fn reply(&self, content: impl Into<Content>) -> OutboundMessage {
        let step = self.replies.fetch_add(1, Ordering::Relaxed);
        self.item.reply_step(step, content)
    }
}

impl Job<OutboundMessage> {
    /// The message. It has an idempotency key, which is the same each time.
    pub fn message(&self) -> &OutboundMessage {
        &self.item
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("row", &self.row)
            .field("attempts", &self.attempts)
            .field("last_attempt", &self.last_attempt)
            .finish_non_exhaustive()
    }
}
