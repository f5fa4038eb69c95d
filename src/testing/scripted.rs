use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::MemoryProvider;
use crate::clock::{Clock, Timestamp};
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind, Failure, Result};
use crate::ids::{AttemptId, MessageRef, ProviderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, ContentKind, OutboundMessage, SendReceipt};
use crate::provider::{WhatsAppProvider, forward_provider, send_alternatives};

/// A provider whose answers are written down beforehand, for tests of what stands before a provider. A clone is the same
/// provider.
///
/// It takes time, loses answers and hangs, where a [`MemoryProvider`] answers at once. In everything else it is one:
/// its webhooks are the same.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use whatsapp_provider::testing::{ScriptedProvider, Step, TestClock};
/// use whatsapp_provider::{Acceptance, PhoneNumber, WhatsAppProviderExt};
///
/// let clock = TestClock::new();
/// let provider = ScriptedProvider::new("meta".parse()?, Arc::new(clock.clone()));
/// provider.then(Step::accept_and_lose().after(Duration::from_secs(2)));
///
/// let to = PhoneNumber::parse("+15551234567")?;
/// let error = clock.block_on(provider.send_text(to, "hello")).unwrap_err();
/// assert_eq!(error.acceptance(), Acceptance::Unknown);
/// assert_eq!(provider.delivered().len(), 1, "the user has it all the same");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ScriptedProvider {
    /// For all that is not sending.
    memory: MemoryProvider,
    clock: Arc<dyn Clock>,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    next: VecDeque<Step>,
    always: Option<Step>,
    asked: Vec<Asked>,
}

/// What happens to one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    takes: Duration,
    end: End,
}

#[derive(Debug, Clone, PartialEq)]
enum End {
    Accept,
    AcceptAndLose,
    Fail(Failure),
    NeverConnect,
    Hang { accepts: bool },
}

impl Step {
    const fn new(end: End) -> Self {
        Self { takes: Duration::ZERO, end }
    }

    /// The message is accepted.
    pub const fn accept() -> Self {
        Self::new(End::Accept)
    }

    /// The message is accepted, and the answer is lost: [`NoAnswer`](ErrorKind::NoAnswer), acceptance unknown.
    pub const fn accept_and_lose() -> Self {
        Self::new(End::AcceptAndLose)
    }

    /// The provider answers with an error, after the message has left. If the error's acceptance is unknown, the message is
    /// not delivered all the same.
    pub fn fail(error: &Error) -> Self {
        Self::new(End::Fail(error.into()))
    }

    /// There is no connection: nothing leaves, and the provider is [`Unavailable`](ErrorKind::Unavailable).
    pub const fn never_connect() -> Self {
        Self::new(End::NeverConnect)
    }

    /// The message leaves, nothing comes back until the attempt's deadline, and the message is not accepted. Without a
    /// deadline it never ends.
    pub const fn hang() -> Self {
        Self::new(End::Hang { accepts: false })
    }

    /// The same, and the message is accepted.
    pub const fn accept_and_hang() -> Self {
        Self::new(End::Hang { accepts: true })
    }

    /// The same, so long after the call; what hangs, so long after the call at the earliest. An attempt whose deadline is
    /// earlier ends then, without an answer.
    #[must_use]
    pub const fn after(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }
}

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Asked {
    /// The message.
    pub message: OutboundMessage,
    /// The attempt.
    pub attempt: AttemptId,
    /// When it was made.
    pub at: Timestamp,
    /// What the message was called, if it was accepted, whether or not anybody was told.
    pub delivered: Option<MessageRef>,
}

impl ScriptedProvider {
    /// A provider that accepts everything at once, with one sender called `memory`.
    pub fn new(id: ProviderId, clock: Arc<dyn Clock>) -> Self {
        Self { memory: MemoryProvider::new(id), clock, script: Arc::default() }
    }

    /// Gives its sender another name.
    #[must_use]
    pub fn with_sender(mut self, id: impl Into<String>) -> Self {
        self.memory = self.memory.with_sender(id);
        self
    }

    /// Says which API it sends to.
    #[must_use]
    pub fn with_api(mut self, api: impl Into<String>) -> Self {
        self.memory = self.memory.with_api(api);
        self
    }

