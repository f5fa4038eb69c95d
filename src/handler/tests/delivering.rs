//! The sink, the dead letters, and the acknowledgement.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use super::*;

fn unavailable(events: usize) -> WebhookOutcome {
    WebhookOutcome::SinkUnavailable { provider: ProviderId::META, events }
}

fn timed_out(events: usize) -> WebhookOutcome {
    WebhookOutcome::SinkTimedOut { provider: ProviderId::META, events }
}

fn stuck(events: usize, rejected: usize) -> WebhookOutcome {
    WebhookOutcome::Stuck { provider: ProviderId::META, events, rejected }
}

#[test]
fn all_events_of_a_webhook_go_to_the_sink_at_once_and_in_order() {
    let world = World::new();
    let events = texts(3);
    assert_eq!(world.post(&world.handler(), world.webhook(&events)), 200);
    assert_eq!(world.sink.calls(), [["1", "2", "3"]]);
    assert_eq!(world.sink.events(), events);
    assert_eq!(world.outcomes(), [accepted(3, 0)]);
}

#[test]
fn a_webhook_without_events_is_acknowledged_without_the_sink() {
    let world = World::new();
    world.sink.then(Do::Fail);
    assert_eq!(world.post(&world.handler(), world.webhook(&[])), 200);
    assert!(world.sink.calls().is_empty());
}

#[test]
fn nothing_is_remembered_from_one_webhook_to_the_next() {
    let world = World::new();
    let handler = world.handler();
    for _ in 0..2 {
        assert_eq!(world.post(&handler, world.webhook(&texts(1))), 200);
    }
    assert_eq!(world.sink.calls(), [["1"], ["1"]]);
}

#[test]
fn the_sink_has_five_seconds_and_not_a_nanosecond_more() {
    for (late, expected, outcome) in [(Duration::ZERO, 200, accepted(1, 0)), (NANO, 503, timed_out(1))] {
        let world = World::new();
        world.sink.then_after(5 * SECOND + late, Do::Take);
        let response = world.clock.block_on(world.handler().handle(world.webhook(&texts(1))));
        assert_eq!((response.status().as_u16(), response.body().len()), (expected, 0));
        assert_eq!(world.clock.elapsed(), 5 * SECOND);
        assert_eq!(world.outcomes(), [outcome]);
    }
}

#[test]
fn the_acknowledgement_waits_for_the_sink() {
    let world = World::new();
    let handler = world.handler();
    world.sink.then(Do::Hang);
    let mut waiting = pin!(handler.handle(world.webhook(&texts(1))));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    assert_eq!(world.sink.calls(), [["1"]], "it has the events");
    world.clock.advance(5 * SECOND - NANO);
    assert!(waiting.as_mut().poll(&mut context).is_pending(), "and has not said Ok");
    assert_eq!(world.outcomes(), []);
    world.clock.advance(NANO);
    let std::task::Poll::Ready(response) = waiting.as_mut().poll(&mut context) else { panic!("time is up") };
    assert_eq!(response.status().as_u16(), 503);
}

#[test]
fn a_sink_that_fails_is_not_asked_again() {
    let world = World::new();
    let handler = world.builder().dead_letters(world.dead.clone()).build().unwrap();
    world.sink.then(Do::Fail);
    assert_eq!(world.post(&handler, world.webhook(&texts(2))), 503);
    assert_eq!(world.sink.calls().len(), 1);
    assert!(world.dead.calls().is_empty());
    assert_eq!(world.outcomes(), [unavailable(2)]);
    assert_eq!(world.post(&handler, world.webhook(&texts(2))), 200, "it comes again, and is taken");
}

#[test]
fn rejected_events_go_to_the_dead_letters_and_the_rest_to_the_sink() {
    let world = World::new();
    let handler = world.builder().dead_letters(world.dead.clone()).build().unwrap();
    world.sink.then(Do::Reject(vec![3, 1, 1])).then(Do::Reject(vec![0]));
    assert_eq!(world.post(&handler, world.webhook(&texts(5))), 200);
    assert_eq!(
        world.sink.calls(),
        [vec!["1", "2", "3", "4", "5"], vec!["1", "3", "5"], vec!["3", "5"]],
        "places count among those that were given"
    );
    assert_eq!(world.dead.calls(), [vec!["2", "4"], vec!["1"]]);
    assert_eq!(world.sink.taken(), ["3", "5"]);
    assert_eq!(world.outcomes(), [accepted(5, 3)]);
}

