use std::time::Duration;

use super::*;
use crate::address::{GroupId, Recipient};
use crate::error::{Acceptance, Error, ErrorKind};
use crate::ids::{AttemptId, MediaRef, MessageRef, ProviderId, SenderId};
use crate::json::Json;
use crate::outbound::{
    Action, Attempt, Category, Content, FileBytes, Interactive, Link, ListRow, ListSection, Location,
    OutboundMessage, Raw, ReplyButton, Template, Text, Wish,
};
use crate::provider::WhatsAppProvider;

pub(super) const TO: (&str, &str) = ("To", "whatsapp:+15551234567");
pub(super) const FROM: (&str, &str) = ("From", "whatsapp:+14155238886");

fn attempt() -> Attempt {
    Attempt::with_id(AttemptId::from_u128(7))
}

fn link() -> Link {
    Link::new("https://files.example/a%20b.png?c=d&e").unwrap()
}

/// Sends a message and returns what left, and the wishes that were dropped.
pub(super) fn sent(
    twilio: &Twilio,
    wire: &Wire,
    message: &OutboundMessage,
) -> (Vec<(String, String)>, Vec<Wish>) {
    twilio.check(message).unwrap();
    let receipt = block_on(twilio.send_attempt(message, &attempt())).unwrap();
    let dropped = receipt.dropped().iter().map(|dropped| dropped.wish).collect();
    (wire.recorded().last().unwrap().pairs(), dropped)
}

pub(super) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The refusal of a message, by `check` and by a send alike, and without a request.
pub(super) fn refused(twilio: &Twilio, wire: &Wire, message: &OutboundMessage) -> Error {
    let before = wire.recorded().len();
    let checked = twilio.check(message).unwrap_err();
    let error = block_on(twilio.send_attempt(message, &attempt())).unwrap_err();
    assert_eq!(checked.failure(), error.failure());
    assert_eq!(error.acceptance(), Acceptance::NotAccepted);
    assert_eq!(error.provider(), Some(&ProviderId::TWILIO));
    assert_eq!(wire.recorded().len(), before, "a request was made");
    error
}

fn place(name: Option<&str>, address: Option<&str>) -> Content {
    let mut location = Location::new(37.7876, -122.394_2);
    location.name = name.map(str::to_owned);
    location.address = address.map(str::to_owned);
    Content::Location(location)
}

