//! Workers that are killed with SIGKILL, in processes of their own, on real databases.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::outbound::Content;
use whatsapp_provider::queue::{Job, JobError, PostgresQueue, Queue, RowStatus, SqliteQueue, Worker};
use whatsapp_provider::simulator::{Side, Simulator, SimulatorServer};
use whatsapp_provider::state::{PostgresStore, SqliteStore, StateStore};
use whatsapp_provider::{
    EventKind, InboundEvent, PhoneNumber, WebhookRequest, WhatsAppProvider, WhatsAppProviderExt,
};

use crate::database::Place;

/// How long a claim holds, and how long a send may take: short, so that the test does not wait for long.
const LEASE: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(1);

/// What the process is told by its environment.
const PLACE: &str = "KILLED_DATABASE";
const URLS: [&str; 2] = ["KILLED_META_URL", "KILLED_TWILIO_URL"];
const STALLS: &str = "KILLED_STALLS";

#[tokio::test]
#[ignore = "not a test: the others start it as a process of its own"]
async fn worker_process() {
    let Ok(place) = std::env::var(PLACE) else { return };
    match Place::of(&place) {
        Place::Sqlite(path) => {
            let queue = SqliteQueue::open(&path).await.unwrap();
            work(queue, SqliteStore::open(&path).await.unwrap()).await;
        }
        Place::Postgres(url) => {
            let queue = PostgresQueue::connect(&url).await.unwrap();
            let store = PostgresStore::new(queue.pool().clone());
            work(queue, store).await;
        }
    }
}

async fn work(queue: impl Queue, store: impl StateStore) {
    // Only its accounts are taken; what it is asked goes over the sockets of the other process.
    let accounts = Simulator::new(Arc::new(TokioClock::new()));
    let [meta, twilio] = URLS.map(|name| std::env::var(name).unwrap());
    let client = || whatsapp_provider::http_client::ReqwestClient::new().unwrap();
    let whatsapp = FailoverProvider::builder()
        .primary(accounts.meta().base_url(meta).http_client(Arc::new(client())).build().unwrap())
        .fallback(accounts.twilio().base_url(twilio).http_client(Arc::new(client())).build().unwrap())
        .store(store)
        .build()
        .unwrap();
    let stalls = std::env::var(STALLS).is_ok();
    let answer = |job: Job| {
        let whatsapp = &whatsapp;
        async move {
            let EventKind::Message(message) = job.event().kind() else { return Ok(()) };
            let answer = format!("re: {}", message.text().unwrap_or_default());
            whatsapp.send(&job.reply(Content::text(answer)).with_deadline(DEADLINE)).await?;
            if stalls {
                println!("sent");
                std::future::pending::<()>().await;
            }
            Ok::<_, JobError>(())
        }
    };
    Worker::new(queue).lease(LEASE).poll(Duration::from_millis(50)).run(std::future::pending(), answer).await;
}

/// A worker in a process of its own, which is killed when it is dropped.
struct Killable(Child);

impl Killable {
    fn start(place: &Place, server: &SimulatorServer, stalls: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "killed::worker_process", "--include-ignored", "--nocapture"])
            .env(PLACE, place.as_str())
            .env(URLS[0], server.url_of(Side::Meta))
            .env(URLS[1], server.url_of(Side::Twilio))
            .stdout(Stdio::piped());
        if stalls {
            command.env(STALLS, "1");
        }
        Self(command.spawn().unwrap())
    }

    /// Waits until it says that it has sent.
    fn has_sent(&mut self) {
        let output = BufReader::new(self.0.stdout.take().unwrap());
        assert!(output.lines().any(|line| line.unwrap().ends_with("sent")), "it ended before it sent");
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        // SIGKILL: nothing of it runs any more, neither destructors nor handlers.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn event(simulator: &Simulator, user: u64, text: &str) -> InboundEvent {
    let user = simulator.user(PhoneNumber::from_digits(&(15_550_300_000 + user).to_string()).unwrap());
    let webhook = user.writes(Side::Meta, text);
    let provider = simulator.meta().build().unwrap();
    let request =
        WebhookRequest::from_http(&webhook.request, whatsapp_provider::clock::Timestamp::UNIX_EPOCH);
    provider.receive(&request).unwrap().remove(0)
}

