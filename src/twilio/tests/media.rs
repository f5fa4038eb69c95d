use std::time::Duration;

use super::*;
use crate::error::{Acceptance, Error, ErrorKind};
use crate::ids::{MediaRef, ProviderId, SenderId};
use crate::provider::WhatsAppProvider;

const PATH: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/MM1/Media/ME2";
const STORE: &str = "https://mms.twiliocdn.com/AC/ME2?signature=x";

fn at(url: &str) -> MediaRef {
    MediaRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), url)
}

fn own() -> MediaRef {
    at(&format!("https://api.twilio.com{PATH}"))
}

fn redirect(to: &'static str) -> Reply {
    Reply::WithHeader(307, "", ("location", to))
}

/// The whole file, and what was asked for.
fn fetched(builder: TwilioBuilder, media: &MediaRef) -> Result<Bytes, Error> {
    let clock = TestClock::new();
    let twilio = builder.clock(Arc::new(clock.clone())).build().unwrap();
    clock.block_on(async { twilio.fetch_media(media).await?.read(usize::MAX).await })
}

#[test]
fn a_file_is_asked_for_with_the_credentials_and_followed_without() {
    let wire =
        Wire::answering([redirect(STORE), Reply::WithHeader(200, "hello", ("content-type", "image/png"))]);
    let twilio = sending(&wire).build().unwrap();
    let stream = block_on(twilio.fetch_media(&own())).unwrap();
    assert_eq!(stream.mime_type.as_deref(), Some("image/png"));
    assert_eq!(block_on(stream.read(5)).unwrap(), "hello");
    let [first, second] = &wire.recorded()[..] else { panic!() };
    assert_eq!(
        (&first.method, first.uri.as_str()),
        (&http::Method::GET, format!("https://api.twilio.com{PATH}").as_str())
    );
    assert!(first.headers["authorization"].to_str().unwrap().starts_with("Basic "));
    assert_eq!(first.headers["accept"], "*/*");
    assert_eq!(second.uri, STORE);
    assert_eq!(second.headers.get("authorization"), None);
    for asked in [first, second] {
        assert!(asked.headers["user-agent"].to_str().unwrap().starts_with("whatsapp-provider/"));
        assert_eq!(asked.limits, Limits::media().with_head(Limits::default().head));
        assert!(asked.body.is_empty());
    }
}

#[test]
fn the_credentials_go_to_the_configured_api_only() {
    // Twilio writes its own host into addresses, whatever stands in front of it here.
    let wire = Wire::answering([Reply::With(200, "hello")]);
    let builder = sending(&wire).base_url("https://gateway.example/twilio");
    assert_eq!(fetched(builder.clone(), &own()).unwrap(), "hello");
    assert_eq!(wire.recorded()[0].uri, format!("https://gateway.example/twilio{PATH}"));

    let wire = Wire::answering([]);
    let foreign = PATH.replace("AC01", "AC02");
    for (url, kind) in [
        (format!("https://api.twilio.com{foreign}"), ErrorKind::NotPortable),
        (format!("https://evil.example{PATH}"), ErrorKind::InvalidMessage),
        (format!("http://api.twilio.com{PATH}"), ErrorKind::InvalidMessage),
        (format!("https://api.twilio.com:8443{PATH}"), ErrorKind::InvalidMessage),
        (format!("https://api.twilio.com@evil.example{PATH}"), ErrorKind::InvalidMessage),
        (format!("https://user@api.twilio.com{PATH}"), ErrorKind::InvalidMessage),
        (format!("https://api.twilio.com.evil.example{PATH}"), ErrorKind::InvalidMessage),
        // One that files are fetched from, but that is not the API.
        (format!("https://media.twilio.com{PATH}"), ErrorKind::InvalidMessage),
        (STORE.to_owned(), ErrorKind::InvalidMessage),
        (
            format!("https://api.twilio.com{PATH}/../../../../AC9/Messages/MM1/Media/ME2"),
            ErrorKind::InvalidMessage,
        ),
        (format!("https://api.twilio.com{PATH}?x=1"), ErrorKind::InvalidMessage),
        (format!("https://api.twilio.com?{PATH}"), ErrorKind::InvalidMessage),
        (PATH.to_owned(), ErrorKind::InvalidMessage),
        ("300001".to_owned(), ErrorKind::InvalidMessage),
        (String::new(), ErrorKind::InvalidMessage),
        ("https://".to_owned(), ErrorKind::InvalidMessage),
    ] {
        let twilio = sending(&wire).build().unwrap();
        for error in [
            block_on(twilio.fetch_media(&at(&url))).unwrap_err(),
            block_on(twilio.delete_media(&at(&url))).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.field()), (kind, Some("media")), "{url}");
            assert_eq!(error.acceptance(), Acceptance::NotAccepted);
            assert_eq!(error.provider(), Some(&ProviderId::TWILIO));
            assert!(!format!("{error} {error:?}").contains("example"), "{error:?}");
        }
    }
    let other = MediaRef::new(SenderId::new(ProviderId::META, NUMBER), own().id);
    let twilio = sending(&wire).build().unwrap();
    assert_eq!(block_on(twilio.fetch_media(&other)).unwrap_err().kind(), ErrorKind::NotPortable);
    let reader = Twilio::webhook_only("t0ken", "https://wa.example").unwrap();
    for error in [
        block_on(reader.fetch_media(&own())).unwrap_err(),
        block_on(reader.delete_media(&own())).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    assert!(wire.recorded().is_empty());
}

