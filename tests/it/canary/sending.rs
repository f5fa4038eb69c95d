//! Messages on their way out, in good days and bad ones.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use whatsapp_provider::clock::timeout;
use whatsapp_provider::outbound::{ContentKind, Otherwise};
use whatsapp_provider::simulator::{Fault, Side};
use whatsapp_provider::state::{Expected, PutOutcome, StateError, StateStore, Versioned};
use whatsapp_provider::testing::{MemoryProvider, TestClock};
use whatsapp_provider::{
    Acceptance, Category, Content, Error, ErrorKind, GroupId, Hint, OnUnknown, OutboundMessage, PhoneNumber,
    ProviderId, Recipient, WhatsAppProvider,
};

use super::collector::Collector;
use super::echo::Echo;
use super::said::{USER, contents, hello, user, user_id};
use super::world::{World, observed};

const SECOND: Duration = Duration::from_secs(1);

/// Every content to every sort of recipient, by the failover and by each provider.
pub(super) fn every_content(collector: &Collector) {
    let world = World::new(collector);
    let contents = contents(&world.meta.senders()[0]);
    let kinds: Vec<_> = contents.iter().map(Content::kind).collect();
    assert!(ContentKind::ALL.iter().all(|kind| kinds.contains(kind)), "a kind of content is missing");
    let recipients: [Recipient; 5] = [
        user().into(),
        user_id(Side::Meta).into(),
        user_id(Side::Twilio).with_scope("canary-portfolio").into(),
        GroupId::new("canary-group").unwrap().into(),
        Recipient::from_names(Some(user()), Some(user_id(Side::Meta))),
    ];
    for (place, content) in contents.iter().enumerate() {
        for (number, to) in recipients.iter().enumerate() {
            let message = OutboundMessage::new(to.clone(), content.clone()).or(Content::text("canary-other"));
            let _ = world.send(&message.clone().with_idempotency_key(format!("canary-key-{place}-{number}")));
            let _ = world.send_by(&world.meta, &message);
            let _ = world.send_by(&world.twilio, &message);
        }
    }
    let deliveries = world.simulator.deliveries();
    assert!(deliveries.len() > contents.len(), "only {} messages arrived", deliveries.len());
    world.statuses();
    world.others(user());
    world.look();
}

/// Everything that can be broken, on either side or on both, under every policy for outcomes that nobody knows.
pub(super) fn every_fault(collector: &Collector) {
    let codes = [
        (400, 100),
        (401, 190),
        (400, 131_047),
        (400, 130_429),
        (400, 131_048),
        (400, 131_056),
        (400, 131_026),
        (400, 131_031),
        (404, 132_001),
        (500, 131_000),
        (500, 131_016),
        (401, 20_003),
        (429, 20_429),
        (400, 21_211),
        (400, 63_016),
        (400, 63_018),
    ];
    let faults = codes.map(|(status, code)| Fault::Code { status, code }).into_iter().chain([
        Fault::Refuse,
        Fault::Hang,
        Fault::AcceptThenDrop,
        Fault::AcceptThenCut,
        Fault::Unavailable { with_envelope: true },
        Fault::Unavailable { with_envelope: false },
    ]);
    let policies =
        [OnUnknown::Stop, OnUnknown::FailOver, OnUnknown::reconcile(5 * SECOND, Otherwise::FailOver)];
    for fault in faults {
        for (sides, policy) in [&[Side::Meta][..], &[Side::Twilio], Side::ALL]
            .into_iter()
            .flat_map(|sides| policies.map(|policy| (sides, policy)))
        {
            let world = World::new(collector);
            sides.iter().for_each(|side| world.simulator.set_fault(*side, Some(fault)));
            for (category, number) in Category::ALL.iter().zip(0..) {
                let message = hello().with_category(*category).with_on_unknown(policy);
                let _ = world.send(&message.with_idempotency_key(format!("canary-key-{number}")));
            }
            world.statuses();
            world.others(user());
            world.look();
        }
    }
}

