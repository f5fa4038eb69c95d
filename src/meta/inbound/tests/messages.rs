use super::*;
use crate::address::{GroupId, PhoneNumber, UserId};
use crate::ids::MediaRef;
use crate::inbound::{
    ButtonReply, EventId, InboundContent, InboundMedia, InboundReaction, ListReply, QuotedMessage, Referral,
    ReferredProduct, User,
};
use crate::outbound::Location;

fn file() -> InboundMedia {
    let kept = at(1_790_000_000 + 7 * 24 * 3600);
    InboundMedia::new(MediaRef::new(sender(), "300001").with_expiry(kept))
}

#[test]
fn every_content_that_is_read() {
    let mut image = file();
    image.mime_type = Some("image/jpeg".to_owned());
    image.sha256 = Some("SfInY0gG=".to_owned());
    image.caption = Some("Look".to_owned());
    image.url = Some("https://lookaside.example/1".to_owned());
    let mut voice = file();
    voice.mime_type = Some("audio/ogg; codecs=opus".to_owned());
    voice.voice = Some(true);
    let mut sound = file();
    sound.voice = Some(false);
    let mut document = file();
    document.filename = Some("bill.pdf".to_owned());
    let mut sticker = file();
    sticker.animated = Some(true);
    let mut place = Location::new(37.442_162_518_683_71, -122.0);
    place.name = Some("Mill".to_owned());
    place.address = Some("1 Long Street".to_owned());
    place.url = Some("https://maps.example/1".to_owned());
    let mut quick_reply = ButtonReply::new("STOP", "Stop");
    quick_reply.of_template = true;
    let mut bare_quick_reply = ButtonReply::new("Stop", "Stop");
    bare_quick_reply.of_template = true;
    let mut row = ListReply::new("express", "Express");
    row.description = Some("Next day".to_owned());
    let reaction = |emoji: Option<&str>| {
        InboundContent::Reaction(InboundReaction::new(ours("wamid.OLD"), emoji.map(str::to_owned)))
    };
    for (members, expected) in [
        (json!({"type": "text", "text": {"body": "Hi"}}), InboundContent::text("Hi")),
        (json!({"type": "text", "text": {"body": 42}}), InboundContent::text("42")),
        (json!({"type": "text", "text": {"body": ""}}), InboundContent::text("")),
        (
            json!({"type": "image", "image": {
                "id": "300001", "mime_type": "image/jpeg", "sha256": "SfInY0gG=", "caption": "Look",
                "url": "https://lookaside.example/1",
            }}),
            InboundContent::Image(image),
        ),
        (json!({"type": "video", "video": {"id": 300_001}}), InboundContent::Video(file())),
        (
            json!({"type": "audio", "audio": {
                "id": "300001", "mime_type": "audio/ogg; codecs=opus", "voice": true,
            }}),
            InboundContent::Audio(voice),
        ),
        (json!({"type": "audio", "audio": {"id": "300001", "voice": "false"}}), InboundContent::Audio(sound)),
        (
            json!({"type": "document", "document": {"id": "300001", "filename": "bill.pdf", "caption": ""}}),
            InboundContent::Document(document),
        ),
        (
            json!({"type": "sticker", "sticker": {"id": "300001", "animated": true}}),
            InboundContent::Sticker(sticker),
        ),
        (
            json!({"type": "location", "location": {
                "latitude": "37.44216251868371", "longitude": -122, "name": "Mill",
                "address": "1 Long Street", "url": "https://maps.example/1",
            }}),
            InboundContent::Location(place),
        ),
        (
            json!({"type": "button", "button": {"payload": "STOP", "text": "Stop"}}),
            InboundContent::Button(quick_reply),
        ),
        (json!({"type": "button", "button": {"text": "Stop"}}), InboundContent::Button(bare_quick_reply)),
        (
            json!({"type": "interactive", "interactive": {
                "type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"},
            }}),
            InboundContent::Button(ButtonReply::new("yes", "Yes")),
        ),
        (
            json!({"type": "interactive", "interactive": {
                "type": "list_reply",
                "list_reply": {"id": "express", "title": "Express", "description": "Next day"},
            }}),
            InboundContent::ListReply(row),
        ),
        (
            json!({"type": "reaction", "reaction": {"message_id": "wamid.OLD", "emoji": "👍"}}),
            reaction(Some("👍")),
        ),
        (json!({"type": "reaction", "reaction": {"message_id": "wamid.OLD"}}), reaction(None)),
        (json!({"type": "reaction", "reaction": {"message_id": "wamid.OLD", "emoji": ""}}), reaction(None)),
    ] {
        let event = message_event(members.clone());
        assert_eq!(as_message(&event).content, expected, "{members}");
        assert_eq!(event.id(), &EventId::new(["message", "wamid.IN"]));
        assert_eq!(event.sender(), Some(&sender()));
        assert_eq!(event.occurred_at(), Some(at(1_790_000_000)));
        assert_eq!(event.received_at(), at(ARRIVED));
        assert_eq!(event.raw(), None);
        assert_eq!(as_message(&event).message, ours("wamid.IN"));
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<InboundEvent>(&json).unwrap(), event);
    }
}

