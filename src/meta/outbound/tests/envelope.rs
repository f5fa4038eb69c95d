use std::time::Duration;

use serde_json::json;

use super::*;
use crate::address::{GroupId, Recipient, UserId};
use crate::json::Json;
use crate::meta::{MarketingMessages, ProductPolicy};
use crate::outbound::{Category, Interactive, Raw, ReplyButton, Template, Wish};

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

    // A reaction stands on a message and quotes none: with a context it is refused.
    let reaction = || OutboundMessage::new(to(), Content::reaction(ours.clone(), "👍"));
    let (body, receipt) = posted(&reaction().with_reply_to(ours.clone()));
    assert_eq!(body.get("context"), None);
    assert_eq!(dropped(&receipt), [Wish::Quote]);
    assert_eq!(
        refused(&reaction().with_reply_to(ours.clone()).quote_required()),
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
    let later = text().with_send_at("2026-11-22T10:00:00Z".parse().unwrap());
    assert_eq!(refused(&later), (Unsupported, "send_at".to_owned()));
    assert_eq!(refused(&text().with_via_only(ProviderId::TWILIO)), (Unsupported, "via".to_owned()));
    assert_eq!(refused(&OutboundMessage::text(Recipient::Unknown, "Hi")), (InvalidMessage, "to".to_owned()));
}

#[test]
fn the_identity_key_that_the_user_must_have_goes_along() {
    let text = || OutboundMessage::text(to(), "Hi");
    let (body, receipt) = posted(&text().with_identity_key_hash("DF2lS5v2W6x="));
    assert_eq!(body["recipient_identity_key_hash"], "DF2lS5v2W6x=");
    assert_eq!(receipt.dropped(), []);
    assert!(posted(&text()).0.get("recipient_identity_key_hash").is_none());
    assert_eq!(refused(&text().with_identity_key_hash("")), (InvalidMessage, "identity_key_hash".to_owned()));
    let group = OutboundMessage::text(GroupId::new("Y2Fw").unwrap(), "Hi").with_identity_key_hash("K");
    assert_eq!(refused(&group), (Unsupported, "identity_key_hash".to_owned()));
    assert!(!format!("{:?}", text().with_identity_key_hash("DF2l")).contains("DF2l"));
}

#[test]
fn direct_sends_are_asked_for() {
    let text = || OutboundMessage::text(to(), "Your order 77 has shipped.");
    // A category alone is no Direct Send, and a time to live then means nothing.
    let (body, receipt) = posted(&text().with_category(Category::Utility).with_ttl(Duration::from_secs(60)));
    assert_eq!((body.get("category"), body.get("ttl_seconds")), (None, None));
    assert_eq!(receipt.dropped().len(), 1);

    let buttons = Interactive::buttons("Fine?", [ReplyButton::new("y", "Yes")]);
    let address = Interactive::cta_url("See it", "See", "https://shop.example");
    for content in [Content::text("Hi"), buttons.into(), address.into()] {
        for (category, word) in [(Category::Utility, "utility"), (Category::Authentication, "authentication")]
        {
            let message = OutboundMessage::new(to(), content.clone()).with_direct_send(category);
            let (body, _) = posted(&message);
            assert_eq!((body["category"].as_str(), body.get("ttl_seconds")), (Some(word), None));
            let (body, receipt) = posted(&message.with_ttl(Duration::from_secs(600)));
            assert_eq!((body["category"].as_str(), &body["ttl_seconds"]), (Some(word), &json!(600)));
            assert_eq!(receipt.dropped(), []);
        }
    }
    assert_eq!(
        posted(&text().with_direct_send(Category::Utility).with_ttl(Duration::from_secs(3600))).0,
        json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550002222",
            "biz_opaque_callback_data": "00000000000000000000000000000abc",
            "type": "text", "category": "utility", "ttl_seconds": 3600,
            "text": {"body": "Your order 77 has shipped."},
        })
    );

    // A template opens a conversation anyway.
    let template = OutboundMessage::template(to(), Template::new("t", "en"));
    let message = template.with_direct_send(Category::Utility).with_ttl(Duration::from_secs(60));
    let (body, receipt) = posted(&message);
    assert_eq!((body.get("category"), body.get("ttl_seconds")), (None, None));
    assert_eq!(receipt.dropped().len(), 1);

    let group = GroupId::new("Y2Fw").unwrap();
    for message in [
        OutboundMessage::new(to(), Content::image(stored())),
        OutboundMessage::new(to(), Content::location(1.0, 2.0)),
        OutboundMessage::new(group, Content::text("Hi")),
    ] {
        let message = message.with_direct_send(Category::Utility);
        assert_eq!(refused(&message), (Unsupported, "direct_send".to_owned()));
    }
    assert_eq!(
        refused(&text().with_direct_send(Category::Marketing)),
        (InvalidMessage, "category".to_owned())
    );
}

#[test]
fn marketing_goes_its_own_way_where_that_was_chosen() {
    let template = || OutboundMessage::template(to(), Template::new("sale", "en"));
    let marketing = || template().with_category(Category::Marketing);
    let raw = Raw::new(ProviderId::META, Json::parse(r#"{"type":"template","template":{}}"#).unwrap());
    let raw = OutboundMessage::new(to(), Content::Raw(raw)).with_category(Category::Marketing);
    let text = OutboundMessage::text(to(), "Sale").with_category(Category::Marketing);
    let group = OutboundMessage::new(GroupId::new("Y2Fw").unwrap(), Template::new("sale", "en"));
    let group = group.with_category(Category::Marketing);
    let settings =
        MarketingMessages::new().with_product_policy(ProductPolicy::Strict).with_activity_sharing(false);
    let fallback = MarketingMessages::new().with_product_policy(ProductPolicy::CloudApiFallback);
    let silent = (None, None);
    let strict = (Some(json!("STRICT")), Some(json!(false)));
    for (message, chosen, way, members) in [
        (marketing(), None, "messages", &silent),
        (marketing(), Some(settings), "marketing_messages", &strict),
        (marketing(), Some(MarketingMessages::new()), "marketing_messages", &silent),
        (marketing(), Some(fallback), "marketing_messages", &(Some(json!("CLOUD_API_FALLBACK")), None)),
        (raw, Some(settings), "marketing_messages", &strict),
        (template(), Some(settings), "messages", &silent),
        (template().with_category(Category::Utility), Some(settings), "messages", &silent),
        (text, Some(settings), "messages", &silent),
        (group, Some(settings), "messages", &silent),
    ] {
        let fake = Fake::new([Reply::Whole(200, TAKEN.to_owned())]);
        let builder = builder(&fake);
        let meta = chosen.map_or(builder, |chosen| super::builder(&fake).marketing_messages(chosen)).build();
        run(meta.unwrap().send(&message)).unwrap();
        let requests = fake.requests.lock().unwrap();
        assert_eq!(requests[0].request.uri().path(), format!("/v25.0/100000000000007/{way}"));
        let body = requests[0].json();
        let found = (body.get("product_policy").cloned(), body.get("message_activity_sharing").cloned());
        assert_eq!(&found, members);
    }
}
