use super::batches::{expect, text};
use super::*;

#[test]
fn other_changes_never_become_messages() {
    for (field, lists) in [
        ("smb_message_echoes", json!({"message_echoes": [text("1")], "messages": [text("1")]})),
        ("message_echoes", json!({"message_echoes": [text("1")]})),
        ("messages", json!({"message_echoes": [text("1")], "standby": {"messages": [text("1")]}})),
        ("standby", json!({"standby": {"messages": [text("1")], "message_echoes": [text("1")]}})),
        (
            "standby",
            json!({"standby": {"history": [{"threads": [{"id": "15550002222", "messages": [text("1")]}]}]}}),
        ),
        ("standby", json!({"messages": [text("1")]})),
        ("history", json!({"messages": [text("1")], "standby": {"messages": [text("1")]}})),
        ("history", json!({"history": [{"threads": [{"id": "15550002222", "messages": [text("1")]}]}]})),
        ("calls", json!({"messages": [text("1")], "calls": [text("1")]})),
        ("group_lifecycle_update", json!({"groups": [text("1")], "messages": [text("1")]})),
        ("user_preferences", json!({"messages": [text("1")]})),
        ("messages_of_2030", json!({"messages": [text("1")]})),
    ] {
        for event in read(&webhook(field, &value(lists.clone()))) {
            assert_ne!(event.kind().as_str(), "message", "{field}: {lists}");
            let reply = event.reply(crate::outbound::Content::text("never"));
            assert_eq!(reply.to, crate::address::Recipient::Unknown, "{field}: {lists}");
        }
    }
    // A list of these is read as what it is, in whatever change it stands; others are kept.
    for (field, lists, expected) in [
        ("messages", json!({"message_echoes": [text("1")]}), "echo"),
        ("messages", json!({"standby": {"messages": [text("1")]}}), "observed"),
        ("standby", json!({"messages": [text("1")]}), "observed"),
        ("group_lifecycle_update", json!({"messages": [text("1")]}), "unrecognized"),
        ("calls", json!({"statuses": [{"id": "wamid.1", "status": "sent"}]}), "account"),
        ("flows", json!({"statuses": [{"id": "wamid.1", "status": "sent"}]}), "unrecognized"),
        ("flows", json!({"calls": [{"id": "wacid.1", "event": "connect"}]}), "unrecognized"),
        ("flows", json!({"errors": [{"code": 1}]}), "account"),
    ] {
        let event = only(read(&webhook(field, &value(lists))));
        assert_eq!(event.kind().as_str(), expected, "{field}");
        if expected == "unrecognized" {
            assert_eq!(as_unrecognized(&event).what.as_deref(), Some(field));
        }
        assert_eq!(event.sender(), Some(&sender()));
    }
}

#[test]
fn lists_of_any_change_are_taken_apart() {
    // Beside a list that is known, nothing that could be an element is left out.
    let mixed = json!({
        "standby": {"messages": {"id": "1"}, "statuses": [1], "new": [2]}, "calls": "odd", "news": [3], "fact": 4,
    });
    expect(
        &webhook("calls", &mixed),
        &[
            ("unrecognized", "/entry/0/changes/0/value/calls/0"),
            ("unrecognized", "/entry/0/changes/0/value/news/0"),
            ("unrecognized", "/entry/0/changes/0/value/standby/messages/0"),
            ("unrecognized", "/entry/0/changes/0/value/standby/new/0"),
            ("unrecognized", "/entry/0/changes/0/value/standby/statuses/0"),
        ],
    );
    // In the order of the JSON, `standby` where it stands, and a list that is not known inside of it or beside it.
    for (value, expected) in [
        (r#"{"standby":{"messages":[{}]},"news":[3]}"#, &["standby/messages/0", "news/0"][..]),
        (r#"{"calls":[{}],"standby":{"message_edits":[{}]}}"#, &["calls/0", "standby/message_edits/0"]),
        (r#"{"standby":{"messages":[{}]},"calls":[{}]}"#, &["standby/messages/0", "calls/0"]),
        (r#"{"news":[1,2],"standby":{"new":[{}]}}"#, &["news/0", "news/1", "standby/new/0"]),
        (
            r#"{"standby":{"new":[1],"contacts":[2],"messages":[3]}}"#,
            &["standby/new/0", "standby/messages/0"],
        ),
        (
            r#"{"standby":{"calls":[1]},"calls":[2],"standby":{"calls":[3]}}"#,
            &["standby/calls/0", "calls/0", "standby/calls/1"],
        ),
        (r#"{"standby":[1,2],"calls":[3]}"#, &["standby/0", "standby/1", "calls/0"]),
        (r#"{"standby":7,"calls":[3]}"#, &["standby/0", "calls/0"]),
        (r#"{"calls":[3],"standby":{"standby":{"calls":[4]}}}"#, &["calls/0", "standby/standby/0"]),
        (
            r#"{"history":[{"threads":[{"messages":[1,2],"news":[3]},4],"threads":[5],"errors":6}]}"#,
            &[
                "history/0/threads/0/messages/0",
                "history/0/threads/0/messages/1",
                "history/0/threads/0/news/0",
                "history/0/threads/1",
                "history/0/threads/2",
                "history/0/errors/0",
            ],
        ),
    ] {
        let field = if value.contains("history") { "history" } else { "standby" };
        let body = format!(r#"{{"entry":[{{"changes":[{{"field":"{field}","value":{value}}}]}}]}}"#);
        let places: Vec<_> =
            expected.iter().map(|place| format!("/entry/0/changes/0/value/{place}")).collect();
        let expected: Vec<_> = places.iter().map(|place| ("unrecognized", place.as_str())).collect();
        expect(&body, &expected);
    }
    for (field, value) in [
        ("standby", json!({"standby": []})),
        ("standby", json!({"standby": {"new": [], "contacts": [1], "fact": 1}})),
        ("account_update", json!({"ban_info": {"waba_ban_state": "DISABLE"}})),
        ("messaging_handovers", json!({"type": "control_taken"})),
        ("from_2030", json!({"anything": [1, 2, 3]})),
        ("from_2030", json!({})),
    ] {
        let change = json!({"field": field, "value": value});
        let body = json!({"entry": [{"id": "9", "time": 1_790_000_050, "changes": [change]}]}).to_string();
        let events = expect(&body, &[("unrecognized", "/entry/0/changes/0")]);
        let unrecognized = as_unrecognized(&events[0]);
        assert_eq!(unrecognized.what.as_deref(), Some(field));
        assert_eq!(unrecognized.raw.as_text(), Some(&*change.to_string()));
        assert_eq!(events[0].occurred_at(), Some(at(1_790_000_050)));
        assert_eq!(events[0].sender(), None);
    }
}

#[test]
fn news_of_an_account_are_of_the_time_that_the_entry_says() {
    let value = json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}});
    let change = json!({"field": "account_update", "value": value});
    let body = json!({"entry": [{"id": 9, "time": "1790000050", "changes": [change]}]}).to_string();
    let event = only(read(&body));
    assert_eq!(event.occurred_at(), Some(at(1_790_000_050)));
    let EventKind::Account(news) = event.kind() else { panic!("{event:?}") };
    assert_eq!(news.account.as_deref(), Some("9"));
}