#[test]
fn redirects_lead_to_listed_hosts_only() {
    for to in [
        "https://evil.example/x",
        "http://mms.twiliocdn.com/x",
        "https://twiliocdn.com/x",
        "https://twiliocdn.com.evil.example/x",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/x",
        "https://169.254.169.254/latest",
        "https://user@mms.twiliocdn.com/x",
        "x",
        "",
    ] {
        let wire = Wire::answering([redirect(to)]);
        let error = fetched(sending(&wire), &own()).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::NoAnswer, Some("media.url")), "{to}");
        assert_eq!((error.acceptance(), wire.recorded().len()), (Acceptance::NotAccepted, 1), "{to}");
    }
    let s3 = "https://s3-external-1.amazonaws.com/media.twiliocdn.com/x";
    let wire = Wire::answering([redirect(s3), redirect("/y"), Reply::With(200, "hello")]);
    let builder = sending(&wire).media_redirect_host("s3-external-1.amazonaws.com");
    assert_eq!(fetched(builder, &own()).unwrap(), "hello");
    let hosts = wire.recorded();
    assert_eq!(hosts[2].uri, "https://s3-external-1.amazonaws.com/y");
    assert!(hosts[1..].iter().all(|asked| asked.headers.get("authorization").is_none()));
    // Back at the API it is told nothing either.
    let wire = Wire::answering([redirect("/elsewhere"), Reply::With(200, "hello")]);
    fetched(sending(&wire), &own()).unwrap();
    assert_eq!(wire.recorded()[1].headers.get("authorization"), None);
    let wire = Wire::answering((0..9).map(|_| redirect(STORE)));
    assert_eq!(fetched(sending(&wire), &own()).unwrap_err().field(), Some("media.url"));
    assert_eq!(wire.recorded().len(), 4);
    for bad in ["", "localhost", "10.0.0.1", "http://x.example"] {
        let error = sending(&wire).media_redirect_host(bad).build().unwrap_err();
        assert_eq!(error.field, "media_redirect_host", "{bad}");
    }
}

#[test]
fn a_file_that_is_not_there_yet_is_asked_for_again() {
    let missing = || Reply::With(404, r#"{"code":20404,"message":"not found","status":404}"#);
    for (replies, asked) in [
        (vec![missing(), Reply::With(200, "hello")], 2),
        (vec![missing(), missing(), missing(), Reply::With(200, "hello")], 4),
        (vec![redirect(STORE), Reply::With(404, "<Error/>"), redirect(STORE), Reply::With(200, "hello")], 4),
    ] {
        let wire = Wire::answering(replies);
        assert_eq!(fetched(sending(&wire), &own()).unwrap(), "hello");
        assert_eq!(wire.recorded().len(), asked);
    }
    let wire = Wire::answering((0..9).map(|_| missing()));
    let clock = TestClock::new();
    let twilio = sending(&wire).clock(Arc::new(clock.clone())).build().unwrap();
    let error = clock.block_on(twilio.fetch_media(&own())).unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::MediaExpired, Some(404)));
    assert_eq!(wire.recorded().len(), 4);
    // No longer than there is time.
    let wire = Wire::answering((0..9).map(|_| missing()));
    let short = sending(&wire).media_limits(Limits::media().with_total(Duration::from_millis(700)));
    assert_eq!(fetched(short, &own()).unwrap_err().kind(), ErrorKind::MediaExpired);
    assert_eq!(wire.recorded().len(), 2);
}

