//! Reading a message back from the form that Meta takes.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Refusal, interactive, template};
use crate::ids::{AttemptId, MediaRef, MessageRef, SenderId};
use crate::json::Json;
use crate::outbound::{
    Audio, ContactAddress, ContactCard, ContactEmail, ContactName, ContactOrganization, ContactPhone,
    ContactUrl, Contacts, Content, Document, Image, Link, Location, Media, Raw, Reaction, Sticker, Text,
    Video,
};

/// The fields that name the recipient or belong to every message.
const ENVELOPE: [&str; 7] = [
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "context",
    "biz_opaque_callback_data",
    "recipient_identity_key_hash",
];

/// What a message of this type says.
pub(super) fn read(body: &Map<String, Value>, kind: &str, sender: &SenderId) -> Result<Content, Refusal> {
    Ok(match kind {
        "text" => {
            let text: WireText = part(body, kind)?;
            Content::Text(Text { body: text.body, preview_url: text.preview_url })
        }
        "image" => {
            let media: WireMedia = part(body, kind)?;
            Content::Image(Image { media: media.file(sender)?, caption: media.caption })
        }
        "video" => {
            let media: WireMedia = part(body, kind)?;
            Content::Video(Video { media: media.file(sender)?, caption: media.caption })
        }
        "audio" => {
            let media: WireMedia = part(body, kind)?;
            Content::Audio(Audio { media: media.file(sender)?, voice: media.voice })
        }
        "document" => {
            let media: WireMedia = part(body, kind)?;
            Content::Document(Document {
                media: media.file(sender)?,
                caption: media.caption,
                filename: media.filename,
            })
        }
        "sticker" => Content::Sticker(Sticker { media: part::<WireMedia>(body, kind)?.file(sender)? }),
        "location" => Content::Location(part::<WireLocation>(body, kind)?.read()?),
        "contacts" => {
            let cards: Vec<WireCard> = part(body, kind)?;
            Content::Contacts(Contacts { cards: cards.into_iter().map(WireCard::read).collect() })
        }
        "reaction" => {
            let reaction: WireReaction = part(body, kind)?;
            Content::Reaction(Reaction {
                message: MessageRef::new(sender.clone(), reaction.message_id),
                emoji: Some(reaction.emoji).filter(|emoji| !emoji.is_empty()),
            })
        }
        "template" => Content::Template(template::read(part(body, kind)?, sender)?),
        "interactive" => match interactive::read(part(body, kind)?, sender)? {
            Some(interactive) => Content::Interactive(interactive),
            None => raw(body, sender),
        },
        _ => raw(body, sender),
    })
}

/// A type that the neutral form does not have, as it was given, without recipient and ids.
fn raw(body: &Map<String, Value>, sender: &SenderId) -> Content {
    let own = body
        .iter()
        .filter(|(field, _)| !ENVELOPE.contains(&field.as_str()))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    Content::Raw(Raw::new(sender.provider.clone(), Json(Value::Object(own))))
}

/// The attempt and the reference, written as `<attempt>|<reference>`. What is not written so is a reference.
pub(super) fn read_callback_data(data: Option<&str>) -> (Option<AttemptId>, Option<String>) {
    let Some(data) = data else {
        return (None, None);
    };
    let (attempt, reference) = data.split_once('|').unwrap_or((data, ""));
    match attempt.parse() {
        Ok(attempt) => (Some(attempt), Some(reference.to_owned()).filter(|text| !text.is_empty())),
        Err(_) => (None, Some(data.to_owned())),
    }
}

/// A part of the message that its type asks for.
fn part<T: DeserializeOwned>(body: &Map<String, Value>, field: &str) -> Result<T, Refusal> {
    let value =
        body.get(field).ok_or_else(|| Refusal::parameter(format!("The parameter {field} is required.")))?;
    T::deserialize(value).map_err(|_| Refusal::parameter(format!("Param {field} is not valid.")))
}

#[derive(Deserialize)]
struct WireText {
    body: String,
    preview_url: Option<bool>,
}

#[derive(Deserialize)]
struct WireReaction {
    message_id: String,
    emoji: String,
}

