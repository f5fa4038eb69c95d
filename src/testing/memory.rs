use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{AttemptReport, Error, Failure, Result};
use crate::ids::{AttemptId, MessageRef, ProviderId, SenderId};
use crate::inbound::{EventId, InboundEvent};
use crate::outbound::{Attempt, ContentKind, OutboundMessage, SendReceipt, validate};
use crate::provider::{Capabilities, WhatsAppProvider};
use crate::webhook::{ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookRequest};

/// The header whose value a [`MemoryProvider`] takes for a signature.
const SIGNATURE: &str = "x-memory-signature";

/// A provider that sends nothing anywhere: it remembers what it was given and fails when it is told to. A clone is the
/// same provider. One whose attempts take time, or are delivered and not answered, is a
/// [`ScriptedProvider`](crate::testing::ScriptedProvider).
///
/// Its webhooks are JSON arrays of [`InboundEvent`]s, "signed" by a header that repeats its id.
///
/// ```
/// # use whatsapp_provider::testing::{MemoryProvider, TestClock};
/// # use whatsapp_provider::{Acceptance, Error, ErrorKind, PhoneNumber, WhatsAppProviderExt};
/// let provider = MemoryProvider::new("meta".parse()?);
/// provider.fail_next(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted));
///
/// let to = PhoneNumber::parse("+15551234567")?;
/// TestClock::new().block_on(async {
///     assert!(provider.send_text(to, "lost").await.is_err());
///     assert!(provider.send_text(to, "hello").await.is_ok());
/// });
/// assert_eq!(provider.sent().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemoryProvider {
    id: ProviderId,
    sender: SenderId,
    api: Option<String>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    sent: Vec<Sent>,
    failures: VecDeque<Failure>,
    outage: Option<Failure>,
    refuses: Vec<ContentKind>,
    attempts: usize,
    /// What a probe answers; there is none until this is set.
    probe: Option<Result<(), Failure>>,
    probes: usize,
    credentials: u64,
}

/// A message that a [`MemoryProvider`] accepted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// The message.
    pub message: OutboundMessage,
    /// The attempt that sent it.
    pub attempt: AttemptId,
    /// What it was called then.
    pub id: MessageRef,
}

impl MemoryProvider {
    /// A provider that accepts everything that some provider could carry, with one sender called `memory`.
    pub fn new(id: ProviderId) -> Self {
        let sender = SenderId::new(id.clone(), "memory");
        Self { id, sender, api: None, state: Arc::default() }
    }

    /// Gives its sender another name.
    #[must_use]
    pub fn with_sender(mut self, id: impl Into<String>) -> Self {
        self.sender = SenderId::new(self.id.clone(), id);
        self
    }

    /// Says which API it sends to.
    #[must_use]
    pub fn with_api(mut self, api: impl Into<String>) -> Self {
        self.api = Some(api.into());
        self
    }

    /// What was accepted, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// Forgets what was sent and how many attempts were made.
    pub fn clear(&self) {
        let mut state = self.state();
        state.sent.clear();
        state.attempts = 0;
    }

    /// How many attempts were made, failed ones included.
    pub fn attempts(&self) -> usize {
        self.state().attempts
    }

    /// Lets the next attempt fail; several calls are used up in order. With an unknown acceptance the message is
    /// remembered as sent all the same.
    pub fn fail_next(&self, error: Error) {
        self.state().failures.push_back((&error).into());
    }

    /// Lets every attempt fail until [`recover`](Self::recover).
    pub fn fail_always(&self, error: Error) {
        self.state().outage = Some((&error).into());
    }

    /// Ends [`fail_always`](Self::fail_always).
    pub fn recover(&self) {
        self.state().outage = None;
    }

    /// Gives it a probe that answers like this from now on. Before that it has none.
    pub fn answer_probes(&self, answer: Result<()>) {
        self.state().probe = Some(answer.map_err(|error| (&error).into()));
    }

    /// How often it was probed.
    pub fn probes(&self) -> usize {
        self.state().probes
    }

