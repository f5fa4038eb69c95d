//! Buttons and lists: the content that is found or made before the message, and the requests for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::Result;
use crate::clock::Clock;
use crate::error::{Acceptance, Error, ErrorKind, Hint};
use crate::ids::AttemptId;
use crate::outbound::{Attempt, Interactive, OutboundMessage, ReplyButton, SendReceipt};
use crate::provider::WhatsAppProvider;

const OTHER: &str = "HXfedcba9876543210fedcba9876543210";
const NOTHING: &str = r#"{"contents":[],"meta":{"key":"contents","next_page_url":null}}"#;
const NAME: &str = "whatsapp_provider_v1_buttons_28c99bdfc7fd870a62a5ec23";

fn question(body: &str) -> OutboundMessage {
    let buttons = [ReplyButton::new("yes-17", "Yes"), ReplyButton::new("no-17", "No")];
    OutboundMessage::new(to(), Interactive::buttons(body, buttons))
}

fn attempt() -> Attempt {
    Attempt::with_id(AttemptId::from_u128(7)).with_deadline(Duration::from_secs(5))
}

/// The content of [`question`]s, as Twilio shows it.
fn resource(sid: &str) -> Value {
    let action = |title, id| json!({ "type": "QUICK_REPLY", "title": title, "id": id });
    json!({
        "sid": sid, "account_sid": ACCOUNT, "friendly_name": NAME, "language": "en",
        "variables": { "1": "sample1", "2": "sample2", "3": "sample3", "4": "sample4", "5": "sample5" },
        "types": { "twilio/quick-reply": {
            "body": "{{1}}", "actions": [action("{{2}}", "{{3}}"), action("{{4}}", "{{5}}")],
        } },
    })
}

fn reply(status: u16, json: &Value) -> Reply {
    Reply::With(status, json.to_string().leak())
}

fn found(contents: &[Value]) -> Reply {
    reply(200, &json!({ "contents": contents, "meta": { "key": "contents", "next_page_url": null } }))
}

fn made(sid: &str) -> Reply {
    reply(201, &json!({ "sid": sid }))
}

fn refused(code: i64) -> Reply {
    reply(400, &json!({ "code": code, "message": "x", "status": 400 }))
}

/// Method and path of every request that left.
fn asked(wire: &Wire) -> Vec<String> {
    let paths = wire.recorded().into_iter().map(|request| {
        let path = request.uri.split('?').next().unwrap().to_owned();
        let end = path.split_once(".com").unwrap().1.replace(&format!("/2010-04-01/Accounts/{ACCOUNT}"), "");
        format!("{} {end}", request.method)
    });
    paths.collect()
}

const FIND: &str = "GET /v2/Content";
const MAKE: &str = "POST /v1/Content";
const SEND: &str = "POST /Messages.json";

fn send(twilio: &Twilio, message: &OutboundMessage) -> Result<SendReceipt> {
    block_on(twilio.send_attempt(message, &attempt()))
}

fn parameter(request: &Recorded, name: &str) -> String {
    request.pairs().into_iter().find(|(own, _)| own == name).unwrap().1
}

