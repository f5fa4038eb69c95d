//! The contract that every provider fulfils.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

mod capabilities;
mod ext;
mod forward;
mod lookup;
pub(crate) mod several;

pub use capabilities::Capabilities;
pub use ext::{ReceiveError, WhatsAppProviderExt};
pub(crate) use forward::forward_provider;
pub use lookup::{MediaStream, SentLookup, SentQuery};

use crate::clock::{Clock, entropy};
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind, Result};
use crate::ids::{AttemptId, MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

/// Something that sends WhatsApp messages and understands its own webhooks.
///
/// Hold it as `Arc<dyn WhatsAppProvider>`; `Arc` and `Box` forward every method. Conveniences are in
/// [`WhatsAppProviderExt`].
///
/// # For implementers
///
/// * Call [`attempt.departure.arm()`](crate::outbound::Departure::arm) first thing in
///   [`send_attempt`](Self::send_attempt) if the message can only leave through
///   [`depart`](crate::outbound::Departure::depart) (the bundled HTTP client's bodies do that). Otherwise leave it, and
///   a send that is cut short counts as unknown.
/// * Decide [`Acceptance`](crate::Acceptance) first and [`ErrorKind`](crate::ErrorKind) second. In doubt it is unknown.
/// * [`verify_signature`](Self::verify_signature) and [`parse_inbound`](Self::parse_inbound) wait for nothing and ask
///   no clock.
/// * The functions of [`testing::conformance`](crate::testing::conformance) tell whether the laws hold.
///
/// The example `custom_provider` is a whole one.
#[async_trait]
pub trait WhatsAppProvider: fmt::Debug + Send + Sync + 'static {
    /// Its id, unlike that of any other provider beside it.
    fn id(&self) -> &ProviderId;

    /// The business's own senders that it sends from and receives for. None for a provider that only reads webhooks.
    fn senders(&self) -> Vec<SenderId>;

    /// What it carries, for people.
    fn capabilities(&self) -> Capabilities;

    /// Whether it receives for a sender, listed or not: a Messaging Service receives for the numbers of its pool. An account
    /// may post the webhooks of other numbers here as well, which are somebody else's.
    fn receives_for(&self, sender: &SenderId) -> bool {
        let senders = self.senders();
        senders.contains(sender) || (senders.is_empty() && sender.provider == *self.id())
    }

    /// Whether an account is its own, if it was told which one is. A webhook may bring news of other accounts of the same
    /// application as well, which must not close this one.
    fn receives_for_account(&self, account: &str) -> Option<bool> {
        let _ = account;
        None
    }

    /// The API that its messages are sent to, such as `meta/graph.facebook.com`. Providers with the same one can be
    /// reached, or not, together. `None` if there is none, or several.
    fn api(&self) -> Option<String> {
        None
    }

    /// Changes whenever the credentials are replaced at run time, so that whoever gave up on the old ones can tell.
    fn credentials_version(&self) -> u64 {
        0
    }

    /// Whether [`send_attempt`](Self::send_attempt) would refuse this message before any request, and why. Looks at
    /// [`content`](OutboundMessage::content) and not at the alternatives. Waits for nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`](crate::ErrorKind::InvalidMessage) if no provider could carry it,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if this one cannot,
    /// [`NotPortable`](crate::ErrorKind::NotPortable) if it refers to what only another one knows,
    /// [`MediaExpired`](crate::ErrorKind::MediaExpired) if it names a file whose time is over,
    /// [`TemplateUnavailable`](crate::ErrorKind::TemplateUnavailable) if it is known that a template is not there. Each
    /// names the field where there is one, and the limit.
    fn check(&self, message: &OutboundMessage) -> Result<()>;

    /// Sends the message's content once. Nothing is repeated, and alternatives are not looked at.
    ///
    /// # Errors
    ///
    /// [`Error`](crate::Error), whose [`acceptance`](crate::Error::acceptance) says whether the message may have gone
    /// out all the same.
    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt>;

    /// Sends a message: its content, or the first of its alternatives that can go. A request is made again only for
    /// the next alternative, and only where the one before was certainly not accepted.
    ///
    /// # Errors
    ///
    /// As [`send_attempt`](Self::send_attempt).
    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        send_alternatives(self, message, None).await
    }

    /// Whether a webhook looks like one of this provider's, by method, URL and headers.
    fn recognizes(&self, head: &WebhookHead<'_>) -> bool;

    /// Checks a webhook's signature.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if it does not hold, or nothing is configured to check it with.
    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError>;

    /// Reads a webhook. Every element of it becomes one event, in order; what is not understood becomes
    /// [`Unrecognized`](crate::EventKind::Unrecognized).
    ///
    /// # Errors
    ///
    /// [`ForeignWebhook`] if another provider verified it. Nothing that a webhook says is an error.
    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook>;

    /// Learns from events, before anybody else sees them: windows, conversations, what became of messages. It takes a moment
    /// at most, fails in silence, and what is known does not change by hearing it twice. Events of other senders than
    /// [its own](Self::receives_for) teach it nothing. A [`WebhookHandler`](crate::WebhookHandler) calls it by itself.
    async fn record(&self, events: &[InboundEvent]) {
        let _ = events;
    }

    /// The answer to a request by which a provider makes sure of the webhook's owner (Meta's GET challenge), if this
    /// is one: to be sent as it is. `None` for anything else.
    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        let _ = head;
        None
    }

    /// The answer to a webhook that this provider verified and somebody accepted.
    fn acknowledge(&self, webhook: &VerifiedWebhook<'_>) -> WebhookReply {
        let _ = webhook;
        WebhookReply { status: http::StatusCode::OK, content_type: None, body: Bytes::new() }
    }

    /// Marks a user's message as read, and with it those before it.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where that does not exist; otherwise as the provider answers.
    async fn mark_read(&self, message: &MessageRef) -> Result<()> {
        let _ = message;
        Err(Error::unsupported("mark_read").with_provider(self.id().clone()))
    }

    /// Shows that an answer is being typed, for up to 25 seconds. On Meta and Twilio this marks the message as read.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where that does not exist; otherwise as the provider answers.
    async fn show_typing(&self, message: &MessageRef) -> Result<()> {
        let _ = message;
        Err(Error::unsupported("show_typing").with_provider(self.id().clone()))
    }

    /// Fetches a media file that a user sent. It comes as a stream, whose end is an error if it is not the whole file.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where that does not exist,
    /// [`MediaExpired`](crate::ErrorKind::MediaExpired) if the file is no longer kept; otherwise as the provider answers.
    /// No message is behind it, so the acceptance is [`NotAccepted`](crate::Acceptance::NotAccepted), and trying again does
    /// no harm.
    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream> {
        let _ = media;
        Err(Error::unsupported("fetch_media").with_provider(self.id().clone()))
    }

    /// Asks whether the account is alive, by a cheap read that needs the credentials.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where that does not exist; otherwise why it is not alive.
    async fn probe(&self) -> Result<()> {
        Err(Error::unsupported("probe").with_provider(self.id().clone()))
    }

    /// Looks whether a message was accepted whose answer was lost.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where that does not exist; otherwise as the provider answers.
    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        let _ = query;
        Err(Error::unsupported("find_sent").with_provider(self.id().clone()))
    }
}

