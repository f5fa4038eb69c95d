use std::time::Duration;

use serde::Serialize;

use crate::error::ErrorKind;
use crate::ids::{ProviderId, SenderId};

/// What is known of a member when a message is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The member.
    pub id: ProviderId,
    /// Its senders.
    pub senders: Vec<SenderId>,
    /// Its health.
    pub standing: Standing,
    /// For each content of the message, in order: why this member would refuse it before any request, if it would.
    pub refusals: Vec<Option<ErrorKind>>,
    /// Whether the user may be written to freely.
    pub window: Window,
    /// Whether an earlier call may have sent the message by it.
    pub may_have_it: bool,
    /// For how long still messages of this category wait, because the member throttled them.
    pub throttled: Option<Duration>,
}

impl Candidate {
    /// A healthy member that carries the message's one content.
    pub fn new(id: ProviderId) -> Self {
        Self {
            id,
            senders: Vec::new(),
            standing: Standing::Ready,
            refusals: vec![None],
            window: Window::Unknown,
            may_have_it: false,
            throttled: None,
        }
    }

    /// Sets its health.
    #[must_use]
    pub fn with_standing(mut self, standing: Standing) -> Self {
        self.standing = standing;
        self
    }

    /// Sets its senders.
    #[must_use]
    pub fn with_senders(mut self, senders: Vec<SenderId>) -> Self {
        self.senders = senders;
        self
    }

    /// Sets which contents it would refuse.
    #[must_use]
    pub fn with_refusals(mut self, refusals: Vec<Option<ErrorKind>>) -> Self {
        self.refusals = refusals;
        self
    }

    /// Sets what is known of the window with this user.
    #[must_use]
    pub fn with_window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Sets whether it may have the message already.
    #[must_use]
    pub fn with_may_have_it(mut self, may_have_it: bool) -> Self {
        self.may_have_it = may_have_it;
        self
    }

    /// Sets for how long messages of this category wait.
    #[must_use]
    pub fn with_throttled(mut self, throttled: Option<Duration>) -> Self {
        self.throttled = throttled;
        self
    }

    pub(super) fn sends_from(&self, sender: &SenderId) -> bool {
        // A provider may send for more senders than it lists, such as the numbers of a pool. It refuses what it cannot.
        self.senders.contains(sender) || self.id == sender.provider
    }
}

/// What is known of the customer service window between a user and a member's sender: the 24 hours after the user last
/// wrote to it, in which anything may be sent and not only a template.
#[doc(alias = "24 hours")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Window {
    /// Nobody knows; the provider does.
    #[default]
    Unknown,
    /// The user has written within 24 hours.
    Open,
    /// The user has written before that, and not since.
    Closed,
}

/// The health of a member, as far as a plan is concerned.
///
/// As JSON: `{"standing":"open","cause":"unavailable","remaining":12.5}`, the time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// Well.
    Ready,
    /// Open time is over: the next message tries whether it is well again.
    Trial,
    /// Well again, but traffic stays where it is for a moment, so that it does not flap.
    Recovering,
    /// Not to be used for now.
    #[non_exhaustive]
    Open {
        /// Why.
        cause: ErrorKind,
        /// For how long still.
        #[serde(with = "crate::json::seconds")]
        remaining: Duration,
    },
    /// Taken out of service by hand. Nothing is sent by it, whatever else is said.
    Isolated,
}

impl Standing {
    /// Not to be used for `remaining`, because of `cause`.
    pub const fn open(cause: ErrorKind, remaining: Duration) -> Self {
        Self::Open { cause, remaining }
    }
}
