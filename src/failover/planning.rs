//! From a message, and what is known of everybody, to a plan.

use super::FailoverProvider;
use super::known::Known;
use super::plan::{Candidate, Plan, PlanRequest, SkipReason, plan};
use super::route::Route;
use super::send::for_member;
use crate::error::{Acceptance, Error, ErrorKind};
use crate::ids::AttemptId;
use crate::outbound::{Content, OutboundMessage};

impl FailoverProvider {
    /// Where a message would go at this moment, in which order, and why it would not go elsewhere. Nothing is sent. It asks
    /// the flag and the store as a send does, but not what became of the message's idempotency key, and
    /// does not end where [`max_attempts`](super::FailoverPolicy::max_attempts) does.
    ///
    /// ```
    /// # use whatsapp_provider::failover::FailoverProvider;
    /// # use whatsapp_provider::testing::{MemoryProvider, TestClock};
    /// # use whatsapp_provider::{OutboundMessage, PhoneNumber, ProviderId};
    /// # let clock = TestClock::new();
    /// # let whatsapp = FailoverProvider::builder()
    /// #     .primary(MemoryProvider::new(ProviderId::META))
    /// #     .fallback(MemoryProvider::new(ProviderId::TWILIO))
    /// #     .clock(std::sync::Arc::new(clock.clone()))
    /// #     .build()?;
    /// # clock.block_on(async {
    /// let message = OutboundMessage::text(PhoneNumber::parse("+15551234567")?, "Your table is ready");
    /// whatsapp.isolate(&ProviderId::META);
    /// let plan = whatsapp.explain(&message).await;
    /// assert_eq!(plan.steps[0].member, ProviderId::TWILIO);
    /// assert_eq!(plan.skipped[0].reason.to_string(), "isolated by hand");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn explain(&self, message: &OutboundMessage) -> Plan {
        let (route, _) = self.route(AttemptId::new(&*self.0.clock), message).await;
        let known = self.known(message).await;
        self.plan(message, route, Some(&known)).0
    }

    /// The plan for a message, and the error if it is empty: what the first member that was asked refused, else that
    /// there is nobody.
    ///
    /// Without `known` it asks only whom the message could be sent by, whoever is well.
    pub(super) fn plan(
        &self,
        message: &OutboundMessage,
        route: Route,
        known: Option<&Known>,
    ) -> (Plan, Error) {
        let category = message.effective_category();
        let policy = self.0.policy.category(category);
        let mut refusals: Vec<Error> = Vec::new();
        let mut candidates = Vec::new();
        for (index, member) in self.0.members.iter().enumerate() {
            let mut kinds = Vec::new();
            for content in message.contents() {
                let refusal = member.provider.check(&for_member(message, content)).err();
                kinds.push(refusal.as_ref().map(Error::kind));
                refusals.extend(refusal.map(|error| error.with_provider(member.id().clone())));
            }
            let mut candidate = Candidate::new(member.id().clone())
                .with_refusals(kinds)
                .with_senders(member.provider.senders());
            if let Some(known) = known {
                let of_member = known.members.get(index).cloned().unwrap_or_default();
                candidate = candidate
                    .with_standing(member.standing(of_member.blocked))
                    .with_window(of_member.window)
                    .with_may_have_it(of_member.may_have_it)
                    .with_throttled(member.health.paused(category));
            }
            candidates.push(candidate);
        }
        let request = PlanRequest {
            route,
            from: message.from.clone(),
            via: message.via.clone(),
            via_only: message.via_only,
            pin: known.and_then(|known| known.pin.clone()),
            single: !policy.fail_over,
            leaves_throttled: policy.fail_over_when_throttled,
            needs_window: message.contents().map(|content| needs_window(message, content)).collect(),
        };
        let plan = plan(&request, &candidates);
        let refusal = self.refusal(&plan, &candidates, refusals);
        (plan, refusal)
    }

    /// Why nobody is tried.
    fn refusal(&self, plan: &Plan, candidates: &[Candidate], refusals: Vec<Error>) -> Error {
        let refused = |kind| Error::new(kind, Acceptance::NotAccepted);
        for skipped in &plan.skipped {
            let of_member = |error: &Error| error.provider() == Some(&skipped.member);
            match skipped.reason {
                SkipReason::Throttled => {
                    let candidate = candidates.iter().find(|candidate| candidate.id == skipped.member);
                    let wait = candidate.and_then(|candidate| candidate.throttled).unwrap_or_default();
                    let error = refused(ErrorKind::Throttled).with_retry_after(wait);
                    return error.with_provider(skipped.member.clone());
                }
                SkipReason::Refuses(kind) => {
                    let said = refusals.into_iter().find(|error| of_member(error) && error.kind() == kind);
                    return said.unwrap_or_else(|| refused(kind).with_provider(skipped.member.clone()));
                }
                _ => {}
            }
        }
        refused(ErrorKind::NoRoute).with_provider(self.0.id.clone())
    }
}

/// Whether a content may only go within an open window. Nobody can tell of what the crate does not read.
fn needs_window(message: &OutboundMessage, content: &Content) -> bool {
    !message.opens_conversation_with(content) && !matches!(content, Content::Raw(_))
}
