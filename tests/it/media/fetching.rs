use std::error::Error as _;
use std::time::Duration;

use serde_json::json;
use whatsapp_provider::http_client::{HttpError, HttpErrorKind, Limits};
use whatsapp_provider::meta::{Endpoint, EndpointAuth};
use whatsapp_provider::{Acceptance, ErrorKind, MetaCloud, WhatsAppProvider};
use wiremock::matchers::{bearer_token, header_exists, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::server::{Server, Then, header};
use super::{NUMBER, SHA256, TOKEN, builder, info, stored};

/// A server that says that the file is at its own `/file`, and does this there.
async fn at_file(then: Then) -> Server {
    Server::start(move |line, url| match line.contains("/file") {
        true => then.clone(),
        false => Then::json(&info(&format!("{url}/file"))),
    })
    .await
}

/// A provider for whom a host is listed.
fn listed(url: &str, list: impl FnOnce(Endpoint) -> Endpoint) -> MetaCloud {
    builder(url).endpoint(list(Endpoint::meta())).build().unwrap()
}

/// What is read of the file, up to its end.
async fn read(meta: &MetaCloud) -> Result<Vec<u8>, (ErrorKind, Option<HttpErrorKind>)> {
    let says = |error: whatsapp_provider::Error| {
        assert_eq!(error.acceptance(), Acceptance::NotAccepted, "{error}");
        let cause = error.source().and_then(|cause| cause.downcast_ref::<HttpError>()).map(HttpError::kind);
        (error.kind(), cause)
    };
    let mut file = meta.fetch_media(&stored("1")).await.map_err(says)?;
    let mut whole = Vec::new();
    while let Some(piece) = file.chunk().await.map_err(says)? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

#[tokio::test]
async fn a_file_is_looked_up_and_fetched() {
    let server = MockServer::start().await;
    let url = format!("{}/file?mid=1&ext=2", server.uri());
    for (size, sha256) in [
        (json!("5"), SHA256),
        (json!(5), "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="),
        (json!(null), "neither digits nor base64"),
    ] {
        server.reset().await;
        let info =
            json!({ "url": url, "mime_type": "audio/ogg; codecs=opus", "sha256": sha256, "file_size": size });
        Mock::given(method("GET"))
            .and(path("/v25.0/1"))
            .and(query_param("phone_number_id", NUMBER))
            .and(bearer_token(TOKEN))
            .respond_with(ResponseTemplate::new(200).set_body_json(info))
            .expect(2)
            .mount(&server)
            .await;
        Mock::given(method("GET"))
            .and(path("/file"))
            .and(bearer_token(TOKEN))
            .and(header_exists("user-agent"))
            .respond_with(ResponseTemplate::new(200).set_body_bytes("hello"))
            .expect(1)
            .mount(&server)
            .await;
        let meta = builder(&server.uri()).build().unwrap();
        let found = meta.look_up_media(&stored("1")).await.unwrap();
        assert_eq!((found.url.as_str(), found.sha256.as_deref()), (url.as_str(), Some(sha256)));
        let file = meta.fetch_media(&stored("1")).await.unwrap();
        assert_eq!((file.mime_type.as_deref(), file.length), (Some("audio/ogg; codecs=opus"), Some(5)));
        assert_eq!(file.read(5).await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_said_to_be() {
    let server = MockServer::start().await;
    let gone =
        json!({ "error": { "code": 100, "error_subcode": 33, "message": "Unsupported get request." } });
    Mock::given(path("/v25.0/1"))
        .respond_with(ResponseTemplate::new(400).set_body_json(gone))
        .mount(&server)
        .await;
    let success = ResponseTemplate::new(200).set_body_json(json!({ "success": true }));
    Mock::given(method("DELETE")).and(path("/v25.0/2")).respond_with(success).expect(1).mount(&server).await;
    let meta = builder(&server.uri()).build().unwrap();
    assert_eq!(read(&meta).await.unwrap_err().0, ErrorKind::MediaExpired);
    assert_eq!(meta.look_up_media(&stored("1")).await.unwrap_err().kind(), ErrorKind::MediaExpired);
    assert_eq!(meta.delete_media(&stored("1")).await.unwrap_err().kind(), ErrorKind::MediaExpired);
    meta.delete_media(&stored("2")).await.unwrap();
}

#[tokio::test]
async fn what_is_not_the_whole_file_ends_with_an_error() {
    use HttpErrorKind::{Corrupted, Interrupted, Malformed, Timeout};
    let pieces = |pieces: &[&str], pause| {
        Then::Write(
            pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect(),
            Duration::from_millis(pause),
        )
    };
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}\r\n\r\n");
    let counted = head("Content-Length: 5");
    let chunked = head("Transfer-Encoding: chunked");
    let to_the_end = head("Connection: close");
    let limits = Limits::media().with_total(Duration::from_millis(1_500)).with_max_response_bytes(1_000);
    for (what, then, cause) in [
        ("slow, but whole", pieces(&[&counted, "he", "l", "lo"], 150), None),
        ("in chunks", pieces(&[&chunked, "2\r\nhe\r\n", "3\r\nllo\r\n0\r\n\r\n"], 10), None),
        ("up to the end", pieces(&[&to_the_end, "hello"], 10), None),
        ("cut", pieces(&[&counted, "hel"], 50), Some(Interrupted)),
        ("cut between chunks", pieces(&[&chunked, "5\r\nhello\r\n"], 50), Some(Interrupted)),
        ("stalled", Then::Stall(format!("{counted}hel").into_bytes()), Some(Timeout)),
        ("a drop at a time", pieces(&[&counted, "h", "e", "l", "l", "o"], 400), Some(Timeout)),
        ("short, and nobody says so", pieces(&[&to_the_end, "hell"], 10), Some(Corrupted)),
        ("long, and nobody says so", pieces(&[&to_the_end, "hello!"], 10), Some(Corrupted)),
        ("another file", pieces(&[&counted, "jello"], 10), Some(Corrupted)),
        ("empty", pieces(&[&head("Content-Length: 0")], 10), Some(Corrupted)),
    ] {
        let server = at_file(then).await;
        let meta = builder(&server.url()).media_limits(limits).build().unwrap();
        let expected = match cause {
            None => Ok(b"hello".to_vec()),
            Some(cause) => Err((ErrorKind::NoAnswer, Some(cause))),
        };
        assert_eq!(read(&meta).await, expected, "{what}");
        assert_eq!(server.asked("/file").len(), 1, "{what}");
    }

    // Nobody says how large it is.
    let server = Server::start(|line, url| match line.contains("/file") {
        true => Then::Write(
            vec![b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![0; 600], vec![0; 600]],
            Duration::from_millis(20),
        ),
        false => Then::json(&json!({ "url": format!("{url}/file") })),
    })
    .await;
    let meta = builder(&server.url()).media_limits(limits).build().unwrap();
    assert_eq!(read(&meta).await, Err((ErrorKind::NoAnswer, Some(Malformed))));
    let server = Server::start(|line, url| match line.contains("/file") {
        true => Then::Zeros(1_001),
        false => Then::json(&json!({ "url": format!("{url}/file") })),
    })
    .await;
    let meta = builder(&server.url()).media_limits(limits).build().unwrap();
    let error = meta.fetch_media(&stored("1")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.limit(), error.actual()),
        (ErrorKind::Unsupported, Some(1_000), Some(1_001))
    );
}

#[tokio::test]
async fn an_address_is_asked_for_anew_once() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |line, url| {
        let count = asked.load(std::sync::atomic::Ordering::SeqCst);
        if line.contains("/old") {
            Then::answer("404 Not Found", "", "")
        } else if line.contains("/file") {
            Then::answer("200 OK", "", "hello")
        } else {
            asked.store(count + 1, std::sync::atomic::Ordering::SeqCst);
            Then::json(&info(&format!("{url}/{}", if count == 0 { "old" } else { "file" })))
        }
    })
    .await;
    assert_eq!(read(&builder(&server.url()).build().unwrap()).await, Ok(b"hello".to_vec()));
    assert_eq!(server.heads().len(), 4);

    let server = at_file(Then::answer("404 Not Found", "", "")).await;
    assert_eq!(read(&builder(&server.url()).build().unwrap()).await, Err((ErrorKind::Unavailable, None)));
    assert_eq!((server.asked("/file").len(), server.heads().len()), (2, 4));
}

#[tokio::test]
async fn a_foreign_host_gets_neither_token_nor_question_unless_it_is_listed() {
    let foreign = Server::start(|_, _| Then::answer("200 OK", "", "hello")).await;
    let elsewhere = format!("{}/elsewhere", foreign.url());
    let untrusted = Err((ErrorKind::NoAnswer, None));

    let redirecting = at_file(Then::redirect(&elsewhere)).await;
    let url = redirecting.url();
    assert_eq!(read(&builder(&url).build().unwrap()).await, untrusted);
    assert_eq!(foreign.connections(), 0, "it is not even asked");

    let meta = listed(&url, |endpoint| endpoint.media_redirect_host(foreign.url()));
    assert_eq!(read(&meta).await, Ok(b"hello".to_vec()));
    let [head] = &foreign.heads()[..] else { panic!("{:?}", foreign.heads()) };
    assert!(head.starts_with("GET /elsewhere "), "{head}");
    assert_eq!(header(head, "authorization"), None);
    assert!(!head.contains(TOKEN), "{head}");
    assert!(header(head, "user-agent").unwrap().starts_with("whatsapp-provider/"));
    for name in ["referer", "cookie", "origin"] {
        assert_eq!(header(head, name), None);
    }

    // One that is only good for redirects is not the first to be asked.
    let naming = Server::start({
        let elsewhere = elsewhere.clone();
        move |_, _| Then::json(&info(&elsewhere))
    })
    .await;
    let meta = listed(&naming.url(), |endpoint| endpoint.media_redirect_host(foreign.url()));
    assert_eq!(read(&meta).await, untrusted);
    assert_eq!(foreign.heads().len(), 1);

    let meta = listed(&naming.url(), |endpoint| endpoint.media_host(foreign.url()));
    assert_eq!(read(&meta).await, Ok(b"hello".to_vec()));
    assert_eq!(header(&foreign.heads()[1], "authorization"), Some(format!("Bearer {TOKEN}")));
}

#[tokio::test]
async fn redirects_lead_a_few_steps_and_to_trusted_places_only() {
    let server = Server::start(|line, url| {
        let step = |number: usize| line.contains(&format!("/step{number} "));
        match (0..9).find(|number| step(*number)) {
            Some(3) => Then::answer("200 OK", "", "hello"),
            Some(1) => {
                Then::redirect("//PLACE/step2".replace("PLACE", url.trim_start_matches("http://")).as_str())
            }
            Some(number) => Then::redirect(&format!("/step{}", number + 1)),
            None => Then::json(&info(&format!("{url}/step0"))),
        }
    })
    .await;
    assert_eq!(read(&builder(&server.url()).build().unwrap()).await, Ok(b"hello".to_vec()));
    assert!(server.heads().iter().all(|head| header(head, "authorization").is_some()));

    for (to, requests) in [
        ("/file", 4),
        ("file", 1),
        ("http://127.0.0.1:1/file", 1),
        ("http://localhost/file", 1),
        ("https://127.0.0.1/file", 1),
        ("http://[::1]/file", 1),
        ("http://169.254.169.254/latest", 1),
        ("https://fbcdn.net.evil.example/", 1),
        ("https://user@a.fbcdn.net/", 1),
        ("file:///etc/passwd", 1),
    ] {
        let server = at_file(Then::redirect(to)).await;
        let error = builder(&server.url()).build().unwrap().fetch_media(&stored("1")).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::NoAnswer, Some("media.url")), "{to}");
        assert_eq!(error.source().unwrap().to_string(), "the file is at a host that is not trusted", "{to}");
        assert_eq!(server.asked("/file").len(), requests, "{to}");
    }
}

