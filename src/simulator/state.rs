use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::sync::Notify;

use super::accounts::{Side, WEBHOOK_URL};
use super::delivery::{Delivery, SimulatedRequest};
#[cfg(not(target_family = "wasm"))]
use super::fault::Fault;
use super::fault::Faults;
use super::limits::Limits;
use super::meta::{MediaStore, RegisteredTemplate};
use super::outbox::{Outbox, Post};
use super::people::{People, Waiting};
use super::posting::PostedWebhook;
use super::redelivery::Overrides;
use super::status::{Status, StatusRules};
use super::timeline::TimelineEntry;
use super::twilio::{ReceivedFiles, RegisteredContent, StoredMessage};
use crate::address::PhoneNumber;
use crate::clock::{Clock, Timestamp};

/// The customer service window: free-form messages may follow a user's message this long.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How long Twilio's messages are kept when the rest is forgotten: longer than anybody looks for one.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Everything that has happened.
pub(super) struct State {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) webhook_url: Uri,
    pub(super) enforce_windows: bool,
    pub(super) require_templates: bool,
    pub(super) limits: Limits,
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
    pub(super) people: People,
    /// The code with which WhatsApp is to refuse the message that is being accepted.
    pub(super) refused_later: Option<i64>,
    meta: Faults,
    twilio: Faults,
    /// What is still to be posted to the service.
    pub(super) outbox: Outbox,
    /// What happened, in the order in which it was done here.
    pub(super) timeline: Vec<TimelineEntry>,
    /// What was posted, and how it ended.
    pub(super) posted: Vec<PostedWebhook>,
    /// How many updates Meta posts together at most.
    pub(super) batch_size: usize,
    /// Those of the address that is configured for inbound messages.
    pub(super) twilio_overrides: Overrides,
    /// How statuses are posted.
    pub(super) statuses: StatusRules,
    last_id: u64,
    /// When each user last wrote to each side's number.
    last_written: BTreeMap<(Side, PhoneNumber), Timestamp>,
}

impl State {
    pub(super) fn new(clock: Arc<dyn Clock>, filled: Arc<Notify>) -> Self {
        Self {
            clock,
            webhook_url: Uri::from_static(WEBHOOK_URL),
            enforce_windows: false,
            require_templates: false,
            limits: Limits::default(),
            requests: Vec::new(),
            deliveries: Vec::new(),
            templates: BTreeMap::new(),
            contents: BTreeMap::new(),
            messages: Vec::new(),
            media: MediaStore::default(),
            files: ReceivedFiles::default(),
            people: People::default(),
            refused_later: None,
            meta: Faults::none(),
            twilio: Faults::none(),
            outbox: Outbox::new(filled),
            timeline: Vec::new(),
            posted: Vec::new(),
            batch_size: 1,
            twilio_overrides: Overrides::default(),
            statuses: StatusRules::default(),
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

    /// Does what scripts say up to now, and tells when they go on.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn follow_scripts(&mut self, now: Timestamp) -> Option<Timestamp> {
        let next = [Side::Meta, Side::Twilio].into_iter().filter_map(|side| {
            let faults = self.faults(side);
            faults.follow_script(now);
            faults.next_change()
        });
        next.min()
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

    /// A message reaches a user, or waits for the phone.
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        let user = delivery.to;
        if let Some(waiting) = self.people.offline.get_mut(&user) {
            waiting.push(Waiting::Delivery(Box::new(delivery)));
            return;
        }
        if let Some((pause, answers)) = self.people.answers.get(&user) {
            let came = delivery.at.max(self.clock.now());
            let answer = Post::Answer(Box::new(delivery.clone()), Arc::clone(answers));
            self.outbox.put(came.saturating_add(*pause), answer);
        }
        let came = self.people.came.get(&delivery.message_id).copied();
        self.timeline.push(TimelineEntry::delivered(&delivery, came.unwrap_or(delivery.at)));
        self.deliveries.push(delivery);
    }

    /// A message that was to be sent later will not be.
    pub(super) fn call_back(&mut self, message_id: &str) {
        self.deliveries.retain(|delivery| delivery.message_id != message_id);
        self.timeline.retain(|entry| !entry.is_delivery_of(message_id));
        self.outbox.drop_all_of(message_id);
        for waiting in self.people.offline.values_mut() {
            waiting.retain(|waiting| waiting.message_id() != message_id);
        }
    }

    /// A phone is on again: what waited for it comes, and the statuses that tell of it.
    pub(super) fn bring_online(&mut self, user: PhoneNumber, now: Timestamp) {
        for waiting in self.people.offline.remove(&user).unwrap_or_default() {
            match waiting {
                Waiting::Delivery(delivery) => {
                    self.people.came.insert(delivery.message_id.clone(), now.max(delivery.at));
                    self.deliver(*delivery);
                }
                Waiting::Answer(delivery, answers) => {
                    self.outbox.put(now, Post::Answer(delivery, answers));
                }
                Waiting::Statuses(first, life) => {
                    // It is delivered at once, unless it was accepted only just now.
                    let skipped = life.first().map_or(Duration::ZERO, |(_, after)| *after);
                    let life = life.into_iter().map(|(state, after)| (state, after.saturating_sub(skipped)));
                    let first = Status { at: now.max(first.at.saturating_add(skipped)), ..*first };
                    self.follow(&first, &life.collect::<Vec<_>>());
                }
            }
        }
    }

    /// The user has written, which opens that side's window or keeps it open.
    pub(super) fn wrote(&mut self, side: Side, user: PhoneNumber, now: Timestamp) {
        self.last_written.insert((side, user), now);
    }

    /// Whether a free-form message may go.
    pub(super) fn window_is_open(&self, side: Side, user: PhoneNumber, now: Timestamp) -> bool {
        !self.enforce_windows || self.window_closes(side, user).is_some_and(|closes| closes > now)
    }

    /// When the window closes, or has closed.
    pub(super) fn window_closes(&self, side: Side, user: PhoneNumber) -> Option<Timestamp> {
        self.last_written.get(&(side, user)).map(|at| at.saturating_add(WINDOW))
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        self.requests.clear();
        self.deliveries.clear();
        self.posted.clear();
        self.timeline.clear();
        self.people.forget();
        self.messages.retain(|message| now.since(message.sends_at.max(message.at)) < KEPT);
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

    #[test]
    fn a_window_lasts_a_day_and_belongs_to_one_side_and_one_user() {
        let mut state = State::new(Arc::new(crate::testing::TestClock::new()), Arc::default());
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
