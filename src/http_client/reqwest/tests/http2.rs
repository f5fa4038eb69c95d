//! What fails over HTTP/2. Some of it the protocol itself proves harmless (a refused stream, a stream above the last
//! that a `GOAWAY` names). The promise is only that nothing is sent twice, so a message that departed is unknown there
//! as well.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::http2_server::{Event, Http2, reason};
use super::peer::{End, Peer, end};
use super::{Verdict, limits, post, send, send_within};
use crate::http_client::{HttpClient as _, HttpErrorKind, RequestBody, ReqwestClient, exchange};
use crate::outbound::Departure;

const BROKEN: Verdict = Verdict::Unknown(HttpErrorKind::Interrupted);

/// A client that speaks HTTP/2 without being told to by TLS.
pub(super) fn client() -> ReqwestClient {
    ReqwestClient::with(reqwest::ClientBuilder::http2_prior_knowledge).unwrap()
}

async fn accept(stream: TcpStream) -> Http2 {
    Http2::accept(stream, u64::MAX).await.unwrap()
}

/// A server that reads whole requests and does `then` after each.
async fn server<F>(then: impl Fn(Http2, u32) -> F + Clone + Send + Sync + 'static) -> Peer
where
    F: Future<Output = Option<Http2>> + Send + 'static,
{
    Peer::start(move |stream, seen| {
        let then = then.clone();
        async move {
            let mut connection = Some(accept(stream).await);
            while let Some(mut open) = connection.take() {
                let Some((stream, body)) = open.request().await else { return };
                assert_eq!(body, b"hello");
                seen.whole();
                connection = then(open, stream).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn an_answer() {
    let server = server(async |mut connection, stream| {
        connection.ok(stream).await;
        connection.body(stream, b"{}").await;
        Some(connection)
    })
    .await;
    let client = client();
    for sent in 1..=3 {
        assert_eq!(send(&client, &server.url(), "hello").await, Verdict::Answered(200));
        assert_eq!((server.connections(), server.whole()), (1, sent));
    }
}

#[tokio::test]
async fn a_request_without_a_body_ends_with_its_head() {
    let server = Peer::start(async |stream, seen| {
        let mut connection = accept(stream).await;
        let Some(Event::Whole(stream, body)) = connection.next().await else { return };
        assert_eq!(body, b"");
        seen.whole();
        connection.ok(stream).await;
        connection.body(stream, b"{}").await;
        connection.next().await;
    })
    .await;
    assert_eq!(send(&client(), &server.url(), "").await, Verdict::Answered(200));
    assert_eq!(server.whole(), 1);
}

/// A body without a departure, and even one without bytes, tells when it goes out.
#[tokio::test]
async fn the_time_to_connect_ends_where_the_body_departs() {
    let server = Peer::start(async |stream, seen| {
        let mut connection = accept(stream).await;
        while let Some((stream, _)) = connection.request().await {
            seen.whole();
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            connection.ok(stream).await;
        }
    })
    .await;
    let ask = async |body| {
        let request = http::Request::post(server.url()).body(body).unwrap();
        let limits = limits().with_connect(Duration::from_secs(1));
        client().execute(request, limits).await.map(|response| response.status().as_u16()).unwrap()
    };
    let answers =
        tokio::join!(ask(RequestBody::new("hello")), ask(RequestBody::new("")), ask(RequestBody::empty()));
    assert_eq!(answers, (200, 200, 200));
    assert_eq!(server.whole(), 3);
}

#[tokio::test]
async fn a_request_that_was_read_whole_and_reset_is_unknown_and_not_sent_again() {
    use reason::{CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM};
    for reason in [REFUSED_STREAM, NO_ERROR, CANCEL, INTERNAL_ERROR, ENHANCE_YOUR_CALM] {
        let server = server(move |mut connection, stream| async move {
            connection.reset_stream(stream, reason).await;
            Some(connection)
        })
        .await;
        let client = client();
        for sent in 1..=2 {
            assert_eq!(send(&client, &server.url(), "hello").await, BROKEN, "{reason}");
            assert_eq!(server.whole(), sent, "{reason}");
        }
        assert_eq!(server.connections(), 1, "{reason}");
    }
}

/// A stream can be refused before its body is on its way, or while it waits for room. What the mark says depends on
/// whether the client had asked the body for its bytes by then; in neither case is it asked again.
#[tokio::test]
async fn a_stream_that_was_refused_at_its_head_is_not_sent_again() {
    for without_window in [false, true] {
        let server = Peer::start(move |stream, seen| async move {
            let mut connection = accept(stream).await;
            let (first, _) = connection.request().await.unwrap();
            seen.whole();
            if without_window {
                connection.close_windows().await;
            }
            connection.ok(first).await;
            connection.body(first, b"").await;
            while let Some(event) = connection.next().await {
                match event {
                    Event::Head(stream) => connection.reset_stream(stream, reason::REFUSED_STREAM).await,
                    Event::Whole(..) => seen.whole(),
                }
            }
        })
        .await;
        let client = client();
        assert_eq!(send(&client, &server.url(), "hello").await, Verdict::Answered(200));
        let departure = Departure::new();
        let result = exchange(&client, post(&server.url(), "hello"), limits(), &departure).await;
        match Verdict::of(&result) {
            Verdict::NotAccepted(_) => assert!(!departure.departed() && server.whole() == 1),
            verdict => assert_eq!(verdict, BROKEN),
        }
        assert_eq!(server.connections(), 1);
        assert!(server.whole() <= if without_window { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_go_away_below_the_request_is_unknown_and_not_sent_again() {
    for reason in [reason::NO_ERROR, reason::ENHANCE_YOUR_CALM] {
        let server = server(move |mut connection, stream| async move {
            assert_eq!(stream, 1);
            connection.go_away(0, reason).await;
            Some(connection)
        })
        .await;
        assert_eq!(send(&client(), &server.url(), "hello").await, BROKEN, "{reason}");
        assert_eq!((server.connections(), server.whole()), (1, 1), "{reason}");
    }
}

#[tokio::test]
async fn a_go_away_at_the_request_and_then_the_end_is_unknown() {
    for how in End::BOTH {
        let server = server(move |mut connection, stream| async move {
            connection.go_away(stream, reason::NO_ERROR).await;
            end(connection.into_stream(), how).await;
            None
        })
        .await;
        assert_eq!(send(&client(), &server.url(), "hello").await, BROKEN, "{how:?}");
        assert_eq!((server.connections(), server.whole()), (1, 1), "{how:?}");
    }
}

#[tokio::test]
async fn a_go_away_at_the_request_and_then_an_answer_is_that_answer() {
    let server = server(async |mut connection, stream| {
        connection.go_away(stream, reason::NO_ERROR).await;
        connection.ok(stream).await;
        connection.body(stream, b"{}").await;
        Some(connection)
    })
    .await;
    let client = client();
    for sent in 1..=2 {
        assert_eq!(send(&client, &server.url(), "hello").await, Verdict::Answered(200));
        assert_eq!((server.connections(), server.whole()), (sent, sent), "a connection for each");
    }
}

#[tokio::test]
async fn a_request_that_was_read_whole_before_the_connection_ended_is_unknown() {
    for how in End::BOTH {
        let server = server(move |connection, _| async move {
            end(connection.into_stream(), how).await;
            None
        })
        .await;
        let client = client();
        for sent in 1..=2 {
            assert_eq!(send(&client, &server.url(), "hello").await, BROKEN, "{how:?}");
            assert_eq!((server.connections(), server.whole()), (sent, sent), "{how:?}");
        }
    }
}

#[tokio::test]
async fn a_success_whose_body_dies_was_answered() {
    let reset = server(async |mut connection, stream| {
        connection.ok(stream).await;
        connection.reset_stream(stream, reason::CANCEL).await;
        Some(connection)
    })
    .await;
    let closed = server(async |mut connection, stream| {
        connection.ok(stream).await;
        end(connection.into_stream(), End::Fin).await;
        None
    })
    .await;
    let stalled = server(async |mut connection, stream| {
        connection.ok(stream).await;
        Some(connection)
    })
    .await;
    let limits = limits().with_total(Duration::from_secs(2));
    for server in [reset, closed, stalled] {
        assert_eq!(send_within(limits, &client(), &server.url(), "hello").await, Verdict::Cut(200));
        assert_eq!((server.connections(), server.whole()), (1, 1));
    }
}

#[tokio::test]
async fn a_dead_connection_is_noticed_long_before_the_time_to_the_head() {
    let server = Peer::start(async |stream, seen| {
        let mut connection = accept(stream).await;
        connection.deaf = true;
        while connection.request().await.is_some() {
            seen.whole();
        }
    })
    .await;
    let client = ReqwestClient::with(|builder| {
        let builder = builder.http2_prior_knowledge();
        let builder = builder.http2_keep_alive_interval(Duration::from_millis(200));
        builder.http2_keep_alive_timeout(Duration::from_millis(200))
    });
    let limits = limits().with_head(Duration::from_secs(60)).with_total(Duration::from_secs(60));
    let began = Instant::now();
    let verdict = send_within(limits, &client.unwrap(), &server.url(), "hello").await;
    assert_eq!(verdict, Verdict::Unknown(HttpErrorKind::Timeout));
    assert!(began.elapsed() < Duration::from_secs(30), "it did not wait for the limit");
    assert_eq!((server.connections(), server.whole()), (1, 1));
}

#[tokio::test]
async fn a_request_that_is_given_up_tells_that_it_departed() {
    let server = server(async |connection, _| Some(connection)).await;
    let (client, address, departure) = (client(), server.url(), Departure::new());
    tokio::select! {
        result = exchange(&client, post(&address, "hello"), limits(), &departure) => panic!("{result:?}"),
        () = server.has_read(1) => {}
    }
    assert!(departure.departed() && !departure.revoke());
    assert_eq!((server.connections(), server.whole()), (1, 1));
}
