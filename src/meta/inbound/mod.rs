//! Turns a webhook into events.
//!
//! A webhook is taken apart from the outside in, and every part is read by itself: what one part says, or fails to say,
//! never disturbs another. Each element becomes exactly one event, in the order in which it was written; a part that
//! should hold elements and holds none is itself the element.

use std::cell::OnceCell;

use bytes::Bytes;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

mod call;
mod cards;
mod content;
mod date;
mod echo;
mod history;
mod lists;
mod message;
mod notices;
mod order;
mod people;
mod reply;
mod status;
mod system;
#[cfg(test)]
mod tests;
mod user;
mod value;

use super::wire::Object;
use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::hex::hex;
use crate::ids::SenderId;
use crate::inbound::{AccountNotice, EventId, EventKind, InboundEvent, Notice, Unrecognized};
use crate::webhook::VerifiedWebhook;

const NO_OBJECT: &str = "not a JSON object";
const NO_LIST: &str = "not a JSON array";
const NO_BODY: &str = "its body is missing or not as it should be";
const TOO_DEEP: &str = "nested too deep, or with a number that is out of range";
const TOO_MANY: &str = "beyond the elements that are read of one webhook";
/// How many elements are read of one webhook, entries and changes among them. Meta batches 1,000 updates at most. What
/// is beyond them stays together, so that a webhook of millions of empty elements is not made of millions of events.
const MAX_ELEMENTS: usize = 20_000;
const NO_NUMBER: &str = "the webhook does not say which number it is for";

/// Reads a webhook. `portfolio` is the scope of the user ids in it.
pub(super) fn read(
    webhook: &VerifiedWebhook<'_>,
    portfolio: Option<&str>,
    keep_raw: bool,
) -> Vec<InboundEvent> {
    let (hash, events, left) = (OnceCell::new(), Vec::new(), MAX_ELEMENTS);
    let mut reader = Reader { webhook, portfolio, keep_raw, hash, events, left };
    reader.body();
    reader.events
}

struct Reader<'r> {
    webhook: &'r VerifiedWebhook<'r>,
    portfolio: Option<&'r str>,
    keep_raw: bool,
    hash: OnceCell<String>,
    events: Vec<InboundEvent>,
    /// How many elements are still read.
    left: usize,
}

/// What the parts around an element say of it.
#[derive(Clone, Default)]
struct Scope {
    /// The name of the change, or of the list that the element stands in.
    what: Option<String>,
    account: Option<String>,
    sender: Option<SenderId>,
    /// The sender's own number.
    number: Option<PhoneNumber>,
    time: Option<Timestamp>,
}

impl Scope {
    /// News about the account that the webhook names.
    fn notice(&self, notice: Notice) -> AccountNotice {
        AccountNotice { account: self.account.clone(), ..AccountNotice::new(notice) }
    }
}

/// How the elements of a change came here, which decides what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Post {
    /// As messages and statuses of our own.
    Own,
    /// In a conversation that another application is in charge of.
    Standby,
    /// As messages from before the number joined.
    History,
    /// As news about calls.
    Calls,
    /// In any other way.
    Other,
}

/// An element: its JSON and where it stands, as a JSON pointer.
struct Element<'j> {
    json: &'j RawValue,
    place: String,
}

/// What an element turned out to be.
struct Reading {
    /// `None` for one that has no id of its own.
    id: Option<EventId>,
    kind: Result<EventKind, Misread>,
    time: Option<Timestamp>,
}

/// Why an element was not understood. Repeats nothing of it but what it calls itself.
struct Misread {
    reason: &'static str,
    what: Option<String>,
}

impl Reading {
    /// An element of which nothing can be read.
    fn odd(reason: &'static str, what: Option<String>) -> Self {
        Self { id: None, kind: Err(Misread::new(reason, what)), time: None }
    }
}

impl Misread {
    fn new(reason: &'static str, what: Option<String>) -> Self {
        Self { reason, what }
    }
}

