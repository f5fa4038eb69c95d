mod files;
mod later;

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::error::Acceptance;
use crate::ids::{AttemptId, MediaRef, ProviderId, SenderId};
use crate::outbound::{
    AcceptedStatus, Attempt, Content, FileBytes, Link, Location, Media, OutboundMessage, Template,
};
use crate::provider::{SentLookup, SentQuery, WhatsAppProvider};
use crate::simulator::harness::{ADA, Bench};
use crate::simulator::{Fault, Side};

const CONTENT: &str = "HX0123456789abcdef0123456789abcdef";
const CODE: &str = "HXfedcba9876543210fedcba9876543210";

#[test]
fn an_accepted_message_is_answered_as_twilio_does() {
    let bench = Bench::new();
    let id = AttemptId::from_u128(7);
    let callback = format!("https://example.test/status?attempt={id}&reference=order-77#rc=5");
    let (status, answer) =
        bench.json(bench.twilio_message(&[("Body", "Olá 👍"), ("StatusCallback", &callback)]));
    assert_eq!(status, 201);
    let sid = "SM00000000000000000000000000000001";
    let path = format!("/2010-04-01/Accounts/{}/Messages/{sid}", bench.accounts.account_sid);
    assert_eq!(
        answer,
        json!({
            "account_sid": bench.accounts.account_sid,
            "api_version": "2010-04-01",
            "body": "Olá 👍",
            "date_created": "Thu, 01 Jan 2026 00:00:00 +0000",
            "date_sent": null,
            "date_updated": "Thu, 01 Jan 2026 00:00:00 +0000",
            "direction": "outbound-api",
            "error_code": null,
            "error_message": null,
            "from": format!("whatsapp:{}", bench.accounts.twilio_number),
            "messaging_service_sid": null,
            "num_media": "0",
            "num_segments": "1",
            "price": null,
            "price_unit": null,
            "sid": sid,
            "status": "queued",
            "subresource_uris": { "media": format!("{path}/Media.json") },
            "to": format!("whatsapp:{ADA}"),
            "uri": format!("{path}.json"),
        })
    );
    let received = bench.ada().received();
    let [delivery] = received.as_slice() else { panic!() };
    assert_eq!((delivery.side, delivery.message_id.as_str()), (Side::Twilio, sid));
    assert_eq!((delivery.attempt, delivery.reference.as_deref()), (Some(id), Some("order-77")));
    assert_eq!(delivery.at, bench.clock.now().saturating_sub(Duration::from_millis(40)));
    assert!(delivery.content == Content::text("Olá 👍"));
}

#[test]
fn a_messaging_service_chooses_the_number_later() {
    let bench = Bench::new();
    let service = bench.accounts.messaging_service_sid.as_str();
    let own = [("From", ""), ("MessagingServiceSid", service), ("Body", "x")];
    let (status, answer) = bench.json(bench.twilio_message(&own));
    assert_eq!((status, &answer["status"], &answer["from"]), (201, &json!("accepted"), &Value::Null));
    assert_eq!(answer["messaging_service_sid"], service);
}

