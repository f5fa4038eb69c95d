//! Templates: Meta's components out of the model's parts.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::Origin;
use super::content::{filename, location, media};
use crate::error::{Error, Result};
use crate::outbound::{
    ButtonParameter, Parameter, ParameterValue, Template, TemplateButton, TemplateHeader, chars_between,
    validate_location,
};

/// In characters. Meta limits the whole body, so one parameter cannot be longer either.
const MAX_BODY: usize = 1024;
/// In characters.
const MAX_HEADER: usize = 60;
/// In characters.
const MAX_COPY_CODE: usize = 20;
/// A template has ten buttons.
const MAX_BUTTON: u8 = 9;

pub(super) fn write(template: &Template, origin: &Origin<'_>) -> Result<Map<String, Value>> {
    if template.offer_ends.is_some() {
        return Err(Error::unsupported("content.offer_ends"));
    }
    if !template.cards.is_empty() {
        return Err(Error::unsupported("content.cards"));
    }
    let mut components = Vec::new();
    if let Some(code) = &template.one_time_code {
        // The code stands in the text and behind the button that copies it.
        let text = json!([{"type": "text", "text": code}]);
        components.push(json!({"type": "body", "parameters": text}));
        components.push(button("url", 0, text));
    }
    if let Some(part) = &template.header {
        let parameter = header(part, origin)?;
        components.push(json!({"type": "header", "parameters": [parameter]}));
    }
    if !template.body.is_empty() {
        let parameters = template
            .body
            .iter()
            .enumerate()
            .map(|(index, part)| parameter(part, &format!("content.body[{index}]"), MAX_BODY))
            .collect::<Result<Vec<_>>>()?;
        components.push(json!({"type": "body", "parameters": parameters}));
    }
    let mut seen = HashSet::new();
    for (position, part) in template.buttons.iter().enumerate() {
        let field = format!("content.buttons[{position}]");
        if !seen.insert(part.index) {
            return Err(Error::invalid(format!("{field}.index")));
        }
        components.push(filled_button(part, &field)?);
    }

    let mut object = Map::new();
    object.insert("name".to_owned(), template.name.as_str().into());
    object.insert("language".to_owned(), json!({"code": template.language}));
    if !components.is_empty() {
        object.insert("components".to_owned(), components.into());
    }
    Ok(object)
}

fn header(part: &TemplateHeader, origin: &Origin<'_>) -> Result<Value> {
    const FILE: &str = "content.header.media";
    let (kind, object) = match part {
        TemplateHeader::Text(text) => return parameter(text, "content.header", MAX_HEADER),
        TemplateHeader::Image(file) => ("image", media(file, FILE, origin)?),
        TemplateHeader::Video(file) => ("video", media(file, FILE, origin)?),
        TemplateHeader::Document { media: file, filename: name } => {
            let mut object = media(file, FILE, origin)?;
            filename(&mut object, name);
            ("document", object)
        }
        TemplateHeader::Location(place) => {
            validate_location("content.header", place)?;
            ("location", location(place))
        }
        TemplateHeader::Product(_) => return Err(Error::unsupported("content.header")),
    };
    Ok(typed(kind, Value::Object(object)))
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
    if let (Some(name), Value::Object(value)) = (&part.name, &mut value) {
        chars_between(format!("{field}.name"), name, usize::MAX)?;
        value.insert("parameter_name".to_owned(), name.as_str().into());
    }
    Ok(value)
}

fn filled_button(part: &TemplateButton, field: &str) -> Result<Value> {
    if part.index > MAX_BUTTON {
        let (limit, actual) = (u64::from(MAX_BUTTON), u64::from(part.index));
        return Err(Error::over_limit(format!("{field}.index"), limit, actual));
    }
    let (kind, parameter) = match &part.parameter {
        ButtonParameter::UrlSuffix { text } => {
            chars_between(format!("{field}.text"), text, usize::MAX)?;
            ("url", json!({"type": "text", "text": text}))
        }
        ButtonParameter::QuickReply { payload } => {
            chars_between(format!("{field}.payload"), payload, usize::MAX)?;
            ("quick_reply", json!({"type": "payload", "payload": payload}))
        }
        ButtonParameter::CopyCode { code } => {
            chars_between(format!("{field}.code"), code, MAX_COPY_CODE)?;
            ("copy_code", json!({"type": "coupon_code", "coupon_code": code}))
        }
        ButtonParameter::Catalog { .. }
        | ButtonParameter::MultiProduct { .. }
        | ButtonParameter::Flow { .. }
        | ButtonParameter::VoiceCall { .. } => return Err(Error::unsupported(field.to_owned())),
    };
    Ok(button(kind, part.index, json!([parameter])))
}

fn button(kind: &str, index: u8, parameters: Value) -> Value {
    json!({"type": "button", "sub_type": kind, "index": index.to_string(), "parameters": parameters})
}

/// `{"type":"image","image":{…}}`.
fn typed(kind: &str, value: Value) -> Value {
    json!({"type": kind, kind: value})
}
