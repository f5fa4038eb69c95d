use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::PoisonError;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::health::{HealthState, Permit, Verdict};
use super::observe::{FailoverEvent, Resolution, RouteOrigin};
use super::plan::{Candidate, Plan, PlanRequest, SkipReason, Step, plan};
use super::policy::CategoryPolicy;
use super::route::{Route, RouteContext};
use super::{FailoverProvider, Member, reconcile};
use crate::address::Recipient;
use crate::clock::timeout;
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind, Result};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{Attempt, Content, OnUnknown, Otherwise, OutboundMessage, SendReceipt};
use crate::provider::{SentLookup, SentQuery, another_content_may_go};

/// One message on its way through the members.
struct Delivery<'a> {
    message: &'a OutboundMessage,
    /// The attempt that the caller gave: its id goes to the first try, its mark is marked by every try.
    outer: &'a Attempt,
    policy: CategoryPolicy,
    on_unknown: OnUnknown,
    /// When no new attempt begins any more, by the clock's elapsed time.
    end: Duration,
    recipient: u64,
    failed: Vec<AttemptReport>,
    last: Option<Error>,
    /// Whether an earlier member does not have the window that this one would need.
    templates_only: bool,
}

/// What to do after an attempt.
enum Next {
    Done(SendReceipt),
    Content,
    Member,
    Stop,
}

impl FailoverProvider {
    pub(super) async fn deliver(&self, message: &OutboundMessage, outer: &Attempt) -> Result<SendReceipt> {
        // The message leaves through the members only, and their marks are children of this one.
        outer.departure.arm();
        let clock = &*self.0.clock;
        let category = message.effective_category();
        let policy = self.0.policy.category(category);
        let limit = message.deadline.unwrap_or(policy.deadline).min(outer.deadline.unwrap_or(Duration::MAX));
        let mut delivery = Delivery {
            message,
            outer,
            policy,
            on_unknown: message.on_unknown.unwrap_or(self.0.policy.on_unknown),
            end: clock.elapsed().saturating_add(limit),
            recipient: conversation(&message.to),
            failed: Vec::new(),
            last: None,
            templates_only: false,
        };
        let route = self.route(message).await;
        let (plan, refusal) = self.plan(message, route, policy);
        self.tell(FailoverEvent::Planned { plan: plan.clone(), category });
        if plan.steps.is_empty() {
            return Err(nobody(&plan, refusal).with_attempts(Vec::new()));
        }

        let steps = plan.steps.iter().take(self.0.policy.max_attempts.max(1));
        let last_step = steps.len().saturating_sub(1);
        for (index, step) in steps.enumerate() {
            match self.try_member(&mut delivery, step, index == last_step).await {
                Next::Done(receipt) => return Ok(receipt.after(delivery.failed)),
                Next::Content | Next::Member => {}
                Next::Stop => break,
            }
        }
        Err(delivery.into_error(&self.0.id))
    }

