use std::time::Duration;

use super::route::Route;
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
}

impl Candidate {
    /// A healthy member that carries the message's one content.
    pub fn new(id: ProviderId) -> Self {
        Self { id, senders: Vec::new(), standing: Standing::Ready, refusals: vec![None] }
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

    fn sends_from(&self, sender: &SenderId) -> bool {
        // A provider may send for more senders than it lists, such as the numbers of a pool. It refuses what it cannot.
        self.senders.contains(sender) || self.id == sender.provider
    }
}

/// The health of a member, as far as a plan is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        remaining: Duration,
    },
}

impl Standing {
    /// Not to be used for `remaining`, because of `cause`.
    pub const fn open(cause: ErrorKind, remaining: Duration) -> Self {
        Self::Open { cause, remaining }
    }
}

/// What a message and its flag ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PlanRequest {
    /// What the flag says.
    pub route: Route,
    /// The only sender the message may come from.
    pub from: Option<SenderId>,
    /// The provider the message asks for.
    pub via: Option<ProviderId>,
    /// Whether that is the only one.
    pub via_only: bool,
    /// The provider that the conversation is held over.
    pub pin: Option<ProviderId>,
    /// Whether one member must do, because the message's category does not fail over.
    pub single: bool,
}

/// The members that are tried for a message, in order, and why each other one is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The members to try.
    pub steps: Vec<Step>,
    /// The members that are left out.
    pub skipped: Vec<Skipped>,
}

impl Plan {
    /// Leaves the members out that may have the message already.
    pub(super) fn leave_out(&mut self, may_have_it: impl Fn(&ProviderId) -> bool) {
        let skipped = self.steps.extract_if(.., |step| may_have_it(&step.member));
        self.skipped
            .extend(skipped.map(|step| Skipped { member: step.member, reason: SkipReason::MayHaveIt }));
    }
}

/// A member to try.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The member.
    pub member: ProviderId,
    /// Which contents it carries: 0 is the message's own, 1 its first alternative, and so on.
    pub contents: Vec<usize>,
    /// It is not well and is tried all the same, because it was named or because there is nobody else.
    pub unwell: bool,
}

/// A member that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The member.
    pub member: ProviderId,
    /// Why.
    pub reason: SkipReason,
}

/// Why a member is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// The flag says that only another member is to be used.
    #[error("the flag names another provider")]
    Route,
    /// The message must come from a sender of another member, or by another member.
    #[error("the message names another sender or provider")]
    Message,
    /// It would refuse every content of the message.
    #[error("{0}")]
    Refuses(ErrorKind),
    /// It is not well.
    #[error("not healthy: {0}")]
    Unhealthy(ErrorKind),
    /// Messages of this category do not fail over, and another member comes first.
    #[error("this category does not fail over")]
    Category,
    /// An earlier call with the same idempotency key may have sent the message by it.
    #[error("it may have the message already")]
    MayHaveIt,
}

/// Decides which members are tried for a message, and in which order.
///
/// `candidates` come in the configured order. Authority, from high to low: the flag's `only`, the message's `from` and
/// `via_only`, its `via`, the conversation's pin, the flag's `prefer`, the configured order. Under the first two health
/// does not count; below them a member that is not well is left out, unless none is well: then the one that has the
/// least wrong with it is tried all the same.
///
/// The function is pure: it asks no clock and no network, and the same input gives the same plan.
///
/// ```
/// use whatsapp_provider::failover::{Candidate, PlanRequest, Standing, plan};
/// use whatsapp_provider::{ErrorKind, ProviderId};
///
/// let down = Standing::open(ErrorKind::Unavailable, std::time::Duration::from_secs(30));
/// let members = [
///     Candidate::new(ProviderId::META).with_standing(down),
///     Candidate::new(ProviderId::TWILIO),
/// ];
/// let plan = plan(&PlanRequest::default(), &members);
/// assert_eq!(plan.steps[0].member, ProviderId::TWILIO);
/// assert_eq!(plan.skipped[0].reason.to_string(), "not healthy: the provider is unavailable");
/// ```
pub fn plan(request: &PlanRequest, candidates: &[Candidate]) -> Plan {
    let mut plan = Plan::default();
    let only = only(request, candidates);
    let forced = only.is_some() || request.from.is_some() || request.via_only;

    let mut chosen: Vec<&Candidate> = Vec::new();
    let mut skip = |candidate: &Candidate, reason| {
        plan.skipped.push(Skipped { member: candidate.id.clone(), reason });
    };
    for candidate in candidates {
        if only.is_some_and(|only| *only != candidate.id) {
            skip(candidate, SkipReason::Route);
        } else if only.is_none() && !message_allows(request, candidate) {
            skip(candidate, SkipReason::Message);
        } else {
            chosen.push(candidate);
        }
    }

    // A stable sort: within a rank the configured order stays.
    chosen.sort_by_key(|candidate| rank(request, candidate));
    // What no provider could carry, or may, ends the plan at the member that says so.
    let mut end = None;
    chosen.retain(|candidate| match end.or_else(|| refuses_all(candidate)) {
        None => true,
        Some(kind) => {
            skip(candidate, SkipReason::Refuses(kind));
            end = end.or(Some(kind).filter(|kind| ends_everything(*kind)));
            false
        }
    });
    if request.single {
        for other in chosen.drain(1.min(chosen.len())..) {
            skip(other, SkipReason::Category);
        }
    }
    if !forced {
        by_health(request, &mut chosen, &mut skip);
    }
    plan.steps = chosen.into_iter().map(step).collect();
    plan
}

