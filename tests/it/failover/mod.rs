//! Failover over providers in memory, on a clock that is moved by hand.

mod advice;
mod contract;
mod health;
mod knowledge;
mod paced;
mod route;
mod same_message;
mod searching;
mod shared_app;
mod unknown;
mod webhooks;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::{
    FailoverEvent, FailoverPolicy, FailoverProvider, HealthState, Resolution, Route, RouteContext,
    RouteOrigin, RouteSource, RouteSwitch, Standing, route_fn,
};
use whatsapp_provider::outbound::{Otherwise, Template};
use whatsapp_provider::testing::{EventMaker, MemoryProvider, TestClock};
use whatsapp_provider::{
    Acceptance, Attempt, AttemptReport, Capabilities, Category, Content, Error, ErrorKind, Failure,
    ForeignWebhook, Hint, InboundEvent, MessageRef, OnUnknown, OutboundMessage, PhoneNumber, ProviderId,
    Result, SendReceipt, SenderId, SentLookup, SentQuery, SignatureError, VerifiedWebhook, WebhookHead,
    WebhookRequest, WhatsAppProvider,
};

const SECOND: Duration = Duration::from_secs(1);

fn to(n: u64) -> PhoneNumber {
    PhoneNumber::from_digits(&(15_550_000_000 + n).to_string()).unwrap()
}

fn hello() -> OutboundMessage {
    OutboundMessage::text(to(1), "hello")
}

fn refused(kind: ErrorKind) -> Error {
    Error::new(kind, Acceptance::NotAccepted)
}

fn unknown() -> Error {
    Error::new(ErrorKind::NoAnswer, Acceptance::Unknown)
}

/// What Meta puts into the header of a webhook with this body.
pub(crate) fn signed(secret: &str, body: &str) -> String {
    use hmac::{KeyInit, Mac};
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

type Events = Arc<Mutex<Vec<FailoverEvent>>>;

struct Pair {
    clock: TestClock,
    meta: MemoryProvider,
    twilio: MemoryProvider,
    failover: FailoverProvider,
    events: Events,
}

impl Pair {
    fn new() -> Self {
        Self::with(Route::Auto, FailoverPolicy::default())
    }

    fn with(route: impl RouteSource, policy: FailoverPolicy) -> Self {
        let clock = TestClock::new();
        let (meta, twilio) = (MemoryProvider::new(ProviderId::META), MemoryProvider::new(ProviderId::TWILIO));
        let events = Events::default();
        let log = Arc::clone(&events);
        let failover = FailoverProvider::builder()
            .primary(meta.clone())
            .fallback(twilio.clone())
            .route(route)
            .policy(policy)
            .observer(move |event: &FailoverEvent| log.lock().unwrap().push(event.clone()))
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        Self { clock, meta, twilio, failover, events }
    }

    fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        self.clock.block_on(self.failover.send(message))
    }

    fn sent(&self) -> (usize, usize) {
        (self.meta.sent().len(), self.twilio.sent().len())
    }

    fn standing_of_meta(&self) -> Standing {
        self.failover.standings()[0].standing
    }

    fn break_meta(&self) {
        self.meta.fail_always(refused(ErrorKind::Unavailable));
        for n in 0..5 {
            self.send(&OutboundMessage::text(to(n), "hello")).unwrap();
        }
        assert!(matches!(self.standing_of_meta(), Standing::Open { .. }));
    }
}

#[test]
fn every_kind_either_goes_on_or_stops_after_a_refusal() {
    use ErrorKind as K;
    for kind in ErrorKind::ALL.iter().copied() {
        let pair = Pair::new();
        pair.meta.fail_next(refused(kind));
        let result = pair.send(&hello());
        let goes_on = matches!(
            kind,
            K::Unsupported
                | K::NotPortable
                | K::MediaExpired
                | K::NotEntitled
                | K::TemplateUnavailable
                | K::Credentials
                | K::AccountBlocked
                | K::Unavailable
                | K::NoAnswer
                | K::NoRoute
        );
        assert_eq!(result.is_ok(), goes_on, "{kind:?}");
        assert_eq!(pair.sent(), (0, usize::from(goes_on)), "{kind:?}");
        match result {
            Ok(receipt) => {
                assert_eq!(receipt.provider, ProviderId::TWILIO);
                let kinds: Vec<_> =
                    receipt.attempts.iter().map(|report| report.failure.as_ref().map(|f| f.kind)).collect();
                assert_eq!(kinds, [Some(kind), None]);
                assert_ne!(receipt.attempts[0].id, receipt.attempts[1].id);
            }
            Err(error) => {
                assert_eq!((error.kind(), error.acceptance()), (kind, Acceptance::NotAccepted));
                assert_eq!(error.attempts().len(), 1);
            }
        }
    }
}

