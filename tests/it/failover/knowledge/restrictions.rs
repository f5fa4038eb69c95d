//! Accounts that cannot send some of their messages.

use whatsapp_provider::inbound::{RestrictedMessages, Restriction};

use super::blocks::notice;
use super::*;

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

#[test]
fn restrictions_are_shown() {
    let world = World::new();
    let shown = || world.machines[0].status().members[0].restrictions.clone();
    assert_eq!(shown(), []);
    let messages = RestrictedMessages::BusinessInitiated;
    let until = world.clock.now().saturating_add(HOUR);
    let restriction = Restriction::new("X").with_messages(messages).with_end(until);
    world.record(0, &notice(&world, Notice::restricted(vec![restriction])));
    let one = shown();
    assert_eq!((one.len(), one[0].messages, one[0].remaining), (1, messages, HOUR));
    assert_eq!(world.machines[0].status().members[0].standing, Standing::Ready);
    world.clock.advance(HOUR);
    assert_eq!(shown(), []);
}

/// JSON of an older version does not say which messages: nothing is kept from being sent, and somebody is told.
#[test]
fn a_restriction_of_nobody_knows_what_changes_no_route() {
    let world = World::new();
    let json = r#"{"notice":"restricted","restrictions":[{"what":"RESTRICTED_BIZ_INITIATED_MESSAGING"}]}"#;
    world.record(0, &notice(&world, serde_json::from_str(json).unwrap()));
    assert_eq!(world.sends(1, &text()).0, "meta");
    let events = world.events.lock().unwrap();
    assert!(events.iter().any(|event| matches!(event, FailoverEvent::NeedsAttention { .. })));
}