#[tokio::test]
async fn a_token_that_was_replaced_is_the_one_that_is_used() {
    let server = at_file(Then::answer("200 OK", "", "hello")).await;
    let meta = builder(&server.url()).build().unwrap();
    meta.set_token("the-next-token").unwrap();
    read(&meta).await.unwrap();
    assert!(
        server.heads().iter().all(|head| header(head, "authorization").unwrap() == "Bearer the-next-token")
    );
}

#[tokio::test]
async fn a_gateway_hands_out_files_in_metas_place_and_gets_its_own_key() {
    let server = Server::start(|line, _| match line.contains("/attachments") {
        true => Then::answer("200 OK", "", "hello"),
        false => Then::json(&info("https://lookaside.fbsbx.com/attachments?mid=1")),
    })
    .await;
    let meta = builder(&server.url()).endpoint(Endpoint::dialog360()).build().unwrap();
    assert_eq!(read(&meta).await, Ok(b"hello".to_vec()));
    let heads = server.heads();
    assert!(heads[0].starts_with("GET /1 ") && heads[1].starts_with("GET /attachments?mid=1 "), "{heads:?}");
    for head in &heads {
        assert_eq!(header(head, "d360-api-key").as_deref(), Some(TOKEN));
        assert_eq!(header(head, "authorization"), None);
    }

    // Elsewhere the key is not shown, be it Meta's own host.
    let server = Server::start(|_, _| Then::json(&info("https://a.fbcdn.net/x"))).await;
    let endpoint = Endpoint::new(server.url()).auth(EndpointAuth::Header("x-key".to_owned()));
    let meta = builder(&server.url()).endpoint(endpoint).build().unwrap();
    assert_eq!(read(&meta).await, Err((ErrorKind::NoAnswer, None)));
}

#[tokio::test]
async fn the_proof_of_the_token_is_for_the_api_and_not_for_the_file() {
    let server = at_file(Then::answer("200 OK", "", "hello")).await;
    let meta = builder(&server.url()).appsecret_proof_with("test_app_secret").build().unwrap();
    assert_eq!(read(&meta).await, Ok(b"hello".to_vec()));
    let heads = server.heads();
    assert!(heads[0].contains("&appsecret_proof="), "{heads:?}");
    assert!(heads[1].starts_with("GET /file HTTP"), "{heads:?}");
}
