//! What to do about events.

use whatsapp_provider::failover::Advice;
use whatsapp_provider::inbound::{
    AccountNotice, DeliveryState, EventId, InboundContent, Notice, Pricing, StatusUpdate, User,
};

use super::*;

fn message(provider: ProviderId) -> MessageRef {
    MessageRef::new(SenderId::new(provider, "memory"), "1")
}

fn failure(kind: ErrorKind, proves_undelivered: bool) -> Failure {
    let mut failure = Failure::new(kind, Acceptance::Unknown);
    failure.proves_undelivered = proves_undelivered;
    failure
}

fn failed(kind: ErrorKind, proof: bool) -> InboundEvent {
    let maker = EventMaker::new(SenderId::new(ProviderId::META, "memory"));
    maker.failed(&message(ProviderId::META), failure(kind, proof))
}

/// The advice as text, with what matters of it.
fn said(advice: &Advice) -> String {
    match advice {
        Advice::Resend { via, as_template, .. } => {
            let via = via.as_ref().map_or("anybody", ProviderId::as_str);
            format!("resend via {via}{}", if *as_template { " as template" } else { "" })
        }
        Advice::Nothing => "nothing".into(),
        Advice::Suppress => "suppress".into(),
        Advice::OtherChannel => "other channel".into(),
        Advice::Alert => "alert".into(),
        Advice::Undecided => "undecided".into(),
        _ => "?".into(),
    }
}

#[test]
fn each_failed_status_calls_for_something() {
    use ErrorKind as K;
    let pair = Pair::new();
    for kind in ErrorKind::ALL.iter().copied() {
        let with_proof = match kind {
            K::WindowClosed => "resend via meta as template",
            K::Unsupported
            | K::NotPortable
            | K::MediaExpired
            | K::NotEntitled
            | K::TemplateUnavailable
            | K::Credentials
            | K::AccountBlocked
            | K::Unavailable => "resend via twilio",
            K::Throttled | K::RecipientThrottled => "resend via anybody",
            K::RecipientRefused => "suppress",
            K::RecipientUnreachable => "other channel",
            K::InvalidMessage => "alert",
            K::Expired => "nothing",
            _ => "undecided",
        };
        assert_eq!(said(&pair.failover.advise(&failed(kind, true))), with_proof, "{kind:?}");
        let without = match kind {
            K::RecipientRefused | K::RecipientUnreachable | K::InvalidMessage => with_proof,
            _ => "undecided",
        };
        assert_eq!(said(&pair.failover.advise(&failed(kind, false))), without, "{kind:?} without proof");
    }
}

#[test]
fn marketing_is_not_sent_again() {
    let pair = Pair::new();
    for (category, expected) in
        [("marketing", "nothing"), ("marketing_lite", "nothing"), ("utility", "resend via twilio")]
    {
        let mut status = StatusUpdate::new(message(ProviderId::META), DeliveryState::Failed);
        let mut pricing = Pricing::default();
        pricing.category = Some(category.to_owned());
        status.pricing = Some(pricing);
        status.failures.push(failure(ErrorKind::Unavailable, true));
        let event = EventMaker::meta().event(EventId::new(["status", "1"]), status);
        assert_eq!(said(&pair.failover.advise(&event)), expected, "{category}");
    }
}

#[test]
fn a_message_is_sent_again_by_one_that_is_well() {
    let clock = TestClock::new();
    let ids = ["meta", "second", "third"].map(|id| MemoryProvider::new(id.parse().unwrap()));
    let [first, second, third] = ids.clone();
    let failover = FailoverProvider::builder()
        .primary(first)
        .fallback(second)
        .fallback(third)
        .clock(Arc::new(clock))
        .build()
        .unwrap();
    let blocked = failed(ErrorKind::AccountBlocked, true);
    assert_eq!(said(&failover.advise(&blocked)), "resend via second");
    failover.isolate(&"second".parse().unwrap());
    assert_eq!(said(&failover.advise(&blocked)), "resend via third");
    failover.isolate(&"third".parse().unwrap());
    assert_eq!(said(&failover.advise(&blocked)), "alert");
    assert_eq!(said(&failover.advise(&failed(ErrorKind::Unavailable, true))), "resend via anybody");
}

#[test]
fn other_events_call_for_little() {
    let pair = Pair::new();
    let mut maker = EventMaker::meta();
    let about = |notice| EventMaker::meta().event(EventId::new(["x", "1"]), AccountNotice::new(notice));
    let wants = |wanted: bool| {
        let json = serde_json::json!({
            "notice": "marketing_preference", "user": User::with_phone(to(1)), "wanted": wanted,
        });
        serde_json::from_value::<Notice>(json).unwrap()
    };
    let json = |json: &str| serde_json::from_str::<Notice>(json).unwrap();
    let mut of_another = StatusUpdate::new(message(ProviderId::META), DeliveryState::Failed);
    of_another.failures.push(failure(ErrorKind::Unavailable, true));
    of_another.standby = true;
    for (event, expected) in [
        (maker.text("+15557654321", "hi"), "nothing"),
        (maker.status(&message(ProviderId::META), DeliveryState::Delivered), "nothing"),
        (
            maker.event(
                EventId::new(["status", "2"]),
                StatusUpdate::new(message(ProviderId::META), DeliveryState::Failed),
            ),
            "undecided",
        ),
        (about(Notice::blocked(None)), "alert"),
        (about(Notice::restricted(Vec::new())), "alert"),
        (about(json(r#"{"notice":"violation"}"#)), "alert"),
        (about(json(r#"{"notice":"alert","event":"x"}"#)), "alert"),
        (about(json(r#"{"notice":"review","decision":"APPROVED"}"#)), "nothing"),
        (maker.standby("+15557654321", InboundContent::text("hi")), "nothing"),
        (maker.event(EventId::new(["standby", "3"]), of_another), "nothing"),
        (about(Notice::failed(failure(ErrorKind::Unrecognized, false))), "alert"),
        (about(Notice::Reinstated), "nothing"),
        (about(wants(false)), "suppress"),
        (about(wants(true)), "nothing"),
    ] {
        assert_eq!(said(&pair.failover.advise(&event)), expected, "{event:?}");
    }
}
