//! Law 6: once the primary is well again, and while messages come, the message of a new user goes to it in good time.

use std::time::Duration;

use whatsapp_provider::failover::FailoverPolicy;
use whatsapp_provider::simulator::{Fault, Side};
use whatsapp_provider::{OutboundMessage, ProviderId};

use super::script::{Change, LATENCY, fault, policies};
use super::world::{End, Patience, World};
use super::{Broken, Random, SECOND, seeds, user};

// What the law promises, whatever the code says.
const OPEN: Duration = Duration::from_secs(300);
const BLOCKED: Duration = Duration::from_secs(30 * 60);
const PROBE: Duration = Duration::from_secs(2);
const FAIL_BACK: Duration = Duration::from_secs(60);

/// An outage of the primary, of one or several kinds, during which the other one may have trouble, too.
struct Outage {
    changes: Vec<(Duration, Change)>,
    heals: Duration,
    /// The longest time for which the primary may not be used then.
    open: Duration,
}

impl Outage {
    fn new(random: &Random) -> Self {
        let length = random.pick(&[30, 300, 3_000]) * SECOND;
        let begins = random.before(60 * SECOND);
        let heals = begins + random.before(length);
        let (mut changes, mut open) = (Vec::new(), OPEN);
        let mut at = begins;
        while at < heals {
            let fault = fault(random, Side::Meta);
            if matches!(fault, Fault::Suspend | Fault::WrongToken) {
                open = BLOCKED;
            }
            changes.push((at, Change::Fault(Side::Meta, Some(fault))));
            if random.percent(20) {
                changes.push((at, Change::Fault(Side::Twilio, Some(Fault::Refuse))));
                changes.push((at + random.before(heals - at), Change::Fault(Side::Twilio, None)));
            }
            at += random.before(length / 2);
        }
        changes.push((heals, Change::Fault(Side::Meta, None)));
        changes.sort_by_key(|(at, _)| *at);
        Self { changes, heals, open }
    }
}

fn comes_back(seed: u64) -> Result<(), Broken> {
    let random = Random::new(!seed);
    let outage = Outage::new(&random);
    // Often enough, and not so often that there are thousands.
    let every = random.millis(100..=8_000).max((outage.heals + outage.open) / 200);
    // Several at once: while it is on trial, only one of them goes to the primary.
    let at_once = 1 + random.below(3) as u32;
    // Two successes take two messages, and another one may have been on its way already.
    let back = outage.heals + outage.open + PROBE + 3 * (every + LATENCY) + FAIL_BACK;

    let policy = FailoverPolicy::default().with_on_unknown(random.pick(&policies(&random)));
    let world = World::new(seed, 1, policy);
    let messages: Vec<_> = (0..)
        .map(|n| {
            (every * (n / at_once), OutboundMessage::text(user(n.into()), "hi").with_reference(n.to_string()))
        })
        .take_while(|(at, _)| *at < back + 10 * every)
        .collect();
    world.run_all(
        &outage.changes,
        messages.iter().map(|(at, message)| async {
            world.until(*at).await;
            world.send(0, message, Patience::Endless).await;
        }),
    );

    for (id, call) in world.calls.take().into_iter().enumerate().filter(|(_, call)| call.began >= back) {
        let meta = matches!(call.end, End::Sent(receipt) if receipt.provider == ProviderId::META);
        if !meta || world.first_choice(id) != Some(ProviderId::META) {
            let steps = world.log.last(80);
            return Err(format!(
                "seed {seed}: call {id} was not sent by the primary, {back:?} is over\n{steps}"
            ));
        }
    }
    Ok(())
}

#[test]
fn no_history_breaks_law_6() {
    for seed in seeds(15, 1) {
        comes_back(seed).unwrap_or_else(|broken| panic!("{broken}"));
    }
}
