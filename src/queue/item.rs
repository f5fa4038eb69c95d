use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
use super::row::NewRow;
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
use crate::error::Error;
use crate::ids::ProviderId;
use crate::inbound::InboundEvent;

/// What becomes a row, and how it is read back.
pub trait Item: DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static {
    /// The table, unless told otherwise.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    const TABLE: &'static str;

    /// Whether rows have a priority, and a time from which they are due. If not, the oldest is always the first.
    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
    const HAS_PRIORITY: bool;

    /// The row of a new item.
    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
    fn row(&self) -> Result<NewRow, Error>;

    /// The item of a payload, if it can be read.
    fn read(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }

    /// The provider it came from or goes to, if that is known.
    fn provider(&self) -> Option<&ProviderId>;

    fn kind(&self) -> &'static str;

    /// Whether it is of no use any more, having waited for so long.
    fn is_over(&self, waited: Duration) -> bool;
}

impl Item for InboundEvent {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    const TABLE: &'static str = "message_queue";

    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
    const HAS_PRIORITY: bool = false;

    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
    fn row(&self) -> Result<NewRow, Error> {
        NewRow::of_event(self)
    }

    fn provider(&self) -> Option<&ProviderId> {
        Some(self.provider())
    }

    fn kind(&self) -> &'static str {
        self.kind().as_str()
    }

    fn is_over(&self, _: Duration) -> bool {
        false
    }
}
