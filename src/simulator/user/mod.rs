use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;

mod message;
mod meta;
#[cfg(test)]
mod tests;
mod twilio;

pub use message::UserMessage;

use super::Simulator;
use super::accounts::{Side, SimulatedAccounts};
use super::delivery::Delivery;
use super::people::Said;
use super::redelivery::Overrides;
use super::state::State;
use super::webhook::SimulatedWebhook;
use crate::address::{PhoneNumber, UserId};
use crate::meta::MediaKind;
use crate::outbound::{FileBytes, Location};
use crate::redact::redacted_debug;

/// How long a user takes for an answer, unless it was set.
const PAUSE: Duration = Duration::from_secs(1);

/// A user of WhatsApp, who gets messages and writes to the business's numbers.
///
/// What the user does comes back as the webhook that the provider posts, to be given to the service by hand. It opens
/// the customer service window of that side's number.
#[derive(Clone)]
pub struct SimulatedUser {
    simulator: Simulator,
    phone: PhoneNumber,
}

redacted_debug! {
    SimulatedUser {}
}

impl SimulatedUser {
    pub(super) fn new(simulator: Simulator, phone: PhoneNumber) -> Self {
        Self { simulator, phone }
    }

    /// The user's number.
    pub fn phone(&self) -> PhoneNumber {
        self.phone
    }

    /// How one side's business portfolio names the user, if the provider's own form of an id is one. A message may be
    /// sent to it.
    pub fn user_id(&self, side: Side) -> Option<UserId> {
        UserId::new(side.user_id(self.phone)).ok()
    }

    /// The messages that reached the user, in order.
    pub fn received(&self) -> Vec<Delivery> {
        let mut received = self.simulator.deliveries();
        received.retain(|delivery| delivery.to == self.phone);
        received
    }

    /// The user says something to one side's number. `None` if that provider has no webhook for it.
    pub fn says(&self, side: Side, message: &UserMessage) -> Option<SimulatedWebhook> {
        (side == Side::Meta || twilio::carries(message)).then(|| self.tells(side, message))
    }

    /// The user writes a text.
    pub fn writes(&self, side: Side, text: &str) -> SimulatedWebhook {
        self.tells(side, &UserMessage::text(text))
    }

    /// The user taps a reply button of the last message of this side's.
    pub fn taps_button(&self, side: Side, id: &str, title: &str) -> SimulatedWebhook {
        self.tells(side, &UserMessage::button(id, title))
    }

    /// The user chooses a row of a list, the last message of this side's.
    pub fn chooses_row(&self, side: Side, id: &str, title: &str) -> SimulatedWebhook {
        self.tells(side, &UserMessage::list_row(id, title))
    }

    /// The user sends a picture, with or without a caption.
    pub fn sends_image(&self, side: Side, caption: Option<&str>) -> SimulatedWebhook {
        self.tells(side, &captioned(UserMessage::image(), caption))
    }

    /// The user sends a file, as what its media type makes it: a picture, a video, a sound, a sticker (WebP) or a
    /// document. Meta keeps it for seven days, Twilio until it is deleted.
    pub fn sends_file(&self, side: Side, file: &FileBytes, caption: Option<&str>) -> SimulatedWebhook {
        self.tells(side, &captioned(UserMessage::file(file.clone()), caption))
    }

    /// The user sends a place, by its latitude and longitude in degrees.
    pub fn shares_location(&self, side: Side, latitude: f64, longitude: f64) -> SimulatedWebhook {
        self.tells(side, &UserMessage::Location(Location::new(latitude, longitude)))
    }

    /// The user puts an emoji on a message. `None` for Twilio, which has no webhook for that.
    pub fn reacts(&self, side: Side, message_id: &str, emoji: &str) -> Option<SimulatedWebhook> {
        self.says(side, &UserMessage::reaction(message_id, emoji))
    }

    /// From now on the user has a user name and shares no number: webhooks name the user by the portfolio's
    /// [id](Self::user_id) alone, and messages can be sent to that.
    pub fn hides_number(&self) {
        self.simulator.state().people.hidden.insert(self.phone);
    }

    /// Webhooks name the number again.
    pub fn shows_number(&self) {
        self.simulator.state().people.hidden.remove(&self.phone);
    }

    /// Whether the user's phone tells that messages were read. Default `true`. What the provider's API shows of a message
    /// does not know of it.
    pub fn sends_read_receipts(&self, sends: bool) {
        let discreet = &mut self.simulator.state().people.discreet;
        if sends {
            discreet.remove(&self.phone);
        } else {
            discreet.insert(self.phone);
        }
    }

    /// Switches the phone off: messages that are accepted from now on are `sent` and no more. What the provider's API
    /// shows of a message does not know of it.
    pub fn goes_offline(&self) {
        self.simulator.state().people.offline.entry(self.phone).or_default();
    }