#[test]
fn known_types_with_odd_bodies_are_kept_whole() {
    for members in [
        json!({"type": "text"}),
        json!({"type": "text", "text": null}),
        json!({"type": "text", "text": "Hi"}),
        json!({"type": "text", "text": {}}),
        json!({"type": "text", "text": {"body": {"a": 1}}}),
        json!({"type": "image", "image": {"caption": "no id"}}),
        json!({"type": "image", "image": [1]}),
        json!({"type": "audio", "video": {"id": "300001"}}),
        json!({"type": "location", "location": {"latitude": 1}}),
        json!({"type": "location", "location": {"latitude": "NaN", "longitude": 1}}),
        json!({"type": "location", "location": {"latitude": "inf", "longitude": 1}}),
        json!({"type": "button", "button": {}}),
        json!({"type": "reaction", "reaction": {"emoji": "👍"}}),
        json!({"type": "interactive"}),
        json!({"type": "interactive", "interactive": {"button_reply": {"id": "1", "title": "x"}}}),
        json!({"type": "interactive", "interactive": {"type": "button_reply"}}),
        json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"title": "x"}}}),
        json!({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"name": "flow"}}}),
        json!({"type": "interactive", "interactive": {"type": "call_permission_reply", "call_permission_reply": {}}}),
        json!({"type": "interactive", "interactive": {
            "type": "call_permission_reply", "call_permission_reply": {"response": "perhaps"},
        }}),
        json!({"type": "contacts"}),
        json!({"type": "contacts", "contacts": {"name": {}}}),
        json!({"type": "contacts", "contacts": [{}, 5]}),
        json!({"type": "contacts", "contacts": [{"name": "Ada"}]}),
        json!({"type": "contacts", "contacts": [{"phones": {"phone": "1"}}]}),
        json!({"type": "contacts", "contacts": [{"phones": ["1"]}]}),
        json!({"type": "order"}),
        json!({"type": "order", "order": {"catalog_id": "1"}}),
        json!({"type": "order", "order": {"product_items": []}}),
        json!({"type": "order", "order": {"catalog_id": "1", "product_items": [5]}}),
        json!({"type": "order", "order": {"catalog_id": "1", "product_items": [{"quantity": 1}]}}),
        json!({"type": "order", "order": {"catalog_id": "1", "product_items": [{"product_retailer_id": "m"}]}}),
        json!({"type": "order", "order": {
            "catalog_id": "1", "product_items": [{"product_retailer_id": "m", "quantity": 1.5}],
        }}),
        json!({"type": "order", "order": {
            "catalog_id": "1", "product_items": [{"product_retailer_id": "m", "quantity": -1}],
        }}),
        json!({"type": "edit"}),
        json!({"type": "edit", "edit": {"original_message_id": "wamid.OLD"}}),
        json!({"type": "edit", "edit": {"message": {"type": "text", "text": {"body": "Hi"}}}}),
        json!({"type": "edit", "edit": {"original_message_id": "wamid.OLD", "message": {"type": "text"}}}),
        json!({"type": "revoke"}),
        json!({"type": "revoke", "revoke": {"original_message_id": ""}}),
        json!({"type": "system", "system": {"type": "user_changed_user_id", "body": "?"}}),
        json!({"type": "system", "system": {"body": "?"}}),
    ] {
        let event = message_event(members.clone());
        let unrecognized = as_unrecognized(&event);
        assert_eq!(unrecognized.what.as_deref(), members["type"].as_str(), "{members}");
        let own = |kind: &&str| ["edit", "revoke"].contains(kind);
        let kind = members["type"].as_str().filter(own).unwrap_or("message");
        assert_eq!(event.id(), &EventId::new([kind, "wamid.IN"]));
        assert_eq!(event.occurred_at(), Some(at(1_790_000_000)));
        let kept: Value = serde_json::from_slice(unrecognized.raw.as_bytes()).unwrap();
        assert_eq!(kept["from"], "15550002222");
    }
}

