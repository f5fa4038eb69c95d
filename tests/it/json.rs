//! Every model value is the same after a trip through JSON.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::inbound::{
    AccountNotice, ButtonReply, CallPermissionReply, Conversation, DeliveryState, Echo, Edit, EventId,
    FlowReply, IdentityChange, IdentityKey, InboundContent, InboundMedia, InboundMessage, InboundReaction,
    ListReply, Notice, Order, OrderItem, QuotedMessage, Referral, ReferredProduct, RestrictedMessages,
    Restriction, StatusUpdate, TemplateUpdate, Unrecognized, Unsupported, User,
};
use whatsapp_provider::outbound::{
    AcceptedStatus, Action, AddressRequest, ButtonParameter, Card, CardAction, ContactCard, ContentKind,
    Dropped, FileBytes, Flow, Header, Interactive, Link, ListRow, ListSection, Media, Otherwise, Parameter,
    ParameterValue, ProductItem, Raw, ReplyButton, Template, TemplateCard, TemplateHeader, Wish,
};
use whatsapp_provider::testing::EventMaker;
use whatsapp_provider::testing::conformance::json;
use whatsapp_provider::{
    Acceptance, AttemptId, AttemptReport, Category, Content, ErrorKind, EventKind, Failure, GroupId, Hint,
    InboundEvent, Json, MediaRef, MessageRef, OnUnknown, OutboundMessage, PhoneNumber, ProviderId, Recipient,
    SendReceipt, SenderId, UserId,
};

use crate::contents::make::Make;

fn text() -> impl Strategy<Value = String> + Clone {
    // Any characters, with those that JSON and databases trip over among them.
    prop_oneof![
        any::<String>(),
        Just("\u{0}".to_owned()),
        Just("😀\"\\/\n\u{2028}".to_owned()),
        Just(String::new())
    ]
}

fn maybe() -> impl Strategy<Value = Option<String>> + Clone {
    option::of(text())
}

fn phone() -> impl Strategy<Value = PhoneNumber> + Clone {
    (100_000_u64..=999_999_999_999_999)
        .prop_map(|digits| PhoneNumber::from_digits(&digits.to_string()).unwrap())
}

fn user_id() -> BoxedStrategy<UserId> {
    ("[A-Z]{2}\\.[A-Za-z0-9]{1,128}", option::of("[0-9]{1,15}"))
        .prop_map(|(id, scope)| {
            let id = UserId::new(id).unwrap();
            scope.map_or(id.clone(), |scope| id.with_scope(scope))
        })
        .boxed()
}

fn recipient() -> impl Strategy<Value = Recipient> {
    prop_oneof![
        (option::of(phone()), option::of(user_id()))
            .prop_map(|(phone, user)| Recipient::from_names(phone, user)),
        "[A-Za-z0-9=]{1,60}".prop_map(|id| GroupId::new(id).unwrap().into()),
    ]
}

fn provider() -> impl Strategy<Value = ProviderId> + Clone {
    "[A-Za-z0-9._-]{1,64}".prop_map(|id| ProviderId::new(id).unwrap())
}

fn sender() -> impl Strategy<Value = SenderId> + Clone {
    (provider(), text()).prop_map(|(provider, id)| SenderId::new(provider, id))
}

fn message_ref() -> impl Strategy<Value = MessageRef> + Clone {
    (sender(), text()).prop_map(|(sender, id)| MessageRef::new(sender, id))
}

fn moment() -> impl Strategy<Value = Timestamp> + Clone {
    (0_u64..=253_402_300_799_999).prop_map(|millis| Timestamp::from_unix_millis(millis).unwrap())
}

fn media_ref() -> impl Strategy<Value = MediaRef> + Clone {
    (sender(), text(), option::of(moment())).prop_map(|(sender, id, expiry)| {
        let media = MediaRef::new(sender, id);
        expiry.map_or(media.clone(), |expiry| media.with_expiry(expiry))
    })
}

