//! The failover as a provider: what is not sending is asked of the member that it concerns, or of all.

use std::sync::Arc;

use async_trait::async_trait;

use super::FailoverProvider;
use super::route::Route;
use crate::error::{Error, Result};
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{Capabilities, MediaStream, SentLookup, SentQuery, WhatsAppProvider, several};
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

// Every method is written out: a failover that fell back to a default would forget its members.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl WhatsAppProvider for FailoverProvider {
    fn id(&self) -> &ProviderId {
        &self.0.id
    }

    fn senders(&self) -> Vec<SenderId> {
        self.0.members.iter().flat_map(|member| member.provider.senders()).collect()
    }

    /// What at least one member carries.
    fn capabilities(&self) -> Capabilities {
        let mut members = self.0.members.iter().map(|member| member.provider.capabilities());
        let first = members.next().unwrap_or_default();
        members.fold(first, |all, next| all.union(&next))
    }

    fn receives_for(&self, sender: &SenderId) -> bool {
        self.0.members.iter().any(|member| member.provider.receives_for(sender))
    }

    /// Whether it is that of a member. Nobody can tell as long as one of them was not told its own.
    fn receives_for_account(&self, account: &str) -> Option<bool> {
        let mut own = self.0.members.iter().map(|member| member.provider.receives_for_account(account));
        own.try_fold(false, |found, own| Some(found | own?))
    }

    /// None: the members have their own.
    fn api(&self) -> Option<String> {
        None
    }

    /// Changes when that of a member does.
    fn credentials_version(&self) -> u64 {
        let versions = self.0.members.iter().map(|member| member.provider.credentials_version());
        versions.fold(0, u64::wrapping_add)
    }

    /// Whether at least one member would take the message, whatever the flag says and whoever is well; the error is that
    /// of the first member that was asked.
    fn check(&self, message: &OutboundMessage) -> Result<()> {
        let (plan, refusal) = self.plan(&message.with_only(&message.content), Route::Auto, None);
        if plan.steps.is_empty() { Err(refusal) } else { Ok(()) }
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.deliver(&message.with_only(&message.content), attempt).await
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        self.deliver(message, &Attempt::new(&*self.0.clock)).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.0.members.iter().any(|member| member.provider.recognizes(head))
    }

    /// Tries every member that recognises the webhook until one signature holds.
    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        several::verify(self.providers(), request).map(|(_, webhook)| webhook)
    }

    /// As the member reads it that verified it. What is for another member that verifies the same webhook, such as one with
    /// another number of the same application, is as that member reads it.
    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        let (reader, mut events) = several::read(self.providers(), webhook)?;
        several::for_the_others(self.providers(), webhook, reader, &mut events);
        Ok(events)
    }

    /// Learns who wrote to which sender and when, what users are called, which attempts were accepted, and whose account is
    /// blocked; see [the module](crate::failover). What is not verified teaches nothing.
    async fn record(&self, events: &[InboundEvent]) {
        self.learn(events).await;
        for member in &self.0.members {
            member.provider.record(events).await;
        }
    }

    /// The answer of the first member that agrees, else of the first that refuses.
    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        several::handshake(self.providers(), head)
    }

    /// As the member answers that verified the webhook.
    fn acknowledge(&self, webhook: &VerifiedWebhook<'_>) -> WebhookReply {
        several::acknowledge(self.providers(), webhook)
    }

    async fn mark_read(&self, message: &MessageRef) -> Result<()> {
        self.owner(&message.sender)?.mark_read(message).await
    }

    async fn show_typing(&self, message: &MessageRef) -> Result<()> {
        self.owner(&message.sender)?.show_typing(message).await
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream> {
        self.owner(&media.sender)?.fetch_media(media).await
    }

    /// Whether at least one member is alive; the error is the last member's.
    async fn probe(&self) -> Result<()> {
        several::probe(&self.0.id, self.providers()).await
    }

    /// Asks every member until one has found it. That one refused it decides nothing: another may have it.
    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        several::find_sent(&self.0.id, self.providers(), query).await
    }
}

impl FailoverProvider {
    fn providers(&self) -> impl Iterator<Item = &Arc<dyn WhatsAppProvider>> + Clone {
        self.0.members.iter().map(|member| &member.provider)
    }

    /// The member that a message, a media file or a sender belongs to.
    fn owner(&self, sender: &SenderId) -> Result<&Arc<dyn WhatsAppProvider>> {
        let member = self.member_with(sender).map(|member| &member.provider);
        member.ok_or_else(|| Error::not_portable("sender").with_provider(self.0.id.clone()))
    }
}
