//! What fails before the message departs.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::peer::{End, Peer, end, read_request, write};
use super::{Verdict, client, limits, post, send, send_within};
use crate::http_client::{HttpClient as _, HttpErrorKind, RequestBody, ReqwestClient, exchange};
use crate::outbound::Departure;

const NO_CONNECTION: Verdict = Verdict::NotAccepted(HttpErrorKind::Connect);

/// Finds the same address for every name, or none, after a while.
pub(super) struct Resolver {
    pub(super) address: Option<SocketAddr>,
    pub(super) wait: Duration,
}

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (address, wait) = (self.address, self.wait);
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            let address = address.ok_or_else(|| format!("{} is unknown", name.as_str()))?;
            Ok(Box::new(std::iter::once(address)) as reqwest::dns::Addrs)
        })
    }
}

#[tokio::test]
async fn a_slow_name_lookup_counts_as_connecting() {
    let server = Peer::start(async |mut stream, seen| {
        if read_request(&mut stream).await.is_some() {
            seen.whole();
            write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    let client = |wait| {
        let resolver = Resolver { address: Some(([127, 0, 0, 1], server.port()).into()), wait };
        ReqwestClient::with(|builder| builder.dns_resolver(resolver)).unwrap()
    };
    let short = limits().with_connect(Duration::from_millis(300));
    let url = "http://name.invalid";
    let slow = client(Duration::from_secs(60));
    assert_eq!(send_within(short, &slow, url, "hello").await, NO_CONNECTION);

    let departure = Departure::new();
    departure.arm();
    let request = post(url, "hello").map(|body| RequestBody::departing(body, departure.clone()));
    assert_eq!(slow.execute(request, short).await.unwrap_err().kind(), HttpErrorKind::Connect);
    assert!(!departure.depart(), "it was given up before it was called an error");
    assert_eq!(server.connections(), 0);

    assert_eq!(send(&client(Duration::ZERO), url, "hello").await, Verdict::Answered(200));
    assert_eq!(server.whole(), 1, "the name was looked up by this resolver");
}

/// Stands for the message that departs at the very moment the time to connect ends.
#[tokio::test]
async fn what_has_departed_is_waited_for() {
    let server = Peer::start(async |mut stream, seen| {
        read_request(&mut stream).await.unwrap();
        seen.whole();
        write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let address = Some(([127, 0, 0, 1], server.port()).into());
    let resolver = Resolver { address, wait: Duration::from_millis(600) };
    let client = ReqwestClient::with(|builder| builder.dns_resolver(resolver)).unwrap();
    let departure = Departure::new();
    assert!(departure.depart());
    let limits = limits().with_connect(Duration::from_millis(300));
    let result = exchange(&client, post("http://name.invalid", "hello"), limits, &departure).await;
    assert_eq!(Verdict::of(&result), Verdict::Answered(200));
    assert_eq!(server.whole(), 1);
}

#[tokio::test]
async fn an_address_that_is_none() {
    let departure = Departure::new();
    for url in ["/without/a/host", "ftp://127.0.0.1/"] {
        let result = exchange(&client(), post(url, "hello"), limits(), &departure).await;
        assert_eq!(Verdict::of(&result), Verdict::NotAccepted(HttpErrorKind::Request), "{url}");
    }
    assert!(!departure.departed());
}

#[tokio::test]
async fn a_proxy_that_does_not_get_through() {
    for status in ["502 Bad Gateway", "407 Proxy Authentication Required"] {
        let proxy = Peer::start(move |mut stream, seen| async move {
            let request = read_request(&mut stream).await.unwrap();
            assert!(request.head.starts_with("connect name.invalid:443 "), "{}", request.head);
            write(&mut stream, format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
            if stream.read_u8().await.is_ok() {
                seen.whole();
            }
        })
        .await;
        let client = ReqwestClient::through_proxy(&proxy.url()).unwrap();
        assert_eq!(send(&client, "https://name.invalid", "hello").await, NO_CONNECTION, "{status}");
        assert_eq!(proxy.connections(), 1, "{status}");
        assert_eq!(proxy.whole(), 0, "nothing but the CONNECT: {status}");
    }
}

#[tokio::test]
async fn a_proxy_is_gone_through() {
    let proxy = Peer::start(async |mut stream, seen| {
        let request = read_request(&mut stream).await.unwrap();
        assert!(request.head.starts_with("post http://name.invalid/ "), "{}", request.head);
        seen.whole();
        write(&mut stream, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
    let client = ReqwestClient::through_proxy(&proxy.url()).unwrap();
    assert_eq!(send(&client, "http://name.invalid", "hello").await, Verdict::Answered(204));
    assert_eq!(proxy.whole(), 1);
    assert!(ReqwestClient::through_proxy("http://").is_err());
    assert_eq!(format!("{client:?}"), "ReqwestClient");
}

/// Whether the message has departed when the end is noticed is a race, so both verdicts are right. Neither is an
/// answer, and what is not accepted never departed.
#[tokio::test]
async fn a_fresh_connection_that_ends_before_anything_is_read() {
    let client = client();
    for how in End::BOTH {
        let server = Peer::start(move |stream, _| end(stream, how)).await;
        for _ in 0..50 {
            let departure = Departure::new();
            let result = exchange(&client, post(&server.url(), "hello"), limits(), &departure).await;
            match Verdict::of(&result) {
                Verdict::NotAccepted(_) => assert!(!departure.departed(), "{how:?}"),
                Verdict::Unknown(_) => assert!(departure.departed(), "{how:?}"),
                answered => panic!("{how:?}: {answered:?}"),
            }
        }
        assert_eq!(server.connections(), 50, "nothing is tried a second time: {how:?}");
    }
}
