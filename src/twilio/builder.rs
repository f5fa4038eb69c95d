use std::fmt;
use std::sync::Arc;

mod assemble;

pub(super) use assemble::{from_number, is_sid, sid_of};

use super::Twilio;
use super::content::ContentSettings;
use super::hosting::MediaHost;
use super::media::MediaSettings;
use super::signature::SharedKeySettings;
use crate::clock::Clock;
use crate::env::{self, Names};
use crate::error::ConfigError;
use crate::http_client::{HttpClient, Limits};
use crate::ids::ProviderId;

/// Configures a [`Twilio`].
///
/// To send, it needs an account SID, an auth token or an API key, and a number or a Messaging Service. To verify webhooks,
/// it needs an auth token and the address that Twilio was given. Either half alone is fine.
///
/// ```no_run
/// use whatsapp_provider::Twilio;
///
/// # fn main() -> Result<(), whatsapp_provider::ConfigError> {
/// let twilio = Twilio::builder()
///     .account_sid("AC0123456789abcdef0123456789abcdef")
///     .auth_token("the auth token")
///     .from_number("+14155238886")
///     .status_callback("https://example.com/webhook")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct TwilioBuilder {
    id: ProviderId,
    account_sid: Option<String>,
    pub(super) auth_token: Option<String>,
    pub(super) api_key: Option<(String, String)>,
    old_auth_tokens: Vec<String>,
    pub(super) from_number: Option<String>,
    pub(super) messaging_service_sid: Option<String>,
    pub(super) status_callback: Option<String>,
    public_urls: Vec<String>,
    portfolio: Option<String>,
    pub(super) contents: ContentSettings,
    media_host: Option<Arc<dyn MediaHost>>,
    pub(super) region: Option<String>,
    pub(super) edge: Option<String>,
    base_url: Option<String>,
    messaging_url: Option<String>,
    content_url: Option<String>,
    keep_raw: bool,
    twiml: bool,
    believe_retry_after: bool,
    say_intent: bool,
    same_text_is_same_message: bool,
    http_client: Option<Arc<dyn HttpClient>>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    pub(super) media: MediaSettings,
    pub(super) shared_keys: SharedKeySettings,
    /// The variables that settings were read from, if they were.
    pub(super) variables: Names,
}

impl TwilioBuilder {
    pub(super) fn new() -> Self {
        Self {
            id: ProviderId::TWILIO,
            account_sid: None,
            auth_token: None,
            api_key: None,
            old_auth_tokens: Vec::new(),
            from_number: None,
            messaging_service_sid: None,
            status_callback: None,
            public_urls: Vec::new(),
            portfolio: None,
            contents: ContentSettings::default(),
            media_host: None,
            region: None,
            edge: None,
            base_url: None,
            messaging_url: None,
            content_url: None,
            keep_raw: false,
            twiml: false,
            believe_retry_after: false,
            say_intent: false,
            same_text_is_same_message: false,
            http_client: None,
            clock: None,
            limits: Limits::default(),
            media: MediaSettings::default(),
            shared_keys: SharedKeySettings::default(),
            variables: &[],
        }
    }

    /// The provider's id. Default `twilio`.
    pub fn id(mut self, id: ProviderId) -> Self {
        self.id = id;
        self
    }

    /// The account SID: `AC` and 32 hexadecimal digits.
    pub fn account_sid(mut self, account_sid: impl Into<String>) -> Self {
        self.account_sid = Some(account_sid.into());
        self
    }

    /// The primary auth token. It logs in, unless there is an [API key](Self::api_key), and it signs webhooks.
    pub fn auth_token(mut self, auth_token: impl Into<String>) -> Self {
        self.auth_token = Some(auth_token.into());
        self
    }

    /// An API key that logs in, instead of the auth token: its SID (`SK` and 32 hexadecimal digits) and its secret. It can
    /// be revoked alone, and a restricted one needs the permission to create and read messages. Webhooks are signed with
    /// the auth token all the same.
    pub fn api_key(mut self, sid: impl Into<String>, secret: impl Into<String>) -> Self {
        self.api_key = Some((sid.into(), secret.into()));
        self
    }

    /// A further token that webhooks may be signed with, and that is not used to send: the one before or after a
    /// rotation, or a subaccount's. Can be given several times.
    pub fn old_auth_token(mut self, auth_token: impl Into<String>) -> Self {
        self.old_auth_tokens.push(auth_token.into());
        self
    }

    /// The WhatsApp number that messages come from, in E.164 form (`+14155238886`), with or without `whatsapp:`.
    pub fn from_number(mut self, from_number: impl Into<String>) -> Self {
        self.from_number = Some(from_number.into());
        self
    }

    /// The Messaging Service that messages are sent with: `MG` and 32 hexadecimal digits. Without a number, Twilio takes
    /// one of the service's pool, and a message whose [`from`](field@crate::OutboundMessage::from) is a number is sent from
    /// that one.
    pub fn messaging_service_sid(mut self, messaging_service_sid: impl Into<String>) -> Self {
        self.messaging_service_sid = Some(messaging_service_sid.into());
        self
    }

