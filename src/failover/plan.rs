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
        self.senders.contains(sender)
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
    for candidate in candidates {
        let reason = if only.is_some_and(|only| *only != candidate.id) {
            Some(SkipReason::Route)
        } else if only.is_none() && !message_allows(request, candidate) {
            Some(SkipReason::Message)
        } else {
            refuses_all(candidate).map(SkipReason::Refuses)
        };
        match reason {
            Some(reason) => plan.skipped.push(Skipped { member: candidate.id.clone(), reason }),
            None => chosen.push(candidate),
        }
    }

    // A stable sort: within a rank the configured order stays.
    chosen.sort_by_key(|candidate| rank(request, candidate));
    if request.single {
        for other in chosen.drain(1.min(chosen.len())..) {
            plan.skipped.push(Skipped { member: other.id.clone(), reason: SkipReason::Category });
        }
    }
    if !forced {
        by_health(&mut chosen, &mut plan.skipped);
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

/// Why the member carries none of the contents: the reason it gives for the first of them.
fn refuses_all(candidate: &Candidate) -> Option<ErrorKind> {
    candidate
        .refusals
        .iter()
        .all(Option::is_some)
        .then(|| candidate.refusals.iter().flatten().next().copied())?
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

/// Puts those that are well first and leaves out those that are not, unless there is nobody else.
fn by_health(chosen: &mut Vec<&Candidate>, skipped: &mut Vec<Skipped>) {
    let is_open = |candidate: &Candidate| matches!(candidate.standing, Standing::Open { .. });
    if chosen.iter().all(|candidate| is_open(candidate)) {
        chosen.sort_by_key(|candidate| match candidate.standing {
            Standing::Open { cause, remaining } => (account_trouble(cause), remaining),
            Standing::Ready | Standing::Trial | Standing::Recovering => (false, Duration::ZERO),
        });
        return;
    }
    chosen.retain(|candidate| match candidate.standing {
        Standing::Open { cause, .. } => {
            skipped.push(Skipped { member: candidate.id.clone(), reason: SkipReason::Unhealthy(cause) });
            false
        }
        Standing::Ready | Standing::Trial | Standing::Recovering => true,
    });
    chosen.sort_by_key(|candidate| candidate.standing == Standing::Recovering);
}

/// What does not pass by waiting is worse than an outage.
fn account_trouble(cause: ErrorKind) -> bool {
    matches!(cause, ErrorKind::Credentials | ErrorKind::AccountBlocked)
}

fn step(candidate: &Candidate) -> Step {
    let carried = candidate.refusals.iter().enumerate().filter(|(_, refusal)| refusal.is_none());
    Step {
        member: candidate.id.clone(),
        contents: carried.map(|(index, _)| index).collect(),
        unwell: matches!(candidate.standing, Standing::Open { .. }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: Standing = Standing::open(ErrorKind::Unavailable, Duration::from_secs(30));

    fn meta() -> Candidate {
        Candidate::new(ProviderId::META).with_senders(vec![SenderId::new(ProviderId::META, "1")])
    }

    fn twilio() -> Candidate {
        Candidate::new(ProviderId::TWILIO).with_senders(vec![SenderId::new(ProviderId::TWILIO, "+2")])
    }

    fn order(request: &PlanRequest, candidates: &[Candidate]) -> String {
        plan(request, candidates).steps.iter().map(|step| step.member.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn skipped(request: &PlanRequest, candidates: &[Candidate]) -> Vec<(String, SkipReason)> {
        let plan = plan(request, candidates);
        plan.skipped.into_iter().map(|skipped| (skipped.member.to_string(), skipped.reason)).collect()
    }

    fn request() -> PlanRequest {
        PlanRequest::default()
    }

    #[test]
    fn authority_from_low_to_high() {
        let members = [meta(), twilio(), Candidate::new("third".parse().unwrap())];
        let mut request = request();
        assert_eq!(order(&request, &members), "meta twilio third");
        request.route = Route::Prefer(ProviderId::TWILIO);
        assert_eq!(order(&request, &members), "twilio meta third");
        request.pin = Some("third".parse().unwrap());
        assert_eq!(order(&request, &members), "third twilio meta");
        request.via = Some(ProviderId::META);
        assert_eq!(order(&request, &members), "meta third twilio");
        request.via_only = true;
        assert_eq!(order(&request, &members), "meta");
        request.route = Route::Only(ProviderId::TWILIO);
        assert_eq!(order(&request, &members), "twilio");
        assert_eq!(
            skipped(&request, &members),
            [("meta".to_owned(), SkipReason::Route), ("third".to_owned(), SkipReason::Route)]
        );
    }

    #[test]
    fn a_sender_names_its_member() {
        let members = [meta(), twilio()];
        let from = SenderId::new(ProviderId::TWILIO, "+2");
        let mut request = PlanRequest { from: Some(from), ..request() };
        assert_eq!(order(&request, &members), "twilio");
        request.from = Some(SenderId::new(ProviderId::TWILIO, "+3"));
        assert_eq!(order(&request, &members), "");
        assert_eq!(skipped(&request, &members).len(), 2);
    }

    #[test]
    fn a_route_that_names_nobody_is_no_opinion() {
        let members = [meta(), twilio()];
        for route in ["only:nobody", "prefer:nobody", "auto"] {
            let request = PlanRequest { route: route.parse().unwrap(), ..request() };
            assert_eq!(order(&request, &members), "meta twilio", "{route}");
        }
    }

    #[test]
    fn health_moves_on_only_below_only_from_and_via_only() {
        let members = [meta().with_standing(DOWN), twilio()];
        assert_eq!(order(&request(), &members), "twilio");
        for soft in [
            PlanRequest { via: Some(ProviderId::META), ..request() },
            PlanRequest { pin: Some(ProviderId::META), ..request() },
            PlanRequest { route: Route::Prefer(ProviderId::META), ..request() },
        ] {
            assert_eq!(order(&soft, &members), "twilio");
            assert_eq!(
                skipped(&soft, &members),
                [("meta".to_owned(), SkipReason::Unhealthy(ErrorKind::Unavailable))]
            );
        }
        for forced in [
            PlanRequest { via: Some(ProviderId::META), via_only: true, ..request() },
            PlanRequest { from: Some(SenderId::new(ProviderId::META, "1")), ..request() },
            PlanRequest { route: Route::Only(ProviderId::META), ..request() },
        ] {
            assert_eq!(order(&forced, &members), "meta");
        }
    }

    #[test]
    fn a_member_on_trial_keeps_its_place_and_one_that_recovers_waits() {
        let members = [meta().with_standing(Standing::Trial), twilio()];
        assert_eq!(order(&request(), &members), "meta twilio");
        let members = [meta().with_standing(Standing::Recovering), twilio()];
        assert_eq!(order(&request(), &members), "twilio meta");
        let members = [meta().with_standing(Standing::Recovering), twilio().with_standing(DOWN)];
        assert_eq!(order(&request(), &members), "meta");
    }

    #[test]
    fn when_nobody_is_well_the_least_bad_is_tried_first() {
        let later = Standing::open(ErrorKind::Unavailable, Duration::from_secs(60));
        let blocked = Standing::open(ErrorKind::AccountBlocked, Duration::from_secs(1));
        assert_eq!(
            order(&request(), &[meta().with_standing(later), twilio().with_standing(DOWN)]),
            "twilio meta"
        );
        assert_eq!(
            order(&request(), &[meta().with_standing(blocked), twilio().with_standing(later)]),
            "twilio meta"
        );
        assert_eq!(order(&request(), &[meta().with_standing(DOWN)]), "meta");
    }

    #[test]
    fn a_member_is_given_what_it_carries() {
        let no = Some(ErrorKind::Unsupported);
        let members = [meta().with_refusals(vec![no, None, None]), twilio().with_refusals(vec![no, no, no])];
        let plan = plan(&request(), &members);
        assert_eq!(plan.steps, [Step { member: ProviderId::META, contents: vec![1, 2], unwell: false }]);
        assert_eq!(
            plan.skipped,
            [Skipped { member: ProviderId::TWILIO, reason: SkipReason::Refuses(ErrorKind::Unsupported) }]
        );
    }

    #[test]
    fn a_category_that_does_not_fail_over_stays_with_the_first() {
        let request = PlanRequest { single: true, ..request() };
        assert_eq!(order(&request, &[meta().with_standing(DOWN), twilio()]), "meta");
        assert_eq!(skipped(&request, &[meta(), twilio()]), [("twilio".to_owned(), SkipReason::Category)]);
        assert_eq!(order(&request, &[]), "");
    }
}
