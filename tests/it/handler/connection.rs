//! A client that writes HTTP/1.1 by hand, so that it can do so badly.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close")
    }
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Writes a request and waits for the answer.
    pub(super) async fn ask(&mut self, request: &http::Request<Bytes>) -> Answer {
        self.write(&head(request)).await;
        self.write(request.body()).await;
        self.answer().await
    }

    /// Whether bytes have come that nobody asked for yet.
    pub(super) fn has_answer(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.try_read(&mut byte) {
            Ok(read) => {
                self.unread.extend_from_slice(&byte[..read]);
                true
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                false
            }
        }
    }

    pub(super) async fn answer(&mut self) -> Answer {
        loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(self.unread[..end].to_vec()).unwrap().to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().unwrap());
                if self.unread.len() >= end + 4 + length {
                    let rest = self.unread.split_off(end + 4 + length);
                    let body = self.unread.split_off(end + 4);
                    self.unread = rest;
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return Answer { status, head, body };
                }
            }
            let read = self.stream.read_buf(&mut self.unread).await.unwrap();
            assert_ne!(read, 0, "closed without an answer");
        }
    }

    /// Waits until the server has closed the connection; it must not say anything more.
    pub(super) async fn closed(mut self) {
        assert_eq!(self.unread, b"");
        // What the server has not read makes a reset of the end.
        let read = self.stream.read_buf(&mut self.unread).await.unwrap_or(0);
        assert_eq!(read, 0);
    }
}

/// The request as it is written, up to its body.
pub(super) fn head(request: &http::Request<Bytes>) -> Vec<u8> {
    let target = request.uri().path_and_query().unwrap();
    let mut head = format!("{} {target} HTTP/1.1\r\n", request.method()).into_bytes();
    if !request.headers().contains_key("host") {
        head.extend_from_slice(b"host: example.test\r\n");
    }
    for (name, value) in request.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The same request, whose body comes in chunks and so without a length.
pub(super) fn chunked_head(request: &http::Request<Bytes>) -> Vec<u8> {
    let mut request = request.clone();
    request.headers_mut().remove("content-length");
    request.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
    head(&request)
}

pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
