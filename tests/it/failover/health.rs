//! How members leave and come back, and what an operator sees and does.

use whatsapp_provider::Hint;
use whatsapp_provider::failover::{HealthAspect, HealthPolicy, HealthRegistry};

use super::unknown::Scripted;
use super::*;

fn changes(pair: &Pair) -> Vec<(HealthAspect, HealthState)> {
    let events = pair.events.lock().unwrap();
    let change = |event: &FailoverEvent| match event {
        FailoverEvent::HealthChanged { aspect, to, .. } => Some((*aspect, *to)),
        _ => None,
    };
    events.iter().filter_map(change).collect()
}

fn sends(pair: &Pair, n: u64) -> String {
    pair.send(&OutboundMessage::text(to(n), "hi")).unwrap().provider.to_string()
}

#[test]
fn an_isolated_member_sends_nothing_until_it_is_restored() {
    let pair = Pair::with(RouteSwitch::new(Route::Auto), FailoverPolicy::default());
    assert!(pair.failover.isolate(&ProviderId::META));
    assert_eq!(sends(&pair, 1), "twilio");
    let error = pair.send(&hello().with_via_only(ProviderId::META)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoRoute, Acceptance::NotAccepted));
    pair.twilio.fail_next(refused(ErrorKind::Unavailable));
    assert_eq!(pair.send(&hello()).unwrap_err().kind(), ErrorKind::Unavailable, "not even then");
    assert_eq!(pair.meta.attempts(), 0);
    assert!(pair.failover.restore(&ProviderId::META));
    assert_eq!(sends(&pair, 2), "meta");
    assert!(!pair.failover.isolate(&"nobody".parse().unwrap()));
    assert!(!pair.failover.restore(&"nobody".parse().unwrap()));
}

#[test]
fn a_member_that_is_restored_is_tried_at_once() {
    let pair = Pair::new();
    pair.break_meta();
    pair.meta.recover();
    assert_eq!(sends(&pair, 50), "twilio");
    pair.failover.restore(&ProviderId::META);
    assert_eq!(sends(&pair, 51), "meta");
}

#[test]
fn new_credentials_end_the_wait() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::Credentials));
    assert_eq!(sends(&pair, 1), "twilio");
    assert_eq!(sends(&pair, 2), "twilio");
    assert_eq!(pair.meta.attempts(), 1);
    pair.meta.replace_credentials();
    assert_eq!([sends(&pair, 3), sends(&pair, 4)], ["meta", "meta"]);
    assert_eq!(
        changes(&pair),
        [HealthState::Open, HealthState::HalfOpen, HealthState::Closed]
            .map(|state| (HealthAspect::Account, state))
    );
}

#[test]
fn checking_members_spares_the_users_the_trial() {
    let pair = Pair::new();
    pair.meta.answer_probes(Err(refused(ErrorKind::Unavailable)));
    pair.twilio.answer_probes(Err(refused(ErrorKind::Credentials)));
    let check = || pair.clock.block_on(pair.failover.check_members());

    // A member that is well is only asked.
    let errors: Vec<_> = check().into_iter().map(|check| check.error.map(|error| error.kind())).collect();
    assert_eq!(errors, [Some(ErrorKind::Unavailable), Some(ErrorKind::Credentials)]);
    assert!(pair.failover.standings().iter().all(|member| member.standing == Standing::Ready));

    pair.break_meta();
    let attempts = pair.meta.attempts();
    pair.clock.advance(30 * SECOND);
    assert_eq!(pair.standing_of_meta(), Standing::Trial);
    let checks = check();
    assert!(
        matches!(checks[0].standing, Standing::Open { .. }),
        "it is still down, and no message was spent"
    );
    assert_eq!((checks[0].member.as_str(), pair.meta.attempts()), ("meta", attempts));

    pair.meta.answer_probes(Ok(()));
    pair.meta.recover();
    pair.clock.advance(60 * SECOND);
    let probes = pair.meta.probes();
    assert!(check()[0].error.is_none());
    assert_eq!(pair.standing_of_meta(), Standing::Trial);
    assert_eq!(sends(&pair, 60), "meta");
    assert_eq!(pair.meta.probes(), probes + 1, "the message need not probe again");
}

