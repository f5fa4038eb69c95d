//! The store in a SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use whatsapp_provider::state::{Expected, SqliteStore, StateStore};
use whatsapp_provider::testing::TestClock;

use super::{World, holds_the_contract, put};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("whatsapp-state-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("state.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open(path: &Path, clock: &TestClock) -> SqliteStore {
    SqliteStore::open(path).await.unwrap().with_clock(Arc::new(clock.clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_the_contract() {
    let (folder, clock) = (Folder::new("contract"), TestClock::new());
    let store = open(&folder.file(), &clock).await;
    let other = open(&folder.file(), &clock).await;
    assert!(store.is_shared());
    holds_the_contract(&World::on(clock, Arc::new(store), Arc::new(other))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_what_it_has_when_it_is_opened_again() {
    let (folder, clock) = (Folder::new("again"), TestClock::new());
    let opened: Vec<_> = (0..8).map(|_| tokio::spawn(SqliteStore::open(folder.file()))).collect();
    for store in opened {
        store.await.unwrap().expect("eight processes may start at once");
    }
    let store = open(&folder.file(), &clock).await;
    let version = put(&store, "k", Expected::Absent, b"a", None).await.unwrap();
    assert!(store.delete_if("k", version).await.unwrap());
    store.pool().close().await;

    let store = open(&folder.file(), &clock).await;
    store.migrate().await.unwrap();
    let later = put(&store, "k", Expected::Absent, b"b", None).await.unwrap();
    assert!(later > version, "not even after the last key was deleted and the file was opened anew");
    let pragma = |name: &'static str| {
        let pool = store.pool().clone();
        async move { sqlx::query_scalar::<_, i64>(name).fetch_one(&pool).await.unwrap() }
    };
    assert_eq!(pragma("PRAGMA synchronous").await, 2, "a claim survives a power cut");
    assert_eq!(pragma("PRAGMA busy_timeout").await, 5000);
}

/// SQLite lets writers try again and again until their time is up, and one of many may never be lucky.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_process_wait_for_their_turn_however_impatient_their_connections_are() {
    let folder = Folder::new("turns");
    let opened = SqliteStore::open(folder.file()).await.unwrap();
    let options = SqliteConnectOptions::new().filename(folder.file()).busy_timeout(Duration::ZERO);
    let store = SqliteStore::new(SqlitePool::connect_with(options).await.unwrap());
    let writers: Vec<_> = (0..100)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { put(&store, &n.to_string(), Expected::Absent, b"a", None).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    // Another process has its own turns.
    let held = opened.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert!(store.delete_if("0", 1).await.is_err());
    held.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_purges_what_has_expired_and_nothing_else() {
    let (folder, clock) = (Folder::new("purge"), TestClock::new());
    let store = open(&folder.file(), &clock).await;
    for (key, seconds) in [("a", Some(10)), ("b", Some(20)), ("c", None)] {
        put(&store, key, Expected::Absent, b"", seconds.map(Duration::from_secs)).await.unwrap();
    }
    clock.advance(Duration::from_secs(10));
    assert_eq!(store.purge().await.unwrap(), 1);
    assert_eq!(store.purge().await.unwrap(), 0);
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM whatsapp_state").fetch_one(store.pool()).await.unwrap();
    assert_eq!(rows, 2);
}