    /// Lets it refuse a kind of content.
    #[must_use]
    pub fn without(mut self, kind: ContentKind) -> Self {
        self.memory = self.memory.without(kind);
        self
    }

    /// Says what happens to the next attempt. Several calls are used up in order, before what
    /// [`always`](Self::always) says.
    pub fn then(&self, step: Step) -> &Self {
        self.script().next.push_back(step);
        self
    }

    /// Says what happens to every attempt from now on; `None` accepts them at once.
    pub fn always(&self, step: Option<Step>) {
        self.script().always = step;
    }

    /// Every attempt that got so far, in order. One that was refused by [`check`](WhatsAppProvider::check) did not.
    pub fn asked(&self) -> Vec<Asked> {
        self.script().asked.clone()
    }

    /// The messages that were accepted, in order, whether or not anybody was told.
    pub fn delivered(&self) -> Vec<OutboundMessage> {
        let delivered = |asked: &Asked| asked.delivered.as_ref().map(|_| asked.message.clone());
        self.script().asked.iter().filter_map(delivered).collect()
    }

    /// The provider in memory that it is beside its script: for its webhooks and its probes. What is sent does not come
    /// there.
    pub fn memory(&self) -> &MemoryProvider {
        &self.memory
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next step, and the place of the attempt.
    fn begin(&self, message: &OutboundMessage, attempt: &Attempt) -> (Step, usize) {
        let mut script = self.script();
        let step = script.next.pop_front().or_else(|| script.always.clone()).unwrap_or(Step::accept());
        let (message, at) = (message.clone(), self.clock.now());
        script.asked.push(Asked { message, attempt: attempt.id, at, delivered: None });
        (step, script.asked.len())
    }

    fn deliver(&self, number: usize) -> Option<MessageRef> {
        let sender = self.memory.senders().into_iter().next()?;
        let id = MessageRef::new(sender, format!("{}-{number}", self.memory.id()));
        let mut script = self.script();
        let asked = script.asked.get_mut(number.checked_sub(1)?)?;
        asked.delivered = Some(id.clone());
        Some(id)
    }

    fn error(&self, kind: ErrorKind, acceptance: Acceptance) -> Error {
        Error::new(kind, acceptance).with_provider(self.memory.id().clone())
    }

    async fn attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        let (step, number) = self.begin(message, attempt);
        let left = attempt.deadline.unwrap_or(Duration::MAX);
        let never_connects = step.end == End::NeverConnect;
        if !never_connects && !attempt.departure.depart() {
            return Err(self.error(ErrorKind::Expired, Acceptance::NotAccepted));
        }
        let accepts = matches!(step.end, End::Accept | End::AcceptAndLose | End::Hang { accepts: true });
        // What was accepted is so even if nobody waits for the answer.
        let id = if accepts { self.deliver(number) } else { None };
        if step.takes > left || matches!(step.end, End::Hang { .. }) {
            match attempt.deadline {
                Some(left) => self.clock.sleep(left).await,
                None => pending().await,
            }
            return Err(match never_connects {
                true => self.error(ErrorKind::Unavailable, Acceptance::NotAccepted),
                false => self.error(ErrorKind::NoAnswer, Acceptance::Unknown),
            });
        }
        if !step.takes.is_zero() {
            self.clock.sleep(step.takes).await;
        }
        match step.end {
            End::Accept => {
                let receipt =
                    SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.memory.id().clone()));
                Ok(match id {
                    Some(id) => receipt.with_message(id),
                    None => receipt,
                })
            }
            End::Fail(failure) => Err(Error::from(failure).with_provider(self.memory.id().clone())),
            End::NeverConnect => Err(self.error(ErrorKind::Unavailable, Acceptance::NotAccepted)),
            End::AcceptAndLose | End::Hang { .. } => {
                Err(self.error(ErrorKind::NoAnswer, Acceptance::Unknown))
            }
        }
    }
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedProvider")
            .field("id", self.memory.id())
            .field("asked", &self.script().asked.len())
            .finish_non_exhaustive()
    }
}

forward_provider!([] ScriptedProvider, Self::memory, {
    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        self.memory.check(message)?;
        self.attempt(message, attempt).await
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        send_alternatives(self, message, Some(&self.clock)).await
    }

    async fn record(&self, events: &[InboundEvent]) {
        self.memory.record(events).await;
    }
});

#[cfg(test)]
mod tests;
