//! Templates: Meta's components out of the model's parts.

use serde_json::{Map, Value, json};

use super::content::{filename, location, media};
use super::interactive::{insert, product, write_sections};
use super::limits::{CARDS, MAX_BODY, MAX_HEADER, count_between, product_sections};
use super::{Origin, typed};
use crate::error::{Error, Result};
use crate::outbound::{
    ButtonParameter, Parameter, ParameterValue, Template, TemplateButton, TemplateCard, TemplateHeader,
    chars_between, present,
};

/// In characters.
const MAX_COPY_CODE: usize = 20;
/// A template has ten buttons.
const MAX_BUTTON: usize = 9;

/// A template that `validate` has looked at.
pub(super) fn write(template: &Template, origin: &Origin<'_>) -> Result<Map<String, Value>> {
    let mut components = Vec::new();
    if let Some(code) = &template.one_time_code {
        // The code stands in the text and behind the button that copies it.
        let text = json!([{"type": "text", "text": code}]);
        components.push(json!({"type": "body", "parameters": text}));
        components.push(button("url", 0, vec![json!({"type": "text", "text": code})]));
    }
    if let Some(part) = &template.header {
        components.push(write_header("content.header", part, origin)?);
    }
    if !template.body.is_empty() {
        components.push(write_body("content.body", &template.body)?);
    }
    if let Some(end) = template.offer_ends {
        let offer = json!({"expiration_time_ms": end.unix_millis()});
        components.push(of_one("limited_time_offer", typed("limited_time_offer", offer)));
    }
    if let Some(target) = &template.tap_target {
        let targets = json!([{"url": target.url, "title": target.title}]);
        components.push(of_one("tap_target_configuration", typed("tap_target_configuration", targets)));
    }
    components.extend(write_buttons("content.buttons", &template.buttons)?);
    if !template.cards.is_empty() {
        count_between("content.cards", template.cards.len(), CARDS)?;
        let write = |(index, part): (usize, &TemplateCard)| card(index, part, origin);
        let cards = template.cards.iter().enumerate().map(write).collect::<Result<Vec<_>>>()?;
        components.push(json!({"type": "carousel", "cards": cards}));
    }

    let mut object = Map::new();
    object.insert("name".to_owned(), template.name.as_str().into());
    object.insert("language".to_owned(), json!({"code": template.language}));
    if !components.is_empty() {
        object.insert("components".to_owned(), components.into());
    }
    Ok(object)
}

fn card(index: usize, part: &TemplateCard, origin: &Origin<'_>) -> Result<Value> {
    let path = format!("content.cards[{index}]");
    let mut components = Vec::new();
    if let Some(part) = &part.header {
        let field = format!("{path}.header");
        if !matches!(part, TemplateHeader::Image(_) | TemplateHeader::Video(_) | TemplateHeader::Product(_)) {
            return Err(Error::unsupported(field));
        }
        components.push(write_header(&field, part, origin)?);
    }
    if !part.body.is_empty() {
        components.push(write_body(&format!("{path}.body"), &part.body)?);
    }
    components.extend(write_buttons(&format!("{path}.buttons"), &part.buttons)?);
    Ok(json!({"card_index": index, "components": components}))
}

fn write_header(field: &str, part: &TemplateHeader, origin: &Origin<'_>) -> Result<Value> {
    let file = |part| media(part, format!("{field}.media"), origin);
    let parameter = match part {
        // Money and times have their place in a body only.
        TemplateHeader::Text(Parameter { value, .. }) if !matches!(value, ParameterValue::Text { .. }) => {
            return Err(Error::unsupported(field.to_owned()));
        }
        TemplateHeader::Text(text) => parameter(text, field, MAX_HEADER)?,
        TemplateHeader::Image(image) => typed("image", file(image)?.into()),
        TemplateHeader::Video(video) => typed("video", file(video)?.into()),
        TemplateHeader::Document { media, filename: name } => {
            let mut object = file(media)?;
            filename(&mut object, name);
            typed("document", object.into())
        }
        TemplateHeader::Location(place) => typed("location", location(place).into()),
        TemplateHeader::Product(item) => typed("product", product(item)),
    };
    Ok(of_one("header", parameter))
}

