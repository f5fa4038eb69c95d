//! The failover as a provider: what is not sending is asked of the member that it concerns, or of all.

use std::sync::Arc;

use async_trait::async_trait;

use super::route::Route;
use super::{FailoverProvider, Member};
use crate::error::{Error, Result};
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::{EventKind, InboundEvent};
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{Capabilities, MediaStream, SentLookup, SentQuery, WhatsAppProvider};
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
        let mut error = SignatureError::Missing;
        for member in self.0.members.iter().filter(|member| member.provider.recognizes(&request.head)) {
            match member.provider.verify_signature(request) {
                Ok(webhook) => return Ok(webhook),
                // That one signature was wrong says more than that another member could not look.
                Err(refused) if error != SignatureError::Mismatch => error = refused,
                Err(_) => {}
            }
        }
        Err(error)
    }

    /// As the member reads it that verified it. What is for another member that verifies the same webhook, such as one with
    /// another number of the same application, is as that member reads it.
    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        let (verifier, events) = self
            .0
            .members
            .iter()
            .find_map(|member| Some((member, member.provider.parse_inbound(webhook).ok()?)))
            .ok_or_else(|| ForeignWebhook::new(webhook.provider().clone()))?;
        Ok(self.for_the_others(webhook, verifier, events))
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
        let mut refusal = None;
        for reply in self.0.members.iter().filter_map(|member| member.provider.handshake(head)) {
            if reply.status.is_success() {
                return Some(reply);
            }
            refusal = refusal.or(Some(reply));
        }
        refusal
    }

    /// As the member answers that verified the webhook.
    fn acknowledge(&self, webhook: &VerifiedWebhook<'_>) -> WebhookReply {
        let members = || self.0.members.iter().map(|member| &member.provider);
        let verifier = members().find(|member| member.id() == webhook.provider()).or_else(|| {
            // Or a member of a member: whoever can read it answers.
            members().find(|member| member.parse_inbound(webhook).is_ok())
        });
        match verifier {
            Some(member) => member.acknowledge(webhook),
            None => WebhookReply::empty(http::StatusCode::OK),
        }
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
        let mut last = Error::unsupported("probe").with_provider(self.0.id.clone());
        for member in &self.0.members {
            match member.provider.probe().await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Asks every member until one has found it. That one refused it decides nothing: another may have it.
    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        let mut answer = Err(Error::unsupported("find_sent").with_provider(self.0.id.clone()));
        for member in &self.0.members {
            match (member.provider.find_sent(query).await, &answer) {
                (Ok(found @ SentLookup::Found(_)), _) => return Ok(found),
                (Ok(SentLookup::Refused(_)), _) => answer = Ok(SentLookup::CannotTell),
                // What may be it weighs more than what is not there.
                (Ok(SentLookup::NotSeen) | Err(_), Ok(_)) => {}
                (Ok(unsure), _) => answer = Ok(unsure),
                (Err(error), Err(_)) => answer = Err(error),
            }
        }
        answer
    }
}

impl FailoverProvider {
    /// Lets the other members read what is not for the member that verified the webhook. Each must hold the webhook to be
    /// genuine by its own secret.
    fn for_the_others(
        &self,
        webhook: &VerifiedWebhook<'_>,
        verifier: &Member,
        mut events: Vec<InboundEvent>,
    ) -> Vec<InboundEvent> {
        let is_foreign = |event: &InboundEvent| concerns(&verifier.provider, event) == Some(false);
        for member in self.0.members.iter().filter(|member| member.id() != verifier.id()) {
            if !events.iter().any(is_foreign) {
                break;
            }
            let Some(read) = reads_too(&member.provider, webhook).filter(|read| read.len() == events.len())
            else {
                continue;
            };
            for (event, read) in events.iter_mut().zip(read) {
                if is_foreign(event) && concerns(&member.provider, &read) == Some(true) {
                    *event = read;
                }
            }
        }
        events
    }

    /// The member that a message, a media file or a sender belongs to.
    fn owner(&self, sender: &SenderId) -> Result<&Arc<dyn WhatsAppProvider>> {
        let member = self.member_with(sender).map(|member| &member.provider);
        member.ok_or_else(|| Error::not_portable("sender").with_provider(self.0.id.clone()))
    }
}

/// Whether an event is for a sender or an account of a provider. `None` if it names neither.
fn concerns(provider: &Arc<dyn WhatsAppProvider>, event: &InboundEvent) -> Option<bool> {
    match (event.sender(), event.kind()) {
        (Some(sender), _) => Some(provider.receives_for(sender)),
        (None, EventKind::Account(news)) => {
            Some(provider.receives_for_account(news.account.as_deref()?).unwrap_or(true))
        }
        _ => None,
    }
}

/// What a provider reads in a webhook that another one verified, if it holds it to be genuine as well.
fn reads_too(
    provider: &Arc<dyn WhatsAppProvider>,
    webhook: &VerifiedWebhook<'_>,
) -> Option<Vec<InboundEvent>> {
    let request = webhook.request();
    if !provider.recognizes(&request.head) {
        return None;
    }
    let own = if webhook.is_assumed() {
        VerifiedWebhook::assume_verified(request.clone(), provider.id().clone())
    } else {
        provider.verify_signature(request).ok()?
    };
    provider.parse_inbound(&own).ok()
}
