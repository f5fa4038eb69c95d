//! Every model value is the same after a trip through JSON.

mod inbound;
mod outbound;
mod receipts;

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::outbound::{ContactCard, FileBytes, Link, Media};
use whatsapp_provider::testing::conformance::json;
use whatsapp_provider::{
    Acceptance, ErrorKind, Failure, GroupId, Hint, Json, MediaRef, MessageRef, PhoneNumber, ProviderId,
    Recipient, SenderId, UserId,
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

fn card() -> impl Strategy<Value = ContactCard> + Clone {
    (text(), text(), text(), maybe()).prop_map(|(name, first, phone, birthday)| {
        let mut card = ContactCard::named(name, first).with_phone(phone);
        card.birthday = birthday;
        card
    })
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

fn duration() -> impl Strategy<Value = Duration> + Clone {
    prop_oneof![
        (0_u64..1 << 50).prop_map(Duration::from_millis),
        (0_u64..1_000_000).prop_map(Duration::from_secs)
    ]
}
