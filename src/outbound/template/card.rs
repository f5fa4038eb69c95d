use serde::{Deserialize, Serialize};

use super::{ButtonParameter, Parameter, TemplateButton, TemplateHeader};
use crate::redact::redacted_debug;

/// A card of a carousel template.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TemplateCard {
    /// What fills its header: a picture, a video or a product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<TemplateHeader>,
    /// What fills its body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Parameter>,
    /// What fills its buttons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<TemplateButton>,
}

impl TemplateCard {
    /// Fills its header.
    #[must_use]
    pub fn with_header(mut self, header: TemplateHeader) -> Self {
        self.header = Some(header);
        self
    }

    /// Fills its body by position.
    #[must_use]
    pub fn with_body<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.body.extend(texts.into_iter().map(Parameter::text));
        self
    }

    /// Fills its button at `index`, counted from 0.
    #[must_use]
    pub fn with_button(mut self, index: u8, parameter: ButtonParameter) -> Self {
        self.buttons.push(TemplateButton { index, parameter });
        self
    }
}

/// Where a tap on a template's message leads, apart from its buttons.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TapTarget {
    /// The address on the web.
    pub url: String,
    /// What it is called.
    pub title: String,
}

impl TapTarget {
    /// Names an address and what it is called.
    pub fn new(url: impl Into<String>, title: impl Into<String>) -> Self {
        Self { url: url.into(), title: title.into() }
    }
}

redacted_debug! {
    TapTarget {}
}
