//! What became of each message, in both databases.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use whatsapp_provider::clock::Clock;
use whatsapp_provider::inbound::{DeliveryState, EventId, StatusUpdate};
use whatsapp_provider::ledger::{EntryState, Ledger, LedgerEntry, PostgresLedger, SqliteLedger};
use whatsapp_provider::testing::{EventMaker, TestClock};
use whatsapp_provider::{
    Acceptance, AttemptId, AttemptReport, Category, Error, ErrorKind, Failure, InboundEvent, MessageRef,
    OutboundMessage, PhoneNumber, ProviderId, SendReceipt, SenderId,
};

use crate::database::{Schema, postgres};

mod keeping;
mod order;
mod resend;
mod tracked;
mod trouble;

const SECOND: Duration = Duration::from_secs(1);

/// A ledger of its own, as two machines see it.
pub(crate) struct World {
    clock: TestClock,
    ledger: Arc<dyn Ledger>,
    other: Arc<dyn Ledger>,
    without_content: Arc<dyn Ledger>,
    schema: Option<Schema>,
    folder: Option<PathBuf>,
}

impl World {
    async fn sqlite() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ledger-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let clock = TestClock::new();
        let open = async || {
            let ledger = SqliteLedger::open(folder.join("ledger.sqlite")).await.unwrap();
            ledger.with_clock(Arc::new(clock.clone()))
        };
        let (ledger, other) = (open().await, open().await);
        Self {
            without_content: Arc::new(ledger.clone().without_content()),
            ledger: Arc::new(ledger),
            other: Arc::new(other),
            clock: clock.clone(),
            schema: None,
            folder: Some(folder.clone()),
        }
    }

    async fn postgres() -> Self {
        let (schema, clock) = (Schema::new().await, TestClock::new());
        let open = async || {
            let ledger = PostgresLedger::new(postgres(6).await).with_table(&schema.name, "sent").unwrap();
            ledger.with_clock(Arc::new(clock.clone()))
        };
        let (ledger, other) = (open().await, open().await.through_transaction_pooler());
        let (one, two) = tokio::join!(ledger.migrate(), other.migrate());
        one.unwrap();
        two.unwrap();
        Self {
            without_content: Arc::new(ledger.clone().without_content()),
            ledger: Arc::new(ledger),
            other: Arc::new(other),
            clock: clock.clone(),
            schema: Some(schema),
            folder: None,
        }
    }

    async fn end(self) {
        if let Some(schema) = self.schema {
            schema.drop().await;
        }
        if let Some(folder) = self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Runs each of these functions with a ledger of SQLite, and with one of PostgreSQL.
macro_rules! in_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let world = crate::ledger::World::sqlite().await;
                super::$name(&world).await;
                world.end().await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs PostgreSQL"]
            async fn $name() {
                let world = crate::ledger::World::postgres().await;
                super::$name(&world).await;
                world.end().await;
            })+
        }
    };
}

pub(crate) use in_both;

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15557654321").unwrap()
}

fn hello() -> OutboundMessage {
    OutboundMessage::text(to(), "hello")
}

fn reference(number: u32) -> MessageRef {
    MessageRef::new(SenderId::new(ProviderId::META, "106540352242922"), format!("wamid.{number}"))
}

fn attempt(number: u128) -> AttemptId {
    AttemptId::from_u128(number)
}

/// Accepted by one attempt, under the id of the same number.
fn receipt(number: u32) -> SendReceipt {
    let report = AttemptReport::accepted(attempt(number.into()), ProviderId::META);
    SendReceipt::accepted(report).with_message(reference(number))
}

fn status(number: u32, state: DeliveryState) -> InboundEvent {
    EventMaker::meta().status(&reference(number), state)
}

/// As a status of the attempt and of the message with this number.
fn with_attempt(number: u32, state: DeliveryState, failures: Vec<Failure>) -> InboundEvent {
    let mut status = StatusUpdate::new(reference(number), state);
    status.attempt = Some(attempt(number.into()));
    status.failures = failures;
    EventMaker::meta().event(EventId::new(["status", "x"]), status)
}

fn failure(kind: ErrorKind, proof: bool) -> Failure {
    let mut failure = Failure::new(kind, Acceptance::Unknown);
    failure.proves_undelivered = proof;
    failure.details = Some("CANARY".into());
    failure
}

/// An error of the attempt with this number.
fn lost(number: u128) -> Error {
    let error = Error::new(ErrorKind::NoAnswer, Acceptance::Unknown).with_details("CANARY");
    let report = AttemptReport::failed(attempt(number), ProviderId::META, (&error).into());
    error.with_attempts(vec![report])
}

fn state_of(entry: &LedgerEntry) -> &str {
    entry.state.as_str()
}
