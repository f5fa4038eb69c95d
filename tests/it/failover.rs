//! Failover over providers in memory, on a clock that is moved by hand.

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
    ForeignWebhook, InboundEvent, MessageRef, OnUnknown, OutboundMessage, PhoneNumber, ProviderId, Result,
    SendReceipt, SenderId, SentLookup, SentQuery, SignatureError, VerifiedWebhook, WebhookHead,
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
        self.failover.standings()[0].1
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
    pair.meta.fail_next(refused(ErrorKind::Unrecognized).with_try_elsewhere());
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
        ErrorKind::Throttled,
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
fn a_flag_is_obeyed_from_one_message_to_the_next() {
    let switch = RouteSwitch::new(Route::Auto);
    let pair = Pair::with(switch.clone(), FailoverPolicy::default());
    for (route, expected) in [
        ("auto", "meta"),
        ("prefer:twilio", "twilio"),
        ("only:twilio", "twilio"),
        ("prefer:meta", "meta"),
        ("only:meta", "meta"),
        ("only:nobody", "meta"),
    ] {
        switch.set(route.parse().unwrap());
        assert_eq!(pair.send(&hello()).unwrap().provider.as_str(), expected, "{route}");
    }
    let unknown =
        pair.events.lock().unwrap().iter().any(|event| matches!(event, FailoverEvent::UnknownMember { .. }));
    assert!(unknown);

    switch.set(Route::Only(ProviderId::META));
    pair.meta.fail_next(refused(ErrorKind::Unavailable));
    let error = pair.send(&hello()).unwrap_err();
    assert_eq!(
        (error.kind(), pair.twilio.attempts()),
        (ErrorKind::Unavailable, 2),
        "`only` does not fail over"
    );
}

#[test]
fn a_message_names_its_sender_or_its_provider() {
    let pair = Pair::new();
    let sender = SenderId::new(ProviderId::TWILIO, "memory");
    assert_eq!(pair.send(&hello().with_from(sender)).unwrap().provider, ProviderId::TWILIO);
    assert_eq!(pair.send(&hello().with_via(ProviderId::TWILIO)).unwrap().provider, ProviderId::TWILIO);
    pair.twilio.fail_next(refused(ErrorKind::Unavailable));
    assert_eq!(pair.send(&hello().with_via(ProviderId::TWILIO)).unwrap().provider, ProviderId::META);
    pair.twilio.fail_next(refused(ErrorKind::Unavailable));
    pair.send(&hello().with_via_only(ProviderId::TWILIO)).unwrap_err();
    let nobody = SenderId::new(ProviderId::META, "other");
    assert_eq!(pair.send(&hello().with_from(nobody)).unwrap_err().kind(), ErrorKind::NoRoute);
}

#[derive(Debug)]
struct SlowFlag(TestClock, Mutex<Vec<(Duration, Option<Route>)>>);

#[async_trait]
impl RouteSource for SlowFlag {
    async fn route(&self, _: &RouteContext) -> Option<Route> {
        let (time, route) = self.1.lock().unwrap().remove(0);
        self.0.sleep(time).await;
        route
    }
}

#[test]
fn a_dead_flag_stops_nothing_and_the_last_good_value_holds() {
    let clock = TestClock::new();
    let twilio_first = Some(Route::Prefer(ProviderId::TWILIO));
    let answers = vec![
        (60 * SECOND, Some(Route::Only(ProviderId::TWILIO))), // never said anything: the default
        (Duration::from_millis(50), twilio_first.clone()),    // just in time
        (Duration::from_millis(51), Some(Route::Auto)),       // too late: the last known
        (Duration::ZERO, None),                               // no opinion: the default
    ];
    let events = Events::default();
    let log = Arc::clone(&events);
    let failover = FailoverProvider::builder()
        .primary(MemoryProvider::new(ProviderId::META))
        .fallback(MemoryProvider::new(ProviderId::TWILIO))
        .route(SlowFlag(clock.clone(), Mutex::new(answers)))
        .observer(move |event: &FailoverEvent| log.lock().unwrap().push(event.clone()))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let providers: Vec<_> =
        (0..4).map(|_| clock.block_on(failover.send(&hello())).unwrap().provider.to_string()).collect();
    assert_eq!(providers, ["meta", "twilio", "twilio", "meta"]);
    let origins: Vec<_> = events
        .lock()
        .unwrap()
        .iter()
        .filter_map(
            |event| {
                if let FailoverEvent::Routed { origin, .. } = event { Some(*origin) } else { None }
            },
        )
        .collect();
    assert_eq!(
        origins,
        [RouteOrigin::Default, RouteOrigin::Flag, RouteOrigin::LastKnown, RouteOrigin::Default]
    );
    assert_eq!(clock.elapsed(), Duration::from_millis(150));
}