#[test]
fn an_unknown_outcome_never_goes_on_unless_the_caller_says_so() {
    for kind in ErrorKind::ALL.iter().copied() {
        let pair = Pair::new();
        pair.meta.fail_next(Error::new(kind, Acceptance::Unknown));
        let error = pair.send(&hello()).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, Acceptance::Unknown));
        assert_eq!(pair.sent(), (1, 0), "{kind:?}");
    }

    let pair = Pair::new();
    pair.meta.fail_next(unknown());
    let receipt = pair.send(&hello().with_on_unknown(OnUnknown::FailOver)).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO);
    assert_eq!(pair.sent(), (1, 1), "at least once: twice here");

    let policy = FailoverPolicy::default().with_on_unknown(OnUnknown::FailOver);
    let pair = Pair::with(Route::Auto, policy);
    pair.meta.fail_next(unknown());
    pair.send(&hello().with_on_unknown(OnUnknown::Stop)).unwrap_err();
    assert_eq!(pair.sent(), (1, 0), "the message has the last word");
}

#[test]
fn the_error_keeps_the_worst_acceptance_and_the_shortest_wait() {
    let pair = Pair::new();
    pair.meta.fail_next(unknown().with_retry_after(7 * SECOND));
    pair.twilio.fail_next(refused(ErrorKind::AccountBlocked).with_retry_after(9 * SECOND));
    let error = pair.send(&hello().with_on_unknown(OnUnknown::FailOver)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountBlocked);
    assert_eq!(error.acceptance(), Acceptance::Unknown);
    assert_eq!(error.retry_after(), Some(7 * SECOND));
    let providers: Vec<_> = error.attempts().iter().map(|report| report.provider.as_str()).collect();
    assert_eq!(providers, ["meta", "twilio"]);
}

#[test]
fn a_hint_of_the_provider_opens_the_way_to_another_member() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::Unrecognized).with_hint(Hint::TryElsewhere));
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::TWILIO);
}

#[test]
fn marketing_stays_and_only_codes_flee_from_throttling() {
    let categories = [
        (Category::Authentication, true, true),
        (Category::Utility, true, false),
        (Category::Service, true, false),
        (Category::Marketing, false, false),
    ];
    for (category, when_down, when_throttled) in categories {
        for (kind, expected) in [(ErrorKind::Unavailable, when_down), (ErrorKind::Throttled, when_throttled)]
        {
            let pair = Pair::new();
            pair.meta.fail_next(refused(kind));
            let result = pair.send(&hello().with_category(category));
            assert_eq!(result.is_ok(), expected, "{category:?} {kind:?}");
        }
    }
}

#[test]
fn messages_and_recipients_never_change_the_route_of_others() {
    for kind in [
        ErrorKind::InvalidMessage,
        ErrorKind::RecipientUnreachable,
        ErrorKind::RecipientRefused,
        ErrorKind::RecipientThrottled,
        ErrorKind::WindowClosed,
        ErrorKind::TemplateUnavailable,
        ErrorKind::NotEntitled,
        ErrorKind::Unrecognized,
    ] {
        let pair = Pair::new();
        for n in 0..50 {
            pair.meta.fail_next(refused(kind));
            let _ = pair.send(&OutboundMessage::text(to(n), "hello"));
        }
        assert_eq!(pair.standing_of_meta(), Standing::Ready, "{kind:?}");
        assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::META, "{kind:?}");
    }
}

#[test]
fn what_check_refuses_is_not_attempted() {
    let clock = TestClock::new();
    let meta =
        MemoryProvider::new(ProviderId::META).without(whatsapp_provider::outbound::ContentKind::Location);
    let twilio =
        MemoryProvider::new(ProviderId::TWILIO).without(whatsapp_provider::outbound::ContentKind::Image);
    let failover = FailoverProvider::builder()
        .primary(meta.clone())
        .fallback(twilio.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let place = OutboundMessage::new(to(1), Content::location(1.0, 2.0));
    assert_eq!(clock.block_on(failover.send(&place)).unwrap().provider, ProviderId::TWILIO);
    assert_eq!(meta.attempts(), 0);

    let single =
        FailoverProvider::builder().primary(meta.clone()).clock(Arc::new(clock.clone())).build().unwrap();
    let error = clock.block_on(single.send(&place)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("content")));
    assert_eq!(meta.attempts(), 0);
    assert!(error.attempts().is_empty());
}

