use std::sync::Arc;

use super::super::endpoint::{EndpointPath, Host, header_name, not_plain, plain_segment};
use super::super::media::Uploads;
use super::super::sending::Sending;
use super::super::signature::{SecretHeader, Verification, is_metas};
use super::super::{MetaCloud, Shared};
use super::{MetaCloudBuilder, Proof};
use crate::clock::default_clock;
use crate::error::ConfigError;
use crate::http_client::default_client;
use crate::ids::SenderId;
use crate::secret::Secret;

impl MetaCloudBuilder {
    pub(super) fn assemble(self) -> Result<MetaCloud, ConfigError> {
        let verification = self.verification()?;
        let verify_token =
            self.verify_token.as_deref().map(|text| Secret::setting("verify_token", text)).transpose()?;
        if verify_token.is_some() && !verification.is_configured() {
            let missing = if self.endpoint.signs_webhooks { "app_secret" } else { "webhook_secret_header" };
            return Err(ConfigError::new(
                missing,
                "missing: with the verify token alone webhooks would come that cannot be verified",
            ));
        }
        if self.portfolio.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(ConfigError::new("portfolio", "is blank"));
        }
        if self.app_id.as_ref().is_some_and(|id| !plain_segment(id)) {
            return Err(not_plain("app_id"));
        }
        let host = Host::new(self.endpoint, self.base_url.as_deref(), self.api_version, self.account_id)?;
        if self.marketing.is_some() && !host.has(EndpointPath::MarketingMessages) {
            return Err(ConfigError::new("marketing_messages", "this host has no address for them"));
        }
        let proof_secret = proof_secret(self.proof, &verification.app_secrets)?;
        if proof_secret.is_some() && !host.takes_access_tokens() {
            return Err(ConfigError::new(
                "appsecret_proof",
                "is of an access token, and this host has keys of its own",
            ));
        }

        let mut shared = Shared {
            id: self.id,
            verification,
            verify_token,
            portfolio: self.portfolio,
            app_id: self.app_id,
            host: Arc::new(host),
            proof_secret,
            keep_raw: self.keep_raw,
            unknown_error_is_refusal: self.unknown_error_is_refusal,
            marketing: self.marketing,
            limits: self.limits,
            media_limits: self.media_limits,
            uploads: Uploads::default(),
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
            (None, None) if !shared.verification.is_configured() => {
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

    /// What webhooks are verified with. It is nothing only if nothing was given.
    fn verification(&self) -> Result<Verification, ConfigError> {
        let app_secrets = self
            .app_secrets
            .iter()
            .map(|text| Secret::setting("app_secret", text))
            .collect::<Result<Vec<_>, _>>()?;
        let header = secret_header("webhook_secret_header", &self.secret_headers)?;
        let hmac = secret_header("webhook_hmac_header", &self.hmac_headers)?;
        if header.as_ref().zip(hmac.as_ref()).is_some_and(|(header, hmac)| header.name == hmac.name) {
            return Err(ConfigError::new(
                "webhook_hmac_header",
                "is the webhook_secret_header as well: one header has one value",
            ));
        }
        if !self.endpoint.signs_webhooks && !app_secrets.is_empty() {
            // It would look as if webhooks were verified, and every one would be refused.
            return Err(match header.as_ref().or(hmac.as_ref()) {
                None => ConfigError::new(
                    "webhook_secret_header",
                    "missing: this host does not sign webhooks with the app secret",
                ),
                Some(_) => {
                    ConfigError::new("app_secret", "is of no use: this host does not sign webhooks with it")
                }
            });
        }
        if self.unescaped_bodies && app_secrets.is_empty() {
            return Err(ConfigError::new(
                "unescaped_webhooks",
                "is of Meta's signature, which is verified with an app secret",
            ));
        }
        Ok(Verification { app_secrets, header, hmac, unescaped_bodies: self.unescaped_bodies })
    }
}

fn secret_header(
    field: &'static str,
    given: &[(String, String)],
) -> Result<Option<SecretHeader>, ConfigError> {
    let mut header: Option<SecretHeader> = None;
    for (name, secret) in given {
        let name = header_name(field, name)?;
        if is_metas(&name) {
            return Err(ConfigError::new(
                field,
                "is the header of Meta's signature, which app_secret verifies",
            ));
        }
        let secret = Secret::setting(field, secret)?;
        match &mut header {
            None => header = Some(SecretHeader { name, secrets: vec![secret] }),
            Some(header) if header.name == name => header.secrets.push(secret),
            Some(_) => {
                return Err(ConfigError::new(
                    field,
                    "several secrets are those of one header, with one name",
                ));
            }
        }
    }
    Ok(header)
}

fn proof_secret(proof: Proof, app_secrets: &[Secret]) -> Result<Option<Secret>, ConfigError> {
    let missing = |problem| Err(ConfigError::new("appsecret_proof", problem));
    match (proof, app_secrets) {
        (Proof::Off, _) => Ok(None),
        (Proof::Secret(text), _) => Secret::setting("appsecret_proof", &text).map(Some),
        (Proof::OwnSecret, [secret]) => Ok(Some(secret.clone())),
        (Proof::OwnSecret, []) => missing("needs the app secret"),
        (Proof::OwnSecret, _) => missing("needs to know with which of the app secrets: appsecret_proof_with"),
    }
}

impl Shared {
    /// What it takes to send from the number with this id.
    pub(in crate::meta) fn sending(
        &self,
        phone_number_id: String,
        token: &str,
    ) -> Result<Sending, ConfigError> {
        if !plain_segment(&phone_number_id) {
            return Err(not_plain("phone_number_id"));
        }
        let http = self.http.clone().map_or_else(default_client, Ok)?;
        let clock = self.clock.clone().map_or_else(default_clock, Ok)?;
        let sender = SenderId::new(self.id.clone(), phone_number_id);
        Sending::new(Arc::clone(&self.host), self.proof_secret.clone(), sender, token, http, clock)
    }
}
