//! Templates that no provider could carry.

use super::interactive::{validate_minutes, validate_product, validate_sections};
use super::{filled, is_web_address, repeated, validate_location};
use crate::address::Recipient;
use crate::error::{Error, Result};
use crate::outbound::{ButtonParameter, Parameter, Template, TemplateButton, TemplateHeader};

/// The most characters of a one-time code.
const MAX_CODE: usize = 15;

pub(super) fn validate(template: &Template, to: &Recipient) -> Result<()> {
    filled("content.name", &template.name)?;
    filled("content.language", &template.language)?;
    validate_code(template, to)?;
    validate_names(template)?;
    validate_parts("content", template.header.as_ref(), &template.body, &template.buttons)?;
    for (index, card) in template.cards.iter().enumerate() {
        let path = format!("content.cards[{index}]");
        validate_parts(&path, card.header.as_ref(), &card.body, &card.buttons)?;
    }
    if let Some(target) = &template.tap_target {
        filled("content.tap_target.title", &target.title)?;
        if !is_web_address(&target.url) {
            return Err(Error::invalid("content.tap_target.url"));
        }
    }
    Ok(())
}

/// A one-time code stands alone, and goes to a phone number.
fn validate_code(template: &Template, to: &Recipient) -> Result<()> {
    let Some(code) = &template.one_time_code else {
        return Ok(());
    };
    let bare = Template::new(template.name.as_str(), template.language.as_str());
    let alone = Template { one_time_code: Some(code.clone()), ..bare } == *template;
    let length = code.chars().count();
    if !alone {
        return Err(Error::invalid("content.one_time_code"));
    }
    if !(1..=MAX_CODE).contains(&length) {
        return Err(Error::invalid("content.one_time_code").with_limit(MAX_CODE as u64, length as u64));
    }
    // WhatsApp delivers codes to phone numbers only (Meta 131062).
    if to.phone().is_none() { Err(Error::invalid("to")) } else { Ok(()) }
}

/// The places of a template are all named or all numbered, wherever they stand, and a name is given one value in each
/// part.
fn validate_names(template: &Template) -> Result<()> {
    let mut parts = vec![("content".to_owned(), &template.header, template.body.as_slice())];
    for (index, card) in template.cards.iter().enumerate() {
        parts.push((format!("content.cards[{index}]"), &card.header, &card.body));
    }
    let mut by_name = None;
    let mut fits =
        |parameter: &Parameter| *by_name.get_or_insert(parameter.name.is_some()) == parameter.name.is_some();
    for (path, header, body) in parts {
        if let Some(TemplateHeader::Text(parameter)) = header
            && !fits(parameter)
        {
            return Err(Error::invalid(format!("{path}.header")));
        }
        if !body.iter().all(&mut fits) {
            return Err(Error::invalid(format!("{path}.body")));
        }
        if let Some(index) =
            repeated(body.iter().enumerate().map(|(index, parameter)| match &parameter.name {
                Some(name) => (Some(name.as_str()), 0),
                None => (None, index),
            }))
        {
            return Err(Error::invalid(format!("{path}.body[{index}].name")));
        }
    }
    Ok(())
}

/// What fills a template, or one of its cards.
fn validate_parts(
    path: &str,
    header: Option<&TemplateHeader>,
    body: &[Parameter],
    buttons: &[TemplateButton],
) -> Result<()> {
    match header {
        Some(TemplateHeader::Text(parameter)) => validate_parameter(&format!("{path}.header"), parameter)?,
        Some(TemplateHeader::Location(place)) => validate_location(&format!("{path}.header"), place)?,
        Some(TemplateHeader::Product(product)) => validate_product(&format!("{path}.header"), product)?,
        _ => {}
    }
    for (index, parameter) in body.iter().enumerate() {
        validate_parameter(&format!("{path}.body[{index}]"), parameter)?;
    }
    if let Some(index) = repeated(buttons.iter().map(|button| button.index)) {
        return Err(Error::invalid(format!("{path}.buttons[{index}].index")));
    }
    for (index, button) in buttons.iter().enumerate() {
        let field = format!("{path}.buttons[{index}]");
        match &button.parameter {
            ButtonParameter::UrlSuffix { text } => filled(format!("{field}.text"), text)?,
            ButtonParameter::QuickReply { payload } => filled(format!("{field}.payload"), payload)?,
            ButtonParameter::CopyCode { code } => filled(format!("{field}.code"), code)?,
            ButtonParameter::MultiProduct { thumbnail_product, sections } => {
                filled(format!("{field}.thumbnail_product"), thumbnail_product)?;
                validate_sections(&format!("{field}.sections"), sections)?;
            }
            ButtonParameter::VoiceCall { ttl_minutes, .. } => {
                validate_minutes(format!("{field}.ttl_minutes"), *ttl_minutes)?;
            }
            ButtonParameter::Catalog { .. } | ButtonParameter::Flow { .. } => {}
        }
    }
    Ok(())
}

fn validate_parameter(field: &str, parameter: &Parameter) -> Result<()> {
    filled(field.to_owned(), parameter.shown())?;
    parameter.name.as_ref().map_or(Ok(()), |name| filled(format!("{field}.name"), name))
}
