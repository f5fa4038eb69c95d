//! The ledger in a database, whichever it is: the statements are the same in both, and all that is decided is decided
//! here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::LedgerError;
use super::entry::{Answer, EntryId, EntryState, LedgerEntry};
use super::fact::{Fact, digest};
use super::statements::Statements;
use super::transaction::{Pool, Row, Tx, Value};
use crate::clock::Clock;
use crate::database::{Cause, unix_millis};
use crate::error::{AttemptReport, Error, ErrorKind};
use crate::inbound::{DeliveryState, InboundEvent};
use crate::outbound::{Category, OutboundMessage, SendReceipt};

/// The largest message that is kept to be sent again, as JSON in bytes. Files from memory make larger ones.
const MAX_MESSAGE: usize = 256 * 1024;

/// The most entries of one page.
const MAX_PAGE: usize = 1000;

#[derive(Clone)]
pub(super) struct Store {
    pub(super) pool: Pool,
    pub(super) statements: Arc<Statements>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keep_content: bool,
}

/// What is told of a value in the database that this version cannot read: not the value.
#[derive(Debug, thiserror::Error)]
#[error("a row of the ledger cannot be read")]
struct Unreadable;

pub(super) fn ledger_error(error: sqlx::Error) -> LedgerError {
    LedgerError::new(Cause::from(error))
}

pub(super) fn unreadable<E>(_: E) -> LedgerError {
    LedgerError::new(Unreadable)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(unreadable)
}

/// How a transaction with the rows of some names ended.
enum Applied {
    Done(Option<Box<LedgerEntry>>),
    /// The copies have more names than were locked.
    More(BTreeSet<String>),
}

impl Store {
    pub(super) async fn record(&self, message: &OutboundMessage) -> Result<EntryId, LedgerError> {
        let now = self.clock.now();
        let entry = LedgerEntry::new(EntryId::new(&*self.clock, now), now, message);
        let mut tx = self.begin().await?;
        let id = self.insert(&mut tx, &entry, message).await?;
        if id != entry.id
            && let Some(mut known) = self.locked(&mut tx, id).await?
        {
            // It may be sent once more, which proves nothing of that copy.
            known.untold = known.untold.saturating_add(1);
            self.conclude(&mut tx, &mut known).await?;
        }
        tx.commit().await.map_err(ledger_error)?;
        Ok(id)
    }

    /// The entry's id, or that of the one which has its key already.
    async fn insert(
        &self,
        tx: &mut Tx<'_>,
        entry: &LedgerEntry,
        message: &OutboundMessage,
    ) -> Result<EntryId, LedgerError> {
        let key = message.idempotency_key.as_deref().map(|key| digest(&[key]));
        // What sends again is never sent another time.
        let may_go_again = entry.category != Category::Marketing && entry.resend_of.is_none();
        let text = if self.keep_content && may_go_again {
            Some(to_json(message)?).filter(|json| json.len() <= MAX_MESSAGE)
        } else {
            None
        };
        let values = [
            entry.id.to_string().into(),
            key.clone().into(),
            entry.reference.as_deref().map(|reference| digest(&[reference])).into(),
            entry.category.as_str().to_owned().into(),
            entry.state.as_str().to_owned().into(),
            i64::from(entry.state.is_open()).into(),
            unix_millis(entry.recorded_at).into(),
            text.into(),
            to_json(entry)?.into(),
        ];
        let inserted = tx.run(&self.statements.insert, &values).await.map_err(ledger_error)?;
        let Some(key) = key.filter(|_| inserted == 0) else { return Ok(entry.id) };
        let rows = tx.rows(&self.statements.by_key, &[key.into()]).await.map_err(ledger_error)?;
        let id = rows.first().and_then(|row| row.first()?.as_deref()).ok_or_else(|| unreadable(()))?;
        id.parse().map_err(unreadable)
    }

    pub(super) async fn accept(
        &self,
        id: EntryId,
        receipt: &SendReceipt,
    ) -> Result<Option<LedgerEntry>, LedgerError> {
        let change = |entry: &mut LedgerEntry| {
            entry.untold = entry.untold.saturating_sub(1);
            entry.answer = Some(Answer::Accepted);
            entry.provider = Some(receipt.provider.clone());
            entry.content_index = receipt.content_index;
            entry.add(&receipt.attempts);
            let sent_as = receipt.message.clone().filter(|_| self.keep_content);
            entry.sent_as = sent_as.or(entry.sent_as.take());
        };
        self.apply(Some(id), &Fact::of_receipt(receipt), &change).await
    }

    pub(super) async fn fail(&self, id: EntryId, error: &Error) -> Result<Option<LedgerEntry>, LedgerError> {
        // Another call is at it, and will tell.
        let says_nothing = error.kind() == ErrorKind::Duplicate && error.attempts().is_empty();
        let answer = Answer::from(error.acceptance());
        let change = |entry: &mut LedgerEntry| {
            entry.untold = entry.untold.saturating_sub(1);
            if entry.answer <= Some(answer) && !says_nothing {
                entry.answer = Some(answer);
                entry.failure = Some(error.failure().without_words());
            }
            entry.add(error.attempts());
        };
        self.apply(Some(id), &Fact::of_error(id, error), &change).await
    }

