//! A schema of its own in a real PostgreSQL for each test, or a prefix of its own in a real Redis.
//!
//! The tests that use it are ignored unless they are asked for (`cargo test -- --include-ignored`), and fail where there
//! is no server. It is looked for at `TEST_POSTGRES_URL`, or else on this machine.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use redis::Client;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use whatsapp_provider::state::RedisStore;

/// Where the server is.
pub(crate) fn postgres_url() -> String {
    std::env::var("TEST_POSTGRES_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/test".to_owned())
}

/// A pool of up to `connections`.
pub(crate) async fn postgres(connections: u32) -> PgPool {
    let options: PgConnectOptions = postgres_url().parse().unwrap();
    PgPoolOptions::new()
        .max_connections(connections)
        .connect_with(options)
        .await
        .expect("PostgreSQL must be there")
}

/// As an application may have set it up: a transaction sees the rows as they were when it began.
pub(crate) async fn repeatable_read(connections: u32) -> PgPool {
    let options: PgConnectOptions = postgres_url().parse().unwrap();
    let isolation = [("default_transaction_isolation", "repeatable read")];
    let pool = PgPoolOptions::new().max_connections(connections);
    pool.connect_with(options.options(isolation)).await.unwrap()
}

/// A schema that nobody else uses. Those of earlier runs that broke off are left lying; they disturb nobody.
pub(crate) struct Schema {
    pub(crate) name: String,
    pool: PgPool,
}

impl Schema {
    pub(crate) async fn new() -> Self {
        let pool = postgres(1).await;
        let name = format!("t{}", unique());
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&pool).await.unwrap();
        Self { name, pool }
    }

    /// Takes it away, with everything in it.
    pub(crate) async fn drop(self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
    }
}

/// A name that nobody else has: not another test, nor another run.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{}_{}_{now}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A database of its own, for programs that are told where theirs is.
pub(crate) enum Place {
    Sqlite(String),
    Postgres(String),
}

impl Place {
    /// A file that is not there yet.
    pub(crate) fn sqlite() -> Self {
        let path = std::env::temp_dir().join(format!("whatsapp-provider-{}.db", unique()));
        Self::Sqlite(path.to_str().unwrap().to_owned())
    }

    /// An empty database.
    pub(crate) async fn postgres() -> Self {
        let name = format!("t{}", unique());
        let pool = postgres(1).await;
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
        let url = postgres_url();
        let (server, _) = url.rsplit_once('/').unwrap();
        Self::Postgres(format!("{server}/{name}"))
    }

    /// The place with this path or URL.
    pub(crate) fn of(text: &str) -> Self {
        if text.starts_with("postgres") {
            Self::Postgres(text.to_owned())
        } else {
            Self::Sqlite(text.to_owned())
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let (Self::Sqlite(text) | Self::Postgres(text)) = self;
        text
    }

    /// Takes it away, whoever is still connected.
    pub(crate) async fn drop(self) {
        match self {
            Self::Sqlite(path) => {
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{path}{suffix}"));
                }
            }
            Self::Postgres(url) => {
                let (_, name) = url.rsplit_once('/').unwrap();
                let sql = format!("DROP DATABASE {name} WITH (FORCE)");
                sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&postgres(1).await).await.unwrap();
            }
        }
    }
}

/// Where Redis is.
pub(crate) fn redis_url() -> String {
    std::env::var("TEST_REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned())
}

/// A prefix of its own on a real server, which is looked for at `TEST_REDIS_URL`, or else on this machine.
pub(crate) struct RedisPlace {
    pub(crate) client: Client,
    pub(crate) prefix: String,
}

impl RedisPlace {
    pub(crate) fn new() -> Self {
        let client = Client::open(redis_url()).unwrap();
        Self { client, prefix: format!("{{t{}}}:", unique()) }
    }

    pub(crate) fn store(&self) -> RedisStore {
        self.on(self.client.clone())
    }

    pub(crate) fn on(&self, client: Client) -> RedisStore {
        RedisStore::new(client).with_prefix(&self.prefix).unwrap()
    }

    pub(crate) async fn run(&self, command: &str) -> redis::Value {
        let mut words = command.split(' ');
        let mut connection = self.client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| _ = command.arg(word));
        command.query_async(&mut connection).await.unwrap()
    }

    /// Takes it away, with everything in it.
    pub(crate) async fn drop(self) {
        let keys: Vec<Vec<u8>> =
            redis::from_redis_value(self.run(&format!("KEYS {}*", self.prefix)).await).unwrap();
        let mut connection = self.client.get_multiplexed_async_connection().await.unwrap();
        let _: () =
            redis::cmd("DEL").arg(&keys).arg(&self.prefix).query_async(&mut connection).await.unwrap();
    }
}
