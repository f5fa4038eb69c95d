use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::inbound::InboundEvent;
use crate::outbound::OutboundMessage;
use crate::queue::row::NewRow;
use crate::queue::{
    Claim, Counts, OutboxEntry, OutboxError, ParkedRow, Queue, QueueError, QueueItem, Retention, RowStatus,
    Then, WakeUps, outbox,
};
use crate::redact::redacted_debug;
use crate::sink::{EventSink, SinkError};

/// A [`Queue`] in memory that keeps every rule of the contract, by the clock it is given, and fails when it is told to.
/// A clone is the same queue.
///
/// It is for tests of what stands before a queue and of what a [`Worker`](crate::queue::Worker) does with it; with a
/// [`TestClock`](crate::testing::TestClock) hours of leases and retries take no time. Nothing of it survives the
/// process.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use whatsapp_provider::clock::Clock;
/// use whatsapp_provider::queue::{RowStatus, Worker};
/// use whatsapp_provider::sink::EventSink;
/// use whatsapp_provider::testing::{EventMaker, MemoryQueue, TestClock};
///
/// let clock = Arc::new(TestClock::new());
/// let queue = MemoryQueue::new(clock.clone());
/// clock.block_on(async {
///     queue.accept(&[EventMaker::meta().text("+15557654321", "Hi")]).await?;
///     let shutdown = clock.sleep(Duration::from_secs(60));
///     Worker::new(queue.clone()).clock(clock.clone()).run(shutdown, |_job| async { Ok(()) }).await;
///     assert_eq!(queue.rows()[0].status, RowStatus::Done);
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemoryQueue<T = InboundEvent> {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
    /// Counts what may wake somebody: insertions, and that it became unavailable.
    changes: Arc<watch::Sender<u64>>,
    item: PhantomData<fn() -> T>,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<i64, Row>,
    last_row: i64,
    last_lease: u64,
    /// The (provider, event id) of every row, for as long as it is kept.
    taken: HashSet<(String, String)>,
    unavailable: bool,
}

struct Row {
    key: Option<(String, String)>,
    kind: &'static str,
    conversation: String,
    payload: String,
    status: RowStatus,
    attempts: u32,
    /// When it may be claimed: after its rest, or when its lease has ended.
    available_at: Duration,
    lease: Option<String>,
    reason: Option<String>,
    inserted_at: Timestamp,
    finished_at: Option<Duration>,
    priority: i16,
    /// When it was inserted, or is not to go out before.
    due_at: Duration,
}

/// A row of a [`MemoryQueue`]. `Debug` prints neither whom it is about nor what it says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueuedRow {
    /// The row, counted from 1.
    pub row: i64,
    /// Its status.
    pub status: RowStatus,
    /// The kind of its event, as in its JSON.
    pub kind: &'static str,
    /// What it must not overtake: rows with an equal one are handled one after the other.
    pub conversation: String,
    /// How many times it was claimed.
    pub attempts: u32,
    /// Why it was last not done.
    pub reason: Option<String>,
    /// When it was inserted.
    pub inserted_at: Timestamp,
    /// The event as JSON; blank once it is erased.
    pub payload: String,
}

redacted_debug! {
    QueuedRow { row, status, kind, attempts, reason, inserted_at }
}

impl MemoryQueue {
    /// An empty queue whose leases, rests and retention go by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::of(clock)
    }
}

impl MemoryQueue<OutboundMessage> {
    /// An empty [outbox](crate::queue#the-outbox) whose times go by `clock`.
    pub fn outbox(clock: Arc<dyn Clock>) -> Self {
        Self::of(clock)
    }

    /// Inserts messages, all or none. One whose idempotency key the outbox knows is not inserted again; one without a key
    /// is given one, which is not told.
    ///
    /// # Errors
    ///
    /// [`OutboxError`] if no provider could carry one of them, or it was told to be unavailable.
    pub async fn insert<'m, E: Into<OutboxEntry<'m>>>(
        &self,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<(), OutboxError> {
        Ok(self.take(outbox::rows(entries)?)?)
    }
}

impl<T> MemoryQueue<T> {
    fn of(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Arc::default(), changes: Arc::new(watch::Sender::new(0)), item: PhantomData }
    }

    /// Every row, the oldest first.
    pub fn rows(&self) -> Vec<QueuedRow> {
        let state = self.state();
        let rows = state.rows.iter().map(|(id, row)| QueuedRow {
            row: *id,
            status: row.status,
            kind: row.kind,
            conversation: row.conversation.clone(),
            attempts: row.attempts,
            reason: row.reason.clone(),
            inserted_at: row.inserted_at,
            payload: row.payload.clone(),
        });
        rows.collect()
    }

