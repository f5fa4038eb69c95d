//! Twilio's Messages API for WhatsApp.
//!
//! What Twilio is unlike Meta in:
//!
//! * **An accepted message is queued and no more.** Most failures come later, as statuses. Give the builder a
//!   [`status_callback`](TwilioBuilder::status_callback); without one there are no statuses, and a message's reference is
//!   dropped.
//! * **A text has at most 1,600 characters**, and there are no stickers, reactions or quotes to send.
//!   [`check`](crate::WhatsAppProvider::check) says which message cannot go, before any request.
//! * **Media are sent by link.** Twilio fetches the file; it must be public. With a [`MediaHost`] of your own, files from
//!   memory and contact cards go out as well.
//! * **Buttons and lists are contents**, which Twilio must have before a message can name them. This crate makes one
//!   for each *shape* (so many buttons, so many rows), whose texts are variables, finds it again by its name, and shares it
//!   between clones: thousands of different messages need a handful. The number may send them within 24 hours of
//!   the user's last message, and without header, footer or sections.
//! * **Templates are contents** too. They are looked up by name and language in the account's list of approved ones, unless
//!   a [`ContentTemplate`] names the `ContentSid`. Parameters of headers, buttons and cards need a [`ContentTemplate`] in either
//!   case: Twilio has one flat set of variables, and nothing is guessed.
//! * **A lost answer can be looked for, but the list of messages shows no attempt.**
//!   [`find_sent`](crate::WhatsAppProvider::find_sent) says for certain only what
//!   [`same_text_is_same_message`](TwilioBuilder::same_text_is_same_message) allows; statuses name the attempt.
//! * **Webhooks are signed together with the URL** that Twilio was given:
//!   [`public_url`](TwilioBuilder::public_url). In Twilio's console, put `#rc=5&rp=all` at the end of the address of
//!   inbound messages, or Twilio gives up after one failed connection and after any error that is answered.
//! * **Files stay at Twilio** until they are [deleted](Twilio::delete_media).
//!   [`fetch_media`](crate::WhatsAppProvider::fetch_media) fetches those of the own account.
//!
//! ```no_run
//! use whatsapp_provider::{PhoneNumber, Twilio, WhatsAppProviderExt};
//!
//! # async fn send() -> Result<(), Box<dyn std::error::Error>> {
//! let twilio = Twilio::from_env()?;
//! let to = PhoneNumber::parse("+15551234567")?;
//! twilio.send_text(to, "Your table is ready").await?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;

mod account;
mod builder;
mod callback;
mod codes;
mod content;
mod environment;
mod error;
mod form;
mod hosting;
mod inbound;
mod lookup;
mod media;
mod outbound;
mod signature;
#[cfg(test)]
mod tests;
mod tokens;

#[cfg(feature = "simulator")]
pub(crate) use hosting::write_vcard;

pub use builder::TwilioBuilder;
pub use content::{CardVariables, ContentTemplate};
pub use hosting::{MediaHost, MediaHostError};

use account::Account;
use outbound::Outgoing;
use signature::{PublicUrl, SharedKeys};
use tokens::Tokens;

