use std::collections::BTreeSet;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;

use super::PostgresQueue;
use crate::clock::Timestamp;
use crate::database::Transaction;
use crate::queue::QueueItem;
use crate::queue::cause::sink_error;
use crate::queue::row::NewRow;
use crate::sink::{EventSink, SinkError};

/// An error after it spoils only what was done since.
pub(super) const SAVEPOINT: &str = "SAVEPOINT whatsapp_insert";
/// Back to the [`SAVEPOINT`], which stays.
pub(super) const UNDO: &str = "ROLLBACK TO SAVEPOINT whatsapp_insert";
/// Gives what was done since the [`SAVEPOINT`] to the transaction.
pub(super) const KEEP: &str = "RELEASE SAVEPOINT whatsapp_insert";

#[async_trait]
impl<T: QueueItem> EventSink<T> for PostgresQueue<T> {
    async fn accept(&self, events: &[T]) -> Result<(), SinkError> {
        self.take(&NewRow::all(events)?).await
    }
}

impl<T: QueueItem> PostgresQueue<T> {
    /// Inserts all of the rows or none.
    pub(super) async fn take(&self, rows: &[NewRow]) -> Result<(), SinkError> {
        if rows.is_empty() {
            return Ok(());
        }
        let error = match self.insert_rows(rows).await {
            Ok(transaction) => return transaction.commit().await.map_err(sink_error),
            Err(error) => error,
        };
        if refuses_data(&error) {
            // It does not say which row it refuses, and would refuse the whole batch every time it is posted again.
            let refused = self.refused_of_batch(rows).await.map_err(sink_error)?;
            if !refused.is_empty() {
                return Err(SinkError::Reject(refused));
            }
        }
        Err(sink_error(error))
    }

    /// Inserts the rows, and leaves the transaction open.
    async fn insert_rows(&self, rows: &[NewRow]) -> Result<Transaction, sqlx::Error> {
        let mut transaction = Transaction::begin(&self.pool, &self.lock_conversations(rows)).await?;
        transaction.execute(self.insertion(rows)).await?;
        Ok(transaction)
    }

    /// To be run in the transaction of an [`insertion`](Self::insertion), before it.
    ///
    /// Within a conversation ids are drawn and committed in the same order, because the lock of the conversation is
    /// taken before and kept until the end. There are 64 locks, taken in their order by everybody.
    pub(super) fn lock_conversations(&self, rows: &[NewRow]) -> String {
        let locks: BTreeSet<i32> = rows.iter().map(|row| lock_of(&row.conversation)).collect();
        let locks: Vec<i32> = locks.into_iter().collect();
        self.lock("pg_advisory_xact_lock", &locks)
    }

    /// Inserts the rows, and tells of those that are new.
    pub(super) fn insertion<'q>(&self, rows: &'q [NewRow]) -> Query<'q, Postgres, PgArguments> {
        let column = |of: fn(&NewRow) -> &str| rows.iter().map(of).collect::<Vec<&str>>();
        let event_ids: Vec<Option<&str>> = rows.iter().map(|row| row.event_id.as_deref()).collect();
        let statement = if self.notify { &self.statements.insert } else { &self.statements.insert_quietly };
        let insert = self
            .query(statement)
            .bind(column(|row| &row.provider))
            .bind(event_ids)
            .bind(column(|row| row.kind))
            .bind(column(|row| &row.conversation))
            .bind(column(|row| &row.payload));
        let insert = if T::HAS_PRIORITY {
            let seconds = |moment: Timestamp| moment.unix_millis() as f64 / 1000.0;
            let priorities: Vec<i16> = rows.iter().map(|row| row.priority).collect();
            let not_before: Vec<Option<f64>> = rows.iter().map(|row| row.not_before.map(seconds)).collect();
            insert.bind(priorities).bind(not_before)
        } else {
            insert
        };
        if self.notify { insert.bind(self.table.channel()) } else { insert }
    }

    /// Which of the rows are [`refused`](Self::refused), in a transaction of its own.
    async fn refused_of_batch(&self, rows: &[NewRow]) -> Result<Vec<usize>, sqlx::Error> {
        let begin = format!("{}; {SAVEPOINT}", self.lock_conversations(rows));
        let mut transaction = Transaction::begin(&self.pool, &begin).await?;
        let refused = self.refused(transaction.connection()?, rows).await?;
        transaction.rollback().await?;
        Ok(refused)
    }

    /// Which of the rows the database refuses for what is in them, in a transaction that has the [`SAVEPOINT`] and goes on
    /// from there. Halves are tried and undone until single rows are left: a webhook may bring 1,000 events, and the time
    /// for all of them is short.
    pub(super) async fn refused(
        &self,
        transaction: &mut PgConnection,
        rows: &[NewRow],
    ) -> Result<Vec<usize>, sqlx::Error> {
        let mut refused = Vec::new();
        let mut suspects = vec![(0, rows.len())];
        while let Some((start, end)) = suspects.pop() {
            let Some(part) = rows.get(start..end) else { continue };
            let tried = self.insertion(part).execute(&mut *transaction).await;
            sqlx::raw_sql(UNDO).execute(&mut *transaction).await?;
            match tried {
                Ok(_) => {}
                Err(error) if !refuses_data(&error) => return Err(error),
                Err(_) if part.len() <= 1 => refused.push(start),
                Err(_) => {
                    let middle = start + part.len() / 2;
                    suspects.push((middle, end));
                    suspects.push((start, middle));
                }
            }
        }
        Ok(refused)
    }
}

/// Which of the 64 locks a conversation has. It must be the same in every process.
fn lock_of(conversation: &str) -> i32 {
    Sha256::digest(conversation).first().map_or(0, |byte| i32::from(byte & 63))
}

/// Whether it is the data that the database refuses (class 22: a text or a number it cannot store; class 54: a JSON text
/// that is nested too deep), so that it will refuse it every time.
pub(super) fn refuses_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_has_the_same_lock_for_ever() {
        let of = ["meta/106540352242922/+15557654321", "meta/106540352242922/status/m", "a"].map(lock_of);
        assert_eq!(of, [0, 45, 10]);
        let used: BTreeSet<i32> = (0..2_000).map(|n| lock_of(&n.to_string())).collect();
        assert_eq!(used, (0..64).collect());
    }
}
