//! Webhooks of everything that Meta posts, in any order and with garbage among it.

use std::collections::HashSet;

use proptest::prelude::*;

use super::fixtures::{FIXTURES, frame, outline};
use super::*;

/// Elements that are none.
const GARBAGE: &[&str] = &[
    "null",
    "7",
    "\"odd\"",
    "[]",
    "{}",
    "true",
    r#"{"type":"hologram"}"#,
    r#"{"id":{},"x":{"y":[1.0e+2]}}"#,
    "-0.0",
];
/// Changes that are none.
const NO_CHANGES: &[&str] =
    &["null", "5", "[1]", "{}", r#"{"field":"messages"}"#, r#"{"field":7,"value":{}}"#];
/// Entries that are none.
const NO_ENTRIES: &[&str] = &["false", "{}", r#"{"id":"1","changes":[]}"#, "\"entry\""];

/// What a webhook is made of, and what must come out.
#[derive(Default)]
struct Built {
    entries: Vec<Entry>,
    expected: Vec<Expected>,
}

enum Entry {
    Changes(Vec<Change>),
    Garbage(&'static str),
}

enum Change {
    /// The field, and the lists with their elements.
    Lists(String, Vec<(String, Vec<String>)>),
    Whole(String),
}

enum Expected {
    Events(&'static [Value]),
    Raw(&'static str),
}

impl Built {
    /// Adds an element to the list that was begun last, or, as `joins` has it or where it does not fit, to a new list, a
    /// new change or a new entry.
    fn element(&mut self, field: &str, list: &str, text: String, joins: u8) {
        let changes = self.changes(joins & 4 != 0);
        let fits = matches!(changes.last(), Some(Change::Lists(before, _)) if before == field);
        if !fits || joins & 2 == 0 {
            changes.push(Change::Lists(field.to_owned(), Vec::new()));
        }
        let Some(Change::Lists(_, lists)) = changes.last_mut() else { unreachable!() };
        if joins & 1 == 0 || lists.last().is_none_or(|(before, _)| before != list) {
            lists.push((list.to_owned(), Vec::new()));
        }
        lists.last_mut().unwrap().1.push(text);
    }

    fn change(&mut self, text: String, joins: u8) {
        self.changes(joins & 4 != 0).push(Change::Whole(text));
    }

    fn changes(&mut self, same_entry: bool) -> &mut Vec<Change> {
        if !same_entry || !matches!(self.entries.last(), Some(Entry::Changes(_))) {
            self.entries.push(Entry::Changes(Vec::new()));
        }
        let Some(Entry::Changes(changes)) = self.entries.last_mut() else { unreachable!() };
        changes
    }

    fn add(&mut self, which: usize, joins: u8) {
        let pick = |list: &'static [&'static str]| list[which % list.len()];
        match joins >> 5 {
            0 => {
                self.entries.push(Entry::Garbage(pick(NO_ENTRIES)));
                self.expected.push(Expected::Raw(pick(NO_ENTRIES)));
            }
            1 => {
                self.change(pick(NO_CHANGES).to_owned(), joins);
                self.expected.push(Expected::Raw(pick(NO_CHANGES)));
            }
            2 | 3 => {
                let near = &FIXTURES[which % FIXTURES.len()];
                let Some(list) = &near.list else { return };
                self.element(&near.field, list, pick(GARBAGE).to_owned(), joins);
                self.expected.push(Expected::Raw(pick(GARBAGE)));
            }
            _ => {
                let fixture = &FIXTURES[which % FIXTURES.len()];
                match &fixture.list {
                    Some(list) => self.element(&fixture.field, list, fixture.element.to_string(), joins),
                    None => {
                        let change = json!({"field": fixture.field, "value": fixture.element});
                        self.change(change.to_string(), joins);
                    }
                }
                self.expected.push(Expected::Events(&fixture.events));
            }
        }
    }

    fn body(&self) -> String {
        let entries: Vec<_> = self.entries.iter().map(Entry::text).collect();
        format!(r#"{{"object":"whatsapp_business_account","entry":[{}]}}"#, entries.join(","))
    }
}

impl Entry {
    fn text(&self) -> String {
        match self {
            Self::Garbage(text) => (*text).to_owned(),
            Self::Changes(changes) => {
                let changes: Vec<_> = changes.iter().map(Change::text).collect();
                format!(r#"{{"id":"200000000000009","changes":[{}]}}"#, changes.join(" , "))
            }
        }
    }
}

impl Change {
    fn text(&self) -> String {
        let (field, lists) = match self {
            Self::Whole(text) => return text.clone(),
            Self::Lists(field, lists) => (field, lists),
        };
        let frame = frame().to_string();
        let mut value = frame.strip_suffix('}').unwrap().to_owned();
        for (list, elements) in lists {
            let elements = elements.join(", ");
            value += &match list.split_once('/') {
                None => format!(r#", "{list}": [{elements}]"#),
                Some((outer, list)) => format!(r#", "{outer}": {{"{list}": [ {elements} ]}}"#),
            };
        }
        format!(r#"{{"value": {value}}}, "field": "{field}"}}"#)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn everything_comes_out_element_for_element_in_order(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60)
    ) {
        let mut built = Built::default();
        for (which, joins) in picks {
            built.add(which.index(10_000), joins);
        }
        prop_assume!(!built.expected.is_empty());
        let body = built.body();
        let events = read(&body);
        let mut rest = events.iter();
        for expected in &built.expected {
            match expected {
                Expected::Events(expected) => {
                    for expected in *expected {
                        let event = rest.next().expect("an event for every element");
                        prop_assert_eq!(&outline(event), expected);
                    }
                }
                Expected::Raw(text) => {
                    let event = rest.next().expect("an event for every element");
                    prop_assert_eq!(as_unrecognized(event).raw.as_text(), Some(*text));
                    prop_assert!(event.id().is_derived());
                }
            }
        }
        prop_assert!(rest.next().is_none(), "no event without an element");
        let derived: Vec<_> = events.iter().map(InboundEvent::id).filter(|id| id.is_derived()).collect();
        prop_assert_eq!(derived.iter().collect::<HashSet<_>>().len(), derived.len(), "each has an id of its own");
        prop_assert_eq!(read(&body), events, "and the same one when it is delivered again");
    }
}