fn media() -> BoxedStrategy<Media> {
    prop_oneof![
        "https://[a-z]{1,20}\\.example/[a-z0-9/%?=&.-]{0,40}".prop_map(|url| Link::new(url).unwrap().into()),
        media_ref().prop_map(Media::from),
        (vec(any::<u8>(), 0..50), text()).prop_map(|(data, mime)| FileBytes::new(data, mime).into()),
    ]
    .boxed()
}

fn any_json() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(text(), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
    .prop_map(|value| Json::from_value(&value).unwrap())
    .boxed()
}

fn degrees() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![-180.0..180.0, Just(0.1 + 0.2), Just(-0.0), Just(f64::MIN_POSITIVE)]
}

fn header() -> BoxedStrategy<Header> {
    prop_oneof![
        text().prop_map(Header::text),
        media().prop_map(Header::Image),
        media().prop_map(Header::Video),
        media().prop_map(Header::Document),
    ]
    .boxed()
}

fn product() -> impl Strategy<Value = ProductItem> + Clone {
    (text(), text()).prop_map(|(catalog, product)| ProductItem::new(catalog, product))
}

fn interactive() -> BoxedStrategy<Interactive> {
    let buttons = vec((text(), text()).prop_map(|(id, title)| ReplyButton::new(id, title)), 0..4);
    let row = (text(), text(), maybe()).prop_map(|(id, title, description)| {
        let row = ListRow::new(id, title);
        description.map_or(row.clone(), |description| row.with_description(description))
    });
    let section = (vec(row, 0..3), maybe()).prop_map(|(rows, title)| {
        let section = ListSection::new(rows);
        title.map_or(section.clone(), |title| section.with_title(title))
    });
    let flow = (text(), text(), maybe()).prop_map(|(id, cta, token)| {
        let mut flow = Flow::by_id(id, cta);
        flow.token = token;
        flow
    });
    let card = (option::of(header()), maybe(), product()).prop_map(|(header, body, product)| {
        let mut card = Card::new(CardAction::Product(product));
        card.header = header;
        card.body = body;
        card
    });
    let address = (text(), option::of(any_json())).prop_map(|(country, values)| {
        let mut address = AddressRequest::new(country);
        address.values = values;
        address
    });
    let body = text();
    let made = prop_oneof![
        (body.clone(), buttons).prop_map(|(body, buttons)| Interactive::buttons(body, buttons)),
        (body.clone(), text(), vec(section, 0..3))
            .prop_map(|(body, button, s)| Interactive::list(body, button, s)),
        (body.clone(), text(), text()).prop_map(|(body, label, url)| Interactive::cta_url(body, label, url)),
        (body.clone(), flow).prop_map(|(body, flow)| Interactive::new(body, Action::Flow(flow))),
        (body.clone(), product())
            .prop_map(|(body, product)| Interactive::new(body, Action::Product(product))),
        (body.clone(), address).prop_map(|(body, address)| Interactive::new(body, Action::Address(address))),
        (body.clone(), vec(card, 0..3)).prop_map(|(body, cards)| {
            let json = serde_json::json!({ "type": "carousel", "cards": cards });
            Interactive::new(body, serde_json::from_value(json).unwrap())
        }),
        body.prop_map(|body| Interactive::new(body, Action::LocationRequest)),
    ];
    (made, option::of(header()), maybe())
        .prop_map(|(mut interactive, header, footer)| {
            interactive.header = header;
            interactive.footer = footer;
            interactive
        })
        .boxed()
}

fn parameter() -> BoxedStrategy<Parameter> {
    let value = prop_oneof![
        text().prop_map(|text| Parameter::text(text).value),
        (text(), text(), any::<i64>())
            .prop_map(|(shown, code, amount)| ParameterValue::currency(shown, code, amount)),
        text().prop_map(ParameterValue::date_time),
    ];
    (maybe(), value)
        .prop_map(|(name, value)| {
            let mut parameter = Parameter::text("");
            parameter.name = name;
            parameter.value = value;
            parameter
        })
        .boxed()
}

