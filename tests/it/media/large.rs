//! The largest files, which are never in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use serde_json::json;
use whatsapp_provider::WhatsAppProvider;
use whatsapp_provider::meta::MediaUpload;

use super::server::{Server, Then, header};
use super::{builder, stored};

const SIZE: usize = 100 * 1024 * 1024;
const PIECE: usize = 64 * 1024;

/// Pieces of a file, which count how many of them are alive.
struct Pieces {
    left: usize,
    alive: Arc<Alive>,
}

#[derive(Default)]
struct Alive {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Piece(Vec<u8>, Arc<Alive>);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.1.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= PIECE;
        let now = self.alive.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.alive.most.fetch_max(now, Ordering::SeqCst);
        let piece = Piece(vec![7; PIECE], Arc::clone(&self.alive));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }
}

#[tokio::test]
async fn an_upload_is_read_as_it_goes_out() {
    let server = Server::start(|_, _| Then::answer("200 OK", "", r#"{"id":"1"}"#)).await;
    let alive = Arc::new(Alive::default());
    let body = Pieces { left: SIZE, alive: Arc::clone(&alive) };
    let upload = MediaUpload::stream(body, SIZE as u64, "application/zip");
    builder(&server.url()).build().unwrap().upload_media(upload).await.unwrap();
    let length: usize = header(&server.heads()[0], "content-length").unwrap().parse().unwrap();
    assert!((SIZE + 300..SIZE + 600).contains(&length));
    assert_eq!(server.seen.read.load(Ordering::SeqCst), length as u64);
    let most = alive.most.load(Ordering::SeqCst);
    assert!(most <= 32, "{most} pieces of {PIECE} bytes at once");
    assert_eq!(alive.now.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stream_of_another_length_breaks_the_upload_off() {
    for promised in [2 * PIECE - 1, 2 * PIECE + 1] {
        let server = Server::start(|_, _| Then::answer("200 OK", "", r#"{"id":"1"}"#)).await;
        let body = Pieces { left: 2 * PIECE, alive: Arc::default() };
        let upload = MediaUpload::stream(body, promised as u64, "application/zip");
        let error = builder(&server.url()).build().unwrap().upload_media(upload).await.unwrap_err();
        assert_eq!(error.acceptance(), whatsapp_provider::Acceptance::NotAccepted, "{promised}: {error}");
    }
}

#[tokio::test]
async fn a_download_comes_as_it_is_read() {
    let server = Server::start(|line, url| match line.contains("/file") {
        true => Then::Zeros(SIZE),
        false => Then::json(&json!({ "url": format!("{url}/file"), "file_size": SIZE })),
    })
    .await;
    let meta = builder(&server.url()).build().unwrap();
    let mut file = meta.fetch_media(&stored("1")).await.unwrap();
    let mut read = file.chunk().await.unwrap().unwrap().len();
    // Whoever does not read on makes the server wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let written = server.seen.written.load(Ordering::SeqCst);
    assert!(written < SIZE as u64 / 4, "{written} bytes are on their way");
    while let Some(piece) = file.chunk().await.unwrap() {
        assert!(piece.len() <= 1024 * 1024);
        read += piece.len();
    }
    assert_eq!(read, SIZE);
}

#[tokio::test]
async fn a_file_goes_from_one_number_to_another_without_being_kept() {
    const SMALL: usize = 3 * 1024 * 1024;
    let server = Server::start(|line, url| {
        if line.contains("/file") {
            Then::Zeros(SMALL)
        } else if line.starts_with("POST") {
            Then::answer("200 OK", "", r#"{"id":"2"}"#)
        } else {
            Then::json(
                &json!({ "url": format!("{url}/file"), "mime_type": "application/zip", "file_size": SMALL }),
            )
        }
    })
    .await;
    let meta = builder(&server.url()).build().unwrap();
    let other = meta.with_sender("200", "another-token").unwrap();
    let file = meta.fetch_media(&stored("1")).await.unwrap();
    let upload = MediaUpload::stream(file.body, file.length.unwrap(), file.mime_type.unwrap());
    let there = other.upload_media(upload).await.unwrap();
    assert_eq!((there.id.as_str(), there.sender.id.as_str()), ("2", "200"));
    assert!(server.seen.read.load(Ordering::SeqCst) > SMALL as u64);
}
