//! Contact cards, in Meta's names for their parts.

use serde_json::{Map, Value};

use super::limits::count_between;
use crate::error::Result;
use crate::outbound::{ContactCard, present};

/// The most cards of one message.
const MAX_CARDS: usize = 257;

/// Cards that `validate` has looked at.
pub(crate) fn write(cards: &[ContactCard]) -> Result<Value> {
    count_between("content.cards", cards.len(), (1, MAX_CARDS))?;
    Ok(cards.iter().map(card).collect())
}

fn card(card: &ContactCard) -> Value {
    let mut object = texts([("birthday", &card.birthday)]);
    if let Some(name) = &card.name {
        let mut parts = texts([
            ("first_name", &name.first),
            ("middle_name", &name.middle),
            ("last_name", &name.last),
            ("prefix", &name.prefix),
            ("suffix", &name.suffix),
        ]);
        parts.insert("formatted_name".to_owned(), name.formatted.as_str().into());
        object.insert("name".to_owned(), parts.into());
    }
    if let Some(place) = &card.organization {
        let parts =
            texts([("company", &place.company), ("department", &place.department), ("title", &place.title)]);
        object.insert("org".to_owned(), parts.into());
    }
    entries(&mut object, "phones", &card.phones, |entry| {
        texts([("phone", &entry.phone), ("wa_id", &entry.wa_id), ("type", &entry.label)])
    });
    entries(&mut object, "emails", &card.emails, |entry| {
        texts([("email", &entry.email), ("type", &entry.label)])
    });
    entries(&mut object, "urls", &card.urls, |entry| texts([("url", &entry.url), ("type", &entry.label)]));
    entries(&mut object, "addresses", &card.addresses, |entry| {
        texts([
            ("street", &entry.street),
            ("city", &entry.city),
            ("state", &entry.state),
            ("zip", &entry.zip),
            ("country", &entry.country),
            ("country_code", &entry.country_code),
            ("type", &entry.label),
        ])
    });
    Value::Object(object)
}

fn entries<T>(
    card: &mut Map<String, Value>,
    name: &str,
    entries: &[T],
    write: impl Fn(&T) -> Map<String, Value>,
) {
    if !entries.is_empty() {
        card.insert(name.to_owned(), entries.iter().map(write).collect());
    }
}

/// An object of the texts that are there.
fn texts<const N: usize>(texts: [(&str, &Option<String>); N]) -> Map<String, Value> {
    let present = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), present(text)?.into())));
    present.collect()
}
