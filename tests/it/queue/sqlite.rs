//! The queue in a SQLite file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, Row};
use whatsapp_provider::InboundEvent;
use whatsapp_provider::queue::{Queue, SqliteQueue};
use whatsapp_provider::sink::EventSink;
use whatsapp_provider::testing::TestClock;

use super::events::{Sample, text};
use super::suite::{LONG, Place, TableRow, claim_one, numbers};

/// A folder that goes when the test ends, and the clock of all that use it.
pub(crate) struct SqlitePlace<T = InboundEvent> {
    pub(crate) folder: PathBuf,
    pub(crate) clock: TestClock,
    pub(crate) queue: SqliteQueue<T>,
    table: &'static str,
    opener: Opener<T>,
}

/// Opens the file.
type Opener<T> = fn(PathBuf) -> BoxFuture<'static, SqliteQueue<T>>;

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(crate) fn folder() -> PathBuf {
    let name = format!("queue-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).unwrap();
    folder
}

async fn start() -> SqlitePlace {
    start_with("message_queue", |path| Box::pin(async { SqliteQueue::open(path).await.unwrap() })).await
}

pub(crate) async fn start_with<T: Sample>(table: &'static str, opener: Opener<T>) -> SqlitePlace<T> {
    let folder = folder();
    let clock = TestClock::new();
    let queue = opener(folder.join("queue.sqlite")).await.with_clock(Arc::new(clock.clone()));
    SqlitePlace { folder, clock, queue, table, opener }
}

impl<T: Sample> SqlitePlace<T> {
    async fn open(&self) -> SqliteQueue<T> {
        let queue = (self.opener)(self.folder.join("queue.sqlite")).await;
        queue.with_clock(Arc::new(self.clock.clone()))
    }
}

#[async_trait]
impl<T: Sample> Place for SqlitePlace<T> {
    type Item = T;

    fn queue(&self) -> Arc<dyn Queue<T>> {
        Arc::new(self.queue.clone())
    }

    async fn other(&self) -> Arc<dyn Queue<T>> {
        Arc::new(self.open().await)
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn age(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn rows(&self) -> Vec<TableRow> {
        let sql = format!(
            "SELECT id, event_id, kind, conversation, payload, status, reason FROM {} ORDER BY id",
            self.table
        );
        let rows = sqlx::query(AssertSqlSafe(sql));
        let rows = rows.fetch_all(self.queue.pool()).await.unwrap();
        rows.iter()
            .map(|row| TableRow {
                id: row.get(0),
                event_id: row.get(1),
                kind: row.get(2),
                conversation: row.get(3),
                payload: row.get(4),
                status: row.get(5),
                reason: row.get(6),
            })
            .collect()
    }

    async fn finish(self) {
        self.queue.pool().close().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

on_every_queue!(start, []);
on_every_inbox!(start, []);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_may_open_a_new_file_at_once() {
    let folder = folder();
    let mut opening = tokio::task::JoinSet::new();
    for n in 0..8 {
        let path = folder.join("queue.sqlite");
        opening.spawn(async move {
            let queue = SqliteQueue::open(path).await.unwrap();
            queue.migrate().await.unwrap();
            queue.accept(&[text(n, &n.to_string(), "")]).await.unwrap();
            queue
        });
    }
    let queues = opening.join_all().await;
    for queue in &queues {
        assert_eq!(queue.counts().await.unwrap().pending, 8);
        queue.pool().close().await;
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_restart_and_safe_from_a_power_cut() {
    let place = start().await;
    let setting = async |name| {
        let sql = sqlx::AssertSqlSafe(format!("PRAGMA {name}"));
        sqlx::query(sql).fetch_one(place.queue.pool()).await.unwrap()
    };
    assert_eq!(setting("journal_mode").await.get::<String, _>(0), "wal");
    assert_eq!(setting("synchronous").await.get::<i64, _>(0), 2, "FULL");
    assert_eq!(setting("busy_timeout").await.get::<i64, _>(0), 5_000);

    place.queue.accept(&[text(1, "a", "1"), text(1, "b", "2")]).await.unwrap();
    place.queue.complete(&claim_one(&place.queue()).await).await.unwrap();
    place.queue.pool().close().await;
    let queue = place.open().await;
    assert_eq!(numbers(queue.counts().await.unwrap()), [1, 0, 1, 0, 0]);
    assert_eq!(queue.claim(5, LONG).await.unwrap().len(), 1);
    queue.pool().close().await;
    std::fs::remove_dir_all(&place.folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_waits_too_long_for_another_process_is_told_so() {
    let place = start().await;
    // Its own settings, so that the test need not wait for 5 seconds.
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(place.folder.join("queue.sqlite"))
        .busy_timeout(Duration::from_millis(50));
    let impatient = SqliteQueue::new(sqlx::SqlitePool::connect_with(options).await.unwrap());
    let held = place.queue.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = impatient.accept(&[text(1, "a", "")]).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "the database answered 5: database is locked");
    assert!(impatient.claim(1, LONG).await.is_err());
    assert_eq!(impatient.counts().await.unwrap().total(), 0, "readers do not wait");
    held.rollback().await.unwrap();
    impatient.accept(&[text(1, "a", "")]).await.unwrap();
    impatient.pool().close().await;
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_may_write_at_once() {
    let place = start().await;
    let mut writers = tokio::task::JoinSet::new();
    for (process, queue) in [place.queue(), place.other().await].into_iter().enumerate() {
        writers.spawn(async move {
            for n in 0..200 {
                queue.accept(&[text(n, &format!("{process}-{n}"), "")]).await.unwrap();
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    assert_eq!(place.queue.counts().await.unwrap().pending, 400);
    place.finish().await;
}

#[test]
fn a_queue_does_not_print_what_is_in_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let place = start().await;
        assert_eq!(format!("{:?}", place.queue), "SqliteQueue { clock: TestClock(0ns), .. }");
        place.finish().await;
    });
}
