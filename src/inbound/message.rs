use serde::{Deserialize, Serialize};

use super::identity::User;
use crate::address::GroupId;
use crate::clock::Timestamp;
use crate::error::Failure;
use crate::ids::{MediaRef, MessageRef};
use crate::json::Json;
use crate::outbound::{ContactCard, Location};
use crate::redact::redacted_debug;

/// A message from a user.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InboundMessage {
    /// The message itself, to quote, react to, or mark as read.
    pub message: MessageRef,
    /// Who wrote it.
    pub from: User,
    /// What it says.
    pub content: InboundContent,
    /// The group it was written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The message it quotes or answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<QuotedMessage>,
    /// Whether the user passed it on from another chat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forwarded: bool,
    /// Whether it has been passed on many times.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frequently_forwarded: bool,
    /// The advertisement that brought the user here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Box<Referral>>,
    /// The product the user asks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ReferredProduct>,
    /// Whether another application is in charge of the conversation, and this one only listens: not to be answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
}

impl InboundMessage {
    /// A message about which nothing more is known.
    pub fn new(message: MessageRef, from: User, content: InboundContent) -> Self {
        Self {
            message,
            from,
            content,
            group: None,
            reply_to: None,
            forwarded: false,
            frequently_forwarded: false,
            referral: None,
            product: None,
            standby: false,
        }
    }

    /// What the user wrote or chose, as text: the body, the caption, the title of the button or the row.
    ///
    /// ```
    /// # use whatsapp_provider::testing::EventMaker;
    /// let event = EventMaker::meta().text("+15557654321", "Hi");
    /// # let whatsapp_provider::EventKind::Message(message) = event.kind() else { panic!() };
    /// assert_eq!(message.text(), Some("Hi"));
    /// ```
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            InboundContent::Text { body } => Some(body),
            InboundContent::Image(media)
            | InboundContent::Video(media)
            | InboundContent::Document(media)
            | InboundContent::Audio(media)
            | InboundContent::Sticker(media) => media.caption.as_deref(),
            InboundContent::Button(button) => Some(&button.title),
            InboundContent::ListReply(row) => Some(&row.title),
            _ => None,
        }
    }
}

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
        Self::Contacts { cards }
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

/// A media file that a user sent. Fetch it with
/// [`fetch_media`](crate::WhatsAppProvider::fetch_media).
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
    pub more: Vec<InboundMedia>,
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
    /// What the user filled in.
    pub response: Json,
}

impl FlowReply {
    /// An answer.
    pub fn new(response: Json) -> Self {
        Self { name: None, body: None, response }
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

/// The message that another one quotes or answers.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QuotedMessage {
    /// The quoted message.
    pub message: MessageRef,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<User>,
}

impl QuotedMessage {
    /// Names the quoted message.
    pub fn new(message: MessageRef) -> Self {
        Self { message, author: None }
    }
}

/// The advertisement that brought a user here (click to WhatsApp).
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Referral {
    /// The address of the advertisement or post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// `ad` or `post`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// Its headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `image` or `video`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The address of its picture or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// The address of a small picture of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
    /// The id of the click.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click_id: Option<String>,
    /// The text that greeted the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub welcome_message: Option<String>,
}

/// The product a user asks about.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReferredProduct {
    /// The catalogue.
    pub catalog_id: String,
    /// The product's retailer id.
    pub product: String,
}

impl ReferredProduct {
    /// Names a product.
    pub fn new(catalog_id: impl Into<String>, product: impl Into<String>) -> Self {
        Self { catalog_id: catalog_id.into(), product: product.into() }
    }
}

redacted_debug! {
    InboundMessage { message, content, standby }
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
    QuotedMessage {}
    Referral {}
    ReferredProduct {}
}
