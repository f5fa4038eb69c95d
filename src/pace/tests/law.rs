//! The law of pace, as a property of many histories: who leaves when, who is refused, and who waits for nothing.

use std::cell::RefCell;

use futures_util::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::clock::timeout;

/// Recipients below this number are written to often, each other one once.
const OFTEN: u64 = 4;
const SECOND_NANOS: u128 = 1_000_000_000;

/// A message that is to be sent.
#[derive(Debug, Clone)]
struct Arrival {
    at: u64,
    category: Category,
    often: Option<u64>,
    deadline: Option<u64>,
    dropped_after: Option<u64>,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    // Most come together, and some on their own.
    let at = prop_oneof![3 => (0..4_u64).prop_map(|group| group * 700), 2 => 0..3_000_u64];
    let category = prop_oneof![
        1 => Just(Category::Authentication),
        1 => Just(Category::Service),
        2 => Just(Category::Utility),
        2 => Just(Category::Marketing),
    ];
    let often = proptest::option::weighted(0.4, 0..OFTEN);
    let deadline = proptest::option::weighted(0.7, 0..4_000_u64);
    let dropped_after = proptest::option::weighted(0.1, 0..2_000_u64);
    (at, category, often, deadline, dropped_after).prop_map(
        |(at, category, often, deadline, dropped_after)| Arrival {
            at,
            category,
            often,
            deadline,
            dropped_after,
        },
    )
}

