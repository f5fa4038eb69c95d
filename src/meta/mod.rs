//! Meta's WhatsApp Cloud API.
//!
//! [`MetaCloud`] sends through the Graph API and reads Meta's webhooks. The rooms are those of every provider:
//! `outbound` turns messages into requests, `inbound` webhooks into events, `signature` verifies, `error` says what
//! the codes mean.
//!
//! Every kind of content is sent. What is longer, larger or more numerous than Meta takes is refused as
//! [`Unsupported`](crate::ErrorKind::Unsupported) before any request, with the field and its limit.
//!
//! # Files
//!
//! A message can bring its file along. It is uploaded first, and the id that it gets there is used again for the same
//! bytes as long as Meta keeps them. An upload that fails leaves no doubt: the message has not left.
//!
//! ```no_run
//! # use whatsapp_provider::{Content, MetaCloud, OutboundMessage, PhoneNumber, WhatsAppProvider};
//! # async fn run(meta: MetaCloud, to: PhoneNumber) -> Result<(), Box<dyn std::error::Error>> {
//! use whatsapp_provider::outbound::FileBytes;
//!
//! let photo = FileBytes::new(std::fs::read("table.jpg")?, "image/jpeg");
//! meta.send(&OutboundMessage::new(to, Content::image(photo).with_caption("Your table"))).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a user sent is fetched piece by piece, and held against its length and its hash on the way. A file is whole when
//! the last piece was followed by `None`, and not before:
//!
//! ```no_run
//! # use whatsapp_provider::{MetaCloud, WhatsAppProvider, inbound::InboundMedia};
//! # async fn run(meta: MetaCloud, image: InboundMedia) -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::Write;
//!
//! let mut media = meta.fetch_media(&image.media).await?;
//! let mut file = std::fs::File::create("inbound.part")?;
//! while let Some(piece) = media.chunk().await? {
//!     file.write_all(&piece)?;
//! }
//! std::fs::rename("inbound.part", "inbound.jpg")?;
//! # Ok(())
//! # }
//! ```
//!
//! A webhook is read up to 20,000 elements, entries and changes among them (Meta posts 1,000 updates at once at most). What
//! is beyond them comes as one [`Unrecognized`](crate::EventKind::Unrecognized) event with its bytes.
//!
//! The token goes to Meta's own hosts only, or to the one host that was set up in their place, whatever an answer or a
//! redirect names; others can be [listed](Endpoint::media_host).
//!
//! Meta has no list of sent messages, so [`find_sent`](crate::WhatsAppProvider::find_sent) is
//! [`Unsupported`](crate::ErrorKind::Unsupported): of a message whose answer was lost only the statuses tell, which name
//! the attempt.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

mod account;
mod api;
mod builder;
mod codes;
mod endpoint;
mod environment;
mod error;
#[cfg(test)]
mod fake;
mod inbound;
mod marketing;
mod media;
mod outbound;
mod sending;
mod signature;
mod templates;
#[cfg(test)]
mod tests;
mod wire;
mod words;

#[cfg(feature = "simulator")]
pub(crate) use outbound::write_contacts;

pub use account::{
    AccountProblem, AccountReport, CanSend, Checked, HealthEntity, HealthProblem, HealthStatus, NameStatus,
    NumberState, NumberStatus, SubscribedApp, TemplateCheck,
};
pub use builder::MetaCloudBuilder;
pub use endpoint::{Endpoint, EndpointAuth, EndpointPath};
pub use marketing::{MarketingMessages, ProductPolicy};
pub use media::{MediaInfo, MediaKind, MediaUpload};
pub use templates::{
    ButtonKind, ButtonParameters, HeaderFormat, MessageTemplate, ParameterFormat, Quality, TemplateCategory,
    TemplateList, TemplatePages, TemplateParameters, TemplateStatus,
};

use crate::clock::Clock;
use crate::error::{ConfigError, Result};
use crate::http_client::{HttpClient, Limits};
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{Capabilities, MediaStream, WhatsAppProvider, send_alternatives};
use crate::secret::Secret;
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};
use endpoint::Host;
use media::Uploads;
use sending::Sending;
use signature::Verification;

