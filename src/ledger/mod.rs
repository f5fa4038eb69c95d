//! What became of each message: recorded before it is sent, accepted or failed afterwards, and advanced by its statuses.
//!
//! A [`Ledger`] is a pair of tables, in PostgreSQL or SQLite. [`Tracked`] is a provider that keeps one by itself, around a
//! failover or any other provider, and `Resend` (feature `failover`) sends again what is proved not to have arrived.
//!
//! ```no_run
//! # #[cfg(all(feature = "postgres", feature = "failover", feature = "meta", feature = "twilio", feature = "rustls"))]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use whatsapp_provider::ledger::{Ledger, PostgresLedger, Resend, ResendOutcome, Tracked};
//! use whatsapp_provider::queue::{JobError, PostgresQueue};
//! use whatsapp_provider::{FailoverProvider, MetaCloud, OutboundMessage, PhoneNumber, Twilio};
//! use whatsapp_provider::{WebhookHandler, WhatsAppProvider};
//!
//! let ledger = PostgresLedger::connect("postgres://user:password@localhost/app").await?;
//! ledger.migrate().await?;
//! let failover = FailoverProvider::builder()
//!     .primary(MetaCloud::from_env()?)
//!     .fallback(Twilio::from_env()?)
//!     .build()?;
//! let whatsapp = Arc::new(Tracked::new(failover.clone(), ledger.clone()));
//!
//! // Every message is an entry.
//! let to = PhoneNumber::parse("+15551234567")?;
//! whatsapp.send(&OutboundMessage::text(to, "Order 77 has shipped").with_reference("order-77")).await?;
//!
//! // The webhook handler records the statuses.
//! let queue = PostgresQueue::connect("postgres://user:password@localhost/app").await?;
//! let handler = WebhookHandler::new(Arc::clone(&whatsapp), queue.clone())?;
//!
//! // A worker makes sure of them, and sends again what certainly did not arrive.
//! let resend = Resend::new(failover, ledger.clone());
//! let shutdown = std::future::pending::<()>();
//! queue
//!     .worker()
//!     .run(shutdown, |job| {
//!         let resend = resend.clone();
//!         async move {
//!             match resend.handle(job.event()).await {
//!                 Ok(ResendOutcome::NotForUs) => Ok(()), // a user's message, for instance
//!                 Ok(ResendOutcome::NotYetKnown) => Err(JobError::retry("nobody knows the message yet")),
//!                 Ok(ResendOutcome::Later { after, .. }) => Err(JobError::retry_after(after, "too many at once")),
//!                 Ok(_) => Ok(()),
//!                 Err(_) => Err(JobError::retry("the ledger is unavailable")),
//!             }
//!         }
//!     })
//!     .await;
//!
//! // A timer asks now and then for what is still open.
//! for entry in ledger.undelivered(Duration::from_secs(600), None, None, 100).await? {
//!     println!("{} of {:?} is {}", entry.id, entry.reference, entry.state.as_str());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Any order
//!
//! A status may come before `send` has returned, twice, late, and to another machine. What it tells is stored under the
//! message's id and the attempt's, with the entry if that is known, and is added to the entry as soon as it is. Whatever the
//! order, the state is the same in the end. A send whose answer was lost is in doubt until a status brings its attempt's id.
//! If a message went out in several copies, because the answer to the first was lost, it has arrived with the first that
//! arrives, and has failed only when all have.
//!
//! # What is kept
//!
//! Recipient and content are kept only for a resend: not of marketing, which is never sent again, not of what sends again,
//! not of messages over 256 KiB as JSON, and no longer than until the message has arrived, was sent again, was billed as
//! marketing, or was refused and has no idempotency key to come again with. Of failures the codes are kept and
//! not the provider's words. [`erase`](Ledger::erase) blanks the rest of what names somebody, and
//! [`purge`](Ledger::purge) deletes entries, and statuses that no entry claimed. A ledger `without_content()` never has
//! any. An authentication message has its one-time code in its content: erase after ten minutes.
//!
//! References are the application's own, and stay until the entry is purged.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

