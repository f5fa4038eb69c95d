//! What no provider could carry, and how a provider says what it cannot.

use std::borrow::Cow;

use super::content::{Content, Location};
use super::message::OutboundMessage;
use super::template::{Parameter, Template};
use crate::address::Recipient;
use crate::error::{Error, Result};

/// The path of a field in a message: fixed, or made for an element of a list.
pub(crate) type Field = Cow<'static, str>;

/// Refuses a text that is empty (no provider carries that) or longer than `max` characters (this one does not).
pub(crate) fn chars_between(field: impl Into<Field>, text: &str, max: usize) -> Result<()> {
    let field = field.into();
    match text.chars().count() {
        0 => Err(Error::invalid(field).with_limit(1, 0)),
        actual if actual > max => Err(Error::over_limit(field, max as u64, actual as u64)),
        _ => Ok(()),
    }
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
    match &message.content {
        Content::Text(text) if text.body.is_empty() => Err(Error::invalid("content.body").with_limit(1, 0)),
        Content::Location(location) => validate_location("content", location),
        Content::Contacts(contacts) if contacts.cards.is_empty() => {
            Err(Error::invalid("content.cards").with_limit(1, 0))
        }
        Content::Template(template) => validate_template(template, &message.to),
        _ => Ok(()),
    }
}

pub(crate) fn validate_location(path: &str, location: &Location) -> Result<()> {
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

fn validate_template(template: &Template, to: &Recipient) -> Result<()> {
    if template.name.is_empty() {
        return Err(Error::invalid("content.name").with_limit(1, 0));
    }
    if template.language.is_empty() {
        return Err(Error::invalid("content.language").with_limit(1, 0));
    }
    let named = template.body.iter().filter(|parameter| parameter.name.is_some()).count();
    if named != 0 && named != template.body.len() {
        return Err(Error::invalid("content.body"));
    }
    if let Some(empty) = template.body.iter().position(|parameter| Parameter::shown(parameter).is_empty()) {
        return Err(Error::invalid(format!("content.body[{empty}]")).with_limit(1, 0));
    }
    if let Some(code) = &template.one_time_code {
        let bare = Template::new(template.name.as_str(), template.language.as_str());
        let alone = Template { one_time_code: Some(code.clone()), ..bare } == *template;
        let length = code.chars().count();
        if !alone {
            return Err(Error::invalid("content.one_time_code"));
        }
        if !(1..=15).contains(&length) {
            return Err(Error::invalid("content.one_time_code").with_limit(15, length as u64));
        }
        // WhatsApp delivers codes to phone numbers only (Meta 131062).
        if to.phone().is_none() {
            return Err(Error::invalid("to"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{PhoneNumber, UserId};
    use crate::error::ErrorKind;

    fn to() -> PhoneNumber {
        PhoneNumber::parse("+15551234567").unwrap()
    }

    fn refused(message: &OutboundMessage) -> Option<String> {
        validate(message).err().map(|error| {
            assert_eq!(error.kind(), ErrorKind::InvalidMessage);
            error.field().unwrap().to_owned()
        })
    }

    #[test]
    fn each_rule_on_both_sides_of_its_boundary() {
        let template = Template::new("t", "en");
        let user = UserId::new("US.1").unwrap();
        let mut marked = Location::new(1.0, 2.0);
        marked.url = Some("https://maps.example".to_owned());
        let mut via_nobody = OutboundMessage::text(to(), "x");
        via_nobody.via_only = true;
        for (message, field) in [
            (OutboundMessage::text(to(), "x"), None),
            (OutboundMessage::text(to(), ""), Some("content.body")),
            (OutboundMessage::text(Recipient::Unknown, "x"), Some("to")),
            (OutboundMessage::text(to(), "x").with_reference("r".repeat(400)), None),
            (OutboundMessage::text(to(), "x").with_reference("r".repeat(401)), Some("reference")),
            (via_nobody, Some("via")),
            (OutboundMessage::new(to(), Content::location(90.0, -180.0)), None),
            (OutboundMessage::new(to(), Content::location(90.1, 0.0)), Some("content.latitude")),
            (OutboundMessage::new(to(), Content::location(f64::NAN, 0.0)), Some("content.latitude")),
            (OutboundMessage::new(to(), Content::location(0.0, 180.5)), Some("content.longitude")),
            (OutboundMessage::new(to(), Content::Location(marked)), Some("content.url")),
            (OutboundMessage::new(to(), Content::contacts([])), Some("content.cards")),
            (OutboundMessage::template(to(), template.clone()), None),
            (OutboundMessage::template(to(), Template::new("", "en")), Some("content.name")),
            (OutboundMessage::template(to(), Template::new("t", "")), Some("content.language")),
            (OutboundMessage::template(to(), template.clone().with_body(["a", "b"])), None),
            (OutboundMessage::template(to(), template.clone().with_body(["a", ""])), Some("content.body[1]")),
            (
                OutboundMessage::template(to(), template.clone().with_body(["a"]).with_named("n", "b")),
                Some("content.body"),
            ),
            (OutboundMessage::template(to(), Template::authentication("t", "en", "1".repeat(15))), None),
            (
                OutboundMessage::template(to(), Template::authentication("t", "en", "1".repeat(16))),
                Some("content.one_time_code"),
            ),
            (
                OutboundMessage::template(to(), Template::authentication("t", "en", "")),
                Some("content.one_time_code"),
            ),
            (
                OutboundMessage::template(to(), Template::authentication("t", "en", "1").with_body(["a"])),
                Some("content.one_time_code"),
            ),
            (OutboundMessage::template(user, Template::authentication("t", "en", "1")), Some("to")),
        ] {
            assert_eq!(refused(&message).as_deref(), field, "{message:?}");
        }
    }

    #[test]
    fn an_empty_text_counts_as_missing() {
        assert_eq!(present(&None), None);
        assert_eq!(present(&Some(String::new())), None);
        assert_eq!(present(&Some(" ".to_owned())), Some(" "));
    }

    #[test]
    fn a_place_names_its_path() {
        let mut place = Location::new(90.0, 180.0);
        assert!(validate_location("content.header", &place).is_ok());
        place.url = Some("https://maps.example".to_owned());
        let error = validate_location("content.header", &place).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidMessage, Some("content.header.url")));
    }

    #[test]
    fn length_names_limit_and_actual() {
        assert!(chars_between("f", "ä", 1).is_ok());
        let error = chars_between("f", "ää", 1).unwrap_err();
        assert_eq!((error.kind(), error.limit(), error.actual()), (ErrorKind::Unsupported, Some(1), Some(2)));
        let error = chars_between("f", "", 1).unwrap_err();
        assert_eq!(
            (error.kind(), error.limit(), error.actual()),
            (ErrorKind::InvalidMessage, Some(1), Some(0))
        );
    }
}
