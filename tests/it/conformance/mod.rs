//! The conformance suite over every provider of the crate, and over providers that break a law.

mod broken;
mod cost;
mod memory;
mod wire;

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Request};
use whatsapp_provider::pace::Paced;
use whatsapp_provider::simulator::{Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::testing::conformance::{self, Element, Subject, Violation};
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{Content, FailoverProvider, Lines, MetaCloud, Twilio, WhatsAppProvider};

const CONTENT_SID: &str = "HX00000000000000000000000000000001";

/// A provider before the simulator, whose webhooks one side writes.
struct Simulated<P> {
    provider: P,
    side: Side,
    world: World,
    /// How many deliveries were seen.
    seen: Cell<usize>,
}

/// The simulator, and both providers before it.
#[derive(Clone)]
struct World {
    clock: TestClock,
    simulator: Simulator,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        let simulator = Simulator::new(Arc::new(clock.clone()));
        simulator.register_content(CONTENT_SID, "order_shipped", "en_US", ["1", "2"]);
        Self { clock, simulator }
    }

    fn meta(&self) -> MetaCloud {
        self.simulator.meta().app_secret("an-older-secret").keep_raw(true).build().unwrap()
    }

    fn twilio(&self) -> Twilio {
        let template = ContentTemplate::new("order_shipped", "en_US", CONTENT_SID);
        let twilio = self.simulator.twilio().old_auth_token("an-older-token").keep_raw(true);
        twilio.template(template).look_up_templates(false).literal_contents(true).build().unwrap()
    }

    fn failover(&self) -> FailoverProvider {
        let failover = FailoverProvider::builder().primary(self.meta()).fallback(self.twilio());
        failover.clock(Arc::new(self.clock.clone())).build().unwrap()
    }

    /// Three lines, one of which is another account's.
    fn lines(&self) -> Lines {
        let lines = Lines::new();
        let other = MetaCloud::builder().app_secret("another-app-secret").id("meta-other".parse().unwrap());
        lines.insert("a".parse().unwrap(), other.build().unwrap()).unwrap();
        lines.insert("b".parse().unwrap(), self.meta()).unwrap();
        lines.insert("c".parse().unwrap(), self.twilio()).unwrap();
        lines
    }
}

impl<P: WhatsAppProvider> Simulated<P> {
    fn new(side: Side, provider: impl FnOnce(&World) -> P) -> Self {
        let world = World::new();
        Self { provider: provider(&world), side, world, seen: Cell::new(0) }
    }

    fn run(&self, law: impl Future<Output = Result<(), Violation>>) -> Result<(), Violation> {
        self.world.clock.block_on(law)
    }
}

impl<P: WhatsAppProvider> Subject for Simulated<P> {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Request<Bytes> {
        let accounts = self.world.simulator.accounts();
        match self.side {
            Side::Meta => wire::meta(&accounts.app_secret, elements),
            _ => wire::twilio(&accounts.auth_token, &accounts.webhook_url, &elements[0]),
        }
    }

    fn max_elements(&self) -> usize {
        if self.side == Side::Meta { 1000 } else { 1 }
    }

    fn same_meaning(&self, a: &Request<Bytes>, b: &Request<Bytes>) -> bool {
        if self.side == Side::Meta { wire::same_at_meta(a, b) } else { wire::same_at_twilio(a, b) }
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![if self.side == Side::Meta { wire::META_SIGNATURE } else { wire::TWILIO_SIGNATURE }]
    }

    fn secrets(&self) -> Vec<String> {
        let accounts = self.world.simulator.accounts();
        let older = ["an-older-secret", "an-older-token"].map(str::to_owned);
        [accounts.app_secret, accounts.auth_token, accounts.access_token, accounts.verify_token]
            .into_iter()
            .chain(older)
            .collect()
    }

    fn take_sent(&self) -> Option<Vec<Content>> {
        let deliveries = self.world.simulator.deliveries();
        let from = self.seen.replace(deliveries.len());
        Some(deliveries.into_iter().skip(from).map(|delivery| delivery.content).collect())
    }

    fn normal_form(&self, mut content: Content) -> Content {
        // At Twilio every place has a name.
        if let (Side::Twilio, Content::Location(place)) = (self.side, &mut content)
            && place.name.is_none()
        {
            place.name = Some(format!("{},{}", place.latitude, place.longitude));
        }
        content
    }
}

fn keeps_the_laws(subject: &Simulated<impl WhatsAppProvider>) {
    subject.run(conformance::all(subject)).unwrap();
    (1..6).for_each(|seed| subject.run(conformance::robustness(subject, seed)).unwrap());
}

#[test]
fn meta_keeps_the_laws() {
    keeps_the_laws(&Simulated::new(Side::Meta, World::meta));
}

#[test]
fn twilio_keeps_the_laws() {
    keeps_the_laws(&Simulated::new(Side::Twilio, World::twilio));
}

#[test]
fn a_failover_keeps_the_laws() {
    keeps_the_laws(&Simulated::new(Side::Meta, World::failover));
}

#[test]
fn a_directory_of_lines_keeps_the_laws() {
    keeps_the_laws(&Simulated::new(Side::Meta, World::lines));
}

#[test]
fn a_paced_provider_keeps_the_laws_of_the_one_inside() {
    keeps_the_laws(&Simulated::new(Side::Meta, |world| {
        Paced::builder(world.meta()).clock(Arc::new(world.clock.clone())).build().unwrap()
    }));
}
