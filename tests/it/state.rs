//! The contract of a state store, held against every store there is.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use whatsapp_provider::state::{
    Expected, MemoryStore, PostgresStore, PutOutcome, SqliteStore, StateStore, Versioned,
};
use whatsapp_provider::testing::TestClock;

use crate::database::{Schema, postgres};
use crate::pgbouncer::Pooler;

type Passing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Two stores on one database, and how its time passes.
struct World {
    store: Arc<dyn StateStore>,
    other: Arc<dyn StateStore>,
    pass: Box<dyn Fn(Duration) -> Passing + Send + Sync>,
    /// A time to live: long enough for a few statements where time passes by itself.
    ttl: Duration,
}

impl World {
    fn on(clock: TestClock, store: Arc<dyn StateStore>, other: Arc<dyn StateStore>) -> Self {
        let pass = move |time| -> Passing {
            clock.advance(time);
            Box::pin(std::future::ready(()))
        };
        Self { store, other, pass: Box::new(pass), ttl: Duration::from_secs(60) }
    }

    async fn put(
        &self,
        key: &str,
        expected: Expected,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<u64, Option<Versioned>> {
        put(&*self.store, key, expected, value, ttl).await
    }

    async fn read(&self, key: &str) -> Option<Versioned> {
        self.store.get(&[key]).await.unwrap().pop().unwrap()
    }
}

/// The new version, or what is there.
async fn put(
    store: &dyn StateStore,
    key: &str,
    expected: Expected,
    value: &[u8],
    ttl: Option<Duration>,
) -> Result<u64, Option<Versioned>> {
    match store.put_if(key, expected, Bytes::copy_from_slice(value), ttl).await.unwrap() {
        PutOutcome::Stored { version, .. } => Ok(version),
        PutOutcome::Conflict { current, .. } => Err(current),
        other => panic!("{other:?}"),
    }
}

async fn holds_the_contract(world: &World) {
    of_writers_that_expect_the_same_one_succeeds(world).await;
    a_conflict_says_what_is_there(world).await;
    several_keys_come_in_the_order_they_were_asked_for(world).await;
    a_value_is_gone_when_its_time_has_passed_and_not_before(world).await;
    a_version_is_never_used_twice(world).await;
    only_the_version_that_is_there_is_deleted(world).await;
    values_are_any_bytes(world).await;
    what_is_no_key_is_refused(world).await;
    a_write_replaces_the_time_to_live(world).await;
}

async fn of_writers_that_expect_the_same_one_succeeds(world: &World) {
    let mut expected = Expected::Absent;
    for round in 0..4 {
        let writers: Vec<_> = (0..32_u8)
            .map(|writer| {
                let store = Arc::clone(if writer % 2 == 0 { &world.store } else { &world.other });
                tokio::spawn(async move { put(&*store, "race", expected, &[writer], None).await })
            })
            .collect();
        let mut won = Vec::new();
        let mut conflicts = Vec::new();
        for (writer, task) in (0..).zip(writers) {
            match task.await.unwrap() {
                Ok(version) => won.push(Versioned::new(vec![writer], version)),
                Err(current) => conflicts.push(current),
            }
        }
        assert_eq!((won.len(), conflicts.len()), (1, 31), "round {round}");
        assert_eq!(world.read("race").await.as_ref(), Some(&won[0]));
        assert!(conflicts.iter().all(|current| current.as_ref() == Some(&won[0])), "round {round}");
        expected = Expected::Version(won[0].version);
    }
}

async fn a_conflict_says_what_is_there(world: &World) {
    assert_eq!(world.put("conflict", Expected::Version(1), b"a", None).await, Err(None));
    let version = world.put("conflict", Expected::Absent, b"a", None).await.unwrap();
    let there = Some(Versioned::new("a", version));
    assert_eq!(world.put("conflict", Expected::Absent, b"b", None).await, Err(there.clone()));
    for wrong in [version + 1, 0, u64::MAX] {
        let result = world.put("conflict", Expected::Version(wrong), b"b", None).await;
        assert_eq!(result, Err(there.clone()), "{wrong}");
    }
    assert_eq!(put(&*world.other, "conflict", Expected::Absent, b"b", None).await, Err(there.clone()));
    assert_eq!(world.read("conflict").await, there);
}

async fn several_keys_come_in_the_order_they_were_asked_for(world: &World) {
    let a = world.put("order/a", Expected::Absent, b"1", None).await.unwrap();
    let b = world.put("order/b", Expected::Absent, b"2", None).await.unwrap();
    let (a, b) = (Some(Versioned::new("1", a)), Some(Versioned::new("2", b)));
    let found = world.store.get(&["order/b", "order/none", "order/a", "order/b"]).await.unwrap();
    assert_eq!(found, [b.clone(), None, a, b]);
    assert_eq!(world.store.get(&[]).await.unwrap(), []);
}

async fn a_value_is_gone_when_its_time_has_passed_and_not_before(world: &World) {
    world.put("ttl/for good", Expected::Absent, b"a", None).await.unwrap();
    let endless = Some(Duration::MAX);
    world.put("ttl/as good as for good", Expected::Absent, b"a", endless).await.unwrap();

    let began = Instant::now();
    let version = world.put("ttl", Expected::Absent, b"a", Some(world.ttl)).await.unwrap();
    let before = world.read("ttl").await;
    let conflict = world.put("ttl", Expected::Absent, b"b", None).await;
    // On a machine that stood still meanwhile there is nothing to see.
    if began.elapsed() < world.ttl {
        assert_eq!(before, Some(Versioned::new("a", version)));
        assert_eq!(conflict, Err(before));
    }
    (world.pass)(world.ttl).await;
    assert_eq!(world.read("ttl").await, None);
    assert_eq!(world.put("ttl", Expected::Version(version), b"b", None).await, Err(None));
    assert!(!world.store.delete_if("ttl", version).await.unwrap());
    let again = world.put("ttl", Expected::Absent, b"b", None).await.unwrap();
    assert_ne!(again, version);
    assert!(world.read("ttl/for good").await.is_some());
    assert!(world.read("ttl/as good as for good").await.is_some());
}

async fn a_version_is_never_used_twice(world: &World) {
    let mut versions = Vec::new();
    for round in 0..5 {
        let first = world.put("versions", Expected::Absent, b"a", None).await.unwrap();
        let ttl = (round % 2 == 1).then_some(world.ttl);
        let second = world.put("versions", Expected::Version(first), b"a", ttl).await.unwrap();
        versions.extend([first, second]);
        if ttl.is_none() {
            assert!(world.store.delete_if("versions", second).await.unwrap());
        } else {
            (world.pass)(world.ttl).await;
        }
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 10);
}

async fn only_the_version_that_is_there_is_deleted(world: &World) {
    let version = world.put("delete", Expected::Absent, b"a", None).await.unwrap();
    for wrong in [version + 1, 0, u64::MAX] {
        assert!(!world.store.delete_if("delete", wrong).await.unwrap());
    }
    assert!(world.read("delete").await.is_some());
    assert!(world.other.delete_if("delete", version).await.unwrap());
    assert!(!world.store.delete_if("delete", version).await.unwrap());
    assert_eq!(world.read("delete").await, None);
}

async fn values_are_any_bytes(world: &World) {
    let every: Vec<u8> = (0..=255).collect();
    for (key, value) in [("bytes/every", every), ("bytes/none", vec![]), ("bytes/many", vec![0; 100_000])] {
        let version = world.put(key, Expected::Absent, &value, None).await.unwrap();
        assert_eq!(world.read(key).await, Some(Versioned::new(value, version)), "{key}");
    }
}

async fn what_is_no_key_is_refused(world: &World) {
    for good in ["", "keys/Ünïcode 'quoted\" \u{1}%_\\", &"é".repeat(256)] {
        let version = world.put(good, Expected::Absent, b"a", None).await.unwrap();
        assert_eq!(world.read(good).await, Some(Versioned::new("a", version)), "{good}");
    }
    for bad in ["a\0b".to_owned(), "k".repeat(513), format!("{}k", "é".repeat(256))] {
        let errors = [
            world.store.get(&["fine", &bad]).await.unwrap_err(),
            world.store.put_if(&bad, Expected::Absent, Bytes::new(), None).await.unwrap_err(),
            world.store.delete_if(&bad, 1).await.unwrap_err(),
        ];
        for error in errors {
            let reason = std::error::Error::source(&error).unwrap().to_string();
            let says = format!("a key has at most 512 bytes and no NUL; this one has {} bytes", bad.len());
            assert_eq!(reason, says);
        }
    }
}

async fn a_write_replaces_the_time_to_live(world: &World) {
    let version = world.put("again", Expected::Absent, b"a", Some(world.ttl)).await.unwrap();
    world.put("again", Expected::Version(version), b"b", None).await.unwrap();
    (world.pass)(world.ttl).await;
    let there = world.read("again").await.unwrap();
    assert_eq!(there.value, "b");
    world.put("again", Expected::Version(there.version), b"c", Some(Duration::ZERO)).await.unwrap();
    (world.pass)(Duration::from_millis(1)).await;
    assert_eq!(world.read("again").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_the_contract() {
    let clock = TestClock::new();
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
    assert!(!store.is_shared());
    holds_the_contract(&World::on(clock, Arc::new(Arc::clone(&store)), store)).await;
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("whatsapp-state-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("state.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn sqlite(path: &Path, clock: &TestClock) -> SqliteStore {
    SqliteStore::open(path).await.unwrap().with_clock(Arc::new(clock.clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_holds_the_contract() {
    let (folder, clock) = (Folder::new("contract"), TestClock::new());
    let store = sqlite(&folder.file(), &clock).await;
    let other = sqlite(&folder.file(), &clock).await;
    assert!(store.is_shared());
    holds_the_contract(&World::on(clock, Arc::new(store), Arc::new(other))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_what_it_has_when_it_is_opened_again() {
    let (folder, clock) = (Folder::new("again"), TestClock::new());
    let opened: Vec<_> = (0..8).map(|_| tokio::spawn(SqliteStore::open(folder.file()))).collect();
    for store in opened {
        store.await.unwrap().expect("eight processes may start at once");
    }
    let store = sqlite(&folder.file(), &clock).await;
    let version = put(&store, "k", Expected::Absent, b"a", None).await.unwrap();
    assert!(store.delete_if("k", version).await.unwrap());
    store.pool().close().await;

    let store = sqlite(&folder.file(), &clock).await;
    store.migrate().await.unwrap();
    let later = put(&store, "k", Expected::Absent, b"b", None).await.unwrap();
    assert!(later > version, "not even after the last key was deleted and the file was opened anew");
    let pragma = |name: &'static str| {
        let pool = store.pool().clone();
        async move { sqlx::query_scalar::<_, i64>(name).fetch_one(&pool).await.unwrap() }
    };
    assert_eq!(pragma("PRAGMA synchronous").await, 2, "a claim survives a power cut");
    assert_eq!(pragma("PRAGMA busy_timeout").await, 5000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_purges_what_has_expired_and_nothing_else() {
    let (folder, clock) = (Folder::new("purge"), TestClock::new());
    let store = sqlite(&folder.file(), &clock).await;
    for (key, seconds) in [("a", Some(10)), ("b", Some(20)), ("c", None)] {
        put(&store, key, Expected::Absent, b"", seconds.map(Duration::from_secs)).await.unwrap();
    }
    clock.advance(Duration::from_secs(10));
    assert_eq!(store.purge().await.unwrap(), 1);
    assert_eq!(store.purge().await.unwrap(), 0);
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM whatsapp_state").fetch_one(store.pool()).await.unwrap();
    assert_eq!(rows, 2);
}

async fn in_schema(schema: &Schema, connections: u32) -> PostgresStore {
    let store = PostgresStore::new(postgres(connections).await);
    let store = store.with_table(&schema.name, "whatsapp_state").unwrap();
    store.migrate().await.unwrap();
    store
}

fn postgres_world(store: PostgresStore, other: PostgresStore) -> World {
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
async fn postgres_holds_the_contract() {
    let schema = Schema::new().await;
    let world = postgres_world(in_schema(&schema, 4).await, in_schema(&schema, 4).await);
    assert!(world.store.is_shared());
    holds_the_contract(&world).await;
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer"]
async fn postgres_behind_a_transaction_pooler_holds_the_contract() {
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
    holds_the_contract(&postgres_world(store().await, store().await)).await;
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn postgres_is_migrated_by_several_machines_at_once() {
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
async fn postgres_purges_what_has_expired_and_nothing_else() {
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
async fn postgres_hides_the_table_from_the_web() {
    let schema = Schema::new().await;
    let pool = postgres(1).await;
    let run = |sql: String| {
        let pool = pool.clone();
        async move { sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await }
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
    let secured: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(secured)).fetch_one(&pool).await.unwrap();
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
    let seen: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(seen, 0);
    transaction.rollback().await.unwrap();
    schema.drop().await;
}

#[tokio::test]
async fn names_that_would_need_care_are_refused() {
    let pool = || sqlx::postgres::PgPoolOptions::new().connect_lazy("postgres://127.0.0.1/none").unwrap();
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
