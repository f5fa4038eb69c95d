use std::collections::HashMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Take};
use tokio::net::TcpStream;

/// The reasons that `RST_STREAM` and `GOAWAY` give.
pub(super) mod reason {
    pub(in super::super) const NO_ERROR: u32 = 0;
    pub(in super::super) const INTERNAL_ERROR: u32 = 2;
    pub(in super::super) const REFUSED_STREAM: u32 = 7;
    pub(in super::super) const CANCEL: u32 = 8;
    pub(in super::super) const ENHANCE_YOUR_CALM: u32 = 11;
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The server's end of a connection over HTTP/2, frame by frame, so that it can be wrong in any way. It understands
/// only what these tests need: no header is decoded, and bodies must fit into the initial windows.
pub(super) struct Http2 {
    stream: Take<TcpStream>,
    bodies: HashMap<u32, Vec<u8>>,
    /// Answers no `PING`.
    pub(super) deaf: bool,
}

/// Something that the client did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It began a request.
    Head(u32),
    /// It ended a request, whose body this is.
    Whole(u32, Vec<u8>),
}

impl Http2 {
    /// Greets a client. Not more than `limit` bytes will be read of it; then it seems to have ended.
    pub(super) async fn accept(stream: TcpStream, limit: u64) -> Option<Self> {
        let mut connection = Self { stream: stream.take(limit), bodies: HashMap::new(), deaf: false };
        connection.stream.read_exact(&mut [0; 24]).await.ok()?;
        connection.write(SETTINGS, 0, 0, &[]).await;
        Some(connection)
    }

    /// What the client does next; `None` at the end of the connection.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.stream.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes(stream);
            match kind {
                SETTINGS if flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[]).await,
                PING if flags & ACK == 0 && !self.deaf => self.write(PING, ACK, 0, &payload).await,
                HEADERS => {
                    self.bodies.insert(stream, Vec::new());
                    if flags & END_STREAM == 0 {
                        return Some(Event::Head(stream));
                    }
                }
                DATA => self.bodies.entry(stream).or_default().extend(payload),
                _ => {}
            }
            if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                return Some(Event::Whole(stream, self.bodies.remove(&stream).unwrap_or_default()));
            }
        }
    }

    /// The next request that is whole.
    pub(super) async fn request(&mut self) -> Option<(u32, Vec<u8>)> {
        loop {
            if let Event::Whole(stream, body) = self.next().await? {
                return Some((stream, body));
            }
        }
    }

    /// Lets later requests send no body.
    pub(super) async fn close_windows(&mut self) {
        // SETTINGS_INITIAL_WINDOW_SIZE: 0.
        self.write(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    }

    /// Writes a head that says 200.
    pub(super) async fn ok(&mut self, stream: u32) {
        // The eighth of the headers that HPACK knows by number is `:status: 200`.
        self.write(HEADERS, END_HEADERS, stream, &[0x88]).await;
    }

    /// Writes the end of an answer.
    pub(super) async fn body(&mut self, stream: u32, body: &[u8]) {
        self.write(DATA, END_STREAM, stream, body).await;
    }

    pub(super) async fn reset_stream(&mut self, stream: u32, reason: u32) {
        self.write(RST_STREAM, 0, stream, &reason.to_be_bytes()).await;
    }

    /// Says that no request after `last` was, or will be, looked at.
    pub(super) async fn go_away(&mut self, last: u32, reason: u32) {
        let payload = [last.to_be_bytes(), reason.to_be_bytes()].concat();
        self.write(GOAWAY, 0, 0, &payload).await;
    }

    /// Gives the connection back, to be ended.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        // If the client has gone, the next read says so.
        let _ = self.stream.get_mut().write_all(&frame).await;
    }
}
