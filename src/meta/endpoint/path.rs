//! Paths with places in them.

use crate::error::ConfigError;

/// A path whose every place is known.
#[derive(Clone)]
pub(super) struct PathTemplate(Vec<Part>);

#[derive(Clone)]
enum Part {
    Text(String),
    Place(Place),
}

/// What a path may leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Version,
    Sender,
    Account,
    Media,
}

impl PathTemplate {
    /// Reads a template. `field` is what the error names.
    pub(super) fn parse(field: &'static str, text: &str) -> Result<Self, ConfigError> {
        let invalid = |problem| ConfigError::new(field, problem);
        let text = text.trim().trim_start_matches('/');
        if text.is_empty() || text.len() > 1024 {
            return Err(invalid("must have 1 to 1,024 characters"));
        }
        let path = text.split_once('?').map_or(text, |(path, _)| path);
        if path.split('/').any(|segment| segment.bytes().all(|b| b == b'.')) {
            return Err(invalid("must not have segments that are empty or only dots"));
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~/?=&,:%".contains(&b);
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, behind) = rest.split_once('{').map_or((rest, None), |(l, b)| (l, Some(b)));
            if !literal.bytes().all(allowed) {
                return Err(invalid("has a character that no path has"));
            }
            parts.push(Part::Text(literal.to_owned()));
            let Some(behind) = behind else { break };
            let (name, behind) =
                behind.split_once('}').ok_or_else(|| invalid("has a `{` without its `}`"))?;
            parts.push(Part::Place(match name {
                "version" => Place::Version,
                "sender" => Place::Sender,
                "account" => Place::Account,
                "media" => Place::Media,
                _ => return Err(invalid("may have the places {version}, {sender}, {account} and {media}")),
            }));
            rest = behind;
        }
        Ok(Self(parts))
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Place(own) if *own == place))
    }

    /// The path with everything in its place, or the place for which there is nothing.
    pub(super) fn fill<'a>(&self, value: impl Fn(Place) -> Option<&'a str>) -> Result<String, Place> {
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Place(place) => path.push_str(value(*place).ok_or(*place)?),
            }
        }
        Ok(path)
    }
}

/// Whether a text means nothing but itself in the path of a URL.
pub(in crate::meta) fn plain_segment(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let only_dots = text.bytes().all(|b| b == b'.');
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && !only_dots
}
