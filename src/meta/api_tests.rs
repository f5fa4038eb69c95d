use std::time::Duration;

use http::header;
use serde_json::json;

use super::super::fake::{Fake, NUMBER, Reply, builder, meta, run, sender};
use super::*;
use crate::error::Acceptance::{self, NotAccepted, Unknown};
use crate::error::ErrorKind::{self, AccountBlocked, InvalidMessage, NoAnswer, NotPortable, Unsupported};
use crate::error::ErrorKind::{NotEntitled, Throttled, Unavailable, WindowClosed};
use crate::http_client::Limits;
use crate::ids::{AttemptId, ProviderId, SenderId};
use crate::outbound::Template;
use crate::provider::WhatsAppProvider;

fn text() -> OutboundMessage {
    OutboundMessage::text(PhoneNumber::parse("+15550002222").unwrap(), "Hi")
}

fn attempt() -> Attempt {
    Attempt::with_id(AttemptId::from_u128(7))
}

fn whole(status: u16, body: &str) -> Reply {
    Reply::Whole(status, body.to_owned())
}

fn refused(code: i64) -> String {
    format!(r#"{{"error":{{"message":"no","code":{code},"fbtrace_id":"T"}}}}"#)
}

#[test]
fn the_request_carries_token_and_version() {
    let fake = Fake::new([whole(200, r#"{"messages":[{"id":"wamid.OUT"}]}"#)]);
    let meta = builder(&fake)
        .api_version("v26.0")
        .base_url("https://graph.example/x/")
        .limits(Limits::default().with_total(Duration::from_secs(20)))
        .build()
        .unwrap();
    let attempt = attempt().with_deadline(Duration::from_secs(5));
    run(meta.send_attempt(&text(), &attempt)).unwrap();
    let requests = fake.requests.lock().unwrap();
    let request = &requests[0].request;
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri().to_string(), format!("https://graph.example/x/v26.0/{NUMBER}/messages"));
    let token = &request.headers()[header::AUTHORIZATION];
    assert_eq!(token, "Bearer TOKEN-1");
    assert!(token.is_sensitive());
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(requests[0].limits.total, Duration::from_secs(5));
}

#[test]
fn receipts_say_what_meta_says() {
    for (body, status, phone, user) in [
        (
            r#"{"messaging_product":"whatsapp","contacts":[{"input":"+15550002222","wa_id":"15550002222"}],
                "messages":[{"id":"wamid.OUT"}]}"#,
            None,
            Some("+15550002222"),
            None,
        ),
        (
            r#"{"contacts":[{"input":"US.12","user_id":"US.12"}],
                "messages":[{"id":"wamid.OUT","message_status":"accepted"}]}"#,
            Some(AcceptedStatus::Accepted),
            None,
            Some("US.12"),
        ),
        (
            r#"{"contacts":[{"wa_id":"15550002222","user_id":"US.12","profile":{"username":"ada"}}],
                "messages":[{"id":"wamid.OUT","message_status":"held_for_quality_assessment"}]}"#,
            Some(AcceptedStatus::HeldForQuality),
            Some("+15550002222"),
            Some("US.12"),
        ),
        (
            r#"{"contacts":[],"messages":[{"id":"wamid.OUT","message_status":"paused"}]}"#,
            Some(AcceptedStatus::Paused),
            None,
            None,
        ),
        (
            r#"{"contacts":"?","messages":[{"id":"wamid.OUT","message_status":"new","group_id":"g"}]}"#,
            Some(AcceptedStatus::Other("new".to_owned())),
            None,
            None,
        ),
    ] {
        let fake = Fake::new([whole(200, body)]);
        let meta = builder(&fake).portfolio("P1").build().unwrap();
        let receipt = run(meta.send_attempt(&text(), &attempt())).unwrap();
        assert_eq!(receipt.provider, ProviderId::META);
        assert_eq!(receipt.sender, Some(sender()));
        assert_eq!(receipt.message, Some(MessageRef::new(sender(), "wamid.OUT")));
        assert_eq!(receipt.attempts.len(), 1);
        assert_eq!((receipt.attempts[0].id, &receipt.attempts[0].failure), (attempt().id, &None));
        assert_eq!(receipt.status, status);
        assert_eq!(receipt.phone.map(PhoneNumber::to_e164).as_deref(), phone);
        assert_eq!(receipt.user.as_ref().map(UserId::as_str), user);
        assert_eq!(receipt.user.as_ref().and_then(UserId::scope), user.map(|_| "P1"));
    }
}