#[test]
fn alternatives_are_tried_in_order_at_the_same_member() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::WindowClosed));
    let message = hello().or(Content::text("again")).or(Template::new("hello", "en"));
    let receipt = pair.send(&message).unwrap();
    assert_eq!(
        (receipt.provider.as_str(), receipt.content_index),
        ("meta", 2),
        "only a template opens a window"
    );
    assert_eq!(pair.meta.sent()[0].message.content, Template::new("hello", "en").into());
    assert!(pair.meta.sent()[0].message.alternatives.is_empty());

    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::NotPortable));
    let receipt = pair.send(&hello().or(Content::text("again"))).unwrap();
    assert_eq!((receipt.provider.as_str(), receipt.content_index), ("meta", 1));
}

#[test]
fn outside_the_window_the_next_member_is_given_templates_only() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::WindowClosed));
    let error = pair.send(&hello()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WindowClosed);
    assert_eq!((pair.twilio.attempts(), pair.sent()), (0, (0, 0)));

    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::WindowClosed));
    pair.meta.fail_next(refused(ErrorKind::TemplateUnavailable));
    let receipt = pair.send(&hello().or(Template::new("hello", "en"))).unwrap();
    assert_eq!((receipt.provider.as_str(), receipt.content_index), ("twilio", 1));
}

#[test]
fn an_outage_is_learned_once_and_traffic_comes_back() {
    let pair = Pair::new();
    pair.break_meta();
    let before = pair.meta.attempts();
    for n in 10..30 {
        assert_eq!(pair.send(&OutboundMessage::text(to(n), "hi")).unwrap().provider, ProviderId::TWILIO);
    }
    assert_eq!(pair.meta.attempts(), before, "nothing is spent on a member that is down");

    pair.meta.recover();
    pair.clock.advance(30 * SECOND);
    let sends = |n| pair.send(&OutboundMessage::text(to(n), "hi")).unwrap().provider;
    assert_eq!(pair.standing_of_meta(), Standing::Trial);
    assert_eq!([sends(30), sends(31)], [ProviderId::META, ProviderId::META]);
    assert_eq!(pair.standing_of_meta(), Standing::Recovering);
    assert_eq!(sends(32), ProviderId::TWILIO, "not before 60 s have passed");
    pair.clock.advance(30 * SECOND);
    assert_eq!(sends(33), ProviderId::META);

    let changes: Vec<_> = pair
        .events
        .lock()
        .unwrap()
        .iter()
        .filter_map(
            |event| {
                if let FailoverEvent::HealthChanged { to, .. } = event { Some(*to) } else { None }
            },
        )
        .collect();
    assert_eq!(changes, [HealthState::Open, HealthState::HalfOpen, HealthState::Closed]);
}

#[test]
fn when_all_are_down_the_least_bad_is_tried_all_the_same() {
    let pair = Pair::new();
    pair.meta.fail_always(refused(ErrorKind::Credentials));
    pair.twilio.fail_always(refused(ErrorKind::Unavailable));
    for n in 0..6 {
        pair.send(&OutboundMessage::text(to(n), "hi")).unwrap_err();
    }
    assert!(pair.failover.standings().iter().all(|member| matches!(member.standing, Standing::Open { .. })));
    pair.twilio.recover();
    let receipt = pair.send(&hello()).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO);
    assert_eq!(receipt.attempts.len(), 1, "an outage is less bad than refused credentials");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let clock = || Arc::new(TestClock::new());
    let meta = || MemoryProvider::new(ProviderId::META);
    let error = FailoverProvider::builder().clock(clock()).build().unwrap_err();
    assert_eq!(error.field, "members");
    let error =
        FailoverProvider::builder().primary(meta()).fallback(meta()).clock(clock()).build().unwrap_err();
    assert!(error.to_string().contains("`meta`"), "{error}");
    let error =
        FailoverProvider::builder().primary(meta()).id(ProviderId::META).clock(clock()).build().unwrap_err();
    assert!(error.to_string().contains("`meta`"), "{error}");
    let builder = FailoverProvider::builder().primary(meta()).default_route(Route::Only(ProviderId::TWILIO));
    assert_eq!(builder.clock(clock()).build().unwrap_err().field, "default_route");
    let itself = Route::Only(ProviderId::FAILOVER);
    let builder = FailoverProvider::builder().primary(meta()).default_route(itself);
    assert_eq!(
        builder.clock(clock()).build().unwrap_err().field,
        "default_route",
        "it is no member of itself"
    );
    let builder = FailoverProvider::builder().primary(meta()).default_route(Route::Only(ProviderId::META));
    let shown = format!("{builder:?}");
    assert!(shown.starts_with("FailoverBuilder { id: failover, members: [MemoryProvider"), "{shown}");
    assert!(builder.clock(clock()).build().is_ok());
}

