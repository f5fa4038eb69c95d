//! Several providers behind one: a flag or health decides which of them sends.
//!
//! # What it guarantees
//!
//! A message goes to a second member only if the first one certainly does not have it. What is not certain is an error
//! whose [`acceptance`](crate::Error::acceptance) is [`Unknown`](crate::Acceptance::Unknown), unless
//! [`OnUnknown`](crate::OnUnknown) says otherwise. Without an idempotency key, or without a store, that holds for one
//! call of `send`: it knows nothing of an earlier call for the same message, of another machine, or of a process that
//! died. With both, a [key](crate::OutboundMessage::with_idempotency_key) and a [store](FailoverBuilder::store), it
//! holds for all calls with that key, on all machines that share the store, for as long as
//! [`FailoverPolicy::remember`] says (30 days): under [`OnUnknown::Stop`](crate::OnUnknown::Stop), and under
//! [`Reconcile`](crate::OnUnknown::Reconcile) that stops, the message is accepted once at most.
//!
//! A process that dies between the claim and its outcome leaves an unknown outcome, whether or not anything had left. So
//! does a call whose future is dropped.
//!
//! # Sending the same message again
//!
//! Before each attempt it is written to the store which member is about to be given the message, and by which attempt;
//! after it, what became of it. What a later call with the same key finds there decides:
//!
//! | what is there | what happens |
//! |---|---|
//! | nothing, or every attempt was certainly not accepted | it is sent |
//! | it was accepted | `Ok` with that receipt; nothing is sent |
//! | another call is at it now | [`Duplicate`](crate::ErrorKind::Duplicate); nothing is sent, try again after `retry_after` |
//! | an attempt of unknown outcome | as [`OnUnknown`](crate::OnUnknown) says; never again by that member |
//! | the store does not answer, or the record is of a newer version | [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable); nothing is sent |
//!
//! A claim that the store took and did not acknowledge counts as an attempt of unknown outcome later, though nothing was
//! sent: what is not certain is never sent twice. Contents are not compared, on purpose: a handler that runs again may
//! word its answer anew, and the first answer counts. So a key must never be used for two messages, nor be the same for
//! two recipients.
//!
//! # How a send goes
//!
//! ```text
//! flag ---> Route ----+
//! health -------------+--> plan() --> members in order, and why each other one is left out
//! check() ------------+      |
//!                            v
//!              for each: open an attempt, send, look at acceptance first and at the kind second
//!                not accepted --> by the kind: the next alternative, the next member, or the end
//!                unknown      --> OnUnknown
//! ```
//!
//! # What it cannot do
//!
//! Two providers are always two senders. A user who wrote to the first number has opened no window with the second, sees
//! its message in another chat, and answers there. Only a template can go at any time, so give important messages one
//! as an [alternative](crate::OutboundMessage::or).

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

mod advice;
mod attempt;
mod builder;
mod claim;
mod delivery;
mod health;
mod knowledge;
mod known;
mod learn;
mod observe;
mod plan;
mod planning;
mod policy;
mod probing;
mod reconcile;
mod record;
mod repeat;
mod route;
mod routing;
mod send;
mod status;

pub use advice::Advice;
pub use builder::FailoverBuilder;
pub use health::{HealthAspect, HealthPolicy, HealthRegistry, HealthState};
pub use observe::{FailoverEvent, Observer, Resolution, RouteOrigin};
pub use plan::{Candidate, Plan, PlanRequest, SkipReason, Skipped, Standing, Step, Window, plan};
pub use policy::{CategoryPolicy, FailoverPolicy};
pub use probing::MemberCheck;
pub use route::{InvalidRoute, Route, RouteContext, RouteFn, RouteSource, RouteSwitch, route_fn};
pub use status::{CategoryPause, FailoverStatus, MemberStatus, Switch};

