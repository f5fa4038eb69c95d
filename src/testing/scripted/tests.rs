use std::time::Duration;

use super::*;
use crate::address::PhoneNumber;
use crate::outbound::ContentKind;
use crate::testing::TestClock;

const SECOND: Duration = Duration::from_secs(1);

fn provider() -> (TestClock, ScriptedProvider) {
    let clock = TestClock::new();
    (clock.clone(), ScriptedProvider::new(ProviderId::META, Arc::new(clock)))
}

fn hello() -> OutboundMessage {
    OutboundMessage::text(PhoneNumber::parse("+15550400001").unwrap(), "private")
}

/// Sends one message through one step, and tells what was answered and when, whether it left, whether the user got it.
fn through(step: Step, deadline: Option<Duration>) -> (Option<Acceptance>, Duration, bool, bool) {
    let (clock, provider) = provider();
    let mut attempt = Attempt::new(&clock);
    attempt.deadline = deadline;
    provider.then(step);
    let result = clock.block_on(provider.send_attempt(&hello(), &attempt));
    let error = result.err().map(|error| {
        assert_eq!(error.provider(), Some(&ProviderId::META));
        error.acceptance()
    });
    let asked = provider.asked();
    let [asked] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(asked.answer.as_ref().unwrap().as_ref().err().map(|failure| failure.acceptance), error);
    assert_eq!((asked.attempt, &asked.message), (attempt.id, &hello()));
    let got = asked.delivered.is_some();
    assert_eq!(provider.delivered().len(), usize::from(got));
    assert!(!got || attempt.departure.departed(), "nobody gets what has not left");
    (error, clock.elapsed(), attempt.departure.departed(), got)
}

#[test]
fn every_step_answers_delivers_and_leaves_as_it_says() {
    let throttled = || Error::new(ErrorKind::Throttled, Acceptance::NotAccepted);
    let unknown = || Error::new(ErrorKind::NoAnswer, Acceptance::Unknown);
    let (refused, lost) = (Some(Acceptance::NotAccepted), Some(Acceptance::Unknown));
    let five = Some(5 * SECOND);
    for (name, step, deadline, expected) in [
        ("accepted", Step::accept(), None, (None, 0, true, true)),
        ("slowly", Step::accept().answering_after(5 * SECOND), five, (None, 5, true, true)),
        ("too slowly", Step::accept().answering_after(6 * SECOND), five, (lost, 5, true, true)),
        ("late on its way", Step::accept().leaving_after(4 * SECOND), five, (None, 4, true, true)),
        ("never on its way", Step::accept().leaving_after(6 * SECOND), five, (refused, 5, false, false)),
        ("refused", Step::fail(throttled()), None, (refused, 0, true, false)),
        ("unknown", Step::fail(unknown()), None, (lost, 0, true, false)),
        ("delivered, and refused", Step::fail(throttled()).delivered(), None, (lost, 0, true, true)),
        ("no connection", Step::no_connection().leaving_after(SECOND), None, (refused, 1, false, false)),
        ("no answer", Step::lose_answer().answering_after(SECOND), None, (lost, 1, true, true)),
        ("nothing ever", Step::hang(), five, (lost, 5, true, false)),
        ("nothing ever, but it is there", Step::hang().delivered(), five, (lost, 5, true, true)),
    ] {
        let (answer, seconds, left, got) = expected;
        assert_eq!(through(step, deadline), (answer, seconds * SECOND, left, got), "{name}");
    }
}

#[test]
fn steps_are_used_up_in_order_and_then_the_rule_holds() {
    let (clock, provider) = provider();
    provider.then(Step::no_connection()).then(Step::accept());
    provider.from_now_on(Step::lose_answer().answering_after(SECOND));
    let outcomes: Vec<_> = (0..4)
        .map(|_| clock.block_on(provider.send(&hello())).map_err(|error| error.acceptance()).err())
        .collect();
    let lost = Some(Acceptance::Unknown);
    assert_eq!(outcomes, [Some(Acceptance::NotAccepted), None, lost, lost]);
    let asked = provider.asked();
    let start = asked[0].at;
    let begun: Vec<_> = asked.iter().map(|asked| asked.at.since(start)).collect();
    assert_eq!(begun, [Duration::ZERO, Duration::ZERO, Duration::ZERO, SECOND]);
    assert_eq!(provider.delivered().len(), 3);
    provider.from_now_on(Step::accept());
    clock.block_on(provider.send(&hello())).unwrap();
}

#[test]
fn a_send_that_is_given_up_or_dropped_tells_what_left() {
    let (clock, provider) = provider();
    provider.from_now_on(Step::hang().leaving_after(2 * SECOND).delivered());
    for (after, left) in [(SECOND, false), (3 * SECOND, true)] {
        let attempt = Attempt::new(&clock);
        let (message, before) = (hello(), provider.delivered().len());
        let send = provider.send_attempt(&message, &attempt);
        assert!(clock.block_on(timeout(&clock, after, send)).is_none());
        assert_eq!(attempt.departure.revoke(), !left);
        assert_eq!(provider.delivered().len() - before, usize::from(left));
        assert_eq!(provider.asked().last().unwrap().answer, None, "nobody waited for it");
    }
    // Given up, and nobody drops it.
    for step in [Step::accept(), Step::hang()] {
        provider.then(step.leaving_after(SECOND));
        let attempt = Attempt::new(&clock);
        attempt.departure.arm();
        assert!(attempt.departure.revoke());
        let error = clock.block_on(provider.send_attempt(&hello(), &attempt)).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Expired, Acceptance::NotAccepted));
    }
    assert_eq!(provider.delivered().len(), 1);
}

#[test]
fn what_check_refuses_uses_up_no_step() {
    let clock = TestClock::new();
    let memory =
        MemoryProvider::new(ProviderId::TWILIO).without(ContentKind::Text).with_sender("+15550001111");
    let provider = ScriptedProvider::before(memory, Arc::new(clock.clone()));
    provider.then(Step::lose_answer());
    clock.block_on(async {
        assert_eq!(provider.send(&hello()).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(provider.asked().is_empty());
        let message = hello().or(crate::Content::location(1.5, 2.5));
        assert_eq!(provider.send(&message).await.unwrap_err().acceptance(), Acceptance::Unknown);
    });
    let sent = provider.delivered();
    assert_eq!((sent.len(), sent[0].message.content.kind()), (1, ContentKind::Location));
    assert_eq!(sent[0].id.sender, provider.senders()[0]);
    let printed = format!("{provider:?} {:?}", provider.asked());
    assert!(!printed.contains("private") && !printed.contains("15550400001"), "{printed}");
}
