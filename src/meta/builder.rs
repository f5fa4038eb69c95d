use std::fmt;
use std::sync::Arc;

mod assemble;

use super::MetaCloud;
use super::endpoint::Endpoint;
use super::marketing::MarketingMessages;
use crate::clock::Clock;
use crate::env::{self, Names};
use crate::error::ConfigError;
use crate::http_client::{HttpClient, Limits};
use crate::ids::ProviderId;

/// Settings of a [`MetaCloud`].
///
/// To send it needs an access token and a phone number id, to verify webhooks an app secret (or the header by which another
/// host proves them); either half will do.
#[must_use]
pub struct MetaCloudBuilder {
    id: ProviderId,
    phone_number_id: Option<String>,
    access_token: Option<String>,
    account_id: Option<String>,
    app_id: Option<String>,
    app_secrets: Vec<String>,
    secret_headers: Vec<(String, String)>,
    hmac_headers: Vec<(String, String)>,
    unescaped_bodies: bool,
    proof: Proof,
    verify_token: Option<String>,
    endpoint: Endpoint,
    api_version: Option<String>,
    base_url: Option<String>,
    portfolio: Option<String>,
    keep_raw: bool,
    unknown_error_is_refusal: bool,
    marketing: Option<MarketingMessages>,
    http_client: Option<Arc<dyn HttpClient>>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    media_limits: Limits,
    /// The variables that settings were read from, if they were.
    pub(super) variables: Names,
}

/// With which app secret requests prove that they come from the app's own servers.
enum Proof {
    Off,
    OwnSecret,
    Secret(String),
}

impl MetaCloudBuilder {
    pub(super) fn new() -> Self {
        Self {
            id: ProviderId::META,
            phone_number_id: None,
            access_token: None,
            account_id: None,
            app_id: None,
            app_secrets: Vec::new(),
            secret_headers: Vec::new(),
            hmac_headers: Vec::new(),
            unescaped_bodies: false,
            proof: Proof::Off,
            verify_token: None,
            endpoint: Endpoint::meta(),
            api_version: None,
            base_url: None,
            portfolio: None,
            keep_raw: false,
            unknown_error_is_refusal: false,
            marketing: None,
            http_client: None,
            clock: None,
            limits: Limits::default(),
            media_limits: Limits::media(),
            variables: &[],
        }
    }

    /// Its id among other providers. Default [`ProviderId::META`].
    pub fn id(mut self, id: ProviderId) -> Self {
        self.id = id;
        self
    }

    /// The id of the number to send from, as Meta's app dashboard shows it. It is not the number itself.
    pub fn phone_number_id(mut self, id: impl Into<String>) -> Self {
        self.phone_number_id = Some(id.into());
        self
    }

