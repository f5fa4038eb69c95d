//! The queue in PostgreSQL behind PgBouncer in transaction mode, as Supabase's pooler is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use whatsapp_provider::InboundEvent;
use whatsapp_provider::queue::{PostgresQueue, Queue};

use super::postgres::{PostgresPlace, start as start_directly};
use super::suite::{Place, TableRow};
use crate::pgbouncer::{Pooler, SESSIONS};

/// A schema whose queue is reached through the pooler only; the table is looked at past it.
struct PooledPlace {
    direct: PostgresPlace,
    queue: PostgresQueue,
    pooler: Pooler,
}

async fn start() -> PooledPlace {
    let direct = start_directly().await;
    let pooler = Pooler::start().await;
    let queue = pooled(&pooler, &direct).await;
    // A migration through the pooler finds that all is there.
    queue.migrate().await.unwrap();
    PooledPlace { direct, queue, pooler }
}

async fn pooled(pooler: &Pooler, direct: &PostgresPlace) -> PostgresQueue {
    let queue = PostgresQueue::connect_through_pooler(&pooler.url).await.unwrap();
    queue.with_table(&direct.schema.name, "message_queue").unwrap()
}

#[async_trait]
impl Place for PooledPlace {
    type Item = InboundEvent;

    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.queue.clone())
    }

    async fn other(&self) -> Arc<dyn Queue> {
        Arc::new(pooled(&self.pooler, &self.direct).await)
    }

    async fn pass(&self, time: Duration) {
        self.direct.pass(time).await;
    }

    async fn age(&self, time: Duration) {
        self.direct.age(time).await;
    }

    async fn rows(&self) -> Vec<TableRow> {
        self.direct.rows().await
    }

    fn wakes(&self) -> bool {
        false
    }

    async fn finish(self) {
        self.queue.pool().close().await;
        self.direct.finish().await;
    }
}

on_every_queue!(start, [#[ignore = "needs PostgreSQL and PgBouncer"]]);
on_every_inbox!(start, [#[ignore = "needs PostgreSQL and PgBouncer"]]);

/// Without this the suite would show nothing: a transaction must be able to meet another session than the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer"]
async fn clients_share_the_sessions_of_the_server() {
    let place = start().await;
    let session = async || -> i32 {
        let mut transaction = place.queue.pool().begin().await.unwrap();
        let query = sqlx::query_scalar("SELECT pg_backend_pid()").persistent(false);
        let session = query.fetch_one(&mut *transaction).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        transaction.commit().await.unwrap();
        session
    };
    let clients = futures_util::future::join_all((0..10).map(|_| session())).await;
    let sessions: std::collections::BTreeSet<_> = clients.into_iter().collect();
    assert!((2..=SESSIONS as usize).contains(&sessions.len()), "{sessions:?}");
    Place::finish(place).await;
}
