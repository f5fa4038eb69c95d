//! Law 11: a handler that is run again any number of times, by whatever machine, sends each of its steps once.

use std::cell::RefCell;
use std::time::Duration;

use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::FailoverPolicy;
use whatsapp_provider::simulator::Side;
use whatsapp_provider::{Acceptance, Content, InboundEvent, OutboundMessage};

use super::script::{Change, changes, length, policies};
use super::store::Trouble;
use super::world::{Call, End, Patience, World};
use super::{Broken, Random, SECOND, seeds, user};

/// The answer to an event, in several steps.
struct Handler {
    at: Duration,
    side: Side,
    name: u64,
    steps: u32,
    runs: u64,
}

impl Handler {
    fn new(random: &Random, name: u64, length: Duration) -> Self {
        Self {
            at: random.before(length),
            side: random.pick(Side::ALL),
            name,
            steps: 1 + random.below(4) as u32,
            runs: 1 + random.below(6),
        }
    }

    fn step(&self, event: &InboundEvent, step: u32) -> OutboundMessage {
        let text = format!("step {step} of {}", self.name);
        event.reply_step(step, Content::text(text)).with_reference(format!("{}/{step}", self.name))
    }

    /// The user writes, and the event is handled by any machines until a run comes through; and then some more, as if
    /// nobody had taken that down.
    async fn live(&self, world: &World) -> InboundEvent {
        world.until(self.at).await;
        let webhook = world.simulator.user(user(self.name)).writes(self.side, "hi");
        let event = world.post(&webhook).await.remove(0);
        for _ in 0..self.runs {
            self.run(world, &event).await;
            world.clock.sleep(world.random.millis(0..=60_000)).await;
        }
        event
    }

    /// Goes through the steps as far as it comes: it ends at the first that fails, and where its machine dies.
    async fn run(&self, world: &World, event: &InboundEvent) {
        let machine = world.any();
        for step in 0..self.steps {
            let patience = match world.random.percent(10) {
                true => Patience::For(world.random.millis(0..=200)),
                false => Patience::Endless,
            };
            if !matches!(world.send(machine, &self.step(event, step), patience).await, End::Sent(_)) {
                return;
            }
        }
    }

    /// The last run, in which all is well: each step is delivered once, and what is in doubt at most once. Where the store
    /// was in trouble, what a call has ended as may not have been written, and that leaves doubt as well.
    async fn finish(&self, world: &World, event: &InboundEvent, troubled: bool) -> Result<(), Broken> {
        for step in (0..self.steps).map(|step| self.step(event, step)) {
            let earlier = |call: &&Call| call.message.reference == step.reference;
            let doubted = troubled || world.calls.borrow().iter().filter(earlier).any(Call::leaves_doubt);
            let end = world.send(world.any(), &step, Patience::Endless).await;
            let received = world.simulator.user(user(self.name)).received();
            let times = received.iter().filter(|delivery| delivery.reference == step.reference).count();
            let holds = match &end {
                End::Sent(_) => times == 1,
                End::Failed(error) => times <= 1 && doubted && error.acceptance() == Acceptance::Unknown,
                End::Dropped => false,
            };
            if !holds {
                return Err(format!("step {:?} was delivered {times} times, and {end}", step.reference));
            }
        }
        Ok(())
    }
}

fn each_step_once(seed: u64) -> Result<(), Broken> {
    const HANDLERS: u64 = 20;
    let random = Random::new(!seed);
    let (machines, length) = (2 + random.below(3), length(&random));
    let handlers: Vec<_> = (0..HANDLERS).map(|name| Handler::new(&random, name, length)).collect();
    let changes = changes(&random, machines, HANDLERS, length);
    let trouble = |change: &Change| matches!(change, Change::Store(trouble) if *trouble != Trouble::None);
    let troubled = changes.iter().any(|(_, change)| trouble(change));
    let policy = FailoverPolicy::default().with_on_unknown(random.pick(&policies(&random)));
    let (world, events) = (&World::new(seed, machines, policy), &RefCell::new(Vec::new()));
    let lives = handlers.iter().map(|handler| async move {
        let event = handler.live(world).await;
        events.borrow_mut().push((handler, event));
    });
    world.run_all(&changes, lives);
    world.run(async {
        world.heal().await;
        // Until every claim is over.
        world.clock.sleep(120 * SECOND).await;
        for (handler, event) in events.take() {
            let told = |broken| format!("seed {seed}: {broken}\n{}", world.log.last(80));
            handler.finish(world, &event, troubled).await.map_err(told)?;
        }
        Ok(())
    })
}

#[test]
fn no_history_breaks_law_11() {
    for seed in seeds(20, 1) {
        each_step_once(seed).unwrap_or_else(|broken| panic!("{broken}"));
    }
}