fn template() -> BoxedStrategy<Template> {
    let template_header = prop_oneof![
        parameter().prop_map(TemplateHeader::Text),
        media().prop_map(TemplateHeader::Image),
        media().prop_map(TemplateHeader::document),
        product().prop_map(TemplateHeader::Product),
    ];
    let button = prop_oneof![
        text().prop_map(ButtonParameter::url_suffix),
        text().prop_map(ButtonParameter::quick_reply),
        text().prop_map(ButtonParameter::copy_code),
        (maybe(), option::of(any_json())).prop_map(|(token, data)| ButtonParameter::flow(token, data)),
    ];
    let whole = (
        text(),
        text(),
        option::of(template_header),
        vec(parameter(), 0..4),
        vec((any::<u8>(), button), 0..3),
    );
    (whole, option::of(moment()), maybe())
        .prop_map(|((name, language, header, body, buttons), offer, code)| {
            let mut template = Template::new(name, language);
            template.header.clone_from(&header);
            template.body.clone_from(&body);
            for (index, parameter) in buttons {
                template = template.with_button(index, parameter);
            }
            let mut card = TemplateCard::default();
            card.header = header;
            card.body = body;
            template.cards.push(card);
            template.offer_ends = offer;
            template.one_time_code = code;
            template
        })
        .boxed()
}

fn card() -> impl Strategy<Value = ContactCard> + Clone {
    (text(), text(), text(), maybe()).prop_map(|(name, first, phone, birthday)| {
        let mut card = ContactCard::named(name, first).with_phone(phone);
        card.birthday = birthday;
        card
    })
}

fn content() -> BoxedStrategy<Content> {
    prop_oneof![
        text().prop_map(Content::text),
        (media(), text()).prop_map(|(media, caption)| Content::image(media).with_caption(caption)),
        media().prop_map(Content::video),
        media().prop_map(Content::audio),
        media().prop_map(Content::voice),
        (media(), text()).prop_map(|(media, caption)| Content::document(media).with_caption(caption)),
        media().prop_map(Content::sticker),
        (degrees(), degrees()).prop_map(|(latitude, longitude)| Content::location(latitude, longitude)),
        vec(card(), 0..3).prop_map(Content::contacts),
        (message_ref(), text()).prop_map(|(message, emoji)| Content::reaction(message, emoji)),
        message_ref().prop_map(Content::remove_reaction),
        interactive().prop_map(Content::from),
        template().prop_map(Content::from),
        (provider(), any_json()).prop_map(|(provider, body)| Content::Raw(Raw::new(provider, body))),
        // Every kind with all of its parts.
        (sender(), proptest::sample::select(ContentKind::ALL))
            .prop_flat_map(|(sender, kind)| Make::carried(sender).of(kind)),
    ]
    .boxed()
}

fn duration() -> impl Strategy<Value = Duration> + Clone {
    prop_oneof![
        (0_u64..1 << 50).prop_map(Duration::from_millis),
        (0_u64..1_000_000).prop_map(Duration::from_secs)
    ]
}

fn on_unknown() -> impl Strategy<Value = OnUnknown> {
    prop_oneof![
        Just(OnUnknown::Stop),
        Just(OnUnknown::FailOver),
        (duration(), any::<bool>()).prop_map(|(within, stop)| {
            OnUnknown::reconcile(within, if stop { Otherwise::Stop } else { Otherwise::FailOver })
        }),
    ]
}