/// The member that the flag says is the only one. An id that names no member is no opinion.
fn only<'r>(request: &'r PlanRequest, candidates: &[Candidate]) -> Option<&'r ProviderId> {
    match &request.route {
        Route::Only(id) => candidates.iter().any(|candidate| candidate.id == *id).then_some(id),
        Route::Auto | Route::Prefer(_) => None,
    }
}

fn message_allows(request: &PlanRequest, candidate: &Candidate) -> bool {
    let by_sender = request.from.as_ref().is_none_or(|from| candidate.sends_from(from));
    let by_provider = !request.via_only || request.via.as_ref() == Some(&candidate.id);
    by_sender && by_provider
}

/// The contents that a member carries: an alternative is there for what this member cannot carry, or not now, and for
/// nothing else.
fn carried(candidate: &Candidate) -> Vec<usize> {
    let mut contents = Vec::new();
    for (index, refusal) in candidate.refusals.iter().enumerate() {
        match refusal {
            None => contents.push(index),
            Some(ErrorKind::Unsupported | ErrorKind::NotPortable | ErrorKind::WindowClosed) => {}
            Some(_) => break,
        }
    }
    contents
}

/// Why the member carries none of the contents: the reason it gives for the first of them.
fn refuses_all(candidate: &Candidate) -> Option<ErrorKind> {
    candidate.refusals.iter().flatten().next().copied().filter(|_| carried(candidate).is_empty())
}

/// Whether no other member is to be tried after a refusal like this.
fn ends_everything(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidMessage
            | ErrorKind::RecipientUnreachable
            | ErrorKind::RecipientRefused
            | ErrorKind::RecipientThrottled
            | ErrorKind::Expired
            | ErrorKind::Duplicate
    )
}

fn rank(request: &PlanRequest, candidate: &Candidate) -> u8 {
    let named = |id: Option<&ProviderId>| id == Some(&candidate.id);
    if named(request.via.as_ref()) {
        0
    } else if named(request.pin.as_ref()) {
        1
    } else if named(request.route.member()) {
        2
    } else {
        3
    }
}

/// Puts those that are well first and leaves out those that are not, unless nobody is known to be well.
fn by_health(
    request: &PlanRequest,
    chosen: &mut Vec<&Candidate>,
    skip: &mut impl FnMut(&Candidate, SkipReason),
) {
    let is_well =
        |candidate: &&Candidate| matches!(candidate.standing, Standing::Ready | Standing::Recovering);
    if !chosen.iter().any(is_well) {
        chosen.sort_by_key(|candidate| match candidate.standing {
            Standing::Open { cause, remaining } => (true, account_trouble(cause), remaining),
            Standing::Ready | Standing::Trial | Standing::Recovering => (false, false, Duration::ZERO),
        });
        return;
    }
    chosen.retain(|candidate| match candidate.standing {
        Standing::Open { cause, .. } => {
            skip(candidate, SkipReason::Unhealthy(cause));
            false
        }
        Standing::Ready | Standing::Trial | Standing::Recovering => true,
    });
    // Whoever was named, or holds the conversation, need not wait: the pause is there to keep others from flapping.
    chosen
        .sort_by_key(|candidate| candidate.standing == Standing::Recovering && rank(request, candidate) > 1);
}

/// What does not pass by waiting is worse than an outage.
fn account_trouble(cause: ErrorKind) -> bool {
    matches!(cause, ErrorKind::Credentials | ErrorKind::AccountBlocked)
}

fn step(candidate: &Candidate) -> Step {
    Step {
        member: candidate.id.clone(),
        contents: carried(candidate),
        unwell: matches!(candidate.standing, Standing::Open { .. }),
    }
}

#[cfg(test)]
mod tests;
