//! What arrives: the events that a webhook brings.
//!
//! Every element of a webhook becomes exactly one [`InboundEvent`], in order. What cannot be understood becomes
//! [`EventKind::Unrecognized`] with its raw bytes and the reason, and never disturbs its neighbours.

mod account;
mod content;
mod event;
mod event_json;
mod identity;
mod message;
mod notice;
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
