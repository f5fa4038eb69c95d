use std::fmt;
use std::sync::Arc;

use super::endpoint::{Endpoint, Host, not_plain, plain_segment};
use super::sending::Sending;
use super::{MetaCloud, Shared};
use crate::clock::{Clock, default_clock};
use crate::env::{self, Names};
use crate::error::ConfigError;
use crate::http_client::{HttpClient, Limits, default_client};
use crate::ids::{ProviderId, SenderId};
use crate::secret::Secret;

/// Settings of a [`MetaCloud`].
///
/// To send it needs an access token and a phone number id, to verify webhooks an app secret; either half will do.
#[must_use]
pub struct MetaCloudBuilder {
    id: ProviderId,
    phone_number_id: Option<String>,
    access_token: Option<String>,
    app_secrets: Vec<String>,
    verify_token: Option<String>,
    endpoint: Endpoint,
    api_version: Option<String>,
    base_url: Option<String>,
    portfolio: Option<String>,
    keep_raw: bool,
    unknown_error_is_refusal: bool,
    http_client: Option<Arc<dyn HttpClient>>,
    clock: Option<Arc<dyn Clock>>,
    limits: Limits,
    /// The variables that settings were read from, if they were.
    pub(super) variables: Names,
}

impl MetaCloudBuilder {
    pub(super) fn new() -> Self {
        Self {
            id: ProviderId::META,
            phone_number_id: None,
            access_token: None,
            app_secrets: Vec::new(),
            verify_token: None,
            endpoint: Endpoint::meta(),
            api_version: None,
            base_url: None,
            portfolio: None,
            keep_raw: false,
            unknown_error_is_refusal: false,
            http_client: None,
            clock: None,
            limits: Limits::default(),
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

    /// The token to send with: a system user's or a business's, with the permission `whatsapp_business_messaging`.
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.access_token = Some(token.into());
        self
    }

    /// The app secret that webhooks are signed with. Give several while one replaces another, or for several apps: each
    /// of them counts.
    pub fn app_secret(mut self, secret: impl Into<String>) -> Self {
        self.app_secrets.push(secret.into());
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

    /// Where the API is. Default the endpoint's, which is `https://graph.facebook.com` for Meta.
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

    /// Makes the provider.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting: one that is blank or malformed, an access token without a phone number id or
    /// the reverse, a verify token without an app secret, or neither of the two halves. To send it also needs an HTTP
    /// client and a clock; to verify it needs neither.
    pub fn build(self) -> Result<MetaCloud, ConfigError> {
        let variables = self.variables;
        self.assemble().map_err(|error| env::by_variable(error, variables))
    }

    fn assemble(self) -> Result<MetaCloud, ConfigError> {
        let app_secrets = self
            .app_secrets
            .iter()
            .map(|text| Secret::setting("app_secret", text))
            .collect::<Result<Vec<_>, _>>()?;
        let verify_token =
            self.verify_token.map(|text| Secret::setting("verify_token", &text)).transpose()?;
        if verify_token.is_some() && app_secrets.is_empty() {
            return Err(ConfigError::new(
                "app_secret",
                "missing: with the verify token alone Meta would send webhooks that cannot be verified",
            ));
        }
        if self.portfolio.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(ConfigError::new("portfolio", "is blank"));
        }
        let host = Host::new(self.endpoint, self.base_url.as_deref(), self.api_version)?;

        let mut shared = Shared {
            id: self.id,
            app_secrets,
            verify_token,
            portfolio: self.portfolio,
            host: Arc::new(host),
            keep_raw: self.keep_raw,
            unknown_error_is_refusal: self.unknown_error_is_refusal,
            limits: self.limits,
            http: self.http_client,
            clock: self.clock,
        };
        let sending = match (self.phone_number_id, self.access_token) {
            (Some(id), Some(token)) => Some(Arc::new(shared.sending(id, &token)?)),
            (Some(_), None) => {
                return Err(ConfigError::new("access_token", "missing: a phone number id needs one"));
            }
            (None, Some(_)) => {
                return Err(ConfigError::new("phone_number_id", "missing: an access token needs one"));
            }
            (None, None) if shared.app_secrets.is_empty() => {
                return Err(ConfigError::new(
                    "access_token",
                    "missing, and so is the app secret: it could neither send nor verify",
                ));
            }
            (None, None) => None,
        };
        if let Some(sending) = &sending {
            // Those of other numbers share them.
            shared.http = Some(Arc::clone(&sending.http));
            shared.clock = Some(Arc::clone(&sending.clock));
        }
        Ok(MetaCloud { shared: Arc::new(shared), sending })
    }
}

impl Shared {
    /// What it takes to send from the number with this id.
    pub(super) fn sending(&self, phone_number_id: String, token: &str) -> Result<Sending, ConfigError> {
        if !plain_segment(&phone_number_id) {
            return Err(not_plain("phone_number_id"));
        }
        let http = self.http.clone().map_or_else(default_client, Ok)?;
        let clock = self.clock.clone().map_or_else(default_clock, Ok)?;
        let sender = SenderId::new(self.id.clone(), phone_number_id);
        Sending::new(Arc::clone(&self.host), sender, token, http, clock)
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
            .finish_non_exhaustive()
    }
}
