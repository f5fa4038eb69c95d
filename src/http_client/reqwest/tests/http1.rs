//! What fails over HTTP/1.1 after the message departed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connecting::Resolver;
use super::peer::{End, Peer, Seen, end, read_request, write};
use super::{Verdict, client, limits, post, send};
use crate::http_client::{HttpClient as _, HttpErrorKind, RequestBody, ReqwestClient, exchange};
use crate::outbound::Departure;

const BROKEN: Verdict = Verdict::Unknown(HttpErrorKind::Interrupted);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn each_way_to_fail_has_its_kind_and_names_no_address() {
    use HttpErrorKind::{Connect, Interrupted, Malformed};
    let server = Peer::start(async |mut stream, seen| {
        let request = read_request(&mut stream).await.unwrap();
        seen.whole();
        match request.head.split(['/', '?', ' ']).nth(2).unwrap() {
            "fin" => end(stream, End::Fin).await,
            "rst" => end(stream, End::Rst).await,
            "garbage" => write(&mut stream, b"this is not HTTP\r\n\r\n").await,
            "head" => write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Le").await,
            path => panic!("{path}"),
        }
    })
    .await;
    let resolver = Resolver { address: None, wait: Duration::ZERO };
    let client = ReqwestClient::with(|builder| builder.dns_resolver(resolver)).unwrap();
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/secret", listener.local_addr().unwrap())
    };
    let at = |path| format!("{}/{path}?secret", server.url());
    for (url, kind, words) in [
        (closed, Connect, ": connection refused"),
        ("http://unknown.invalid/secret".to_owned(), Connect, ": name look-up failed"),
        (at("fin"), Interrupted, ": connection closed before message completed"),
        (at("rst"), Interrupted, ": connection error: connection reset"),
        (at("head"), Interrupted, ": connection closed before message completed"),
        (at("garbage"), Malformed, ": invalid HTTP version parsed"),
    ] {
        let request = Request::post(&url).body(RequestBody::new("hello")).unwrap();
        let error = client.execute(request, limits()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{url}");
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), format!("error sending request{words}"), "{url}");
        assert_eq!(format!("{cause:?}"), cause.to_string(), "{url}");
        let printed = format!("{error} {error:?}");
        for word in ["secret", "127.0.0.1", "unknown"] {
            assert!(!printed.contains(word), "{printed}");
        }
    }
}

#[tokio::test]
async fn what_goes_over_the_wire() {
    let server = Peer::start(async |mut stream, seen| {
        let request = read_request(&mut stream).await.unwrap();
        seen.whole();
        assert_eq!(request.body, b"hello");
        let head = request.head;
        for start in ["content-length: 5", "x-of-the-caller: 1", "user-agent: whatsapp-provider/"] {
            assert!(head.lines().any(|line| line.starts_with(start)), "{head}");
        }
        for name in ["transfer-encoding:", "expect:", "referer:", "cookie:"] {
            assert!(!head.contains(name), "{head}");
        }
        write(&mut stream, OK).await;
    })
    .await;
    let request = Request::post(server.url()).header("x-of-the-caller", "1").body(Bytes::from("hello"));
    let answer = exchange(&client(), request.unwrap(), limits(), &Departure::new()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body), (200, Some(Bytes::from("{}"))));
    assert_eq!(server.whole(), 1);
}

#[tokio::test]
async fn a_request_without_a_body_has_no_length_either() {
    let server = Peer::start(async |mut stream, seen| {
        let request = read_request(&mut stream).await.unwrap();
        seen.whole();
        for name in ["content-length:", "transfer-encoding:"] {
            assert!(!request.head.contains(name), "{}", request.head);
        }
        write(&mut stream, OK).await;
    })
    .await;
    let request = Request::get(server.url()).body(Bytes::new()).unwrap();
    let result = exchange(&client(), request, limits(), &Departure::new()).await;
    assert_eq!(Verdict::of(&result), Verdict::Answered(200));
    assert_eq!(server.whole(), 1);
}

#[tokio::test]
async fn a_message_without_bytes_departs_as_well() {
    let server = Peer::start(async |mut stream, seen| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n0\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        seen.whole();
        end(stream, End::Fin).await;
    })
    .await;
    let departure = Departure::new();
    departure.arm();
    let body = RequestBody::departing("", departure.clone());
    let request = Request::post(server.url()).body(body).unwrap();
    assert!(client().execute(request, limits()).await.is_err());
    assert!(departure.departed() && !departure.revoke());
    assert_eq!(server.whole(), 1);
}

#[tokio::test]
async fn a_redirect_is_followed_neither_to_a_dead_host_nor_to_itself() {
    for target in ["http://127.0.0.1:9/", "/"] {
        let server = Peer::start(move |mut stream, seen| async move {
            while read_request(&mut stream).await.is_some() {
                seen.whole();
                let answer = "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: ";
                write(&mut stream, format!("{answer}{target}\r\n\r\n").as_bytes()).await;
            }
        })
        .await;
        assert_eq!(send(&client(), &server.url(), "hello").await, Verdict::Answered(307), "{target}");
        assert_eq!(server.whole(), 1, "{target}");
    }
}