#[test]
fn a_rollout_takes_the_same_users_each_time() {
    let share = route_fn(|context| (context.bucket < 2_000).then_some(Route::Prefer(ProviderId::TWILIO)));
    let pair = Pair::with(share, FailoverPolicy::default());
    let run = || -> Vec<ProviderId> {
        (0..500).map(|n| pair.send(&OutboundMessage::text(to(n), "hi")).unwrap().provider).collect()
    };
    let first = run();
    let share = first.iter().filter(|provider| **provider == ProviderId::TWILIO).count();
    assert!((60..140).contains(&share), "{share} of 500 at 20 %");
    assert_eq!(first, run());
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
    assert_eq!(pair.standing_of_meta(), Standing::Trial);
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::META);
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::META);
    assert_eq!(pair.standing_of_meta(), Standing::Recovering);
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::TWILIO, "not before 60 s have passed");
    pair.clock.advance(30 * SECOND);
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::META);

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
    assert_eq!(changes, [HealthState::Open, HealthState::Closed]);
}

#[test]
fn when_all_are_down_the_least_bad_is_tried_all_the_same() {
    let pair = Pair::new();
    pair.meta.fail_always(refused(ErrorKind::Credentials));
    pair.twilio.fail_always(refused(ErrorKind::Unavailable));
    for n in 0..6 {
        pair.send(&OutboundMessage::text(to(n), "hi")).unwrap_err();
    }
    assert!(pair.failover.standings().iter().all(|(_, standing)| matches!(standing, Standing::Open { .. })));
    pair.twilio.recover();
    let receipt = pair.send(&hello()).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO);
    assert_eq!(receipt.attempts.len(), 1, "an outage is less bad than refused credentials");
}

/// A provider whose attempts take time and whose lookups are scripted.
#[derive(Debug)]
struct Scripted {
    id: ProviderId,
    clock: TestClock,
    departs_after: Option<Duration>,
    answers_after: Duration,
    lookups: Mutex<Vec<SentLookup>>,
    arms: bool,
}

impl Scripted {
    fn new(clock: &TestClock) -> Self {
        Self {
            id: ProviderId::META,
            clock: clock.clone(),
            departs_after: Some(SECOND),
            answers_after: 3600 * SECOND,
            lookups: Mutex::default(),
            arms: true,
        }
    }
}

#[async_trait]
impl WhatsAppProvider for Scripted {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn senders(&self) -> Vec<SenderId> {
        vec![]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn check(&self, _: &OutboundMessage) -> Result<()> {
        Ok(())
    }

    async fn send_attempt(&self, _: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        if self.arms {
            attempt.departure.arm();
        }
        if let Some(time) = self.departs_after {
            self.clock.sleep(time).await;
            if !attempt.departure.depart() {
                return Err(refused(ErrorKind::Expired));
            }
        }
        self.clock.sleep(self.answers_after).await;
        Ok(SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.id.clone())))
    }

    fn recognizes(&self, _: &WebhookHead<'_>) -> bool {
        false
    }

    fn verify_signature<'r>(&self, _: &WebhookRequest<'r>) -> Result<VerifiedWebhook<'r>, SignatureError> {
        Err(SignatureError::NotConfigured)
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        Err(ForeignWebhook::new(webhook.provider().clone()))
    }

    async fn find_sent(&self, _: &SentQuery) -> Result<SentLookup> {
        let mut lookups = self.lookups.lock().unwrap();
        if lookups.is_empty() { Err(Error::unsupported("find_sent")) } else { Ok(lookups.remove(0)) }
    }
}