/// Providers that repeat the whole request in what they say of it, and members in memory that say anything.
pub(super) fn every_word_of_a_refusal(collector: &Collector) {
    let mut repeated = 0;
    for (status, code) in [
        (400, 100),
        (400, 63_016),
        (401, 190),
        (401, 20_003),
        (400, 777),
        (500, 1),
        (503, 20_503),
        (302, 1),
        (201, 63_024),
    ] {
        let world = World::through(collector, |_| Arc::new(Echo { status, code }));
        for on_unknown in [OnUnknown::Stop, OnUnknown::FailOver] {
            let error = world.send(&hello().with_on_unknown(on_unknown)).unwrap_err();
            repeated += usize::from(error.details().is_some_and(|words| words.contains(USER)));
        }
        world.others(user());
        world.look();
    }

    assert!(repeated > 8, "the words of only {repeated} refusals were kept");

    for kind in ErrorKind::ALL {
        let clock = TestClock::new();
        let member = MemoryProvider::new(ProviderId::META);
        let other = MemoryProvider::new(ProviderId::TWILIO);
        let failover = observed(collector, &clock).primary(member.clone()).fallback(other).build().unwrap();
        for (acceptance, hint) in [
            (Acceptance::NotAccepted, Hint::PauseMarketing),
            (Acceptance::Unknown, Hint::ThrottledIfRepeated),
        ] {
            let error = Error::new(*kind, acceptance)
                .with_details(format!("canary-details {USER}"))
                .with_trace_id("canary-trace")
                .with_source("canary-source")
                .with_hint(hint);
            collector.debug("an error", &error);
            collector.text("an error", &error);
            member.fail_next(error);
            collector.result("a send", &clock.block_on(failover.send(&hello())));
        }
        collector.debug("a provider", &member);
        collector.debug("what was sent", &member.sent());
    }
}

/// A member goes down and comes back.
pub(super) fn an_outage(collector: &Collector) {
    let world = World::new(collector);
    world.simulator.set_fault(Side::Meta, Some(Fault::Refuse));
    let to = |number: u64| PhoneNumber::from_digits(&(15_550_987_000 + number).to_string()).unwrap();
    for number in 0..6 {
        world.send(&OutboundMessage::text(to(number), "canary-body")).unwrap();
    }
    world.look();
    world.simulator.set_fault(Side::Meta, None);
    for number in 10..14 {
        world.clock.advance(30 * SECOND);
        world.send(&OutboundMessage::text(to(number), "canary-body")).unwrap();
    }
    world.look();
}

/// Keyed messages: the answer is lost and a status tells of it, a call is given up, another one comes meanwhile.
pub(super) fn the_same_message_again(collector: &Collector) {
    let world = World::new(collector);
    let message = hello().with_idempotency_key("canary-key");
    world.simulator.fault_next(Side::Meta, Fault::AcceptThenDrop);
    assert_eq!(world.send(&message).unwrap_err().acceptance(), Acceptance::Unknown);
    world.send(&message).unwrap_err();
    world.statuses();
    world.send(&message).unwrap();
    world.send(&message).unwrap();

    let message = hello().with_idempotency_key("canary-other-key");
    world.simulator.fault_next(Side::Meta, Fault::Hang);
    let given_up = timeout(&world.clock, SECOND, world.failover.send(&message));
    assert!(world.clock.block_on(given_up).is_none());
    assert_eq!(world.send(&message).unwrap_err().kind(), ErrorKind::Duplicate);
    world.look();
    collector.debug("a value", &Versioned::new("canary-value", 1));
    collector.debug("a conflict", &PutOutcome::conflict(Some(Versioned::new("canary-value", 1))));
    let refused = world.clock.block_on(world.store.get(&["canary-key\0"]));
    collector.result("a key that is none", &refused);
}

/// A store that never does what it is asked.
#[derive(Debug)]
struct Down;

#[async_trait]
impl StateStore for Down {
    async fn get(&self, _: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        Err(StateError::new("down"))
    }

    async fn put_if(
        &self,
        _: &str,
        _: Expected,
        _: Bytes,
        _: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        Err(StateError::new("down"))
    }

    async fn delete_if(&self, _: &str, _: u64) -> Result<bool, StateError> {
        Err(StateError::new("down"))
    }

    fn is_shared(&self) -> bool {
        true
    }
}

pub(super) fn a_store_that_is_down(collector: &Collector) {
    let world = World::new(collector);
    let builder = observed(collector, &world.clock).primary(world.meta.clone()).store(Down);
    let failover = builder.build().unwrap();
    world.send_by(&failover, &hello()).unwrap();
    let error = world.send_by(&failover, &hello().with_idempotency_key("canary-key")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
}