#[test]
fn types_that_are_not_read_are_kept_whole() {
    for kind in ["request_welcome", "hologram", "id", "from"] {
        let event = message_event(json!({"type": kind, "hologram": {"k": [1, {"x": null}]}}));
        let unrecognized = as_unrecognized(&event);
        assert_eq!(unrecognized.what.as_deref(), Some(kind));
        assert_eq!(unrecognized.reason, "a type that is not read");
    }
    let event = message_event(json!({"text": {"body": "Hi"}}));
    assert_eq!(as_unrecognized(&event).what, None);
    // Within an edit there is no other, however deep it goes.
    let inner = json!({"type": "edit", "edit": {"original_message_id": "1", "message": {"type": "text"}}});
    let event =
        message_event(json!({"type": "edit", "edit": {"original_message_id": "1", "message": inner}}));
    assert_eq!(as_unrecognized(&event).reason, "a type that is not read");
}

#[test]
fn no_reason_repeats_a_value() {
    for members in [
        json!({"type": "CANARY"}),
        json!({"type": "text", "text": {"body": {"CANARY": 1}}}),
        json!({"type": "text", "from": "CANARY", "text": {"body": "x"}}),
        json!({"type": "interactive", "interactive": {"type": "CANARY"}}),
    ] {
        let event = message_event(members);
        assert!(!as_unrecognized(&event).reason.contains("CANARY"));
        assert!(!format!("{:?}", as_unrecognized(&event).reason).contains("CANARY"));
    }
}

