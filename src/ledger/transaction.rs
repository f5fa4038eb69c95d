//! A transaction of either database, so that the ledger is written once.

use std::marker::PhantomData;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Row as _};

#[cfg(feature = "postgres")]
use crate::database::Transaction;
#[cfg(feature = "sqlite")]
use crate::database::{Write, Writer};

/// What a statement is given.
#[derive(Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Number(i64),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// The columns of a row, all of them texts.
pub(super) type Row = Vec<Option<String>>;

#[derive(Clone)]
pub(super) enum Pool {
    #[cfg(feature = "postgres")]
    Postgres { pool: sqlx::PgPool, through_pooler: bool },
    #[cfg(feature = "sqlite")]
    Sqlite { pool: sqlx::SqlitePool, writer: Writer },
}

impl Pool {
    /// Begins to write.
    pub(super) async fn write(&self) -> Result<Tx<'_>, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { pool, through_pooler } => {
                let begun = Transaction::begin(pool, "").await?;
                Ok(Tx::Postgres { begun, persistent: !through_pooler, of: PhantomData })
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite { pool, writer } => Ok(Tx::Write(writer.begin(pool).await?, PhantomData)),
        }
    }

    /// Begins to read, which in SQLite need not wait for writers.
    pub(super) async fn read(&self) -> Result<Tx<'_>, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { .. } => self.write().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite { pool, .. } => Ok(Tx::Read(pool.begin().await?, PhantomData)),
        }
    }
}

/// A transaction. What is not committed is undone.
pub(super) enum Tx<'t> {
    #[cfg(feature = "postgres")]
    Postgres { begun: Transaction, persistent: bool, of: PhantomData<&'t Pool> },
    #[cfg(feature = "sqlite")]
    Write(Write<'t>, PhantomData<&'t Pool>),
    #[cfg(feature = "sqlite")]
    Read(sqlx::Transaction<'static, sqlx::Sqlite>, PhantomData<&'t Pool>),
}

/// A statement with its values.
macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.iter().fold(sqlx::query(AssertSqlSafe(Arc::clone($sql))), |query, value| match value {
            Value::Text(text) => query.bind(text.clone()),
            Value::Number(number) => query.bind(*number),
        })
    };
}

/// The columns of rows.
macro_rules! texts {
    ($rows:expr) => {
        $rows.iter().map(|row| (0..row.len()).map(|column| row.try_get(column)).collect()).collect()
    };
}

impl Tx<'_> {
    pub(super) async fn rows(&mut self, sql: &Arc<str>, values: &[Value]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { begun, persistent, .. } => {
                texts!(begun.fetch_all(bound!(sql, values).persistent(*persistent)).await?)
            }
            #[cfg(feature = "sqlite")]
            Self::Write(write, _) => texts!(bound!(sql, values).fetch_all(&mut *write.transaction).await?),
            #[cfg(feature = "sqlite")]
            Self::Read(read, _) => texts!(bound!(sql, values).fetch_all(&mut **read).await?),
        }
    }

    /// How many rows were changed.
    pub(super) async fn run(&mut self, sql: &Arc<str>, values: &[Value]) -> Result<u64, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { begun, persistent, .. } => {
                begun.execute(bound!(sql, values).persistent(*persistent)).await
            }
            #[cfg(feature = "sqlite")]
            Self::Write(write, _) => {
                Ok(bound!(sql, values).execute(&mut *write.transaction).await?.rows_affected())
            }
            #[cfg(feature = "sqlite")]
            Self::Read(read, _) => Ok(bound!(sql, values).execute(&mut **read).await?.rows_affected()),
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { begun, .. } => begun.commit().await,
            #[cfg(feature = "sqlite")]
            Self::Write(write, _) => write.transaction.commit().await,
            #[cfg(feature = "sqlite")]
            Self::Read(read, _) => read.commit().await,
        }
    }

    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres { begun, .. } => begun.rollback().await,
            #[cfg(feature = "sqlite")]
            Self::Write(write, _) => write.transaction.rollback().await,
            #[cfg(feature = "sqlite")]
            Self::Read(read, _) => read.rollback().await,
        }
    }
}
