//! The store in PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use whatsapp_provider::state::{Expected, PostgresStore, StateStore, Versioned};

use super::{Passing, World, holds_the_contract, put};
use crate::database::{Schema, postgres, repeatable_read};
use crate::pgbouncer::Pooler;
use crate::queue::wait_at_most;

async fn in_schema(schema: &Schema, connections: u32) -> PostgresStore {
    on(schema, postgres(connections).await).await
}

async fn on(schema: &Schema, pool: PgPool) -> PostgresStore {
    let store = PostgresStore::new(pool).with_table(&schema.name, "whatsapp_state").unwrap();
    store.migrate().await.unwrap();
    store
}

fn world_of(store: PostgresStore, other: PostgresStore) -> World {
    let pass = |time: Duration| -> Passing { Box::pin(tokio::time::sleep(time + Duration::from_millis(20))) };
    World {
        store: Arc::new(store),
        other: Arc::new(other),
        pass: Box::new(pass),
        ttl: Duration::from_secs(1),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn it_holds_the_contract() {
    let schema = Schema::new().await;
    let world = world_of(in_schema(&schema, 4).await, in_schema(&schema, 4).await);
    assert!(world.store.is_shared());
    holds_the_contract(&world).await;
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer"]
async fn behind_a_transaction_pooler_it_holds_the_contract() {
    let schema = Schema::new().await;
    let pooler = Pooler::start().await;
    let store = async || {
        let options: PgConnectOptions = pooler.url.parse().unwrap();
        let pool = PgPoolOptions::new().connect_with(options.extra_float_digits(None)).await.unwrap();
        let store = PostgresStore::new(pool).with_table(&schema.name, "whatsapp_state").unwrap();
        let store = store.through_transaction_pooler();
        store.migrate().await.unwrap();
        store
    };
    holds_the_contract(&world_of(store().await, store().await)).await;
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn it_holds_the_contract_whatever_isolation_the_pool_has() {
    let schema = Schema::new().await;
    let store = async || on(&schema, repeatable_read(4).await).await;
    holds_the_contract(&world_of(store().await, store().await)).await;
    schema.drop().await;
}

/// sqlx gives a connection back with its transaction open if it is dropped while `BEGIN` is under way, and the pool may
/// be the application's, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn what_it_calls_written_is_committed_although_somebody_left_a_transaction_open() {
    let schema = Schema::new().await;
    let pool = postgres(1).await;
    let other = in_schema(&schema, 1).await;
    for store in both(on(&schema, pool.clone()).await) {
        let left_open = async || sqlx::raw_sql("BEGIN").execute(&pool).await.unwrap();
        left_open().await;
        let version = put(&store, "k", Expected::Absent, b"a", None).await.unwrap();
        assert_eq!(other.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", version))]);
        left_open().await;
        let version = put(&store, "k", Expected::Version(version), b"b", None).await.unwrap();
        assert_eq!(other.get(&["k"]).await.unwrap(), [Some(Versioned::new("b", version))]);
        left_open().await;
        assert!(store.delete_if("k", version).await.unwrap());
        assert_eq!(other.get(&["k"]).await.unwrap(), [None]);
        put(&store, "k", Expected::Absent, b"c", Some(Duration::ZERO)).await.unwrap();
        left_open().await;
        assert_eq!(store.purge().await.unwrap(), 1);
        assert_eq!(other.purge().await.unwrap(), 0);
    }
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn it_reads_what_is_there_although_somebody_left_a_transaction_open() {
    let schema = Schema::new().await;
    let pool = repeatable_read(1).await;
    let other = in_schema(&schema, 1).await;
    for store in both(on(&schema, pool.clone()).await) {
        sqlx::raw_sql("BEGIN; SELECT count(*) FROM pg_class").execute(&pool).await.unwrap();
        let version = put(&other, "k", Expected::Absent, b"a", None).await.unwrap();
        // The connection is of no use for that; the next one is.
        assert!(store.get(&["k"]).await.is_err());
        assert_eq!(store.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", version))]);
        assert!(other.delete_if("k", version).await.unwrap());
    }
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_dropped_call_leaves_no_transaction_open_in_the_pool() {
    let schema = Schema::new().await;
    let pool = postgres(1).await;
    let watcher = postgres(1).await;
    let own = format!("{}.own", schema.name);
    let run = async |sql: String| sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    run(format!("CREATE TABLE {own} (waits integer)")).await;
    let mut written: i64 = 0;
    for store in both(on(&schema, pool.clone()).await) {
        for waits in 0..12 {
            for call in 0..5 {
                let _ = wait_at_most(waits, async {
                    match call {
                        0 => drop(store.get(&["k"]).await.unwrap()),
                        1 => drop(put(&store, "k", Expected::Absent, b"a", None).await),
                        2 => drop(store.delete_if("k", 1).await.unwrap()),
                        3 => drop(store.purge().await.unwrap()),
                        _ => store.migrate().await.unwrap(),
                    }
                })
                .await;
                run(format!("INSERT INTO {own} VALUES ({waits})")).await;
                written += 1;
                let count = AssertSqlSafe(format!("SELECT count(*) FROM {own}"));
                let seen: i64 = sqlx::query_scalar(count).fetch_one(&watcher).await.unwrap();
                assert_eq!(seen, written, "not committed when call {call} was dropped after {waits} waits");
            }
        }
    }
    schema.drop().await;
}

/// The store as it is, and as it is behind a pooler.
fn both(store: PostgresStore) -> [PostgresStore; 2] {
    [store.clone(), store.through_transaction_pooler()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn it_is_migrated_by_several_machines_at_once() {
    let schema = Schema::new().await;
    let store = PostgresStore::new(postgres(8).await).with_table(&schema.name, "other_table").unwrap();
    let machines: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for machine in machines {
        machine.await.unwrap().unwrap();
    }
    let kept = put(&store, "k", Expected::Absent, b"a", None).await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(store.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", kept))]);
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn it_purges_what_has_expired_and_nothing_else() {
    let schema = Schema::new().await;
    let store = in_schema(&schema, 2).await;
    put(&store, "a", Expected::Absent, b"", Some(Duration::from_millis(1))).await.unwrap();
    put(&store, "b", Expected::Absent, b"", Some(Duration::from_secs(3600))).await.unwrap();
    put(&store, "c", Expected::Absent, b"", None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.purge().await.unwrap(), 1);
    let found = store.get(&["a", "b", "c"]).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn it_hides_the_table_from_the_web() {
    let schema = Schema::new().await;
    let pool = postgres(1).await;
    let run = |sql: String| {
        let pool = pool.clone();
        async move { sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await }
    };
    // Roles belong to the whole server, and another test may make the same one now.
    let role = "DO $$ BEGIN CREATE ROLE anon NOLOGIN; \
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
    run(role.to_owned()).await.unwrap();
    run(format!("GRANT USAGE ON SCHEMA {} TO anon", schema.name)).await.unwrap();
    run(format!("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT ALL ON TABLES TO anon", schema.name))
        .await
        .unwrap();
    let store = in_schema(&schema, 2).await;
    put(&store, "k", Expected::Absent, b"a", None).await.unwrap();

    let table = format!("\"{}\".\"whatsapp_state\"", schema.name);
    let secured = format!("SELECT relrowsecurity FROM pg_class WHERE oid = '{table}'::regclass");
    let secured: bool = sqlx::query_scalar(AssertSqlSafe(secured)).fetch_one(&pool).await.unwrap();
    assert!(secured);
    let as_anon = |what: &str| run(format!("SET ROLE anon; {what}; RESET ROLE"));
    let refused = as_anon(&format!("SELECT * FROM {table}")).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501");
    run("RESET ROLE".to_owned()).await.unwrap();

    // Even for a role that was let in later there is nothing to see.
    run(format!("GRANT SELECT ON {table} TO anon")).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("SET LOCAL ROLE anon").execute(&mut *transaction).await.unwrap();
    let count = format!("SELECT count(*) FROM {table}");
    let seen: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(seen, 0);
    transaction.rollback().await.unwrap();
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn its_errors_say_what_is_wrong_and_quote_nothing() {
    let schema = Schema::new().await;
    let store = in_schema(&schema, 1).await;
    let refuses = format!("ALTER TABLE {}.whatsapp_state ADD CHECK (key <> 'CANARY')", schema.name);
    sqlx::raw_sql(AssertSqlSafe(refuses)).execute(store.pool()).await.unwrap();
    let error = store.put_if("CANARY", Expected::Absent, "CANARY".into(), None).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "the database answered 23514");
    assert_eq!(format!("{error:?}"), "StateError { source: Some(the database answered 23514) }");
    let elsewhere = store.clone().with_table(&schema.name, "missing").unwrap();
    let source = std::error::Error::source(&elsewhere.purge().await.unwrap_err()).unwrap().to_string();
    let missing = format!("relation \"{}.missing\" does not exist", schema.name);
    assert_eq!(source, format!("the database answered 42P01: {missing}"));
    schema.drop().await;
}

#[tokio::test]
async fn names_that_would_need_care_are_refused() {
    let pool = || PgPoolOptions::new().connect_lazy("postgres://127.0.0.1/none").unwrap();
    let fits = "t".repeat(40);
    for (schema, table) in [("public", "whatsapp_state"), ("_a1", "b_2"), (&fits, &fits)] {
        let store = PostgresStore::new(pool()).with_table(schema, table).unwrap();
        let sql = store.migration();
        assert!(sql.contains(&format!("CREATE TABLE IF NOT EXISTS \"{schema}\".\"{table}\" (")), "{sql}");
        assert!(sql.contains(&format!("INDEX IF NOT EXISTS \"{table}_expires_at\"")), "{sql}");
    }
    let long = "t".repeat(41);
    for bad in ["", "1a", "A", "a-b", "a\"b", "a.b", "a b", "ä", &long] {
        let error = PostgresStore::new(pool()).with_table("public", bad).unwrap_err();
        assert_eq!(error.field, "table", "{bad}");
        let error = PostgresStore::new(pool()).with_table(bad, "whatsapp_state").unwrap_err();
        assert_eq!(error.field, "schema", "{bad}");
    }
}