#[test]
fn acceptance_is_decided_by_what_was_seen() {
    let page = "<html>no</html>";
    let cases: Vec<(Reply, ErrorKind, Acceptance)> = vec![
        (Reply::Unreachable, Unavailable, NotAccepted),
        (Reply::Silence, NoAnswer, Unknown),
        // A whole answer that is not Meta's; a redirect.
        (whole(200, page), NoAnswer, Unknown),
        (whole(200, ""), NoAnswer, Unknown),
        (whole(200, "{}"), NoAnswer, Unknown),
        (whole(200, r#"{"messages":[]}"#), NoAnswer, Unknown),
        (whole(200, r#"{"messages":[{"id":""}]}"#), NoAnswer, Unknown),
        (whole(200, r#"{"success":true}"#), NoAnswer, Unknown),
        (whole(200, &refused(131_047)), NoAnswer, Unknown),
        (whole(204, ""), NoAnswer, Unknown),
        (whole(302, page), NoAnswer, Unknown),
        (whole(307, &refused(131_047)), NoAnswer, Unknown),
        (Reply::Cut(302), NoAnswer, Unknown),
        // 4xx.
        (whole(400, &refused(131_047)), WindowClosed, NotAccepted),
        (whole(400, &refused(33)), AccountBlocked, NotAccepted),
        (whole(404, &refused(132_001)), ErrorKind::TemplateUnavailable, NotAccepted),
        (whole(400, &refused(999_999)), ErrorKind::Unrecognized, NotAccepted),
        (whole(400, &refused(131_000)), Unavailable, NotAccepted),
        (whole(429, &refused(999_999)), Throttled, NotAccepted),
        (whole(403, page), Unavailable, NotAccepted),
        (whole(429, page), Throttled, NotAccepted),
        (Reply::Cut(400), Unavailable, NotAccepted),
        (whole(408, page), NoAnswer, Unknown),
        (whole(408, &refused(131_047)), NoAnswer, Unknown),
        // 5xx.
        (whole(500, &refused(3)), NotEntitled, NotAccepted),
        (whole(503, &refused(2)), Unavailable, NotAccepted),
        (whole(503, &refused(133_004)), Unavailable, NotAccepted),
        (whole(500, &refused(131_016)), Unavailable, NotAccepted),
        (whole(500, &refused(131_045)), AccountBlocked, NotAccepted),
        (whole(500, &refused(131_057)), Unavailable, NotAccepted),
        (whole(500, &refused(131_000)), Unavailable, Unknown),
        (whole(500, &refused(131_047)), WindowClosed, Unknown),
        (whole(500, &refused(1)), ErrorKind::Unrecognized, Unknown),
        (whole(500, &refused(999_999)), NoAnswer, Unknown),
        (whole(502, page), NoAnswer, Unknown),
        (Reply::Cut(500), NoAnswer, Unknown),
    ];
    for (reply, kind, acceptance) in cases {
        let says = format!("{reply:?}");
        let departs = !matches!(reply, Reply::Unreachable);
        let fake = Fake::new([reply]);
        let attempt = attempt();
        let error = run(meta(&fake).send_attempt(&text(), &attempt)).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, acceptance), "{says}");
        assert_eq!(error.provider(), Some(&ProviderId::META));
        assert_eq!(attempt.departure.departed(), departs, "{says}");
        assert_eq!(fake.count(), 1);
    }
}

#[test]
fn a_cut_off_success_is_a_receipt_without_an_id() {
    let fake = Fake::new([Reply::Cut(200)]);
    let message = text().with_ttl(Duration::from_secs(9));
    let receipt = run(meta(&fake).send_attempt(&message, &attempt())).unwrap();
    assert_eq!((receipt.message.as_ref(), receipt.sender.as_ref()), (None, Some(&sender())));
    assert_eq!(receipt.dropped().len(), 1);
}

#[test]
fn errors_keep_what_meta_said() {
    let fake = Fake::new([whole(400, &refused(130_429))]).with_retry_after("12");
    let error = run(meta(&fake).send_attempt(&text(), &attempt())).unwrap_err();
    assert_eq!((error.code(), error.status()), (Some(130_429), Some(400)));
    assert_eq!((error.details(), error.trace_id()), (Some("no"), Some("T")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(12)));
}

#[test]
fn the_unknown_error_can_be_declared_a_refusal() {
    let fake = Fake::new([whole(500, &refused(131_000)), whole(500, &refused(131_026))]);
    let meta = builder(&fake).unknown_error_is_refusal(true).build().unwrap();
    let says = || run(meta.send_attempt(&text(), &attempt())).unwrap_err().acceptance();
    assert_eq!(says(), NotAccepted);
    assert_eq!(says(), Unknown);
}

#[test]
fn an_attempt_that_was_given_up_sends_nothing() {
    let fake = Fake::new([Reply::Silence]);
    let attempt = attempt();
    attempt.departure.arm();
    assert!(attempt.departure.revoke());
    let error = run(meta(&fake).send_attempt(&text(), &attempt)).unwrap_err();
    assert_eq!(error.acceptance(), NotAccepted);
    assert_eq!(fake.count(), 0);
}

#[test]
fn alternatives_are_attempts_of_their_own() {
    let fake = Fake::new([whole(400, &refused(131_047)), whole(200, r#"{"messages":[{"id":"wamid.OUT"}]}"#)]);
    let message = text().or(Template::new("hello", "en_US"));
    let receipt = run(meta(&fake).send(&message)).unwrap();
    assert_eq!(receipt.content_index, 1);
    assert_eq!(receipt.attempts.len(), 2);
    let requests = fake.requests.lock().unwrap();
    let ids: Vec<String> = receipt.attempts.iter().map(|report| report.id.to_string()).collect();
    assert_ne!(ids[0], ids[1]);
    for (request, id) in requests.iter().zip(&ids) {
        assert_eq!(request.json()["biz_opaque_callback_data"], *id);
    }
    assert_eq!(requests[1].json()["type"], "template");

    // After an answer that decides nothing there is no second attempt.
    let fake = Fake::new([Reply::Silence]);
    let error = run(meta(&fake).send(&message)).unwrap_err();
    assert_eq!((error.acceptance(), fake.count()), (Unknown, 1));
}

#[test]
fn read_and_typing() {
    let message = MessageRef::new(sender(), "wamid.IN");
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN"});
    let fake = Fake::new([whole(200, r#"{"success":true}"#), whole(200, r#"{"success":"true"}"#)]);
    let provider = meta(&fake);
    run(provider.mark_read(&message)).unwrap();
    run(provider.show_typing(&message)).unwrap();
    let requests = fake.requests.lock().unwrap();
    assert_eq!(requests[0].json(), read);
    let mut typing = read;
    typing["typing_indicator"] = json!({"type": "text"});
    assert_eq!(requests[1].json(), typing);
    assert_eq!(requests[0].request.uri().path(), format!("/v25.0/{NUMBER}/messages"));
    drop(requests);

    let foreign = MessageRef::new(SenderId::new(ProviderId::META, "8"), "wamid.IN");
    let error = run(provider.mark_read(&foreign)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (NotPortable, Some("message")));
    assert_eq!(error.provider(), Some(&ProviderId::META));

    for (reply, kind) in [
        (whole(400, r#"{"error":{"code":100,"error_subcode":33}}"#), InvalidMessage),
        (whole(401, &refused(190)), ErrorKind::Credentials),
        (whole(200, r#"{"success":false}"#), NoAnswer),
        (whole(200, "<html>"), NoAnswer),
        (Reply::Unreachable, Unavailable),
    ] {
        let fake = Fake::new([reply]);
        assert_eq!(run(meta(&fake).show_typing(&message)).unwrap_err().kind(), kind);
    }
    run(meta(&Fake::new([Reply::Cut(200)])).mark_read(&message)).unwrap();
}

#[test]
fn a_probe_reads_the_number() {
    let fake = Fake::new([whole(200, &format!(r#"{{"id":"{NUMBER}"}}"#))]);
    run(meta(&fake).probe()).unwrap();
    let requests = fake.requests.lock().unwrap();
    let request = &requests[0].request;
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri().to_string(), format!("https://graph.facebook.com/v25.0/{NUMBER}?fields=id"));
    assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer TOKEN-1");
    assert!(request.body().is_empty());
    let gone = r#"{"error":{"code":100,"error_subcode":33}}"#;
    for (reply, kind) in [
        (whole(200, "{}"), NoAnswer),
        (whole(401, &refused(190)), ErrorKind::Credentials),
        (whole(400, &refused(368)), AccountBlocked),
        (whole(400, &refused(33)), AccountBlocked),
        (whole(400, &refused(100)), InvalidMessage),
        // Permissions of the question itself, and what cannot be told from them.
        (whole(500, &refused(3)), NotEntitled),
        (whole(403, &refused(10)), NotEntitled),
        (whole(403, &refused(199)), ErrorKind::Unrecognized),
        (whole(403, &refused(200)), NotEntitled),
        (whole(403, &refused(201)), NotEntitled),
        (whole(403, &refused(299)), NotEntitled),
        (whole(403, &refused(300)), ErrorKind::Unrecognized),
        (whole(403, &refused(131_005)), NotEntitled),
        (whole(400, gone), NotEntitled),
        (whole(400, r#"{"error":{"code":100,"message":"Object with ID '1' does not exist"}}"#), NotEntitled),
        // After these nothing is certain, whatever the code.
        (whole(408, gone), NoAnswer),
        (whole(408, &refused(10)), NoAnswer),
        (whole(503, "down"), NoAnswer),
        // Nothing that was to arrive has left.
        (Reply::Silence, Unavailable),
    ] {
        let error = run(meta(&Fake::new([reply])).probe()).unwrap_err();
        assert_eq!((error.kind(), error.provider()), (kind, Some(&ProviderId::META)));
    }
}

#[test]
fn who_only_reads_webhooks_sends_nothing() {
    let meta = MetaCloud::webhook_only("app", "verify").unwrap();
    let message = MessageRef::new(sender(), "wamid.IN");
    for error in [
        meta.check(&text()).unwrap_err(),
        run(meta.send_attempt(&text(), &attempt())).unwrap_err(),
        run(meta.send(&text())).unwrap_err(),
        run(meta.mark_read(&message)).unwrap_err(),
        run(meta.show_typing(&message)).unwrap_err(),
        run(meta.probe()).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (Unsupported, Some("access_token")));
        assert_eq!(error.provider(), Some(&ProviderId::META));
    }
    assert_eq!(meta.senders(), []);
    assert!(meta.capabilities().contents.is_empty());
}
