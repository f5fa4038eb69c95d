//! Law 5: an error that a message or its recipient causes never changes the way of another message.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::{FailoverPolicy, Route, Standing};
use whatsapp_provider::simulator::{Fault, Side};
use whatsapp_provider::{OutboundMessage, ProviderId};

use super::script::{Change, policies, refusal_of_a_message, route};
use super::world::{End, Patience, World};
use super::{Random, SECOND, seeds, user};

/// Messages that one machine sends at the same time. Bad ones are refused, by each side in its own words.
struct Slot {
    machine: usize,
    is_bad: bool,
    changes: Vec<Change>,
    messages: Vec<OutboundMessage>,
}

impl Slot {
    fn new(random: &Random, place: u64, machines: u64) -> Self {
        let is_bad = random.percent(60);
        let mut changes = Vec::new();
        if random.percent(10) {
            changes.push(Change::Flag(route(random)));
        }
        if is_bad {
            // Single requests that send a message, so that a probe is answered as ever.
            let refusals = |side: Side| {
                std::iter::repeat_n(Change::NextFault(side, refusal_of_a_message(random, side)), 40)
            };
            changes.extend(Side::ALL.iter().copied().flat_map(refusals));
        }
        // So many bad ones that their number would close any door.
        let count = if is_bad { 5 + random.below(8) } else { 1 + random.below(3) };
        let messages = (0..count).map(|n| {
            let name = format!("{place}/{n}");
            let message = OutboundMessage::text(user(place * 100 + n), "hello").with_reference(name.as_str());
            if random.percent(50) { message.with_idempotency_key(name) } else { message }
        });
        Self { machine: random.below(machines) as usize, is_bad, changes, messages: messages.collect() }
    }
}

/// Where each good message was tried first, by its reference.
type Choices = BTreeMap<Option<String>, Option<ProviderId>>;

/// An outage that every machine has noticed, and that is over: the next message of each is the primary's trial.
async fn give_up_the_primary(world: &World, machines: u64) {
    world.change(&Change::Flag(Route::Auto)).await;
    world.change(&Change::Fault(Side::Meta, Some(Fault::Refuse))).await;
    for machine in 0..machines {
        for n in 0..5 {
            let message = OutboundMessage::text(user(10_000 + n), "hello");
            world.send(machine as usize, &message, Patience::Endless).await;
        }
    }
    world.change(&Change::Fault(Side::Meta, None)).await;
    world.clock.sleep(30 * SECOND).await;
    assert_eq!(world.primary(), Standing::Trial);
}

/// Plays a history, with its bad messages or without them. No message is in doubt: the good ones are sent, and the bad
/// ones are not.
fn first_choices(seed: u64, with_bad: bool) -> Choices {
    let random = Random::new(!seed);
    let machines = 1 + random.below(3);
    let policy = FailoverPolicy::default().with_on_unknown(random.pick(&policies(&random)));
    let slots: Vec<_> = (0..40).map(|place| Slot::new(&random, place, machines)).collect();
    let outage = random.below(40) as usize;

    let world = World::new(seed, machines, policy);
    let mut choices = Choices::new();
    world.run(async {
        for (place, slot) in slots.iter().enumerate() {
            if place == outage {
                give_up_the_primary(&world, machines).await;
            }
            // Both histories keep the same time.
            let next = world.clock.elapsed() + 3 * SECOND;
            for change in &slot.changes {
                // The flag is turned in any case.
                if with_bad || !slot.is_bad || matches!(change, Change::Flag(_)) {
                    world.change(change).await;
                }
            }
            let first = world.calls.borrow().len();
            if with_bad || !slot.is_bad {
                let send = |message| world.send(slot.machine, message, Patience::Endless);
                for end in join_all(slot.messages.iter().map(send)).await {
                    assert_eq!(matches!(end, End::Sent(_)), !slot.is_bad, "seed {seed}: {end}");
                }
            }
            for side in Side::ALL {
                world.change(&Change::Fault(*side, None)).await;
            }
            if !slot.is_bad {
                let choice = |(n, message): (usize, &OutboundMessage)| {
                    (message.reference.clone(), world.first_choice(first + n))
                };
                choices.extend(slot.messages.iter().enumerate().map(choice));
            }
            world.until(next).await;
        }
    });
    choices
}

#[test]
fn no_history_breaks_law_5() {
    for seed in seeds(15, 1) {
        let (with, without) = (first_choices(seed, true), first_choices(seed, false));
        assert!(without.len() > 5 && without.values().all(Option::is_some), "seed {seed}: {without:?}");
        for (message, choice) in &without {
            assert_eq!(with.get(message), Some(choice), "seed {seed}, message {message:?}");
        }
    }
}
