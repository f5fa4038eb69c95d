//! A ledger that fails, or does not answer, and one that hears more in between.

use std::sync::Mutex;

use async_trait::async_trait;
use whatsapp_provider::WhatsAppProvider;
use whatsapp_provider::ledger::{
    EntryId, LedgerError, NotResent, Resend, ResendOutcome, Tracked, TrackedEvent,
};
use whatsapp_provider::testing::MemoryProvider;

use super::resend::{failed, pair, reason, sent};
use super::*;

in_both! {
    what_was_not_taken_down_is_told,
    a_resend_that_was_not_written_is_told_and_not_repeated,
    why_a_claim_was_refused_is_told,
    nothing_is_tried_after_the_claim_has_taken_all_the_time,
}

/// What happens instead of a call of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Fails(&'static str),
    Hangs(&'static str),
    /// This message arrives just before somebody claims it.
    Arrives(u32),
    /// To claim takes this long.
    Takes(Duration),
}

#[derive(Debug, Clone)]
struct Troubled {
    ledger: Arc<dyn Ledger>,
    trouble: Arc<Mutex<Trouble>>,
    clock: TestClock,
}

impl Troubled {
    fn new(world: &World) -> Self {
        let trouble = Arc::new(Mutex::new(Trouble::None));
        Self { ledger: Arc::clone(&world.ledger), trouble, clock: world.clock.clone() }
    }

