//! Contact cards that no provider could carry.

use super::{filled, present, some};
use crate::error::{Error, Result};
use crate::outbound::ContactCard;

pub(super) fn validate(cards: &[ContactCard]) -> Result<()> {
    some("content.cards", cards)?;
    cards
        .iter()
        .enumerate()
        .try_for_each(|(index, card)| validate_card(&format!("content.cards[{index}]"), card))
}

fn validate_card(path: &str, card: &ContactCard) -> Result<()> {
    let Some(name) = &card.name else {
        return Err(Error::invalid(format!("{path}.name")));
    };
    filled(format!("{path}.name.formatted"), &name.formatted)?;
    let parts = [&name.first, &name.middle, &name.last, &name.prefix, &name.suffix];
    if !any(parts) {
        return Err(Error::invalid(format!("{path}.name")));
    }
    // An entry that says nothing is shown as nothing, or refused; a label alone says nothing.
    let entries = [
        ("phones", empty_entry(&card.phones, |entry| any([&entry.phone, &entry.wa_id]))),
        ("emails", empty_entry(&card.emails, |entry| any([&entry.email]))),
        ("urls", empty_entry(&card.urls, |entry| any([&entry.url]))),
        (
            "addresses",
            empty_entry(&card.addresses, |entry| {
                any([
                    &entry.street,
                    &entry.city,
                    &entry.state,
                    &entry.zip,
                    &entry.country,
                    &entry.country_code,
                ])
            }),
        ),
    ];
    for (list, empty) in entries {
        if let Some(index) = empty {
            return Err(Error::invalid(format!("{path}.{list}[{index}]")));
        }
    }
    if present(&card.birthday).is_some_and(|day| !is_day(day)) {
        return Err(Error::invalid(format!("{path}.birthday")));
    }
    // Users send them; no provider has a place for them on the way out, and they are no wishes that could be dropped.
    for (field, text) in [("origin", &card.origin), ("vcard", &card.vcard)] {
        if text.is_some() {
            return Err(Error::invalid(format!("{path}.{field}")));
        }
    }
    Ok(())
}

/// Whether one of these texts says anything.
fn any<const N: usize>(texts: [&Option<String>; N]) -> bool {
    texts.into_iter().any(|text| present(text).is_some())
}

fn empty_entry<T>(entries: &[T], says_something: impl Fn(&T) -> bool) -> Option<usize> {
    entries.iter().position(|entry| !says_something(entry))
}

/// `1999-01-23`, without looking whether the month has so many days.
fn is_day(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut number = |length: usize| {
        let part =
            parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()));
        part.and_then(|part| part.parse::<u16>().ok())
    };
    let (year, month, day) = (number(4), number(2), number(2));
    let fits = |number: Option<u16>, most| number.is_some_and(|number| (1..=most).contains(&number));
    year.is_some() && fits(month, 12) && fits(day, 31) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_a_year_a_month_and_a_day() {
        for day in ["1999-01-23", "2000-12-31", "0001-01-01"] {
            assert!(is_day(day), "{day}");
        }
        for other in [
            "1999-1-23",
            "1999-01",
            "1999-01-23-",
            "1999-00-23",
            "1999-13-23",
            "1999-01-00",
            "1999-01-32",
            "99-01-23",
            "1999/01/23",
            "+999-01-23",
            "23 January",
            "",
        ] {
            assert!(!is_day(other), "{other}");
        }
    }
}
