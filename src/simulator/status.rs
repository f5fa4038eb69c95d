use std::time::Duration;

use http::Uri;

use super::outbox::Post;
use super::people::Waiting;
use super::redelivery::Overrides;
use super::state::State;
use crate::address::PhoneNumber;
use crate::clock::{Clock, Timestamp};

/// What a status says, and how long after the message was sent.
pub(super) type Step = (&'static str, Duration);

/// The life of a message that reaches its user.
pub(super) const LIFE: [Step; 3] = [
    ("sent", Duration::from_millis(300)),
    ("delivered", Duration::from_millis(900)),
    ("read", Duration::from_secs(5)),
];

/// The life of a message that WhatsApp refuses after the provider has accepted it.
pub(super) const FAILURE: [Step; 1] = [("failed", Duration::from_millis(300))];

/// How long after a status its repetition is posted: by then there are later ones.
const REPEATED_AFTER: Duration = Duration::from_secs(10);

/// In which order the statuses of a message are posted. They say the times at which things happened, whenever they are
/// posted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusOrder {
    /// Each when it has happened.
    #[default]
    InOrder,
    /// All when the last one has happened, the last one first.
    Reversed,
    /// All when the last one has happened, in an order that follows from the clock's random numbers.
    Shuffled,
}

/// How statuses are posted.
#[derive(Default)]
pub(super) struct StatusRules {
    pub(super) order: StatusOrder,
    /// How many more times each of them is posted.
    pub(super) repetitions: u32,
}

/// A status of a message, not yet a webhook.
#[derive(Clone)]
pub(super) struct Status {
    pub(super) message_id: String,
    pub(super) user: PhoneNumber,
    pub(super) state: &'static str,
    pub(super) at: Timestamp,
    /// Why the message failed, if it did.
    pub(super) error: Option<i64>,
    pub(super) way: Way,
}

/// How a status goes back, with what the message gave it to carry.
#[derive(Clone)]
pub(super) enum Way {
    Meta { callback_data: Option<String> },
    Twilio { callback: Uri, overrides: Overrides, from: String, service: Option<String> },
}

impl State {
    /// Puts the statuses of a message into the outbox, as the rules say. `first` is what they have in common, and the time
    /// from which on the steps count.
    pub(super) fn follow(&mut self, first: &Status, life: &[Step]) {
        let tells = |step: &&Step| step.0 != "read" || !self.people.discreet.contains(&first.user);
        let mut life: Vec<Step> = life.iter().filter(tells).copied().collect();
        if let (Some(waiting), true) = (self.people.offline.get_mut(&first.user), first.error.is_none()) {
            let later = life.split_off(life.len().min(1));
            waiting.push(Waiting::Statuses(Box::new(first.clone()), later));
        }
        let at = |(_, after): &Step| first.at.saturating_add(*after);
        let mut order: Vec<&Step> = life.iter().collect();
        match self.statuses.order {
            StatusOrder::InOrder => {}
            StatusOrder::Reversed => order.reverse(),
            StatusOrder::Shuffled => shuffle(&mut order, &*self.clock),
        }
        let end = life.iter().map(at).max();
        for step in order {
            let status = Status { state: step.0, at: at(step), ..first.clone() };
            let posted = match (self.statuses.order, end) {
                (StatusOrder::InOrder, _) | (_, None) => status.at,
                (_, Some(end)) => end,
            };
            let mut again = posted;
            for _ in 0..self.statuses.repetitions {
                again = again.saturating_add(REPEATED_AFTER);
                self.outbox.put(again, Post::Status(status.clone()));
            }
            self.outbox.put(posted, Post::Status(status));
        }
    }
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], clock: &dyn Clock) {
    for last in (1..items.len()).rev() {
        let other = clock.random() % (last as u64 + 1);
        items.swap(last, usize::try_from(other).unwrap_or(last));
    }
}
