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

mod conformance;
mod failover;
mod json;
mod simulator;
mod tcp;
mod tools;
mod transport;
mod wire;