#[test]
fn every_content_has_its_form() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).template(content_template()).build().unwrap();
    let mut preview = Text::new("Olá &=+");
    preview.preview_url = Some(false);
    let mut document = Content::document(link()).with_caption("c");
    if let Content::Document(document) = &mut document {
        document.filename = Some("f.pdf".to_owned());
    }
    let url = link().as_str().to_owned();
    let media = ("MediaUrl", url.as_str());
    let geo = ("PersistentAction", "geo:37.7876,-122.3942");
    for (content, expected, dropped) in [
        (Content::text("hi"), vec![("Body", "hi")], vec![]),
        (Content::Text(preview), vec![("Body", "Olá &=+")], vec![Wish::LinkPreview]),
        (Content::image(link()), vec![media], vec![]),
        (Content::image(link()).with_caption(""), vec![media], vec![]),
        (Content::image(link()).with_caption("c"), vec![("Body", "c"), media], vec![]),
        (Content::video(link()).with_caption("c"), vec![("Body", "c"), media], vec![]),
        (Content::audio(link()), vec![media], vec![]),
        (Content::voice(link()), vec![media], vec![Wish::Voice]),
        (Content::document(link()), vec![media], vec![]),
        (document, vec![media], vec![Wish::Caption, Wish::FileName]),
        (place(None, None), vec![("Body", "37.7876,-122.3942"), geo], vec![]),
        (
            place(Some("A|B"), None),
            vec![("Body", "A|B"), ("PersistentAction", "geo:37.7876,-122.3942|A|B")],
            vec![],
        ),
        (
            place(Some("Office"), Some("1 Main St")),
            vec![("Body", "Office"), ("PersistentAction", "geo:37.7876,-122.3942|Office")],
            vec![Wish::LocationAddress],
        ),
        (place(None, Some("1 Main St")), vec![("Body", "1 Main St"), geo], vec![Wish::LocationAddress]),
        (
            Content::location(-0.000_000_1, 180.0),
            vec![("Body", "-0.0000001,180"), ("PersistentAction", "geo:-0.0000001,180")],
            vec![],
        ),
        (Template::new("order_shipped", "en_US").into(), vec![("ContentSid", CONTENT)], vec![]),
        (
            Template::new("order_shipped", "en_US").with_body(["Ada", "77"]).into(),
            vec![("ContentSid", CONTENT), ("ContentVariables", r#"{"1":"Ada","2":"77"}"#)],
            vec![],
        ),
    ] {
        let message = OutboundMessage::new(to(), content);
        let mut all = vec![TO, FROM];
        all.extend(expected);
        assert_eq!(sent(&twilio, &wire, &message), (pairs(&all), dropped));
    }
}

#[test]
fn the_request_around_the_form() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire)
        .base_url("https://api.example/twilio/")
        .status_callback("https://wa.example/status?a=b")
        .build()
        .unwrap();
    let mut message = OutboundMessage::text(to(), "hi")
        .with_reference("order 77")
        .with_ttl(Duration::from_secs(90))
        .with_reply_to(MessageRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), MESSAGE));
    let (form, dropped) = sent(&twilio, &wire, &message);
    assert_eq!(
        form,
        pairs(&[
            TO,
            FROM,
            ("Body", "hi"),
            (
                "StatusCallback",
                "https://wa.example/status?a=b&attempt=00000000000000000000000000000007\
                 &reference=order%2077#rc=5&rp=all"
            ),
            ("ValidityPeriod", "90"),
        ])
    );
    assert_eq!(dropped, [Wish::Quote]);
    let recorded = wire.recorded().remove(0);
    assert_eq!(recorded.method, http::Method::POST);
    assert_eq!(
        recorded.uri,
        format!("https://api.example/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    );
    assert_eq!(recorded.headers["content-type"], "application/x-www-form-urlencoded");
    let authorization = &recorded.headers["authorization"];
    assert!(authorization.is_sensitive());
    assert_eq!(authorization, "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0MGtlbg==");

    message = message.quote_required();
    let error = refused(&twilio, &wire, &message);
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotPortable, Some("reply_to")));
}

#[test]
fn a_time_to_live_becomes_the_validity_period() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).build().unwrap();
    for (ttl, period, dropped) in [
        (Duration::ZERO, Some("1"), vec![]),
        (Duration::from_millis(999), Some("1"), vec![]),
        (Duration::from_millis(2500), Some("2"), vec![]),
        (Duration::from_secs(36_000), Some("36000"), vec![]),
        (Duration::from_millis(36_000_001), None, vec![Wish::Ttl]),
    ] {
        let message = OutboundMessage::text(to(), "hi").with_ttl(ttl);
        let mut expected = vec![TO, FROM, ("Body", "hi")];
        expected.extend(period.map(|period| ("ValidityPeriod", period)));
        assert_eq!(sent(&twilio, &wire, &message), (pairs(&expected), dropped), "{ttl:?}");
    }
}

#[test]
fn a_message_says_what_it_is_for_if_that_is_wanted() {
    let wire = Wire::answering([]);
    let silent = sending(&wire).template(content_template()).build().unwrap();
    let telling = sending(&wire).template(content_template()).message_intent(true).build().unwrap();
    let template = || OutboundMessage::new(to(), Template::new("order_shipped", "en_US"));
    let text = || OutboundMessage::text(to(), "hi");
    for (message, intent) in [
        (text(), "customercare"),
        (template(), "notifications"),
        (text().with_category(Category::Utility), "notifications"),
        (template().with_category(Category::Authentication), "otp"),
        (template().with_category(Category::Marketing), "marketing"),
        (template().with_category(Category::Service), "customercare"),
    ] {
        let said = |twilio| {
            let (form, _) = sent(twilio, &wire, &message);
            form.into_iter().find(|(name, _)| name == "MessageIntent").map(|(_, value)| value)
        };
        assert_eq!(said(&silent), None);
        assert_eq!(said(&telling).as_deref(), Some(intent));
    }
}

