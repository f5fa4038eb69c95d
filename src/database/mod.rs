//! What the stores and the queues in a database have in common.

#[cfg(feature = "postgres")]
mod transaction;
#[cfg(feature = "sqlite")]
mod writer;

#[cfg(feature = "postgres")]
pub(crate) use transaction::{Transaction, execute, fetch_all};
#[cfg(feature = "sqlite")]
pub(crate) use writer::{Write, Writer};
