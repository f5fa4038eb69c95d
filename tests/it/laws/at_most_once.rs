//! Law 4: under any faults, [`Stop`](OnUnknown::Stop) and [`Reconcile`](OnUnknown::Reconcile) that stops deliver a message
//! at most once, and nobody is told a thing that is not so. Under [`FailOver`](OnUnknown::FailOver) no member that might
//! have taken the message is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use whatsapp_provider::failover::{FailoverEvent, FailoverPolicy};
use whatsapp_provider::outbound::Otherwise;
use whatsapp_provider::simulator::{Delivery, Side};
use whatsapp_provider::{
    Acceptance, AttemptId, Category, ErrorKind, Failure, OnUnknown, OutboundMessage, ProviderId,
};

use super::log::{Step, What};
use super::script::{Change, LATENCY, Script};
use super::world::{Call, End, World};
use super::{Broken, Random, SECOND, seeds};

/// What a history left behind, sorted by message.
struct Played {
    seed: u64,
    script: Script,
    calls: Vec<Call>,
    steps: Vec<Step>,
    deliveries: BTreeMap<String, Vec<Delivery>>,
}

impl Played {
    fn new(seed: u64) -> Self {
        let random = Random::new(!seed);
        let script = Script::new(&random);
        let policy = FailoverPolicy::default().with_on_unknown(script.on_unknown);
        let world = World::new(seed, script.machines, policy);
        world.play(&script);
        let mut deliveries: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for delivery in world.simulator.deliveries() {
            deliveries.entry(delivery.reference.clone().unwrap()).or_default().push(delivery);
        }
        Self { seed, script, steps: world.log.steps(), calls: world.calls.take(), deliveries }
    }

    fn messages(&self) -> impl Iterator<Item = &OutboundMessage> {
        self.script.messages.iter().map(|(_, message)| message)
    }

    fn on_unknown(&self, message: &OutboundMessage) -> OnUnknown {
        message.on_unknown.unwrap_or(self.script.on_unknown)
    }

    /// Whether this message must never be risked twice.
    fn stops(&self, message: &OutboundMessage) -> bool {
        matches!(
            self.on_unknown(message),
            OnUnknown::Stop | OnUnknown::Reconcile { otherwise: Otherwise::Stop, .. }
        )
    }

    fn deliveries(&self, message: &OutboundMessage) -> &[Delivery] {
        self.deliveries.get(message.reference.as_ref().unwrap()).map_or(&[], Vec::as_slice)
    }

    /// What was decided for a call, in order, and when.
    fn decisions(&self, call: usize) -> impl Iterator<Item = (Duration, &FailoverEvent)> {
        self.steps.iter().filter(move |step| step.call == Some(call)).filter_map(|step| match &step.what {
            What::Decided(event) => Some((step.at, &**event)),
            _ => None,
        })
    }

    fn attempts(&self, call: usize) -> Vec<(AttemptId, &ProviderId)> {
        self.decisions(call)
            .filter_map(|(_, event)| match event {
                FailoverEvent::AttemptStarted { attempt, provider, .. } => Some((*attempt, provider)),
                _ => None,
            })
            .collect()
    }

    /// Whether a member was well at this moment, and for longer than any attempt takes.
    fn was_well(&self, member: &ProviderId, until: Duration) -> bool {
        let of = |side: Side| (side == Side::Meta) == (*member == ProviderId::META);
        let (mut broken, mut slow, mut changed) = (false, false, None);
        for step in self.steps.iter().take_while(|step| step.at <= until) {
            match &step.what {
                What::Changed(Change::Fault(side, fault)) if of(*side) => broken = fault.is_some(),
                // Nobody knows which request it was that went wrong.
                What::Changed(Change::NextFault(side, _)) if of(*side) => broken = true,
                What::Changed(Change::Latency(side, latency)) if of(*side) => slow = *latency > LATENCY,
                _ => continue,
            }
            changed = Some(step.at);
        }
        !broken && !slow && changed.is_none_or(|at| until > at + 60 * SECOND)
    }

