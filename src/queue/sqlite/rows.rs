use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::{Inserted, SqliteQueue};
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
            let rows = query(&self.statements.claim)
                .bind(self.now())
                .bind(bounds::millis(lease))
                .bind(bounds::rows(most))
                .fetch_all(&mut *write.transaction)
                .await?;
            write.transaction.commit().await?;
            Stored::claims(&rows)
        };
        claim.await.map_err(queue_error)
    }

    async fn extend(&self, claim: &Claim, lease: Duration) -> Result<bool, QueueError> {
        self.of_claim(&self.statements.extend, claim, |query, now| {
            query.bind(now).bind(bounds::millis(lease))
        })
        .await
    }

    async fn complete(&self, claim: &Claim) -> Result<bool, QueueError> {
        self.of_claim(&self.statements.complete, claim, Query::bind).await
    }

    async fn fail(&self, claim: &Claim, then: Then) -> Result<bool, QueueError> {
        let (status, reason) = match then {
            Then::Retry { after, reason } => {
                let retry = |query: Change, now: i64| {
                    query.bind(now.saturating_add(bounds::millis(after))).bind(bounds::reason(&reason))
                };
                return self.of_claim(&self.statements.retry, claim, retry).await;
            }
            Then::Release => {
                return self.of_claim(&self.statements.release, claim, Query::bind).await;
            }
            Then::Review { reason } => (RowStatus::Review, reason),
            Then::Dead { reason } => (RowStatus::Dead, reason),
        };
        let park = |query: Change, _| query.bind(status.as_str()).bind(bounds::reason(&reason));
        self.of_claim(&self.statements.park, claim, park).await
    }

    async fn counts(&self) -> Result<Counts, QueueError> {
        let rows = query(&self.statements.counts).fetch_all(&self.pool).await.map_err(queue_error)?;
        let mut counts = Counts::default();
        for row in &rows {
            Stored(row).add_to(&mut counts).map_err(queue_error)?;
        }
        Ok(counts)
    }

    async fn parked(&self, after: i64, most: usize) -> Result<Vec<ParkedRow>, QueueError> {
        let parked = query(&self.statements.parked).bind(after).bind(bounds::rows(most));
        let rows = parked.fetch_all(&self.pool).await.map_err(queue_error)?;
        rows.iter().map(|row| Stored(row).parked()).collect::<Result<_, _>>().map_err(queue_error)
    }

    async fn redrive(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.of_parked(&self.statements.redrive, rows).await
    }

    async fn discard(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.of_parked(&self.statements.discard, rows).await
    }

    async fn erase(&self, age: Duration) -> Result<u64, QueueError> {
        let before = |now: i64| now.saturating_sub(bounds::millis(age));
        self.change(|now| query(&self.statements.erase).bind(before(now))).await
    }

    async fn purge(&self, retention: Retention) -> Result<u64, QueueError> {
        let before = |now: i64| now.saturating_sub(bounds::millis(retention.as_duration()));
        self.change(|now| query(&self.statements.purge).bind(before(now))).await
    }

    /// Wakes for rows that clones of this queue insert.
    async fn listen(&self) -> Result<Box<dyn WakeUps>, QueueError> {
        Ok(Box::new(Inserted(self.inserted.subscribe())))
    }
}

type Change = Query<'static, sqlx::Sqlite, SqliteArguments>;

fn query(statement: &Arc<str>) -> Change {
    sqlx::query(AssertSqlSafe(Arc::clone(statement)))
}

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
    async fn of_parked(&self, statement: &Arc<str>, rows: &[i64]) -> Result<u64, QueueError> {
        let change = async {
            let mut write = self.write().await?;
            let mut changed = 0;
            for row in rows {
                let query = query(statement).bind(row).bind(self.now());
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
        statement: &Arc<str>,
        claim: &Claim,
        bind: impl FnOnce(Change, i64) -> Change + Send,
    ) -> Result<bool, QueueError> {
        let query = query(statement).bind(claim.row).bind(claim.lease.clone());
        Ok(self.change(|now| bind(query, now)).await? > 0)
    }
}