fn with_scripted(clock: &TestClock, scripted: Scripted) -> (FailoverProvider, MemoryProvider) {
    let twilio = MemoryProvider::new(ProviderId::TWILIO);
    let failover = FailoverProvider::builder()
        .primary(scripted)
        .fallback(twilio.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    (failover, twilio)
}

#[test]
fn the_deadline_gives_up_what_has_not_left_and_only_that() {
    let clock = TestClock::new();
    let (failover, twilio) =
        with_scripted(&clock, Scripted { departs_after: Some(60 * SECOND), ..Scripted::new(&clock) });
    let error = clock.block_on(failover.send(&hello())).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unavailable, Acceptance::NotAccepted));
    assert_eq!(clock.elapsed(), 45 * SECOND);
    assert_eq!(twilio.attempts(), 0, "after the deadline no attempt begins");

    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    let error = clock.block_on(failover.send(&hello())).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoAnswer, Acceptance::Unknown));
    assert_eq!(clock.elapsed(), 45 * SECOND);

    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    clock.block_on(failover.send(&hello().with_category(Category::Authentication))).unwrap_err();
    assert_eq!(clock.elapsed(), 15 * SECOND);

    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    clock.block_on(failover.send(&hello().with_deadline(7 * SECOND))).unwrap_err();
    assert_eq!(clock.elapsed(), 7 * SECOND);
}

#[test]
fn a_provider_that_keeps_no_mark_proves_nothing() {
    let clock = TestClock::new();
    let scripted = Scripted { departs_after: None, arms: false, ..Scripted::new(&clock) };
    let (failover, twilio) = with_scripted(&clock, scripted);
    let error = clock.block_on(failover.send(&hello())).unwrap_err();
    assert_eq!(error.acceptance(), Acceptance::Unknown);
    assert_eq!(twilio.attempts(), 0);
}

#[test]
fn an_attempt_is_cut_short_only_where_another_may_follow_it() {
    let clock = TestClock::new();
    let (failover, twilio) = with_scripted(&clock, Scripted::new(&clock));
    let receipt = clock.block_on(failover.send(&hello().with_on_unknown(OnUnknown::FailOver))).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO);
    assert_eq!(clock.elapsed(), 10 * SECOND);
    assert_eq!(twilio.sent().len(), 1);
}

#[test]
fn a_dropped_send_still_tells_whether_anything_left() {
    for (wait, departed) in [(Duration::from_millis(500), false), (2 * SECOND, true)] {
        let clock = TestClock::new();
        let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
        let attempt = Attempt::new(&clock);
        clock.block_on(async {
            let message = hello();
            let send = failover.send_attempt(&message, &attempt);
            assert!(whatsapp_provider::clock::timeout(&clock, wait, send).await.is_none());
        });
        assert_eq!(attempt.departure.departed(), departed);
        assert_eq!(attempt.departure.revoke(), !departed);
    }
}

#[test]
fn looking_for_a_message_decides_only_if_it_is_found_or_refused() {
    let found = || {
        let id = MessageRef::new(SenderId::new(ProviderId::META, "1"), "found");
        let report = AttemptReport::accepted(whatsapp_provider::AttemptId::from_u128(1), ProviderId::META);
        SentLookup::Found(Box::new(SendReceipt::accepted(report).with_message(id)))
    };
    let refusal =
        || SentLookup::Refused(Box::new(Failure::new(ErrorKind::Unavailable, Acceptance::NotAccepted)));
    let message = |otherwise| hello().with_on_unknown(OnUnknown::reconcile(20 * SECOND, otherwise));
    let run = |lookups: Vec<SentLookup>, otherwise| {
        let clock = TestClock::new();
        let scripted = Scripted { lookups: Mutex::new(lookups), ..Scripted::new(&clock) };
        let (failover, twilio) = with_scripted(&clock, scripted);
        (clock.block_on(failover.send(&message(otherwise))), twilio.sent().len())
    };

    let (result, other) = run(vec![SentLookup::NotSeen, SentLookup::CannotTell, found()], Otherwise::Stop);
    let receipt = result.unwrap();
    assert_eq!((receipt.message.unwrap().id.as_str(), receipt.attempts.len(), other), ("found", 1, 0));

    let (result, other) = run(vec![SentLookup::NotSeen, refusal()], Otherwise::Stop);
    assert_eq!((result.unwrap().provider, other), (ProviderId::TWILIO, 1));

    let (result, other) = run(vec![SentLookup::NotSeen; 50], Otherwise::Stop);
    assert_eq!((result.unwrap_err().acceptance(), other), (Acceptance::Unknown, 0), "absence is no proof");

    let (result, other) = run(vec![SentLookup::NotSeen; 50], Otherwise::FailOver);
    assert_eq!((result.unwrap().provider, other), (ProviderId::TWILIO, 1));

    let (result, other) = run(vec![], Otherwise::Stop);
    assert_eq!(
        (result.unwrap_err().acceptance(), other),
        (Acceptance::Unknown, 0),
        "a member that cannot look"
    );
}

