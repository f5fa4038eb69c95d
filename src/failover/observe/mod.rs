//! What a failover tells of its decisions, and who listens.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::health::{HealthAspect, HealthState};
use super::plan::Plan;
use super::route::Route;
use super::status::Switch;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use crate::error::Acceptance;
use crate::error::{ErrorKind, Failure};
use crate::ids::{AttemptId, ProviderId, SenderId};
use crate::outbound::Category;

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(all(test, any(feature = "metrics", feature = "tracing")))]
mod samples;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
#[cfg(feature = "tracing")]
pub use self::tracing::TracingObserver;

/// Is told of every decision, as it is made. It is called between two steps of a send: be quick.
///
/// Any `Fn(&FailoverEvent)` is one. Two more come with the crate: `TracingObserver` (feature `tracing`) writes every
/// event to the log, and `MetricsObserver` (feature `metrics`) counts and times them.
pub trait Observer: Send + Sync + 'static {
    /// Something was decided.
    fn observe(&self, event: &FailoverEvent);
}

impl<F: Fn(&FailoverEvent) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &FailoverEvent) {
        self(event);
    }
}

/// Tells several observers, in the order in which they were added.
#[derive(Clone, Default)]
pub(super) struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    pub(super) fn add(&mut self, observer: impl Observer) {
        self.0.push(Arc::new(observer));
    }

    pub(super) fn tell(&self, event: &FailoverEvent) {
        self.0.iter().for_each(|observer| observer.observe(event));
    }
}

/// A decision of a failover. No event holds a body, a number or a secret, nor what a provider said in words.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FailoverEvent {
    /// The flag's answer for a message.
    #[non_exhaustive]
    Routed {
        /// The send: the id of its first attempt.
        send: AttemptId,
        /// The route that holds for this message.
        route: Route,
        /// Where it comes from.
        origin: RouteOrigin,
    },
    /// The flag named a member that there is none of; it counts as no opinion.
    #[non_exhaustive]
    UnknownMember {
        /// The send: the id of its first attempt.
        send: AttemptId,
        /// The route.
        route: Route,
    },
    /// The members that a message is tried at.
    #[non_exhaustive]
    Planned {
        /// The send: the id of its first attempt.
        send: AttemptId,
        /// The plan.
        plan: Plan,
        /// What the message is for.
        category: Category,
    },
    /// An attempt begins.
    #[non_exhaustive]
    AttemptStarted {
        /// The send: the id of its first attempt.
        send: AttemptId,
        /// The attempt.
        attempt: AttemptId,
        /// The member.
        provider: ProviderId,
        /// Whether it is a trial of a member that was unwell.
        trial: bool,
    },
    /// An attempt ended.
    #[non_exhaustive]
    AttemptEnded {
        /// The send: the id of its first attempt.
        send: AttemptId,
        /// The attempt.
        attempt: AttemptId,
        /// The member.
        provider: ProviderId,
        /// The sender that the message went out from, if it was accepted and the provider said so.
        sender: Option<SenderId>,
        /// What the message is for.
        category: Category,
        /// The caller's own name for the message.
        reference: Option<String>,
        /// Why it failed; `None` if it was accepted.
        failure: Option<Failure>,
        /// How long it took.
        latency: Duration,
    },
    /// A send ended.
    #[non_exhaustive]
    Finished {
        /// The send: the id of its first attempt.
        send: AttemptId,
        /// The provider that accepted the message, if one did.
        provider: Option<ProviderId>,
        /// What the message is for.
        category: Category,
        /// The caller's own name for the message.
        reference: Option<String>,
        /// Why it failed; `None` if it was accepted.
        failure: Option<Failure>,
        /// How many attempts were made.
        attempts: usize,
        /// How long it took, the flag, the store and all attempts included.
        latency: Duration,
    },
    /// Nobody knows whether a member has the message, and this is what is done about it.
    #[non_exhaustive]
    Unknown {
        /// The attempt, which may be one of an earlier call with the same idempotency key.
        attempt: AttemptId,
        /// The member.
        provider: ProviderId,
        /// What is done.
        resolution: Resolution,
    },
    /// The message's idempotency key says that an earlier call has sent it: its receipt is the answer, and nothing is
    /// sent.
    #[non_exhaustive]
    Repeated {
        /// The send: the id that its first attempt would have had.
        send: AttemptId,
        /// The provider that has accepted the message.
        provider: ProviderId,
    },
    /// Nothing is sent, or nothing more, because the message's idempotency key could not be claimed.
    #[non_exhaustive]
    NotClaimed {
        /// The send: the id of its first attempt.
        send: AttemptId,
        /// Why: [`Duplicate`](ErrorKind::Duplicate) or [`StoreUnavailable`](ErrorKind::StoreUnavailable).
        kind: ErrorKind,
    },
    /// A member that was unwell was asked whether it is well again.
    #[non_exhaustive]
    Probed {
        /// The member.
        provider: ProviderId,
        /// Why it is not; `None` if it is, or cannot say.
        failure: Option<Failure>,
    },
    /// A member's health changed.
    #[non_exhaustive]
    HealthChanged {
        /// The member whose send, or whose events, brought it about. Others may share it.
        provider: ProviderId,
        /// What of its health.
        aspect: HealthAspect,
        /// Before.
        from: HealthState,
        /// Now.
        to: HealthState,
    },
    /// Messages go another way than before, because of their member's health.
    #[non_exhaustive]
    Switched {
        /// The change.
        switch: Switch,
    },
    /// A member throttles messages of one category: they wait.
    #[non_exhaustive]
    Paused {
        /// The member.
        provider: ProviderId,
        /// The category.
        category: Category,
        /// For how long.
        wait: Duration,
    },
    /// Somebody should look at a member's account.
    #[non_exhaustive]
    NeedsAttention {
        /// The member.
        provider: ProviderId,
        /// What the account may not do, if a message found out.
        failure: Option<Failure>,
        /// The [name](crate::inbound::Notice::as_str) of the notice, if the provider sent one.
        notice: Option<&'static str>,
    },
    /// Somebody took a member out of service, or let it in again.
    #[non_exhaustive]
    Isolated {
        /// The member.
        provider: ProviderId,
        /// Whether it is out of service now.
        isolated: bool,
    },
    /// The store did not say in time what is known of windows, conversations and blocks, or was not told. What this
    /// process knows by itself has to do.
    KnowledgeUnavailable,
}

/// Where a route comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RouteOrigin {
    /// The flag said so.
    Flag,
    /// The flag was too slow; this is what it said last.
    LastKnown,
    /// The flag had no opinion, or was too slow and has never said anything.
    Default,
}

impl RouteOrigin {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::LastKnown => "last_known",
            Self::Default => "default",
        }
    }
}

/// What is done about an attempt with an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// The send ends with an error whose acceptance is unknown.
    Stopped,
    /// The next member is tried, at the risk of a second message.
    FailedOver,
    /// The message was found, or a status told of it: it was accepted.
    Found,
    /// The provider says that it refused the message: it was not accepted.
    Refused,
}

impl Resolution {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::FailedOver => "failed_over",
            Self::Found => "found",
            Self::Refused => "refused",
        }
    }
}

/// How a send or an attempt ended, as a field of a log line and as a label.
#[cfg(any(feature = "metrics", feature = "tracing"))]
fn acceptance(failure: Option<&Failure>) -> &'static str {
    match failure.map(|failure| failure.acceptance) {
        None => "accepted",
        Some(Acceptance::NotAccepted) => "not_accepted",
        Some(Acceptance::Unknown) => "unknown",
    }
}
