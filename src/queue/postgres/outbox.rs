use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnection, PgPool};

use super::PostgresQueue;
use super::insert::{KEEP, SAVEPOINT, UNDO, refuses_data};
use super::table::Table;
use crate::error::ConfigError;
use crate::outbound::OutboundMessage;
use crate::queue::cause::queue_error;
use crate::queue::outbox::rows;
use crate::queue::row::NewRow;
use crate::queue::{OutboxEntry, OutboxError};
use crate::sink::SinkError;

/// An [outbox](crate::queue#the-outbox) in PostgreSQL.
pub type PostgresOutbox = PostgresQueue<OutboundMessage>;

impl PostgresOutbox {
    /// An outbox by a pool of the application, in the table `public.message_outbox`.
    pub fn outbox(pool: PgPool) -> Self {
        Self::of(pool)
    }

    /// What [`migrate`](Self::migrate) does for the table `public.message_outbox`, as SQL that can be pasted into psql or
    /// Supabase's editor.
    pub fn outbox_migration() -> String {
        Table::of::<OutboundMessage>().migration::<OutboundMessage>()
    }

    /// What [`migrate`](Self::migrate) does for another table, as SQL.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a name does not have 1 to 40 of the characters a-z, 0-9 and `_`, or begins with a digit.
    pub fn outbox_migration_for(schema: &str, table: &str) -> Result<String, ConfigError> {
        Ok(Table::new(schema, table)?.migration::<OutboundMessage>())
    }

    /// Inserts messages, all or none. One whose idempotency key the outbox knows is not inserted again; one without a key
    /// is given one, which is not told.
    ///
    /// # Errors
    ///
    /// [`OutboxError`] if no provider could carry one of them, the server can never store one, or it cannot be reached; in
    /// the last case they may have been inserted, so give messages keys if you insert them again.
    pub async fn insert<'m, E: Into<OutboxEntry<'m>>>(
        &self,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<(), OutboxError> {
        Ok(self.take(&rows(entries)?).await?)
    }

    /// As [`insert`](Self::insert), within a transaction of the application: the messages go out if it is committed, and
    /// workers are told then.
    ///
    /// * Insert the messages of a transaction in one call, late, and commit soon. Until then other inserts to the same
    ///   recipients wait, and those to some others: 64 locks serve all. Transactions that call it twice may wait for
    ///   each other, which PostgreSQL ends with an error for one of them.
    /// * It waits for these locks as long as the transaction's `lock_timeout` says, which is for ever unless you set it
    ///   (`SET LOCAL lock_timeout = '5s'`); then it is an error.
    /// * It is not for transactions that `PREPARE TRANSACTION` ends: PostgreSQL refuses that after the notification, and
    ///   [without](PostgresQueue::without_notify) it the locks stay until `COMMIT PREPARED`.
    /// * After an error the transaction can only be undone, unless it was [`Invalid`](OutboxError::Invalid): then it goes
    ///   on as if it had not been called.
    /// * Under `REPEATABLE READ` and `SERIALIZABLE` a message that somebody else inserted meanwhile is an error, too.
    ///
    /// # Errors
    ///
    /// [`OutboxError`] if no provider could carry one of them, the server can never store one, the connection is in no
    /// transaction, the server refuses, or it cannot be reached.
    pub async fn insert_in<'m, E: Into<OutboxEntry<'m>>>(
        &self,
        transaction: &mut PgConnection,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<(), OutboxError> {
        let rows = rows(entries)?;
        if rows.is_empty() {
            return Ok(());
        }
        let refused = self.insert_or_undo(transaction, &rows).await.map_err(queue_error)?;
        if refused.is_empty() { Ok(()) } else { Err(SinkError::Reject(refused).into()) }
    }

    /// Inserts the rows, or none of them and tells which the database refuses for what is in them.
    async fn insert_or_undo(
        &self,
        transaction: &mut PgConnection,
        rows: &[NewRow],
    ) -> Result<Vec<usize>, sqlx::Error> {
        // Only a transaction can have a savepoint. Without one the locks would be gone before the insert, and with them
        // the order.
        let begin = format!("{SAVEPOINT}; {}", self.lock_conversations(rows));
        sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *transaction).await?;
        let refused = match self.insertion(rows).execute(&mut *transaction).await {
            Ok(_) => Vec::new(),
            Err(error) if refuses_data(&error) => {
                sqlx::raw_sql(UNDO).execute(&mut *transaction).await?;
                let refused = self.refused(transaction, rows).await?;
                if refused.is_empty() {
                    return Err(error);
                }
                refused
            }
            Err(error) => return Err(error),
        };
        sqlx::raw_sql(KEEP).execute(transaction).await?;
        Ok(refused)
    }
}