mod entry;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod fact;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod lookup;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "failover")]
mod resend;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod statements;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod store;
mod tracked;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod transaction;

use crate::clock::{Clock, timeout};
use crate::error::Error;
use crate::ids::{AttemptId, MessageRef};
use crate::inbound::InboundEvent;
use crate::outbound::{Category, OutboundMessage, SendReceipt};

pub use entry::{EntryId, EntryState, InvalidEntryId, LedgerEntry, StateTime};
#[cfg(feature = "postgres")]
pub use postgres::PostgresLedger;
#[cfg(feature = "failover")]
pub use resend::{NotResent, Resend, ResendOutcome};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;
pub use tracked::{Tracked, TrackedEvent};

/// What became of each message.
///
/// # Contract
///
/// * Every method may be called again with the same, and calls for one message may come in any order and from any machine:
///   the state is the same in the end.
/// * Pages have at most 1,000 entries, however many are asked for.
///
/// Every method fails with a [`LedgerError`] if the ledger cannot be reached, or a row cannot be read; then what was to be
/// written may have been written and may not.
#[async_trait]
pub trait Ledger: std::fmt::Debug + Send + Sync + 'static {
    /// Makes an entry for a message that is about to be sent. If there is one with its idempotency key already, it is that
    /// one. Until [`accept`](Self::accept) or [`fail`](Self::fail) was called as often as this, nothing is proved of the
    /// message's copies.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn record(&self, message: &OutboundMessage) -> Result<EntryId, LedgerError>;

    /// Says that a provider accepted the message. The entry as it is then; `None` if there is none (any more).
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn accept(&self, id: EntryId, receipt: &SendReceipt) -> Result<Option<LedgerEntry>, LedgerError>;

    /// Says that sending failed. An unknown acceptance leaves the message in doubt, and undoes no acceptance; a
    /// [`Duplicate`](crate::ErrorKind::Duplicate) without attempts says nothing. The entry as it is then; `None` if there is
    /// none (any more).
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn fail(&self, id: EntryId, error: &Error) -> Result<Option<LedgerEntry>, LedgerError>;

    /// Takes down what a status tells, also if nobody knows yet whose it is. The entry as it is then, if it is known.
    /// Other events, and statuses of other applications' messages, are nothing to it.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn advance(&self, event: &InboundEvent) -> Result<Option<LedgerEntry>, LedgerError>;

    /// The entry with this id.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn entry(&self, id: EntryId) -> Result<Option<LedgerEntry>, LedgerError>;

    /// The entry of the message that a provider calls so, with the sender as the receipt or a status names it. For a Twilio
    /// Messaging Service the two may differ, and only statuses that tell their attempt are known to be the message's.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn by_message(&self, message: &MessageRef) -> Result<Option<LedgerEntry>, LedgerError>;

    /// The entry that an attempt belongs to.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn by_attempt(&self, attempt: AttemptId) -> Result<Option<LedgerEntry>, LedgerError>;

    /// The entries with this [reference](OutboundMessage::reference), the newest first, beginning after `after`, which is the
    /// last of the page before.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn by_reference(
        &self,
        reference: &str,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<Vec<LedgerEntry>, LedgerError>;

    /// The entries whose outcome is [open](EntryState::is_open) although they were recorded longer ago than `older_than`: of
    /// one category or of all, the oldest first, beginning after `after`.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn undelivered(
        &self,
        older_than: Duration,
        category: Option<Category>,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<Vec<LedgerEntry>, LedgerError>;

    /// How many entries there are of each state that there is one of. It reads all of them, so do not ask every second.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn counts(&self) -> Result<Vec<(EntryState, u64)>, LedgerError>;

    /// Claims a failed message to be sent again as `message`, which is recorded in the same moment, with a link to and fro.
    /// `None` if it may not be: it is not proved that no copy reached the user, it was claimed before, is itself such a
    /// resend, is marketing, or its content is not kept. Of several calls at once one gets the claim, and it is never given
    /// back.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn claim_resend(
        &self,
        id: EntryId,
        message: &OutboundMessage,
    ) -> Result<Option<EntryId>, LedgerError>;

    /// Blanks recipient, content and message id of entries that were recorded longer ago than `age`, and says of how many.
    /// Their outcome stays and goes on. A thousand at a time: those of before an error are blanked.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn erase(&self, age: Duration) -> Result<u64, LedgerError>;

    /// Deletes entries that were recorded longer ago than `age`, with their idempotency keys, and says how many; and with
    /// them what statuses told longer ago than that of messages that are nobody's. A thousand at a time, as for
    /// [`erase`](Self::erase).
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    async fn purge(&self, age: Duration) -> Result<u64, LedgerError>;
}