#[test]
fn every_answer_has_its_kind_and_no_doubt() {
    let refused = r#"{"code":20003,"message":"Authenticate","status":401}"#;
    for (replies, kind) in [
        (vec![Reply::With(401, refused)], ErrorKind::Credentials),
        (vec![Reply::With(429, r#"{"code":20429}"#)], ErrorKind::Throttled),
        (vec![Reply::With(503, "down")], ErrorKind::NoAnswer),
        (vec![Reply::With(403, "<html>")], ErrorKind::Unavailable),
        (vec![Reply::With(206, "hel")], ErrorKind::NoAnswer),
        (vec![Reply::NoConnection], ErrorKind::Unavailable),
        (vec![Reply::Silence], ErrorKind::Unavailable),
        (vec![Reply::Cut(200)], ErrorKind::NoAnswer),
        // What the file's own host says is not Twilio's word.
        (vec![redirect(STORE), Reply::With(401, refused)], ErrorKind::Unavailable),
        (vec![redirect(STORE), Reply::With(403, "<Error/>")], ErrorKind::Unavailable),
        (vec![redirect(STORE), Reply::NoConnection], ErrorKind::Unavailable),
    ] {
        let shown = format!("{replies:?}");
        let wire = Wire::answering(replies);
        let error = fetched(sending(&wire), &own()).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, Acceptance::NotAccepted), "{shown}");
    }
}

#[test]
fn a_file_is_no_larger_than_the_limit() {
    let limits = Limits::media().with_max_response_bytes(4);
    let fetch = |reply| {
        let wire = Wire::answering([reply]);
        fetched(sending(&wire).media_limits(limits), &own())
    };
    let error = fetch(Reply::WithHeader(200, "hello", ("content-length", "5"))).unwrap_err();
    assert_eq!((error.kind(), error.limit(), error.actual()), (ErrorKind::Unsupported, Some(4), Some(5)));
    assert_eq!(fetch(Reply::With(200, "hello")).unwrap_err().kind(), ErrorKind::NoAnswer);
    assert_eq!(fetch(Reply::With(200, "hell")).unwrap(), "hell");
    // Shorter than announced is not the file.
    assert!(fetch(Reply::WithHeader(200, "he", ("content-length", "3"))).is_err());
}

#[test]
fn a_file_is_deleted() {
    let wire = Wire::answering([Reply::With(204, "")]);
    let twilio = sending(&wire).build().unwrap();
    block_on(twilio.delete_media(&own())).unwrap();
    let asked = &wire.recorded()[0];
    assert_eq!(
        (&asked.method, asked.uri.as_str()),
        (&http::Method::DELETE, format!("https://api.twilio.com{PATH}.json").as_str())
    );
    assert!(asked.headers.contains_key("authorization"));
    for (reply, kind) in [
        (Reply::With(404, r#"{"code":20404}"#), ErrorKind::MediaExpired),
        (Reply::With(401, r#"{"code":20003}"#), ErrorKind::Credentials),
        (Reply::With(200, "<html>"), ErrorKind::NoAnswer),
        (Reply::With(302, ""), ErrorKind::NoAnswer),
        (Reply::With(500, "down"), ErrorKind::NoAnswer),
        (Reply::NoConnection, ErrorKind::Unavailable),
        (Reply::Silence, ErrorKind::Unavailable),
    ] {
        let wire = Wire::answering([reply.clone()]);
        let twilio = sending(&wire).build().unwrap();
        let error = block_on(twilio.delete_media(&own())).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, Acceptance::NotAccepted), "{reply:?}");
    }
}
