use std::time::Duration;

/// When a member counts as unwell, and how it comes back.
///
/// A member is judged by its sends alone, and only by what says something of the provider: that it could not be reached,
/// gave no usable answer, refused the credentials, or blocked the account. What a message or a recipient caused never
/// counts, and of several failures for one recipient only one does.
#[doc(alias = "circuit breaker")]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HealthPolicy {
    /// So many failures in a row and the member is not used for a while. Default 5: at one independent error in a hundred
    /// that is a chance of 1 in 10,000,000,000 per message.
    pub failures: usize,
    /// Also if this share of the [calls](Self::calls) within the [window](Self::window) failed. Default 0.5: a provider
    /// that fails one time in five is still better than a change of sender for everybody. 0 switches the rule off.
    pub failure_share: f64,
    /// The share says nothing of fewer calls than this. Default 10: many lines send no more in a minute.
    pub calls: usize,
    /// How far back the share looks. Default 60 s, and 1,000 calls at most.
    pub window: Duration,
    /// Also if so many attempts wait for an answer, all of them for as long as [`stall`](Self::stall), and nothing has
    /// succeeded since they left. Default 5. A provider that hangs is noticed before the first time limit runs out, and
    /// before hundreds of messages are of unknown outcome. 0 switches the rule off.
    pub stalled: usize,
    /// How long an attempt waits before it counts as stalled, from its departure on. Default 3 s.
    pub stall: Duration,
    /// How long the member is not used. Default 30 s; doubles with each time that it fails again. The real time lies
    /// between half of it and all of it, so that many machines do not come back at once.
    pub open: Duration,
    /// The longest time it is not used. Default 300 s.
    pub open_max: Duration,
    /// How long it is not used after its credentials were refused or its account was blocked. Default 60 s; doubles.
    pub blocked: Duration,
    /// The longest time it is not used after that. Default 30 min.
    pub blocked_max: Duration,
    /// So many failed statuses in a row that say the account is blocked count like a refusal to send. Default 3: Twilio
    /// accepts messages that it cannot send any more.
    pub blocked_statuses: usize,
    /// So many successful trials, one at a time, and it is well again. Default 2.
    pub successes: u32,
    /// Traffic does not come back sooner than this after it went away. Default 60 s.
    pub fail_back: Duration,
    /// After this time without an outage the doubling begins anew. Default 300 s.
    pub forget: Duration,
    /// How long the member's own probe may take, which is asked before the first trial. Default 2 s.
    pub probe: Duration,
    /// How long a category pauses when the member throttles it and does not say for how long. Default 5 s.
    pub pause: Duration,
    /// The longest pause, whatever the member says, and how long marketing pauses after users complained. Default
    /// 15 min.
    pub pause_max: Duration,
    /// Two recipients that are throttled within this time mean that the sender is, where one alone cannot tell (Twilio
    /// 63018). Default 10 s.
    pub suspicion: Duration,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            failure_share: 0.5,
            calls: 10,
            window: Duration::from_secs(60),
            stalled: 5,
            stall: Duration::from_secs(3),
            open: Duration::from_secs(30),
            open_max: Duration::from_secs(300),
            blocked: Duration::from_secs(60),
            blocked_max: Duration::from_secs(30 * 60),
            blocked_statuses: 3,
            successes: 2,
            fail_back: Duration::from_secs(60),
            forget: Duration::from_secs(300),
            probe: Duration::from_secs(2),
            pause: Duration::from_secs(5),
            pause_max: Duration::from_secs(15 * 60),
            suspicion: Duration::from_secs(10),
        }
    }
}

impl HealthPolicy {
    /// Sets the number of failures in a row. 0 counts as 1.
    #[must_use]
    pub fn with_failures(mut self, failures: usize) -> Self {
        self.failures = failures;
        self
    }

    /// Sets which share of how many calls within which time is too many.
    #[must_use]
    pub fn with_failure_share(mut self, share: f64, calls: usize, window: Duration) -> Self {
        (self.failure_share, self.calls, self.window) = (share, calls, window);
        self
    }

    /// Sets how many attempts may wait for an answer, and for how long.
    #[must_use]
    pub fn with_stalled(mut self, stalled: usize, stall: Duration) -> Self {
        (self.stalled, self.stall) = (stalled, stall);
        self
    }

    /// Sets for how long a member is not used after an outage, at first and at most.
    #[must_use]
    pub fn with_open(mut self, open: Duration, max: Duration) -> Self {
        (self.open, self.open_max) = (open, max);
        self
    }

    /// Sets for how long a member is not used after trouble with its account, at first and at most.
    #[must_use]
    pub fn with_blocked(mut self, blocked: Duration, max: Duration) -> Self {
        (self.blocked, self.blocked_max) = (blocked, max);
        self
    }

    /// Sets how many failed statuses in a row count like a refusal. 0 counts as 1.
    #[must_use]
    pub fn with_blocked_statuses(mut self, statuses: usize) -> Self {
        self.blocked_statuses = statuses;
        self
    }

    /// Sets how many trials must succeed. 0 counts as 1.
    #[must_use]
    pub fn with_successes(mut self, successes: u32) -> Self {
        self.successes = successes;
        self
    }

    /// Sets when traffic may come back.
    #[must_use]
    pub fn with_fail_back(mut self, fail_back: Duration) -> Self {
        self.fail_back = fail_back;
        self
    }

    /// Sets after what time without an outage the doubling begins anew.
    #[must_use]
    pub fn with_forget(mut self, forget: Duration) -> Self {
        self.forget = forget;
        self
    }

    /// Sets how long a probe may take.
    #[must_use]
    pub fn with_probe(mut self, probe: Duration) -> Self {
        self.probe = probe;
        self
    }

    /// Sets for how long a throttled category pauses, where the member does not say, and at most.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration, max: Duration) -> Self {
        (self.pause, self.pause_max) = (pause, max);
        self
    }

    /// Sets within what time two throttled recipients mean that the sender is.
    #[must_use]
    pub fn with_suspicion(mut self, suspicion: Duration) -> Self {
        self.suspicion = suspicion;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_can_be_set() {
        let seconds = Duration::from_secs;
        let set = HealthPolicy::default()
            .with_failures(1)
            .with_failure_share(0.25, 2, seconds(3))
            .with_stalled(4, seconds(5))
            .with_open(seconds(6), seconds(7))
            .with_blocked(seconds(8), seconds(9))
            .with_blocked_statuses(10)
            .with_successes(11)
            .with_fail_back(seconds(12))
            .with_forget(seconds(13))
            .with_probe(seconds(14))
            .with_pause(seconds(15), seconds(16))
            .with_suspicion(seconds(17));
        let expected = HealthPolicy {
            failures: 1,
            failure_share: 0.25,
            calls: 2,
            window: seconds(3),
            stalled: 4,
            stall: seconds(5),
            open: seconds(6),
            open_max: seconds(7),
            blocked: seconds(8),
            blocked_max: seconds(9),
            blocked_statuses: 10,
            successes: 11,
            fail_back: seconds(12),
            forget: seconds(13),
            probe: seconds(14),
            pause: seconds(15),
            pause_max: seconds(16),
            suspicion: seconds(17),
        };
        assert_eq!(set, expected);
    }
}
