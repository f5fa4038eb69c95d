use std::collections::HashSet;

use super::*;

pub(super) fn text(id: &str) -> Value {
    json!({"id": id, "from": "15550002222", "timestamp": "1790000000", "type": "text", "text": {"body": "Hi"}})
}

/// Kind and place or id of each event, in order.
fn outline(events: &[InboundEvent]) -> Vec<(&'static str, String)> {
    events
        .iter()
        .map(|event| {
            let id = event.id().as_str();
            // Without the hash: `x/<32 digits>/`.
            let place = if id.starts_with("x/") { id.get(34..).unwrap_or("") } else { id };
            (event.kind().as_str(), place.to_owned())
        })
        .collect()
}

pub(super) fn expect(body: &str, expected: &[(&'static str, &str)]) -> Vec<InboundEvent> {
    let events = read(body);
    let expected: Vec<_> = expected.iter().map(|(kind, id)| (*kind, (*id).to_owned())).collect();
    assert_eq!(outline(&events), expected, "{body}");
    events
}

#[test]
fn garbage_disturbs_no_neighbour() {
    let deep = format!("{{\"id\":\"wamid.D\",\"type\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let body = webhook(
        "messages",
        &value(json!({
            "messages": [text("wamid.1"), null, 7, "odd", [], "DEEP", {}, {"type": "hologram"}, text("wamid.2")],
            "statuses": [{"id": "wamid.3", "status": "sent"}, false, {"id": "wamid.3", "status": "read"}],
            "errors": [{}, {"code": 131_000}],
            "novelties": [{"action_type": "click"}, 5],
        })),
    )
    .replace("\"DEEP\"", &deep);
    // The lists stand in the order of their names, as this test writes them.
    let events = expect(
        &body,
        &[
            ("unrecognized", "/entry/0/changes/0/value/errors/0"),
            ("account", "/entry/0/changes/0/value/errors/1"),
            ("message", "message/wamid.1"),
            ("unrecognized", "/entry/0/changes/0/value/messages/1"),
            ("unrecognized", "/entry/0/changes/0/value/messages/2"),
            ("unrecognized", "/entry/0/changes/0/value/messages/3"),
            ("unrecognized", "/entry/0/changes/0/value/messages/4"),
            ("unrecognized", "message/wamid.D"),
            ("unrecognized", "/entry/0/changes/0/value/messages/6"),
            ("unrecognized", "/entry/0/changes/0/value/messages/7"),
            ("message", "message/wamid.2"),
            ("unrecognized", "/entry/0/changes/0/value/novelties/0"),
            ("unrecognized", "/entry/0/changes/0/value/novelties/1"),
            ("status", "status/wamid.3/sent"),
            ("unrecognized", "/entry/0/changes/0/value/statuses/1"),
            ("status", "status/wamid.3/read"),
        ],
    );
    for (index, what, raw) in [
        (3, Some("messages"), "null"),
        (4, Some("messages"), "7"),
        (5, Some("messages"), "\"odd\""),
        (7, None, deep.as_str()),
        (9, Some("hologram"), r#"{"type":"hologram"}"#),
        (11, Some("novelties"), r#"{"action_type":"click"}"#),
        (14, Some("statuses"), "false"),
    ] {
        let unrecognized = as_unrecognized(&events[index]);
        assert_eq!(unrecognized.what.as_deref(), what);
        assert_eq!(unrecognized.raw.as_text(), Some(raw));
    }
}

#[test]
fn lists_in_the_order_in_which_they_stand() {
    let list = |name: &str, id: &str| format!(r#""{name}":[{{"id":"{id}","status":"sent"}}]"#);
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"value":{{{},"metadata":{{"phone_number_id":"1"}},{},{}}},"field":"messages"}}]}}]}}"#,
        list("statuses", "1"),
        list("messages", "2"),
        list("statuses", "3"),
    );
    expect(&body, &[("status", "status/1/sent"), ("unrecognized", "message/2"), ("status", "status/3/sent")]);
}

