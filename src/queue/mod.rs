//! Queues for inbound events: the webhook inserts them and is answered at once, a worker handles them afterwards.
//!
//! A queue is an [`EventSink`], so it is given to a [`WebhookHandler`](crate::WebhookHandler) as it is. Its table
//! `message_queue` has a row for each event, which goes from `pending` through `processing` to `done`; what needs a
//! person's eye stands in `review`, what was given up in `dead`, and both can be [driven again](Queue::redrive) or
//! [discarded](Queue::discard). Only what is done can be [erased](Queue::erase) and [purged](Queue::purge): discard what
//! is parked, or its texts and numbers stay for ever.
//!
//! # The outbox
//!
//! The same for messages that are to be sent: `insert` them into a `PostgresOutbox` or a `SqliteOutbox`, whose table is
//! `message_outbox`, and a worker sends them.
//!
//! ```no_run
//! # #[cfg(feature = "postgres")]
//! # async fn run(
//! #     pool: sqlx::PgPool,
//! #     whatsapp: &dyn whatsapp_provider::WhatsAppProvider,
//! #     to: whatsapp_provider::PhoneNumber,
//! #     shutdown: impl Future<Output = ()>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use whatsapp_provider::OutboundMessage;
//! use whatsapp_provider::queue::PostgresQueue;
//!
//! let outbox = PostgresQueue::outbox(pool.clone());
//! outbox.migrate().await?;
//!
//! // The order and its message are committed together, or neither is.
//! let mut transaction = pool.begin().await?;
//! sqlx::query("INSERT INTO orders (id) VALUES (77)").execute(&mut *transaction).await?;
//! let message = OutboundMessage::text(to, "Thank you for order 77").with_idempotency_key("order-77/thanks");
//! outbox.insert_in(&mut transaction, [&message]).await?;
//! transaction.commit().await?;
//!
//! outbox
//!     .worker()
//!     .run(shutdown, |job| async move {
//!         whatsapp.send(job.message()).await?;
//!         Ok(())
//!     })
//!     .await;
//! # Ok(())
//! # }
//! ```
//!
//! * **Once.** A message is inserted once for each idempotency key, until its row is [purged](Queue::purge); one without
//!   a key is given one, which is in the row's payload and told nobody: give keys to messages that you mean to insert
//!   again or to find. The key stays the same at every try, so a failover with a store sends none twice.
//! * **For how long.** The failover remembers a key for 30 days after the send, unless its policy's `remember` says
//!   otherwise. What stood in `review` for longer and is driven again is sent anew, although it may have been sent then:
//!   look for it before. A key that is inserted again after its row was purged makes a new row; it is sent a second time
//!   only if the failover has forgotten the key as well.
//! * **Who goes first.** Authentication goes before service, then come utility and marketing; within a category whoever
//!   may go for longest. A message that failed and is tried again goes behind those that may go by then. What a worker has
//!   begun is not put back: while advertisements hold all of its [places](Worker::concurrency), an answer waits for the
//!   first of them to end. Where that takes long, because they wait for their pace, give advertisements an outbox and a
//!   worker of their own.
//! * **In order.** Messages to one recipient, with an equal [`from`](OutboundMessage::from), go one after the other in
//!   the order in which they were inserted: a recipient with a phone number is known by that. Each category has this order
//!   for itself, so that an answer never stands behind what its user waits for less. A template without a
//!   [category](OutboundMessage::category) counts as utility.
//! * **Later.** What is [not to go before](OutboxEntry::not_before) some moment has no place in any order.
//! * **Too late.** A message that has waited for as long as its [`ttl`](OutboundMessage::ttl), since it was inserted or
//!   since it may go, is not sent. It is `dead`, or stands in `review` if it was tried before and so may have been sent
//!   then. [Driven again](Queue::redrive) it is `dead` at once. At the provider the time begins anew.
//! * **Refused.** What no provider could carry is refused when it is inserted, with the name of the
//!   [field](crate::Error::field); so is [JSON of your own](crate::Json) that is nested so deep (some 120 levels) that no
//!   worker could read it.

use std::time::Duration;

use async_trait::async_trait;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod bounds;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod cause;
mod item;
pub(crate) mod outbox;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
pub(crate) mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod stored;
mod worker;

