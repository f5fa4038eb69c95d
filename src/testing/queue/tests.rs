use super::*;
use futures_util::FutureExt;

use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::inbound::{DeliveryState, EventId, Unrecognized};
use crate::testing::{EventMaker, TestClock};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const JUST: Duration = Duration::from_nanos(1);

const ANN: &str = "+15550000001";
const BOB: &str = "+15550000002";

struct Lab {
    clock: TestClock,
    queue: MemoryQueue,
    maker: EventMaker,
}

impl Lab {
    fn new() -> Self {
        let clock = TestClock::new();
        let queue = MemoryQueue::new(Arc::new(clock.clone()));
        Self { clock, queue, maker: EventMaker::meta() }
    }

    /// A queue with a message of each of these users.
    fn with(users: &[&str]) -> Self {
        let mut lab = Self::new();
        let events: Vec<_> = users.iter().map(|user| lab.maker.text(user, "hi")).collect();
        lab.accept(&events);
        lab
    }

    fn accept(&self, events: &[InboundEvent]) {
        self.run(self.queue.accept(events)).unwrap();
    }

    fn run<F: Future>(&self, future: F) -> F::Output {
        self.clock.block_on(future)
    }

    fn claim(&self, most: usize) -> Vec<Claim> {
        self.run(self.queue.claim(most, MINUTE)).unwrap()
    }

    fn one(&self) -> Claim {
        self.claim(1).pop().unwrap()
    }

    fn fail(&self, claim: &Claim, then: Then) -> bool {
        self.run(self.queue.fail(claim, then)).unwrap()
    }

    fn complete(&self, claim: &Claim) -> bool {
        self.run(self.queue.complete(claim)).unwrap()
    }
}

fn ids(claims: &[Claim]) -> Vec<i64> {
    claims.iter().map(|claim| claim.row).collect()
}

#[test]
fn an_event_is_taken_once_and_one_without_an_id_every_time() {
    let mut lab = Lab::new();
    let (first, second) = (lab.maker.text(ANN, "1"), lab.maker.text(ANN, "2"));
    lab.accept(&[first.clone(), first.clone(), second.clone()]);
    lab.accept(&[second, first.clone()]);
    assert_eq!(lab.queue.rows().len(), 2);
    let elsewhere = EventMaker::twilio().event(first.id().clone(), first.kind().clone());
    lab.accept(&[elsewhere]);
    assert_eq!(lab.queue.rows().len(), 3, "another provider's ids are other ids");
    let notice = lab.maker.event(EventId::new(["x", "1"]), Unrecognized::new("?", "{}"));
    lab.accept(&vec![notice; 1000]);
    assert_eq!(lab.queue.rows().len(), 1003);
    assert_eq!(lab.run(lab.queue.counts()).unwrap().total(), 1003);
}

#[test]
fn rows_of_one_conversation_are_claimed_one_at_a_time_and_in_order() {
    let lab = Lab::with(&[ANN, ANN, BOB, ANN, BOB]);
    assert_eq!(lab.claim(0), []);
    let claims = lab.claim(10);
    assert_eq!(ids(&claims), [1, 3]);
    assert_eq!(lab.claim(10), []);
    assert!(lab.complete(&claims[0]));
    assert_eq!(ids(&lab.claim(10)), [2]);
    lab.fail(&claims[1], Then::retry(MINUTE, "later"));
    assert_eq!(lab.claim(10), [], "the row behind one that rests waits for it");
}

#[test]
fn a_status_does_not_wait_behind_a_message_of_its_user() {
    let lab = Lab::with(&[ANN]);
    let message = MessageRef::new(SenderId::new(ProviderId::META, "106540352242922"), "sent");
    lab.accept(&[
        lab.maker.status(&message, DeliveryState::Sent),
        lab.maker.status(&message, DeliveryState::Read),
    ]);
    assert_eq!(
        ids(&lab.claim(10)),
        [1, 2],
        "the second status waits for the first one, which waits for nobody"
    );
}