#[test]
fn a_permission_that_the_probe_lacks_counts_as_no_probe() {
    let pair = Pair::new();
    pair.break_meta();
    pair.meta.answer_probes(Err(refused(ErrorKind::NotEntitled)));
    pair.meta.recover();
    pair.clock.advance(30 * SECOND);
    assert_eq!(sends(&pair, 50), "meta");
    assert_eq!(pair.meta.probes(), 1);
}

#[test]
fn a_probe_has_its_time_and_a_message_in_a_hurry_does_not_count_against_the_member() {
    // The probe takes longer than it may. A message that has less time than that cannot tell.
    for (deadline, counts) in
        [(45 * SECOND, true), (2 * SECOND, true), (2 * SECOND - Duration::from_millis(1), false)]
    {
        let clock = TestClock::new();
        let mut scripted = Scripted::hanging(&clock);
        scripted.probes_for = Some(60 * SECOND);
        let failover = FailoverProvider::builder()
            .primary(scripted)
            .fallback(MemoryProvider::new(ProviderId::TWILIO))
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        for n in 0..5 {
            clock.block_on(failover.send(&OutboundMessage::text(to(n), "hi"))).unwrap_err();
        }
        clock.advance(30 * SECOND);
        assert_eq!(failover.standings()[0].standing, Standing::Trial);
        let _ = clock.block_on(failover.send(&hello().with_deadline(deadline)));
        let opened = matches!(failover.standings()[0].standing, Standing::Open { .. });
        assert_eq!(opened, counts, "{deadline:?}");
    }
}

