use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::ids::AttemptId;
use crate::outbound::Content;
use crate::simulator::Side;
use crate::simulator::harness::{ADA, Bench};

#[test]
fn an_accepted_message_is_answered_as_meta_does() {
    let bench = Bench::new();
    let id = AttemptId::from_u128(7);
    let message = bench.meta_message(&json!({
        "type": "text",
        "text": { "body": "Olá", "preview_url": true },
        "biz_opaque_callback_data": format!("{id}|order-77"),
    }));
    let (status, answer) = bench.json(message);
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": ADA, "wa_id": "15557654321" }],
            "messages": [{ "id": "wamid.HBgLMTU1NTc2NTQzMjEVAgARGBIwMDAwMDAwMDAwMDAwMDAwMDEA" }],
        })
    );
    let received = bench.ada().received();
    let [delivery] = received.as_slice() else { panic!() };
    assert_eq!(delivery.side, Side::Meta);
    assert_eq!(delivery.message_id, answer["messages"][0]["id"].as_str().unwrap());
    assert_eq!(delivery.attempt, Some(id));
    assert_eq!(delivery.reference.as_deref(), Some("order-77"));
    assert_eq!(delivery.at, bench.clock.now().saturating_sub(Duration::from_millis(40)));
    let Content::Text(text) = &delivery.content else { panic!() };
    assert_eq!((text.body.as_str(), text.preview_url), ("Olá", Some(true)));
}

#[test]
fn recipients_are_numbers_with_or_without_plus_and_user_ids() {
    let bench = Bench::new();
    let user_id = bench.ada().user_id(Side::Meta).unwrap();
    for (own, contact) in [
        (json!({ "to": "15557654321" }), json!({ "input": "15557654321", "wa_id": "15557654321" })),
        (
            json!({ "to": "+1 (555) 765-4321" }),
            json!({ "input": "+1 (555) 765-4321", "wa_id": "15557654321" }),
        ),
        (
            json!({ "to": null, "recipient": user_id.as_str() }),
            json!({ "input": user_id.as_str(), "user_id": user_id.as_str() }),
        ),
        (json!({ "recipient": "US.elsewhere" }), json!({ "input": ADA, "wa_id": "15557654321" })),
    ] {
        let mut own = own;
        own["type"] = "text".into();
        own["text"] = json!({ "body": "x" });
        let (status, answer) = bench.json(bench.meta_message(&own));
        assert_eq!((status, &answer["contacts"]), (200, &json!([contact])), "{own}");
    }
    assert_eq!(bench.ada().received().len(), 4);
}

/// Status, code and subcode of a refusal, which must have reached nobody.
fn refused(bench: &Bench, request: http::Request<bytes::Bytes>) -> (u16, Value, Value) {
    let before = bench.simulator.deliveries().len();
    let (status, answer) = bench.json(request);
    let error = &answer["error"];
    assert!(error["message"].is_string() && error["type"].is_string(), "{answer}");
    assert!(error["fbtrace_id"].is_string(), "{answer}");
    assert_eq!(bench.simulator.deliveries().len(), before);
    assert!(!bench.simulator.requests().last().unwrap().accepted);
    (status, error["code"].clone(), error["error_subcode"].clone())
}

#[test]
fn refusals_name_the_token_and_the_object() {
    let bench = Bench::new();
    let number = bench.accounts.phone_number_id.as_str();
    let messages = format!("/v23.0/{number}/messages");
    let text = r#"{"messaging_product":"whatsapp","to":"+15557654321","type":"text","text":{"body":"x"}}"#;

    let mut wrong = bench.to_meta(Method::POST, &messages, text);
    wrong.headers_mut().insert("authorization", "Bearer other".parse().unwrap());
    assert_eq!(refused(&bench, wrong), (401, 190.into(), Value::Null));
    let mut missing = bench.to_meta(Method::POST, &messages, text);
    missing.headers_mut().remove("authorization");
    assert_eq!(refused(&bench, missing), (401, 190.into(), Value::Null));

    let paths = [
        (Method::POST, "/v23.0/999/messages".to_owned()),
        (Method::GET, "/v23.0/999".to_owned()),
        (Method::GET, messages.clone()),
        (Method::GET, format!("/v23.0/{number}/media")),
        (Method::POST, format!("/v23.0/{number}")),
        (Method::POST, format!("/{number}/messages")),
        (Method::POST, format!("/v23./{number}/messages")),
        (Method::GET, "/".to_owned()),
    ];
    for (method, path) in paths {
        let request = bench.to_meta(method, &path, text);
        assert_eq!(refused(&bench, request), (400, 100.into(), 33.into()), "{path}");
    }
    let (_, answer) = bench.json(bench.to_meta(Method::POST, "/v23.0/999/messages", text));
    assert_eq!(answer["error"]["type"], "GraphMethodException");
}

