use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row};

use super::{Expected, PutOutcome, StateError, StateStore, Versioned, check_key, state_error};
use crate::database::{self, checked, quoted};
use crate::error::ConfigError;

/// The migration as it is for `public.whatsapp_state`.
const MIGRATION: &str = include_str!("migration.sql");

/// 100 years, in microseconds: what is kept longer is kept for good, as far as anybody will see.
const MAX_TTL_MICROS: i64 = 100 * 366 * 24 * 3600 * 1_000_000;

/// A [`StateStore`] in a table of PostgreSQL (Supabase is PostgreSQL), for any number of machines. A clone is the same
/// store.
///
/// The table is `public.whatsapp_state` unless [`with_table`](Self::with_table) says otherwise, and
/// [`migrate`](Self::migrate) makes it. Values expire by the database's clock; those that have expired take up room
/// until [`purge`](Self::purge) deletes them.
///
/// Row level security is on and there is no policy, so only the owner of the table, and roles that bypass it, see
/// anything.
///
/// A call waits up to 5 seconds for locks of others and is an error then. A future that is dropped costs its connection,
/// and what it had begun is undone.
///
/// What was written lasts as commits do on the server: with `synchronous_commit = off` a crash, and with asynchronous
/// replication the promotion of a standby, loses the last writes, and what was sent under a claim that is lost may be
/// sent again.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use whatsapp_provider::state::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://user:password@localhost/app").await?;
/// store.migrate().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    table: Arc<Table>,
    through_pooler: bool,
}

/// The names and every statement that has them in it.
struct Table {
    schema: String,
    name: String,
    get: Arc<str>,
    insert: Arc<str>,
    update: Arc<str>,
    delete: Arc<str>,
    purge: Arc<str>,
}

impl Table {
    fn new(schema: &str, name: &str) -> Self {
        let table = quoted(schema, name);
        // The time is asked for at the moment, not at the beginning of a transaction that may have waited.
        let live = "(expires_at IS NULL OR expires_at > clock_timestamp())";
        let expires = "clock_timestamp() + $3::bigint * interval '1 microsecond'";
        Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
            get: format!("SELECT key, value, version FROM {table} WHERE key = ANY($1) AND {live}").into(),
            // Of several writers one inserts; the others wait for it, then see its row and leave it alone.
            insert: format!(
                "INSERT INTO {table} AS old (key, value, expires_at) VALUES ($1, $2, {expires}) \
                 ON CONFLICT (key) DO UPDATE \
                 SET value = EXCLUDED.value, version = DEFAULT, expires_at = EXCLUDED.expires_at \
                 WHERE old.expires_at <= clock_timestamp() RETURNING version"
            )
            .into(),
            update: format!(
                "UPDATE {table} SET value = $2, version = DEFAULT, expires_at = {expires} \
                 WHERE key = $1 AND version = $4 AND {live} RETURNING version"
            )
            .into(),
            delete: format!("DELETE FROM {table} WHERE key = $1 AND version = $2 AND {live}").into(),
            purge: format!("DELETE FROM {table} WHERE expires_at <= clock_timestamp()").into(),
        }
    }
}

impl PostgresStore {
    /// Connects a pool of its own.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the address is not one of PostgreSQL, or nobody answers there.
    pub async fn connect(url: &str) -> Result<Self, StateError> {
        Ok(Self::new(PgPool::connect(url).await.map_err(state_error)?))
    }

    /// Uses a pool that is there.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, table: Arc::new(Table::new("public", "whatsapp_state")), through_pooler: false }
    }

    /// Uses another table. The schema must exist; [`migrate`](Self::migrate) makes the table.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a name is not made of lower-case letters, digits and `_`, begins with a digit, or has more
    /// than 40 characters.
    pub fn with_table(mut self, schema: &str, table: &str) -> Result<Self, ConfigError> {
        let (schema, table) = (checked("schema", schema)?, checked("table", table)?);
        self.table = Arc::new(Table::new(&schema, &table));
        Ok(self)
    }

    /// Says that the pool's connections go through a pooler that hands out a server's connection for a transaction only
    /// (PgBouncer and Supavisor in transaction mode). No statement is prepared for later then.
    #[must_use]
    pub fn through_transaction_pooler(mut self) -> Self {
        self.through_pooler = true;
        self
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What [`migrate`](Self::migrate) runs, for those who run it by hand.
    pub fn migration(&self) -> String {
        // The table first: a schema could be called as the table is.
        let own = MIGRATION.replace("whatsapp_state", "\u{1}").replace("\"public\"", "\u{2}");
        own.replace('\u{1}', &self.table.name).replace('\u{2}', &format!("\"{}\"", self.table.schema))
    }

    /// Makes the table, if it is not there. Any number of machines may do so at once, at every start.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the database cannot be reached, or does not let this user do it.
    pub async fn migrate(&self) -> Result<(), StateError> {
        let Table { schema, name, .. } = &*self.table;
        database::migrate(&self.pool, [schema, name], self.migration()).await.map_err(state_error)
    }

    /// Deletes what has expired, and says how many keys that were. For a timer of the application's, once a day or so.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the database cannot be reached.
    pub async fn purge(&self) -> Result<u64, StateError> {
        self.change(self.query(&self.table.purge)).await
    }

    /// A statement, which is not prepared for later where there is another session then.
    fn query<'q>(&self, sql: &Arc<str>) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(AssertSqlSafe(Arc::clone(sql))).persistent(!self.through_pooler)
    }

    /// The rows that a statement answers with.
    async fn rows(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, StateError> {
        database::fetch_all(&self.pool, "", query).await.map_err(state_error)
    }

    /// How many rows a statement has changed.
    async fn change(&self, query: Query<'_, Postgres, PgArguments>) -> Result<u64, StateError> {
        database::execute(&self.pool, "", query).await.map_err(state_error)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresStore({}.{})", self.table.schema, self.table.name)
    }
}

/// A version as the database has it. Its own are positive.
fn to_column(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(-1)
}

fn version_of(row: &PgRow) -> Result<u64, StateError> {
    let version: i64 = row.try_get("version").map_err(state_error)?;
    u64::try_from(version).map_err(StateError::new)
}

#[async_trait]
impl StateStore for PostgresStore {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        let rows = self.rows(self.query(&self.table.get).bind(keys)).await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let key: String = row.try_get("key").map_err(state_error)?;
            let value: Vec<u8> = row.try_get("value").map_err(state_error)?;
            found.insert(key, Versioned::new(value, version_of(row)?));
        }
        Ok(keys.iter().map(|key| found.get(*key).cloned()).collect())
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        check_key(key)?;
        let ttl = ttl.map(|ttl| i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX).min(MAX_TTL_MICROS));
        let sql = match expected {
            Expected::Absent => &self.table.insert,
            Expected::Version(_) => &self.table.update,
        };
        let mut put = self.query(sql).bind(key).bind(&*value).bind(ttl);
        if let Expected::Version(version) = expected {
            put = put.bind(to_column(version));
        }
        if let Some(row) = self.rows(put).await?.first() {
            return Ok(PutOutcome::stored(version_of(row)?));
        }
        // What was in the way may be gone by now, and something else there: it is what is there that is of use.
        let current = self.get(&[key]).await?.pop().flatten();
        Ok(PutOutcome::conflict(current))
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        check_key(key)?;
        let delete = self.query(&self.table.delete).bind(key).bind(to_column(version));
        Ok(self.change(delete).await? > 0)
    }

    /// Every machine that uses the database sees the same.
    fn is_shared(&self) -> bool {
        true
    }
}
