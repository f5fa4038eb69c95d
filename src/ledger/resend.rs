//! Sending again what certainly did not arrive.

use std::sync::Arc;
use std::time::Duration;

use super::{EntryId, EntryState, Ledger, LedgerEntry, LedgerError, limited};
use crate::clock::{Clock, Timestamp, TokioClock};
use crate::error::{Error, ErrorKind};
use crate::failover::{Advice, FailoverProvider};
use crate::ids::ProviderId;
use crate::inbound::{DeliveryState, EventKind, InboundEvent, StatusUpdate};
use crate::outbound::{Category, Content, OutboundMessage, SendReceipt};

/// How old a message may be unless set.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// How old an authentication message may be, whatever is set.
const MAX_AGE_OF_CODES: Duration = Duration::from_secs(600);

/// How long a call of the ledger may take. Its work is done by a worker, whom nobody waits for.
const LIMIT: Duration = Duration::from_secs(10);

/// How old the status of a message may be that nobody knows: its `send` may not have returned yet.
const UNKNOWN_FOR: Duration = Duration::from_secs(120);

/// How long a message waits that failed because its sender had sent too many.
const AFTER_THROTTLED: Duration = Duration::from_secs(30);

/// The same for too many to one user, who may be sent one every 6 seconds.
const AFTER_RECIPIENT_THROTTLED: Duration = Duration::from_secs(6);

/// What became of a status that was looked at for a resend.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResendOutcome {
    /// No status of a message that the ledger knows.
    NotForUs,
    /// It tells of a failure, and the ledger does not know the message, or not yet: a status may come before `send` has
    /// returned. Call again, in a second or so. A status that is older than 2 minutes is [`NotForUs`](Self::NotForUs)
    /// instead.
    NotYetKnown,
    /// The message may be sent again, and not yet: it failed because there were too many. Nothing is claimed so far.
    #[non_exhaustive]
    Later {
        /// Call again after this time: 30 s after the status has come, or 6 s if it were too many to one user.
        after: Duration,
    },
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
/// copies, less than an hour old ([`with_max_age`](Self::with_max_age); an authentication message 10 minutes, and none past
/// its own [`ttl`](OutboundMessage::ttl); no attempt begins after that), and never marketing. The claim in the ledger decides who sends, on whichever
/// machine; whoever stops after it leaves an entry that is [recorded](EntryState::Recorded) and open, and is not sent again.
///
/// What is sent is the message as it was recorded, by the provider that the advice names, with the idempotency key
/// `resend:<entry>`, what is left of its `ttl`, and at once if its [`send_at`](OutboundMessage::send_at) is over. After a closed window only its
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
            let young = self.since(event.received_at()) <= UNKNOWN_FOR;
            let failed = status.state == DeliveryState::Failed && !status.standby;
            return Ok(if failed && young { ResendOutcome::NotYetKnown } else { ResendOutcome::NotForUs });
        };
        let message = match self.message(&entry, &status.state, event) {
            Ok(message) => message,
            Err(reason) => return Ok(ResendOutcome::Nothing(reason)),
        };
        if let Some(after) = self.wait(event, status) {
            return Ok(ResendOutcome::Later { after });
        }
        let Some(again) = self.limited(self.ledger.claim_resend(entry.id, &message)).await? else {
            // It was claimed, it arrived, or it was erased meanwhile.
            let now = self.limited(self.ledger.entry(entry.id)).await?;
            let reason = now.map(|entry| self.message(&entry, &status.state, event).err());
            let reason = reason.unwrap_or(Some(NotResent::NoContent)).unwrap_or(NotResent::Already);
            return Ok(ResendOutcome::Nothing(reason));
        };
        let sent = self.failover.send_within(&message, self.left(&entry)).await.map(Box::new);
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
        let left = self.left(entry);
        if left.is_zero() {
            return Err(NotResent::TooOld);
        }
        let message = entry.message.as_ref().ok_or(NotResent::NoContent)?;
        let mut again = again(entry, message, via, as_template)?;
        let age = self.since(entry.recorded_at);
        again.ttl = message.ttl.map(|ttl| ttl.saturating_sub(age));
        again.send_at = message.send_at.filter(|at| *at > self.clock.now());
        Ok(again)
    }

    fn since(&self, time: Timestamp) -> Duration {
        self.clock.now().since(time)
    }

    /// How much longer the message is young enough.
    fn left(&self, entry: &LedgerEntry) -> Duration {
        let most = match entry.category {
            Category::Authentication => self.max_age.min(MAX_AGE_OF_CODES),
            _ => self.max_age,
        };
        let ttl = entry.message.as_ref().and_then(|message| message.ttl);
        most.min(ttl.unwrap_or(most)).saturating_sub(self.since(entry.recorded_at))
    }

    /// How much longer to wait, if it failed because there were too many.
    fn wait(&self, event: &InboundEvent, status: &StatusUpdate) -> Option<Duration> {
        let pause = match status.failures.first()?.kind {
            ErrorKind::Throttled => AFTER_THROTTLED,
            ErrorKind::RecipientThrottled => AFTER_RECIPIENT_THROTTLED,
            _ => return None,
        };
        Some(pause.saturating_sub(self.since(event.received_at()))).filter(|left| !left.is_zero())
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
    Ok(again)
}
