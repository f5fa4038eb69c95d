//! Webhooks before they are events: the raw request, and the proof that its signature held.

mod request;
mod verified;

pub use request::{WebhookHead, WebhookReply, WebhookRequest};
pub use verified::{ForeignWebhook, SignatureError, VerifiedWebhook};
