//! Each row of the acceptance table on real sockets, by both providers, alone and in a failover.

use std::sync::Arc;
use std::time::Duration;

use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::http_client::{Limits, ReqwestClient};
use whatsapp_provider::testing::MemoryProvider;
use whatsapp_provider::{
    Acceptance, Attempt, ErrorKind, MetaCloud, OutboundMessage, PhoneNumber, SendReceipt, Twilio,
    WhatsAppProvider,
};

use crate::tcp::{BlackHole, Server, Then, closed_port};

const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// Short, because each of these times is waited for in full; long enough for a busy machine to answer in.
fn limits() -> Limits {
    Limits::default()
        .with_connect(Duration::from_millis(700))
        .with_head(Duration::from_millis(900))
        .with_total(Duration::from_millis(2_500))
}

fn meta(url: &str) -> Arc<dyn WhatsAppProvider> {
    let builder = MetaCloud::builder().phone_number_id("100000000000001").access_token("an invented token");
    Arc::new(builder.base_url(url).limits(limits()).build().unwrap())
}

fn twilio(url: &str) -> Arc<dyn WhatsAppProvider> {
    let builder =
        Twilio::builder().account_sid(ACCOUNT).auth_token("an invented token").from_number("+15550001111");
    Arc::new(builder.base_url(url).limits(limits()).build().unwrap())
}

fn both(url: &str) -> [Arc<dyn WhatsAppProvider>; 2] {
    [meta(url), twilio(url)]
}

