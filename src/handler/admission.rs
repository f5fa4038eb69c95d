use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header;

use super::{Inner, WebhookOutcome, is_allowed};
use crate::clock::{Timestamp, timeout};
use crate::inbound::InboundEvent;
use crate::provider::{WhatsAppProvider, several};
use crate::webhook::{SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest};

/// How long the providers may take to learn from events.
const RECORD_TIME: Duration = Duration::from_secs(1);

/// What comes of the head of a request.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "there are these two, and a caller must do something about both")]
pub enum Admission<'r> {
    /// The answer; the body is not needed.
    Reply(WebhookReply),
    /// It may be a webhook: now the body.
    Body(PendingWebhook<'r>),
}

impl<'r> Admission<'r> {
    pub(super) fn of(handler: &Arc<Inner>, head: WebhookHead<'r>) -> Self {
        // Each provider may have a token of its own.
        if let Some(reply) = several::handshake(handler.providers.iter(), &head) {
            (handler.observer)(&WebhookOutcome::HandshakeAnswered { status: reply.status });
            return Self::Reply(reply);
        }
        if !is_allowed(head.method) {
            return Self::Reply(handler.end(WebhookOutcome::MethodNotAllowed));
        }
        let recognizing = |provider: &&Arc<dyn WhatsAppProvider>| provider.recognizes(&head);
        let candidates: Vec<_> = handler.providers.iter().filter(recognizing).map(Arc::clone).collect();
        if candidates.is_empty() {
            let outcome = WebhookOutcome::Refused { provider: None, reason: SignatureError::Missing };
            return Self::Reply(handler.end(outcome));
        }
        // A length that cannot be read is the framework's affair; the bytes are counted in any case.
        let length =
            head.header(header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
        if length
            .is_some_and(|length| usize::try_from(length).map_or(true, |bytes| bytes > handler.body_limit))
        {
            return Self::Reply(handler.end(WebhookOutcome::TooLarge));
        }
        let received_at = handler.clock.now();
        Self::Body(PendingWebhook { handler: Arc::clone(handler), head, candidates, received_at })
    }
}

/// A request that may be a webhook, and whose body is to be read.
///
/// Dropping it leaves nothing behind.
#[must_use = "the webhook is answered by `finish`"]
pub struct PendingWebhook<'r> {
    handler: Arc<Inner>,
    head: WebhookHead<'r>,
    /// The providers that recognise it, in the order in which they were given. Never empty.
    candidates: Vec<Arc<dyn WhatsAppProvider>>,
    received_at: Timestamp,
}

impl PendingWebhook<'_> {
    /// The second step: checks the signature, hands the events to the sink, and says what to answer.
    ///
    /// The body must be the bytes as they were received: the signature is over them. Dropping the future does no harm.
    pub async fn finish(self, body: &[u8]) -> WebhookReply {
        if body.len() > self.handler.body_limit {
            return self.handler.end(WebhookOutcome::TooLarge);
        }
        let request = WebhookRequest::new(self.head, body, self.received_at);
        let (provider, webhook) = match verify(&self.candidates, &request) {
            Ok(verified) => verified,
            Err(refused) => return self.handler.end(refused),
        };
        let id = webhook.provider().clone();
        let Ok(events) = provider.parse_inbound(&webhook) else {
            return self.handler.end(WebhookOutcome::Foreign { provider: id });
        };
        self.handler.record(&events).await;
        let outcome = self.handler.deliver(id, events).await;
        let accepted = matches!(outcome, WebhookOutcome::Accepted { .. });
        let reply = self.handler.end(outcome);
        if accepted { provider.acknowledge(&webhook) } else { reply }
    }
}

impl Inner {
    /// Lets the providers learn from events: all of them, because an account may post what belongs to several. It comes
    /// first, so that whoever handles an event finds its window open; but never in the way of the answer.
    async fn record(&self, events: &[InboundEvent]) {
        let all = async {
            several::all(self.providers.iter().map(|provider| provider.record(events))).await;
        };
        timeout(&*self.clock, RECORD_TIME, all).await;
    }
}

type Verified<'p, 'r> = (&'p Arc<dyn WhatsAppProvider>, VerifiedWebhook<'r>);

/// Tries one provider after the other until a signature holds.
fn verify<'p, 'r>(
    candidates: &'p [Arc<dyn WhatsAppProvider>],
    request: &WebhookRequest<'r>,
) -> Result<Verified<'p, 'r>, WebhookOutcome> {
    let mut refusal: Option<(&Arc<dyn WhatsAppProvider>, SignatureError)> = None;
    for provider in candidates {
        match provider.verify_signature(request) {
            Ok(webhook) => return Ok((provider, webhook)),
            // That a signature was wrong says more than that another provider could not look.
            Err(SignatureError::Mismatch) if !matches!(refusal, Some((_, SignatureError::Mismatch))) => {
                refusal = Some((provider, SignatureError::Mismatch));
            }
            Err(reason) => refusal = refusal.or(Some((provider, reason))),
        }
    }
    Err(match refusal {
        Some((provider, reason)) => WebhookOutcome::Refused { provider: Some(provider.id().clone()), reason },
        None => WebhookOutcome::Refused { provider: None, reason: SignatureError::Missing },
    })
}

impl fmt::Debug for PendingWebhook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingWebhook")
            .field("head", &self.head)
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}
