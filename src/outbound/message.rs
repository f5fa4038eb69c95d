use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::policy::{Category, OnUnknown};
use super::template::Template;
use crate::address::Recipient;
use crate::clock::Timestamp;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::json::{Version1, to_millis};
use crate::redact::redacted_debug;

/// A message to send, in provider-neutral form.
///
/// Only `to` and `content` are needed. As JSON, the smallest and the fullest:
///
/// ```
/// # use whatsapp_provider::OutboundMessage;
/// for json in [
///     r#"{"v":1,"to":{"phone":"+15551234567"},"content":{"type":"text","body":"Your table is ready"}}"#,
///     r#"{
///         "v": 1,
///         "to": {"phone": "+15551234567", "user": "US.13491208655302741918"},
///         "content": {"type": "image", "media": {"link": "https://example.com/menu.png"}, "caption": "Today"},
///         "alternatives": [{"type": "template", "name": "menu", "language": "en_US"}],
///         "from": {"provider": "meta", "id": "106540352242922"},
///         "via": "meta",
///         "via_only": true,
///         "reply_to": {"message": {"sender": {"provider": "meta", "id": "106540352242922"}, "id": "wamid.HBgL"}},
///         "reference": "order-77",
///         "idempotency_key": "order-77/shipped",
///         "category": "utility",
///         "direct_send": true,
///         "identity_key_hash": "DF2lS5v2W6x=",
///         "on_unknown": {"reconcile": {"within": 20, "otherwise": "stop"}},
///         "deadline": 30,
///         "ttl": 3600,
///         "send_at": "2026-11-22T10:00:00.000Z"
///     }"#,
/// ] {
///     let message: OutboundMessage = serde_json::from_str(json)?;
///     let again: OutboundMessage = serde_json::from_str(&serde_json::to_string(&message)?)?;
///     assert_eq!(message, again);
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutboundMessage {
    #[serde(default)]
    v: Version1,
    /// Whom it goes to.
    pub to: Recipient,
    /// What it says.
    pub content: Content,
    /// What to say instead, tried in order when the content before cannot go by the chosen provider, or not now
    /// ([`Unsupported`], [`NotPortable`], [`MediaExpired`] or [`WindowClosed`]).
    ///
    /// [`Unsupported`]: crate::ErrorKind::Unsupported
    /// [`NotPortable`]: crate::ErrorKind::NotPortable
    /// [`MediaExpired`]: crate::ErrorKind::MediaExpired
    /// [`WindowClosed`]: crate::ErrorKind::WindowClosed
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Content>,
    /// The only sender it may come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SenderId>,
    /// The provider to try first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<ProviderId>,
    /// Whether `via` is the only one to try.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub via_only: bool,
    /// The message it quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Quote>,
    /// A name of your own for it, which comes back in its statuses. At most 400 bytes; it need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The promise that two sends with this key are the same message. A failover with a store sends it once and answers
    /// the second send with the first one's receipt; nobody else looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// What it is for. `None` stands for [`Category::Service`], or [`Category::Utility`] if it is a template
    /// ([`Category::Authentication`] if that has a one-time code).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Sends it as a Direct Send: a text, reply buttons or a button that opens an address, which may open a conversation
    /// although nobody approved a template for it. The provider bills it by its [`category`](Self::category), which must
    /// be given and be [`Category::Utility`] or [`Category::Authentication`], and gives up after its [`ttl`](Self::ttl).
    ///
    /// It is never chosen for you, because the category says more than that: it decides deadlines and failing over, and
    /// within an open window the same message costs less without this. A template needs none and is sent as always, so
    /// that it can be an alternative. A provider that has no Direct Send, or none of this content, refuses the message as
    /// [`Unsupported`](crate::ErrorKind::Unsupported), because without it the message would not arrive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct_send: bool,
    /// The hash of the identity key that the user had when it was last looked at
    /// ([`User::identity_key_hash`](crate::inbound::User::identity_key_hash)): the message is delivered only if that is
    /// still the user's key, because a number may have gone to somebody else. If it is not, a status says later that the
    /// message failed ([`RecipientRefused`](crate::ErrorKind::RecipientRefused), Meta's 137000).
    ///
    /// It is a condition: a provider that cannot look refuses the message as
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_key_hash: Option<String>,
    /// What a failover does when a provider may have it and may not; `None` leaves it to the failover's policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<OnUnknown>,
    /// How long sending may take, in seconds; no attempt begins after that.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::json::seconds::optional")]
    pub deadline: Option<Duration>,
    /// How long the message is of use, in seconds. A wish: where the provider can, it gives up after that. Only a Direct
    /// Send is refused if the provider cannot keep to it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::json::seconds::optional")]
    pub ttl: Option<Duration>,
    /// When the provider is to send it, if not at once: it takes the message now and keeps it until then. No wish: a
    /// provider that cannot keep it refuses it as [`Unsupported`](crate::ErrorKind::Unsupported), with the bounds in seconds
    /// from now.
    ///
    /// Only Twilio can, with a Messaging Service, 16 minutes to 35 days ahead, and without files from memory. A message that is no template goes out only
    /// if the customer service window is open *then*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
}

