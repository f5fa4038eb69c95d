use super::*;
use crate::address::PhoneNumber;
use crate::outbound::Content;
use crate::testing::TestClock;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn message() -> OutboundMessage {
    OutboundMessage::text(PhoneNumber::parse("+15557654321").unwrap(), "hi")
}

struct Bench {
    clock: TestClock,
    provider: ScriptedProvider,
}

impl Bench {
    fn new() -> Self {
        let clock = TestClock::new();
        Self { provider: ScriptedProvider::new(ProviderId::META, Arc::new(clock.clone())), clock }
    }

    /// Sends by this step: how it ended, how long it took, whether something left, whether it was delivered.
    fn play(&self, step: Step, deadline: Option<u64>) -> (Result<()>, u64, bool, bool) {
        self.provider.then(step);
        let mut attempt = Attempt::new(&self.clock);
        attempt.deadline = deadline.map(seconds);
        let before = self.clock.elapsed();
        let end = self.clock.block_on(self.provider.send_attempt(&message(), &attempt)).map(drop);
        let took = (self.clock.elapsed() - before).as_secs();
        let asked = self.provider.asked().pop().unwrap();
        assert_eq!(asked.attempt, attempt.id);
        (end, took, attempt.departure.departed(), asked.delivered.is_some())
    }
}

#[test]
fn every_step_ends_as_it_says() {
    use Acceptance::{NotAccepted, Unknown};
    let throttled = Error::new(ErrorKind::Throttled, NotAccepted);
    let no_answer = Some((ErrorKind::NoAnswer, Unknown));
    let unavailable = Some((ErrorKind::Unavailable, NotAccepted));
    for (step, deadline, error, took, left, delivered) in [
        (Step::accept(), None, None, 0, true, true),
        (Step::accept().after(seconds(3)), Some(9), None, 3, true, true),
        (Step::accept().after(seconds(9)), Some(3), no_answer, 3, true, true),
        (Step::accept_and_lose().after(seconds(2)), None, no_answer, 2, true, true),
        (
            Step::fail(&throttled).after(seconds(1)),
            None,
            Some((ErrorKind::Throttled, NotAccepted)),
            1,
            true,
            false,
        ),
        (Step::never_connect().after(seconds(1)), None, unavailable, 1, false, false),
        (Step::never_connect().after(seconds(9)), Some(4), unavailable, 4, false, false),
        (Step::hang(), Some(5), no_answer, 5, true, false),
        (Step::accept_and_hang(), Some(5), no_answer, 5, true, true),
    ] {
        let what = format!("{step:?}");
        let (end, took_now, left_now, delivered_now) = Bench::new().play(step, deadline);
        let ended = end.err().map(|error| {
            assert_eq!(error.provider(), Some(&ProviderId::META));
            (error.kind(), error.acceptance())
        });
        assert_eq!((ended, took_now, left_now, delivered_now), (error, took, left, delivered), "{what}");
    }
}

#[test]
fn steps_are_used_up_before_what_always_happens() {
    let bench = Bench::new();
    bench.provider.always(Some(Step::never_connect()));
    bench.provider.then(Step::accept()).then(Step::accept_and_lose());
    let send = || bench.clock.block_on(bench.provider.send(&message())).is_ok();
    assert_eq!([send(), send(), send()], [true, false, false]);
    bench.provider.always(None);
    assert!(send());
    assert_eq!((bench.provider.asked().len(), bench.provider.delivered().len()), (4, 3));
}

#[test]
fn nothing_leaves_an_attempt_that_was_given_up_or_a_kind_that_is_refused() {
    let bench = Bench::new();
    let attempt = Attempt::new(&bench.clock);
    attempt.departure.arm();
    assert!(attempt.departure.revoke());
    let error = bench.clock.block_on(bench.provider.send_attempt(&message(), &attempt)).unwrap_err();
    assert_eq!(error.acceptance(), Acceptance::NotAccepted);
    let provider = bench.provider.clone().without(ContentKind::Sticker);
    let sticker = Content::sticker(crate::outbound::Link::new("https://files.example/a.webp").unwrap());
    let sticker = OutboundMessage::new(PhoneNumber::parse("+15557654321").unwrap(), sticker);
    assert_eq!(bench.clock.block_on(provider.send(&sticker)).unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(bench.provider.delivered().is_empty());
}
