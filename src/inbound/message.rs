use serde::{Deserialize, Serialize};

use super::content::InboundContent;
use super::identity::User;
use super::status::DeliveryState;
use crate::address::GroupId;
use crate::error::Failure;
use crate::ids::MessageRef;
use crate::redact::redacted_debug;

/// A message from a user: of the kind [`Message`](crate::EventKind::Message), or, where it is not to be answered, of
/// the kind [`Observed`](crate::EventKind::Observed).
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
    /// Whether it was written long ago and is only brought over now, when a number joins: not to be answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// How far a message of the history had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
    /// What the provider says went wrong with it, although it passes it on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
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
            history: false,
            state: None,
            failures: Vec::new(),
        }
    }

    /// Whether it is for this application, and now: not one of a conversation that another application is in charge of,
    /// nor one of the history.
    pub fn is_to_be_answered(&self) -> bool {
        !self.standby && !self.history
    }

    /// What the user wrote or chose, as text: the body, the caption, the title of the button or the row, what was written
    /// with an order, what the chat shows of a form's answer. Of a new wording it is the new one.
    ///
    /// ```
    /// # use whatsapp_provider::testing::EventMaker;
    /// let event = EventMaker::meta().text("+15557654321", "Hi");
    /// # let whatsapp_provider::EventKind::Message(message) = event.kind() else { panic!() };
    /// assert_eq!(message.text(), Some("Hi"));
    /// ```
    pub fn text(&self) -> Option<&str> {
        let mut content = &self.content;
        while let InboundContent::Edit(edit) = content {
            content = &edit.content;
        }
        match content {
            InboundContent::Text { body } => Some(body),
            InboundContent::Image(media)
            | InboundContent::Video(media)
            | InboundContent::Document(media)
            | InboundContent::Audio(media)
            | InboundContent::Sticker(media) => media.caption.as_deref(),
            InboundContent::Button(button) => Some(&button.title),
            InboundContent::ListReply(row) => Some(&row.title),
            InboundContent::Order(order) => order.text.as_deref(),
            InboundContent::FlowReply(form) => form.body.as_deref(),
            _ => None,
        }
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
    /// The id of its picture or video, where the provider gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_id: Option<String>,
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
    InboundMessage { message, content, standby, history, state, failures }
    QuotedMessage {}
    Referral {}
    ReferredProduct {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ProviderId, SenderId};
    use crate::inbound::{Edit, FlowReply, Order};
    use crate::json::Json;

    #[test]
    fn text_is_what_the_user_said_in_whatever_form() {
        let message = MessageRef::new(SenderId::new(ProviderId::META, "1"), "m");
        let mut order = Order::new("c", Vec::new());
        order.text = Some("two, please".into());
        let mut form = FlowReply::new(Json::parse("{}").unwrap());
        form.body = Some("Sent".into());
        let edit = Edit::new(message.clone(), InboundContent::text("Hello"));
        for (content, expected) in [
            (InboundContent::text("Hi"), Some("Hi")),
            (InboundContent::Edit(edit), Some("Hello")),
            (InboundContent::Order(order), Some("two, please")),
            (InboundContent::FlowReply(form), Some("Sent")),
            (InboundContent::revoke(message.clone()), None),
        ] {
            assert_eq!(InboundMessage::new(message.clone(), User::default(), content).text(), expected);
        }
    }
}