/// Forwards every method to what `$to` is of `self`.
macro_rules! forward_ledger {
    ([$($generics:tt)*] $type:ty, $self:ident => $to:expr) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait::async_trait]
        impl<$($generics)*> $crate::ledger::Ledger for $type {
            async fn record(&$self, message: &OutboundMessage) -> Result<EntryId, LedgerError> {
                $to.record(message).await
            }

            async fn accept(&$self, id: EntryId, receipt: &SendReceipt) -> Result<Option<LedgerEntry>, LedgerError> {
                $to.accept(id, receipt).await
            }

            async fn fail(&$self, id: EntryId, error: &Error) -> Result<Option<LedgerEntry>, LedgerError> {
                $to.fail(id, error).await
            }

            async fn advance(&$self, event: &InboundEvent) -> Result<Option<LedgerEntry>, LedgerError> {
                $to.advance(event).await
            }

            async fn entry(&$self, id: EntryId) -> Result<Option<LedgerEntry>, LedgerError> {
                $to.entry(id).await
            }

            async fn by_message(&$self, message: &MessageRef) -> Result<Option<LedgerEntry>, LedgerError> {
                $to.by_message(message).await
            }

            async fn by_attempt(&$self, attempt: AttemptId) -> Result<Option<LedgerEntry>, LedgerError> {
                $to.by_attempt(attempt).await
            }

            async fn by_reference(
                &$self,
                reference: &str,
                after: Option<EntryId>,
                most: usize,
            ) -> Result<Vec<LedgerEntry>, LedgerError> {
                $to.by_reference(reference, after, most).await
            }

            async fn undelivered(
                &$self,
                older_than: Duration,
                category: Option<Category>,
                after: Option<EntryId>,
                most: usize,
            ) -> Result<Vec<LedgerEntry>, LedgerError> {
                $to.undelivered(older_than, category, after, most).await
            }

            async fn counts(&$self) -> Result<Vec<(EntryState, u64)>, LedgerError> {
                $to.counts().await
            }

            async fn claim_resend(
                &$self,
                id: EntryId,
                message: &OutboundMessage,
            ) -> Result<Option<EntryId>, LedgerError> {
                $to.claim_resend(id, message).await
            }

            async fn erase(&$self, age: Duration) -> Result<u64, LedgerError> {
                $to.erase(age).await
            }

            async fn purge(&$self, age: Duration) -> Result<u64, LedgerError> {
                $to.purge(age).await
            }
        }
    };
}

forward_ledger!([L: Ledger + ?Sized] Arc<L>, self => (**self));
#[cfg(feature = "postgres")]
forward_ledger!([] PostgresLedger, self => self.store);
#[cfg(feature = "sqlite")]
forward_ledger!([] SqliteLedger, self => self.store);

/// A ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the ledger is unavailable")]
pub struct LedgerError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl LedgerError {
    /// Keeps the cause.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

/// Waits for a call of a ledger no longer than `limit`.
async fn limited<T>(
    clock: &dyn Clock,
    limit: Duration,
    call: impl Future<Output = Result<T, LedgerError>> + Send,
) -> Result<T, LedgerError> {
    timeout(clock, limit, call).await.unwrap_or_else(|| Err(LedgerError::new(TooLate)))
}

#[derive(Debug, thiserror::Error)]
#[error("the ledger did not answer in time")]
struct TooLate;
