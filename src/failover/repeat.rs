//! What a call of `send` does about others with the same idempotency key.

use std::sync::Arc;
use std::time::Duration;

use super::FailoverProvider;
use super::claim::{self, Claim, Put};
use super::delivery::{Delivery, Next};
use super::observe::{FailoverEvent, Resolution};
use super::record::{Outcome, State, Try};
use super::send::{GUARD, for_member};
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{OnUnknown, Otherwise, OutboundMessage, SendReceipt};
use crate::provider::{SentLookup, SentQuery};
use crate::state::StateError;

/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// The shortest time after which it is worth while to ask again.
const AGAIN: Duration = Duration::from_secs(1);

impl FailoverProvider {
    /// The claim for a message, if it has a key and there is a store.
    pub(super) fn claim_for(&self, message: &OutboundMessage) -> Option<Claim> {
        let (store, key) = (self.0.store.as_ref()?, message.idempotency_key.as_deref()?);
        let times = (self.0.policy.store_limit, self.0.policy.remember);
        Some(Claim::new(Arc::clone(store), Arc::clone(&self.0.clock), times, key))
    }

    /// Finds out what earlier calls have done, before anything is planned. `None` means that the message may go.
    ///
    /// What it says is compared with no content on purpose: a handler that runs again may word its answer anew, and the
    /// first answer counts.
    pub(super) async fn look_back(&self, delivery: &mut Delivery<'_>) -> Option<Next> {
        let claim = delivery.claim.as_mut()?;
        // From here on silence is no proof that nobody has the message: an earlier call may have sent it.
        let _ = delivery.outer.departure.depart();
        let state = match claim.read().await {
            Ok(state) => state?,
            Err(source) => return Some(self.store_failed(delivery, Acceptance::Unknown, source)),
        };
        match state {
            State::Sent { receipt } => Some(self.repeated(delivery, receipt)),
            State::Open { until, tries } if self.0.clock.now() < until => {
                // It may be at it still, or dead. A status is proof in either case.
                Some(match self.seen_among(&tries).await {
                    Some((_, receipt)) => self.repeated(delivery, Box::new(receipt)),
                    None => self.duplicate(delivery, until.since(self.0.clock.now())),
                })
            }
            State::Open { tries, .. } | State::Unknown { tries } => self.reconsider(delivery, tries).await,
        }
    }

    /// Decides by `OnUnknown` what to do about the tries of earlier calls.
    async fn reconsider(&self, delivery: &mut Delivery<'_>, mut tries: Vec<Try>) -> Option<Next> {
        tries.retain(|earlier| earlier.outcome != Outcome::Refused);
        // A status is proof whatever the policy is about what is not known.
        if let Some((earlier, receipt)) = self.seen_among(&tries).await {
            return Some(self.found(delivery, earlier, receipt).await);
        }
        let tell = |earlier: &Try, resolution| {
            let provider = earlier.member.clone();
            self.tell(FailoverEvent::Unknown { attempt: earlier.attempt, provider, resolution });
        };
        let mut otherwise = match delivery.on_unknown {
            OnUnknown::Stop => Otherwise::Stop,
            OnUnknown::FailOver => Otherwise::FailOver,
            OnUnknown::Reconcile { within, otherwise } => {
                let each = within / u32::try_from(tries.len().max(1)).unwrap_or(u32::MAX);
                for earlier in tries.clone() {
                    match self.look_for(delivery.message, &earlier, each).await {
                        SentLookup::Found(receipt) => {
                            let receipt = receipt.with_content_index(earlier.content);
                            let receipt = receipt.after(others(&tries, &earlier));
                            return Some(self.found(delivery, &earlier, receipt).await);
                        }
                        // A member that made several attempts of its own refused one of them, which decides nothing.
                        SentLookup::Refused(_) if !earlier.several => {
                            tries.retain(|other| other.attempt != earlier.attempt);
                            tell(&earlier, Resolution::Refused);
                        }
                        _ => {}
                    }
                }
                otherwise
            }
        };
        if tries.is_empty() {
            return None;
        }
        if !delivery.policy.fail_over {
            otherwise = Otherwise::Stop;
        }
        delivery.inherit(&tries);
        if let Some(claim) = &mut delivery.claim {
            claim.inherit(tries.clone());
        }
        let (resolution, next) = match otherwise {
            Otherwise::Stop => (Resolution::Stopped, Some(Next::Stop)),
            Otherwise::FailOver => (Resolution::FailedOver, None),
        };
        tries.iter().for_each(|earlier| tell(earlier, resolution));
        next
    }