fn hello() -> OutboundMessage {
    OutboundMessage::text(PhoneNumber::parse("+15550002222").unwrap(), "hello")
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum Verdict {
    /// Certainly not accepted; the next member has it.
    Moves(ErrorKind),
    /// Certainly not accepted, and nobody else is tried.
    Stays(ErrorKind),
    /// Nobody knows, and nobody else is tried.
    Unknown,
    /// Accepted, without an id.
    Lost,
}

/// Sends by the provider alone and then as the first of two, and checks both.
async fn expect(provider: Arc<dyn WhatsAppProvider>, verdict: Verdict, what: &str) {
    let what = &format!("{} {what}", provider.id());
    let spare = MemoryProvider::new("spare".parse().unwrap());
    let failover =
        FailoverProvider::builder().primary(Arc::clone(&provider)).fallback(spare.clone()).build().unwrap();
    let alone = provider.send(&hello()).await;
    let together = failover.send(&hello()).await;
    match verdict {
        Verdict::Moves(kind) | Verdict::Stays(kind) => {
            let error = alone.unwrap_err();
            assert_eq!(
                (error.kind(), error.acceptance()),
                (kind, Acceptance::NotAccepted),
                "{what}: {error}"
            );
        }
        Verdict::Unknown => {
            let error = alone.unwrap_err();
            assert_eq!(
                (error.kind(), error.acceptance()),
                (ErrorKind::NoAnswer, Acceptance::Unknown),
                "{what}"
            );
        }
        Verdict::Lost => assert_eq!(alone.unwrap().message, None, "{what}"),
    }
    let moves = matches!(verdict, Verdict::Moves(_));
    assert_eq!(spare.sent().len(), usize::from(moves), "{what}");
    assert_eq!(together.is_ok(), moves || verdict == Verdict::Lost, "{what}");
    if let Err(error) = together {
        assert_eq!(error.attempts().len(), 1, "{what}");
    }
}

const UNAVAILABLE: Verdict = Verdict::Moves(ErrorKind::Unavailable);

#[tokio::test]
async fn refused() {
    for provider in both(&closed_port().await) {
        expect(provider, UNAVAILABLE, "refused").await;
    }
}

#[tokio::test]
async fn no_such_name() {
    for provider in both("https://no-such-host.invalid") {
        expect(provider, UNAVAILABLE, "DNS").await;
    }
}

#[tokio::test]
async fn no_connection_in_time() {
    let hole = BlackHole::start().await;
    for provider in both(&hole.url()) {
        expect(provider, UNAVAILABLE, "connect timeout").await;
    }
}

#[tokio::test]
async fn no_tls() {
    let plain = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    for then in [Then::CloseAtOnce, Then::ResetAtOnce, Then::Ignore, Then::WriteAtOnce(plain.into())] {
        let server = Server::start(then.clone()).await;
        for provider in both(&server.https_url()) {
            expect(provider, UNAVAILABLE, &format!("TLS, {then:?}")).await;
        }
        assert_eq!((server.connections(), server.requests()), (4, 0), "once for each send: {then:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_get_through() {
    let proxy = Server::start(answer("502 Bad Gateway", "", "")).await;
    let client = Arc::new(ReqwestClient::through_proxy(&proxy.url()).unwrap());
    let builder = MetaCloud::builder().phone_number_id("100000000000001").access_token("an invented token");
    let builder = builder.base_url("https://name.invalid").limits(limits()).http_client(client);
    expect(Arc::new(builder.build().unwrap()), UNAVAILABLE, "proxy").await;
    // Each was the CONNECT, which has no body.
    assert_eq!((proxy.connections(), proxy.requests()), (2, 2));
}

#[tokio::test]
async fn a_request_that_was_read_whole_is_unknown_and_not_sent_again() {
    let cut_head = "HTTP/1.1 200 OK\r\nContent-Le";
    for then in [
        Then::Close,
        Then::Reset,
        Then::Hang,
        Then::Write("this is not HTTP\r\n\r\n".into()),
        Then::Write(cut_head.into()),
        Then::WriteAndReset(cut_head.into()),
        Then::WriteAndStall(cut_head.into()),
    ] {
        let server = Server::start(then.clone()).await;
        for (place, provider) in both(&server.url()).into_iter().enumerate() {
            expect(provider, Verdict::Unknown, &format!("{then:?}")).await;
            assert_eq!(server.requests(), 2 * (place + 1), "one request for each send: {then:?}");
        }
    }
}

#[tokio::test]
async fn a_success_whose_body_dies_is_accepted_without_an_id() {
    let cut = "HTTP/1.1 201 Created\r\nContent-Length: 500\r\nContent-Type: application/json\r\n\r\n{\"messa";
    for then in [Then::Write(cut.into()), Then::WriteAndReset(cut.into()), Then::WriteAndStall(cut.into())] {
        let server = Server::start(then.clone()).await;
        for (place, provider) in both(&server.url()).into_iter().enumerate() {
            expect(provider, Verdict::Lost, &format!("{then:?}")).await;
            assert_eq!(server.requests(), 2 * (place + 1), "one request for each send: {then:?}");
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Then {
    Then::Write(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test]
async fn answers_that_are_not_the_providers_own() {
    let html = "<html>somebody in between</html>";
    for (status, headers, verdict) in [
        ("200 OK", "", Verdict::Unknown),
        ("204 No Content", "", Verdict::Unknown),
        ("307 Temporary Redirect", "Location: /elsewhere\r\n", Verdict::Unknown),
        ("302 Found", "Location: /elsewhere\r\n", Verdict::Unknown),
        ("400 Bad Request", "", UNAVAILABLE),
        ("403 Forbidden", "", UNAVAILABLE),
        ("404 Not Found", "", UNAVAILABLE),
        ("408 Request Timeout", "", Verdict::Unknown),
        ("429 Too Many Requests", "Retry-After: 7\r\n", Verdict::Stays(ErrorKind::Throttled)),
        ("500 Internal Server Error", "", Verdict::Unknown),
        ("502 Bad Gateway", "", Verdict::Unknown),
        ("503 Service Unavailable", "", Verdict::Unknown),
        ("504 Gateway Timeout", "", Verdict::Unknown),
    ] {
        let body = if status.starts_with("204") { "" } else { html };
        let server = Server::start(answer(status, headers, body)).await;
        for (place, provider) in both(&server.url()).into_iter().enumerate() {
            expect(provider, verdict, status).await;
            assert_eq!(server.requests(), 2 * (place + 1), "one request for each send: {status}");
        }
    }
}

#[tokio::test]
async fn a_success_that_is_far_too_large_is_somebody_elses() {
    let server = Server::start(answer("200 OK", "", &"x".repeat(1_100_000))).await;
    for provider in both(&server.url()) {
        expect(provider, Verdict::Unknown, "1.1 MB").await;
    }
}

#[tokio::test]
async fn answers_of_meta() {
    for (status, code, verdict) in [
        ("400 Bad Request", 131_026, Verdict::Stays(ErrorKind::RecipientUnreachable)),
        ("400 Bad Request", 131_050, Verdict::Stays(ErrorKind::RecipientRefused)),
        ("401 Unauthorized", 190, Verdict::Moves(ErrorKind::Credentials)),
        ("500 Internal Server Error", 131_045, Verdict::Moves(ErrorKind::AccountBlocked)),
        ("503 Service Unavailable", 2, UNAVAILABLE),
        ("500 Internal Server Error", 131_016, UNAVAILABLE),
    ] {
        let body = format!(
            r#"{{"error":{{"message":"m","type":"OAuthException","code":{code},"fbtrace_id":"A"}}}}"#
        );
        let server = Server::start(answer(status, "Content-Type: application/json\r\n", &body)).await;
        expect(meta(&server.url()), verdict, &format!("{status} {code}")).await;
    }
}

#[tokio::test]
async fn answers_of_twilio() {
    for (status, code, verdict) in [
        ("400 Bad Request", 21_211, Verdict::Stays(ErrorKind::RecipientUnreachable)),
        ("400 Bad Request", 21_610, Verdict::Stays(ErrorKind::RecipientRefused)),
        ("401 Unauthorized", 20_003, Verdict::Moves(ErrorKind::Credentials)),
        ("400 Bad Request", 63_007, Verdict::Moves(ErrorKind::AccountBlocked)),
        ("429 Too Many Requests", 20_429, Verdict::Stays(ErrorKind::Throttled)),
    ] {
        let body = format!(r#"{{"code":{code},"message":"m","more_info":"i","status":400}}"#);
        let server = Server::start(answer(status, "Content-Type: application/json\r\n", &body)).await;
        expect(twilio(&server.url()), verdict, &format!("{status} {code}")).await;
    }
}

#[tokio::test]
async fn consent_never_touches_health() {
    let body = r#"{"error":{"message":"m","code":131050}}"#;
    let server = Server::start(answer("400 Bad Request", "", body)).await;
    let spare = MemoryProvider::new("spare".parse().unwrap());
    let failover =
        FailoverProvider::builder().primary(meta(&server.url())).fallback(spare.clone()).build().unwrap();
    for n in 0..20 {
        let to = PhoneNumber::from_digits(&(15_550_000_000_u64 + n).to_string()).unwrap();
        assert!(failover.send(&OutboundMessage::text(to, "hello")).await.is_err());
    }
    assert_eq!((server.requests(), spare.attempts()), (20, 0));
    assert_eq!(failover.standings()[0].standing, whatsapp_provider::failover::Standing::Ready);
}

#[tokio::test]
async fn what_check_refuses_opens_no_connection() {
    let server = Server::start(Then::Close).await;
    for provider in both(&server.url()) {
        let to = PhoneNumber::parse("+15550002222").unwrap();
        for message in [OutboundMessage::text(to, ""), OutboundMessage::text(to, "x".repeat(5_000))] {
            let refusal = provider.check(&message).unwrap_err();
            let error = provider.send(&message).await.unwrap_err();
            assert_eq!((refusal.kind(), refusal.field()), (error.kind(), error.field()));
            assert_eq!(error.acceptance(), Acceptance::NotAccepted);
        }
    }
    assert_eq!(server.connections(), 0);
}

async fn dropped_after(provider: &Arc<dyn WhatsAppProvider>, wait: Duration) -> Attempt {
    let attempt = Attempt::new(&TokioClock::new());
    let message = hello();
    let send = provider.send_attempt(&message, &attempt);
    let result: Result<whatsapp_provider::Result<SendReceipt>, _> = tokio::time::timeout(wait, send).await;
    assert!(result.is_err(), "it was dropped before it was done");
    attempt
}

#[tokio::test]
async fn a_dropped_send_still_tells_whether_anything_left() {
    let server = Server::start(Then::Hang).await;
    let hole = BlackHole::start().await;
    for (left, silent) in both(&server.url()).into_iter().zip(both(&hole.url())) {
        let attempt = dropped_after(&left, Duration::from_millis(400)).await;
        assert!(attempt.departure.departed() && !attempt.departure.revoke());

        let attempt = dropped_after(&silent, Duration::from_millis(400)).await;
        assert!(!attempt.departure.departed() && attempt.departure.revoke());
    }
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn the_deadline_of_the_message_holds() {
    let server = Server::start(Then::Hang).await;
    let began = std::time::Instant::now();
    let error =
        meta(&server.url()).send(&hello().with_deadline(Duration::from_millis(300))).await.unwrap_err();
    assert_eq!(error.acceptance(), Acceptance::Unknown);
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(began.elapsed() < limits().total, "it did not wait for its own limit");
}