    pub(super) async fn advance(&self, event: &InboundEvent) -> Result<Option<LedgerEntry>, LedgerError> {
        match Fact::of_event(event) {
            Some(fact) => self.apply(None, &[fact], &|_| ()).await,
            None => Ok(None),
        }
    }

    /// Writes what is new of some copies, and what follows for the entry: the given one, or the one that they belong to.
    ///
    /// Every transaction locks the rows of the copies first, in the order of their names, and then the entry. So none
    /// waits for another in a circle, whoever comes first to a copy makes its row, and whoever comes last to an entry
    /// sees all of its copies.
    async fn apply(
        &self,
        given: Option<EntryId>,
        new: &[Fact],
        change: &(dyn Fn(&mut LedgerEntry) + Sync),
    ) -> Result<Option<LedgerEntry>, LedgerError> {
        let mut names: BTreeSet<_> = new.iter().flat_map(|fact| fact.names.clone()).collect();
        loop {
            match self.apply_to(&names, given, new, change).await? {
                Applied::Done(entry) => return Ok(entry.map(|entry| *entry)),
                Applied::More(more) => names = more,
            }
        }
    }

    async fn apply_to(
        &self,
        names: &BTreeSet<String>,
        given: Option<EntryId>,
        new: &[Fact],
        change: &(dyn Fn(&mut LedgerEntry) + Sync),
    ) -> Result<Applied, LedgerError> {
        let mut tx = self.begin().await?;
        let (facts, mut owners) = self.lock(&mut tx, names).await?;
        let all: BTreeSet<_> = facts.iter().flat_map(|fact| fact.names.clone()).collect();
        if all.len() > names.len() {
            tx.rollback().await.map_err(ledger_error)?;
            return Ok(Applied::More(all));
        }
        let owner = given.or_else(|| owners.values().next().copied());
        let mut entry = match owner {
            Some(id) => self.locked(&mut tx, id).await?,
            None => None,
        };
        if entry.is_none() {
            owners.retain(|_, id| Some(*id) != owner);
        }
        for copy in Fact::by_copy(facts.into_iter().chain(new.iter().cloned())) {
            let first = copy.names.iter().find_map(|name| owners.get(name)).copied();
            let owner = first.or(entry.as_ref().map(|entry| entry.id)).map(|id| id.to_string());
            let text = to_json(&copy)?;
            for name in &copy.names {
                let values = [name.clone().into(), owner.clone().into(), text.clone().into()];
                tx.run(&self.statements.write_fact, &values).await.map_err(ledger_error)?;
            }
        }
        if let Some(entry) = &mut entry {
            change(entry);
            self.conclude(&mut tx, entry).await?;
        }
        tx.commit().await.map_err(ledger_error)?;
        Ok(Applied::Done(entry.map(Box::new)))
    }

    /// Locks the rows of the names, and makes those that are missing. Says which entries they belong to.
    async fn lock(
        &self,
        tx: &mut Tx<'_>,
        names: &BTreeSet<String>,
    ) -> Result<(Vec<Fact>, BTreeMap<String, EntryId>), LedgerError> {
        let (mut facts, mut owners) = (Vec::new(), BTreeMap::new());
        let now = unix_millis(self.clock.now());
        for name in names {
            let values = [name.clone().into(), now.into()];
            let rows = tx.rows(&self.statements.lock_fact, &values).await.map_err(ledger_error)?;
            let mut fact = Fact::named(name.clone());
            if let Some([owner, text]) = rows.first().map(Vec::as_slice) {
                if let Some(text) = text {
                    fact.merge(serde_json::from_str(text).map_err(unreadable)?);
                }
                if let Some(owner) = owner {
                    owners.insert(name.clone(), owner.parse().map_err(unreadable)?);
                }
            }
            facts.push(fact);
        }
        Ok((facts, owners))
    }

    /// Writes an entry, whose row is locked, by all that is known of its copies.
    async fn conclude(&self, tx: &mut Tx<'_>, entry: &mut LedgerEntry) -> Result<(), LedgerError> {
        let rows =
            tx.rows(&self.statements.facts, &[entry.id.to_string().into()]).await.map_err(ledger_error)?;
        let texts = rows.iter().filter_map(|row| row.first()?.as_deref());
        let facts: Vec<Fact> =
            texts.map(serde_json::from_str).collect::<Result<_, _>>().map_err(unreadable)?;
        entry.conclude(&Fact::by_copy(facts));
        self.write(tx, entry).await
    }

