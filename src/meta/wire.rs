//! JSON as Meta writes it, read one member at a time, so that one odd member spoils nothing else.
//!
//! Nothing is decoded before somebody asks for it: a member that nobody asks for is only skipped, however deep it is
//! nested. Numbers may come as strings and strings as numbers, and `null` is the same as nothing.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::address::{PhoneNumber, UserId};
use crate::clock::Timestamp;

/// An object whose members have not been read.
pub(super) struct Object<'j>(Vec<(Cow<'j, str>, &'j RawValue)>);

impl<'j> Object<'j> {
    /// Finds the members of an object. `None` if it is not one.
    pub(super) fn read(json: &'j RawValue) -> Option<Self> {
        serde_json::from_str(json.get()).ok()
    }

    /// Finds the members of an object that is a whole body. `None` if it is not one.
    pub(super) fn read_body(body: &'j [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// All members in the order in which they were written. A name may come twice.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'j RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// A member that is not `null`. Of several with the name, the last one counts, as nearly everywhere.
    pub(super) fn get(&self, name: &str) -> Option<&'j RawValue> {
        let last = self.0.iter().rev().find(|(key, _)| key == name);
        last.map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    pub(super) fn object(&self, name: &str) -> Option<Self> {
        self.get(name).and_then(Self::read)
    }

    /// A string or a number, as text. What is empty counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.string(name).filter(|text| !text.is_empty())
    }

    /// A string or a number, as text that may be empty.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.get(name).and_then(string)
    }

    /// A text that is copied into every event of a webhook. What is longer than anything that Meta writes there counts
    /// as missing: it would make the events many times as large as the webhook.
    pub(super) fn short_text(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| text.len() <= MAX_SHORT_TEXT)
    }

    /// A number, or a string that is one.
    pub(super) fn number<N: FromStr>(&self, name: &str) -> Option<N> {
        self.text(name)?.trim().parse().ok()
    }

    /// `true` or `false`, or a string that is one of these.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.get() {
            "true" | "\"true\"" => Some(true),
            "false" | "\"false\"" => Some(false),
            _ => None,
        }
    }

    /// Seconds since 1970.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        self.number(name).and_then(Timestamp::from_unix_seconds)
    }

    /// A phone number: digits, with or without `+`.
    pub(super) fn phone(&self, name: &str) -> Option<PhoneNumber> {
        let text = self.text(name)?;
        PhoneNumber::from_digits(text.strip_prefix('+').unwrap_or(&text)).ok()
    }

    /// A business-scoped user id, valid within `portfolio`.
    pub(super) fn user(&self, name: &str, portfolio: Option<&str>) -> Option<UserId> {
        let user = UserId::new(self.text(name)?).ok()?;
        Some(match portfolio {
            Some(portfolio) => user.with_scope(portfolio),
            None => user,
        })
    }

    /// Whether there is something under this name, be it what it should be or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.get() != "\"\"")
    }
}

/// In bytes. Profile names have 25 characters, user names 35, ids fewer than 150.
const MAX_SHORT_TEXT: usize = 256;

/// The elements of an array. `None` if it is not one.
pub(super) fn elements(json: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json.get()).ok()
}

/// The first elements of an array: `most` of them and, if there is one, the next. `None` if it is not an array. What
/// follows is only skipped, and takes no memory.
pub(super) fn first_elements(json: &RawValue, most: usize) -> Option<Vec<&RawValue>> {
    let mut deserializer = serde_json::Deserializer::from_str(json.get());
    First(most.saturating_add(1)).deserialize(&mut deserializer).ok()
}

/// An array from one of its elements on, as an array.
pub(super) fn from_element(array: &RawValue, element: &RawValue) -> Option<String> {
    let at = element.get().as_ptr().addr().checked_sub(array.get().as_ptr().addr())?;
    Some(format!("[{}", array.get().get(at..)?))
}

struct First(usize);

impl<'de> DeserializeSeed<'de> for First {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for First {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < self.0 {
            match array.next_element()? {
                Some(element) => first.push(element),
                None => return Ok(first),
            }
        }
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

/// A string or a number, as text that may be empty.
pub(super) fn string(json: &RawValue) -> Option<String> {
    let text = json.get();
    match text.bytes().next()? {
        b'"' => serde_json::from_str(text).ok(),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object<'_> {
        Object::read_body(json.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_and_strings_stand_for_each_other() {
        let json = object(
            r#"{"s":"7","n":7,"f":1.5,"neg":"-2","e":"","z":null,"b":true,"q":"false","o":{},"t":"1795000000"}"#,
        );
        assert_eq!(json.text("s"), Some("7".to_owned()));
        assert_eq!(json.text("n"), Some("7".to_owned()));
        assert_eq!(json.number("s"), Some(7_i64));
        assert_eq!(json.number("n"), Some(7_u64));
        assert_eq!(json.number("f"), Some(1.5_f64));
        assert_eq!(json.number("neg"), Some(-2_i64));
        assert_eq!(json.number::<u64>("neg"), None);
        assert_eq!(json.text("e"), None);
        assert_eq!(json.string("e"), Some(String::new()));
        for nothing in ["z", "b", "o", "absent"] {
            assert_eq!(json.string(nothing), None, "{nothing}");
        }
        assert_eq!((json.flag("b"), json.flag("q"), json.flag("n")), (Some(true), Some(false), None));
        assert_eq!(json.time("t"), Timestamp::from_unix_seconds(1_795_000_000));
        assert!(json.has("o") && !json.has("e") && !json.has("z"));
    }

    #[test]
    fn names_are_decoded_and_the_last_one_counts() {
        let json = object(r#"{"a":1, "\u0061":2, "b" : [ {"c":1} , 2 ]}"#);
        assert_eq!(json.number("a"), Some(2));
        assert_eq!(json.members().count(), 3);
        let parts = elements(json.get("b").unwrap()).unwrap();
        assert_eq!(parts.iter().map(|part| part.get()).collect::<Vec<_>>(), [r#"{"c":1}"#, "2"]);
        assert!(elements(json.get("a").unwrap()).is_none());
        assert!(Object::read(json.get("a").unwrap()).is_none());
    }

    #[test]
    fn what_is_deeply_nested_is_skipped_and_not_climbed() {
        let deep = format!(r#"{{"a":{}{},"b":"here"}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(object(&deep).text("b"), Some("here".to_owned()));
    }
}
