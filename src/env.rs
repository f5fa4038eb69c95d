//! Settings from the environment, for the constructors that say so in their name.

use crate::error::ConfigError;

/// Settings and the variables that they are read from.
pub(crate) type Names = &'static [(&'static str, &'static str)];

/// A variable's value; blank counts as missing.
pub(crate) fn variable(name: &'static str) -> Result<Option<String>, ConfigError> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(ConfigError::new(name, "the environment variable is not UTF-8"))
        }
    }
}

/// A variable that should be there is not.
pub(crate) fn missing(name: &'static str) -> ConfigError {
    ConfigError::new(name, "the environment variable is missing or blank")
}

/// Names the variable instead of the setting that was read from it.
pub(crate) fn by_variable(mut error: ConfigError, names: Names) -> ConfigError {
    if let Some((_, variable)) = names.iter().find(|(setting, _)| *setting == error.field) {
        error.field = (*variable).into();
    }
    error
}
