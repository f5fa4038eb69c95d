use std::sync::Arc;

use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};
use tokio::sync::{Mutex, MutexGuard};

/// Where the writers of this process wait for each other, in turn. SQLite would let them try again and again, and some
/// of them in vain.
#[derive(Clone, Default)]
pub(crate) struct Writer(Arc<Mutex<()>>);

impl Writer {
    pub(crate) async fn begin(&self, pool: &SqlitePool) -> Result<Write<'_>, sqlx::Error> {
        let turn = self.0.lock().await;
        // Takes the lock of the file at once. A transaction that reads first and writes later is refused without
        // waiting if somebody wrote in between.
        let transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Write { transaction, _turn: turn })
    }
}

/// A transaction that writes. The fields are dropped in this order: the transaction is undone before the next begins.
pub(crate) struct Write<'w> {
    pub(crate) transaction: Transaction<'static, Sqlite>,
    _turn: MutexGuard<'w, ()>,
}
