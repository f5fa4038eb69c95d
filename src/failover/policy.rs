use std::time::Duration;

use crate::error::ErrorKind;
use crate::outbound::{Category, OnUnknown};

/// How a failover decides. Every number has a default that is right for most.
///
/// ```
/// use whatsapp_provider::failover::FailoverPolicy;
/// use whatsapp_provider::{Category, OnUnknown};
///
/// let policy = FailoverPolicy::default().with_on_unknown(OnUnknown::Stop);
/// assert!(!policy.category(Category::Marketing).fail_over);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailoverPolicy {
    /// What to do when a member may have the message and may not. Default [`OnUnknown::Stop`].
    pub on_unknown: OnUnknown,
    /// The most members that one message is tried at. Default 2.
    pub max_attempts: usize,
    /// How long an attempt may take when another member could still be tried after an unknown outcome. Default 10 s.
    /// Under [`OnUnknown::Stop`] and for the last member it may take all the time that is left, and under
    /// [`OnUnknown::Reconcile`] that stops, all but the time for looking: to give up early only makes outcomes unknown.
    pub attempt_limit: Duration,
    /// How long a flag may take to answer. Default 50 ms.
    pub flag_limit: Duration,
    /// How long the store may take, each time that it is asked. A write that failed is tried once more. Default 2 s.
    pub store_limit: Duration,
    /// How long it is remembered what became of a message with an idempotency key. A repeat that comes later is sent
    /// anew. Default 30 days.
    pub remember: Duration,
    authentication: CategoryPolicy,
    utility: CategoryPolicy,
    marketing: CategoryPolicy,
    service: CategoryPolicy,
}

/// How messages of one category are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CategoryPolicy {
    /// Whether another member may be used when the first that carries the message is not well, or did not accept it.
    /// Default: yes, but not for marketing.
    pub fail_over: bool,
    /// Whether another member may be used because one is throttled. Default: only for authentication; anything else
    /// can wait.
    pub fail_over_when_throttled: bool,
    /// How long sending a message may take; no attempt begins after that. Default 45 s, 15 s for authentication. Looking
    /// for a message ([`OnUnknown::Reconcile`]) may go on for its own time after that.
    pub deadline: Duration,
}

impl Default for FailoverPolicy {
    fn default() -> Self {
        let service = CategoryPolicy {
            fail_over: true,
            fail_over_when_throttled: false,
            deadline: Duration::from_secs(45),
        };
        Self {
            on_unknown: OnUnknown::Stop,
            max_attempts: 2,
            attempt_limit: Duration::from_secs(10),
            flag_limit: Duration::from_millis(50),
            store_limit: Duration::from_secs(2),
            remember: Duration::from_secs(30 * 24 * 3600),
            authentication: CategoryPolicy {
                fail_over_when_throttled: true,
                deadline: Duration::from_secs(15),
                ..service
            },
            utility: service,
            marketing: CategoryPolicy { fail_over: false, ..service },
            service,
        }
    }
}

impl FailoverPolicy {
    /// How messages of this category are treated.
    pub fn category(&self, category: Category) -> CategoryPolicy {
        match category {
            Category::Authentication => self.authentication,
            Category::Utility => self.utility,
            Category::Marketing => self.marketing,
            Category::Service => self.service,
        }
    }

    /// Changes how messages of one category are treated.
    #[must_use]
    pub fn with_category(
        mut self,
        category: Category,
        change: impl FnOnce(CategoryPolicy) -> CategoryPolicy,
    ) -> Self {
        let place = match category {
            Category::Authentication => &mut self.authentication,
            Category::Utility => &mut self.utility,
            Category::Marketing => &mut self.marketing,
            Category::Service => &mut self.service,
        };
        *place = change(*place);
        self
    }

    /// Sets what to do when a member may have the message and may not.
    #[must_use]
    pub fn with_on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = on_unknown;
        self
    }

    /// Sets the most members that one message is tried at. 0 counts as 1.
    #[must_use]
    pub fn with_max_attempts(mut self, max_attempts: usize) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// Sets how long an attempt may take when another member could still be tried.
    #[must_use]
    pub fn with_attempt_limit(mut self, attempt_limit: Duration) -> Self {
        self.attempt_limit = attempt_limit;
        self
    }

    /// Sets how long the store may take, each time that it is asked.
    #[must_use]
    pub fn with_store_limit(mut self, store_limit: Duration) -> Self {
        self.store_limit = store_limit;
        self
    }

    /// Sets how long it is remembered what became of a message with an idempotency key.
    #[must_use]
    pub fn with_remember(mut self, remember: Duration) -> Self {
        self.remember = remember;
        self
    }
}

impl CategoryPolicy {
    /// Sets whether another member may be used at all.
    #[must_use]
    pub fn with_fail_over(mut self, fail_over: bool) -> Self {
        self.fail_over = fail_over;
        self
    }