#[test]
fn a_content_is_made_once_and_then_only_named() {
    let wire = Wire::answering([Reply::With(200, NOTHING), made(CONTENT)]);
    let twilio = sending(&wire).build().unwrap();
    twilio.check(&question("Go on?")).unwrap();
    assert!(wire.recorded().is_empty(), "to check asks nothing");
    let receipt = send(&twilio, &question("Go on?")).unwrap();
    assert!(receipt.message.is_some() && receipt.dropped.is_empty());
    send(&twilio.clone(), &question("Again?")).unwrap();
    send(&twilio.with_sender("+14155550100").unwrap(), &question("And there?")).unwrap();
    assert_eq!(asked(&wire), [FIND, MAKE, SEND, SEND, SEND]);

    let requests = wire.recorded();
    let find = format!("https://content.twilio.com/v2/Content?ContentName=%5E{NAME}%24&PageSize=50");
    assert_eq!(requests[0].uri, find);
    assert!(requests[0].body.is_empty() && requests[0].headers.contains_key("authorization"));
    assert_eq!(requests[1].uri, "https://content.twilio.com/v1/Content");
    assert_eq!(requests[1].headers["content-type"], "application/json");
    assert_eq!(requests[1].headers["authorization"], requests[2].headers["authorization"]);
    let mut expected = resource("");
    expected.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "sid" | "account_sid"));
    assert_eq!(serde_json::from_slice::<Value>(&requests[1].body).unwrap(), expected);
    let pairs: Vec<_> = requests[2].pairs();
    let expected = [
        ("To", "whatsapp:+15551234567"),
        ("From", "whatsapp:+14155238886"),
        ("ContentSid", CONTENT),
        ("ContentVariables", r#"{"1":"Go on?","2":"Yes","3":"yes-17","4":"No","5":"no-17"}"#),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn another_account_makes_its_own() {
    let wire = Wire::answering([
        Reply::With(200, NOTHING),
        made(CONTENT),
        Reply::With(201, CREATED),
        Reply::With(200, NOTHING),
        made(OTHER),
    ]);
    let main = sending(&wire).build().unwrap();
    send(&main, &question("Go on?")).unwrap();
    let sub = "ACffffffffffffffffffffffffffffffff";
    let other = main.with_account(sub, "sub-t0ken", "+14155550100").unwrap();
    for twilio in [&other, &main] {
        send(twilio, &question("Go on?")).unwrap();
    }
    let sent_by_other = format!("POST /2010-04-01/Accounts/{sub}/Messages.json");
    assert_eq!(asked(&wire), [FIND, MAKE, SEND, FIND, MAKE, sent_by_other.as_str(), SEND]);
    let requests = wire.recorded();
    assert_eq!([5, 6].map(|place| parameter(&requests[place], "ContentSid")), [OTHER, CONTENT]);
}

#[test]
fn a_content_of_an_earlier_life_is_found() {
    let mut odd = resource(OTHER);
    odd["types"]["twilio/quick-reply"]["body"] = "Hi {{1}}".into();
    for (contents, expected) in [
        (vec![resource(OTHER)], vec![FIND, SEND]),
        (vec![json!(7), odd.clone(), resource(OTHER)], vec![FIND, SEND]),
        (vec![odd], vec![FIND, MAKE, SEND]),
        (vec![resource("HX123")], vec![FIND, MAKE, SEND]),
    ] {
        let sid = if expected.contains(&MAKE) { CONTENT } else { OTHER };
        let wire = Wire::answering(
            [found(&contents)].into_iter().chain(expected.contains(&MAKE).then(|| made(CONTENT))),
        );
        send(&sending(&wire).build().unwrap(), &question("x")).unwrap();
        assert_eq!(asked(&wire), expected);
        assert_eq!(parameter(wire.recorded().last().unwrap(), "ContentSid"), sid);
    }
}

#[test]
fn a_content_that_is_gone_is_made_again_once() {
    for code in [21_655, 20_404] {
        let wire = Wire::answering([
            found(&[resource(OTHER)]),
            refused(code),
            made(CONTENT),
            Reply::With(201, CREATED),
        ]);
        let twilio = sending(&wire).build().unwrap();
        send(&twilio, &question("x")).unwrap();
        send(&twilio, &question("y")).unwrap();
        assert_eq!(asked(&wire), [FIND, SEND, MAKE, SEND, SEND], "{code}");
        let sids: Vec<_> = [1, 3, 4]
            .map(|place: usize| parameter(&wire.recorded()[place], "ContentSid"))
            .into_iter()
            .collect();
        assert_eq!(sids, [OTHER, CONTENT, CONTENT]);
    }
    // Not twice, and not for anything else.
    for (replies, kind, expected) in [
        (vec![refused(21_655), made(CONTENT), refused(21_655)], ErrorKind::TemplateUnavailable, 4),
        (vec![refused(21_656)], ErrorKind::InvalidMessage, 2),
        (vec![reply(500, &json!({ "code": 21_655 }))], ErrorKind::TemplateUnavailable, 2),
    ] {
        let wire = Wire::answering([found(&[resource(OTHER)])].into_iter().chain(replies));
        let error = send(&sending(&wire).build().unwrap(), &question("x")).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(wire.recorded().len(), expected);
    }
}

#[test]
fn a_content_that_was_made_a_minute_ago_is_not_gone() {
    let clock = TestClock::new();
    // The account is another one, or has moved: a new content for every message would not help.
    let wire = Wire::answering([Reply::With(200, NOTHING), made(OTHER), refused(20_404), refused(20_404)]);
    let twilio = sending(&wire).clock(Arc::new(clock.clone())).build().unwrap();
    for _ in 0..2 {
        assert_eq!(send(&twilio, &question("x")).unwrap_err().kind(), ErrorKind::AccountBlocked);
    }
    assert_eq!(asked(&wire), [FIND, MAKE, SEND, SEND]);
    clock.advance(Duration::from_secs(60));
    wire.replies.lock().unwrap().extend([refused(20_404), made(CONTENT)]);
    send(&twilio, &question("x")).unwrap();
    assert_eq!(parameter(wire.recorded().last().unwrap(), "ContentSid"), CONTENT);
}

#[test]
fn what_fails_after_a_certain_refusal_leaves_no_doubt() {
    let first = || [found(&[resource(OTHER)]), refused(21_655)];
    let after = |replies: Vec<Reply>| {
        let wire = Wire::answering(first().into_iter().chain(replies));
        let error = send(&sending(&wire).build().unwrap(), &question("x")).unwrap_err();
        (error.kind(), error.acceptance())
    };
    use Acceptance::{NotAccepted, Unknown};
    assert_eq!(after(vec![Reply::NoConnection]), (ErrorKind::Unavailable, NotAccepted));
    assert_eq!(after(vec![Reply::Silence]), (ErrorKind::NoAnswer, NotAccepted));
    assert_eq!(after(vec![made(CONTENT), Reply::NoConnection]), (ErrorKind::Unavailable, NotAccepted));
    assert_eq!(after(vec![made(CONTENT), Reply::Silence]), (ErrorKind::NoAnswer, Unknown));
}

/// Sends with a failure in place of the look-up, or of the making.
fn failing(failure: &Reply, making: bool) -> Error {
    let before = making.then_some(Reply::With(200, NOTHING));
    let wire = Wire::answering(before.into_iter().chain([failure.clone()]));
    let twilio = sending(&wire).build().unwrap();
    let attempt = attempt();
    let error = block_on(twilio.send_attempt(&question("x"), &attempt)).unwrap_err();
    assert!(!attempt.departure.departed(), "only the message departs");
    assert!(!asked(&wire).contains(&SEND.to_owned()));
    error
}

#[test]
fn before_the_message_nothing_is_in_doubt() {
    let envelope = |status, code: i64| reply(status, &json!({ "code": code, "message": "x" }));
    let throttled = Reply::WithHeader(429, r#"{"code":20429}"#, ("retry-after", "7"));
    use ErrorKind as K;
    for (failure, kind, status) in [
        (Reply::NoConnection, K::Unavailable, None),
        (Reply::Silence, K::NoAnswer, None),
        (Reply::With(502, "<html>"), K::NoAnswer, Some(502)),
        (envelope(500, 20_500), K::NoAnswer, Some(500)),
        (envelope(503, 20_503), K::Unavailable, Some(503)),
        (throttled.clone(), K::Throttled, Some(429)),
        (Reply::With(429, ""), K::Throttled, Some(429)),
        (envelope(401, 20_003), K::Credentials, Some(401)),
        (envelope(403, 20_005), K::AccountBlocked, Some(403)),
        // A key that may send messages and nothing else.
        (envelope(403, 20_003), K::NotEntitled, Some(403)),
        (envelope(403, 20_403), K::NotEntitled, Some(403)),
        // Something about the content that Twilio does not like.
        (envelope(400, 92_002), K::Unsupported, Some(400)),
        (envelope(400, 60_200), K::Unsupported, Some(400)),
        // There is no such API in this region, or behind this gateway.
        (Reply::With(404, "x"), K::NotEntitled, Some(404)),
        (envelope(404, 20_404), K::NotEntitled, Some(404)),
        // Somebody answered, but not Twilio; or the answer broke off.
        (Reply::With(200, "<html>login</html>"), K::NoAnswer, Some(200)),
        (Reply::Cut(201), K::NoAnswer, Some(201)),
    ] {
        for making in [false, true] {
            let error = failing(&failure, making);
            // A request without a body sends nothing that could be lost.
            let lost = matches!(failure, Reply::Silence) && making;
            let kind = if kind == K::NoAnswer && status.is_none() && !lost { K::Unavailable } else { kind };
            assert_eq!((error.kind(), error.status()), (kind, status), "{failure:?}");
            assert_eq!(error.acceptance(), Acceptance::NotAccepted, "{failure:?}");
            let field = matches!(kind, K::Unsupported | K::NotEntitled).then_some("content");
            assert_eq!(error.field(), field);
            // The API for messages may be well all the same.
            let beside = matches!(kind, K::Unavailable | K::NoAnswer | K::Throttled);
            assert_eq!(error.failure().hint, beside.then_some(Hint::Beside), "{failure:?}");
        }
    }
    assert_eq!(failing(&throttled, true).retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(failing(&envelope(400, 92_002), true).code(), Some(92_002));
}

#[test]
fn an_attempt_that_is_over_asks_nothing() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).build().unwrap();
    for attempt in [attempt().with_deadline(Duration::ZERO), attempt()] {
        if attempt.deadline != Some(Duration::ZERO) {
            attempt.departure.arm();
            assert!(attempt.departure.revoke());
        }
        let error = block_on(twilio.send_attempt(&question("x"), &attempt)).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unavailable, Acceptance::NotAccepted));
    }
    assert!(wire.recorded().is_empty());
    let wire = Wire::answering([Reply::With(200, NOTHING), made(CONTENT)]);
    send(&sending(&wire).build().unwrap(), &question("x")).unwrap();
    assert!(wire.recorded().iter().all(|request| request.limits.total == Duration::from_secs(5)));
}

