//! Accounts that are blocked, by the word of notices and statuses.

use whatsapp_provider::failover::Advice;
use whatsapp_provider::simulator::Simulator;

use super::*;

pub(super) fn notice(world: &World, notice: Notice) -> InboundEvent {
    world.maker(ProviderId::META).event(EventId::new(["x", "1"]), AccountNotice::new(notice))
}

#[test]
fn a_block_that_one_machine_hears_of_stops_them_all_until_it_is_lifted() {
    let world = World::new();
    world.record(0, &notice(&world, Notice::blocked(None)));
    assert_eq!(world.sends(1, &text()).0, "twilio");
    assert_eq!(world.meta.attempts(), 0);
    let events = world.events.lock().unwrap().clone();
    assert!(
        events
            .iter()
            .any(|event| { matches!(event, FailoverEvent::NeedsAttention { notice: Some("blocked"), .. }) })
    );
    let skipped = events.iter().find_map(|event| match event {
        FailoverEvent::Planned { plan, .. } => Some(plan.skipped[0].reason),
        _ => None,
    });
    assert_eq!(skipped, Some(SkipReason::Unhealthy(ErrorKind::AccountBlocked)));

    world.clock.advance(SECOND);
    world.record(0, &notice(&world, Notice::Reinstated));
    let stranger = OutboundMessage::text(to(5), "hi");
    assert_eq!(world.sends(1, &stranger).0, "meta");
}

#[test]
fn a_block_ends_when_the_member_is_let_in_by_hand_or_with_new_credentials() {
    for by_hand in [true, false] {
        let world = World::new();
        world.record(0, &notice(&world, Notice::blocked(None)));
        assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "twilio");
        let standing = || world.machines[1].status().members[0].standing;
        assert!(
            matches!(standing(), Standing::Open { cause: ErrorKind::AccountBlocked, .. }),
            "and it shows"
        );
        if by_hand {
            world.machines[1].restore(&ProviderId::META);
        } else {
            world.meta.replace_credentials();
        }
        assert_eq!(world.sends(1, &OutboundMessage::text(to(2), "hi")).0, "meta");
        assert_eq!(standing(), Standing::Ready);
        world.clock.advance(SECOND);
        world.record(0, &notice(&world, Notice::blocked(None)));
        assert_eq!(world.sends(1, &OutboundMessage::text(to(3), "hi")).0, "twilio", "it is said anew");
    }
}

#[test]
fn a_reinstatement_ends_the_wait_of_every_machine() {
    let world = World::new();
    world.meta.fail_next(refused(ErrorKind::AccountBlocked));
    assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "twilio");
    assert_eq!(world.sends(1, &OutboundMessage::text(to(2), "hi")).0, "twilio");
    world.clock.advance(SECOND);
    world.record(0, &notice(&world, Notice::Reinstated));
    assert_eq!(world.sends(1, &OutboundMessage::text(to(3), "hi")).0, "meta");
}

#[test]
fn a_block_without_an_end_is_tried_again_after_half_an_hour() {
    let world = World::new();
    world.record(0, &notice(&world, Notice::blocked(None)));
    let sends = |n| world.sends(1, &OutboundMessage::text(to(n), "hi")).0;
    world.clock.advance(30 * 60 * SECOND - Duration::from_millis(1));
    assert_eq!(sends(1), "twilio");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(sends(2), "meta");
}

#[test]
fn statuses_that_say_it_is_blocked_close_the_account_everywhere() {
    let world = World::new();
    let failed = |n: u32, kind| {
        let message = MessageRef::new(SenderId::new(ProviderId::META, "memory"), n.to_string());
        world.maker(ProviderId::META).failed(&message, Failure::new(kind, Acceptance::Unknown))
    };
    for n in 0..2 {
        world.record(0, &failed(n, ErrorKind::AccountBlocked));
    }
    for n in 10..30 {
        world.record(0, &failed(n, ErrorKind::RecipientUnreachable));
    }
    assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "meta");
    world.record(0, &failed(3, ErrorKind::AccountBlocked));
    for machine in [0, 1] {
        assert_eq!(world.sends(machine, &OutboundMessage::text(to(2), "hi")).0, "twilio");
    }
}

