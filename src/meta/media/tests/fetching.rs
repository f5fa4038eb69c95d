use bytes::Bytes;

use super::*;
use crate::clock::Timestamp;

#[test]
fn what_is_asked_about_a_file() {
    let fake = Fake::new([info("https://lookaside.fbsbx.com/a", 5, SHA256), whole(200, r#"{"url":"u"}"#)]);
    let meta = meta(&fake);
    let found = run(meta.look_up_media(&stored("77"))).unwrap();
    let expected = MediaInfo {
        url: "https://lookaside.fbsbx.com/a".to_owned(),
        mime_type: Some("image/jpeg".to_owned()),
        length: Some(5),
        sha256: Some(SHA256.to_owned()),
    };
    assert_eq!(found, expected);
    assert!(!format!("{found:?}").contains("lookaside"));
    assert_eq!(run(meta.look_up_media(&stored("77"))).unwrap().length, None);
    assert_eq!(asked(&fake)[0], format!("GET https://graph.facebook.com/v25.0/77?phone_number_id={NUMBER}"));
    let requests = fake.requests.lock().unwrap();
    assert_eq!(requests[0].limits, Limits::default());
    assert_eq!(requests[0].request.headers()["authorization"], "Bearer TOKEN-1");
}

#[test]
fn where_meta_does_not_take_the_number_it_is_left_out() {
    let refusal = r#"{"error":{"code":100,"message":"(#100) Param phone_number_id is not a valid whatsapp business phone number id ID"}}"#;
    let fake = Fake::new([whole(400, refusal), info("https://lookaside.fbsbx.com/a", 5, SHA256)]);
    run(meta(&fake).look_up_media(&stored("77"))).unwrap();
    assert_eq!(asked(&fake)[1], "GET https://graph.facebook.com/v25.0/77");
    let fake = Fake::new([whole(400, refusal), whole(400, refusal)]);
    assert_eq!(run(meta(&fake).look_up_media(&stored("77"))).unwrap_err().kind(), InvalidMessage);
    assert_eq!(fake.count(), 2);
}

#[test]
fn every_answer_about_a_file_has_its_kind_and_no_doubt() {
    let gone = r#"{"error":{"code":100,"error_subcode":33,"message":"Unsupported get request. Object with ID '1' does not exist"}}"#;
    for (reply, kind) in [
        (whole(400, gone), MediaExpired),
        (whole(401, &refused(190)), Credentials),
        (whole(400, &refused(100)), InvalidMessage),
        (whole(500, &refused(131_000)), Unavailable),
        (whole(503, "down"), NoAnswer),
        (whole(200, r#"{"id":"1"}"#), NoAnswer),
        (whole(200, "<html>"), NoAnswer),
        (Reply::Cut(200), NoAnswer),
        (Reply::Unreachable, Unavailable),
        (Reply::Silence, Unavailable),
    ] {
        let says = format!("{reply:?}");
        let twice = match &reply {
            Reply::Whole(status, body) => Reply::Whole(*status, body.clone()),
            Reply::Cut(status) => Reply::Cut(*status),
            Reply::Unreachable => Reply::Unreachable,
            Reply::Silence => Reply::Silence,
        };
        let meta = meta(&Fake::new([reply, twice]));
        for error in [
            run(meta.fetch_media(&stored("1"))).unwrap_err(),
            run(meta.delete_media(&stored("1"))).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.acceptance()), (kind, NotAccepted), "{says}");
            assert_eq!(error.provider(), Some(&ProviderId::META), "{says}");
        }
    }
}

#[test]
fn other_senders_files_and_odd_ids_are_not_asked_for() {
    let fake = Fake::new([]);
    let meta = meta(&fake);
    let foreign = MediaRef::new(SenderId::new(ProviderId::META, "8"), "1").with_expiry(Timestamp::UNIX_EPOCH);
    // That it is somebody else's is what matters, whether it has ended there or not.
    for (media, kind) in
        [(foreign, NotPortable), (stored("1/../me"), InvalidMessage), (stored(""), InvalidMessage)]
    {
        for error in [
            run(meta.fetch_media(&media)).unwrap_err(),
            run(meta.look_up_media(&media)).unwrap_err(),
            run(meta.delete_media(&media)).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.field()), (kind, Some("media")));
        }
    }
    assert_eq!(fake.count(), 0);
    let reader = MetaCloud::webhook_only("app", "verify").unwrap();
    for error in [
        run(reader.upload_media(photo())).unwrap_err(),
        run(reader.fetch_media(&stored("1"))).unwrap_err(),
        run(reader.look_up_media(&stored("1"))).unwrap_err(),
        run(reader.delete_media(&stored("1"))).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (Unsupported, Some("access_token")));
    }
}

