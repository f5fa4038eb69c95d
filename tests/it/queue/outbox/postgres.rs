//! The outbox in PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row};
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::queue::{OutboxEntry, OutboxError, PostgresOutbox, PostgresQueue, Queue};
use whatsapp_provider::{ErrorKind, OutboundMessage};

use crate::database::postgres;
use crate::queue::events::{body, phone};
use crate::queue::postgres::{PostgresPlace, start_with};
use crate::queue::suite::outbox::Outbox;
use crate::queue::suite::{LONG, Place};

async fn start() -> PostgresPlace<OutboundMessage> {
    start_with(PostgresQueue::outbox).await
}

#[async_trait]
impl Outbox for PostgresPlace<OutboundMessage> {
    async fn insert(&self, entries: &[OutboxEntry<'_>]) -> Result<(), OutboxError> {
        self.queue.insert(entries.iter().copied()).await
    }

    async fn now(&self) -> Timestamp {
        let now = sqlx::query("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        let now: i64 = now.fetch_one(&self.pool).await.unwrap().get(0);
        Timestamp::from_unix_millis(u64::try_from(now).unwrap()).unwrap()
    }
}

on_every_queue!(start, [#[ignore = "needs PostgreSQL"]]);
on_every_outbox!(start, [#[ignore = "needs PostgreSQL"]]);

fn text(user: usize, body: &str) -> OutboundMessage {
    OutboundMessage::text(phone(user), body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn messages_are_committed_with_what_they_are_about() {
    let place = start().await;
    place.run(&format!("CREATE TABLE {}.orders (id integer)", place.schema.name)).await;
    let mut wake_ups = place.queue.listen().await.unwrap();
    let order = format!("INSERT INTO {}.orders VALUES (77)", place.schema.name);
    for commits in [false, true] {
        let mut transaction = place.pool.begin().await.unwrap();
        sqlx::query(AssertSqlSafe(order.clone())).execute(&mut *transaction).await.unwrap();
        let (first, second) = (text(1, "1"), text(1, "2"));
        place.queue.insert_in(&mut transaction, [&first, &second]).await.unwrap();
        assert!(place.queue.claim(10, LONG).await.unwrap().is_empty(), "nothing is seen before the commit");
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
            assert!(place.rows().await.is_empty());
        }
        let woken =
            tokio::time::timeout(Duration::from_secs(if commits { 5 } else { 0 }), wake_ups.next()).await;
        assert_eq!(woken.is_ok(), commits, "whoever listens is told by the commit");
    }
    assert_eq!(body(&place.queue.claim(10, LONG).await.unwrap()[0]), "1");
    assert_eq!(place.rows().await.len(), 2);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_transaction_that_inserted_goes_before_whoever_inserts_later() {
    let place = start().await;
    let mut transaction = place.pool.begin().await.unwrap();
    place.queue.insert_in(&mut transaction, [&text(1, "1")]).await.unwrap();
    let queue = place.queue.clone();
    let later = tokio::spawn(async move { queue.insert([&text(1, "2")]).await });
    let waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = \
                 (SELECT classid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() LIMIT 1)";
    while sqlx::query(waits).fetch_optional(&mut *transaction).await.unwrap().is_none() {
        assert!(!later.is_finished(), "it waits for the transaction");
    }
    transaction.commit().await.unwrap();
    later.await.unwrap().unwrap();
    let bodies: Vec<_> =
        place.rows().await.iter().map(|row| crate::queue::events::body_of(&row.payload)).collect();
    assert_eq!(bodies, ["1", "2"]);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_transaction_waits_for_another_as_long_as_its_own_limit_says() {
    let place = start().await;
    let mut first = place.pool.begin().await.unwrap();
    place.queue.insert_in(&mut first, [&text(1, "1")]).await.unwrap();
    let mut second = place.pool.begin().await.unwrap();
    sqlx::query("SET LOCAL lock_timeout = '50ms'").execute(&mut *second).await.unwrap();
    let error = place.queue.insert_in(&mut second, [&text(1, "2")]).await.unwrap_err();
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(told, "the database answered 55P03: canceling statement due to lock timeout");
    second.rollback().await.unwrap();
    first.commit().await.unwrap();
    assert_eq!(place.rows().await.len(), 1);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn without_a_transaction_nothing_is_inserted() {
    let place = start().await;
    let mut connection = place.pool.acquire().await.unwrap();
    let error = place.queue.insert_in(&mut connection, [&text(1, "1")]).await.unwrap_err();
    assert!(matches!(error, OutboxError::Unavailable(_)));
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(told, "the database answered 25P01: SAVEPOINT can only be used in transaction blocks");
    assert!(place.rows().await.is_empty());
    drop(connection);

    let mut transaction = place.pool.begin().await.unwrap();
    let error = place.queue.insert_in(&mut transaction, [&text(1, "")]).await.unwrap_err();
    assert!(matches!(error, OutboxError::Invalid { place: 0, .. }));
    place.queue.insert_in(&mut transaction, [&text(1, "1")]).await.expect("it goes on");
    transaction.commit().await.unwrap();
    assert_eq!(place.rows().await.len(), 1);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn what_the_database_can_never_store_is_named_and_the_transaction_goes_on() {
    let place = start().await;
    // A constraint that fails as unfit data does (SQLSTATE 22012), and one that fails otherwise (23514).
    place
        .run(
            "ALTER TABLE message_queue ADD CHECK (1 / (CASE WHEN event_id = 'poison' THEN 0 ELSE 1 END) = 1), \
             ADD CHECK (event_id <> 'forbidden')",
        )
        .await;
    let keyed = |user, key: &str| text(user, "secret").with_idempotency_key(key);
    let batch = [keyed(1, "a"), keyed(2, "b"), keyed(3, "poison"), keyed(1, "c")];
    let refused = |error| {
        let OutboxError::Invalid { place: 2, error, .. } = error else { panic!("{error:?}") };
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidMessage, Some("content")));
    };
    refused(place.queue.insert(&batch).await.unwrap_err());

    let mut transaction = place.pool.begin().await.unwrap();
    place.queue.insert_in(&mut transaction, [&batch[0]]).await.unwrap();
    refused(place.queue.insert_in(&mut transaction, &batch).await.unwrap_err());
    place.queue.insert_in(&mut transaction, [&batch[3]]).await.expect("it goes on");
    transaction.commit().await.unwrap();
    let keys: Vec<_> = place.rows().await.into_iter().map(|row| row.event_id.unwrap()).collect();
    assert_eq!(keys, ["a", "c"], "none of the refused batch");

    let mut transaction = place.pool.begin().await.unwrap();
    let error = place.queue.insert_in(&mut transaction, [&keyed(1, "forbidden")]).await.unwrap_err();
    assert!(matches!(error, OutboxError::Unavailable(_)));
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(told, "the database answered 23514");
    transaction.rollback().await.unwrap();
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn two_outboxes_and_a_queue_are_made_by_their_own_migrations() {
    let place = start().await;
    let sql = PostgresOutbox::outbox_migration_for(&place.schema.name, "message_queue_v2").unwrap();
    for _ in 0..2 {
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&place.pool).await.unwrap();
    }
    let other = place.queue.clone().with_table(&place.schema.name, "message_queue_v2").unwrap();
    other.insert([&text(1, "1")]).await.unwrap();
    assert!(place.rows().await.is_empty());
    let on = AssertSqlSafe(format!(
        "SELECT relrowsecurity FROM pg_class WHERE oid = '{}.message_queue_v2'::regclass",
        place.schema.name
    ));
    assert!(sqlx::query(on).fetch_one(&place.pool).await.unwrap().get::<bool, _>(0));
    assert!(PostgresOutbox::outbox_migration().contains("\"public\".\"message_outbox\""));
    place.finish().await;
}

/// To compile the statement takes longer than to run it, and would be done for each claim.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_claim_is_not_compiled() {
    let place = start().await;
    place
        .run("ALTER TABLE message_queue ADD CHECK (status <> 'processing' OR current_setting('jit') = 'off')")
        .await;
    place.queue.insert([&text(1, "1")]).await.unwrap();
    assert_eq!(place.queue.claim(1, LONG).await.unwrap().len(), 1);
    place.finish().await;
}

/// 100,000 advertisements that may go, as many that rest, and as many for later: a claim reads the rows it takes and no
/// others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_claim_reads_no_more_however_much_is_open() {
    let place = start().await;
    place
        .run(
            "ANALYZE message_queue; \
             INSERT INTO message_queue \
               (provider, event_id, kind, conversation, payload, priority, available_at, due_at) \
             SELECT '', 'm' || n, 'template', 'c' || n, '{}', 3, \
               now() + (n % 3) * interval '1 hour', now() FROM generate_series(1, 300000) n",
        )
        .await;
    let pool = postgres(1).await;
    let queue = PostgresQueue::outbox(pool.clone()).with_table(&place.schema.name, "message_queue").unwrap();
    let before = reads(&place).await;
    for _ in 0..8 {
        assert_eq!(queue.claim(5, LONG).await.unwrap().len(), 5);
    }
    queue.insert([&text(1, "answer")]).await.unwrap();
    assert_eq!(body(&queue.claim(1, LONG).await.unwrap()[0]), "answer", "before all advertisements");
    // A session tells what it counted when it ends.
    pool.close().await;
    let mut after = reads(&place).await;
    for _ in 0..100 {
        if after.1 > before.1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        after = reads(&place).await;
    }
    assert_eq!(after.0, before.0, "rows are found by the index");
    let read = after.1 - before.1;
    // 41 rows, each looked at as a candidate, as the first of its conversation, and to be changed.
    assert!((41..=410).contains(&read), "{read} rows were read for 41");
    place.finish().await;
}

/// How many rows were read one after the other, and by an index.
async fn reads(place: &PostgresPlace<OutboundMessage>) -> (i64, i64) {
    let sql = format!(
        "SELECT coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables \
         WHERE relid = '{}'::regclass",
        place.table()
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&place.pool).await.unwrap();
    (row.get(0), row.get(1))
}