#[test]
fn refusals_of_messages() {
    let bench = Bench::new();
    let path = format!("/v23.0/{}/messages", bench.accounts.phone_number_id);
    for body in ["", "no JSON", "[]", "{}", r#"{"to":"+15557654321","type":"text","text":{"body":"x"}}"#] {
        let request = bench.to_meta(Method::POST, &path, body);
        assert_eq!(refused(&bench, request), (400, 100.into(), Value::Null), "{body}");
    }
    let text = |own: Value| {
        let mut message = json!({ "type": "text", "text": { "body": "x" } });
        message.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        message
    };
    let long = |count: usize| "ä".repeat(count);
    for (own, code) in [
        (text(json!({ "type": null })), 100),
        (text(json!({ "type": "" })), 100),
        (text(json!({ "text": null })), 100),
        (text(json!({ "text": { "body": 1 } })), 100),
        (text(json!({ "text": { "body": long(4097) } })), 100),
        (text(json!({ "to": null })), 100),
        (text(json!({ "to": "12" })), 100),
        (text(json!({ "to": "++15557654321" })), 100),
        (text(json!({ "to": null, "recipient": "US.1349" })), 100),
        (text(json!({ "recipient_type": "group", "to": "Y2Fw" })), 131_041),
        (text(json!({ "biz_opaque_callback_data": "x".repeat(513) })), 100),
        (json!({ "status": "read" }), 100),
        (json!({ "status": "seen", "message_id": "wamid.x" }), 100),
        (json!({ "type": "image", "image": {} }), 100),
        (json!({ "type": "image", "image": { "id": "1", "link": "https://example.test/a.png" } }), 100),
        (json!({ "type": "image", "image": { "link": "ftp://example.test/a.png" } }), 100),
        (json!({ "type": "location", "location": { "latitude": "north", "longitude": 1 } }), 100),
        (json!({ "type": "interactive", "interactive": { "type": "button", "action": {} } }), 100),
        (
            json!({ "type": "interactive", "interactive": { "type": "location_request_message", "action": { "name": "x" } } }),
            100,
        ),
        (json!({ "type": "template", "template": { "name": "t" } }), 100),
        (
            json!({ "type": "template", "template": { "name": "t", "language": { "code": "en" }, "components": [{ "type": "foot" }] } }),
            100,
        ),
    ] {
        let request = bench.meta_message(&own);
        assert_eq!(refused(&bench, request), (400, code.into(), Value::Null), "{own}");
    }
    let (_, answer) = bench.json(bench.meta_message(&text(json!({ "type": null }))));
    assert_eq!(answer["error"]["message"], "(#100) Invalid parameter");
    assert_eq!(answer["error"]["error_data"]["details"], "The parameter type is required.");

    // Both limits are the last that goes.
    bench.meta_content(&text(json!({ "text": { "body": long(4096) } })));
    bench.meta_content(&text(json!({ "biz_opaque_callback_data": "x".repeat(512) })));
}

#[test]
fn marking_as_read_sends_nothing() {
    let bench = Bench::new();
    for own in [
        json!({ "status": "read", "message_id": "wamid.x" }),
        json!({ "status": "read", "message_id": "wamid.x", "typing_indicator": { "type": "text" } }),
    ] {
        assert_eq!(bench.json(bench.meta_message(&own)), (200, json!({ "success": true })));
    }
    assert!(bench.simulator.deliveries().is_empty());
    assert_eq!(bench.simulator.next_webhook_at(), None);
    assert!(bench.simulator.requests().iter().all(|request| request.accepted));
}

#[test]
fn outside_of_the_window_only_a_template_goes() {
    let bench = Bench::new();
    let template = json!({ "type": "template", "template": { "name": "t", "language": { "code": "en" } } });
    bench.simulator.enforce_windows(true);
    assert_eq!(refused(&bench, bench.meta_text("x")), (400, 131_047.into(), Value::Null));
    let (status, answer) = bench.json(bench.meta_message(&template));
    assert_eq!((status, &answer["messages"][0]["message_status"]), (200, &json!("accepted")));

    bench.ada().writes(Side::Twilio, "hi");
    assert_eq!(refused(&bench, bench.meta_text("x")), (400, 131_047.into(), Value::Null));
    bench.ada().writes(Side::Meta, "hi");
    assert_eq!(bench.json(bench.meta_text("x")).0, 200);
    bench.clock.advance(Duration::from_secs(86_400));
    assert_eq!(refused(&bench, bench.meta_text("x")), (400, 131_047.into(), Value::Null));
    bench.simulator.enforce_windows(false);
    assert_eq!(bench.json(bench.meta_text("x")).0, 200);
}