impl Reader<'_> {
    fn body(&mut self) {
        let body = self.webhook.request().body;
        let reason = match Object::read_body(body) {
            Some(object) => {
                self.each(&object, "entry", "", &Scope::default(), |reader, entry| {
                    reader.entry(entry);
                });
                "has no entry"
            }
            None => NO_OBJECT,
        };
        if self.events.is_empty() {
            let raw = Bytes::copy_from_slice(body);
            let id = self.id_of_place("");
            let mut event = self.webhook.event(id, Unrecognized::new(reason, raw.clone()));
            if self.keep_raw {
                event = event.with_raw(raw);
            }
            self.events.push(event);
        }
    }

    fn entry(&mut self, element: &Element<'_>) {
        let mut scope = Scope::default();
        let Some(entry) = Object::read(element.json) else {
            return self.unrecognized(element, &scope, NO_OBJECT);
        };
        scope.account = entry.short_text("id");
        scope.time = entry.time("time");
        let before = self.events.len();
        self.each(&entry, "changes", &element.place, &scope, |reader, change| {
            reader.change(change, &scope);
        });
        if self.events.len() == before {
            self.unrecognized(element, &scope, "has no changes");
        }
    }

    fn change(&mut self, element: &Element<'_>, entry: &Scope) {
        let mut scope = Scope { account: entry.account.clone(), time: entry.time, ..Scope::default() };
        let Some(change) = Object::read(element.json) else {
            return self.unrecognized(element, &scope, NO_OBJECT);
        };
        scope.what = change.short_text("field");
        if change.members().filter(|(name, _)| *name == "value").count() > 1 {
            return self.unrecognized(element, &scope, "has more than one value");
        }
        let Some(value) = change.object("value") else {
            return self.unrecognized(element, &scope, "has no value");
        };
        scope.sender = number_id(&value).map(|id| SenderId::new(self.webhook.provider().clone(), id));
        let metadata = value.object("metadata");
        scope.number = metadata.and_then(|metadata| digits(&metadata, "display_phone_number"));
        self.value(element, &value, &scope);
    }

    fn unrecognized(&mut self, element: &Element<'_>, scope: &Scope, reason: &'static str) {
        let reading = Reading {
            id: None,
            kind: Err(Misread::new(reason, scope.what.clone())),
            time: Object::read(element.json).and_then(|object| object.time("timestamp")),
        };
        self.add(element, scope, reading);
    }

    fn add(&mut self, element: &Element<'_>, scope: &Scope, reading: Reading) {
        let raw = || Bytes::copy_from_slice(element.json.get().as_bytes());
        let id = reading.id.unwrap_or_else(|| self.id_of_place(&element.place));
        let kind = reading.kind.unwrap_or_else(|misread| {
            let mut unrecognized = Unrecognized::new(misread.reason, raw());
            unrecognized.what = misread.what.filter(|what| is_name(what));
            unrecognized.account.clone_from(&scope.account);
            unrecognized.into()
        });
        let mut event = self.webhook.event(id, kind);
        if self.keep_raw {
            event = event.with_raw(raw());
        }
        if let Some(sender) = &scope.sender {
            event = event.with_sender(sender.clone());
        }
        if let Some(time) = reading.time.or(scope.time) {
            event = event.with_occurred_at(time);
        }
        self.events.push(event);
    }

    /// The id of an element that has none: unlike that of any other element, and the same when the same body is
    /// delivered again.
    fn id_of_place(&self, place: &str) -> EventId {
        let hash = self.hash.get_or_init(|| {
            let mut hash = hex(&Sha256::digest(self.webhook.request().body));
            // Half of it tells bodies apart well enough.
            hash.truncate(32);
            hash
        });
        EventId::new(["x", hash].into_iter().chain(place.strip_prefix('/')))
    }
}

/// Whether something can be the name of a type or a field. Names are shown in logs, so what may be a phone number, an
/// address or a text is none.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The id of the number that a value is for. News of a handover name it as the recipient.
fn number_id(value: &Object<'_>) -> Option<String> {
    let of = |member: &str| value.object(member)?.short_text("phone_number_id");
    of("metadata").or_else(|| of("recipient"))
}

/// One of our own numbers, as it is shown: with or without `+`, spaces and the like.
fn digits(object: &Object<'_>, name: &str) -> Option<PhoneNumber> {
    let shown = object.short_text(name)?;
    PhoneNumber::from_digits(&shown.chars().filter(char::is_ascii_digit).collect::<String>()).ok()
}
