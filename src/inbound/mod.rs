//! What arrives: the events that a webhook brings.
//!
//! Every element of a webhook becomes exactly one [`InboundEvent`], in order. What cannot be understood becomes
//! [`EventKind::Unrecognized`] with its raw bytes and the reason, and never disturbs its neighbours.

mod account;
mod event;
mod identity;
mod message;
mod status;

pub use account::{AccountNotice, Notice};
pub use event::{Echo, EventId, EventKind, InboundEvent, RawPayload, Unrecognized};
pub use identity::{IdentityChange, User};
pub use message::{
    ButtonReply, CallPermissionReply, Edit, FlowReply, InboundContent, InboundMedia, InboundMessage,
    InboundReaction, ListReply, Order, OrderItem, QuotedMessage, Referral, ReferredProduct, Unsupported,
};
pub use status::{Conversation, DeliveryState, Pricing, StatusUpdate};
