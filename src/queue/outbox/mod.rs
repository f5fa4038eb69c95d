//! What is inserted into an outbox, and why not.

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
mod entry;
mod item;

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
pub(crate) use entry::rows;
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing", test))]
pub use entry::{OutboxEntry, OutboxError};