#[test]
fn members_that_hang_are_left_before_the_first_limit_runs_out() {
    let clock = TestClock::new();
    let twilio = MemoryProvider::new(ProviderId::TWILIO);
    let failover = FailoverProvider::builder()
        .primary(Scripted::hanging(&clock))
        .fallback(twilio.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let messages: Vec<_> = (0..8).map(|n| OutboundMessage::text(to(n), "hi")).collect();
    clock.block_on(async {
        let mut sends: Vec<_> = messages.iter().take(5).map(|message| failover.send(message)).collect();
        let mut all = futures_util::future::join_all(sends.drain(..));
        let wait = whatsapp_provider::clock::timeout(&clock, 3 * SECOND - Duration::from_millis(1), &mut all);
        assert!(wait.await.is_none());
        assert_eq!(failover.standings()[0].standing, Standing::Ready);
        let wait = whatsapp_provider::clock::timeout(&clock, Duration::from_millis(1), &mut all);
        assert!(wait.await.is_none());
        let receipt = failover.send(&messages[6]).await.unwrap();
        assert_eq!(receipt.provider, ProviderId::TWILIO);
    });
    assert!(clock.elapsed() < 4 * SECOND);
}

#[test]
fn failovers_with_one_registry_learn_of_an_outage_once() {
    let clock = TestClock::new();
    let registry = HealthRegistry::with_clock(HealthPolicy::default(), Arc::new(clock.clone()));
    let line = |number: &str| {
        let meta = MemoryProvider::new(ProviderId::META).with_sender(number).with_api("graph.example");
        let twilio = MemoryProvider::new(ProviderId::TWILIO);
        let failover = FailoverProvider::builder()
            .primary(meta.clone())
            .fallback(twilio)
            .health_registry(registry.clone())
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        (meta, failover)
    };
    let lines: Vec<_> = (0..40).map(|n| line(&format!("10{n}"))).collect();
    let send = |line: usize, n| {
        let message = OutboundMessage::text(to(n), "hi");
        clock.block_on(lines[line].1.send(&message)).unwrap().provider.to_string()
    };
    for n in 0..5 {
        lines[0].0.fail_next(refused(ErrorKind::Unavailable));
        assert_eq!(send(0, n), "twilio");
    }
    for (line, (meta, _)) in lines.iter().enumerate().skip(1) {
        assert_eq!(send(line, 100), "twilio");
        assert_eq!(meta.attempts(), 0, "an outage of the host is everybody's");
    }
    clock.advance(30 * SECOND);
    lines[5].0.fail_next(refused(ErrorKind::AccountBlocked));
    assert_eq!(send(5, 200), "twilio");
    assert_eq!(send(6, 201), "meta", "a block is one number's");
}

#[test]
fn the_policy_of_the_registry_holds() {
    let clock = TestClock::new();
    let policy = HealthPolicy::default().with_failures(2).with_probe(SECOND).with_pause(SECOND, 60 * SECOND);
    let registry = HealthRegistry::with_clock(policy, Arc::new(clock.clone()));
    let meta = MemoryProvider::new(ProviderId::META);
    let failover = FailoverProvider::builder()
        .primary(meta.clone())
        .fallback(MemoryProvider::new(ProviderId::TWILIO))
        .health_registry(registry)
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    meta.fail_next(refused(ErrorKind::RecipientRefused).with_hint(Hint::PauseMarketing));
    clock.block_on(failover.send(&hello())).unwrap_err();
    let marketing = hello().with_category(Category::Marketing);
    let error = clock.block_on(failover.send(&marketing)).unwrap_err();
    assert_eq!(error.retry_after(), Some(60 * SECOND), "its longest pause");
    for n in 0..2 {
        meta.fail_next(refused(ErrorKind::Unavailable));
        clock.block_on(failover.send(&OutboundMessage::text(to(n + 10), "hi"))).unwrap();
    }
    assert!(matches!(failover.standings()[0].standing, Standing::Open { .. }));
}

#[test]
fn a_registry_and_a_policy_of_ones_own_do_not_go_together() {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::new());
    let registry = HealthRegistry::with_clock(HealthPolicy::default(), Arc::clone(&clock));
    let builder =
        FailoverProvider::builder().primary(MemoryProvider::new(ProviderId::META)).clock(Arc::clone(&clock));
    let error = builder.health(HealthPolicy::default()).health_registry(registry).build().unwrap_err();
    assert_eq!(error.field, "health");
    let forgetful = FailoverPolicy::default().with_remember(24 * 3600 * SECOND - Duration::from_millis(1));
    let builder = FailoverProvider::builder().primary(MemoryProvider::new(ProviderId::META)).clock(clock);
    assert_eq!(builder.policy(forgetful).build().unwrap_err().field, "policy.remember");
}

#[test]
fn a_throttled_category_waits_without_a_request() {
    let pair = Pair::new();
    let send = |category| pair.send(&hello().with_category(category));
    pair.meta.fail_next(refused(ErrorKind::Throttled).with_retry_after(20 * SECOND));
    assert_eq!(send(Category::Marketing).unwrap_err().kind(), ErrorKind::Throttled);
    let attempts = pair.meta.attempts();
    pair.clock.advance(SECOND);
    let error = send(Category::Marketing).unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(19 * SECOND)));
    assert_eq!(error.provider(), Some(&ProviderId::META));
    assert_eq!(pair.meta.attempts(), attempts, "no request was made");
    assert_eq!(send(Category::Utility).unwrap().provider, ProviderId::META, "marketing waits alone");
    pair.clock.advance(19 * SECOND);
    assert!(send(Category::Marketing).is_ok());

    pair.meta.fail_next(refused(ErrorKind::Throttled));
    assert_eq!(send(Category::Authentication).unwrap().provider, ProviderId::TWILIO);
    assert_eq!(send(Category::Authentication).unwrap().provider, ProviderId::TWILIO);
    pair.clock.advance(5 * SECOND);
    assert_eq!(send(Category::Authentication).unwrap().provider, ProviderId::META);
}

