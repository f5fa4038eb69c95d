use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

mod ledger;

use self::ledger::{Claim, Claimed, End, Ledger, each};
use super::{EventSink, SinkError};
use crate::hex::hex;
use crate::inbound::InboundEvent;
use crate::state::StateStore;

/// Longer than Meta goes on posting again (7 days).
const REMEMBERED: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// How many keys of the store are asked for at once: a webhook may bring 1,000 events.
const AT_ONCE: usize = 16;

/// Makes a sink idempotent that is not, by a note in a [`StateStore`] of every event that it took.
///
/// Before the sink is given an event, a claim of it is written; after the sink took it, the claim becomes `done`, and an
/// event that is `done` is left out when it comes again. While one delivery of an event is in work, another one of the
/// same event is refused, and the provider posts it again. Events whose id is only
/// [derived](crate::inbound::EventId::is_derived) are always let through.
///
/// ```
/// # use std::sync::Arc;
/// # use whatsapp_provider::{EventSink, sink::Dedup, state::StateStore};
/// # fn sink(log: impl EventSink, store: Arc<dyn StateStore>) -> impl EventSink {
/// Dedup::new("log", log, store)
/// # }
/// ```
///
/// # What it does not guarantee
///
/// Taking an event and noting it are two steps, so an event may come **twice**, though never not at all:
///
/// * if the process dies after the sink took it and before it is noted: the claim ends after 60 seconds, and the next
///   delivery is let through;
/// * if the future is dropped (the handler's `sink_time` ran out) while the sink was at it, and it had taken them after
///   all;
/// * if the store cannot be reached at the moment of the note, or loses it;
/// * if the sink takes longer than 60 seconds.
///
/// What a dropped future had claimed is given back by the next delivery to the same `Dedup`; to other processes, and
/// where the store had not yet answered, the claim stands for up to 60 seconds, and what comes again in that time is
/// refused. A sink that can keep the ids with the events, in one transaction, does better.
///
/// # The store
///
/// Two round trips for each event, 16 at a time. The keys are hashes, because Meta's ids contain phone numbers. Where
/// several machines take webhooks, the store must be a [shared](StateStore::is_shared) one.
///
/// A [`MemoryStore`](crate::state::MemoryStore) has room for 100,000 keys unless told otherwise, and when it is full
/// no event is taken: give it room for the events of 8 days (or of [`remember_for`](Self::remember_for)), of which
/// every message that is sent makes three or four.
pub struct Dedup<S> {
    name: String,
    sink: S,
    ledger: Ledger,
}

impl<S: EventSink> Dedup<S> {
    /// Notes in `store` what `sink` took. The name tells this sink's notes from those of others in the same store: two
    /// sinks with one name would take each other's events for their own. It must stay the same for ever.
    pub fn new(name: impl Into<String>, sink: S, store: Arc<dyn StateStore>) -> Self {
        Self { name: name.into(), sink, ledger: Ledger::new(store, REMEMBERED) }
    }

    /// How long an event that was taken is known. Default 8 days: Meta posts again for up to 7.
    #[must_use]
    pub fn remember_for(mut self, time: Duration) -> Self {
        self.ledger.remember_for(time);
        self
    }

    fn key(&self, event: &InboundEvent) -> String {
        let mut hash = Sha256::new();
        // A name may be any text and an id too, so the length tells where the name ends. A provider has no `/`.
        hash.update(self.name.len().to_be_bytes());
        for part in [&*self.name, event.provider().as_str(), "/", event.id().as_str()] {
            hash.update(part);
        }
        format!("event/{}", hex(&hash.finalize()))
    }
}

/// Another delivery of an event is in work.
#[derive(Debug, thiserror::Error)]
#[error("another delivery of an event is in work")]
struct InWork;

#[async_trait]
impl<S: EventSink> EventSink for Dedup<S> {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        self.ledger.settle().await;
        // The places of the events that the sink is given.
        let mut fresh = Vec::with_capacity(events.len());
        let mut asked = Vec::with_capacity(events.len());
        let mut keys = HashSet::new();
        for (place, event) in events.iter().enumerate() {
            if event.id().is_derived() {
                fresh.push(place);
                continue;
            }
            let key = self.key(event);
            // An event that is in the webhook twice is claimed once.
            if keys.insert(key.clone()) {
                asked.push((place, key));
            }
        }
        let mut held = self.ledger.hold();
        for chunk in asked.chunks(AT_ONCE) {
            let mut refusal = None;
            let claims =
                chunk.iter().map(|(place, key)| async move { (*place, key, self.ledger.claim(key).await) });
            each(claims, |(place, key, claimed)| match claimed {
                Ok(Claimed::Now(version)) => {
                    held.add(Claim { key: key.clone(), version });
                    fresh.push(place);
                }
                Ok(Claimed::Done) => {}
                Ok(Claimed::Before) => refusal = Some(SinkError::unavailable(InWork)),
                Err(error) => refusal = Some(SinkError::unavailable(error)),
            })
            .await;
            if let Some(refusal) = refusal {
                held.end(End::GivenBack).await;
                return Err(refusal);
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        fresh.sort_unstable();
        let given: Vec<_> = fresh.iter().filter_map(|place| events.get(*place).cloned()).collect();
        let taken = self.sink.accept(&given).await;
        held.end(if taken.is_ok() { End::Done } else { End::GivenBack }).await;
        taken.map_err(|error| error.at(&fresh))
    }
}

impl<S: fmt::Debug> fmt::Debug for Dedup<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedup").field("name", &self.name).field("sink", &self.sink).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
