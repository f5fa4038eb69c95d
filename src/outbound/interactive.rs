use std::fmt;

use serde::{Deserialize, Serialize};

use super::content::{Content, ContentKind};
use super::media::Media;
use crate::json::Json;
use crate::redact::redacted_debug;

/// A message with something to tap.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interactive {
    /// What stands above the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The text: at most 1,024 characters, 4,096 for a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What stands below the body, at most 60 characters.
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
        /// The product whose picture is shown.
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

/// A list that opens when its button is tapped.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct List {
    /// What the button says, at most 20 characters.
    pub button: String,
    /// One to ten sections with at most ten rows in all.
    pub sections: Vec<ListSection>,
}

/// A section of a list.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListSection {
    /// At most 24 characters; needed when there is more than one section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The rows.
    pub rows: Vec<ListRow>,
}

impl ListSection {
    /// A section without a title.
    pub fn new(rows: impl Into<Vec<ListRow>>) -> Self {
        Self { title: None, rows: rows.into() }
    }

    /// Sets the title.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }
}

/// A row of a list.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListRow {
    /// What comes back when it is chosen: unique, at most 200 characters.
    pub id: String,
    /// At most 24 characters.
    pub title: String,
    /// At most 72 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl ListRow {
    /// A row without a description.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), description: None }
    }

    /// Sets the description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
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

/// A button that opens a WhatsApp Flow.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Flow {
    /// The flow's id or name.
    pub flow: FlowName,
    /// What the button says, best at most 30 characters.
    pub cta: String,
    /// Comes back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether the published flow or its draft is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FlowMode>,
    /// Where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<FlowStart>,
}

impl Flow {
    /// A button for the flow with this id.
    pub fn by_id(id: impl Into<String>, cta: impl Into<String>) -> Self {
        Self { flow: FlowName::Id(id.into()), cta: cta.into(), token: None, mode: None, start: None }
    }
}

/// How a flow is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlowName {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

/// Which form of a flow is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlowMode {
    /// The published one.
    Published,
    /// The draft, for tests.
    Draft,
}

/// Where a flow begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlowStart {
    /// At a screen, with data for it.
    #[non_exhaustive]
    Navigate {
        /// The screen.
        screen: String,
        /// Its data.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
        data: Option<Json>,
    },
    /// The business's own endpoint decides.
    DataExchange,
}

/// A product of a catalogue.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProductItem {
    /// The catalogue.
    pub catalog_id: String,
    /// The product's retailer id.
    pub product: String,
}

impl ProductItem {
    /// Names a product.
    pub fn new(catalog_id: impl Into<String>, product: impl Into<String>) -> Self {
        Self { catalog_id: catalog_id.into(), product: product.into() }
    }
}

/// A section of a list of products.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProductSection {
    /// At most 24 characters.
    pub title: String,
    /// The products' retailer ids.
    pub products: Vec<String>,
}

impl ProductSection {
    /// A section.
    pub fn new(title: impl Into<String>, products: impl Into<Vec<String>>) -> Self {
        Self { title: title.into(), products: products.into() }
    }
}

/// A card of a carousel.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Card {
    /// A picture or a video; the same sort on every card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// At most 160 characters and two line breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What can be tapped.
    pub action: CardAction,
}

impl Card {
    /// A card.
    pub fn new(action: CardAction) -> Self {
        Self { header: None, body: None, action }
    }
}

/// What can be tapped on a card.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CardAction {
    /// Opens an address on the web.
    CtaUrl(CtaUrl),
    /// Opens a product.
    Product(ProductItem),
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

redacted_debug! {
    Interactive { action }
    HeaderText {}
    ReplyButton {}
    List {}
    ListSection {}
    ListRow {}
    CtaUrl {}
    Flow { mode }
    ProductItem {}
    ProductSection {}
    Card { action }
    AddressRequest {}
}
