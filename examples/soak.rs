//! A soak: messages through hours in which now one provider fails and now the other, and what came of them under each
//! policy for unknown outcomes.
//!
//! ```text
//! soak [--messages 1000] [--seed 0]
//! ```
//!
//! Nothing leaves the process and an hour takes no time, but what talks to the simulated providers is the real thing,
//! from the encoders to the classifiers. The same seed gives the same table. It exits with 1 if a promise was broken: a
//! message was received twice where the policy says that it never is, a message that was reported as sent was not
//! received, or one that was reported as not accepted was.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a tool for the command line")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{join, select};
use futures_util::stream::FuturesUnordered;
use lexopt::prelude::*;
use whatsapp_provider::clock::{Clock, timeout};
use whatsapp_provider::failover::{FailoverEvent, FailoverPolicy, FailoverProvider};
use whatsapp_provider::outbound::Otherwise;
use whatsapp_provider::simulator::{Fault, Side, Simulator};
use whatsapp_provider::state::MemoryStore;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{
    Acceptance, OnUnknown, OutboundMessage, PhoneNumber, WebhookRequest, WhatsAppProvider,
    WhatsAppProviderExt,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A policy, and whether a message is never received twice under it.
fn policies() -> [(&'static str, OnUnknown, bool); 4] {
    let reconcile = |otherwise| OnUnknown::reconcile(20 * SECOND, otherwise);
    [
        ("stop", OnUnknown::Stop, true),
        ("reconcile, or stop", reconcile(Otherwise::Stop), true),
        ("reconcile, or fail over", reconcile(Otherwise::FailOver), false),
        ("fail over", OnUnknown::FailOver, false),
    ]
}

fn main() -> ExitCode {
    let (messages, seed) = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\nusage: soak [--messages COUNT] [--seed NUMBER]");
            return ExitCode::from(2);
        }
    };
    let titles = ["sent", "once", "duplicated", "lost", "unknown", "switches", "fail-backs", "hours"];
    println!("{:24}{}", "on unknown", titles.map(|title| format!("{title:>12}")).concat());
    let mut broken = 0;
    for (name, on_unknown, never_twice) in policies() {
        let outcome = match Soak::run(messages, seed, on_unknown) {
            Ok(outcome) => outcome,
            Err(error) => {
                eprintln!("the soak broke off: {error}");
                return ExitCode::FAILURE;
            }
        };
        println!("{name:24}{}", outcome.numbers().map(|number| format!("{number:>12}")).concat());
        broken += outcome.untrue + if never_twice { outcome.duplicated } else { 0 };
    }
    if broken > 0 {
        println!("{broken} promises were broken");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn options() -> Result<(usize, u64), lexopt::Error> {
    let (mut messages, mut seed) = (1000, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("messages") => messages = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok((messages, seed))
}

/// What became of all messages.
#[derive(Default)]
struct Outcome {
    once: usize,
    duplicated: usize,
    lost: usize,
    unknown: usize,
    /// Reported as sent and not received, or as not accepted and received all the same.
    untrue: usize,
    switches: usize,
    fail_backs: usize,
    hours: usize,
}

impl Outcome {
    fn numbers(&self) -> [usize; 8] {
        let sent = self.once + self.duplicated + self.lost;
        let Self { once, duplicated, lost, unknown, switches, fail_backs, hours, .. } = *self;
        [sent, once, duplicated, lost, unknown, switches, fail_backs, hours]
    }
}

/// What is known of a message: what the failover reported in the end, and how often the user received it.
#[derive(Clone, Copy, Default)]
struct Message {
    report: Report,
    received: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Report {
    Sent,
    #[default]
    NotAccepted,
    Unknown,
}

/// How often messages went by a stand-in, and how often they came back.
#[derive(Default)]
struct Switches {
    away: AtomicUsize,
    back: AtomicUsize,
}

struct Soak {
    clock: TestClock,
    simulator: Simulator,
    whatsapp: FailoverProvider,
    /// By their references.
    messages: RefCell<HashMap<String, Message>>,
}

impl Soak {
    fn run(messages: usize, seed: u64, on_unknown: OnUnknown) -> Result<Outcome, Box<dyn Error>> {
        let clock = TestClock::with_seed(seed);
        let simulator = Simulator::new(Arc::new(clock.clone()));
        let switches = Arc::new(Switches::default());
        let counted = Arc::clone(&switches);
        let whatsapp = FailoverProvider::builder()
            .primary(simulator.meta().build()?)
            .fallback(simulator.twilio().build()?)
            // Nobody sends a message again after a day, so that is how long the store need remember it.
            .policy(FailoverPolicy::default().with_on_unknown(on_unknown).with_remember(24 * HOUR))
            .local_store(MemoryStore::new(Arc::new(clock.clone())))
            .observer(move |event: &FailoverEvent| {
                if let FailoverEvent::Switched { switch, .. } = event {
                    let back = switch.to == switch.preferred;
                    let count = if back { &counted.back } else { &counted.away };
                    count.fetch_add(1, Relaxed);
                }
            })
            .clock(Arc::new(clock.clone()))
            .build()?;
        let soak = Self { clock: clock.clone(), simulator, whatsapp, messages: RefCell::default() };

        let traffic = pin!(soak.traffic(messages, seed));
        let around = pin!(join(soak.outages(seed), soak.webhooks()));
        clock.block_on(select(traffic, around));
        soak.count_deliveries();

        let mut outcome = Outcome {
            switches: switches.away.load(Relaxed),
            fail_backs: switches.back.load(Relaxed),
            hours: (clock.elapsed().as_secs() / 3600) as usize,
            ..Outcome::default()
        };
        for message in soak.messages.take().into_values() {
            match message.received {
                0 => outcome.lost += 1,
                1 => outcome.once += 1,
                _ => outcome.duplicated += 1,
            }
            outcome.unknown += usize::from(message.report == Report::Unknown);
            let untrue = match message.report {
                Report::Sent => message.received == 0,
                Report::NotAccepted => message.received > 0,
                Report::Unknown => false,
            };
            outcome.untrue += usize::from(untrue);
        }
        Ok(outcome)
    }

    /// Sends a message every few seconds, whether or not those before it are at their end.
    async fn traffic(&self, messages: usize, seed: u64) {
        let dice = Dice::new(seed, 1);
        let mut sending = FuturesUnordered::new();
        for n in 0..messages {
            sending.push(self.send(n));
            let go_on = async {
                while sending.next().await.is_some() {}
                pending::<()>().await;
            };
            timeout(&self.clock, dice.up_to(10 * SECOND), go_on).await;
            if n % 100 == 0 {
                self.count_deliveries();
            }
        }
        while sending.next().await.is_some() {}
    }

    /// Sends a message as a service would: again after a while if it was certainly not accepted, and not otherwise.
    async fn send(&self, n: usize) {
        let Ok(to) = PhoneNumber::from_digits(&(15_550_600_000 + n % 1000).to_string()) else { return };
        let name = n.to_string();
        let message = OutboundMessage::text(to, "Your table is ready")
            .with_reference(name.as_str())
            .with_idempotency_key(name.as_str());
        for tries in 1..=5 {
            let result = self.whatsapp.send(&message).await;
            let report = match &result {
                Ok(_) => Report::Sent,
                Err(error) if error.acceptance() == Acceptance::NotAccepted => Report::NotAccepted,
                Err(_) => Report::Unknown,
            };
            self.messages.borrow_mut().entry(name.clone()).or_default().report = report;
            match result {
                Err(error) if report == Report::NotAccepted => {
                    self.clock.sleep(error.retry_after().unwrap_or(10 * SECOND * tries)).await;
                }
                _ => return,
            }
        }
    }

    /// Breaks one provider after the other, mostly the primary, and sometimes both.
    async fn outages(&self, seed: u64) {
        let dice = Dice::new(seed, 2);
        loop {
            self.clock.sleep(dice.up_to(HOUR / 4)).await;
            let primary = dice.below(4) > 0;
            let side = if primary { Side::Meta } else { Side::Twilio };
            self.simulator.set_fault(side, Some(dice.fault()));
            self.clock.sleep(dice.up_to(HOUR / 6)).await;
            if dice.below(3) > 0 {
                self.simulator.set_fault(Side::Meta, None);
                self.simulator.set_fault(Side::Twilio, None);
            }
        }
    }

    /// Posts the statuses to the failover, which learns from them.
    async fn webhooks(&self) {
        loop {
            for webhook in self.simulator.due_webhooks() {
                let request = WebhookRequest::from_http(&webhook.request, self.clock.now());
                if let Ok(events) = self.whatsapp.receive(&request) {
                    self.whatsapp.record(&events).await;
                }
            }
            self.clock.sleep(SECOND).await;
        }
    }

    /// Takes down what users have received, so that the simulator need not remember it: a soak may be long.
    fn count_deliveries(&self) {
        let mut messages = self.messages.borrow_mut();
        for reference in self.simulator.deliveries().into_iter().filter_map(|delivery| delivery.reference) {
            messages.entry(reference).or_default().received += 1;
        }
        self.simulator.forget();
    }
}

/// Chance: what happens at one place depends on nothing that happens at another.
struct Dice(TestClock);

impl Dice {
    fn new(seed: u64, place: u64) -> Self {
        Self(TestClock::with_seed(seed ^ place << 32))
    }

    fn below(&self, end: u64) -> u64 {
        self.0.random() % end
    }

    fn up_to(&self, time: Duration) -> Duration {
        time.mul_f64(self.below(1000) as f64 / 1000.0)
    }

    fn fault(&self) -> Fault {
        let late = self.up_to(30 * SECOND);
        match self.below(11) {
            0 => Fault::Refuse,
            1 => Fault::Hang,
            2 => Fault::AcceptThenDrop,
            3 => Fault::AcceptThenCut,
            4 => Fault::AcceptThenHang { after: late },
            5 => Fault::AcceptThenUnavailable,
            6 => Fault::Unavailable { with_envelope: true },
            7 => Fault::Unavailable { with_envelope: false },
            8 => Fault::Throttle { retry_after: Some(late) },
            9 => Fault::Suspend,
            _ => Fault::WrongToken,
        }
    }
}
