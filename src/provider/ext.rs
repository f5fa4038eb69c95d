use std::future::Future;

use super::WhatsAppProvider;
use crate::address::Recipient;
use crate::error::Result;
use crate::inbound::InboundEvent;
use crate::outbound::{OutboundMessage, SendReceipt};
use crate::webhook::{ForeignWebhook, SignatureError, WebhookRequest};

/// Conveniences on top of the contract. Every provider has them; nobody implements them.
pub trait WhatsAppProviderExt: WhatsAppProvider {
    /// Sends a text.
    ///
    /// # Errors
    ///
    /// As [`send`](WhatsAppProvider::send).
    fn send_text(
        &self,
        to: impl Into<Recipient>,
        body: impl Into<String>,
    ) -> impl Future<Output = Result<SendReceipt>> + Send {
        let message = OutboundMessage::text(to, body);
        async move { self.send(&message).await }
    }

    /// Checks a webhook's signature and reads it.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Signature`] if the signature does not hold.
    fn receive(&self, request: &WebhookRequest<'_>) -> Result<Vec<InboundEvent>, ReceiveError> {
        let webhook = self.verify_signature(request)?;
        Ok(self.parse_inbound(&webhook)?)
    }
}

impl<P: WhatsAppProvider + ?Sized> WhatsAppProviderExt for P {}

/// A webhook could not be received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Its signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The provider verifies webhooks that it does not read.
    #[error(transparent)]
    Foreign(#[from] ForeignWebhook),
}
