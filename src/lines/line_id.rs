use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::ProviderId;

/// The name of a line, such as `shop-berlin`.
///
/// 1 to 64 characters out of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`, as a [`ProviderId`]. It is shown in logs and errors, so
/// it should not be a phone number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(ProviderId);

impl LineId {
    /// Makes an id.
    ///
    /// # Errors
    ///
    /// [`InvalidLineId`] if the name is empty, longer than 64 characters, or has a character other than letters,
    /// digits, `-`, `_` and `.`.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidLineId> {
        ProviderId::new(id).map(Self).map_err(|_| InvalidLineId)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A line's id was empty, too long, or had a character that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line id has 1 to 64 letters, digits, `-`, `_` or `.`")]
#[non_exhaustive]
pub struct InvalidLineId;

impl FromStr for LineId {
    type Err = InvalidLineId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for LineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LineId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
