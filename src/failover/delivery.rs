use std::time::Duration;

use super::claim::Claim;
use super::plan::Window;
use super::policy::CategoryPolicy;
use super::record::Try;
use super::routing::stands_for;
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind, Hint};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{Attempt, Content, OnUnknown, Otherwise, OutboundMessage, SendReceipt};
use crate::provider::another_content_may_go;

/// One message on its way through the members.
pub(super) struct Delivery<'a> {
    pub(super) message: &'a OutboundMessage,
    /// The attempt that the caller gave: its id goes to the first try, its mark is marked by every try.
    pub(super) outer: &'a Attempt,
    pub(super) policy: CategoryPolicy,
    pub(super) on_unknown: OnUnknown,
    /// When no new attempt begins any more, by the clock's elapsed time.
    pub(super) end: Duration,
    pub(super) recipient: u64,
    /// How many attempts were made, and at how many members.
    pub(super) attempts: usize,
    pub(super) members: usize,
    pub(super) failed: Vec<AttemptReport>,
    pub(super) last: Option<Error>,
    /// The members that said that the window is closed. What needs one then only goes where one is known to be open.
    closed_at: Vec<ProviderId>,
    /// The member whose attempt decided, and whether it stood in for another one.
    pub(super) member: Option<ProviderId>,
    pub(super) stood_in: bool,
    /// The claim on the message's idempotency key, if there is one and a store for it.
    pub(super) claim: Option<Claim>,
    worst: Acceptance,
}

/// What to do after an attempt.
pub(super) enum Next {
    /// It was accepted.
    Done(Box<SendReceipt>),
    /// It was accepted when another call sent it, and that is written down already.
    Repeated(Box<SendReceipt>),
    /// Try the next content at the same member.
    Content,
    /// Try the next member.
    Member,
    /// The send is over.
    Stop,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(
        message: &'a OutboundMessage,
        outer: &'a Attempt,
        policy: CategoryPolicy,
        on_unknown: OnUnknown,
        end: Duration,
    ) -> Self {
        Self {
            message,
            outer,
            policy,
            on_unknown,
            end,
            recipient: stands_for(&message.to),
            attempts: 0,
            members: 0,
            failed: Vec::new(),
            last: None,
            closed_at: Vec::new(),
            member: None,
            stood_in: false,
            claim: None,
            worst: Acceptance::NotAccepted,
        }
    }

    /// Whether a content may be given to a member whose window with the user is as it is.
    pub(super) fn may_go(&self, content: &Content, member: &ProviderId, window: Window) -> bool {
        let known_open = window == Window::Open && !self.closed_at.contains(member);
        self.closed_at.is_empty() || self.message.opens_conversation_with(content) || known_open
    }

    /// Whether nobody may be tried after this member.
    pub(super) fn ends_with(&self, is_last: bool) -> bool {
        is_last || !self.policy.fail_over
    }

    /// How long an attempt may take of the time that is left. It is cut short, to `usual`, only where another member may
    /// follow an unknown outcome; where the message would only be looked for, it leaves time for that, but takes `usual` at
    /// least. To give up early for nothing would only make outcomes unknown.
    pub(super) fn limit(&self, left: Duration, usual: Duration, is_last: bool) -> Duration {
        let alone = self.ends_with(is_last);
        let limit = match self.on_unknown {
            OnUnknown::Stop => left,
            OnUnknown::Reconcile { within, otherwise } if alone || otherwise == Otherwise::Stop => {
                left.saturating_sub(within).max(usual)
            }
            OnUnknown::FailOver | OnUnknown::Reconcile { .. } if alone => left,
            OnUnknown::FailOver | OnUnknown::Reconcile { .. } => usual,
        };
        limit.min(left)
    }

    /// Takes a failed attempt down. Answers with the attempt whose outcome is unknown, if one is.
    pub(super) fn fail(&mut self, id: AttemptId, provider: ProviderId, error: Error) -> AttemptId {
        let unknown = |report: &&AttemptReport| {
            report.failure.as_ref().is_some_and(|failure| failure.acceptance == Acceptance::Unknown)
        };
        let asked = error.attempts().iter().rev().find(unknown).map_or(id, |report| report.id);
        if let Some(claim) = &mut self.claim {
            match error.acceptance() {
                Acceptance::NotAccepted => claim.refused(),
                Acceptance::Unknown => {
                    claim.unknown(asked, error.attempts().iter().filter(unknown).count() > 1);
                }
            }
        }
        if error.attempts().is_empty() {
            self.failed.push(AttemptReport::failed(id, provider, (&error).into()));
        } else {
            // The member is a failover itself: its attempts are the ones that were made.
            self.failed.extend_from_slice(error.attempts());
        }
        self.stop(error);
        asked
    }

