//! Sending again what certainly did not arrive.

use std::sync::Arc;
use std::time::Duration;

use super::{EntryId, EntryState, Ledger, LedgerEntry, LedgerError, limited};
use crate::clock::{Clock, TokioClock};
use crate::error::Error;
use crate::failover::{Advice, FailoverProvider};
use crate::ids::ProviderId;
use crate::inbound::{DeliveryState, EventKind, InboundEvent};
use crate::outbound::{Category, Content, OutboundMessage, SendReceipt};
use crate::provider::WhatsAppProvider;

/// How old a message may be unless set.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// How old an authentication message may be, whatever is set.
const MAX_AGE_OF_CODES: Duration = Duration::from_secs(600);

/// How long a call of the ledger may take. Its work is done by a worker, whom nobody waits for.
const LIMIT: Duration = Duration::from_secs(10);

/// What became of a status that was looked at for a resend.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResendOutcome {
    /// No status of a message that the ledger knows.
    NotForUs,
    /// The message is not sent again.
    Nothing(NotResent),
    /// It was sent again and accepted.
    Resent(Box<SendReceipt>),
    /// It was claimed, and sending it again failed. It is not tried another time. If the error's acceptance is unknown, it
    /// may have gone out.
    Failed(Error),
    /// It was sent again and the ledger does not say how that ended: the entry of the resend stays open. Give the ledger
    /// what was answered later.
    #[non_exhaustive]
    NotWritten {
        /// The entry of the resend.
        entry: EntryId,
        /// How sending ended.
        sent: Result<Box<SendReceipt>, Error>,
        /// Why that was not written.
        error: LedgerError,
    },
}

/// Why a message is not sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotResent {
    /// The message has not failed, or not every copy of it.
    NotFailed,
    /// The message may have reached the user.
    NotProved,
    /// The failover [advises](FailoverProvider::advise) something else.
    Advised(Advice),
    /// Its category is never sent again, or not by these settings.
    Category,
    /// It is too old, or past its own time to live.
    TooOld,
    /// It was sent again before, or somebody is about to.
    Already,
    /// It is a resend itself.
    IsResend,
    /// Recipient and content are not kept.
    NoContent,
    /// Only a template may go, and the message has none.
    NoTemplate,
    /// The message may go by the provider, or from the sender, that failed, and by no other.
    Pinned,
}

/// Sends messages again that are proved not to have reached the user: once each, through the failover, for the worker that
/// handles status events.
///
/// Only what [`FailoverProvider::advise`] says can be sent again is, and only if the message is still failed with all its
/// copies, at most an hour old ([`with_max_age`](Self::with_max_age); an authentication message 10 minutes, and none past
/// its own [`ttl`](OutboundMessage::ttl)), and never marketing. The claim in the ledger decides who sends, on whichever
/// machine; whoever stops after it leaves an entry that is [recorded](EntryState::Recorded) and open, and is not sent again.
///
/// What is sent is the message as it was recorded, by the provider that the advice names, with the idempotency key
/// `resend:<entry>`, and at once even if it had a [`send_at`](OutboundMessage::send_at). After a closed window only its
/// templates are.
#[derive(Debug, Clone)]
pub struct Resend {
    failover: FailoverProvider,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    max_age: Duration,
    categories: Vec<Category>,
}

impl Resend {
    /// Sends again through this failover what this ledger knows.
    pub fn new(failover: FailoverProvider, ledger: impl Ledger) -> Self {
        Self {
            failover,
            ledger: Arc::new(ledger),
            clock: Arc::new(TokioClock::new()),
            max_age: MAX_AGE,
            categories: vec![Category::Authentication, Category::Utility, Category::Service],
        }
    }

    /// How long ago a message may have been recorded first. An authentication message never longer than 10 minutes.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Sends only these categories again. Marketing never is, whether it is among them or not.
    #[must_use]
    pub fn with_categories(mut self, categories: impl IntoIterator<Item = Category>) -> Self {
        self.categories = categories.into_iter().collect();
        self
    }

