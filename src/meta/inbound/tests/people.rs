use super::*;
use crate::address::{PhoneNumber, UserId};
use crate::inbound::{Notice, User};

#[test]
fn senders_by_each_of_their_names() {
    let text = |mut message: Value, contacts: Value| {
        message["id"] = "wamid.IN".into();
        message["type"] = "text".into();
        message["text"] = json!({"body": "Hi"});
        let value = value(json!({"contacts": contacts, "messages": [message]}));
        only(read_with(webhook("messages", &value).as_bytes(), Some("P1"), false))
    };
    let phone = PhoneNumber::parse("+15550002222").unwrap();
    let user = |id: &str| UserId::new(id).unwrap().with_scope("P1");
    let ada = json!({"profile": {"name": "Ada", "username": "ada.l"}, "wa_id": "15550002222"});
    let named = |names: User| User {
        profile_name: Some("Ada".to_owned()),
        username: Some("ada.l".to_owned()),
        ..names
    };
    let by_phone = User::with_phone(phone);
    // Linked portfolios share it, so it has no scope.
    let parent = UserId::new("US.ENT.9").unwrap();
    let by_user = User { parent_user: Some(parent), ..User::with_user(user("US.1234")) };
    for (message, contacts, expected) in [
        (json!({"from": "15550002222"}), json!([ada]), named(by_phone.clone())),
        (json!({"from": 15_550_002_222_u64}), json!([]), by_phone.clone()),
        (json!({"from": "+15550002222"}), json!("?"), by_phone.clone()),
        // No number at all.
        (
            json!({"from_user_id": "US.1234", "from_parent_user_id": "US.ENT.9"}),
            json!([{"user_id": "US.1234", "profile": {"name": "Ada", "username": "ada.l"}}]),
            named(by_user.clone()),
        ),
        // Empty strings are nothing.
        (
            json!({"from": "", "from_user_id": "US.1234"}),
            json!([{"wa_id": "", "user_id": "US.1234", "parent_user_id": "US.ENT.9", "profile": {"name": ""}}]),
            by_user.clone(),
        ),
        // The contact knows the other name.
        (
            json!({"from": "15550002222"}),
            json!([{"wa_id": "15550002222", "user_id": "US.1234", "parent_user_id": "US.ENT.9"}]),
            User { phone: Some(phone), ..by_user.clone() },
        ),
        // By id and not by place: the first contact is somebody else.
        (
            json!({"from": "15550002222"}),
            json!([{"wa_id": "15550003333", "profile": {"name": "Bob"}}, 7, ada]),
            named(by_phone.clone()),
        ),
        (
            json!({"from": "15550002222"}),
            json!([{"wa_id": "15550003333", "profile": {"name": "Bob"}}]),
            by_phone.clone(),
        ),
        // One name the same and the other not: not the same person for certain.
        (
            json!({"from": "15550002222", "from_user_id": "US.77"}),
            json!([{"wa_id": "15550002222", "user_id": "US.1234", "profile": {"name": "Ada"}}]),
            User { phone: Some(phone), ..User::with_user(user("US.77")) },
        ),
        // Nobody is named; nobody is guessed.
        (json!({}), json!([ada]), User::default()),
    ] {
        let event = text(message.clone(), contacts);
        assert_eq!(as_message(&event).from, expected, "{message}");
    }
    for message in [
        json!({"from": "Ada"}),
        json!({"from": "US.1234"}),
        json!({"from": "123"}),
        json!({"from": {"phone": 1}}),
        json!({"from": true}),
        json!({"from": "15550002222", "from_user_id": "a b"}),
        json!({"from": "15550002222", "from_user_id": [1]}),
        json!({"from": "15550002222", "group_id": "a b"}),
        json!({"from": "15550002222", "group_id": {"id": "g"}}),
    ] {
        as_unrecognized(&text(message, json!([])));
    }
    // What no profile has is not copied into every event.
    let long = "x".repeat(257);
    let event =
        text(json!({"from": "15550002222"}), json!([{"wa_id": "15550002222", "profile": {"name": long}}]));
    assert_eq!(as_message(&event).from, by_phone);
}

