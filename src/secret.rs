//! Secrets that no `Debug` prints.

use std::fmt;
use std::sync::Arc;

use crate::error::ConfigError;

/// A token, an app secret or a password.
///
/// Blank values cannot be made: an empty HMAC key would let anybody sign.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    /// Trims surrounding white space (a trailing line break is the most common slip of a secrets file) and refuses
    /// what is blank then.
    pub(crate) fn new(value: &str) -> Option<Self> {
        let value = value.trim();
        (!value.is_empty()).then(|| Self(value.into()))
    }

    /// As [`new`](Self::new), for a setting of a builder, which the error names.
    pub(crate) fn setting(field: &'static str, value: &str) -> Result<Self, ConfigError> {
        Self::new(value).ok_or_else(|| ConfigError::new(field, "is blank"))
    }

    /// The secret itself, for the place that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_secrets_cannot_be_made() {
        assert!(Secret::new("").is_none());
        assert!(Secret::new(" \n\t").is_none());
        assert_eq!(Secret::new(" s3cret\n").unwrap().expose(), "s3cret");
    }

    #[test]
    fn debug_prints_no_secret() {
        assert!(!format!("{:?}", Secret::new("s3cret").unwrap()).contains("s3cret"));
    }
}
