//! The example `gateway`, run as a program and driven over HTTP, with the simulator's sockets as its providers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use whatsapp_provider::PhoneNumber;
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::outbound::Content;
use whatsapp_provider::queue::{Counts, PostgresQueue, Queue, SqliteQueue};
use whatsapp_provider::simulator::{Side, SimulatedUser, SimulatedWebhook, Simulator, SimulatorServer};

use crate::database::Place;
use crate::tools::example;

/// The address that the providers know, and that Twilio signs. Behind it stands the gateway, wherever it listens.
const PUBLIC_URL: &str = "https://gateway.example/webhook";

/// The gateway as a process.
struct Gateway {
    child: Child,
    /// Where it listens: address and port.
    address: String,
}

impl Gateway {
    fn start(world: &World) -> Self {
        let accounts = world.simulator.accounts();
        let mut command = Command::new(example("gateway"));
        command
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .env("DATABASE_URL", world.place.as_str())
            .env("META_URL", world.server.url_of(Side::Meta))
            .env("TWILIO_URL", world.server.url_of(Side::Twilio))
            .env("WHATSAPP_ACCESS_TOKEN", &accounts.access_token)
            .env("WHATSAPP_PHONE_NUMBER_ID", &accounts.phone_number_id)
            .env("WHATSAPP_APP_SECRET", &accounts.app_secret)
            .env("WHATSAPP_VERIFY_TOKEN", &accounts.verify_token)
            .env("TWILIO_ACCOUNT_SID", &accounts.account_sid)
            .env("TWILIO_AUTH_TOKEN", &accounts.auth_token)
            .env("TWILIO_WHATSAPP_NUMBER", &accounts.twilio_number)
            .env("TWILIO_STATUS_CALLBACK_URL", PUBLIC_URL)
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .find_map(|line| {
                Some(line.unwrap().strip_prefix("listening on http://")?.strip_suffix("/webhook")?.to_owned())
            })
            .expect("it says where it listens");
        // Somebody has to read on, or it stops at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, address }
    }

