//! What a user says, as Twilio posts it.

use serde_json::json;

use super::{Envelope, UserMessage, kind_of};
use crate::outbound::FileBytes;
use crate::simulator::accounts::Side;
use crate::simulator::twilio::{API_VERSION, CHANNEL, media_path};
use crate::simulator::webhook::{self, SimulatedWebhook};
use crate::twilio::write_vcard;

/// A message in Twilio's words: its type, its text, its file, and what else it has.
struct Words {
    kind: &'static str,
    body: String,
    file: Option<FileBytes>,
    more: Vec<(&'static str, String)>,
}

impl Words {
    fn new(kind: &'static str, body: &str) -> Self {
        Self { kind, body: body.to_owned(), file: None, more: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.more.push((name, value.to_string()));
        self
    }

    fn with_file(mut self, file: FileBytes) -> Self {
        self.file = Some(file);
        self
    }

    /// `None` where Twilio has no webhook for it.
    fn of(message: &UserMessage) -> Option<Self> {
        Some(match message {
            UserMessage::Text(body) => Self::new("text", body),
            UserMessage::Button { id, title } => {
                Self::new("interactive", title).with("ButtonText", title).with("ButtonPayload", id)
            }
            UserMessage::TemplateButton { payload, text } => {
                Self::new("button", text).with("ButtonText", text).with("ButtonPayload", payload)
            }
            UserMessage::ListRow { id, title, .. } => {
                Self::new("interactive", title).with("ListId", id).with("ListTitle", title)
            }
            UserMessage::File { file, caption, .. } => {
                let body = caption.as_deref().unwrap_or_default();
                Self::new(kind_of(file), body).with_file(file.clone())
            }
            UserMessage::Voice(file) => Self::new("audio", "").with_file(file.clone()),
            UserMessage::Location(place) => {
                let mut words = Self::new("location", "")
                    .with("Latitude", place.latitude)
                    .with("Longitude", place.longitude);
                if let Some(name) = &place.name {
                    words = words.with("Label", name);
                }
                match &place.address {
                    Some(address) => words.with("Address", address),
                    None => words,
                }
            }
            UserMessage::Contacts(cards) => {
                let card = write_vcard(cards.first()?);
                Self::new("contacts", "").with_file(FileBytes::new(card, "text/vcard"))
            }
            UserMessage::FlowReply(response) => {
                Self::new("interactive", "Sent").with("FlowData", &response.0)
            }
            UserMessage::Quote { message, .. } => Self::of(message)?,
            UserMessage::Reaction { .. }
            | UserMessage::Order(_)
            | UserMessage::Edit { .. }
            | UserMessage::Revoke { .. }
            | UserMessage::Unsupported(_) => return None,
        })
    }
}

/// Whether Twilio has a webhook for it.
pub(super) fn carries(message: &UserMessage) -> bool {
    Words::of(message).is_some()
}

/// The file that Twilio keeps of a message.
pub(super) fn file(message: &UserMessage) -> Option<FileBytes> {
    Words::of(message)?.file
}

/// Writes a message; one that Twilio does not carry, as a text that says nothing.
pub(super) fn write(envelope: &Envelope<'_>, message: &UserMessage) -> SimulatedWebhook {
    let words = Words::of(message).unwrap_or_else(|| Words::new("text", ""));
    let (user, accounts) = (envelope.user, envelope.accounts);
    let name = webhook::profile_name(user, envelope.hidden);
    let sid = sid(envelope.number, words.file.is_some());
    let user_id = format!("{CHANNEL}{}", Side::Twilio.user_id(user));
    let from = if envelope.hidden { user_id.clone() } else { format!("{CHANNEL}{}", user.to_e164()) };
    let mut context = json!({ "ProfileName": name });
    if let (false, Some(context)) = (envelope.hidden, context.as_object_mut()) {
        context.insert("WaId".to_owned(), user.to_digits().into());
    }
    let metadata = json!({ "type": "whatsapp", "data": { "context": context } });
    let mut form = vec![
        ("SmsMessageSid", sid.clone()),
        ("NumMedia", if words.file.is_some() { "1" } else { "0" }.to_owned()),
        ("ProfileName", name),
        ("MessageType", words.kind.to_owned()),
        ("SmsSid", sid.clone()),
        ("SmsStatus", "received".to_owned()),
        ("Body", words.body),
        ("To", format!("{CHANNEL}{}", accounts.twilio_number)),
        ("NumSegments", "1".to_owned()),
        ("ReferralNumMedia", "0".to_owned()),
        ("MessageSid", sid),
        ("AccountSid", accounts.account_sid.clone()),
        ("ExternalUserId", user_id),
        ("ChannelMetadata", metadata.to_string()),
        ("From", from.clone()),
        ("ApiVersion", API_VERSION.to_owned()),
    ];
    if !envelope.hidden {
        form.push(("WaId", user.to_digits()));
    }
    if let Some(file) = &words.file {
        let path = media_path(envelope.number);
        let account = &accounts.account_sid;
        form.push(("MediaContentType0", file.mime_type.clone()));
        form.push(("MediaUrl0", format!("https://api.twilio.com/{API_VERSION}/Accounts/{account}/{path}")));
    }
    if let Some((by_business, id)) = &envelope.answers {
        let author = if *by_business { format!("{CHANNEL}{}", accounts.twilio_number) } else { from };
        form.push(("OriginalRepliedMessageSid", id.clone()));
        form.push(("OriginalRepliedMessageSender", author));
    }
    form.extend(words.more);
    webhook::twilio(accounts, envelope.url, envelope.overrides, &form)
}

/// The id of the message that is made from this number.
pub(super) fn sid(number: u64, has_file: bool) -> String {
    format!("{}{number:032x}", if has_file { "MM" } else { "SM" })
}