    fn next(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    async fn suffer(&self, call: &str) -> Result<(), LedgerError> {
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Trouble::Fails(name) if name == call => Err(LedgerError::new("scripted")),
            Trouble::Hangs(name) if name == call => std::future::pending().await,
            Trouble::Arrives(number) if call == "claim_resend" => {
                self.ledger.advance(&status(number, DeliveryState::Delivered)).await.map(|_| ())
            }
            Trouble::Takes(time) if call == "claim_resend" => {
                self.clock.advance(time);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Ledger for Troubled {
    async fn record(&self, message: &OutboundMessage) -> Result<EntryId, LedgerError> {
        self.suffer("record").await?;
        self.ledger.record(message).await
    }

    async fn accept(&self, id: EntryId, receipt: &SendReceipt) -> Result<Option<LedgerEntry>, LedgerError> {
        self.suffer("accept").await?;
        self.ledger.accept(id, receipt).await
    }

    async fn fail(&self, id: EntryId, error: &Error) -> Result<Option<LedgerEntry>, LedgerError> {
        self.suffer("fail").await?;
        self.ledger.fail(id, error).await
    }

    async fn advance(&self, event: &InboundEvent) -> Result<Option<LedgerEntry>, LedgerError> {
        self.ledger.advance(event).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<LedgerEntry>, LedgerError> {
        self.ledger.entry(id).await
    }

    async fn by_message(&self, message: &MessageRef) -> Result<Option<LedgerEntry>, LedgerError> {
        self.ledger.by_message(message).await
    }

    async fn by_attempt(&self, attempt: AttemptId) -> Result<Option<LedgerEntry>, LedgerError> {
        self.ledger.by_attempt(attempt).await
    }

    async fn by_reference(
        &self,
        reference: &str,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        self.ledger.by_reference(reference, after, most).await
    }

    async fn undelivered(
        &self,
        older_than: Duration,
        category: Option<Category>,
        after: Option<EntryId>,
        most: usize,
    ) -> Result<Vec<LedgerEntry>, LedgerError> {
        self.ledger.undelivered(older_than, category, after, most).await
    }

    async fn counts(&self) -> Result<Vec<(EntryState, u64)>, LedgerError> {
        self.ledger.counts().await
    }

    async fn claim_resend(
        &self,
        id: EntryId,
        message: &OutboundMessage,
    ) -> Result<Option<EntryId>, LedgerError> {
        self.suffer("claim_resend").await?;
        self.ledger.claim_resend(id, message).await
    }

    async fn erase(&self, age: Duration) -> Result<u64, LedgerError> {
        self.ledger.erase(age).await
    }

    async fn purge(&self, age: Duration) -> Result<u64, LedgerError> {
        self.ledger.purge(age).await
    }
}

async fn what_was_not_taken_down_is_told(world: &World) {
    let (meta, ledger) = (MemoryProvider::new(ProviderId::META), Troubled::new(world));
    let told = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let told = Arc::clone(&told);
        move |event: &TrackedEvent<'_>| {
            told.lock().unwrap().push(match event {
                TrackedEvent::NotRecorded { .. } => ("not recorded", None),
                TrackedEvent::NotAccepted { entry, .. } => ("not accepted", Some(*entry)),
                TrackedEvent::NotFailed { entry, .. } => ("not failed", Some(*entry)),
                _ => ("something else", None),
            });
        }
    };
    let whatsapp = Tracked::new(meta.clone(), ledger.clone()).on_trouble(observer);
    for trouble in [Trouble::Fails("accept"), Trouble::Hangs("accept")] {
        ledger.next(trouble);
        assert!(whatsapp.send(&hello()).await.is_ok());
    }
    ledger.next(Trouble::Fails("fail"));
    meta.fail_next(Error::new(ErrorKind::NoAnswer, Acceptance::Unknown));
    assert_eq!(whatsapp.send(&hello()).await.unwrap_err().kind(), ErrorKind::NoAnswer);
    ledger.next(Trouble::Hangs("record"));
    assert!(whatsapp.clone().with_limit(Duration::from_millis(10)).send(&hello()).await.is_ok());
    assert_eq!(meta.attempts(), 4);
    let told = told.lock().unwrap().clone();
    let names: Vec<_> = told.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["not accepted", "not accepted", "not failed", "not recorded"]);
    for entry in told.iter().filter_map(|(_, entry)| *entry) {
        assert_eq!(state_of(&world.ledger.entry(entry).await.unwrap().unwrap()), "recorded");
    }
}

async fn a_resend_that_was_not_written_is_told_and_not_repeated(world: &World) {
    let (pair, ledger) = (pair(world), Troubled::new(world));
    let resend = Resend::new(pair.failover.clone(), ledger.clone()).with_clock(Arc::new(world.clock.clone()));
    let id = sent(world, 1, &hello()).await;
    ledger.next(Trouble::Fails("accept"));
    let event = failed(1, ErrorKind::Unavailable);
    let ResendOutcome::NotWritten { entry, sent, .. } = resend.handle(&event).await.unwrap() else {
        panic!("it was not written")
    };
    assert_eq!(world.ledger.entry(id).await.unwrap().unwrap().resent_as, Some(entry));
    ledger.next(Trouble::None);
    assert_eq!(reason(resend.handle(&event).await.unwrap()), NotResent::Already);
    // It can be told later.
    let again = ledger.accept(entry, &sent.unwrap()).await.unwrap().unwrap();
    assert_eq!((state_of(&again), pair.twilio.sent().len()), ("accepted", 1));
}

async fn why_a_claim_was_refused_is_told(world: &World) {
    let (pair, ledger) = (pair(world), Troubled::new(world));
    let resend = Resend::new(pair.failover.clone(), ledger.clone()).with_clock(Arc::new(world.clock.clone()));
    sent(world, 1, &hello()).await;
    ledger.next(Trouble::Arrives(1));
    let outcome = resend.handle(&failed(1, ErrorKind::Unavailable)).await.unwrap();
    assert_eq!(reason(outcome), NotResent::NotFailed);
    assert_eq!((pair.meta.attempts(), pair.twilio.attempts()), (0, 0));
}

async fn nothing_is_tried_after_the_claim_has_taken_all_the_time(world: &World) {
    let (pair, ledger) = (pair(world), Troubled::new(world));
    let resend = Resend::new(pair.failover.clone(), ledger.clone()).with_clock(Arc::new(world.clock.clone()));
    sent(world, 1, &hello().with_ttl(60 * SECOND)).await;
    world.clock.advance(55 * SECOND);
    ledger.next(Trouble::Takes(5 * SECOND));
    let outcome = resend.handle(&failed(1, ErrorKind::Unavailable)).await.unwrap();
    assert!(matches!(outcome, ResendOutcome::Failed(_)), "{outcome:?}");
    assert_eq!((pair.meta.attempts(), pair.twilio.attempts()), (0, 0));
}