/// A media object, wherever it stands.
#[derive(Deserialize)]
pub(super) struct WireMedia {
    id: Option<String>,
    link: Option<String>,
    caption: Option<String>,
    pub(super) filename: Option<String>,
    #[serde(default)]
    voice: bool,
}

impl WireMedia {
    pub(super) fn file(&self, sender: &SenderId) -> Result<Media, Refusal> {
        match (&self.id, &self.link) {
            (Some(id), None) => Ok(Media::Id(MediaRef::new(sender.clone(), id.as_str()))),
            (None, Some(link)) => Link::new(link.as_str())
                .map(Media::Link)
                .map_err(|_| Refusal::parameter("Param link is not a valid URI.")),
            _ => Err(Refusal::parameter("Media has either an id or a link.")),
        }
    }
}

/// Meta takes coordinates as text and as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Degrees {
    Number(f64),
    Text(String),
}

impl Degrees {
    fn read(&self) -> Result<f64, Refusal> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
        .filter(|degrees: &f64| degrees.is_finite())
        .ok_or_else(|| Refusal::parameter("Param location is not valid."))
    }
}

#[derive(Deserialize)]
pub(super) struct WireLocation {
    latitude: Degrees,
    longitude: Degrees,
    name: Option<String>,
    address: Option<String>,
}

impl WireLocation {
    pub(super) fn read(self) -> Result<Location, Refusal> {
        let mut location = Location::new(self.latitude.read()?, self.longitude.read()?);
        location.name = self.name;
        location.address = self.address;
        Ok(location)
    }
}

#[derive(Deserialize)]
struct WireCard {
    name: WireName,
    #[serde(default)]
    phones: Vec<WirePhone>,
    #[serde(default)]
    emails: Vec<WireEmail>,
    #[serde(default)]
    addresses: Vec<WireAddress>,
    #[serde(default)]
    urls: Vec<WireUrl>,
    org: Option<WireOrganization>,
    birthday: Option<String>,
}

#[derive(Deserialize)]
struct WireName {
    formatted_name: String,
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
}

#[derive(Deserialize)]
struct WirePhone {
    phone: Option<String>,
    wa_id: Option<String>,
    #[serde(rename = "type")]
    label: Option<String>,
}

#[derive(Deserialize)]
struct WireEmail {
    email: Option<String>,
    #[serde(rename = "type")]
    label: Option<String>,
}

#[derive(Deserialize)]
struct WireAddress {
    street: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    country_code: Option<String>,
    #[serde(rename = "type")]
    label: Option<String>,
}

#[derive(Deserialize)]
struct WireUrl {
    url: Option<String>,
    #[serde(rename = "type")]
    label: Option<String>,
}

#[derive(Deserialize)]
struct WireOrganization {
    company: Option<String>,
    department: Option<String>,
    title: Option<String>,
}

impl WireCard {
    fn read(self) -> ContactCard {
        let name = ContactName {
            formatted: self.name.formatted_name,
            first: self.name.first_name,
            middle: self.name.middle_name,
            last: self.name.last_name,
            prefix: self.name.prefix,
            suffix: self.name.suffix,
        };
        let phone = |WirePhone { phone, wa_id, label }| ContactPhone { phone, wa_id, label };
        let email = |WireEmail { email, label }| ContactEmail { email, label };
        let url = |WireUrl { url, label }| ContactUrl { url, label };
        let address = |address: WireAddress| ContactAddress {
            street: address.street,
            city: address.city,
            state: address.state,
            zip: address.zip,
            country: address.country,
            country_code: address.country_code,
            label: address.label,
        };
        let organization = |org: WireOrganization| ContactOrganization {
            company: org.company,
            department: org.department,
            title: org.title,
        };
        ContactCard {
            name: Some(name),
            phones: self.phones.into_iter().map(phone).collect(),
            emails: self.emails.into_iter().map(email).collect(),
            addresses: self.addresses.into_iter().map(address).collect(),
            urls: self.urls.into_iter().map(url).collect(),
            organization: self.org.map(organization),
            birthday: self.birthday,
            origin: None,
            vcard: None,
        }
    }
}

#[cfg(test)]
mod tests;