#[test]
fn what_a_message_says_of_other_messages() {
    let text = |members: Value| {
        let mut all = json!({"type": "text", "text": {"body": "Hi"}});
        for (name, value) in members.as_object().unwrap() {
            all[name] = value.clone();
        }
        as_message(&message_event(all)).clone()
    };
    let message = text(json!({
        "context": {"from": "15550007777", "id": "wamid.OUT",
                    "referred_product": {"catalog_id": "c1", "product_retailer_id": "p1"}},
        "group_id": "Y2Fw",
    }));
    let mut quoted = QuotedMessage::new(ours("wamid.OUT"));
    quoted.author = Some(User::with_phone(PhoneNumber::parse("+15550007777").unwrap()));
    assert_eq!(message.reply_to, Some(quoted));
    assert_eq!(message.product, Some(ReferredProduct::new("c1", "p1")));
    assert_eq!(message.group, Some(GroupId::new("Y2Fw").unwrap()));
    assert!(!message.forwarded && !message.frequently_forwarded);

    let message = text(json!({"context": {"id": "wamid.OUT", "from": "?", "from_user_id": "US.5"}}));
    let author = message.reply_to.unwrap().author.unwrap();
    assert_eq!(author, User::with_user(UserId::new("US.5").unwrap()));

    for (context, forwarded, frequently) in [
        (json!({"forwarded": true}), true, false),
        (json!({"frequently_forwarded": true}), true, true),
        (json!({"forwarded": false}), false, false),
        (json!({"from": "15550007777"}), false, false),
        (json!("odd"), false, false),
        (json!(null), false, false),
    ] {
        let message = text(json!({"context": context}));
        assert_eq!((message.forwarded, message.frequently_forwarded), (forwarded, frequently));
        assert_eq!(message.reply_to, None);
    }

    let message = text(json!({"referral": {
        "source_url": "https://ads.example/1", "source_id": 1202, "source_type": "ad", "headline": "H",
        "body": "B", "media_type": "video", "video_url": "https://ads.example/v", "ctwa_clid": "click",
        "thumbnail_url": "https://ads.example/t", "welcome_message": {"text": "Hello"},
    }}));
    let some = |text: &str| Some(text.to_owned());
    let referral = Referral {
        media_id: None,
        source_url: some("https://ads.example/1"),
        source_id: some("1202"),
        source_type: some("ad"),
        headline: some("H"),
        body: some("B"),
        media_type: some("video"),
        media_url: some("https://ads.example/v"),
        thumbnail_url: some("https://ads.example/t"),
        click_id: some("click"),
        welcome_message: some("Hello"),
    };
    assert_eq!(message.referral, Some(Box::new(referral)));
}

#[test]
fn times_in_any_form_and_none() {
    for (timestamp, expected) in [
        (json!("1790000000"), Some(at(1_790_000_000))),
        (json!(1_790_000_000), Some(at(1_790_000_000))),
        (json!("soon"), None),
        (json!(-5), None),
        (json!(u64::MAX), None),
        (json!({}), None),
        (json!(null), None),
    ] {
        let event = message_event(json!({"timestamp": timestamp, "type": "text", "text": {"body": "Hi"}}));
        assert_eq!(event.occurred_at(), expected);
        as_message(&event);
    }
}

#[test]
fn a_message_needs_an_id_and_a_number_of_ours() {
    for id in [json!(null), json!(""), json!({}), json!([])] {
        let event = message_event(json!({"id": id, "type": "text", "text": {"body": "Hi"}}));
        assert_eq!(as_unrecognized(&event).what.as_deref(), Some("text"));
        assert!(event.id().as_str().starts_with("x/"));
    }
    let message = json!({"id": "wamid.IN", "from": "15550002222", "type": "text", "text": {"body": "Hi"}});
    for metadata in [json!(null), json!({}), json!({"phone_number_id": ""}), json!([])] {
        let value = json!({"metadata": metadata, "messages": [message]});
        let event = only(read(&webhook("messages", &value)));
        as_unrecognized(&event);
        assert_eq!(event.sender(), None);
        assert_eq!(event.id().as_str(), "message/wamid.IN");
    }
    let value = json!({"metadata": {"phone_number_id": 7}, "messages": [message]});
    let event = only(read(&webhook("messages", &value)));
    assert_eq!(event.sender(), Some(&SenderId::new(ProviderId::META, "7")));
}

#[test]
fn a_form_that_is_nested_deep_can_be_read_back() {
    let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
    let reply = json!({"type": "nfm_reply", "nfm_reply": {"response_json": deep}});
    let event = message_event(json!({"type": "interactive", "interactive": reply}));
    let InboundContent::FlowReply(reply) = &as_message(&event).content else { panic!("{event:?}") };
    assert_eq!(reply.response.to_text(), format!("\"{deep}\""));
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<InboundEvent>(&json).unwrap(), event);
}