#[test]
fn a_literal_content_is_made_for_every_message_that_differs() {
    let wire =
        Wire::answering([made(CONTENT), Reply::With(201, CREATED), Reply::With(201, CREATED), made(OTHER)]);
    let twilio = sending(&wire).literal_contents(true).content_prefix("shop").build().unwrap();
    for body in ["Go on?", "Go on?", "Stop?"] {
        send(&twilio, &question(body)).unwrap();
    }
    assert_eq!(asked(&wire), [MAKE, SEND, SEND, MAKE, SEND]);
    let body: Value = serde_json::from_slice(&wire.recorded()[0].body).unwrap();
    assert_eq!(
        body["types"]["twilio/quick-reply"]["actions"][1],
        json!({
            "type": "QUICK_REPLY", "title": "No", "id": "no-17",
        })
    );
    assert_eq!(body["variables"], json!({}));
    assert!(body["friendly_name"].as_str().unwrap().starts_with("shop_buttons_"));
    assert!(wire.recorded()[1].pairs().iter().all(|(name, _)| name != "ContentVariables"));
}

#[test]
fn names_begin_with_what_a_name_may_have() {
    let wire = Wire::answering([]);
    for prefix in ["", "a b", "ä", "^a", "a.b", &"x".repeat(65)] {
        let error = sending(&wire).content_prefix(prefix).build().unwrap_err();
        assert_eq!(error.field, "content_prefix", "{prefix}");
    }
    assert!(sending(&wire).content_prefix("x".repeat(64)).build().is_ok());
}

#[test]
fn lists_are_asked_for_20_times_a_second() {
    let clock = TestClock::new();
    let wire = Wire::answering((0..30).map(|_| Reply::With(429, "")));
    let twilio = sending(&wire).clock(Arc::new(clock.clone())).build().unwrap();
    clock.block_on(async {
        for _ in 0..21 {
            let error = twilio.send(&question("x")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Throttled);
        }
    });
    assert_eq!(clock.elapsed(), Duration::from_secs(1));
    let hasty = attempt().with_deadline(Duration::from_millis(20));
    let error = clock.block_on(twilio.send_attempt(&question("x"), &hasty)).unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(Duration::from_millis(50))));
    assert_eq!(wire.recorded().len(), 21, "it would have been too late");
}
