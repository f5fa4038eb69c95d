//! What users' phones do by themselves, and what they show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::accounts::Side;
use super::delivery::Delivery;
use super::status::{Status, Step};
use super::user::UserMessage;
use crate::address::PhoneNumber;
use crate::clock::Timestamp;

/// What a user says to a message, if anything.
pub(super) type Answers = Arc<dyn Fn(&Delivery) -> Option<UserMessage> + Send + Sync>;

/// The users, as far as something was said of them or by them.
#[derive(Default)]
pub(super) struct People {
    /// Those who share no number.
    pub(super) hidden: BTreeSet<PhoneNumber>,
    /// Those who send no read receipts.
    pub(super) discreet: BTreeSet<PhoneNumber>,
    /// Those whose phone is off, with what waits for it.
    pub(super) offline: BTreeMap<PhoneNumber, Vec<Waiting>>,
    /// When messages came that had to wait for the phone.
    pub(super) came: BTreeMap<String, Timestamp>,
    pub(super) answers: BTreeMap<PhoneNumber, (Duration, Answers)>,
    /// What users said, in order.
    pub(super) said: Vec<Said>,
    /// When the business was last seen typing.
    pub(super) typing: BTreeMap<(Side, PhoneNumber), Timestamp>,
}

/// What waits for a phone.
pub(super) enum Waiting {
    /// A message.
    Delivery(Box<Delivery>),
    /// What the user may say to a message that came before the phone went off.
    Answer(Box<Delivery>, Answers),
    /// The statuses that follow when it has come, from the time of its acceptance on.
    Statuses(Box<Status>, Vec<Step>),
}

impl Waiting {
    /// The message that it is about.
    pub(super) fn message_id(&self) -> &str {
        match self {
            Self::Delivery(delivery) | Self::Answer(delivery, _) => &delivery.message_id,
            Self::Statuses(status, _) => &status.message_id,
        }
    }
}

/// A message that a user sent.
pub(super) struct Said {
    pub(super) side: Side,
    pub(super) user: PhoneNumber,
    pub(super) message_id: String,
    pub(super) at: Timestamp,
    pub(super) message: UserMessage,
    /// Whether the business has marked it as read.
    pub(super) read: bool,
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").field("said", &self.said.len()).finish_non_exhaustive()
    }
}

impl People {
    /// A user has another number: who has that is as the user was. Answers whether the user shares no number.
    pub(super) fn move_in(&mut self, before: PhoneNumber, after: PhoneNumber) -> bool {
        let hidden = self.hidden.remove(&before);
        if hidden {
            self.hidden.insert(after);
        }
        if self.discreet.remove(&before) {
            self.discreet.insert(after);
        }
        if let Some(answers) = self.answers.remove(&before) {
            self.answers.insert(after, answers);
        }
        if let Some(waiting) = self.offline.remove(&before) {
            self.offline.insert(after, waiting);
        }
        hidden
    }

    /// The business has read a message, and so all that the user wrote to that number before.
    pub(super) fn mark_read(&mut self, side: Side, message_id: &str) -> Option<PhoneNumber> {
        let place = self.said.iter().position(|said| said.side == side && said.message_id == message_id)?;
        let user = self.said.get(place)?.user;
        let before = self.said.iter_mut().take(place.saturating_add(1));
        before.filter(|said| said.side == side && said.user == user).for_each(|said| said.read = true);
        Some(user)
    }

    /// The business shows that it types, which tells that it has read the message too.
    pub(super) fn show_typing(&mut self, side: Side, message_id: &str, now: Timestamp) {
        if let Some(user) = self.mark_read(side, message_id) {
            self.typing.insert((side, user), now);
        }
    }

    /// Forgets what was said.
    pub(super) fn forget(&mut self) {
        self.said.clear();
        self.came.clear();
        self.typing.clear();
    }
}