    /// What is shown when a law is broken: the seed, and the last steps of the message and of everything around it.
    fn tell(&self, message: &OutboundMessage, broken: &str) -> Broken {
        let of = |step: &&Step| {
            step.call.is_none_or(|call| self.calls[call].message.reference == message.reference)
        };
        let steps: Vec<_> = self.steps.iter().filter(of).map(|step| format!("  {step}\n")).collect();
        let last = steps[steps.len().saturating_sub(60)..].concat();
        let (seed, name) = (self.seed, message.reference.as_deref().unwrap_or_default());
        let policy = self.on_unknown(message);
        format!("seed {seed}, message {name} ({policy:?}): {broken}\nthe last steps:\n{last}")
    }
}

/// Enough for everything to happen.
const USUAL: u64 = 30;

type Check = fn(&Played) -> Result<(), Broken>;

/// In a history that stops where nobody knows, each message reaches its user at most once. And whatever the policy, no
/// member is given a message twice of which it may have taken the first.
fn at_most_once(played: &Played) -> Result<(), Broken> {
    for message in played.messages() {
        let deliveries = played.deliveries(message);
        if played.stops(message) && deliveries.len() > 1 {
            return Err(played.tell(message, &format!("delivered {} times", deliveries.len())));
        }
        for side in Side::ALL {
            if deliveries.iter().filter(|delivery| delivery.side == *side).count() > 1 {
                return Err(played.tell(message, &format!("delivered twice by {side:?}")));
            }
        }
        if deliveries.iter().any(|delivery| message.to != delivery.to.into()) {
            return Err(played.tell(message, "delivered to somebody else"));
        }
    }
    Ok(())
}

/// `Err` that says "not accepted" means that nothing this call tried has reached anybody.
fn not_accepted_is_not_delivered(played: &Played) -> Result<(), Broken> {
    for (id, call) in played.calls.iter().enumerate() {
        let End::Failed(error) = &call.end else { continue };
        if error.acceptance() == Acceptance::Unknown {
            continue;
        }
        let tried = played.attempts(id);
        let delivered = played.deliveries(&call.message).iter().filter_map(|delivery| delivery.attempt);
        if delivered.into_iter().any(|attempt| tried.iter().any(|(tried, _)| *tried == attempt)) {
            return Err(
                played.tell(&call.message, &format!("call {id} was not accepted, yet it is delivered"))
            );
        }
    }
    Ok(())
}

/// `Ok` means that it was delivered, by the attempt that the receipt names.
fn ok_is_delivered(played: &Played) -> Result<(), Broken> {
    for (id, call) in played.calls.iter().enumerate() {
        let End::Sent(receipt) = &call.end else { continue };
        let accepted = receipt.attempts.last().map(|report| report.id);
        let by_it = |delivery: &&Delivery| delivery.attempt == accepted;
        if played.deliveries(&call.message).iter().filter(by_it).count() != 1 {
            return Err(
                played.tell(&call.message, &format!("call {id} was accepted, yet it is not delivered"))
            );
        }
    }
    Ok(())
}

/// As long as nothing is wrong with the store, whoever sends a message again that was sent is told so.
fn sent_is_remembered(played: &Played) -> Result<(), Broken> {
    let trouble = played.steps.iter().find(|step| matches!(step.what, What::Changed(Change::Store(_))));
    let trouble = trouble.map_or(Duration::MAX, |step| step.at);
    let mut sent = BTreeMap::new();
    for call in played.calls.iter().filter(|call| call.ended < trouble) {
        let Some(key) = &call.message.idempotency_key else { continue };
        let first = match &call.end {
            End::Sent(receipt) => sent.entry(key).or_insert((call.ended, receipt)).1 == receipt,
            End::Failed(_) => sent.get(key).is_none_or(|(ended, _)| call.began < *ended),
            End::Dropped => true,
        };
        if !first {
            return Err(played.tell(&call.message, "it was sent, and that is forgotten"));
        }
    }
    Ok(())
}

