use serde::{Deserialize, Serialize};

mod button;
mod card;

pub use button::{ButtonParameter, TemplateButton};
pub use card::{TapTarget, TemplateCard};

use super::content::{Content, Location};
use super::interactive::ProductItem;
use super::media::Media;
use crate::clock::Timestamp;
use crate::redact::redacted_debug;

/// A template that Meta approved, named once and mapped by each provider: Meta's components, Twilio's `ContentSid`
/// with its variables.
///
/// ```
/// use whatsapp_provider::outbound::Template;
///
/// let template = Template::new("order_shipped", "en_US").with_body(["Ada", "77"]).with_url_suffix(0, "track/77");
/// ```
#[doc(alias = "ContentSid")]
#[doc(alias = "HSM")]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Template {
    /// Its name at Meta.
    pub name: String,
    /// Meta's language code, with an underscore: `en_US`, `pt_BR`, `es`.
    pub language: String,
    /// What fills the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<TemplateHeader>,
    /// What fills the body: all by position, or all by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Parameter>,
    /// What fills the buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<TemplateButton>,
    /// When a limited-time offer ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_ends: Option<Timestamp>,
    /// The cards of a carousel template, 2 to 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<TemplateCard>,
    /// Where a tap on the message itself leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tap_target: Option<TapTarget>,
    /// The code of an authentication template, which each provider puts where it belongs. Such a template has no
    /// other parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time_code: Option<String>,
}

impl Template {
    /// A template without parameters.
    pub fn new(name: impl Into<String>, language: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            language: language.into(),
            header: None,
            body: Vec::new(),
            buttons: Vec::new(),
            offer_ends: None,
            cards: Vec::new(),
            tap_target: None,
            one_time_code: None,
        }
    }

    /// An authentication template with its one-time code, at most 15 characters. It needs the recipient's phone number:
    /// WhatsApp sends no codes to business-scoped user ids.
    #[doc(alias = "OTP")]
    pub fn authentication(
        name: impl Into<String>,
        language: impl Into<String>,
        code: impl Into<String>,
    ) -> Self {
        Self { one_time_code: Some(code.into()), ..Self::new(name, language) }
    }

    /// Fills the header.
    #[must_use]
    pub fn with_header(mut self, header: TemplateHeader) -> Self {
        self.header = Some(header);
        self
    }

    /// Fills the body by position.
    #[must_use]
    pub fn with_body<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.body.extend(texts.into_iter().map(Parameter::text));
        self
    }

    /// Fills one named place of the body.
    #[must_use]
    pub fn with_named(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.body.push(Parameter::text(text).with_name(name));
        self
    }

    /// Fills one more place of the body: with money or a time, for instance.
    #[must_use]
    pub fn with_parameter(mut self, parameter: Parameter) -> Self {
        self.body.push(parameter);
        self
    }

    /// Fills the variable end of the address behind the button at `index`, counted from 0.
    #[must_use]
    pub fn with_url_suffix(self, index: u8, suffix: impl Into<String>) -> Self {
        self.with_button(index, ButtonParameter::UrlSuffix { text: suffix.into() })
    }

    /// Fills the button at `index`, counted from 0.
    #[must_use]
    pub fn with_button(mut self, index: u8, parameter: ButtonParameter) -> Self {
        self.buttons.push(TemplateButton { index, parameter });
        self
    }

    /// Says when a limited-time offer ends.
    #[must_use]
    pub fn with_offer_end(mut self, at: Timestamp) -> Self {
        self.offer_ends = Some(at);
        self
    }

    /// Says where a tap on the message itself leads.
    #[must_use]
    pub fn with_tap_target(mut self, target: TapTarget) -> Self {
        self.tap_target = Some(target);
        self
    }

    /// Adds a card of a carousel.
    #[must_use]
    pub fn with_card(mut self, card: TemplateCard) -> Self {
        self.cards.push(card);
        self
    }
}

impl From<Template> for Content {
    fn from(template: Template) -> Self {
        Self::Template(template)
    }
}

/// What fills a place in a template.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parameter {
    /// The place's name, for templates whose places are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is put there.
    #[serde(flatten)]
    pub value: ParameterValue,
}

impl Parameter {
    /// Text, by position.
    pub fn text(text: impl Into<String>) -> Self {
        Self { name: None, value: ParameterValue::Text { text: text.into() } }
    }

    /// A value, by position.
    pub const fn new(value: ParameterValue) -> Self {
        Self { name: None, value }
    }

    /// Names the place.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What is shown where the value cannot be localised, or the text itself.
    pub fn shown(&self) -> &str {
        match &self.value {
            ParameterValue::Text { text } => text,
            ParameterValue::Currency { fallback, .. } | ParameterValue::DateTime { fallback } => fallback,
        }
    }
}

/// The value of a [`Parameter`]. As JSON it has a `type`: `{"type":"text","text":"Ada"}`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParameterValue {
    /// Text.
    #[non_exhaustive]
    Text {
        /// The text.
        text: String,
    },
    /// An amount of money.
    #[non_exhaustive]
    Currency {
        /// What is shown where it cannot be localised.
        fallback: String,
        /// The currency in three letters (ISO 4217).
        code: String,
        /// The amount in thousandths.
        amount_1000: i64,
    },
    /// A date or a time.
    #[non_exhaustive]
    DateTime {
        /// What is shown.
        fallback: String,
    },
}

impl ParameterValue {
    /// An amount of money, in thousandths of the currency.
    pub fn currency(fallback: impl Into<String>, code: impl Into<String>, amount_1000: i64) -> Self {
        Self::Currency { fallback: fallback.into(), code: code.into(), amount_1000 }
    }

    /// A date or a time, as it is shown.
    pub fn date_time(fallback: impl Into<String>) -> Self {
        Self::DateTime { fallback: fallback.into() }
    }
}

/// What fills the header of a template. As JSON: `{"text":{"type":"text","text":"Ada"}}`, `{"image":{"link":"https://…"}}`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TemplateHeader {
    /// Text: Meta takes money and times in a body only.
    Text(Parameter),
    /// A picture.
    Image(Media),
    /// A video.
    Video(Media),
    /// A file, with the name that is shown.
    #[non_exhaustive]
    Document {
        /// The file.
        media: Media,
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filename: Option<String>,
    },
    /// A place.
    Location(Location),
    /// A product.
    Product(ProductItem),
}

impl TemplateHeader {
    /// A file without a name.
    pub fn document(media: impl Into<Media>) -> Self {
        Self::Document { media: media.into(), filename: None }
    }

    /// A file that is shown with this name.
    pub fn named_document(media: impl Into<Media>, filename: impl Into<String>) -> Self {
        Self::Document { media: media.into(), filename: Some(filename.into()) }
    }

    /// The media file in it, if there is one.
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(media) | Self::Video(media) | Self::Document { media, .. } => Some(media),
            Self::Text(_) | Self::Location(_) | Self::Product(_) => None,
        }
    }
}

redacted_debug! {
    Template { name, language }
    Parameter { name }
}

impl std::fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ParameterValue(..)")
    }
}

impl std::fmt::Debug for TemplateHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TemplateHeader(..)")
    }
}