use crate::error::{ConfigError, Error, ErrorKind, Result};
use crate::ids::{AttemptId, MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::{EventKind, InboundEvent};
use crate::outbound::{Attempt, ContentKind, OutboundMessage, SendReceipt, Wish};
use crate::provider::{
    Capabilities, MediaStream, SentLookup, SentQuery, WhatsAppProvider, send_alternatives,
};
use crate::secret::Secret;
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

/// Twilio's Messages API for WhatsApp. A clone is cheap and shares everything, the auth token included.
#[derive(Clone)]
pub struct Twilio {
    id: ProviderId,
    tokens: Arc<Tokens>,
    shared_keys: Arc<SharedKeys>,
    /// What sends; a provider that only reads webhooks has none.
    account: Option<Account>,
    urls: Arc<[PublicUrl]>,
    portfolio: Option<Arc<str>>,
    keep_raw: bool,
    twiml: bool,
}

impl Twilio {
    /// Starts to configure a provider.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// A provider from the environment: `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_WHATSAPP_NUMBER` (with or
    /// without `whatsapp:`) and, optionally, `TWILIO_STATUS_CALLBACK_URL`, `TWILIO_REGION` and `TWILIO_EDGE`.
    ///
    /// With `TWILIO_API_KEY` and `TWILIO_API_KEY_SECRET` the token is needed for webhooks only, and with
    /// `TWILIO_MESSAGING_SERVICE_SID` the number may be missing.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the variable that is missing, blank or malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        TwilioBuilder::from_env()?.build()
    }

    /// A provider that only verifies and reads webhooks. It needs neither an HTTP client nor a runtime.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the token is blank, or the address is not an absolute URL.
    pub fn webhook_only(
        auth_token: impl Into<String>,
        public_url: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        Self::builder().auth_token(auth_token).public_url(public_url).build()
    }

    /// The same account with another number: the same token, connections, templates and addresses. A Messaging Service
    /// stays as well.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the number is malformed, or if this provider is not configured to send.
    pub fn with_sender(&self, from_number: impl Into<String>) -> Result<Self, ConfigError> {
        let number = builder::from_number("from_number", &from_number.into())?;
        let mut other = self.clone();
        match &mut other.account {
            Some(account) => account.from_number = Some(number),
            None => {
                return Err(ConfigError::new("account_sid", "is missing: it is needed to send"));
            }
        }
        Ok(other)
    }

    /// Replaces the auth token in all clones, for sending and for verifying. The one before no longer verifies anything;
    /// [old tokens](TwilioBuilder::old_auth_token) stay.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the token is blank; the one before stays then.
    pub fn set_token(&self, auth_token: impl Into<String>) -> Result<(), ConfigError> {
        self.tokens.set_token(&auth_token.into())
    }

    /// Replaces the API key in all clones, or begins to log in with one. Webhooks are verified as before.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the SID is malformed or the secret is blank; everything stays as it was then.
    pub fn set_api_key(&self, sid: impl Into<String>, secret: impl Into<String>) -> Result<(), ConfigError> {
        self.tokens.set_key(&sid.into(), &secret.into())
    }

    /// Another account, such as a subaccount, with its own auth token and number: the same connections, addresses and
    /// media host. What belongs to one account stays behind: API keys, old tokens, shared keys, the Messaging Service, the
    /// [contents](ContentTemplate) of templates, and the portfolio.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if one of the three is malformed, or if this provider is not configured to send.
    pub fn with_account(
        &self,
        account_sid: impl Into<String>,
        auth_token: impl Into<String>,
        from_number: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let account_sid = builder::sid_of("account_sid", "AC", &account_sid.into())?;
        let token = Secret::setting("auth_token", &auth_token.into())?;
        let mut other = self.with_sender(from_number)?;
        other.tokens = Arc::new(Tokens::new(Some(token), None, Vec::new()));
        other.shared_keys = Arc::default();
        other.portfolio = None;
        if let Some(account) = &mut other.account {
            account.account_sid = account_sid;
            account.tokens = Arc::clone(&other.tokens);
            account.messaging_service_sid = None;
            account.portfolio = None;
            account.contents = Arc::new(account.contents.of_another_account());
        }
        Ok(other)
    }

    /// Calls back a message that Twilio keeps until [its time](field@crate::OutboundMessage::send_at).
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`](crate::ErrorKind::InvalidMessage) if Twilio does not know the message, or it is not one of
    /// Twilio's by its id, [`Unrecognized`](crate::ErrorKind::Unrecognized) if it is no longer kept but sent,
    /// [`NotPortable`](crate::ErrorKind::NotPortable) if it is another provider's; otherwise as Twilio answers. Unless the
    /// error is a refusal, the message may be called back all the same.
    pub async fn cancel_scheduled(&self, message: &MessageRef) -> Result<()> {
        self.try_cancel(message).await.map_err(|error| self.named(error))
    }

    async fn try_cancel(&self, message: &MessageRef) -> Result<()> {
        let account = self.account()?;
        if message.sender.provider != self.id {
            return Err(Error::not_portable("message"));
        }
        account.cancel(&message.id).await
    }

    fn account(&self) -> Result<&Account> {
        self.account.as_ref().ok_or_else(|| Error::unsupported("auth_token"))
    }

    fn named(&self, error: Error) -> Error {
        error.with_provider(self.id.clone())
    }

    fn compose(&self, message: &OutboundMessage, attempt: AttemptId) -> Result<Outgoing> {
        let hosts = self.account.as_ref().is_some_and(|account| account.hosting.is_some());
        let planned = if hosts { hosting::with_stand_ins(message)? } else { None };
        let message = planned.as_ref().unwrap_or(message);
        outbound::compose(self.account.as_ref(), &self.id, message, attempt)
    }

    /// What is known of the account's templates may be wrong, if one of them failed.
    fn learn(&self, webhook: &VerifiedWebhook<'_>, event: &InboundEvent) {
        if let (Some(account), EventKind::Status(status)) = (&self.account, event.kind())
            && !webhook.is_assumed()
            && status.failures.iter().any(|failure| failure.kind == ErrorKind::TemplateUnavailable)
        {
            account.contents.doubt_templates();
        }
    }

    async fn try_send(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        let outgoing = self.compose(message, attempt.id)?;
        let account = self.account()?;
        // The files last: nothing is hosted for a message that cannot go.
        match account.with_hosted(message, attempt).await? {
            None => account.send(&self.id, outgoing, attempt).await,
            Some((message, attempt)) => {
                let outgoing = outbound::compose(Some(account), &self.id, &message, attempt.id)?;
                account.send(&self.id, outgoing, &attempt).await
            }
        }
    }

    async fn try_find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        // For the list it is all the same when the message is to be sent, and by now that may be too soon to be asked for.
        let mut message = query.message.with_only(&query.message.content);
        message.send_at = None;
        let outgoing = self.compose(&message, query.attempt)?;
        self.account()?.find_sent(&self.id, outgoing, query).await
    }

    async fn try_show_typing(&self, message: &MessageRef) -> Result<()> {
        let account = self.account()?;
        if message.sender.provider != self.id {
            return Err(Error::not_portable("message"));
        }
        account.show_typing(&message.id).await
    }
}

#[async_trait]
impl WhatsAppProvider for Twilio {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn senders(&self) -> Vec<SenderId> {
        self.account.iter().map(|account| account.sender(&self.id)).collect()
    }

    fn capabilities(&self) -> Capabilities {
        let Some(account) = &self.account else {
            return Capabilities::default();
        };
        let mut capabilities = Capabilities::new([
            ContentKind::Text,
            ContentKind::Image,
            ContentKind::Video,
            ContentKind::Audio,
            ContentKind::Document,
            ContentKind::Location,
            ContentKind::ReplyButtons,
            ContentKind::List,
            ContentKind::CtaUrl,
            ContentKind::Template,
        ]);
        if account.hosting.is_some() {
            capabilities.contents.insert(ContentKind::Contacts);
        }
        capabilities.drops.extend([
            Wish::Quote,
            Wish::LinkPreview,
            Wish::FileName,
            Wish::Caption,
            Wish::Voice,
            Wish::LocationAddress,
        ]);
        if account.status_callback.is_none() {
            capabilities.drops.insert(Wish::Reference);
        }
        capabilities.max_text = Some(outbound::MAX_BODY_CHARS);
        capabilities.max_caption = Some(outbound::MAX_CAPTION_CHARS);
        capabilities.show_typing = true;
        capabilities
    }

    /// A Messaging Service receives for the numbers of its pool, which nobody lists here.
    fn receives_for(&self, sender: &SenderId) -> bool {
        let pool = self.account.as_ref().is_some_and(Account::sends_from_a_pool);
        self.senders().contains(sender) || (pool && sender.provider == self.id)
    }

    fn api(&self) -> Option<String> {
        self.account.as_ref()?.api()
    }

    fn credentials_version(&self) -> u64 {
        self.tokens.version()
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        // Every attempt id has the same length, so any will do.
        self.compose(message, AttemptId::from_u128(0)).map(drop).map_err(|error| self.named(error))
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        self.try_send(message, attempt).await.map_err(|error| self.named(error))
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        let account = self.account().map_err(|error| self.named(error))?;
        send_alternatives(self, message, Some(&*account.clock)).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        head.headers.contains_key(signature::SIGNATURE)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        signature::verify(request, &self.tokens.all(), &self.shared_keys, &self.urls)?;
        Ok(request.attest(&self.id))
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        if webhook.provider() != &self.id {
            return Err(ForeignWebhook::new(webhook.provider().clone()));
        }
        let event = inbound::read(webhook, self.portfolio.as_deref());
        self.learn(webhook, &event);
        Ok(vec![if self.keep_raw { event.with_raw(inbound::raw(webhook)) } else { event }])
    }

    fn acknowledge(&self, _: &VerifiedWebhook<'_>) -> WebhookReply {
        if self.twiml {
            WebhookReply::xml("<Response/>")
        } else {
            WebhookReply::empty(StatusCode::NO_CONTENT)
        }
    }

    async fn show_typing(&self, message: &MessageRef) -> Result<()> {
        self.try_show_typing(message).await.map_err(|error| self.named(error))
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream> {
        self.fetch_file(media).await
    }

    async fn probe(&self) -> Result<()> {
        let answer = match self.account() {
            Ok(account) => account.probe().await,
            Err(error) => Err(error),
        };
        answer.map_err(|error| self.named(error))
    }

    /// Looks once at the newest messages to the recipient. They show no attempt, so by default nothing is
    /// [`Found`](SentLookup::Found): a message that may be the one is [`CannotTell`](SentLookup::CannotTell). With
    /// [`same_text_is_same_message`](TwilioBuilder::same_text_is_same_message) a text that is there exactly once is found,
    /// or refused if it failed with a code that proves that nobody got it. What is not a text is never found: how Twilio
    /// lists it is not documented.
    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        self.try_find_sent(query).await.map_err(|error| self.named(error))
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio")
            .field("id", &self.id)
            .field("senders", &self.senders())
            .finish_non_exhaustive()
    }
}
