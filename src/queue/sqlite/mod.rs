//! A queue in a SQLite file.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::sync::watch;

use super::cause::{queue_error, sink_error};
use super::row::NewRow;
use super::{QueueError, QueueItem, WakeUps, Worker};
use crate::clock::{Clock, TokioClock};
use crate::database::{self, Write, Writer, unix_millis};
use crate::inbound::InboundEvent;
use crate::sink::{EventSink, SinkError};

mod outbox;
mod rows;
mod statements;

pub use outbox::SqliteOutbox;
use statements::Statements;

/// A queue in a file, for one machine. A clone is the same queue.
///
/// ```no_run
/// # async fn run() -> Result<(), whatsapp_provider::queue::QueueError> {
/// use whatsapp_provider::queue::SqliteQueue;
///
/// let queue = SqliteQueue::open("inbox.sqlite").await?;
/// # Ok(())
/// # }
/// ```
///
/// What was accepted survives a crash of the machine: every write is on the disk before its call ends. Several processes
/// may open the same file (on a local disk, not over a network); a new row wakes the workers of its own process, those
/// of others find it when they ask. A call waits up to 5 seconds for writers of other processes and is an error then. A
/// future that is dropped undoes what it had begun.
#[derive(Clone)]
pub struct SqliteQueue<T = InboundEvent> {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    writer: Writer,
    inserted: Arc<watch::Sender<()>>,
    statements: Arc<Statements>,
    item: PhantomData<fn() -> T>,
}

impl SqliteQueue {
    /// Opens the file, and makes it and the table if they do not exist. Its folder must.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the file cannot be opened or written, or is none of SQLite's.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, QueueError> {
        Self::open_file(path.as_ref()).await
    }

    /// Uses a pool of the application, whose settings decide then what survives a power cut and how long writers wait.
    /// Needs SQLite 3.37 or later, and a [`migrate`](Self::migrate).
    pub fn new(pool: SqlitePool) -> Self {
        Self::of(pool)
    }
}

impl<T: QueueItem> SqliteQueue<T> {
    async fn open_file(path: &Path) -> Result<Self, QueueError> {
        let pool = SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None);
        let queue = Self::of(database::open(path, pool).await.map_err(queue_error)?);
        queue.migrate().await?;
        Ok(queue)
    }

    fn of(pool: SqlitePool) -> Self {
        Self {
            pool,
            clock: Arc::new(TokioClock::new()),
            writer: Writer::default(),
            inserted: Arc::new(watch::Sender::new(())),
            statements: Arc::new(Statements::of::<T>()),
            item: PhantomData,
        }
    }

    /// Takes the time of day from another clock. Leases, rests and ages go by it, so all processes that share the file
    /// should agree on the time.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The pool.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// A worker for the rows.
    pub fn worker(&self) -> Worker<T> {
        Worker::new(self.clone())
    }

    /// Makes the table (`message_queue`, or `message_outbox`) and its indexes where they are missing. Whatever opened the
    /// file did so.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if the file cannot be written.
    pub async fn migrate(&self) -> Result<(), QueueError> {
        let migrate = async {
            let mut write = self.write().await?;
            sqlx::raw_sql(AssertSqlSafe(Arc::clone(&self.statements.migration)))
                .execute(&mut *write.transaction)
                .await?;
            write.transaction.commit().await
        };
        migrate.await.map_err(queue_error)
    }

    /// Inserts all of the rows or none. SQLite stores any text, so that none is refused for what is in it.
    async fn take(&self, rows: &[NewRow]) -> Result<(), SinkError> {
        if rows.is_empty() {
            return Ok(());
        }
        if self.insert_rows(rows).await.map_err(sink_error)? > 0 {
            self.inserted.send_replace(());
        }
        Ok(())
    }

    async fn write(&self) -> Result<Write<'_>, sqlx::Error> {
        self.writer.begin(&self.pool).await
    }

    fn now(&self) -> i64 {
        unix_millis(self.clock.now())
    }

    /// How many of the rows are new.
    async fn insert_rows(&self, rows: &[NewRow]) -> Result<u64, sqlx::Error> {
        let mut write = self.write().await?;
        let now = self.now();
        let mut inserted = 0;
        for row in rows {
            let insert = sqlx::query(AssertSqlSafe(Arc::clone(&self.statements.insert)))
                .bind(&*row.provider)
                .bind(row.event_id.as_deref())
                .bind(row.kind)
                .bind(&*row.conversation)
                .bind(&*row.payload)
                .bind(now);
            let insert = if T::HAS_PRIORITY {
                insert.bind(row.priority).bind(row.not_before.map_or(now, unix_millis))
            } else {
                insert
            };
            inserted += insert.execute(&mut *write.transaction).await?.rows_affected();
        }
        write.transaction.commit().await?;
        Ok(inserted)
    }
}

#[async_trait]
impl<T: QueueItem> EventSink<T> for SqliteQueue<T> {
    async fn accept(&self, events: &[T]) -> Result<(), SinkError> {
        self.take(&NewRow::all(events)?).await
    }
}

struct Inserted(watch::Receiver<()>);

#[async_trait]
impl WakeUps for Inserted {
    async fn next(&mut self) -> Result<(), QueueError> {
        self.0.changed().await.map_err(QueueError::new)
    }
}

impl<T> fmt::Debug for SqliteQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("clock", &self.clock).finish_non_exhaustive()
    }
}
