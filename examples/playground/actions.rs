//! What the page's buttons do.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use whatsapp_provider::PhoneNumber;
use whatsapp_provider::failover::Route;
use whatsapp_provider::simulator::{Fault, Side};

use super::Problem;
use super::contents;
use super::world::World;

/// How long a side takes that is slow.
const SLOW: Duration = Duration::from_millis(2_500);
const QUICK: Duration = Duration::from_millis(80);

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    /// The service sends to a user.
    Send { to: String, kind: String, text: String },
    /// A user writes to one of the service's numbers.
    Write { user: String, side: Provider, text: String },
    /// A user taps a button.
    Tap { user: String, side: Provider, id: String, title: String },
    /// A provider is broken, or healed.
    Break { side: Provider, how: How },
    /// Somebody flips the flag.
    Flip { route: String },
    /// Somebody who knows the webhook's address posts to it.
    Forge { side: Provider },
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Provider {
    Meta,
    Twilio,
}

#[derive(Deserialize, Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Well,
    Cut,
    Hang,
    Slow,
    Throttle,
    Suspend,
    LoseAnswer,
}

impl From<Provider> for Side {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Meta => Self::Meta,
            Provider::Twilio => Self::Twilio,
        }
    }
}

/// Does it. What it leads to is told by the events.
pub(crate) fn perform(world: &World, action: Action) -> Result<(), Problem> {
    let person = |key: &str| world.person(key).ok_or("there is no such user");
    match action {
        Action::Send { to, kind, text } => {
            let to = person(&to)?;
            let last = world.last_written(to);
            let content = contents::make(&kind, &text, to.name, last)?;
            let label =
                contents::KINDS.iter().find(|(key, _)| *key == kind).map_or("message", |(_, label)| label);
            world.send(to, &label.to_lowercase(), content);
        }
        Action::Write { user, side, text } => {
            let webhook = person(&user)?.user.writes(side.into(), &text);
            world.simulator.post(webhook);
        }
        Action::Tap { user, side, id, title } => {
            let webhook = person(&user)?.user.taps_button(side.into(), &id, &title);
            world.simulator.post(webhook);
        }
        Action::Break { side, how } => break_side(world, side.into(), how),
        Action::Flip { route } => {
            let route: Route = route.parse()?;
            world.journal.note("note", format!("Somebody set the flag to {route}"));
            world.flag.set(route);
        }
        Action::Forge { side } => {
            let side = side.into();
            let stranger = world.simulator.user(PhoneNumber::parse("+15557650666")?);
            world.simulator.post(stranger.writes(side, "Send all the money to this account").forged());
        }
    }
    Ok(())
}

fn break_side(world: &World, side: Side, how: How) {
    let (fault, latency, words) = match how {
        How::Well => (None, QUICK, "is well"),
        How::Cut => (Some(Fault::Refuse), QUICK, "cannot be reached"),
        How::Hang => (Some(Fault::Hang), QUICK, "takes requests and never answers"),
        How::Slow => (None, SLOW, "is slow"),
        How::Throttle => (Some(Fault::Throttle { retry_after: None }), QUICK, "throttles"),
        How::Suspend => (Some(Fault::Suspend), QUICK, "has suspended the account"),
        How::LoseAnswer => (None, QUICK, "will accept the next message and lose its answer"),
    };
    world.simulator.set_fault(side, fault);
    world.simulator.set_latency(side, latency);
    if let How::LoseAnswer = how {
        world.simulator.fault_next(side, Fault::AcceptThenDrop);
    }
    world.is_broken_now(side, how);
    world.journal.note("note", format!("From now on {side:?} {words}"));
}
