use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::outbound::ProductSection;

/// What fills one button of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateButton {
    /// Which button, counted from 0.
    pub index: u8,
    /// What fills it.
    #[serde(flatten)]
    pub parameter: ButtonParameter,
}

/// What fills a button. As JSON it has a `type`: `{"type":"url_suffix","text":"77"}`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ButtonParameter {
    /// The variable end of an address.
    #[non_exhaustive]
    UrlSuffix {
        /// The end.
        text: String,
    },
    /// What comes back when a quick reply is tapped.
    #[non_exhaustive]
    QuickReply {
        /// What comes back.
        payload: String,
    },
    /// The code that is copied.
    #[non_exhaustive]
    CopyCode {
        /// At most 20 characters.
        code: String,
    },
    /// Opens a catalogue.
    #[non_exhaustive]
    Catalog {
        /// The product whose picture is shown; the first one of the catalogue if none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thumbnail_product: Option<String>,
    },
    /// Opens a choice of products.
    #[non_exhaustive]
    MultiProduct {
        /// The product whose picture is shown.
        thumbnail_product: String,
        /// The products: at most 30 in at most 10 sections.
        sections: Vec<ProductSection>,
    },
    /// Opens a flow.
    #[non_exhaustive]
    Flow {
        /// Comes back with the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// Data for its first screen.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
        data: Option<Json>,
    },
    /// Starts a voice call.
    #[non_exhaustive]
    VoiceCall {
        /// For how many minutes the button works.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl_minutes: Option<u32>,
        /// Comes back with the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<String>,
    },
}

impl ButtonParameter {
    /// The variable end of an address.
    pub fn url_suffix(text: impl Into<String>) -> Self {
        Self::UrlSuffix { text: text.into() }
    }

    /// What comes back when a quick reply is tapped.
    pub fn quick_reply(payload: impl Into<String>) -> Self {
        Self::QuickReply { payload: payload.into() }
    }

    /// The code that is copied.
    pub fn copy_code(code: impl Into<String>) -> Self {
        Self::CopyCode { code: code.into() }
    }

    /// Opens a catalogue, with the picture of this product, or of its first one.
    pub fn catalog(thumbnail_product: Option<String>) -> Self {
        Self::Catalog { thumbnail_product }
    }

    /// Opens a choice of products, with the picture of one.
    pub fn multi_product(
        thumbnail_product: impl Into<String>,
        sections: impl Into<Vec<ProductSection>>,
    ) -> Self {
        Self::MultiProduct { thumbnail_product: thumbnail_product.into(), sections: sections.into() }
    }

    /// Starts a voice call.
    pub fn voice_call(ttl_minutes: Option<u32>, payload: Option<String>) -> Self {
        Self::VoiceCall { ttl_minutes, payload }
    }

    /// Opens a flow.
    pub fn flow(token: Option<String>, data: Option<Json>) -> Self {
        Self::Flow { token, data }
    }
}

impl std::fmt::Debug for ButtonParameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ButtonParameter(..)")
    }
}
