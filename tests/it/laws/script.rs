//! What happens in a history apart from what the failover does: it follows from the seed alone.

use std::time::Duration;

use whatsapp_provider::failover::Route;
use whatsapp_provider::outbound::{Otherwise, Template};
use whatsapp_provider::simulator::{Fault, Side};
use whatsapp_provider::{Category, OnUnknown, OutboundMessage, ProviderId};

use super::store::Trouble;
use super::{Random, SECOND, user};

pub(super) struct Script {
    pub(super) on_unknown: OnUnknown,
    pub(super) machines: u64,
    /// When each message is first sent. Its place here is its reference.
    pub(super) messages: Vec<(Duration, OutboundMessage)>,
    /// In the order of their times.
    pub(super) changes: Vec<(Duration, Change)>,
}

/// Something that changes outside of the failover.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Fault(Side, Option<Fault>),
    NextFault(Side, Fault),
    Latency(Side, Duration),
    Store(Trouble),
    Flag(Route),
    Crash(u64),
    /// A user writes to this side's number.
    Writes(u64, Side),
}

pub(super) const LATENCY: Duration = Duration::from_millis(80);

pub(super) fn policies(random: &Random) -> [OnUnknown; 4] {
    let within = random.millis(500..=20_000);
    [
        OnUnknown::Stop,
        OnUnknown::reconcile(within, Otherwise::Stop),
        OnUnknown::reconcile(within, Otherwise::FailOver),
        OnUnknown::FailOver,
    ]
}

impl Script {
    pub(super) fn new(random: &Random) -> Self {
        let policies = policies(random);
        let (machines, users) = (2 + random.below(3), 10 + random.below(30));
        let length = length(random);
        let messages = (0..100 + random.below(40)).map(|n| {
            let mut message = message(random, n, users);
            if random.percent(15) {
                message = message.with_on_unknown(random.pick(&policies));
            }
            (random.before(length), message)
        });
        Self {
            on_unknown: random.pick(&policies),
            machines,
            messages: messages.collect(),
            changes: changes(random, machines, users, length),
        }
    }
}

/// From a burst to a quiet hour.
pub(super) fn length(random: &Random) -> Duration {
    random.pick(&[20, 120, 900, 3600]) * SECOND
}

/// Everything that goes wrong, and the flag, and what users write.
pub(super) fn changes(
    random: &Random,
    machines: u64,
    users: u64,
    length: Duration,
) -> Vec<(Duration, Change)> {
    let mut changes = Vec::new();
    for side in Side::ALL.iter().copied() {
        outages(&mut changes, random, side, length);
    }
    for _ in 0..random.below(4) {
        let at = random.before(length);
        changes.push((at, Change::Store(trouble(random))));
        changes.push((at + random.before(length / 8), Change::Store(Trouble::None)));
    }
    for _ in 0..random.below(5) {
        changes.push((random.before(length), Change::Flag(route(random))));
    }
    for _ in 0..random.below(4) {
        changes.push((random.before(length), Change::Crash(random.below(machines))));
    }
    for _ in 0..random.below(users) {
        changes.push((random.before(length), Change::Writes(random.below(users), random.pick(Side::ALL))));
    }
    changes.sort_by_key(|(at, _)| *at);
    changes
}

/// Outages that begin and end, each of one kind; in some histories also single requests that go wrong.
fn outages(changes: &mut Vec<(Duration, Change)>, random: &Random, side: Side, length: Duration) {
    let mut at = random.before(length / 2);
    while at < length && !random.percent(10) {
        let outage = match random.below(5) {
            0 => Change::Latency(side, random.millis(500..=9_000)),
            _ => Change::Fault(side, Some(fault(random, side))),
        };
        changes.push((at, outage));
        at += random.before(length / 4);
        changes.push((at, Change::Fault(side, None)));
        changes.push((at, Change::Latency(side, LATENCY)));
        at += random.before(length / 4);
    }
    if random.percent(60) {
        for _ in 0..random.below(16) {
            changes.push((random.before(length), Change::NextFault(side, fault(random, side))));
        }
    }
}

fn trouble(random: &Random) -> Trouble {
    match random.below(5) {
        0 => Trouble::Fails,
        1 => Trouble::LosesAnswers,
        2 | 3 => Trouble::Slow(random.millis(10..=3_000)),
        _ => Trouble::Late(random.millis(10..=60_000)),
    }
}

fn message(random: &Random, n: u64, users: u64) -> OutboundMessage {
    let shipped = Template::new("order_shipped", "en_US").with_body(["Ada", "77"]);
    let to = user(n % users);
    let text = || OutboundMessage::text(to, format!("message {n}"));
    let message = match random.below(10) {
        0 => OutboundMessage::new(to, shipped),
        1 => OutboundMessage::new(to, Template::new("unknown_to_twilio", "en_US")).or(shipped),
        2 | 3 => text().or(shipped),
        _ => text(),
    };
    let mut message = message.with_reference(n.to_string());
    if random.percent(40) {
        message = message.with_category(random.pick(Category::ALL));
    }
    if random.percent(10) {
        message = message.with_deadline(random.millis(100..=5_000));
    }
    if random.percent(75) {
        message = message.with_idempotency_key(format!("order-{n}"));
    }
    message
}

/// How a side fails: by itself, or because of a message.
pub(super) fn fault(random: &Random, side: Side) -> Fault {
    let retry_after = Some(random.millis(0..=20_000));
    match random.below(16) {
        0 | 1 => Fault::Refuse,
        2 => Fault::Hang,
        3 | 4 => Fault::AcceptThenDrop,
        5 => Fault::AcceptThenCut,
        6 => Fault::AcceptThenHang { after: Duration::ZERO },
        7 => Fault::AcceptThenHang { after: random.millis(0..=60_000) },
        8 => Fault::AcceptThenUnavailable,
        9 => Fault::Unavailable { with_envelope: true },
        10 => Fault::Unavailable { with_envelope: false },
        11 => Fault::Throttle { retry_after },
        12 => Fault::Suspend,
        13 => Fault::WrongToken,
        _ => refusal_of_a_message(random, side),
    }
}

/// What a side says when the message or its recipient is the reason.
pub(super) fn refusal_of_a_message(random: &Random, side: Side) -> Fault {
    let code = match side {
        // Nobody there, blocked by the user, too many to this user, no window, no such template, a wrong parameter, a
        // type it does not know, not for this account, and something about the parameters.
        Side::Meta => {
            random.pick(&[131_026, 130_403, 131_056, 131_047, 132_001, 131_009, 131_051, 131_030, 135_000])
        }
        // No such number, stopped by the user, too many to this user, no window, no such template, a wrong variable,
        // too long, not from this account.
        _ => random.pick(&[21_211, 21_610, 14_107, 63_016, 21_655, 21_656, 21_617, 21_408]),
    };
    Fault::Code { status: 400, code }
}

pub(super) fn route(random: &Random) -> Route {
    let member = random.pick(&[ProviderId::META, ProviderId::TWILIO]);
    match random.below(4) {
        0 => Route::Only(member),
        1 => Route::Prefer(member),
        _ => Route::Auto,
    }
}
