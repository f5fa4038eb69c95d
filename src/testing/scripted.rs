use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::memory::{MemoryProvider, Sent};
use super::script::{Answer, Step, Then};
use crate::clock::{Clock, Timestamp, timeout};
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind, Failure, Result};
use crate::ids::{AttemptId, MessageRef, ProviderId};
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{WhatsAppProvider, forward_provider, send_alternatives};

/// A provider in memory whose answers are written down beforehand, and which writes down what it was asked: for tests of
/// what sends messages and of what wraps providers. A clone is the same provider.
///
/// It is a script in front of a [`MemoryProvider`], the simple inbox, which has no time and of which everything here is a
/// case: who needs neither time nor lost answers takes that. What is accepted is in [that one](Self::memory), and all that
/// is not sending is done by it.
///
/// A message that `check` refuses is refused before the script is looked at, and is not written down.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use whatsapp_provider::testing::TestClock;
/// use whatsapp_provider::testing::{ScriptedProvider, Step};
/// use whatsapp_provider::{Acceptance, PhoneNumber, WhatsAppProviderExt};
///
/// let clock = TestClock::new();
/// let provider = ScriptedProvider::new("meta".parse()?, Arc::new(clock.clone()));
/// provider.then(Step::lose_answer().answering_after(Duration::from_secs(3)));
/// provider.from_now_on(Step::no_connection());
///
/// let to = PhoneNumber::parse("+15551234567")?;
/// clock.block_on(async {
///     let lost = provider.send_text(to, "hello").await.unwrap_err();
///     assert_eq!(lost.acceptance(), Acceptance::Unknown);
///     provider.send_text(to, "anybody there?").await.unwrap_err();
/// });
/// assert_eq!(provider.asked().len(), 2);
/// assert_eq!(provider.delivered().len(), 1, "exactly once, whatever was answered");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ScriptedProvider {
    memory: MemoryProvider,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

struct State {
    script: VecDeque<Step>,
    /// For the attempts that the script says nothing about.
    rule: Step,
    asked: Vec<Asked>,
}

/// An attempt that a [`ScriptedProvider`] was asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Asked {
    /// The message.
    pub message: OutboundMessage,
    /// The attempt.
    pub attempt: AttemptId,
    /// When it began.
    pub at: Timestamp,
    /// What the message is called at the user's, who got it, whatever was answered. `None` if nobody got it (yet).
    pub delivered: Option<MessageRef>,
    /// What was answered: nothing as long as somebody waits, and never if nobody waited until the end.
    pub answer: Option<Result<(), Failure>>,
}

impl ScriptedProvider {
    /// A provider that accepts everything at once until it is told otherwise, with one sender called `memory`, and with the
    /// time of `clock`.
    pub fn new(id: ProviderId, clock: Arc<dyn Clock>) -> Self {
        Self::before(MemoryProvider::new(id), clock)
    }

    /// The same in front of a provider that has a name for its sender, refuses some contents, or is asked by others.
    pub fn before(memory: MemoryProvider, clock: Arc<dyn Clock>) -> Self {
        let state = State { script: VecDeque::new(), rule: Step::accept(), asked: Vec::new() };
        Self { memory, clock, state: Arc::new(Mutex::new(state)) }
    }

    /// What becomes of the next attempt about which nothing was said yet. Several calls are used up in order.
    pub fn then(&self, step: Step) -> &Self {
        self.state().script.push_back(step);
        self
    }

    /// What becomes of every attempt from now on, once the steps that were given [one by one](Self::then) are used up.
    pub fn from_now_on(&self, step: Step) -> &Self {
        self.state().rule = step;
        self
    }

    /// Every attempt, in the order in which they began.
    pub fn asked(&self) -> Vec<Asked> {
        let mut asked = self.state().asked.clone();
        let sent = self.memory.sent();
        for asked in &mut asked {
            let delivered = sent.iter().find(|sent| sent.attempt == asked.attempt);
            asked.delivered = delivered.map(|sent| sent.id.clone());
        }
        asked
    }

    /// The messages that users got, in order.
    pub fn delivered(&self) -> Vec<Sent> {
        self.memory.sent()
    }

    /// The provider that the script stands in front of: its inbox, its webhooks, its probes.
    pub fn memory(&self) -> &MemoryProvider {
        &self.memory
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the attempt's step, and writes the attempt down; says where.
    fn begin(&self, message: &OutboundMessage, attempt: AttemptId) -> (Step, usize) {
        let at = self.clock.now();
        let mut state = self.state();
        let step = state.script.pop_front().unwrap_or_else(|| state.rule.clone());
        state.asked.push(Asked { message: message.clone(), attempt, at, delivered: None, answer: None });
        (step, state.asked.len() - 1)
    }

    async fn attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        self.memory.check(message)?;
        let (step, place) = self.begin(message, attempt.id);
        let acting = self.act(step, message, attempt);
        let result = match attempt.deadline {
            None => acting.await,
            Some(limit) => timeout(&*self.clock, limit, acting).await.unwrap_or_else(|| {
                // What has not left by now must not leave later.
                Err(if attempt.departure.revoke() { given_up() } else { no_answer() })
            }),
        };
        let answer = result.as_ref().map(drop).map_err(Failure::from);
        if let Some(asked) = self.state().asked.get_mut(place) {
            asked.answer = Some(answer);
        }
        result
    }

    async fn act(&self, step: Step, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.wait(step.leaves_after).await;
        let (delivered, answer) = match step.then {
            Then::Stay(failure) => return Err(failure.into()),
            Then::Leave { delivered, answer } => (delivered, answer),
        };
        let receipt = if delivered {
            // It marks the departure as well.
            self.memory.send_attempt(message, attempt).await?
        } else if attempt.departure.depart() {
            SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.memory.id().clone()))
        } else {
            return Err(given_up());
        };
        self.wait(step.answers_after).await;
        match answer {
            Answer::Receipt => Ok(receipt),
            Answer::Error(failure) => Err(failure.into()),
            Answer::Never => std::future::pending().await,
        }
    }

    async fn wait(&self, duration: Duration) {
        // Not even a timer of no time: a script without times runs on any executor.
        if !duration.is_zero() {
            self.clock.sleep(duration).await;
        }
    }
}

fn given_up() -> Error {
    Error::new(ErrorKind::Expired, Acceptance::NotAccepted)
}

fn no_answer() -> Error {
    Error::new(ErrorKind::NoAnswer, Acceptance::Unknown)
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("ScriptedProvider")
            .field("memory", &self.memory)
            .field("steps", &state.script.len())
            .field("asked", &state.asked.len())
            .finish_non_exhaustive()
    }
}

forward_provider!([] ScriptedProvider, ScriptedProvider::memory, {
    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        let id = self.memory.id();
        self.attempt(message, attempt).await.map_err(|error| error.with_provider(id.clone()))
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        send_alternatives(self, message, Some(&*self.clock)).await
    }

    async fn record(&self, events: &[crate::InboundEvent]) {
        self.memory.record(events).await;
    }
});

#[cfg(test)]
mod tests;
