//! Something to tap as a content of Twilio's: what stays the same is the skeleton, what differs goes into variables.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::MAX_VALUE_CHARS;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::outbound::{Action, CtaUrl, Field, Interactive, List, ReplyButton, chars_between, present};

/// The most characters of a body above reply buttons or a list.
const MAX_BODY: usize = 1024;
/// The most characters of a body above a button that opens an address.
const MAX_CTA_BODY: usize = 640;
/// The most reply buttons without an approval.
const MAX_BUTTONS: usize = 3;
/// The most rows of a list.
const MAX_ROWS: usize = 10;
/// The most characters of what a button says.
const MAX_TITLE: usize = 20;
/// The most characters of an id.
const MAX_ID: usize = 200;
/// The most characters of what a row says.
const MAX_ROW_TITLE: usize = 24;
/// The most characters below it.
const MAX_DESCRIPTION: usize = 72;
/// What begins a variable.
pub(super) const VARIABLE: &str = "{{";

/// A content that is to be made at Twilio, once for all messages of its shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Skeleton {
    /// Names what is in it: two skeletons of one name are the same.
    pub(super) name: String,
    /// In Twilio's form.
    pub(super) types: Value,
}

/// How skeletons are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style<'a> {
    /// What their names begin with.
    pub(super) prefix: &'a str,
    /// Whether texts stay in the skeleton, which is then good for one message only.
    pub(super) literal: bool,
}

/// Puts a message with something to tap into Twilio's terms.
///
/// A text that may be missing is a part of the shape, because Twilio refuses empty values (21656).
pub(super) fn skeleton(
    interactive: &Interactive,
    style: Style<'_>,
) -> Result<(Skeleton, BTreeMap<String, String>)> {
    let mut places = Places { literal: style.literal, values: BTreeMap::new() };
    let body = interactive.body.as_deref().unwrap_or_default();
    let (kind, types) = match &interactive.action {
        Action::ReplyButtons { buttons } => {
            nothing_around(interactive)?;
            let body = places.put("content.body", body, MAX_BODY)?;
            let actions = reply_buttons(buttons, &mut places)?;
            ("buttons", json!({ "twilio/quick-reply": { "body": body, "actions": actions } }))
        }
        Action::List(list) => {
            nothing_around(interactive)?;
            let body = places.put("content.body", body, MAX_BODY)?;
            let button = places.put("content.action.button", &list.button, MAX_TITLE)?;
            let items = rows(list, &mut places)?;
            ("list", json!({ "twilio/list-picker": { "body": body, "button": button, "items": items } }))
        }
        Action::CtaUrl(button) => {
            nothing_around(interactive)?;
            let body = places.put("content.body", body, MAX_CTA_BODY)?;
            let action = cta_url(button, &mut places)?;
            ("cta_url", json!({ "twilio/call-to-action": { "body": body, "actions": [action] } }))
        }
        _ => return Err(Error::unsupported("content")),
    };
    let digest = Sha256::digest(types.to_string());
    let digest = hex(digest.get(..12).unwrap_or_default());
    let name = format!("{}_{kind}_{digest}", style.prefix);
    Ok((Skeleton { name, types }, places.values))
}

/// Without an approval there is no place above the body nor below the buttons.
fn nothing_around(interactive: &Interactive) -> Result<()> {
    if interactive.header.is_some() {
        return Err(Error::unsupported("content.header"));
    }
    if present(&interactive.footer).is_some() {
        return Err(Error::unsupported("content.footer"));
    }
    Ok(())
}

fn reply_buttons(buttons: &[ReplyButton], places: &mut Places) -> Result<Vec<Value>> {
    const BUTTONS: &str = "content.action.buttons";
    at_most(BUTTONS, MAX_BUTTONS, buttons.len())?;
    let button = |(index, button): (usize, &ReplyButton)| {
        let title = places.put(format!("{BUTTONS}[{index}].title"), &button.title, MAX_TITLE)?;
        let id = places.put(format!("{BUTTONS}[{index}].id"), &button.id, MAX_ID)?;
        Ok(json!({ "type": "QUICK_REPLY", "title": title, "id": id }))
    };
    buttons.iter().enumerate().map(button).collect()
}

