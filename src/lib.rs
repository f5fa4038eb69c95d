//! Send and receive WhatsApp messages through more than one official provider, and keep talking when one of them fails.
//!
//! One trait, [`WhatsAppProvider`], with [`MetaCloud`] (Meta's Cloud API), [`Twilio`], and [`FailoverProvider`], which
//! puts several behind one and lets a flag or their health decide which of them sends.
//!
//! Three promises, in this order:
//!
//! 1. **Never twice, never lost, never unverified.** A message is not silently sent twice, an inbound event is never
//!    silently dropped, and a webhook whose signature was not checked cannot be parsed: it does not compile.
//! 2. **Switch without a deploy.** A flag or health decides which provider sends; the caller's code is the same.
//! 3. **Say what is not portable.** What another provider cannot carry is refused with its reason, never degraded in
//!    silence.
//!
//! # Send
//!
//! ```no_run
//! # #[cfg(all(feature = "meta", feature = "twilio", feature = "failover", feature = "rustls"))]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use whatsapp_provider::{FailoverProvider, MetaCloud, OutboundMessage, PhoneNumber, Twilio, WhatsAppProvider};
//!
//! let whatsapp = FailoverProvider::builder()
//!     .primary(MetaCloud::from_env()?)
//!     .fallback(Twilio::from_env()?)
//!     .build()?;
//!
//! let to = PhoneNumber::parse("+15551234567")?;
//! let receipt = whatsapp.send(&OutboundMessage::text(to, "Your table is ready")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Receive
//!
//! Both providers post to one URL. The request goes in as it was received; what comes out are [`InboundEvent`]s.
//!
//! ```no_run
//! # use whatsapp_provider::{Content, EventKind, WebhookRequest, WhatsAppProvider, inbound::InboundMessage};
//! # fn answer(_: &InboundMessage) -> String { String::new() }
//! # async fn run(whatsapp: &dyn WhatsAppProvider, request: WebhookRequest<'_>) -> Result<(), Box<dyn std::error::Error>> {
//! let webhook = whatsapp.verify_signature(&request)?; // a forged one ends here
//! for event in whatsapp.parse_inbound(&webhook)? {
//!     if let EventKind::Message(message) = event.kind() {
//!         whatsapp.send(&event.reply(Content::text(answer(message)))).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In production a webhook should be answered at once and its events handled afterwards: a [`WebhookHandler`] takes the
//! requests of a framework, checks and limits them, and acknowledges only what an [`EventSink`] has kept. The queues of
//! the features `postgres` and `sqlite` are such [sinks](crate::sink), with workers that handle their rows.
//!
//! # Many numbers, many machines, many messages
//!
//! [`Lines`] puts many numbers behind one provider. Machines share what they know in a [state store](crate::state), where
//! `failover::StoredRoute` keeps the flag for all of them. `pace::Paced` keeps to the rates of senders and recipients, an
//! outbox (module `queue`) holds messages until they are sent, and a `ledger` says what became of each. The module `runbook`
//! is for those who operate it all.
//!
//! # When sending fails
//!
//! Look at [`Error::acceptance`] first. After [`Acceptance::NotAccepted`] the provider certainly does not have the
//! message; after [`Acceptance::Unknown`] it may, and to send again may be to send twice. `Err` never means sent.
//!
//! | what was seen | acceptance |
//! |---|---|
//! | the message never left: no name, no connection, no TLS, or given up before | not accepted |
//! | a success, and then its body broke off | accepted: an `Ok` without a message id |
//! | the provider's own refusal (4xx with its error code) | not accepted |
//! | a refusal without the provider's code (4xx but 408) | not accepted |
//! | a server error (5xx) with a code that is known to mean a refusal | not accepted |
//! | any other 5xx, 408, 3xx, an answer that is somebody else's, no answer at all | unknown |
//!
//! [`Error::kind`] says why, by the provider's own code and not by the HTTP status.
//!
//! # Without a network, or without an account
//!
//! With `default-features = false` and `meta` or `twilio` the crate verifies and parses webhooks and brings no HTTP
//! client and no runtime. The feature `simulator` brings both providers in memory or on a loopback socket, and
//! `testing` a provider in memory, a clock that is moved by hand, and the laws as functions.
//!
//! # Features
#![cfg_attr(feature = "document-features", doc = document_features::document_features!())]
#![cfg_attr(whatsapp_provider_docsrs, feature(doc_cfg))]

mod address;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod bounded;
pub mod clock;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod database;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod env;
mod error;
#[cfg(feature = "failover")]
pub mod failover;
pub mod handler;
#[cfg(any(feature = "meta", feature = "twilio", feature = "failover", feature = "queue"))]
mod hex;
pub mod http_client;
mod ids;
pub mod inbound;
mod json;
#[cfg(feature = "queue")]
pub mod ledger;
pub mod lines;
#[cfg(feature = "meta")]
pub mod meta;
pub mod outbound;
#[cfg(feature = "pace")]
pub mod pace;
mod provider;
#[cfg(feature = "queue")]
pub mod queue;
mod redact;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod secret;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod sink;
pub mod state;
#[cfg(any(feature = "testing", test))]
pub mod testing;
#[cfg(feature = "twilio")]
pub mod twilio;
pub mod webhook;

pub use address::{GroupId, InvalidId, InvalidPhoneNumber, PhoneNumber, Recipient, UserId};
pub use error::{Acceptance, AttemptReport, ConfigError, Error, ErrorKind, Failure, Hint, Result};
#[cfg(feature = "failover")]
pub use failover::FailoverProvider;
pub use handler::{WebhookHandler, WebhookHandlerBuilder};
pub use ids::{AttemptId, InvalidAttemptId, InvalidProviderId, MediaRef, MessageRef, ProviderId, SenderId};
pub use inbound::{EventKind, InboundEvent};
pub use json::{InvalidJson, Json};
pub use lines::{LineId, Lines};
#[cfg(feature = "meta")]
pub use meta::{MetaCloud, MetaCloudBuilder};
pub use outbound::{Attempt, Category, Content, OnUnknown, OutboundMessage, SendReceipt};
pub use provider::{
    Capabilities, MediaStream, ReceiveError, SentLookup, SentQuery, WhatsAppProvider, WhatsAppProviderExt,
};
pub use sink::{EventSink, SinkError};
#[cfg(feature = "twilio")]
pub use twilio::{Twilio, TwilioBuilder};
pub use webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

#[cfg(all(
    any(doc, doctest),
    feature = "axum",
    feature = "failover",
    feature = "metrics",
    feature = "postgres",
    feature = "rustls"
))]
#[doc = include_str!("../docs/runbook.md")]
pub mod runbook {}

#[cfg(all(doctest, feature = "axum", feature = "failover", feature = "postgres", feature = "rustls"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
