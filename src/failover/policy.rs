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
    /// How long it is remembered what became of a message with an idempotency key, and that a status told of an attempt.
    /// A repeat that comes later is sent anew. Default 30 days; less than a day is refused.
    pub remember: Duration,
    /// How long a send may wait for what the store knows of windows, conversations and blocks. After that it goes by
    /// what this process knows. Default 50 ms, which a store in the same data centre needs a small part of. A
    /// `PostgresStore` takes four round trips: where one takes over 10 ms, allow more.
    pub knowledge_limit: Duration,
    /// How long the events of one webhook may take to be [recorded](crate::WhatsAppProvider::record) in the store.
    /// What is not written by then is known to this process only. Default 500 ms: the webhook is answered after that.
    pub record_limit: Duration,
    /// How long a conversation stays with the member that the user last wrote to. Default 24 h, as long as the window.
    pub pin: Duration,
    /// How long a user's messages stay with a member after a failover has turned to it, so that what belongs together
    /// arrives in one chat. Default 1 h.
    pub pin_after_failover: Duration,
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
    /// What to do when a member may have the message and may not. `None`, the default, leaves it to
    /// [`FailoverPolicy::on_unknown`]; the message itself has the last word.
    pub on_unknown: Option<OnUnknown>,
}

impl Default for FailoverPolicy {
    fn default() -> Self {
        let service = CategoryPolicy {
            fail_over: true,
            fail_over_when_throttled: false,
            deadline: Duration::from_secs(45),
            on_unknown: None,
        };
        Self {
            on_unknown: OnUnknown::Stop,
            max_attempts: 2,
            attempt_limit: Duration::from_secs(10),
            flag_limit: Duration::from_millis(50),
            store_limit: Duration::from_secs(2),
            remember: Duration::from_secs(30 * 24 * 3600),
            knowledge_limit: Duration::from_millis(50),
            record_limit: Duration::from_millis(500),
            pin: Duration::from_secs(24 * 3600),
            pin_after_failover: Duration::from_secs(3600),
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

    /// Sets how long a flag may take to answer.
    #[must_use]
    pub fn with_flag_limit(mut self, flag_limit: Duration) -> Self {
        self.flag_limit = flag_limit;
        self
    }

    /// Sets how long a send may wait for what the store knows, and how long a webhook may for what it teaches.
    #[must_use]
    pub fn with_knowledge_limits(mut self, knowledge_limit: Duration, record_limit: Duration) -> Self {
        (self.knowledge_limit, self.record_limit) = (knowledge_limit, record_limit);
        self
    }

    /// Sets how long a conversation stays with a member: after a message of the user's, and after a failover.
    #[must_use]
    pub fn with_pins(mut self, pin: Duration, pin_after_failover: Duration) -> Self {
        (self.pin, self.pin_after_failover) = (pin, pin_after_failover);
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

    /// Sets what to do when a member may have the message and may not.
    #[must_use]
    pub fn with_on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = Some(on_unknown);
        self
    }

    /// Whether the next member may be tried after one did certainly not accept a message for this reason.
    pub(super) fn goes_on_after(self, kind: ErrorKind) -> bool {
        self.fail_over
            && match kind {
                ErrorKind::Unsupported
                | ErrorKind::NotPortable
                | ErrorKind::MediaExpired
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_goes_on_or_stops() {
        use ErrorKind as K;
        let on = [
            K::Unsupported,
            K::NotPortable,
            K::MediaExpired,
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
    fn every_limit_can_be_set() {
        let seconds = Duration::from_secs;
        let set = FailoverPolicy::default()
            .with_on_unknown(OnUnknown::FailOver)
            .with_max_attempts(1)
            .with_attempt_limit(seconds(2))
            .with_flag_limit(seconds(3))
            .with_store_limit(seconds(4))
            .with_remember(seconds(5))
            .with_knowledge_limits(seconds(6), seconds(7))
            .with_pins(seconds(8), seconds(9));
        let expected = FailoverPolicy {
            on_unknown: OnUnknown::FailOver,
            max_attempts: 1,
            attempt_limit: seconds(2),
            flag_limit: seconds(3),
            store_limit: seconds(4),
            remember: seconds(5),
            knowledge_limit: seconds(6),
            record_limit: seconds(7),
            pin: seconds(8),
            pin_after_failover: seconds(9),
            ..FailoverPolicy::default()
        };
        assert_eq!(set, expected);
        let category = FailoverPolicy::default()
            .with_category(Category::Marketing, |marketing| {
                let marketing = marketing.with_fail_over(true).with_fail_over_when_throttled(true);
                marketing.with_deadline(seconds(1)).with_on_unknown(OnUnknown::FailOver)
            })
            .category(Category::Marketing);
        assert!(category.fail_over && category.fail_over_when_throttled);
        assert_eq!((category.deadline, category.on_unknown), (seconds(1), Some(OnUnknown::FailOver)));
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
