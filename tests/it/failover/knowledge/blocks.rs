//! Accounts that are blocked, by the word of notices and statuses.

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
    let restricted = serde_json::from_str::<Notice>(r#"{"notice":"restricted","restrictions":[]}"#).unwrap();
    assert_eq!(told(restricted), Some((None, Some("restricted"))));
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
