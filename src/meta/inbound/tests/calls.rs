//! Calls, changes of a user's id, and since when a file is there.

use super::*;
use crate::address::{PhoneNumber, UserId};
use crate::inbound::{IdentityChange, InboundContent, Notice, User};

fn phone(digits: &str) -> User {
    User::with_phone(PhoneNumber::from_digits(digits).unwrap())
}

fn user(id: &str) -> User {
    User::with_user(UserId::new(id).unwrap())
}

#[test]
fn a_call_names_its_user() {
    let called = |list: &str, element: Value| {
        let contact = json!({"wa_id": "15550002222", "profile": {"name": "Ada"}});
        let event = only(read(&webhook("calls", &value(json!({"contacts": [contact], list: [element]})))));
        let EventKind::Account(news) = event.kind() else { panic!("{event:?}") };
        let Notice::Call { direction, data, .. } = &news.notice else { panic!("{news:?}") };
        assert_eq!(data.to_value::<Value>().unwrap(), element);
        (event.user().cloned(), direction.clone())
    };
    let ada = || Some(User { profile_name: Some("Ada".to_owned()), ..phone("15550002222") });
    for (members, expected) in [
        (json!({"from": "15550002222", "to": "15550007777", "direction": "USER_INITIATED"}), ada()),
        (json!({"from": "15550007777", "to": "15550002222", "direction": "BUSINESS_INITIATED"}), ada()),
        (json!({"from": "15550002222", "to": "15550007777"}), ada()),
        (json!({"from": "15550007777", "to": "15550002222"}), ada()),
        (json!({"from": "15550007777", "to_user_id": "US.1"}), Some(user("US.1"))),
        (json!({"from_user_id": "US.1", "direction": "USER_INITIATED"}), Some(user("US.1"))),
        (json!({"from": "15550007777"}), None),
        (json!({}), None),
    ] {
        let mut call = json!({"id": "wacid.1", "event": "connect"});
        call.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let direction = members["direction"].as_str().map(str::to_owned);
        assert_eq!(called("calls", call), (expected, direction), "{members}");
    }
    let status = json!({"id": "wacid.1", "status": "RINGING", "recipient_id": "15550002222"});
    assert_eq!(called("statuses", status), (ada(), None));
}

#[test]
fn a_call_that_is_nested_too_deep_says_so() {
    let deep = format!(r#"{{"id":"wacid.1","event":"connect","x":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    let body = webhook("calls", &value(json!({"calls": ["?"]}))).replace("\"?\"", &deep);
    let event = only(read(&body));
    let unrecognized = as_unrecognized(&event);
    assert_eq!(unrecognized.reason, "nested too deep, or with a number that is out of range");
    assert_eq!(unrecognized.raw.as_bytes(), deep.as_bytes());
}

fn change(event: &InboundEvent) -> &IdentityChange {
    let EventKind::Identity(change) = event.kind() else { panic!("{event:?}") };
    change
}

#[test]
fn a_number_has_changed_only_where_both_are_known() {
    let changed = |from: Option<&str>, wa_id: Option<&str>| {
        let body = json!({"type": "user_changed_user_id", "previous_user_id": "US.1", "user_id": "US.2", "wa_id": wa_id});
        let message =
            json!({"id": "1", "from": from, "from_user_id": "US.1", "type": "system", "system": body});
        let event = only(read(&webhook("messages", &value(json!({"messages": [message]})))));
        change(&event).number_changed
    };
    assert!(!changed(Some("15550002222"), None));
    assert!(!changed(None, Some("15550002222")));
    assert!(!changed(Some("15550002222"), Some("15550002222")));
    assert!(changed(Some("15550002222"), Some("15550003333")));
}

#[test]
fn changes_of_ids_in_a_list_of_their_own() {
    let both = json!({"wa_id": "15550002222", "detail": "Ada has another id", "timestamp": 1_790_000_000,
        "user_id": {"previous": "US.1", "current": "US.2"},
        "parent_user_id": {"previous": "US.ENT.1", "current": "US.ENT.2"}});
    let flat = json!({"wa_id": "15550002222", "previous_user_id": "US.1", "user_id": "US.2", "timestamp": "1790000000"});
    for field in ["user_id_update", "messages"] {
        for update in [&both, &flat] {
            let event = only(read(&webhook(field, &value(json!({"user_id_update": [update]})))));
            let change = change(&event);
            assert_eq!(event.occurred_at(), Some(at(1_790_000_000)));
            assert_eq!(change.before.user, user("US.1").user);
            assert_eq!(change.after.user, user("US.2").user);
            assert_eq!(change.after.phone, phone("15550002222").phone);
            assert!(!change.number_changed && !change.standby);
        }
        let event = only(read(&webhook(field, &value(json!({"user_id_update": [both]})))));
        assert_eq!(change(&event).after.parent_user, user("US.ENT.2").user);
        assert_eq!(change(&event).text.as_deref(), Some("Ada has another id"));
        for odd in [json!({"wa_id": "15550002222"}), json!({"user_id": {"previous": "US.1"}}), json!(7)] {
            let event = only(read(&webhook(field, &value(json!({"user_id_update": [odd]})))));
            as_unrecognized(&event);
        }
    }
}

#[test]
fn a_change_of_names_by_standby_is_not_to_be_answered() {
    let body = json!({"type": "user_changed_user_id", "user_id": "US.2"});
    let message = json!({"id": "1", "from_user_id": "US.1", "type": "system", "system": body});
    let event = only(read(&webhook("standby", &value(json!({"standby": {"messages": [message]}})))));
    assert!(change(&event).standby);
}

/// A webhook that comes again days later does not make a file younger.
#[test]
fn a_file_is_kept_from_when_its_message_was_written() {
    let week = 7 * 24 * 3600;
    let expires = |field: &str, lists: Value| {
        let event = only(read(&webhook(field, &value(lists))));
        let content = match event.kind() {
            EventKind::Message(message) | EventKind::Observed(message) => &message.content,
            EventKind::Echo(echo) => &echo.content,
            other => panic!("{other:?}"),
        };
        let InboundContent::Image(file) = content else { panic!("{content:?}") };
        file.media.expires_at.unwrap()
    };
    let image = |time: u64| json!({"id": "1", "from": "15550002222", "timestamp": time, "type": "image", "image": {"id": "3"}});
    let long_ago = ARRIVED - 100_000;
    assert_eq!(expires("messages", json!({"messages": [image(long_ago)]})), at(long_ago + week));
    assert_eq!(expires("messages", json!({"messages": [image(ARRIVED + 9)]})), at(ARRIVED + week));
    let standby = json!({"standby": {"messages": [image(long_ago)]}});
    assert_eq!(expires("standby", standby), at(long_ago + week));
    let mut echo = image(long_ago);
    echo["to"] = "15550002222".into();
    assert_eq!(expires("message_echoes", json!({"message_echoes": [echo]})), at(long_ago + week));
    // It was uploaded with the history.
    assert_eq!(expires("history", json!({"messages": [image(long_ago)]})), at(ARRIVED + week));
}
