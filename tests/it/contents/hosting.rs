//! Files from memory and contact cards by Twilio, through a host: what arrives is what was sent.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use whatsapp_provider::outbound::{
    ContactAddress, ContactCard, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
    ContentKind, FileBytes, Link, Media, Wish,
};
use whatsapp_provider::simulator::Simulator;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::{MediaHost, MediaHostError};
use whatsapp_provider::{Content, OutboundMessage, Twilio, WhatsAppProvider};

use super::{Make, config, meta_sender, user};

/// Keeps files in memory, each at an address that ends as its name does.
#[derive(Debug, Default)]
struct Shelf(Mutex<Vec<(Link, FileBytes)>>);

#[async_trait]
impl MediaHost for Shelf {
    async fn host(&self, file: &FileBytes, name: &str) -> Result<Link, MediaHostError> {
        let mut files = self.0.lock().map_err(|_| "the shelf broke")?;
        let ending = name.rsplit('.').next().unwrap_or_default();
        let link: Link = format!("https://files.example/{}.{ending}", files.len()).parse()?;
        files.push((link.clone(), file.clone()));
        Ok(link)
    }
}

impl Shelf {
    fn at(&self, media: Option<&Media>) -> FileBytes {
        let Some(Media::Link(link)) = media else { panic!("no link: {media:?}") };
        let files = self.0.lock().unwrap();
        files.iter().find(|(address, _)| address == link).unwrap().1.clone()
    }
}

struct World {
    clock: TestClock,
    simulator: Simulator,
    shelf: Arc<Shelf>,
    twilio: Twilio,
}

impl World {
    fn new() -> Self {
        let (clock, shelf) = (TestClock::new(), Arc::new(Shelf::default()));
        let simulator = Simulator::new(Arc::new(clock.clone()));
        let host: Arc<dyn MediaHost> = Arc::<Shelf>::clone(&shelf);
        let twilio = simulator.twilio().media_host(host).build().unwrap();
        Self { clock, simulator, shelf, twilio }
    }

    /// What arrives of a content, the file that it names, and the wishes that were dropped.
    fn arrives(&self, content: Content) -> (Content, FileBytes, Vec<Wish>) {
        let message = OutboundMessage::new(user(), content);
        assert!(self.twilio.check(&message).is_ok());
        let receipt = self.clock.block_on(self.twilio.send(&message)).unwrap();
        let arrived = self.simulator.deliveries().pop().unwrap().content;
        let file = self.shelf.at(arrived.media());
        (arrived, file, receipt.dropped().iter().map(|dropped| dropped.wish).collect())
    }
}

#[test]
fn files_from_memory_arrive_whole() {
    let world = World::new();
    let file = |mime_type: &str| FileBytes::new(mime_type.to_owned(), mime_type);
    for (content, mime_type, dropped) in [
        (Content::image(file("image/png")), "image/png", vec![]),
        (Content::image(file("image/jpeg")).with_caption("Olá"), "image/jpeg", vec![]),
        (Content::video(file("video/mp4")).with_caption("Olá"), "video/mp4", vec![]),
        (Content::audio(file("audio/ogg")), "audio/ogg", vec![]),
        (Content::voice(file("audio/ogg")), "audio/ogg", vec![Wish::Voice]),
        (Content::document(file("application/pdf")), "application/pdf", vec![]),
        (
            Content::document(file("application/pdf")).with_caption("Olá"),
            "application/pdf",
            vec![Wish::Caption],
        ),
    ] {
        let (arrived, kept, said) = world.arrives(content.clone());
        assert_eq!((kept, said), (file(mime_type), dropped));
        let normal = super::normal::twilio(content.clone());
        assert_eq!(arrived.kind(), normal.kind());
        let text = |content: &Content| {
            let json = serde_json::to_value(content).unwrap();
            json.get("caption").cloned()
        };
        assert_eq!(text(&arrived), text(&normal));
    }
}

/// Every card that Meta would carry arrives as a vCard with all that is on it, but for control characters, which a vCard
/// does not have.
#[test]
fn a_contact_card_arrives_with_all_that_is_on_it() {
    let cards = Make::carried(meta_sender()).of(ContentKind::Contacts);
    let result = TestRunner::new(config()).run(&cards, |content| {
        let Content::Contacts(contacts) = content else { panic!() };
        let card = contacts.cards.into_iter().next().unwrap();
        let (arrived, file, dropped) = World::new().arrives(Content::contacts([card.clone()]));
        prop_assert_eq!((arrived.kind(), file.mime_type.as_str()), (ContentKind::Document, "text/vcard"));
        prop_assert!(dropped.is_empty());
        let vcard = String::from_utf8(file.data.to_vec()).unwrap();
        prop_assert!(vcard.split("\r\n").all(|line| line.len() <= 75), "{}", vcard);
        prop_assert!(read(&vcard) == normal(card), "{}", vcard);
        Ok(())
    });
    if let Err(broken) = result {
        panic!("{broken}");
    }
}

