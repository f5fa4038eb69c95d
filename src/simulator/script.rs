use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::Fault;
use crate::clock::Timestamp;

/// What happens to one side, written down beforehand: by time, or by message.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use whatsapp_provider::simulator::{Change, Fault, Script, Side, Simulator};
/// use whatsapp_provider::testing::TestClock;
///
/// let simulator = Simulator::new(Arc::new(TestClock::new()));
/// let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
/// let outage = Script::new()
///     .after(minutes(1), Change::Latency(Duration::from_secs(4)))
///     .after(minutes(2), Fault::Hang)
///     .after(minutes(7), Change::Heal)
///     .message(3, Fault::AcceptThenDrop);
/// simulator.run_script(Side::Meta, outage);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Those to come, the next one first.
    timed: Vec<(Duration, Change)>,
    by_message: Vec<(RangeInclusive<u64>, Change)>,
}

/// One change of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It is broken in this way.
    Fault(Fault),
    /// Nothing is wrong with it any more, nor with the messages that [`fault_next`](super::Simulator::fault_next) was to
    /// break. It takes as long as before.
    Heal,
    /// Requests through the virtual door take this long. Of single messages, only the time until the answer is meant.
    Latency(Duration),
}

impl From<Fault> for Change {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Script {
    /// A script in which nothing happens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the side for good, this long after the script begins.
    #[must_use]
    pub fn after(mut self, time: Duration, change: impl Into<Change>) -> Self {
        let place = self.timed.partition_point(|(other, _)| *other <= time);
        self.timed.insert(place, (time, change.into()));
        self
    }

    /// Changes the side for one request that sends a message. They are counted from the beginning of the script; the
    /// first one is number 1. A [`Fault::Refuse`] comes before a body is seen: it also takes what marks a message as
    /// read, and of requests at the same time one that is too late is dropped instead.
    #[must_use]
    pub fn message(self, number: u64, change: impl Into<Change>) -> Self {
        self.messages(number..=number, change)
    }

    /// Changes the side for some requests that send messages, the last one included. Where several changes of one kind
    /// meet in a request, the one that was written down last holds.
    #[must_use]
    pub fn messages(mut self, numbers: RangeInclusive<u64>, change: impl Into<Change>) -> Self {
        self.by_message.push((numbers, change.into()));
        self
    }
}

/// A script that has begun.
#[derive(Debug)]
pub(super) struct Running {
    script: Script,
    began: Timestamp,
    messages: u64,
}

/// What a script says of one message. `fault` is `Some(None)` if the message is spared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfMessage {
    pub(super) fault: Option<Option<Fault>>,
    pub(super) latency: Option<Duration>,
}

impl Running {
    pub(super) fn new(script: Script, now: Timestamp) -> Self {
        Self { script, began: now, messages: 0 }
    }

    /// The changes whose time has come; they are gone then.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Change> {
        let since = now.since(self.began);
        let due = self.script.timed.partition_point(|(time, _)| *time <= since);
        self.script.timed.drain(..due).map(|(_, change)| change).collect()
    }

    /// When the next change is due.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.script.timed.first().map(|(time, _)| self.began.saturating_add(*time))
    }

    /// What it says of the next message.
    pub(super) fn of_next(&self) -> OfMessage {
        let number = self.messages.saturating_add(1);
        let mut said = OfMessage::default();
        for (_, change) in self.script.by_message.iter().filter(|(numbers, _)| numbers.contains(&number)) {
            match *change {
                Change::Fault(fault) => said.fault = Some(Some(fault)),
                Change::Heal => said.fault = Some(None),
                Change::Latency(latency) => said.latency = Some(latency),
            }
        }
        said
    }

    /// One more message has come.
    pub(super) fn count(&mut self) {
        self.messages = self.messages.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn changes_come_by_time_in_whatever_order_they_were_written() {
        let start = Timestamp::from_unix_seconds(1_767_225_600).unwrap();
        let at = |second| start.saturating_add(seconds(second));
        let script = Script::new()
            .after(seconds(9), Change::Heal)
            .after(seconds(3), Fault::Hang)
            .after(seconds(3), Change::Latency(seconds(1)));
        let mut running = Running::new(script, start);
        assert_eq!(running.next(), Some(at(3)));
        assert!(running.take_due(at(2)).is_empty());
        assert_eq!(running.take_due(at(4)), [Fault::Hang.into(), Change::Latency(seconds(1))]);
        assert_eq!(running.next(), Some(at(9)));
        assert_eq!(running.take_due(at(100)), [Change::Heal]);
        assert_eq!(running.next(), None);
    }

    #[test]
    fn messages_are_counted_and_the_last_word_holds() {
        let script = Script::new()
            .messages(2..=4, Fault::Hang)
            .message(3, Change::Heal)
            .message(4, Change::Latency(seconds(5)));
        let mut running = Running::new(script, Timestamp::UNIX_EPOCH);
        let said: Vec<_> = (0..5)
            .map(|_| {
                let said = running.of_next();
                running.count();
                (said.fault, said.latency)
            })
            .collect();
        let hang = Some(Some(Fault::Hang));
        assert_eq!(
            said,
            [(None, None), (hang, None), (Some(None), None), (hang, Some(seconds(5))), (None, None)]
        );
    }
}