/// The rows of a list, which has no sections at Twilio: a single one without a title is none.
fn rows(list: &List, places: &mut Places) -> Result<Vec<Value>> {
    const SECTIONS: &str = "content.action.sections";
    at_most(SECTIONS, 1, list.sections.len())?;
    if list.sections.iter().any(|section| present(&section.title).is_some()) {
        return Err(Error::unsupported(format!("{SECTIONS}[0].title")));
    }
    let rows = list.sections.iter().flat_map(|section| &section.rows);
    at_most(format!("{SECTIONS}[0].rows"), MAX_ROWS, rows.clone().count())?;
    rows.enumerate()
        .map(|(index, row)| {
            let field = |name| format!("{SECTIONS}[0].rows[{index}].{name}");
            let title = places.put(field("title"), &row.title, MAX_ROW_TITLE)?;
            let id = places.put(field("id"), &row.id, MAX_ID)?;
            let mut item = json!({ "item": title, "id": id });
            if let (Some(description), Some(item)) = (present(&row.description), item.as_object_mut()) {
                let description = places.put(field("description"), description, MAX_DESCRIPTION)?;
                item.insert("description".to_owned(), description.into());
            }
            Ok(item)
        })
        .collect()
}

/// A button that opens an address. Twilio takes a variable at the end of its address only, and none in what it says, so
/// label and host are a part of the shape: a business has few of them.
fn cta_url(button: &CtaUrl, places: &mut Places) -> Result<Value> {
    const LABEL: &str = "content.action.display_text";
    const URL: &str = "content.action.url";
    chars_between(LABEL, &button.display_text, MAX_TITLE)?;
    let (host, rest) = split_address(&button.url);
    if button.display_text.contains(VARIABLE) {
        return Err(Error::unsupported(LABEL));
    }
    if host.contains(VARIABLE) {
        return Err(Error::unsupported(URL));
    }
    let rest = if rest.is_empty() { String::new() } else { places.put(URL, rest, MAX_VALUE_CHARS)? };
    Ok(json!({ "type": "URL", "title": button.display_text, "url": format!("{host}{rest}") }))
}

/// The address up to where its host ends, with the first character after it, and the rest.
fn split_address(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let (_, address) = url.split_at_checked(after_scheme).unwrap_or_default();
    match address.find(['/', '?', '#']) {
        Some(end) => url.split_at_checked(after_scheme + end + 1).unwrap_or((url, "")),
        None => (url, ""),
    }
}

fn at_most(field: impl Into<Field>, limit: usize, actual: usize) -> Result<()> {
    if actual > limit { Err(Error::over_limit(field, limit as u64, actual as u64)) } else { Ok(()) }
}

/// The variables of a skeleton, and what is in them.
struct Places {
    literal: bool,
    values: BTreeMap<String, String>,
}

impl Places {
    /// What stands in the skeleton in the place of a text: a variable, or the text itself. One that Twilio would take for
    /// a variable goes into one in any case.
    fn put(&mut self, field: impl Into<Field>, text: &str, max: usize) -> Result<String> {
        chars_between(field, text, max)?;
        if self.literal && !text.contains(VARIABLE) {
            return Ok(text.to_owned());
        }
        let name = (self.values.len() + 1).to_string();
        let place = format!("{VARIABLE}{name}}}}}");
        self.values.insert(name, text.to_owned());
        Ok(place)
    }
}

impl Skeleton {
    /// What Twilio is asked to make. Every variable needs a sample.
    pub(super) fn resource(&self, variables: &BTreeMap<String, String>) -> Value {
        let samples: BTreeMap<&String, String> =
            variables.keys().map(|name| (name, format!("sample{name}"))).collect();
        json!({ "friendly_name": self.name, "language": "en", "variables": samples, "types": self.types })
    }

    /// Whether this content of Twilio's is what is to be made. It may have members that we did not set.
    pub(super) fn is(&self, content: &Value) -> bool {
        content.get("friendly_name").and_then(Value::as_str) == Some(&self.name)
            && content.get("types").is_some_and(|types| contains(types, &self.types))
    }
}

fn contains(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| actual.get(name).is_some_and(|own| contains(own, value)))
        }
        (Value::Array(actual), Value::Array(expected)) => {
            actual.len() == expected.len()
                && actual.iter().zip(expected).all(|(actual, expected)| contains(actual, expected))
        }
        _ => actual == expected,
    }
}

#[cfg(test)]
mod tests;
