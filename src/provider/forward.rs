/// Makes a provider of one that holds another. Every method is passed on but those that it has of its own: how it sends
/// ([`send_attempt`] and [`send`]) and learns ([`record`]), which are passed on as well unless they are given.
///
/// Every method is written out, and the lint sees to it that none is forgotten: it must never fall back to a default that
/// the provider inside replaced.
///
/// [`send_attempt`]: crate::WhatsAppProvider::send_attempt
/// [`send`]: crate::WhatsAppProvider::send
/// [`record`]: crate::WhatsAppProvider::record
macro_rules! forward_provider {
    ([$($parameters:tt)*] $holder:ty, $inner:expr) => {
        $crate::provider::forward_provider!([$($parameters)*] $holder, $inner, {
            async fn send_attempt(
                &self,
                message: &$crate::OutboundMessage,
                attempt: &$crate::Attempt,
            ) -> $crate::Result<$crate::SendReceipt> {
                $inner(self).send_attempt(message, attempt).await
            }

            async fn send(&self, message: &$crate::OutboundMessage) -> $crate::Result<$crate::SendReceipt> {
                $inner(self).send(message).await
            }

            async fn record(&self, events: &[$crate::InboundEvent]) {
                $inner(self).record(events).await;
            }
        });
    };
    ([$($parameters:tt)*] $holder:ty, $inner:expr, { $($own:tt)* }) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait::async_trait]
        impl<$($parameters)*> $crate::WhatsAppProvider for $holder {
            $($own)*

            fn id(&self) -> &$crate::ProviderId {
                $inner(self).id()
            }

            fn senders(&self) -> Vec<$crate::SenderId> {
                $inner(self).senders()
            }

            fn capabilities(&self) -> $crate::Capabilities {
                $inner(self).capabilities()
            }

            fn receives_for(&self, sender: &$crate::SenderId) -> bool {
                $inner(self).receives_for(sender)
            }

            fn receives_for_account(&self, account: &str) -> Option<bool> {
                $inner(self).receives_for_account(account)
            }

            fn api(&self) -> Option<String> {
                $inner(self).api()
            }

            fn credentials_version(&self) -> u64 {
                $inner(self).credentials_version()
            }

            fn check(&self, message: &$crate::OutboundMessage) -> $crate::Result<()> {
                $inner(self).check(message)
            }

            fn recognizes(&self, head: &$crate::WebhookHead<'_>) -> bool {
                $inner(self).recognizes(head)
            }

            fn verify_signature<'r>(
                &self,
                request: &$crate::WebhookRequest<'r>,
            ) -> Result<$crate::VerifiedWebhook<'r>, $crate::SignatureError> {
                $inner(self).verify_signature(request)
            }

            fn parse_inbound(
                &self,
                webhook: &$crate::VerifiedWebhook<'_>,
            ) -> Result<Vec<$crate::InboundEvent>, $crate::ForeignWebhook> {
                $inner(self).parse_inbound(webhook)
            }

            fn handshake(&self, head: &$crate::WebhookHead<'_>) -> Option<$crate::WebhookReply> {
                $inner(self).handshake(head)
            }

            fn acknowledge(&self, webhook: &$crate::VerifiedWebhook<'_>) -> $crate::WebhookReply {
                $inner(self).acknowledge(webhook)
            }

            async fn mark_read(&self, message: &$crate::MessageRef) -> $crate::Result<()> {
                $inner(self).mark_read(message).await
            }

            async fn show_typing(&self, message: &$crate::MessageRef) -> $crate::Result<()> {
                $inner(self).show_typing(message).await
            }

            async fn fetch_media(&self, media: &$crate::MediaRef) -> $crate::Result<$crate::MediaStream> {
                $inner(self).fetch_media(media).await
            }

            async fn probe(&self) -> $crate::Result<()> {
                $inner(self).probe().await
            }

            async fn find_sent(&self, query: &$crate::SentQuery) -> $crate::Result<$crate::SentLookup> {
                $inner(self).find_sent(query).await
            }
        }
    };
}

pub(crate) use forward_provider;