#[test]
fn only_the_ids_of_one_portfolio_have_a_scope() {
    let user = |id: &str| UserId::new(id).unwrap();
    let names = |user: UserId, parent: UserId| User { parent_user: Some(parent), ..User::with_user(user) };
    let value = value(json!({
        "messages": [{"id": "wamid.IN", "type": "text", "text": {"body": "Hi"}, "from_user_id": "US.1",
            "from_parent_user_id": "US.ENT.1",
            "context": {"id": "wamid.OUT", "from_user_id": "US.2", "from_parent_user_id": "US.ENT.2"}}],
        "statuses": [{"id": "wamid.OUT", "status": "read", "recipient_user_id": "US.3",
            "recipient_parent_user_id": "US.ENT.3", "recipient_participant_user_id": "US.4",
            "recipient_participant_parent_user_id": "US.ENT.4"}],
    }));
    let events = read_with(webhook("messages", &value).as_bytes(), Some("P1"), false);
    let message = as_message(&events[0]);
    let status = as_status(&events[1]);
    let quoted = message.reply_to.as_ref().unwrap();
    for (number, found) in [
        (1, Some(&message.from)),
        (2, quoted.author.as_ref()),
        (3, Some(&status.to)),
        (4, status.participant.as_ref()),
    ] {
        let own = user(&format!("US.{number}")).with_scope("P1");
        assert_eq!(found, Some(&names(own, user(&format!("US.ENT.{number}")))));
    }
}

#[test]
fn the_identity_key_of_whoever_wrote() {
    let value = value(json!({
        "contacts": [{"wa_id": "15550002222", "identity_key_hash": "IpM1k+9x=", "profile": {"name": "Ada"}}],
        "messages": [{"id": "wamid.IN", "from": "15550002222", "type": "text", "text": {"body": "Hi"}}],
    }));
    let event = only(read(&webhook("messages", &value)));
    assert_eq!(as_message(&event).from.identity_key_hash.as_deref(), Some("IpM1k+9x="));
}

/// It is not settled whether the people of a standby change stand in its lists' object or beside it.
#[test]
fn the_people_of_a_standby_change_stand_in_either_place() {
    let contacts = json!([{"user_id": "US.1234", "profile": {"name": "Ada"}}]);
    let lists = json!({"messages": [
        {"id": "wamid.IN", "from_user_id": "US.1234", "type": "text", "text": {"body": "Hi"}},
    ]});
    let mut inside = json!({"standby": lists});
    inside["standby"]["contacts"] = contacts.clone();
    let beside = json!({"standby": lists, "contacts": contacts});
    for lists in [inside, beside] {
        let event = only(read(&webhook("standby", &value(lists))));
        let EventKind::Observed(message) = event.kind() else { panic!("{event:?}") };
        assert_eq!(message.from.profile_name.as_deref(), Some("Ada"));
    }
}

#[test]
fn the_ids_of_everything_else_have_the_scope_too() {
    let own = |id: &str| Some(UserId::new(id).unwrap().with_scope("P1"));
    let scoped =
        |field: &str, value: &Value| only(read_with(webhook(field, value).as_bytes(), Some("P1"), false));
    let text = json!({"id": "wamid.1", "type": "text", "text": {"body": "Hi"}, "from_user_id": "US.1"});
    let echo = json!({"id": "wamid.1", "type": "text", "text": {"body": "Hi"}, "to_user_id": "US.1"});
    let thread = json!({"id": "?", "context": {"user_id": "US.1"}, "messages": [text]});
    let system = json!({"id": "wamid.1", "type": "system", "from_user_id": "US.0",
        "system": {"type": "user_changed_user_id", "previous_user_id": "US.0", "user_id": "US.1"}});
    for (field, lists) in [
        ("standby", json!({"standby": {"messages": [text]}})),
        ("message_echoes", json!({"message_echoes": [echo]})),
        ("history", json!({"history": [{"threads": [thread]}]})),
        ("messages", json!({"messages": [system]})),
    ] {
        let event = scoped(field, &value(lists));
        assert_eq!(event.user().unwrap().user, own("US.1"), "{field}");
    }
    let wish = json!({"user_id": "US.1", "value": "stop"});
    let event = scoped("user_preferences", &value(json!({"user_preferences": [wish]})));
    let EventKind::Account(news) = event.kind() else { panic!("{event:?}") };
    let Notice::MarketingPreference { user, .. } = &news.notice else { panic!("{news:?}") };
    assert_eq!(user.user, own("US.1"));
    let handover = json!({"type": "control_passed", "sender": {"user_id": "US.1"}});
    let event = scoped("messaging_handovers", &handover);
    let EventKind::Account(news) = event.kind() else { panic!("{event:?}") };
    let Notice::Handover { user, .. } = &news.notice else { panic!("{news:?}") };
    assert_eq!(user.user, own("US.1"));
}
