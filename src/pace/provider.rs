use super::Paced;
use crate::error::Result;
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{WhatsAppProvider, forward_provider, send_alternatives};

forward_provider!([P: WhatsAppProvider] Paced<P>, Self::provider, {
    /// Waits for the message's turn first. What is refused in any case is refused without waiting.
    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.provider.check(message)?;
        self.send_in_turn(message, attempt).await
    }

    /// Every alternative that is tried waits for a turn of its own: each is a request.
    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        send_alternatives(self, message, Some(&self.shared.clock)).await
    }

    async fn record(&self, events: &[InboundEvent]) {
        self.provider.record(events).await;
    }
});
