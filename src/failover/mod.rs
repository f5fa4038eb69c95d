//! Several providers behind one: a flag or health decides which of them sends.
//!
//! # What it guarantees
//!
//! A message goes to a second member only if the first one **certainly does not have it**. What is not certain ends as an
//! error whose [`acceptance`](crate::Error::acceptance) is [`Unknown`](crate::Acceptance::Unknown), unless
//! [`OnUnknown`](crate::OnUnknown) says otherwise. How far that reaches depends on what it is given:
//!
//! | | within one call of `send` | another call, another machine, after a crash |
//! |---|---|---|
//! | neither [key](crate::OutboundMessage::with_idempotency_key) nor [store](FailoverBuilder::store) | accepted once at most | nothing is known of it: a repeat is a new message |
//! | a key and a store | accepted once at most | accepted once at most, on all machines with that store, for as long as [`remember`](FailoverPolicy::remember) says (30 days) |
//! | [`OnUnknown::FailOver`](crate::OnUnknown::FailOver), or a [`Reconcile`](crate::OnUnknown::Reconcile) that fails over | if a member that is tried accepts within the deadline, `send` is `Ok`; the user may get it once from each member | as within one call |
//!
//! Accepted is not delivered: that comes in statuses. A process that dies between the claim of a key and its outcome leaves
//! an unknown outcome, whether or not anything had left, and so does a call whose future is dropped; a status that tells
//! of the attempt settles it. With a key, an error may be `Unknown` because of an earlier call. And a store that loses what
//! it has acknowledged (an asynchronous replica that took over, a disk that lied) takes these guarantees with it.
//!
//! What it cannot do at all is on [a page of its own](limits).
//!
//! # How a send goes
//!
//! ```text
//! flag --------> Route ---+
//! health, blocks ---------+
//! windows, pins ----------+--> plan() --> members in order, and why each other one is left out
//! check() ----------------+      |
//!                                v
//!              for each: open an attempt, send, look at acceptance first and at the kind second
//!                not accepted --> by the kind: the next alternative, the next member, or the end
//!                unknown      --> OnUnknown
//! ```
//!
//! | what was seen | acceptance | and then |
//! |---|---|---|
//! | nothing left: no name, no connection, no TLS, given up before | not accepted | the next member |
//! | a success, whole or cut off | accepted: `Ok`, perhaps without a message id | |
//! | a refusal with the provider's code, or a bare 4xx but 408 | not accepted | by the [kind](crate::ErrorKind) |
//! | a bare 5xx, 408, 3xx, somebody else's answer, no answer | unknown | [`OnUnknown`](crate::OnUnknown) |
//!
//! A message's consent, policy or recipient never leads to another member; an outage, a block and a template that is
//! missing do. Marketing is never failed over, and one-time codes flee from throttling, unless the
//! [policy](CategoryPolicy) says otherwise.
//!
//! # Who is well
//!
//! Each member has two circuit breakers: one for whether its API answers, one for whether its account may send
//! ([`HealthAspect`]). Only sends count, and of them only what says something about the provider ([`HealthPolicy`]).
//!
//! ```text
//!              5 failures in a row, half of 10 calls in 60 s,
//!              5 that wait for 3 s, or a block
//!   +--------+ ----------------------------------------------> +------+ <---------------+
//!   | closed |                                                 | open |                 |
//!   +--------+ <--- two successes ---+                         +------+                 |
//!        ^                           |                            | 30 s, doubling to    |
//!        |                     +-----------+                      | 300 s (a block: 60 s |
//!        |                     | half open | <--------------------+ to 30 min)           |
//!        |                     +-----------+   then one probe, and one message           |
//!        |                           |         at a time                                 |
//!        |                           +--------- a failure -------------------------------+
//!        traffic comes back 60 s after it left, not before
//! ```
//!
//! When nobody is well, the one with the least wrong is tried all the same: a breaker sends messages elsewhere, it never
//! stops them. [`isolate`](FailoverProvider::isolate) does, by hand. New credentials
//! ([`set_token`](crate::MetaCloud::set_token)), [`restore`](FailoverProvider::restore) and a provider's word that the
//! account is reinstated end the wait at once. [`check_members`](FailoverProvider::check_members), called from a timer,
//! lets probes find out what a user's message would have to; a [`HealthRegistry`] lets many failovers of one process learn
//! together; [`status`](FailoverProvider::status) shows it all.
//!
//! # What webhooks teach
//!
//! A [`WebhookHandler`](crate::WebhookHandler) lets the failover [record](crate::WhatsAppProvider::record) every event
//! before anybody handles it; who has another way in calls it himself. From that it knows
//!
//! * **windows**: when a user last wrote to which sender, whichever application is to answer. Where the 24 hours are known to be over, an
//!   [alternative](crate::OutboundMessage::or) that may go is chosen without a request. What is not known is left to the
//!   provider. [`seed_window`](FailoverProvider::seed_window) brings a history along.
//! * **pins**: a conversation stays with the member that the user wrote to, and after an outage for a while with the one
//!   that stood in.
//! * **names**: a user's number, business-scoped ids and what a provider calls them are one user.
//! * **blocks**: what one machine hears of an account that is blocked, restricted or reinstated, all know. News that name an
//!   account concern the members that [have it](crate::WhatsAppProvider::receives_for_account): tell each member which
//!   account it has, for an application's webhooks bring the news of all of them.
//! * **what was accepted**: a status with an attempt's id settles an outcome that nobody knew, on whatever machine.
//!
//! [`advise`](FailoverProvider::advise) says what to do about a message that was accepted and then failed.
//!
//! Such knowledge is kept in the store if there is one, and in any case in this process (50,000 facts). It **fails open**:
//! a store that does not answer within [`knowledge_limit`](FailoverPolicy::knowledge_limit) stops no message. Claims on keys
//! **fail closed**: without the store nothing is sent.
//!
//! # Sending the same message again
//!
//! Before each attempt it is written to the store which member is about to be given the message, and by which attempt;
//! after it, what became of it. What a later call with the same key finds there decides:
//!
//! | what is there | what happens |
//! |---|---|
//! | nothing, or every attempt was certainly not accepted | it is sent |
//! | it was accepted, or a status says so | `Ok` with that receipt; nothing is sent |
//! | another call is at it now | [`Duplicate`](crate::ErrorKind::Duplicate); nothing is sent, try again after `retry_after` |
//! | an attempt of unknown outcome | as [`OnUnknown`](crate::OnUnknown) says; never again by that member |
//! | the store does not answer, or the record is of a newer version | [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable); nothing is sent |
//!
//! A claim that the store took and did not acknowledge counts as an attempt of unknown outcome later, though nothing was
//! sent: what is not certain is never sent twice. Contents are not compared, on purpose: a handler that runs again may
//! word its answer anew, and the first answer counts. So a key must never be used for two messages, nor be the same for
//! two recipients.

