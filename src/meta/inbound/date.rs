//! Days and moments in the forms that news about accounts have them in.

use crate::clock::Timestamp;
use crate::meta::wire::Object;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A moment: seconds since 1970, RFC 3339, a day as `2026-11-22`, or a day as `November 22, 2026`. A day is its beginning
/// in UTC.
pub(super) fn read(object: &Object<'_>, name: &str) -> Option<Timestamp> {
    object.time(name).or_else(|| parse(object.text(name)?.trim()))
}

fn parse(text: &str) -> Option<Timestamp> {
    let moment = text.strip_suffix("+0000").map_or_else(|| text.to_owned(), |local| format!("{local}Z"));
    let day = || format!("{text}T00:00:00Z").parse().ok();
    moment.parse().ok().or_else(day).or_else(|| in_words(text))
}

fn in_words(text: &str) -> Option<Timestamp> {
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let (month, day, year) = (words.next()?.to_ascii_lowercase(), words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| month.starts_with(name))? + 1;
    let (day, year): (u8, u16) = (day.parse().ok()?, year.parse().ok()?);
    format!("{year:04}-{month:02}-{day:02}T00:00:00Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let day: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        for text in [
            "2026-11-02",
            "November 2, 2026",
            "Nov 2 2026",
            "2026-11-02T00:00:00Z",
            "2026-11-02T00:00:00+0000",
            "1793577600",
        ] {
            let json = format!(r#"{{"at":"{text}"}}"#);
            assert_eq!(read(&Object::read_body(json.as_bytes()).unwrap(), "at"), Some(day), "{text}");
        }
        let number = Object::read_body(br#"{"at":1793577600}"#).unwrap();
        assert_eq!(read(&number, "at"), Some(day));
        for odd in
            ["", "soon", "Nov", "Nov 2", "Smarch 2, 2026", "Nov 31, 2026", "Nov 2, 2026 10:00", "2026-13-01"]
        {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
