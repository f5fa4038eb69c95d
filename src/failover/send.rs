use std::time::Duration;

use super::FailoverProvider;
use super::delivery::{Delivery, Next};
use super::health::Verdict;
use super::observe::FailoverEvent;
use super::plan::{Plan, SkipReason, Skipped, Standing, Step};
use crate::error::{AttemptReport, Result};
use crate::ids::ProviderId;
use crate::outbound::{Attempt, Content, OutboundMessage, SendReceipt};

/// How much longer than its deadline an attempt is waited for. A provider that keeps its deadline says more of what
/// happened than a future that is dropped, so it goes first; the guard is for those that do not keep it.
pub(super) const GUARD: Duration = Duration::from_millis(500);

impl FailoverProvider {
    /// As `send`, and no attempt begins after `limit`, whatever the message's deadline is.
    #[cfg(feature = "queue")]
    pub(crate) async fn send_within(
        &self,
        message: &OutboundMessage,
        limit: Duration,
    ) -> Result<SendReceipt> {
        self.deliver(message, &Attempt::new(&*self.0.clock).with_deadline(limit)).await
    }

    pub(super) async fn deliver(&self, message: &OutboundMessage, outer: &Attempt) -> Result<SendReceipt> {
        // The message leaves through the members only, and their marks are children of this one.
        outer.departure.arm();
        let clock = &*self.0.clock;
        let began = clock.elapsed();
        let category = message.effective_category();
        let policy = self.0.policy.category(category);
        let limit = message.deadline.unwrap_or(policy.deadline).min(outer.deadline.unwrap_or(Duration::MAX));
        let on_unknown = message.on_unknown.or(policy.on_unknown).unwrap_or(self.0.policy.on_unknown);
        let mut delivery = Delivery::new(message, outer, policy, on_unknown, began.saturating_add(limit));
        delivery.claim = self.claim_for(message);

        let next = match self.look_back(&mut delivery).await {
            Some(next) => next,
            None => self.try_members(&mut delivery).await,
        };
        let attempts = delivery.attempts;
        let result = match next {
            Next::Done(receipt) => {
                let receipt = receipt.after(std::mem::take(&mut delivery.failed));
                self.conclude(&mut delivery, Some(&receipt)).await;
                self.learn_from_receipt(&delivery, &receipt).await;
                Ok(receipt)
            }
            Next::Repeated(receipt) => Ok(receipt.after(delivery.failed)),
            Next::Content | Next::Member | Next::Stop => {
                self.conclude(&mut delivery, None).await;
                Err(delivery.into_error(&self.0.id))
            }
        };
        self.tell(FailoverEvent::Finished {
            send: outer.id,
            provider: result.as_ref().ok().map(|receipt| receipt.provider.clone()),
            category,
            reference: message.reference.clone(),
            failure: result.as_ref().err().map(|error| error.failure().without_words()),
            attempts,
            latency: clock.elapsed().saturating_sub(began),
        });
        result
    }

    async fn try_members(&self, delivery: &mut Delivery<'_>) -> Next {
        let (send, message) = (delivery.outer.id, delivery.message);
        let (route, origin) = self.route(send, message).await;
        self.hold(route.clone(), origin);
        self.tell(FailoverEvent::Routed { send, route: route.clone(), origin });
        let mut known = self.known(message).await;
        if let Some(claim) = &delivery.claim {
            known.may_have_it(&self.0.members, |member| claim.may_be_at(member));
        }
        let (plan, refusal) = self.plan(message, route, Some(&known));
        self.note_switch(message, &plan, known.pin.is_some());
        let category = message.effective_category();
        self.tell(FailoverEvent::Planned { send, plan: plan.clone(), category });
        if plan.steps.is_empty() {
            // What an earlier call may have sent weighs more than that nobody would take it now.
            delivery.last.get_or_insert(refusal);
            return Next::Stop;
        }
        let most = self.0.policy.max_attempts.max(1);
        for (index, step) in plan.steps.iter().enumerate() {
            let is_last = index + 1 == plan.steps.len() || delivery.members + 1 >= most;
            let attempts = delivery.attempts;
            match self.try_member(delivery, step, is_last).await {
                Next::Content | Next::Member => {}
                next => {
                    delivery.stood_in = stands_in(&step.member, &plan, &delivery.failed);
                    delivery.member = Some(step.member.clone());
                    return next;
                }
            }
            delivery.members += usize::from(delivery.attempts > attempts);
            if delivery.members >= most {
                break;
            }
        }
        Next::Stop
    }

