use std::time::Duration;

mod candidate;

pub use candidate::{Candidate, Standing, Window};

use super::route::Route;
use crate::error::ErrorKind;
use crate::ids::{ProviderId, SenderId};

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
    /// Whether another member may stand in for one that throttles this category. Otherwise the message waits.
    pub leaves_throttled: bool,
    /// For each content of the message, in order: whether it may only go within an open window. Empty if none is so.
    pub needs_window: Vec<bool>,
}

/// The members that are tried for a message, in order, and why each other one is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The member that the message would go to if everybody were well.
    pub preferred: Option<ProviderId>,
    /// The members to try.
    pub steps: Vec<Step>,
    /// The members that are left out.
    pub skipped: Vec<Skipped>,
}

/// A member to try.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The member.
    pub member: ProviderId,
    /// Which contents it carries: 0 is the message's own, 1 its first alternative, and so on.
    pub contents: Vec<usize>,
    /// Its health. One that is not well is tried all the same if it was named, or if there is nobody else.
    pub standing: Standing,
    /// What is known of its window with the user.
    pub window: Window,
}

impl Step {
    /// Whether it is tried although it is not well.
    pub fn is_unwell(&self) -> bool {
        matches!(self.standing, Standing::Open { .. })
    }
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
    /// It was taken out of service by hand.
    #[error("isolated by hand")]
    Isolated,
    /// It throttles messages of this category.
    #[error("throttled for now")]
    Throttled,
    /// The message waits for a member that throttles its category: another one is not to stand in for that.
    #[error("the message waits for a throttled provider")]
    Waits,
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
/// `via_only`, its `via`, the conversation's pin, the flag's `prefer`, the configured order. Where the first two leave one
/// member it is tried whatever its health; otherwise a member that is not well is left out, unless none is well: then the
/// one that has the least wrong with it is tried all the same. A member that was isolated by hand is never tried.
///
/// A content that needs an open window is not tried where the window is known to be closed, nor, after that, anywhere
/// but where one is known to be open. A category that a member throttles waits for it, unless it may
/// [leave](PlanRequest::leaves_throttled).
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

    let mut chosen: Vec<&Candidate> = Vec::new();
    let mut skip = |candidate: &Candidate, reason| {
        plan.skipped.push(Skipped { member: candidate.id.clone(), reason });
    };
    for candidate in candidates {
        if only.is_some_and(|only| *only != candidate.id) {
            skip(candidate, SkipReason::Route);
        } else if only.is_none() && !message_allows(request, candidate) {
            skip(candidate, SkipReason::Message);
        } else if candidate.may_have_it {
            skip(candidate, SkipReason::MayHaveIt);
        } else if candidate.standing == Standing::Isolated {
            skip(candidate, SkipReason::Isolated);
        } else {
            chosen.push(candidate);
        }
    }

    // A stable sort: within a rank the configured order stays.
    chosen.sort_by_key(|candidate| rank(request, candidate));
    let mut chosen = carriers(request, chosen, &mut skip);
    if request.single {
        for (other, _) in chosen.drain(1.min(chosen.len())..) {
            skip(other, SkipReason::Category);
        }
    }
    let preferred = chosen.first().map(|(candidate, _)| candidate.id.clone());
    by_health(request, &mut chosen, &mut skip);
    by_throttling(request, &mut chosen, &mut skip);
    plan.steps = chosen.into_iter().map(|(candidate, contents)| step(candidate, contents)).collect();
    plan.preferred = preferred;
    plan
}

/// A member, and the contents of the message that it carries.
type Carrier<'c> = (&'c Candidate, Vec<usize>);