    /// The first of these tries that a status tells of, with its receipt.
    async fn seen_among<'t>(&self, tries: &'t [Try]) -> Option<(&'t Try, SendReceipt)> {
        for earlier in tries.iter().filter(|earlier| earlier.outcome != Outcome::Refused) {
            if let Some(receipt) = self.seen(earlier.attempt, Some(&earlier.member)).await {
                let receipt = receipt.with_content_index(earlier.content).after(others(tries, earlier));
                return Some((earlier, receipt));
            }
        }
        None
    }

    /// Takes down that an earlier call's try was accepted.
    async fn found(&self, delivery: &mut Delivery<'_>, earlier: &Try, receipt: SendReceipt) -> Next {
        let (attempt, provider) = (earlier.attempt, earlier.member.clone());
        self.tell(FailoverEvent::Unknown { attempt, provider, resolution: Resolution::Found });
        if let Some(claim) = &mut delivery.claim {
            claim.sent(&receipt).await;
        }
        self.repeated(delivery, Box::new(receipt))
    }

    async fn look_for(&self, message: &OutboundMessage, earlier: &Try, within: Duration) -> SentLookup {
        let member = self.member(&earlier.member);
        let content = message.contents().nth(earlier.content).unwrap_or(&message.content);
        let query = SentQuery::new(earlier.attempt, for_member(message, content), earlier.began);
        self.find(member, &query, within).await
    }

    /// Claims the attempt that is about to begin. `None` means that it may, or that nobody asked for a claim.
    pub(super) async fn claim(
        &self,
        delivery: &mut Delivery<'_>,
        member: &ProviderId,
        attempt: AttemptId,
        content: usize,
    ) -> Option<Next> {
        let claim = delivery.claim.as_mut()?;
        let clock = &*self.0.clock;
        let looking = match delivery.on_unknown {
            OnUnknown::Reconcile { within, .. } => within,
            OnUnknown::Stop | OnUnknown::FailOver => Duration::ZERO,
        };
        // The outcome must be written by then, too, and the store may have to be asked twice.
        let writing = self.0.policy.store_limit.saturating_mul(2);
        let busy = [GUARD, looking, writing, SKEW]
            .into_iter()
            .fold(delivery.end.saturating_sub(clock.elapsed()), Duration::saturating_add);
        let next = Try::new(member.clone(), attempt, clock.now(), content);
        match claim.open(next, busy).await {
            Put::Held => None,
            // What was there before says that nobody has it, so far.
            Put::Unwritten(source) => Some(self.store_failed(delivery, Acceptance::NotAccepted, source)),
            // Somebody was faster, or took over because this call's time was over.
            Put::Taken(current) => {
                let _ = delivery.outer.departure.depart();
                Some(match current.as_ref().and_then(|current| claim::read(current).ok()) {
                    Some(State::Sent { receipt }) => self.repeated(delivery, receipt),
                    Some(State::Open { until, .. }) => self.duplicate(delivery, until.since(clock.now())),
                    Some(State::Unknown { .. }) | None => self.duplicate(delivery, AGAIN),
                })
            }
        }
    }

    /// Writes how the call has ended: the claim does not stay open.
    pub(super) async fn conclude(&self, delivery: &mut Delivery<'_>, accepted: Option<&SendReceipt>) {
        let Some(claim) = &mut delivery.claim else { return };
        match accepted {
            Some(receipt) => claim.sent(receipt).await,
            None => claim.settle().await,
        }
    }

    fn repeated(&self, delivery: &Delivery<'_>, receipt: Box<SendReceipt>) -> Next {
        self.tell(FailoverEvent::Repeated { send: delivery.outer.id, provider: receipt.provider.clone() });
        Next::Repeated(receipt)
    }

    fn duplicate(&self, delivery: &mut Delivery<'_>, wait: Duration) -> Next {
        let error = Error::new(ErrorKind::Duplicate, Acceptance::Unknown).with_retry_after(wait.max(AGAIN));
        self.not_claimed(delivery, error)
    }

    fn store_failed(&self, delivery: &mut Delivery<'_>, acceptance: Acceptance, source: StateError) -> Next {
        let error = Error::new(ErrorKind::StoreUnavailable, acceptance).with_source(source);
        self.not_claimed(delivery, error)
    }

    fn not_claimed(&self, delivery: &mut Delivery<'_>, error: Error) -> Next {
        self.tell(FailoverEvent::NotClaimed { send: delivery.outer.id, kind: error.kind() });
        delivery.stop(error.with_provider(self.0.id.clone()));
        Next::Stop
    }
}

/// The tries beside the one that was found, which may arrive as well.
fn others(tries: &[Try], found: &Try) -> Vec<AttemptReport> {
    let others = tries.iter().filter(|other| other.attempt != found.attempt);
    others.filter(|other| other.outcome != Outcome::Refused).map(Try::report).collect()
}
