use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::delivery::{Delivery, Next};
use super::health::{Permit, Verdict};
use super::observe::{FailoverEvent, Resolution};
use super::plan::{Candidate, Plan, PlanRequest, SkipReason, Step, plan};
use super::route::Route;
use super::routing::conversation;
use super::{FailoverProvider, Member, reconcile};
use crate::clock::timeout;
use crate::error::{Acceptance, Error, ErrorKind, Failure, Result};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{Attempt, Content, OnUnknown, Otherwise, OutboundMessage, SendReceipt};
use crate::provider::{SentLookup, SentQuery};

/// How much longer than its deadline an attempt is waited for. A provider that keeps its deadline says more of what
/// happened than a future that is dropped, so it goes first; the guard is for those that do not keep it.
pub(super) const GUARD: Duration = Duration::from_millis(500);

impl FailoverProvider {
    pub(super) async fn deliver(&self, message: &OutboundMessage, outer: &Attempt) -> Result<SendReceipt> {
        // The message leaves through the members only, and their marks are children of this one.
        outer.departure.arm();
        let clock = &*self.0.clock;
        let policy = self.0.policy.category(message.effective_category());
        let limit = message.deadline.unwrap_or(policy.deadline).min(outer.deadline.unwrap_or(Duration::MAX));
        let on_unknown = message.on_unknown.unwrap_or(self.0.policy.on_unknown);
        let end = clock.elapsed().saturating_add(limit);
        let mut delivery = Delivery::new(message, outer, policy, on_unknown, end, conversation(&message.to));
        delivery.claim = self.claim_for(message);

        let next = match self.look_back(&mut delivery).await {
            Some(next) => next,
            None => self.try_members(&mut delivery).await,
        };
        match next {
            Next::Done(receipt) => {
                let receipt = receipt.after(std::mem::take(&mut delivery.failed));
                self.conclude(&mut delivery, Some(&receipt)).await;
                Ok(receipt)
            }
            Next::Repeated(receipt) => Ok(receipt.after(delivery.failed)),
            Next::Content | Next::Member | Next::Stop => {
                self.conclude(&mut delivery, None).await;
                Err(delivery.into_error(&self.0.id))
            }
        }
    }

