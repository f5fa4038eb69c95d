//! A server of files, and of the API beside them, that does what a test tells it, on a real socket.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is done with a request.
#[derive(Clone, Debug)]
pub(super) enum Then {
    /// Reads no more than this of its body, and resets.
    ResetAfter(usize),
    /// Reads no more than this of its body, writes these bytes, and closes.
    WriteAfter(usize, String),
    /// Reads all of it and writes these pieces, with a pause before each but the first; then closes.
    Write(Vec<Vec<u8>>, Duration),
    /// Reads all of it, writes these bytes, and leaves the connection open.
    Stall(Vec<u8>),
    /// Reads all of it and writes so many zeros behind a head that announces them.
    Zeros(usize),
}

impl Then {
    pub(super) fn answer(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
        Self::Write(vec![(head + body).into_bytes()], Duration::ZERO)
    }

    pub(super) fn json(body: &serde_json::Value) -> Self {
        Self::answer("200 OK", "Content-Type: application/json\r\n", &body.to_string())
    }

    pub(super) fn redirect(to: &str) -> Self {
        Self::answer("302 Found", &format!("Location: {to}\r\n"), "")
    }
}

/// What a server has seen and done.
#[derive(Default)]
pub(super) struct Seen {
    /// The heads of the requests, as they were written.
    heads: Mutex<Vec<String>>,
    connections: AtomicUsize,
    /// How many bytes of bodies were read, and how many were written.
    pub(super) read: AtomicU64,
    pub(super) written: AtomicU64,
}

pub(super) struct Server {
    port: u16,
    pub(super) seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server that decides by the first line of a request (`GET /path HTTP/1.1`) and its own address.
    pub(super) async fn start(decide: impl Fn(&str, &str) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen::default());
        let (decide, here) = (Arc::new(decide), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                here.connections.fetch_add(1, Ordering::SeqCst);
                let (decide, seen) = (Arc::clone(&decide), Arc::clone(&here));
                tokio::spawn(async move {
                    let decide = |line: &str| decide(line, &format!("http://127.0.0.1:{port}"));
                    // A connection that the client breaks is what some tests are about.
                    let _ = serve(stream, decide, &seen).await;
                });
            }
        });
        Self { port, seen, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.seen.heads.lock().unwrap().clone()
    }

    /// The heads of the requests whose first line contains this.
    pub(super) fn asked(&self, part: &str) -> Vec<String> {
        let mut heads = self.heads();
        heads.retain(|head| head.lines().next().unwrap().contains(part));
        heads
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A header of a head, whatever the case of its name.
pub(super) fn header(head: &str, name: &str) -> Option<String> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

async fn serve(mut stream: TcpStream, decide: impl Fn(&str) -> Then, seen: &Seen) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    seen.heads.lock().unwrap().push(head.clone());
    let length: usize = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let then = decide(head.lines().next().unwrap());
    let wanted = match &then {
        Then::ResetAfter(most) | Then::WriteAfter(most, _) => length.min(*most),
        _ => length,
    };
    let mut buffer = vec![0; 64 * 1024];
    let mut left = wanted;
    while left > 0 {
        let most = left.min(buffer.len());
        let read = stream.read(&mut buffer[..most]).await?;
        if read == 0 {
            return Ok(());
        }
        left -= read;
        seen.read.fetch_add(read as u64, Ordering::SeqCst);
    }
    match then {
        Then::ResetAfter(_) => reset(stream),
        Then::WriteAfter(_, bytes) => {
            stream.write_all(bytes.as_bytes()).await?;
            stream.shutdown().await?;
            // To close with bytes unread would be a reset.
            let drain = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
            let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
        }
        Then::Write(pieces, pause) => {
            for (place, piece) in pieces.iter().enumerate() {
                if place > 0 {
                    tokio::time::sleep(pause).await;
                }
                stream.write_all(piece).await?;
            }
            stream.shutdown().await?;
        }
        Then::Stall(bytes) => {
            stream.write_all(&bytes).await?;
            std::future::pending::<()>().await;
        }
        Then::Zeros(mut left) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            buffer.fill(0);
            while left > 0 {
                let most = left.min(buffer.len());
                stream.write_all(&buffer[..most]).await?;
                seen.written.fetch_add(most as u64, Ordering::SeqCst);
                left -= most;
            }
            stream.shutdown().await?;
        }
    }
    Ok(())
}

fn reset(stream: TcpStream) {
    let socket = socket2::Socket::from(stream.into_std().unwrap());
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}