fn fetched(fake: &Arc<Fake>) -> crate::error::Result<Bytes> {
    let meta = meta(fake);
    run(async { meta.fetch_media(&stored("1")).await?.read(usize::MAX).await })
}

#[test]
fn a_file_is_fetched_with_the_token_and_a_name() {
    let fake = Fake::new([info("https://lookaside.fbsbx.com/a?mid=1", 5, SHA256), whole(200, "hello")]);
    let meta = meta(&fake);
    let stream = run(meta.fetch_media(&stored("1"))).unwrap();
    assert_eq!((stream.mime_type.as_deref(), stream.length), (Some("image/jpeg"), Some(5)));
    assert_eq!(run(stream.read(5)).unwrap(), "hello");
    let requests = fake.requests.lock().unwrap();
    let download = &requests[1];
    assert_eq!(download.request.uri(), "https://lookaside.fbsbx.com/a?mid=1");
    assert_eq!(download.request.headers()["authorization"], "Bearer TOKEN-1");
    assert!(download.request.headers()["user-agent"].to_str().unwrap().starts_with("whatsapp-provider/"));
    assert_eq!(download.limits, Limits::media().with_head(Limits::default().head));
}

#[test]
fn a_file_is_asked_for_at_trusted_hosts_only() {
    for url in [
        "https://evil.example/a",
        "http://lookaside.fbsbx.com/a",
        "https://lookaside.fbsbx.com.evil.example/a",
        "https://lookaside.fbsbx.com@evil.example/a",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "not a URL",
    ] {
        let fake = Fake::new([info(url, 5, SHA256)]);
        let error = fetched(&fake).unwrap_err();
        assert_eq!((error.kind(), error.field()), (NoAnswer, Some("media.url")), "{url}");
        assert_eq!((error.acceptance(), fake.count()), (NotAccepted, 1), "{url}");
        assert!(!format!("{error} {error:?}").contains("example"));
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "the file is at a host that is not trusted");
    }
}

#[test]
fn an_address_that_has_ended_is_asked_for_anew_once() {
    let address = || info("https://lookaside.fbsbx.com/a", 5, SHA256);
    let fake = Fake::new([address(), whole(404, ""), address(), whole(200, "hello")]);
    assert_eq!(fetched(&fake).unwrap(), "hello");
    let fake = Fake::new([address(), whole(404, ""), address(), whole(404, "")]);
    let error = fetched(&fake).unwrap_err();
    assert_eq!((error.kind(), error.status(), fake.count()), (Unavailable, Some(404), 4));
    let fake = Fake::new([address(), whole(401, &refused(190))]);
    assert_eq!(fetched(&fake).unwrap_err().kind(), Credentials);
    let fake = Fake::new([address(), whole(206, "hel")]);
    assert_eq!(fetched(&fake).unwrap_err().kind(), NoAnswer, "a part is not the file");
}

#[test]
fn a_file_is_no_larger_than_the_limit() {
    let limits = Limits::media().with_max_response_bytes(4);
    let fetch = |replies: Vec<Reply>| {
        let fake = Fake::new(replies);
        let meta = builder(&fake).media_limits(limits).build().unwrap();
        let result = run(async { meta.fetch_media(&stored("1")).await?.read(usize::MAX).await });
        (result.map_err(|error| (error.kind(), error.limit(), error.actual())), fake.count())
    };
    let url = "https://lookaside.fbsbx.com/a";
    assert_eq!(fetch(vec![info(url, 5, "")]), (Err((Unsupported, Some(4), Some(5))), 1));
    let silent = || whole(200, &format!(r#"{{"url":"{url}"}}"#));
    assert_eq!(fetch(vec![silent(), whole(200, "hello")]).0, Err((NoAnswer, None, None)));
    assert_eq!(fetch(vec![silent(), whole(200, "hell")]).0, Ok(Bytes::from("hell")));
}
