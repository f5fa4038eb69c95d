use http::Uri;
use serde_json::{Value, json};

use super::accounts::{Side, SimulatedAccounts};
use super::delivery::Delivery;
use super::redelivery::Overrides;
use super::twilio::{API_VERSION, CHANNEL, media_path};
use super::webhook::{self, SimulatedWebhook};
use super::{Simulator, meta};
use crate::address::{PhoneNumber, UserId};
use crate::meta::MediaKind;
use crate::outbound::FileBytes;
use crate::redact::redacted_debug;

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

    /// The user writes a text.
    pub fn writes(&self, side: Side, text: &str) -> SimulatedWebhook {
        self.says(side, &Said::Text(text))
    }

    /// The user taps a reply button of the last message of this side's.
    pub fn taps_button(&self, side: Side, id: &str, title: &str) -> SimulatedWebhook {
        self.says(side, &Said::Button { id, title })
    }

    /// The user sends a picture, with or without a caption.
    pub fn sends_image(&self, side: Side, caption: Option<&str>) -> SimulatedWebhook {
        self.sends_file(side, &FileBytes::new(JPEG, "image/jpeg"), caption)
    }

    /// The user sends a file, as what its media type makes it: a picture, a video, a sound, a sticker (WebP) or a
    /// document. Meta keeps it for seven days, Twilio until it is deleted.
    pub fn sends_file(&self, side: Side, file: &FileBytes, caption: Option<&str>) -> SimulatedWebhook {
        self.says(side, &Said::File { file, caption })
    }

    /// The user sends a place, by its latitude and longitude in degrees.
    pub fn shares_location(&self, side: Side, latitude: f64, longitude: f64) -> SimulatedWebhook {
        self.says(side, &Said::Location { latitude, longitude })
    }

    /// The user puts an emoji on a message. `None` for Twilio, which has no webhook for that.
    pub fn reacts(&self, side: Side, message_id: &str, emoji: &str) -> Option<SimulatedWebhook> {
        match side {
            Side::Meta => Some(self.says(side, &Said::Reaction { message_id, emoji })),
            Side::Twilio => None,
        }
    }

    fn says(&self, side: Side, said: &Said<'_>) -> SimulatedWebhook {
        let now = self.simulator.0.clock.now();
        let accounts = &self.simulator.0.accounts;
        let mut state = self.simulator.state();
        state.wrote(side, self.phone, now);
        let number = state.next_id();
        let media_id = match (side, said) {
            (Side::Meta, Said::File { file, .. }) => state.media.receive(number, (*file).clone(), now),
            (Side::Twilio, Said::File { file, .. }) => {
                state.files.receive(number, (*file).clone());
                String::new()
            }
            _ => String::new(),
        };
        let message = Message {
            accounts,
            url: &state.webhook_url.clone(),
            overrides: state.twilio_overrides,
            user: self.phone,
            number,
            media_id,
            answers: state.last_delivery(side, self.phone).map(|delivery| delivery.message_id.clone()),
        };
        drop(state);
        match side {
            Side::Meta => message.meta(said, now.unix_seconds()),
            Side::Twilio => message.twilio(said),
        }
    }
}

/// The beginning and the end of a picture, which is all that a picture needs here.
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9";

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

/// What a user can say.
enum Said<'a> {
    Text(&'a str),
    Button { id: &'a str, title: &'a str },
    File { file: &'a FileBytes, caption: Option<&'a str> },
    Location { latitude: f64, longitude: f64 },
    Reaction { message_id: &'a str, emoji: &'a str },
}

/// A message on its way in.
struct Message<'a> {
    accounts: &'a SimulatedAccounts,
    url: &'a Uri,
    overrides: Overrides,
    user: PhoneNumber,
    number: u64,
    /// Meta's id of its file, if it has one.
    media_id: String,
    /// The last message that the user got, which a tapped button belongs to.
    answers: Option<String>,
}

