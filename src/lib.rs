//! stub
#![cfg_attr(whatsapp_provider_docsrs, feature(doc_cfg))]

mod address;
pub mod clock;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod env;
mod error;
#[cfg(feature = "failover")]
pub mod failover;
pub mod http_client;
mod ids;
pub mod inbound;
mod json;
pub mod outbound;
mod provider;
mod redact;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod secret;
pub mod state;
#[cfg(any(feature = "testing", test))]
pub mod testing;
pub mod webhook;

pub use address::{GroupId, InvalidId, InvalidPhoneNumber, PhoneNumber, Recipient, UserId};
pub use error::{Acceptance, AttemptReport, ConfigError, Error, ErrorKind, Failure, Result};
#[cfg(feature = "failover")]
pub use failover::FailoverProvider;
pub use ids::{AttemptId, InvalidAttemptId, InvalidProviderId, MediaRef, MessageRef, ProviderId, SenderId};
pub use inbound::{EventKind, InboundEvent};
pub use json::{InvalidJson, Json};
pub use outbound::{Attempt, Category, Content, OnUnknown, OutboundMessage, SendReceipt};
pub use provider::{
    Capabilities, MediaStream, ReceiveError, SentLookup, SentQuery, WhatsAppProvider, WhatsAppProviderExt,
};
pub use webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};
