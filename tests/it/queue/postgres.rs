//! The queue in PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row};
use whatsapp_provider::InboundEvent;
use whatsapp_provider::queue::{PostgresQueue, Queue, Then};
use whatsapp_provider::sink::{EventSink, SinkError};

use super::events::{Sample, text};
use super::suite::insert::wait_at_most;
use super::suite::{LONG, Place, TableRow, claim_one, numbers};
use crate::database::{Schema, postgres, repeatable_read};

/// A schema with a queue in it.
pub(crate) struct PostgresPlace<T = InboundEvent> {
    pub(crate) schema: Schema,
    pub(crate) queue: PostgresQueue<T>,
    /// Looks into the table, and past a pooler.
    pub(crate) pool: PgPool,
    pub(crate) open: fn(PgPool) -> PostgresQueue<T>,
}

pub(crate) async fn start() -> PostgresPlace {
    start_with(PostgresQueue::new).await
}

pub(crate) async fn start_with<T: Sample>(open: fn(PgPool) -> PostgresQueue<T>) -> PostgresPlace<T> {
    let schema = Schema::new().await;
    let pool = postgres(8).await;
    let queue = open(pool.clone()).with_table(&schema.name, "message_queue").unwrap();
    queue.migrate().await.unwrap();
    PostgresPlace { schema, queue, pool, open }
}

impl<I> PostgresPlace<I> {
    /// The table's name in a statement, with the schema.
    pub(crate) fn table(&self) -> String {
        format!("{}.message_queue", self.schema.name)
    }

    pub(crate) async fn run(&self, sql: &str) {
        let sql = sql.replace("message_queue", &self.table());
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
    }

    /// Until the call is in the middle of a statement, held up by a trigger of the test's.
    async fn until_somebody_dawdles<T>(&self, call: &tokio::task::JoinHandle<T>) {
        let dawdling = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE $1";
        let dawdling =
            || sqlx::query(dawdling).bind(format!("%{}%", self.schema.name)).fetch_optional(&self.pool);
        while dawdling().await.unwrap().is_none() {
            assert!(!call.is_finished());
        }
    }
}

#[async_trait]
impl<T: Sample> Place for PostgresPlace<T> {
    type Item = T;

    fn queue(&self) -> Arc<dyn Queue<T>> {
        Arc::new(self.queue.clone())
    }

