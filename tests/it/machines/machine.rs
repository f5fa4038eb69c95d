//! One machine: a process of its own, which does what it is told by a line on its standard input.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use whatsapp_provider::clock::{Clock, TokioClock};
use whatsapp_provider::failover::{FailoverPolicy, FailoverProvider, RouteOrder, StoredRoute};
use whatsapp_provider::http_client::ReqwestClient;
use whatsapp_provider::simulator::{Side, SimulatedWebhook, Simulator, SimulatorServer};
use whatsapp_provider::state::StateStore;
use whatsapp_provider::{
    Acceptance, ErrorKind, OutboundMessage, ProviderId, WebhookRequest, WhatsAppProvider, WhatsAppProviderExt,
};

use super::store::Store;

const STORE: &str = "MACHINE_STORE";
const URLS: [&str; 2] = ["MACHINE_META_URL", "MACHINE_TWILIO_URL"];
/// What stands before an answer, among the words of the test runner.
const ANSWER: &str = "answer ";

/// What a machine is told to do.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    Send(Box<OutboundMessage>),
    /// A webhook that reaches this machine.
    Post {
        url: String,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// The flag, set by this machine.
    Route(RouteOrder),
}

/// What it says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    Sent(ProviderId),
    NotSent {
        kind: String,
        accepted: bool,
    },
    Done,
    /// A store that is out of reach.
    Refused,
}

impl Answer {
    pub(super) fn not_sent(kind: ErrorKind, acceptance: Acceptance) -> Self {
        Self::NotSent { kind: format!("{kind:?}"), accepted: acceptance == Acceptance::Unknown }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not a test: the others start it as a process of its own"]
async fn process() {
    let Ok(place) = std::env::var(STORE) else { return };
    let store = Store::of(&place).connect().await;
    // A busy machine is not to be taken for a store out of reach.
    let flag = StoredRoute::new(Arc::clone(&store)).unwrap().with_read_limit(Duration::from_secs(4));
    let whatsapp = failover(store, flag.clone());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    println!();
    while let Some(line) = lines.next_line().await.unwrap() {
        let (id, order): (u64, Order) = serde_json::from_str(&line).unwrap();
        let (whatsapp, flag) = (whatsapp.clone(), flag.clone());
        tokio::spawn(async move {
            let answer = serde_json::to_string(&(id, obey(&whatsapp, &flag, order).await)).unwrap();
            println!("{ANSWER}{answer}");
        });
    }
}

fn failover(store: Arc<dyn StateStore>, flag: StoredRoute) -> FailoverProvider {
    // Only its accounts are taken; what it is asked goes over the sockets of the other process.
    let accounts = Simulator::new(Arc::new(TokioClock::new()));
    let [meta, twilio] = URLS.map(|name| std::env::var(name).unwrap());
    let client = || Arc::new(ReqwestClient::new().unwrap());
    let long = Duration::from_secs(5);
    let patient = FailoverPolicy::default()
        .with_flag_limit(long)
        .with_store_limit(long)
        .with_knowledge_limits(long, long);
    FailoverProvider::builder()
        .primary(accounts.meta().base_url(meta).http_client(client()).build().unwrap())
        .fallback(accounts.twilio().base_url(twilio).http_client(client()).build().unwrap())
        .policy(patient)
        .route(flag)
        .store(store)
        .build()
        .unwrap()
}

async fn obey(whatsapp: &FailoverProvider, flag: &StoredRoute, order: Order) -> Answer {
    match order {
        Order::Send(message) => match whatsapp.send(&message).await {
            Ok(receipt) => Answer::Sent(receipt.provider),
            Err(error) => Answer::not_sent(error.kind(), error.acceptance()),
        },
        Order::Post { url, headers, body } => {
            let mut request = http::Request::post(url);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let request = request.body(body).unwrap();
            let webhook = WebhookRequest::from_http(&request, TokioClock::new().now());
            whatsapp.record(&whatsapp.receive(&webhook).unwrap()).await;
            Answer::Done
        }
        Order::Route(order) => match flag.set(order).await {
            Ok(()) => Answer::Done,
            Err(_) => Answer::Refused,
        },
    }
}

/// A machine from outside. Dropped, it is killed: nothing of it runs any more, neither destructors nor handlers.
pub(super) struct Machine {
    _process: Child,
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Answer>>>>,
    orders: AtomicU64,
}

impl Machine {
    pub(super) fn start(store: &str, server: &SimulatorServer) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "machines::machine::process", "--include-ignored", "--nocapture"])
            .env(STORE, store)
            .env(URLS[0], server.url_of(Side::Meta))
            .env(URLS[1], server.url_of(Side::Twilio))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = tokio::sync::Mutex::new(process.stdin.take().unwrap());
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Answer>>>> = Arc::default();
        let answers = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(answer) = line.strip_prefix(ANSWER) {
                    let (id, answer) = serde_json::from_str(answer).unwrap();
                    // Nobody waits any more for what a dropped future had asked.
                    let _ = answers.lock().unwrap().remove(&id).unwrap().send(answer);
                }
            }
            answers.lock().unwrap().clear();
        });
        Self { _process: process, input, waiting, orders: AtomicU64::new(0) }
    }

    /// What it says. A machine that was killed says nothing, for ever.
    async fn ask(&self, order: &Order) -> Answer {
        let (answer, asked) = oneshot::channel();
        let id = self.orders.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().unwrap().insert(id, answer);
        let line = format!("{}\n", serde_json::to_string(&(id, order)).unwrap());
        self.input.lock().await.write_all(line.as_bytes()).await.unwrap();
        asked.await.expect("the machine has died")
    }

    pub(super) async fn send(&self, message: &OutboundMessage) -> Answer {
        self.ask(&Order::Send(Box::new(message.clone()))).await
    }

    pub(super) async fn route(&self, route: &str) -> Answer {
        let order = RouteOrder::new(route.parse().unwrap()).with_reason("drill").with_by("the test");
        self.ask(&Order::Route(order)).await
    }

    pub(super) async fn post(&self, webhook: &SimulatedWebhook) {
        let (head, body) = webhook.request.clone().into_parts();
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let order = Order::Post {
            url: head.uri.to_string(),
            headers: headers.collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        assert_eq!(self.ask(&order).await, Answer::Done);
    }
}
