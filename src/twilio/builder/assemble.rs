use std::sync::Arc;

use super::super::Twilio;
use super::super::account::Account;
use super::super::callback::{StatusCallback, absolute_url};
use super::super::content::Contents;
use super::super::hosting::Hosting;
use super::super::signature::PublicUrl;
use super::super::tokens::{ApiKey, Tokens};
use super::TwilioBuilder;
use crate::address::PhoneNumber;
use crate::clock::default_clock;
use crate::error::ConfigError;
use crate::http_client::{base_url, default_client};
use crate::secret::Secret;

impl TwilioBuilder {
    pub(super) fn assemble(self) -> Result<Twilio, ConfigError> {
        let token =
            self.auth_token.as_deref().map(|token| Secret::setting("auth_token", token)).transpose()?;
        let old = self
            .old_auth_tokens
            .iter()
            .map(|token| Secret::setting("old_auth_token", token))
            .collect::<Result<Vec<_>, _>>()?;
        if self.portfolio.as_deref().is_some_and(|portfolio| portfolio.trim().is_empty()) {
            return Err(ConfigError::new("portfolio", "must not be blank"));
        }
        let portfolio: Option<Arc<str>> = self.portfolio.as_deref().map(|portfolio| portfolio.trim().into());
        let (urls, callback) = self.addresses()?;
        let shared_keys = self.shared_keys.build()?;
        let has_secret = token.is_some() || !old.is_empty() || !shared_keys.is_empty();
        let can_verify = has_secret && !urls.is_empty();
        let key = self.api_key.as_ref().map(|(sid, secret)| ApiKey::new(sid, secret)).transpose()?;
        let tokens = Arc::new(Tokens::new(token, key, old));
        let account = self.account(&tokens, callback, portfolio.clone())?;
        if account.is_none() && !can_verify {
            let missing = if has_secret { "public_url" } else { "auth_token" };
            return Err(ConfigError::new(missing, "is missing: it can neither send nor verify"));
        }
        Ok(Twilio {
            id: self.id,
            tokens,
            shared_keys: Arc::new(shared_keys),
            account,
            urls: urls.into(),
            portfolio,
            keep_raw: self.keep_raw,
            twiml: self.twiml,
        })
    }

    /// The addresses for which webhooks are accepted, and the status callback.
    fn addresses(&self) -> Result<(Vec<PublicUrl>, Option<Arc<StatusCallback>>), ConfigError> {
        let mut urls = Vec::new();
        for url in &self.public_urls {
            let url = url.trim();
            absolute_url("public_url", url)?;
            urls.push(PublicUrl::new(url));
        }
        let Some(url) = &self.status_callback else {
            return Ok((urls, None));
        };
        let callback = StatusCallback::new(url)?;
        let own = PublicUrl::new(url.trim());
        if urls.is_empty() {
            urls.push(own.origin_only());
        }
        urls.push(own);
        Ok((urls, Some(Arc::new(callback))))
    }

    /// The half that sends, if there is anything of it.
    fn account(
        &self,
        tokens: &Arc<Tokens>,
        status_callback: Option<Arc<StatusCallback>>,
        portfolio: Option<Arc<str>>,
    ) -> Result<Option<Account>, ConfigError> {
        // Malformed addresses and templates are refused also where they are of no use yet.
        let contents = Arc::new(Contents::new(self.contents.clone())?);
        let base = self.host("base_url", &self.base_url, "api")?;
        let messaging = self.host("messaging_url", &self.messaging_url, "messaging")?;
        let content = self.host("content_url", &self.content_url, "content")?;
        let media = Arc::new(self.media.build(&base)?);
        let from_number =
            self.from_number.as_deref().map(|number| self::from_number("from_number", number)).transpose()?;
        let service = self
            .messaging_service_sid
            .as_deref()
            .map(|sid| sid_of("messaging_service_sid", "MG", sid))
            .transpose()?;
        let missing = |field, problem| Err(ConfigError::new(field, problem));
        let has_sender = from_number.is_some() || service.is_some();
        let account_sid = match self.account_sid.as_deref() {
            None if has_sender => return missing("account_sid", "is missing: it is needed to send"),
            None => return Ok(None),
            Some(sid) => sid_of("account_sid", "AC", sid)?,
        };
        if !has_sender {
            return missing("from_number", "is missing: sending needs a number or a Messaging Service");
        }
        if tokens.login(&account_sid).is_none() {
            return missing("auth_token", "is missing: it, or an API key, is needed to send");
        }
        let http = match &self.http_client {
            Some(client) => Arc::clone(client),
            None => default_client()?,
        };
        let clock = match &self.clock {
            Some(clock) => Arc::clone(clock),
            None => default_clock()?,
        };
        Ok(Some(Account {
            account_sid,
            tokens: Arc::clone(tokens),
            from_number,
            messaging_service_sid: service,
            status_callback,
            portfolio,
            contents,
            hosting: self.media_host.clone().map(|host| Arc::new(Hosting::new(host))),
            base_url: base.into(),
            messaging_url: messaging.into(),
            content_url: content.into(),
            believe_retry_after: self.believe_retry_after,
            say_intent: self.say_intent,
            same_text_is_same_message: self.same_text_is_same_message,
            http,
            clock,
            limits: self.limits,
            media,
        }))
    }

    /// Where a product's API is: as it was given, or by region and edge.
    fn host(
        &self,
        field: &'static str,
        given: &Option<String>,
        product: &str,
    ) -> Result<String, ConfigError> {
        let [region, edge] = [("region", &self.region), ("edge", &self.edge)].map(|(field, name)| {
            let name = name.as_deref().map(str::trim);
            let is_name = |name: &str| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            match name {
                Some(name) if !is_name(name) => {
                    Err(ConfigError::new(field, "must be letters, digits and hyphens"))
                }
                name => Ok(name.map(str::to_ascii_lowercase)),
            }
        });
        let url = match (given, edge?, region?) {
            (Some(url), _, _) => url.clone(),
            (None, None, None) => format!("https://{product}.twilio.com"),
            (None, None, Some(region)) => format!("https://{product}.{region}.twilio.com"),
            (None, Some(edge), region) => {
                // An edge is always an edge of a region.
                let region = region.as_deref().unwrap_or("us1");
                format!("https://{product}.{edge}.{region}.twilio.com")
            }
        };
        base_url(field, &url)
    }
}

/// Reads one of the business's own numbers.
pub(in crate::twilio) fn from_number(field: &'static str, number: &str) -> Result<PhoneNumber, ConfigError> {
    let number = number.trim();
    PhoneNumber::parse(number.strip_prefix("whatsapp:").unwrap_or(number))
        .map_err(|error| ConfigError::new(field, error.to_string()))
}

pub(in crate::twilio) fn sid_of(
    field: &'static str,
    prefix: &str,
    sid: &str,
) -> Result<Arc<str>, ConfigError> {
    let sid = sid.trim();
    if is_sid(prefix, sid) {
        Ok(sid.into())
    } else {
        let problem = format!("must be {prefix} and 32 hexadecimal digits");
        Err(ConfigError::new(field, problem))
    }
}

/// Whether this is a SID of Twilio's: two letters and 32 hexadecimal digits.
pub(in crate::twilio) fn is_sid(prefix: &str, sid: &str) -> bool {
    sid.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
