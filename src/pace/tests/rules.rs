//! Each rule, on both sides of its boundary.

use futures_util::future::join_all;
use futures_util::poll;

use super::super::rate::Rate;
use super::super::turn::FEW_RECIPIENTS;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn paced(policy: PacePolicy) -> (TestClock, Paced<MemoryProvider>) {
    let clock = TestClock::new();
    let provider = MemoryProvider::new(ProviderId::META);
    let paced = Paced::builder(provider).policy(policy).clock(Arc::new(clock.clone())).build().unwrap();
    (clock, paced)
}

/// One message a second, and no other limit.
fn slow() -> PacePolicy {
    PacePolicy::default().with_per_second(1).with_reserve_percent(0).with_recipient(None)
}

/// When a message leaves, or how it is refused.
async fn send(
    paced: &Paced<MemoryProvider>,
    to: u64,
    category: Category,
    deadline: Duration,
) -> Result<Duration> {
    let clock = &paced.shared.clock;
    let attempt = Attempt::new(clock).with_deadline(deadline);
    paced.send_attempt(&message(to, category), &attempt).await?;
    Ok(clock.elapsed())
}

/// When so many messages leave that come together, each to a recipient of its own.
fn times(policy: PacePolicy, count: u64, category: Category) -> Vec<Duration> {
    let (clock, paced) = paced(policy);
    let all = (0..count).map(|to| send(&paced, to, category, 1_000 * SECOND));
    clock.block_on(join_all(all)).into_iter().map(Result::unwrap).collect()
}

fn within(times: &[Duration], end: Duration) -> usize {
    times.iter().filter(|time| **time < end).count()
}

#[test]
fn a_second_has_a_small_burst_and_is_filled_evenly() {
    for (per_second, burst, evenly) in
        [(1, 1, 1), (2, 1, 2), (39, 1, 39), (40, 2, 39), (80, 4, 77), (1_000, 50, 951)]
    {
        let rate = Rate::per_second(per_second);
        assert_eq!(rate.burst.get(), burst);
        assert_eq!(rate.period, Duration::from_nanos(1_000_000_000_u64.div_ceil(evenly)));
    }
    let times = times(PacePolicy::default(), 161, Category::Service);
    assert_eq!((within(&times, MILLI), within(&times, 13 * MILLI)), (4, 5));
    assert_eq!(within(&times, SECOND), 80, "the second is used up");
    assert!(times.windows(81).all(|window| window[80] - window[0] >= SECOND));
}

#[test]
fn ten_thousand_messages_take_their_time_and_no_longer() {
    let last = |category| times(PacePolicy::default(), 10_000, category).pop().unwrap();
    assert_eq!(last(Category::Service), 9_996 * Duration::from_nanos(12_987_013), "129.8 s");
    assert_eq!(
        last(Category::Marketing),
        9_997 * Duration::from_nanos(16_129_033),
        "161.2 s, by the reserve"
    );
}

#[test]
fn bulk_leaves_the_reserve_alone() {
    for (category, most) in [
        (Category::Marketing, 64),
        (Category::Utility, 64),
        (Category::Authentication, 80),
        (Category::Service, 80),
    ] {
        assert_eq!(within(&times(PacePolicy::default(), 100, category), SECOND), most, "{category:?}");
    }
    let without = PacePolicy::default().with_reserve_percent(0);
    assert_eq!(within(&times(without, 100, Category::Marketing), SECOND), 80);

    let (clock, paced) = paced(PacePolicy::default());
    clock.block_on(async {
        let mut campaign = Box::pin(join_all((0..5_000).map(|to| {
            let sending = send(&paced, to, Category::Marketing, 1_000 * SECOND);
            async { sending.await.unwrap() }
        })));
        assert!(poll!(&mut campaign).is_pending());
        for category in [Category::Authentication, Category::Service] {
            assert_eq!(send(&paced, 9_000, category, Duration::ZERO).await.ok(), Some(clock.elapsed()));
            clock.sleep(SECOND).await;
        }
    });
}

