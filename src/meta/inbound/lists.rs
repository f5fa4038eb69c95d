//! The lists of a value, and where their elements stand.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{Element, NO_LIST, Reader, Scope};
use crate::meta::wire::{Object, elements};

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
    "user_id_update",
    "calls",
    "groups",
    "history",
    "state_sync",
];
/// What holds the lists of a change that another application answers.
pub(super) const STANDBY: &str = "standby";
/// In bytes. No list has a longer name, and the name becomes part of every element's id.
const MAX_LIST_NAME: usize = 64;

/// Gives the elements of one object's lists their places. A name that comes twice is counted on, so that no two
/// elements have the same place.
pub(super) struct Lists<'p> {
    place: &'p str,
    counts: HashMap<String, usize>,
}

impl<'p> Lists<'p> {
    pub(super) fn new(place: &'p str) -> Self {
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

impl Reader<'_> {
    /// Hands on the elements of a member that is a list. Other members are facts beside the lists, but a `known` list
    /// is one even if it is something else.
    pub(super) fn list(
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

    /// Hands the elements of a list on, one by one. What stands in the list's place without being one is not
    /// understood.
    pub(super) fn each<'j>(
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
}

/// Whether this is the name of a list that holds elements wherever it stands.
pub(super) fn is_known(name: &str) -> bool {
    name == STANDBY || LISTS.contains(&name)
}

/// Whether a value has one of the lists. One that has none is one piece of news, whatever it is made of.
pub(super) fn has_lists(value: &Object<'_>) -> bool {
    value.members().any(|(name, json)| {
        LISTS.contains(&name)
            || name == STANDBY && Object::read(json).is_some_and(|inner| holds_lists(&inner))
    })
}

/// Whether there are elements, or should be, in what may hold lists.
fn holds_lists(object: &Object<'_>) -> bool {
    object.members().any(|(name, json)| {
        LISTS.contains(&name) || !FRAME.contains(&name) && elements(json).is_some_and(|list| !list.is_empty())
    })
}

/// A name as a JSON pointer writes it.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