    /// Replaces its credentials, which changes nothing but their
    /// [version](WhatsAppProvider::credentials_version).
    pub fn replace_credentials(&self) {
        self.state().credentials += 1;
    }

    /// Refuses this kind of content in [`check`](WhatsAppProvider::check), as unsupported.
    #[must_use]
    pub fn without(self, kind: ContentKind) -> Self {
        self.state().refuses.push(kind);
        self
    }

    /// The webhook that brings these events: what this provider would post.
    ///
    /// # Errors
    ///
    /// If an event cannot be written as JSON.
    pub fn webhook(
        &self,
        events: &[InboundEvent],
    ) -> Result<http::Request<Vec<u8>>, Box<dyn std::error::Error>> {
        let body = serde_json::to_vec(events)?;
        Ok(http::Request::post("/webhook").header(SIGNATURE, self.id.as_str()).body(body)?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("MemoryProvider")
            .field("id", &self.id)
            .field("sent", &state.sent.len())
            .field("attempts", &state.attempts)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl WhatsAppProvider for MemoryProvider {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn senders(&self) -> Vec<SenderId> {
        vec![self.sender.clone()]
    }

    fn capabilities(&self) -> Capabilities {
        let state = self.state();
        Capabilities::new(ContentKind::ALL.iter().copied().filter(|kind| !state.refuses.contains(kind)))
    }

    fn api(&self) -> Option<String> {
        self.api.clone()
    }

    fn credentials_version(&self) -> u64 {
        self.state().credentials
    }

    async fn probe(&self) -> Result<()> {
        let mut state = self.state();
        let Some(answer) = state.probe.clone() else {
            return Err(Error::unsupported("probe").with_provider(self.id.clone()));
        };
        state.probes += 1;
        answer.map_err(|failure| Error::from(failure).with_provider(self.id.clone()))
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        if message.from.as_ref().is_some_and(|from| *from != self.sender) {
            return Err(Error::unsupported("from").with_provider(self.id.clone()));
        }
        if message.via_only && message.via.as_ref() != Some(&self.id) {
            return Err(Error::unsupported("via").with_provider(self.id.clone()));
        }
        if self.state().refuses.contains(&message.content.kind()) {
            return Err(Error::unsupported("content").with_provider(self.id.clone()));
        }
        // What no provider could carry does not go out here either.
        validate(message).map_err(|error| error.with_provider(self.id.clone()))
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        self.check(message)?;
        let mut state = self.state();
        state.attempts += 1;
        let failure = state.failures.pop_front().or_else(|| state.outage.clone());
        if let Some(failure) = &failure
            && failure.acceptance == crate::Acceptance::NotAccepted
        {
            return Err(Error::from(failure.clone()).with_provider(self.id.clone()));
        }
        if !attempt.departure.depart() {
            return Err(Error::new(crate::ErrorKind::Expired, crate::Acceptance::NotAccepted));
        }
        let id = MessageRef::new(self.sender.clone(), format!("{}-{}", self.id, state.sent.len() + 1));
        state.sent.push(Sent { message: message.clone(), attempt: attempt.id, id: id.clone() });
        match failure {
            Some(failure) => Err(Error::from(failure).with_provider(self.id.clone())),
            None => {
                Ok(SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.id.clone()))
                    .with_message(id))
            }
        }
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        head.headers.contains_key(SIGNATURE)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        match request.head.header(SIGNATURE) {
            None => Err(SignatureError::Missing),
            Some(signature) if signature == self.id.as_str() => Ok(request.attest(&self.id)),
            Some(_) => Err(SignatureError::Mismatch),
        }
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        if webhook.provider() != &self.id {
            return Err(ForeignWebhook::new(webhook.provider().clone()));
        }
        let events: Vec<InboundEvent> = serde_json::from_slice(webhook.request().body).unwrap_or_else(|_| {
            let raw = webhook.request().body.to_vec();
            let unrecognized = crate::inbound::Unrecognized::new("not a JSON array of events", raw);
            vec![webhook.event(EventId::new(["x", "body"]), unrecognized)]
        });
        Ok(events.into_iter().map(|event| event.with_assumed(webhook.is_assumed())).collect())
    }
}
