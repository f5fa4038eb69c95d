use sha2::{Digest, Sha256};

use crate::database::{checked, quoted};
use crate::error::ConfigError;
use crate::queue::QueueItem;

/// The text with the names it is shipped with.
pub(super) const MIGRATION: &str = concat!(include_str!("inbound.sql"), include_str!("common.sql"));

/// The same for an outbox, with the names of the other.
const OUTBOX_MIGRATION: &str = concat!(include_str!("outbox.sql"), include_str!("common.sql"));

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    schema: String,
    name: String,
}

impl Table {
    pub(super) fn new(schema: &str, name: &str) -> Result<Self, ConfigError> {
        Ok(Self { schema: checked("schema", schema)?, name: checked("table", name)? })
    }

    /// The table that is used unless told otherwise.
    pub(super) fn of<T: QueueItem>() -> Self {
        Self { schema: "public".to_owned(), name: T::TABLE.to_owned() }
    }

    /// As it is written in a statement.
    pub(super) fn quoted(&self) -> String {
        quoted(&self.schema, &self.name)
    }

    /// What is notified of new rows. Two tables have two channels; the name of a channel is cut at 63 bytes too.
    pub(super) fn channel(&self) -> String {
        let name = format!("{}.{}", self.schema, self.name);
        if name.len() < 64 { name } else { format!("queue {}", self.lock_class()) }
    }

    /// The first key of this table's advisory locks. It is the same in every process.
    pub(super) fn lock_class(&self) -> i32 {
        let digest = Sha256::digest(format!("whatsapp-provider queue {}", self.quoted()));
        digest.first_chunk().copied().map_or(0, i32::from_be_bytes)
    }

    /// The migration for this table. The names were checked, so that they can stand in it as they are.
    pub(super) fn migration<T: QueueItem>(&self) -> String {
        let migration = if T::HAS_PRIORITY { OUTBOX_MIGRATION } else { MIGRATION };
        // No name is looked for in what was put in.
        migration
            .replace("public.message_queue", "\u{1}")
            .replace("message_queue_", "\u{2}")
            .replace('\u{1}', &self.quoted())
            .replace('\u{2}', &format!("{}_", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::InboundEvent;
    use crate::outbound::OutboundMessage;

    #[test]
    fn only_plain_names_are_taken() {
        for good in ["a", "_", "message_queue_2", &"x".repeat(40)] {
            assert!(Table::new(good, good).is_ok(), "{good}");
        }
        for bad in ["", "2a", "Queue", "a b", "a\"b", "a.b", "a;b", "ä", "a\0", &"x".repeat(41)] {
            assert_eq!(Table::new(bad, "a").unwrap_err().field, "schema", "{bad:?}");
            assert_eq!(Table::new("a", bad).unwrap_err().field, "table", "{bad:?}");
        }
    }

    #[test]
    fn the_migration_takes_the_names() {
        let sql = Table::new("inbox", "order").unwrap().migration::<InboundEvent>();
        assert!(!sql.contains("message_queue"), "{sql}");
        assert!(sql.contains("CREATE TABLE IF NOT EXISTS \"inbox\".\"order\" ("));
        assert!(sql.contains("CREATE INDEX IF NOT EXISTS order_work ON \"inbox\".\"order\" (conversation)"));
        let outbox = Table::of::<OutboundMessage>().migration::<OutboundMessage>();
        assert!(!outbox.contains("message_queue"), "{outbox}");
        assert!(outbox.contains("CREATE INDEX IF NOT EXISTS message_outbox_due ON"));
        assert!(sql.contains("pg_get_serial_sequence('\"inbox\".\"order\"', 'id')"));
    }

    #[test]
    fn a_name_may_begin_as_the_shipped_one() {
        for sql in [
            Table::new("message_queue_v2", "message_queue_v2").unwrap().migration::<InboundEvent>(),
            Table::new("message_queue_v2", "message_queue_v2").unwrap().migration::<OutboundMessage>(),
        ] {
            assert!(!sql.contains("v2_v2"), "{sql}");
            assert!(sql.contains("CREATE TABLE IF NOT EXISTS \"message_queue_v2\".\"message_queue_v2\" ("));
            assert!(sql.contains("CREATE INDEX IF NOT EXISTS message_queue_v2_work ON"), "{sql}");
        }
    }

    #[test]
    fn tables_do_not_share_locks_or_channels() {
        let (one, two) = (Table::of::<InboundEvent>(), Table::new("public", "message_queue_2").unwrap());
        assert_ne!(one.lock_class(), two.lock_class());
        assert_eq!(one.channel(), "public.message_queue");
        assert_ne!(one.channel(), two.channel());
        let long = Table::new(&"x".repeat(40), &"y".repeat(40)).unwrap();
        assert!(long.channel().len() < 64);
    }
}