#[test]
fn a_recipient_has_a_burst_and_then_one_in_each_interval() {
    let (clock, paced) = paced(PacePolicy::default().with_per_second(10_000));
    clock.block_on(async {
        let all = (0..47).map(|_| send(&paced, 1, Category::Service, 45 * SECOND));
        let mut all = Box::pin(join_all(all));
        assert!(poll!(&mut all).is_pending());
        assert_eq!(paced.provider().sent().len(), 45);
        assert_eq!(send(&paced, 2, Category::Service, Duration::ZERO).await.unwrap(), Duration::ZERO);
        let times: Vec<_> = all.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(times[44..], [Duration::ZERO, 6 * SECOND, 12 * SECOND]);
    });
}

#[test]
fn whose_turn_is_too_late_is_refused_at_once() {
    let (clock, paced) = paced(slow());
    let send = |deadline| Box::pin(send(&paced, 1, Category::Marketing, deadline));
    clock.block_on(async {
        send(Duration::ZERO).await.unwrap();
        let error = send(SECOND - MILLI).await.unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Throttled, Acceptance::NotAccepted));
        assert_eq!((error.provider(), error.retry_after()), (Some(&ProviderId::META), Some(SECOND)));
        assert_eq!(error.failure().hint, Some(Hint::Beside), "it says nothing of the provider");

        let mut waiting = Box::pin(join_all([send(SECOND), send(3 * SECOND), send(3 * SECOND)]));
        assert!(poll!(&mut waiting).is_pending());
        let error = send(4 * SECOND - MILLI).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(4 * SECOND), "three are in front");
        assert_eq!(clock.elapsed(), Duration::ZERO);
        let times: Vec<_> = waiting.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(times, [SECOND, 2 * SECOND, 3 * SECOND], "at the last moment is in time");
    });
    assert_eq!(paced.provider().attempts(), 4, "the refused ones were no requests");
}

#[test]
fn a_recipients_line_is_too_long_only_for_the_recipient() {
    let pace = RecipientPace::new(2, 6 * SECOND);
    let (clock, paced) = paced(PacePolicy::default().with_recipient(Some(pace)));
    let send = |to, deadline| Box::pin(send(&paced, to, Category::Service, deadline));
    clock.block_on(async {
        for _ in 0..2 {
            send(1, Duration::ZERO).await.unwrap();
        }
        let error = send(1, 6 * SECOND - MILLI).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.acceptance()),
            (ErrorKind::RecipientThrottled, Acceptance::NotAccepted)
        );
        assert_eq!((error.retry_after(), error.failure().hint), (Some(6 * SECOND), Some(Hint::Beside)));
        let mut waiting = Box::pin(join_all([send(1, 6 * SECOND), send(1, 12 * SECOND)]));
        assert!(poll!(&mut waiting).is_pending());
        let error = send(1, 17 * SECOND).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(18 * SECOND), "two are in front");
        assert_eq!(send(2, Duration::ZERO).await.unwrap(), Duration::ZERO);
        let times: Vec<_> = waiting.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(times, [6 * SECOND, 12 * SECOND]);
    });
}

#[test]
fn without_a_deadline_there_is_a_longest_wait() {
    let mut policy = slow();
    policy.longest_wait = SECOND;
    let (clock, paced) = paced(policy);
    clock.block_on(async {
        paced.send(&message(1, Category::Service)).await.unwrap();
        let second = message(2, Category::Service);
        let mut second = paced.send(&second);
        assert!(poll!(&mut second).is_pending());
        let error = paced.send(&message(3, Category::Service)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(2 * SECOND)));
        second.await.unwrap();
        assert_eq!(clock.elapsed(), SECOND);
    });
}

#[test]
fn one_that_is_dropped_gives_its_place_to_those_behind() {
    let one = Some(RecipientPace::new(1, 6 * SECOND));
    for (policy, each) in [(slow(), SECOND), (PacePolicy::default().with_recipient(one), 6 * SECOND)] {
        let (clock, paced) = paced(policy);
        let send = |deadline| Box::pin(send(&paced, 1, Category::Utility, deadline));
        clock.block_on(async {
            send(Duration::ZERO).await.unwrap();
            let (mut first, mut second, mut third) = (send(each), send(2 * each), send(3 * each));
            assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
            assert!(poll!(&mut third).is_pending());
            assert!(send(3 * each).await.is_err(), "its place is the fourth");
            drop(second);
            assert!(poll!(&mut send(3 * each)).is_pending(), "its place is the third");
            clock.sleep(each / 2).await;
            drop(first);
            assert_eq!(third.await.unwrap(), each);
            assert_eq!(send(each).await.unwrap(), 2 * each, "nobody is left in front");
        });
    }
}

