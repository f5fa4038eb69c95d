use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;

use super::AT_ONCE;
use crate::state::{Expected, PutOutcome, StateError, StateStore};

const OPEN: &[u8] = b"open";
const DONE: &[u8] = b"done";

/// How long a claim holds whose owner died.
const CLAIMED: Duration = Duration::from_secs(60);

/// The notes of a sink in a store.
pub(super) struct Ledger {
    store: Arc<dyn StateStore>,
    remembered: Duration,
    /// Claims whose future was dropped, and what is to become of them. Without this they would stand in the way for 60
    /// seconds, in which Twilio posts again for the last time.
    left: Mutex<Vec<(Claim, End)>>,
}

/// A claim that was written under this version.
pub(super) struct Claim {
    pub(super) key: String,
    pub(super) version: u64,
}

/// What comes of asking for a claim.
pub(super) enum Claimed {
    /// It is ours, under this version.
    Now(u64),
    /// Somebody else's is there.
    Before,
    /// The event was taken.
    Done,
}

/// What becomes of a claim.
#[derive(Clone, Copy)]
pub(super) enum End {
    Done,
    GivenBack,
}

impl Ledger {
    pub(super) fn new(store: Arc<dyn StateStore>, remembered: Duration) -> Self {
        Self { store, remembered, left: Mutex::default() }
    }

    pub(super) fn remember_for(&mut self, time: Duration) {
        self.remembered = time;
    }

    pub(super) async fn claim(&self, key: &str) -> Result<Claimed, StateError> {
        let put = self.store.put_if(key, Expected::Absent, Bytes::from_static(OPEN), Some(CLAIMED)).await?;
        Ok(match put {
            PutOutcome::Stored { version } => Claimed::Now(version),
            PutOutcome::Conflict { current: Some(current) } if *current.value == *DONE => Claimed::Done,
            PutOutcome::Conflict { .. } => Claimed::Before,
        })
    }

    /// Ends what futures left that were dropped.
    pub(super) async fn settle(&self) {
        let claims = std::mem::take(&mut *self.left());
        Held { ledger: self, claims }.settle().await;
    }

    pub(super) fn hold(&self) -> Held<'_> {
        Held { ledger: self, claims: Vec::new() }
    }

    /// If the store fails here, the claim ends by itself in at most 60 seconds: nothing is lost, though the event may
    /// come twice if it was taken.
    async fn end(&self, Claim { key, version }: &Claim, end: End) {
        let _ = match end {
            End::Done => {
                let (expected, value) = (Expected::Version(*version), Bytes::from_static(DONE));
                self.store.put_if(key, expected, value, Some(self.remembered)).await.map(drop)
            }
            End::GivenBack => self.store.delete_if(key, *version).await.map(drop),
        };
    }

    fn left(&self) -> MutexGuard<'_, Vec<(Claim, End)>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Claims that are ours. Those that have not come to their end when this is dropped are left to the next delivery.
pub(super) struct Held<'l> {
    ledger: &'l Ledger,
    claims: Vec<(Claim, End)>,
}

impl Held<'_> {
    pub(super) fn add(&mut self, claim: Claim) {
        self.claims.push((claim, End::GivenBack));
    }

    /// Brings them all to this end.
    pub(super) async fn end(mut self, end: End) {
        self.claims.iter_mut().for_each(|(_, theirs)| *theirs = end);
        self.settle().await;
    }

    async fn settle(mut self) {
        while !self.claims.is_empty() {
            let some = self.claims.len().min(AT_ONCE);
            // They are let go only afterwards: to end a claim once more does no harm.
            let ends = self.claims.iter().take(some).map(|(claim, end)| self.ledger.end(claim, *end));
            each(ends, drop).await;
            self.claims.drain(..some);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.claims.is_empty() {
            self.ledger.left().append(&mut self.claims);
        }
    }
}

/// Drives several futures at once, and hands over the output of each as soon as it is there.
pub(super) async fn each<F: Future>(futures: impl Iterator<Item = F>, mut done: impl FnMut(F::Output)) {
    let mut running: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    poll_fn(|cx| {
        running.retain_mut(|future| match future.as_mut().poll(cx) {
            Poll::Ready(output) => {
                done(output);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
