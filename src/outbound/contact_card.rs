use serde::{Deserialize, Serialize};

use crate::redact::redacted_debug;

/// A contact card, sent or received. On the way in every part may be missing.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContactCard {
    /// The name. To send a card, `formatted` and at least one other part are needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ContactName>,
    /// Phone numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<ContactPhone>,
    /// E-mail addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<ContactEmail>,
    /// Postal addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<ContactAddress>,
    /// Addresses on the web.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<ContactUrl>,
    /// Where the person works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<ContactOrganization>,
    /// The day of birth, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthday: Option<String>,
    /// How the card came to be sent, where the provider says so: `contact_request` answers a request for the user's
    /// number. Inbound only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The card as a vCard, where the provider gives one. Inbound only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcard: Option<String>,
}

impl ContactCard {
    /// A card with a name: the whole of it and the first name.
    pub fn named(formatted: impl Into<String>, first: impl Into<String>) -> Self {
        let name =
            ContactName { formatted: formatted.into(), first: Some(first.into()), ..ContactName::default() };
        Self { name: Some(name), ..Self::default() }
    }

    /// Adds a phone number, as it is to be shown.
    #[must_use]
    pub fn with_phone(mut self, phone: impl Into<String>) -> Self {
        self.phones.push(ContactPhone { phone: Some(phone.into()), ..ContactPhone::default() });
        self
    }
}

/// The name on a contact card.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContactName {
    /// The whole name, as it is shown.
    pub formatted: String,
    /// First name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Middle name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle: Option<String>,
    /// Last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// What stands before it, such as `Dr.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What stands after it, such as `Esq.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

/// A phone number on a contact card.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContactPhone {
    /// The number, as it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Its WhatsApp id (digits only), if it has WhatsApp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<String>,
    /// Such as `CELL`, `HOME`, `WORK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An e-mail address on a contact card.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContactEmail {
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Such as `Work`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A postal address on a contact card.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContactAddress {
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Country in two letters, such as `US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// Such as `HOME`, `WORK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An address on the web on a contact card.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContactUrl {
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Such as `Company`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Where the person on a contact card works.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContactOrganization {
    /// The company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The person's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

redacted_debug! {
    ContactCard {}
    ContactName {}
    ContactPhone {}
    ContactEmail {}
    ContactAddress {}
    ContactUrl {}
    ContactOrganization {}
}
