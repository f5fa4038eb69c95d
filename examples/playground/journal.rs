//! The timeline of the page: what the failover decided, in words.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;
use serde::Serialize;
use whatsapp_provider::failover::{FailoverEvent, HealthAspect, HealthState, Observer, Resolution};
use whatsapp_provider::inbound::StatusUpdate;
use whatsapp_provider::simulator::Side;
use whatsapp_provider::{Acceptance, EventKind, Failure, InboundEvent, ProviderId};

/// How many entries are kept.
const KEPT: usize = 60;

/// A clone is the same journal.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    last_id: u64,
    entries: VecDeque<Entry>,
    arrived: u64,
    refused: u64,
}

/// One of them: a send with its attempts, or something else that happened.
#[derive(Clone, Serialize)]
pub(crate) struct Entry {
    id: u64,
    /// Milliseconds since 1970.
    at: u64,
    #[serde(skip)]
    send: Option<String>,
    title: String,
    /// `good`, `bad`, `unsure`, `waiting` or `note`.
    tone: &'static str,
    steps: Vec<Step>,
    /// How it ended, for those who hear it.
    end: String,
}

#[derive(Clone, Serialize)]
struct Step {
    provider: &'static str,
    tone: &'static str,
    text: String,
}

impl Journal {
    /// The entries, the newest first, and how many webhooks' events arrived and how many webhooks were refused.
    pub(crate) fn read(&self) -> (Vec<Entry>, u64, u64) {
        let entries = self.entries();
        (entries.entries.iter().rev().cloned().collect(), entries.arrived, entries.refused)
    }

    pub(crate) fn note(&self, tone: &'static str, title: impl Into<String>) {
        self.entries().add(None, tone, title.into());
    }

    /// An event came by a webhook.
    pub(crate) fn arrived(&self, event: &InboundEvent) {
        let mut entries = self.entries();
        entries.arrived += 1;
        if let EventKind::Message(_) = event.kind() {
            let title = format!("A user's message arrived by {}, verified", name(event.provider()));
            entries.add(None, "note", title);
        }
    }

    /// A status told that a message failed which had been accepted, and that may be sent again.
    pub(crate) fn failed_later(&self, status: &StatusUpdate) {
        let why = status.failures.first().map(|failure| failure.kind.to_string()).unwrap_or_default();
        let title =
            format!("{} told later that a message failed: {why}", name(&status.message.sender.provider));
        self.entries().add(None, "bad", title);
    }

    /// A webhook was not taken.
    pub(crate) fn refused_webhook(&self, side: Side, status: StatusCode) {
        let mut entries = self.entries();
        entries.refused += 1;
        let title = match status {
            StatusCode::UNAUTHORIZED => {
                format!("A webhook in {side:?}'s name was refused with 401: its signature does not hold")
            }
            other => format!("A webhook of {side:?}'s was refused with {}", other.as_u16()),
        };
        entries.add(None, "bad", title);
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn add(&mut self, send: Option<String>, tone: &'static str, title: String) -> Option<&mut Entry> {
        self.last_id += 1;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(at.as_millis()).unwrap_or_default();
        let entry = Entry { id: self.last_id, at, send, title, tone, steps: Vec::new(), end: String::new() };
        self.entries.push_back(entry);
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
        self.entries.back_mut()
    }

    /// The entry of a send, which may be its first event.
    fn of(&mut self, send: &str) -> Option<&mut Entry> {
        let place = self.entries.iter().rposition(|entry| entry.send.as_deref() == Some(send));
        match place {
            Some(place) => self.entries.get_mut(place),
            None => self.add(Some(send.to_owned()), "waiting", "A message is on its way".to_owned()),
        }
    }
}

impl Observer for Journal {
    fn observe(&self, event: &FailoverEvent) {
        let mut entries = self.entries();
        match event {
            FailoverEvent::AttemptStarted { send, provider, trial, .. } => {
                let text = if *trial { "is tried again …" } else { "is asked …" };
                if let Some(entry) = entries.of(&send.to_string()) {
                    entry.steps.push(Step {
                        provider: name(provider),
                        tone: "waiting",
                        text: text.to_owned(),
                    });
                }
            }
            FailoverEvent::AttemptEnded { send, reference, failure, latency, .. } => {
                let Some(entry) = entries.of(&send.to_string()) else { return };
                if let Some(reference) = reference {
                    entry.title = titled(reference);
                }
                if let Some(step) = entry.steps.last_mut() {
                    (step.tone, step.text) = match failure {
                        None => ("good", format!("accepted it in {} ms", latency.as_millis())),
                        Some(failure) => (tone(failure), because(failure)),
                    };
                }
            }
            FailoverEvent::Finished { send, provider, reference, failure, attempts, .. } => {
                let Some(entry) = entries.of(&send.to_string()) else { return };
                if let Some(reference) = reference {
                    entry.title = titled(reference);
                }
                (entry.tone, entry.end) = match (provider, failure) {
                    (Some(provider), _) if *attempts > 1 => {
                        ("good", format!("Sent by {}, after {attempts} attempts.", name(provider)))
                    }
                    (Some(provider), _) => ("good", format!("Sent by {}.", name(provider))),
                    (None, Some(failure)) if failure.acceptance == Acceptance::Unknown => {
                        ("unsure", "It may have been delivered, so it is not sent a second time.".to_owned())
                    }
                    (None, Some(failure)) => ("bad", format!("Not sent: {}.", failure.kind)),
                    (None, None) => ("bad", "Not sent.".to_owned()),
                };
            }
            FailoverEvent::Unknown { provider, resolution: Resolution::Found, .. } => {
                let title = format!("A lost answer was found: {} has the message", name(provider));
                entries.add(None, "good", title);
            }
            FailoverEvent::HealthChanged { provider, aspect, from, to, .. } => {
                let what = match aspect {
                    HealthAspect::Account => "account",
                    _ => "API",
                };
                let (tone, how) = match (from, to) {
                    (_, HealthState::Closed) => ("good", "is well again"),
                    (_, HealthState::HalfOpen) => {
                        ("note", "gets one message, to see whether it is well again")
                    }
                    _ => ("bad", "is left alone for a while: its circuit is open"),
                };
                entries.add(None, tone, format!("{}'s {what} {how}", name(provider)));
            }
            FailoverEvent::Switched { switch, .. } => {
                let title = format!("Messages go by {} now, not by {}", name(&switch.to), name(&switch.from));
                entries.add(None, "note", title);
            }
            FailoverEvent::Paused { provider, wait, .. } => {
                let title = format!("{} throttles: messages wait {} s there", name(provider), wait.as_secs());
                entries.add(None, "bad", title);
            }
            FailoverEvent::NeedsAttention { provider, .. } => {
                entries.add(
                    None,
                    "bad",
                    format!("Somebody should look at the account at {}", name(provider)),
                );
            }
            _ => {}
        }
    }
}

fn titled(reference: &str) -> String {
    let mut letters = reference.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn name(provider: &ProviderId) -> &'static str {
    if *provider == ProviderId::META { "Meta" } else { "Twilio" }
}

fn tone(failure: &Failure) -> &'static str {
    if failure.acceptance == Acceptance::Unknown { "unsure" } else { "bad" }
}

/// Why an attempt failed, and what it means for the next one.
fn because(failure: &Failure) -> String {
    let code = failure.code.map(|code| format!(" (code {code})")).unwrap_or_default();
    let meaning = match failure.acceptance {
        Acceptance::Unknown => "it may have the message",
        _ => "it certainly does not have the message",
    };
    format!("{}{code}; {meaning}", failure.kind)
}
