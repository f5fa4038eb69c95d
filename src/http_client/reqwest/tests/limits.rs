//! The limits hold, and each counts from where it says.

use std::time::{Duration, Instant};

use http::Request;
use tokio::io::AsyncWriteExt;

use super::super::deadline;
use super::client;
use super::peer::{Peer, read_request, write};
use crate::http_client::{HttpClient as _, HttpError, HttpErrorKind, Limits, RequestBody};

const LONG: Duration = Duration::from_secs(60);

/// Answers with the head after `head`, and with the body `body` after that.
async fn slow(head: Duration, body: Duration) -> Peer {
    Peer::start(move |mut stream, seen| async move {
        read_request(&mut stream).await.unwrap();
        seen.whole();
        tokio::time::sleep(head).await;
        write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await;
        tokio::time::sleep(body).await;
        write(&mut stream, b"{}").await;
    })
    .await
}

/// The kind of a failure before the head and of one after it.
async fn ask(
    server: &Peer,
    body: RequestBody,
    limits: Limits,
) -> Result<Result<(), HttpErrorKind>, HttpErrorKind> {
    let request = Request::post(server.url()).body(body).unwrap();
    let response = client().execute(request, limits).await.map_err(|error| error.kind())?;
    Ok(response.into_body().read(10).await.map(drop).map_err(|error: HttpError| error.kind()))
}

fn limits(connect: Duration, head: Duration, total: Duration) -> Limits {
    Limits::default().with_connect(connect).with_head(head).with_total(total)
}

/// A body without a departure, and even one without bytes, tells when it goes out.
#[tokio::test]
async fn the_time_to_connect_ends_where_the_body_departs() {
    let server = slow(Duration::from_millis(1_500), Duration::ZERO).await;
    let limits = limits(Duration::from_secs(1), LONG, LONG);
    let answers = tokio::join!(
        ask(&server, RequestBody::new("hello"), limits),
        ask(&server, RequestBody::new(""), limits),
        ask(&server, RequestBody::empty(), limits),
    );
    assert_eq!(answers, (Ok(Ok(())), Ok(Ok(())), Ok(Ok(()))));
    assert_eq!(server.whole(), 3);
}

#[tokio::test]
async fn the_time_to_the_head_ends_there() {
    let server = slow(Duration::ZERO, Duration::from_millis(1_500)).await;
    let limits = limits(LONG, Duration::from_secs(1), LONG);
    assert_eq!(ask(&server, RequestBody::new("hello"), limits).await, Ok(Ok(())));
}

#[tokio::test]
async fn the_time_to_the_head_and_the_time_for_everything_both_end_the_wait_for_it() {
    let server = slow(LONG, LONG).await;
    let short = Duration::from_secs(1);
    let began = Instant::now();
    let answers = tokio::join!(
        ask(&server, RequestBody::new("hello"), limits(LONG, short, LONG)),
        ask(&server, RequestBody::new("hello"), limits(LONG, LONG, short)),
    );
    assert_eq!(answers, (Err(HttpErrorKind::Timeout), Err(HttpErrorKind::Timeout)));
    assert!(began.elapsed() >= short, "not before its time");
    assert!(began.elapsed() < LONG / 2, "not at the other limit");
    assert_eq!(server.whole(), 2);
}

#[tokio::test]
async fn the_time_for_everything_holds_in_the_body() {
    let server = slow(Duration::ZERO, LONG).await;
    let limits = limits(LONG, LONG, Duration::from_secs(1));
    let began = Instant::now();
    assert_eq!(ask(&server, RequestBody::new("hello"), limits).await, Ok(Err(HttpErrorKind::Timeout)));
    assert!(began.elapsed() >= Duration::from_secs(1) && began.elapsed() < LONG / 2);
}

#[tokio::test]
async fn the_time_for_everything_holds_for_a_reader_that_is_slower_than_the_body() {
    let server = Peer::start(async |mut stream, _| {
        read_request(&mut stream).await.unwrap();
        let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        while stream.write_all(&bytes).await.is_ok() {
            bytes = vec![b'x'; 65_536];
        }
    })
    .await;
    let request = Request::get(server.url()).body(RequestBody::empty()).unwrap();
    let limits = limits(LONG, LONG, Duration::from_secs(1));
    let began = Instant::now();
    let mut body = client().execute(request, limits).await.unwrap().into_body();
    let error = loop {
        if let Err(error) = body.chunk().await {
            break error;
        }
        // The next piece is there before it is asked for.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(began.elapsed() < LONG / 4, "the limit holds");
    };
    assert_eq!(error.kind(), HttpErrorKind::Timeout);
}

#[tokio::test]
async fn limits_that_are_longer_than_time_itself() {
    let server = slow(Duration::ZERO, Duration::ZERO).await;
    let forever = limits(Duration::MAX, Duration::MAX, Duration::MAX);
    assert_eq!(ask(&server, RequestBody::new("hello"), forever).await, Ok(Ok(())));
}

#[tokio::test]
async fn a_deadline_is_exact_or_very_far_away() {
    let now = tokio::time::Instant::now();
    let soon = deadline(Duration::from_secs(5));
    assert!(soon >= now + Duration::from_secs(5) && soon < now + Duration::from_secs(10));
    assert!(deadline(Duration::MAX) > now + Duration::from_secs(300 * 86_400));
}
