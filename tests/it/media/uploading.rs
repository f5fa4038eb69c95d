use std::time::Duration;

use serde_json::json;
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::http_client::Limits;
use whatsapp_provider::meta::MediaUpload;
use whatsapp_provider::outbound::FileBytes;
use whatsapp_provider::{Acceptance, Attempt, ErrorKind, WhatsAppProvider};
use wiremock::matchers::{bearer_token, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::server::{Server, Then, header};
use super::{NUMBER, TOKEN, builder, image};

const TAKEN: &str = r#"{"messages":[{"id":"wamid.OUT"}]}"#;

/// The parts of a form: their heads and their contents.
fn parts(content_type: &str, body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = String::from_utf8_lossy(body).into_owned();
    let whole = body.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
    let whole = format!("\r\n{whole}");
    let line = format!("\r\n--{boundary}\r\n");
    whole
        .split(&line)
        .skip(1)
        .map(|part| part.split_once("\r\n\r\n").unwrap())
        .map(|(head, content)| (head.to_owned(), content.as_bytes().to_vec()))
        .collect()
}

#[tokio::test]
async fn bytes_are_uploaded_and_then_sent() {
    let server = MockServer::start().await;
    let upload = ResponseTemplate::new(200).set_body_json(json!({ "id": "1037543291543636" }));
    let route = |end: &str| path(format!("/v25.0/{NUMBER}/{end}"));
    Mock::given(method("POST"))
        .and(route("media"))
        .and(bearer_token(TOKEN))
        .respond_with(upload)
        .expect(1)
        .mount(&server)
        .await;
    let taken = ResponseTemplate::new(200).set_body_string(TAKEN);
    Mock::given(method("POST")).and(route("messages")).respond_with(taken).expect(2).mount(&server).await;
    let meta = builder(&server.uri()).build().unwrap();
    for _ in 0..2 {
        meta.send(&image("hello")).await.unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    let form = parts(requests[0].headers["content-type"].to_str().unwrap(), &requests[0].body);
    let [product, kind, file] = &form[..] else { panic!("{form:?}") };
    assert_eq!(product.1, b"whatsapp");
    assert_eq!(kind.1, b"image/png");
    assert_eq!(file.1, b"hello");
    assert!(file.0.contains("name=\"file\"; filename=\"file\"\r\nContent-Type: image/png"), "{}", file.0);
    assert_eq!(requests[0].headers["content-length"].to_str().unwrap(), requests[0].body.len().to_string());
    for sent in &requests[1..] {
        let body: serde_json::Value = sent.body_json().unwrap();
        assert_eq!(body["image"], json!({ "id": "1037543291543636" }));
    }
}

#[tokio::test]
async fn a_refused_upload_says_what_meta_said() {
    for (status, code, kind) in [
        (401, 190, ErrorKind::Credentials),
        (400, 130_429, ErrorKind::Throttled),
        (400, 100, ErrorKind::InvalidMessage),
        (500, 131_000, ErrorKind::Unavailable),
    ] {
        let server = MockServer::start().await;
        let refusal = json!({ "error": { "message": "no", "code": code, "fbtrace_id": "T" } });
        let refusal = ResponseTemplate::new(status).set_body_json(refusal);
        Mock::given(method("POST")).respond_with(refusal).expect(1).mount(&server).await;
        let error = builder(&server.uri()).build().unwrap().send(&image("hello")).await.unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, Acceptance::NotAccepted), "{code}");
        assert_eq!((error.code(), error.trace_id()), (Some(code), Some("T")));
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_anywhere_leaves_no_doubt_and_sends_nothing() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
    let write = |bytes: &str| Then::Write(vec![bytes.as_bytes().to_vec()], Duration::ZERO);
    let limits = Limits::media().with_total(Duration::from_millis(700));
    for (what, then) in [
        ("after the head", Then::ResetAfter(0)),
        ("after a byte", Then::ResetAfter(1)),
        ("in the file", Then::ResetAfter(300_000)),
        ("at its end", Then::ResetAfter(usize::MAX)),
        (
            "refused in the file",
            Then::WriteAfter(300_000, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ),
        (
            "refused at once",
            Then::WriteAfter(
                0,
                "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
            ),
        ),
        ("no answer", Then::Stall(Vec::new())),
        ("half a head", write("HTTP/1.1 200 OK\r\nContent-Le")),
        ("no HTTP", write("this is not HTTP\r\n\r\n")),
        ("a head", write(ok)),
        ("half a body", write(&format!("{ok}{{\"id\":"))),
        ("a body that stalls", Then::Stall(format!("{ok}{{\"id\":").into_bytes())),
        ("a foreign body", write(&format!("{ok}<html></html"))),
        ("a redirect", Then::redirect("/elsewhere")),
    ] {
        let server = Server::start(move |line, _| match line.contains("/media ") {
            true => then.clone(),
            false => Then::answer("200 OK", "", TAKEN),
        })
        .await;
        let meta = builder(&server.url()).media_limits(limits).build().unwrap();
        let attempt = Attempt::new(&TokioClock::new());
        let error = meta.send_attempt(&image(vec![7; 2_000_000]), &attempt).await.unwrap_err();
        assert_eq!(error.acceptance(), Acceptance::NotAccepted, "{what}: {error}");
        assert!(matches!(error.kind(), ErrorKind::NoAnswer | ErrorKind::Unavailable), "{what}: {error}");
        assert!(attempt.departure.revoke(), "{what}: the message never left");
        assert_eq!(server.asked("/media ").len(), 1, "{what}: once");
        assert_eq!(server.heads().len(), 1, "{what}: no message request");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_gets_nothing() {
    let url = crate::tcp::closed_port().await;
    let attempt = Attempt::new(&TokioClock::new());
    let error = builder(&url).build().unwrap().send_attempt(&image("x"), &attempt).await.unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unavailable, Acceptance::NotAccepted));
    assert!(attempt.departure.revoke());
}

#[tokio::test]
async fn the_message_departs_and_not_its_file() {
    let server = Server::start(|line, _| match line.contains("/media ") {
        true => Then::answer("200 OK", "", r#"{"id":"1"}"#),
        false => Then::ResetAfter(usize::MAX),
    })
    .await;
    let attempt = Attempt::new(&TokioClock::new());
    let error =
        builder(&server.url()).build().unwrap().send_attempt(&image("x"), &attempt).await.unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoAnswer, Acceptance::Unknown));
    assert!(attempt.departure.departed());
}

#[tokio::test]
async fn the_attempts_deadline_covers_the_upload() {
    let server = Server::start(|_, _| Then::Stall(Vec::new())).await;
    let meta = builder(&server.url()).build().unwrap();
    let attempt = Attempt::new(&TokioClock::new()).with_deadline(Duration::from_millis(500));
    let begun = std::time::Instant::now();
    let error = meta.send_attempt(&image("x"), &attempt).await.unwrap_err();
    assert!((Duration::from_millis(400)..Duration::from_secs(5)).contains(&begun.elapsed()));
    assert_eq!(error.acceptance(), Acceptance::NotAccepted);
    assert!(attempt.departure.revoke());
}

#[tokio::test]
async fn an_own_limit_covers_files_alone() {
    let server = Server::start(|line, _| match line.contains("/media ") {
        true => Then::Write(
            vec![b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_vec(), br#"{"id":"1"}"#.to_vec()],
            Duration::from_millis(900),
        ),
        false => Then::answer("200 OK", "", TAKEN),
    })
    .await;
    // Too slow for the API, but not for a file.
    let limits = Limits::default().with_total(Duration::from_millis(600));
    builder(&server.url()).limits(limits).build().unwrap().send(&image("x")).await.unwrap();
    let meta = builder(&server.url()).media_limits(Limits::media().with_total(Duration::from_millis(600)));
    assert_eq!(meta.build().unwrap().send(&image("x")).await.unwrap_err().kind(), ErrorKind::NoAnswer);
}

#[tokio::test]
async fn a_name_cannot_forge_a_part() {
    let server = Server::start(|_, _| Then::answer("200 OK", "", r#"{"id":"1"}"#)).await;
    let file = FileBytes::new("hello", "text/plain; charset=utf-8");
    let upload = MediaUpload::from(file).with_filename("a\"\r\nContent-Type: x\r\n\r\nß.txt");
    let media = builder(&server.url()).build().unwrap().upload_media(upload).await.unwrap();
    assert_eq!(media.id, "1");
    let head = &server.heads()[0];
    assert_eq!(header(head, "authorization").unwrap(), format!("Bearer {TOKEN}"));
    assert_eq!(header(head, "transfer-encoding"), None);
}
