//! A worker of an outbox.

use whatsapp_provider::queue::{OutboxEntry, Queue};
use whatsapp_provider::testing::MemoryProvider;
use whatsapp_provider::{Category, OutboundMessage, PhoneNumber, WhatsAppProvider};

use super::*;

fn text() -> OutboundMessage {
    OutboundMessage::text(PhoneNumber::parse(ANN).unwrap(), "Hi")
}

/// Runs a worker on an outbox with this message that is first claimed at this time.
fn run(message: &OutboundMessage, not_before: Option<f64>, at: f64) -> (QueuedRow, Vec<OutboundMessage>) {
    let clock = TestClock::new();
    let outbox = MemoryQueue::outbox(Arc::new(clock.clone()));
    let provider = MemoryProvider::new("meta".parse().unwrap());
    let mut entry = OutboxEntry::new(message);
    if let Some(seconds) = not_before {
        entry = entry.not_before(clock.now().saturating_add(secs(seconds)));
    }
    clock.block_on(outbox.insert([entry])).unwrap();
    clock.advance(secs(at));
    let shutdown = clock.sleep(secs(0.5));
    let worker = Worker::new(outbox.clone()).clock(Arc::new(clock.clone()));
    let provider = &provider;
    clock.block_on(worker.run(shutdown, |job| async move {
        provider.send(job.message()).await?;
        Ok(())
    }));
    let sent = provider.sent().into_iter().map(|sent| sent.message).collect();
    (outbox.rows().remove(0), sent)
}

#[test]
fn a_message_is_sent_as_it_was_inserted() {
    let (row, sent) = run(&text().with_idempotency_key("k"), None, 0.0);
    assert_eq!((row.status, row.kind, row.attempts), (RowStatus::Done, "text", 1));
    assert_eq!(sent, [text().with_idempotency_key("k")]);
}

#[test]
fn a_message_whose_ttl_is_over_is_dead_and_not_sent() {
    let message = text().with_ttl(secs(60.0));
    let (row, sent) = run(&message, None, 59.999);
    assert_eq!((row.status, sent.len()), (RowStatus::Done, 1));
    let (row, sent) = run(&message, None, 60.0);
    assert_eq!((row.status, row.reason.as_deref()), (RowStatus::Dead, Some("the ttl was over")));
    assert!(sent.is_empty());
}

/// A worker was killed, and nobody knows what it had done.
#[test]
fn a_message_that_may_have_been_sent_is_for_review_when_its_ttl_is_over() {
    let clock = TestClock::new();
    let outbox = MemoryQueue::outbox(Arc::new(clock.clone()));
    clock.block_on(outbox.insert([&text().with_ttl(secs(60.0))])).unwrap();
    assert_eq!(clock.block_on(outbox.claim(1, secs(60.0))).unwrap().len(), 1);
    clock.advance(secs(60.0));
    let worker = Worker::new(outbox.clone()).clock(Arc::new(clock.clone()));
    clock.block_on(worker.run(clock.sleep(secs(0.5)), |_| async { panic!("it is over") }));
    let row = outbox.rows().remove(0);
    let end = (row.status, row.attempts, row.reason.as_deref());
    assert_eq!(end, (RowStatus::Review, 2, Some("the ttl was over")));
}

#[test]
fn the_ttl_of_a_message_for_later_begins_when_it_may_go() {
    let message = text().with_ttl(secs(60.0));
    assert_eq!(run(&message, Some(30.0), 89.999).0.status, RowStatus::Done);
    assert_eq!(run(&message, Some(30.0), 90.0).0.status, RowStatus::Dead);
    assert_eq!(run(&message, Some(30.0), 29.0).0.status, RowStatus::Pending, "it is not its time");
}

#[test]
fn an_answer_goes_before_advertisements_that_wait_and_not_before_those_in_work() {
    let clock = TestClock::new();
    let outbox = MemoryQueue::outbox(Arc::new(clock.clone()));
    let ads: Vec<_> = [ANN, BOB, "+15550000003"]
        .map(|user| OutboundMessage::text(PhoneNumber::parse(user).unwrap(), "ad"))
        .map(|ad| ad.with_category(Category::Marketing))
        .into();
    clock.block_on(outbox.insert(&ads)).unwrap();
    let begun = Mutex::new(Vec::new());
    let start = clock.now();
    let worker = Worker::new(outbox.clone()).clock(Arc::new(clock.clone())).concurrency(2);
    let handler = |job: Job<OutboundMessage>| {
        begun.lock().unwrap().push((clock.now().since(start), job.message().effective_category()));
        let clock = clock.clone();
        async move {
            clock.sleep(secs(10.0)).await;
            Ok(())
        }
    };
    clock.block_on(async {
        let answer = async {
            clock.sleep(secs(1.0)).await;
            outbox.insert([&text()]).await.unwrap();
        };
        tokio::join!(worker.run(clock.sleep(secs(25.0)), handler), answer);
    });
    let (ad, answer) = (Category::Marketing, Category::Service);
    let (first, second) = (secs(0.0), secs(10.0));
    assert_eq!(*begun.lock().unwrap(), [(first, ad), (first, ad), (second, answer), (second, ad)]);
}
