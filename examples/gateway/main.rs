//! A whole service: both providers post to one URL, every event goes into a queue before the post is answered, a chatbot
//! works the queue, and its answers go out through whichever provider the flag or health picks.
//!
//! ```text
//! cargo run --example gateway                    simulated providers and users, until Ctrl-C
//! cargo run --example gateway -- --messages 20   ends after 20 messages; exits with 1 unless each was answered once
//! ```
//!
//! With accounts in the environment it is a real service; see `settings.rs` for the variables. Killed at any moment it
//! loses nothing that it has acknowledged, and answers nobody twice: run it again, and it goes on.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example talks")]

mod settings;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::handler::WebhookOutcome;
use whatsapp_provider::inbound::InboundMessage;
use whatsapp_provider::queue::{Job, JobError, PostgresQueue, Queue, SqliteQueue, Worker, WorkerEvent};
use whatsapp_provider::state::{PostgresStore, SqliteStore, StateStore};
use whatsapp_provider::{Content, EventKind, WebhookHandler, WhatsAppProvider};

use self::settings::{Database, Settings};
use self::world::World;

/// How long clients have for what they have begun when the service stops: longer than the handler gives them, but not
/// for ever, because some never end.
const LAST_ANSWERS: Duration = Duration::from_secs(16);

type Problem = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("gateway: {problem}\n{}", settings::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(settings).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("gateway: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> Result<bool, Problem> {
    // One database holds the queue, and the record of what was sent.
    match &settings.database {
        Database::Sqlite(path) => {
            let queue = SqliteQueue::open(path).await?;
            serve(&settings, queue, SqliteStore::open(path).await?).await
        }
        Database::Postgres(url) => {
            let queue = PostgresQueue::connect(url).await?;
            queue.migrate().await?;
            let store = PostgresStore::new(queue.pool().clone());
            store.migrate().await?;
            serve(&settings, queue, store).await
        }
    }
}

async fn serve<Q>(settings: &Settings, queue: Q, store: impl StateStore) -> Result<bool, Problem>
where
    Q: Queue + Clone,
{
    let mut failover = FailoverProvider::builder().store(store);
    for member in &settings.members {
        failover = failover.fallback(Arc::clone(member));
    }
    let mut world = None;
    if settings.members.is_empty() {
        let simulated = World::new();
        failover = failover.primary(simulated.meta()?).fallback(simulated.twilio()?);
        world = Some(simulated);
    }
    let whatsapp = failover.build()?;

    let listener = TcpListener::bind(settings.listen).await?;
    let url = format!("http://{}/webhook", listener.local_addr()?);
    println!("listening on {url}");
    let (stop, stopped) = watch::channel(false);

    let handler = WebhookHandler::builder(whatsapp.clone(), queue.clone())
        .observer(|outcome| {
            // What somebody should hear of: a wrong secret, a queue that is out of reach.
            if !matches!(outcome, WebhookOutcome::Accepted { .. }) {
                println!("webhook: {outcome:?}");
            }
        })
        .build()?;
    let app = Router::new().route("/webhook", whatsapp_provider::axum::route(handler));
    let serving = axum::serve(listener, app).with_graceful_shutdown(until(stopped.clone()));
    let server = async {
        let overdue = async {
            until(stopped.clone()).await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            served = serving.into_future() => served,
            () = overdue => Ok(()),
        }
    };

    let worker = Worker::new(queue.clone())
        .concurrency(8)
        .observer(|event: &WorkerEvent| println!("worker: {event:?}"))
        .run(until(stopped.clone()), |job| chatbot(&whatsapp, job));

    // The server answers what it has begun, the worker ends what it has begun; then all is over.
    let end = async {
        let fine = match &world {
            Some(world) => {
                tokio::select! {
                    fine = world.live(&url, settings.messages) => fine,
                    () = asked_to_stop() => true,
                }
            }
            None => {
                asked_to_stop().await;
                true
            }
        };
        println!("stopping");
        stop.send_replace(true);
        fine
    };
    let (served, (), fine) = tokio::join!(server, worker, end);
    served?;
    let counts = queue.counts().await?;
    println!(
        "stopped: {} waiting, {} done, {} to be looked at, {} given up",
        counts.pending, counts.done, counts.review, counts.dead
    );
    Ok(fine)
}

/// The chatbot engine: it answers what a user wrote, and is told of everything else.
async fn chatbot(whatsapp: &FailoverProvider, job: Job) -> Result<(), JobError> {
    if let EventKind::Message(message) = job.event().kind() {
        // If this runs again, because the process died before the row was done, the answer is not sent again.
        whatsapp.send(&job.reply(Content::text(answer(message)))).await?;
    }
    Ok(())
}

fn answer(message: &InboundMessage) -> String {
    match message.text() {
        // Cut so that either provider can carry it.
        Some(text) => format!("You wrote: {}", text.chars().take(1000).collect::<String>()),
        None => "Thank you! A person will look at it.".to_owned(),
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // It also ends when nobody is left who could stop it.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Ctrl-C, or what a container's supervisor sends.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}