    async fn try_member(&self, delivery: &mut Delivery<'_>, step: &Step, is_last: bool) -> Next {
        let Some(member) = self.0.members.iter().find(|member| *member.id() == step.member) else {
            return Next::Member;
        };
        // Where there is nobody else, a member whose one trial is out is tried all the same.
        let forced = is_last || step.unwell;
        let Some(mut permit) = member.health.permit(forced) else {
            return Next::Member;
        };
        if permit.wants_probe() {
            match self.probe(member, permit).await {
                Ok(granted) => permit = granted,
                Err(error) => {
                    delivery.last = Some(error);
                    return Next::Member;
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
            let left = delivery.end.saturating_sub(self.0.clock.elapsed());
            if left.is_zero() {
                return Next::Stop;
            }
            let Some(leave) = permit.take().or_else(|| member.health.permit(forced)) else {
                return Next::Member;
            };
            match self.attempt(delivery, member, leave, (index, content), left, is_last).await {
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
        left: Duration,
        is_last: bool,
    ) -> Next {
        let clock = &*self.0.clock;
        let provider = member.id().clone();
        let single = delivery.message.with_only(content);
        let may_go_on = !is_last && delivery.on_unknown != OnUnknown::Stop;
        let limit = if may_go_on { left.min(self.0.policy.attempt_limit) } else { left };
        let id = if delivery.failed.is_empty() { delivery.outer.id } else { AttemptId::new(clock) };
        let attempt =
            Attempt::with_id(id).with_deadline(limit).with_departure(delivery.outer.departure.child());

        self.tell(FailoverEvent::AttemptStarted {
            attempt: id,
            provider: provider.clone(),
            trial: permit.is_trial(),
        });
        let (began, since) = (clock.elapsed(), clock.now());
        let result = timeout(clock, limit, member.provider.send_attempt(&single, &attempt))
            .await
            .unwrap_or_else(|| Err(out_of_time(&attempt)));
        let latency = clock.elapsed().saturating_sub(began);
        let failure = result.as_ref().err().map(|error| error.failure().clone());
        self.tell(FailoverEvent::AttemptEnded { attempt: id, provider: provider.clone(), failure, latency });
        self.learn(&provider, permit, verdict(&result, delivery.recipient));

        match result {
            Ok(receipt) => Next::Done(receipt.with_content_index(index)),
            Err(error) if error.acceptance() == Acceptance::Unknown => {
                delivery.fail(id, provider, error);
                let query = SentQuery::new(id, single, since);
                self.resolve(delivery, member, query, index).await
            }
            Err(error) => delivery.refused(id, provider, error),
        }
    }

    /// Does what is to be done when nobody knows whether `member` has the message.
    async fn resolve(
        &self,
        delivery: &mut Delivery<'_>,
        member: &Member,
        query: SentQuery,
        index: usize,
    ) -> Next {
        let mut otherwise = match delivery.on_unknown {
            OnUnknown::Stop => Otherwise::Stop,
            OnUnknown::FailOver => Otherwise::FailOver,
            OnUnknown::Reconcile { within, otherwise } => {
                match reconcile::find(&*member.provider, &query, within, &*self.0.clock).await {
                    SentLookup::Found(receipt) => {
                        self.tell_unknown(&query, member, Resolution::Found);
                        delivery.failed.pop();
                        return Next::Done(receipt.with_content_index(index));
                    }
                    SentLookup::Refused(failure) => {
                        self.tell_unknown(&query, member, Resolution::Refused);
                        delivery.failed.pop();
                        let refused = Error::from(*failure).with_acceptance(Acceptance::NotAccepted);
                        return delivery.refused(query.attempt, member.id().clone(), refused);
                    }
                    SentLookup::NotSeen | SentLookup::CannotTell => otherwise,
                }
            }
        };
        if !delivery.policy.fail_over {
            otherwise = Otherwise::Stop;
        }
        match otherwise {
            Otherwise::Stop => {
                self.tell_unknown(&query, member, Resolution::Stopped);
                Next::Stop
            }
            Otherwise::FailOver => {
                self.tell_unknown(&query, member, Resolution::FailedOver);
                Next::Member
            }
        }
    }

    /// Asks a member that was unwell for a sign of life before a message is risked on it.
    async fn probe(&self, member: &Member, permit: Permit) -> Result<Permit> {
        let clock = &*self.0.clock;
        let answer = timeout(clock, self.0.health.probe, member.provider.probe()).await;
        let error = match answer {
            Some(Ok(())) => None,
            // Where there is no probe, or this token may not probe, the message has to tell.
            Some(Err(error)) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::NotEntitled) => {
                None
            }
            Some(Err(error)) => Some(error),
            None => Some(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted)),
        };
        let provider = member.id().clone();
        let failure = error.as_ref().map(|error| error.failure().clone());
        self.tell(FailoverEvent::Probed { provider: provider.clone(), failure });
        match error {
            None => Ok(permit),
            Some(error) => {
                let verdict = match Verdict::of(error.kind(), 0) {
                    Verdict::Nothing => Verdict::Failed { cause: ErrorKind::Unavailable, recipient: 0 },
                    verdict => verdict,
                };
                self.learn(&provider, permit, verdict);
                // Whatever a probe asked for, no message was sent.
                Err(error.with_acceptance(Acceptance::NotAccepted))
            }
        }
    }

    fn plan(&self, message: &OutboundMessage, route: Route, policy: CategoryPolicy) -> (Plan, Option<Error>) {
        let mut refusal = None;
        let candidates: Vec<Candidate> = self
            .0
            .members
            .iter()
            .map(|member| {
                let refusals = message.contents().map(|content| {
                    let error = member.provider.check(&message.with_only(content)).err()?;
                    let kind = error.kind();
                    refusal.get_or_insert(error);
                    Some(kind)
                });
                Candidate::new(member.id().clone())
                    .with_refusals(refusals.collect())
                    .with_senders(member.provider.senders())
                    .with_standing(member.health.standing())
            })
            .collect();
        let request = PlanRequest {
            route,
            from: message.from.clone(),
            via: message.via.clone(),
            via_only: message.via_only,
            pin: None,
            single: !policy.fail_over,
        };
        (plan(&request, &candidates), refusal)
    }

    /// Asks the flag, within its limit; then what it said last; then the default.
    async fn route(&self, message: &OutboundMessage) -> Route {
        let context = RouteContext {
            sender: message.from.clone(),
            category: message.effective_category(),
            bucket: bucket(&self.0.rollout_key, &message.to),
        };
        let answer = timeout(&*self.0.clock, self.0.policy.flag_limit, self.0.route.route(&context)).await;
        let mut last = self.0.last_route.lock().unwrap_or_else(PoisonError::into_inner);
        let (route, origin) = match answer {
            Some(Some(route)) if self.knows(&route) => {
                *last = Some(route.clone());
                (route, RouteOrigin::Flag)
            }
            Some(Some(route)) => {
                self.tell(FailoverEvent::UnknownMember { route });
                (self.0.default_route.clone(), RouteOrigin::Default)
            }
            Some(None) => (self.0.default_route.clone(), RouteOrigin::Default),
            None => match last.clone() {
                Some(route) => (route, RouteOrigin::LastKnown),
                None => (self.0.default_route.clone(), RouteOrigin::Default),
            },
        };
        drop(last);
        self.tell(FailoverEvent::Routed { route: route.clone(), origin });
        route
    }

    fn knows(&self, route: &Route) -> bool {
        route.member().is_none_or(|id| self.0.members.iter().any(|member| member.id() == id))
    }

    fn learn(&self, provider: &ProviderId, permit: Permit, verdict: Verdict) {
        let change: Option<(HealthState, HealthState)> = permit.record(verdict);
        if let Some((from, to)) = change {
            self.tell(FailoverEvent::HealthChanged { provider: provider.clone(), from, to });
        }
    }

    fn tell(&self, event: FailoverEvent) {
        self.0.observer.observe(&event);
    }

    fn tell_unknown(&self, query: &SentQuery, member: &Member, resolution: Resolution) {
        self.tell(FailoverEvent::Unknown {
            attempt: query.attempt,
            provider: member.id().clone(),
            resolution,
        });
    }
}

impl Delivery<'_> {
    fn fail(&mut self, id: AttemptId, provider: ProviderId, error: Error) {
        if error.attempts().is_empty() {
            self.failed.push(AttemptReport::failed(id, provider, (&error).into()));
        } else {
            // The member is a failover itself: its attempts are the ones that were made.
            self.failed.extend_from_slice(error.attempts());
        }
        self.last = Some(error);
    }

    /// After an attempt that was certainly not accepted.
    fn refused(&mut self, id: AttemptId, provider: ProviderId, error: Error) -> Next {
        let kind = error.kind();
        let another_content = another_content_may_go(&error);
        let another_member =
            self.policy.goes_on_after(kind) || (self.policy.fail_over && error.failure().try_elsewhere);
        self.templates_only |= kind == ErrorKind::WindowClosed;
        self.fail(id, provider, error);
        if another_content {
            Next::Content
        } else if another_member {
            Next::Member
        } else {
            Next::Stop
        }
    }

    /// After the last content of a member.
    fn after_contents(&self) -> Next {
        let go_on = self.last.as_ref().is_none_or(|error| self.policy.goes_on_after(error.kind()));
        if go_on { Next::Member } else { Next::Stop }
    }

    /// The error of the whole send: what decided, with the worst acceptance and the shortest wait of all attempts.
    fn into_error(self, failover: &ProviderId) -> Error {
        let failures = || self.failed.iter().filter_map(|report| report.failure.as_ref());
        let worst = failures().map(|failure| failure.acceptance).max();
        let wait = failures().filter_map(|failure| failure.retry_after).min();
        let mut error = self.last.unwrap_or_else(|| {
            // Nothing was tried: the time was over, or every trial was out.
            Error::new(ErrorKind::Expired, Acceptance::NotAccepted).with_provider(failover.clone())
        });
        if let Some(worst) = worst {
            error = error.with_acceptance(worst);
        }
        if let Some(wait) = wait {
            error = error.with_retry_after(wait);
        }
        error.with_attempts(self.failed)
    }
}

/// Why nobody could be chosen: what the first member refused, if members refused; else that there is no route.
fn nobody(plan: &Plan, refusal: Option<Error>) -> Error {
    let refused = plan.skipped.iter().any(|skipped| matches!(skipped.reason, SkipReason::Refuses(_)));
    refusal.filter(|_| refused).unwrap_or_else(|| Error::new(ErrorKind::NoRoute, Acceptance::NotAccepted))
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
fn out_of_time(attempt: &Attempt) -> Error {
    if attempt.departure.revoke() {
        Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted)
    } else {
        Error::new(ErrorKind::NoAnswer, Acceptance::Unknown)
    }
}

/// Stands for a recipient within this process.
fn conversation(to: &Recipient) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(to)
}

