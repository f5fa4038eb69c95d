//! Messages with something to tap.

use serde_json::{Map, Value, json};

use super::content::media;
use super::limits::{
    CARDS, MAX_BODY, MAX_FOOTER, MAX_HEADER, MAX_LABEL, MAX_SECTION_TITLE, MAX_TEXT, count_between, optional,
    product_sections,
};
use super::{Origin, typed};
use crate::error::{Error, Result};
use crate::outbound::{
    Action, AddressRequest, Card, CardAction, CtaUrl, Flow, FlowMode, FlowName, FlowStart, Header,
    Interactive, List, ProductItem, ProductSection, ReplyButton, VoiceCall, chars_between, present,
};

const MAX_BUTTONS: usize = 3;
/// In characters.
const MAX_BUTTON_ID: usize = 256;
/// Rows of a list, in all of its sections together.
const MAX_ROWS: usize = 10;
/// In characters.
const MAX_ROW_ID: usize = 200;
/// In characters.
const MAX_ROW_TITLE: usize = 24;
/// In characters.
const MAX_ROW_DESCRIPTION: usize = 72;
/// In characters.
const MAX_CARD_BODY: usize = 160;
const MAX_CARD_LINE_BREAKS: usize = 2;

/// A message that `validate` has looked at.
pub(super) fn write(interactive: &Interactive, origin: &Origin<'_>) -> Result<Map<String, Value>> {
    let (kind, action) = action(&interactive.action, origin)?;
    let mut object = Map::new();
    if let Some(part) = &interactive.header {
        if !takes_header(&interactive.action, part) {
            return Err(Error::unsupported("content.header"));
        }
        object.insert("header".to_owned(), header("content.header", part, origin)?);
    }
    let max_body = if matches!(interactive.action, Action::List(_)) { MAX_TEXT } else { MAX_BODY };
    if let Some(body) = optional("content.body", &interactive.body, max_body)? {
        object.insert("body".to_owned(), json!({"text": body}));
    }
    if let Some(footer) = optional("content.footer", &interactive.footer, MAX_FOOTER)? {
        if matches!(interactive.action, Action::Carousel { .. }) {
            return Err(Error::unsupported("content.footer"));
        }
        object.insert("footer".to_owned(), json!({"text": footer}));
    }
    object.insert("type".to_owned(), kind.into());
    object.insert("action".to_owned(), action);
    Ok(object)
}

/// Which headers stand above which actions.
fn takes_header(action: &Action, header: &Header) -> bool {
    match action {
        Action::ReplyButtons { .. } | Action::CtaUrl(_) | Action::Flow(_) => true,
        Action::List(_) | Action::ProductList { .. } => matches!(header, Header::Text(_)),
        _ => false,
    }
}

fn header(field: &str, part: &Header, origin: &Origin<'_>) -> Result<Value> {
    let file = || format!("{field}.media");
    let (kind, value) = match part {
        Header::Text(text) => {
            chars_between(field.to_owned(), &text.0, MAX_HEADER)?;
            ("text", text.0.as_str().into())
        }
        Header::Image(image) => ("image", media(image, file(), origin)?.into()),
        Header::Video(video) => ("video", media(video, file(), origin)?.into()),
        Header::Document(document) => ("document", media(document, file(), origin)?.into()),
    };
    Ok(typed(kind, value))
}

