use serde::{Deserialize, Serialize};

use crate::redact::redacted_debug;

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
    /// At most 24 characters; may be empty only where there is no other section.
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

redacted_debug! {
    ProductItem {}
    ProductSection {}
}