use self::health::Health;
use self::knowledge::Knowledge;
use self::observe::Observers;
use self::routing::LastRoute;
use self::status::Switches;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::{Capabilities, MediaStream, SentLookup, SentQuery, WhatsAppProvider};
use crate::state::StateStore;
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

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
        let members = self.0.members.iter().map(Member::status).collect();
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

    /// The member that a message, a media file or a sender belongs to.
    fn owner(&self, sender: &SenderId) -> Result<&Arc<dyn WhatsAppProvider>> {
        let member = self.member_with(sender).map(|member| &member.provider);
        member.ok_or_else(|| Error::not_portable("sender").with_provider(self.0.id.clone()))
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

// Every method is written out: a failover that fell back to a default would forget its members.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl WhatsAppProvider for FailoverProvider {
    fn id(&self) -> &ProviderId {
        &self.0.id
    }

    fn senders(&self) -> Vec<SenderId> {
        self.0.members.iter().flat_map(|member| member.provider.senders()).collect()
    }

    /// What at least one member carries.
    fn capabilities(&self) -> Capabilities {
        let mut members = self.0.members.iter().map(|member| member.provider.capabilities());
        let first = members.next().unwrap_or_default();
        members.fold(first, |all, next| all.union(&next))
    }

    /// None: the members have their own.
    fn api(&self) -> Option<String> {
        None
    }

    /// Changes when that of a member does.
    fn credentials_version(&self) -> u64 {
        let versions = self.0.members.iter().map(|member| member.provider.credentials_version());
        versions.fold(0, u64::wrapping_add)
    }

    /// Whether at least one member would take the message, whatever the flag says and whoever is well; the error is that
    /// of the first member that was asked.
    fn check(&self, message: &OutboundMessage) -> Result<()> {
        let (plan, refusal) = self.plan(&message.with_only(&message.content), Route::Auto, None);
        if plan.steps.is_empty() { Err(refusal) } else { Ok(()) }
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.deliver(&message.with_only(&message.content), attempt).await
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        self.deliver(message, &Attempt::new(&*self.0.clock)).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.0.members.iter().any(|member| member.provider.recognizes(head))
    }

    /// Tries every member that recognises the webhook until one signature holds.
    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        let mut error = SignatureError::Missing;
        for member in self.0.members.iter().filter(|member| member.provider.recognizes(&request.head)) {
            match member.provider.verify_signature(request) {
                Ok(webhook) => return Ok(webhook),
                // That one signature was wrong says more than that another member could not look.
                Err(refused) if error != SignatureError::Mismatch => error = refused,
                Err(_) => {}
            }
        }
        Err(error)
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        self.0
            .members
            .iter()
            .find_map(|member| member.provider.parse_inbound(webhook).ok())
            .ok_or_else(|| ForeignWebhook::new(webhook.provider().clone()))
    }

    /// Learns who wrote to which sender and when, what users are called, which attempts were accepted, and whose account is
    /// blocked; see [the module](self). What is not verified teaches nothing.
    async fn record(&self, events: &[InboundEvent]) {
        self.learn(events).await;
        for member in &self.0.members {
            member.provider.record(events).await;
        }
    }

    /// The answer of the first member that agrees, else of the first that refuses.
    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        let mut refusal = None;
        for reply in self.0.members.iter().filter_map(|member| member.provider.handshake(head)) {
            if reply.status.is_success() {
                return Some(reply);
            }
            refusal = refusal.or(Some(reply));
        }
        refusal
    }

    /// As the member answers that verified the webhook.
    fn acknowledge(&self, webhook: &VerifiedWebhook<'_>) -> WebhookReply {
        let members = || self.0.members.iter().map(|member| &member.provider);
        let verifier = members().find(|member| member.id() == webhook.provider()).or_else(|| {
            // Or a member of a member: whoever can read it answers.
            members().find(|member| member.parse_inbound(webhook).is_ok())
        });
        match verifier {
            Some(member) => member.acknowledge(webhook),
            None => WebhookReply::empty(http::StatusCode::OK),
        }
    }

    async fn mark_read(&self, message: &MessageRef) -> Result<()> {
        self.owner(&message.sender)?.mark_read(message).await
    }

    async fn show_typing(&self, message: &MessageRef) -> Result<()> {
        self.owner(&message.sender)?.show_typing(message).await
    }

    async fn fetch_media(&self, media: &MediaRef) -> Result<MediaStream> {
        self.owner(&media.sender)?.fetch_media(media).await
    }

    /// Whether at least one member is alive; the error is the last member's.
    async fn probe(&self) -> Result<()> {
        let mut last = Error::unsupported("probe").with_provider(self.0.id.clone());
        for member in &self.0.members {
            match member.provider.probe().await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Asks every member until one has found it. That one refused it decides nothing: another may have it.
    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        let mut answer = Err(Error::unsupported("find_sent").with_provider(self.0.id.clone()));
        for member in &self.0.members {
            match (member.provider.find_sent(query).await, &answer) {
                (Ok(found @ SentLookup::Found(_)), _) => return Ok(found),
                (Ok(SentLookup::Refused(_)), _) => answer = Ok(SentLookup::CannotTell),
                // What may be it weighs more than what is not there.
                (Ok(SentLookup::NotSeen) | Err(_), Ok(_)) => {}
                (Ok(unsure), _) => answer = Ok(unsure),
                (Err(error), Err(_)) => answer = Err(error),
            }
        }
        answer
    }
}
