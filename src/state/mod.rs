//! A small store for what several machines, or several runs, must know of each other.
//!
//! [`MemoryStore`] is for one process. `SqliteStore` (feature `sqlite`) is for the processes of one machine, and
//! `PostgresStore` (feature `postgres`) and `RedisStore` (feature `redis`) are for any number of machines.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "redis")]
pub use redis::RedisStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// The most bytes a key may have: an index of PostgreSQL takes no entries over about 2,700.
const MAX_KEY: usize = 512;

/// A value with the version under which it was stored.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Versioned {
    /// The value.
    pub value: Bytes,
    /// Changes with every write of the key.
    pub version: u64,
}

impl Versioned {
    /// A value and its version.
    pub fn new(value: impl Into<Bytes>, version: u64) -> Self {
        Self { value: value.into(), version }
    }
}

impl fmt::Debug for Versioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Versioned({} bytes, version {})", self.value.len(), self.version)
    }
}

/// What must be true of a key for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// There is no value, or it has expired.
    Absent,
    /// The value has this version.
    Version(u64),
}

/// How a conditional write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutOutcome {
    /// It was written, and has this version now.
    #[non_exhaustive]
    Stored {
        /// The new version.
        version: u64,
    },
    /// The condition did not hold. Here is what is there, if there is something.
    #[non_exhaustive]
    Conflict {
        /// The value that is there.
        current: Option<Versioned>,
    },
}

impl PutOutcome {
    /// It was written.
    pub const fn stored(version: u64) -> Self {
        Self::Stored { version }
    }

    /// The condition did not hold.
    pub const fn conflict(current: Option<Versioned>) -> Self {
        Self::Conflict { current }
    }
}

/// A key-value store with compare-and-put and expiry.
///
/// # Contract
///
/// * Of several writers of one key that expect the same, exactly one succeeds.
/// * A value is gone once its time to live has passed, by the store's clock.
/// * A version is never used twice for a key, not even after the key was deleted or has expired.
/// * A key has at most 512 bytes and no NUL. Every method refuses another one with an error whose source says so, before
///   it does anything. Values are any bytes.
#[async_trait]
pub trait StateStore: fmt::Debug + Send + Sync + 'static {
    /// Reads several keys at once; the answers are in the order of the keys.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be reached, or if a key is none.
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError>;

    /// Writes a key if the condition holds. `None` for the time to live keeps it for good.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be reached; then it may have been written and may not. Also if the key is none.
    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError>;

    /// Deletes a key if it has this version, and says whether it did.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be reached; then it may have been deleted and may not. Also if the key is none.
    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError>;

    /// Whether other processes see the same values. A policy that needs that refuses a store without it.
    fn is_shared(&self) -> bool;
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: StateStore + ?Sized> StateStore for Arc<S> {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        (**self).get(keys).await
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        (**self).put_if(key, expected, value, ttl).await
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        (**self).delete_if(key, version).await
    }

    fn is_shared(&self) -> bool {
        (**self).is_shared()
    }
}

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the state store is unavailable")]
pub struct StateError {
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StateError {
    /// Keeps the cause.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()) }
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn state_error(error: sqlx::Error) -> StateError {
    StateError::new(crate::database::Cause::from(error))
}

/// A key is longer than a key may be, or has a NUL in it. The key itself is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("a key has at most {MAX_KEY} bytes and no NUL; this one has {bytes} bytes")]
struct InvalidKey {
    bytes: usize,
}

/// Refuses what is no key.
fn check_key(key: &str) -> Result<(), StateError> {
    if key.len() > MAX_KEY || key.contains('\0') {
        return Err(StateError::new(InvalidKey { bytes: key.len() }));
    }
    Ok(())
}
