//! What arrives: the events that a webhook brings.
//!
//! Every element of a webhook becomes exactly one [`InboundEvent`], in order. What cannot be understood becomes
//! [`EventKind::Unrecognized`] with its raw bytes and the reason, and never disturbs its neighbours.
//!
//! Only an [`EventKind::Message`] is there to be answered. What the business itself wrote is an [`EventKind::Echo`]; what
//! another application is to answer, or was written before the number joined, is an [`EventKind::Observed`].

mod account;
mod content;
mod event;
mod event_json;
mod identity;
mod message;
mod notice;
mod reply;
mod status;
mod unrecognized;

pub use account::{AccountNotice, RestrictedMessages, Restriction};
pub use content::{
    ButtonReply, CallPermissionReply, Edit, FlowReply, InboundContent, InboundMedia, InboundReaction,
    ListReply, Order, OrderItem, Unsupported,
};
pub use event::{Echo, EventId, EventKind, InboundEvent};
pub use identity::{IdentityChange, IdentityKey, User};
pub use message::{InboundMessage, QuotedMessage, Referral, ReferredProduct};
pub use notice::{Notice, TemplateUpdate};
pub use status::{Conversation, DeliveryState, Pricing, StatusUpdate};
pub use unrecognized::{RawPayload, Unrecognized};
