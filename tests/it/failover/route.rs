//! Flags, and messages that name their way.

use whatsapp_provider::outbound::ContentKind;

use super::*;

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
    let error = pair.send(&hello().with_from(nobody)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("from")));
    let stranger = SenderId::new("stranger".parse().unwrap(), "memory");
    assert_eq!(pair.send(&hello().with_from(stranger)).unwrap_err().kind(), ErrorKind::NoRoute);
}

#[test]
fn where_all_refuse_the_one_that_comes_first_says_why() {
    let clock = TestClock::new();
    let member = |id| MemoryProvider::new(id).without(ContentKind::Location);
    let failover = FailoverProvider::builder()
        .primary(member(ProviderId::META))
        .fallback(member(ProviderId::TWILIO))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    for provider in [ProviderId::META, ProviderId::TWILIO] {
        let message = OutboundMessage::new(to(1), Content::location(1.5, 2.5)).with_via(provider.clone());
        let error = clock.block_on(failover.send(&message)).unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::Unsupported, Some(&provider)));
    }
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
fn a_route_is_a_flag_that_never_changes_and_a_flag_can_be_shared() {
    let fixed = Route::Only(ProviderId::TWILIO);
    assert_eq!(
        Pair::with(fixed.clone(), FailoverPolicy::default()).send(&hello()).unwrap().provider,
        ProviderId::TWILIO
    );
    let shared = Arc::new(RouteSwitch::new(fixed));
    let pair = Pair::with(Arc::clone(&shared), FailoverPolicy::default());
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::TWILIO);
    assert_eq!(format!("{:?}", route_fn(|_| None)), "RouteFn");
    shared.set(Route::Auto);
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::META);
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
fn a_watch_channel_is_a_flag() {
    let (turn, flag) = tokio::sync::watch::channel(Route::Auto);
    let pair = Pair::with(flag, FailoverPolicy::default());
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::META);
    turn.send(Route::Only(ProviderId::TWILIO)).unwrap();
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::TWILIO);
    drop(turn);
    assert_eq!(pair.send(&hello()).unwrap().provider, ProviderId::TWILIO, "the last word holds");
}