fn write_body(path: &str, parts: &[Parameter]) -> Result<Value> {
    let write = |(index, part): (usize, &Parameter)| parameter(part, &format!("{path}[{index}]"), MAX_BODY);
    let parameters = parts.iter().enumerate().map(write).collect::<Result<Vec<_>>>()?;
    Ok(json!({"type": "body", "parameters": parameters}))
}

/// A value, with the name of its place where places are named.
fn parameter(part: &Parameter, field: &str, max: usize) -> Result<Value> {
    chars_between(field.to_owned(), part.shown(), max)?;
    let mut value = match &part.value {
        ParameterValue::Text { text } => json!({"type": "text", "text": text}),
        ParameterValue::Currency { fallback, code, amount_1000 } => {
            typed("currency", json!({"fallback_value": fallback, "code": code, "amount_1000": amount_1000}))
        }
        ParameterValue::DateTime { fallback } => typed("date_time", json!({"fallback_value": fallback})),
    };
    insert(&mut value, "parameter_name", part.name.as_deref());
    Ok(value)
}

fn write_buttons(path: &str, parts: &[TemplateButton]) -> Result<Vec<Value>> {
    let write =
        |(position, part): (usize, &TemplateButton)| filled_button(part, &format!("{path}[{position}]"));
    parts.iter().enumerate().map(write).collect()
}

fn filled_button(part: &TemplateButton, field: &str) -> Result<Value> {
    count_between(format!("{field}.index"), part.index.into(), (0, MAX_BUTTON))?;
    let (kind, parameters) = match &part.parameter {
        ButtonParameter::UrlSuffix { text } => ("url", vec![json!({"type": "text", "text": text})]),
        ButtonParameter::QuickReply { payload } => {
            ("quick_reply", vec![typed("payload", payload.as_str().into())])
        }
        ButtonParameter::CopyCode { code } => {
            chars_between(format!("{field}.code"), code, MAX_COPY_CODE)?;
            ("copy_code", vec![typed("coupon_code", code.as_str().into())])
        }
        // Upper case, as in all of Meta's own examples. Without a parameter it shows the first product.
        ButtonParameter::Catalog { thumbnail_product } => {
            let thumbnail = present(thumbnail_product);
            let action =
                thumbnail.map(|product| typed("action", json!({"thumbnail_product_retailer_id": product})));
            ("CATALOG", action.into_iter().collect())
        }
        ButtonParameter::MultiProduct { thumbnail_product, sections } => {
            product_sections(&format!("{field}.sections"), sections)?;
            let action = json!({
                "thumbnail_product_retailer_id": thumbnail_product,
                "sections": write_sections(sections),
            });
            ("mpm", vec![typed("action", action)])
        }
        ButtonParameter::Flow { token, data } => {
            let mut action = Value::Object(Map::new());
            insert(&mut action, "flow_token", present(token));
            insert(&mut action, "flow_action_data", data.as_ref().map(|data| data.0.clone()));
            ("flow", vec![typed("action", action)])
        }
        ButtonParameter::VoiceCall { ttl_minutes, payload } => {
            let minutes = ttl_minutes.map(|minutes| typed("ttl_minutes", minutes.into()));
            let payload = present(payload).map(|payload| typed("payload", payload.into()));
            ("voice_call", minutes.into_iter().chain(payload).collect())
        }
    };
    Ok(button(kind, part.index, parameters))
}

fn button(kind: &str, index: u8, parameters: Vec<Value>) -> Value {
    let mut button = json!({"type": "button", "sub_type": kind, "index": index.to_string()});
    insert(&mut button, "parameters", Some(parameters).filter(|parameters| !parameters.is_empty()));
    button
}

/// A component with one parameter.
fn of_one(kind: &str, parameter: Value) -> Value {
    json!({"type": kind, "parameters": [parameter]})
}