impl OutboundMessage {
    /// The most bytes a [`reference`](Self::reference) may have: it shares a field of 512 with the attempt's id on Meta.
    pub const MAX_REFERENCE_BYTES: usize = 400;

    /// A message.
    pub fn new(to: impl Into<Recipient>, content: impl Into<Content>) -> Self {
        Self {
            v: Version1,
            to: to.into(),
            content: content.into(),
            alternatives: Vec::new(),
            from: None,
            via: None,
            via_only: false,
            reply_to: None,
            reference: None,
            idempotency_key: None,
            category: None,
            direct_send: false,
            identity_key_hash: None,
            on_unknown: None,
            deadline: None,
            ttl: None,
            send_at: None,
        }
    }

    /// A text.
    pub fn text(to: impl Into<Recipient>, body: impl Into<String>) -> Self {
        Self::new(to, Content::text(body))
    }

    /// A template.
    pub fn template(to: impl Into<Recipient>, template: Template) -> Self {
        Self::new(to, template)
    }

    /// Adds what to say instead when what was given before cannot go.
    ///
    /// ```
    /// # use whatsapp_provider::{OutboundMessage, PhoneNumber, outbound::Template};
    /// # let to = PhoneNumber::parse("+15551234567")?;
    /// let message = OutboundMessage::text(to, "Your table is ready").or(Template::new("table_ready", "en_US"));
    /// # Ok::<(), whatsapp_provider::InvalidPhoneNumber>(())
    /// ```
    #[must_use]
    pub fn or(mut self, content: impl Into<Content>) -> Self {
        self.alternatives.push(content.into());
        self
    }

    /// Sends it from this sender only.
    #[must_use]
    pub fn with_from(mut self, sender: SenderId) -> Self {
        self.from = Some(sender);
        self
    }

    /// Tries this provider first.
    #[must_use]
    pub fn with_via(mut self, provider: ProviderId) -> Self {
        self.via = Some(provider);
        self.via_only = false;
        self
    }

    /// Tries this provider and no other.
    #[must_use]
    pub fn with_via_only(mut self, provider: ProviderId) -> Self {
        self.via = Some(provider);
        self.via_only = true;
        self
    }

    /// Quotes a message, where the provider can; otherwise the quote is dropped and the receipt says so.
    #[must_use]
    pub fn with_reply_to(mut self, message: MessageRef) -> Self {
        self.reply_to = Some(Quote { message, required: false });
        self
    }

    /// Makes the quote a condition: a provider that cannot quote refuses the message as
    /// [`NotPortable`](crate::ErrorKind::NotPortable).
    #[must_use]
    pub fn quote_required(mut self) -> Self {
        if let Some(quote) = &mut self.reply_to {
            quote.required = true;
        }
        self
    }

