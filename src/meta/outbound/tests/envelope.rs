use std::time::Duration;

use serde_json::json;

use super::*;
use crate::address::{GroupId, Recipient, UserId};
use crate::outbound::{Template, Wish};

#[test]
fn recipients_by_each_of_their_names() {
    let user = UserId::new("US.1234").unwrap();
    let scoped = |scope: &str| UserId::new("US.1234").unwrap().with_scope(scope);
    let both = |user| Recipient::from_names(Some(to()), Some(user));
    for (recipient, kind, phone, id) in [
        (Recipient::from(to()), "individual", Some("+15550002222"), None),
        (user.clone().into(), "individual", None, Some("US.1234")),
        (scoped("P1").into(), "individual", None, Some("US.1234")),
        (both(user.clone()), "individual", Some("+15550002222"), Some("US.1234")),
        // An id of another portfolio means nobody here, or somebody else: the number alone goes.
        (both(scoped("P2")), "individual", Some("+15550002222"), None),
        (GroupId::new("Y2Fw").unwrap().into(), "group", Some("Y2Fw"), None),
    ] {
        let fake = Fake::new([Reply::Whole(200, TAKEN.to_owned())]);
        let meta = builder(&fake).portfolio("P1").build().unwrap();
        run(meta.send(&OutboundMessage::text(recipient, "Hi"))).unwrap();
        let body = fake.requests.lock().unwrap()[0].json();
        assert_eq!(body["recipient_type"], kind);
        assert_eq!((body["to"].as_str(), body["recipient"].as_str()), (phone, id));
    }
    assert_eq!(refused(&OutboundMessage::text(scoped("P2"), "Hi")), (NotPortable, "to".to_owned()));
    // Who does not know its own portfolio cannot tell.
    let error = meta(&Fake::new([])).check(&OutboundMessage::text(scoped("P2"), "Hi")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (NotPortable, Some("to")));
    let (body, _) = posted(&OutboundMessage::text(both(scoped("P2")), "Hi"));
    assert_eq!((body["to"].as_str(), body.get("recipient")), (Some("+15550002222"), None));
    let (body, _) = posted(&OutboundMessage::text(user, "Hi"));
    assert_eq!(body["recipient"], "US.1234");
}

#[test]
fn quotes_references_and_wishes() {
    let ours = MessageRef::new(sender(), "wamid.IN");
    let theirs = MessageRef::new(elsewhere(), "wamid.IN");
    let text = || OutboundMessage::text(to(), "Hi");
    let dropped = |receipt: &SendReceipt| receipt.dropped().iter().map(|d| d.wish).collect::<Vec<_>>();

    let (body, receipt) = posted(&text().with_reply_to(ours.clone()).quote_required());
    assert_eq!(body["context"], json!({"message_id": "wamid.IN"}));
    assert_eq!(dropped(&receipt), []);

    let ttl = Duration::from_secs(60);
    let (body, receipt) = posted(&text().with_reply_to(theirs.clone()).with_ttl(ttl));
    assert_eq!(body.get("context"), None);
    assert_eq!(body.get("ttl_seconds"), None);
    assert_eq!(dropped(&receipt), [Wish::Quote, Wish::Ttl]);

    assert_eq!(refused(&text().with_reply_to(theirs).quote_required()), (NotPortable, "reply_to".to_owned()));
    assert_eq!(
        refused(&text().with_reply_to(MessageRef::new(sender(), ""))),
        (InvalidMessage, "reply_to".to_owned())
    );

    // A template is shown without what it quotes.
    let template = || OutboundMessage::template(to(), Template::new("t", "en"));
    let (body, receipt) = posted(&template().with_reply_to(ours.clone()));
    assert_eq!(body.get("context"), None);
    assert_eq!(dropped(&receipt), [Wish::Quote]);
    assert_eq!(
        refused(&template().with_reply_to(ours.clone()).quote_required()),
        (NotPortable, "reply_to".to_owned())
    );

    for (reference, expected) in [
        (None, "00000000000000000000000000000abc".to_owned()),
        (Some(""), "00000000000000000000000000000abc".to_owned()),
        (Some("order-77|x"), "00000000000000000000000000000abc|order-77|x".to_owned()),
        (Some(&*"r".repeat(400)), format!("00000000000000000000000000000abc|{}", "r".repeat(400))),
    ] {
        let mut message = text();
        message.reference = reference.map(str::to_owned);
        let (body, _) = posted(&message);
        assert_eq!(body["biz_opaque_callback_data"], expected);
        assert!(expected.len() <= 512);
    }
}

#[test]
fn only_what_is_meant_for_this_sender() {
    let text = || OutboundMessage::text(to(), "Hi");
    posted(&text().with_from(sender()));
    posted(&text().with_via_only(ProviderId::META));
    posted(&text().with_via(ProviderId::TWILIO));
    assert_eq!(refused(&text().with_from(elsewhere())), (Unsupported, "from".to_owned()));
    assert_eq!(refused(&text().with_via_only(ProviderId::TWILIO)), (Unsupported, "via".to_owned()));
    assert_eq!(refused(&OutboundMessage::text(Recipient::Unknown, "Hi")), (InvalidMessage, "to".to_owned()));
}
