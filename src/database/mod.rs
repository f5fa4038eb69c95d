//! What the stores and the queues in a database have in common.

mod cause;
#[cfg(feature = "postgres")]
mod name;
#[cfg(feature = "postgres")]
mod transaction;
#[cfg(feature = "sqlite")]
mod writer;

pub(crate) use cause::Cause;
#[cfg(feature = "postgres")]
pub(crate) use name::{checked, quoted};
#[cfg(feature = "postgres")]
pub(crate) use transaction::{Transaction, execute, fetch_all};
#[cfg(feature = "sqlite")]
pub(crate) use writer::{Write, Writer};