#[test]
fn parts_of_the_wrong_type_are_events_themselves() {
    let good = value(json!({"messages": [text("wamid.1")]}));
    let body = json!({"entry": [
        5,
        {"id": "1"},
        {"id": "1", "changes": []},
        {"id": "1", "changes": "odd"},
        {"id": "1", "changes": [
            null,
            {},
            {"field": "messages"},
            {"field": "messages", "value": [1]},
            {"field": "messages", "value": {}},
            {"field": "messages", "value": value(json!({"contacts": [{"wa_id": "15550002222"}]}))},
            {"field": "messages", "value": value(json!({"messages": [], "statuses": null}))},
            {"field": "messages", "value": value(json!({"messages": {"id": "1"}, "statuses": 7, "fact": {"a": 1}}))},
            {"field": "messages", "value": good},
        ]},
    ]})
    .to_string();
    let events = expect(
        &body,
        &[
            ("unrecognized", "/entry/0"),
            ("unrecognized", "/entry/1"),
            ("unrecognized", "/entry/2"),
            ("unrecognized", "/entry/3/changes/0"),
            ("unrecognized", "/entry/4/changes/0"),
            ("unrecognized", "/entry/4/changes/1"),
            ("unrecognized", "/entry/4/changes/2"),
            ("unrecognized", "/entry/4/changes/3"),
            ("unrecognized", "/entry/4/changes/4"),
            ("unrecognized", "/entry/4/changes/5"),
            ("unrecognized", "/entry/4/changes/6"),
            ("unrecognized", "/entry/4/changes/7/value/messages/0"),
            ("unrecognized", "/entry/4/changes/7/value/statuses/0"),
            ("message", "message/wamid.1"),
        ],
    );
    assert_eq!(as_unrecognized(&events[0]).raw.as_text(), Some("5"));
    assert_eq!(as_unrecognized(&events[3]).raw.as_text(), Some("\"odd\""));
    assert_eq!(as_unrecognized(&events[11]).raw.as_text(), Some(r#"{"id":"1"}"#));

    let two = r#"{"entry":[{"changes":[{"field":"messages","value":{},"value":{"messages":[1]}}]}]}"#;
    let events = expect(two, &[("unrecognized", "/entry/0/changes/0")]);
    assert!(as_unrecognized(&events[0]).raw.as_text().unwrap().contains("[1]"));
}

#[test]
fn a_body_that_holds_nothing_is_one_event() {
    for body in [
        &b""[..],
        b"hello",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"{\"entry\":[]}",
        b"{\"entry\":null}",
        b"{\"object\":\"whatsapp_business_account\"}",
        b"{\"entry\":[{\"id\":\"\xff\"}]}",
        b"{\"entry\":[]} trailing",
    ] {
        let event = only(read_with(body, None, true));
        assert_eq!(as_unrecognized(&event).raw.as_bytes(), body);
        assert_eq!(event.raw().unwrap().as_bytes(), body);
        assert_eq!(event.id().as_str().len(), 34, "the hash and nothing more");
    }
    let again = |body: &[u8]| only(read_with(body, None, false)).id().clone();
    assert_eq!(again(b"hello"), again(b"hello"));
    assert_ne!(again(b"hello"), again(b"hello "));
    // The first 16 bytes of the SHA-256 of nothing.
    assert_eq!(again(b"").as_str(), "x/e3b0c44298fc1c149afbf4c8996fb924");
}

#[test]
fn a_thousand_equal_elements_are_a_thousand_events() {
    for element in [json!({"type": "system"}), json!(0), json!({})] {
        let list = vec![element; 1000];
        for lists in [
            json!({"messages": list}),
            json!({"statuses": list}),
            json!({"errors": list}),
            json!({"user_actions": list}),
            json!({"a/b~c": list}),
        ] {
            let body = webhook("messages", &value(lists));
            let events = read(&body);
            let ids: HashSet<_> = events.iter().map(InboundEvent::id).collect();
            assert_eq!((events.len(), ids.len()), (1000, 1000));
            assert_eq!(read(&body), events, "the same ids when it is delivered again");
        }
    }
    // The same list twice, and the same part twice, have different ids all the same.
    let twice = r#"{"entry":[{"changes":[{"field":"messages","value":{"messages":[1,1],"messages":[1]}}],"changes":[1]}],"entry":[1]}"#;
    expect(
        twice,
        &[
            ("unrecognized", "/entry/0/changes/0/value/messages/0"),
            ("unrecognized", "/entry/0/changes/0/value/messages/1"),
            ("unrecognized", "/entry/0/changes/0/value/messages/2"),
            ("unrecognized", "/entry/0/changes/1"),
            ("unrecognized", "/entry/1"),
        ],
    );
}

#[test]
fn names_of_lists_in_ids() {
    let odd = value(json!({"a/b~c": [1]}));
    expect(&webhook("messages", &odd), &[("unrecognized", "/entry/0/changes/0/value/a~1b~0c/0")]);
    // A name that is longer than any goes into no id; the list stays whole.
    let long = "n".repeat(65);
    let events = read(&webhook("messages", &value(json!({long: [1, 2, 3]}))));
    assert_eq!(as_unrecognized(&only(events)).raw.as_text(), Some("[1,2,3]"));
    let fits = "n".repeat(64);
    assert_eq!(read(&webhook("messages", &value(json!({fits: [1, 2, 3]})))).len(), 3);
}

/// What calls itself something that is no name is kept in its raw bytes only.
#[test]
fn a_name_is_made_of_few_characters() {
    let fits = "n".repeat(64);
    let long = "n".repeat(65);
    for (name, kept) in [
        ("hologram", true),
        ("v2", true),
        ("A_b.c-9", true),
        (&*fits, true),
        (&*long, false),
        ("15550002222", false),
        ("1.5", false),
        ("_.-", false),
        ("Ada Lovelace", false),
        ("+15550002222a", false),
        ("ada@shop.example", false),
        ("https://shop.example", false),
        ("a\nb", false),
        ("größe", false),
    ] {
        let expected = kept.then_some(name);
        let message = json!({"messages": [{"id": "wamid.1", "type": name}]});
        let list = json!({name: [1]});
        for body in [
            webhook("messages", &value(message)),
            webhook("messages", &value(list)),
            webhook(name, &value(json!({"calls": [1]}))),
            webhook(name, &json!({})),
            webhook(name, &json!(5)),
        ] {
            let event = only(read(&body));
            assert_eq!(as_unrecognized(&event).what.as_deref(), expected, "{body}");
        }
    }
    let number = webhook("messages", &value(json!({"messages": [{"type": 15_550_002_222_u64}]})));
    assert_eq!(as_unrecognized(&only(read(&number))).what, None);
}

#[test]
fn two_numbers_in_one_webhook() {
    let change = |number: &str, id: &str| {
        json!({"field": "messages", "value": {
            "metadata": {"phone_number_id": number}, "messages": [text(id)],
        }})
    };
    let body = json!({"entry": [
        {"id": "1", "changes": [change("10", "a"), change("20", "b")]},
        {"id": "2", "changes": [change("30", "c")]},
    ]});
    let events = read(&body.to_string());
    let numbers: Vec<_> = events.iter().map(|event| event.sender().unwrap().id.as_str()).collect();
    assert_eq!(numbers, ["10", "20", "30"]);
}

#[test]
fn raw_bytes_are_exact() {
    let element =
        "{ \"id\" : \"wamid.1\",\n \"type\":\"text\", \"text\":{\"body\":\"\\u00e4 1e2\"}, \"n\": 1.0e+2 }";
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"1"}},"messages":[ {element} , {{ }} ],"errors":[ {{"code":  1}} ],"statuses":[ {{"id":"1","status":"sent"}} ]}}}}]}}]}}"#
    );
    let raws = |keep| -> Vec<_> {
        let events = read_with(body.as_bytes(), None, keep);
        let raw = |event: &InboundEvent| event.raw().and_then(|raw| raw.as_text().map(str::to_owned));
        events.iter().map(raw).collect()
    };
    let kept = [element, "{ }", r#"{"code":  1}"#, r#"{"id":"1","status":"sent"}"#];
    assert_eq!(raws(true), kept.map(|raw| Some(raw.to_owned())));
    assert_eq!(raws(false), [None, None, None, None]);
    let events = read_with(body.as_bytes(), None, true);
    assert_eq!(as_message(&events[0]).text(), Some("ä 1e2"));
    assert_eq!(as_unrecognized(&events[1]).raw.as_text(), Some("{ }"));
}

