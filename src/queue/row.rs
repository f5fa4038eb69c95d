use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::inbound::{EventKind, InboundEvent};
use crate::sink::SinkError;

/// The longest key, in bytes, that is kept as it is: an index of PostgreSQL takes no entries over about 2,700.
const MAX_KEY: usize = 512;

/// What is inserted of an event.
pub(crate) struct NewRow {
    pub(crate) provider: String,
    /// None for an event whose id is only derived: it is inserted every time.
    pub(crate) event_id: Option<String>,
    pub(crate) kind: &'static str,
    /// Rows of one conversation are handled one after the other.
    pub(crate) conversation: String,
    pub(crate) payload: String,
}

impl NewRow {
    pub(crate) fn of(event: &InboundEvent) -> Result<Self, serde_json::Error> {
        let id = event.id();
        Ok(Self {
            provider: event.provider().as_str().to_owned(),
            event_id: (!id.is_derived()).then(|| key(id.as_str())),
            kind: event.kind().as_str(),
            conversation: key(&conversation(event)),
            payload: serde_json::to_string(event)?,
        })
    }

    /// The rows of a batch; an event that cannot be written as JSON is rejected.
    pub(crate) fn all(events: &[InboundEvent]) -> Result<Vec<Self>, SinkError> {
        let mut rows = Vec::with_capacity(events.len());
        let mut rejected = Vec::new();
        for (index, event) in events.iter().enumerate() {
            match Self::of(event) {
                Ok(row) => rows.push(row),
                Err(_) => rejected.push(index),
            }
        }
        if rejected.is_empty() { Ok(rows) } else { Err(SinkError::Reject(rejected)) }
    }
}

/// What an event must not overtake: other events of the same user (or group) with the same sender. A status waits only
/// for those of the same message, so that it never stands behind a slow answer.
fn conversation(event: &InboundEvent) -> String {
    let sender = event.sender().map(|sender| sender.id.as_str()).unwrap_or_default();
    let with = |who: &str| format!("{}/{sender}/{who}", event.provider());
    let of_user = || {
        let user = event.user()?;
        Some(match (&user.user, &user.phone) {
            (Some(id), _) => id.as_str().to_owned(),
            (None, Some(phone)) => phone.to_e164(),
            (None, None) => return None,
        })
    };
    match event.kind() {
        EventKind::Status(status) => with(&format!("status/{}", status.message.id)),
        EventKind::Account(_) => with("account"),
        EventKind::Unrecognized(_) => with(event.id().as_str()),
        EventKind::Message(message) => match &message.group {
            Some(group) => with(group.as_str()),
            None => with(&of_user().unwrap_or_else(|| event.id().as_str().to_owned())),
        },
        EventKind::Identity(_) | EventKind::Echo(_) => {
            with(&of_user().unwrap_or_else(|| event.id().as_str().to_owned()))
        }
    }
}

/// A text as a database takes it for a key: without the character NUL, and not too long.
fn key(text: &str) -> String {
    if text.len() <= MAX_KEY && !text.contains('\0') {
        return text.to_owned();
    }
    format!("sha256/{}", hex(&Sha256::digest(text)))
}
