//! Files at Twilio: asked for at the API with the credentials, and at the host that it redirects to without.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use whatsapp_provider::http_client::{HttpError, HttpErrorKind, Limits};
use whatsapp_provider::{
    Acceptance, ErrorKind, MediaRef, ProviderId, SenderId, Twilio, TwilioBuilder, WhatsAppProvider,
};

use super::server::{Server, Then, header};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const PATH: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/MM01/Media/ME02";
/// Of the account and its token.
const LOGIN: &str = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjphbi1pbnZlbnRlZC10b2tlbg==";

fn builder(url: &str) -> TwilioBuilder {
    let builder = Twilio::builder().account_sid(ACCOUNT).auth_token("an-invented-token");
    builder.from_number("+15550007777").base_url(url)
}

/// The file as a webhook names it: at Twilio's own host, whatever stands in front of it here.
fn sent() -> MediaRef {
    let sender = SenderId::new(ProviderId::TWILIO, "+15550007777");
    MediaRef::new(sender, format!("https://api.twilio.com{PATH}"))
}

/// What is read of the file, up to its end.
async fn read(twilio: &Twilio) -> Result<Vec<u8>, (ErrorKind, Option<HttpErrorKind>)> {
    let says = |error: whatsapp_provider::Error| {
        assert_eq!(error.acceptance(), Acceptance::NotAccepted, "{error}");
        let cause = error.source().and_then(|cause| cause.downcast_ref::<HttpError>()).map(HttpError::kind);
        (error.kind(), cause)
    };
    let mut file = twilio.fetch_media(&sent()).await.map_err(says)?;
    let mut whole = Vec::new();
    while let Some(piece) = file.chunk().await.map_err(says)? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

#[tokio::test]
async fn the_api_is_told_the_credentials_and_the_store_is_not() {
    let store =
        Server::start(|_, _| Then::answer("200 OK", "Content-Type: audio/ogg; codecs=opus\r\n", "hello"))
            .await;
    let place = format!("{}/AC/ME?signature=s", store.url());
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let place = place.clone();
        let api =
            Server::start(move |_, _| Then::answer(status, &format!("Location: {place}\r\n"), "")).await;
        let twilio = builder(&api.url()).media_redirect_host(store.url()).build().unwrap();
        let file = twilio.fetch_media(&sent()).await.unwrap();
        assert_eq!((file.mime_type.as_deref(), file.length), (Some("audio/ogg; codecs=opus"), Some(5)));
        assert_eq!(file.read(5).await.unwrap(), "hello");
        let [asked] = &api.heads()[..] else { panic!("{:?}", api.heads()) };
        assert!(asked.starts_with(&format!("GET {PATH} HTTP/1.1")), "{asked}");
        assert_eq!(header(asked, "authorization").as_deref(), Some(LOGIN));
    }
    let heads = store.heads();
    assert_eq!(heads.len(), 5);
    for head in heads {
        assert!(head.starts_with("GET /AC/ME?signature=s HTTP/1.1"), "{head}");
        for name in ["authorization", "cookie", "referer", "origin"] {
            assert_eq!(header(&head, name), None);
        }
        assert!(!head.contains("invented"));
    }

    // A store that is not listed is not even connected to.
    let before = store.connections();
    let api = Server::start(move |_, _| Then::redirect(&place)).await;
    assert_eq!(read(&builder(&api.url()).build().unwrap()).await, Err((ErrorKind::NoAnswer, None)));
    assert_eq!(store.connections(), before);
}

#[tokio::test]
async fn a_forged_address_is_not_asked() {
    let foreign = Server::start(|_, _| Then::answer("200 OK", "", "hello")).await;
    let api = Server::start(|_, _| Then::answer("200 OK", "", "hello")).await;
    let twilio = builder(&api.url()).media_redirect_host(foreign.url()).build().unwrap();
    let sender = sent().sender;
    let url = foreign.url();
    for forged in [
        format!("{url}{PATH}"),
        format!("{}{}", api.url(), PATH.replace("AC01", "AC02")),
        format!("{}/2010-04-01/Accounts/{ACCOUNT}.json", api.url()),
        format!("http://127.0.0.1:1{PATH}"),
    ] {
        let media = MediaRef::new(sender.clone(), forged.clone());
        assert!(twilio.fetch_media(&media).await.is_err(), "{forged}");
        assert!(twilio.delete_media(&media).await.is_err(), "{forged}");
    }
    assert_eq!((foreign.connections(), api.connections()), (0, 0));
    // The API's own address is as good as Twilio's.
    let media = MediaRef::new(sender, format!("{}{PATH}", api.url()));
    assert_eq!(twilio.fetch_media(&media).await.unwrap().read(5).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_file_may_be_later_than_its_webhook() {
    let asked = AtomicUsize::new(0);
    let api = Server::start(move |_, _| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Then::answer("404 Not Found", "", r#"{"code":20404}"#),
        _ => Then::answer("200 OK", "", "hello"),
    })
    .await;
    assert_eq!(read(&builder(&api.url()).build().unwrap()).await, Ok(b"hello".to_vec()));
    assert_eq!(api.heads().len(), 2);
}

#[tokio::test]
async fn what_is_not_the_whole_file_ends_with_an_error() {
    use HttpErrorKind::{Interrupted, Malformed, Timeout};
    let pieces = |pieces: &[&str]| {
        let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
        Then::Write(pieces, Duration::from_millis(20))
    };
    let counted = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let to_the_end = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let limits = Limits::media().with_total(Duration::from_millis(1_500)).with_max_response_bytes(8);
    for (what, then, expected) in [
        ("in pieces", pieces(&[counted, "he", "llo"]), Ok(b"hello".to_vec())),
        ("nobody says how long", pieces(&[to_the_end, "hello"]), Ok(b"hello".to_vec())),
        ("cut", pieces(&[counted, "hel"]), Err((ErrorKind::NoAnswer, Some(Interrupted)))),
        (
            "stalled",
            Then::Stall(format!("{counted}hel").into_bytes()),
            Err((ErrorKind::NoAnswer, Some(Timeout))),
        ),
        (
            "too long, and nobody says so",
            pieces(&[to_the_end, "hello ", "world"]),
            Err((ErrorKind::NoAnswer, Some(Malformed))),
        ),
        ("too long", Then::Zeros(9), Err((ErrorKind::Unsupported, None))),
    ] {
        let api = Server::start(move |_, _| then.clone()).await;
        let twilio = builder(&api.url()).media_limits(limits).build().unwrap();
        assert_eq!(read(&twilio).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_file_is_deleted() {
    let api = Server::start(|line, _| match line.starts_with("DELETE") {
        true => Then::Write(
            vec![b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec()],
            Duration::ZERO,
        ),
        false => Then::answer("404 Not Found", "", ""),
    })
    .await;
    let limits = Limits::media().with_total(Duration::from_millis(400));
    let twilio = builder(&api.url()).media_limits(limits).build().unwrap();
    twilio.delete_media(&sent()).await.unwrap();
    let head = &api.heads()[0];
    assert!(head.starts_with(&format!("DELETE {PATH}.json HTTP/1.1")), "{head}");
    assert_eq!(header(head, "authorization").as_deref(), Some(LOGIN));
    assert_eq!(read(&twilio).await, Err((ErrorKind::MediaExpired, None)));
}
