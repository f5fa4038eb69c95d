//! Inserting events into both queues, beside plain inserts into a table of the same shape by the same driver; and how
//! long a webhook takes from the request to the answer while 200 arrive each second.
//!
//! Only the ratios within one run mean anything: machines are noisy. PostgreSQL is looked for at `TEST_POSTGRES_URL`, or
//! else on this machine; without it the benchmark fails.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "it is a benchmark")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput};
use http_body_util::Full;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tokio::runtime::Runtime;
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::queue::{PostgresQueue, SqliteQueue};
use whatsapp_provider::simulator::{Side, SimulatedWebhook, Simulator};
use whatsapp_provider::sink::{EventSink, SinkError, sink_fn};
use whatsapp_provider::testing::EventMaker;
use whatsapp_provider::{InboundEvent, PhoneNumber, WebhookHandler};

/// The tables of one run.
struct Databases {
    schema: String,
    folder: PathBuf,
    sqlite: SqliteQueue,
    postgres: PostgresQueue,
}

impl Databases {
    async fn new() -> Self {
        let unique = std::process::id();
        let schema = format!("bench{unique}");
        let folder = std::env::temp_dir().join(format!("whatsapp-provider-bench-{unique}"));
        std::fs::create_dir_all(&folder).unwrap();
        let sqlite = SqliteQueue::open(folder.join("queue.db")).await.unwrap();
        let url = std::env::var("TEST_POSTGRES_URL");
        let url = url.unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/test".to_owned());
        let postgres = PostgresQueue::connect(&url).await.unwrap();
        run(postgres.pool(), &format!("CREATE SCHEMA {schema}")).await;
        let postgres = postgres.with_table(&schema, "message_queue").unwrap();
        postgres.migrate().await.unwrap();
        let columns = "provider text, event_id text, kind text, conversation text, payload";
        run(
            postgres.pool(),
            &format!("CREATE TABLE {schema}.plain ({columns} json, UNIQUE (provider, event_id))"),
        )
        .await;
        let sql = format!("CREATE TABLE plain ({columns} text, UNIQUE (provider, event_id))");
        sqlx::query(AssertSqlSafe(sql)).execute(sqlite.pool()).await.unwrap();
        Self { schema, folder, sqlite, postgres }
    }

