use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Refusal;
use super::content::WireMedia;
use crate::ids::SenderId;
use crate::json::Json;
use crate::outbound::{
    Action, AddressRequest, Card, CardAction, CtaUrl, Flow, FlowMode, FlowName, FlowStart, Header,
    HeaderText, Interactive, List, ListRow, ListSection, ProductItem, ProductSection, ReplyButton, VoiceCall,
};

#[derive(Deserialize)]
pub(super) struct WireInteractive {
    #[serde(rename = "type")]
    kind: String,
    header: Option<WireHeader>,
    body: Option<WireLine>,
    footer: Option<WireLine>,
    action: Value,
}

#[derive(Deserialize)]
struct WireLine {
    text: String,
}

#[derive(Deserialize)]
struct WireHeader {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    image: Option<WireMedia>,
    video: Option<WireMedia>,
    document: Option<WireMedia>,
}

/// What an interactive message says; `None` for a kind that the neutral form does not have.
pub(super) fn read(wire: WireInteractive, sender: &SenderId) -> Result<Option<Interactive>, Refusal> {
    let Some(action) = action(&wire.kind, &wire.action, sender)? else {
        return Ok(None);
    };
    Ok(Some(Interactive {
        header: wire.header.map(|header| header.read(sender)).transpose()?,
        body: wire.body.map(|line| line.text),
        footer: wire.footer.map(|line| line.text),
        action,
    }))
}

impl WireHeader {
    fn read(self, sender: &SenderId) -> Result<Header, Refusal> {
        let file = |media: Option<WireMedia>| media.ok_or_else(invalid).and_then(|media| media.file(sender));
        match self.kind.as_str() {
            "text" => self.text.map(|text| Header::Text(HeaderText(text))).ok_or_else(invalid),
            "image" => file(self.image).map(Header::Image),
            "video" => file(self.video).map(Header::Video),
            "document" => file(self.document).map(Header::Document),
            _ => Err(invalid()),
        }
    }
}

fn invalid() -> Refusal {
    Refusal::parameter("Param interactive is not valid.")
}

fn shape<T: DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    T::deserialize(value).map_err(|_| invalid())
}

/// What stands in `parameters`, for the kinds whose action has a name.
fn parameters<T: DeserializeOwned>(action: &Value, name: &str) -> Result<T, Refusal> {
    if action.get("name").and_then(Value::as_str) != Some(name) {
        return Err(invalid());
    }
    action.get("parameters").map_or_else(|| Err(invalid()), shape)
}

/// Refuses an action that is not called so.
fn named(action: &Value, name: &str) -> Result<(), Refusal> {
    if action.get("name").and_then(Value::as_str) == Some(name) { Ok(()) } else { Err(invalid()) }
}

fn action(kind: &str, action: &Value, sender: &SenderId) -> Result<Option<Action>, Refusal> {
    Ok(Some(match kind {
        "button" => {
            let wire: WireButtons = shape(action)?;
            let buttons = wire.buttons.into_iter().map(|button| button.reply);
            let buttons: Vec<_> = buttons.map(|reply| ReplyButton::new(reply.id, reply.title)).collect();
            Action::ReplyButtons { buttons }
        }
        "list" => {
            let wire: WireList = shape(action)?;
            let sections = wire.sections.into_iter().map(WireSection::read).collect();
            Action::List(List { button: wire.button, sections })
        }
        "cta_url" => Action::CtaUrl(parameters::<WireCtaUrl>(action, "cta_url")?.read()),
        "flow" => Action::Flow(parameters::<WireFlow>(action, "flow")?.read()?),
        "location_request_message" => named(action, "send_location").map(|()| Action::LocationRequest)?,
        "product" => Action::Product(shape::<WireProduct>(action)?.read()),
        "product_list" => {
            let wire: WireProductList = shape(action)?;
            Action::ProductList {
                catalog_id: wire.catalog_id,
                sections: wire.sections.into_iter().map(WireProductSection::read).collect(),
            }
        }
        "catalog_message" => {
            named(action, "catalog_message")?;
            let wire: WireThumbnail =
                action.get("parameters").map_or_else(|| Ok(WireThumbnail::default()), shape)?;
            Action::Catalog { thumbnail_product: wire.thumbnail_product_retailer_id }
        }
        "carousel" => {
            let wire: WireCarousel = shape(action)?;
            let cards = wire.cards.into_iter().enumerate().map(|(place, card)| card.read(place, sender));
            Action::Carousel { cards: cards.collect::<Result<_, _>>()? }
        }
        "request_contact_info" => named(action, "request_contact_info").map(|()| Action::ContactRequest)?,
        "call_permission_request" => {
            named(action, "call_permission_request").map(|()| Action::CallPermission)?
        }
        "address_message" => {
            let wire: WireAddressRequest = parameters(action, "address_message")?;
            Action::Address(AddressRequest {
                country: wire.country,
                values: wire.values,
                saved_addresses: wire.saved_addresses,
                validation_errors: wire.validation_errors,
            })
        }
        "voice_call" => {
            let wire: WireVoiceCall = parameters(action, "voice_call")?;
            let mut call = VoiceCall::new(wire.display_text);
            (call.ttl_minutes, call.payload) = (wire.ttl_minutes, wire.payload);
            Action::VoiceCall(call)
        }
        _ => return Ok(None),
    }))
}