/// The events are never much larger than the webhook: what stands once in it and is copied into each event is short.
#[test]
fn a_long_name_is_not_multiplied() {
    let long = "1".repeat(100_000);
    let value = json!({
        "metadata": {"phone_number_id": long},
        "contacts": [{"wa_id": "15550002222", "profile": {"name": long, "username": long}, "user_id": long}],
        "messages": vec![text("w"); 100],
        "errors": vec![json!({"code": 1}); 100],
        long.clone(): vec![1; 100],
    });
    let change = json!({"field": "messages", "value": value});
    let body = json!({"entry": [{"id": long, "changes": [change, {"field": long, "value": {"calls": vec![1; 100]}}]}]});
    let body = body.to_string();
    let events = read(&body);
    assert_eq!(events.len(), 301);
    let written = serde_json::to_string(&events).unwrap().len();
    assert!(written < 2 * body.len(), "{written} out of {}", body.len());
}

#[test]
fn deep_nesting_overflows_nothing() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"entry\":[", "]}")] {
        let nested = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for body in [
            nested.clone(),
            open.repeat(300_000),
            webhook("messages", &value(json!({"messages": ["DEEP", text("wamid.1")]})))
                .replace("\"DEEP\"", &nested),
            webhook("messages", &value(json!({"messages": [{"type": "text", "id": "1", "text": "DEEP"}]})))
                .replace("\"DEEP\"", &nested),
        ] {
            assert!(!read(&body).is_empty());
        }
    }
}
