//! What was accepted although its answer was lost, by the word of statuses.

use super::*;

#[test]
fn a_search_leaves_time_for_the_next_member() {
    let world = World::new();
    world.meta.fail_next(unknown());
    let message = text()
        .with_category(Category::Authentication)
        .with_on_unknown(OnUnknown::reconcile(20 * SECOND, Otherwise::FailOver));
    let began = world.clock.elapsed();
    assert_eq!(world.sends(0, &message).0, "twilio");
    assert_eq!(world.clock.elapsed() - began, Duration::from_millis(7_500), "half of what was left");
}

fn lost(within: u64) -> OutboundMessage {
    let on_unknown = OnUnknown::reconcile(Duration::from_secs(within), Otherwise::Stop);
    text().with_on_unknown(on_unknown)
}

/// The status of the last message that Meta has taken, whatever its answer was.
fn status(world: &World, state: DeliveryState) -> InboundEvent {
    let sent = world.meta.sent().pop().unwrap();
    let mut status = StatusUpdate::new(sent.id, state);
    status.attempt = Some(sent.attempt);
    world.maker(ProviderId::META).event(EventId::new(["status", "1"]), status)
}

#[test]
fn a_status_at_one_machine_settles_what_another_waits_for() {
    for state in [DeliveryState::Sent, DeliveryState::Delivered, DeliveryState::Failed] {
        let world = World::new();
        world.meta.fail_next(unknown());
        let message = lost(20);
        let began = world.clock.elapsed();
        let receipt = world.clock.block_on(async {
            let record = async {
                world.clock.sleep(3 * SECOND).await;
                let event = status(&world, state.clone());
                world.machines[1].record(&[event]).await;
            };
            futures_util::future::join(world.machines[0].send(&message), record).await.0
        });
        let receipt = receipt.unwrap();
        assert_eq!(receipt.provider, ProviderId::META);
        assert_eq!(
            receipt.message,
            Some(world.meta.sent()[0].id.clone()),
            "acceptance is not delivery: {state}"
        );
        assert!(world.clock.elapsed() - began <= 4 * SECOND);
    }
}

#[test]
fn without_a_status_nothing_is_found_and_nothing_is_sent_twice() {
    let world = World::new();
    world.meta.fail_next(unknown());
    let began = world.clock.elapsed();
    let error = world.try_send(0, &lost(20)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoAnswer, Acceptance::Unknown));
    assert_eq!(world.clock.elapsed() - began, 20 * SECOND);
    assert_eq!(world.twilio.attempts(), 0);
}

#[test]
fn a_status_settles_a_repeat_under_every_policy() {
    for on_unknown in [OnUnknown::Stop, OnUnknown::FailOver, lost(5).on_unknown.unwrap()] {
        let world = World::new();
        world.meta.fail_next(unknown());
        let message = text().with_idempotency_key("order-77").with_on_unknown(on_unknown);
        if on_unknown == OnUnknown::FailOver {
            // Both may have it; then a status says that the second one does.
            world.twilio.fail_next(unknown());
        }
        assert_eq!(world.try_send(0, &message).unwrap_err().acceptance(), Acceptance::Unknown);
        let attempts = world.meta.attempts() + world.twilio.attempts();
        world.record(1, &status(&world, DeliveryState::Delivered));
        let receipt = world.try_send(0, &message).unwrap();
        assert_eq!(receipt.message, Some(world.meta.sent()[0].id.clone()));
        assert_eq!(world.meta.attempts() + world.twilio.attempts(), attempts, "{on_unknown:?}");
        assert_eq!(world.try_send(1, &message).unwrap().message, receipt.message);
    }
}

#[test]
fn a_category_has_a_policy_of_its_own_for_what_is_not_known() {
    let policy = FailoverPolicy::default()
        .with_category(Category::Authentication, |category| category.with_on_unknown(OnUnknown::FailOver));
    let world = World::with(|builder| builder.policy(policy.clone()));
    world.meta.fail_next(unknown());
    let code = text().with_category(Category::Authentication);
    assert_eq!(world.sends(0, &code).0, "twilio");
    world.meta.fail_next(unknown());
    let stays = OutboundMessage::text(to(3), "hi");
    assert_eq!(world.try_send(0, &stays).unwrap_err().acceptance(), Acceptance::Unknown);
    world.meta.fail_next(unknown());
    let last_word = OutboundMessage::text(to(4), "hi")
        .with_category(Category::Authentication)
        .with_on_unknown(OnUnknown::Stop);
    assert_eq!(world.try_send(0, &last_word).unwrap_err().acceptance(), Acceptance::Unknown);
}