/// Status and code of a refusal, which must have reached nobody.
fn refused(bench: &Bench, request: http::Request<bytes::Bytes>) -> (u16, i64) {
    let before = bench.simulator.deliveries().len();
    let (status, answer) = bench.json(request);
    let code = answer["code"].as_i64().unwrap();
    assert_eq!(answer["status"], status);
    assert_eq!(answer["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    assert!(answer["message"].is_string());
    assert_eq!(bench.simulator.deliveries().len(), before);
    assert!(!bench.simulator.requests().last().unwrap().accepted);
    (status, code)
}

#[test]
fn refusals_of_messages() {
    let bench = Bench::new();
    bench.simulator.register_content(CONTENT, "order_shipped", "en_US", ["1", "2"]);
    let long = "ä".repeat(1601);
    let callback = format!("https://example.test/{}", "a".repeat(4000));
    let bare_from = bench.accounts.twilio_number.as_str();
    let user_of_meta = format!("whatsapp:{}", Side::Meta.user_id(bench.ada().phone()));
    let body = ("Body", "x");
    let sid = ("ContentSid", CONTENT);
    for (own, status, code) in [
        (vec![("To", ""), body], 400, 21_604),
        (vec![("From", ""), body], 400, 21_603),
        (
            vec![("From", ""), ("MessagingServiceSid", "MGffffffffffffffffffffffffffffffff"), body],
            404,
            21_701,
        ),
        (vec![("To", ADA), body], 400, 21_910),
        (vec![("From", bare_from), body], 400, 21_910),
        (vec![("To", ADA), ("From", bare_from), body], 400, 63_007),
        (vec![("From", "whatsapp:+15550109999"), body], 400, 63_007),
        (vec![("To", "whatsapp:15557654321"), body], 400, 21_211),
        (vec![("To", "whatsapp:"), body], 400, 21_211),
        (vec![("To", user_of_meta.as_str()), body], 400, 21_211),
        (vec![], 400, 21_602),
        (vec![("PersistentAction", "geo:1,2")], 400, 21_602),
        (vec![("Body", long.as_str())], 400, 21_617),
        (vec![("ContentSid", CODE)], 400, 21_655),
        (vec![sid], 400, 21_656),
        (vec![sid, ("ContentVariables", "no JSON")], 400, 21_656),
        (vec![sid, ("ContentVariables", r#"["a","b"]"#)], 400, 21_656),
        (vec![sid, ("ContentVariables", r#"{"1":"a"}"#)], 400, 21_656),
        (vec![sid, ("ContentVariables", r#"{"1":"a","2":""}"#)], 400, 21_656),
        (vec![sid, ("ContentVariables", r#"{"1":"a","2":null}"#)], 400, 21_656),
        (vec![sid, ("ContentVariables", r#"{"1":"a","2":"b","3":"c"}"#)], 400, 21_656),
        (vec![body, ("ContentVariables", r#"{"1":"a"}"#)], 400, 21_654),
        (vec![("MediaUrl", "ftp://example.test/a.png")], 400, 21_620),
        (vec![body, ("PersistentAction", "geo:here")], 400, 63_006),
        (vec![body, ("StatusCallback", "nowhere")], 400, 21_609),
        (vec![body, ("StatusCallback", "/status")], 400, 21_609),
        (vec![body, ("StatusCallback", "https://my_host.test/")], 400, 21_609),
        (vec![body, ("StatusCallback", callback.as_str())], 400, 21_609),
    ] {
        assert_eq!(refused(&bench, bench.twilio_message(&own)), (status, code), "{own:?}");
    }
    assert!(bench.twilio_content(&[("Body", &"ä".repeat(1600))]) == Content::text("ä".repeat(1600)));
}

#[test]
fn refusals_of_credentials_and_addresses() {
    let bench = Bench::new();
    let mut wrong = bench.twilio_message(&[("Body", "x")]);
    wrong.headers_mut().insert("authorization", "Basic QUM6eA==".parse().unwrap());
    assert_eq!(refused(&bench, wrong), (401, 20_003));
    let mut missing = bench.twilio_message(&[("Body", "x")]);
    missing.headers_mut().remove("authorization");
    assert_eq!(refused(&bench, missing), (401, 20_003));
    let messages = bench.messages();
    for (method, path) in [
        (Method::POST, "/2010-04-01/Accounts/ACffffffffffffffffffffffffffffffff/Messages.json".to_owned()),
        (Method::PUT, messages.clone()),
        (Method::POST, messages.replace("Messages", "Calls")),
        (Method::GET, messages.replace(".json", "/SM00000000000000000000000000000001.json")),
        (Method::GET, "/2010-04-01/Accounts".to_owned()),
        (Method::POST, "/v2/Content".to_owned()),
        (Method::POST, "/v1/LegacyContent".to_owned()),
        (Method::GET, "/v2/Indicators/Typing.json".to_owned()),
    ] {
        assert_eq!(
            refused(&bench, bench.to_twilio(method, &path, &[("Body", "x")])),
            (404, 20_404),
            "{path}"
        );
    }
}

#[test]
fn typing_needs_a_message_of_the_channel() {
    let bench = Bench::new();
    let ask = |form: &[(&str, &str)]| bench.to_twilio(Method::POST, "/v2/Indicators/Typing.json", form);
    let sid = ("messageId", "SM00000000000000000000000000000009");
    assert_eq!(bench.json(ask(&[sid, ("channel", "whatsapp")])), (200, json!({ "success": true })));
    for form in
        [vec![sid], vec![("channel", "whatsapp")], vec![("messageId", "wamid.x"), ("channel", "whatsapp")]]
    {
        assert_eq!(refused(&bench, ask(&form)), (400, 20_001), "{form:?}");
    }
    assert!(bench.simulator.deliveries().is_empty());
}

#[test]
fn the_list_has_the_newest_first_and_pages() {
    let bench = Bench::new();
    let list = |query: &str| {
        let path = format!("{}?{query}", bench.messages());
        let (status, answer) = bench.json(bench.to_twilio(Method::GET, &path, &[]));
        assert_eq!(status, 200);
        let messages = answer["messages"].as_array().unwrap();
        let bodies: Vec<String> =
            messages.iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect();
        (bodies, answer)
    };
    assert_eq!(list("PageSize=1").0, Vec::<String>::new());
    for (to, body) in [(ADA, "a"), (ADA, "b"), ("+15557650000", "c")] {
        let to = format!("whatsapp:{to}");
        assert_eq!(bench.json(bench.twilio_message(&[("To", &to), ("Body", body)])).0, 201);
    }
    let (bodies, first) = list("PageSize=1");
    assert_eq!(bodies, ["c"]);
    assert_eq!(first["previous_page_uri"], Value::Null);
    let next = first["next_page_uri"].as_str().unwrap();
    let (_, query) = next.split_once('?').unwrap();
    assert_eq!(list(query).0, ["b"]);
    let (bodies, last) = list("To=whatsapp%3A%2B15557654321");
    assert_eq!(bodies, ["b", "a"]);
    assert_eq!((&last["next_page_uri"], &last["page_size"]), (&Value::Null, &json!(50)));
    assert_eq!(list("From=whatsapp%3A%2B1").0, Vec::<String>::new());
}

#[test]
fn a_message_of_a_service_is_listed_for_no_number_at_first() {
    let bench = Bench::new();
    let service = bench.accounts.messaging_service_sid.as_str();
    let own = [("From", ""), ("MessagingServiceSid", service), ("Body", "x")];
    assert_eq!(bench.json(bench.twilio_message(&own)).0, 201);
    let from = bench.accounts.twilio_number.replace('+', "%2B");
    let path = format!("{}?From=whatsapp%3A{from}", bench.messages());
    let listed = || {
        let (_, answer) = bench.json(bench.to_twilio(Method::GET, &path, &[]));
        answer["messages"].as_array().unwrap().len()
    };
    assert_eq!(listed(), 0);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(listed(), 1);
}

#[test]
fn a_lost_answer_can_be_looked_for() {
    for (fault, by_default, with_promise) in
        [(Fault::AcceptThenDrop, SentLookup::CannotTell, true), (Fault::Hang, SentLookup::NotSeen, false)]
    {
        let bench = Bench::new();
        let service = bench.accounts.messaging_service_sid.as_str();
        let twilio = bench.simulator.twilio().messaging_service_sid(service);
        let cautious = twilio.clone().build().unwrap();
        let promised = twilio.same_text_is_same_message(true).build().unwrap();
        bench.simulator.fault_next(Side::Twilio, fault);
        let message = OutboundMessage::text(bench.ada().phone(), "Your table is ready");
        let attempt = Attempt::with_id(AttemptId::from_u128(7)).with_deadline(Duration::from_secs(15));
        let query = SentQuery::new(attempt.id, message.clone(), bench.clock.now());
        let error = bench.clock.block_on(cautious.send_attempt(&message, &attempt)).unwrap_err();
        assert_eq!(error.acceptance(), Acceptance::Unknown);

        assert_eq!(bench.clock.block_on(cautious.find_sent(&query)).unwrap(), by_default);
        let found = match bench.clock.block_on(promised.find_sent(&query)).unwrap() {
            SentLookup::Found(receipt) => Some(receipt.message.unwrap().id),
            other => {
                assert_eq!(other, SentLookup::NotSeen);
                None
            }
        };
        let delivered = bench.simulator.deliveries().pop().map(|delivery| delivery.message_id);
        assert_eq!((found.is_some(), found), (with_promise, delivered));
    }
}

#[test]
fn a_message_goes_through_its_life() {
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Twilio, Duration::ZERO);
    let (_, answer) = bench.json(bench.twilio_message(&[("Body", "x")]));
    let path = answer["uri"].as_str().unwrap();
    for (after, status, sent) in [
        (0, "queued", false),
        (299, "queued", false),
        (1, "sent", true),
        (600, "delivered", true),
        (4099, "delivered", true),
        (1, "read", true),
    ] {
        bench.clock.advance(Duration::from_millis(after));
        let (_, now) = bench.json(bench.to_twilio(Method::GET, path, &[]));
        assert_eq!((&now["status"], now["date_sent"].is_string()), (&json!(status), sent));
    }
    // Without a callback nobody is told.
    assert_eq!(bench.simulator.next_webhook_at(), None);
}

#[test]
fn outside_of_the_window_a_message_is_accepted_and_fails() {
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Twilio, Duration::ZERO);
    bench.simulator.register_content(CONTENT, "order_shipped", "en_US", Vec::<String>::new());
    bench.simulator.enforce_windows(true);
    let own = [("Body", "x"), ("StatusCallback", "https://example.test/status")];
    let (status, answer) = bench.json(bench.twilio_message(&own));
    assert_eq!((status, &answer["status"], &answer["error_code"]), (201, &json!("queued"), &Value::Null));
    assert!(bench.simulator.deliveries().is_empty());

    bench.clock.advance(Duration::from_secs(60));
    let (_, later) = bench.json(bench.to_twilio(Method::GET, answer["uri"].as_str().unwrap(), &[]));
    assert_eq!((&later["status"], &later["error_code"]), (&json!("failed"), &json!(63_016)));
    assert_eq!(later["date_sent"], Value::Null);
    let due = bench.simulator.due_webhooks();
    let [failed] = due.as_slice() else { panic!() };
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(failed.request.body()).unwrap();
    let field = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    assert_eq!((field("MessageStatus"), field("ErrorCode")), (Some("failed"), Some("63016")));

    assert_eq!(bench.json(bench.twilio_message(&[("ContentSid", CONTENT)])).0, 201);
    assert_eq!(bench.simulator.deliveries().len(), 1, "a template goes at any time");
    bench.ada().writes(Side::Twilio, "hi");
    assert_eq!(bench.json(bench.twilio_message(&own)).0, 201);
    assert_eq!(bench.simulator.deliveries().len(), 2);
}

#[test]
fn contents_read_back() {
    let bench = Bench::new();
    bench.simulator.register_content(CONTENT, "order_shipped", "en_US", ["1", "2"]);
    bench.simulator.register_content("HXnamed", "greeting", "pt_BR", ["customer"]);
    bench.simulator.register_content("HXplain", "hello", "en", Vec::<String>::new());
    bench.simulator.register_one_time_code(CODE, "verify", "en_US");
    let link = |url: &str| Media::Link(Link::new(url).unwrap());
    let mut place = Location::new(37.7876, -122.3942);
    place.name = Some("Office".to_owned());
    place.address = Some("375 Beale St".to_owned());
    for (own, content) in [
        (vec![("Body", "Hi\n& =+%")], Content::text("Hi\n& =+%")),
        (
            vec![("MediaUrl", "https://example.test/a.png?b=c&d=e"), ("Body", "Olá")],
            Content::image(link("https://example.test/a.png?b=c&d=e")).with_caption("Olá"),
        ),
        (
            vec![("MediaUrl", "https://example.test/a.ogg")],
            Content::audio(link("https://example.test/a.ogg")),
        ),
        (
            vec![("MediaUrl", "https://example.test/a.pdf")],
            Content::document(link("https://example.test/a.pdf")),
        ),
        (
            vec![("Body", "Office"), ("PersistentAction", "geo:37.7876,-122.3942|375 Beale St")],
            Content::Location(place),
        ),
        (
            vec![("ContentSid", CONTENT), ("ContentVariables", r#"{"2":"77","1":"Ada"}"#)],
            Content::Template(Template::new("order_shipped", "en_US").with_body(["Ada", "77"])),
        ),
        (
            vec![("ContentSid", "HXnamed"), ("ContentVariables", r#"{"customer":"Ada"}"#)],
            Content::Template(Template::new("greeting", "pt_BR").with_named("customer", "Ada")),
        ),
        (vec![("ContentSid", "HXplain")], Content::Template(Template::new("hello", "en"))),
        (
            vec![("ContentSid", CODE), ("ContentVariables", r#"{"1":"123456"}"#)],
            Content::Template(Template::authentication("verify", "en_US", "123456")),
        ),
    ] {
        assert!(bench.twilio_content(&own) == content, "{own:?}");
    }
    let media = bench.json(bench.twilio_message(&[("MediaUrl", "https://example.test/a.png")])).1;
    assert!(media["sid"].as_str().unwrap().starts_with("MM"));
    assert_eq!(media["num_media"], "1");
}

#[test]
fn users_without_a_number_are_reached_by_their_id() {
    let bench = Bench::new();
    let to = format!("whatsapp:{}", bench.ada().user_id(Side::Twilio).unwrap().as_str());
    bench.twilio_content(&[("To", &to), ("Body", "x")]);
    assert_eq!(bench.ada().received().len(), 1);
}

#[test]
fn a_key_does_what_the_password_does() {
    let bench = Bench::new();
    let message = OutboundMessage::text(bench.ada().phone(), "x");
    let send = |sid: &str, secret: &str| {
        let twilio = bench.simulator.twilio().api_key(sid, secret).build().unwrap();
        bench.clock.block_on(twilio.send(&message)).map_err(|error| error.kind())
    };
    let (sid, secret) = (bench.accounts.api_key_sid.as_str(), bench.accounts.api_key_secret.as_str());
    send(sid, secret).unwrap();
    assert_eq!(send(sid, &bench.accounts.auth_token), Err(crate::ErrorKind::Credentials));
    assert_eq!(bench.simulator.deliveries().len(), 1);
}