/// Where a call may go on after an unknown outcome, it does not fail before every planned member was asked, unless an
/// answer forbids that, or the time is over.
fn fail_over_asks_everybody(played: &Played) -> Result<(), Broken> {
    for (id, call) in played.calls.iter().enumerate() {
        let End::Failed(_) = &call.end else { continue };
        let category = call.message.effective_category();
        let deadline = call.message.deadline.unwrap_or(FailoverPolicy::default().category(category).deadline);
        let over = call.ended - call.began >= deadline;
        if played.stops(&call.message) || category == Category::Marketing || over {
            continue;
        }
        let (mut planned, mut asked) = (Vec::new(), Vec::new());
        let mut forbidden = false;
        for (_, event) in played.decisions(id) {
            match event {
                FailoverEvent::Planned { plan, .. } => {
                    planned.extend(plan.steps.iter().map(|step| &step.member));
                }
                FailoverEvent::AttemptStarted { provider, .. } => asked.push(provider),
                FailoverEvent::Probed { provider, failure: Some(_), .. } => asked.push(provider),
                FailoverEvent::AttemptEnded { failure: Some(failure), .. } => {
                    forbidden |= !goes_on(failure, &call.message);
                }
                FailoverEvent::NotClaimed { .. } => forbidden = true,
                _ => {}
            }
        }
        if !forbidden && planned.iter().any(|member| !asked.contains(member)) {
            return Err(
                played.tell(&call.message, &format!("call {id} failed although somebody was not asked"))
            );
        }
    }
    Ok(())
}

/// A member that is well throughout an attempt accepts it: what the law promises depends on nothing else.
fn who_is_well_accepts(played: &Played) -> Result<(), Broken> {
    for (id, call) in played.calls.iter().enumerate() {
        let mut began = Duration::ZERO;
        for (at, event) in played.decisions(id) {
            match event {
                FailoverEvent::AttemptStarted { .. } => began = at,
                FailoverEvent::AttemptEnded { provider, failure: Some(_), .. }
                    if at - began >= LATENCY && played.was_well(provider, at) =>
                {
                    return Err(played.tell(&call.message, &format!("{provider} was well in call {id}")));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether a failure leaves it to another member to try.
fn goes_on(failure: &Failure, message: &OutboundMessage) -> bool {
    failure.acceptance == Acceptance::Unknown
        || match failure.kind {
            ErrorKind::Throttled => message.effective_category() == Category::Authentication,
            ErrorKind::WindowClosed => {
                message.contents().any(|content| message.opens_conversation_with(content))
            }
            kind => matches!(
                kind,
                ErrorKind::Unsupported
                    | ErrorKind::NotEntitled
                    | ErrorKind::TemplateUnavailable
                    | ErrorKind::Credentials
                    | ErrorKind::AccountBlocked
                    | ErrorKind::Unavailable
                    | ErrorKind::NoAnswer
            ),
        }
}

#[test]
fn no_history_breaks_law_4() {
    let checks: [Check; 6] = [
        at_most_once,
        not_accepted_is_not_delivered,
        ok_is_delivered,
        sent_is_remembered,
        fail_over_asks_everybody,
        who_is_well_accepts,
    ];
    let mut tally = BTreeMap::new();
    for seed in seeds(USUAL, 1) {
        let played = Played::new(seed);
        for check in checks {
            check(&played).unwrap_or_else(|broken| panic!("{broken}"));
        }
        played.calls.iter().for_each(|call| *tally.entry(sort(&call.end)).or_insert(0) += 1);
    }
    println!("{tally:?}");
    // Histories in which nothing happens keep every law.
    let kinds = ["Sent", "Sent at last", "Dropped", "NoAnswer Unknown", "Unavailable NotAccepted"];
    let kinds = kinds.into_iter().chain(["Duplicate Unknown", "StoreUnavailable NotAccepted"]);
    let few = seeds(USUAL, 1).count() < USUAL as usize;
    assert!(few || kinds.into_iter().all(|kind| tally.contains_key(kind)), "{tally:?}");
}

/// How a call ended, for the tally.
fn sort(end: &End) -> String {
    match end {
        End::Sent(receipt) if receipt.attempts.len() > 1 => "Sent at last".to_owned(),
        End::Sent(_) => "Sent".to_owned(),
        End::Failed(error) => format!("{:?} {:?}", error.kind(), error.acceptance()),
        End::Dropped => "Dropped".to_owned(),
    }
}
