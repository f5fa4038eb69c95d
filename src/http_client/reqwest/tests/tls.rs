//! TLS that is refused, at each end and at each step.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::peer::{End, Peer, end, read_request, write};
use super::{Verdict, client, limits, post, send, send_within};
use crate::http_client::{HttpErrorKind, ReqwestClient, exchange};
use crate::outbound::Departure;

const NO_CONNECTION: Verdict = Verdict::NotAccepted(HttpErrorKind::Connect);

/// For `localhost`, signed by itself, until the year 2126.
fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_slice(include_bytes!("localhost.der"))
}

/// A server that wants a certificate of the client or does not, up to the TLS that it speaks.
fn acceptor(wants_certificate: bool) -> TlsAcceptor {
    let provider = Arc::new(default_provider());
    let versions: &[_] = if wants_certificate { &[&TLS13] } else { &[&TLS12, &TLS13] };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(versions).unwrap();
    let builder = if wants_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(certificate()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivatePkcs8KeyDer::from(include_bytes!("localhost.key.der").as_slice());
    let config =
        builder.with_single_cert(vec![certificate()], PrivateKeyDer::Pkcs8(key.clone_key())).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A server over TLS that answers whatever it is asked.
async fn over_tls(wants_certificate: bool) -> Peer {
    let acceptor = acceptor(wants_certificate);
    Peer::start(move |stream, seen| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if read_request(&mut stream).await.is_some() {
                seen.whole();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
            }
        }
    })
    .await
}

fn url(server: &Peer) -> String {
    format!("https://localhost:{}", server.port())
}

/// A client that believes the certificate above.
fn credulous() -> ReqwestClient {
    let certificate = reqwest::Certificate::from_der(&certificate()).unwrap();
    ReqwestClient::with(|builder| builder.tls_certs_only([certificate])).unwrap()
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted() {
    let server = over_tls(false).await;
    assert_eq!(send(&client(), &url(&server), "hello").await, NO_CONNECTION);
    assert_eq!((server.connections(), server.whole()), (1, 0));

    assert_eq!(send(&credulous(), &url(&server), "hello").await, Verdict::Answered(200));
    assert_eq!(server.whole(), 1, "the certificate was all that was wrong");
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let server = over_tls(false).await;
    let address = format!("https://127.0.0.1:{}", server.port());
    let error = exchange(&credulous(), post(&address, "hello"), limits(), &Departure::new()).await;
    assert_eq!(Verdict::of(&error), NO_CONNECTION);
    assert_eq!((server.connections(), server.whole()), (1, 0));

    let error = error.unwrap_err();
    let printed = format!("{error} {error:?} {:?}", error.source());
    assert!(!printed.contains("127.0.0.1") && !printed.contains("localhost"), "{printed}");
}

/// Reads the first message of a handshake.
async fn client_hello(stream: &mut TcpStream) {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 22, "it is a handshake");
    let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
    stream.read_exact(&mut vec![0; length]).await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_is_closed_or_reset() {
    for how in End::BOTH {
        for after_the_first_message in [false, true] {
            let server = Peer::start(move |mut stream, _| async move {
                if after_the_first_message {
                    client_hello(&mut stream).await;
                }
                end(stream, how).await;
            })
            .await;
            assert_eq!(send(&client(), &url(&server), "hello").await, NO_CONNECTION, "{how:?}");
            assert_eq!(server.connections(), 1, "{how:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls() {
    let server = Peer::start(async |mut stream, _| {
        client_hello(&mut stream).await;
        write(&mut stream, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    assert_eq!(send(&client(), &url(&server), "hello").await, NO_CONNECTION);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_handshake_that_stalls() {
    let server = Peer::start(async |mut stream, _| {
        client_hello(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let limits = limits().with_connect(Duration::from_millis(500));
    assert_eq!(send_within(limits, &client(), &url(&server), "hello").await, NO_CONNECTION);
    assert_eq!(server.connections(), 1);
}

/// With TLS 1.3 the client has done its part before the server refuses it, so the message may be on its way already.
/// Both verdicts are right, and no server has read anything.
#[tokio::test]
async fn a_server_that_refuses_after_the_handshake() {
    let server = over_tls(true).await;
    let client = credulous();
    for _ in 0..20 {
        let verdict = send(&client, &url(&server), "hello").await;
        assert!(matches!(verdict, Verdict::NotAccepted(_) | Verdict::Unknown(_)), "{verdict:?}");
    }
    assert_eq!((server.connections(), server.whole()), (20, 0));
}