#[test]
fn a_claim_holds_until_its_lease_ends_and_not_longer() {
    let lab = Lab::with(&[ANN]);
    let first = lab.one();
    lab.clock.advance(MINUTE - JUST);
    assert_eq!(lab.claim(1), []);
    assert!(lab.run(lab.queue.extend(&first, MINUTE)).unwrap());
    lab.clock.advance(MINUTE);
    assert!(!lab.run(lab.queue.extend(&first, MINUTE)).unwrap());
    assert!(!lab.complete(&first));
    let second = lab.one();
    assert_eq!((second.row, second.attempts), (1, 2));
    assert!(!lab.complete(&first), "whoever lost it changes nothing");
    assert!(!lab.fail(&first, Then::dead("no")));
    assert!(lab.complete(&second));
    assert!(!lab.complete(&second), "it has ended");
    assert_eq!(lab.queue.rows()[0].status, RowStatus::Done);
}

#[test]
fn what_is_not_done_rests_or_goes_back_or_is_parked() {
    let lab = Lab::with(&[ANN]);
    assert!(lab.fail(&lab.one(), Then::retry(MINUTE, "later")));
    let row = lab.queue.rows().remove(0);
    assert_eq!((row.status, row.attempts, row.reason.as_deref()), (RowStatus::Pending, 1, Some("later")));
    lab.clock.advance(MINUTE - JUST);
    assert_eq!(lab.claim(1), []);
    lab.clock.advance(JUST);
    assert!(lab.fail(&lab.one(), Then::Release));
    assert_eq!(lab.queue.rows()[0].attempts, 1);
    assert!(lab.fail(&lab.one(), Then::review("look")));
    let row = lab.queue.rows().remove(0);
    assert_eq!((row.status, row.attempts, row.reason.as_deref()), (RowStatus::Review, 2, Some("look")));
    assert_eq!(lab.claim(1), []);
}

#[test]
fn parked_rows_come_in_pages_and_can_be_driven_again() {
    let lab = Lab::with(&[ANN, ANN, BOB, BOB]);
    for then in [Then::review("a"), Then::dead("b")] {
        let claims = lab.claim(2);
        assert!(claims.iter().all(|claim| lab.fail(claim, then.clone())));
    }
    let page = |after, most| {
        let rows = lab.run(lab.queue.parked(after, most)).unwrap();
        rows.into_iter().map(|row| (row.row, row.status, row.reason.unwrap())).collect::<Vec<_>>()
    };
    let (review, dead) = (RowStatus::Review, RowStatus::Dead);
    assert_eq!(page(0, 3), [(1, review, "a".into()), (2, dead, "b".into()), (3, review, "a".into())]);
    assert_eq!(page(3, 3), [(4, dead, "b".into())]);
    assert_eq!(lab.run(lab.queue.redrive(&[1, 2, 2, 99])).unwrap(), 2);
    assert_eq!(page(0, 9).len(), 2);
    let claim = lab.one();
    assert_eq!((claim.row, claim.attempts), (1, 1), "as if it had never been tried");
    assert_eq!(lab.queue.rows()[0].reason, None);
}

#[test]
fn done_rows_are_blanked_and_then_forgotten_with_their_ids() {
    let mut lab = Lab::new();
    let event = lab.maker.text(ANN, "hi");
    lab.accept(std::slice::from_ref(&event));
    assert!(lab.complete(&lab.one()));
    lab.clock.advance(DAY);
    assert_eq!(lab.run(lab.queue.erase(DAY)).unwrap(), 0);
    lab.clock.advance(JUST);
    assert_eq!(lab.run(lab.queue.erase(DAY)).unwrap(), 1);
    assert_eq!(lab.run(lab.queue.erase(DAY)).unwrap(), 0);
    let row = lab.queue.rows().remove(0);
    assert_eq!((row.payload.as_str(), row.conversation.as_str()), ("", ""));
    lab.clock.advance(7 * DAY - JUST);
    assert_eq!(lab.run(lab.queue.purge(Retention::MIN)).unwrap(), 0);
    lab.accept(std::slice::from_ref(&event));
    assert_eq!(lab.queue.rows().len(), 1, "it is still known");
    lab.clock.advance(JUST);
    assert_eq!(lab.run(lab.queue.purge(Retention::MIN)).unwrap(), 1);
    lab.accept(&[event]);
    assert_eq!(lab.queue.rows().len(), 1);
}

