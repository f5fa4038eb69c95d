//! Law 9: a send that is dropped, wherever it waits, leaves health usable, and its open claim remembers the attempt.

use std::time::Duration;

use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::{FailoverEvent, FailoverPolicy, Standing};
use whatsapp_provider::outbound::{Otherwise, Template};
use whatsapp_provider::simulator::{Fault, Side};
use whatsapp_provider::{Acceptance, ErrorKind, OnUnknown, OutboundMessage, ProviderId};

use super::script::Change;
use super::store::Trouble;
use super::world::{End, Patience, World};
use super::{SECOND, user};

/// How machine 0 finds the primary when the send begins that is dropped.
#[derive(Debug, Clone, Copy)]
enum Primary {
    Well,
    /// An outage is over, and this send finds out, after a probe.
    Trial,
    /// It has found out once, without a doubt.
    SecondTrial,
}

/// What else happens then.
fn scenes() -> Vec<Vec<Change>> {
    let meta = |fault| Change::NextFault(Side::Meta, fault);
    let hang = Fault::AcceptThenHang { after: Duration::ZERO };
    let slow = Change::Store(Trouble::Slow(Duration::from_millis(300)));
    vec![
        vec![],
        vec![slow.clone()],
        vec![Change::Store(Trouble::LosesAnswers)],
        vec![Change::Store(Trouble::Late(5 * SECOND))],
        vec![meta(Fault::Refuse)],
        vec![meta(Fault::Refuse), slow.clone()],
        vec![meta(hang)],
        vec![meta(hang), slow],
        vec![meta(hang), Change::NextFault(Side::Twilio, hang)],
        vec![meta(Fault::AcceptThenDrop)],
        vec![meta(Fault::AcceptThenCut)],
        vec![meta(Fault::Code { status: 400, code: 131_047 })],
        // The probe finds these, too.
        vec![Change::Fault(Side::Meta, Some(Fault::Hang))],
        vec![Change::Fault(Side::Meta, Some(Fault::WrongToken))],
    ]
}

fn once() -> OutboundMessage {
    OutboundMessage::text(user(0), "hello")
        .or(Template::new("order_shipped", "en_US").with_body(["Ada", "77"]))
        .with_idempotency_key("order-77")
        .with_reference("it")
}

/// What is sent to see how the members are: to another user each time, and without a key.
async fn other(world: &World, n: u64) -> End {
    world.send(0, &OutboundMessage::text(user(n), "how are you?"), Patience::Endless).await
}

/// Makes it so that machine 0 finds the primary like this.
async fn prepare(world: &World, primary: Primary) {
    if matches!(primary, Primary::Well) {
        return;
    }
    world.change(&Change::Fault(Side::Meta, Some(Fault::Refuse))).await;
    for n in 1..=5 {
        other(world, n).await;
    }
    world.change(&Change::Fault(Side::Meta, None)).await;
    world.clock.sleep(30 * SECOND).await;
    if matches!(primary, Primary::SecondTrial) {
        other(world, 6).await;
    }
    assert_eq!(world.primary(), Standing::Trial);
}

/// Drops a send after so many polls. Whether it had come to its end by then.
fn drop_after(polls: usize, scene: &[Change], on_unknown: OnUnknown, primary: Primary) -> bool {
    let world = World::new(polls as u64, 2, FailoverPolicy::default().with_on_unknown(on_unknown));
    let what = format!("{scene:?}, {on_unknown:?}, {primary:?}, dropped after {polls} polls");
    let tell = |broken| format!("{what}: {broken}\n{}", world.log.last(80));
    world.clock.block_on(async {
        prepare(&world, primary).await;
        for change in scene {
            world.change(change).await;
        }
        let id = world.calls.borrow().len();
        let first = world.send(0, &once(), Patience::Polls(polls)).await;
        let stuck = Standing::open(ErrorKind::Unavailable, Duration::ZERO);
        assert_ne!(world.primary(), stuck, "{}", tell("a trial is out, and nobody is on it"));

        // All is well again, but for faults that the first call would have met.
        world.heal().await;
        let soon = world.send(1, &once(), Patience::Endless).await;
        world.clock.sleep(120 * SECOND).await;
        let late = world.send(0, &once(), Patience::Endless).await;
        if let Err(broken) = remembers(&world, id, on_unknown, [&first, &soon, &late]) {
            panic!("{}", tell(broken));
        }

        // The longest time for which a member is not used; then whatever is left of the faults, trials and the pause.
        let mut last = End::Dropped;
        for n in 10..16 {
            world.clock.sleep(300 * SECOND).await;
            last = other(&world, n).await;
        }
        let by_meta = matches!(last, End::Sent(receipt) if receipt.provider == ProviderId::META);
        assert!(by_meta && world.primary() == Standing::Ready, "{}", tell("the primary is not used again"));
        !matches!(first, End::Dropped)
    })
}

/// Whether the repeats of a call know what it has tried.
fn remembers(world: &World, id: usize, on_unknown: OnUnknown, ends: [&End; 3]) -> Result<(), &'static str> {
    let deliveries: Vec<_> =
        world.simulator.deliveries().into_iter().filter(|it| it.reference.as_deref() == Some("it")).collect();
    let by = |side| deliveries.iter().filter(|delivery| delivery.side == side).count();
    if Side::ALL.iter().any(|side| by(*side) > 1) {
        return Err("one member was given it twice");
    }
    for end in ends {
        let accepted = match end {
            End::Sent(receipt) => receipt.attempts.last().map(|report| report.id),
            _ => continue,
        };
        if !deliveries.iter().any(|delivery| delivery.attempt == accepted) {
            return Err("it is said to be sent, and is not delivered");
        }
    }
    if on_unknown != OnUnknown::Stop {
        return Ok(());
    }

    if deliveries.len() > 1 {
        return Err("it was sent twice");
    }
    // What the first call tried, and whether all of that was refused.
    let (mut tried, mut refused) = (Vec::new(), 0);
    for (_, event) in world.log.decisions(id) {
        match event {
            FailoverEvent::AttemptStarted { attempt, .. } => tried.push(attempt),
            FailoverEvent::AttemptEnded { failure: Some(failure), .. } => {
                refused += usize::from(failure.acceptance == Acceptance::NotAccepted);
            }
            _ => {}
        }
    }
    let again = (id + 1..id + 3).any(|repeat| world.first_choice(repeat).is_some());
    match ends[2] {
        _ if again && refused < tried.len() => Err("it was tried again"),
        End::Failed(error) if !tried.is_empty() => {
            let named = error.attempts().iter().any(|report| tried.contains(&report.id));
            if named { Ok(()) } else { Err("the attempt is not named") }
        }
        _ => Ok(()),
    }
}

#[test]
fn a_send_that_is_dropped_at_any_await_point_breaks_nothing() {
    let within = 3 * SECOND;
    let policies = [
        OnUnknown::Stop,
        OnUnknown::FailOver,
        OnUnknown::reconcile(within, Otherwise::Stop),
        OnUnknown::reconcile(within, Otherwise::FailOver),
    ];
    let mut points = 0;
    for scene in scenes() {
        for on_unknown in policies {
            for primary in [Primary::Well, Primary::Trial, Primary::SecondTrial] {
                let end = (0..200).find(|polls| drop_after(*polls, &scene, on_unknown, primary));
                points += end.expect("it comes to its end");
            }
        }
    }
    println!("dropped at {points} points");
}