use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::inbound::InboundEvent;
use crate::outbound::OutboundMessage;
use crate::redact::redacted_debug;
use crate::sink::EventSink;

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
pub use outbox::{OutboxEntry, OutboxError};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOutbox, PostgresQueue};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOutbox, SqliteQueue};
pub use worker::{Job, JobError, JobReport, QueueCall, Worker, WorkerEvent};

/// What a queue can hold: an [`InboundEvent`], or an [`OutboundMessage`] in an [outbox](self#the-outbox).
pub trait QueueItem: item::Item {}

impl QueueItem for InboundEvent {}

impl QueueItem for OutboundMessage {}

/// A queue of events.
///
/// # Contract
///
/// * As an [`EventSink`] it is all-or-nothing and idempotent on (provider, event id), or on the idempotency key.
/// * Rows of one conversation are claimed one at a time, in the order in which they were inserted: while one is being
///   processed, or waits to be tried again, the rows behind it wait. Rows of other conversations do not.
/// * A claim holds until its lease ends. After that anybody may claim the row, and whoever lost it so changes nothing any
///   more. A queue may still take the end of a claim that ran out, as long as nobody else has claimed the row: the work
///   is done, and to do it again would help nobody.
#[async_trait]
pub trait Queue<T: QueueItem = InboundEvent>: EventSink<T> {
    /// Claims up to `most` rows for the time of `lease`, the oldest first, at most one of each conversation. In an outbox
    /// the category comes before the age.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn claim(&self, most: usize, lease: Duration) -> Result<Vec<Claim>, QueueError>;

    /// Lets a claim hold for the time of `lease` from now on. `false` means that it was lost.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn extend(&self, claim: &Claim, lease: Duration) -> Result<bool, QueueError>;

    /// Ends a claim: the row is done. `false` means that the claim was lost before.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached; then it may be done and may not.
    async fn complete(&self, claim: &Claim) -> Result<bool, QueueError>;

    /// Ends a claim whose row is not done. `false` means that the claim was lost before.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached; then it may have been ended and may not.
    async fn fail(&self, claim: &Claim, then: Then) -> Result<bool, QueueError>;

    /// How many rows there are of each status.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn counts(&self) -> Result<Counts, QueueError>;

    /// The rows that stand in `review` or `dead`, the oldest first, beginning after the row `after`.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn parked(&self, after: i64, most: usize) -> Result<Vec<ParkedRow>, QueueError>;

    /// Makes rows in `review` or `dead` pending again, as if they had never been tried, and says how many. Others are
    /// left as they are. A row comes back to its old place: before later ones of its conversation, but not while one of
    /// those is being processed.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn redrive(&self, rows: &[i64]) -> Result<u64, QueueError>;

    /// Makes rows in `review` or `dead` done from now on, without a reason, so that they are erased and purged as the
    /// others are, and says how many. Others are left as they are.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn discard(&self, rows: &[i64]) -> Result<u64, QueueError>;

    /// Blanks payload and conversation of rows that were done longer ago than `age`, and says of how many. The event
    /// ids stay, so that nothing is taken twice.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn erase(&self, age: Duration) -> Result<u64, QueueError>;

    /// Deletes rows that were done longer ago than `retention`, with their event ids, and says how many.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn purge(&self, retention: Retention) -> Result<u64, QueueError>;

    /// Begins to listen for new rows. Where that does not exist, nothing ever comes, and workers ask every so often.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the queue cannot be reached.
    async fn listen(&self) -> Result<Box<dyn WakeUps>, QueueError> {
        Ok(Box::new(NoWakeUps))
    }
}

/// Tells when there may be new rows.
#[async_trait]
pub trait WakeUps: Send {
    /// Ready when something was inserted since the last call. May be dropped and called again.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if nobody listens any more.
    async fn next(&mut self) -> Result<(), QueueError>;
}

/// Never wakes anybody.
struct NoWakeUps;

#[async_trait]
impl WakeUps for NoWakeUps {
    async fn next(&mut self) -> Result<(), QueueError> {
        std::future::pending().await
    }
}

/// The status of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowStatus {
    /// Waits for its turn.
    Pending,
    /// A worker has it, or had it until its lease ended.
    Processing,
    /// Handled, or discarded.
    Done,
    /// Nobody knows whether it was handled, or the worker could not read it: somebody should look at it.
    Review,
    /// Given up.
    Dead,
}

