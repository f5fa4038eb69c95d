//! Accounts that are blocked, by the word of notices and statuses.

use whatsapp_provider::inbound::{RestrictedMessages, Restriction};
use whatsapp_provider::simulator::Simulator;

use super::*;

fn notice(world: &World, notice: Notice) -> InboundEvent {
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

/// What a restriction keeps from being sent goes by another member; everything else stays.
#[test]
fn a_restriction_concerns_its_own_messages_only() {
    use RestrictedMessages::{BusinessInitiated, None, UserInitiated};
    for (messages, to_stranger, to_ada) in
        [(BusinessInitiated, "twilio", "meta"), (UserInitiated, "meta", "twilio"), (None, "meta", "meta")]
    {
        let world = World::new();
        let stranger = |n| OutboundMessage::text(to(n), "hi");
        world.writes(0, ProviderId::META);
        let until = world.clock.now().saturating_add(HOUR);
        let restriction = Restriction::new("A_WORD_OF_2030").with_messages(messages).with_end(until);
        world.record(0, &notice(&world, Notice::restricted(vec![restriction])));
        assert_eq!(world.sends(1, &stranger(1)).0, to_stranger, "{messages:?}");
        assert_eq!(world.sends(1, &text()).0, to_ada, "{messages:?}");
        world.clock.advance(HOUR - Duration::from_millis(1));
        assert_eq!(world.sends(1, &stranger(2)).0, to_stranger, "{messages:?}");
        world.clock.advance(Duration::from_millis(1));
        assert_eq!(world.sends(1, &stranger(3)).0, "meta", "it ends by itself");
        assert_eq!(world.sends(1, &text()).0, "meta", "it ends by itself");
    }
}

#[test]
fn a_restriction_ends_with_a_reinstatement_or_after_half_an_hour_if_nobody_says_when() {
    for reinstated in [true, false] {
        let world = World::new();
        let restriction = Restriction::new("X").with_messages(RestrictedMessages::BusinessInitiated);
        world.record(0, &notice(&world, Notice::restricted(vec![restriction])));
        assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "twilio");
        if reinstated {
            world.clock.advance(SECOND);
            world.record(0, &notice(&world, Notice::Reinstated));
        } else {
            world.clock.advance(30 * 60 * SECOND);
        }
        assert_eq!(world.sends(1, &OutboundMessage::text(to(2), "hi")).0, "meta");
    }
}

#[test]
fn a_restricted_sender_is_still_tried_where_there_is_no_other() {
    let world = World::new();
    let restriction = Restriction::new("X").with_messages(RestrictedMessages::BusinessInitiated);
    world.record(0, &notice(&world, Notice::restricted(vec![restriction])));
    world.machines[1].isolate(&ProviderId::TWILIO);
    assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "meta");
}

/// Notices as Meta posts them, from the webhook to the plan.
#[test]
fn what_meta_posts_about_an_account_closes_it_and_lets_it_in_again() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let secret = simulator.accounts().app_secret;
    let failover = FailoverProvider::builder()
        .primary(simulator.meta().build().unwrap())
        .fallback(simulator.twilio().build().unwrap())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let hears = |value: serde_json::Value| {
        clock.advance(SECOND);
        let change = serde_json::json!({ "field": "account_update", "value": value });
        let entry = serde_json::json!({
            "id": "1", "time": clock.now().unix_seconds(), "changes": [change],
        });
        let body = serde_json::json!({ "entry": [entry] }).to_string();
        let request = http::Request::post("/webhook")
            .header("x-hub-signature-256", signed(&secret, &body))
            .body(body)
            .unwrap();
        let request = WebhookRequest::from_http(&request, clock.now());
        let events = failover.parse_inbound(&failover.verify_signature(&request).unwrap()).unwrap();
        clock.block_on(failover.record(&events));
    };
    let is_blocked = || {
        let standing = failover.status().members[0].standing;
        matches!(standing, Standing::Open { cause: ErrorKind::AccountBlocked, .. })
    };
    let ban = |state: &str| {
        let info = serde_json::json!({ "waba_ban_state": state, "waba_ban_date": "November 22, 2126" });
        serde_json::json!({ "event": "DISABLED_UPDATE", "ban_info": info })
    };
    assert!(!is_blocked());
    hears(ban("DISABLE"));
    assert!(is_blocked());
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

fn signed(secret: &str, body: &str) -> String {
    use hmac::{KeyInit, Mac};
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}
