//! Everything that is tested from outside, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "these are tests"
)]

mod canary;
mod conformance;
mod contents;
mod database;
mod failover;
mod gateway;
mod handler;
mod json;
mod killed;
mod laws;
mod ledger;
mod machines;
mod media;
mod meta_hosts;
mod official;
mod outage;
mod pgbouncer;
mod queue;
mod simulator;
mod state;
mod tcp;
mod timeline;
mod tools;
mod transport;
mod wire;
mod worker;