    /// Sets the name that comes back in the statuses.
    #[must_use]
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Promises that every send with this key is the same message.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Says what it is for.
    #[must_use]
    pub fn with_category(mut self, category: Category) -> Self {
        self.category = Some(category);
        self
    }

    /// Sends it as a [Direct Send](Self::direct_send) of this category: utility or authentication.
    ///
    /// ```
    /// # use whatsapp_provider::{Category, OutboundMessage, PhoneNumber, outbound::Template};
    /// # let to = PhoneNumber::parse("+15551234567")?;
    /// let message = OutboundMessage::text(to, "Your order 77 has shipped")
    ///     .with_direct_send(Category::Utility)
    ///     .or(Template::new("order_shipped", "en_US").with_body(["77"])); // where there is no Direct Send
    /// # Ok::<(), whatsapp_provider::InvalidPhoneNumber>(())
    /// ```
    #[must_use]
    pub fn with_direct_send(mut self, category: Category) -> Self {
        self.category = Some(category);
        self.direct_send = true;
        self
    }

    /// Delivers it only if the user's identity key still has [this hash](Self::identity_key_hash).
    #[must_use]
    pub fn with_identity_key_hash(mut self, hash: impl Into<String>) -> Self {
        self.identity_key_hash = Some(hash.into());
        self
    }

    /// Says what to do when a provider may have it and may not.
    #[must_use]
    pub fn with_on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = Some(on_unknown);
        self
    }

    /// Limits how long sending may take; kept to the millisecond.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(to_millis(deadline));
        self
    }

    /// Says how long it is of use; kept to the millisecond.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(to_millis(ttl));
        self
    }

    /// Has the provider [keep it until then](Self::send_at).
    #[must_use]
    pub fn with_send_at(mut self, at: Timestamp) -> Self {
        self.send_at = Some(at);
        self
    }

    /// What it is for, also where nobody said.
    pub fn effective_category(&self) -> Category {
        self.category.unwrap_or_else(|| match &self.content {
            Content::Template(template) if template.one_time_code.is_some() => Category::Authentication,
            Content::Template(_) => Category::Utility,
            _ => Category::Service,
        })
    }

    /// Whether `content`, as this message sends it, may go at any time, not only within 24 hours of the user's last
    /// message: as a template or as a [Direct Send](Self::direct_send).
    pub fn opens_conversation_with(&self, content: &Content) -> bool {
        content.opens_conversations() || (self.direct_send && content.fits_direct_send())
    }

    /// The content and the alternatives, in the order in which they are tried.
    pub fn contents(&self) -> impl Iterator<Item = &Content> {
        std::iter::once(&self.content).chain(&self.alternatives)
    }

    /// The same message with this one content and no alternatives, as it is given to a provider.
    #[must_use]
    pub fn with_only(&self, content: &Content) -> Self {
        Self {
            v: Version1,
            to: self.to.clone(),
            content: content.clone(),
            alternatives: Vec::new(),
            from: self.from.clone(),
            via: self.via.clone(),
            via_only: self.via_only,
            reply_to: self.reply_to.clone(),
            reference: self.reference.clone(),
            idempotency_key: self.idempotency_key.clone(),
            category: self.category,
            direct_send: self.direct_send,
            identity_key_hash: self.identity_key_hash.clone(),
            on_unknown: self.on_unknown,
            deadline: self.deadline,
            ttl: self.ttl,
            send_at: self.send_at,
        }
    }
}

/// The message that another one quotes.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quote {
    /// The quoted message.
    pub message: MessageRef,
    /// Whether the message may only go where it can quote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

redacted_debug! {
    OutboundMessage { content, alternatives, from, via, via_only, category, direct_send, on_unknown, deadline, ttl, send_at }
    Quote { required }
}