    /// Takes down what earlier calls have tried: nobody knows what became of it.
    pub(super) fn inherit(&mut self, tries: &[Try]) {
        self.failed.extend(tries.iter().map(Try::report));
        let last = self.failed.last().and_then(|report| report.failure.clone());
        if let Some(failure) = last {
            self.stop(failure.into());
        }
    }

    /// Takes down why the send ends, if nothing else decides.
    pub(super) fn stop(&mut self, error: Error) {
        self.worst = self.worst.max(error.acceptance());
        self.last = Some(error);
    }

    /// Takes back what was taken down from `before` on: it is known now.
    pub(super) fn forget(&mut self, before: usize) {
        self.failed.truncate(before);
        let failures = self.failed.iter().filter_map(|report| report.failure.as_ref());
        self.worst = failures.map(|failure| failure.acceptance).max().unwrap_or(Acceptance::NotAccepted);
    }

    /// After an attempt that was certainly not accepted.
    pub(super) fn refused(&mut self, id: AttemptId, provider: ProviderId, error: Error) -> Next {
        let kind = error.kind();
        let another_content = another_content_may_go(&error);
        let hinted = self.policy.fail_over && error.failure().hint == Some(Hint::TryElsewhere);
        let another_member = self.policy.goes_on_after(kind) || hinted;
        if kind == ErrorKind::WindowClosed {
            self.closed_at.push(provider.clone());
        }
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
    pub(super) fn after_contents(&self) -> Next {
        let go_on = self.last.as_ref().is_none_or(|error| self.policy.goes_on_after(error.kind()));
        if go_on { Next::Member } else { Next::Stop }
    }

    /// The error of the whole send: what decided, with the worst acceptance and the shortest wait of all attempts.
    pub(super) fn into_error(self, failover: &ProviderId) -> Error {
        let failures = self.failed.iter().filter_map(|report| report.failure.as_ref());
        let own = self.last.as_ref().and_then(Error::retry_after);
        let wait = failures.filter_map(|failure| failure.retry_after).chain(own).min();
        let mut error = self.last.unwrap_or_else(|| {
            // Nothing was tried: the time was over.
            Error::new(ErrorKind::Expired, Acceptance::NotAccepted).with_provider(failover.clone())
        });
        if let Some(wait) = wait {
            error = error.with_retry_after(wait);
        }
        error.with_acceptance(self.worst).with_attempts(self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::PhoneNumber;

    #[test]
    fn an_attempt_is_cut_short_only_where_another_member_may_follow_an_unknown_outcome() {
        let seconds = Duration::from_secs;
        let reconcile = |otherwise| OnUnknown::reconcile(seconds(20), otherwise);
        let message = OutboundMessage::text(PhoneNumber::parse("+15551234567").unwrap(), "hi");
        let outer = Attempt::with_id(AttemptId::from_u128(1));
        let category = crate::failover::FailoverPolicy::default().category(crate::Category::Service);
        // By whether it is the last member, and whether the category fails over: 45 s are left, and 10 s are usual.
        for (on_unknown, first, last, no_failover) in [
            (OnUnknown::Stop, 45, 45, 45),
            (OnUnknown::FailOver, 10, 45, 45),
            (reconcile(Otherwise::Stop), 25, 25, 25),
            (reconcile(Otherwise::FailOver), 10, 25, 25),
        ] {
            for (fail_over, is_last, expected) in [
                (true, false, first),
                (true, true, last),
                (false, false, no_failover),
                (false, true, no_failover),
            ] {
                let policy = category.with_fail_over(fail_over);
                let delivery = Delivery::new(&message, &outer, policy, on_unknown, seconds(45));
                let limit = |left| delivery.limit(seconds(left), seconds(10), is_last);
                assert_eq!(limit(45), seconds(expected), "{on_unknown:?}, {fail_over}, {is_last}");
                assert_eq!(limit(5), seconds(5), "never more than is left");
            }
        }
        let searching = Delivery::new(&message, &outer, category, reconcile(Otherwise::Stop), seconds(45));
        assert_eq!(searching.limit(seconds(22), seconds(10), false), seconds(10), "the usual time at least");
    }
}