#[test]
fn complaints_pause_marketing_and_call_for_somebody() {
    let pair = Pair::new();
    let complaint = refused(ErrorKind::RecipientRefused).with_hint(Hint::PauseMarketing).with_code(131_048);
    pair.meta.fail_next(complaint);
    pair.send(&hello()).unwrap_err();
    let marketing = || pair.send(&hello().with_category(Category::Marketing));
    assert_eq!(marketing().unwrap_err().retry_after(), Some(15 * 60 * SECOND));
    assert!(pair.send(&hello()).is_ok());
    pair.clock.advance(15 * 60 * SECOND);
    assert!(marketing().is_ok());
    let events = pair.events.lock().unwrap();
    let attention = events.iter().find_map(|event| match event {
        FailoverEvent::NeedsAttention { failure, .. } => failure.clone(),
        _ => None,
    });
    assert_eq!(attention.unwrap().code, Some(131_048));
}

#[test]
fn two_users_throttled_at_once_pause_the_category() {
    let pair = Pair::new();
    let throttled = || refused(ErrorKind::RecipientThrottled).with_hint(Hint::ThrottledIfRepeated);
    let send = |n| pair.send(&OutboundMessage::text(to(n), "hi"));
    pair.meta.fail_next(throttled());
    send(1).unwrap_err();
    assert!(send(2).is_ok(), "one user's affair");
    pair.meta.fail_next(throttled());
    send(2).unwrap_err();
    assert_eq!(send(3).unwrap_err().kind(), ErrorKind::Throttled);
}

fn switches(events: &Events) -> usize {
    let events = events.lock().unwrap();
    events.iter().filter(|event| matches!(event, FailoverEvent::Switched { .. })).count()
}

#[test]
fn messages_that_are_bound_say_nothing_of_where_others_go() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::AccountBlocked));
    sends(&pair, 1);
    pair.send(&hello().with_via(ProviderId::META)).unwrap();
    assert_eq!(switches(&pair.events), 0);
    sends(&pair, 2);
    assert_eq!(switches(&pair.events), 1);

    let pair = Pair::new();
    let event = EventMaker::new(SenderId::new(ProviderId::TWILIO, "memory")).text("+15557654321", "hi");
    pair.clock.block_on(pair.failover.record(std::slice::from_ref(&event)));
    pair.twilio.fail_next(refused(ErrorKind::AccountBlocked));
    let pinned = OutboundMessage::new(event.user().unwrap().recipient(), Content::text("hello"));
    for _ in 0..2 {
        assert_eq!(pair.send(&pinned).unwrap().provider, ProviderId::META);
    }
    assert_eq!(switches(&pair.events), 0);
}

#[test]
fn an_attempt_says_whether_it_is_a_trial() {
    let pair = Pair::new();
    sends(&pair, 1);
    pair.break_meta();
    pair.meta.recover();
    pair.clock.advance(30 * SECOND);
    sends(&pair, 20);
    let events = pair.events.lock().unwrap();
    let trials: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            FailoverEvent::AttemptStarted { provider, trial, .. } if *provider == ProviderId::META => {
                Some(*trial)
            }
            _ => None,
        })
        .collect();
    assert_eq!((trials.first(), trials.last()), (Some(&false), Some(&true)));
    assert_eq!(trials.iter().filter(|trial| **trial).count(), 1);
}

/// Whether a user stays with whoever sent this message, once everybody is well again.
fn stays(clock: &TestClock, failover: &FailoverProvider, expected: [&str; 2], n: u64) {
    let message = OutboundMessage::text(to(n), "hi");
    let send = || clock.block_on(failover.send(&message)).unwrap().provider.to_string();
    let first = send();
    for id in ["first", "second", "third"] {
        failover.restore(&id.parse().unwrap());
    }
    // Two for the trials, of other users.
    for other in [n + 1000, n + 2000] {
        let _ = clock.block_on(failover.send(&OutboundMessage::text(to(other), "hi")));
    }
    clock.advance(60 * SECOND);
    assert_eq!([first, send()], expected);
}

