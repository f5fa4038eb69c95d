//! A provider with a ledger beside it.

use std::sync::Mutex;

use sqlx::sqlite::SqlitePool;
use whatsapp_provider::ledger::{Tracked, TrackedEvent};
use whatsapp_provider::testing::MemoryProvider;
use whatsapp_provider::{Content, WhatsAppProvider};

use super::*;

in_both! { what_is_sent_is_an_entry }

async fn what_is_sent_is_an_entry(world: &World) {
    let meta = MemoryProvider::new(ProviderId::META);
    let whatsapp = Tracked::new(meta.clone(), Arc::clone(&world.ledger));
    meta.fail_next(Error::unsupported("content"));
    let message = hello().or(Content::text("hi")).with_reference("order-77");
    let receipt = whatsapp.send(&message).await.unwrap();
    assert_eq!(receipt.content_index, 1, "the alternatives are the provider's");
    let message = receipt.message.unwrap();
    let read = EventMaker::new(message.sender.clone()).status(&message, DeliveryState::Read);
    whatsapp.record(&[EventMaker::meta().text("+15557654321", "hi"), read]).await;
    let entries = world.other.by_reference("order-77", None, 10).await.unwrap();
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((state_of(entry), entry.content_index, entry.attempts.len()), ("read", 1, 2));

    // The status of another sender is somebody else's, even if the ledger knows the message.
    let id = world.ledger.record(&hello()).await.unwrap();
    let foreign = MessageRef::new(SenderId::new(ProviderId::TWILIO, "other"), "SM1");
    world.ledger.accept(id, &super::receipt(1).with_message(foreign.clone())).await.unwrap();
    let read = EventMaker::new(foreign.sender.clone()).status(&foreign, DeliveryState::Read);
    whatsapp.record(&[read]).await;
    assert_eq!(state_of(&world.other.entry(id).await.unwrap().unwrap()), "accepted");

    meta.fail_next(Error::new(ErrorKind::NoAnswer, Acceptance::Unknown));
    assert!(whatsapp.send(&hello().with_reference("order-78")).await.is_err());
    let entries = world.other.by_reference("order-78", None, 10).await.unwrap();
    assert_eq!(state_of(&entries[0]), "in_doubt");
}

#[tokio::test]
async fn a_ledger_that_does_not_answer_stops_nothing_unless_it_is_required() {
    // Nobody made its tables.
    let ledger = SqliteLedger::new(SqlitePool::connect("sqlite::memory:").await.unwrap());
    let meta = MemoryProvider::new(ProviderId::META);
    let told = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let told = Arc::clone(&told);
        move |event: &TrackedEvent<'_>| told.lock().unwrap().push(format!("{event:?}"))
    };
    let whatsapp = Tracked::new(meta.clone(), ledger).on_trouble(observer);
    let receipt = whatsapp.send(&hello()).await.unwrap();
    let sent = receipt.message.unwrap();
    whatsapp.record(&[EventMaker::new(sent.sender.clone()).status(&sent, DeliveryState::Read)]).await;
    let error = whatsapp.clone().require_ledger().send(&hello()).await.unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::StoreUnavailable, Acceptance::NotAccepted));
    assert_eq!(meta.attempts(), 1);
    let told = told.lock().unwrap();
    let names: Vec<_> = told.iter().map(|told| told.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["NotRecorded", "NotAdvanced", "NotRecorded"]);
    assert!(!told.iter().any(|told| told.contains("hello") || told.contains("+1555")), "{told:?}");
}