#[test]
fn a_reference_needs_a_status_callback_to_come_back() {
    let wire = Wire::answering([]);
    let silent = sending(&wire).build().unwrap();
    let told = sending(&wire).status_callback("https://wa.example/status").build().unwrap();
    let message = OutboundMessage::text(to(), "hi");
    let named = message.clone().with_reference("order 77");
    assert_eq!(sent(&silent, &wire, &named), (pairs(&[TO, FROM, ("Body", "hi")]), vec![Wish::Reference]));
    assert_eq!(sent(&silent, &wire, &message).1, []);
    assert_eq!(sent(&told, &wire, &named).1, []);
    assert!(silent.capabilities().drops.contains(&Wish::Reference));
    assert!(!told.capabilities().drops.contains(&Wish::Reference));
}

#[test]
fn wishes_of_newer_versions_are_read() {
    let read = |word| serde_json::from_str::<Wish>(word).unwrap();
    assert_eq!(serde_json::to_string(&Wish::Reference).unwrap(), r#""reference""#);
    assert_eq!(read(r#""reference""#), Wish::Reference);
    assert_eq!(read(r#""location_address""#), Wish::LocationAddress);
    assert_eq!(read(r#""telepathy""#), Wish::Other);
    assert_eq!(read(&serde_json::to_string(&Wish::Other).unwrap()), Wish::Other);
}

#[test]
fn a_reference_that_does_not_fit_is_told_its_room() {
    let wire = Wire::answering([]);
    let long = format!("https://wa.example/{}", "p".repeat(2981));
    let twilio = sending(&wire).status_callback(long).build().unwrap();
    // What is valid for every provider, and three times as long once it is encoded.
    let message = |chars| OutboundMessage::text(to(), "hi").with_reference("#".repeat(chars));
    assert!(twilio.check(&message(312)).is_ok());
    let error = refused(&twilio, &wire, &message(313));
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("reference")));
    assert_eq!((error.limit(), error.actual()), (Some(936), Some(939)));
}

#[test]
fn recipients() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).portfolio("42").build().unwrap();
    let scopeless = sending(&wire).build().unwrap();
    let ours = bsuid().with_scope("42");
    let theirs = bsuid().with_scope("43");
    let user = "whatsapp:US.13491208655302741918";
    for (twilio, recipient, expected) in [
        (&twilio, Recipient::from(to()), TO.1),
        (&twilio, Recipient::from(bsuid()), user),
        (&twilio, Recipient::from(ours.clone()), user),
        (&scopeless, Recipient::from(bsuid()), user),
        (&twilio, Recipient::from_names(Some(to()), Some(theirs.clone())), TO.1),
    ] {
        let message = OutboundMessage::text(recipient, "hi");
        assert_eq!(sent(twilio, &wire, &message).0[0].1, expected);
    }
    for (twilio, recipient, kind) in [
        (&twilio, Recipient::from(theirs), ErrorKind::NotPortable),
        (&scopeless, Recipient::from(ours), ErrorKind::NotPortable),
        (&twilio, Recipient::from(GroupId::new("Y2Fw").unwrap()), ErrorKind::Unsupported),
        (&twilio, Recipient::Unknown, ErrorKind::InvalidMessage),
    ] {
        let error = refused(twilio, &wire, &OutboundMessage::text(recipient, "hi"));
        assert_eq!((error.kind(), error.field()), (kind, Some("to")));
    }
}

#[test]
fn senders() {
    let wire = Wire::answering([]);
    let number = SenderId::new(ProviderId::TWILIO, NUMBER);
    let service = SenderId::new(ProviderId::TWILIO, SERVICE);
    let other = SenderId::new(ProviderId::TWILIO, "+14155550100");
    let of_meta = SenderId::new(ProviderId::META, NUMBER);
    let by_number = sending(&wire).build().unwrap();
    let by_service = with_wire(&wire).messaging_service_sid(SERVICE).build().unwrap();
    let by_both = sending(&wire).messaging_service_sid(SERVICE).build().unwrap();
    let by_other = by_both.with_sender("whatsapp:+14155550100").unwrap();
    assert_eq!(by_number.senders(), std::slice::from_ref(&number));
    assert_eq!(by_service.senders(), std::slice::from_ref(&service));
    assert_eq!(by_both.senders(), std::slice::from_ref(&number));
    assert_eq!(by_other.senders(), std::slice::from_ref(&other));
    let with_service = ("MessagingServiceSid", SERVICE);
    let from_other = ("From", "whatsapp:+14155550100");
    for (twilio, from, expected) in [
        (&by_number, None, vec![FROM]),
        (&by_number, Some(&number), vec![FROM]),
        (&by_service, None, vec![with_service]),
        (&by_service, Some(&service), vec![with_service]),
        // A number of the service's pool, to which the user had written.
        (&by_service, Some(&number), vec![FROM, with_service]),
        (&by_both, None, vec![FROM, with_service]),
        (&by_other, Some(&other), vec![from_other, with_service]),
    ] {
        let mut message = OutboundMessage::text(to(), "hi");
        message.from = from.cloned();
        let mut all = vec![TO];
        all.extend(expected);
        all.push(("Body", "hi"));
        assert_eq!(sent(twilio, &wire, &message).0, pairs(&all));
        let receipt = block_on(twilio.send_attempt(&message, &attempt())).unwrap();
        let sender = from.cloned().unwrap_or_else(|| twilio.senders().remove(0));
        assert_eq!(receipt.sender, Some(sender.clone()));
        assert_eq!(receipt.message, Some(MessageRef::new(sender, MESSAGE)));
    }
    for (twilio, from) in [
        (&by_number, &other),
        (&by_number, &service),
        (&by_number, &of_meta),
        (&by_both, &service),
        (&by_both, &other),
        (&by_service, &of_meta),
        (&by_service, &SenderId::new(ProviderId::TWILIO, "+1 415 523 8886")),
        (&by_service, &SenderId::new(ProviderId::TWILIO, "memory")),
    ] {
        let message = OutboundMessage::text(to(), "hi").with_from(from.clone());
        let error = refused(twilio, &wire, &message);
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("from")));
    }
}

#[test]
fn what_twilio_cannot_carry_is_refused_before_any_request() {
    use ErrorKind::{InvalidMessage, NotPortable, TemplateUnavailable, Unsupported};
    let wire = Wire::answering([]);
    let twilio = sending(&wire).template(content_template()).look_up_templates(false).build().unwrap();
    let message = MessageRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), MESSAGE);
    let kept = MediaRef::new(SenderId::new(ProviderId::META, "1"), "2");
    let arrived = MediaRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), "https://api.example/ME1");
    let body = Json::parse("{}").unwrap();
    for (content, kind, field) in [
        (Content::text(""), InvalidMessage, "content.body"),
        (Content::image(kept), NotPortable, "content.media"),
        (Content::image(arrived.clone()), Unsupported, "content.media"),
        (Content::audio(arrived), Unsupported, "content.media"),
        (Content::document(FileBytes::new("x", "text/plain")), Unsupported, "content.media"),
        (Content::sticker(link()), Unsupported, "content"),
        (Content::contacts([crate::outbound::ContactCard::named("A B", "A")]), Unsupported, "content"),
        (Content::reaction(message, "x"), Unsupported, "content"),
        (Interactive::new("Where?", Action::LocationRequest).into(), Unsupported, "content"),
        (Content::Raw(Raw::new(ProviderId::TWILIO, body)), Unsupported, "content"),
        (Template::new("other", "en_US").into(), TemplateUnavailable, "content.name"),
    ] {
        let error = refused(&twilio, &wire, &OutboundMessage::new(to(), content));
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
    }
    let hi = OutboundMessage::text(to(), "hi");
    let error = refused(&twilio, &wire, &hi.clone().with_via_only(ProviderId::META));
    assert_eq!((error.kind(), error.field()), (Unsupported, Some("via")));
    let (form, _) = sent(&twilio, &wire, &hi.clone().with_via_only(ProviderId::TWILIO));
    assert_eq!(form, pairs(&[TO, FROM, ("Body", "hi")]));
    let direct = hi.clone().with_direct_send(Category::Utility);
    let error = refused(&twilio, &wire, &direct);
    assert_eq!((error.kind(), error.field()), (Unsupported, Some("direct_send")));
    let error = refused(&twilio, &wire, &hi.clone().with_identity_key_hash("K"));
    assert_eq!((error.kind(), error.field()), (Unsupported, Some("identity_key_hash")));
    // A template needs none.
    let template =
        OutboundMessage::new(to(), Template::new("other", "en_US")).with_direct_send(Category::Utility);
    assert_eq!(refused(&twilio, &wire, &template).kind(), TemplateUnavailable);
    assert!(twilio.check(&hi.with_via(ProviderId::META)).is_ok(), "a soft wish is not ours to refuse");
}

