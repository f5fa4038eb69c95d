use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::Result;
use crate::clock::{Clock, Timestamp};
use crate::error::{Acceptance, ErrorKind};
use crate::ids::{AttemptId, MessageRef, ProviderId, SenderId};
use crate::outbound::{AcceptedStatus, Content, Dropped, Link, Media, OutboundMessage, Template, Wish};
use crate::provider::{SentLookup, SentQuery, WhatsAppProvider};

/// When the attempt began.
const SINCE: &str = "2026-03-07T10:00:05Z";

fn query(message: OutboundMessage) -> SentQuery {
    SentQuery::new(AttemptId::from_u128(7), message, SINCE.parse().unwrap())
}

fn text() -> OutboundMessage {
    OutboundMessage::text(to(), "Your table is ready")
}

fn image() -> OutboundMessage {
    let link = Media::Link(Link::new("https://x.example/a.png").unwrap());
    OutboundMessage::new(to(), Content::image(link))
}

/// The message that is sought, with these members replaced.
fn listed(own: &Value) -> Value {
    let mut message = json!({
        "sid": MESSAGE, "status": "queued", "error_code": null, "error_message": null,
        "to": "whatsapp:+15551234567", "from": format!("whatsapp:{NUMBER}"), "messaging_service_sid": null,
        "body": "Your table is ready", "num_media": "0", "direction": "outbound-api",
        "date_created": "Sat, 07 Mar 2026 10:00:06 +0000", "date_sent": null,
    });
    message.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    message
}

fn page(messages: &[Value], next: Option<&str>) -> Reply {
    let page = json!({ "messages": messages, "next_page_uri": next }).to_string();
    Reply::With(200, page.leak())
}

/// Looks with a provider to whom the same text is the same message.
fn look(message: OutboundMessage, reply: Reply) -> Result<SentLookup> {
    let wire = Wire::answering([reply]);
    let twilio = sending(&wire).same_text_is_same_message(true).build().unwrap();
    let answer = block_on(twilio.find_sent(&query(message)));
    assert_eq!(wire.recorded().len(), 1);
    answer
}

fn looked(messages: &[Value]) -> SentLookup {
    look(text(), page(messages, None)).unwrap()
}

#[test]
fn a_text_that_is_there_once_is_found_if_there_can_be_no_other() {
    let SentLookup::Found(receipt) = looked(&[listed(&json!({}))]) else { panic!() };
    let sender = SenderId::new(ProviderId::TWILIO, NUMBER);
    assert_eq!(receipt.message, Some(MessageRef::new(sender, MESSAGE)));
    assert_eq!(receipt.status, Some(AcceptedStatus::Queued));
    assert_eq!(receipt.phone, Some(to()));
    assert_eq!(receipt.attempts.len(), 1);
    assert_eq!(receipt.attempts[0].id, AttemptId::from_u128(7));
    assert_eq!(receipt.attempts[0].failure, None);
    let reply = page(&[listed(&json!({}))], None);
    let SentLookup::Found(receipt) = look(text().with_reference("order-77"), reply).unwrap() else {
        panic!()
    };
    assert_eq!(receipt.dropped, [Dropped::new(Wish::Reference)], "as the send would have said");

    assert_eq!(looked(&[]), SentLookup::NotSeen);
    let twice = [listed(&json!({})), listed(&json!({"sid": "SM2"}))];
    assert_eq!(looked(&twice), SentLookup::CannotTell);
}

#[test]
fn by_default_nothing_is_certain() {
    for (messages, expected) in
        [(vec![], SentLookup::NotSeen), (vec![listed(&json!({}))], SentLookup::CannotTell)]
    {
        let wire = Wire::answering([page(&messages, None)]);
        let twilio = sending(&wire).build().unwrap();
        assert_eq!(block_on(twilio.find_sent(&query(text()))).unwrap(), expected);
    }
}

#[test]
fn whatever_differs_is_another_message() {
    for other in [
        json!({"to": "whatsapp:+15551234568"}),
        json!({"from": "whatsapp:+14155550100"}),
        json!({"from": null}),
        json!({"body": "Your table is ready."}),
        json!({"body": null}),
        // The same words below a picture.
        json!({"num_media": "1"}),
        json!({"direction": "inbound"}),
        json!({"direction": "outbound-reply"}),
        json!({"sid": "CA0123456789abcdef0123456789abcdef"}),
        json!({"date_created": null}),
        json!({"date_created": "yesterday"}),
    ] {
        assert_eq!(looked(&[listed(&other)]), SentLookup::NotSeen, "{other}");
        let both = [listed(&other), listed(&json!({}))];
        assert!(matches!(looked(&both), SentLookup::Found(_)), "{other}");
    }
}

