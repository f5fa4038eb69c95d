use super::receiving::{post, provider};
use super::*;
use crate::error::{Acceptance, ErrorKind};
use crate::ids::{AttemptId, MessageRef, ProviderId, SenderId};
use crate::inbound::{DeliveryState, EventKind, InboundEvent, StatusUpdate};

const CALLBACK: &str = "/status?k=v&attempt=000102030405060708090a0b0c0d0e0f&reference=order%2077";

fn event(own: &[(&str, &str)]) -> InboundEvent {
    let common = [
        ("MessageSid", MESSAGE),
        ("SmsSid", MESSAGE),
        ("AccountSid", ACCOUNT),
        ("From", "whatsapp:+14155238886"),
        ("To", "whatsapp:+15551234567"),
        ("ChannelPrefix", "whatsapp"),
        ("ChannelToAddress", "+1555123XXXX"),
        ("ApiVersion", "2010-04-01"),
    ];
    let replaced = |name: &str| own.iter().any(|(own, _)| *own == name);
    let mut pairs: Vec<_> = common.into_iter().filter(|(name, _)| !replaced(name)).collect();
    pairs.extend(own);
    post(&provider(), CALLBACK, &pairs)
}

fn status(own: &[(&str, &str)]) -> StatusUpdate {
    let event = event(own);
    match event.kind() {
        EventKind::Status(status) => (**status).clone(),
        EventKind::Unrecognized(odd) => panic!("{}", odd.reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_state() {
    use DeliveryState::{Accepted, Canceled, Delivered, Failed, Other, Queued, Read, Sending, Sent};
    for (word, state) in [
        ("queued", Queued),
        ("accepted", Accepted),
        ("sending", Sending),
        ("sent", Sent),
        ("delivered", Delivered),
        ("read", Read),
        ("failed", Failed),
        ("undelivered", Failed),
        ("canceled", Canceled),
        ("scheduled", Other("scheduled".into())),
        ("partially_delivered", Other("partially_delivered".into())),
        ("teleported", Other("teleported".into())),
    ] {
        let event = event(&[("MessageStatus", word), ("SmsStatus", word)]);
        assert_eq!(event.id().as_str(), format!("status/{MESSAGE}/{word}"));
        let sender = SenderId::new(ProviderId::TWILIO, NUMBER);
        assert_eq!(event.sender(), Some(&sender));
        assert_eq!(event.occurred_at(), None);
        let EventKind::Status(status) = event.kind() else { panic!("{event:?}") };
        assert_eq!(status.state, state);
        assert_eq!(status.message, MessageRef::new(sender, MESSAGE));
        assert_eq!(status.attempt, Some("000102030405060708090a0b0c0d0e0f".parse::<AttemptId>().unwrap()));
        assert_eq!(status.reference.as_deref(), Some("order 77"));
        assert_eq!(status.to.phone, Some(to()));
        assert!(status.failures.is_empty());
    }
    assert_eq!(status(&[("SmsStatus", "delivered")]).state, Delivered, "older webhooks have only this");
    assert_eq!(status(&[("MessageStatus", "read"), ("Body", "x"), ("NumMedia", "0")]).state, Read);
}

#[test]
fn a_state_decides_before_anything_else() {
    let old = |own: &[(&str, &str)]| {
        let mut pairs = vec![
            ("SmsSid", "SM1"),
            ("From", "whatsapp:+14155238886"),
            ("To", "whatsapp:+15551234567"),
            ("Body", "hi"),
        ];
        pairs.extend(own);
        let event = post(&provider(), "/status", &pairs);
        (event.kind().as_str().to_owned(), event.id().as_str().to_owned())
    };
    let expected = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
    let file = [("NumMedia", "1"), ("MediaUrl0", "https://x.example/1"), ("MediaContentType0", "image/png")];
    assert_eq!(old(&[("SmsStatus", "delivered")]), expected("status", "status/SM1/delivered"));
    assert_eq!(
        old(&[&[("SmsStatus", "sent"), ("WaId", "15551234567")], &file[..]].concat()),
        expected("status", "status/SM1/sent")
    );
    for word in ["received", "receiving"] {
        assert_eq!(old(&[("SmsStatus", word)]), expected("message", "message/SM1"));
        let only_a_file = [&[("SmsStatus", word)], &file[..]].concat();
        let pairs: Vec<_> =
            [("SmsSid", "SM1"), ("From", "whatsapp:+15551234567"), ("To", "whatsapp:+14155238886")]
                .into_iter()
                .chain(only_a_file)
                .collect();
        let event = post(&provider(), "/hook", &pairs);
        assert_eq!(event.kind().as_str(), "message");
    }
    assert_eq!(old(&[]), expected("message", "message/SM1"));
    assert_eq!(old(&[("SmsStatus", "")]), expected("message", "message/SM1"));
}

#[test]
fn the_channels_own_word_is_taken_where_there_is_no_other() {
    let state = |own: &[(&str, &str)]| {
        let event = event(own);
        (event.kind().as_str(), event.id().as_str().to_owned())
    };
    for (word, name) in [("READ", "read"), ("DELIVERED", "delivered"), ("UNDELIVERED", "undelivered")] {
        assert_eq!(state(&[("EventType", word)]), ("status", format!("status/{MESSAGE}/{name}")));
    }
    assert_eq!(
        state(&[("EventType", "READ"), ("MessageStatus", "sent")]),
        ("status", format!("status/{MESSAGE}/sent"))
    );
    assert_eq!(state(&[("EventType", "onMessageAdded")]).0, "unrecognized");
    // A message that has lost its state is still a message.
    assert_eq!(
        state(&[
            ("EventType", "READ"),
            ("MediaUrl0", "https://x.example/1"),
            ("MediaContentType0", "image/png")
        ])
        .0,
        "message"
    );
}

#[test]
fn failures_are_classified() {
    for (word, code, kind, proof) in [
        ("undelivered", "63016", ErrorKind::WindowClosed, true),
        ("failed", "63024", ErrorKind::RecipientRefused, true),
        ("failed", "30036", ErrorKind::Expired, true),
        ("failed", "30008", ErrorKind::Unrecognized, false),
        ("failed", "63999", ErrorKind::Unrecognized, false),
        ("failed", "21610", ErrorKind::RecipientRefused, false),
        ("canceled", "30036", ErrorKind::Expired, false),
        ("sent", "63018", ErrorKind::RecipientThrottled, false),
    ] {
        let status = status(&[("MessageStatus", word), ("ErrorCode", code), ("ErrorMessage", "words")]);
        assert_eq!(status.failures.len(), 1);
        let failure = &status.failures[0];
        assert_eq!((failure.kind, failure.acceptance), (kind, Acceptance::Unknown), "{code}");
        assert_eq!((failure.code, failure.proves_undelivered), (code.parse().ok(), proof));
        assert_eq!(failure.details.as_deref(), Some("words"));
        assert_eq!(failure.provider, Some(ProviderId::TWILIO));
        assert_eq!(failure.status, None);
    }
    let bare = |own: &[(&str, &str)]| status(own).failures;
    assert!(bare(&[("MessageStatus", "failed")]).is_empty());
    assert!(bare(&[("MessageStatus", "sent"), ("ErrorCode", "")]).is_empty());
    assert!(bare(&[("MessageStatus", "sent"), ("ErrorCode", "0")]).is_empty());
    let said =
        bare(&[("MessageStatus", "failed"), ("ErrorCode", "63016"), ("ChannelStatusMessage", "window")]);
    assert_eq!(said[0].details.as_deref(), Some("window"));
    let both = bare(&[
        ("MessageStatus", "failed"),
        ("ErrorCode", "63005"),
        ("ErrorMessage", "see the channel"),
        ("ChannelStatusMessage", "too long"),
    ]);
    assert_eq!(both[0].details.as_deref(), Some("see the channel: too long"));
    let odd = bare(&[("MessageStatus", "failed"), ("ErrorCode", "E-1")]);
    assert_eq!((odd[0].kind, odd[0].code), (ErrorKind::Unrecognized, None));
    assert_eq!(odd[0].details.as_deref(), Some("E-1"));
}

#[test]
fn a_remark_changes_no_state() {
    for (word, state, listed) in [
        ("sent", DeliveryState::Sent, 1),
        ("delivered", DeliveryState::Delivered, 1),
        ("failed", DeliveryState::Failed, 0),
        ("undelivered", DeliveryState::Failed, 0),
    ] {
        let status = status(&[("MessageStatus", word), ("ErrorCode", "63037")]);
        assert_eq!(status.state, state);
        assert_eq!(status.failures.len(), listed, "{word}");
    }
}

#[test]
fn names_of_sender_and_recipient() {
    let of = |own: &[(&str, &str)]| {
        let mut pairs = vec![("MessageStatus", "sent")];
        pairs.extend(own);
        event(&pairs)
    };
    let sender = |event: &InboundEvent| event.sender().map(|sender| sender.id.clone());
    let both = of(&[("MessagingServiceSid", SERVICE)]);
    assert_eq!(sender(&both).as_deref(), Some(NUMBER));
    let service = of(&[("From", ""), ("MessagingServiceSid", SERVICE)]);
    assert_eq!(sender(&service).as_deref(), Some(SERVICE));
    let user = of(&[
        ("To", "whatsapp:US.13491208655302741918"),
        ("ExternalUserId", "whatsapp:US.13491208655302741918"),
    ]);
    assert_eq!(user.user().unwrap().user, Some(bsuid()));
    assert_eq!(user.user().unwrap().phone, None);
    // A recipient whom nobody understands does not hide what became of the message.
    for odd in ["", "whatsapp:", "whatsapp:???"] {
        let event = of(&[("To", odd)]);
        assert_eq!(event.kind().as_str(), "status", "{odd}");
        assert!(event.user().unwrap().is_unknown());
    }
    for (own, id) in [
        (&[("From", "")][..], format!("status/{MESSAGE}/sent")),
        (&[("To", "+15551234567")], format!("status/{MESSAGE}/sent")),
    ] {
        let event = of(own);
        assert_eq!(event.kind().as_str(), "unrecognized", "{own:?}");
        assert_eq!(event.id().as_str(), id);
    }
}

#[test]
fn a_status_without_marks_is_a_status_all_the_same() {
    let pairs = [
        ("MessageSid", MESSAGE),
        ("MessageStatus", "sent"),
        ("From", "whatsapp:+14155238886"),
        ("To", "whatsapp:+15551234567"),
        // Not ours: only the query is.
        ("attempt", "000102030405060708090a0b0c0d0e0f"),
    ];
    for url in ["/status", "/status?attempt=nonsense", "/status?attempt=%ff"] {
        let event = post(&provider(), url, &pairs);
        let EventKind::Status(status) = event.kind() else { panic!("{event:?}") };
        assert_eq!((status.attempt, status.reference.as_deref()), (None, None));
    }
}