impl Message<'_> {
    fn meta(&self, said: &Said<'_>, seconds: u64) -> SimulatedWebhook {
        let (kind, content) = match said {
            Said::Text(body) => ("text", json!({ "body": body })),
            Said::Button { id, title } => (
                "interactive",
                json!({ "type": "button_reply", "button_reply": { "id": id, "title": title } }),
            ),
            Said::File { file, caption } => {
                let mut media = json!({
                    "id": self.media_id,
                    "mime_type": file.mime_type,
                    "sha256": meta::webhook_hash(file),
                });
                if let (Some(caption), Some(fields)) = (caption, media.as_object_mut()) {
                    fields.insert("caption".to_owned(), (*caption).into());
                }
                (kind_of(file), media)
            }
            Said::Location { latitude, longitude } => {
                ("location", json!({ "latitude": latitude, "longitude": longitude }))
            }
            Said::Reaction { message_id, emoji } => {
                ("reaction", json!({ "message_id": message_id, "emoji": emoji }))
            }
        };
        let mut message = json!({
            "from": self.user.to_digits(),
            "from_user_id": Side::Meta.user_id(self.user),
            "id": meta::message_id(self.user, self.number),
            "timestamp": seconds.to_string(),
            "type": kind,
        });
        if let Some(fields) = message.as_object_mut() {
            fields.insert(kind.to_owned(), content);
            if let (Said::Button { .. }, Some(answers)) = (said, &self.answers) {
                let from = self.accounts.meta_number.trim_start_matches('+');
                fields.insert("context".to_owned(), json!({ "from": from, "id": answers }));
            }
        }
        let own = [("contacts", webhook::meta_contact(self.user)), ("messages", Value::Array(vec![message]))];
        webhook::meta(self.accounts, self.url, &[webhook::meta_entry(self.accounts, own)])
    }

    fn twilio(&self, said: &Said<'_>) -> SimulatedWebhook {
        let name = webhook::profile_name(self.user);
        let file = matches!(said, Said::File { .. });
        let sid = format!("{}{:032x}", if file { "MM" } else { "SM" }, self.number);
        let account = &self.accounts.account_sid;
        let (kind, body) = match said {
            Said::Text(body) => ("text", *body),
            Said::Button { title, .. } => ("interactive", *title),
            Said::File { file, caption } => (kind_of(file), caption.unwrap_or_default()),
            Said::Location { .. } => ("location", ""),
            Said::Reaction { .. } => ("reaction", ""),
        };
        let context = json!({ "ProfileName": name, "WaId": self.user.to_digits() });
        let metadata = json!({ "type": "whatsapp", "data": { "context": context } });
        let mut form = vec![
            ("SmsMessageSid", sid.clone()),
            ("NumMedia", if file { "1" } else { "0" }.to_owned()),
            ("ProfileName", name),
            ("MessageType", kind.to_owned()),
            ("SmsSid", sid.clone()),
            ("WaId", self.user.to_digits()),
            ("SmsStatus", "received".to_owned()),
            ("Body", body.to_owned()),
            ("To", format!("{CHANNEL}{}", self.accounts.twilio_number)),
            ("NumSegments", "1".to_owned()),
            ("ReferralNumMedia", "0".to_owned()),
            ("MessageSid", sid.clone()),
            ("AccountSid", account.clone()),
            ("ExternalUserId", format!("{CHANNEL}{}", Side::Twilio.user_id(self.user))),
            ("ChannelMetadata", metadata.to_string()),
            ("From", format!("{CHANNEL}{}", self.user.to_e164())),
            ("ApiVersion", API_VERSION.to_owned()),
        ];
        match said {
            Said::Button { id, title } => {
                form.push(("ButtonText", (*title).to_owned()));
                form.push(("ButtonPayload", (*id).to_owned()));
                if let Some(answers) = &self.answers {
                    let ours = format!("{CHANNEL}{}", self.accounts.twilio_number);
                    form.push(("OriginalRepliedMessageSid", answers.clone()));
                    form.push(("OriginalRepliedMessageSender", ours));
                }
            }
            Said::File { file, .. } => {
                let path = media_path(self.number);
                form.push(("MediaContentType0", file.mime_type.clone()));
                form.push((
                    "MediaUrl0",
                    format!("https://api.twilio.com/{API_VERSION}/Accounts/{account}/{path}"),
                ));
            }
            Said::Location { latitude, longitude } => {
                form.push(("Latitude", latitude.to_string()));
                form.push(("Longitude", longitude.to_string()));
            }
            Said::Text(_) | Said::Reaction { .. } => {}
        }
        webhook::twilio(self.accounts, self.url, self.overrides, &form)
    }
}
