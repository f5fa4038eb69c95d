use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use super::accounts::Side;
use crate::address::PhoneNumber;
use crate::clock::Timestamp;

/// One message to one user in this time, on average.
const PAIR_INTERVAL: Duration = Duration::from_secs(6);
/// How many may come at once, at the expense of those that follow.
const PAIR_BURST: u32 = 45;
/// How long Twilio keeps what is over the rate of a sender.
const LONGEST_QUEUE: Duration = Duration::from_secs(4 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

/// How much a sender may send. Without a setting there are no limits.
#[derive(Default)]
pub(super) struct Limits {
    pub(super) enforce_pairs: bool,
    /// When all that was sent to a user by a side would have been due, had it come one by one.
    pairs: BTreeMap<(Side, PhoneNumber), Timestamp>,
    pub(super) meta_rate: Option<NonZeroU32>,
    /// The times of the messages of the last second.
    meta_sent: VecDeque<Timestamp>,
    pub(super) twilio_rate: Option<NonZeroU32>,
    /// When the message that was queued last is sent, and by how many that second has others.
    twilio_queue: Option<(Timestamp, u32)>,
}

impl Limits {
    /// Whether a user may get one more message from a side; if so, it counts.
    pub(super) fn take_pair(&mut self, side: Side, user: PhoneNumber, now: Timestamp) -> bool {
        if !self.enforce_pairs {
            return true;
        }
        let due = self.pairs.get(&(side, user)).copied().unwrap_or(now).max(now);
        let allowed = due.since(now) <= PAIR_INTERVAL * (PAIR_BURST - 1);
        if allowed {
            self.pairs.insert((side, user), due.saturating_add(PAIR_INTERVAL));
        }
        allowed
    }

    /// Whether Meta's number may send one more message; if so, it counts.
    pub(super) fn take_meta(&mut self, now: Timestamp) -> bool {
        let Some(rate) = self.meta_rate else { return true };
        while self.meta_sent.front().is_some_and(|at| now.since(*at) >= SECOND) {
            self.meta_sent.pop_front();
        }
        let allowed = self.meta_sent.len() < usize::try_from(rate.get()).unwrap_or(usize::MAX);
        if allowed {
            self.meta_sent.push_back(now);
        }
        allowed
    }

    /// When Twilio's number sends a message that it is given now. `None` if its queue is full.
    pub(super) fn queue_at_twilio(&mut self, now: Timestamp) -> Option<Timestamp> {
        let Some(rate) = self.twilio_rate else { return Some(now) };
        let (second, count) = match self.twilio_queue {
            Some((second, count)) if now.since(second) < SECOND && count < rate.get() => (second, count),
            Some((second, _)) if now.since(second) < SECOND => (second.saturating_add(SECOND), 0),
            _ => (now, 0),
        };
        let at = second.max(now);
        (at.since(now) <= LONGEST_QUEUE).then(|| {
            self.twilio_queue = Some((second, count.saturating_add(1)));
            at
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH.saturating_add(Duration::from_millis(1_767_225_600_000 + millis))
    }

    fn user(last: u8) -> PhoneNumber {
        PhoneNumber::from_digits(&format!("1555765432{last}")).unwrap()
    }

    #[test]
    fn a_pair_may_borrow_45_messages_from_the_future_and_has_one_every_6_seconds() {
        let mut limits = Limits { enforce_pairs: true, ..Limits::default() };
        let mut take = |side, user, millis| limits.take_pair(side, user, at(millis));
        assert_eq!((0..60).filter(|_| take(Side::Meta, user(1), 0)).count(), 45);
        assert!(take(Side::Meta, user(2), 0) && take(Side::Twilio, user(1), 0), "others have their own");
        assert!(!take(Side::Meta, user(1), 5_999));
        assert!(take(Side::Meta, user(1), 6_000));
        assert!(!take(Side::Meta, user(1), 6_001));
        // An hour: 600 and no more, whatever is tried.
        assert_eq!(
            (6_002..3_606_000).step_by(500).filter(|millis| take(Side::Meta, user(1), *millis)).count(),
            600 - 1
        );
    }

    #[test]
    fn meta_refuses_what_is_over_the_rate_in_any_second() {
        let mut limits = Limits { meta_rate: NonZeroU32::new(3), ..Limits::default() };
        let mut take = |millis| limits.take_meta(at(millis));
        assert!([0, 400, 800].into_iter().all(&mut take));
        assert!(!take(999));
        assert!(take(1_000));
        assert!(!take(1_399));
        assert!(take(1_400));
    }

    #[test]
    fn twilio_sends_later_what_is_over_the_rate() {
        let mut limits = Limits { twilio_rate: NonZeroU32::new(2), ..Limits::default() };
        let mut queue = |millis| limits.queue_at_twilio(at(millis));
        assert_eq!(
            [0, 0, 0, 0, 0].map(&mut queue),
            [0, 0, 1_000, 1_000, 2_000].map(|millis| Some(at(millis)))
        );
        assert_eq!([500, 500].map(&mut queue), [2_000, 3_000].map(|millis| Some(at(millis))));
        assert_eq!(queue(60_000), Some(at(60_000)));
    }

    #[test]
    fn twilio_takes_no_more_than_it_can_send_in_four_hours() {
        let mut limits = Limits { twilio_rate: NonZeroU32::new(1), ..Limits::default() };
        let taken = (0..20_000).map_while(|_| limits.queue_at_twilio(at(0))).count();
        assert_eq!(taken, 4 * 3600 + 1);
        assert!(limits.queue_at_twilio(at(1_000)).is_some());
    }
}