/// Meta's WhatsApp Cloud API: one number to send from, and the webhooks of all of an app's numbers.
///
/// A clone is the same provider. `Debug` prints no secret.
///
/// ```no_run
/// use whatsapp_provider::{MetaCloud, PhoneNumber, WhatsAppProviderExt};
///
/// # async fn send() -> Result<(), Box<dyn std::error::Error>> {
/// let meta = MetaCloud::builder()
///     .phone_number_id("106540352242922")
///     .access_token(std::fs::read_to_string("/run/secrets/meta_token")?)
///     .build()?;
/// let receipt = meta.send_text(PhoneNumber::parse("+15551234567")?, "Your table is ready").await?;
/// # Ok(())
/// # }
/// ```
///
/// A service that only reads webhooks needs the secret they are signed with and no more:
///
/// ```
/// use whatsapp_provider::{MetaCloud, WhatsAppProviderExt, WebhookRequest, clock::Timestamp};
///
/// let meta = MetaCloud::webhook_only("app secret", "verify token")?;
///
/// let request = http::Request::post("/webhook")
///     .header("x-hub-signature-256", "sha256=44e5aa7e3b8b5f2b0b1b7d2bb3f33c4bb9c2a79af1a4ae37ae5da2e0f9e7a1c2")
///     .body(r#"{"object":"whatsapp_business_account","entry":[]}"#)?;
/// let now = Timestamp::from(std::time::SystemTime::now());
/// assert!(meta.receive(&WebhookRequest::from_http(&request, now)).is_err(), "a forged one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "CloudApi")]
#[doc(alias = "GraphApi")]
#[derive(Clone)]
pub struct MetaCloud {
    shared: Arc<Shared>,
    sending: Option<Arc<Sending>>,
}

/// What the providers of several numbers have in common.
struct Shared {
    id: ProviderId,
    verification: Verification,
    verify_token: Option<Secret>,
    portfolio: Option<String>,
    app_id: Option<String>,
    host: Arc<Host>,
    /// The app secret that proves the token, where requests carry the proof.
    proof_secret: Option<Secret>,
    keep_raw: bool,
    unknown_error_is_refusal: bool,
    marketing: Option<MarketingMessages>,
    limits: Limits,
    media_limits: Limits,
    uploads: Uploads,
    http: Option<Arc<dyn HttpClient>>,
    clock: Option<Arc<dyn Clock>>,
}

impl MetaCloud {
    /// Settings to make one with.
    pub fn builder() -> MetaCloudBuilder {
        MetaCloudBuilder::new()
    }

    /// Reads the settings from the environment: `WHATSAPP_ACCESS_TOKEN` and `WHATSAPP_PHONE_NUMBER_ID` to send,
    /// `WHATSAPP_APP_SECRET` to verify webhooks, and `WHATSAPP_VERIFY_TOKEN` to answer the handshake. Either half will
    /// do: one that only sends needs no app secret, one that only reads webhooks neither token nor number.
    /// `WHATSAPP_BUSINESS_ACCOUNT_ID` may be there as well, for [`templates`](Self::templates) and
    /// [`check_account`](Self::check_account).
    ///
    /// A host that proves webhooks by a [secret header](MetaCloudBuilder::webhook_secret_header) has that header's name in
    /// `WHATSAPP_WEBHOOK_SECRET_HEADER` and its value in `WHATSAPP_WEBHOOK_SECRET`. Which host it is stays in the code:
    ///
    /// ```no_run
    /// use whatsapp_provider::meta::{Endpoint, MetaCloudBuilder};
    ///
    /// let dialog360 = MetaCloudBuilder::from_env()?.endpoint(Endpoint::dialog360()).build()?;
    /// # Ok::<(), whatsapp_provider::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the variable that is missing or malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        MetaCloudBuilder::from_env()?.build()
    }

    /// A provider that reads webhooks and cannot send. It needs no HTTP client and no clock.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if one of the two is blank.
    pub fn webhook_only(
        app_secret: impl Into<String>,
        verify_token: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        Self::builder().app_secret(app_secret).verify_token(verify_token).build()
    }

    /// The same provider for another number: it shares everything but the token, connections included.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the id or the token is blank or malformed, or if there is no HTTP client or clock to share
    /// and none is bundled.
    pub fn with_sender(
        &self,
        phone_number_id: impl Into<String>,
        access_token: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let sending = self.shared.sending(phone_number_id.into(), &access_token.into())?;
        Ok(Self { shared: Arc::clone(&self.shared), sending: Some(Arc::new(sending)) })
    }

    /// Replaces the access token, at once and in all clones. Providers made by [`with_sender`](Self::with_sender) keep
    /// theirs.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the token is blank or malformed (the old one stays), or if this provider cannot send.
    pub fn set_token(&self, access_token: &str) -> Result<(), ConfigError> {
        match &self.sending {
            Some(sending) => sending.set_token(access_token),
            None => Err(ConfigError::new("phone_number_id", "missing: a token is of no use without one")),
        }
    }
}

