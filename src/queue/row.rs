use sha2::{Digest, Sha256};

use super::QueueItem;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::hex::hex;
use crate::inbound::{EventKind, InboundEvent};
use crate::redact::redacted_debug;
use crate::sink::SinkError;

/// The longest key, in bytes, that is kept as it is: an index of PostgreSQL takes no entries over about 2,700.
const MAX_KEY: usize = 512;

/// What is inserted of an item.
pub struct NewRow {
    pub(crate) provider: String,
    /// None for an event whose id is only derived: it is inserted every time.
    pub(crate) event_id: Option<String>,
    pub(crate) kind: &'static str,
    /// Rows of one conversation are handled one after the other.
    pub(crate) conversation: String,
    pub(crate) payload: String,
    /// The smaller goes first.
    pub(crate) priority: i16,
    /// It rests until then.
    pub(crate) not_before: Option<Timestamp>,
}

redacted_debug! {
    NewRow { kind }
}

impl NewRow {
    pub(super) fn of_event(event: &InboundEvent) -> Result<Self, Error> {
        let id = event.id();
        Ok(Self {
            provider: event.provider().as_str().to_owned(),
            event_id: (!id.is_derived()).then(|| key(id.as_str())),
            kind: event.kind().as_str(),
            conversation: key(&conversation(event)),
            payload: serde_json::to_string(event)
                .map_err(|error| Error::invalid("event").with_source(error))?,
            priority: 0,
            not_before: None,
        })
    }

    /// The rows of a batch; what cannot be a row is rejected.
    pub(crate) fn all<T: QueueItem>(items: &[T]) -> Result<Vec<Self>, SinkError> {
        let mut rows = Vec::with_capacity(items.len());
        let mut rejected = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.row() {
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
    let group = match event.kind() {
        EventKind::Message(message) | EventKind::Observed(message) => message.group.as_ref(),
        EventKind::Echo(echo) => echo.group.as_ref(),
        _ => None,
    };
    let group = group.map(|group| group.as_str().to_owned());
    match event.kind() {
        EventKind::Status(status) => with(&format!("status/{}", status.message.id)),
        EventKind::Account(_) => with("account"),
        EventKind::Unrecognized(_) => with(event.id().as_str()),
        EventKind::Message(_) | EventKind::Observed(_) | EventKind::Identity(_) | EventKind::Echo(_) => {
            // Nobody is known: it waits for nothing.
            with(&group.or_else(of_user).unwrap_or_else(|| event.id().as_str().to_owned()))
        }
    }
}

/// A text as a database takes it for a key: without the character NUL, and not too long.
pub(super) fn key(text: &str) -> String {
    if text.len() <= MAX_KEY && !text.contains('\0') {
        return text.to_owned();
    }
    format!("sha256/{}", hex(&Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::{
        AccountNotice, DeliveryState, Echo, EventId, IdentityChange, InboundContent, InboundMessage, Notice,
        Unrecognized, User,
    };
    use crate::testing::EventMaker;
    use crate::{GroupId, MessageRef, PhoneNumber, ProviderId, SenderId, UserId};

    fn message_ref(id: &str) -> MessageRef {
        MessageRef::new(SenderId::new(ProviderId::META, "106540352242922"), id)
    }

    fn user(phone: Option<&str>, id: Option<&str>) -> User {
        User {
            phone: phone.map(|phone| PhoneNumber::parse(phone).unwrap()),
            user: id.map(|id| UserId::new(id).unwrap()),
            ..User::default()
        }
    }

    fn from(user: User) -> InboundEvent {
        let message = InboundMessage::new(message_ref("m"), user, InboundContent::text("Hi"));
        EventMaker::meta().event(EventId::new(["message", "m"]), message)
    }

    #[test]
    fn a_row_holds_what_the_event_says() {
        let event = from(user(Some("+15557654321"), None));
        let row = NewRow::of_event(&event).unwrap();
        assert_eq!((row.provider.as_str(), row.kind), ("meta", "message"));
        assert_eq!(row.event_id.as_deref(), Some("message/m"));
        assert_eq!(row.conversation, "meta/106540352242922/+15557654321");
        assert_eq!(serde_json::from_str::<InboundEvent>(&row.payload).unwrap(), event);
    }

    #[test]
    fn the_user_the_group_or_the_message_is_the_conversation() {
        let maker = EventMaker::meta();
        let mut in_group = InboundMessage::new(message_ref("m"), user(None, None), InboundContent::text(""));
        in_group.group = Some(GroupId::new("group-1").unwrap());
        let mut echo =
            Echo::new(message_ref("e"), user(Some("+15557654321"), None), InboundContent::text(""));
        let to_user = maker.event(EventId::new(["echo", "e"]), echo.clone());
        echo.group = Some(GroupId::new("group-1").unwrap());
        let id = || EventId::new(["some", "id"]);
        let change = IdentityChange::new(User::default(), user(Some("+15557654321"), None));
        let notice = AccountNotice::new(Notice::Reinstated);
        let observed = || EventMaker::meta().standby("+15557654321", InboundContent::text(""));
        let cases = [
            (observed(), "+15557654321"),
            (from(user(Some("+15557654321"), Some("US.1"))), "US.1"),
            (from(user(None, Some("US.1"))), "US.1"),
            (from(user(None, None)), "message/m"),
            (maker.event(id(), in_group), "group-1"),
            (maker.event(id(), echo), "group-1"),
            (to_user, "+15557654321"),
            (maker.event(id(), change), "+15557654321"),
            (maker.status(&message_ref("m"), DeliveryState::Read), "status/m"),
            (maker.event(id(), notice), "account"),
            (maker.event(id(), Unrecognized::new("new", &b"{}"[..])), "some/id"),
        ];
        for (event, expected) in cases {
            let row = NewRow::of_event(&event).unwrap();
            assert_eq!(row.conversation, format!("meta/106540352242922/{expected}"), "{event:?}");
        }
    }

    #[test]
    fn a_derived_id_is_no_id() {
        let notice = Unrecognized::new("new", &b"{}"[..]);
        let derived = EventMaker::meta().event(EventId::new(["x", "cafe"]), notice);
        assert_eq!(NewRow::of_event(&derived).unwrap().event_id, None);
    }

    #[test]
    fn a_key_that_a_database_does_not_take_is_hashed() {
        let longest = "k".repeat(MAX_KEY);
        assert_eq!(key(&longest), longest);
        let hashed = [key(&format!("{longest}k")), key("a\0b"), key("ab"), key("a\0c")];
        assert_eq!(hashed[2], "ab");
        for hash in [&hashed[0], &hashed[1], &hashed[3]] {
            assert!(hash.starts_with("sha256/") && hash.len() == 71 && !hash.contains('\0'), "{hash}");
        }
        assert_ne!(hashed[1], hashed[3]);
    }

    #[test]
    fn an_empty_batch_has_no_rows() {
        assert!(NewRow::all::<InboundEvent>(&[]).unwrap().is_empty());
    }
}
