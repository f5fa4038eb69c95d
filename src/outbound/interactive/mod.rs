use std::fmt;

use serde::{Deserialize, Serialize};

mod card;
mod flow;
mod list;
mod product;

pub use card::{Card, CardAction};
pub use flow::{Flow, FlowMode, FlowName, FlowStart};
pub use list::{List, ListRow, ListSection};
pub use product::{ProductItem, ProductSection};

use super::content::{Content, ContentKind};
use super::media::Media;
use crate::json::Json;
use crate::redact::redacted_debug;

/// A message with something to tap.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interactive {
    /// What stands above the body: anything above reply buttons, a button that opens an address and a flow, a text above a
    /// list and products (which need it), nothing above the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The text: at most 1,024 characters, 4,096 for a list. Only a product and a call permission can do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What stands below the body, at most 60 characters; not below a carousel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// What can be tapped.
    pub action: Action,
}

impl Interactive {
    /// A text with an action.
    pub fn new(body: impl Into<String>, action: Action) -> Self {
        Self { header: None, body: Some(body.into()), footer: None, action }
    }

    /// One to three reply buttons.
    pub fn buttons(body: impl Into<String>, buttons: impl Into<Vec<ReplyButton>>) -> Self {
        Self::new(body, Action::ReplyButtons { buttons: buttons.into() })
    }

    /// A list that opens when `button` is tapped.
    pub fn list(
        body: impl Into<String>,
        button: impl Into<String>,
        sections: impl Into<Vec<ListSection>>,
    ) -> Self {
        Self::new(body, Action::List(List { button: button.into(), sections: sections.into() }))
    }

    /// A button that opens an address on the web.
    pub fn cta_url(body: impl Into<String>, display_text: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(body, Action::CtaUrl(CtaUrl { display_text: display_text.into(), url: url.into() }))
    }

    /// One product of a catalogue, without a text.
    pub fn product(item: ProductItem) -> Self {
        Self { header: None, body: None, footer: None, action: Action::Product(item) }
    }

    /// Products of a catalogue below a header, which they need.
    pub fn product_list(
        header: impl Into<String>,
        body: impl Into<String>,
        catalog_id: impl Into<String>,
        sections: impl Into<Vec<ProductSection>>,
    ) -> Self {
        let action = Action::ProductList { catalog_id: catalog_id.into(), sections: sections.into() };
        Self::new(body, action).with_header(Header::text(header))
    }

    /// A whole catalogue, with the picture of this product, or of its first one.
    pub fn catalog(body: impl Into<String>, thumbnail_product: Option<String>) -> Self {
        Self::new(body, Action::Catalog { thumbnail_product })
    }

    /// Cards side by side.
    pub fn carousel(body: impl Into<String>, cards: impl Into<Vec<Card>>) -> Self {
        Self::new(body, Action::Carousel { cards: cards.into() })
    }

    /// Sets the header.
    #[must_use]
    pub fn with_header(mut self, header: Header) -> Self {
        self.header = Some(header);
        self
    }

    /// Sets the footer.
    #[must_use]
    pub fn with_footer(mut self, footer: impl Into<String>) -> Self {
        self.footer = Some(footer.into());
        self
    }
}

impl From<Interactive> for Content {
    fn from(interactive: Interactive) -> Self {
        Self::Interactive(interactive)
    }
}

/// What stands above the body. As JSON: `{"text":"Menu"}`, `{"image":{"link":"https://…"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Header {
    /// At most 60 characters.
    Text(HeaderText),
    /// A picture.
    Image(Media),
    /// A video.
    Video(Media),
    /// A file.
    Document(Media),
}

impl Header {
    /// A header of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(HeaderText(text.into()))
    }
}

/// The text of a header.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct HeaderText(pub String);

