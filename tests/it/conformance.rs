//! The conformance suite over every provider of the crate, and over providers that break a law.

mod bends;
mod bent;
mod cost;
mod memory;
mod meta;
mod twilio;
mod wrapped;

use std::sync::Arc;

use whatsapp_provider::clock::Clock;
use whatsapp_provider::pace::Paced;
use whatsapp_provider::simulator::{Fault, Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::testing::conformance::{self, Delivered, Seen, Subject, Trouble};
use whatsapp_provider::{FailoverProvider, Lines, MetaCloud};

use self::meta::Meta;
use self::twilio::TwilioSubject;
use self::wrapped::Wrapped;

/// Both providers' servers.
struct World {
    clock: TestClock,
    simulator: Simulator,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        let simulator = Simulator::new(Arc::new(clock.clone()));
        simulator.register_content(twilio::SID, "order_shipped", "en_US", ["1", "2"]);
        Self { clock, simulator }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn seen(&self) -> Seen {
        let requests = self.simulator.requests().len();
        let delivered = self.simulator.deliveries().into_iter().map(|delivery| {
            let delivered = Delivered::new(delivery.content)
                .with_reference(delivery.reference)
                .with_identity_key_hash(delivery.identity_key_hash);
            delivery.attempt.map_or(delivered.clone(), |attempt| delivered.with_attempt(attempt))
        });
        let seen = Seen::new(delivered).with_requests(requests);
        self.simulator.forget();
        seen
    }

    fn trouble(&self, trouble: Trouble) -> bool {
        let fault = match trouble {
            Trouble::Refusal => Some(Fault::Code { status: 400, code: 100 }),
            Trouble::Silence => Some(Fault::Hang),
            _ => None,
        };
        Side::ALL.iter().for_each(|side| self.simulator.set_fault(*side, fault));
        true
    }
}

/// Every law, in the time of the subject's world.
fn hold(world: &World, subject: &impl Subject) {
    if let Err(violation) = world.clock.block_on(conformance::all(subject)) {
        panic!("{violation}");
    }
}

#[test]
fn meta_keeps_the_laws() {
    let subject = Meta::new(World::new());
    hold(&subject.world, &subject);
    (1..6).for_each(|seed| conformance::robustness(&subject, seed).unwrap());
}

#[test]
fn twilio_keeps_the_laws() {
    let subject = TwilioSubject::new(World::new());
    hold(&subject.world, &subject);
    (1..6).for_each(|seed| conformance::robustness(&subject, seed).unwrap());
}

#[test]
fn a_provider_that_only_receives_keeps_the_laws() {
    let subject = Meta::new(World::new());
    let accounts = subject.world.simulator.accounts();
    let builder = MetaCloud::builder().app_secret(accounts.app_secret).verify_token(accounts.verify_token);
    let subject = Wrapped::new(builder.build().unwrap(), subject);
    hold(&subject.inner.world, &subject);
}

#[test]
fn a_provider_that_only_sends_keeps_the_laws() {
    let subject = Meta::new(World::new());
    let accounts = subject.world.simulator.accounts();
    let builder = MetaCloud::builder()
        .phone_number_id(accounts.phone_number_id)
        .access_token(accounts.access_token)
        .base_url("https://simulator.test")
        .http_client(subject.world.simulator.http_client())
        .clock(subject.world.clock());
    let mut subject = Wrapped::new(builder.build().unwrap(), subject);
    subject.receives = false;
    hold(&subject.inner.world, &subject);
}

#[test]
fn a_failover_keeps_the_laws_of_its_members() {
    let meta = Meta::new(World::new());
    let failover = FailoverProvider::builder()
        .primary(meta.provider.clone())
        .fallback(twilio::provider(&meta.world))
        .clock(meta.world.clock())
        .build()
        .unwrap();
    let subject = Wrapped::new(failover, meta);
    hold(&subject.inner.world, &subject);
}

#[test]
fn a_directory_of_lines_keeps_the_laws_of_its_lines() {
    let meta = Meta::new(World::new());
    let lines = Lines::new();
    let mut other = MetaCloud::builder().app_secret("another-app-secret");
    other = other.id("meta-other".parse().unwrap());
    lines.insert("a".parse().unwrap(), other.build().unwrap()).unwrap();
    lines.insert("b".parse().unwrap(), meta.provider.clone()).unwrap();
    lines.insert("c".parse().unwrap(), twilio::provider(&meta.world)).unwrap();
    let subject = Wrapped::new(lines, meta);
    hold(&subject.inner.world, &subject);
}

#[test]
fn a_paced_provider_keeps_the_laws_of_the_one_inside() {
    let meta = Meta::new(World::new());
    let paced = Paced::builder(meta.provider.clone()).clock(meta.world.clock()).build().unwrap();
    let subject = Wrapped::new(paced, meta);
    hold(&subject.inner.world, &subject);
}