    async fn drop(self) {
        run(self.postgres.pool(), &format!("DROP SCHEMA {} CASCADE", self.schema)).await;
        let _ = std::fs::remove_dir_all(self.folder);
    }
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

/// The floor: one insert of all rows, in a transaction.
async fn plain_postgres(pool: &PgPool, schema: &str, events: &[InboundEvent]) {
    let sql = format!(
        "INSERT INTO {schema}.plain SELECT p, e, k, c, j::json FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS t (p, e, k, c, j)"
    );
    let column = |value: fn(&InboundEvent) -> String| events.iter().map(value).collect::<Vec<_>>();
    sqlx::query(AssertSqlSafe(sql))
        .bind(column(|event| event.provider().to_string()))
        .bind(column(|event| event.id().as_str().to_owned()))
        .bind(column(|event| event.kind().as_str().to_owned()))
        .bind(column(|event| event.user().unwrap().phone.unwrap().to_e164()))
        .bind(column(|event| serde_json::to_string(event).unwrap()))
        .execute(pool)
        .await
        .unwrap();
}

async fn plain_sqlite(pool: &SqlitePool, events: &[InboundEvent]) {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for event in events {
        sqlx::query("INSERT INTO plain VALUES (?, ?, ?, ?, ?)")
            .bind(event.provider().as_str())
            .bind(event.id().as_str())
            .bind(event.kind().as_str())
            .bind(event.user().unwrap().phone.unwrap().to_e164())
            .bind(serde_json::to_string(event).unwrap())
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
}

/// Events that nobody has inserted yet, of 50 users.
struct Fresh {
    maker: EventMaker,
    next: u64,
}

impl Fresh {
    fn events(&mut self, count: usize) -> Vec<InboundEvent> {
        (0..count)
            .map(|_| {
                self.next += 1;
                let user = format!("+1555060{:04}", self.next % 50);
                self.maker.text(&user, "Does it come in another colour? Größe 42")
            })
            .collect()
    }
}

fn inserts(criterion: &mut Criterion, runtime: &Runtime, databases: &Databases) {
    let (sqlite, postgres) = (&databases.sqlite, &databases.postgres);
    let mut fresh = Fresh { maker: EventMaker::meta(), next: 0 };
    for count in [1, 100] {
        let mut group = criterion.benchmark_group(format!("insert, {count} at once"));
        group.sample_size(20).throughput(Throughput::Elements(count as u64));
        macro_rules! bench {
            ($name:literal, $events:ident => $insert:expr) => {
                group.bench_function($name, |bencher| {
                    bencher.iter_batched(
                        || fresh.events(count),
                        |$events| runtime.block_on($insert),
                        BatchSize::PerIteration,
                    );
                });
            };
        }
        bench!("SqliteQueue", events => async { sqlite.accept(&events).await.unwrap() });
        bench!("floor: plain SQLite", events => plain_sqlite(sqlite.pool(), &events));
        bench!("PostgresQueue", events => async { postgres.accept(&events).await.unwrap() });
        bench!("floor: plain PostgreSQL", events => plain_postgres(postgres.pool(), &databases.schema, &events));
        group.finish();
    }
}

/// Posts webhooks at fixed moments, whether or not those before are answered, and prints how long the answers took,
/// from the moment at which each was due.
async fn paced(name: &str, handler: &WebhookHandler, webhooks: &[SimulatedWebhook]) {
    let begin = Instant::now();
    let answers = webhooks.iter().zip(0_u32..).map(|(webhook, n)| {
        let handler = handler.clone();
        let request = webhook.request.clone().map(Full::new);
        tokio::spawn(async move {
            let due = begin + Duration::from_millis(5) * n;
            tokio::time::sleep_until(due.into()).await;
            assert!(handler.handle(request).await.status().is_success());
            due.elapsed()
        })
    });
    let mut took = Vec::new();
    for answer in answers.collect::<Vec<_>>() {
        took.push(answer.await.unwrap());
    }
    took.sort();
    let of = |per_mille: usize| took.get((took.len() - 1) * per_mille / 1000).copied().unwrap_or_default();
    println!(
        "200 requests/s, {name:<24} p50 {:>8.2?}   p99 {:>8.2?}   longest {:>8.2?}",
        of(500),
        of(990),
        of(1000)
    );
}

fn load(runtime: &Runtime, databases: &Databases, requests: u64) {
    let simulator = Simulator::new(Arc::new(TokioClock::new()));
    let write = |n: u64| {
        let user = PhoneNumber::from_digits(&(15_550_700_000 + n % 50).to_string()).unwrap();
        let side = if n.is_multiple_of(2) { Side::Meta } else { Side::Twilio };
        simulator.user(user).writes(side, "Does it come in another colour? Größe 42")
    };
    let webhooks = || (0..requests).map(write).collect::<Vec<_>>();
    let (sqlite, postgres) = (databases.sqlite.pool().clone(), databases.postgres.pool().clone());
    let schema = databases.schema.clone();
    let floor_sqlite = sink_fn(move |events: Vec<InboundEvent>| {
        let pool = sqlite.clone();
        async move {
            plain_sqlite(&pool, &events).await;
            Ok::<_, SinkError>(())
        }
    });
    let floor_postgres = sink_fn(move |events: Vec<InboundEvent>| {
        let (pool, schema) = (postgres.clone(), schema.clone());
        async move {
            plain_postgres(&pool, &schema, &events).await;
            Ok::<_, SinkError>(())
        }
    });
    macro_rules! measure {
        ($($name:literal: $sink:expr),+ $(,)?) => {$({
            let meta = simulator.meta().build().unwrap();
            let twilio = simulator.twilio().build().unwrap();
            let handler = WebhookHandler::builder(meta, $sink).provider(twilio).build().unwrap();
            runtime.block_on(paced($name, &handler, &webhooks()));
        })+};
    }
    measure! {
        "SqliteQueue": databases.sqlite.clone(),
        "floor: plain SQLite": floor_sqlite,
        "PostgresQueue": databases.postgres.clone(),
        "floor: plain PostgreSQL": floor_postgres,
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let databases = runtime.block_on(Databases::new());
    let mut criterion = Criterion::default().configure_from_args();
    inserts(&mut criterion, &runtime, &databases);
    criterion.final_summary();
    // A test run only shows that it works.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    load(&runtime, &databases, if is_test { 100 } else { 2000 });
    runtime.block_on(databases.drop());
}