#[test]
fn discarded_rows_are_done_from_then_on() {
    let lab = Lab::with(&[ANN, BOB]);
    let claims = lab.claim(2);
    assert!(lab.fail(&claims[0], Then::dead("gone")));
    lab.clock.advance(DAY);
    assert_eq!(lab.run(lab.queue.discard(&[1, 1, 2, 99])).unwrap(), 1);
    let row = lab.queue.rows().remove(0);
    assert_eq!((row.status, row.reason), (RowStatus::Done, None));
    assert_eq!(lab.queue.rows()[1].status, RowStatus::Processing, "only what is parked");
    lab.clock.advance(DAY);
    assert_eq!(lab.run(lab.queue.erase(DAY)).unwrap(), 0);
    lab.clock.advance(JUST);
    assert_eq!(lab.run(lab.queue.erase(DAY)).unwrap(), 1);
    assert_eq!(lab.run(lab.queue.redrive(&[1])).unwrap(), 0, "what is done is done");
}

#[test]
fn who_listens_is_told_of_new_rows_and_of_nothing_else() {
    let mut lab = Lab::with(&[ANN]);
    let mut listener = lab.run(lab.queue.listen()).unwrap();
    let mut heard = || listener.next().now_or_never();
    assert!(heard().is_none());
    let (event, other) = (lab.maker.text(ANN, "hi"), lab.maker.text(ANN, "hi"));
    lab.accept(std::slice::from_ref(&event));
    lab.accept(&[other]);
    assert!(matches!(heard(), Some(Ok(()))));
    assert!(heard().is_none());
    lab.accept(&[event]);
    lab.accept(&[]);
    lab.one();
    assert!(heard().is_none());
    lab.queue.set_unavailable(true);
    assert!(matches!(heard(), Some(Err(_))));
}

#[test]
fn an_unavailable_queue_does_nothing_at_all() {
    let mut lab = Lab::with(&[ANN]);
    let claim = lab.one();
    let before = lab.queue.rows();
    lab.queue.set_unavailable(true);
    let event = lab.maker.text(ANN, "hi");
    assert!(matches!(lab.run(lab.queue.accept(&[event])), Err(SinkError::Unavailable { .. })));
    assert!(lab.run(lab.queue.claim(1, MINUTE)).is_err());
    assert!(lab.run(lab.queue.extend(&claim, MINUTE)).is_err());
    assert!(lab.run(lab.queue.complete(&claim)).is_err());
    assert!(lab.run(lab.queue.fail(&claim, Then::Release)).is_err());
    assert!(lab.run(lab.queue.counts()).is_err());
    assert!(lab.run(lab.queue.parked(0, 1)).is_err());
    assert!(lab.run(lab.queue.redrive(&[1])).is_err());
    assert!(lab.run(lab.queue.discard(&[1])).is_err());
    assert!(lab.run(lab.queue.erase(DAY)).is_err());
    assert!(lab.run(lab.queue.purge(Retention::MIN)).is_err());
    assert!(lab.run(lab.queue.listen()).is_err());
    assert_eq!(lab.queue.rows(), before);
    lab.queue.set_unavailable(false);
    assert!(lab.complete(&claim));
}

#[test]
fn debug_names_nobody() {
    let lab = Lab::with(&[ANN]);
    let shown = format!("{:?} {:?} {:?}", lab.queue, lab.queue.rows(), lab.one());
    assert!(shown.starts_with("MemoryQueue(1 rows) [QueuedRow { row: 1, status: Pending, kind: \"message\""));
    assert!(!shown.contains("5550000001") && !shown.contains("hi"), "{shown}");
}
