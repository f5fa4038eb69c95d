use std::time::Duration;

use crate::ids::ProviderId;
use crate::outbound::OutboundMessage;
use crate::queue::item::Item;

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
use {
    crate::clock::Timestamp,
    crate::error::{Error, Result},
    crate::ids::AttemptId,
    crate::outbound::{Category, Content, validate},
    crate::queue::row::{NewRow, key},
};

impl Item for OutboundMessage {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    const TABLE: &'static str = "message_outbox";

    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
    const HAS_PRIORITY: bool = true;

    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
    fn row(&self) -> Result<NewRow> {
        NewRow::of_message(self, None)
    }

    fn provider(&self) -> Option<&ProviderId> {
        self.from.as_ref().map(|sender| &sender.provider).or(self.via.as_ref())
    }

    fn kind(&self) -> &'static str {
        self.content.kind().as_str()
    }

    fn is_over(&self, waited: Duration) -> bool {
        self.ttl.is_some_and(|ttl| waited >= ttl)
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
impl NewRow {
    /// The row of a message that some provider may carry. It has an idempotency key afterwards, so that every try of the
    /// row is the same message.
    pub(super) fn of_message(message: &OutboundMessage, not_before: Option<Timestamp>) -> Result<Self> {
        check(message)?;
        let mut message = message.clone();
        let id =
            message.idempotency_key.get_or_insert_with(|| format!("outbox/{}", AttemptId::without_clock()));
        let event_id = key(id);
        let conversation = match not_before {
            None => key(&conversation(&message)),
            Some(_) => key(&format!("later/{event_id}")),
        };
        let payload =
            serde_json::to_string(&message).map_err(|error| Error::invalid("content").with_source(error))?;
        if OutboundMessage::read(&payload).is_none() {
            return Err(unreadable(&message));
        }
        Ok(Self {
            // The key is the message's, whoever sends it.
            provider: String::new(),
            event_id: Some(event_id),
            kind: message.kind(),
            conversation,
            payload,
            priority: priority(message.effective_category()),
            not_before,
        })
    }
}

/// Refuses what no provider could carry, in the content or in an alternative.
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
fn check(message: &OutboundMessage) -> Result<()> {
    if message.idempotency_key.as_deref() == Some("") {
        // All messages with it would be one.
        return Err(Error::invalid("idempotency_key").with_limit(1, 0));
    }
    validate(message)?;
    for (index, content) in message.alternatives.iter().enumerate() {
        validate(&message.with_only(content)).map_err(|error| {
            let of_content = error.field().and_then(|field| field.strip_prefix("content"));
            match of_content.map(|rest| format!("alternatives[{index}]{rest}")) {
                Some(field) => error.with_field(field),
                None => error,
            }
        })?;
    }
    Ok(())
}

/// Names the content of a message that can be written but not read back. It can only hold JSON of the application's own
/// that is nested too deep; a worker would find it when nobody can mend it any more.
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
fn unreadable(message: &OutboundMessage) -> Error {
    let is_so = |content: &Content| {
        let alone = serde_json::to_string(&message.with_only(content));
        alone.ok().and_then(|payload| OutboundMessage::read(&payload)).is_none()
    };
    let field = if is_so(&message.content) {
        "content".to_owned()
    } else {
        // Among the alternatives it stands one level deeper, which may be the one too many.
        let place = message.alternatives.iter().position(is_so);
        place.map_or_else(|| "alternatives".to_owned(), |place| format!("alternatives[{place}]"))
    };
    Error::invalid(field).with_source(TooDeep)
}

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
#[derive(Debug, thiserror::Error)]
#[error("nested too deep to be read again")]
struct TooDeep;

/// Who goes first: the smaller.
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
fn priority(category: Category) -> i16 {
    match category {
        Category::Authentication => 0,
        Category::Service => 1,
        Category::Utility => 2,
        Category::Marketing => 3,
    }
}

/// What a message must not overtake: others of its category to the same recipient by the same sender. If a category had to
/// wait for another, an answer would stand behind whatever its user waits for less, until that had its turn.
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
fn conversation(message: &OutboundMessage) -> String {
    let lane = message.effective_category().as_str();
    let sender =
        message.from.as_ref().map(|from| format!("{}/{}", from.provider, from.id)).unwrap_or_default();
    let group = if message.to.group().is_some() { "group/" } else { "" };
    format!("{lane}/{sender}/{group}{}", message.to.lasting_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::outbound::{Raw, Template};
    use crate::{GroupId, Json, PhoneNumber, Recipient, SenderId, UserId};

    fn phone() -> PhoneNumber {
        PhoneNumber::parse("+15557654321").unwrap()
    }

    fn user() -> UserId {
        UserId::new("US.1").unwrap()
    }

    fn text() -> OutboundMessage {
        OutboundMessage::text(phone(), "Hi")
    }

    fn row(message: &OutboundMessage) -> NewRow {
        message.row().unwrap()
    }

    #[test]
    fn a_row_holds_the_message_under_its_key() {
        let message = text().with_idempotency_key("order-77/shipped");
        let row = row(&message);
        assert_eq!((row.provider.as_str(), row.kind, row.priority), ("", "text", 1));
        assert_eq!(row.event_id.as_deref(), Some("order-77/shipped"));
        assert_eq!(row.conversation, "service//+15557654321");
        assert_eq!(OutboundMessage::read(&row.payload), Some(message));
    }

    #[test]
    fn a_message_without_a_key_gets_one_of_its_own_that_stays() {
        let (one, two) = (row(&text()), row(&text()));
        assert_ne!(one.event_id, two.event_id);
        let kept = OutboundMessage::read(&one.payload).unwrap();
        assert_eq!(kept.idempotency_key, one.event_id);
        assert!(one.event_id.unwrap().starts_with("outbox/"));
        assert_eq!(
            kept.with_idempotency_key("k"),
            text().with_idempotency_key("k"),
            "nothing else is changed"
        );
    }

    #[test]
    fn the_category_the_sender_and_the_recipient_are_the_conversation() {
        let template = || OutboundMessage::template(phone(), Template::new("t", "en_US"));
        let sender = SenderId::new(ProviderId::META, "106540352242922");
        let cases = [
            (text(), 1, "service//+15557654321"),
            (template(), 2, "utility//+15557654321"),
            (template().with_category(Category::Marketing), 3, "marketing//+15557654321"),
            (text().with_category(Category::Authentication), 0, "authentication//+15557654321"),
            (text().with_from(sender), 1, "service/meta/106540352242922/+15557654321"),
            (text().with_via(ProviderId::META), 1, "service//+15557654321"),
            (
                OutboundMessage::text(Recipient::from_names(Some(phone()), Some(user())), "Hi"),
                1,
                "service//+15557654321",
            ),
            (OutboundMessage::text(Recipient::User(user()), "Hi"), 1, "service//US.1"),
            (
                OutboundMessage::text(Recipient::Group(GroupId::new("g").unwrap()), "Hi"),
                1,
                "service//group/g",
            ),
        ];
        for (message, priority, conversation) in cases {
            let row = row(&message);
            assert_eq!((row.priority, row.conversation.as_str()), (priority, conversation));
        }
    }

    #[test]
    fn a_message_for_later_is_a_conversation_of_its_own() {
        let message = text().with_idempotency_key("k");
        let row = NewRow::of_message(&message, Some(Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!((row.conversation.as_str(), row.not_before), ("later/k", Some(Timestamp::UNIX_EPOCH)));
    }

    #[test]
    fn what_no_provider_could_carry_is_refused_with_its_field() {
        let long = "r".repeat(OutboundMessage::MAX_REFERENCE_BYTES);
        assert!(text().with_reference(&long).row().is_ok());
        let cases = [
            (OutboundMessage::text(Recipient::Unknown, "Hi"), "to", None),
            (OutboundMessage::text(phone(), ""), "content.body", Some(1)),
            (text().or(Content::text("")), "alternatives[0].body", Some(1)),
            (text().with_reference(format!("{long}r")), "reference", Some(400)),
            (text().with_idempotency_key(""), "idempotency_key", Some(1)),
        ];
        for (message, field, limit) in cases {
            let error = message.row().err().unwrap();
            assert_eq!(
                (error.kind(), error.field(), error.limit()),
                (ErrorKind::InvalidMessage, Some(field), limit)
            );
        }
    }

    fn nested(levels: usize) -> Content {
        // The object around the lists is a level, too.
        let text = format!("{{\"a\":{}0{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        Content::Raw(Raw::new(ProviderId::META, Json::parse(&text).unwrap()))
    }

    #[test]
    fn what_could_not_be_read_back_is_refused() {
        let deepest = OutboundMessage::new(phone(), nested(125)).with_idempotency_key("k");
        assert_eq!(OutboundMessage::read(&row(&deepest).payload), Some(deepest));
        assert!(text().or(nested(124)).row().is_ok());
        let cases = [
            (OutboundMessage::new(phone(), nested(126)), "content"),
            (text().or(nested(1)).or(nested(126)), "alternatives[1]"),
            // The list that the alternatives are in is a level.
            (text().or(nested(125)), "alternatives"),
        ];
        for (message, field) in cases {
            let error = message.row().err().unwrap();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidMessage, Some(field)));
            let told = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(told, "nested too deep to be read again");
        }
    }

    #[test]
    fn a_message_is_over_when_it_has_waited_as_long_as_it_is_of_use() {
        let (just, ttl) = (Duration::from_millis(1), Duration::from_secs(60));
        let message = text().with_ttl(ttl);
        assert!(!message.is_over(ttl - just) && message.is_over(ttl));
        assert!(!text().is_over(Duration::MAX));
    }
}