#[test]
fn a_lost_answer_is_no_sign_of_health() {
    let clock = TestClock::new();
    let scripted = Scripted { answers_after: SECOND, ..Scripted::new(&clock) };
    let (failover, _) = with_scripted(&clock, scripted);
    let receipt = clock.block_on(failover.send(&hello())).unwrap();
    assert!(receipt.message.is_none());
    assert_eq!(failover.standings()[0].1, Standing::Ready);
}

#[test]
fn webhooks_go_to_whoever_recognises_them() {
    let pair = Pair::new();
    let event = EventMaker::twilio().text("+15557654321", "hi");
    let received_at = pair.clock.now();
    let request = pair.twilio.webhook(std::slice::from_ref(&event)).unwrap();
    let webhook = pair.failover.verify_signature(&WebhookRequest::from_http(&request, received_at)).unwrap();
    assert_eq!(webhook.provider(), &ProviderId::TWILIO);
    assert_eq!(pair.failover.parse_inbound(&webhook).unwrap(), [event]);

    let strange = http::Request::post("/webhook").body(Vec::new()).unwrap();
    let strange = WebhookRequest::from_http(&strange, received_at);
    assert_eq!(pair.failover.verify_signature(&strange).unwrap_err(), SignatureError::Missing);
    let forged = http::Request::post("/webhook").header("x-memory-signature", "x").body(Vec::new()).unwrap();
    let forged = WebhookRequest::from_http(&forged, received_at);
    assert_eq!(pair.failover.verify_signature(&forged).unwrap_err(), SignatureError::Mismatch);
    let foreign = VerifiedWebhook::assume_verified(forged, "nobody".parse().unwrap());
    assert_eq!(pair.failover.parse_inbound(&foreign).unwrap_err().provider.as_str(), "nobody");
}

#[test]
fn an_answer_goes_out_by_the_sender_that_received() {
    let pair = Pair::new();
    let mut maker = EventMaker::new(SenderId::new(ProviderId::TWILIO, "memory"));
    let event = maker.text("+15557654321", "hi");
    let receipt = pair.send(&event.reply(Content::text("hello"))).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO);
    let sent = &pair.twilio.sent()[0].message;
    assert_eq!(sent.to, PhoneNumber::parse("+15557654321").unwrap().into());
    assert_eq!(sent.idempotency_key.as_deref(), Some("reply:message/test-1:0"));
    assert_eq!(sent.reply_to.as_ref().unwrap().message.id, "test-1");
}

#[test]
fn a_failover_can_be_a_member_of_another() {
    let clock = TestClock::new();
    let pair = Pair::new();
    let spare = MemoryProvider::new("spare".parse().unwrap());
    let outer = FailoverProvider::builder()
        .primary(pair.failover.clone())
        .fallback(spare.clone())
        .id("outer".parse().unwrap())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    pair.meta.fail_next(refused(ErrorKind::Unavailable));
    pair.twilio.fail_next(refused(ErrorKind::Unavailable));
    let receipt = clock.block_on(outer.send(&hello())).unwrap();
    let providers: Vec<_> = receipt.attempts.iter().map(|report| report.provider.as_str()).collect();
    assert_eq!(providers, ["meta", "twilio", "spare"]);
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
}

#[test]
fn events_tell_the_story_of_an_unknown_outcome() {
    let pair = Pair::new();
    pair.meta.fail_next(unknown());
    pair.send(&hello()).unwrap_err();
    let resolutions: Vec<_> = pair
        .events
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| {
            if let FailoverEvent::Unknown { resolution, .. } = event { Some(*resolution) } else { None }
        })
        .collect();
    assert_eq!(resolutions, [Resolution::Stopped]);
}
