use std::fmt;
use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

use super::LedgerError;
use super::statements::Statements;
use super::store::{Store, ledger_error};
use super::transaction::Pool;
use crate::clock::{Clock, TokioClock};
use crate::database::{self, Writer};

const MIGRATION: &str = include_str!("migration.sqlite.sql");

/// A [`Ledger`](super::Ledger) in a file, for the processes of one machine. A clone is the same ledger.
///
/// Do not put the file on a network drive. A call waits up to 5 seconds for writers of other processes and is an error
/// then. A future that is dropped undoes what it had begun.
#[derive(Clone)]
pub struct SqliteLedger {
    pub(super) store: Store,
    pool: SqlitePool,
    writer: Writer,
}

impl SqliteLedger {
    /// Opens the file, and makes it and the tables if they do not exist. Its folder must. What was written survives a power
    /// cut.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the file cannot be opened or written, or is none of SQLite's.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let pool = database::open(path.as_ref(), SqlitePoolOptions::new()).await;
        let ledger = Self::new(pool.map_err(ledger_error)?);
        ledger.migrate().await?;
        Ok(ledger)
    }

    /// Uses a pool of the application, whose settings decide then what survives a power cut and how long writers wait.
    /// Needs SQLite 3.37 or later, and a [`migrate`](Self::migrate).
    pub fn new(pool: SqlitePool) -> Self {
        let writer = Writer::default();
        let store = Store {
            pool: Pool::Sqlite { pool: pool.clone(), writer: writer.clone() },
            statements: Arc::new(Statements::of("message_ledger", "message_ledger_fact", false)),
            clock: Arc::new(TokioClock::new()),
            keep_content: true,
        };
        Self { store, pool, writer }
    }

    /// Takes the time of day from another clock. Ages go by it, so all processes that share the file should agree on the
    /// time.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.store.clock = clock;
        self
    }

    /// Keeps neither recipient nor content. Then nothing can be sent again.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        self.store.keep_content = false;
        self
    }

    /// The pool.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Makes the tables `message_ledger` and `message_ledger_fact` and their indexes where they are missing.
    /// [`open`](Self::open) did so.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the file cannot be written.
    pub async fn migrate(&self) -> Result<(), LedgerError> {
        let migrate = async {
            let mut write = self.writer.begin(&self.pool).await?;
            sqlx::raw_sql(MIGRATION).execute(&mut *write.transaction).await?;
            write.transaction.commit().await
        };
        migrate.await.map_err(ledger_error)
    }
}

impl fmt::Debug for SqliteLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteLedger").finish_non_exhaustive()
    }
}
