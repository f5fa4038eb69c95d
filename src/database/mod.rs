//! What the stores and the queues in a database have in common.

mod cause;
#[cfg(feature = "sqlite")]
mod file;
#[cfg(feature = "postgres")]
mod name;
#[cfg(feature = "postgres")]
mod server;
#[cfg(feature = "postgres")]
mod transaction;
#[cfg(feature = "sqlite")]
mod writer;

pub(crate) use cause::Cause;
#[cfg(feature = "sqlite")]
pub(crate) use file::open;
#[cfg(feature = "postgres")]
pub(crate) use name::{checked, quoted};
#[cfg(feature = "postgres")]
pub(crate) use server::{connect, migrate};
#[cfg(feature = "postgres")]
pub(crate) use transaction::{Transaction, execute, fetch_all};
#[cfg(feature = "sqlite")]
pub(crate) use writer::{Write, Writer};

use crate::clock::Timestamp;

/// A time of day as a table has it: a `Timestamp` ends with the year 9999, far below the end of an `i64`.
pub(crate) fn unix_millis(time: Timestamp) -> i64 {
    i64::try_from(time.unix_millis()).unwrap_or(i64::MAX)
}
