use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use whatsapp_provider::Content;
use whatsapp_provider::outbound::{
    ContactAddress, ContactCard, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
};

use super::Make;

impl Make {
    pub(super) fn contacts(&self) -> BoxedStrategy<Content> {
        let least = usize::from(!self.past);
        vec(self.card(), least..=3).prop_map(Content::contacts).boxed()
    }

    fn card(&self) -> BoxedStrategy<ContactCard> {
        let lists = (self.phones(), self.emails(), self.urls(), self.addresses());
        let day = prop_oneof![3 => "[0-9]{4}-0[1-9]-[12][0-9]", 1 => Just(String::new())].boxed();
        let birthday = if self.past { prop_oneof![9 => day, 1 => "[0-9./-]{1,10}"].boxed() } else { day };
        let inbound_only =
            if self.past { option::weighted(0.05, self.text(20)).boxed() } else { Just(None).boxed() };
        (self.name(), lists, option::of(self.organization()), option::of(birthday), inbound_only)
            .prop_map(|(name, (phones, emails, urls, addresses), organization, birthday, vcard)| {
                let mut card = ContactCard::default();
                card.name = name;
                (card.phones, card.emails, card.urls, card.addresses) = (phones, emails, urls, addresses);
                (card.organization, card.birthday, card.vcard) = (organization, birthday, vcard);
                card
            })
            .boxed()
    }

    fn name(&self) -> BoxedStrategy<Option<ContactName>> {
        let needed = if self.past { self.maybe(40) } else { self.text(40).prop_map(Some).boxed() };
        let parts = (needed, self.maybe(40), self.maybe(40), self.maybe(10), self.maybe(10));
        let name = (self.text(60), parts, 0..5_usize).prop_map(|(formatted, parts, turn)| {
            let mut name = ContactName::default();
            name.formatted = formatted;
            (name.first, name.middle, name.last, name.prefix, name.suffix) = parts;
            // The part that is surely there is not always the first name.
            match turn {
                1 => std::mem::swap(&mut name.first, &mut name.middle),
                2 => std::mem::swap(&mut name.first, &mut name.last),
                3 => std::mem::swap(&mut name.first, &mut name.prefix),
                4 => std::mem::swap(&mut name.first, &mut name.suffix),
                _ => {}
            }
            name
        });
        if self.past { option::weighted(0.95, name).boxed() } else { name.prop_map(Some).boxed() }
    }

    fn phones(&self) -> BoxedStrategy<Vec<ContactPhone>> {
        let entry = (self.text(20), self.maybe(15), self.maybe(8)).prop_map(|(phone, wa_id, label)| {
            let mut entry = ContactPhone::default();
            (entry.phone, entry.wa_id, entry.label) = (Some(phone), wa_id, label);
            entry
        });
        vec(entry, 0..3).boxed()
    }

    fn emails(&self) -> BoxedStrategy<Vec<ContactEmail>> {
        let entry = (self.text(30), self.maybe(8)).prop_map(|(email, label)| {
            let mut entry = ContactEmail::default();
            (entry.email, entry.label) = (Some(email), label);
            entry
        });
        vec(entry, 0..3).boxed()
    }

    fn urls(&self) -> BoxedStrategy<Vec<ContactUrl>> {
        let entry = (self.text(30), self.maybe(8)).prop_map(|(url, label)| {
            let mut entry = ContactUrl::default();
            (entry.url, entry.label) = (Some(url), label);
            entry
        });
        vec(entry, 0..3).boxed()
    }

    fn addresses(&self) -> BoxedStrategy<Vec<ContactAddress>> {
        let parts = (self.maybe(30), self.maybe(20), self.maybe(20), self.maybe(2), self.maybe(8));
        let entry = (parts, self.text(30), self.maybe(10)).prop_map(|(parts, city, country)| {
            let mut entry = ContactAddress::default();
            (entry.street, entry.state, entry.zip, entry.country_code, entry.label) = parts;
            (entry.city, entry.country) = (Some(city), country);
            entry
        });
        vec(entry, 0..3).boxed()
    }

    fn organization(&self) -> BoxedStrategy<ContactOrganization> {
        (self.maybe(30), self.maybe(20), self.maybe(20))
            .prop_map(|parts| {
                let mut organization = ContactOrganization::default();
                (organization.company, organization.department, organization.title) = parts;
                organization
            })
            .boxed()
    }
}
