//! What webhooks are signed with: auth tokens, and the shared keys that an account can have instead.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use crate::error::ConfigError;
use crate::secret::Secret;
use crate::twilio::TwilioBuilder;
use crate::webhook::{SignatureError, WebhookHead};

/// Names the key and the algorithm, where they are not the auth token and HMAC-SHA1. Anybody can write it, so it only
/// chooses among what is configured.
pub(super) const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// Shared keys as they were given to the builder.
#[derive(Clone, Default)]
pub(in crate::twilio) struct SharedKeySettings {
    keys: Vec<(String, String)>,
    required: bool,
}

impl SharedKeySettings {
    /// Checks them.
    pub(in crate::twilio) fn build(&self) -> Result<SharedKeys, ConfigError> {
        let keys = self.keys.iter().map(|(id, secret)| {
            let id = id.trim();
            // The header is a list with commas; an id with other signs could never be found in it.
            if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
                return Err(ConfigError::new("shared_key", "its id must be visible ASCII without commas"));
            }
            Ok((id.to_owned(), Secret::setting("shared_key", secret)?))
        });
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        if self.required && keys.is_empty() {
            return Err(ConfigError::new("require_shared_key", "needs a shared key"));
        }
        Ok(SharedKeys { keys, required: self.required })
    }
}

impl TwilioBuilder {
    /// A shared key of Twilio's webhook settings, by its id (`webhooks_sharedkey_…`) and its secret: webhooks that name
    /// it are signed with it, by HMAC-SHA1 or HMAC-SHA256, rather than with the auth token. Can be given several times.
    #[doc(alias = "SharedKey")]
    pub fn shared_key(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.shared_keys.keys.push((id.into(), secret.into()));
        self
    }

    /// Whether webhooks must be signed with a [shared key](Self::shared_key). Default no: those that name none are
    /// checked with the auth tokens. With yes an auth token that leaked signs nothing any more.
    pub fn require_shared_key(mut self, required: bool) -> Self {
        self.shared_keys.required = required;
        self
    }
}

/// The shared keys, by their ids.
#[derive(Default)]
pub(in crate::twilio) struct SharedKeys {
    keys: Vec<(String, Secret)>,
    required: bool,
}

impl SharedKeys {
    pub(in crate::twilio) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The secrets that may have signed a webhook which names this key, or none.
    pub(super) fn secrets<'k>(&'k self, named: Option<&str>, tokens: &'k [Secret]) -> Vec<&'k Secret> {
        let of_name = self.keys.iter().filter(|(id, _)| Some(&**id) == named);
        let found: Vec<_> = of_name.map(|(_, secret)| secret).collect();
        if found.is_empty() && !self.required { tokens.iter().collect() } else { found }
    }
}

/// What the header of the settings says.
pub(super) struct Settings<'r> {
    pub(super) key: Option<&'r str>,
    pub(super) algorithm: Algorithm,
}

impl<'r> Settings<'r> {
    pub(super) fn read(head: &'r WebhookHead<'_>) -> Result<Self, SignatureError> {
        let mut settings = Self { key: None, algorithm: Algorithm::Sha1 };
        if !head.headers.contains_key(SETTINGS) {
            return Ok(settings);
        }
        let header = head.header(SETTINGS).ok_or(SignatureError::Malformed)?;
        let (mut key, mut algorithm) = (None, None);
        for (name, value) in header.split(',').filter_map(|setting| setting.split_once('=')) {
            let (name, value) = (name.trim(), value.trim());
            let place = if name.eq_ignore_ascii_case("key") {
                &mut key
            } else if name.eq_ignore_ascii_case("algorithm") {
                &mut algorithm
            } else {
                continue;
            };
            // Of two different ones nobody knows which is meant.
            if place.replace(value).is_some_and(|before| before != value) {
                return Err(SignatureError::Mismatch);
            }
        }
        settings.key = key;
        if let Some(name) = algorithm {
            settings.algorithm = Algorithm::from_name(name).ok_or(SignatureError::Mismatch)?;
        }
        Ok(settings)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
}

impl Algorithm {
    /// Nothing but these two, so that no weaker one can be asked for.
    fn from_name(name: &str) -> Option<Self> {
        let is = |known| name.eq_ignore_ascii_case(known);
        match () {
            () if is("HMAC_SHA1") => Some(Self::Sha1),
            () if is("HMAC_SHA256") => Some(Self::Sha256),
            () => None,
        }
    }

    /// How many bytes a signature has.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether this is the secret's signature over any of the addresses with the parameters behind it.
    pub(super) fn holds(
        self,
        secret: &Secret,
        candidates: &[String],
        parameters: &[u8],
        signature: &[u8],
    ) -> bool {
        match self {
            Self::Sha1 => any_holds::<Hmac<Sha1>>(secret, candidates, parameters, signature),
            Self::Sha256 => any_holds::<Hmac<Sha256>>(secret, candidates, parameters, signature),
        }
    }
}

/// All of them are tried, so that the time does not tell which one held.
fn any_holds<M: Mac + KeyInit + Clone>(
    secret: &Secret,
    candidates: &[String],
    parameters: &[u8],
    signature: &[u8],
) -> bool {
    let Ok(key) = <M as KeyInit>::new_from_slice(secret.expose().as_bytes()) else {
        return false;
    };
    let mut holds = false;
    for candidate in candidates {
        let mac = key.clone().chain_update(candidate).chain_update(parameters);
        holds |= mac.verify_slice(signature).is_ok();
    }
    holds
}