    /// Where Twilio posts the statuses of messages: https (http only to this machine), at most 3,000 characters, and no
    /// underscore in the host. The attempt's id and the message's reference are added to its query, and, unless it has
    /// connection overrides of its own, `#rc=5&rp=all` to its end: by default Twilio gives a status up after one
    /// failed connection, and after any error that is answered.
    ///
    /// Webhooks that are signed for it are accepted. If no [`public_url`](Self::public_url) is given, so are those for
    /// any other path of the same host.
    pub fn status_callback(mut self, url: impl Into<String>) -> Self {
        self.status_callback = Some(url.into());
        self
    }

    /// An address at which Twilio posts webhooks, exactly as it was entered there. Can be given several times.
    ///
    /// Twilio signs the public address, which behind a proxy the application cannot see; `Host` and `X-Forwarded-*` can
    /// be written by anybody. So it is configured: with a path, or without one for every path of the host.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_urls.push(url.into());
        self
    }

    /// The Meta business portfolio to which the number belongs: the scope of its users' business-scoped ids. Without it,
    /// only ids without a scope can be sent to.
    #[doc(alias = "BSUID")]
    pub fn portfolio(mut self, portfolio: impl Into<String>) -> Self {
        self.portfolio = Some(portfolio.into());
        self
    }

    /// Where files that messages bring along are kept, so that Twilio can fetch them. Without one, media are sent by link
    /// only, and no contact cards.
    pub fn media_host(mut self, host: Arc<dyn MediaHost>) -> Self {
        self.media_host = Some(host);
        self
    }

    /// The region that the account's data are in, such as `ie1`. Credentials belong to one region. Default: Twilio's own,
    /// `us1`, which is where its WhatsApp is.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The edge through which Twilio is reached, such as `dublin`. Default: Twilio's own.
    pub fn edge(mut self, edge: impl Into<String>) -> Self {
        self.edge = Some(edge.into());
        self
    }

    /// Where the API for messages is. Default `https://api.twilio.com`, or as [`region`](Self::region) and
    /// [`edge`](Self::edge) say.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Where the API for typing indicators is. Default `https://messaging.twilio.com`, or as [`region`](Self::region) and
    /// [`edge`](Self::edge) say.
    pub fn messaging_url(mut self, url: impl Into<String>) -> Self {
        self.messaging_url = Some(url.into());
        self
    }

    /// Where the API for contents is. Default `https://content.twilio.com`.
    pub fn content_url(mut self, url: impl Into<String>) -> Self {
        self.content_url = Some(url.into());
        self
    }

    /// Whether every event keeps the form it was read from. Default no.
    pub fn keep_raw(mut self, keep_raw: bool) -> Self {
        self.keep_raw = keep_raw;
        self
    }

    /// Whether webhooks are acknowledged with an empty TwiML document rather than with 204. Default no.
    #[doc(alias = "TwiML")]
    pub fn acknowledge_with_twiml(mut self, twiml: bool) -> Self {
        self.twiml = twiml;
        self
    }

    /// Whether Twilio's "service unavailable" (20503) with a `Retry-After` counts as a refusal. Default no: Twilio does
    /// not promise that the message was not accepted, others have found it so. With yes a failover moves on at once,
    /// and a message may be sent twice if they are wrong.
    pub fn unavailable_with_retry_after_is_refusal(mut self, believe: bool) -> Self {
        self.believe_retry_after = believe;
        self
    }

    /// Whether a message says what it is for (`MessageIntent`), by its
    /// [category](crate::OutboundMessage::effective_category): `otp`, `notifications`, `marketing` or `customercare`. Default
    /// no: nobody says what Twilio does with it on WhatsApp.
    pub fn message_intent(mut self, say: bool) -> Self {
        self.say_intent = say;
        self
    }

    /// Whether a text that was sent to the same recipient from the same sender within five minutes after an attempt began
    /// is the one whose answer was lost. Default no: Twilio's list does not show which attempt made a message, so
    /// [`find_sent`](crate::WhatsAppProvider::find_sent) finds none for certain. Say yes only if no two messages with the
    /// same text go to the same recipient within ten minutes; where they do all the same, a lost one is reported as sent.
    pub fn same_text_is_same_message(mut self, same: bool) -> Self {
        self.same_text_is_same_message = same;
        self
    }

    /// The HTTP client. Default: the bundled one, where there is one.
    pub fn http_client(mut self, http_client: Arc<dyn HttpClient>) -> Self {
        self.http_client = Some(http_client);
        self
    }

    /// The clock. Default: tokio's, where there is one.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The limits of a request.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that is missing, blank or malformed. What can neither send nor verify is
    /// refused, and so is what can half send. Without a bundled HTTP client or clock, sending needs one of each.
    pub fn build(self) -> Result<Twilio, ConfigError> {
        let variables = self.variables;
        self.assemble().map_err(|error| env::by_variable(error, variables))
    }
}

impl fmt::Debug for TwilioBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioBuilder")
            .field("id", &self.id)
            .field("contents", &self.contents)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
