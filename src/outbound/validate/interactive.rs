//! Interactive messages that no provider could carry.

use std::mem::discriminant;

use super::{filled, is_web_address, present, repeated, some};
use crate::error::{Error, Result};
use crate::outbound::{
    Action, Card, CardAction, CtaUrl, Flow, FlowName, FlowStart, Header, Interactive, List, ProductItem,
    ProductSection, ReplyButton,
};

pub(super) fn validate(interactive: &Interactive) -> Result<()> {
    let action = &interactive.action;
    let speaks_for_itself = matches!(action, Action::Product(_) | Action::CallPermission);
    if !speaks_for_itself {
        filled("content.body", interactive.body.as_deref().unwrap_or_default())?;
    }
    if let Some(Header::Text(text)) = &interactive.header {
        filled("content.header", &text.0)?;
    }
    match action {
        Action::ReplyButtons { buttons } => validate_buttons(buttons),
        Action::List(list) => validate_list(list),
        Action::CtaUrl(button) => validate_cta_url("content.action", button),
        Action::Flow(flow) => validate_flow(flow),
        Action::Product(product) => validate_product("content.action", product),
        Action::ProductList { catalog_id, sections } => {
            filled("content.action.catalog_id", catalog_id)?;
            if interactive.header.is_none() {
                return Err(Error::invalid("content.header"));
            }
            validate_sections("content.action.sections", sections)
        }
        Action::Carousel { cards } => validate_cards(cards),
        Action::Address(request) => filled("content.action.country", &request.country),
        Action::VoiceCall(call) => {
            filled("content.action.display_text", &call.display_text)?;
            validate_minutes("content.action.ttl_minutes", call.ttl_minutes)
        }
        Action::LocationRequest
        | Action::Catalog { .. }
        | Action::ContactRequest
        | Action::CallPermission => Ok(()),
    }
}

fn validate_buttons(buttons: &[ReplyButton]) -> Result<()> {
    some("content.action.buttons", buttons)?;
    for (index, button) in buttons.iter().enumerate() {
        filled(format!("content.action.buttons[{index}].id"), &button.id)?;
        filled(format!("content.action.buttons[{index}].title"), &button.title)?;
    }
    if let Some(index) = repeated(buttons.iter().map(|button| &button.id)) {
        return Err(Error::invalid(format!("content.action.buttons[{index}].id")));
    }
    if let Some(index) = repeated(buttons.iter().map(|button| &button.title)) {
        return Err(Error::invalid(format!("content.action.buttons[{index}].title")));
    }
    Ok(())
}

fn validate_list(list: &List) -> Result<()> {
    const SECTIONS: &str = "content.action.sections";
    filled("content.action.button", &list.button)?;
    some(SECTIONS, &list.sections)?;
    let mut ids = Vec::new();
    for (index, section) in list.sections.iter().enumerate() {
        if list.sections.len() > 1 && present(&section.title).is_none() {
            return Err(Error::invalid(format!("{SECTIONS}[{index}].title")).with_limit(1, 0));
        }
        some(format!("{SECTIONS}[{index}].rows"), &section.rows)?;
        for (place, row) in section.rows.iter().enumerate() {
            filled(format!("{SECTIONS}[{index}].rows[{place}].id"), &row.id)?;
            filled(format!("{SECTIONS}[{index}].rows[{place}].title"), &row.title)?;
            ids.push((row.id.as_str(), index, place));
        }
    }
    let again = repeated(ids.iter().map(|(id, ..)| *id));
    match again.and_then(|again| ids.get(again)) {
        Some((_, index, place)) => Err(Error::invalid(format!("{SECTIONS}[{index}].rows[{place}].id"))),
        None => Ok(()),
    }
}

fn validate_cta_url(path: &str, button: &CtaUrl) -> Result<()> {
    filled(format!("{path}.display_text"), &button.display_text)?;
    if is_web_address(&button.url) { Ok(()) } else { Err(Error::invalid(format!("{path}.url"))) }
}

fn validate_flow(flow: &Flow) -> Result<()> {
    let (FlowName::Id(name) | FlowName::Name(name)) = &flow.flow;
    filled("content.action.flow", name)?;
    filled("content.action.cta", &flow.cta)?;
    match &flow.start {
        Some(FlowStart::Navigate { screen, .. }) => filled("content.action.start.screen", screen),
        Some(FlowStart::DataExchange) | None => Ok(()),
    }
}

pub(super) fn validate_product(path: &str, product: &ProductItem) -> Result<()> {
    filled(format!("{path}.catalog_id"), &product.catalog_id)?;
    filled(format!("{path}.product"), &product.product)
}

/// Sections of products. A single one needs no title.
pub(super) fn validate_sections(path: &str, sections: &[ProductSection]) -> Result<()> {
    some(path.to_owned(), sections)?;
    for (index, section) in sections.iter().enumerate() {
        if sections.len() > 1 {
            filled(format!("{path}[{index}].title"), &section.title)?;
        }
        some(format!("{path}[{index}].products"), &section.products)?;
        for (place, product) in section.products.iter().enumerate() {
            filled(format!("{path}[{index}].products[{place}]"), product)?;
        }
    }
    Ok(())
}

/// A button that calls works for one minute at least.
pub(super) fn validate_minutes(field: impl Into<super::Field>, minutes: Option<u32>) -> Result<()> {
    if minutes == Some(0) { Err(Error::invalid(field).with_limit(1, 0)) } else { Ok(()) }
}

/// The cards of a carousel are of one kind and look alike.
fn validate_cards(cards: &[Card]) -> Result<()> {
    const CARDS: &str = "content.action.cards";
    some(CARDS, cards)?;
    for (index, card) in cards.iter().enumerate() {
        match &card.action {
            CardAction::CtaUrl(button) => {
                validate_cta_url(&format!("{CARDS}[{index}].action"), button)?;
                if card.header.is_none() {
                    return Err(Error::invalid(format!("{CARDS}[{index}].header")));
                }
            }
            CardAction::Product(product) => validate_product(&format!("{CARDS}[{index}].action"), product)?,
        }
    }
    if let Some(index) = odd_one_out(cards, |card| discriminant(&card.action)) {
        return Err(Error::invalid(format!("{CARDS}[{index}].action")));
    }
    if let Some(index) = odd_one_out(cards, |card| card.header.as_ref().map(discriminant)) {
        return Err(Error::invalid(format!("{CARDS}[{index}].header")));
    }
    Ok(())
}

/// The first element of a list that is of another sort than its first.
fn odd_one_out<T, S: PartialEq>(list: &[T], sort: impl Fn(&T) -> S) -> Option<usize> {
    let first = sort(list.first()?);
    list.iter().position(|element| sort(element) != first)
}
