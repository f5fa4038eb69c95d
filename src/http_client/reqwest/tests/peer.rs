use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a connection ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Fin,
    Rst,
}

impl End {
    pub(super) const BOTH: [Self; 2] = [Self::Fin, Self::Rst];
}

/// What a server has seen.
#[derive(Default)]
pub(super) struct Seen {
    connections: AtomicUsize,
    whole: AtomicUsize,
}

impl Seen {
    /// Counts a request that was read to its end.
    pub(super) fn whole(&self) {
        self.whole.fetch_add(1, Ordering::SeqCst);
    }
}

/// A server on a port of its own.
pub(super) struct Peer {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Starts a server that does with every connection what `serve` does.
    pub(super) async fn start<F>(serve: impl Fn(TcpStream, Arc<Seen>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let here = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                here.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&here)));
            }
        });
        Self { address, seen, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Waits until this many requests were read to their end.
    pub(super) async fn has_read(&self, whole: usize) {
        while self.whole() < whole {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many requests were read to their end.
    pub(super) fn whole(&self) -> usize {
        self.seen.whole.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends a connection.
pub(super) async fn end(mut stream: TcpStream, end: End) {
    match end {
        End::Fin => {
            let _ = stream.shutdown().await;
            // To close with bytes unread would be a reset.
            let _ = tokio::time::timeout(Duration::from_secs(1), drain(&mut stream)).await;
        }
        End::Rst => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
    }
}

async fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// Writes bytes and gives them time to arrive before whatever comes next.
pub(super) async fn write(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// A request over HTTP/1.1.
pub(super) struct Request {
    /// In lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// Reads one request, which has a `Content-Length` or no body; `None` if it ends before it is whole.
pub(super) async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let whole = end + 4 + length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= whole {
                return Some(Request { head, body: bytes[end + 4..whole].to_vec() });
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
