//! Turns a webhook into events.
//!
//! A webhook is taken apart from the outside in, and every part is read by itself: what one part says, or fails to say,
//! never disturbs another. Each element becomes exactly one event, in the order in which it was written; a part that
//! should hold elements and holds none is itself the element.

use std::cell::OnceCell;
use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

mod contacts;
mod message;
mod status;
#[cfg(test)]
mod tests;

use self::contacts::Contacts;
use super::error::webhook_failure;
use super::wire::{Object, elements};
use crate::clock::Timestamp;
use crate::hex::hex;
use crate::ids::SenderId;
use crate::inbound::{AccountNotice, EventId, EventKind, InboundEvent, Notice, Unrecognized};
use crate::webhook::VerifiedWebhook;

/// Lists that hold no elements, and what stands beside them.
const FRAME: &[&str] = &["messaging_product", "metadata", "contacts"];
/// Lists that hold elements, where a change is not of messages.
const LISTS: &[&str] = &[
    "message_echoes",
    "messages",
    "statuses",
    "errors",
    "user_preferences",
    "user_actions",
    "calls",
    "groups",
    "history",
    "state_sync",
];
/// What holds the lists of a change that another application answers.
const STANDBY: &str = "standby";
/// In bytes. No list has a longer name, and the name becomes part of every element's id.
const MAX_LIST_NAME: usize = 64;

const NO_OBJECT: &str = "not a JSON object";
const NO_LIST: &str = "not a JSON array";

/// Reads a webhook. `portfolio` is the scope of the user ids in it.
pub(super) fn read(
    webhook: &VerifiedWebhook<'_>,
    portfolio: Option<&str>,
    keep_raw: bool,
) -> Vec<InboundEvent> {
    let mut reader = Reader { webhook, portfolio, keep_raw, hash: OnceCell::new(), events: Vec::new() };
    reader.body();
    reader.events
}

struct Reader<'r> {
    webhook: &'r VerifiedWebhook<'r>,
    portfolio: Option<&'r str>,
    keep_raw: bool,
    hash: OnceCell<String>,
    events: Vec<InboundEvent>,
}

/// What the parts around an element say of it.
#[derive(Clone, Default)]
struct Scope {
    /// The name of the change, or of the list that the element stands in.
    what: Option<String>,
    account: Option<String>,
    sender: Option<SenderId>,
    time: Option<Timestamp>,
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
                    reader.entry(&entry);
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
            reader.change(&change, &scope);
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
        let number = value.object("metadata").and_then(|metadata| metadata.short_text("phone_number_id"));
        scope.sender = number.map(|id| SenderId::new(self.webhook.provider().clone(), id));