use std::fmt;
use std::sync::{Arc, Mutex};

mod advice;
mod attempt;
mod builder;
mod claim;
mod delivery;
mod health;
mod knowledge;
mod known;
mod learn;
#[doc = include_str!("limits.md")]
pub mod limits {}
mod observe;
mod plan;
mod planning;
mod policy;
mod probing;
mod provider;
mod reconcile;
mod record;
mod repeat;
mod route;
mod routing;
mod send;
mod status;
mod stored_route;

pub use advice::Advice;
pub use builder::FailoverBuilder;
pub use health::{HealthAspect, HealthPolicy, HealthRegistry, HealthState};
#[cfg(feature = "metrics")]
pub use observe::MetricsObserver;
#[cfg(feature = "tracing")]
pub use observe::TracingObserver;
pub use observe::{FailoverEvent, Observer, Resolution, RouteOrigin};
pub use plan::{Candidate, Plan, PlanRequest, SkipReason, Skipped, Standing, Step, Window, plan};
pub use policy::{CategoryPolicy, FailoverPolicy};
pub use probing::MemberCheck;
pub use route::{InvalidRoute, Route, RouteContext, RouteFn, RouteSource, RouteSwitch, route_fn};
pub use status::{CategoryPause, FailoverStatus, MemberRestriction, MemberStatus, Switch};
pub use stored_route::{RouteOrder, StoredRoute};