/// What the users' phones show, counted by text.
fn received(simulator: &Simulator) -> BTreeMap<String, usize> {
    let mut received = BTreeMap::new();
    for delivery in simulator.deliveries() {
        let Content::Text(text) = &delivery.content else { panic!("only texts are sent") };
        *received.entry(text.body.trim_start_matches("re: ").to_owned()).or_default() += 1;
    }
    received
}

async fn settled(queue: &impl Queue, rows: u64) {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let counts = queue.counts().await.unwrap();
        if counts.pending + counts.processing == 0 {
            assert_eq!(counts.total(), rows, "{counts:?}");
            return;
        }
        assert!(Instant::now() < patience, "{counts:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn killed_between_send_and_complete(place: &Place, queue: impl Queue) {
    let simulator = Simulator::new(Arc::new(TokioClock::new()));
    let server = simulator.serve().await.unwrap();
    queue.accept(&[event(&simulator, 0, "once")]).await.unwrap();

    let mut first = Killable::start(place, &server, true);
    tokio::task::block_in_place(|| first.has_sent());
    drop(first);
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.processing, counts.total()), (1, 1), "it died with the row in its hands");
    assert_eq!(received(&simulator), BTreeMap::from([("once".to_owned(), 1)]));

    let _second = Killable::start(place, &server, false);
    settled(&queue, 1).await;
    assert_eq!(queue.counts().await.unwrap().of(RowStatus::Done), 1);
    assert_eq!(
        received(&simulator),
        BTreeMap::from([("once".to_owned(), 1)]),
        "the answer was not sent again"
    );
}

async fn killed_at_any_moment(place: &Place, queue: impl Queue) {
    const MESSAGES: u64 = 300;
    let simulator = Simulator::new(Arc::new(TokioClock::new()));
    let server = simulator.serve().await.unwrap();
    let events: Vec<_> = (0..MESSAGES).map(|n| event(&simulator, n % 25, &format!("message {n}"))).collect();
    queue.accept(&events).await.unwrap();

    for round in 0..12_u64 {
        let victim = Killable::start(place, &server, false);
        // It needs some time to start, and then works; the moments are spread over both.
        tokio::time::sleep(Duration::from_millis(80 + round * 37 % 260)).await;
        drop(victim);
    }
    let _last = Killable::start(place, &server, false);
    settled(&queue, MESSAGES).await;

    let received = received(&simulator);
    assert!(received.values().all(|times| *times == 1), "nobody was answered twice");
    let parked = queue.parked(0, 1000).await.unwrap();
    assert!(parked.iter().all(|row| row.status == RowStatus::Review), "an unknown outcome is for a person");
    let in_doubt: Vec<_> = parked
        .iter()
        .map(|row| {
            let event: InboundEvent = serde_json::from_str(&row.payload).unwrap();
            let EventKind::Message(message) = event.kind() else { panic!("only messages were inserted") };
            message.text().unwrap().to_owned()
        })
        .collect();
    for n in 0..MESSAGES {
        let text = format!("message {n}");
        assert!(received.contains_key(&text) || in_doubt.contains(&text), "{text} was lost");
    }
    // Each victim had at most four rows in its hands.
    assert!(in_doubt.len() <= 12 * 4 && received.len() >= 300 - 12 * 4, "{} in doubt", in_doubt.len());
    println!("{} answered once, {} in doubt", received.len(), in_doubt.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_send_and_complete_answers_once_on_sqlite() {
    let place = Place::sqlite();
    let queue = SqliteQueue::open(place.as_str()).await.unwrap();
    killed_between_send_and_complete(&place, queue).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_worker_killed_between_send_and_complete_answers_once_on_postgres() {
    let place = Place::postgres().await;
    killed_between_send_and_complete(&place, prepared(&place).await).await;
    place.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_at_any_moment_lose_nothing_and_answer_nobody_twice_on_sqlite() {
    let place = Place::sqlite();
    let queue = SqliteQueue::open(place.as_str()).await.unwrap();
    killed_at_any_moment(&place, queue).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn workers_killed_at_any_moment_lose_nothing_and_answer_nobody_twice_on_postgres() {
    let place = Place::postgres().await;
    killed_at_any_moment(&place, prepared(&place).await).await;
    place.drop().await;
}

/// A database with the tables in it.
async fn prepared(place: &Place) -> PostgresQueue {
    let queue = PostgresQueue::connect(place.as_str()).await.unwrap();
    queue.migrate().await.unwrap();
    PostgresStore::new(queue.pool().clone()).migrate().await.unwrap();
    queue
}