#[test]
fn lengths_at_and_past_their_limits() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).build().unwrap();
    let text = |chars| Content::text("ä".repeat(chars));
    let image = |chars| Content::image(link()).with_caption("ä".repeat(chars));
    let video = |chars| Content::video(link()).with_caption("ä".repeat(chars));
    let document = |chars| Content::document(link()).with_caption("ä".repeat(chars));
    let name = |chars| place(Some(&"ä".repeat(chars)), None);
    let address = |chars| place(None, Some(&"ä".repeat(chars)));
    type Make<'a> = &'a dyn Fn(usize) -> Content;
    let cases: [(Make<'_>, usize, &str); 5] = [
        (&text, 1600, "content.body"),
        (&image, 1024, "content.caption"),
        (&video, 1024, "content.caption"),
        (&name, 1600, "content.name"),
        (&address, 1600, "content.address"),
    ];
    for (content, limit, field) in cases {
        assert!(twilio.check(&OutboundMessage::new(to(), content(limit))).is_ok(), "{field}");
        let error = refused(&twilio, &wire, &OutboundMessage::new(to(), content(limit + 1)));
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some(field)));
        let counted = (error.limit(), error.actual());
        assert_eq!(counted, (Some(limit as u64), Some(limit as u64 + 1)));
    }
    assert!(twilio.check(&OutboundMessage::new(to(), document(2000))).is_ok(), "it is dropped");
}