#[test]
fn only_what_was_made_at_that_time_counts() {
    for (created, expected) in [
        // Twilio's clock may be five seconds behind.
        ("Sat, 07 Mar 2026 09:59:59 +0000", false),
        ("Sat, 07 Mar 2026 10:00:00 +0000", true),
        ("Sat, 07 Mar 2026 10:05:05 +0000", true),
        ("Sat, 07 Mar 2026 10:05:06 +0000", false),
    ] {
        let answer = looked(&[listed(&json!({"date_created": created}))]);
        assert_eq!(matches!(answer, SentLookup::Found(_)), expected, "{created}");
        assert_eq!(answer == SentLookup::NotSeen, !expected, "{created}");
    }
}

#[test]
fn what_is_further_back_than_the_page_is_not_known() {
    let newer = listed(&json!({"body": "Bye", "date_created": "Sat, 07 Mar 2026 11:00:00 +0000"}));
    let older = listed(&json!({"body": "Hi", "date_created": "Sat, 07 Mar 2026 09:59:59 +0000"}));
    let ours = listed(&json!({}));
    let found = |answer: &SentLookup| matches!(answer, SentLookup::Found(_));
    let look = |messages: &[Value], next| look(text(), page(messages, next)).unwrap();
    let next = Some("/2010-04-01/Accounts/AC0/Messages.json?Page=1");
    assert_eq!(look(std::slice::from_ref(&newer), next), SentLookup::CannotTell);
    assert_eq!(look(&[newer.clone(), ours.clone()], next), SentLookup::CannotTell);
    // As old as ours can be: ours may come after it.
    let same = listed(&json!({"body": "Hi", "date_created": "Sat, 07 Mar 2026 10:00:00 +0000"}));
    assert_eq!(look(&[newer.clone(), same], next), SentLookup::CannotTell);
    assert_eq!(look(&[newer.clone(), older.clone()], next), SentLookup::NotSeen);
    assert!(found(&look(&[newer.clone(), ours.clone(), older], next)));
    assert!(found(&look(&[newer, ours], None)));
}

#[test]
fn one_that_failed_is_refused_only_if_that_is_proof() {
    let look = |status: &str, code: Value| {
        looked(&[listed(&json!({"status": status, "error_code": code, "error_message": "words"}))])
    };
    for status in ["failed", "undelivered"] {
        let SentLookup::Refused(failure) = look(status, json!(63016)) else { panic!("{status}") };
        assert_eq!((failure.kind, failure.code), (ErrorKind::WindowClosed, Some(63016)));
        assert_eq!(failure.provider, Some(ProviderId::TWILIO));
        assert_eq!(failure.details.as_deref(), Some("words"));
        assert!(failure.proves_undelivered);
    }
    for (status, code) in [
        ("failed", json!(30008)),
        ("undelivered", json!(30410)),
        ("failed", Value::Null),
        ("sent", json!(63016)),
        ("delivered", Value::Null),
    ] {
        let SentLookup::Found(receipt) = look(status, code) else { panic!("{status}") };
        assert_eq!(receipt.status, Some(AcceptedStatus::Other(status.to_owned())));
    }
}

/// Whatever Twilio shows of them as a body: that of a template is the filled text, of a place its name, perhaps.
#[test]
fn what_is_no_text_is_never_found() {
    let template = Template::new("order_shipped", "en_US").with_body(["Ada", "77"]);
    let location = Content::location(1.5, 2.5);
    for content in [image().content, template.into(), location] {
        let wire = Wire::answering([]);
        let twilio = sending(&wire).template(content_template()).same_text_is_same_message(true);
        let twilio = twilio.build().unwrap();
        let query = query(OutboundMessage::new(to(), content));
        let look = |messages: &[Value]| {
            wire.replies.lock().unwrap().push_back(page(messages, None));
            block_on(twilio.find_sent(&query)).unwrap()
        };
        for (body, files) in [("", "1"), ("Ada, your order 77 has shipped", "0"), ("1.5,2.5", "0")] {
            let alike = listed(&json!({"body": body, "num_media": files}));
            assert_eq!(look(&[alike]), SentLookup::CannotTell, "{body}");
        }
        assert_eq!(look(&[]), SentLookup::NotSeen);
        assert_eq!(look(&[listed(&json!({"to": "whatsapp:+15551234568"}))]), SentLookup::NotSeen);
    }
}

