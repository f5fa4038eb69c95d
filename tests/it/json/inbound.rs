//! What arrives.

use whatsapp_provider::inbound::{
    AccountNotice, ButtonReply, CallPermissionReply, Conversation, DeliveryState, Echo, Edit, EventId,
    FlowReply, IdentityChange, IdentityKey, InboundContent, InboundMedia, InboundMessage, InboundReaction,
    ListReply, Notice, Order, OrderItem, QuotedMessage, Referral, ReferredProduct, RestrictedMessages,
    Restriction, StatusUpdate, TemplateUpdate, Unrecognized, Unsupported, User,
};
use whatsapp_provider::testing::EventMaker;
use whatsapp_provider::{AttemptId, Content, EventKind, InboundEvent};

use super::*;

fn user() -> BoxedStrategy<User> {
    (option::of(phone()), option::of(user_id()), maybe(), maybe(), maybe())
        .prop_map(|(phone, user_id, username, name, key)| {
            let mut user = User::default();
            user.identity_key_hash = key;
            user.phone = phone;
            user.user = user_id;
            user.username = username;
            user.profile_name = name;
            user
        })
        .boxed()
}

fn inbound_media() -> BoxedStrategy<InboundMedia> {
    (media_ref(), maybe(), maybe(), option::of(any::<bool>()))
        .prop_map(|(media, mime_type, caption, voice)| {
            let mut file = InboundMedia::new(media);
            file.mime_type = mime_type;
            file.caption = caption;
            file.voice = voice;
            file.more = vec![file.clone()];
            file
        })
        .boxed()
}

fn inbound_content() -> BoxedStrategy<InboundContent> {
    prop_oneof![
        text().prop_map(InboundContent::text),
        inbound_media().prop_map(InboundContent::Image),
        inbound_media().prop_map(InboundContent::Audio),
        inbound_media().prop_map(InboundContent::Sticker),
        (degrees(), degrees()).prop_map(|(a, b)| {
            let Content::Location(location) = Content::location(a, b) else { panic!() };
            InboundContent::Location(location)
        }),
        vec(card(), 0..3).prop_map(InboundContent::contacts),
        (text(), text()).prop_map(|(id, title)| InboundContent::Button(ButtonReply::new(id, title))),
        (text(), text()).prop_map(|(id, title)| InboundContent::ListReply(ListReply::new(id, title))),
        any_json().prop_map(|json| InboundContent::FlowReply(FlowReply::new(json))),
        any::<bool>().prop_map(|yes| InboundContent::CallPermission(CallPermissionReply::new(yes))),
        (message_ref(), maybe())
            .prop_map(|(on, emoji)| InboundContent::Reaction(InboundReaction::new(on, emoji))),
        (text(), any::<u64>())
            .prop_map(|(id, n)| InboundContent::Order(Order::new(id.clone(), vec![OrderItem::new(id, n)]))),
        (message_ref(), text())
            .prop_map(|(original, new)| InboundContent::Edit(Edit::new(original, InboundContent::text(new)))),
        message_ref().prop_map(InboundContent::revoke),
        maybe().prop_map(|what| InboundContent::Unsupported(Unsupported::new(what))),
    ]
    .boxed()
}

/// News by their JSON: who reads events cannot make most of them.
fn notice() -> BoxedStrategy<Notice> {
    let restriction = (text(), 0_u8..3, option::of(moment())).prop_map(|(what, messages, until)| {
        let messages = match messages {
            0 => RestrictedMessages::BusinessInitiated,
            1 => RestrictedMessages::UserInitiated,
            _ => RestrictedMessages::None,
        };
        let restriction = Restriction::new(what).with_messages(messages);
        until.map_or(restriction.clone(), |until| restriction.with_end(until))
    });
    let template = (text(), text(), maybe(), option::of(moment()), option::of(any_json())).prop_map(
        |(name, event, words, at, data)| {
            let mut update = TemplateUpdate::new(name, event);
            (update.id, update.before, update.planned) = (words.clone(), words.clone(), words.clone());
            (update.title, update.text, update.recommendation) = (words.clone(), words.clone(), words);
            (update.disabled_at, update.data) = (at, data);
            Notice::template(update)
        },
    );
    let other =
        (any::<prop::sample::Index>(), text(), maybe(), any_json()).prop_map(|(which, word, words, data)| {
            let fits = |field: &str| words.clone().map(|words| (field.to_owned(), words.into()));
            let news = [
                serde_json::json!({ "notice": "violation" }),
                serde_json::json!({ "notice": "alert", "event": word }),
                serde_json::json!({ "notice": "review", "decision": word }),
                serde_json::json!({ "notice": "limits", "numbers": 7 }),
                serde_json::json!({ "notice": "updated", "event": word, "data": data }),
                serde_json::json!({ "notice": "number_quality", "event": word }),
                serde_json::json!({ "notice": "number_name", "decision": word }),
                serde_json::json!({ "notice": "username" }),
                serde_json::json!({ "notice": "user_action", "action": word, "data": data }),
                serde_json::json!({ "notice": "address_book", "card": {}, "removed": true }),
                serde_json::json!({ "notice": "security", "event": word }),
                serde_json::json!({ "notice": "handover", "user": {}, "in_control": true }),
                serde_json::json!({ "notice": "call", "event": word, "data": data }),
                serde_json::json!({ "notice": "call", "event": word, "user": {}, "data": data }),
            ];
            let mut news = which.get(&news).clone();
            let object = news.as_object_mut().unwrap();
            let optional = [
                "what",
                "severity",
                "text",
                "messages",
                "previous_limit",
                "status",
                "by",
                "before",
                "direction",
            ];
            object.extend(optional.into_iter().filter_map(fits));
            serde_json::from_value(news).unwrap()
        });
    prop_oneof![vec(restriction, 0..3).prop_map(Notice::restricted), template, other].boxed()
}

