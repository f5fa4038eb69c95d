//! The claim of a call of `send` on its idempotency key: written before each attempt, so that whoever comes later, on
//! whatever machine, knows what may have been sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::record::{Outcome, Record, State, Try};
use crate::clock::{Clock, timeout};
use crate::hex::hex;
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::SendReceipt;
use crate::state::{Expected, PutOutcome, StateError, StateStore, Versioned};

/// A claim that is held, or not yet.
pub(super) struct Claim {
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    /// How long the store may take, each time that it is asked.
    limit: Duration,
    remember: Duration,
    key: String,
    /// Makes what this call writes unlike what any other call writes.
    by: AttemptId,
    /// What is there, as far as this call knows.
    expected: Expected,
    /// Whether what is there is this call's own.
    held: bool,
    /// What may be there instead: it was written, and the store did not say whether it was.
    perhaps: Option<Bytes>,
    tries: Vec<Try>,
}

/// How writing a claim ended.
pub(super) enum Put {
    /// It is written.
    Held,
    /// Something else is there, or nothing is where something was.
    Taken(Option<Versioned>),
    /// Nobody knows whether it is written.
    Unwritten(StateError),
}

/// The store did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("the store took too long")]
struct TooSlow;

/// There is a record that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the record of the idempotency key cannot be read; a newer version may have written it")]
struct Unreadable;

impl Claim {
    pub(super) fn new(
        store: Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        (limit, remember): (Duration, Duration),
        key: &str,
    ) -> Self {
        let by = AttemptId::new(&*clock);
        Self {
            store,
            clock,
            limit,
            remember,
            // Keys hold event ids and order numbers, and with them the numbers of users.
            key: format!("try/{}", hex(&Sha256::digest(key))),
            by,
            expected: Expected::Absent,
            held: false,
            perhaps: None,
            tries: Vec::new(),
        }
    }

    /// What earlier calls have left. To ask twice does no harm.
    pub(super) async fn read(&mut self) -> Result<Option<State>, StateError> {
        let current = match self.current().await {
            Ok(current) => current,
            Err(_) => self.current().await?,
        };
        let Some(current) = current else { return Ok(None) };
        self.expected = Expected::Version(current.version);
        read(&current).map(Some)
    }

    /// Goes on after these tries, of which nobody knows what became of them.
    pub(super) fn inherit(&mut self, mut tries: Vec<Try>) {
        for earlier in &mut tries {
            earlier.outcome = Outcome::Unknown;
        }
        self.tries = tries;
    }

    /// Whether an earlier call may have sent the message by this member.
    pub(super) fn may_be_at(&self, member: &ProviderId) -> bool {
        self.tries.iter().any(|earlier| earlier.member == *member && earlier.outcome != Outcome::Refused)
    }

    /// Claims one try, for as long as `busy`.
    pub(super) async fn open(&mut self, next: Try, busy: Duration) -> Put {
        self.tries.push(next);
        let until = self.clock.now().saturating_add(busy);
        let state = State::Open { until, tries: self.tries.clone() };
        // What is open must not be forgotten while it is.
        let put = self.put(state, self.remember.max(busy)).await;
        if !matches!(put, Put::Held) {
            self.withdraw();
        }
        put
    }

    /// Takes back a try that was claimed and has not begun.
    pub(super) fn withdraw(&mut self) {
        self.tries.pop();
    }

    /// Takes down that the last try was certainly not accepted.
    pub(super) fn refused(&mut self) {
        if let Some(last) = self.tries.last_mut() {
            last.outcome = Outcome::Refused;
        }
    }

    /// Takes down that nobody knows what became of the last try, and under which id it may be found.
    pub(super) fn unknown(&mut self, attempt: AttemptId, several: bool) {
        if let Some(last) = self.tries.last_mut() {
            (last.attempt, last.several, last.outcome) = (attempt, several, Outcome::Unknown);
        }
    }

    /// Writes that the message was accepted. If that does not succeed the claim stays as it is, and is of an unknown
    /// outcome once its time is over: nothing is sent again because of it.
    pub(super) async fn sent(&mut self, receipt: &SendReceipt) {
        let state = State::Sent { receipt: Box::new(receipt.clone()) };
        let _ = self.put(state, self.remember).await;
    }

    /// The call is over and the message was not accepted, as far as it knows. If that is certain the next call begins
    /// afresh.
    pub(super) async fn settle(&mut self) {
        if let Some(perhaps) = self.perhaps.take() {
            let Ok(Some(current)) = self.current().await else { return };
            if current.value == perhaps {
                (self.expected, self.held) = (Expected::Version(current.version), true);
            }
        }
        if !self.held {
            return;
        }
        if self.tries.iter().any(|attempt| attempt.outcome != Outcome::Refused) {
            let _ = self.put(State::Unknown { tries: self.tries.clone() }, self.remember).await;
        } else if let Expected::Version(version) = self.expected {
            let delete = || timeout(&*self.clock, self.limit, self.store.delete_if(&self.key, version));
            if !matches!(delete().await, Some(Ok(_))) {
                let _ = delete().await;
            }
        }
    }

    /// Writes a record over what this call knows to be there.
    async fn put(&mut self, state: State, ttl: Duration) -> Put {
        let value = match serde_json::to_vec(&Record::new(self.by, state)) {
            Ok(json) => Bytes::from(json),
            Err(error) => return Put::Unwritten(StateError::new(error)),
        };
        let mut failed = None;
        for _ in 0..2 {
            let put = self.store.put_if(&self.key, self.expected, value.clone(), Some(ttl));
            match timeout(&*self.clock, self.limit, put).await {
                Some(Ok(PutOutcome::Stored { version })) => return self.hold(version),
                // It was written the first time, and only the answer was lost.
                Some(Ok(PutOutcome::Conflict { current: Some(current) })) if current.value == value => {
                    return self.hold(current.version);
                }
                Some(Ok(PutOutcome::Conflict { current })) => {
                    self.held = false;
                    return Put::Taken(current);
                }
                Some(Err(error)) => failed = Some(error),
                None => failed = Some(StateError::new(TooSlow)),
            }
        }
        self.perhaps = Some(value);
        Put::Unwritten(failed.unwrap_or_else(|| StateError::new(TooSlow)))
    }

    fn hold(&mut self, version: u64) -> Put {
        (self.expected, self.held) = (Expected::Version(version), true);
        Put::Held
    }

    async fn current(&self) -> Result<Option<Versioned>, StateError> {
        match timeout(&*self.clock, self.limit, self.store.get(&[&self.key])).await {
            Some(values) => Ok(values?.pop().flatten()),
            None => Err(StateError::new(TooSlow)),
        }
    }
}

/// What a record says.
pub(super) fn read(current: &Versioned) -> Result<State, StateError> {
    let record: Result<Record, _> = serde_json::from_slice(&current.value);
    // What serde says would repeat what it read.
    record.map(|record| record.state).map_err(|_| StateError::new(Unreadable))
}