#[test]
fn a_message_for_later_is_found_also_when_its_time_is_near() {
    let since = SINCE.parse::<Timestamp>().unwrap();
    let soon = since.saturating_add(Duration::from_secs(900));
    let wire = Wire::answering([page(
        &[listed(&json!({"status": "scheduled", "from": null, "messaging_service_sid": SERVICE}))],
        None,
    )]);
    let twilio = with_wire(&wire).messaging_service_sid(SERVICE).same_text_is_same_message(true);
    let clock = TestClock::new();
    clock.advance(soon.since(clock.now()));
    let twilio = twilio.clock(Arc::new(clock)).build().unwrap();
    let answer = block_on(twilio.find_sent(&query(text().with_send_at(soon)))).unwrap();
    let SentLookup::Found(receipt) = answer else { panic!("{answer:?}") };
    assert_eq!(receipt.status, Some(AcceptedStatus::Scheduled));
}

#[test]
fn the_list_is_asked_for_the_recipient_and_the_sender() {
    let wire = Wire::answering((0..4).map(|_| page(&[], None)));
    let number = sending(&wire).build().unwrap();
    let both = sending(&wire).messaging_service_sid(SERVICE).build().unwrap();
    let service = with_wire(&wire).messaging_service_sid(SERVICE).build().unwrap();
    for twilio in [&number, &both, &service] {
        block_on(twilio.find_sent(&query(text()))).unwrap();
    }
    block_on(number.find_sent(&query(OutboundMessage::text(bsuid(), "Hi")))).unwrap();
    let recorded = wire.recorded();
    let asked: Vec<_> = recorded
        .iter()
        .map(|recorded| {
            assert_eq!((&recorded.method, recorded.body.len()), (&http::Method::GET, 0));
            assert!(recorded.headers["authorization"].is_sensitive());
            let list = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json?");
            recorded.uri.strip_prefix(&list).unwrap()
        })
        .collect();
    // A message of a service has no sender at first, so the list would not show it for one.
    assert_eq!(
        asked,
        [
            "To=whatsapp%3A%2B15551234567&From=whatsapp%3A%2B14155238886&PageSize=50",
            "To=whatsapp%3A%2B15551234567&PageSize=50",
            "To=whatsapp%3A%2B15551234567&PageSize=50",
            "To=whatsapp%3AUS.13491208655302741918&From=whatsapp%3A%2B14155238886&PageSize=50",
        ]
    );
}

#[test]
fn a_service_may_not_have_chosen_its_number_yet() {
    let other = "MGffffffffffffffffffffffffffffffff";
    let (ours, pool) = (format!("whatsapp:{NUMBER}"), "whatsapp:+14155550100");
    for (number, service, from, expected) in [
        (false, SERVICE, None, Some(SERVICE)),
        (false, SERVICE, Some(pool), Some("+14155550100")),
        (false, other, None, None),
        (true, SERVICE, None, Some(NUMBER)),
        (true, SERVICE, Some(ours.as_str()), Some(NUMBER)),
        (true, SERVICE, Some(pool), None),
        (true, other, Some(ours.as_str()), None),
    ] {
        let message = listed(&json!({"messaging_service_sid": service, "from": from}));
        let wire = Wire::answering([page(&[message], None)]);
        let builder = if number { sending(&wire) } else { with_wire(&wire) };
        let builder = builder.messaging_service_sid(SERVICE).same_text_is_same_message(true);
        let answer = block_on(builder.build().unwrap().find_sent(&query(text()))).unwrap();
        let sender = match answer {
            SentLookup::Found(receipt) => Some(receipt.message.unwrap().sender.id),
            SentLookup::NotSeen => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(sender.as_deref(), expected, "{number} {service} {from:?}");
    }
}

#[test]
fn that_nobody_could_look_says_nothing_about_the_message() {
    for (reply, kind) in [
        (Reply::NoConnection, ErrorKind::Unavailable),
        (Reply::Silence, ErrorKind::Unavailable),
        (Reply::Cut(200), ErrorKind::NoAnswer),
        (Reply::With(200, "<html>welcome</html>"), ErrorKind::NoAnswer),
        (Reply::With(200, r#"{"messages":null,"next_page_uri":null}"#), ErrorKind::NoAnswer),
        (Reply::With(401, r#"{"code":20003}"#), ErrorKind::Credentials),
        (Reply::With(429, r#"{"code":20429}"#), ErrorKind::Throttled),
    ] {
        let wire = Wire::answering([reply.clone()]);
        let error = block_on(sending(&wire).build().unwrap().find_sent(&query(text()))).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, Acceptance::Unknown), "{reply:?}");
        assert_eq!(error.provider(), Some(&ProviderId::TWILIO));
    }
    // A page without a word about the next one may not be the last.
    let messages = json!({ "messages": [] }).to_string();
    let answer = look(text(), Reply::With(200, messages.leak())).unwrap();
    assert_eq!(answer, SentLookup::CannotTell);

    let reader = Twilio::webhook_only("t0ken", "https://wa.example/hook").unwrap();
    let error = block_on(reader.find_sent(&query(text()))).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("auth_token")));
}
