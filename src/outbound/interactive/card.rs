use serde::{Deserialize, Serialize};

use super::{CtaUrl, Header, ProductItem};
use crate::redact::redacted_debug;

/// A card of a carousel.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Card {
    /// A picture or a video; the same sort on every card. A product has its own picture, and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// At most 160 characters and two line breaks; none for a product.
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

    /// Sets the header.
    #[must_use]
    pub fn with_header(mut self, header: Header) -> Self {
        self.header = Some(header);
        self
    }

    /// Sets the text.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
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

redacted_debug! {
    Card { action }
}
