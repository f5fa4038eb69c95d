use std::time::Duration;

use async_trait::async_trait;
use http::{Request, Response};

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::http_client::{HttpClient, HttpError, HttpErrorKind, RequestBody, ResponseBody};
use crate::meta::Endpoint;
use crate::outbound::{
    Action, Card, CardAction, CtaUrl, Departure, Header, Interactive, Link, Media, ReplyButton, Template,
    TemplateHeader,
};

#[test]
fn an_upload_is_a_form_with_the_token_and_the_medias_limits() {
    let fake = Fake::new([whole(200, UPLOADED), whole(200, r#"{"id":7}"#)]);
    let (meta, clock) = with_clock(&fake);
    let uploaded = run(meta.upload_media(photo())).unwrap();
    let end = clock.now().saturating_add(Duration::from_secs(30 * 86_400));
    assert_eq!(uploaded, stored("1037543291543636").with_expiry(end));
    assert_eq!(run(meta.upload_media(MediaUpload::from(photo()).with_filename("a.jpg"))).unwrap().id, "7");
    let requests = fake.requests.lock().unwrap();
    let [first, second] = &requests[..] else { panic!() };
    assert_eq!(first.request.method(), Method::POST);
    assert_eq!(first.request.uri(), &*format!("https://graph.facebook.com/v25.0/{NUMBER}/media"));
    assert_eq!(first.request.headers()["authorization"], "Bearer TOKEN-1");
    let kind = first.request.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("multipart/form-data; boundary="));
    let answer = Limits::default().max_response_bytes;
    assert_eq!(first.limits, Limits::media().with_max_response_bytes(answer));
    let body = String::from_utf8(second.request.body().to_vec()).unwrap();
    assert!(body.contains("filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\nphoto\r\n--"), "{body}");
}

#[test]
fn a_stream_is_uploaded_as_it_is() {
    let fake = Fake::new([whole(200, UPLOADED), whole(200, UPLOADED)]);
    let meta = meta(&fake);
    let stream = |length| {
        let body = ResponseBody::full("hello");
        MediaUpload::stream(body, length, "text/plain").with_kind(MediaKind::Document)
    };
    run(meta.upload_media(stream(5))).unwrap();
    let body = fake.requests.lock().unwrap()[0].request.body().clone();
    assert!(String::from_utf8(body.to_vec()).unwrap().contains("\r\n\r\nhello\r\n--"));
    // The client gives up, because the body is not the one that was promised.
    let error = run(meta.upload_media(stream(6))).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (NoAnswer, NotAccepted));
    assert_eq!(fake.count(), 1);
}

#[test]
fn what_meta_would_refuse_is_refused_before_any_request() {
    let fake = Fake::new([]);
    let meta = meta(&fake);
    let large = || FileBytes::new(vec![0; 5 * 1024 * 1024 + 1], "image/png");
    let cases = [
        (MediaUpload::from(large()), Unsupported, "media"),
        (MediaUpload::from(photo()).with_kind(MediaKind::Sticker), Unsupported, "media.mime_type"),
        (FileBytes::new("", "image/png").into(), InvalidMessage, "media"),
        (FileBytes::new("x", "png").into(), InvalidMessage, "media.mime_type"),
    ];
    for (upload, kind, field) in cases {
        let error = run(meta.upload_media(upload)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
        assert_eq!((error.acceptance(), error.provider()), (NotAccepted, Some(&ProviderId::META)));
    }
    for content in [
        Content::image(large()),
        Template::new("t", "en").with_header(TemplateHeader::Image(large().into())).into(),
    ] {
        let field =
            if matches!(content, Content::Image(_)) { "content.media" } else { "content.header.media" };
        let message = message(content);
        for error in [meta.check(&message).unwrap_err(), run(meta.send(&message)).unwrap_err()] {
            assert_eq!((error.kind(), error.field()), (Unsupported, Some(field)));
            assert_eq!((error.limit(), error.actual()), (Some(5_242_880), Some(5_242_881)));
        }
    }
    // As a file it may be larger.
    meta.check(&message(Content::document(large()))).unwrap();
    assert_eq!(fake.count(), 0);
}

#[test]
fn a_message_brings_its_file_along() {
    let fake = Fake::new([whole(200, UPLOADED), whole(200, TAKEN), whole(200, TAKEN), whole(200, TAKEN)]);
    let meta = meta(&fake);
    let content = Content::image(photo()).with_caption("roof");
    let message = message(content).with_reference("order-77");
    meta.check(&message).unwrap();
    let receipt = run(meta.send(&message)).unwrap();
    assert_eq!(receipt.message.unwrap().id, "wamid.OUT");
    {
        let requests = fake.requests.lock().unwrap();
        let [upload, send] = &requests[..] else { panic!("{:?}", asked(&fake)) };
        assert!(upload.request.uri().path().ends_with("/media"));
        assert!(send.request.uri().path().ends_with("/messages"));
        assert_eq!(send.json()["image"], json!({ "id": "1037543291543636", "caption": "roof" }));
        assert!(send.json()["biz_opaque_callback_data"].as_str().unwrap().ends_with("|order-77"));
    }
    // The same bytes again, in another place and by a clone: the id is used again.
    let header = TemplateHeader::Image(photo().into());
    run(meta.clone().send(&self::message(Template::new("t", "en").with_header(header)))).unwrap();
    run(meta.send(&message)).unwrap();
    let requests = fake.requests.lock().unwrap();
    assert_eq!(requests.len(), 4);
    let parameter = &requests[2].json()["template"]["components"][0]["parameters"][0];
    assert_eq!(*parameter, json!({ "type": "image", "image": { "id": "1037543291543636" } }));
}

#[test]
fn an_id_is_of_one_number_and_of_one_month() {
    let fake = Fake::new([
        whole(200, r#"{"id":"1"}"#),
        whole(200, TAKEN),
        whole(200, r#"{"id":"2"}"#),
        whole(200, TAKEN),
        whole(200, TAKEN),
        whole(200, r#"{"id":"3"}"#),
        whole(200, TAKEN),
    ]);
    let (meta, clock) = with_clock(&fake);
    let other = meta.with_sender("200", "TOKEN-2").unwrap();
    run(meta.send(&message(Content::image(photo())))).unwrap();
    run(other.send(&message(Content::image(photo())))).unwrap();
    clock.advance(Duration::from_secs(29 * 86_400 - 1));
    run(meta.send(&message(Content::image(photo())))).unwrap();
    clock.advance(Duration::from_secs(1));
    run(meta.send(&message(Content::image(photo())))).unwrap();
    let requests = fake.requests.lock().unwrap();
    let ids: Vec<_> = [1, 3, 4, 6].map(|sent: usize| requests[sent].json()["image"]["id"].clone()).into();
    assert_eq!(ids, ["1", "2", "1", "3"]);
}

#[test]
fn a_host_that_takes_no_files_refuses_a_message_that_brings_one_alike() {
    let fake = Fake::new([whole(200, TAKEN)]);
    let meta = builder(&fake).endpoint(Endpoint::pinbot()).build().unwrap();
    let brings = message(Content::image(photo()));
    for error in [meta.check(&brings).unwrap_err(), run(meta.send(&brings)).unwrap_err()] {
        assert_eq!((error.kind(), error.field()), (Unsupported, Some("endpoint.media_upload")));
    }
    assert_eq!(fake.count(), 0);
    let linked = message(Content::image(Link::new("https://files.example/a.png").unwrap()));
    meta.check(&linked).unwrap();
    run(meta.send(&linked)).unwrap();
}

#[test]
fn an_id_is_of_the_token_that_made_it() {
    let fake = Fake::new([
        whole(200, r#"{"id":"1"}"#),
        whole(200, TAKEN),
        whole(200, r#"{"id":"2"}"#),
        whole(200, TAKEN),
        whole(200, TAKEN),
    ]);
    let (meta, _) = with_clock(&fake);
    run(meta.send(&message(Content::image(photo())))).unwrap();
    // It may be another app's, which knows nothing of the first one's files.
    meta.set_token("TOKEN-2").unwrap();
    run(meta.send(&message(Content::image(photo())))).unwrap();
    let same = meta.with_sender(NUMBER, "TOKEN-1").unwrap();
    run(same.send(&message(Content::image(photo())))).unwrap();
    let requests = fake.requests.lock().unwrap();
    let ids: Vec<_> = [1, 3, 4].map(|sent: usize| requests[sent].json()["image"]["id"].clone()).into();
    assert_eq!(ids, ["1", "2", "1"]);
}

#[test]
fn an_id_that_meta_does_not_know_is_forgotten() {
    let unknown = r#"{"error":{"code":100,"message":"(#100) Param image['id'] is not a valid whatsapp business account media attachment ID"}}"#;
    let fake = Fake::new([
        whole(200, r#"{"id":"1"}"#),
        whole(400, unknown),
        whole(200, r#"{"id":"2"}"#),
        whole(400, &refused(131_047)),
        whole(200, TAKEN),
    ]);
    let meta = meta(&fake);
    let image = message(Content::image(photo()));
    let error = run(meta.send(&image)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (MediaExpired, NotAccepted));
    // Another refusal says nothing about the file.
    assert_eq!(run(meta.send(&image)).unwrap_err().kind(), ErrorKind::WindowClosed);
    run(meta.send(&image)).unwrap();
    assert_eq!(fake.requests.lock().unwrap().last().unwrap().json()["image"]["id"], "2");

    // Nor is one used that was deleted.
    let fake = Fake::new([
        whole(200, r#"{"id":"1"}"#),
        whole(200, TAKEN),
        whole(200, r#"{"success":true}"#),
        whole(200, r#"{"id":"2"}"#),
        whole(200, TAKEN),
    ]);
    let meta = self::meta(&fake);
    run(meta.send(&image)).unwrap();
    run(meta.delete_media(&stored("1"))).unwrap();
    run(meta.send(&image)).unwrap();
    assert_eq!(
        asked(&fake)[2],
        format!("DELETE https://graph.facebook.com/v25.0/1?phone_number_id={NUMBER}")
    );
}

#[test]
fn a_failed_upload_leaves_no_doubt() {
    for (reply, kind) in [
        (whole(400, &refused(130_429)), Throttled),
        (whole(401, &refused(190)), Credentials),
        (whole(400, &refused(100)), InvalidMessage),
        (whole(400, r#"{"error":{"code":100,"error_subcode":33}}"#), ErrorKind::AccountBlocked),
        (whole(500, &refused(131_000)), Unavailable),
        (whole(413, "<html>"), Unavailable),
        (whole(503, "<html>"), NoAnswer),
        (whole(200, "{}"), NoAnswer),
        (whole(302, ""), NoAnswer),
        (Reply::Cut(200), NoAnswer),
        (Reply::Unreachable, Unavailable),
        (Reply::Silence, NoAnswer),
    ] {
        let says = format!("{reply:?}");
        let fake = Fake::new([reply]);
        let attempt = attempt();
        let error = run(meta(&fake).send_attempt(&message(Content::image(photo())), &attempt)).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, NotAccepted), "{says}");
        assert_eq!(fake.count(), 1, "no message request: {says}");
        assert!(!attempt.departure.departed() && attempt.departure.revoke(), "{says}");
    }
    // What becomes of the message is another matter.
    let fake = Fake::new([whole(200, UPLOADED), Reply::Silence]);
    let attempt = attempt();
    let error = run(meta(&fake).send_attempt(&message(Content::image(photo())), &attempt)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (NoAnswer, Unknown));
    assert!(attempt.departure.departed());
}

#[test]
fn an_attempt_that_was_given_up_uploads_nothing() {
    let fake = Fake::new([]);
    let parent = Departure::new();
    parent.arm();
    let attempt = attempt().with_departure(parent.child());
    assert!(parent.revoke());
    let error = run(meta(&fake).send_attempt(&message(Content::image(photo())), &attempt)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance(), fake.count()), (Unavailable, NotAccepted, 0));
}

/// A client for whom uploads take four seconds, and all else no time.
#[derive(Debug)]
struct SlowUploads(Arc<Fake>, TestClock);

#[async_trait]
impl HttpClient for SlowUploads {
    async fn execute(
        &self,
        request: Request<RequestBody>,
        limits: Limits,
    ) -> Result<Response<ResponseBody>, HttpError> {
        if request.uri().path().ends_with("/media") {
            let needed = Duration::from_secs(4);
            self.1.sleep(needed.min(limits.total)).await;
            if limits.total < needed {
                return Err(HttpError::new(HttpErrorKind::Timeout));
            }
        }
        self.0.execute(request, limits).await
    }
}

#[test]
fn the_attempts_time_covers_the_upload_and_the_message() {
    for (seconds, requests) in [(3, 0), (4, 1), (5, 2)] {
        let fake = Fake::new([whole(200, UPLOADED), whole(200, TAKEN)]);
        let clock = TestClock::new();
        let slow = Arc::new(SlowUploads(Arc::clone(&fake), clock.clone()));
        let meta = builder(&fake).http_client(slow).clock(Arc::new(clock.clone())).build().unwrap();
        let attempt = attempt().with_deadline(Duration::from_secs(seconds));
        let result = clock.block_on(meta.send_attempt(&message(Content::image(photo())), &attempt));
        assert_eq!((result.is_ok(), fake.count()), (seconds == 5, requests), "{seconds}");
        if let Err(error) = result {
            assert_eq!((error.kind(), error.acceptance()), (Unavailable, NotAccepted), "{seconds}");
            assert!(attempt.departure.revoke());
        } else {
            let left = fake.requests.lock().unwrap()[1].limits.total;
            assert_eq!(left, Duration::from_secs(1));
        }
        assert!(clock.elapsed() <= Duration::from_secs(seconds));
    }
}

#[test]
fn a_file_whose_time_is_over_is_refused_before_any_request() {
    let fake = Fake::new([whole(200, TAKEN)]);
    let (meta, clock) = with_clock(&fake);
    let until = |end: Timestamp| Media::from(stored("1").with_expiry(end));
    let over = || until(clock.now());
    for (content, field) in [
        (Content::image(over()), "content.media"),
        (Template::new("t", "en").with_header(TemplateHeader::Video(over())).into(), "content.header.media"),
    ] {
        let message = message(content);
        for error in [meta.check(&message).unwrap_err(), run(meta.send(&message)).unwrap_err()] {
            assert_eq!((error.kind(), error.field()), (MediaExpired, Some(field)));
            assert_eq!((error.acceptance(), error.provider()), (NotAccepted, Some(&ProviderId::META)));
        }
    }
    let Media::Id(expired) = over() else { panic!() };
    assert_eq!(run(meta.fetch_media(&expired)).unwrap_err().kind(), MediaExpired);
    assert_eq!(run(meta.look_up_media(&expired)).unwrap_err().kind(), MediaExpired);
    assert_eq!(fake.count(), 0);
    // Another content may go instead, as after what is not portable.
    run(meta.send(&message(Content::image(over())).or(Content::text("It was a roof")))).unwrap();
    meta.check(&message(Content::image(until(clock.now().saturating_add(Duration::from_millis(1))))))
        .unwrap();
}

#[test]
fn files_are_brought_along_wherever_they_stand() {
    let card = |media: FileBytes| {
        let action = CardAction::CtaUrl(CtaUrl::new("See", "https://a.example"));
        Card { header: Some(Header::Image(media.into())), ..Card::new(action) }
    };
    let other = || FileBytes::new("another", "image/png");
    let cards = vec![card(photo()), card(other()), card(photo())];
    let carousel = Interactive::new("?", Action::Carousel { cards });
    let buttons = Interactive::buttons("?", [ReplyButton::new("1", "Yes")]);
    let fake = Fake::new([
        whole(200, r#"{"id":"1"}"#),
        whole(200, r#"{"id":"2"}"#),
        whole(200, TAKEN),
        whole(200, TAKEN),
    ]);
    let meta = meta(&fake);
    for content in [carousel, buttons.with_header(Header::Image(other().into()))] {
        let message = message(Content::Interactive(content));
        meta.check(&message).unwrap();
        run(meta.send(&message)).unwrap();
    }
    let requests = fake.requests.lock().unwrap();
    assert_eq!(requests.len(), 4, "each file once");
    let cards = requests[2].json()["interactive"]["action"]["cards"].clone();
    let ids: Vec<_> = [0, 1, 2].map(|card: usize| cards[card]["header"]["image"]["id"].clone()).into();
    assert_eq!(ids, ["1", "2", "1"]);
    assert_eq!(requests[3].json()["interactive"]["header"]["image"]["id"], "2");
}