#[test]
fn clones_wait_in_the_same_lines_and_senders_in_their_own() {
    let policy = slow().with_sender(SenderId::new(ProviderId::META, "upgraded"), 2);
    let (clock, paced) = paced(policy.clone());
    let clone = paced.clone();
    clock.block_on(async {
        send(&paced, 1, Category::Service, Duration::ZERO).await.unwrap();
        assert!(send(&clone, 2, Category::Service, SECOND - MILLI).await.is_err());
        assert_eq!(send(&clone, 2, Category::Service, SECOND).await.unwrap(), SECOND);
    });
    let upgraded = MemoryProvider::new(ProviderId::META).with_sender("upgraded");
    let paced = Paced::builder(upgraded).policy(policy).clock(Arc::new(TestClock::new())).build().unwrap();
    TestClock::new().block_on(async {
        send(&paced, 1, Category::Service, Duration::ZERO).await.unwrap();
        let error = send(&paced, 2, Category::Service, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(SECOND / 2));
    });

    let turns = |sender| paced.shared.turns_of(&SenderId::new(ProviderId::META, sender));
    assert!(Arc::ptr_eq(&turns("upgraded"), &turns("upgraded")));
    assert!(!Arc::ptr_eq(&turns("upgraded"), &turns("another")));
}

#[test]
fn recipients_are_forgotten_when_their_burst_is_whole_again() {
    let pace = Some(RecipientPace::new(1, 10 * SECOND));
    let (clock, paced) = paced(PacePolicy::default().with_per_second(10_000).with_recipient(pace));
    let turns = paced.shared.turns_of(&paced.provider().senders()[0]);
    clock.block_on(async {
        for to in 0..2 * FEW_RECIPIENTS as u64 {
            send(&paced, to, Category::Service, SECOND).await.unwrap();
        }
        assert!(turns.recipients() > FEW_RECIPIENTS, "most of them would have to wait");
        clock.sleep(10 * SECOND).await;
        for to in 0..2 * FEW_RECIPIENTS as u64 {
            send(&paced, 1_000_000 + to, Category::Service, SECOND).await.unwrap();
        }
        assert!(turns.recipients() <= 2 * FEW_RECIPIENTS, "those of the first round are gone");
        let error = send(&paced, 1_000_000 + 19_999, Category::Service, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RecipientThrottled, "and the last ones are not");
    });
}

#[test]
fn settings_have_bounds() {
    let policy = PacePolicy::default();
    let burst = |burst, interval| policy.clone().with_recipient(Some(RecipientPace::new(burst, interval)));
    let sender = |rate| policy.clone().with_sender(SenderId::new(ProviderId::META, "1"), rate);
    let build = |policy: PacePolicy| {
        let builder = Paced::builder(MemoryProvider::new(ProviderId::META)).policy(policy);
        builder.clock(Arc::new(TestClock::new())).build()
    };
    for good in [
        policy.clone(),
        policy.clone().with_per_second(1),
        policy.clone().with_per_second(10_000).with_reserve_percent(90),
        sender(10_000),
        burst(1, Duration::from_nanos(1)),
        burst(u32::MAX, Duration::MAX),
        policy.clone().with_recipient(None),
    ] {
        let paced = build(good).unwrap();
        TestClock::new().block_on(paced.send(&message(1, Category::Marketing))).unwrap();
    }
    for (bad, field) in [
        (policy.clone().with_per_second(0), "per_second"),
        (policy.clone().with_per_second(10_001), "per_second"),
        (sender(0), "per_second"),
        (policy.clone().with_reserve_percent(91), "reserve_percent"),
        (burst(0, SECOND), "recipient"),
        (burst(1, Duration::ZERO), "recipient"),
    ] {
        assert!(build(bad).unwrap_err().to_string().contains(field), "{field}");
    }
}
