//! What every queue must do.
//!
//! The tests are functions over a [`Place`]; [`on_every_queue`] makes them tests of one sort of queue.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use whatsapp_provider::queue::{Claim, Counts, Queue};

use super::events::Sample;

pub(crate) mod claims;
pub(crate) mod crowd;
pub(crate) mod insert;
pub(crate) mod outbox;
pub(crate) mod upkeep;

/// A lease that a test does not want to end.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// A lease that a test waits for.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

/// A database with an empty queue.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// What is in it.
    type Item: Sample;

    /// The queue.
    fn queue(&self) -> Arc<dyn Queue<Self::Item>>;

    /// The same queue as another process would open it.
    async fn other(&self) -> Arc<dyn Queue<Self::Item>>;

    /// Lets this time pass for leases and rests.
    async fn pass(&self, time: Duration);

    /// Makes the rows that are done older by this.
    async fn age(&self, time: Duration);

    /// All rows as they are in the table, by id.
    async fn rows(&self) -> Vec<TableRow>;

    /// Whether new rows wake whoever listens.
    fn wakes(&self) -> bool {
        true
    }

    /// Takes everything away.
    async fn finish(self);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRow {
    pub(crate) id: i64,
    pub(crate) event_id: Option<String>,
    pub(crate) kind: String,
    pub(crate) conversation: String,
    pub(crate) payload: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
}

/// Claims exactly one row.
pub(crate) async fn claim_one<I: Sample>(queue: &Arc<dyn Queue<I>>) -> Claim {
    let mut claims = queue.claim(1, LONG).await.unwrap();
    assert_eq!(claims.len(), 1, "one row can be claimed");
    claims.remove(0)
}

/// Pending, processing, done, review, dead.
pub(crate) fn numbers(counts: Counts) -> [u64; 5] {
    [counts.pending, counts.processing, counts.done, counts.review, counts.dead]
}

/// Makes tests of what only a queue for events must do.
macro_rules! on_every_inbox {
    ($start:path, $attributes:tt) => {
        on_every_queue! { @tests $start, $attributes,
            insert: a_thousand_equal_notices_without_ids_make_a_thousand_rows
            claims: statuses_do_not_wait_for_their_user
        }
    };
}

/// Makes tests of what only an outbox must do.
macro_rules! on_every_outbox {
    ($start:path, $attributes:tt) => {
        on_every_queue! { @tests $start, $attributes,
            outbox: the_category_comes_before_the_age
            outbox: a_category_waits_for_itself_only
            outbox: a_message_for_later_waits_and_nobody_waits_for_it
            outbox: every_try_is_the_same_message
            outbox: a_batch_with_what_nobody_could_carry_is_refused_whole
            outbox: what_was_tried_goes_behind_and_what_was_not_comes_back_to_its_place
            outbox: a_claim_tells_how_long_the_message_has_waited
        }
    };
}

/// Makes tests of all the functions of the suite: `on_every_queue!(start, [#[ignore]])`, where `start()` gives a future of
/// a [`Place`].
macro_rules! on_every_queue {
    ($start:path, $attributes:tt) => {
        on_every_queue! { @tests $start, $attributes,
            insert: an_empty_batch_does_nothing
            insert: the_same_event_makes_one_row
            insert: eight_writers_of_the_same_events_make_each_row_once
            insert: odd_texts_and_ids_come_back_as_they_were
            insert: three_megabytes_come_back_as_they_were
            insert: a_dropped_insert_leaves_all_or_nothing
            insert: whoever_listens_is_woken_by_new_rows
            claims: rows_of_a_conversation_are_claimed_one_after_the_other
            claims: the_oldest_are_claimed_first_and_no_more_than_wanted
            claims: a_row_that_rests_holds_back_its_conversation_only
            claims: a_released_row_was_not_tried
            claims: a_parked_row_keeps_its_reason_and_holds_nobody_back
            claims: a_lost_claim_changes_nothing
            claims: a_lease_can_be_extended_while_it_holds
            claims: a_claim_that_nobody_took_over_can_still_be_ended
            claims: a_made_up_lease_changes_nothing
            claims: endless_times_are_taken
            claims: a_dropped_claim_leaves_all_or_nothing
            upkeep: rows_are_counted_by_status
            upkeep: parked_rows_are_read_page_by_page
            upkeep: only_parked_rows_are_driven_again
            upkeep: a_redriven_row_waits_for_a_later_one_that_is_in_work
            upkeep: discarded_rows_are_done_and_leave_nothing_behind
            upkeep: erased_rows_keep_their_ids
            upkeep: purged_rows_are_forgotten
            crowd: many_workers_keep_the_order_and_handle_each_row_once
            crowd: redriving_among_workers_never_puts_two_rows_of_a_conversation_in_work
        }
    };
    (@tests $start:path, $attributes:tt, $($part:ident: $name:ident)+) => {$(
        on_every_queue! { @test $start, $attributes, $part, $name }
    )+};
    (@test $start:path, [$(#[$attribute:meta])*], $part:ident, $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$attribute])*
        async fn $name() {
            let place = $start().await;
            $crate::queue::suite::$part::$name(&place).await;
            $crate::queue::suite::Place::finish(place).await;
        }
    };
}