    /// Lets every call fail, and everybody who listens, until it is told otherwise. What fails changes nothing.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.state().unavailable = unavailable;
        if unavailable {
            self.changes.send_modify(|changes| *changes += 1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change is left half done by a panic: there is nothing in between that could.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, QueueError> {
        let state = self.state();
        if state.unavailable { Err(QueueError::new(Unavailable)) } else { Ok(state) }
    }

    /// Changes the row of a claim that still holds.
    fn with_claimed(
        &self,
        claim: &Claim,
        change: impl FnOnce(&mut Row, Duration),
    ) -> Result<bool, QueueError> {
        let now = self.clock.elapsed();
        let mut state = self.available()?;
        let row = state.rows.get_mut(&claim.row);
        let held = row.filter(|row| row.lease.as_ref() == Some(&claim.lease) && now < row.available_at);
        let Some(row) = held else { return Ok(false) };
        change(row, now);
        Ok(true)
    }

    /// Changes those of the rows that are parked, and says how many.
    fn with_parked(&self, rows: &[i64], change: impl Fn(&mut Row, Duration)) -> Result<u64, QueueError> {
        let now = self.clock.elapsed();
        let mut state = self.available()?;
        let mut changed = 0;
        for id in rows {
            if let Some(row) = state.rows.get_mut(id).filter(|row| row.is_parked()) {
                change(row, now);
                changed += 1;
            }
        }
        Ok(changed)
    }

    /// The rows that were done longer ago than `age`.
    fn done_before(&self, state: &State, age: Duration) -> Vec<i64> {
        let now = self.clock.elapsed();
        let is_old = |row: &Row| row.finished_at.is_some_and(|at| at.saturating_add(age) < now);
        state.rows.iter().filter(|(_, row)| is_old(row)).map(|(id, _)| *id).collect()
    }
}

impl Row {
    fn new(row: NewRow, now: Duration, inserted_at: Timestamp) -> Self {
        let provider = row.provider;
        let rest = row.not_before.map_or(Duration::ZERO, |moment| moment.since(inserted_at));
        let due_at = now.saturating_add(rest);
        Self {
            key: row.event_id.map(|id| (provider, id)),
            kind: row.kind,
            conversation: row.conversation,
            payload: row.payload,
            status: RowStatus::Pending,
            attempts: 0,
            available_at: due_at,
            lease: None,
            reason: None,
            inserted_at,
            finished_at: None,
            priority: row.priority,
            due_at,
        }
    }

    fn is_parked(&self) -> bool {
        matches!(self.status, RowStatus::Review | RowStatus::Dead)
    }

    fn end(&mut self, status: RowStatus, available_at: Duration) {
        self.status = status;
        self.lease = None;
        self.available_at = available_at;
    }

    fn done(&mut self, now: Duration) {
        self.end(RowStatus::Done, now);
        self.reason = None;
        self.finished_at = Some(now);
    }
}

impl<T> fmt::Debug for MemoryQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryQueue({} rows)", self.state().rows.len())
    }
}

/// It was told to fail.
#[derive(Debug, thiserror::Error)]
#[error("the memory queue was told to be unavailable")]
struct Unavailable;

#[async_trait]
impl<T: QueueItem> EventSink<T> for MemoryQueue<T> {
    async fn accept(&self, events: &[T]) -> Result<(), SinkError> {
        self.take(NewRow::all(events)?)
    }
}

impl<T> MemoryQueue<T> {
    /// Inserts all of the rows or none.
    fn take(&self, rows: Vec<NewRow>) -> Result<(), SinkError> {
        let (now, inserted_at) = (self.clock.elapsed(), self.clock.now());
        let mut state = self.available().map_err(SinkError::unavailable)?;
        let before = state.last_row;
        for row in rows.into_iter().map(|row| Row::new(row, now, inserted_at)) {
            if row.key.as_ref().is_none_or(|key| state.taken.insert(key.clone())) {
                state.last_row += 1;
                let id = state.last_row;
                state.rows.insert(id, row);
            }
        }
        let is_new = state.last_row > before;
        drop(state);
        if is_new {
            self.changes.send_modify(|changes| *changes += 1);
        }
        Ok(())
    }
}

