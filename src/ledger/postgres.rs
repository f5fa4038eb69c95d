use std::fmt;
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgPool};

use super::LedgerError;
use super::statements::Statements;
use super::store::{Store, ledger_error};
use super::transaction::Pool;
use crate::clock::{Clock, TokioClock};
use crate::database::{self, checked, quoted};
use crate::error::ConfigError;

/// The migration as it is for `public.message_ledger`.
const MIGRATION: &str = include_str!("migration.sql");

/// A [`Ledger`](super::Ledger) in two tables of PostgreSQL (Supabase is PostgreSQL), for any number of machines. A clone is the same
/// ledger.
///
/// The tables are `public.message_ledger` and `public.message_ledger_fact` unless [`with_table`](Self::with_table) says
/// otherwise, and [`migrate`](Self::migrate) makes them. Row level security is on for both and there is no policy, so
/// connect as their owner. Times are those of the machines' clocks.
///
/// A call waits up to 5 seconds for locks of others and is an error then. A future that is dropped costs its connection,
/// and what it had begun is undone.
#[derive(Clone)]
pub struct PostgresLedger {
    pub(super) store: Store,
    pool: PgPool,
    schema: Arc<str>,
    table: Arc<str>,
}

impl PostgresLedger {
    /// Connects, with up to 10 connections; a call waits up to 5 seconds for one.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the address is not one of PostgreSQL, or the server cannot be reached or refuses.
    pub async fn connect(url: &str) -> Result<Self, LedgerError> {
        Self::with_options(url.parse().map_err(ledger_error)?).await
    }

    /// Connects through a pooler in transaction mode: as [`connect`](Self::connect) with
    /// [`through_transaction_pooler`](Self::through_transaction_pooler), and without a parameter at the start of the
    /// connection that PgBouncer refuses.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub async fn connect_through_pooler(url: &str) -> Result<Self, LedgerError> {
        let options: PgConnectOptions = url.parse().map_err(ledger_error)?;
        Ok(Self::with_options(options.extra_float_digits(None)).await?.through_transaction_pooler())
    }

    async fn with_options(options: PgConnectOptions) -> Result<Self, LedgerError> {
        Ok(Self::new(database::connect(options).await.map_err(ledger_error)?))
    }

    /// Uses a pool of the application, and the table `public.message_ledger`.
    pub fn new(pool: PgPool) -> Self {
        let store = Store {
            pool: Pool::Postgres { pool: pool.clone(), through_pooler: false },
            statements: statements("public", "message_ledger"),
            clock: Arc::new(TokioClock::new()),
            keep_content: true,
        };
        Self { store, pool, schema: "public".into(), table: "message_ledger".into() }
    }

    /// Uses another table, and beside it the one called `<table>_fact`. The schema must exist.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a name does not have 1 to 40 of the characters a-z, 0-9 and `_`, or begins with a digit.
    pub fn with_table(mut self, schema: &str, table: &str) -> Result<Self, ConfigError> {
        let (schema, table) = (checked("schema", schema)?, checked("table", table)?);
        self.store.statements = statements(&schema, &table);
        (self.schema, self.table) = (schema.into(), table.into());
        Ok(self)
    }

    /// Says that a pooler in transaction mode stands between: each transaction may meet another session. Statements are
    /// not prepared ahead then.
    #[must_use]
    pub fn through_transaction_pooler(mut self) -> Self {
        self.store.pool = Pool::Postgres { pool: self.pool.clone(), through_pooler: true };
        self
    }

    /// Keeps neither recipient nor content. Then nothing can be sent again.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        self.store.keep_content = false;
        self
    }

    /// Takes the time of day from another clock. Ages go by it, so all machines should agree on the time.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.store.clock = clock;
        self
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What [`migrate`](Self::migrate) runs, for those who run it by hand.
    pub fn migration(&self) -> String {
        let Self { schema, table, .. } = self;
        // No name is looked for in what was put in.
        MIGRATION
            .replace("public.message_ledger_fact", "\u{1}")
            .replace("public.message_ledger", "\u{2}")
            .replace("message_ledger_", "\u{3}")
            .replace('\u{1}', &quoted(schema, &format!("{table}_fact")))
            .replace('\u{2}', &quoted(schema, table))
            .replace('\u{3}', &format!("{table}_"))
    }

    /// Makes the tables and their indexes where they are missing. Any number of machines may do so at once, at every start.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be reached, or does not let this user do it.
    pub async fn migrate(&self) -> Result<(), LedgerError> {
        let Self { pool, schema, table, .. } = self;
        database::migrate(pool, [schema, table], self.migration()).await.map_err(ledger_error)
    }
}

fn statements(schema: &str, table: &str) -> Arc<Statements> {
    let facts = quoted(schema, &format!("{table}_fact"));
    Arc::new(Statements::of(&quoted(schema, table), &facts, true))
}

impl fmt::Debug for PostgresLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresLedger({}.{})", self.schema, self.table)
    }
}