/// Reads a card back, by the rules of RFC 2426.
fn read(vcard: &str) -> ContactCard {
    let lines = vcard.replace("\r\n ", "");
    let mut card = ContactCard::default();
    let mut name = ContactName::default();
    let mut organization = ContactOrganization::default();
    // The group of the last entry, and where its label and more go.
    for line in lines.split("\r\n").filter(|line| !line.is_empty()) {
        let (property, value) = line.split_once(':').unwrap();
        let mut parameters = property.split(';');
        let property = parameters.next().unwrap();
        let property = property.split_once('.').map_or(property, |(_, property)| property);
        let (mut label, mut wa_id) = (None, None);
        for parameter in parameters {
            match parameter.split_once('=').unwrap() {
                ("TYPE", text) => label = Some(text.to_owned()),
                ("waid", text) => wa_id = Some(text.to_owned()),
                other => panic!("{other:?}"),
            }
        }
        let parts = split(value);
        let part = |index: usize| Some(parts[index].clone()).filter(|part| !part.is_empty());
        match property {
            "BEGIN" | "END" => assert_eq!(value, "VCARD"),
            "VERSION" => assert_eq!(value, "3.0"),
            "N" => {
                (name.last, name.first, name.middle) = (part(0), part(1), part(2));
                (name.prefix, name.suffix) = (part(3), part(4));
            }
            "FN" => name.formatted = parts[0].clone(),
            "ORG" => (organization.company, organization.department) = (part(0), part(1)),
            "TITLE" => organization.title = part(0),
            "BDAY" => card.birthday = part(0),
            "TEL" => {
                let mut entry = ContactPhone::default();
                (entry.phone, entry.wa_id, entry.label) = (part(0), wa_id, label);
                card.phones.push(entry);
            }
            "EMAIL" => {
                let mut entry = ContactEmail::default();
                (entry.email, entry.label) = (part(0), label);
                card.emails.push(entry);
            }
            "URL" => {
                let mut entry = ContactUrl::default();
                (entry.url, entry.label) = (Some(value.to_owned()).filter(|url| !url.is_empty()), label);
                card.urls.push(entry);
            }
            "ADR" => {
                let mut entry = ContactAddress::default();
                (entry.street, entry.city, entry.state) = (part(2), part(3), part(4));
                (entry.zip, entry.country, entry.label) = (part(5), part(6), label);
                card.addresses.push(entry);
            }
            // Both follow their entry, and the kinds of entries come in this order.
            "X-ABLabel" => {
                let label = part(0);
                if let Some(entry) = card.urls.last_mut() {
                    entry.label = label;
                } else if let Some(entry) = card.addresses.last_mut() {
                    entry.label = label;
                } else if let Some(entry) = card.emails.last_mut() {
                    entry.label = label;
                } else {
                    card.phones.last_mut().unwrap().label = label;
                }
            }
            "X-ABADR" => card.addresses.last_mut().unwrap().country_code = part(0),
            other => panic!("{other}"),
        }
    }
    card.name = Some(name);
    card.organization = Some(organization).filter(|place| *place != ContactOrganization::default());
    card
}

/// The parts of a value, without their escapes.
fn split(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        let part = parts.last_mut().unwrap();
        match c {
            '\\' => match characters.next() {
                Some('n') => part.push('\n'),
                Some(c) => part.push(c),
                // Only an address on the web, in which nothing is escaped, may end so.
                None => {}
            },
            ';' => parts.push(String::new()),
            c => part.push(c),
        }
    }
    parts
}

/// What a vCard has of a card: an empty text is missing, line breaks are one sort, and there are no control characters.
fn normal(mut card: ContactCard) -> ContactCard {
    let text = |text: &mut Option<String>| {
        let shown = text.take().map(|text| {
            let broken = text.replace("\r\n", "\n").replace('\r', "\n");
            broken.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>()
        });
        *text = shown.filter(|text| !text.is_empty());
    };
    let name = card.name.as_mut().unwrap();
    let mut formatted = Some(std::mem::take(&mut name.formatted));
    text(&mut formatted);
    name.formatted = formatted.unwrap_or_default();
    [&mut name.first, &mut name.middle, &mut name.last, &mut name.prefix, &mut name.suffix]
        .into_iter()
        .for_each(text);
    for entry in &mut card.phones {
        entry.wa_id = entry.wa_id.take().map(|id| id.chars().filter(char::is_ascii_digit).collect());
        [&mut entry.phone, &mut entry.wa_id, &mut entry.label].into_iter().for_each(text);
    }
    card.emails.iter_mut().for_each(|entry| [&mut entry.email, &mut entry.label].into_iter().for_each(text));
    for entry in &mut card.urls {
        let plain = entry.url.take().map(|url| url.chars().filter(|c| !c.is_control()).collect::<String>());
        entry.url = plain.filter(|url| !url.is_empty());
        text(&mut entry.label);
    }
    for entry in &mut card.addresses {
        [&mut entry.street, &mut entry.city, &mut entry.state, &mut entry.zip].into_iter().for_each(text);
        [&mut entry.country, &mut entry.country_code, &mut entry.label].into_iter().for_each(text);
    }
    text(&mut card.birthday);
    if let Some(place) = &mut card.organization {
        [&mut place.company, &mut place.department, &mut place.title].into_iter().for_each(text);
    }
    card.organization = card.organization.take().filter(|place| *place != ContactOrganization::default());
    card
}
