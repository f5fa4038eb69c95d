//! For tests: providers in memory, a clock that is moved by hand, makers of events, and the laws as functions.
//!
//! Not covered by the promise of semantic versioning.

mod clock;
pub mod conformance;
mod events;
mod memory;
#[cfg(feature = "queue")]
mod queue;
mod script;
mod scripted;

pub use clock::TestClock;
pub use events::EventMaker;
pub use memory::{MemoryProvider, Sent};
#[cfg(feature = "queue")]
pub use queue::{MemoryQueue, QueuedRow};
pub use script::Step;
pub use scripted::{Asked, ScriptedProvider};
