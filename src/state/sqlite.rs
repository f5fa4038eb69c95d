use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Row, SqliteConnection};

use super::{Expected, PutOutcome, StateError, StateStore, Versioned, check_key, state_error};
use crate::clock::{Clock, TokioClock};
use crate::database::{self, Writer, unix_millis};

/// The last version is kept apart from the keys, so that it survives them. Times are milliseconds since 1970.
const MIGRATION: &str = "
    CREATE TABLE IF NOT EXISTS whatsapp_state (
        key TEXT PRIMARY KEY,
        value BLOB NOT NULL,
        version INTEGER NOT NULL,
        expires_at INTEGER
    ) STRICT;
    CREATE INDEX IF NOT EXISTS whatsapp_state_expires_at
        ON whatsapp_state (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE IF NOT EXISTS whatsapp_state_version (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        last INTEGER NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO whatsapp_state_version (one, last) VALUES (1, 0);
";

/// A [`StateStore`] in a file, for the processes of one machine. A clone is the same store.
///
/// Other processes that open the same file see the same values, so it counts as shared; other machines do not. Do not
/// put the file on a network drive. Values expire by the time of day; those that have expired take up room until
/// [`purge`](Self::purge) deletes them.
#[derive(Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, or makes it, with its tables. What was written survives a power cut. A write waits 5 s at most for
    /// the writes of other processes.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the file cannot be opened or written, or is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StateError> {
        let pool = database::open(path.as_ref(), SqlitePoolOptions::new()).await;
        let store = Self::new(pool.map_err(state_error)?);
        store.migrate().await?;
        Ok(store)
    }

    /// Uses a pool that is there. [`migrate`](Self::migrate) makes the tables.
    ///
    /// A claim must survive a power cut: let the pool's connections have `synchronous` at `FULL`.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool, clock: Arc::new(TokioClock::new()), writer: Writer::default() }
    }

    /// The clock by whose time of day values expire. Processes that share a file must agree on the time.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The pool.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Makes the tables `whatsapp_state` and `whatsapp_state_version`, if they are not there. [`open`](Self::open) has
    /// done so.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the file cannot be written.
    pub async fn migrate(&self) -> Result<(), StateError> {
        self.write(async |connection: &mut SqliteConnection| {
            sqlx::raw_sql(MIGRATION).execute(connection).await?;
            Ok(())
        })
        .await
    }

    /// Deletes what has expired, and says how many keys that were. For a timer of the application's, once a day or so.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the file cannot be written.
    pub async fn purge(&self) -> Result<u64, StateError> {
        let now = self.now();
        self.write(async |connection: &mut SqliteConnection| {
            let purge = sqlx::query("DELETE FROM whatsapp_state WHERE expires_at <= ?").bind(now);
            Ok(purge.execute(connection).await?.rows_affected())
        })
        .await
    }

    fn now(&self) -> i64 {
        unix_millis(self.clock.now())
    }

    /// Runs `work` in a transaction that may write from its beginning: what it reads is what it then changes.
    async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StateError> {
        let write = async {
            let mut write = self.writer.begin(&self.pool).await?;
            let done = work(&mut write.transaction).await?;
            write.transaction.commit().await?;
            Ok(done)
        };
        write.await.map_err(state_error)
    }
}

/// What is there of a key, if it has not expired.
async fn live(
    connection: &mut SqliteConnection,
    key: &str,
    now: i64,
) -> Result<Option<Versioned>, sqlx::Error> {
    let sql = "SELECT value, version FROM whatsapp_state \
               WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)";
    let row = sqlx::query(sql).bind(key).bind(now).fetch_optional(connection).await?;
    row.map(|row| Ok(Versioned::new(row.try_get::<Vec<u8>, _>(0)?, row.try_get(1)?))).transpose()
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteStore")
    }
}

#[async_trait]
impl StateStore for SqliteStore {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        let now = self.now();
        let read = async {
            // One transaction: all keys are read at the same moment.
            let mut transaction = self.pool.begin().await?;
            let mut found = HashMap::with_capacity(keys.len());
            for key in keys {
                found.insert(*key, live(&mut transaction, key, now).await?);
            }
            transaction.commit().await?;
            Ok(keys.iter().map(|key| found.get(key).cloned().flatten()).collect())
        };
        read.await.map_err(state_error)
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        check_key(key)?;
        self.write(async |connection: &mut SqliteConnection| {
            // Asked for here: getting the right to write may have taken its time.
            let now = self.clock.now();
            let expires = ttl.map(|ttl| unix_millis(now.saturating_add(ttl)));
            let current = live(connection, key, unix_millis(now)).await?;
            let holds = match expected {
                Expected::Absent => current.is_none(),
                Expected::Version(version) => current.as_ref().is_some_and(|there| there.version == version),
            };
            if !holds {
                return Ok(PutOutcome::conflict(current));
            }
            let next = "UPDATE whatsapp_state_version SET last = last + 1 RETURNING last";
            let version: i64 = sqlx::query(next).fetch_one(&mut *connection).await?.try_get(0)?;
            sqlx::query(
                "INSERT OR REPLACE INTO whatsapp_state (key, value, version, expires_at) VALUES (?, ?, ?, ?)",
            )
            .bind(key)
            .bind(&*value)
            .bind(version)
            .bind(expires)
            .execute(connection)
            .await?;
            Ok(PutOutcome::stored(version.unsigned_abs()))
        })
        .await
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        check_key(key)?;
        self.write(async |connection: &mut SqliteConnection| {
            let now = self.now();
            let holds = live(connection, key, now).await?.is_some_and(|there| there.version == version);
            if holds {
                sqlx::query("DELETE FROM whatsapp_state WHERE key = ?").bind(key).execute(connection).await?;
            }
            Ok(holds)
        })
        .await
    }

    /// Every process of this machine that opens the same file sees the same.
    fn is_shared(&self) -> bool {
        true
    }
}