#[test]
fn users_stay_with_a_stand_in_only_if_health_was_the_reason() {
    // The first is known to be unwell.
    let (clock, [first, ..], failover, _) = three(3);
    first.fail_next(refused(ErrorKind::Credentials));
    clock.block_on(failover.send(&OutboundMessage::text(to(900), "hi"))).unwrap();
    stays(&clock, &failover, ["second", "second"], 1);

    // Its own probe says so.
    let (clock, [first, ..], failover, _) = three(3);
    first.fail_next(refused(ErrorKind::Credentials));
    clock.block_on(failover.send(&OutboundMessage::text(to(900), "hi"))).unwrap();
    first.answer_probes(Err(refused(ErrorKind::Credentials)));
    clock.advance(60 * SECOND);
    let message = OutboundMessage::text(to(1), "hi");
    assert_eq!(clock.block_on(failover.send(&message)).unwrap().provider.as_str(), "second");
    first.answer_probes(Ok(()));
    stays(&clock, &failover, ["second", "second"], 1);

    // It may not send this one; that the third is unwell, and the second on trial, are other things.
    for unwell in ["third", "second"] {
        let (clock, [first, second, third], failover, _) = three(3);
        let other = if unwell == "third" { third } else { second };
        other.fail_next(refused(ErrorKind::Credentials));
        let message = OutboundMessage::text(to(900), "hi").with_via(unwell.parse().unwrap());
        clock.block_on(failover.send(&message)).unwrap();
        if unwell == "second" {
            clock.advance(60 * SECOND);
        }
        first.fail_next(refused(ErrorKind::NotEntitled));
        stays(&clock, &failover, ["second", "first"], 1);
    }
}

#[test]
fn leaving_a_throttled_member_is_no_switch() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::Throttled));
    for _ in 0..2 {
        pair.send(&hello().with_category(Category::Authentication)).unwrap();
    }
    assert_eq!(pair.twilio.attempts(), 2);
    assert_eq!(pair.failover.status().last_switch, None);
}

#[test]
fn a_probe_that_fails_ends_the_trial_of_an_account_too() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::AccountBlocked));
    assert_eq!(sends(&pair, 1), "twilio");
    pair.meta.answer_probes(Err(refused(ErrorKind::Unavailable)));
    pair.clock.advance(60 * SECOND);
    assert_eq!(pair.standing_of_meta(), Standing::Trial);
    let attempts = pair.meta.attempts();
    assert_eq!([sends(&pair, 2), sends(&pair, 3)], ["twilio", "twilio"]);
    assert_eq!((pair.meta.attempts(), pair.meta.probes()), (attempts, 1), "no message is risked on it");
    let Standing::Open { cause, remaining, .. } = pair.standing_of_meta() else { panic!() };
    assert_eq!(cause, ErrorKind::AccountBlocked);
    assert!((60 * SECOND..=120 * SECOND).contains(&remaining), "twice as long: {remaining:?}");
}

#[test]
fn what_an_account_may_not_do_calls_for_somebody() {
    for kind in ErrorKind::ALL.iter().copied() {
        let pair = Pair::new();
        pair.meta.fail_next(refused(kind).with_details("CANARY"));
        let _ = pair.send(&hello());
        let events = pair.events.lock().unwrap();
        let told = events.iter().any(|event| {
            matches!(event, FailoverEvent::NeedsAttention { failure: Some(failure), .. }
                if failure.kind == kind && failure.details.is_none())
        });
        let expected =
            matches!(kind, ErrorKind::NotEntitled | ErrorKind::Credentials | ErrorKind::AccountBlocked);
        assert_eq!(told, expected, "{kind:?}");
    }
}

#[test]
fn a_switch_is_told_once_each_way() {
    let pair = Pair::new();
    pair.break_meta();
    for n in 10..15 {
        sends(&pair, n);
    }
    pair.meta.recover();
    pair.clock.advance(30 * SECOND);
    for n in 20..25 {
        sends(&pair, n);
    }
    pair.clock.advance(30 * SECOND);
    for n in 30..35 {
        sends(&pair, n);
    }
    let events = pair.events.lock().unwrap();
    let switches: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            FailoverEvent::Switched { switch, .. } => Some((switch.from.to_string(), switch.to.to_string())),
            _ => None,
        })
        .collect();
    let way = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(switches, [way("meta", "twilio"), way("twilio", "meta")]);
    assert_eq!(pair.failover.status().last_switch.unwrap().to, ProviderId::META);
}

