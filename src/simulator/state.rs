use std::collections::BTreeMap;
use std::time::Duration;

use http::Uri;

use super::accounts::{Side, WEBHOOK_URL};
use super::delivery::{Delivery, SimulatedRequest};
#[cfg(not(target_family = "wasm"))]
use super::fault::Fault;
use super::fault::Faults;
use super::meta::{MediaStore, RegisteredTemplate};
use super::twilio::{ReceivedFiles, RegisteredContent, StoredMessage};
use crate::address::PhoneNumber;
use crate::clock::Timestamp;

/// What a status says, and how long after the acceptance.
pub(super) const LIFE: [(&str, Duration); 3] = [
    ("sent", Duration::from_millis(300)),
    ("delivered", Duration::from_millis(900)),
    ("read", Duration::from_secs(5)),
];

/// The customer service window: free-form messages may follow a user's message this long.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How long Twilio's messages are kept when the rest is forgotten: longer than anybody looks for one.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Everything that has happened.
pub(super) struct State {
    pub(super) webhook_url: Uri,
    pub(super) enforce_windows: bool,
    pub(super) requests: Vec<SimulatedRequest>,
    pub(super) deliveries: Vec<Delivery>,
    /// Meta's templates, by name and language.
    pub(super) templates: BTreeMap<(String, String), RegisteredTemplate>,
    /// What Twilio knows by `ContentSid`.
    pub(super) contents: BTreeMap<String, RegisteredContent>,
    /// What Twilio has accepted, in order.
    pub(super) messages: Vec<StoredMessage>,
    /// What Meta keeps.
    pub(super) media: MediaStore,
    /// What users sent to Twilio.
    pub(super) files: ReceivedFiles,
    meta: Faults,
    twilio: Faults,
    /// By the time they are due, then by the order in which they were made.
    scheduled: BTreeMap<(Timestamp, u64), Status>,
    last_id: u64,
    /// When each user last wrote to each side's number.
    last_written: BTreeMap<(Side, PhoneNumber), Timestamp>,
}

/// A status of a message, not yet a webhook.
#[derive(Clone)]
pub(super) struct Status {
    pub(super) message_id: String,
    pub(super) user: PhoneNumber,
    pub(super) state: &'static str,
    pub(super) at: Timestamp,
    pub(super) way: Way,
}

/// How a status goes back, with what the message gave it to carry.
#[derive(Clone)]
pub(super) enum Way {
    Meta { callback_data: Option<String> },
    Twilio { callback: Uri, from: String, service: Option<String>, error: Option<i64> },
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            webhook_url: Uri::from_static(WEBHOOK_URL),
            enforce_windows: false,
            requests: Vec::new(),
            deliveries: Vec::new(),
            templates: BTreeMap::new(),
            contents: BTreeMap::new(),
            messages: Vec::new(),
            media: MediaStore::default(),
            files: ReceivedFiles::default(),
            meta: Faults::none(),
            twilio: Faults::none(),
            scheduled: BTreeMap::new(),
            last_id: 0,
            last_written: BTreeMap::new(),
        }
    }

    pub(super) fn faults(&mut self, side: Side) -> &mut Faults {
        match side {
            Side::Meta => &mut self.meta,
            Side::Twilio => &mut self.twilio,
        }
    }

    /// The sides that refuse every connection.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn refusing(&self) -> Vec<Side> {
        let refuses = |faults: &Faults| faults.standing == Some(Fault::Refuse);
        [(Side::Meta, refuses(&self.meta)), (Side::Twilio, refuses(&self.twilio))]
            .into_iter()
            .filter_map(|(side, refuses)| refuses.then_some(side))
            .collect()
    }

    /// A number that no other id is made from.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn schedule(&mut self, status: Status) {
        let key = (status.at, self.next_id());
        self.scheduled.insert(key, status);
    }

    /// The statuses that are due, in order; they are gone then.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Status> {
        let mut due = Vec::new();
        while let Some(first) = self.scheduled.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }

    /// The message will have no further statuses.
    pub(super) fn drop_statuses(&mut self, message_id: &str) {
        self.scheduled.retain(|_, status| status.message_id != message_id);
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.scheduled.first_key_value().map(|((at, _), _)| *at)
    }

    /// The user has written, which opens that side's window or keeps it open.
    pub(super) fn wrote(&mut self, side: Side, user: PhoneNumber, now: Timestamp) {
        self.last_written.insert((side, user), now);
    }

    /// Whether a free-form message may go.
    pub(super) fn window_is_open(&self, side: Side, user: PhoneNumber, now: Timestamp) -> bool {
        !self.enforce_windows
            || self.last_written.get(&(side, user)).is_some_and(|at| now.since(*at) < WINDOW)
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.requests.clear();
        self.deliveries.clear();
        self.messages.retain(|message| now.since(message.at) < KEPT);
        self.media.forget(now);
    }

    /// The last message that a user got from this side.
    pub(super) fn last_delivery(&self, side: Side, user: PhoneNumber) -> Option<&Delivery> {
        self.deliveries.iter().rev().find(|delivery| delivery.side == side && delivery.to == user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    fn status(message_id: &str, seconds: u64) -> Status {
        Status {
            message_id: message_id.to_owned(),
            user: PhoneNumber::from_digits("15557654321").unwrap(),
            state: "sent",
            at: at(seconds),
            way: Way::Meta { callback_data: None },
        }
    }

    #[test]
    fn statuses_come_in_the_order_of_their_times_and_once() {
        let mut state = State::new();
        for (message_id, seconds) in [("c", 7), ("a", 3), ("d", 9), ("b", 3)] {
            state.schedule(status(message_id, seconds));
        }
        let mut names = |now| -> Vec<String> {
            let due = state.take_due(at(now));
            due.into_iter().map(|status| status.message_id).collect()
        };
        assert!(names(2).is_empty());
        assert_eq!(names(7), ["a", "b", "c"]);
        assert!(names(8).is_empty());
        assert_eq!(state.next_due(), Some(at(9)));
    }

    #[test]
    fn a_window_lasts_a_day_and_belongs_to_one_side_and_one_user() {
        let mut state = State::new();
        let ada = PhoneNumber::from_digits("15557654321").unwrap();
        let bob = PhoneNumber::from_digits("15557654322").unwrap();
        assert!(state.window_is_open(Side::Meta, ada, at(0)));
        state.enforce_windows = true;
        assert!(!state.window_is_open(Side::Meta, ada, at(0)));
        state.wrote(Side::Meta, ada, at(100));
        assert!(state.window_is_open(Side::Meta, ada, at(100)));
        assert!(state.window_is_open(Side::Meta, ada, at(86_499)));
        assert!(!state.window_is_open(Side::Meta, ada, at(86_500)));
        assert!(!state.window_is_open(Side::Twilio, ada, at(100)));
        assert!(!state.window_is_open(Side::Meta, bob, at(100)));
    }
}
