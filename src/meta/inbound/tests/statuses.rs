use super::*;
use crate::address::{PhoneNumber, UserId};
use crate::error::{Acceptance, ErrorKind};
use crate::ids::AttemptId;
use crate::inbound::{Conversation, DeliveryState, Notice, Pricing, User};

fn status_event(status: Value) -> InboundEvent {
    let contact = json!({"user_id": "US.1234", "profile": {"username": "ada.l"}});
    let value = value(json!({"contacts": [contact], "statuses": [status]}));
    only(read(&webhook("messages", &value)))
}

fn status(members: Value) -> StatusUpdate {
    let mut all = json!({"id": "wamid.OUT", "status": "sent", "timestamp": "1790000000"});
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    as_status(&status_event(all)).clone()
}

fn phone() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

#[test]
fn states_and_their_ids() {
    for (word, state) in [
        ("sent", DeliveryState::Sent),
        ("delivered", DeliveryState::Delivered),
        ("read", DeliveryState::Read),
        ("played", DeliveryState::Played),
        ("failed", DeliveryState::Failed),
        ("teleported", DeliveryState::Other("teleported".to_owned())),
    ] {
        let event = status_event(json!({"id": "wamid.OUT", "status": word, "timestamp": 1_790_000_000}));
        assert_eq!(event.id().as_str(), format!("status/wamid.OUT/{word}"));
        assert_eq!(event.occurred_at(), Some(at(1_790_000_000)));
        assert_eq!(event.sender(), Some(&sender()));
        let status = as_status(&event);
        assert_eq!((&status.message, &status.state), (&ours("wamid.OUT"), &state));
        assert_eq!(status.to, User::default());
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<InboundEvent>(&json).unwrap(), event);
    }
    for odd in [
        json!({"id": "wamid.OUT"}),
        json!({"id": "wamid.OUT", "status": ""}),
        json!({"status": "sent"}),
        json!({"id": {}, "status": "sent"}),
        json!("sent"),
        json!(7),
        json!(null),
    ] {
        let event = status_event(odd);
        assert!(event.id().as_str().starts_with("x/"));
        assert_eq!(as_unrecognized(&event).what.as_deref(), Some("statuses"));
    }
}

#[test]
fn recipients_and_members_of_groups() {
    assert_eq!(status(json!({"recipient_id": "15550002222"})).to, User::with_phone(phone()));
    let user = UserId::new("US.1234").unwrap();
    let ada = User { username: Some("ada.l".to_owned()), ..User::with_user(user.clone()) };
    assert_eq!(status(json!({"recipient_user_id": "US.1234"})).to, ada);
    let both = json!({"recipient_id": 15_550_002_222_u64, "recipient_user_id": "US.1234"});
    assert_eq!(status(both).to, User { phone: Some(phone()), ..ada.clone() });

    let event = status_event(json!({
        "id": "wamid.OUT", "status": "read", "recipient_id": "120363000000000000", "recipient_type": "group",
        "recipient_participant_id": "15550002222", "recipient_participant_user_id": "US.1234",
    }));
    assert_eq!(event.id().as_str(), "status/wamid.OUT/read/15550002222");
    assert_eq!(as_status(&event).to, User::default(), "a group's id is no number");
    assert_eq!(as_status(&event).participant, Some(User { phone: Some(phone()), ..ada.clone() }));
    let event = status_event(json!({
        "id": "wamid.OUT", "status": "read", "recipient_type": "group", "recipient_participant_user_id": "US.1234",
    }));
    assert_eq!(event.id().as_str(), "status/wamid.OUT/read/US.1234");
    assert_eq!(as_status(&event).participant, Some(ada));
}

#[test]
fn attempt_and_reference_come_back_apart() {
    const ID: &str = "000102030405060708090a0b0c0d0e0f";
    let attempt: AttemptId = ID.parse().unwrap();
    for (callback, id, reference) in [
        (ID.to_owned(), Some(attempt), None),
        (format!("{ID}|order-77"), Some(attempt), Some("order-77".to_owned())),
        (format!("{ID}|a|b"), Some(attempt), Some("a|b".to_owned())),
        (format!("{ID}|"), Some(attempt), None),
        ("order-77".to_owned(), None, Some("order-77".to_owned())),
        ("a|b".to_owned(), None, Some("a|b".to_owned())),
        (format!("{}|x", ID.to_uppercase()), None, Some(format!("{}|x", ID.to_uppercase()))),
        (format!("{ID}0|x"), None, Some(format!("{ID}0|x"))),
        (String::new(), None, None),
    ] {
        let status = status(json!({"biz_opaque_callback_data": callback}));
        assert_eq!((status.attempt, status.reference), (id, reference), "{callback}");
    }
}

