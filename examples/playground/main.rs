//! What the crate does, to be seen and tried: one page with two phones, a service, and both providers, simulated.
//!
//! ```text
//! cargo run --example playground                        http://127.0.0.1:8080
//! cargo run --example playground -- --port 0            on a port that is free
//! cargo run --example playground -- --without-failover  each message has one attempt: to see what is missing then
//! ```
//!
//! It listens on this machine only, and needs no account.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example talks")]

mod actions;
mod contents;
mod journal;
mod server;
mod snapshot;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use lexopt::prelude::*;
use tokio::net::TcpListener;

use self::world::World;

const USAGE: &str = "usage: playground [--port N] [--without-failover]";

type Problem = Box<dyn std::error::Error + Send + Sync>;

struct Settings {
    port: u16,
    failover: bool,
}

impl Settings {
    fn read() -> Result<Self, Problem> {
        let mut settings = Self { port: 8080, failover: true };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("port") => settings.port = arguments.value()?.parse()?,
                Long("without-failover") => settings.failover = false,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(settings)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("playground: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("playground: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: &Settings) -> Result<(), Problem> {
    let world = Arc::new(World::new(settings.failover)?);
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    let address = listener.local_addr()?;
    println!("http://{address}");
    tokio::select! {
        served = server::serve(listener, address, Arc::clone(&world)) => served?,
        () = world.post_webhooks() => {}
        ended = tokio::signal::ctrl_c() => ended?,
    }
    Ok(())
}
