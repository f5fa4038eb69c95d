//! Servers that misbehave, on real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a server does with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Closes it without reading.
    CloseAtOnce,
    /// Resets it without reading.
    ResetAtOnce,
    /// Writes these bytes without reading a request, as a server does that was spoken to in another protocol.
    WriteAtOnce(String),
    /// Reads the whole request and closes.
    Close,
    /// Reads the whole request and resets.
    Reset,
    /// Reads the whole request and never answers.
    Hang,
    /// Reads nothing and never answers.
    Ignore,
    /// Reads the whole request, writes these bytes, and closes.
    Write(String),
    /// Reads the whole request, writes these bytes, and leaves the connection open.
    WriteAndStall(String),
    /// Reads the whole request, writes these bytes, and resets.
    WriteAndReset(String),
}

/// A server on a port of its own. It counts the requests that it has read to their end.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    whole: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (whole_here, connections_here) = (Arc::clone(&whole), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections_here.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, then.clone(), Arc::clone(&whole_here)));
            }
        });
        Self { address, whole, connections, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn https_url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// How many requests were read to their end.
    pub(crate) fn requests(&self) -> usize {
        self.whole.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, then: Then, whole: Arc<AtomicUsize>) {
    match then {
        Then::CloseAtOnce => return,
        Then::ResetAtOnce => return reset(stream),
        Then::Ignore => return std::future::pending().await,
        Then::WriteAtOnce(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            return std::future::pending().await;
        }
        _ => {}
    }
    if !read_request(&mut stream).await {
        return;
    }
    whole.fetch_add(1, Ordering::SeqCst);
    match &then {
        Then::CloseAtOnce | Then::ResetAtOnce | Then::Ignore | Then::WriteAtOnce(_) | Then::Close => {}
        Then::Reset => reset(stream),
        Then::Hang => std::future::pending().await,
        Then::Write(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Then::WriteAndStall(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            std::future::pending::<()>().await;
        }
        Then::WriteAndReset(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            // The bytes have to be on their way before the reset overtakes them.
            tokio::time::sleep(Duration::from_millis(50)).await;
            reset(stream);
        }
    }
}

fn reset(stream: TcpStream) {
    let stream = stream.into_std().unwrap();
    let socket = socket2::Socket::from(stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// Reads one request with a `Content-Length`; `false` if the connection ended before it did.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return true;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A port where a connection is never made: the queue of connections is full and nobody takes them off.
pub(crate) struct BlackHole {
    pub(crate) address: SocketAddr,
    _listener: tokio::net::TcpListener,
    _queue: Vec<JoinHandle<()>>,
}

impl BlackHole {
    pub(crate) async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let queue = (0..8)
            .map(|_| {
                tokio::spawn(async move {
                    let _stream = TcpStream::connect(address).await;
                    std::future::pending::<()>().await;
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        Self { address, _listener: listener, _queue: queue }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A port on which nobody listens.
pub(crate) async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Between a client and the server: while it is cut, connections are broken and new ones refused.
pub(crate) async fn proxy(server: String, cut: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let (server, mut cut) = (server.clone(), cut.clone());
            tokio::spawn(async move {
                if *cut.borrow() {
                    return;
                }
                let mut far = TcpStream::connect(server).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = cut.wait_for(|cut| *cut) => {}
                }
            });
        }
    });
    address
}
