//! What is done when nobody knows whether a member has the message.

use std::time::Duration;

use super::delivery::{Delivery, Next};
use super::knowledge::seen_key;
use super::observe::{FailoverEvent, Resolution};
use super::{FailoverProvider, Member};
use crate::clock::timeout;
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{OnUnknown, Otherwise, SendReceipt};
use crate::provider::{SentLookup, SentQuery};

/// How long to wait before looking a second time. The wait doubles, to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl FailoverProvider {
    /// Does what is to be done when nobody knows whether `member` has the message. The reports from `before` on are of
    /// this attempt.
    pub(super) async fn resolve(
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
        let alone = delivery.ends_with(is_last);
        let mut otherwise = match delivery.on_unknown {
            OnUnknown::Stop => Otherwise::Stop,
            OnUnknown::FailOver => Otherwise::FailOver,
            OnUnknown::Reconcile { within, otherwise } => {
                let left = delivery.end.saturating_sub(self.0.clock.elapsed());
                // Half of the time that is left is for the next member.
                let most = if alone || otherwise == Otherwise::Stop { within } else { left / 2 };
                let within = within.min(most);
                match self.find(Some(member), &query, within).await {
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
        if alone {
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

    /// Looks for an attempt until it is found or refused, or the time is over: in the statuses that have come, to this
    /// machine or by the store to another, and at the member. Not to find it is no proof.
    ///
    /// A member that is there no longer cannot be asked; a status may tell all the same.
    pub(super) async fn find(
        &self,
        member: Option<&Member>,
        query: &SentQuery,
        within: Duration,
    ) -> SentLookup {
        let clock = &*self.0.clock;
        let end = clock.elapsed().saturating_add(within);
        let mut can_look = member.is_some();
        let mut wait = FIRST_WAIT;
        loop {
            if let Some(receipt) = self.seen(query.attempt, member.map(Member::id)).await {
                return SentLookup::Found(Box::new(receipt));
            }
            let left = end.saturating_sub(clock.elapsed());
            if let Some(member) = member.filter(|_| can_look) {
                match timeout(clock, left, member.provider.find_sent(query)).await {
                    Some(Ok(found @ (SentLookup::Found(_) | SentLookup::Refused(_)))) => return found,
                    // It has no way to look.
                    Some(Err(error)) if error.kind() == ErrorKind::Unsupported => can_look = false,
                    Some(Ok(SentLookup::NotSeen | SentLookup::CannotTell) | Err(_)) | None => {}
                }
            }
            let left = end.saturating_sub(clock.elapsed());
            if left.is_zero() {
                return SentLookup::NotSeen;
            }
            clock.sleep(wait.min(left)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// The receipt of an attempt of which a status has told.
    pub(super) async fn seen(&self, attempt: AttemptId, member: Option<&ProviderId>) -> Option<SendReceipt> {
        let key = seen_key(attempt);
        let found = self.0.knowledge.read(std::slice::from_ref(&key), self.0.policy.store_limit).await;
        let message = found.seen(&key)?.message.clone();
        let provider = member.unwrap_or(&message.sender.provider).clone();
        Some(SendReceipt::accepted(AttemptReport::accepted(attempt, provider)).with_message(message))
    }
}