impl fmt::Debug for MetaCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetaCloud")
            .field("id", &self.shared.id)
            .field("sender", &self.sending.as_ref().map(|sending| &sending.sender))
            .field("verifies", &self.shared.verification.is_configured())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl WhatsAppProvider for MetaCloud {
    fn id(&self) -> &ProviderId {
        &self.shared.id
    }

    fn senders(&self) -> Vec<SenderId> {
        let sending = self.sending.iter();
        sending.map(|sending| sending.sender.clone()).collect()
    }

    fn capabilities(&self) -> Capabilities {
        match self.sending {
            Some(_) => outbound::capabilities(),
            None => Capabilities::default(),
        }
    }

    /// Whether it is the one that the builder was [given](MetaCloudBuilder::account_id).
    fn receives_for_account(&self, account: &str) -> Option<bool> {
        self.shared.host.account().map(|own| own == account)
    }

    fn api(&self) -> Option<String> {
        self.sending.as_deref()?.api()
    }

    fn credentials_version(&self) -> u64 {
        self.sending.as_deref().map_or(0, Sending::credentials_version)
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        let sending = self.sending()?;
        self.prepare(sending, message).map(drop).map_err(|error| error.with_provider(self.shared.id.clone()))
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.attempt(message, attempt).await.map_err(|error| error.with_provider(self.shared.id.clone()))
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        let clock = Arc::clone(&self.sending()?.clock);
        send_alternatives(self, message, Some(&*clock)).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.shared.verification.recognizes(head)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        self.shared.verification.verify(request)?;
        Ok(request.attest(&self.shared.id))
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        if webhook.provider() != &self.shared.id {
            return Err(ForeignWebhook::new(webhook.provider().clone()));
        }
        Ok(inbound::read(webhook, self.shared.portfolio.as_deref(), self.shared.keep_raw))
    }

    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        signature::handshake(self.shared.verify_token.as_ref(), head)
    }

    async fn mark_read(&self, message: &MessageRef) -> Result<()> {
        self.read(message, false).await.map_err(|error| error.with_provider(self.shared.id.clone()))
    }

    /// Shows that an answer is being typed. Meta marks the message as read with it, whether that is wanted or not.
    async fn show_typing(&self, message: &MessageRef) -> Result<()> {
        self.read(message, true).await.map_err(|error| error.with_provider(self.shared.id.clone()))
    }

    /// Fetches a file by its id: what a user sent, for seven days, or what was uploaded. It is asked for at Meta's own hosts
    /// and at those that the builder was told, never at another.
    ///
    /// # Errors
    ///
    /// [`MediaExpired`](crate::ErrorKind::MediaExpired) if Meta does not keep the file (any longer),
    /// [`NotPortable`](crate::ErrorKind::NotPortable) if it is another sender's,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if it is larger than the media limits allow (in bytes),
    /// [`NoAnswer`](crate::ErrorKind::NoAnswer) with the field `media.url` if it is said to be at a host that is not
    /// trusted; otherwise as Meta answers. What is wrong with the content comes while it is read.
    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream> {
        self.fetch_file(media).await
    }

    async fn probe(&self) -> Result<()> {
        self.ask_for_number().await.map_err(|error| error.with_provider(self.shared.id.clone()))
    }
}
