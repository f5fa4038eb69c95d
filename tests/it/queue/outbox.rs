//! The outboxes.

mod memory;
mod postgres;
mod sqlite;