    async fn try_member(&self, delivery: &mut Delivery<'_>, step: &Step, is_last: bool) -> Next {
        let Some(member) = self.member(&step.member) else { return Next::Member };
        // Where there is nobody else, a member whose one trial is out is tried all the same.
        let forced = is_last || step.is_unwell();
        let Some(mut permit) = self.permit(member, forced) else {
            return Next::Member;
        };
        if permit.wants_probe() {
            let left = delivery.end.saturating_sub(self.0.clock.elapsed());
            if left.is_zero() {
                return Next::Stop;
            }
            permit = match self.probe(member, permit, left).await {
                Ok(granted) => granted,
                Err(error) => {
                    // With nobody else to turn to, the message finds out more than the probe.
                    let anyway = if forced { self.permit(member, true) } else { None };
                    let Some(anyway) = anyway else {
                        delivery.last.get_or_insert(error);
                        return Next::Member;
                    };
                    anyway
                }
            };
        }
        let mut permit = Some(permit);
        for index in step.contents.iter().copied() {
            let Some(content) = delivery.message.contents().nth(index) else {
                continue;
            };
            if !delivery.may_go(content, &step.member, step.window) {
                continue;
            }
            if delivery.end <= self.0.clock.elapsed() {
                return Next::Stop;
            }
            let Some(leave) = permit.take().or_else(|| self.permit(member, forced)) else {
                return Next::Member;
            };
            match self.attempt(delivery, member, leave, (index, content), is_last).await {
                Next::Content => {}
                next => return next,
            }
        }
        delivery.after_contents()
    }

    /// Takes down where messages go that are free to go anywhere, and tells if that has changed. A trial is no change.
    fn note_switch(&self, message: &OutboundMessage, plan: &Plan, pinned: bool) {
        let (Some(preferred), Some(first)) = (&plan.preferred, plan.steps.first()) else { return };
        let bound = pinned || message.via.is_some();
        // It is away for another reason than its health, such as that it throttles this category.
        let away = |skipped: &Skipped| {
            skipped.member == *preferred && !matches!(skipped.reason, SkipReason::Unhealthy(_))
        };
        if bound || first.standing == Standing::Trial || plan.skipped.iter().any(away) {
            return;
        }
        if let Some(switch) = self.0.switches.note(preferred, &first.member, self.0.clock.now()) {
            self.tell(FailoverEvent::Switched { switch });
        }
    }

    pub(super) fn tell(&self, event: FailoverEvent) {
        self.0.observers.tell(&event);
    }
}

/// Whether a member stands in for the preferred one because that is not well. What a message or a recipient causes moves
/// only that message.
fn stands_in(member: &ProviderId, plan: &Plan, failed: &[AttemptReport]) -> bool {
    let Some(preferred) = plan.preferred.as_ref().filter(|preferred| *preferred != member) else {
        return false;
    };
    let was_skipped = plan
        .skipped
        .iter()
        .any(|skipped| skipped.member == *preferred && matches!(skipped.reason, SkipReason::Unhealthy(_)));
    let was_doubtful = plan.steps.iter().any(|step| {
        step.member == *preferred && !matches!(step.standing, Standing::Ready | Standing::Recovering)
    });
    let mut failures = failed.iter().filter_map(|report| report.failure.as_ref());
    was_skipped || was_doubtful || failures.any(Verdict::counts)
}

/// The message as a member is given it: one content, and without what the failover itself has answered.
pub(super) fn for_member(message: &OutboundMessage, content: &Content) -> OutboundMessage {
    let mut single = message.with_only(content);
    single.via = None;
    single.via_only = false;
    single.idempotency_key = None;
    single
}
