//! The outbox in memory keeps the rules of the others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use whatsapp_provider::OutboundMessage;
use whatsapp_provider::clock::{Clock, Timestamp};
use whatsapp_provider::queue::{OutboxEntry, OutboxError, Queue};
use whatsapp_provider::testing::{MemoryQueue, TestClock};

use crate::queue::suite::outbox::Outbox;
use crate::queue::suite::{Place, TableRow};

struct MemoryPlace {
    clock: TestClock,
    queue: MemoryQueue<OutboundMessage>,
}

async fn start() -> MemoryPlace {
    let clock = TestClock::new();
    let queue = MemoryQueue::outbox(Arc::new(clock.clone()));
    MemoryPlace { clock, queue }
}

#[async_trait]
impl Place for MemoryPlace {
    type Item = OutboundMessage;

    fn queue(&self) -> Arc<dyn Queue<OutboundMessage>> {
        Arc::new(self.queue.clone())
    }

    async fn other(&self) -> Arc<dyn Queue<OutboundMessage>> {
        self.queue()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn age(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn rows(&self) -> Vec<TableRow> {
        let rows = self.queue.rows().into_iter().map(|row| TableRow {
            id: row.row,
            event_id: None,
            kind: row.kind.to_owned(),
            conversation: row.conversation,
            payload: row.payload,
            status: row.status.as_str().to_owned(),
            reason: row.reason,
        });
        rows.collect()
    }

    async fn finish(self) {}
}

#[async_trait]
impl Outbox for MemoryPlace {
    async fn insert(&self, entries: &[OutboxEntry<'_>]) -> Result<(), OutboxError> {
        self.queue.insert(entries.iter().copied()).await
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

on_every_outbox!(start, []);
on_every_queue! { @tests start, [],
    claims: rows_of_a_conversation_are_claimed_one_after_the_other
    claims: the_oldest_are_claimed_first_and_no_more_than_wanted
    claims: a_row_that_rests_holds_back_its_conversation_only
    claims: a_released_row_was_not_tried
    claims: a_lost_claim_changes_nothing
    claims: a_lease_can_be_extended_while_it_holds
    claims: a_made_up_lease_changes_nothing
    claims: endless_times_are_taken
    upkeep: rows_are_counted_by_status
    upkeep: parked_rows_are_read_page_by_page
    upkeep: only_parked_rows_are_driven_again
    upkeep: a_redriven_row_waits_for_a_later_one_that_is_in_work
}