    /// The token to send with: a system user's or a business's, with the permission `whatsapp_business_messaging`. Other
    /// hosts than Meta have a key in its place.
    #[doc(alias = "api_key")]
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.access_token = Some(token.into());
        self
    }

    /// The id of the WhatsApp Business Account that the number belongs to. Sending does not need it; to list
    /// [templates](MetaCloud::templates) and to see who is subscribed to webhooks does, and also the permission
    /// `whatsapp_business_management`. A failover that knows it is not closed by the news of the application's other
    /// accounts.
    #[doc(alias = "WABA")]
    pub fn account_id(mut self, id: impl Into<String>) -> Self {
        self.account_id = Some(id.into());
        self
    }

    /// The id of the app, by which [`check_account`](MetaCloud::check_account) tells its own subscription from those of
    /// other apps.
    pub fn app_id(mut self, id: impl Into<String>) -> Self {
        self.app_id = Some(id.into());
        self
    }

    /// The app secret that webhooks are signed with. Give several while one replaces another, or for several apps: each
    /// of them counts.
    pub fn app_secret(mut self, secret: impl Into<String>) -> Self {
        self.app_secrets.push(secret.into());
        self
    }

    /// Whether every request to the Graph API carries `appsecret_proof`, which Meta asks for where an app is set to
    /// "Require App Secret": with it a token that was stolen is of no use without the app's secret. Default no. It is made
    /// with the one [`app_secret`](Self::app_secret), and anew by [`set_token`](MetaCloud::set_token); if there are several
    /// say which one, with [`appsecret_proof_with`](Self::appsecret_proof_with).
    ///
    /// ```no_run
    /// # use whatsapp_provider::{ConfigError, MetaCloud};
    /// # fn run(token: &str, app_secret: &str) -> Result<(), ConfigError> {
    /// let meta = MetaCloud::builder()
    ///     .phone_number_id("106540352242922")
    ///     .access_token(token)
    ///     .app_secret(app_secret)
    ///     .appsecret_proof(true)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "Require App Secret")]
    pub fn appsecret_proof(mut self, prove: bool) -> Self {
        self.proof = if prove { Proof::OwnSecret } else { Proof::Off };
        self
    }

    /// As [`appsecret_proof`](Self::appsecret_proof), with this secret: for a service that verifies no webhooks, and while
    /// one app secret replaces another.
    pub fn appsecret_proof_with(mut self, app_secret: impl Into<String>) -> Self {
        self.proof = Proof::Secret(app_secret.into());
        self
    }

    /// A header by whose value webhooks are known to be genuine, for hosts that do not sign them with an app secret: a
    /// secret of your own, which is entered there beside the webhook's URL. Give several with the same name while one
    /// replaces another: each of them will do.
    ///
    /// It proves less than a signature, since whoever sees one webhook can make others: never give it to anybody but the
    /// host, and take webhooks by `https` only. Where there is an app secret as well, **both** must hold.
    #[doc(alias = "360dialog")]
    pub fn webhook_secret_header(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.secret_headers.push((name.into(), secret.into()));
        self
    }

    /// A header by which another host than Meta signs webhooks: the HMAC with SHA-256 of the body as it is received, with
    /// this secret as its key, in hexadecimal digits, with or without `sha256=` in front. Give several with the same name
    /// while one replaces another: each of them will do. Where there is an app secret or a
    /// [`webhook_secret_header`](Self::webhook_secret_header) as well, **all** must hold.
    ///
    /// What Meta itself signs is verified with the [`app_secret`](Self::app_secret).
    ///
    /// ```no_run
    /// # use whatsapp_provider::{ConfigError, MetaCloud, meta::Endpoint};
    /// # fn run(key: &str, secret: &str) -> Result<(), ConfigError> {
    /// let gateway = MetaCloud::builder()
    ///     .endpoint(Endpoint::new("https://gateway.example").signs_webhooks(false))
    ///     .phone_number_id("106540352242922")
    ///     .access_token(key)
    ///     .webhook_hmac_header("x-gateway-signature", secret)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn webhook_hmac_header(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.hmac_headers.push((name.into(), secret.into()));
        self
    }

    /// Whether a webhook is also genuine if its signature is that of the same body with every character beyond ASCII
    /// escaped (`\u00e4`), as Meta writes and signs it. Default no. It is for services behind a proxy that rewrites bodies,
    /// and only for those that undo the escapes and change nothing else. It is of Meta's signature only, and so needs an
    /// [`app_secret`](Self::app_secret).
    pub fn unescaped_webhooks(mut self, accept: bool) -> Self {
        self.unescaped_bodies = accept;
        self
    }

    /// The token that was entered in Meta's app dashboard beside the webhook's URL. Without it every
    /// [`handshake`](crate::WhatsAppProvider::handshake) is refused.
    pub fn verify_token(mut self, token: impl Into<String>) -> Self {
        self.verify_token = Some(token.into());
        self
    }

    /// Where the API is and how one logs in there, for hosts other than Meta that speak its payload. Default
    /// [`Endpoint::meta`].
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// The version of the Graph API. Default the endpoint's, which is `v25.0` for Meta.
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = Some(version.into());
        self
    }

    /// Where the API is. Default the endpoint's, which is `https://graph.facebook.com` for Meta. Under another host Meta's
    /// hosts of files are not told the token, unless the endpoint [names them](Endpoint::media_host).
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The business portfolio that the number belongs to. User ids that are received are marked with it, and a user id
    /// that is marked is sent to only if it is marked with this one.
    #[doc(alias = "BSUID")]
    pub fn portfolio(mut self, portfolio: impl Into<String>) -> Self {
        self.portfolio = Some(portfolio.into());
        self
    }

    /// Whether every event keeps the JSON it was read from. Default no; what was not understood always does.
    pub fn keep_raw(mut self, keep: bool) -> Self {
        self.keep_raw = keep;
        self
    }

    /// Whether Meta's "something went wrong" (131000) as the answer to a send means that the message was not taken.
    /// Default no, because nobody says so: the message may arrive all the same.
    pub fn unknown_error_is_refusal(mut self, refusal: bool) -> Self {
        self.unknown_error_is_refusal = refusal;
        self
    }

    /// Sends templates whose message is of the category marketing through the Marketing Messages API. Default not: they go
    /// where everything goes. The endpoint must have an address for it
    /// ([`EndpointPath::MarketingMessages`](super::EndpointPath::MarketingMessages)).
    pub fn marketing_messages(mut self, settings: MarketingMessages) -> Self {
        self.marketing = Some(settings);
        self
    }

    /// The client that requests go through. Default the bundled one, if the crate has one.
    pub fn http_client(mut self, client: Arc<dyn HttpClient>) -> Self {
        self.http_client = Some(client);
        self
    }

    /// The clock. Default `TokioClock`, if the crate has it.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How long requests may take. Default [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long uploads and downloads of files may take, and how large one that is fetched may be. Default
    /// [`Limits::media`].
    pub fn media_limits(mut self, limits: Limits) -> Self {
        self.media_limits = limits;
        self
    }

    /// Makes the provider.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting: one that is blank or malformed, an access token without a phone number id or
    /// the reverse, a verify token without anything to verify webhooks with, an app secret for a host that does not sign
    /// with it, settings that contradict each other, or neither of the two halves. To send it also needs an HTTP client and a clock; to verify it needs neither.
    pub fn build(self) -> Result<MetaCloud, ConfigError> {
        let variables = self.variables;
        self.assemble().map_err(|error| env::by_variable(error, variables))
    }
}

impl fmt::Debug for MetaCloudBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetaCloudBuilder")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("api_version", &self.api_version)
            .field("keep_raw", &self.keep_raw)
            .field("limits", &self.limits)
            .field("media_limits", &self.media_limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
