use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

/// A transaction of PostgreSQL whose connection is thrown away unless it came to its end.
///
/// sqlx gives a connection back to the pool with the transaction open if its future is dropped while `BEGIN` is under
/// way. What the next user of the connection writes then is committed much later or never. A future that is dropped is
/// nothing rare here: a webhook, and a store, are only given so much time.
///
/// The application may share the pool and leave a transaction open likewise. So no statement is run without `BEGIN` and
/// `COMMIT`, even if it is the only one: the `COMMIT` ends whatever transaction there was, and what was called written is
/// committed. A pooler gives a session for a transaction only, too, and sqlx prepares a statement and uses it in two
/// steps.
#[derive(Debug)]
pub(crate) struct Transaction {
    /// None once it has ended.
    connection: Option<PoolConnection<Postgres>>,
}

impl Transaction {
    /// Begins, and takes the locks of `lock`, which is a statement or nothing, in the same round trip.
    ///
    /// Each statement sees what is committed when it begins, whatever the application has made the default: after it
    /// waited for a lock it must see what was done under the lock.
    ///
    /// A client that vanished would keep its locks until the server notices, which can take hours: the limits are for
    /// that. They end with the transaction, so that they work through a pooler too.
    pub(crate) async fn begin(pool: &PgPool, lock: &str) -> Result<Self, sqlx::Error> {
        let mut begun = Self { connection: Some(pool.acquire().await?) };
        begun
            .raw(format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '5s'; \
                 SET LOCAL idle_in_transaction_session_timeout = '30s'; {lock}"
            ))
            .await?;
        Ok(begun)
    }

    pub(crate) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, sqlx::Error> {
        Ok(query.execute(self.connection()?).await?.rows_affected())
    }

    pub(crate) async fn fetch_all(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        query.fetch_all(self.connection()?).await
    }

    /// Several statements without parameters.
    pub(crate) async fn raw(&mut self, sql: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.connection()?).await?;
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(how).execute(self.connection()?).await?;
        self.connection = None;
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> Result<&mut sqlx::PgConnection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}

/// The rows of a statement that has a transaction of its own, with the locks of `lock`.
pub(crate) async fn fetch_all(
    pool: &PgPool,
    lock: &str,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let mut transaction = Transaction::begin(pool, lock).await?;
    let rows = transaction.fetch_all(query).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// How many rows were changed by a statement that has a transaction of its own, with the locks of `lock`.
pub(crate) async fn execute(
    pool: &PgPool,
    lock: &str,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<u64, sqlx::Error> {
    let mut transaction = Transaction::begin(pool, lock).await?;
    let changed = transaction.execute(query).await?;
    transaction.commit().await?;
    Ok(changed)
}