/// Sends the first of a message's contents that can go, each as an attempt of its own.
///
/// With a clock, the ids come from it and the message's deadline holds for all attempts together; without one, for each.
pub(crate) async fn send_alternatives<P: WhatsAppProvider + ?Sized>(
    provider: &P,
    message: &OutboundMessage,
    clock: Option<&dyn Clock>,
) -> Result<SendReceipt> {
    let end = message.deadline.zip(clock).map(|(deadline, clock)| clock.elapsed().saturating_add(deadline));
    let mut failed = Vec::new();
    let mut last: Option<Error> = None;
    let mut closed = false;
    for (index, content) in message.contents().enumerate() {
        if closed && !message.opens_conversation_with(content) {
            continue;
        }
        let deadline = match (end, clock) {
            (Some(end), Some(clock)) => Some(end.saturating_sub(clock.elapsed())),
            _ => message.deadline,
        };
        if last.is_some() && deadline.is_some_and(|left| left.is_zero()) {
            break;
        }
        let single = message.with_only(content);
        let result = match provider.check(&single) {
            Err(refusal) => Err(refusal),
            Ok(()) => {
                let mut attempt =
                    Attempt::with_id(clock.map_or_else(AttemptId::without_clock, AttemptId::new));
                attempt.deadline = deadline;
                let result = provider.send_attempt(&single, &attempt).await;
                match &result {
                    // A failover is behind it: its attempts are the ones that were made.
                    Err(error) if !error.attempts().is_empty() => failed.extend_from_slice(error.attempts()),
                    Err(error) => {
                        failed.push(AttemptReport::failed(attempt.id, provider.id().clone(), error.into()));
                    }
                    Ok(_) => {}
                }
                result
            }
        };
        match result {
            Ok(receipt) => return Ok(receipt.with_content_index(index).after(failed)),
            Err(error) => {
                let stop = !another_content_may_go(&error);
                closed |= error.kind() == ErrorKind::WindowClosed;
                last = Some(error);
                if stop {
                    break;
                }
            }
        }
    }
    // A message has at least one content, so there is an error here.
    Err(last.unwrap_or_else(|| Error::invalid("content")).with_attempts(failed))
}

/// Whether the next alternative is worth trying at the same provider.
pub(crate) fn another_content_may_go(error: &Error) -> bool {
    error.acceptance() == Acceptance::NotAccepted
        && matches!(
            error.kind(),
            ErrorKind::Unsupported
                | ErrorKind::NotPortable
                | ErrorKind::MediaExpired
                | ErrorKind::WindowClosed
        )
}

impl AttemptId {
    /// An id for a provider that has no clock of its own.
    pub(crate) fn without_clock() -> Self {
        Self::from_u128(u128::from(entropy()) << 64 | u128::from(entropy()))
    }
}

forward_provider!([P: WhatsAppProvider + ?Sized] Arc<P>, <Self as AsRef<P>>::as_ref);
forward_provider!([P: WhatsAppProvider + ?Sized] Box<P>, <Self as AsRef<P>>::as_ref);
