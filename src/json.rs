//! How the values of the models are written as JSON.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version of the envelopes, written as `"v":1`.
///
/// A number that this version of the crate does not know is refused: it stands for a change that an old reader must not
/// misread. Additions do not raise it; they are ignored by readers that do not know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Version1;

impl Serialize for Version1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for Version1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(serde::de::Error::custom(format_args!("version {other} is not known here, only 1"))),
        }
    }
}

/// A piece of JSON that this crate passes through without reading it.
///
/// `Debug` does not print it.
///
/// ```
/// use whatsapp_provider::Json;
///
/// let json = Json::parse(r#"{"flow_token": "abc"}"#)?;
/// assert_eq!(json.to_text(), r#"{"flow_token":"abc"}"#);
/// # Ok::<(), whatsapp_provider::InvalidJson>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(pub(crate) serde_json::Value);

impl Json {
    /// Reads JSON text.
    ///
    /// # Errors
    ///
    /// [`InvalidJson`] if the text is not JSON.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        serde_json::from_str(text).map(Self).map_err(|_| InvalidJson)
    }

    /// Reads JSON text from outside that becomes a part of an event. What is no JSON stays a text, and so does what is
    /// nested so deep that nobody could read the event again.
    #[cfg(any(feature = "meta", feature = "twilio"))]
    pub(crate) fn or_text(text: &str) -> Self {
        let json = serde_json::from_str(text).ok().filter(|json| is_at_most(MAX_DEPTH, json));
        Self(json.unwrap_or_else(|| text.into()))
    }

    /// Writes any value as JSON.
    ///
    /// # Errors
    ///
    /// [`InvalidJson`] if the value has no JSON form, such as a map whose keys are not texts.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, InvalidJson> {
        serde_json::to_value(value).map(Self).map_err(|_| InvalidJson)
    }

    /// Reads it as a value of your own.
    ///
    /// # Errors
    ///
    /// [`InvalidJson`] if it does not have the shape of `T`.
    pub fn to_value<T: DeserializeOwned>(&self) -> Result<T, InvalidJson> {
        T::deserialize(&self.0).map_err(|_| InvalidJson)
    }

    /// The JSON as text, without spaces between the tokens.
    pub fn to_text(&self) -> String {
        self.0.to_string()
    }
}

/// How deep JSON within an event may be nested: half of what can be read, as the event around it is nested too.
#[cfg(any(feature = "meta", feature = "twilio"))]
const MAX_DEPTH: usize = 64;

#[cfg(any(feature = "meta", feature = "twilio"))]
fn is_at_most(depth: usize, json: &serde_json::Value) -> bool {
    let inner = |json| is_at_most(depth.saturating_sub(1), json);
    match json {
        serde_json::Value::Array(list) => depth > 0 && list.iter().all(inner),
        serde_json::Value::Object(object) => depth > 0 && object.values().all(inner),
        _ => true,
    }
}

/// For optional fields: JSON's own `null` is a value that is there.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json(..)")
    }
}

/// A text was not JSON, or JSON did not have the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON of the expected shape")]
#[non_exhaustive]
pub struct InvalidJson;

/// Durations in the models are exact to the millisecond, as their JSON is.
pub(crate) fn to_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Durations as a number of seconds, exact to the millisecond: `90`, `0.25`.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        optional::serialize(&Some(*value), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        optional::deserialize(deserializer).map(Option::unwrap_or_default)
    }

    pub(crate) mod optional {
        use std::time::Duration;

        use serde::de::Error;
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        /// 2^53 milliseconds: up to here a JSON number holds every millisecond exactly.
        const MAX_MILLIS: u128 = 1 << 53;

        #[allow(clippy::ref_option, reason = "serde fixes the signature")]
        pub(crate) fn serialize<S: Serializer>(
            value: &Option<Duration>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            let Some(duration) = value else {
                return serializer.serialize_none();
            };
            if duration.subsec_millis() == 0 {
                return duration.as_secs().serialize(serializer);
            }
            (duration.as_millis().min(MAX_MILLIS) as f64 / 1000.0).serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Duration>, D::Error> {
            #[derive(Deserialize)]
            #[serde(untagged)]
            enum Number {
                Whole(u64),
                Fraction(f64),
            }
            match Option::<Number>::deserialize(deserializer)? {
                None => Ok(None),
                Some(Number::Whole(seconds)) => Ok(Some(Duration::from_secs(seconds))),
                Some(Number::Fraction(seconds)) => {
                    let millis = (seconds * 1000.0).round();
                    if (0.0..=MAX_MILLIS as f64).contains(&millis) {
                        Ok(Some(Duration::from_millis(millis as u64)))
                    } else {
                        Err(Error::custom("a duration is a number of seconds, zero or more"))
                    }
                }
            }
        }
    }
}

/// Bytes as base64 (the standard alphabet, with padding).
pub(crate) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(|_| D::Error::custom("expected base64 with padding"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Envelope {
        v: Version1,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds::optional")]
        after: Option<Duration>,
    }

    #[cfg(any(feature = "meta", feature = "twilio"))]
    #[test]
    fn what_is_too_deep_for_an_event_stays_a_text() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(Json::or_text(&nested(64)).to_text(), nested(64));
        for text in [&nested(65), &nested(200), "no JSON", ""] {
            assert_eq!(Json::or_text(text).to_text(), format!("\"{text}\""));
        }
        assert_eq!(Json::or_text(r#" {"a": null} "#).to_text(), r#"{"a":null}"#);
    }

    #[test]
    fn versions_and_durations() {
        for (after, json) in [
            (None, r#"{"v":1}"#),
            (Some(Duration::from_secs(90)), r#"{"v":1,"after":90}"#),
            (Some(Duration::from_millis(250)), r#"{"v":1,"after":0.25}"#),
        ] {
            let value = Envelope { v: Version1, after };
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<Envelope>(json).unwrap(), value);
        }
        assert!(
            serde_json::from_str::<Envelope>(r#"{"v":2}"#).unwrap_err().to_string().contains("version 2")
        );
        assert!(serde_json::from_str::<Envelope>(r#"{"v":1,"after":-1}"#).is_err());
        assert!(serde_json::from_str::<Envelope>(r#"{"v":1,"after":1e300}"#).is_err());
    }
}
