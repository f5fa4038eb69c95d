//! What a failover looks like from outside, at one moment.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::Member;
use super::health::HealthState;
use super::observe::RouteOrigin;
use super::plan::Standing;
use super::route::Route;
use crate::clock::Timestamp;
use crate::ids::{ProviderId, SenderId};
use crate::inbound::RestrictedMessages;
use crate::outbound::Category;

/// Where messages go and who is well, for a dashboard or an admin page. It asks nobody: this is what is known now.
///
/// As JSON, the times in seconds:
///
/// ```
/// # use whatsapp_provider::failover::FailoverProvider;
/// # use whatsapp_provider::testing::{MemoryProvider, TestClock};
/// # let clock = std::sync::Arc::new(TestClock::new());
/// let whatsapp = FailoverProvider::builder()
///     .primary(MemoryProvider::new("meta".parse()?))
/// #   .clock(clock)
///     .build()?;
/// assert_eq!(
///     serde_json::to_value(whatsapp.status())?,
///     serde_json::json!({
///         "route": "auto",
///         "route_origin": "default",
///         "members": [{
///             "member": "meta",
///             "api": null,
///             "senders": [{"provider": "meta", "id": "memory"}],
///             "standing": "ready",
///             "reachability": "closed",
///             "account": "closed",
///             "failures_in_a_row": 0,
///             "waiting": 0,
///             "pauses": [],
///             "restrictions": [],
///         }],
///         "last_switch": null,
///     }),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailoverStatus {
    /// The route that held for the last message, or that will for the first one if the flag has no opinion.
    pub route: Route,
    /// Where it comes from.
    pub route_origin: RouteOrigin,
    /// The members, in the configured order.
    pub members: Vec<MemberStatus>,
    /// When messages last went another way because of a member's health.
    pub last_switch: Option<Switch>,
}

/// A member at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MemberStatus {
    /// The member.
    pub member: ProviderId,
    /// The API that it sends to.
    pub api: Option<String>,
    /// Its senders.
    pub senders: Vec<SenderId>,
    /// Whether it is used.
    #[serde(flatten)]
    pub standing: Standing,
    /// Whether its API can be reached.
    pub reachability: HealthState,
    /// Whether its account may send.
    pub account: HealthState,
    /// How many recipients' messages failed in a row, without a success in between.
    pub failures_in_a_row: usize,
    /// How many messages have left and are not answered yet.
    pub waiting: usize,
    /// The categories that wait because the member throttles them.
    pub pauses: Vec<CategoryPause>,
    /// The messages that each of its senders cannot send for a while, by the provider's word. The standing says nothing
    /// of them: the member sends everything else.
    pub restrictions: Vec<MemberRestriction>,
}

/// Messages that a member cannot send for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemberRestriction {
    /// Which.
    pub messages: RestrictedMessages,
    /// For how long still.
    #[serde(with = "crate::json::seconds")]
    pub remaining: Duration,
}

/// A category that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CategoryPause {
    /// The category.
    pub category: Category,
    /// For how long still.
    #[serde(with = "crate::json::seconds")]
    pub remaining: Duration,
}

/// Messages that would go to one member go to another, or do so no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Switch {
    /// When.
    pub at: Timestamp,
    /// The member that they would go to if everybody were well.
    pub preferred: ProviderId,
    /// The member that they went to before.
    pub from: ProviderId,
    /// The member that they go to now.
    pub to: ProviderId,
}

impl Member {
    pub(super) fn status(&self, standing: Standing, restrictions: Vec<MemberRestriction>) -> MemberStatus {
        let (reachability, account, failures_in_a_row, waiting) = self.health.look();
        let pause = |category: &Category| {
            let remaining = self.health.paused(*category)?;
            Some(CategoryPause { category: *category, remaining })
        };
        MemberStatus {
            member: self.id().clone(),
            api: self.provider.api(),
            senders: self.provider.senders(),
            standing,
            reachability,
            account,
            failures_in_a_row,
            waiting,
            pauses: Category::ALL.iter().filter_map(pause).collect(),
            restrictions,
        }
    }
}

/// Who stands in for whom.
#[derive(Default)]
pub(super) struct Switches(Mutex<Serving>);

#[derive(Default)]
struct Serving {
    stand_ins: HashMap<ProviderId, ProviderId>,
    last: Option<Switch>,
}

impl Switches {
    /// A message that would go to `preferred` goes to `to`. Answers whether that is a change.
    pub(super) fn note(&self, preferred: &ProviderId, to: &ProviderId, at: Timestamp) -> Option<Switch> {
        let mut serving = self.serving();
        let from = serving.stand_ins.get(preferred).unwrap_or(preferred).clone();
        if from == *to {
            return None;
        }
        if preferred == to {
            serving.stand_ins.remove(preferred);
        } else {
            serving.stand_ins.insert(preferred.clone(), to.clone());
        }
        let switch = Switch { at, preferred: preferred.clone(), from, to: to.clone() };
        serving.last = Some(switch.clone());
        Some(switch)
    }

    pub(super) fn last(&self) -> Option<Switch> {
        self.serving().last.clone()
    }

    fn serving(&self) -> MutexGuard<'_, Serving> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_switches() {
        let switches = Switches::default();
        let at = Timestamp::UNIX_EPOCH;
        let (meta, twilio) = (ProviderId::META, ProviderId::TWILIO);
        assert_eq!(switches.note(&meta, &meta, at), None);
        let there = switches.note(&meta, &twilio, at).unwrap();
        assert_eq!((&there.preferred, &there.from, &there.to), (&meta, &meta, &twilio));
        assert_eq!(switches.note(&meta, &twilio, at), None);
        assert_eq!(switches.note(&twilio, &twilio, at), None, "another preference has its own stand-in");
        let back = switches.note(&meta, &meta, at).unwrap();
        assert_eq!((&back.from, &back.to), (&twilio, &meta));
        assert_eq!(switches.last(), Some(back));
    }
}