/// Where a recipient stands in a rollout: the same on every machine and in every version of the crate.
fn bucket(key: &[u8], to: &Recipient) -> u16 {
    // The phone number if there is one, so that learning a user's id moves nobody.
    let name = match (to.phone(), to.user(), to.group()) {
        (Some(phone), _, _) => phone.to_e164(),
        (None, Some(user), _) => user.as_str().to_owned(),
        (None, None, Some(group)) => group.as_str().to_owned(),
        (None, None, None) => String::new(),
    };
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return 0;
    };
    mac.update(name.as_bytes());
    let digest = mac.finalize().into_bytes();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u16::try_from(number % 10_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::PhoneNumber;

    #[test]
    fn buckets_are_stable_spread_and_keyed() {
        let number =
            |n: u64| Recipient::from(PhoneNumber::from_digits(&(15_550_000_000 + n).to_string()).unwrap());
        assert_eq!(bucket(b"", &number(1)), bucket(b"", &number(1)));
        let buckets = |key: &[u8]| (0..10_000).map(|n| bucket(key, &number(n))).collect::<Vec<_>>();
        let plain = buckets(b"");
        let below = plain.iter().filter(|bucket| **bucket < 500).count();
        assert!((400..600).contains(&below), "{below} of 10,000 in the first 5 %");
        assert!(plain.iter().all(|bucket| *bucket < 10_000));
        let same = plain.iter().zip(buckets(b"key")).filter(|(a, b)| **a == *b).count();
        assert!(same < 20, "{same} the same under another key");
    }
}