#[test]
fn attempts_are_counted_by_members_that_were_given_the_message() {
    let clock = TestClock::new();
    let ids = ["first", "second", "third"].map(|id| MemoryProvider::new(id.parse().unwrap()));
    let [first, second, third] = &ids;
    let failover = FailoverProvider::builder()
        .primary(first.clone().without(whatsapp_provider::outbound::ContentKind::Text))
        .fallback(second.clone())
        .fallback(third.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    second.fail_next(refused(ErrorKind::Unavailable));
    assert_eq!(clock.block_on(failover.send(&hello())).unwrap().provider, *third.id());
    second.fail_next(refused(ErrorKind::Unavailable));
    third.fail_next(refused(ErrorKind::AccountBlocked));
    let error = clock.block_on(failover.send(&OutboundMessage::text(to(2), "hello"))).unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::AccountBlocked, 2));
}

/// Three members, of which `most` may be tried.
fn three(most: usize) -> (TestClock, [MemoryProvider; 3], FailoverProvider, Events) {
    let clock = TestClock::new();
    let members = ["first", "second", "third"].map(|id| MemoryProvider::new(id.parse().unwrap()));
    let [first, second, third] = members.clone();
    let events = Events::default();
    let log = Arc::clone(&events);
    let failover = FailoverProvider::builder()
        .primary(first)
        .fallback(second)
        .fallback(third)
        .policy(FailoverPolicy::default().with_max_attempts(most))
        .observer(move |event: &FailoverEvent| log.lock().unwrap().push(event.clone()))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    (clock, members, failover, events)
}

fn attempts(members: &[MemoryProvider; 3]) -> [usize; 3] {
    members.each_ref().map(MemoryProvider::attempts)
}

#[test]
fn at_most_so_many_members_are_tried() {
    for (most, expected) in [(0, [1, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (9, [1, 1, 1])] {
        let (clock, members, failover, _) = three(most);
        members.iter().for_each(|member| member.fail_next(refused(ErrorKind::Unavailable)));
        clock.block_on(failover.send(&hello())).unwrap_err();
        assert_eq!(attempts(&members), expected, "{most}");
    }
}

#[test]
fn the_last_member_that_is_tried_is_the_end_of_it() {
    for (most, expected) in [(2, 2), (9, 3)] {
        let (clock, members, failover, events) = three(most);
        members.iter().for_each(|member| member.fail_next(unknown()));
        clock.block_on(failover.send(&hello().with_on_unknown(OnUnknown::FailOver))).unwrap_err();
        let resolutions: Vec<_> = events
            .lock()
            .unwrap()
            .iter()
            .filter_map(|event| match event {
                FailoverEvent::Unknown { resolution, .. } => Some(*resolution),
                _ => None,
            })
            .collect();
        let mut all = vec![Resolution::FailedOver; expected - 1];
        all.push(Resolution::Stopped);
        assert_eq!(resolutions, all, "{most}");
    }
}

#[test]
fn a_member_that_was_given_nothing_does_not_count() {
    let (clock, members, failover, _) = three(2);
    let [first, second, _] = &members;
    first.fail_always(refused(ErrorKind::Unavailable));
    for n in 10..15 {
        clock.block_on(failover.send(&OutboundMessage::text(to(n), "hi"))).unwrap();
    }
    clock.advance(30 * SECOND);
    // Its time for a trial has come, and its own probe says that it is still down.
    first.answer_probes(Err(refused(ErrorKind::Unavailable)));
    let before = attempts(&members);
    second.fail_next(refused(ErrorKind::Unavailable));
    let receipt = clock.block_on(failover.send(&hello())).unwrap();
    assert_eq!(receipt.provider.as_str(), "third");
    assert_eq!(first.attempts(), before[0]);
}

#[test]
fn events_hold_nothing_that_a_provider_said_in_words() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::Unavailable).with_details("CANARY"));
    let receipt = pair.send(&hello()).unwrap();
    assert_eq!(receipt.attempts[0].failure.as_ref().unwrap().details.as_deref(), Some("CANARY"));
    for event in pair.events.lock().unwrap().iter() {
        if let FailoverEvent::AttemptEnded { failure: Some(failure), .. } = event {
            assert_eq!(failure.details, None);
        }
    }
}