use self::health::Health;
use self::knowledge::Knowledge;
use self::observe::Observers;
use self::routing::LastRoute;
use self::status::Switches;
use crate::clock::Clock;
use crate::ids::{ProviderId, SenderId};
use crate::provider::WhatsAppProvider;
use crate::state::StateStore;

/// Several providers behind one. A clone is the same failover.
///
/// ```
/// use whatsapp_provider::failover::{FailoverProvider, Route, RouteSwitch};
/// # use whatsapp_provider::testing::{MemoryProvider, TestClock};
/// # use whatsapp_provider::{PhoneNumber, ProviderId, WhatsAppProviderExt};
/// # let meta = MemoryProvider::new(ProviderId::META);
/// # let twilio = MemoryProvider::new(ProviderId::TWILIO);
/// # let clock = TestClock::new();
///
/// let flag = RouteSwitch::new(Route::Auto);
/// let whatsapp = FailoverProvider::builder()
///     .primary(meta)
///     .fallback(twilio)
///     .route(flag.clone())
/// #   .clock(std::sync::Arc::new(clock.clone()))
///     .build()?;
///
/// let to = PhoneNumber::parse("+15551234567")?;
/// # clock.block_on(async {
/// let receipt = whatsapp.send_text(to, "Your table is ready").await?;
/// assert_eq!(receipt.provider.as_str(), "meta");
///
/// flag.set("only:twilio".parse()?);
/// let receipt = whatsapp.send_text(to, "Your table is ready").await?;
/// assert_eq!(receipt.provider.as_str(), "twilio");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FailoverProvider(Arc<Inner>);

/// The health of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStanding {
    /// The member.
    pub member: ProviderId,
    /// Its health, as far as a plan is concerned.
    pub standing: Standing,
}

struct Inner {
    id: ProviderId,
    members: Vec<Member>,
    route: Arc<dyn RouteSource>,
    default_route: Route,
    last_route: Mutex<LastRoute>,
    rollout_key: Vec<u8>,
    policy: FailoverPolicy,
    health: HealthRegistry,
    switches: Switches,
    observers: Observers,
    knowledge: Knowledge,
    clock: Arc<dyn Clock>,
    store: Option<Arc<dyn StateStore>>,
}

struct Member {
    provider: Arc<dyn WhatsAppProvider>,
    health: Health,
}

impl Member {
    fn id(&self) -> &ProviderId {
        self.provider.id()
    }
}

impl FailoverProvider {
    /// Begins to put one together.
    pub fn builder() -> FailoverBuilder {
        FailoverBuilder::new()
    }

    /// Where messages go and who is well, at this moment.
    pub fn status(&self) -> FailoverStatus {
        self.settle();
        let (route, route_origin) = self.last_route();
        let status = |member: &Member| member.status(self.standing_of(member), self.restrictions_of(member));
        let members = self.0.members.iter().map(status).collect();
        FailoverStatus { route, route_origin, members, last_switch: self.0.switches.last() }
    }

    fn member(&self, id: &ProviderId) -> Option<&Member> {
        self.0.members.iter().find(|member| member.id() == id)
    }

    /// The member that sends from a sender, or receives for it.
    fn member_with(&self, sender: &SenderId) -> Option<&Member> {
        let by_list = self.0.members.iter().find(|member| member.provider.senders().contains(sender));
        by_list.or_else(|| self.member(&sender.provider))
    }
}

impl fmt::Debug for FailoverProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: Vec<_> = self.0.members.iter().map(|member| &member.provider).collect();
        f.debug_struct("FailoverProvider")
            .field("id", &self.0.id)
            .field("members", &members)
            .finish_non_exhaustive()
    }
}
