use std::future::Future;
use std::pin::pin;

use super::delivery::{Delivery, Next};
use super::health::{Permit, Verdict};
use super::observe::FailoverEvent;
use super::send::{GUARD, for_member};
use super::{FailoverProvider, Member};
use crate::clock::timeout;
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{Attempt, Content, SendReceipt};
use crate::provider::SentQuery;

impl FailoverProvider {
    /// Gives one content of the message to one member.
    pub(super) async fn attempt(
        &self,
        delivery: &mut Delivery<'_>,
        member: &Member,
        mut permit: Permit,
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

        let send = delivery.outer.id;
        self.tell(FailoverEvent::AttemptStarted {
            send,
            attempt: id,
            provider: provider.clone(),
            trial: permit.is_trial(),
        });
        let credentials = member.provider.credentials_version();
        let (began, since) = (clock.elapsed(), clock.now());
        let sending = watched(
            &attempt,
            || permit.departed(delivery.recipient),
            member.provider.send_attempt(&single, &attempt),
        );
        let result = timeout(clock, limit.saturating_add(GUARD), sending)
            .await
            .unwrap_or_else(|| Err(out_of_time(&attempt, &provider)));
        let refused = result.as_ref().is_err_and(|error| error.acceptance() == Acceptance::NotAccepted);
        if !refused {
            // Also where the provider keeps no mark: whoever asks from outside must not take silence for proof.
            let _ = attempt.departure.depart();
        }
        let latency = clock.elapsed().saturating_sub(began);
        let category = delivery.message.effective_category();
        self.tell(FailoverEvent::AttemptEnded {
            send,
            attempt: id,
            provider: provider.clone(),
            sender: result.as_ref().ok().and_then(|receipt| receipt.sender.clone()),
            category,
            reference: delivery.message.reference.clone(),
            failure: result.as_ref().err().map(|error| error.failure().without_words()),
            latency,
        });
        // A caller in a hurry says nothing about the member.
        let cut_short = result.is_err() && latency >= limit && limit < self.0.policy.attempt_limit;
        // Nor does a sender that the message names and the member does not: it may have left its pool.
        let senders = || member.provider.senders();
        let own_sender = delivery.message.from.as_ref().is_none_or(|from| senders().contains(from));
        let verdict = match verdict(&result, delivery.recipient) {
            Verdict::Blocked { cause: ErrorKind::AccountBlocked } if !own_sender => Verdict::Nothing,
            _ if cut_short => Verdict::Nothing,
            verdict => verdict,
        };
        self.changed(member, permit.record(verdict, credentials));
        if let Err(error) = &result {
            self.heed(member, error.failure(), delivery.recipient, Some(category));
        }

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
}

/// Watches an attempt wait: calls `departed` once the message has left, and marks the departure of an attempt whose
/// provider does not keep the mark, so that nobody outside can take the silence of the mark for proof.
async fn watched<T>(attempt: &Attempt, mut departed: impl FnMut(), send: impl Future<Output = T>) -> T {
    let mut send = pin!(send);
    let mut noticed = false;
    std::future::poll_fn(|cx| {
        let polled = send.as_mut().poll(cx);
        if polled.is_pending() {
            if !attempt.departure.is_kept() {
                let _ = attempt.departure.depart();
            }
            if !noticed && attempt.departure.departed() {
                noticed = true;
                departed();
            }
        }
        polled
    })
    .await
}

fn verdict(result: &Result<SendReceipt>, recipient: u64) -> Verdict {
    match result {
        // The rest of the answer was lost, so it is no sign of health, nor of the contrary.
        Ok(receipt) if receipt.message.is_none() => Verdict::Nothing,
        Ok(_) => Verdict::Well,
        Err(error) => Verdict::of_failure(error.failure(), recipient),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AttemptReport;
    use crate::ids::{MessageRef, SenderId};

    #[test]
    fn an_acceptance_whose_answer_was_lost_is_no_sign_of_health() {
        let report = AttemptReport::accepted(AttemptId::from_u128(1), ProviderId::META);
        let lost = SendReceipt::accepted(report);
        let message = MessageRef::new(SenderId::new(ProviderId::META, "1"), "wamid.1");
        let whole = lost.clone().with_message(message);
        assert_eq!(verdict(&Ok(lost), 1), Verdict::Nothing);
        assert_eq!(verdict(&Ok(whole), 1), Verdict::Well);
        let failed = Verdict::Failed { cause: ErrorKind::NoAnswer, recipient: 1 };
        assert_eq!(verdict(&Err(Error::new(ErrorKind::NoAnswer, Acceptance::Unknown)), 1), failed);
    }
}