/// The name of the kind, and its action.
fn action(action: &Action, origin: &Origin<'_>) -> Result<(&'static str, Value)> {
    Ok(match action {
        Action::ReplyButtons { buttons } => ("button", json!({"buttons": reply_buttons(buttons)?})),
        Action::List(list) => ("list", write_list(list)?),
        Action::CtaUrl(button) => ("cta_url", cta_url("content.action", button)?),
        Action::Flow(flow) => ("flow", named("flow", write_flow(flow))),
        Action::LocationRequest => ("location_request_message", json!({"name": "send_location"})),
        Action::Product(item) => ("product", product(item)),
        Action::ProductList { catalog_id, sections } => {
            product_sections("content.action.sections", sections)?;
            ("product_list", json!({"catalog_id": catalog_id, "sections": write_sections(sections)}))
        }
        Action::Catalog { thumbnail_product } => {
            let parameters =
                present(thumbnail_product).map(|product| json!({"thumbnail_product_retailer_id": product}));
            (
                "catalog_message",
                parameters.map_or_else(
                    || json!({"name": "catalog_message"}),
                    |parameters| named("catalog_message", parameters),
                ),
            )
        }
        Action::Carousel { cards } => ("carousel", json!({"cards": write_cards(cards, origin)?})),
        Action::ContactRequest => ("request_contact_info", json!({"name": "request_contact_info"})),
        Action::CallPermission => ("call_permission_request", json!({"name": "call_permission_request"})),
        Action::Address(request) => ("address_message", named("address_message", address(request))),
        Action::VoiceCall(call) => ("voice_call", named("voice_call", voice_call(call)?)),
    })
}

fn named(name: &str, parameters: Value) -> Value {
    json!({"name": name, "parameters": parameters})
}

fn reply_buttons(buttons: &[ReplyButton]) -> Result<Vec<Value>> {
    const BUTTONS: &str = "content.action.buttons";
    count_between(BUTTONS, buttons.len(), (1, MAX_BUTTONS))?;
    let write = |(index, button): (usize, &ReplyButton)| {
        chars_between(format!("{BUTTONS}[{index}].id"), &button.id, MAX_BUTTON_ID)?;
        chars_between(format!("{BUTTONS}[{index}].title"), &button.title, MAX_LABEL)?;
        Ok(typed("reply", json!({"id": button.id, "title": button.title})))
    };
    buttons.iter().enumerate().map(write).collect()
}

fn write_list(list: &List) -> Result<Value> {
    const SECTIONS: &str = "content.action.sections";
    chars_between("content.action.button", &list.button, MAX_LABEL)?;
    // No section is without a row, so that there are no more sections than rows.
    let rows = list.sections.iter().map(|section| section.rows.len()).sum();
    count_between(format!("{SECTIONS}[].rows"), rows, (1, MAX_ROWS))?;
    let mut sections = Vec::new();
    for (index, section) in list.sections.iter().enumerate() {
        let mut rows = Vec::new();
        for (place, row) in section.rows.iter().enumerate() {
            let path = format!("{SECTIONS}[{index}].rows[{place}]");
            chars_between(format!("{path}.id"), &row.id, MAX_ROW_ID)?;
            chars_between(format!("{path}.title"), &row.title, MAX_ROW_TITLE)?;
            let mut object = json!({"id": row.id, "title": row.title});
            let description = optional(format!("{path}.description"), &row.description, MAX_ROW_DESCRIPTION)?;
            insert(&mut object, "description", description);
            rows.push(object);
        }
        let title = optional(format!("{SECTIONS}[{index}].title"), &section.title, MAX_SECTION_TITLE)?;
        let mut object = json!({"rows": rows});
        insert(&mut object, "title", title);
        sections.push(object);
    }
    Ok(json!({"button": list.button, "sections": sections}))
}

fn cta_url(path: &str, button: &CtaUrl) -> Result<Value> {
    chars_between(format!("{path}.display_text"), &button.display_text, MAX_LABEL)?;
    Ok(named("cta_url", json!({"display_text": button.display_text, "url": button.url})))
}