        let place = format!("{}/value", element.place);
        let before = self.events.len();
        if scope.what.as_deref() == Some("messages") {
            self.messages_value(&value, &place, &scope);
        } else {
            self.other_value(&value, &place, &scope);
        }
        if self.events.len() == before {
            self.unrecognized(element, &scope, "a change that is not read");
        }
    }

    /// The value of a change of messages.
    fn messages_value(&mut self, value: &Object<'_>, place: &str, scope: &Scope) {
        let contacts = Contacts::read(value, self.portfolio);
        let mut places = Lists::new(place);
        for (name, json) in value.members() {
            let scope = Scope { what: Some(name.to_owned()), ..scope.clone() };
            let known = ["messages", "statuses", "errors"].contains(&name);
            self.list((name, json), known, &mut places, "", &scope, |reader, element| {
                let reading = match name {
                    "messages" => message::read(reader, element, &scope, &contacts),
                    "statuses" => status::read(reader, element, &scope, &contacts),
                    "errors" => reader.error(element, &scope),
                    _ => {
                        let reason = "an element of a list that is not read";
                        return reader.unrecognized(element, &scope, reason);
                    }
                };
                reader.add(element, &scope, reading);
            });
        }
    }

    /// The value of any other change. What the business itself wrote (echoes) and what another application answers
    /// (standby) must not be taken for messages from users, so nothing here is read any further. A value without one of
    /// the lists is one piece of news, whatever it is made of.
    fn other_value(&mut self, value: &Object<'_>, place: &str, scope: &Scope) {
        let has_lists = value.members().any(|(name, json)| {
            LISTS.contains(&name)
                || name == STANDBY && Object::read(json).is_some_and(|inner| holds_lists(&inner))
        });
        if has_lists {
            self.unread_lists(value, &mut Lists::new(place), "", scope);
        }
    }

    fn unread_lists(&mut self, value: &Object<'_>, places: &mut Lists<'_>, steps: &str, scope: &Scope) {
        for (name, json) in value.members() {
            match Object::read(json) {
                Some(inner) if name == STANDBY && steps.is_empty() => {
                    self.unread_lists(&inner, places, "standby/", scope);
                }
                _ => {
                    let known = name == STANDBY || LISTS.contains(&name);
                    self.list((name, json), known, places, steps, scope, |reader, element| {
                        reader.unrecognized(element, scope, "an element of a change that is not read");
                    });
                }
            }
        }
    }

    /// Hands on the elements of a member that is a list. Other members are facts beside the lists, but a `known` list
    /// is one even if it is something else.
    fn list(
        &mut self,
        (name, json): (&str, &RawValue),
        known: bool,
        places: &mut Lists<'_>,
        steps: &str,
        scope: &Scope,
        mut read: impl FnMut(&mut Self, &Element<'_>),
    ) {
        if FRAME.contains(&name) || json.get() == "null" {
            return;
        }
        match elements(json) {
            Some(list) if name.len() <= MAX_LIST_NAME => {
                let step = format!("{steps}{}", step(name));
                for json in list {
                    read(self, &places.next(&step, json));
                }
            }
            Some(_) => {
                let element = places.next(steps, json);
                self.unrecognized(&element, scope, "a list with a name that is too long");
            }
            None if known => {
                let element = places.next(&format!("{steps}{name}"), json);
                self.unrecognized(&element, scope, NO_LIST);
            }
            None => {}
        }
    }

    /// An error that belongs to no message.
    fn error(&self, element: &Element<'_>, scope: &Scope) -> Reading {
        let object = Object::read(element.json);
        let failure =
            object.as_ref().and_then(|error| webhook_failure(self.webhook.provider(), error, false));
        let notice =
            |failure| AccountNotice { account: scope.account.clone(), notice: Notice::failed(failure) };
        Reading {
            id: None,
            time: object.and_then(|error| error.time("timestamp")),
            kind: failure
                .map(|failure| notice(failure).into())
                .ok_or_else(|| Misread::new("an error without a code", scope.what.clone())),
        }
    }

    /// Hands the elements of a list on, one by one. What stands in the list's place without being one is not
    /// understood.
    fn each<'j>(
        &mut self,
        object: &Object<'j>,
        name: &str,
        place: &str,
        scope: &Scope,
        mut read: impl FnMut(&mut Self, Element<'j>),
    ) {
        let mut lists = Lists::new(place);
        for (_, json) in object.members().filter(|(member, _)| *member == name) {
            match elements(json) {
                Some(list) => {
                    for json in list {
                        read(self, lists.next(name, json));
                    }
                }
                None if json.get() == "null" => {}
                None => {
                    let element = lists.next(name, json);
                    self.unrecognized(&element, scope, NO_LIST);
                }
            }
        }
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

/// Gives the elements of one object's lists their places. A name that comes twice is counted on, so that no two
/// elements have the same place.
struct Lists<'p> {
    place: &'p str,
    counts: HashMap<String, usize>,
}

impl<'p> Lists<'p> {
    fn new(place: &'p str) -> Self {
        Self { place, counts: HashMap::new() }
    }

    /// The next element of the list with this name, which is written as in a JSON pointer.
    fn next<'j>(&mut self, name: &str, json: &'j RawValue) -> Element<'j> {
        let index = match self.counts.get_mut(name) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.insert(name.to_owned(), 0);
                0
            }
        };
        Element { json, place: format!("{}/{name}/{index}", self.place) }
    }
}

/// Whether there are elements, or should be, in what may hold lists.
fn holds_lists(object: &Object<'_>) -> bool {
    object.members().any(|(name, json)| {
        LISTS.contains(&name) || !FRAME.contains(&name) && elements(json).is_some_and(|list| !list.is_empty())
    })
}

/// Whether something can be the name of a type or a field. Names are shown in logs, so what may be a phone number, an
/// address or a text is none.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// A name as a JSON pointer writes it.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