impl RowStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[Self::Pending, Self::Processing, Self::Done, Self::Review, Self::Dead];

    /// The name, as in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Done => "done",
            Self::Review => "review",
            Self::Dead => "dead",
        }
    }

    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }
}

/// A row that was claimed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The row.
    pub row: i64,
    /// The proof of the claim.
    pub lease: String,
    /// How many times the row was claimed, this time included.
    pub attempts: u32,
    /// The event or message as JSON.
    pub payload: String,
    /// How long it had waited when it was claimed: since it was inserted, or since it
    /// [may go out](OutboxEntry::not_before). Zero in queues that do not know.
    pub waited: Duration,
}

impl Claim {
    /// A claim, for queues of your own.
    pub fn new(row: i64, lease: impl Into<String>, attempts: u32, payload: impl Into<String>) -> Self {
        Self { row, lease: lease.into(), attempts, payload: payload.into(), waited: Duration::ZERO }
    }

    /// Says how long it had waited.
    #[must_use]
    pub fn with_waited(mut self, waited: Duration) -> Self {
        self.waited = waited;
        self
    }
}

/// What becomes of a row whose handling failed. The reason is kept with it, and should name no user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Then {
    /// It is tried again after this time. Later rows of its conversation wait for it.
    #[non_exhaustive]
    Retry {
        /// How long it rests.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// It was not tried at all, and is pending again at once, with one attempt less.
    Release,
    /// Somebody should look at it.
    #[non_exhaustive]
    Review {
        /// Why.
        reason: String,
    },
    /// It is given up.
    #[non_exhaustive]
    Dead {
        /// Why.
        reason: String,
    },
}

impl Then {
    /// It is tried again after this time.
    pub fn retry(after: Duration, reason: impl Into<String>) -> Self {
        Self::Retry { after, reason: reason.into() }
    }

    /// Somebody should look at it.
    pub fn review(reason: impl Into<String>) -> Self {
        Self::Review { reason: reason.into() }
    }

    /// It is given up.
    pub fn dead(reason: impl Into<String>) -> Self {
        Self::Dead { reason: reason.into() }
    }
}

/// How many rows there are of each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Waiting.
    pub pending: u64,
    /// In work.
    pub processing: u64,
    /// Handled or discarded, and not purged yet.
    pub done: u64,
    /// To be looked at.
    pub review: u64,
    /// Given up.
    pub dead: u64,
}

impl Counts {
    /// The number of one status.
    pub fn of(&self, status: RowStatus) -> u64 {
        match status {
            RowStatus::Pending => self.pending,
            RowStatus::Processing => self.processing,
            RowStatus::Done => self.done,
            RowStatus::Review => self.review,
            RowStatus::Dead => self.dead,
        }
    }

    /// All rows.
    pub fn total(&self) -> u64 {
        RowStatus::ALL.iter().map(|status| self.of(*status)).sum()
    }
}

/// A row that stands in `review` or `dead`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParkedRow {
    /// The row.
    pub row: i64,
    /// `review` or `dead`.
    pub status: RowStatus,
    /// Why it stands there.
    pub reason: Option<String>,
    /// How many times it was claimed.
    pub attempts: u32,
    /// When it was inserted.
    pub inserted_at: Timestamp,
    /// The event or message as JSON.
    pub payload: String,
}

redacted_debug! {
    Claim { row, attempts }
    ParkedRow { row, status, reason, attempts, inserted_at }
}

/// How long a row is kept after it was done: 8 days at least, because providers post a webhook again for up to 7 days,
/// and an event whose id is forgotten is taken anew. What stands in `review` or `dead` is kept until somebody
/// [drives it again](Queue::redrive) or [discards](Queue::discard) it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retention(Duration);

impl Retention {
    /// 8 days.
    pub const MIN: Self = Self(Duration::from_secs(8 * 24 * 3600));

    /// Keeps rows for this time.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is less than 8 days.
    pub fn new(time: Duration) -> Result<Self, ConfigError> {
        if time < Self::MIN.0 {
            return Err(ConfigError::new("retention", "must be at least 8 days (691,200 s)"));
        }
        Ok(Self(time))
    }

    /// The time.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

/// A queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the queue is unavailable")]
pub struct QueueError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl QueueError {
    /// Keeps the cause.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}