#[async_trait]
impl<T: QueueItem> Queue<T> for MemoryQueue<T> {
    async fn claim(&self, most: usize, lease: Duration) -> Result<Vec<Claim>, QueueError> {
        let now = self.clock.elapsed();
        let mut state = self.available()?;
        let State { rows, last_lease, .. } = &mut *state;
        // A later row may be in work: one before it was driven again meanwhile.
        let in_work =
            rows.values().filter(|row| row.status == RowStatus::Processing && now < row.available_at);
        let mut met: HashSet<String> = in_work.map(|row| row.conversation.clone()).collect();
        let open = rows
            .iter_mut()
            .filter(|(_, row)| matches!(row.status, RowStatus::Pending | RowStatus::Processing));
        // The first open row of a conversation stands for all of it, whether or not its time has come.
        let mut ready: Vec<_> =
            open.filter(|(_, row)| met.insert(row.conversation.clone()) && row.available_at <= now).collect();
        if T::HAS_PRIORITY {
            ready.sort_by_key(|(_, row)| (row.priority, row.available_at));
        }
        let mut claims = Vec::new();
        for (id, row) in ready.into_iter().take(most) {
            *last_lease += 1;
            let proof = last_lease.to_string();
            row.status = RowStatus::Processing;
            row.attempts = row.attempts.saturating_add(1);
            row.available_at = now.saturating_add(lease);
            row.lease = Some(proof.clone());
            let claim = Claim::new(*id, proof, row.attempts, row.payload.clone());
            claims.push(claim.with_waited(now.saturating_sub(row.due_at)));
        }
        Ok(claims)
    }

    async fn extend(&self, claim: &Claim, lease: Duration) -> Result<bool, QueueError> {
        self.with_claimed(claim, |row, now| row.available_at = now.saturating_add(lease))
    }

    async fn complete(&self, claim: &Claim) -> Result<bool, QueueError> {
        self.with_claimed(claim, Row::done)
    }

    async fn fail(&self, claim: &Claim, then: Then) -> Result<bool, QueueError> {
        self.with_claimed(claim, |row, now| {
            let (status, available_at, reason) = match then {
                Then::Retry { after, reason } => {
                    (RowStatus::Pending, now.saturating_add(after), Some(reason))
                }
                Then::Release => {
                    row.attempts = row.attempts.saturating_sub(1);
                    (RowStatus::Pending, row.due_at, row.reason.take())
                }
                Then::Review { reason } => (RowStatus::Review, now, Some(reason)),
                Then::Dead { reason } => (RowStatus::Dead, now, Some(reason)),
            };
            row.end(status, available_at);
            row.reason = reason;
        })
    }

    async fn counts(&self) -> Result<Counts, QueueError> {
        let mut counts = Counts::default();
        for row in self.available()?.rows.values() {
            *match row.status {
                RowStatus::Pending => &mut counts.pending,
                RowStatus::Processing => &mut counts.processing,
                RowStatus::Done => &mut counts.done,
                RowStatus::Review => &mut counts.review,
                RowStatus::Dead => &mut counts.dead,
            } += 1;
        }
        Ok(counts)
    }

    async fn parked(&self, after: i64, most: usize) -> Result<Vec<ParkedRow>, QueueError> {
        let state = self.available()?;
        let parked = state.rows.iter().filter(|(id, row)| **id > after && row.is_parked()).take(most);
        let parked = parked.map(|(id, row)| ParkedRow {
            row: *id,
            status: row.status,
            reason: row.reason.clone(),
            attempts: row.attempts,
            inserted_at: row.inserted_at,
            payload: row.payload.clone(),
        });
        Ok(parked.collect())
    }

    async fn redrive(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.with_parked(rows, |row, _| {
            row.end(RowStatus::Pending, row.due_at);
            row.attempts = 0;
            row.reason = None;
        })
    }

    async fn discard(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.with_parked(rows, Row::done)
    }

    async fn erase(&self, age: Duration) -> Result<u64, QueueError> {
        let mut state = self.available()?;
        let mut erased = 0;
        for id in self.done_before(&state, age) {
            if let Some(row) = state.rows.get_mut(&id).filter(|row| !row.payload.is_empty()) {
                row.payload.clear();
                row.conversation.clear();
                erased += 1;
            }
        }
        Ok(erased)
    }

    async fn purge(&self, retention: Retention) -> Result<u64, QueueError> {
        let mut state = self.available()?;
        let mut purged = 0;
        for id in self.done_before(&state, retention.as_duration()) {
            if let Some(row) = state.rows.remove(&id) {
                if let Some(key) = &row.key {
                    state.taken.remove(key);
                }
                purged += 1;
            }
        }
        Ok(purged)
    }

    async fn listen(&self) -> Result<Box<dyn WakeUps>, QueueError> {
        drop(self.available()?);
        Ok(Box::new(Listener { changes: self.changes.subscribe(), queue: self.clone() }))
    }
}

struct Listener<T> {
    queue: MemoryQueue<T>,
    changes: watch::Receiver<u64>,
}

#[async_trait]
impl<T: QueueItem> WakeUps for Listener<T> {
    async fn next(&mut self) -> Result<(), QueueError> {
        // It holds the queue, so there is always somebody who could wake it.
        let changed = self.changes.changed().await;
        drop(self.queue.available()?);
        changed.map_err(QueueError::new)
    }
}

#[cfg(test)]
mod tests;
