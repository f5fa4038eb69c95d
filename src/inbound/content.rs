use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Failure;
use crate::ids::{MediaRef, MessageRef};
use crate::json::Json;
use crate::outbound::{ContactCard, Location};
use crate::redact::redacted_debug;

/// What a user's message says. As JSON it has a `type`: `{"type":"text","body":"Hi"}`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum InboundContent {
    /// Text.
    #[non_exhaustive]
    Text {
        /// The text.
        body: String,
    },
    /// A picture.
    Image(InboundMedia),
    /// A video.
    Video(InboundMedia),
    /// A sound file or a voice message.
    Audio(InboundMedia),
    /// A file.
    Document(InboundMedia),
    /// A sticker.
    Sticker(InboundMedia),
    /// A place.
    Location(Location),
    /// Contact cards.
    #[non_exhaustive]
    Contacts {
        /// The cards.
        cards: Vec<ContactCard>,
        /// Cards that come as files, vCards, and have to be fetched to be read (Twilio).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<InboundMedia>,
    },
    /// A tapped button: a reply button of a message, or a quick reply of a template.
    Button(ButtonReply),
    /// A chosen row of a list.
    ListReply(ListReply),
    /// The answer of a flow or another form.
    FlowReply(FlowReply),
    /// The answer to a request to call.
    CallPermission(CallPermissionReply),
    /// An emoji on a message, or its removal.
    Reaction(InboundReaction),
    /// An order from a catalogue.
    Order(Order),
    /// A new wording of an earlier message.
    Edit(Edit),
    /// An earlier message was taken back.
    #[non_exhaustive]
    Revoke {
        /// The message that was taken back.
        original: MessageRef,
    },
    /// Something that the provider itself cannot pass on.
    Unsupported(Unsupported),
}

impl InboundContent {
    /// Text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text { body: body.into() }
    }

    /// Contact cards.
    pub fn contacts(cards: Vec<ContactCard>) -> Self {
        Self::Contacts { cards, files: Vec::new() }
    }

    /// Contact cards that come as files.
    pub fn contact_files(files: Vec<InboundMedia>) -> Self {
        Self::Contacts { cards: Vec::new(), files }
    }

    /// An earlier message was taken back.
    pub fn revoke(original: MessageRef) -> Self {
        Self::Revoke { original }
    }

    /// The stable name of the kind.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Document(_) => "document",
            Self::Sticker(_) => "sticker",
            Self::Location(_) => "location",
            Self::Contacts { .. } => "contacts",
            Self::Button(_) => "button",
            Self::ListReply(_) => "list_reply",
            Self::FlowReply(_) => "flow_reply",
            Self::CallPermission(_) => "call_permission",
            Self::Reaction(_) => "reaction",
            Self::Order(_) => "order",
            Self::Edit(_) => "edit",
            Self::Revoke { .. } => "revoke",
            Self::Unsupported(_) => "unsupported",
        }
    }
}

impl std::fmt::Debug for InboundContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InboundContent({})", self.as_str())
    }
}

/// A media file that a user sent, as the provider describes it. Where the provider has
/// [`fetch_media`](crate::WhatsAppProvider::fetch_media), that fetches it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InboundMedia {
    /// The first file.
    pub media: MediaRef,
    /// Its media type, with parameters where there are any: `audio/ogg; codecs=opus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its SHA-256, as the provider wrote it (base64 or hexadecimal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The name of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Whether it is a voice message, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<bool>,
    /// Whether a sticker moves, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub animated: Option<bool>,
    /// An address that works for a few minutes, where the provider gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Further files of the same message (Twilio can bring several).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Self>,
}

impl InboundMedia {
    /// A file about which nothing more is known.
    pub fn new(media: MediaRef) -> Self {
        Self {
            media,
            mime_type: None,
            sha256: None,
            caption: None,
            filename: None,
            voice: None,
            animated: None,
            url: None,
            more: Vec::new(),
        }
    }
}

/// A tapped button.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ButtonReply {
    /// The button's id or payload.
    pub id: String,
    /// What the button says.
    pub title: String,
    /// Whether it is a quick reply of a template, where the provider tells the two apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_template: bool,
}

impl ButtonReply {
    /// A tapped reply button.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), of_template: false }
    }
}

/// A chosen row of a list.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListReply {
    /// The row's id.
    pub id: String,
    /// What the row says.
    pub title: String,
    /// What stands below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl ListReply {
    /// A chosen row.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), description: None }
    }
}

/// The answer of a flow or another form.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FlowReply {
    /// What sort of form: `flow`, `address_message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is shown in the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What the user filled in. A text that is no JSON is kept as a JSON string. Where Twilio brings both `FlowData` and
    /// `InteractiveData`, the second is a member of the first.
    pub response: Json,
}

impl FlowReply {
    /// An answer.
    pub fn new(response: Json) -> Self {
        Self { name: None, body: None, response }
    }

    /// The token that the flow was sent with, if the answer has one.
    pub fn token(&self) -> Option<&str> {
        self.response.0.get("flow_token")?.as_str()
    }
}

/// The answer to a request to call.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallPermissionReply {
    /// Whether the business may call.
    pub accepted: bool,
    /// Whether that holds for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What gave it, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl CallPermissionReply {
    /// An answer.
    pub fn new(accepted: bool) -> Self {
        Self { accepted, permanent: false, expires_at: None, source: None }
    }
}

/// An emoji on a message, or its removal.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InboundReaction {
    /// The message it is on.
    pub message: MessageRef,
    /// The emoji; `None` if it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

impl InboundReaction {
    /// A reaction, or with `None` its removal.
    pub fn new(message: MessageRef, emoji: Option<String>) -> Self {
        Self { message, emoji }
    }
}

/// An order from a catalogue.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// The catalogue.
    pub catalog_id: String,
    /// What the user wrote with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What was ordered.
    pub items: Vec<OrderItem>,
}

impl Order {
    /// An order.
    pub fn new(catalog_id: impl Into<String>, items: Vec<OrderItem>) -> Self {
        Self { catalog_id: catalog_id.into(), text: None, items }
    }
}

/// A line of an order.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderItem {
    /// The product's retailer id.
    pub product: String,
    /// How many.
    pub quantity: u64,
    /// The price of one, as the provider wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The currency in three letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl OrderItem {
    /// A line without a price.
    pub fn new(product: impl Into<String>, quantity: u64) -> Self {
        Self { product: product.into(), quantity, price: None, currency: None }
    }
}

/// A new wording of an earlier message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Edit {
    /// The message that was changed.
    pub original: MessageRef,
    /// What it says now.
    pub content: Box<InboundContent>,
}

impl Edit {
    /// A new wording.
    pub fn new(original: MessageRef, content: InboundContent) -> Self {
        Self { original, content: Box::new(content) }
    }
}

/// Something that the provider itself cannot pass on.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unsupported {
    /// What it was, in the provider's word: `poll_creation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Why it is not passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

impl Unsupported {
    /// Something that is not passed on.
    pub fn new(what: Option<String>) -> Self {
        Self { what, failures: Vec::new() }
    }
}

redacted_debug! {
    InboundMedia { media, mime_type, voice }
    ButtonReply { of_template }
    ListReply {}
    FlowReply { name }
    CallPermissionReply { accepted, permanent }
    InboundReaction {}
    Order {}
    OrderItem {}
    Edit { content }
    Unsupported { what }
}