/// What can be tapped. As JSON it has a `type`, such as `reply_buttons`. `Debug` prints its kind.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// One to three buttons, each of which answers with its id.
    #[non_exhaustive]
    ReplyButtons {
        /// The buttons.
        buttons: Vec<ReplyButton>,
    },
    /// A list of at most ten rows in all.
    List(List),
    /// A button that opens an address on the web.
    CtaUrl(CtaUrl),
    /// A button that opens a WhatsApp Flow.
    Flow(Flow),
    /// Asks for the user's location.
    LocationRequest,
    /// One product of a catalogue.
    Product(ProductItem),
    /// Products of a catalogue, at most 30 in at most 10 sections.
    #[non_exhaustive]
    ProductList {
        /// The catalogue.
        catalog_id: String,
        /// Its sections.
        sections: Vec<ProductSection>,
    },
    /// A whole catalogue.
    #[non_exhaustive]
    Catalog {
        /// The product whose picture is shown; the first one of the catalogue if none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thumbnail_product: Option<String>,
    },
    /// Two to ten cards side by side.
    #[non_exhaustive]
    Carousel {
        /// The cards, all of one kind.
        cards: Vec<Card>,
    },
    /// Asks a user who is known by user name for the phone number.
    ContactRequest,
    /// Asks for permission to call.
    CallPermission,
    /// Asks for a postal address (India).
    Address(AddressRequest),
    /// A button that calls the business by WhatsApp.
    VoiceCall(VoiceCall),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.kind(), f)
    }
}

impl Action {
    /// Which kind of content a message with this action is.
    pub fn kind(&self) -> ContentKind {
        match self {
            Self::ReplyButtons { .. } => ContentKind::ReplyButtons,
            Self::List(_) => ContentKind::List,
            Self::CtaUrl(_) => ContentKind::CtaUrl,
            Self::Flow(_) => ContentKind::Flow,
            Self::LocationRequest => ContentKind::LocationRequest,
            Self::Product(_) => ContentKind::Product,
            Self::ProductList { .. } => ContentKind::ProductList,
            Self::Catalog { .. } => ContentKind::Catalog,
            Self::Carousel { .. } => ContentKind::Carousel,
            Self::ContactRequest => ContentKind::ContactRequest,
            Self::CallPermission => ContentKind::CallPermission,
            Self::Address(_) => ContentKind::Address,
            Self::VoiceCall(_) => ContentKind::VoiceCall,
        }
    }
}

/// A button that answers with its id.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReplyButton {
    /// What comes back when it is tapped: unique, at most 256 characters (Twilio: 200).
    pub id: String,
    /// What it says: unique, at most 20 characters.
    pub title: String,
}

impl ReplyButton {
    /// A button.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into() }
    }
}

/// A button that opens an address on the web.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CtaUrl {
    /// What it says, at most 20 characters.
    pub display_text: String,
    /// The address.
    pub url: String,
}

impl CtaUrl {
    /// A button.
    pub fn new(display_text: impl Into<String>, url: impl Into<String>) -> Self {
        Self { display_text: display_text.into(), url: url.into() }
    }
}

/// Asks for a postal address.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AddressRequest {
    /// The country in two letters; Meta offers this in `IN`.
    pub country: String,
    /// What is filled in already, by Meta's field names.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    pub values: Option<Json>,
    /// Addresses to choose from, in Meta's form.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    pub saved_addresses: Option<Json>,
    /// What was wrong with an earlier answer, by Meta's field names.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    pub validation_errors: Option<Json>,
}

impl AddressRequest {
    /// Asks for an address in `country`.
    pub fn new(country: impl Into<String>) -> Self {
        Self { country: country.into(), values: None, saved_addresses: None, validation_errors: None }
    }
}

/// A button that calls the business by WhatsApp.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VoiceCall {
    /// What it says, at most 20 characters.
    pub display_text: String,
    /// For how many minutes it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_minutes: Option<u32>,
    /// Comes back with the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

impl VoiceCall {
    /// A button.
    pub fn new(display_text: impl Into<String>) -> Self {
        Self { display_text: display_text.into(), ttl_minutes: None, payload: None }
    }

    /// Says for how many minutes it works.
    #[must_use]
    pub const fn with_ttl_minutes(mut self, minutes: u32) -> Self {
        self.ttl_minutes = Some(minutes);
        self
    }

    /// Sets what comes back with the call.
    #[must_use]
    pub fn with_payload(mut self, payload: impl Into<String>) -> Self {
        self.payload = Some(payload.into());
        self
    }
}

redacted_debug! {
    Interactive { action }
    HeaderText {}
    ReplyButton {}
    CtaUrl {}
    AddressRequest {}
    VoiceCall { ttl_minutes }
}