#[test]
fn failures_are_told_apart_and_none_is_lost() {
    let error = |code: Value| {
        json!({"code": code, "title": "Payment", "message": "Payment",
               "error_data": {"details": "No method."}, "href": "https://errors.example"})
    };
    let failed = status(json!({
        "status": "failed",
        "errors": [error(json!(131_042)), error(json!("131049")), {"title": "?"}, 7, error(json!(999_999))],
    }));
    let kinds: Vec<_> = failed.failures.iter().map(|f| (f.kind, f.code)).collect();
    assert_eq!(
        kinds,
        [
            (ErrorKind::AccountBlocked, Some(131_042)),
            (ErrorKind::RecipientRefused, Some(131_049)),
            (ErrorKind::Unrecognized, None),
            (ErrorKind::Unrecognized, None),
            (ErrorKind::Unrecognized, Some(999_999)),
        ]
    );
    for failure in &failed.failures {
        assert_eq!(failure.acceptance, Acceptance::Unknown);
        assert_eq!(failure.provider, Some(ProviderId::META));
        assert_eq!(failure.status, None);
    }
    let proofs: Vec<_> = failed.failures.iter().map(|failure| failure.proves_undelivered).collect();
    assert_eq!(proofs, [true, true, false, false, false]);
    assert_eq!(failed.failures[0].details.as_deref(), Some("Payment: No method."));
    assert_eq!(status(json!({"errors": error(json!(131_026))})).failures.len(), 1);
    assert_eq!(status(json!({"errors": []})).failures.len(), 0);
}

#[test]
fn nobody_got_it_only_if_it_failed_for_everybody() {
    let proves = |members: Value| {
        let mut all = json!({"errors": [{"code": 131_047}]});
        for (name, value) in members.as_object().unwrap() {
            all[name] = value.clone();
        }
        status(all).failures[0].proves_undelivered
    };
    assert!(proves(json!({"status": "failed"})));
    for word in ["sent", "delivered", "read", "held", "teleported"] {
        assert!(!proves(json!({"status": word})), "{word}");
    }
    let member = json!({
        "status": "failed", "recipient_type": "group", "recipient_participant_id": "15550002222",
    });
    assert!(!proves(member), "other members may have it");
}

#[test]
fn what_it_cost() {
    let status = status(json!({
        "pricing": {"billable": "true", "pricing_model": "PMP", "type": "regular", "category": "utility"},
        "conversation": {"id": "72b1", "expiration_timestamp": "1790086400", "origin": {"type": "marketing"}},
    }));
    let some = |text: &str| Some(text.to_owned());
    let pricing = Pricing {
        billable: Some(true),
        model: some("PMP"),
        kind: some("regular"),
        category: some("utility"),
    };
    assert_eq!(status.pricing, Some(pricing));
    let mut conversation = Conversation::new("72b1");
    conversation.expires_at = Some(at(1_790_086_400));
    conversation.origin = some("marketing");
    assert_eq!(status.conversation, Some(conversation));
    for odd in [json!({"pricing": 5, "conversation": "?"}), json!({"conversation": {}})] {
        let status = self::status(odd);
        assert_eq!((status.pricing, status.conversation), (None, None));
    }
}

#[test]
fn errors_beside_the_messages_are_news_about_the_account() {
    let errors = json!([
        {"code": 130_429, "title": "Rate limit hit", "message": "Rate limit hit", "error_data": {"details": "Slow."}},
        {"title": "no code"},
        "odd",
    ]);
    let events = read(&webhook("messages", &value(json!({"errors": errors}))));
    assert_eq!(events.len(), 3);
    let EventKind::Account(news) = events[0].kind() else { panic!("{:?}", events[0]) };
    assert_eq!(news.account.as_deref(), Some("200000000000009"));
    let Notice::Failed { failure } = &news.notice else { panic!("{news:?}") };
    assert_eq!((failure.kind, failure.code), (ErrorKind::Throttled, Some(130_429)));
    assert_eq!((failure.acceptance, failure.proves_undelivered), (Acceptance::Unknown, false));
    assert_eq!(failure.details.as_deref(), Some("Rate limit hit: Slow."));
    assert_eq!(events[0].sender(), Some(&sender()));
    for event in &events[1..] {
        assert_eq!(as_unrecognized(event).what.as_deref(), Some("errors"));
    }
}