fn policy() -> impl Strategy<Value = PacePolicy> {
    let recipient = proptest::option::weighted(0.8, (1..6_u32, 1..1_500_u64));
    (1..120_u32, 0..=90_u8, recipient).prop_map(|(rate, reserve, recipient)| {
        let recipient = recipient.map(|(burst, interval)| RecipientPace::new(burst, MILLI * interval as u32));
        PacePolicy::default().with_per_second(rate).with_reserve_percent(reserve).with_recipient(recipient)
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Left,
    Refused(ErrorKind, Duration),
    Dropped,
}

/// What became of it, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct End {
    came: u128,
    /// Its place among all that came.
    place: usize,
    ended: u128,
    limit: u128,
    is_bulk: bool,
    to: u64,
    how: How,
}

impl End {
    fn is_often(&self) -> bool {
        self.to < OFTEN
    }

    fn left(&self) -> bool {
        self.how == How::Left
    }
}

/// Lets it all happen; what became of each, in the order in which it did.
fn history(policy: &PacePolicy, arrivals: &[Arrival]) -> Vec<End> {
    let clock = TestClock::new();
    let paced = Paced::builder(MemoryProvider::new(ProviderId::META))
        .policy(policy.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let (came, ends) = (RefCell::new(0), RefCell::new(Vec::new()));
    let all = arrivals.iter().enumerate().map(|(n, arrival)| {
        let (paced, clock, came, ends) = (&paced, &clock, &came, &ends);
        async move {
            clock.sleep(MILLI * arrival.at as u32).await;
            let place = came.replace_with(|count| *count + 1);
            let to = arrival.often.unwrap_or(OFTEN + n as u64);
            let message = message(to, arrival.category);
            let mut attempt = Attempt::new(clock);
            attempt.deadline = arrival.deadline.map(|millis| MILLI * millis as u32);
            let began = clock.elapsed();
            let sending = paced.send_attempt(&message, &attempt);
            // Never at the moment at which another one's time is over.
            let patience =
                arrival.dropped_after.map_or(Duration::MAX, |millis| MILLI * millis as u32 + MILLI / 2);
            let how = match timeout(clock, patience, sending).await {
                Some(Ok(_)) => How::Left,
                Some(Err(error)) => How::Refused(error.kind(), error.retry_after().unwrap()),
                None => How::Dropped,
            };
            assert_eq!(attempt.departure.departed(), how == How::Left);
            ends.borrow_mut().push(End {
                came: began.as_nanos(),
                place,
                ended: clock.elapsed().as_nanos(),
                limit: (began + attempt.deadline.unwrap_or(policy.longest_wait)).as_nanos(),
                is_bulk: matches!(arrival.category, Category::Utility | Category::Marketing),
                to,
                how,
            });
        }
    });
    clock.block_on(join_all(all));
    assert_eq!(paced.provider().sent().len(), ends.borrow().iter().filter(|end| end.left()).count());
    ends.into_inner()
}

/// The law's own words for a rate: so many at once, and then one in each period of so many parts of a second.
#[derive(Debug, Clone, Copy)]
struct Law {
    burst: u128,
    period: u128,
}

impl Law {
    fn per_second(rate: u32) -> Self {
        let burst = (rate / 20).max(1);
        Self { burst: burst.into(), period: SECOND_NANOS.div_ceil((rate - burst + 1).into()) }
    }

    fn of_recipient(pace: RecipientPace) -> Self {
        Self { burst: pace.burst.into(), period: pace.interval.as_nanos() }
    }

    /// In every window, however long, there are at most the burst and what its length allows.
    fn holds(self, left: &[u128]) {
        for (first, from) in left.iter().enumerate() {
            for (last, until) in left.iter().enumerate().skip(first) {
                let many = (last - first + 1) as u128;
                let allowed = self.burst + (until - from) / self.period;
                assert!(many <= allowed, "{many} in {} ns, not {allowed}", until - from);
            }
        }
    }

    /// When one may leave who has so many in front, after these have left: now, or later.
    fn turn(self, left: &[u128], in_front: usize, now: u128) -> u128 {
        let whole_at = left.iter().fold(0, |whole_at, at| whole_at.max(*at) + self.period);
        let busy = whole_at.max(now) + self.period * in_front as u128;
        busy.saturating_sub(self.period * (self.burst - 1)).max(now)
    }
}

struct Laws {
    all: Law,
    bulk: Law,
    recipient: Option<Law>,
    ends: Vec<End>,
}

impl Laws {
    fn left(&self, before: u128, which: impl Fn(&End) -> bool) -> Vec<u128> {
        let left = self.ends.iter().filter(|end| end.left() && end.ended < before && which(end));
        left.map(|end| end.ended).collect()
    }

    fn nobody_is_too_fast(&self) {
        self.all.holds(&self.left(u128::MAX, |_| true));
        self.bulk.holds(&self.left(u128::MAX, |end| end.is_bulk));
        for to in 0..OFTEN {
            self.recipient.inspect(|law| law.holds(&self.left(u128::MAX, |end| end.to == to)));
        }
    }

    fn no_second_sees_more(&self, which: impl Fn(&End) -> bool, most: u32) {
        let left = self.left(u128::MAX, which);
        for window in left.windows(most as usize + 1) {
            assert!(window[most as usize] - window[0] >= SECOND_NANOS, "over {most} in a second");
        }
    }

    fn first_come_first_served(&self) {
        for is_bulk in [false, true] {
            let of_class = |end: &&End| end.left() && end.is_bulk == is_bulk && !end.is_often();
            assert!(self.ends.iter().filter(of_class).is_sorted_by_key(|end| end.place));
        }
    }

    /// When it could leave, by what had left before then.
    fn free_at(&self, end: &End, before: u128, now: u128) -> u128 {
        let mut free = self.all.turn(&self.left(before, |_| true), 0, now);
        if end.is_bulk {
            free = free.max(self.bulk.turn(&self.left(before, |other| other.is_bulk), 0, now));
        }
        if let Some(law) = self.recipient {
            free = free.max(law.turn(&self.left(before, |other| other.to == end.to), 0, now));
        }
        free
    }

    /// While it waits, it could at no moment leave.
    fn nobody_waits_for_nothing(&self) {
        for end in self.ends.iter().filter(|end| end.ended > end.came) {
            let mut moments: Vec<_> = self.left(end.ended, |other| other.ended > end.came);
            moments.extend([end.came, end.ended]);
            moments.sort_unstable();
            moments.dedup();
            for pair in moments.windows(2) {
                let free = self.free_at(end, pair[0] + 1, pair[0]);
                assert!(free >= pair[1], "{end:?} could leave at {free}");
            }
        }
    }

    fn who_is_refused_could_not_have_left_in_time(&self) {
        for (index, end) in self.ends.iter().enumerate() {
            let How::Refused(kind, retry_after) = end.how else { continue };
            let now = end.ended;
            let (before, after) = self.ends.split_at(index);
            let left = |which: &dyn Fn(&End) -> bool| -> Vec<u128> {
                before.iter().filter(|other| other.left() && which(other)).map(|other| other.ended).collect()
            };
            let waiting =
                || after[1..].iter().filter(|other| other.came <= now && other.is_bulk == end.is_bulk);
            let turn = if kind == ErrorKind::RecipientThrottled {
                let in_front = waiting().filter(|other| other.to == end.to).count();
                self.recipient.unwrap().turn(&left(&|other| other.to == end.to), in_front, now)
            } else {
                assert_eq!(kind, ErrorKind::Throttled);
                // One that waited for its recipient comes to the sender's line later than it came.
                let may_be = |other: &&End| other.place < end.place || other.is_often() || end.is_often();
                let in_front = waiting().filter(may_be).count();
                let all = self.all.turn(&left(&|_| true), in_front, now);
                let bulk = self.bulk.turn(&left(&|other| other.is_bulk), in_front, now);
                if end.is_bulk { all.max(bulk) } else { all }
            };
            assert!(turn > end.limit, "{end:?} had its turn at {turn}");
            assert!(
                now + retry_after.as_nanos() > end.limit,
                "{end:?} is to come back before it was refused"
            );
            assert!(now <= end.limit);
        }
    }

    /// Of bulk, no more than its share is ever in an urgent one's way.
    fn the_reserve_is_there(&self) {
        for end in self.ends.iter().filter(|end| !end.is_bulk && !end.is_often()) {
            let waited = end.ended - end.came;
            let urgent =
                self.left(end.ended + 1, |other| !other.is_bulk && other.ended >= end.came).len() as u128;
            let bulk = self.bulk.burst + waited / self.bulk.period;
            assert!(waited <= (urgent + bulk + 1) * self.all.period, "{end:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_law_holds(policy in policy(), arrivals in prop::collection::vec(arrival(), 1..250)) {
        let rate = policy.per_second;
        let share = (rate * (100 - u32::from(policy.reserve_percent)) / 100).max(1);
        let laws = Laws {
            all: Law::per_second(rate),
            bulk: Law::per_second(share),
            recipient: policy.recipient.map(Law::of_recipient),
            ends: history(&policy, &arrivals),
        };
        laws.nobody_is_too_fast();
        laws.no_second_sees_more(|_| true, rate);
        laws.no_second_sees_more(|end| end.is_bulk, share);
        laws.first_come_first_served();
        laws.nobody_waits_for_nothing();
        laws.who_is_refused_could_not_have_left_in_time();
        laws.the_reserve_is_there();
    }
}
