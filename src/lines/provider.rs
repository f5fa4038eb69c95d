//! The directory as a provider: what concerns a line is asked of that one, the rest of all.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;

use super::{LineError, Lines};
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{Capabilities, MediaStream, SentLookup, SentQuery, WhatsAppProvider, several};
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

// Every method is written out: a directory that fell back to a default would forget its lines.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl WhatsAppProvider for Lines {
    fn id(&self) -> &ProviderId {
        &self.0.id
    }

    /// Those of all lines, of retired ones as well.
    fn senders(&self) -> Vec<SenderId> {
        self.now().lines.values().flat_map(|line| line.senders.clone()).collect()
    }

    /// What at least one line carries.
    fn capabilities(&self) -> Capabilities {
        let now = self.now();
        let all = now.providers().map(WhatsAppProvider::capabilities);
        all.reduce(|all, next| all.union(&next)).unwrap_or_default()
    }

    fn receives_for(&self, sender: &SenderId) -> bool {
        self.now().providers().any(|provider| provider.receives_for(sender))
    }

    /// Whether it is that of a line. Nobody can tell as long as one of them was not told its own, or there is none.
    fn receives_for_account(&self, account: &str) -> Option<bool> {
        let now = self.now();
        let mut own = now.providers().map(|provider| provider.receives_for_account(account));
        let first = own.next()??;
        own.try_fold(first, |found, own| Some(found | own?))
    }

    /// That of the lines, if all have the same one.
    fn api(&self) -> Option<String> {
        let now = self.now();
        let mut apis = now.providers().map(WhatsAppProvider::api);
        let first = apis.next()??;
        apis.all(|api| api.as_ref() == Some(&first)).then_some(first)
    }

    /// Changes when that of a line does, and when the lines do.
    fn credentials_version(&self) -> u64 {
        let now = self.now();
        let versions: Vec<u64> = now.providers().map(WhatsAppProvider::credentials_version).collect();
        BuildHasherDefault::<DefaultHasher>::default().hash_one((now.revision, versions))
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        self.sending(message)?.check(message)
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        let line = self.sending(message)?;
        line.send_attempt(message, attempt).await
    }

    /// By the line that has the message's `from`, which does with the alternatives what it would do by itself.
    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        let line = self.sending(message)?;
        line.send(message).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.now().providers().any(|provider| provider.recognizes(head))
    }

    /// Tries the lines that the request names, then the one whose signature held last, then all.
    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        let now = self.now();
        let likely = self.0.verified.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (verifier, webhook) = several::verify(now.in_likely_order(request, likely.as_ref()), request)?;
        if let Some(id) = now.id_of(verifier).filter(|id| Some(*id) != likely.as_ref()) {
            *self.0.verified.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone());
        }
        Ok(webhook)
    }

    /// As a line reads it whose provider verified it, preferably one that it names. What is for another line is as that
    /// line reads it, if it verifies the webhook as well.
    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        let now = self.now();
        let lines = now.in_likely_order(webhook.request(), None);
        let (reader, mut events) = several::read(lines, webhook)?;
        let foreign: Vec<InboundEvent> =
            events.iter().filter(|event| several::concerns(reader, event) == Some(false)).cloned().collect();
        let others = now.readers_of(&foreign);
        several::for_the_others(others.into_iter(), webhook, reader, &mut events);
        Ok(events)
    }

    /// Tells each line of the events of its senders, and all of them of what names no sender.
    async fn record(&self, events: &[InboundEvent]) {
        let now = self.now();
        let learning = now.providers().filter_map(|provider| {
            let own = |event: &&InboundEvent| event.sender().is_none_or(|of| provider.receives_for(of));
            let own: Vec<InboundEvent> = events.iter().filter(own).cloned().collect();
            (!own.is_empty()).then_some(async move { provider.record(&own).await })
        });
        several::all(learning).await;
    }

    /// The answer of the first line that agrees, else of the first that refuses.
    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        several::handshake(self.now().providers(), head)
    }

    /// As a line answers that verified the webhook.
    fn acknowledge(&self, webhook: &VerifiedWebhook<'_>) -> WebhookReply {
        several::acknowledge(self.now().providers(), webhook)
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

    /// Whether at least one line is alive; the error is the last line's.
    async fn probe(&self) -> Result<()> {
        let now = self.now();
        several::probe(&self.0.id, now.providers()).await
    }

    /// Asks the line of the message's `from`; without one, or if no line has it, every line until one has found it.
    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        let now = self.now();
        let line = query.message.from.as_ref().and_then(|from| now.line_of(from));
        match line {
            Some((_, line)) => line.provider.find_sent(query).await,
            None => several::find_sent(&self.0.id, now.providers(), query).await,
        }
    }
}

impl Lines {
    /// The line that sends a message.
    fn sending(&self, message: &OutboundMessage) -> Result<Arc<dyn WhatsAppProvider>> {
        self.now().sending(message.from.as_ref()).cloned().map_err(|error| self.refusal(error))
    }

    /// The line that a message or a media file belongs to, retired or not.
    fn owner(&self, sender: &SenderId) -> Result<Arc<dyn WhatsAppProvider>> {
        let now = self.now();
        let line = now.line_of(sender).map(|(_, line)| Arc::clone(&line.provider));
        line.ok_or_else(|| Error::not_portable("sender").with_provider(self.0.id.clone()))
    }

    /// The message itself is in order, and another line could send it: there is no way for it.
    pub(super) fn refusal(&self, error: LineError) -> Error {
        Error::new(ErrorKind::NoRoute, Acceptance::NotAccepted)
            .with_field(error.field())
            .with_provider(self.0.id.clone())
            .with_source(error)
    }
}