    async fn try_members(&self, delivery: &mut Delivery<'_>) -> Next {
        let (send, message) = (delivery.outer.id, delivery.message);
        let route = self.route(send, message).await;
        let (mut plan, refusal) = self.plan(message, route);
        if let Some(claim) = &delivery.claim {
            plan.leave_out(|member| claim.may_be_at(member));
        }
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
                next => return next,
            }
            delivery.members += usize::from(delivery.attempts > attempts);
            if delivery.members >= most {
                break;
            }
        }
        Next::Stop
    }

    async fn try_member(&self, delivery: &mut Delivery<'_>, step: &Step, is_last: bool) -> Next {
        let Some(member) = self.0.members.iter().find(|member| *member.id() == step.member) else {
            return Next::Member;
        };
        // Where there is nobody else, a member whose one trial is out is tried all the same.
        let forced = is_last || step.unwell;
        let Some(mut permit) = self.permit(member, forced) else {
            return Next::Member;
        };
        if permit.wants_probe() {
            let left = delivery.end.saturating_sub(self.0.clock.elapsed());
            if left.is_zero() {
                return Next::Stop;
            }
            match self.probe(member, permit, left).await {
                Ok(granted) => permit = granted,
                Err(error) => {
                    // With nobody else to turn to, the message finds out more than the probe.
                    let Some(anyway) = self.permit(member, forced) else {
                        delivery.last.get_or_insert(error);
                        return Next::Member;
                    };
                    permit = anyway;
                }
            }
        }
        let mut permit = Some(permit);
        for index in step.contents.iter().copied() {
            let Some(content) = delivery.message.contents().nth(index) else {
                continue;
            };
            if delivery.templates_only && !content.opens_conversations() {
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

    async fn attempt(
        &self,
        delivery: &mut Delivery<'_>,
        member: &Member,
        permit: Permit,
        (index, content): (usize, &Content),
        is_last: bool,
    ) -> Next {
        let clock = &*self.0.clock;
        let provider = member.id().clone();
        let single = for_member(delivery.message, content);
        let id = if delivery.attempts == 0 { delivery.outer.id } else { AttemptId::new(clock) };
        if let Some(next) = self.claim(delivery, &provider, id, index).await {
            return next;
        }
        // The store has taken its time.
        let left = delivery.end.saturating_sub(clock.elapsed());
        if left.is_zero() {
            if let Some(claim) = &mut delivery.claim {
                claim.withdraw();
            }
            return Next::Stop;
        }
        let limit = delivery.limit(left, self.0.policy.attempt_limit, is_last);
        delivery.attempts += 1;
        let attempt =
            Attempt::with_id(id).with_deadline(limit).with_departure(delivery.outer.departure.child());

        self.tell(FailoverEvent::AttemptStarted {
            attempt: id,
            provider: provider.clone(),
            trial: permit.is_trial(),
        });
        let (began, since) = (clock.elapsed(), clock.now());
        let send = watched(&attempt, member.provider.send_attempt(&single, &attempt));
        let result = timeout(clock, limit.saturating_add(GUARD), send)
            .await
            .unwrap_or_else(|| Err(out_of_time(&attempt, &provider)));
        let refused = result.as_ref().is_err_and(|error| error.acceptance() == Acceptance::NotAccepted);
        if !refused {
            // Also where the provider keeps no mark: whoever asks from outside must not take silence for proof.
            let _ = attempt.departure.depart();
        }
        let latency = clock.elapsed().saturating_sub(began);
        let failure = result.as_ref().err().map(quiet);
        self.tell(FailoverEvent::AttemptEnded { attempt: id, provider: provider.clone(), failure, latency });
        // A caller in a hurry says nothing about the member.
        let cut_short = result.is_err() && latency >= limit && limit < self.0.policy.attempt_limit;
        let verdict = if cut_short { Verdict::Nothing } else { verdict(&result, delivery.recipient) };
        self.learn(&provider, permit, verdict);

        match result {
            Ok(receipt) => Next::Done(Box::new(receipt.with_content_index(index))),
            Err(error) if error.acceptance() == Acceptance::Unknown => {
                let before = delivery.failed.len();
                let unknown = delivery.fail(id, provider, error);
                let query = SentQuery::new(unknown, single, since);
                self.resolve(delivery, member, query, (index, before), is_last).await
            }
            Err(error) => delivery.refused(id, provider, error),
        }
    }

    /// Does what is to be done when nobody knows whether `member` has the message. The reports from `before` on are of
    /// this attempt.
    async fn resolve(
        &self,
        delivery: &mut Delivery<'_>,
        member: &Member,
        query: SentQuery,
        (index, before): (usize, usize),
        is_last: bool,
    ) -> Next {
        let tell = |resolution| {
            let provider = member.id().clone();
            self.tell(FailoverEvent::Unknown { attempt: query.attempt, provider, resolution });
        };
        let mut otherwise = match delivery.on_unknown {
            OnUnknown::Stop => Otherwise::Stop,
            OnUnknown::FailOver => Otherwise::FailOver,
            OnUnknown::Reconcile { within, otherwise } => {
                match reconcile::find(&*member.provider, &query, within, &*self.0.clock).await {
                    SentLookup::Found(receipt) => {
                        tell(Resolution::Found);
                        delivery.failed.truncate(before);
                        return Next::Done(Box::new(receipt.with_content_index(index)));
                    }
                    // A member that made several attempts of its own refused one of them, which decides nothing.
                    SentLookup::Refused(failure) if delivery.failed.len() == before + 1 => {
                        tell(Resolution::Refused);
                        delivery.forget(before);
                        let refused = Error::from(*failure).with_acceptance(Acceptance::NotAccepted);
                        return delivery.refused(query.attempt, member.id().clone(), refused);
                    }
                    _ => otherwise,
                }
            }
        };
        if !delivery.policy.fail_over || is_last {
            otherwise = Otherwise::Stop;
        }
        match otherwise {
            Otherwise::Stop => {
                tell(Resolution::Stopped);
                Next::Stop
            }
            Otherwise::FailOver => {
                tell(Resolution::FailedOver);
                Next::Member
            }
        }
    }

    /// Asks a member that was unwell for a sign of life before a message is risked on it.
    async fn probe(&self, member: &Member, permit: Permit, left: Duration) -> Result<Permit> {
        let provider = member.id().clone();
        let limit = self.0.health.probe.min(left);
        let answer = timeout(&*self.0.clock, limit, member.provider.probe()).await;
        let timed_out = answer.is_none();
        let error = match answer {
            Some(Ok(())) => None,
            // Where there is no probe, or this token may not probe, the message has to tell.
            Some(Err(error)) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::NotEntitled) => {
                None
            }
            Some(Err(error)) => Some(error),
            None => {
                let error = Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted);
                Some(error.with_provider(provider.clone()))
            }
        };
        let failure = error.as_ref().map(quiet);
        self.tell(FailoverEvent::Probed { provider: provider.clone(), failure });
        let Some(error) = error else { return Ok(permit) };
        if timed_out && limit < self.0.health.probe {
            // The message is in a hurry, which says nothing about the member: the trial is given back.
            return Err(error);
        }
        let verdict = match Verdict::of(error.kind(), 0) {
            Verdict::Nothing => Verdict::Failed { cause: ErrorKind::Unavailable, recipient: 0 },
            verdict => verdict,
        };
        self.learn(&provider, permit, verdict);
        // Whatever a probe asked for, no message was sent.
        Err(error.with_acceptance(Acceptance::NotAccepted))
    }

    /// The plan for a message, and the error if it is empty: what the first member that was asked refused, else that
    /// there is nobody.
    pub(super) fn plan(&self, message: &OutboundMessage, route: Route) -> (Plan, Error) {
        let mut refusals: Vec<(ProviderId, Error)> = Vec::new();
        let mut candidates = Vec::new();
        for member in &self.0.members {
            let mut kinds = Vec::new();
            for content in message.contents() {
                let refusal = member.provider.check(&for_member(message, content)).err();
                kinds.push(refusal.as_ref().map(Error::kind));
                refusals.extend(refusal.map(|error| (member.id().clone(), error)));
            }
            candidates.push(
                Candidate::new(member.id().clone())
                    .with_refusals(kinds)
                    .with_senders(member.provider.senders())
                    .with_standing(member.health.standing()),
            );
        }
        let request = PlanRequest {
            route,
            from: message.from.clone(),
            via: message.via.clone(),
            via_only: message.via_only,
            pin: None,
            single: !self.0.policy.category(message.effective_category()).fail_over,
        };
        let plan = plan(&request, &candidates);
        let refused = plan.skipped.iter().find(|skipped| matches!(skipped.reason, SkipReason::Refuses(_)));
        let refusal = refused.and_then(|skipped| {
            let place = refusals.iter().position(|(member, _)| *member == skipped.member)?;
            Some(refusals.swap_remove(place).1)
        });
        let nobody =
            || Error::new(ErrorKind::NoRoute, Acceptance::NotAccepted).with_provider(self.0.id.clone());
        (plan, refusal.unwrap_or_else(nobody))
    }

    fn permit(&self, member: &Member, forced: bool) -> Option<Permit> {
        let (permit, change) = member.health.permit(forced)?;
        if let Some((from, to)) = change {
            self.tell(FailoverEvent::HealthChanged { provider: member.id().clone(), from, to });
        }
        Some(permit)
    }

    fn learn(&self, provider: &ProviderId, permit: Permit, verdict: Verdict) {
        if let Some((from, to)) = permit.record(verdict) {
            self.tell(FailoverEvent::HealthChanged { provider: provider.clone(), from, to });
        }
    }

    pub(super) fn tell(&self, event: FailoverEvent) {
        self.0.observer.observe(&event);
    }
}