    fn url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    /// Asks it to stop, as a supervisor does, and waits until it has.
    fn terminate(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The providers, their users, the database, and what was posted.
struct World {
    simulator: Simulator,
    server: SimulatorServer,
    place: Place,
    http: reqwest::Client,
}

impl World {
    async fn new(place: Place) -> Self {
        let simulator = Simulator::new(Arc::new(TokioClock::new()));
        simulator.set_webhook_url(PUBLIC_URL.parse().unwrap());
        let server = simulator.serve().await.unwrap();
        // As long as Twilio waits for an answer; then it posts again.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap();
        Self { simulator, server, place, http }
    }

    fn user(&self, n: u64) -> SimulatedUser {
        self.simulator.user(PhoneNumber::from_digits(&(15_550_400_000 + n).to_string()).unwrap())
    }

    /// Posts as a provider does; `None` if there was no answer.
    async fn try_post(&self, url: &str, request: &http::Request<Bytes>) -> Option<(u16, String)> {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let request = self
            .http
            .request(request.method().clone(), format!("{url}{query}"))
            .headers(request.headers().clone())
            .body(request.body().clone());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    async fn post(&self, gateway: &Gateway, webhook: &SimulatedWebhook) -> u16 {
        self.try_post(&gateway.url(), &webhook.request).await.unwrap().0
    }

    async fn counts(&self) -> Counts {
        match &self.place {
            Place::Sqlite(path) => SqliteQueue::open(path).await.unwrap().counts().await.unwrap(),
            Place::Postgres(url) => PostgresQueue::connect(url).await.unwrap().counts().await.unwrap(),
        }
    }

    /// Waits until the worker has handled all of so many rows.
    async fn handled(&self, rows: u64) {
        let patience = Instant::now() + Duration::from_secs(90);
        loop {
            let counts = self.counts().await;
            if counts.done == rows && counts.total() == rows {
                return;
            }
            assert!(Instant::now() < patience && counts.total() <= rows, "of {rows}: {counts:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What a user's phone shows.
    fn phone(&self, n: u64) -> Vec<String> {
        let text = |content: &Content| match content {
            Content::Text(text) => text.body.clone(),
            _ => panic!("only texts are sent"),
        };
        self.user(n).received().iter().map(|delivery| text(&delivery.content)).collect()
    }
}

fn answers(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    texts.into_iter().map(|text| format!("You wrote: {text}")).collect()
}

/// What a client gets who speaks HTTP by hand.
fn by_hand(gateway: &Gateway, write: impl FnOnce(&mut TcpStream)) -> String {
    let mut stream = TcpStream::connect(&gateway.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write(&mut stream);
    let mut answer = String::new();
    // The connection may be reset once the answer is there, because not all that was written was read.
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        answer.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    answer
}

fn head(webhook: &SimulatedWebhook, length: usize) -> String {
    let mut head = "POST /webhook HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n".to_owned();
    for (name, value) in webhook.request.headers() {
        if name != http::header::CONTENT_LENGTH {
            head += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
    }
    head + &format!("Content-Length: {length}\r\n\r\n")
}

async fn every_kind_of_post(place: Place) {
    let world = World::new(place).await;
    let gateway = Gateway::start(&world);
    let mut rows = 0;

    // The handshake, and one with another token.
    let handshake = world.simulator.meta_handshake("1158201444");
    let answer = world.try_post(&gateway.url(), &handshake).await.unwrap();
    assert_eq!(answer, (200, "1158201444".to_owned()));
    let mut stranger = handshake.clone();
    let uri = stranger.uri().to_string().replace("simulated-verify-token", "guessed");
    *stranger.uri_mut() = uri.parse().unwrap();
    let (status, body) = world.try_post(&gateway.url(), &stranger).await.unwrap();
    assert_eq!((status, body.contains("1158201444")), (403, false));

    // Both providers, genuine and forged.
    for (n, side) in [(1, Side::Meta), (2, Side::Twilio)] {
        let webhook = world.user(n).writes(side, "Is my table ready? 🦀\u{0}");
        assert_eq!(world.post(&gateway, &webhook.forged()).await, 401);
        assert!([200, 204].contains(&world.post(&gateway, &webhook).await));
        rows += 1;
    }
    let unsigned = reqwest::Client::new().post(gateway.url()).body("{}").send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    world.handled(rows).await;
    for n in [1, 2] {
        assert_eq!(world.phone(n), answers(["Is my table ready? 🦀\u{0}".to_owned()]));
    }

    // The same webhook several times at once, and again later.
    let webhook = world.user(3).writes(Side::Meta, "only once");
    let posts = (0..8).map(|_| world.post(&gateway, &webhook));
    assert_eq!(futures_util::future::join_all(posts).await, [200; 8]);
    rows += 1;
    world.handled(rows).await;
    assert_eq!(world.post(&gateway, &webhook).await, 200);
    world.handled(rows).await;
    assert_eq!(world.phone(3), answers(["only once".to_owned()]));

    // 1,000 events in 3 MB, each user's in order.
    let long = "x".repeat(2700);
    let webhooks =
        (0..1000).map(|n| world.user(100 + n % 50).writes(Side::Meta, &format!("{n} {long}"))).collect();
    let batch = world.simulator.batch(webhooks).unwrap();
    assert!((3_000_000..4 * 1024 * 1024).contains(&batch.request.body().len()));
    assert_eq!(world.post(&gateway, &batch).await, 200);
    rows += 1000;
    world.handled(rows).await;
    for user in 0..50 {
        let texts = (0..20).map(|turn| format!("{} {long}", user + turn * 50).chars().take(1000).collect());
        assert_eq!(world.phone(100 + user), answers(texts));
    }

    // A body that is too large, said beforehand and not; nothing of it is kept.
    let webhook = world.user(4).writes(Side::Meta, "too large");
    let answer =
        by_hand(&gateway, |stream| stream.write_all(head(&webhook, 4 * 1024 * 1024 + 1).as_bytes()).unwrap());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let chunked = head(&webhook, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let answer = by_hand(&gateway, |stream| {
        stream.write_all(chunked.as_bytes()).unwrap();
        let chunk = vec![b'x'; 1024 * 1024];
        for _ in 0..5 {
            // It may hang up before it has seen all.
            let _ = write!(stream, "100000\r\n")
                .and_then(|()| stream.write_all(&chunk))
                .and_then(|()| write!(stream, "\r\n"));
        }
    });
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");

    // A client that is slow and one that never ends; meanwhile the others are served.
    let slow = world.user(5).writes(Side::Meta, "slow");
    let endless = world.user(6).writes(Side::Meta, "endless");
    let beside = world.user(7).writes(Side::Twilio, "beside them");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            by_hand(&gateway, |stream| {
                let body = slow.request.body();
                stream.write_all(head(&slow, body.len()).as_bytes()).unwrap();
                for piece in body.chunks(body.len() / 10) {
                    stream.write_all(piece).unwrap();
                    std::thread::sleep(Duration::from_millis(150));
                }
            })
        });
        let endless = scope
            .spawn(|| by_hand(&gateway, |stream| stream.write_all(head(&endless, 100).as_bytes()).unwrap()));
        let status = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(world.post(&gateway, &beside))
        });
        assert!([200, 204].contains(&status));
        assert!(slow.join().unwrap().starts_with("HTTP/1.1 200"));
        assert!(endless.join().unwrap().starts_with("HTTP/1.1 408"));
    });
    rows += 2;
    world.handled(rows).await;
    assert_eq!(world.phone(4).len() + world.phone(6).len(), 0);
    assert_eq!(world.simulator.deliveries().len() as u64, rows, "one answer for each row");

    // What the answers became comes back as statuses, which are rows as well, and answered by nobody.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let statuses = world.simulator.due_webhooks();
    assert!(statuses.len() >= 2000, "sent and delivered: {}", statuses.len());
    for webhook in statuses.iter().take(40) {
        assert!([200, 204].contains(&world.post(&gateway, webhook).await));
    }
    rows += 40;
    world.handled(rows).await;
    assert_eq!(world.simulator.deliveries().len() as u64, rows - 40);

    // A client that never ends what it has begun does not keep it from stopping.
    let mut half = TcpStream::connect(&gateway.address).unwrap();
    half.write_all(b"POST /web").unwrap();
    gateway.terminate();
    drop(half);
    world.place.drop().await;
}

async fn stopped_under_load(place: Place) {
    const MESSAGES: usize = 400;
    let world = Arc::new(World::new(place).await);
    let gateway = Gateway::start(&world);
    let url = std::sync::Mutex::new(gateway.url());
    let webhooks: Vec<_> = (0..MESSAGES)
        .map(|n| world.user(n as u64 % 40).writes([Side::Meta, Side::Twilio][n % 2], &format!("message {n}")))
        .collect();
    let (accepted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));

    // Each poster repeats a webhook until it is acknowledged, as the providers do, and some of them once too often.
    let posters = (0..8).map(|poster| {
        let (world, url, webhooks, accepted, refused) = (&*world, &url, &webhooks, &accepted, &refused);
        async move {
            for webhook in webhooks.iter().skip(poster).step_by(8) {
                let mut again = poster == 0;
                loop {
                    let at = url.lock().unwrap().clone();
                    match world.try_post(&at, &webhook.request).await {
                        Some((200 | 204, _)) if again => again = false,
                        Some((200 | 204, _)) => break,
                        _ => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(30)).await;
                        }
                    }
                }
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let supervisor = async {
        let mut gateway = gateway;
        for round in 1..4 {
            while accepted.load(Ordering::Relaxed) < round * MESSAGES / 4 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let there = Arc::clone(&world);
            let restart = move || {
                gateway.terminate();
                Gateway::start(&there)
            };
            gateway = tokio::task::spawn_blocking(restart).await.unwrap();
            *url.lock().unwrap() = gateway.url();
        }
        gateway
    };
    let (_, gateway) = tokio::join!(futures_util::future::join_all(posters), supervisor);
    assert!(refused.load(Ordering::Relaxed) > 0, "it was stopped while others posted");

    world.handled(MESSAGES as u64).await;
    let mut received: BTreeMap<String, usize> = BTreeMap::new();
    for user in 0..40 {
        for text in world.phone(user) {
            *received.entry(text).or_default() += 1;
        }
    }
    let expected: BTreeSet<_> = answers((0..MESSAGES).map(|n| format!("message {n}"))).into_iter().collect();
    assert_eq!(received.keys().cloned().collect::<BTreeSet<_>>(), expected, "nothing was lost");
    assert!(received.values().all(|times| *times == 1), "nothing was answered twice");
    gateway.terminate();
    Arc::into_inner(world).unwrap().place.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_post_on_sqlite() {
    every_kind_of_post(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn every_kind_of_post_on_postgres() {
    every_kind_of_post(Place::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_stopped_under_load_loses_and_doubles_nothing_on_sqlite() {
    stopped_under_load(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn a_gateway_that_is_stopped_under_load_loses_and_doubles_nothing_on_postgres() {
    stopped_under_load(Place::postgres().await).await;
}

#[test]
fn the_simulated_service_answers_each_message_once_and_says_so() {
    let output = Command::new(example("gateway")).args(["--messages", "20"]).env_clear().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("20 messages written, 20 answered once, 20 answers in all"), "{text}");
}

#[test]
fn a_wrong_setting_is_named() {
    let mut command = Command::new(example("gateway"));
    let output = command.env_clear().env("WHATSAPP_ACCESS_TOKEN", "invented").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("WHATSAPP_PHONE_NUMBER_ID"));
}