fn write_flow(flow: &Flow) -> Value {
    // The version is a text; `3` as a number is refused.
    let mut parameters = json!({"flow_message_version": "3", "flow_cta": flow.cta});
    let (name, flow_name) = match &flow.flow {
        FlowName::Id(id) => ("flow_id", id),
        FlowName::Name(name) => ("flow_name", name),
    };
    insert(&mut parameters, name, Some(flow_name.as_str()));
    insert(&mut parameters, "flow_token", present(&flow.token));
    let mode = flow.mode.map(|mode| match mode {
        FlowMode::Published => "published",
        FlowMode::Draft => "draft",
    });
    insert(&mut parameters, "mode", mode);
    match &flow.start {
        Some(FlowStart::Navigate { screen, data }) => {
            let mut payload = json!({"screen": screen});
            insert(&mut payload, "data", data.as_ref().map(|data| data.0.clone()));
            insert(&mut parameters, "flow_action", Some("navigate"));
            insert(&mut parameters, "flow_action_payload", Some(payload));
        }
        Some(FlowStart::DataExchange) => insert(&mut parameters, "flow_action", Some("data_exchange")),
        None => {}
    }
    parameters
}

pub(super) fn product(item: &ProductItem) -> Value {
    json!({"catalog_id": item.catalog_id, "product_retailer_id": item.product})
}

/// Sections of products that [`product_sections`] has looked at.
pub(super) fn write_sections(sections: &[ProductSection]) -> Vec<Value> {
    let write = |section: &ProductSection| {
        let items = section.products.iter().map(|product| json!({"product_retailer_id": product}));
        let mut object = json!({"product_items": items.collect::<Vec<_>>()});
        insert(&mut object, "title", Some(section.title.as_str()).filter(|title| !title.is_empty()));
        object
    };
    sections.iter().map(write).collect()
}

fn write_cards(cards: &[Card], origin: &Origin<'_>) -> Result<Vec<Value>> {
    count_between("content.action.cards", cards.len(), CARDS)?;
    let write = |(index, part): (usize, &Card)| card(index, part, origin);
    cards.iter().enumerate().map(write).collect()
}

fn card(index: usize, part: &Card, origin: &Origin<'_>) -> Result<Value> {
    let path = format!("content.action.cards[{index}]");
    let body = optional(format!("{path}.body"), &part.body, MAX_CARD_BODY)?;
    let breaks = body.map_or(0, |body| body.matches('\n').count());
    count_between(format!("{path}.body"), breaks, (0, MAX_CARD_LINE_BREAKS))?;
    let mut object = json!({"card_index": index});
    match &part.action {
        CardAction::CtaUrl(button) => {
            insert(&mut object, "type", Some("cta_url"));
            insert(&mut object, "action", Some(cta_url(&format!("{path}.action"), button)?));
        }
        CardAction::Product(item) => {
            // Picture and text are the catalogue's.
            if part.header.is_some() || body.is_some() {
                let own = if part.header.is_some() { "header" } else { "body" };
                return Err(Error::unsupported(format!("{path}.{own}")));
            }
            insert(&mut object, "type", Some("product"));
            insert(&mut object, "action", Some(product(item)));
        }
    }
    if let Some(part) = &part.header {
        let field = format!("{path}.header");
        if !matches!(part, Header::Image(_) | Header::Video(_)) {
            return Err(Error::unsupported(field));
        }
        insert(&mut object, "header", Some(header(&field, part, origin)?));
    }
    insert(&mut object, "body", body.map(|body| json!({"text": body})));
    Ok(object)
}

fn address(request: &AddressRequest) -> Value {
    let mut parameters = json!({"country": request.country});
    for (name, part) in [
        ("values", &request.values),
        ("saved_addresses", &request.saved_addresses),
        ("validation_errors", &request.validation_errors),
    ] {
        insert(&mut parameters, name, part.as_ref().map(|part| part.0.clone()));
    }
    parameters
}

fn voice_call(call: &VoiceCall) -> Result<Value> {
    chars_between("content.action.display_text", &call.display_text, MAX_LABEL)?;
    let mut parameters = json!({"display_text": call.display_text});
    insert(&mut parameters, "ttl_minutes", call.ttl_minutes);
    insert(&mut parameters, "payload", present(&call.payload));
    Ok(parameters)
}

/// Puts a member into an object, if there is one.
pub(super) fn insert(object: &mut Value, name: &str, member: Option<impl Into<Value>>) {
    if let (Value::Object(object), Some(member)) = (object, member) {
        object.insert(name.to_owned(), member.into());
    }
}
