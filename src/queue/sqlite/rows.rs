use std::time::Duration;

use async_trait::async_trait;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::{Inserted, SqliteQueue, statements};
use crate::queue::cause::queue_error;
use crate::queue::stored::Stored;
use crate::queue::{
    Claim, Counts, ParkedRow, Queue, QueueError, QueueItem, Retention, RowStatus, Then, WakeUps, bounds,
};

#[async_trait]
impl<T: QueueItem> Queue<T> for SqliteQueue<T> {
    async fn claim(&self, most: usize, lease: Duration) -> Result<Vec<Claim>, QueueError> {
        let claim = async {
            let mut write = self.write().await?;
            let rows = sqlx::query(statements::CLAIM)
                .bind(self.now())
                .bind(bounds::millis(lease))
                .bind(bounds::rows(most))
                .fetch_all(&mut *write.transaction)
                .await?;
            write.transaction.commit().await?;
            rows.iter().map(|row| Stored(row).claim()).collect::<Result<Vec<_>, _>>()
        };
        let mut claims = claim.await.map_err(queue_error)?;
        // RETURNING keeps no order.
        claims.sort_unstable_by_key(|claim| claim.row);
        Ok(claims)
    }

    async fn extend(&self, claim: &Claim, lease: Duration) -> Result<bool, QueueError> {
        self.of_claim(statements::EXTEND, claim, |query, now| query.bind(now).bind(bounds::millis(lease)))
            .await
    }

    async fn complete(&self, claim: &Claim) -> Result<bool, QueueError> {
        self.of_claim(statements::COMPLETE, claim, Query::bind).await
    }

    async fn fail(&self, claim: &Claim, then: Then) -> Result<bool, QueueError> {
        let (status, reason) = match then {
            Then::Retry { after, reason } => {
                let retry = |query: Change, now: i64| {
                    query.bind(now.saturating_add(bounds::millis(after))).bind(bounds::reason(&reason))
                };
                return self.of_claim(statements::RETRY, claim, retry).await;
            }
            Then::Release => {
                return self.of_claim(statements::RELEASE, claim, Query::bind).await;
            }
            Then::Review { reason } => (RowStatus::Review, reason),
            Then::Dead { reason } => (RowStatus::Dead, reason),
        };
        let park = |query: Change, _| query.bind(status.as_str()).bind(bounds::reason(&reason));
        self.of_claim(statements::PARK, claim, park).await
    }

    async fn counts(&self) -> Result<Counts, QueueError> {
        let rows = sqlx::query(statements::COUNTS).fetch_all(&self.pool).await.map_err(queue_error)?;
        let mut counts = Counts::default();
        for row in &rows {
            Stored(row).add_to(&mut counts).map_err(queue_error)?;
        }
        Ok(counts)
    }

    async fn parked(&self, after: i64, most: usize) -> Result<Vec<ParkedRow>, QueueError> {
        let parked = sqlx::query(statements::PARKED).bind(after).bind(bounds::rows(most));
        let rows = parked.fetch_all(&self.pool).await.map_err(queue_error)?;
        rows.iter().map(|row| Stored(row).parked()).collect::<Result<_, _>>().map_err(queue_error)
    }

    async fn redrive(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.of_parked(statements::REDRIVE, rows).await
    }

    async fn discard(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.of_parked(statements::DISCARD, rows).await
    }

    async fn erase(&self, age: Duration) -> Result<u64, QueueError> {
        let before = |now: i64| now.saturating_sub(bounds::millis(age));
        self.change(|now| sqlx::query(statements::ERASE).bind(before(now))).await
    }

    async fn purge(&self, retention: Retention) -> Result<u64, QueueError> {
        let before = |now: i64| now.saturating_sub(bounds::millis(retention.as_duration()));
        self.change(|now| sqlx::query(statements::PURGE).bind(before(now))).await
    }

    /// Wakes for rows that clones of this queue insert.
    async fn listen(&self) -> Result<Box<dyn WakeUps>, QueueError> {
        Ok(Box::new(Inserted(self.inserted.subscribe())))
    }
}

type Change = Query<'static, sqlx::Sqlite, SqliteArguments>;

impl<T: QueueItem> SqliteQueue<T> {
    /// Runs a statement that is given the time at which its turn has come.
    async fn change(&self, query: impl FnOnce(i64) -> Change + Send) -> Result<u64, QueueError> {
        let change = async {
            let mut write = self.write().await?;
            let query = query(self.now());
            let changed = query.execute(&mut *write.transaction).await?.rows_affected();
            write.transaction.commit().await?;
            Ok(changed)
        };
        change.await.map_err(queue_error)
    }

    /// Changes those of the rows that are parked.
    async fn of_parked(&self, statement: &'static str, rows: &[i64]) -> Result<u64, QueueError> {
        let change = async {
            let mut write = self.write().await?;
            let mut changed = 0;
            for row in rows {
                let query = sqlx::query(statement).bind(row).bind(self.now());
                changed += query.execute(&mut *write.transaction).await?.rows_affected();
            }
            write.transaction.commit().await?;
            Ok(changed)
        };
        change.await.map_err(queue_error)
    }

    /// Changes the row of a claim, and says whether the claim still held.
    async fn of_claim(
        &self,
        statement: &'static str,
        claim: &Claim,
        bind: impl FnOnce(Change, i64) -> Change + Send,
    ) -> Result<bool, QueueError> {
        let query = sqlx::query(statement).bind(claim.row).bind(claim.lease.clone());
        Ok(self.change(|now| bind(query, now)).await? > 0)
    }
}
