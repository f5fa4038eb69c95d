//! A queue in PostgreSQL.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use super::cause::queue_error;
use super::{QueueError, QueueItem, Worker};
use crate::database::{self, Transaction};
use crate::error::ConfigError;
use crate::inbound::InboundEvent;

mod insert;
mod listen;
mod outbox;
mod rows;
mod statements;
mod table;

pub use outbox::PostgresOutbox;
use statements::Statements;
use table::Table;

/// A queue in a table of PostgreSQL 13 or later (Supabase is PostgreSQL). A clone is the same queue.
///
/// ```no_run
/// # async fn run() -> Result<(), whatsapp_provider::queue::QueueError> {
/// use whatsapp_provider::queue::PostgresQueue;
///
/// let queue = PostgresQueue::connect("postgres://inbox@localhost/inbox").await?;
/// queue.migrate().await?;
/// # Ok(())
/// # }
/// ```
///
/// All machines that share the table share the queue. Leases, rests and ages go by the database's clock. Row level
/// security is on for the table, so connect as its owner, which is the role that [`migrate`](Self::migrate)d: to other
/// roles the table looks empty.
///
/// A call waits up to 5 seconds for locks of others and is an error then. A future that is dropped costs its connection,
/// and what it had begun is undone.
///
/// What was accepted and claimed lasts as commits do on the server: with `synchronous_commit = off` a crash, and with
/// asynchronous replication the promotion of a standby, loses the last rows that were acknowledged, and makes claims
/// and ends undone.
#[derive(Clone)]
pub struct PostgresQueue<T = InboundEvent> {
    pool: PgPool,
    table: Arc<Table>,
    statements: Arc<Statements>,
    pooled: bool,
    notify: bool,
    item: PhantomData<fn() -> T>,
}

impl PostgresQueue {
    /// Connects, with up to 10 connections; a call waits up to 5 seconds for one. The features `rustls` and `native-tls`
    /// bring TLS, which the URL can demand with `?sslmode=verify-full`; without it TLS is used if the server offers it,
    /// and any certificate will do.
    ///
    /// What the URL leaves out is taken from the variables of the environment that libpq knows (`PGPASSWORD`), as sqlx
    /// does it. Use [`new`](Self::new) to decide all of it.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the URL is not one of PostgreSQL, or the server cannot be reached or refuses.
    pub async fn connect(url: &str) -> Result<Self, QueueError> {
        let options = url.parse().map_err(queue_error)?;
        Self::with_options(options).await
    }

    /// Connects through a pooler in transaction mode: PgBouncer, or Supabase's on port 6543. As [`connect`](Self::connect)
    /// with [`through_transaction_pooler`](Self::through_transaction_pooler), and without a parameter at the start of the
    /// connection that PgBouncer refuses.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub async fn connect_through_pooler(url: &str) -> Result<Self, QueueError> {
        let options: PgConnectOptions = url.parse().map_err(queue_error)?;
        Ok(Self::with_options(options.extra_float_digits(None)).await?.through_transaction_pooler())
    }

    async fn with_options(options: PgConnectOptions) -> Result<Self, QueueError> {
        Ok(Self::new(database::connect(options).await.map_err(queue_error)?))
    }

    /// Uses a pool of the application, and the table `public.message_queue`.
    pub fn new(pool: PgPool) -> Self {
        Self::of(pool)
    }

    /// What [`migrate`](Self::migrate) does for the table `public.message_queue`, as SQL that can be pasted into psql or
    /// Supabase's editor.
    pub const fn migration() -> &'static str {
        table::MIGRATION
    }

    /// What [`migrate`](Self::migrate) does for another table, as SQL.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a name does not have 1 to 40 of the characters a-z, 0-9 and `_`, or begins with a digit.
    pub fn migration_for(schema: &str, table: &str) -> Result<String, ConfigError> {
        Ok(Table::new(schema, table)?.migration::<InboundEvent>())
    }
}

impl<T: QueueItem> PostgresQueue<T> {
    fn of(pool: PgPool) -> Self {
        let table = Table::of::<T>();
        let statements = Arc::new(Statements::of::<T>(&table));
        Self { pool, table: Arc::new(table), statements, pooled: false, notify: true, item: PhantomData }
    }

    /// Uses another table. The schema must exist.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a name does not have 1 to 40 of the characters a-z, 0-9 and `_`, or begins with a digit.
    pub fn with_table(mut self, schema: &str, table: &str) -> Result<Self, ConfigError> {
        let table = Table::new(schema, table)?;
        self.statements = Arc::new(Statements::of::<T>(&table));
        self.table = Arc::new(table);
        Ok(self)
    }

    /// Says that a pooler in transaction mode stands between: each transaction may meet another session. Statements are
    /// not prepared ahead then, and nobody listens for new rows: workers ask every so often.
    ///
    /// A pool that is made for PgBouncer needs `PgConnectOptions::extra_float_digits(None)`.
    #[must_use]
    pub fn through_transaction_pooler(mut self) -> Self {
        self.pooled = true;
        self
    }

    /// Neither tells others of new rows nor listens for them. PostgreSQL commits transactions that tell one after the
    /// other, in the whole server, which is felt from some thousands of webhooks a second.
    #[must_use]
    pub fn without_notify(mut self) -> Self {
        self.notify = false;
        self
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A worker for the rows.
    pub fn worker(&self) -> Worker<T> {
        Worker::new(self.clone())
    }

    /// Makes the table and its indexes where they are missing, and closes the table to everybody but its owner. Any
    /// number of machines may do so at the same time, and at every start.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the server cannot be reached, or does not let this role do it.
    pub async fn migrate(&self) -> Result<(), QueueError> {
        let migrate = async {
            // `CREATE TABLE IF NOT EXISTS` alone fails for one of two that run at once.
            let lock = self.lock("pg_advisory_xact_lock", &[Self::MIGRATION_LOCK]);
            let mut transaction = Transaction::begin(&self.pool, &lock).await?;
            let sql = format!("SET LOCAL client_min_messages = warning; {}", self.table.migration::<T>());
            transaction.raw(sql).await?;
            transaction.commit().await
        };
        migrate.await.map_err(queue_error)
    }

    /// Held together by claims, and alone by [`redrive`](crate::queue::Queue::redrive). The locks of conversations are 0
    /// to 63.
    const CLAIM_LOCK: i32 = -1;
    const MIGRATION_LOCK: i32 = -2;

    /// A statement that takes advisory locks of this table until the transaction ends, in the order given.
    fn lock(&self, function: &str, locks: &[i32]) -> String {
        let class = self.table.lock_class();
        format!("SELECT {function}({class}, l) FROM unnest(ARRAY{locks:?}::integer[]) AS l")
    }

    /// A statement of this table. Through a pooler it must not be prepared under a name, which only one session would
    /// know; without a name it is prepared and used within one transaction, and so in one session.
    fn query<'q>(&self, sql: &Arc<str>) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(AssertSqlSafe(Arc::clone(sql))).persistent(!self.pooled)
    }
}

impl<T> fmt::Debug for PostgresQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresQueue")
            .field("table", &self.table)
            .field("pooled", &self.pooled)
            .field("notify", &self.notify)
            .finish_non_exhaustive()
    }
}