fn kind() -> BoxedStrategy<EventKind> {
    let known = (message_ref(), user(), inbound_content(), vec(failure(), 0..2));
    let message =
        (known, option::of(message_ref()), any::<bool>(), maybe(), any::<(bool, bool)>(), option::of(text()));
    let message = message.prop_map(|(known, quoted, forwarded, headline, flags, state)| {
        let (message, from, content, failures) = known;
        let mut message = InboundMessage::new(message, from, content);
        (message.standby, message.history) = flags;
        message.state = state.map(|word| DeliveryState::from_name(&word));
        message.failures = failures;
        message.reply_to = quoted.map(QuotedMessage::new);
        message.forwarded = forwarded;
        message.referral = headline.map(|headline| {
            let mut referral = Referral::default();
            referral.headline = Some(headline);
            Box::new(referral)
        });
        message.product = Some(ReferredProduct::new("c", "p"));
        EventKind::from(message)
    });
    let status = (message_ref(), text(), user(), option::of(any::<u128>()), maybe(), vec(failure(), 0..2));
    let status = (status, any::<bool>()).prop_map(|(known, standby)| {
        let (message, state, to, attempt, reference, failures) = known;
        let mut status = StatusUpdate::new(message, DeliveryState::from_name(&state));
        status.standby = standby;
        status.group = standby.then(|| GroupId::new("Y2Fw").unwrap());
        status.to = to;
        status.attempt = attempt.map(AttemptId::from_u128);
        status.reference = reference;
        status.failures = failures;
        status.conversation = Some(Conversation::new("id"));
        EventKind::from(status)
    });
    prop_oneof![
        message,
        status,
        (user(), user(), maybe(), option::of(moment()), maybe()).prop_map(
            |(before, after, hash, at, what)| {
                let mut change = IdentityChange::new(before, after);
                change.key = hash.map(|hash| {
                    let mut key = IdentityKey::new(hash);
                    (key.acknowledged, key.created_at) = (at.map(|_| true), at);
                    key
                });
                change.standby = what.is_some();
                change.what = what;
                change.into()
            }
        ),
        (message_ref(), user(), inbound_content(), option::of(message_ref())).prop_map(
            |(id, to, content, quoted)| {
                let mut echo = Echo::new(id, to, content);
                echo.reply_to = quoted.map(QuotedMessage::new);
                echo.state = Some(DeliveryState::Read);
                echo.into()
            }
        ),
        (notice(), maybe(), option::of(phone())).prop_map(|(notice, account, number)| {
            let mut news = AccountNotice::new(notice);
            (news.account, news.number) = (account, number);
            news.into()
        }),
        failure().prop_map(|failure| AccountNotice::new(Notice::failed(failure)).with_account("1").into()),
        maybe().prop_map(|reason| AccountNotice::new(Notice::blocked(reason)).into()),
        Just(AccountNotice::new(Notice::Reinstated).into()),
        (text(), vec(any::<u8>(), 0..50)).prop_map(|(reason, raw)| Unrecognized::new(reason, raw).into()),
    ]
    .boxed()
}