    async fn write(&self, tx: &mut Tx<'_>, entry: &mut LedgerEntry) -> Result<(), LedgerError> {
        // Nobody sends again what has arrived or what was sent again, nor what was refused and has no key to come again.
        let keyed = entry.message.as_ref().is_some_and(|message| message.idempotency_key.is_some());
        let refused = entry.state == EntryState::Refused && !keyed;
        if entry.state.has_arrived() || entry.resent_as.is_some() || refused {
            entry.message = None;
        }
        if entry.erased {
            entry.sent_as = None;
        }
        let values = [
            entry.id.to_string().into(),
            entry.state.as_str().to_owned().into(),
            i64::from(entry.state.is_open()).into(),
            i64::from(entry.message.is_some()).into(),
            entry.sent_as.as_ref().map(to_json).transpose()?.into(),
            to_json(entry)?.into(),
        ];
        tx.run(&self.statements.write, &values).await.map_err(ledger_error)?;
        Ok(())
    }

    async fn locked(&self, tx: &mut Tx<'_>, id: EntryId) -> Result<Option<LedgerEntry>, LedgerError> {
        let rows = tx.rows(&self.statements.lock, &[id.to_string().into()]).await.map_err(ledger_error)?;
        rows.first().map(read).transpose()
    }

    pub(super) async fn claim_resend(
        &self,
        id: EntryId,
        message: &OutboundMessage,
    ) -> Result<Option<EntryId>, LedgerError> {
        let mut tx = self.begin().await?;
        let Some(mut entry) = self.locked(&mut tx, id).await? else {
            tx.rollback().await.map_err(ledger_error)?;
            return Ok(None);
        };
        let marketing = [entry.category, message.effective_category()].contains(&Category::Marketing);
        let failed = entry.state == EntryState::Sent(DeliveryState::Failed) && entry.proved_undelivered;
        let free = entry.resent_as.is_none() && entry.resend_of.is_none() && entry.message.is_some();
        if !failed || !free || entry.erased || marketing {
            tx.rollback().await.map_err(ledger_error)?;
            return Ok(None);
        }
        let now = self.clock.now();
        let mut again = LedgerEntry::new(EntryId::new(&*self.clock, now), now, message);
        again.resend_of = Some(id);
        let made = self.insert(&mut tx, &again, message).await?;
        if made != again.id {
            // The key is somebody's already.
            tx.rollback().await.map_err(ledger_error)?;
            return Ok(None);
        }
        entry.resent_as = Some(made);
        self.write(&mut tx, &mut entry).await?;
        tx.commit().await.map_err(ledger_error)?;
        Ok(Some(made))
    }

    pub(super) async fn erase(&self, age: Duration) -> Result<u64, LedgerError> {
        self.in_batches(&self.statements.erase, self.before(age)).await
    }

    /// The entries first: what statuses of theirs tell from then on is nobody's, and purged when it is old.
    pub(super) async fn purge(&self, age: Duration) -> Result<u64, LedgerError> {
        let before = self.before(age);
        let purged = self.in_batches(&self.statements.purge, before.clone()).await?;
        self.in_batches(&self.statements.purge_facts, before).await?;
        Ok(purged)
    }

    /// Each batch is a transaction of its own, so that nobody waits long.
    async fn in_batches(&self, sql: &Arc<str>, before: Value) -> Result<u64, LedgerError> {
        let (values, mut all) = ([before, page(MAX_PAGE)], 0);
        loop {
            let mut tx = self.begin().await?;
            let changed = tx.run(sql, &values).await.map_err(ledger_error)?;
            tx.commit().await.map_err(ledger_error)?;
            all += changed;
            if changed == 0 {
                return Ok(all);
            }
        }
    }

    fn before(&self, age: Duration) -> Value {
        unix_millis(self.clock.now().saturating_sub(age)).into()
    }

    async fn begin(&self) -> Result<Tx<'_>, LedgerError> {
        self.pool.write().await.map_err(ledger_error)
    }
}

pub(super) fn page(most: usize) -> Value {
    i64::try_from(most.min(MAX_PAGE)).unwrap_or(i64::MAX).into()
}

/// An entry out of the columns that every statement for entries has.
pub(super) fn read(row: &Row) -> Result<LedgerEntry, LedgerError> {
    let [Some(text), message, sent_as, erased] = row.as_slice() else { return Err(unreadable(())) };
    let mut entry: LedgerEntry = serde_json::from_str(text).map_err(unreadable)?;
    entry.message = message.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?;
    entry.sent_as = sent_as.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?;
    entry.erased = erased.as_deref() == Some("1");
    Ok(entry)
}

impl LedgerEntry {
    /// Adds the attempts that it does not know yet, without words of the provider.
    fn add(&mut self, attempts: &[AttemptReport]) {
        for attempt in attempts {
            let mut attempt = attempt.clone();
            attempt.failure = attempt.failure.map(|failure| failure.without_words());
            match self.attempts.iter_mut().find(|known| known.id == attempt.id) {
                // It was found to be accepted after all.
                Some(known) if attempt.failure.is_none() => known.failure = None,
                Some(_) => {}
                None => self.attempts.push(attempt),
            }
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("clock", &self.clock).finish_non_exhaustive()
    }
}
