//! A campaign: thousands of templates out of an outbox, under the sender's rate, by a worker that is killed and started
//! again, while a support desk goes on answering by the same number.
//!
//! ```text
//! campaign [--messages 1000] [--kills 2] [--rate 400]
//! cargo run --release --example campaign -- --messages 50000 --kills 20 --rate 1000
//! ```
//!
//! The worker is a process of its own, and dies by SIGKILL. The providers are simulated, on loopback sockets. The outbox
//! is a SQLite file, or in PostgreSQL if `DATABASE_URL` says so. It exits with 1 unless every customer received the
//! template once, every question got one answer, and nineteen of twenty answers did not wait for the campaign.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a tool for the command line")]

mod desk;
mod office;
mod worker;

use std::process::ExitCode;

use lexopt::prelude::*;
use whatsapp_provider::clock::{Clock, TokioClock};
use whatsapp_provider::queue::{PostgresQueue, SqliteQueue};
use whatsapp_provider::state::{PostgresStore, SqliteStore};

type Problem = Box<dyn std::error::Error>;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
struct Options {
    /// How many customers get the template.
    messages: usize,
    /// How often the worker is killed.
    kills: usize,
    /// How many messages a second the sender may send.
    rate: u32,
}

impl Options {
    fn read() -> Result<Self, Problem> {
        let mut options = Self { messages: 1_000, kills: 2, rate: 400 };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("messages") => options.messages = arguments.value()?.parse()?,
                Long("kills") => options.kills = arguments.value()?.parse()?,
                Long("rate") => options.rate = arguments.value()?.parse()?,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    // The same program is the worker, if it is told where everything is.
    if let Some(place) = worker::Place::of_this_process() {
        return end(worker::run(place).await.map(|()| true));
    }
    match Options::read() {
        Ok(options) => end(campaign(options).await),
        Err(problem) => {
            eprintln!("{problem}\nusage: campaign [--messages COUNT] [--kills COUNT] [--rate PER_SECOND]");
            ExitCode::from(2)
        }
    }
}

fn end(result: Result<bool, Problem>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("campaign: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Prepares the tables, and runs the campaign on them.
async fn campaign(options: Options) -> Result<bool, Problem> {
    if let Ok(url) = std::env::var("DATABASE_URL") {
        let pool = PostgresStore::connect(&url).await?.pool().clone();
        // Tables of its own, so that an outbox that is there is left alone.
        let table = name();
        let outbox = PostgresQueue::outbox(pool.clone()).with_table("public", &table)?;
        let store = PostgresStore::new(pool.clone()).with_table("public", &format!("{table}_state"))?;
        outbox.migrate().await?;
        store.migrate().await?;
        let place = worker::Place::Postgres { url, table: table.clone() };
        let done = office::run(options, place, outbox, store).await;
        let drop = format!("DROP TABLE public.{table}, public.{table}_state");
        sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&pool).await?;
        return done;
    }
    let path = std::env::temp_dir().join(format!("{}.db", name()));
    let place = worker::Place::Sqlite(path.clone());
    let (outbox, store) = (SqliteQueue::open_outbox(&path).await?, SqliteStore::open(&path).await?);
    let done = office::run(options, place, outbox, store).await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    done
}

/// A name that no other run has.
fn name() -> String {
    format!("campaign_{}", TokioClock::new().now().unix_millis())
}
