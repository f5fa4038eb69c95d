//! Queues on real databases.

#[macro_use]
mod suite;

mod events;
mod outbox;
mod pooler;
mod postgres;
mod sqlite;

pub(crate) use suite::insert::wait_at_most;