/// The members that carry something of the message. What no provider could carry, or may, ends the list at the member
/// that says so.
fn carriers<'c>(
    request: &PlanRequest,
    chosen: Vec<&'c Candidate>,
    skip: &mut impl FnMut(&Candidate, SkipReason),
) -> Vec<Carrier<'c>> {
    let (mut end, mut closed, mut carriers) = (None, false, Vec::new());
    for candidate in chosen {
        if let Some(kind) = end {
            skip(candidate, SkipReason::Refuses(kind));
            continue;
        }
        // Once a window is known to be closed, what needs one goes only where one is known to be open: to guess would
        // be to write to somebody who may not be written to.
        let shut = candidate.window == Window::Closed || (closed && candidate.window != Window::Open);
        closed |= candidate.window == Window::Closed;
        let refusals: Vec<_> = refusals(request, candidate, shut).collect();
        let contents = carried(&refusals);
        match refusals.iter().flatten().next().filter(|_| contents.is_empty()) {
            None => carriers.push((candidate, contents)),
            Some(kind) => {
                skip(candidate, SkipReason::Refuses(*kind));
                end = Some(*kind).filter(|kind| ends_everything(*kind));
            }
        }
    }
    carriers
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

/// Why a member refuses each content, if it does.
fn refusals<'r>(
    request: &'r PlanRequest,
    candidate: &'r Candidate,
    shut: bool,
) -> impl Iterator<Item = Option<ErrorKind>> + 'r {
    candidate.refusals.iter().enumerate().map(move |(index, refusal)| {
        let needs_window = request.needs_window.get(index).is_some_and(|needs| *needs);
        refusal.or((shut && needs_window).then_some(ErrorKind::WindowClosed))
    })
}

/// The contents that a member carries: an alternative is there for what this member cannot carry, or not now, and for
/// nothing else.
fn carried(refusals: &[Option<ErrorKind>]) -> Vec<usize> {
    let mut contents = Vec::new();
    for (index, refusal) in refusals.iter().enumerate() {
        match refusal {
            None => contents.push(index),
            Some(
                ErrorKind::Unsupported
                | ErrorKind::NotPortable
                | ErrorKind::MediaExpired
                | ErrorKind::WindowClosed,
            ) => {}
            Some(_) => break,
        }
    }
    contents
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
    chosen: &mut Vec<Carrier<'_>>,
    skip: &mut impl FnMut(&Candidate, SkipReason),
) {
    let is_well =
        |(candidate, _): &Carrier<'_>| matches!(candidate.standing, Standing::Ready | Standing::Recovering);
    if !chosen.iter().any(is_well) {
        chosen.sort_by_key(|(candidate, _)| match candidate.standing {
            Standing::Open { cause, remaining } => (true, account_trouble(cause), remaining),
            _ => (false, false, Duration::ZERO),
        });
        return;
    }
    chosen.retain(|(candidate, _)| match candidate.standing {
        Standing::Open { cause, .. } => {
            skip(candidate, SkipReason::Unhealthy(cause));
            false
        }
        _ => true,
    });
    // Whoever was named, or holds the conversation, need not wait: the pause is there to keep others from flapping.
    chosen.sort_by_key(|(candidate, _)| {
        candidate.standing == Standing::Recovering && rank(request, candidate) > 1
    });
}

/// Leaves out those that throttle this category. If the message may not leave a throttled member, it waits for the
/// first; if it may and all are throttled, they are tried all the same.
fn by_throttling(
    request: &PlanRequest,
    chosen: &mut Vec<Carrier<'_>>,
    skip: &mut impl FnMut(&Candidate, SkipReason),
) {
    let throttled = |(candidate, _): &Carrier<'_>| candidate.throttled.is_some();
    if request.leaves_throttled && chosen.iter().all(throttled) {
        return;
    }
    let waits = !request.leaves_throttled && chosen.first().is_some_and(throttled);
    chosen.retain(|carrier| {
        let throttled = throttled(carrier);
        if throttled {
            skip(carrier.0, SkipReason::Throttled);
        } else if waits {
            skip(carrier.0, SkipReason::Waits);
        }
        !throttled && !waits
    });
}

/// What does not pass by waiting is worse than an outage.
fn account_trouble(cause: ErrorKind) -> bool {
    matches!(cause, ErrorKind::Credentials | ErrorKind::AccountBlocked)
}

fn step(candidate: &Candidate, contents: Vec<usize>) -> Step {
    let Candidate { id, standing, window, .. } = candidate;
    Step { member: id.clone(), contents, standing: *standing, window: *window }
}

#[cfg(test)]
mod tests;
