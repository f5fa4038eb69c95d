//! A database that goes away during traffic, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::Connection;
use tokio::sync::watch;
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::queue::{PostgresQueue, Queue, SqliteQueue};
use whatsapp_provider::simulator::{Side, SimulatedWebhook, Simulator};
use whatsapp_provider::sink::EventSink;
use whatsapp_provider::{PhoneNumber, WebhookHandler};

use crate::database::{Place, postgres_url};
use crate::tcp::proxy;

const MESSAGES: usize = 400;

struct Traffic {
    handler: WebhookHandler,
    webhooks: Vec<SimulatedWebhook>,
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

impl Traffic {
    fn new(queue: impl EventSink) -> Self {
        let simulator = Simulator::new(Arc::new(TokioClock::new()));
        let meta = simulator.meta().build().unwrap();
        let twilio = simulator.twilio().build().unwrap();
        let handler = WebhookHandler::builder(meta, queue)
            .provider(twilio)
            .sink_time(Duration::from_millis(300))
            .build()
            .unwrap();
        let webhooks = (0..MESSAGES)
            .map(|n| {
                let user = PhoneNumber::from_digits(&(15_550_500_000 + n % 30).to_string()).unwrap();
                simulator.user(user).writes([Side::Meta, Side::Twilio][n % 2], &format!("message {n}"))
            })
            .collect();
        Self { handler, webhooks, accepted: AtomicUsize::new(0), refused: AtomicUsize::new(0) }
    }

    /// Posts every webhook, again and again until it is acknowledged, as the providers do. Some are posted again all
    /// the same. Nothing but an acknowledgement and 503 is ever answered.
    async fn flow(&self) {
        let posters = (0..8).map(|poster| async move {
            for webhook in self.webhooks.iter().skip(poster).step_by(8) {
                let mut again = poster % 2 == 0;
                loop {
                    let request = webhook.request.clone().map(http_body_util::Full::new);
                    match self.handler.handle(request).await.status().as_u16() {
                        200 | 204 if again => again = false,
                        200 | 204 => break,
                        503 => {
                            self.refused.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(40)).await;
                        }
                        other => panic!("{other}"),
                    }
                }
                self.accepted.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        futures_util::future::join_all(posters).await;
    }

    async fn until_accepted(&self, share: usize) {
        while self.accepted.load(Ordering::Relaxed) < MESSAGES * share / 100 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

async fn holds_each_once(queue: &impl Queue) {
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.pending, counts.total()), (MESSAGES as u64, MESSAGES as u64));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn postgres_out_of_reach_gives_503_and_in_the_end_no_event_is_missing_or_doubled() {
    let place = Place::postgres().await;
    let (cut, is_cut) = watch::channel(false);
    let url = place.as_str();
    let server = postgres_url().split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
    let through_proxy = url.replace(&server, &proxy(server.clone(), is_cut).await.to_string());
    let queue = PostgresQueue::connect(&through_proxy).await.unwrap();
    queue.migrate().await.unwrap();
    let traffic = Traffic::new(queue);
    let outages = async {
        for share in [20, 50, 80] {
            traffic.until_accepted(share).await;
            let before = traffic.refused();
            cut.send_replace(true);
            tokio::time::sleep(Duration::from_millis(700)).await;
            cut.send_replace(false);
            assert!(traffic.refused() > before, "posts were refused meanwhile");
        }
    };
    tokio::join!(traffic.flow(), outages);
    holds_each_once(&PostgresQueue::connect(url).await.unwrap()).await;
    drop(traffic);
    place.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_gives_503_and_in_the_end_no_event_is_missing_or_doubled() {
    let place = Place::sqlite();
    let queue = SqliteQueue::open(place.as_str()).await.unwrap();
    let traffic = Traffic::new(queue.clone());
    let outages = async {
        let mut other = sqlx::SqliteConnection::connect(place.as_str()).await.unwrap();
        for share in [20, 50, 80] {
            traffic.until_accepted(share).await;
            let before = traffic.refused();
            let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
            tokio::time::sleep(Duration::from_millis(900)).await;
            lock.rollback().await.unwrap();
            assert!(traffic.refused() > before, "posts were refused meanwhile");
        }
    };
    tokio::join!(traffic.flow(), outages);
    holds_each_once(&queue).await;
    drop(traffic);
    place.drop().await;
}
