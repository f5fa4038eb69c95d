use super::*;
use crate::outbound::{
    ContactAddress, ContactCard, ContactEmail, ContactName, ContactPhone, ContactUrl, Contacts,
};

#[test]
fn cards_have_a_name_and_say_something() {
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
    type Change = fn(&mut ContactCard);
    let named = |change: fn(&mut ContactName)| {
        let mut name = ContactName { formatted: "Ada L".to_owned(), ..ContactName::default() };
        change(&mut name);
        ContactCard { name: Some(name), ..ContactCard::default() }
    };
    for (card, field) in [
        (named(|name| name.first = text("Ada")), None),
        (named(|name| name.middle = text("K")), None),
        (named(|name| name.last = text("L")), None),
        (named(|name| name.prefix = text("Dr.")), None),
        (named(|name| name.suffix = text("Esq.")), None),
        (named(|_| ()), Some("content.cards[1].name")),
        (named(|name| name.first = text("")), Some("content.cards[1].name")),
        (ContactCard::named("", "Ada"), Some("content.cards[1].name.formatted")),
        (ContactCard::default(), Some("content.cards[1].name")),
    ] {
        assert_eq!(
            refused_content(Content::contacts([ContactCard::named("A B", "A"), card])).as_deref(),
            field
        );
    }

    let changes: [(Change, Option<&str>); 17] = [
        (|card| card.phones[0].phone = text("+1"), None),
        (|card| card.phones[0].wa_id = text("1"), None),
        (|card| card.phones[0].label = text("CELL"), Some("phones[0]")),
        (|card| card.phones[0].phone = text(""), Some("phones[0]")),
        (|card| card.phones.push(ContactPhone::default()), Some("phones[0]")),
        (|card| card.emails.push(ContactEmail { email: text("a@b"), label: None }), None),
        (|card| card.emails.push(ContactEmail { email: None, label: text("Work") }), Some("emails[0]")),
        (|card| card.urls.push(ContactUrl { url: text("https://a"), label: None }), None),
        (|card| card.urls.push(ContactUrl { url: None, label: text("Work") }), Some("urls[0]")),
        (|card| card.addresses.push(ContactAddress { zip: text("1"), ..ContactAddress::default() }), None),
        (
            |card| card.addresses.push(ContactAddress { label: text("HOME"), ..ContactAddress::default() }),
            Some("addresses[0]"),
        ),
        (|card| card.birthday = text("1999-01-23"), None),
        (|card| card.birthday = text(""), None),
        (|card| card.birthday = text("23.1.1999"), Some("birthday")),
        (|card| card.origin = text("other"), Some("origin")),
        (|card| card.vcard = text("BEGIN:VCARD"), Some("vcard")),
        (|card| card.organization = Some(crate::outbound::ContactOrganization::default()), None),
    ];
    for (place, (change, field)) in changes.into_iter().enumerate() {
        let mut card = ContactCard::named("Ada L", "Ada");
        // Those that say something about a phone change one.
        if place < 5 {
            card.phones.push(ContactPhone::default());
        }
        change(&mut card);
        let expected = field.map(|field| format!("content.cards[0].{field}"));
        assert_eq!(refused_content(Content::Contacts(Contacts { cards: vec![card] })), expected, "{place}");
    }
}
