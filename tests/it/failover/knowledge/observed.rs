//! What is not to be answered, and what only changes an older message.

use super::*;

/// A message that this application is not to answer holds no conversation. Only one that another application answers
/// opens the window, which is the number's and not the application's.
#[test]
fn what_is_not_to_be_answered_holds_no_conversation() {
    use Window::{Open, Unknown};
    let hi = || InboundContent::text("hi");
    let past = |world: &World| world.clock.now().saturating_sub(HOUR);
    type Make = fn(&mut EventMaker, InboundContent, Timestamp) -> InboundEvent;
    let makers: [(Make, Window); 3] = [
        (|maker, content, _| maker.standby(ADA, content), Open),
        (|maker, content, time| maker.history(ADA, content, time), Unknown),
        (|maker, content, _| maker.echo(ADA, content), Unknown),
    ];
    for (make, window) in makers {
        let world = World::new();
        let event = make(&mut world.maker(ProviderId::TWILIO), hi(), past(&world));
        world.record(0, &event);
        assert_eq!(world.sends(0, &text()).0, "meta", "{event:?}");
        assert_eq!(world.windows(), [Unknown, window], "{event:?}");

        // Nor does it end what was there before.
        world.writes(0, ProviderId::META);
        world.record(0, &make(&mut world.maker(ProviderId::TWILIO), hi(), past(&world)));
        assert_eq!(world.sends(0, &text()).0, "meta", "{event:?}");
        assert_eq!(world.windows(), [Open, window], "{event:?}");
    }
    // The same message to this application does both.
    let world = World::new();
    world.writes(0, ProviderId::TWILIO);
    assert_eq!(world.sends(0, &text()).0, "twilio");
}

/// Another application's conversation keeps the window open after the last message to this one.
#[test]
fn a_window_that_another_application_sees_opened_is_not_taken_for_closed() {
    let world = World::new();
    world.writes(0, ProviderId::META);
    world.clock.advance(25 * HOUR);
    assert_eq!(world.sends(1, &text_or_template()).1, 1);
    let edit = Edit::new(
        MessageRef::new(SenderId::new(ProviderId::META, "memory"), "old"),
        InboundContent::text("hi"),
    );
    world.record(0, &world.maker(ProviderId::META).standby(ADA, InboundContent::Edit(edit)));
    assert_eq!(world.sends(1, &text_or_template()).1, 1, "a new wording opens none");
    world.record(0, &world.maker(ProviderId::META).standby(ADA, InboundContent::text("hi")));
    assert_eq!(world.sends(1, &text_or_template()).1, 0);
    world.clock.advance(24 * HOUR);
    assert_eq!(world.sends(1, &text_or_template()).1, 1);
}

#[test]
fn a_change_of_an_older_message_opens_no_window() {
    let original = MessageRef::new(SenderId::new(ProviderId::TWILIO, "memory"), "old");
    for content in [
        InboundContent::revoke(original.clone()),
        InboundContent::Edit(Edit::new(original, InboundContent::text("hi"))),
    ] {
        let world = World::new();
        let event = world.maker(ProviderId::TWILIO).message(ADA, content);
        world.record(0, &event);
        assert_eq!(world.sends(0, &text()).0, "meta");
        assert_eq!(world.windows(), [Window::Unknown, Window::Unknown]);
    }
}

#[test]
fn what_is_not_to_be_answered_still_tells_a_users_names() {
    let world = World::new();
    let id = UserId::new("US.1").unwrap();
    let event = world.maker(ProviderId::TWILIO).standby(ADA, InboundContent::text("hi"));
    let EventKind::Observed(message) = event.kind() else { panic!() };
    let mut message = message.clone();
    message.from.user = Some(id.clone());
    world.record(0, &world.maker(ProviderId::TWILIO).event(event.id().clone(), *message));
    world.writes(0, ProviderId::TWILIO);
    assert_eq!(world.sends(0, &OutboundMessage::text(id, "hi")).0, "twilio", "the same user by the id");
}
