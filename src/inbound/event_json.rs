//! The JSON of events.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::account::AccountNotice;
use super::event::{Echo, EventId, EventKind, InboundEvent};
use super::identity::IdentityChange;
use super::message::InboundMessage;
use super::status::StatusUpdate;
use super::unrecognized::{RawPayload, Unrecognized};
use crate::clock::Timestamp;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::json::Version1;

/// The field of a message that says which one it is.
const NAME: &str = "message";

impl InboundEvent {
    /// Whether the event's own sender and id name this message.
    fn names(&self, message: &MessageRef) -> bool {
        named(self.sender.as_ref(), &self.id).as_ref() == Some(message)
    }
}

/// The message that an event's sender and id name, if they name one.
fn named(sender: Option<&SenderId>, id: &EventId) -> Option<MessageRef> {
    let id = id.as_str().strip_prefix("message/")?;
    Some(MessageRef::new(sender?.clone(), id))
}

impl Serialize for InboundEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &Version1)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("provider", &self.provider)?;
        if let Some(sender) = &self.sender {
            map.serialize_entry("sender", sender)?;
        }
        if let Some(occurred_at) = &self.occurred_at {
            map.serialize_entry("occurred_at", occurred_at)?;
        }
        map.serialize_entry("received_at", &self.received_at)?;
        if self.assumed {
            map.serialize_entry("assumed", &true)?;
        }
        let kind = self.kind.as_str();
        map.serialize_entry("kind", kind)?;
        match &self.kind {
            EventKind::Message(value) if self.names(&value.message) => {
                let mut json = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
                if let Some(object) = json.as_object_mut() {
                    object.remove(NAME);
                }
                map.serialize_entry(kind, &json)?;
            }
            EventKind::Message(value) | EventKind::Observed(value) => map.serialize_entry(kind, value)?,
            EventKind::Status(value) => map.serialize_entry(kind, value)?,
            EventKind::Identity(value) => map.serialize_entry(kind, value)?,
            EventKind::Echo(value) => map.serialize_entry(kind, value)?,
            EventKind::Account(value) => map.serialize_entry(kind, value)?,
            EventKind::Unrecognized(value) => map.serialize_entry(kind, value)?,
        }
        if let Some(raw) = &self.raw {
            map.serialize_entry("raw", raw)?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
struct EventJson {
    #[serde(default, rename = "v")]
    _v: Version1,
    id: EventId,
    provider: ProviderId,
    sender: Option<SenderId>,
    occurred_at: Option<Timestamp>,
    received_at: Timestamp,
    #[serde(default)]
    assumed: bool,
    kind: String,
    raw: Option<RawPayload>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

impl<'de> Deserialize<'de> for InboundEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut json = EventJson::deserialize(deserializer)?;
        let value = json.rest.remove(&json.kind).unwrap_or_default();
        let message = named(json.sender.as_ref(), &json.id);
        Ok(Self {
            id: json.id,
            provider: json.provider,
            sender: json.sender,
            occurred_at: json.occurred_at,
            received_at: json.received_at,
            assumed: json.assumed,
            kind: read_kind(&json.kind, value, message),
            raw: json.raw,
        })
    }
}

/// Reads what an event is about. `message` is what its sender and id name, for a message that does not say so itself.
fn read_kind(name: &str, value: serde_json::Value, message: Option<MessageRef>) -> EventKind {
    fn read<T: serde::de::DeserializeOwned + Into<EventKind>>(
        value: &serde_json::Value,
    ) -> Option<EventKind> {
        T::deserialize(value).ok().map(Into::into)
    }
    let read_message = || {
        let mut value = value.clone();
        let object = value.as_object_mut()?;
        if let (false, Some(message)) = (object.contains_key(NAME), message) {
            object.insert(NAME.to_owned(), serde_json::to_value(message).ok()?);
        }
        // One that is not to be answered is another kind, whatever its writer called it.
        InboundMessage::deserialize(&value).ok().map(EventKind::from)
    };
    let read_observed =
        || InboundMessage::deserialize(&value).ok().map(|message| EventKind::Observed(Box::new(message)));
    let known = match name {
        "message" => read_message(),
        "observed" => read_observed(),
        "status" => read::<StatusUpdate>(&value),
        "identity" => read::<IdentityChange>(&value),
        "echo" => read::<Echo>(&value),
        "account" => read::<AccountNotice>(&value),
        "unrecognized" => read::<Unrecognized>(&value),
        _ => None,
    };
    known.unwrap_or_else(|| {
        Unrecognized::new("a kind of event that this version does not know", value.to_string())
            .with_what(name)
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#""v":1,"id":"poll/1","provider":"meta","received_at":"2026-11-22T10:00:00.000Z""#;

    #[test]
    fn a_message_that_is_not_to_be_answered_is_observed_whatever_it_is_called() {
        let message = |kind: &str, more: &str| {
            let name = r#"{"sender":{"provider":"meta","id":"1"},"id":"2"}"#;
            let value =
                format!(r#"{{"message":{name},"from":{{}},"content":{{"type":"text","body":"Hi"}}{more}}}"#);
            let json = format!(r#"{{{HEAD},"kind":"{kind}","{kind}":{value}}}"#);
            serde_json::from_str::<InboundEvent>(&json).unwrap().kind().as_str()
        };
        assert_eq!(message("message", ""), "message");
        for kind in ["message", "observed"] {
            assert_eq!(message(kind, r#","standby":true"#), "observed");
            assert_eq!(message(kind, r#","history":true"#), "observed");
        }
    }

    #[test]
    fn kinds_of_a_newer_writer_are_kept_whole() {
        for (kind, value) in [
            ("poll", r#"{"question":"?"}"#),
            (
                "message",
                r#"{"message":{"sender":{"provider":"meta","id":"1"},"id":"2"},"from":{},"content":{"type":"hologram"}}"#,
            ),
        ] {
            let json = format!(r#"{{{HEAD},"kind":"{kind}","{kind}":{value},"new_field":1}}"#);
            let event: InboundEvent = serde_json::from_str(&json).unwrap();
            let EventKind::Unrecognized(unrecognized) = event.kind() else { panic!("{event:?}") };
            assert_eq!(unrecognized.what.as_deref(), Some(kind));
            let kept: serde_json::Value = serde_json::from_slice(unrecognized.raw.as_bytes()).unwrap();
            assert_eq!(kept, serde_json::from_str::<serde_json::Value>(value).unwrap());
        }
        assert!(
            serde_json::from_str::<InboundEvent>(
                &format!(r#"{{{HEAD},"kind":"poll"}}"#).replace("\"v\":1", "\"v\":2")
            )
            .is_err()
        );
    }
}