#[test]
fn alternatives_are_tried_in_order() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).build().unwrap();
    let message = OutboundMessage::new(to(), Content::sticker(link())).or(Content::text("hi"));
    let receipt = block_on(twilio.send(&message)).unwrap();
    assert_eq!(receipt.content_index, 1);
    assert_eq!(receipt.attempts.len(), 1);
    assert_eq!(wire.recorded().len(), 1);
}

#[test]
fn capabilities_agree_with_check() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).template(content_template()).build().unwrap();
    let message = MessageRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), MESSAGE);
    for content in [
        Content::text("hi"),
        Content::image(link()),
        Content::video(link()),
        Content::audio(link()),
        Content::document(link()),
        Content::sticker(link()),
        Content::location(0.0, 0.0),
        Content::contacts([crate::outbound::ContactCard::named("A B", "A")]),
        Content::reaction(message, "x"),
        Interactive::buttons("a?", [ReplyButton::new("y", "Yes")]).into(),
        Interactive::list("a?", "b", [ListSection::new([ListRow::new("y", "Yes")])]).into(),
        Interactive::cta_url("a", "b", "https://a.example").into(),
        Interactive::new("Where?", Action::LocationRequest).into(),
        Template::new("order_shipped", "en_US").into(),
        Content::Raw(Raw::new(ProviderId::TWILIO, Json::parse("{}").unwrap())),
    ] {
        let carried = twilio.capabilities().carries(content.kind());
        let checked = twilio.check(&OutboundMessage::new(to(), content.clone()));
        assert_eq!(checked.is_ok(), carried, "{content:?}");
    }
}
