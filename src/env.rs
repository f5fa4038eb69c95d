//! Settings from the environment, for the constructors that say so in their name.

use crate::error::ConfigError;

/// A variable that must be there and not be blank.
pub(crate) fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name)?.ok_or_else(|| ConfigError::new(name, "the environment variable is missing or blank"))
}

/// A variable that may be missing; blank counts as missing.
pub(crate) fn optional(name: &'static str) -> Result<Option<String>, ConfigError> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(ConfigError::new(name, "the environment variable is not UTF-8"))
        }
    }
}
