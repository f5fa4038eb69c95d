use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::redact::redacted_debug;

/// Something that was not understood.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unrecognized {
    /// What it calls itself, where that could be read: a type, a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// The account it is about, where the webhook names one (Meta: the WABA id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why it was not understood.
    pub reason: String,
    /// The bytes of the element.
    pub raw: RawPayload,
}

impl Unrecognized {
    /// An element, and why it was not understood.
    pub fn new(reason: impl Into<String>, raw: impl Into<RawPayload>) -> Self {
        Self { what: None, account: None, reason: reason.into(), raw: raw.into() }
    }

    /// Names the account it is about.
    #[must_use]
    pub fn with_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Names what it calls itself.
    #[must_use]
    pub fn with_what(mut self, what: impl Into<String>) -> Self {
        self.what = Some(what.into());
        self
    }
}

/// Bytes as they were received. As JSON: `{"text":"…"}`, or `{"base64":"…"}` where they are not UTF-8.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawPayload(Bytes);

impl RawPayload {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, if they are UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl<T: Into<Bytes>> From<T> for RawPayload {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for RawPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawPayload({} bytes)", self.0.len())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawJson {
    Text(String),
    #[serde(with = "crate::json::base64_bytes")]
    Base64(Bytes),
}

impl Serialize for RawPayload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_text() {
            Some(text) => RawJson::Text(text.to_owned()),
            None => RawJson::Base64(self.0.clone()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawPayload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match RawJson::deserialize(deserializer)? {
            RawJson::Text(text) => Self(text.into()),
            RawJson::Base64(bytes) => Self(bytes),
        })
    }
}

redacted_debug! { Unrecognized { raw } }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_survive_json() {
        for bytes in [&b"text"[..], b"", b"\xff\xfe"] {
            let raw = RawPayload::from(bytes.to_vec());
            let json = serde_json::to_string(&raw).unwrap();
            assert_eq!(serde_json::from_str::<RawPayload>(&json).unwrap(), raw);
        }
    }
}
