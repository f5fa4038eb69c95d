use serde::Deserialize;

use super::Refusal;
use super::content::{WireLocation, WireMedia};
use super::interactive::{WireProduct, WireProductSection};
use crate::clock::Timestamp;
use crate::ids::SenderId;
use crate::json::Json;
use crate::outbound::{
    ButtonParameter, Parameter, ParameterValue, TapTarget, Template, TemplateButton, TemplateCard,
    TemplateHeader,
};

#[derive(Deserialize)]
pub(super) struct WireTemplate {
    name: String,
    language: WireLanguage,
    #[serde(default)]
    components: Vec<WireComponent>,
}

#[derive(Deserialize)]
struct WireLanguage {
    code: String,
}

#[derive(Deserialize)]
struct WireComponent {
    #[serde(rename = "type")]
    kind: String,
    sub_type: Option<String>,
    index: Option<WireIndex>,
    #[serde(default)]
    parameters: Vec<WireParameter>,
    #[serde(default)]
    cards: Vec<WireCard>,
}

#[derive(Deserialize)]
struct WireCard {
    card_index: usize,
    components: Vec<WireComponent>,
}

/// Meta takes an index as text and as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum WireIndex {
    Number(u8),
    Text(String),
}

/// A parameter of any component; which fields it has follows from its `type`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct WireParameter {
    #[serde(rename = "type")]
    kind: String,
    parameter_name: Option<String>,
    text: Option<String>,
    currency: Option<WireCurrency>,
    date_time: Option<WireDateTime>,
    image: Option<WireMedia>,
    video: Option<WireMedia>,
    document: Option<WireMedia>,
    location: Option<WireLocation>,
    product: Option<WireProduct>,
    limited_time_offer: Option<WireOffer>,
    tap_target_configuration: Vec<WireTapTarget>,
    payload: Option<String>,
    coupon_code: Option<String>,
    ttl_minutes: Option<u32>,
    action: Option<WireAction>,
}

#[derive(Deserialize)]
struct WireCurrency {
    fallback_value: String,
    code: String,
    amount_1000: i64,
}

#[derive(Deserialize)]
struct WireDateTime {
    fallback_value: String,
}

#[derive(Deserialize)]
struct WireOffer {
    expiration_time_ms: u64,
}

#[derive(Deserialize)]
struct WireTapTarget {
    url: String,
    title: String,
}

#[derive(Deserialize, Default)]
struct WireAction {
    thumbnail_product_retailer_id: Option<String>,
    #[serde(default)]
    sections: Vec<WireProductSection>,
    flow_token: Option<String>,
    #[serde(default, deserialize_with = "crate::json::present")]
    flow_action_data: Option<Json>,
}

/// What a template message says.
pub(super) fn read(wire: WireTemplate, sender: &SenderId) -> Result<Template, Refusal> {
    let mut template = Template::new(wire.name, wire.language.code);
    for component in wire.components {
        match component.kind.to_ascii_lowercase().as_str() {
            "header" => template.header = Some(component.header(sender)?),
            "body" => template.body = component.body()?,
            "button" => template.buttons.push(component.button()?),
            "limited_time_offer" => template.offer_ends = Some(component.offer_ends()?),
            "tap_target_configuration" => template.tap_target = Some(component.tap_target()?),
            "carousel" => {
                let cards = component.cards.into_iter().enumerate();
                let cards = cards.map(|(place, card)| card.read(place, sender));
                template.cards = cards.collect::<Result<_, _>>()?;
            }
            _ => return Err(invalid()),
        }
    }
    Ok(one_time_code(template))
}

/// Meta wants the code of an authentication template in two places, and only there.
fn one_time_code(template: Template) -> Template {
    let code = match (template.body.as_slice(), template.buttons.as_slice()) {
        (
            [Parameter { name: None, value: ParameterValue::Text { text: code } }],
            [TemplateButton { index: 0, parameter: ButtonParameter::UrlSuffix { text: again } }],
        ) if code == again => code.clone(),
        _ => return template,
    };
    let bare = Template {
        body: template.body.clone(),
        buttons: template.buttons.clone(),
        ..Template::new(&*template.name, &*template.language)
    };
    if bare == template { Template::authentication(template.name, template.language, code) } else { template }
}

fn invalid() -> Refusal {
    Refusal::parameter("Param template is not valid.")
}

impl WireCard {
    fn read(self, place: usize, sender: &SenderId) -> Result<TemplateCard, Refusal> {
        if self.card_index != place {
            return Err(invalid());
        }
        let mut card = TemplateCard::default();
        for component in self.components {
            match component.kind.to_ascii_lowercase().as_str() {
                "header" => card.header = Some(component.header(sender)?),
                "body" => card.body = component.body()?,
                "button" => card.buttons.push(component.button()?),
                _ => return Err(invalid()),
            }
        }
        Ok(card)
    }
}