#[test]
fn a_message_that_goes_on_its_way_begins_the_count_anew() {
    for state in [DeliveryState::Sent, DeliveryState::Delivered, DeliveryState::Read, DeliveryState::Played] {
        let world = World::new();
        let message = |n: u32| MessageRef::new(SenderId::new(ProviderId::META, "memory"), n.to_string());
        let maker = || world.maker(ProviderId::META);
        let blocked = |n| {
            let failure = Failure::new(ErrorKind::AccountBlocked, Acceptance::Unknown);
            world.record(0, &maker().failed(&message(n), failure));
        };
        blocked(1);
        blocked(2);
        world.record(0, &maker().status(&message(3), state));
        blocked(4);
        assert_eq!(world.sends(0, &text()).0, "meta");
        blocked(5);
        blocked(6);
        assert_eq!(world.sends(0, &text()).0, "twilio");
    }
}

#[test]
fn notices_that_call_for_somebody_are_told() {
    let told = |notice: Notice| {
        let world = World::new();
        world.record(0, &self::notice(&world, notice));
        let events = world.events.lock().unwrap();
        events.iter().find_map(|event| match event {
            FailoverEvent::NeedsAttention { failure, notice, .. } => {
                Some((failure.as_ref().map(|failure| failure.kind), *notice))
            }
            _ => None,
        })
    };
    assert_eq!(told(Notice::restricted(Vec::new())), Some((None, Some("restricted"))));
    for (json, name) in [
        (r#"{"notice":"violation","what":"ALCOHOL"}"#, "violation"),
        (r#"{"notice":"alert","event":"SCHEDULE_FOR_DISABLE"}"#, "alert"),
    ] {
        assert_eq!(told(serde_json::from_str(json).unwrap()), Some((None, Some(name))));
    }
    assert_eq!(told(serde_json::from_str(r#"{"notice":"review","decision":"APPROVED"}"#).unwrap()), None);
    assert_eq!(told(Notice::blocked(None)), Some((None, Some("blocked"))));
    let failed = |kind| Notice::failed(Failure::new(kind, Acceptance::Unknown));
    assert_eq!(told(failed(ErrorKind::Credentials)), Some((Some(ErrorKind::Credentials), None)));
    assert_eq!(told(failed(ErrorKind::Throttled)), None);
    assert_eq!(told(Notice::Reinstated), None);
}

/// What is bad for templates, numbers and reviews calls for somebody as well.
#[test]
fn words_that_call_for_somebody() {
    let told = |json: &str| {
        let world = World::new();
        let event = notice(&world, serde_json::from_str(json).unwrap());
        world.record(0, &event);
        let events = world.events.lock().unwrap();
        let told = events.iter().any(|event| matches!(event, FailoverEvent::NeedsAttention { .. }));
        assert_eq!(world.machines[0].advise(&event) == Advice::Alert, told, "the advice is the same");
        told
    };
    for (event, expected) in
        [("PAUSED", true), ("DISABLED", true), ("REJECTED", true), ("APPROVED", false), ("PENDING", false)]
    {
        let template = format!(r#"{{"notice":"template","name":"x","event":"{event}","aspect":"status"}}"#);
        assert_eq!(told(&template), expected, "{event}");
        let category = template.replace("status", "category");
        assert!(!told(&category), "{event}");
    }
    for (decision, expected) in [("REJECTED", true), ("APPROVED", false)] {
        let review = format!(r#"{{"notice":"review","decision":"{decision}"}}"#);
        assert_eq!(told(&review), expected, "{decision}");
    }
    for (event, expected) in
        [("FLAGGED", true), ("RESTRICTED", true), ("UNFLAGGED", false), ("UPGRADE", false)]
    {
        let quality = format!(r#"{{"notice":"number_quality","event":"{event}"}}"#);
        assert_eq!(told(&quality), expected, "{event}");
    }
}

#[test]
fn old_news_call_for_nobody_and_pause_nothing() {
    let quarter = 15 * 60 * SECOND;
    for (ago, is_news) in [(quarter, true), (quarter + Duration::from_millis(1), false)] {
        let world = World::new();
        let time = world.clock.now().saturating_sub(ago);
        let mut failure = Failure::new(ErrorKind::Credentials, Acceptance::Unknown);
        failure.hint = Some(Hint::PauseMarketing);
        for news in [Notice::restricted(Vec::new()), Notice::failed(failure)] {
            world.record(0, &notice(&world, news).with_occurred_at(time));
        }
        let events = world.events.lock().unwrap().clone();
        let count = |is: fn(&FailoverEvent) -> bool| events.iter().filter(|event| is(event)).count();
        let called = count(|event| matches!(event, FailoverEvent::NeedsAttention { .. }));
        let paused = count(|event| matches!(event, FailoverEvent::Paused { .. }));
        assert_eq!((called, paused), if is_news { (2, 1) } else { (0, 0) });
    }
}

/// A block of which a webhook tells late holds as long as one that was told at once.
#[test]
fn what_is_heard_late_holds_from_then_on() {
    let world = World::new();
    let hour_ago = world.clock.now().saturating_sub(HOUR);
    world.record(0, &notice(&world, Notice::blocked(None)).with_occurred_at(hour_ago));
    let sends = |n| world.sends(1, &OutboundMessage::text(to(n), "hi")).0;
    assert_eq!(sends(1), "twilio");
    world.clock.advance(30 * 60 * SECOND);
    assert_eq!(sends(2), "meta");
}

#[test]
fn a_reinstatement_that_came_before_a_late_block_stands() {
    let world = World::new();
    let ago = |time| world.clock.now().saturating_sub(time);
    world.record(0, &notice(&world, Notice::Reinstated).with_occurred_at(ago(HOUR)));
    world.record(0, &notice(&world, Notice::blocked(None)).with_occurred_at(ago(2 * HOUR)));
    assert_eq!(world.sends(1, &text()).0, "meta");
}

/// A later word that holds for less does not end what holds for longer.
#[test]
fn statuses_do_not_shorten_a_block() {
    let world = World::new();
    world.record(0, &notice(&world, Notice::blocked(None)));
    // Many machines say so, one after the other.
    let blocked = |_| {
        world.clock.advance(SECOND);
        let machine = FailoverProvider::builder()
            .primary(world.meta.clone())
            .fallback(world.twilio.clone())
            .store(world.store.clone())
            .clock(Arc::new(world.clock.clone()))
            .build()
            .unwrap();
        for n in 0..3 {
            let message = MessageRef::new(SenderId::new(ProviderId::META, "memory"), n.to_string());
            let failure = Failure::new(ErrorKind::AccountBlocked, Acceptance::Unknown);
            let event = world.maker(ProviderId::META).failed(&message, failure);
            world.clock.block_on(machine.record(&[event]));
        }
    };
    (0..20).for_each(blocked);
    world.clock.advance(20 * 60 * SECOND);
    assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "twilio");
    // And a reinstatement ends both.
    blocked(20);
    world.clock.advance(SECOND);
    world.record(0, &notice(&world, Notice::Reinstated));
    assert_eq!(world.sends(1, &OutboundMessage::text(to(2), "hi")).0, "meta");
}

#[test]
fn an_announced_block_comes_although_another_one_was_heard_of_since() {
    let world = World::new();
    let in_ten_days = world.clock.now().saturating_add(240 * HOUR);
    let json =
        serde_json::json!({ "notice": "blocked", "reason": "SCHEDULE_FOR_DISABLE", "from": in_ten_days });
    world.record(0, &notice(&world, serde_json::from_value(json).unwrap()));
    assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "meta", "not before that day");
    world.clock.advance(SECOND);
    world.record(0, &notice(&world, Notice::blocked(None)));
    assert_eq!(world.sends(1, &OutboundMessage::text(to(2), "hi")).0, "twilio");
    world.clock.advance(240 * HOUR - 60 * SECOND);
    assert_eq!(world.sends(1, &OutboundMessage::text(to(3), "hi")).0, "meta");
    world.clock.advance(60 * SECOND);
    assert_eq!(world.sends(1, &OutboundMessage::text(to(4), "hi")).0, "twilio", "it is that day");
}

#[test]
fn a_status_from_long_ago_says_nothing_of_the_account() {
    let world = World::new();
    let failed = |n: u32, ago: Duration| {
        let message = MessageRef::new(SenderId::new(ProviderId::META, "memory"), n.to_string());
        let failure = Failure::new(ErrorKind::AccountBlocked, Acceptance::Unknown);
        let time = world.clock.now().saturating_sub(ago);
        world.maker(ProviderId::META).failed(&message, failure).with_occurred_at(time)
    };
    let quarter = 15 * 60 * SECOND;
    for (ago, expected) in [(quarter + Duration::from_millis(1), "meta"), (quarter, "twilio")] {
        for n in 0..3 {
            world.record(0, &failed(n, ago));
        }
        assert_eq!(world.sends(0, &text()).0, expected, "{ago:?}");
    }
}

/// Notices as Meta posts them, from the webhook to the plan.
#[test]
fn what_meta_posts_about_an_account_closes_it_and_lets_it_in_again() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let accounts = simulator.accounts();
    let failover = FailoverProvider::builder()
        .primary(simulator.meta().build().unwrap())
        .fallback(simulator.twilio().build().unwrap())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let hears_of = |account: &str, value: serde_json::Value| {
        clock.advance(SECOND);
        let change = serde_json::json!({ "field": "account_update", "value": value });
        let entry = serde_json::json!({
            "id": account, "time": clock.now().unix_seconds(), "changes": [change],
        });
        let body = serde_json::json!({ "entry": [entry] }).to_string();
        let request = http::Request::post("/webhook")
            .header("x-hub-signature-256", signed(&accounts.app_secret, &body))
            .body(body)
            .unwrap();
        let request = WebhookRequest::from_http(&request, clock.now());
        let events = failover.parse_inbound(&failover.verify_signature(&request).unwrap()).unwrap();
        clock.block_on(failover.record(&events));
    };
    let hears = |value| hears_of(&accounts.business_account_id, value);
    let foreign = |value| hears_of("309090909090909", value);
    let is_blocked = || {
        let standing = failover.status().members[0].standing;
        matches!(standing, Standing::Open { cause: ErrorKind::AccountBlocked, .. })
    };
    let ban = |state: &str| {
        let info = serde_json::json!({ "waba_ban_state": state, "waba_ban_date": "November 22, 2126" });
        serde_json::json!({ "event": "DISABLED_UPDATE", "ban_info": info })
    };
    assert!(!is_blocked());
    foreign(ban("DISABLE"));
    assert!(!is_blocked(), "another account of the same application");
    hears(ban("DISABLE"));
    assert!(is_blocked());
    foreign(ban("REINSTATE"));
    assert!(is_blocked(), "another account of the same application");
    hears(ban("REINSTATE"));
    assert!(!is_blocked());
    hears(ban("SCHEDULE_FOR_DISABLE"));
    assert!(!is_blocked(), "not before that day");
    hears(serde_json::json!({ "event": "ACCOUNT_OFFBOARDED" }));
    assert!(is_blocked());
    hears(serde_json::json!({ "event": "ACCOUNT_RECONNECTED" }));
    assert!(!is_blocked());
    hears(serde_json::json!({ "event": "ACCOUNT_VIOLATION" }));
    hears(serde_json::json!({ "event": "PARTNER_ADDED" }));
    assert!(!is_blocked());
}
