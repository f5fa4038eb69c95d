//! Many requests at a time to a server that ends its connections at random moments.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::http2_server::{Http2, reason};
use super::peer::{End, end, read_request};
use super::{Verdict, post};
use crate::http_client::{Limits, ReqwestClient, exchange};
use crate::outbound::Departure;

const SEED: u64 = 0x5eed_0001;
const REQUESTS: u64 = 2_000;
const AT_A_TIME: usize = 32;

/// SplitMix64. Each connection and each request has its own, so that its fate does not hang on the order of the others.
struct Random(u64);

impl Random {
    fn of(what: u64, number: u64) -> Self {
        Self(SEED ^ (what << 56) ^ (number << 20))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn end(&mut self) -> End {
        End::BOTH[usize::from(self.below(2) == 1)]
    }
}

/// What a server knows of one request.
#[derive(Default, Clone, Copy)]
struct Known {
    read_whole: u32,
    /// A whole head that says 200 was written, or was about to be.
    answered: bool,
}

type Ledger = Arc<Mutex<HashMap<u64, Known>>>;

fn note(ledger: &Ledger, number: u64, change: impl FnOnce(&mut Known)) {
    change(ledger.lock().unwrap().entry(number).or_default());
}

/// A body that names its request.
fn body(number: u64, padding: u64) -> Vec<u8> {
    [&number.to_be_bytes(), vec![b'x'; padding as usize].as_slice()].concat()
}

fn number(body: &[u8]) -> u64 {
    u64::from_be_bytes(body[..8].try_into().unwrap())
}

struct Server {
    address: SocketAddr,
    ledger: Ledger,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start<F>(serve: impl Fn(TcpStream, Random, Ledger) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ledger = Ledger::default();
        let here = Arc::clone(&ledger);
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    _ = &mut stopped => break,
                };
                let random = Random::of(1, connections.len() as u64);
                connections.spawn(serve(stream, random, Arc::clone(&here)));
            }
            connections.join_all().await;
        });
        Self { address, ledger, stop, task }
    }

    /// What it knows when it has read all that there was to read.
    async fn stop(self) -> HashMap<u64, Known> {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        std::mem::take(&mut self.ledger.lock().unwrap())
    }
}

/// Answers some requests of a connection and ends it in the middle of the next: after any number of its bytes, or of
/// those of the answer.
async fn http1(stream: TcpStream, mut random: Random, ledger: Ledger) {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"some\":\"answer\"}   ";
    const HEAD: usize = ANSWER.len() - 20;
    let mut stream = stream.take(u64::MAX);
    for left in (0..=random.below(3)).rev() {
        if left == 0 {
            // A request is about 150 to 450 bytes long, so about half of the last ones are read whole.
            stream.set_limit(random.below(600));
        }
        let Some(request) = read_request(&mut stream).await else { break };
        let number = number(&request.body);
        let cut = if left == 0 { random.below(ANSWER.len() as u64 + 1) as usize } else { ANSWER.len() };
        note(&ledger, number, |known| {
            known.read_whole += 1;
            known.answered = cut >= HEAD;
        });
        tokio::time::sleep(Duration::from_micros(random.below(2_000))).await;
        let _ = stream.get_mut().write_all(&ANSWER[..cut]).await;
        tokio::time::sleep(Duration::from_micros(random.below(2_000))).await;
    }
    end(stream.into_inner(), random.end()).await;
}

/// Ends a connection after any number of bytes of any number of requests, of which each may be answered, cut, reset or
/// left alone.
async fn http2(stream: TcpStream, mut random: Random, ledger: Ledger) {
    let Some(mut connection) = Http2::accept(stream, random.below(3_000)).await else { return };
    while let Some((stream, body)) = connection.request().await {
        let number = number(&body);
        let fate = random.below(10);
        note(&ledger, number, |known| {
            known.read_whole += 1;
            known.answered = fate < 7;
        });
        match fate {
            0..6 => {
                connection.ok(stream).await;
                connection.body(stream, b"{}").await;
            }
            6 => {
                connection.ok(stream).await;
                break;
            }
            7 => {
                use reason::{CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM};
                let reasons = [CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM];
                connection.reset_stream(stream, reasons[random.below(5) as usize]).await;
            }
            8 => {
                let last = if random.below(2) == 0 { stream } else { stream.saturating_sub(2) };
                connection.go_away(last, reason::NO_ERROR).await;
            }
            _ => {}
        }
    }
    end(connection.into_stream(), random.end()).await;
}

