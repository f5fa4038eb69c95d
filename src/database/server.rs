use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::Transaction;

/// Connects to PostgreSQL. A call waits 5 seconds for a connection: what cannot be taken in is better told so in time.
pub(crate) async fn connect(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new().acquire_timeout(Duration::from_secs(5)).connect_with(options).await
}

/// Makes tables where they are missing. Any number of machines may do so at once: `IF NOT EXISTS` alone fails where two
/// find at once that there is none.
pub(crate) async fn migrate(
    pool: &PgPool,
    [schema, table]: [&str; 2],
    migration: String,
) -> Result<(), sqlx::Error> {
    let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('{schema}.{table}', 0))");
    let mut transaction = Transaction::begin(pool, &lock).await?;
    transaction.raw(migration).await?;
    transaction.commit().await
}