#[test]
fn when_all_are_rejected_the_sink_is_not_given_nothing() {
    let world = World::new();
    let handler = world.builder().dead_letters(world.dead.clone()).build().unwrap();
    world.sink.then(Do::Reject(vec![0, 1]));
    assert_eq!(world.post(&handler, world.webhook(&texts(2))), 200);
    assert_eq!((world.sink.calls().len(), world.dead.taken()), (1, vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(world.outcomes(), [accepted(2, 2)]);
}

#[test]
fn without_dead_letters_a_rejected_event_stops_its_webhook() {
    let world = World::new();
    world.sink.then(Do::Reject(vec![1]));
    assert_eq!(world.post(&world.handler(), world.webhook(&texts(3))), 503);
    assert_eq!(world.sink.calls().len(), 1);
    assert_eq!(world.outcomes(), [stuck(3, 1)]);
}

#[test]
fn a_dead_letter_that_is_not_taken_is_not_acknowledged() {
    let world = World::new();
    let handler = world.builder().dead_letters(world.dead.clone()).build().unwrap();
    for (dead, outcome) in [(Do::Fail, unavailable(3)), (Do::Reject(vec![0]), stuck(3, 2))] {
        world.sink.then(Do::Reject(vec![0, 2]));
        world.dead.then(dead);
        assert_eq!(world.post(&handler, world.webhook(&texts(3))), 503);
        assert_eq!(world.outcomes(), [outcome]);
    }
    assert_eq!(
        world.sink.taken(),
        Vec::<String>::new(),
        "the rest is only handed over after the dead letters"
    );
}

#[test]
fn a_rejection_of_nothing_that_was_given_counts_as_unavailable() {
    let world = World::new();
    let handler = world.builder().dead_letters(world.dead.clone()).build().unwrap();
    for nothing in [vec![], vec![2], vec![usize::MAX]] {
        world.sink.then(Do::Reject(nothing));
        assert_eq!(world.post(&handler, world.webhook(&texts(2))), 503);
        assert_eq!(world.outcomes(), [unavailable(2)]);
    }
    assert!(world.dead.calls().is_empty());
    world.sink.then(Do::Reject(vec![7, 0]));
    assert_eq!(world.post(&handler, world.webhook(&texts(2))), 200, "what is valid of it counts");
    assert_eq!(world.dead.taken(), ["1"]);
}

#[test]
fn the_dead_letters_are_within_the_time_of_the_sink() {
    for (late, expected, outcome) in [(Duration::ZERO, 200, accepted(2, 1)), (NANO, 503, timed_out(2))] {
        let world = World::new();
        let handler = world.builder().dead_letters(world.dead.clone()).build().unwrap();
        world.sink.then_after(2 * SECOND, Do::Reject(vec![0])).then_after(SECOND + late, Do::Take);
        world.dead.then_after(2 * SECOND, Do::Take);
        assert_eq!(world.post(&handler, world.webhook(&texts(2))), expected);
        assert_eq!(world.clock.elapsed(), 5 * SECOND);
        assert_eq!(world.outcomes(), [outcome]);
    }
}

#[test]
fn a_future_that_is_dropped_leaves_the_handler_as_it_was() {
    let world = World::new();
    let handler = world.handler();
    let mut context = Context::from_waker(Waker::noop());
    // Dropped while the body is read, and while the sink is at it.
    let slow = world.webhook(&[]).map(|_| Pieces::new(Some(&world.clock)).piece(SECOND, "[]"));
    assert!(pin!(handler.handle(slow)).poll(&mut context).is_pending());
    world.sink.then(Do::Hang);
    assert!(pin!(handler.handle(world.webhook(&texts(1)))).poll(&mut context).is_pending());
    assert_eq!(world.outcomes(), [], "what was given up has no outcome");
    assert_eq!(world.post(&handler, world.webhook(&texts(1))), 200);
    assert_eq!(ids(&world.sink.events()), ["1"]);
}