#[derive(Default, Debug)]
struct Count {
    accepted: u32,
    accepted_and_cut: u32,
    not_accepted: u32,
    unknown: u32,
    /// Of those, how many nobody had read.
    unknown_and_unread: u32,
}

/// Sends one request, which is given up early once in eight times.
async fn one(client: &ReqwestClient, url: &str, number: u64) -> (u64, Option<Verdict>, bool) {
    let mut random = Random::of(2, number);
    let departure = Departure::new();
    let limits = Limits::default().with_connect(Duration::from_secs(5)).with_head(Duration::from_secs(1));
    let request = post(url, body(number, random.below(300)));
    let sending = exchange(client, request, limits, &departure);
    let patience =
        if random.below(8) == 0 { Duration::from_micros(random.below(3_000)) } else { Duration::MAX };
    let verdict = tokio::time::timeout(patience, sending).await.ok().map(|result| Verdict::of(&result));
    (number, verdict, departure.revoke())
}

/// Whatever happens: what is not accepted was not read whole, what is accepted was answered, and nothing was read whole
/// twice.
async fn laws_hold(name: &str, server: Server, client: impl Fn() -> ReqwestClient) {
    let url = format!("http://{}", server.address);
    // Several, because over HTTP/2 all requests of one share its connection.
    let clients: Vec<_> = (0..8).map(|_| client()).collect();
    let mut running = JoinSet::new();
    let mut ended = Vec::new();
    for number in 0..REQUESTS {
        if running.len() == AT_A_TIME {
            ended.push(running.join_next().await.unwrap().unwrap());
        }
        let (client, url) = (clients[number as usize % clients.len()].clone(), url.clone());
        running.spawn(async move { one(&client, &url, number).await });
    }
    ended.extend(running.join_all().await);
    drop(clients);
    let known = server.stop().await;

    let mut count = Count::default();
    for (number, verdict, revoked) in ended {
        let what = format!("{name}, seed {SEED:#x}, request {number}: {verdict:?}");
        let Known { read_whole, answered } = known.get(&number).copied().unwrap_or_default();
        assert!(read_whole <= 1, "it was read whole {read_whole} times: {what}");
        match verdict {
            Some(Verdict::Answered(200)) => count.accepted += 1,
            Some(Verdict::Cut(200)) => count.accepted_and_cut += 1,
            Some(Verdict::NotAccepted(_)) => count.not_accepted += 1,
            Some(Verdict::Unknown(_)) => count.unknown += 1,
            // It was given up, and only the mark tells.
            None if revoked => count.not_accepted += 1,
            None => count.unknown += 1,
            other => panic!("{other:?} was not answered: {what}"),
        }
        match verdict {
            Some(Verdict::Answered(_) | Verdict::Cut(_)) => assert!(answered, "it was not answered: {what}"),
            Some(Verdict::NotAccepted(_)) => assert!(revoked && read_whole == 0, "it was read: {what}"),
            _ if revoked => assert_eq!(read_whole, 0, "it was read: {what}"),
            _ => count.unknown_and_unread += u32::from(read_whole == 0),
        }
    }
    println!("{name}: {count:?}");
    assert!(count.accepted > 100 && count.unknown > 100, "it is put to the test: {count:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_laws_hold_over_http1_wherever_the_server_ends() {
    laws_hold("HTTP/1.1", Server::start(http1).await, || ReqwestClient::new().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_laws_hold_over_http2_wherever_the_server_ends() {
    laws_hold("HTTP/2", Server::start(http2).await, super::http2::client).await;
}
