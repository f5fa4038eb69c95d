//! What no provider could carry, and how a provider says what it cannot.

use std::borrow::Cow;
use std::collections::HashSet;

mod contacts;
mod interactive;
mod template;

use super::content::{Content, Location, Raw};
use super::message::OutboundMessage;
use super::policy::Category;
use crate::address::Recipient;
use crate::error::{Error, Result};

/// The path of a field in a message: fixed, or made for an element of a list.
pub(crate) type Field = Cow<'static, str>;

/// Refuses a text that is empty (no provider carries that) or longer than `max` characters (this one does not).
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) fn chars_between(field: impl Into<Field>, text: &str, max: usize) -> Result<()> {
    let field = field.into();
    match text.chars().count() {
        0 => Err(Error::invalid(field).with_limit(1, 0)),
        actual if actual > max => Err(Error::over_limit(field, max as u64, actual as u64)),
        _ => Ok(()),
    }
}

/// Refuses a text that is empty.
pub(crate) fn filled(field: impl Into<Field>, text: &str) -> Result<()> {
    if text.is_empty() { Err(Error::invalid(field).with_limit(1, 0)) } else { Ok(()) }
}

/// Refuses a list without anything in it.
fn some<T>(field: impl Into<Field>, list: &[T]) -> Result<()> {
    if list.is_empty() { Err(Error::invalid(field).with_limit(1, 0)) } else { Ok(()) }
}

/// The first element that has been there before.
fn repeated<T: Eq + std::hash::Hash>(elements: impl IntoIterator<Item = T>) -> Option<usize> {
    let mut seen = HashSet::new();
    elements.into_iter().position(|element| !seen.insert(element))
}

/// A text that may be missing. An empty one counts as missing.
pub(crate) fn present(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// Refuses, as `InvalidMessage`, what no provider could carry. Each names the field.
pub(crate) fn validate(message: &OutboundMessage) -> Result<()> {
    if message.to == Recipient::Unknown {
        return Err(Error::invalid("to"));
    }
    if message.via_only && message.via.is_none() {
        return Err(Error::invalid("via"));
    }
    if let Some(reference) = present(&message.reference)
        && reference.len() > OutboundMessage::MAX_REFERENCE_BYTES
    {
        let (limit, actual) = (OutboundMessage::MAX_REFERENCE_BYTES, reference.len());
        return Err(Error::invalid("reference").with_limit(limit as u64, actual as u64));
    }
    if let Some(hash) = &message.identity_key_hash {
        // Without a hash it would be no condition.
        filled("identity_key_hash", hash)?;
    }
    let billed = matches!(message.category, Some(Category::Utility | Category::Authentication));
    if message.direct_send && !billed {
        return Err(Error::invalid("category"));
    }
    match &message.content {
        Content::Text(text) => filled("content.body", &text.body),
        Content::Location(location) => validate_location("content", location),
        Content::Contacts(contacts) => contacts::validate(&contacts.cards),
        Content::Reaction(reaction) => {
            filled("content.message", &reaction.message.id)?;
            // What takes an emoji away is none at all. An empty one may be a mistake, and would take it away as well.
            reaction.emoji.as_deref().map_or(Ok(()), |emoji| filled("content.emoji", emoji))
        }
        Content::Interactive(interactive) => interactive::validate(interactive),
        Content::Template(template) => template::validate(template, &message.to),
        Content::Raw(raw) => validate_raw(raw),
        _ => Ok(()),
    }
}

/// A body of a provider's own is an object, whatever is in it.
fn validate_raw(raw: &Raw) -> Result<()> {
    if raw.body.0.is_object() { Ok(()) } else { Err(Error::invalid("content.body")) }
}

/// Whether a browser could open it: `http` or `https`, a host, and neither blanks nor control characters.
fn is_web_address(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let known = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let host = !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']);
    known && host && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn validate_location(path: &str, location: &Location) -> Result<()> {
    // `contains` is false for what is not a number.
    if !(-90.0..=90.0).contains(&location.latitude) {
        return Err(Error::invalid(format!("{path}.latitude")));
    }
    if !(-180.0..=180.0).contains(&location.longitude) {
        return Err(Error::invalid(format!("{path}.longitude")));
    }
    // Users attach it; no provider has a place for it on the way out, and it is no wish that could be dropped unnoticed.
    if location.url.is_some() {
        return Err(Error::invalid(format!("{path}.url")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
