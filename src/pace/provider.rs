use async_trait::async_trait;

use super::Paced;
use crate::error::Result;
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{
    Capabilities, MediaStream, SentLookup, SentQuery, WhatsAppProvider, send_alternatives,
};
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

// Every method is written out: one that fell back to a default would hide what the provider can do.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<P: WhatsAppProvider> WhatsAppProvider for Paced<P> {
    fn id(&self) -> &ProviderId {
        self.provider.id()
    }

    fn senders(&self) -> Vec<SenderId> {
        self.provider.senders()
    }

    fn capabilities(&self) -> Capabilities {
        self.provider.capabilities()
    }

    fn receives_for(&self, sender: &SenderId) -> bool {
        self.provider.receives_for(sender)
    }

    fn receives_for_account(&self, account: &str) -> Option<bool> {
        self.provider.receives_for_account(account)
    }

    fn api(&self) -> Option<String> {
        self.provider.api()
    }

    fn credentials_version(&self) -> u64 {
        self.provider.credentials_version()
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        self.provider.check(message)
    }

    /// Waits for the message's turn first. What is refused in any case is refused without waiting.
    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.provider.check(message)?;
        self.send_in_turn(message, attempt).await
    }

    /// Every alternative that is tried waits for a turn of its own: each is a request.
    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        send_alternatives(self, message, Some(&self.shared.clock)).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.provider.recognizes(head)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        self.provider.verify_signature(request)
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        self.provider.parse_inbound(webhook)
    }

    async fn record(&self, events: &[InboundEvent]) {
        self.provider.record(events).await;
    }

    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        self.provider.handshake(head)
    }

    fn acknowledge(&self, webhook: &VerifiedWebhook<'_>) -> WebhookReply {
        self.provider.acknowledge(webhook)
    }

    async fn mark_read(&self, message: &MessageRef) -> Result<()> {
        self.provider.mark_read(message).await
    }

    async fn show_typing(&self, message: &MessageRef) -> Result<()> {
        self.provider.show_typing(message).await
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream> {
        self.provider.fetch_media(media).await
    }

    async fn probe(&self) -> Result<()> {
        self.provider.probe().await
    }

    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        self.provider.find_sent(query).await
    }
}
