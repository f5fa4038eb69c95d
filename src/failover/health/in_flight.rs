use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::HealthPolicy;

/// The attempts that have left and are not answered yet. A provider that hangs shows here long before the first of its
/// answers is overdue.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    departed: HashMap<u64, Departed>,
    last_number: u64,
    last_success: Option<Duration>,
}

#[derive(Debug)]
struct Departed {
    at: Duration,
    recipient: u64,
}

impl InFlight {
    /// Takes down that an attempt has left; the number is for [`end`](Self::end).
    pub(super) fn depart(&mut self, at: Duration, recipient: u64) -> u64 {
        self.last_number += 1;
        self.departed.insert(self.last_number, Departed { at, recipient });
        self.last_number
    }

    pub(super) fn end(&mut self, number: u64) {
        self.departed.remove(&number);
    }

    pub(super) fn succeeded(&mut self, now: Duration) {
        self.last_success = Some(now);
    }

    pub(super) fn clear(&mut self) {
        self.departed.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.departed.len()
    }

    /// Whether so many recipients' attempts have been out for so long, and nothing has succeeded since they left, that
    /// the provider must be taken to hang.
    pub(super) fn stalled(&self, now: Duration, policy: &HealthPolicy) -> bool {
        let waits = |departed: &&Departed| {
            now.saturating_sub(departed.at) >= policy.stall
                && self.last_success.is_none_or(|success| departed.at > success)
        };
        if policy.stalled == 0 || self.departed.len() < policy.stalled {
            return false;
        }
        let waiting: HashSet<u64> =
            self.departed.values().filter(waits).map(|departed| departed.recipient).collect();
        waiting.len() >= policy.stalled
    }
}
