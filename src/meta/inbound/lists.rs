//! The lists of a value, and where their elements stand.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{Element, NO_LIST, Reader, Scope, TOO_MANY};
use crate::meta::wire::{Object, first_elements, from_element};

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
    /// The members, or what was left of them, that there was no more room for; as in a JSON object.
    rest: String,
}

impl<'p> Lists<'p> {
    pub(super) fn new(place: &'p str) -> Self {
        Self { place, counts: HashMap::new(), rest: String::new() }
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

    /// Puts aside a member, or what is left of it.
    fn put_aside(&mut self, name: &str, json: &str) {
        // A text has always a JSON form.
        let name = serde_json::to_string(name).unwrap_or_default();
        let comma = if self.rest.is_empty() { "" } else { "," };
        self.rest.push_str(comma);
        self.rest.push_str(&name);
        self.rest.push(':');
        self.rest.push_str(json);
    }
}

impl Reader<'_> {
    /// Makes room for one more element. `None` if there is none.
    fn take_place(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }

    /// What an object holds beyond the elements that are read of one webhook: one element, an object with those lists.
    pub(super) fn rest(&mut self, places: Lists<'_>, scope: &Scope) {
        if places.rest.is_empty() {
            return;
        }
        // It was put together from JSON.
        let Ok(json) = RawValue::from_string(format!("{{{}}}", places.rest)) else { return };
        let element = Element { json: &json, place: format!("{}/rest", places.place) };
        self.unrecognized(&element, scope, TOO_MANY);
    }

    /// Hands on the elements of an array, for as many as there is room.
    fn elements(
        &mut self,
        (name, json): (&str, &RawValue),
        list: &[&RawValue],
        step: &str,
        places: &mut Lists<'_>,
        mut read: impl FnMut(&mut Self, &Element<'_>),
    ) {
        for element in list {
            if self.take_place().is_none() {
                let rest = from_element(json, element);
                return places.put_aside(name, rest.as_deref().unwrap_or(json.get()));
            }
            read(self, &places.next(step, element));
        }
    }

    /// Hands on the elements of a member that is a list. Other members are facts beside the lists, but a `known` list
    /// is one even if it is something else.
    pub(super) fn list(
        &mut self,
        (name, json): (&str, &RawValue),
        known: bool,
        places: &mut Lists<'_>,
        steps: &str,
        scope: &Scope,
        read: impl FnMut(&mut Self, &Element<'_>),
    ) {
        if FRAME.contains(&name) || json.get() == "null" {
            return;
        }
        let path = format!("{steps}{name}");
        match first_elements(json, self.left) {
            Some(list) if name.len() <= MAX_LIST_NAME => {
                let step = format!("{steps}{}", step(name));
                self.elements((&path, json), &list, &step, places, read);
            }
            Some(_) if self.take_place().is_none() => {
                places.put_aside(&path, json.get());
            }
            Some(_) => {
                let element = places.next(steps, json);
                self.unrecognized(&element, scope, "a list with a name that is too long");
            }
            None if known => self.no_list((&path, json), &path, places, scope),
            None => {}
        }
    }

    /// What stands in the place of a list without being one.
    fn no_list(
        &mut self,
        (name, json): (&str, &RawValue),
        step: &str,
        places: &mut Lists<'_>,
        scope: &Scope,
    ) {
        if self.take_place().is_none() {
            return places.put_aside(name, json.get());
        }
        let element = places.next(step, json);
        self.unrecognized(&element, scope, NO_LIST);
    }

    /// Hands the elements of a list on, one by one. What stands in the list's place without being one is not
    /// understood.
    pub(super) fn each(
        &mut self,
        object: &Object<'_>,
        name: &str,
        place: &str,
        scope: &Scope,
        mut read: impl FnMut(&mut Self, &Element<'_>),
    ) {
        let mut places = Lists::new(place);
        for (_, json) in object.members().filter(|(member, _)| *member == name) {
            match first_elements(json, self.left) {
                Some(list) => self.elements((name, json), &list, name, &mut places, &mut read),
                None if json.get() == "null" => {}
                None => self.no_list((name, json), name, &mut places, scope),
            }
        }
        self.rest(places, scope);
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
        LISTS.contains(&name)
            || !FRAME.contains(&name) && first_elements(json, 0).is_some_and(|list| !list.is_empty())
    })
}

/// A name as a JSON pointer writes it.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
