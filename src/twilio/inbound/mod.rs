//! A webhook as an event. Twilio brings one thing at a time: a user's message, or the status of a message of ours.

use bytes::Bytes;

mod content;
mod flow;
mod message;
mod metadata;
mod status;
mod user;

use super::callback::read_marks;
use super::form::{Fields, Payload};
use super::signature::sha256_hex;
use crate::address::PhoneNumber;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::inbound::{EventId, EventKind, InboundEvent, Unrecognized};
use crate::webhook::VerifiedWebhook;
use metadata::Metadata;

/// Why something is not understood, and what it calls itself.
pub(super) struct Odd {
    reason: &'static str,
    what: Option<String>,
}

impl Odd {
    fn new(reason: &'static str) -> Self {
        Self { reason, what: None }
    }

    /// Names it by a word of Twilio's; nothing that could be a user's words.
    fn what(mut self, what: &str) -> Self {
        let word =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/' | b'.' | b'+');
        if (1..=64).contains(&what.len()) && what.bytes().all(word) {
            self.what = Some(what.to_owned());
        }
        self
    }
}

/// What is read, and from where.
struct Source<'a> {
    fields: &'a Fields,
    metadata: Metadata,
    provider: &'a ProviderId,
    portfolio: Option<&'a str>,
    query: &'a str,
}

impl Source<'_> {
    /// A parameter that the channel's metadata repeats, unless it is missing or empty in both.
    fn text(&self, name: &str) -> Option<&str> {
        self.fields.text(name).or_else(|| self.metadata.text(name))
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    fn sender(&self, address: &str) -> Result<SenderId, Odd> {
        let number = self.fields.text(address).map(|address| {
            // Some webhooks leave the `+` out, or the channel, and the sender is the same.
            let number = address.strip_prefix("whatsapp:").unwrap_or(address);
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            let parsed = PhoneNumber::from_digits(number).ok().filter(|_| digits);
            parsed.map_or_else(|| number.to_owned(), PhoneNumber::to_e164)
        });
        number
            .or_else(|| self.fields.owned("MessagingServiceSid"))
            .map(|id| SenderId::new(self.provider.clone(), id))
            .ok_or_else(|| Odd::new("it names none of our senders"))
    }
}

/// The bytes that an event was read from.
pub(super) fn raw(webhook: &VerifiedWebhook<'_>) -> Bytes {
    Bytes::copy_from_slice(Payload::of(webhook.request()).as_bytes())
}

/// Reads the one event of a webhook.
pub(super) fn read(webhook: &VerifiedWebhook<'_>, portfolio: Option<&str>) -> InboundEvent {
    let request = webhook.request();
    let encoded = match Payload::of(request) {
        Payload::Query(encoded) | Payload::Form(encoded) => encoded,
        Payload::Other(_) => return unrecognized(webhook, None, Odd::new("the body is not a form")),
    };
    let Some(fields) = Fields::read(encoded) else {
        return unrecognized(webhook, None, Odd::new("a parameter is not UTF-8"));
    };
    let source = Source {
        fields: &fields,
        metadata: Metadata::read(&fields),
        provider: webhook.provider(),
        portfolio,
        query: request.head.query().unwrap_or_default(),
    };
    let sid = ["MessageSid", "SmsMessageSid", "SmsSid"].into_iter().find_map(|name| fields.text(name));
    let Some(sid) = sid else {
        return unrecognized(webhook, None, Odd::new("there is no message id"));
    };
    let (id, own, read) = match sort(&fields) {
        Sort::Message => (EventId::new(["message", sid]), "To", message::read(&source, sid)),
        Sort::Status(word) => (EventId::new(["status", sid, word]), "From", status::read(&source, sid, word)),
        Sort::Neither => {
            let odd = Odd::new("neither a message nor a status");
            return unrecognized(webhook, None, odd);
        }
    };
    match read {
        Ok((sender, kind)) => webhook.event(id, kind).with_sender(sender),
        Err(odd) => {
            let event = unrecognized(webhook, Some(id), odd);
            match source.sender(own) {
                Ok(sender) => event.with_sender(sender),
                Err(_) => event,
            }
        }
    }
}

type Read = Result<(SenderId, EventKind), Odd>;

enum Sort<'a> {
    Message,
    /// With the state, in Twilio's word.
    Status(&'a str),
    Neither,
}

/// What only a user's message has.
const OF_MESSAGES: [&str; 16] = [
    "MessageType",
    "NumMedia",
    "NumSegments",
    "Body",
    "WaId",
    "ProfileName",
    "MediaUrl0",
    "Latitude",
    "ButtonText",
    "ButtonPayload",
    "ListId",
    "FlowData",
    "InteractiveData",
    "Forwarded",
    "ReferralNumMedia",
    "OriginalRepliedMessageSid",
];

/// A message and a status have most parameters in common, and a message too has a state: `received`. So the state is
/// looked at first, and only without one what else is there.
fn sort(fields: &Fields) -> Sort<'_> {
    // Older webhooks have only the second.
    match fields.text("MessageStatus").or(fields.text("SmsStatus")) {
        Some("received" | "receiving") => Sort::Message,
        Some(word) => Sort::Status(word),
        None if OF_MESSAGES.into_iter().any(|name| fields.has(name)) => Sort::Message,
        None => event_type(fields).map_or(Sort::Neither, Sort::Status),
    }
}

/// The channel's own word for what became of a message.
fn event_type(fields: &Fields) -> Option<&'static str> {
    let word = fields.text("EventType")?;
    ["sent", "delivered", "read", "failed", "undelivered"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(word))
}

/// Keeps what was not understood, whole. Without an id of its own it is named after its bytes.
fn unrecognized(webhook: &VerifiedWebhook<'_>, id: Option<EventId>, odd: Odd) -> InboundEvent {
    let id = id.unwrap_or_else(|| {
        let request = webhook.request();
        let query = request.head.query().unwrap_or_default();
        // No query has a line break, so no two requests are put together to the same bytes.
        let mut hash = sha256_hex(&[query.as_bytes(), b"\n", request.body]);
        hash.truncate(32);
        EventId::new(["x", hash.as_str()])
    });
    let mut kind = Unrecognized::new(odd.reason, raw(webhook));
    kind.what = odd.what;
    webhook.event(id, kind)
}

fn message_ref(sender: &SenderId, sid: &str) -> MessageRef {
    MessageRef::new(sender.clone(), sid)
}