#[test]
fn what_fails_beside_the_api_moves_only_its_own_message() {
    let pair = Pair::new();
    for kind in [ErrorKind::Unavailable, ErrorKind::Throttled] {
        for n in 0..20 {
            pair.meta.fail_next(refused(kind).with_hint(Hint::Beside));
            let _ = pair.send(&OutboundMessage::text(to(n), "a list"));
            assert_eq!(sends(&pair, n), "meta", "{kind:?}");
        }
    }
    assert_eq!(pair.standing_of_meta(), Standing::Ready);
    assert_eq!(switches(&pair.events), 0);
}

#[test]
fn a_message_that_is_bound_to_a_member_is_no_switch() {
    let pair = Pair::new();
    let twilio = SenderId::new(ProviderId::TWILIO, "memory");
    let wrote = EventMaker::new(twilio).at(pair.clock.now()).text("+15550000002", "hi");
    pair.clock.block_on(pair.failover.record(&[wrote]));
    assert_eq!(sends(&pair, 1), "meta");
    assert_eq!(sends(&pair, 2), "twilio", "where the user wrote");
    let via = OutboundMessage::text(to(1), "hi").with_via(ProviderId::TWILIO);
    assert_eq!(pair.send(&via).unwrap().provider, ProviderId::TWILIO);
    assert_eq!(sends(&pair, 1), "meta");

    // Nor is it one if the member that holds it is not well.
    pair.twilio.fail_always(refused(ErrorKind::Unavailable));
    for n in 10..16 {
        let via = OutboundMessage::text(to(n), "hi").with_via(ProviderId::TWILIO);
        assert_eq!(pair.send(&via).unwrap().provider, ProviderId::META);
    }
    assert_eq!(sends(&pair, 2), "meta");
    assert_eq!(switches(&pair.events), 0);
}

#[test]
fn the_status_says_where_messages_go_and_why() {
    let pair = Pair::with(RouteSwitch::new("prefer:meta".parse().unwrap()), FailoverPolicy::default());
    pair.break_meta();
    pair.twilio.fail_next(refused(ErrorKind::Throttled));
    pair.send(&OutboundMessage::text(to(40), "hi").with_category(Category::Utility)).unwrap_err();
    pair.failover.isolate(&ProviderId::TWILIO);
    let status = serde_json::to_value(pair.failover.status()).unwrap();
    assert_eq!(status["route"], "prefer:meta");
    assert_eq!(status["route_origin"], "flag");
    assert_eq!(status["last_switch"]["to"], "twilio");
    let [meta, twilio] = [&status["members"][0], &status["members"][1]];
    assert_eq!([&meta["standing"], &meta["cause"]], ["open", "unavailable"]);
    assert!((15.0..=30.0).contains(&meta["remaining"].as_f64().unwrap()));
    assert_eq!([&meta["reachability"], &meta["account"]], ["open", "closed"]);
    assert_eq!(twilio["standing"], "isolated");
    assert_eq!(twilio["pauses"], serde_json::json!([{"category": "utility", "remaining": 5}]));
}

#[test]
fn the_end_of_a_send_is_told_with_all_that_led_to_it() {
    let pair = Pair::new();
    pair.meta.fail_next(refused(ErrorKind::Unavailable));
    pair.send(&hello().with_reference("order-77")).unwrap();
    pair.meta.fail_next(unknown());
    pair.send(&OutboundMessage::text(to(2), "hello")).unwrap_err();
    let events = pair.events.lock().unwrap();
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            FailoverEvent::Finished { provider, reference, failure, attempts, .. } => {
                let failure = failure.as_ref().map(|failure| (failure.kind, failure.acceptance));
                Some((provider.clone(), reference.clone(), failure, *attempts))
            }
            _ => None,
        })
        .collect();
    let accepted = (Some(ProviderId::TWILIO), Some("order-77".to_owned()), None, 2);
    let lost = (None, None, Some((ErrorKind::NoAnswer, Acceptance::Unknown)), 1);
    assert_eq!(ends, [accepted, lost]);
}