    /// Sets whether another member may be used because one is throttled.
    #[must_use]
    pub fn with_fail_over_when_throttled(mut self, fail_over: bool) -> Self {
        self.fail_over_when_throttled = fail_over;
        self
    }

    /// Sets how long sending may take.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Whether the next member may be tried after one did certainly not accept a message for this reason.
    pub(super) fn goes_on_after(self, kind: ErrorKind) -> bool {
        self.fail_over
            && match kind {
                ErrorKind::Unsupported
                | ErrorKind::NotPortable
                | ErrorKind::NotEntitled
                | ErrorKind::TemplateUnavailable
                | ErrorKind::Credentials
                | ErrorKind::AccountBlocked
                | ErrorKind::Unavailable
                // The next member is given only what may open a conversation.
                | ErrorKind::WindowClosed
                // Certainly not accepted, whatever happened to the answer.
                | ErrorKind::NoAnswer
                // A failover inside this one found nobody; others are not bound by its flag.
                | ErrorKind::NoRoute => true,
                ErrorKind::Throttled => self.fail_over_when_throttled,
                ErrorKind::InvalidMessage
                | ErrorKind::RecipientUnreachable
                | ErrorKind::RecipientRefused
                | ErrorKind::RecipientThrottled
                | ErrorKind::Unrecognized
                | ErrorKind::Expired
                | ErrorKind::Duplicate
                | ErrorKind::StoreUnavailable => false,
            }
    }
}

/// When a member counts as unwell, and how it comes back.
#[doc(alias = "circuit breaker")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthPolicy {
    /// So many failures in a row, at most one of each recipient, and the member is not used for a while. Default 5: at
    /// one independent error in a hundred that is a chance of 1 in 10,000,000,000 per message.
    pub failures: usize,
    /// How long it is not used. Default 30 s; doubles with each time that it fails again.
    pub open: Duration,
    /// The longest time it is not used. Default 300 s.
    pub open_max: Duration,
    /// How long it is not used after its credentials were refused or its account was blocked. Default 60 s; doubles.
    pub blocked: Duration,
    /// The longest time it is not used after that. Default 30 min.
    pub blocked_max: Duration,
    /// So many successful trials, one at a time, and it is well again. Default 2.
    pub successes: u32,
    /// Traffic does not come back sooner than this after it went away. Default 60 s.
    pub fail_back: Duration,
    /// After this time without an outage the doubling begins anew. Default 300 s.
    pub forget: Duration,
    /// How long the member's own probe may take, which is asked before the first trial. Default 2 s.
    pub probe: Duration,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(30),
            open_max: Duration::from_secs(300),
            blocked: Duration::from_secs(60),
            blocked_max: Duration::from_secs(30 * 60),
            successes: 2,
            fail_back: Duration::from_secs(60),
            forget: Duration::from_secs(300),
            probe: Duration::from_secs(2),
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

    /// Sets for how long a member is not used, at first and at most.
    #[must_use]
    pub fn with_open(mut self, open: Duration, max: Duration) -> Self {
        self.open = open;
        self.open_max = max;
        self
    }

    /// Sets when traffic may come back.
    #[must_use]
    pub fn with_fail_back(mut self, fail_back: Duration) -> Self {
        self.fail_back = fail_back;
        self
    }

    /// Sets how many trials must succeed.
    #[must_use]
    pub fn with_successes(mut self, successes: u32) -> Self {
        self.successes = successes;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_goes_on_or_stops() {
        use ErrorKind as K;
        let on = [
            K::Unsupported,
            K::NotPortable,
            K::NotEntitled,
            K::TemplateUnavailable,
            K::Credentials,
            K::AccountBlocked,
            K::Unavailable,
            K::WindowClosed,
            K::NoAnswer,
            K::NoRoute,
        ];
        let policy = FailoverPolicy::default();
        for kind in ErrorKind::ALL.iter().copied() {
            let expected = on.contains(&kind);
            assert_eq!(policy.category(Category::Service).goes_on_after(kind), expected, "{kind:?}");
            assert_eq!(policy.category(Category::Utility).goes_on_after(kind), expected, "{kind:?}");
            let authentication = policy.category(Category::Authentication).goes_on_after(kind);
            assert_eq!(authentication, expected || kind == K::Throttled, "{kind:?}");
            assert!(!policy.category(Category::Marketing).goes_on_after(kind), "{kind:?}");
        }
    }

    #[test]
    fn deadlines_by_category() {
        let policy = FailoverPolicy::default();
        for category in Category::ALL.iter().copied() {
            let seconds = if category == Category::Authentication { 15 } else { 45 };
            assert_eq!(policy.category(category).deadline, Duration::from_secs(seconds));
        }
    }
}
