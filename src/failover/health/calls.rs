use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::HealthPolicy;

/// The most calls that are remembered: what a minute may cost in memory at any rate of traffic.
const REMEMBERED: usize = 1_000;

/// What the last calls say about whether a provider is there. A recipient's failures count once, so that nobody closes
/// the door for all by being called again and again.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The recipients of the failures since the last success.
    in_a_row: HashSet<u64>,
    recent: VecDeque<Call>,
    successes: usize,
    /// How many recent failures each recipient has.
    failures: HashMap<u64, usize>,
}

#[derive(Debug)]
struct Call {
    at: Duration,
    /// The recipient, if it failed.
    failed: Option<u64>,
}

impl Calls {
    pub(super) fn succeeded(&mut self, now: Duration, policy: &HealthPolicy) {
        self.in_a_row.clear();
        self.remember(Call { at: now, failed: None }, policy);
    }

    /// Takes a failure down, and says whether that makes too many.
    pub(super) fn failed(&mut self, now: Duration, recipient: u64, policy: &HealthPolicy) -> bool {
        self.in_a_row.insert(recipient);
        self.remember(Call { at: now, failed: Some(recipient) }, policy);
        let (failures, calls) = (self.failures.len(), self.successes + self.failures.len());
        let too_many = policy.failure_share > 0.0
            && calls >= policy.calls.max(1)
            && failures as f64 >= policy.failure_share * calls as f64;
        self.in_a_row.len() >= policy.failures.max(1) || too_many
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many recipients' calls failed in a row.
    pub(super) fn in_a_row(&self) -> usize {
        self.in_a_row.len()
    }

    fn remember(&mut self, call: Call, policy: &HealthPolicy) {
        let now = call.at;
        match call.failed {
            Some(recipient) => *self.failures.entry(recipient).or_default() += 1,
            None => self.successes += 1,
        }
        self.recent.push_back(call);
        while self.recent.len() > REMEMBERED
            || self.recent.front().is_some_and(|oldest| now.saturating_sub(oldest.at) >= policy.window)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        match self.recent.pop_front().map(|oldest| oldest.failed) {
            Some(Some(recipient)) => {
                if let Some(count) = self.failures.get_mut(&recipient) {
                    *count -= 1;
                    if *count == 0 {
                        self.failures.remove(&recipient);
                    }
                }
            }
            Some(None) => self.successes -= 1,
            None => {}
        }
    }
}
