//! The worker: takes messages out of the outbox and sends them, as fast as the sender may.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::failover::{FailoverPolicy, FailoverProvider};
use whatsapp_provider::http_client::ReqwestClient;
use whatsapp_provider::pace::{PacePolicy, Paced};
use whatsapp_provider::queue::{Job, JobError, PostgresQueue, Queue, SqliteQueue, Worker};
use whatsapp_provider::simulator::{Side, Simulator, SimulatorServer};
use whatsapp_provider::state::{PostgresStore, SqliteStore, StateStore};
use whatsapp_provider::{OutboundMessage, WhatsAppProvider};

use super::Problem;

const SQLITE: &str = "CAMPAIGN_SQLITE";
const POSTGRES: &str = "CAMPAIGN_POSTGRES";
const TABLE: &str = "CAMPAIGN_TABLE";
const META: &str = "CAMPAIGN_META_URL";
const TWILIO: &str = "CAMPAIGN_TWILIO_URL";
const RATE: &str = "CAMPAIGN_RATE";

/// How long a row rests when its worker was killed.
const LEASE: Duration = Duration::from_secs(3);

/// Where the tables are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres { url: String, table: String },
}

impl Place {
    pub(crate) fn of_this_process() -> Option<Self> {
        if let Some(path) = std::env::var_os(SQLITE) {
            return Some(Self::Sqlite(path.into()));
        }
        Some(Self::Postgres { url: std::env::var(POSTGRES).ok()?, table: std::env::var(TABLE).ok()? })
    }

    fn variables(&self) -> Vec<(&'static str, OsString)> {
        match self {
            Self::Sqlite(path) => vec![(SQLITE, path.into())],
            Self::Postgres { url, table } => vec![(POSTGRES, url.into()), (TABLE, table.into())],
        }
    }
}

/// A worker in a process of its own. Dropped, it is killed.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(place: &Place, server: &SimulatorServer, rate: u32) -> Result<Self, Problem> {
        let child = Command::new(std::env::current_exe()?)
            .envs(place.variables())
            .env(META, server.url_of(Side::Meta))
            .env(TWILIO, server.url_of(Side::Twilio))
            .env(RATE, rate.to_string())
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// Whether it has ended by itself, which it should not.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Process {
    /// SIGKILL: nothing of it runs any more, neither destructors nor handlers.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What the process does.
pub(crate) async fn run(place: Place) -> Result<(), Problem> {
    match place {
        Place::Sqlite(path) => {
            let store = SqliteStore::open(&path).await?;
            send(SqliteQueue::open_outbox(&path).await?, store).await
        }
        Place::Postgres { url, table } => {
            let pool = PostgresStore::connect(&url).await?.pool().clone();
            let store = PostgresStore::new(pool.clone()).with_table("public", &format!("{table}_state"))?;
            send(PostgresQueue::outbox(pool).with_table("public", &table)?, store).await
        }
    }
}

async fn send(outbox: impl Queue<OutboundMessage>, store: impl StateStore) -> Result<(), Problem> {
    // Only its accounts are taken; what it is asked goes over the sockets of the other process.
    let accounts = Simulator::new(Arc::new(TokioClock::new()));
    let (meta, twilio) = (std::env::var(META)?, std::env::var(TWILIO)?);
    let client = || -> Result<_, Problem> { Ok(Arc::new(ReqwestClient::new()?)) };
    let meta = accounts.meta().base_url(meta).http_client(client()?).build()?;
    let twilio = accounts.twilio().base_url(twilio).http_client(client()?).build()?;
    let policy = PacePolicy::default().with_per_second(std::env::var(RATE)?.parse()?);
    let whatsapp = FailoverProvider::builder()
        .primary(Paced::builder(meta).policy(policy).build()?)
        .fallback(Paced::new(twilio)?)
        .policy(patient())
        .store(store)
        .build()?;
    Worker::new(outbox)
        .concurrency(48)
        .lease(LEASE)
        .poll(Duration::from_millis(200))
        .run(std::future::pending(), |job: Job<OutboundMessage>| {
            let whatsapp = &whatsapp;
            async move {
                whatsapp.send(job.message()).await?;
                Ok::<_, JobError>(())
            }
        })
        .await;
    Ok(())
}

/// A machine at its limit is not a store out of reach.
pub(crate) fn patient() -> FailoverPolicy {
    let long = Duration::from_secs(10);
    FailoverPolicy::default().with_store_limit(Duration::from_secs(5)).with_knowledge_limits(long, long)
}