fn event() -> BoxedStrategy<InboundEvent> {
    let times = (option::of(moment()), moment());
    (text(), sender(), times, kind(), option::of(vec(any::<u8>(), 0..50)))
        .prop_map(|(id, sender, (occurred_at, received_at), kind, raw)| {
            let mut event =
                EventMaker::new(sender).at(received_at).event(EventId::new(["x", id.as_str()]), kind);
            if let Some(occurred_at) = occurred_at {
                event = event.with_occurred_at(occurred_at);
            }
            raw.map_or(event.clone(), |raw| event.with_raw(raw))
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn inbound_events(event in event()) {
        json(&event).unwrap();
        prop_assert!(!matches!(
            serde_json::from_str::<InboundEvent>(&serde_json::to_string(&event).unwrap()).unwrap().kind(),
            EventKind::Unrecognized(unrecognized) if unrecognized.reason.starts_with("a kind of event that this")
        ));
    }
}

/// What was written before fields were added is read as it was meant, and nothing is added to it.
#[test]
fn what_an_older_version_wrote_still_reads() {
    let message = r#"{"sender":{"provider":"meta","id":"1"},"id":"m"}"#;
    for (kind, value) in [
        ("message", format!(r#"{{"message":{message},"from":{{}},"content":{{"type":"text","body":"Hi"}}}}"#)),
        ("status", format!(r#"{{"message":{message},"state":"read"}}"#)),
        (
            "identity",
            r#"{"before":{"phone":"+15550002222"},"after":{"user":"US.1"},"number_changed":true,"text":"Hm"}"#.into(),
        ),
        (
            "echo",
            format!(r#"{{"message":{message},"to":{{}},"content":{{"type":"text","body":"Hi"}},"standby":true}}"#),
        ),
        ("account", r#"{"account":"1","notice":"blocked","reason":"x"}"#.into()),
        ("account", r#"{"notice":"restricted","restrictions":[{"what":"X"}]}"#.into()),
        ("account", r#"{"notice":"reinstated"}"#.into()),
        ("account", r#"{"notice":"number_quality","event":"x","limit":"y"}"#.into()),
        ("account", r#"{"notice":"number_name","decision":"x","name":"y"}"#.into()),
        (
            "account",
            r#"{"notice":"template","name":"x","language":"en","event":"PAUSED","aspect":"status","reason":"y"}"#
                .into(),
        ),
        ("account", r#"{"notice":"marketing_preference","user":{"user":"US.1"},"wanted":false}"#.into()),
        ("account", r#"{"notice":"security","event":"x"}"#.into()),
        ("account", r#"{"notice":"handover","user":{},"in_control":false}"#.into()),
        ("account", r#"{"notice":"call","event":"x","data":{"a":[1,null]}}"#.into()),
    ] {
        let json = format!(
            r#"{{"v":1,"id":"x/1","provider":"meta","received_at":"2026-11-22T10:00:00.000Z","kind":"{kind}","{kind}":{value}}}"#
        );
        let event: InboundEvent = serde_json::from_str(&json).unwrap();
        assert_eq!(event.kind().as_str(), kind, "{json}");
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(&json).unwrap());
    }
    let newer = r#"{"what":"X","messages":"some_of_2030","until":"2026-11-22T10:00:00.000Z"}"#;
    let restriction: Restriction = serde_json::from_str(newer).unwrap();
    assert_eq!(restriction.messages, RestrictedMessages::None);
}

/// Whoever answers messages never meets one that is not to be answered, and an answer to one goes to nobody.
#[test]
fn what_is_not_to_be_answered_is_of_another_kind() {
    let hi = || InboundContent::text("Hi");
    let mut maker = EventMaker::meta();
    let time = Timestamp::UNIX_EPOCH;
    let user = "+15557654321";
    for (event, kind) in [
        (maker.standby(user, hi()), "observed"),
        (maker.history(user, hi(), time), "observed"),
        (maker.echo(user, hi()), "echo"),
    ] {
        assert_eq!(event.kind().as_str(), kind);
        assert_eq!(event.user().unwrap().phone.unwrap().to_e164(), user);
        assert_eq!(event.reply(Content::text("never")).to, Recipient::Unknown);
        json(&event).unwrap();
    }
    assert_ne!(maker.text(user, "Hi").reply(Content::text("hello")).to, Recipient::Unknown);
    // One that somebody made by hand is guarded as well.
    let mut message = InboundMessage::new(
        MessageRef::new(SenderId::new(ProviderId::META, "1"), "m"),
        User::default(),
        hi(),
    );
    message.from.phone = Some(PhoneNumber::parse(user).unwrap());
    message.group = Some(GroupId::new("Y2Fw").unwrap());
    message.standby = true;
    let event = maker.event(EventId::new(["message", "m"]), EventKind::Message(Box::new(message)));
    assert_eq!(event.reply(Content::text("never")).to, Recipient::Unknown);
    // And is of the other kind once it was written down.
    let written = serde_json::to_string(&event).unwrap();
    let read: InboundEvent = serde_json::from_str(&written).unwrap();
    assert_eq!(read.kind().as_str(), "observed");
    json(&read).unwrap();
}