#[test]
fn a_direct_send_goes_outside_of_the_window_as_a_template_does() {
    let bench = Bench::new();
    bench.simulator.enforce_windows(true);
    let text = |own: Value| {
        let mut message = json!({ "type": "text", "text": { "body": "x" } });
        message.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        bench.meta_message(&message)
    };
    for own in [
        json!({ "category": "utility" }),
        json!({ "category": "utility", "ttl_seconds": 30 }),
        json!({ "category": "utility", "ttl_seconds": 43_200 }),
        json!({ "category": "authentication", "ttl_seconds": 900 }),
    ] {
        assert_eq!(bench.json(text(own.clone())).0, 200, "{own}");
    }
    for own in [
        json!({ "category": "marketing" }),
        json!({ "category": 1 }),
        json!({ "ttl_seconds": 60 }),
        json!({ "category": "utility", "ttl_seconds": 29 }),
        json!({ "category": "utility", "ttl_seconds": 43_201 }),
        json!({ "category": "authentication", "ttl_seconds": 901 }),
        json!({ "category": "utility", "ttl_seconds": "60" }),
        json!({ "category": "utility", "type": "location", "location": { "latitude": 1, "longitude": 2 } }),
    ] {
        assert_eq!(refused(&bench, text(own.clone())), (400, 100.into(), Value::Null), "{own}");
    }
}

#[test]
fn cards_are_numbered_in_their_order() {
    let bench = Bench::new();
    let card = |index: u8, of: Value| {
        let mut card = json!({ "card_index": index });
        card.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        card
    };
    let web = || json!({ "type": "product", "action": { "catalog_id": "7", "product_retailer_id": "a" } });
    let filled = || json!({ "components": [] });
    let carousel = |second: u8| {
        bench.meta_message(&json!({ "type": "interactive", "interactive": {
            "type": "carousel", "body": { "text": "x" },
            "action": { "cards": [card(0, web()), card(second, web())] },
        } }))
    };
    let template = |second: u8| {
        bench.meta_message(&json!({ "type": "template", "template": {
            "name": "t", "language": { "code": "en" },
            "components": [{ "type": "carousel", "cards": [card(0, filled()), card(second, filled())] }],
        } }))
    };
    for (second, status) in [(0, 400), (1, 200), (2, 400)] {
        assert_eq!(bench.json(carousel(second)).0, status, "{second}");
        assert_eq!(bench.json(template(second)).0, status, "{second}");
    }
}

#[test]
fn the_marketing_api_takes_templates_only() {
    let bench = Bench::new();
    let post = |own: Value| {
        let mut message = json!({
            "messaging_product": "whatsapp", "to": ADA,
            "type": "template", "template": { "name": "t", "language": { "code": "en" } },
        });
        message.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let path = format!("/v25.0/{}/marketing_messages", bench.accounts.phone_number_id);
        bench.to_meta(Method::POST, &path, &message.to_string())
    };
    for own in [
        json!({}),
        json!({ "product_policy": "STRICT", "message_activity_sharing": true }),
        json!({ "product_policy": "CLOUD_API_FALLBACK", "message_activity_sharing": false }),
    ] {
        assert_eq!(bench.json(post(own.clone())).0, 200, "{own}");
    }
    for (own, code) in [
        (json!({ "type": "text", "text": { "body": "x" } }), 131_055),
        (json!({ "product_policy": "strict" }), 100),
        (json!({ "message_activity_sharing": "yes" }), 100),
        (json!({ "to": "" }), 100),
    ] {
        assert_eq!(refused(&bench, post(own.clone())), (400, code.into(), Value::Null), "{own}");
    }
    let garbage = format!("/v25.0/{}/marketing_messages", bench.accounts.phone_number_id);
    assert_eq!(refused(&bench, bench.to_meta(Method::POST, &garbage, "x")), (400, 100.into(), Value::Null));
}

#[test]
fn callback_data_is_an_attempt_and_a_reference() {
    let bench = Bench::new();
    let id = AttemptId::from_u128(9);
    for (data, attempt, reference) in [
        (format!("{id}|order|77"), Some(id), Some("order|77")),
        (format!("{id}|"), Some(id), None),
        (format!("{id}"), Some(id), None),
        ("order|77".to_owned(), None, Some("order|77")),
        ("order".to_owned(), None, Some("order")),
    ] {
        let own = json!({ "type": "text", "text": { "body": "x" }, "biz_opaque_callback_data": data });
        bench.meta_content(&own);
        let delivery = bench.simulator.deliveries().pop().unwrap();
        assert_eq!((delivery.attempt, delivery.reference.as_deref()), (attempt, reference), "{data}");
    }
}
