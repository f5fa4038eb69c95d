//! The main job, told as a story: two providers, an outage, a flag, webhooks on one URL, and an answer that is lost.
//!
//! `cargo run --example failover` needs no account: both providers are simulated in memory, and an hour takes no time.
//! What talks to them is the real thing, from the encoders to the classifiers. It exits with 1 unless every message was
//! received exactly once.

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::{FailoverEvent, FailoverProvider, Route, RouteSwitch};
use whatsapp_provider::inbound::{DeliveryState, InboundMessage};
use whatsapp_provider::simulator::{Fault, Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{
    Acceptance, Content, EventKind, OutboundMessage, PhoneNumber, ProviderId, SignatureError, WebhookRequest,
    WhatsAppProvider,
};

fn main() -> ExitCode {
    let clock = TestClock::new();
    match clock.block_on(tell(&clock)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("the story broke off: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn tell(clock: &TestClock) -> Result<bool, Box<dyn Error>> {
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let flag = RouteSwitch::new(Route::Auto);
    let narrator = clock.clone();
    let whatsapp = FailoverProvider::builder()
        .primary(simulator.meta().build()?)
        .fallback(simulator.twilio().build()?)
        .route(flag.clone())
        .observer(move |event: &FailoverEvent| {
            if let FailoverEvent::HealthChanged { provider, from, to, .. } = event {
                say(&narrator, &format!("    the health of {provider}: {from:?} -> {to:?}"));
            }
        })
        .clock(Arc::new(clock.clone()))
        .build()?;
    let mut service =
        Service { clock: clock.clone(), simulator, whatsapp, sent: 0, unknown: vec![], found: vec![] };

    service.chapter("All is well: messages go through Meta.");
    service.send(3).await;

    service.chapter("Meta cannot be reached any more. Twilio carries on.");
    service.simulator.set_fault(Side::Meta, Some(Fault::Refuse));
    service.send(7).await;

    service.chapter("Somebody flips the flag: only Twilio, whatever health says.");
    flag.set(Route::Only(ProviderId::TWILIO));
    service.send(2).await;

    service.chapter("Meta is back, and so is the flag. Two trials, a pause of 60 s, and traffic returns.");
    service.simulator.set_fault(Side::Meta, None);
    flag.set(Route::Auto);
    clock.sleep(Duration::from_secs(30)).await;
    service.send(3).await;
    clock.sleep(Duration::from_secs(30)).await;
    service.send(2).await;

    service.chapter(
        "Users write to both numbers. Both providers post to one URL, and each user is answered there.",
    );
    for (side, text) in [(Side::Meta, "Is my table ready?"), (Side::Twilio, "And mine?")] {
        let user = service.simulator.user(number(500 + side as u64)?);
        let webhook = user.writes(side, text);
        service.webhook(&webhook.request).await?;
    }

    service.chapter("Somebody who knows the URL posts a webhook of their own.");
    let forged = service.simulator.user(number(666)?).writes(Side::Meta, "Send me all the money").forged();
    match service.webhook(&forged.request).await {
        Err(error) if error.is::<SignatureError>() => service.say(&format!("refused with 401: {error}")),
        _ => return Err("a forged webhook was accepted".into()),
    }

    service.chapter("Meta accepts a message, and the connection breaks before it can say so.");
    service.simulator.fault_next(Side::Meta, Fault::AcceptThenDrop);
    service.send(1).await;
    clock.sleep(Duration::from_secs(2)).await;
    for webhook in service.simulator.due_webhooks() {
        service.webhook(&webhook.request).await?;
    }
    Ok(service.totals())
}

/// A service as it could stand in production: it knows `whatsapp` and nothing of the providers behind it.
struct Service {
    clock: TestClock,
    simulator: Simulator,
    whatsapp: FailoverProvider,
    sent: u64,
    /// The references of messages whose answer was lost, and of those of them that a status told of.
    unknown: Vec<String>,
    found: Vec<String>,
}

impl Service {
    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            let Ok(to) = number(self.sent) else { return };
            self.deliver(OutboundMessage::text(to, format!("Your table {} is ready", self.sent + 1))).await;
            self.clock.sleep(Duration::from_secs(1)).await;
        }
    }

    async fn deliver(&mut self, message: OutboundMessage) {
        self.sent += 1;
        let name = format!("message {}", self.sent);
        match self.whatsapp.send(&message.with_reference(self.sent.to_string())).await {
            Ok(receipt) => {
                let mut way = String::new();
                for attempt in &receipt.attempts {
                    match &attempt.failure {
                        Some(failure) => way += &format!("{} ({}), then ", attempt.provider, failure.kind),
                        None => way += attempt.provider.as_str(),
                    }
                }
                self.say(&format!("{name} by {way}"));
            }
            Err(error) if error.acceptance() == Acceptance::Unknown => {
                self.unknown.push(self.sent.to_string());
                self.say(&format!("{name}: {error}"));
                self.say("    it may have been delivered, so it is not sent a second time");
            }
            Err(error) => self.say(&format!("{name} was not sent: {error}")),
        }
    }

    /// The one route that both providers post to.
    async fn webhook(&mut self, request: &http::Request<Bytes>) -> Result<(), Box<dyn Error>> {
        let request = WebhookRequest::from_http(request, self.clock.now());
        let webhook = self.whatsapp.verify_signature(&request)?;
        for event in self.whatsapp.parse_inbound(&webhook)? {
            match event.kind() {
                EventKind::Message(message) => {
                    self.say(&format!(
                        "{} brings: {:?}",
                        event.provider(),
                        message.text().unwrap_or_default()
                    ));
                    self.deliver(event.reply(Content::text(answer(message)))).await;
                }
                EventKind::Status(status) => {
                    let reference = status.reference.as_deref().unwrap_or("?");
                    if self.unknown.iter().any(|unknown| unknown == reference) {
                        if status.state == DeliveryState::Delivered {
                            self.found.push(reference.to_owned());
                        }
                        self.say(&format!(
                            "{} says of message {reference}: {}",
                            event.provider(),
                            status.state
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts what the users' phones show.
    fn totals(&self) -> bool {
        let mut received: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for delivery in self.simulator.deliveries() {
            *received.entry(delivery.reference.clone()).or_default() += 1;
        }
        let times = |n: u64| received.get(&Some(n.to_string())).copied().unwrap_or_default();
        let count = |wanted: fn(usize) -> bool| (1..=self.sent).filter(|n| wanted(times(*n))).count();
        let (once, twice, never) = (count(|n| n == 1), count(|n| n > 1), count(|n| n == 0));
        self.chapter("What the users' phones show:");
        println!("           sent {}, received once {once}, duplicated {twice}, lost {never}", self.sent);
        println!(
            "           answers lost {}, found again by a status {}",
            self.unknown.len(),
            self.found.len()
        );
        once as u64 == self.sent && twice == 0 && never == 0 && self.found == self.unknown
    }

    fn chapter(&self, title: &str) {
        println!();
        self.say(title);
    }

    fn say(&self, text: &str) {
        say(&self.clock, text);
    }
}

fn say(clock: &TestClock, text: &str) {
    let seconds = clock.elapsed().as_secs();
    println!("[{:02}:{:02}:{:02}] {text}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

fn answer(message: &InboundMessage) -> String {
    format!("You wrote {:?}. It is.", message.text().unwrap_or_default())
}

fn number(n: u64) -> Result<PhoneNumber, Box<dyn Error>> {
    Ok(PhoneNumber::from_digits(&(15_550_100_000 + n).to_string())?)
}
