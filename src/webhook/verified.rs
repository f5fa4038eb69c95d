use std::fmt;

use super::request::WebhookRequest;
use crate::ids::ProviderId;
use crate::inbound::{EventId, EventKind, InboundEvent};

/// A webhook whose signature held: the only thing that can be parsed.
///
/// An unchecked request does not fit:
///
/// ```compile_fail
/// # fn parse(provider: &dyn whatsapp_provider::WhatsAppProvider, request: &whatsapp_provider::WebhookRequest<'_>) {
/// let events = provider.parse_inbound(request);
/// # }
/// ```
///
/// It has to be checked first:
///
/// ```
/// # fn parse(
/// #     provider: &dyn whatsapp_provider::WhatsAppProvider, request: &whatsapp_provider::WebhookRequest<'_>,
/// # ) -> Result<(), whatsapp_provider::SignatureError> {
/// let webhook = provider.verify_signature(request)?;
/// let events = provider.parse_inbound(&webhook);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct VerifiedWebhook<'r> {
    request: WebhookRequest<'r>,
    provider: ProviderId,
    assumed: bool,
}

impl<'r> VerifiedWebhook<'r> {
    pub(super) fn attested(request: WebhookRequest<'r>, provider: ProviderId) -> Self {
        Self { request, provider, assumed: false }
    }

    /// Takes the request for genuine **without checking anything**: for tests, and for tools that read a webhook that
    /// somebody saved. The events are marked as assumed, and nothing learns from them.
    pub fn assume_verified(request: WebhookRequest<'r>, provider: ProviderId) -> Self {
        Self { request, provider, assumed: true }
    }

    /// The request.
    pub fn request(&self) -> &WebhookRequest<'r> {
        &self.request
    }

    /// The provider whose signature held.
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Whether nobody checked the signature.
    pub fn is_assumed(&self) -> bool {
        self.assumed
    }

    /// Makes an event of this webhook. For implementations of
    /// [`parse_inbound`](crate::WhatsAppProvider::parse_inbound).
    pub fn event(&self, id: EventId, kind: impl Into<EventKind>) -> InboundEvent {
        InboundEvent::new(id, self.provider.clone(), self.request.received_at, self.assumed, kind)
    }
}

impl fmt::Debug for VerifiedWebhook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedWebhook")
            .field("provider", &self.provider)
            .field("assumed", &self.assumed)
            .finish_non_exhaustive()
    }
}

/// A webhook's signature did not hold. Answer 401 and say no more: what was expected is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The provider has no secret to check with, or does not know its public URL.
    #[error("no secret or public URL is configured to check signatures with")]
    NotConfigured,
    /// There is no signature.
    #[error("the webhook is not signed")]
    Missing,
    /// The signature is not of the form it must have.
    #[error("the signature is malformed")]
    Malformed,
    /// The signature is not that of this request.
    #[error("the signature does not match")]
    Mismatch,
}

/// A verified webhook was given to a provider that did not verify it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook was verified by {provider}, not by this provider")]
#[non_exhaustive]
pub struct ForeignWebhook {
    /// The provider that verified it.
    pub provider: ProviderId,
}

impl ForeignWebhook {
    /// Names the provider that verified the webhook.
    pub fn new(provider: ProviderId) -> Self {
        Self { provider }
    }
}