    /// Switches the phone on again: what has waited comes now.
    pub fn comes_online(&self) {
        let now = self.simulator.0.clock.now();
        self.simulator.state().bring_online(self.phone, now);
    }

    /// The user answers messages by themselves, by the number that they came from, a second after each. The answers are
    /// among the webhooks that are [due](Simulator::due_webhooks). A new script takes the place of the old one.
    ///
    /// The function is asked when the answer is due; what it returns `None` for is not answered. It may look at the
    /// simulator.
    pub fn answers(&self, script: impl Fn(&Delivery) -> Option<UserMessage> + Send + Sync + 'static) {
        self.answers_after(PAUSE, script);
    }

    /// The same, so long after each message.
    pub fn answers_after(
        &self,
        pause: Duration,
        script: impl Fn(&Delivery) -> Option<UserMessage> + Send + Sync + 'static,
    ) {
        self.simulator.state().people.answers.insert(self.phone, (pause, Arc::new(script)));
    }

    /// The user answers the next messages with these, one each, and then no more.
    pub fn answers_with(&self, messages: impl IntoIterator<Item = UserMessage>) {
        let messages: Vec<UserMessage> = messages.into_iter().collect();
        let left = Mutex::new(messages.into_iter());
        self.answers(move |_| left.lock().unwrap_or_else(PoisonError::into_inner).next());
    }

    pub(super) fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// For what the side has a webhook for.
    fn tells(&self, side: Side, message: &UserMessage) -> SimulatedWebhook {
        let now = self.simulator.0.clock.now();
        let accounts = &self.simulator.0.accounts;
        let mut state = self.simulator.state();
        let file = if side == Side::Meta { file_of(message) } else { twilio::file(message) };
        let number = state.next_id();
        let (mut media_id, has_file) = (String::new(), file.is_some());
        match (side, file) {
            (Side::Meta, Some(file)) => media_id = state.media.receive(number, file, now),
            (Side::Twilio, Some(file)) => state.files.receive(number, file),
            (_, None) => {}
        }
        let url = state.webhook_url.clone();
        let envelope = Envelope {
            accounts,
            url: &url,
            overrides: state.twilio_overrides,
            user: self.phone,
            hidden: state.people.hidden.contains(&self.phone),
            number,
            media_id,
            answers: self.answers_to(&state, side, message),
        };
        let (webhook, message_id) = match side {
            Side::Meta => {
                let message_id = super::meta::message_id(self.phone, number);
                (meta::write(&envelope, message, now.unix_seconds()), message_id)
            }
            Side::Twilio => (twilio::write(&envelope, message), twilio::sid(number, has_file)),
        };
        // Whoever takes something back has not written.
        if !matches!(message.bare(), UserMessage::Revoke { .. }) {
            state.wrote(side, self.phone, now);
        }
        state.people.said.push(Said {
            side,
            user: self.phone,
            message_id,
            at: now,
            message: message.clone(),
            read: false,
        });
        webhook
    }

    /// What a message answers, and whether that is the business's: what it quotes, or the last message, which a tap
    /// belongs to.
    fn answers_to(&self, state: &State, side: Side, message: &UserMessage) -> Option<(bool, String)> {
        match message {
            UserMessage::Quote { message_id, .. } => {
                let own = state.people.said.iter().any(|said| said.message_id == *message_id);
                Some((!own, message_id.clone()))
            }
            UserMessage::Button { .. }
            | UserMessage::TemplateButton { .. }
            | UserMessage::ListRow { .. }
            | UserMessage::FlowReply(_) => {
                let last = state.last_delivery(side, self.phone)?;
                Some((true, last.message_id.clone()))
            }
            _ => None,
        }
    }
}

fn captioned(message: UserMessage, caption: Option<&str>) -> UserMessage {
    match caption {
        Some(caption) => message.with_caption(caption),
        None => message,
    }
}

/// The file of a message, if it has one.
fn file_of(message: &UserMessage) -> Option<FileBytes> {
    match message.bare() {
        UserMessage::File { file, .. } | UserMessage::Voice(file) => Some(file.clone()),
        _ => None,
    }
}

/// What a user's app makes of a file.
fn kind_of(file: &FileBytes) -> &'static str {
    match MediaKind::of(&file.mime_type) {
        MediaKind::Image => "image",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Sticker => "sticker",
        MediaKind::Document => "document",
    }
}

/// What every message has around it on its way in.
struct Envelope<'a> {
    accounts: &'a SimulatedAccounts,
    url: &'a Uri,
    overrides: Overrides,
    user: PhoneNumber,
    /// Whether the number is not told.
    hidden: bool,
    number: u64,
    /// Meta's id of its file, if it has one.
    media_id: String,
    /// The message that it answers, and whether that is the business's.
    answers: Option<(bool, String)>,
}
