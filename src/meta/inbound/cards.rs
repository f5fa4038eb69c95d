//! Contact cards.

use serde_json::value::RawValue;

use crate::meta::wire::{Object, elements};
use crate::outbound::{
    ContactAddress, ContactCard, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
};

/// The cards of a list. `None` if one of them, or a part of one, is not what it should be: nobody is left out silently.
pub(super) fn read(list: &RawValue) -> Option<Vec<ContactCard>> {
    elements(list)?.into_iter().map(|json| card(&Object::read(json)?)).collect()
}

fn card(card: &Object<'_>) -> Option<ContactCard> {
    Some(ContactCard {
        // Whoever answers a request for the number may have none.
        name: part(card, "name", name)?,
        phones: parts(card, "phones", |phone| ContactPhone {
            phone: phone.text("phone"),
            wa_id: phone.text("wa_id"),
            label: phone.text("type"),
        })?,
        emails: parts(card, "emails", |email| ContactEmail {
            email: email.text("email"),
            label: email.text("type"),
        })?,
        addresses: parts(card, "addresses", address)?,
        urls: parts(card, "urls", |url| ContactUrl { url: url.text("url"), label: url.text("type") })?,
        organization: part(card, "org", |organization| ContactOrganization {
            company: organization.text("company"),
            department: organization.text("department"),
            title: organization.text("title"),
        })?,
        birthday: card.text("birthday"),
        origin: card.text("origin"),
        vcard: card.text("vcard"),
    })
}

fn name(name: &Object<'_>) -> ContactName {
    ContactName {
        formatted: name.text("formatted_name").unwrap_or_default(),
        first: name.text("first_name"),
        middle: name.text("middle_name"),
        last: name.text("last_name"),
        prefix: name.text("prefix"),
        suffix: name.text("suffix"),
    }
}

fn address(address: &Object<'_>) -> ContactAddress {
    ContactAddress {
        street: address.text("street"),
        city: address.text("city"),
        state: address.text("state"),
        zip: address.text("zip"),
        country: address.text("country"),
        country_code: address.text("country_code"),
        label: address.text("type"),
    }
}

/// A part that may be missing. The outer `None` says that it is there and is no object.
fn part<T>(card: &Object<'_>, name: &str, read: impl Fn(&Object<'_>) -> T) -> Option<Option<T>> {
    match card.get(name) {
        None => Some(None),
        Some(json) => Object::read(json).map(|object| Some(read(&object))),
    }
}

fn parts<T>(card: &Object<'_>, name: &str, read: impl Fn(&Object<'_>) -> T) -> Option<Vec<T>> {
    let Some(list) = card.get(name) else { return Some(Vec::new()) };
    elements(list)?.into_iter().map(|json| Object::read(json).map(|object| read(&object))).collect()
}
