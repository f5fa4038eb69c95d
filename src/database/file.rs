use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

/// How long a writer waits for those of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a file of SQLite's, and makes it if it does not exist. What was written is on the disk before its call ends: with
/// less, the last commits before a power cut are lost, and somebody was told of them.
pub(crate) async fn open(path: &Path, pool: SqlitePoolOptions) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    // Only one connection can write at a time; a few more can read.
    pool.max_connections(4).connect_with(options).await
}