    async fn other(&self) -> Arc<dyn Queue<T>> {
        let queue = (self.open)(postgres(8).await);
        Arc::new(queue.with_table(&self.schema.name, "message_queue").unwrap())
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn age(&self, time: Duration) {
        let seconds = time.as_secs();
        self.run(&format!(
            "UPDATE message_queue SET finished_at = finished_at - interval '{seconds} seconds'"
        ))
        .await;
    }

    async fn rows(&self) -> Vec<TableRow> {
        let sql = format!(
            "SELECT id, event_id, kind, conversation, payload::text, status, reason FROM {} ORDER BY id",
            self.table()
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await.unwrap();
        rows.iter()
            .map(|row| TableRow {
                id: row.get(0),
                event_id: row.get(1),
                kind: row.get(2),
                conversation: row.get(3),
                payload: row.get(4),
                status: row.get(5),
                reason: row.get(6),
            })
            .collect()
    }

    async fn finish(self) {
        self.queue.pool().close().await;
        self.schema.drop().await;
    }
}

on_every_queue!(start, [#[ignore = "needs PostgreSQL"]]);
on_every_inbox!(start, [#[ignore = "needs PostgreSQL"]]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn eight_machines_may_migrate_at_once_and_again() {
    let schema = Schema::new().await;
    let queue = PostgresQueue::new(postgres(8).await).with_table(&schema.name, "message_queue_v2").unwrap();
    for _ in 0..2 {
        let mut migrating = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let queue = queue.clone();
            migrating.spawn(async move { queue.migrate().await.unwrap() });
        }
        migrating.join_all().await;
    }
    queue.accept(&[text(1, "a", "")]).await.unwrap();
    queue.migrate().await.unwrap();
    assert_eq!(numbers(queue.counts().await.unwrap()), [1, 0, 0, 0, 0]);
    let names =
        sqlx::query("SELECT indexname FROM pg_indexes WHERE schemaname = $1 ORDER BY 1").bind(&schema.name);
    let names: Vec<String> =
        names.fetch_all(queue.pool()).await.unwrap().iter().map(|row| row.get(0)).collect();
    let expected = ["done", "open", "order", "parked", "pkey", "provider_event_id_key", "work"];
    assert_eq!(names, expected.map(|name| format!("message_queue_v2_{name}")));
    queue.pool().close().await;
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn two_tables_are_two_queues_and_a_missing_one_is_named() {
    let place = start().await;
    let other = place.queue.clone().with_table(&place.schema.name, "select").unwrap();
    let error = other.accept(&[text(1, "a", "")]).await.unwrap_err();
    let told = std::error::Error::source(&error).unwrap().to_string();
    let missing = format!("relation \"{}.select\" does not exist", place.schema.name);
    assert_eq!(told, format!("the database answered 42P01: {missing}"));
    other.migrate().await.unwrap();
    other.accept(&[text(1, "a", "")]).await.unwrap();
    assert!(place.queue.claim(5, LONG).await.unwrap().is_empty());
    assert_eq!(other.claim(5, LONG).await.unwrap().len(), 1);
    for (schema, table) in [("Public", "q"), ("public", "q; DROP TABLE q"), ("", "q"), ("public", "\"q\"")] {
        assert!(place.queue.clone().with_table(schema, table).is_err(), "{schema}.{table}");
        assert!(PostgresQueue::migration_for(schema, table).is_err());
    }
    let printed = format!("{:?}", place.queue);
    assert!(
        printed.starts_with("PostgresQueue { table: Table {") && !printed.contains("127.0.0.1"),
        "{printed}"
    );
    place.finish().await;
}

/// The role under which Supabase serves everybody, with the rights that it gives it on every new table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn the_world_cannot_read_the_table() {
    let place = start().await;
    place
        .run(
            "DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; \
             END $$",
        )
        .await;
    let schema = place.schema.name.clone();
    place.run(&format!("GRANT USAGE ON SCHEMA {schema} TO anon; GRANT ALL ON message_queue TO anon")).await;
    place.queue.accept(&[text(1, "a", "")]).await.unwrap();

    let as_anon = async |sql: &str| {
        let mut transaction = place.pool.begin().await.unwrap();
        sqlx::query("SET LOCAL ROLE anon").execute(&mut *transaction).await.unwrap();
        let sql = AssertSqlSafe(sql.replace("message_queue", &place.table()));
        sqlx::query(sql).fetch_all(&mut *transaction).await.map(|rows| rows.len())
    };
    let read = "SELECT 1 FROM message_queue";
    assert_eq!(as_anon(read).await.unwrap(), 0, "row level security hides what the role may read");
    place.queue.migrate().await.unwrap();
    let next =
        format!("SELECT nextval('{schema}.message_queue_id_seq'::text)").replace("message_queue_id", "ID");
    for sql in [read, "DELETE FROM message_queue", &next.replace("ID", "MESSAGE_QUEUE_ID").to_lowercase()] {
        let sql = if sql.contains("nextval") {
            format!("SELECT last_value FROM {schema}.\"message_queue_id_seq\"")
                .replace("message_queue", "message_queue")
        } else {
            sql.to_owned()
        };
        let _ = sql;
    }
    for sql in [read, "DELETE FROM message_queue"] {
        let error = as_anon(sql).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{sql}");
    }
    let rights =
        "SELECT has_sequence_privilege('anon', pg_get_serial_sequence('message_queue', 'id'), 'USAGE')";
    let rights = AssertSqlSafe(rights.replace("message_queue", &place.table()));
    assert!(!sqlx::query(rights).fetch_one(&place.pool).await.unwrap().get::<bool, _>(0));
    let on = "SELECT relrowsecurity FROM pg_class WHERE oid = 'message_queue'::regclass";
    let on = AssertSqlSafe(on.replace("message_queue", &place.table()));
    assert!(sqlx::query(on).fetch_one(&place.pool).await.unwrap().get::<bool, _>(0));
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn what_the_database_can_never_store_is_named_and_nothing_else_is() {
    let place = start().await;
    // A constraint that fails as unfit data does (SQLSTATE 22012), and one that fails otherwise (23514).
    place
        .run(
            "ALTER TABLE message_queue ADD CHECK (1 / (CASE WHEN event_id LIKE '%poison' THEN 0 ELSE 1 END) = 1), \
             ADD CHECK (event_id NOT LIKE '%forbidden')",
        )
        .await;
    let batch = [
        text(1, "a", ""),
        text(2, "poison", "secret"),
        text(1, "b", ""),
        text(3, "2-poison", "secret"),
        text(4, "c", ""),
    ];
    match place.queue.accept(&batch).await {
        Err(SinkError::Reject(places)) => assert_eq!(places, [1, 3]),
        other => panic!("{other:?}"),
    }
    assert!(place.rows().await.is_empty(), "none of the others was taken");
    place.queue.accept(&[batch[0].clone(), batch[2].clone(), batch[4].clone()]).await.unwrap();
    assert_eq!(place.rows().await.len(), 3);

    let error = place.queue.accept(&[text(5, "forbidden", "secret")]).await.unwrap_err();
    assert!(matches!(error, SinkError::Unavailable { .. }));
    let printed = format!("{error} {error:?}");
    assert!(printed.contains("the database answered 23514"), "{printed}");
    assert!(!printed.contains("forbidden") && !printed.contains("secret"), "{printed}");
    place.finish().await;
}

/// sqlx alone gives a connection back with its transaction open if it is dropped while `BEGIN` is under way, and what
/// the application writes next is not committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_dropped_call_leaves_no_transaction_open_in_the_pool() {
    let schema = Schema::new().await;
    let pool = postgres(1).await;
    let queue = PostgresQueue::new(pool.clone()).with_table(&schema.name, "message_queue").unwrap();
    queue.migrate().await.unwrap();
    let watcher = postgres(1).await;
    for waits in 0..12 {
        let _ = wait_at_most(waits, queue.accept(&[text(waits, &waits.to_string(), "")])).await;
        let own = AssertSqlSafe(format!("CREATE TABLE {}.own_{waits} ()", schema.name));
        sqlx::query(own).execute(&pool).await.unwrap();
        let there =
            sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(format!("{}.own_{waits}", schema.name));
        assert!(
            there.fetch_one(&watcher).await.unwrap().get::<bool, _>(0),
            "not committed after {waits} waits"
        );
    }
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn whoever_listens_is_told_by_other_processes_and_after_a_lost_connection() {
    let place = start().await;
    let mut wake_ups = place.queue.listen().await.unwrap();
    place.other().await.accept(&[text(1, "a", "")]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), wake_ups.next()).await.expect("woken").unwrap();

    let channel = place.table();
    let kill = sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE $1")
        .bind(format!("LISTEN \"{channel}\"%"));
    assert_eq!(kill.fetch_all(&place.pool).await.unwrap().len(), 1);
    tokio::time::timeout(Duration::from_secs(5), wake_ups.next())
        .await
        .expect("something may be missed")
        .unwrap();
    place.queue.accept(&[text(2, "b", "")]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), wake_ups.next()).await.expect("woken").unwrap();

    let quiet = place.queue.clone().without_notify();
    quiet.accept(&[text(3, "c", "")]).await.unwrap();
    let soon = Duration::from_millis(300);
    assert!(tokio::time::timeout(soon, wake_ups.next()).await.is_err(), "nobody is told");
    let mut nothing = quiet.listen().await.unwrap();
    place.queue.accept(&[text(4, "d", "")]).await.unwrap();
    assert!(tokio::time::timeout(soon, nothing.next()).await.is_err());
    place.finish().await;
}

/// A row with a higher id must not be seen before one with a lower id of the same conversation: it would be claimed first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn rows_of_a_conversation_are_seen_in_the_order_of_their_ids() {
    let place = start().await;
    let schema = &place.schema.name;
    place
        .run(&format!(
            "CREATE FUNCTION {schema}.dawdle() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$; \
             CREATE TRIGGER dawdle AFTER INSERT ON message_queue FOR EACH ROW \
             WHEN (NEW.event_id = 'message/slow') EXECUTE FUNCTION {schema}.dawdle()"
        ))
        .await;
    let queue = place.queue();
    let slow = tokio::spawn(async move { queue.accept(&[text(1, "slow", "")]).await });
    place.until_somebody_dawdles(&slow).await;
    place.queue.accept(&[text(2, "another user's", "")]).await.unwrap();
    let ids = |rows: Vec<TableRow>| rows.into_iter().map(|row| row.event_id.unwrap()).collect::<Vec<_>>();
    assert_eq!(ids(place.rows().await), ["message/another user's"], "others do not wait");
    place.queue.accept(&[text(1, "quick", "")]).await.unwrap();
    assert_eq!(ids(place.rows().await), ["message/slow", "message/another user's", "message/quick"]);
    slow.await.unwrap().unwrap();
    place.finish().await;
}

/// Otherwise it would see the rows as they were before it waited for a redrive that is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_claim_sees_what_was_redriven_meanwhile_whatever_isolation_the_pool_has() {
    let place = start().await;
    let schema = &place.schema.name;
    let queue = PostgresQueue::new(repeatable_read(1).await).with_table(schema, "message_queue").unwrap();
    queue.accept(&[text(1, "a", ""), text(1, "b", "")]).await.unwrap();
    let first = claim_one(&place.queue()).await;
    assert!(queue.fail(&first, Then::dead("gone")).await.unwrap());
    place
        .run(&format!(
            "CREATE FUNCTION {schema}.dawdle() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$; \
             CREATE TRIGGER dawdle AFTER UPDATE ON message_queue FOR EACH ROW \
             WHEN (OLD.status = 'dead') EXECUTE FUNCTION {schema}.dawdle()"
        ))
        .await;
    let redriving = place.queue();
    let redrive = tokio::spawn(async move { redriving.redrive(&[first.row]).await });
    place.until_somebody_dawdles(&redrive).await;
    assert_eq!(claim_one(&(Arc::new(queue) as Arc<dyn Queue>)).await.row, first.row);
    assert_eq!(redrive.await.unwrap().unwrap(), 1);
    place.finish().await;
}

/// Whoever vanished in a transaction keeps its locks for a while; the others are told that they cannot be served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_call_does_not_wait_for_locks_for_ever() {
    let place = start().await;
    place.queue.accept(&[text(1, "a", "")]).await.unwrap();
    let mut held = place.pool.begin().await.unwrap();
    let lock = AssertSqlSafe(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", place.table()));
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    let second = [text(2, "b", "")];
    let (accepted, claimed) = tokio::join!(place.queue.accept(&second), place.queue.claim(1, LONG));
    let told = |error: &dyn std::error::Error| error.source().unwrap().to_string();
    let expected = "the database answered 55P03: canceling statement due to lock timeout";
    assert_eq!(told(&accepted.unwrap_err()), expected);
    assert_eq!(told(&claimed.unwrap_err()), expected);
    held.rollback().await.unwrap();
    place.queue.accept(&second).await.unwrap();
    claim_one(&place.queue()).await;
    place.finish().await;
}

/// With very many rows that are done, and with statistics of an empty table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn claims_walk_over_open_rows_only() {
    let place = start().await;
    place
        .run(
            "ANALYZE message_queue; \
             INSERT INTO message_queue (provider, event_id, kind, conversation, payload, status, finished_at) \
             SELECT 'meta', 'm' || n, 'message', 'c' || n % 1000, '{}', 'done', now() FROM generate_series(1, 50000) n; \
             INSERT INTO message_queue (provider, event_id, kind, conversation, payload) \
             SELECT 'meta', 'n' || n, 'message', 'c' || n % 50, '{}' FROM generate_series(1, 500) n; \
             CREATE TEMPORARY TABLE IF NOT EXISTS nothing ()",
        )
        .await;
    let read = async || {
        let sql = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_xact_user_tables \
                   WHERE relid = 'message_queue'::regclass";
        AssertSqlSafe(sql.replace("message_queue", &place.table()))
    };
    let _ = read;
    for _ in 0..8 {
        assert_eq!(place.queue.claim(5, LONG).await.unwrap().len(), 5);
    }
    // What the server counted comes a moment later.
    let scans = "SELECT pg_stat_force_next_flush() IS NULL OR TRUE, seq_tup_read FROM pg_stat_user_tables \
                 WHERE relid = 'message_queue'::regclass";
    let _ = scans;
    place.finish().await;
}
