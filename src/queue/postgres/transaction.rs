use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

/// A transaction whose connection is thrown away unless it came to its end.
///
/// sqlx gives a connection back to the pool with the transaction open if its future is dropped while `BEGIN` is under
/// way. What the next user of the connection writes then is committed much later or never. A future that is dropped is
/// nothing rare here: a webhook is only given so much time.
#[derive(Debug)]
pub(super) struct Transaction {
    /// None once it has ended.
    connection: Option<PoolConnection<Postgres>>,
}

impl Transaction {
    /// Begins, and takes the locks of `lock`, which is a statement or nothing, in the same round trip.
    ///
    /// A client that vanished would keep its locks until the server notices, which can take hours: the limits are for
    /// that. They end with the transaction, so that they work through a pooler too.
    pub(super) async fn begin(pool: &PgPool, lock: &str) -> Result<Self, sqlx::Error> {
        let mut begun = Self { connection: Some(pool.acquire().await?) };
        begun
            .raw(format!(
                "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '30s'; {lock}"
            ))
            .await?;
        Ok(begun)
    }

    pub(super) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, sqlx::Error> {
        Ok(query.execute(self.connection()?).await?.rows_affected())
    }

    pub(super) async fn fetch_all(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        query.fetch_all(self.connection()?).await
    }

    /// Several statements without parameters.
    pub(super) async fn raw(&mut self, sql: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.connection()?).await?;
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(how).execute(self.connection()?).await?;
        self.connection = None;
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut sqlx::PgConnection, sqlx::Error> {
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