#[derive(Deserialize)]
struct WireButtons {
    buttons: Vec<WireButton>,
}

#[derive(Deserialize)]
struct WireButton {
    reply: WireReply,
}

#[derive(Deserialize)]
struct WireReply {
    id: String,
    title: String,
}

#[derive(Deserialize)]
struct WireList {
    button: String,
    sections: Vec<WireSection>,
}

#[derive(Deserialize)]
struct WireSection {
    title: Option<String>,
    rows: Vec<WireRow>,
}

#[derive(Deserialize)]
struct WireRow {
    id: String,
    title: String,
    description: Option<String>,
}

impl WireSection {
    fn read(self) -> ListSection {
        let row = |row: WireRow| ListRow { id: row.id, title: row.title, description: row.description };
        ListSection { title: self.title, rows: self.rows.into_iter().map(row).collect() }
    }
}

#[derive(Deserialize)]
struct WireCtaUrl {
    display_text: String,
    url: String,
}

impl WireCtaUrl {
    fn read(self) -> CtaUrl {
        CtaUrl::new(self.display_text, self.url)
    }
}

#[derive(Deserialize)]
struct WireFlow {
    flow_message_version: String,
    flow_id: Option<String>,
    flow_name: Option<String>,
    flow_cta: String,
    flow_token: Option<String>,
    mode: Option<FlowMode>,
    flow_action: Option<String>,
    flow_action_payload: Option<WireFlowPayload>,
}

#[derive(Deserialize)]
struct WireFlowPayload {
    screen: String,
    #[serde(default, deserialize_with = "crate::json::present")]
    data: Option<Json>,
}

impl WireFlow {
    fn read(self) -> Result<Flow, Refusal> {
        if self.flow_message_version != "3" {
            return Err(invalid());
        }
        let flow = match (self.flow_id, self.flow_name) {
            (Some(id), None) => FlowName::Id(id),
            (None, Some(name)) => FlowName::Name(name),
            _ => return Err(invalid()),
        };
        let start = match (self.flow_action.as_deref(), self.flow_action_payload) {
            (None | Some("navigate"), Some(payload)) => {
                Some(FlowStart::Navigate { screen: payload.screen, data: payload.data })
            }
            (None | Some("navigate"), None) => None,
            (Some("data_exchange"), None) => Some(FlowStart::DataExchange),
            _ => return Err(invalid()),
        };
        Ok(Flow { flow, cta: self.flow_cta, token: self.flow_token, mode: self.mode, start })
    }
}

#[derive(Deserialize)]
pub(super) struct WireProduct {
    catalog_id: String,
    product_retailer_id: String,
}

impl WireProduct {
    pub(super) fn read(self) -> ProductItem {
        ProductItem::new(self.catalog_id, self.product_retailer_id)
    }
}

#[derive(Deserialize)]
struct WireProductList {
    catalog_id: String,
    sections: Vec<WireProductSection>,
}

#[derive(Deserialize)]
pub(super) struct WireProductSection {
    /// A single section needs none.
    #[serde(default)]
    title: String,
    product_items: Vec<WireProductName>,
}

#[derive(Deserialize)]
struct WireProductName {
    product_retailer_id: String,
}

impl WireProductSection {
    pub(super) fn read(self) -> ProductSection {
        let products = self.product_items.into_iter().map(|item| item.product_retailer_id);
        ProductSection::new(self.title, products.collect::<Vec<_>>())
    }
}

#[derive(Deserialize, Default)]
struct WireThumbnail {
    thumbnail_product_retailer_id: Option<String>,
}

#[derive(Deserialize)]
struct WireCarousel {
    cards: Vec<WireCard>,
}

#[derive(Deserialize)]
struct WireCard {
    card_index: usize,
    #[serde(rename = "type")]
    kind: String,
    header: Option<WireHeader>,
    body: Option<WireLine>,
    action: Value,
}

impl WireCard {
    fn read(self, place: usize, sender: &SenderId) -> Result<Card, Refusal> {
        if self.card_index != place {
            return Err(invalid());
        }
        let action = match self.kind.as_str() {
            "cta_url" => CardAction::CtaUrl(parameters::<WireCtaUrl>(&self.action, "cta_url")?.read()),
            "product" => CardAction::Product(shape::<WireProduct>(&self.action)?.read()),
            _ => return Err(invalid()),
        };
        Ok(Card {
            header: self.header.map(|header| header.read(sender)).transpose()?,
            body: self.body.map(|line| line.text),
            action,
        })
    }
}

#[derive(Deserialize)]
struct WireAddressRequest {
    country: String,
    #[serde(default, deserialize_with = "crate::json::present")]
    values: Option<Json>,
    #[serde(default, deserialize_with = "crate::json::present")]
    saved_addresses: Option<Json>,
    #[serde(default, deserialize_with = "crate::json::present")]
    validation_errors: Option<Json>,
}

#[derive(Deserialize)]
struct WireVoiceCall {
    display_text: String,
    ttl_minutes: Option<u32>,
    payload: Option<String>,
}
