use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::words::words;
use crate::json::Json;

/// Which parameters a template takes.
///
/// What it does not know how to read (a sort of component of tomorrow) is missing here and still there in
/// [`components`](super::MessageTemplate::components).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateParameters {
    /// What the header shows, where it takes a parameter: a file, a place, or texts in its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderFormat>,
    /// The places in the header's text: `1`, or names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header_text: Vec<String>,
    /// The places in the body: `1`, `2` and so on, or names in the order in which they first come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<String>,
    /// The buttons that take a parameter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<ButtonParameters>,
    /// Whether it needs the time at which an offer ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offer_expiration: bool,
    /// The cards of a carousel, each with its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<Self>,
}

/// A button that takes a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ButtonParameters {
    /// Its place among all the buttons, from 0.
    pub index: usize,
    /// What it does.
    pub kind: ButtonKind,
    /// Whether the template cannot be sent without the parameter.
    pub required: bool,
}

words! {
    /// What a template's header shows.
    HeaderFormat {
        /// A text with a place in it.
        Text => "TEXT",
        /// An image.
        Image => "IMAGE",
        /// A video.
        Video => "VIDEO",
        /// A document.
        Document => "DOCUMENT",
        /// A place on the map.
        Location => "LOCATION",
        /// A product of the catalogue.
        Product => "PRODUCT",
        /// A moving image.
        Gif => "GIF",
    }

    /// What a template's button does.
    ButtonKind {
        /// It answers. Its payload may be set.
        QuickReply => "QUICK_REPLY",
        /// It opens an address, the end of which is the parameter.
        Url => "URL",
        /// It copies the coupon code that is the parameter.
        CopyCode => "COPY_CODE",
        /// It copies or fills in the one-time code that is the parameter. It is sent as a `url` button.
        Otp => "OTP",
        /// It opens the catalogue.
        Catalog => "CATALOG",
        /// It shows the products that are the parameter.
        Products => "MPM",
        /// It opens a flow.
        Flow => "FLOW",
        /// It calls.
        VoiceCall => "VOICE_CALL",
        /// It shows an order, whose details are the parameter.
        OrderDetails => "ORDER_DETAILS",
    }
}

impl TemplateParameters {
    /// Whether it takes none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the components of a template.
    pub(super) fn of(components: &Json) -> Self {
        Self::of_components(&components.0, true)
    }

    /// The cards of a carousel have no carousels.
    fn of_components(components: &Value, may_have_cards: bool) -> Self {
        let mut parameters = Self::default();
        for component in array(components) {
            match word(component, "type").to_ascii_uppercase().as_str() {
                "HEADER" => parameters.read_header(component),
                "BODY" => parameters.body = places(word(component, "text")),
                "BUTTONS" => {
                    let buttons = array(component.get("buttons").unwrap_or(&Value::Null));
                    parameters.buttons = buttons
                        .iter()
                        .enumerate()
                        .filter_map(|(index, button)| read_button(index, button))
                        .collect();
                }
                "LIMITED_TIME_OFFER" => {
                    let offer = component.get("limited_time_offer");
                    parameters.offer_expiration =
                        offer.and_then(|offer| offer.get("has_expiration")) == Some(&Value::Bool(true));
                }
                "CAROUSEL" if may_have_cards => {
                    let cards = array(component.get("cards").unwrap_or(&Value::Null));
                    let of_card = |card: &Value| {
                        Self::of_components(card.get("components").unwrap_or(&Value::Null), false)
                    };
                    parameters.cards = cards.iter().map(of_card).collect();
                }
                _ => {}
            }
        }
        parameters
    }

    fn read_header(&mut self, component: &Value) {
        match HeaderFormat::from_name(word(component, "format")) {
            HeaderFormat::Text => {
                self.header_text = places(word(component, "text"));
                self.header = (!self.header_text.is_empty()).then_some(HeaderFormat::Text);
            }
            HeaderFormat::Other(none) if none.is_empty() => {}
            format => self.header = Some(format),
        }
    }
}

fn read_button(index: usize, button: &Value) -> Option<ButtonParameters> {
    let kind = ButtonKind::from_name(word(button, "type"));
    let required = match kind {
        ButtonKind::Url => {
            if places(word(button, "url")).is_empty() {
                return None;
            }
            true
        }
        ButtonKind::CopyCode | ButtonKind::Otp | ButtonKind::Products | ButtonKind::OrderDetails => true,
        ButtonKind::QuickReply | ButtonKind::Catalog | ButtonKind::Flow | ButtonKind::VoiceCall => false,
        // Such as one that dials a number.
        ButtonKind::Other(_) => return None,
    };
    Some(ButtonParameters { index, kind, required })
}

fn array(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn word<'j>(json: &'j Value, name: &str) -> &'j str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The places of a text, each once: in the order of their numbers, or else in that in which they come.
fn places(text: &str) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else { break };
        // Of `{{{1}}` the inner braces are the place.
        let name = name.rsplit_once('{').map_or(name, |(_, name)| name).trim();
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain && known.insert(name) {
            places.push(name.to_owned());
        }
        rest = after;
    }
    let mut numbers: Vec<Option<u32>> = places.iter().map(|name| name.parse().ok()).collect();
    if numbers.iter().all(Option::is_some) {
        numbers.sort_unstable();
        places = numbers.into_iter().flatten().map(|number| number.to_string()).collect();
    }
    places
}