impl WireComponent {
    fn only(self) -> Result<WireParameter, Refusal> {
        let mut parameters = self.parameters.into_iter();
        match (parameters.next(), parameters.next()) {
            (Some(parameter), None) => Ok(parameter),
            _ => Err(invalid()),
        }
    }

    fn header(self, sender: &SenderId) -> Result<TemplateHeader, Refusal> {
        let parameter = self.only()?;
        let file = |media: &Option<WireMedia>| {
            let media = media.as_ref().ok_or_else(invalid)?;
            media.file(sender)
        };
        Ok(match parameter.kind.as_str() {
            "text" => TemplateHeader::Text(parameter.read()?),
            "image" => TemplateHeader::Image(file(&parameter.image)?),
            "video" => TemplateHeader::Video(file(&parameter.video)?),
            "document" => TemplateHeader::Document {
                media: file(&parameter.document)?,
                filename: parameter.document.and_then(|document| document.filename),
            },
            "location" => TemplateHeader::Location(parameter.location.ok_or_else(invalid)?.read()?),
            "product" => TemplateHeader::Product(parameter.product.ok_or_else(invalid)?.read()),
            _ => return Err(invalid()),
        })
    }

    fn body(self) -> Result<Vec<Parameter>, Refusal> {
        self.parameters.into_iter().map(WireParameter::read).collect()
    }

    fn offer_ends(self) -> Result<Timestamp, Refusal> {
        let offer = self.only()?.limited_time_offer.ok_or_else(invalid)?;
        Timestamp::from_unix_millis(offer.expiration_time_ms).ok_or_else(invalid)
    }

    fn tap_target(self) -> Result<TapTarget, Refusal> {
        let mut targets = self.only()?.tap_target_configuration.into_iter();
        match (targets.next(), targets.next()) {
            (Some(target), None) => Ok(TapTarget::new(target.url, target.title)),
            _ => Err(invalid()),
        }
    }

    fn button(mut self) -> Result<TemplateButton, Refusal> {
        let index = match self.index.take().ok_or_else(invalid)? {
            WireIndex::Number(index) => index,
            WireIndex::Text(index) => index.parse().map_err(|_| invalid())?,
        };
        let kind = self.sub_type.take().ok_or_else(invalid)?.to_ascii_lowercase();
        if kind == "voice_call" {
            // The only one with two parameters.
            let (mut ttl_minutes, mut payload) = (None, None);
            for parameter in self.parameters {
                ttl_minutes = parameter.ttl_minutes.or(ttl_minutes);
                payload = parameter.payload.or(payload);
            }
            let parameter = ButtonParameter::VoiceCall { ttl_minutes, payload };
            return Ok(TemplateButton { index, parameter });
        }
        if kind == "catalog" && self.parameters.is_empty() {
            // The first product of the catalogue is shown.
            return Ok(TemplateButton {
                index,
                parameter: ButtonParameter::Catalog { thumbnail_product: None },
            });
        }
        let wire = self.only()?;
        let parameter = match kind.as_str() {
            "url" => ButtonParameter::UrlSuffix { text: wire.text.ok_or_else(invalid)? },
            "quick_reply" => ButtonParameter::QuickReply { payload: wire.payload.ok_or_else(invalid)? },
            "copy_code" => ButtonParameter::CopyCode { code: wire.coupon_code.ok_or_else(invalid)? },
            "catalog" => ButtonParameter::Catalog {
                thumbnail_product: wire.action.and_then(|action| action.thumbnail_product_retailer_id),
            },
            "mpm" => {
                let action = wire.action.ok_or_else(invalid)?;
                ButtonParameter::MultiProduct {
                    thumbnail_product: action.thumbnail_product_retailer_id.ok_or_else(invalid)?,
                    sections: action.sections.into_iter().map(WireProductSection::read).collect(),
                }
            }
            "flow" => {
                let action = wire.action.unwrap_or_default();
                ButtonParameter::Flow { token: action.flow_token, data: action.flow_action_data }
            }
            _ => return Err(invalid()),
        };
        Ok(TemplateButton { index, parameter })
    }
}

impl WireParameter {
    /// A value that is shown: in a body, or in a header of text.
    fn read(self) -> Result<Parameter, Refusal> {
        let value = match self.kind.as_str() {
            "text" => ParameterValue::Text { text: self.text.ok_or_else(invalid)? },
            "currency" => {
                let currency = self.currency.ok_or_else(invalid)?;
                ParameterValue::currency(currency.fallback_value, currency.code, currency.amount_1000)
            }
            "date_time" => ParameterValue::date_time(self.date_time.ok_or_else(invalid)?.fallback_value),
            _ => return Err(invalid()),
        };
        Ok(Parameter { name: self.parameter_name, value })
    }
}