/// A server whose first connection answers one request and then does `then`; later connections answer everything.
async fn reused<F>(then: impl Fn(TcpStream, Arc<Seen>) -> F + Clone + Send + Sync + 'static) -> Peer
where
    F: Future<Output = ()> + Send + 'static,
{
    let first = Arc::new(AtomicBool::new(true));
    Peer::start(move |mut stream, seen| {
        let (first, then) = (first.swap(false, Ordering::SeqCst), then.clone());
        async move {
            while read_request(&mut stream).await.is_some() {
                seen.whole();
                write(&mut stream, OK).await;
                if first {
                    return then(stream, seen).await;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_pooled_connection_that_was_closed_while_idle_is_not_used() {
    for how in End::BOTH {
        let server = reused(move |stream, _| end(stream, how)).await;
        let client = client();
        assert_eq!(send(&client, &server.url(), "first").await, Verdict::Answered(200));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(send(&client, &server.url(), "second").await, Verdict::Answered(200), "{how:?}");
        assert_eq!((server.connections(), server.whole()), (2, 2), "{how:?}");
    }
}

#[tokio::test]
async fn a_second_request_on_a_pooled_connection_is_not_sent_again() {
    for how in End::BOTH {
        let server = reused(move |mut stream, seen| async move {
            if read_request(&mut stream).await.is_some() {
                seen.whole();
            }
            end(stream, how).await;
        })
        .await;
        let client = client();
        assert_eq!(send(&client, &server.url(), "first").await, Verdict::Answered(200));
        assert_eq!(send(&client, &server.url(), "second").await, BROKEN, "{how:?}");
        assert_eq!((server.connections(), server.whole()), (1, 2), "{how:?}");
    }
}

/// Nothing tells this from a reset after the last byte, so it is unknown although nobody has the message.
#[tokio::test]
async fn a_second_request_is_reset_at_its_first_byte() {
    let server = reused(async |mut stream, _| {
        stream.read_u8().await.unwrap();
        end(stream, End::Rst).await;
    })
    .await;
    let client = client();
    assert_eq!(send(&client, &server.url(), "first").await, Verdict::Answered(200));
    assert_eq!(send(&client, &server.url(), "second").await, BROKEN);
    assert_eq!((server.connections(), server.whole()), (1, 1));
}

/// The server closes at about the moment of the second request. Whatever comes of it, that is read at most once, and
/// not at all if it was not accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_race_between_an_idle_close_and_a_request() {
    let client = client();
    for micros in 0..300 {
        let server = Peer::start(move |mut stream, seen| async move {
            while let Some(request) = read_request(&mut stream).await {
                seen.whole();
                stream.write_all(OK).await.unwrap();
                if request.body == b"first" {
                    let close = Instant::now() + Duration::from_micros(micros);
                    while Instant::now() < close {
                        tokio::task::yield_now().await;
                    }
                    return;
                }
            }
        })
        .await;
        assert_eq!(send(&client, &server.url(), "first").await, Verdict::Answered(200));
        let verdict = send(&client, &server.url(), "second").await;
        let second = server.whole() - 1;
        match verdict {
            Verdict::Answered(200) => assert_eq!(second, 1),
            Verdict::Unknown(_) => assert!(second <= 1),
            Verdict::NotAccepted(_) => assert_eq!(second, 0),
            other => panic!("{other:?}"),
        }
    }
}

fn eight_megabytes() -> Bytes {
    vec![b'x'; 8 * 1024 * 1024].into()
}

#[tokio::test]
async fn a_large_upload_that_is_refused_before_it_is_read() {
    let server = Peer::start(async |mut stream, _| {
        stream.read_exact(&mut [0; 1024]).await.unwrap();
        let refusal = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        write(&mut stream, refusal).await;
        end(stream, End::Fin).await;
    })
    .await;
    assert_eq!(send(&client(), &server.url(), eight_megabytes()).await, Verdict::Answered(413));
    assert_eq!((server.connections(), server.whole()), (1, 0));
}

#[tokio::test]
async fn a_large_upload_that_is_reset_at_its_first_kilobyte() {
    let server = Peer::start(async |mut stream, _| {
        stream.read_exact(&mut [0; 1024]).await.unwrap();
        end(stream, End::Rst).await;
    })
    .await;
    assert_eq!(send(&client(), &server.url(), eight_megabytes()).await, BROKEN);
    assert_eq!((server.connections(), server.whole()), (1, 0));
}

#[tokio::test]
async fn a_request_that_is_given_up_tells_whether_it_departed() {
    let server = Peer::start(async |mut stream, seen| {
        if read_request(&mut stream).await.is_some() {
            seen.whole();
        }
        std::future::pending::<()>().await;
    })
    .await;
    let departure = Departure::new();
    let (client, address) = (client(), server.url());
    tokio::select! {
        result = exchange(&client, post(&address, "hello"), limits(), &departure) => panic!("{result:?}"),
        () = server.has_read(1) => {}
    }
    assert!(departure.departed() && !departure.revoke());
    assert_eq!(server.whole(), 1);

    // It is given up before it was ever polled.
    let departure = Departure::new();
    departure.arm();
    drop(client.execute(
        post(&address, "hello").map(|body| RequestBody::departing(body, departure.clone())),
        limits(),
    ));
    assert!(departure.revoke());
    assert_eq!(server.whole(), 1);
}
