use std::time::Duration;

use async_trait::async_trait;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;

use super::statements::CLAIM_IN_ORDER;
use super::{PostgresQueue, listen};
use crate::database;
use crate::queue::cause::queue_error;
use crate::queue::stored::Stored;
use crate::queue::{
    Claim, Counts, NoWakeUps, ParkedRow, Queue, QueueError, QueueItem, Retention, RowStatus, Then, WakeUps,
    bounds,
};

#[async_trait]
impl<T: QueueItem> Queue<T> for PostgresQueue<T> {
    async fn claim(&self, most: usize, lease: Duration) -> Result<Vec<Claim>, QueueError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let claim = self.query(&self.statements.claim).bind(bounds::rows(most)).bind(bounds::seconds(lease));
        let mut lock = self.lock("pg_advisory_xact_lock_shared", &[Self::CLAIM_LOCK]);
        if T::HAS_PRIORITY {
            lock = format!("{CLAIM_IN_ORDER}; {lock}");
        }
        let rows = self.rows(claim, &lock).await?;
        Stored::claims(&rows).map_err(queue_error)
    }

    async fn extend(&self, claim: &Claim, lease: Duration) -> Result<bool, QueueError> {
        let extend = self.query(&self.statements.extend).bind(claim.row).bind(claim.lease.as_str());
        self.one(extend.bind(bounds::seconds(lease))).await
    }

    async fn complete(&self, claim: &Claim) -> Result<bool, QueueError> {
        self.one(self.query(&self.statements.complete).bind(claim.row).bind(claim.lease.as_str())).await
    }

    async fn fail(&self, claim: &Claim, then: Then) -> Result<bool, QueueError> {
        let of_claim = |sql| self.query(sql).bind(claim.row).bind(claim.lease.as_str());
        let park = |status: RowStatus, reason: &str| {
            of_claim(&self.statements.park).bind(status.as_str()).bind(bounds::reason(reason))
        };
        let fail = match &then {
            Then::Retry { after, reason } => {
                of_claim(&self.statements.retry).bind(bounds::seconds(*after)).bind(bounds::reason(reason))
            }
            Then::Release => of_claim(&self.statements.release),
            Then::Review { reason } => park(RowStatus::Review, reason),
            Then::Dead { reason } => park(RowStatus::Dead, reason),
        };
        self.one(fail).await
    }

    async fn counts(&self) -> Result<Counts, QueueError> {
        let rows = self.rows(self.query(&self.statements.counts), "").await?;
        let mut counts = Counts::default();
        for row in &rows {
            Stored(row).add_to(&mut counts).map_err(queue_error)?;
        }
        Ok(counts)
    }

    async fn parked(&self, after: i64, most: usize) -> Result<Vec<ParkedRow>, QueueError> {
        let parked = self.query(&self.statements.parked).bind(after).bind(bounds::rows(most));
        let rows = self.rows(parked, "").await?;
        rows.iter().map(|row| Stored(row).parked()).collect::<Result<_, _>>().map_err(queue_error)
    }

    async fn redrive(&self, rows: &[i64]) -> Result<u64, QueueError> {
        if rows.is_empty() {
            return Ok(0);
        }
        // No claim may be under way that sees these rows as they are now: see `claim` in `statements`.
        let lock = self.lock("pg_advisory_xact_lock", &[Self::CLAIM_LOCK]);
        self.change(self.query(&self.statements.redrive).bind(rows), &lock).await
    }

    async fn discard(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.change(self.query(&self.statements.discard).bind(rows), "").await
    }

    async fn erase(&self, age: Duration) -> Result<u64, QueueError> {
        let erase = self.query(&self.statements.erase).bind(bounds::seconds(age));
        self.change(erase, "").await
    }

    async fn purge(&self, retention: Retention) -> Result<u64, QueueError> {
        let purge = self.query(&self.statements.purge).bind(bounds::seconds(retention.as_duration()));
        self.change(purge, "").await
    }

    async fn listen(&self) -> Result<Box<dyn WakeUps>, QueueError> {
        if self.pooled || !self.notify {
            return Ok(Box::new(NoWakeUps));
        }
        let options = self.pool.connect_options();
        let listener = listen::Listener::start((*options).clone(), &self.table.channel()).await;
        Ok(Box::new(listener.map_err(queue_error)?))
    }
}

impl<T: QueueItem> PostgresQueue<T> {
    async fn rows(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        lock: &str,
    ) -> Result<Vec<PgRow>, QueueError> {
        database::fetch_all(&self.pool, lock, query).await.map_err(queue_error)
    }

    async fn change(&self, query: Query<'_, Postgres, PgArguments>, lock: &str) -> Result<u64, QueueError> {
        database::execute(&self.pool, lock, query).await.map_err(queue_error)
    }

    /// Changes the row of a claim, unless the claim was lost.
    async fn one(&self, query: Query<'_, Postgres, PgArguments>) -> Result<bool, QueueError> {
        Ok(self.change(query, "").await? > 0)
    }
}
