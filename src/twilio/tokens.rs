//! What logs in, and what signs webhooks.

use std::sync::{Arc, PoisonError, RwLock};

use super::builder::sid_of;
use crate::error::ConfigError;
use crate::secret::Secret;

/// The credentials, shared by all clones of a provider.
pub(super) struct Tokens {
    current: RwLock<Current>,
    /// For verification only.
    old: Vec<Secret>,
}

/// The credentials of now, and how often they were replaced.
struct Current {
    /// It signs webhooks, and logs in where there is no key.
    token: Option<Secret>,
    key: Option<ApiKey>,
    version: u64,
}

/// A key that logs in. It signs nothing.
pub(super) struct ApiKey {
    sid: Arc<str>,
    secret: Secret,
}

impl ApiKey {
    pub(super) fn new(sid: &str, secret: &str) -> Result<Self, ConfigError> {
        Ok(Self { sid: sid_of("api_key", "SK", sid)?, secret: Secret::setting("api_key_secret", secret)? })
    }
}

impl Tokens {
    pub(super) fn new(token: Option<Secret>, key: Option<ApiKey>, old: Vec<Secret>) -> Self {
        Self { current: RwLock::new(Current { token, key, version: 0 }), old }
    }

    /// The name and the password that log in, for an account.
    pub(super) fn login(&self, account_sid: &str) -> Option<String> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let (name, password) = match (&current.key, &current.token) {
            (Some(key), _) => (&*key.sid, &key.secret),
            (None, Some(token)) => (account_sid, token),
            (None, None) => return None,
        };
        Some(format!("{name}:{}", password.expose()))
    }

    pub(super) fn version(&self) -> u64 {
        self.current.read().unwrap_or_else(PoisonError::into_inner).version
    }

    /// Every token that may have signed a webhook.
    pub(super) fn all(&self) -> Vec<Secret> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.token.iter().chain(&self.old).cloned().collect()
    }

    /// Replaces the current token. The one before is forgotten: whoever replaces a token often does so because it leaked.
    pub(super) fn set_token(&self, token: &str) -> Result<(), ConfigError> {
        let token = Secret::setting("auth_token", token)?;
        self.replace(|current| current.token = Some(token));
        Ok(())
    }

    /// Replaces the key, or begins to log in with one.
    pub(super) fn set_key(&self, sid: &str, secret: &str) -> Result<(), ConfigError> {
        let key = ApiKey::new(sid, secret)?;
        self.replace(|current| current.key = Some(key));
        Ok(())
    }

    fn replace(&self, change: impl FnOnce(&mut Current)) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut current);
        current.version = current.version.wrapping_add(1);
    }
}