    /// Tells the age of messages by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes down what an event tells, and sends its message again if that is called for. May be called again with the same
    /// event.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the ledger could not be reached, or did not answer within 10 seconds, before anything was sent:
    /// call again. If it was the claim whose answer was lost, the message counts as claimed, and is left alone.
    pub async fn handle(&self, event: &InboundEvent) -> Result<ResendOutcome, LedgerError> {
        let EventKind::Status(status) = event.kind() else { return Ok(ResendOutcome::NotForUs) };
        let Some(entry) = self.limited(self.ledger.advance(event)).await? else {
            return Ok(ResendOutcome::NotForUs);
        };
        let message = match self.message(&entry, &status.state, event) {
            Ok(message) => message,
            Err(reason) => return Ok(ResendOutcome::Nothing(reason)),
        };
        let Some(again) = self.limited(self.ledger.claim_resend(entry.id, &message)).await? else {
            return Ok(ResendOutcome::Nothing(NotResent::Already));
        };
        let sent = self.failover.send(&message).await.map(Box::new);
        let written = match &sent {
            Ok(receipt) => self.limited(self.ledger.accept(again, receipt)).await,
            Err(error) => self.limited(self.ledger.fail(again, error)).await,
        };
        Ok(match (written, sent) {
            (Ok(_), Ok(receipt)) => ResendOutcome::Resent(receipt),
            (Ok(_), Err(error)) => ResendOutcome::Failed(error),
            (Err(error), sent) => ResendOutcome::NotWritten { entry: again, sent, error },
        })
    }

    async fn limited<T>(
        &self,
        call: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Result<T, LedgerError> {
        limited(&*self.clock, LIMIT, call).await
    }

    /// The message to send, or why there is none.
    fn message(
        &self,
        entry: &LedgerEntry,
        told: &DeliveryState,
        event: &InboundEvent,
    ) -> Result<OutboundMessage, NotResent> {
        let failed = DeliveryState::Failed;
        if *told != failed || entry.state != EntryState::Sent(failed) {
            return Err(NotResent::NotFailed);
        }
        if entry.category == Category::Marketing || !self.categories.contains(&entry.category) {
            return Err(NotResent::Category);
        }
        if entry.resend_of.is_some() {
            return Err(NotResent::IsResend);
        }
        if entry.resent_as.is_some() {
            return Err(NotResent::Already);
        }
        let (via, as_template) = match self.failover.advise(event) {
            Advice::Resend { via, as_template } => (via, as_template),
            other => return Err(NotResent::Advised(other)),
        };
        if !entry.proved_undelivered {
            return Err(NotResent::NotProved);
        }
        let age = self.clock.now().since(entry.recorded_at);
        let message = entry.message.as_ref().filter(|_| age <= self.max_age_of(entry));
        let Some(message) = message else {
            let old = age > self.max_age_of(entry);
            return Err(if old { NotResent::TooOld } else { NotResent::NoContent });
        };
        if message.ttl.is_some_and(|ttl| age > ttl) {
            return Err(NotResent::TooOld);
        }
        again(entry, message, via, as_template)
    }

    fn max_age_of(&self, entry: &LedgerEntry) -> Duration {
        match entry.category {
            Category::Authentication => self.max_age.min(MAX_AGE_OF_CODES),
            _ => self.max_age,
        }
    }
}

/// The message as it is sent again.
fn again(
    entry: &LedgerEntry,
    message: &OutboundMessage,
    via: Option<ProviderId>,
    as_template: bool,
) -> Result<OutboundMessage, NotResent> {
    let mut again = message.clone();
    if as_template {
        let mut templates =
            message.contents().filter(|content| matches!(content, Content::Template(_))).cloned();
        again.content = templates.next().ok_or(NotResent::NoTemplate)?;
        again.alternatives = templates.collect();
    }
    if let Some(via) = via {
        let elsewhere = message.via_only && message.via.as_ref() != Some(&via);
        if elsewhere || message.from.as_ref().is_some_and(|from| from.provider != via) {
            return Err(NotResent::Pinned);
        }
        again.via = Some(via);
    }
    again.idempotency_key = Some(format!("resend:{}", entry.id));
    again.send_at = None;
    Ok(again)
}