/// The message as a member is given it: one content, and without what the failover itself has answered.
pub(super) fn for_member(message: &OutboundMessage, content: &Content) -> OutboundMessage {
    let mut single = message.with_only(content);
    single.via = None;
    single.via_only = false;
    single.idempotency_key = None;
    single
}

/// Marks the departure of an attempt whose provider does not keep the mark, as soon as it waits: nobody outside can then
/// take the silence of the mark for proof.
async fn watched<T>(attempt: &Attempt, send: impl Future<Output = T>) -> T {
    let mut send = pin!(send);
    std::future::poll_fn(|cx| {
        let polled = send.as_mut().poll(cx);
        if polled.is_pending() && !attempt.departure.is_kept() {
            let _ = attempt.departure.depart();
        }
        polled
    })
    .await
}

/// What events may carry of an error: everything but the provider's words, which can name numbers and bodies.
fn quiet(error: &Error) -> Failure {
    let mut failure = error.failure().clone();
    failure.details = None;
    failure
}

fn verdict(result: &Result<SendReceipt>, recipient: u64) -> Verdict {
    match result {
        // The rest of the answer was lost, so it is no sign of health, nor of the contrary.
        Ok(receipt) if receipt.message.is_none() => Verdict::Nothing,
        Ok(_) => Verdict::Well,
        Err(error) => Verdict::of(error.kind(), recipient),
    }
}

/// The attempt was given up by us: only the mark can tell what became of it.
fn out_of_time(attempt: &Attempt, provider: &ProviderId) -> Error {
    let error = if attempt.departure.revoke() {
        Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted)
    } else {
        Error::new(ErrorKind::NoAnswer, Acceptance::Unknown)
    };
    error.with_provider(provider.clone())
}
