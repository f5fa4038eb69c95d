//! What is known of one copy of a message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{Answer, EntryId, EntryState, LedgerEntry, StateTime};
use crate::clock::Timestamp;
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind, Failure};
use crate::hex::hex;
use crate::ids::{AttemptId, MessageRef};
use crate::inbound::{DeliveryState, EventKind, InboundEvent};
use crate::outbound::SendReceipt;

/// One copy of a message: what one attempt sent, and what its statuses told. It is stored under each of its names, the
/// same under all of them.
///
/// [`merge`](Self::merge) gives the same whatever came first and however often.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Fact {
    pub(super) names: BTreeSet<String>,
    pub(super) answer: Option<Answer>,
    pub(super) times: BTreeMap<String, Timestamp>,
    pub(super) failures: Vec<Failure>,
    /// Whether a status told of a failure without proof.
    pub(super) unproved: bool,
    /// Whether a status told that it was billed as marketing.
    pub(super) marketing: bool,
}

pub(super) fn attempt_name(attempt: AttemptId) -> String {
    format!("attempt/{attempt}")
}

/// Hashed, because Meta's ids have the user's number in them, and any text must fit into a key.
pub(super) fn message_name(message: &MessageRef) -> String {
    let MessageRef { sender, id } = message;
    format!("message/{}", digest(&[sender.provider.as_str(), &sender.id, id]))
}

/// One digest for all parts, wherever they are divided.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

impl Fact {
    pub(super) fn named(name: String) -> Self {
        Self { names: BTreeSet::from([name]), ..Self::default() }
    }

    /// What a status tells. `None` if the event is none, or about the message of another application.
    pub(super) fn of_event(event: &InboundEvent) -> Option<Self> {
        let EventKind::Status(status) = event.kind() else { return None };
        if status.standby {
            return None;
        }
        let mut fact = Self::named(message_name(&status.message));
        fact.names.extend(status.attempt.map(attempt_name));
        let at = event.occurred_at().unwrap_or_else(|| event.received_at());
        fact.times.insert(status.state.as_str().to_owned(), at);
        for failure in &status.failures {
            fact.keep(failure.without_words());
        }
        // In a group it failed for one of them.
        let proved =
            status.participant.is_none() && status.failures.first().is_some_and(|f| f.proves_undelivered);
        fact.unproved = status.state == DeliveryState::Failed && !proved;
        fact.marketing = status.billed_as_marketing();
        Some(fact)
    }

    /// What an error tells of the attempts that were made. If there may be a copy of which nothing is told, it is one that
    /// never arrives nor fails; where a store has failed, it is an earlier call's, which tells itself.
    pub(super) fn of_error(id: EntryId, error: &Error) -> Vec<Self> {
        let nameless = error.attempts().is_empty()
            && error.acceptance() == Acceptance::Unknown
            && !matches!(error.kind(), ErrorKind::Duplicate | ErrorKind::StoreUnavailable);
        let nameless =
            nameless.then(|| Self { answer: Some(Answer::Unknown), ..Self::named(format!("entry/{id}")) });
        error.attempts().iter().map(Self::of_attempt).chain(nameless).collect()
    }

    /// What a receipt tells of the attempts that were made. The last one is the message's.
    pub(super) fn of_receipt(receipt: &SendReceipt) -> Vec<Self> {
        let mut facts: Vec<_> = receipt.attempts.iter().map(Self::of_attempt).collect();
        if let Some(message) = &receipt.message {
            let mut accepted = facts.pop().unwrap_or_default();
            accepted.names.insert(message_name(message));
            facts.push(accepted);
        }
        if let Some(accepted) = facts.last_mut() {
            accepted.answer = Some(Answer::Accepted);
        }
        facts
    }

    fn of_attempt(attempt: &AttemptReport) -> Self {
        let answer = match &attempt.failure {
            None => Answer::Accepted,
            Some(failure) => failure.acceptance.into(),
        };
        Self { answer: Some(answer), ..Self::named(attempt_name(attempt.id)) }
    }

    fn keep(&mut self, failure: Failure) {
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.names.extend(other.names);
        self.answer = self.answer.max(other.answer);
        for (state, at) in other.times {
            let known = self.times.entry(state).or_insert(at);
            *known = at.min(*known);
        }
        for failure in other.failures {
            self.keep(failure);
        }
        self.unproved |= other.unproved;
        self.marketing |= other.marketing;
    }

    /// Merges those that have a name in common.
    pub(super) fn by_copy(facts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut copies: Vec<Self> = Vec::new();
        for mut fact in facts {
            let (same, others) = copies.into_iter().partition(|copy| !copy.names.is_disjoint(&fact.names));
            copies = others;
            for copy in same {
                fact.merge(copy);
            }
            copies.push(fact);
        }
        copies
    }

    /// How far this copy is. `None` if there is none: the attempt was refused.
    fn state(&self) -> Option<EntryState> {
        let accepted = (self.answer == Some(Answer::Accepted)).then_some(DeliveryState::Accepted);
        let told = self.times.keys().map(|name| DeliveryState::from_name(name));
        match accepted.into_iter().chain(told).reduce(DeliveryState::advance) {
            Some(state) => Some(EntryState::Sent(state)),
            None if self.answer == Some(Answer::Unknown) => Some(EntryState::InDoubt),
            None => None,
        }
    }
}

impl From<Acceptance> for Answer {
    fn from(acceptance: Acceptance) -> Self {
        match acceptance {
            Acceptance::NotAccepted => Self::Refused,
            Acceptance::Unknown => Self::Unknown,
        }
    }
}

impl LedgerEntry {
    /// Says what became of the message, by all its copies. One that arrived settles it; without one, a copy that may
    /// still arrive keeps it open, whatever others have failed.
    pub(super) fn conclude(&mut self, copies: &[Fact]) {
        let has_failed = |state: &EntryState| {
            matches!(state, EntryState::Sent(DeliveryState::Failed | DeliveryState::Canceled))
        };
        let states = || copies.iter().filter_map(Fact::state);
        let furthest = |states: &mut dyn Iterator<Item = EntryState>| {
            states.reduce(|one, other| match (one, other) {
                (EntryState::Sent(one), EntryState::Sent(other)) => EntryState::Sent(one.advance(other)),
                (EntryState::Sent(sent), _) | (_, EntryState::Sent(sent)) => EntryState::Sent(sent),
                (one, _) => one,
            })
        };
        let open = furthest(&mut states().filter(|state| !has_failed(state)));
        let failed = furthest(&mut states().filter(has_failed));
        self.proved_undelivered = self.untold == 0
            && open.is_none()
            && failed == Some(EntryState::Sent(DeliveryState::Failed))
            && copies.iter().all(|copy| !copy.unproved && !copy.times.contains_key("canceled"));
        self.state = open.or(failed).unwrap_or(match self.answer {
            None => EntryState::Recorded,
            Some(Answer::Refused) => EntryState::Refused,
            Some(Answer::Unknown) => EntryState::InDoubt,
            Some(Answer::Accepted) => EntryState::Sent(DeliveryState::Accepted),
        });
        let mut all = Fact::default();
        copies.iter().for_each(|copy| all.merge(copy.clone()));
        let time =
            |(name, at): (&String, &Timestamp)| StateTime { state: DeliveryState::from_name(name), at: *at };
        self.times = all.times.iter().map(time).collect();
        self.times.sort_by_key(|time| time.at);
        self.failures = all.failures;
        if all.marketing {
            self.message = None;
        }
    }
}