fn outbound() -> BoxedStrategy<OutboundMessage> {
    let routing = (
        option::of(sender()),
        option::of(provider()),
        any::<bool>(),
        option::of(message_ref()),
        any::<bool>(),
    );
    let names =
        (maybe(), maybe(), option::of(proptest::sample::select(Category::ALL)), any::<bool>(), maybe());
    let times = (option::of(on_unknown()), option::of(duration()), option::of(duration()));
    (recipient(), content(), vec(content(), 0..3), routing, names, times)
        .prop_map(
            |(
                to,
                content,
                alternatives,
                (from, via, via_only, quoted, required),
                (reference, key, category, direct_send, identity),
                times,
            )| {
                let mut message = OutboundMessage::new(to, content);
                message.alternatives = alternatives;
                message.from = from;
                message.via = via;
                message.via_only = via_only;
                if let Some(quoted) = quoted {
                    message = message.with_reply_to(quoted);
                    message = if required { message.quote_required() } else { message };
                }
                message.reference = reference;
                message.idempotency_key = key;
                message.category = category;
                message.direct_send = direct_send;
                message.identity_key_hash = identity;
                (message.on_unknown, message.deadline, message.ttl) = times;
                message
            },
        )
        .boxed()
}

fn failure() -> BoxedStrategy<Failure> {
    let kind = proptest::sample::select(ErrorKind::ALL);
    let codes = (option::of(any::<i64>()), option::of(any::<i64>()), option::of(any::<u16>()), any::<bool>());
    let hint = proptest::sample::select(vec![
        None,
        Some(Hint::TryElsewhere),
        Some(Hint::PauseMarketing),
        Some(Hint::ThrottledIfRepeated),
        Some(Hint::Other),
    ]);
    (kind, any::<bool>(), option::of(provider()), codes, hint, maybe(), option::of(duration()))
        .prop_map(|(kind, unknown, provider, (code, subcode, status, proof), hint, details, wait)| {
            let acceptance = if unknown { Acceptance::Unknown } else { Acceptance::NotAccepted };
            let mut failure = Failure::new(kind, acceptance);
            failure.provider = provider;
            (failure.code, failure.subcode, failure.status) = (code, subcode, status);
            (failure.hint, failure.proves_undelivered) = (hint, proof);
            failure.details = details;
            failure.retry_after = wait;
            failure
        })
        .boxed()
}

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
            ];
            let mut news = which.get(&news).clone();
            let object = news.as_object_mut().unwrap();
            let optional =
                ["what", "severity", "text", "messages", "previous_limit", "status", "by", "before"];
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

fn receipt() -> BoxedStrategy<SendReceipt> {
    let report = (any::<u128>(), provider(), option::of(failure())).prop_map(|(id, provider, failure)| {
        let id = AttemptId::from_u128(id);
        match failure {
            Some(failure) => AttemptReport::failed(id, provider, failure),
            None => AttemptReport::accepted(id, provider),
        }
    });
    let status = prop_oneof![
        Just(AcceptedStatus::Accepted),
        Just(AcceptedStatus::HeldForQuality),
        text().prop_map(|word| AcceptedStatus::from_name(&word)),
    ];
    (report.clone(), vec(report, 0..3), option::of(message_ref()), 0_usize..5, option::of(status))
        .prop_map(|(last, failed, message, index, status)| {
            let mut receipt = SendReceipt::accepted(last)
                .after(failed)
                .with_content_index(index)
                .with_dropped(vec![Dropped::new(Wish::Quote), Dropped::new(Wish::Ttl)]);
            receipt.status = status;
            message.map_or(receipt.clone(), |message| receipt.with_message(message))
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn outbound_messages(message in outbound()) {
        json(&message).unwrap();
    }

    #[test]
    fn inbound_events(event in event()) {
        json(&event).unwrap();
        prop_assert!(!matches!(
            serde_json::from_str::<InboundEvent>(&serde_json::to_string(&event).unwrap()).unwrap().kind(),
            EventKind::Unrecognized(unrecognized) if unrecognized.reason.starts_with("a kind of event that this")
        ));
    }

    #[test]
    fn receipts(receipt in receipt()) {
        json(&receipt).unwrap();
    }

    #[test]
    fn durations_are_exact_to_the_millisecond(millis in 0_u64..1 << 50) {
        let to = PhoneNumber::parse("+15551234567").unwrap();
        let message = OutboundMessage::text(to, "x").with_ttl(Duration::from_millis(millis));
        json(&message).unwrap();
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
    json(&event).unwrap();
}
