//! Reading a message back from the form that Twilio takes.

use std::collections::BTreeMap;

use http::Uri;
use serde_json::{Map, Value};

use super::resource::{RegisteredContent, invalid_variables};
use super::{Form, Refusal};
use crate::ids::AttemptId;
use crate::outbound::{Content, Link, Location, Media};

/// What a message says.
pub(super) fn read(form: &Form, contents: &BTreeMap<String, RegisteredContent>) -> Result<Content, Refusal> {
    let variables = form.text("ContentVariables");
    if let Some(sid) = form.text("ContentSid") {
        let content =
            contents.get(sid).ok_or(const { Refusal::invalid(21_655, "The ContentSid is Invalid") })?;
        let variables = variables.map_or_else(|| Ok(BTreeMap::new()), read_variables)?;
        return content.fill(&variables);
    }
    if variables.is_some() {
        return Err(Refusal::invalid(21_654, "ContentSid Required"));
    }
    let body = form.text("Body");
    if let Some(link) = form.text("MediaUrl") {
        let link = Link::new(link).map_err(|_| Refusal::invalid(21_620, "Invalid media URL(s)"))?;
        let content = by_ending(link);
        return Ok(match body {
            Some(caption) => content.with_caption(caption),
            None => content,
        });
    }
    if let Some(point) = form.text("PersistentAction").and_then(|action| action.strip_prefix("geo:")) {
        return read_location(point, body)
            .map(Content::Location)
            .ok_or(const { Refusal::invalid(63_006, "Could not format given content for the channel") });
    }
    Ok(Content::text(body.unwrap_or_default()))
}

/// A JSON object of texts, none of them empty.
fn read_variables(text: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|_| invalid_variables())?;
    object
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) if !text.is_empty() => Ok((key, text)),
            _ => Err(invalid_variables()),
        })
        .collect()
}

/// The real one asks the file's host for its type.
pub(super) fn by_ending(link: Link) -> Content {
    let path = link.as_str().split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let media = Media::Link(link);
    match ending.as_deref().unwrap_or_default() {
        "jpg" | "jpeg" | "png" | "webp" => Content::image(media),
        "mp4" | "3gp" => Content::video(media),
        "ogg" | "opus" | "amr" | "aac" | "mp3" | "m4a" => Content::audio(media),
        _ => Content::document(media),
    }
}

/// `37.7876,-122.3942|Label`.
fn read_location(point: &str, body: Option<&str>) -> Option<Location> {
    let (coordinates, label) = match point.split_once('|') {
        Some((coordinates, label)) => (coordinates, Some(label)),
        None => (point, None),
    };
    let (latitude, longitude) = coordinates.split_once(',')?;
    let mut location = Location::new(latitude.trim().parse().ok()?, longitude.trim().parse().ok()?);
    location.name = body.map(str::to_owned);
    location.address = label.filter(|label| !label.is_empty() && Some(*label) != body).map(str::to_owned);
    let in_range = location.latitude.abs() <= 90.0 && location.longitude.abs() <= 180.0;
    in_range.then_some(location)
}

/// The attempt and the reference out of the query of a callback's address: the parameters whose names end so.
pub(super) fn read_callback(callback: Option<&Uri>) -> (Option<AttemptId>, Option<String>) {
    let query = Form::read(callback.and_then(Uri::query).unwrap_or_default().as_bytes());
    let named = |endings: &[&str]| {
        let mut pairs = query.0.iter();
        pairs
            .find(|(name, value)| !value.is_empty() && endings.iter().any(|ending| name.ends_with(ending)))
            .map(|(_, value)| value.clone())
    };
    let attempt = named(&["attempt"]).and_then(|attempt| attempt.parse().ok());
    (attempt, named(&["reference", "ref"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_an_address_tells_the_kind() {
        for (link, kind) in [
            ("https://example.test/a.JPG?size=2", "image"),
            ("https://example.test/a.png", "image"),
            ("https://example.test/a.mp4", "video"),
            ("https://example.test/a.ogg", "audio"),
            ("https://example.test/a.pdf", "document"),
            ("https://example.mp4/a", "document"),
            ("https://example.test", "document"),
        ] {
            assert_eq!(by_ending(Link::new(link).unwrap()).kind().as_str(), kind, "{link}");
        }
    }

    #[test]
    fn attempt_and_reference_come_out_of_the_callback() {
        let id = AttemptId::from_u128(7);
        for (query, expected) in [
            (String::new(), (None, None)),
            (format!("?attempt={id}"), (Some(id), None)),
            (format!("?x=1&wa_attempt={id}&wa_ref=a%20b%2F%C3%A4"), (Some(id), Some("a b/ä"))),
            ("?attempt=7&reference=".to_owned(), (None, None)),
        ] {
            let uri: Uri = format!("https://example.test/status{query}").parse().unwrap();
            let (attempt, reference) = read_callback(Some(&uri));
            assert_eq!((attempt, reference.as_deref()), expected, "{query}");
        }
        assert_eq!(read_callback(None), (None, None));
    }

    #[test]
    fn points_are_two_numbers_in_range() {
        let read = |point, body| {
            read_location(point, body)
                .map(|place| (place.latitude, place.longitude, place.name, place.address))
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read("1.5,-2.25", None), Some((1.5, -2.25, None, None)));
        assert_eq!(
            read("1.5,-2.25|Pier 1", Some("Office")),
            Some((1.5, -2.25, text("Office"), text("Pier 1")))
        );
        assert_eq!(read("1.5,-2.25|Office", Some("Office")), Some((1.5, -2.25, text("Office"), None)));
        for bad in ["", "1.5", "a,b", "91,0", "0,181", "NaN,0"] {
            assert_eq!(read(bad, None), None, "{bad}");
        }
    }
}
