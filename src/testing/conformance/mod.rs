//! The laws that every provider keeps, as functions that any implementer can call from a test.
//!
//! Implement [`Subject`] for your provider, which is to say: teach the suite to write a webhook as your provider's
//! servers would, and to read back what they were sent. Then call [`all`], or one law at a time, on any executor.
//!
//! ```
//! # use whatsapp_provider::testing::conformance;
//! # async fn check(subject: &impl conformance::Subject) -> Result<(), conformance::Violation> {
//! conformance::all(subject).await
//! # }
//! ```

mod contract;
mod inbound;
mod json;
mod messages;
mod redaction;
mod robustness;
mod sending;
mod subject;
mod violation;
mod wishes;

pub use contract::{alternatives, deadlines, given_up, optional_methods};
pub use inbound::{elements, handshakes, signatures};
pub use json::{json, json_of_events, json_of_sending};
pub use redaction::redaction;
pub use robustness::{cost, expensive, robustness, take};
pub use sending::sending;
pub use subject::{Delivered, Element, Seen, Subject, Trouble};
pub use violation::{Law, Violation};

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::ids::ProviderId;
use crate::inbound::InboundEvent;
use crate::webhook::WebhookRequest;

/// Every law of this module.
///
/// # Errors
///
/// The first [`Violation`].
pub async fn all(subject: &impl Subject) -> Result<(), Violation> {
    elements(subject)?;
    // Before those who would stumble over a panic.
    robustness(subject, 0)?;
    signatures(subject)?;
    handshakes(subject)?;
    cost(subject)?;
    json_of_events(subject)?;
    sending(subject).await?;
    alternatives(subject).await?;
    deadlines(subject).await?;
    given_up(subject).await?;
    optional_methods(subject).await?;
    redaction(subject).await?;
    json_of_sending(subject).await
}

/// What everything begins with that somebody says, and nobody may print.
const MARK: &str = "canary-5e1f";
/// The id of a message.
const ID: &str = "canary-5e1f-id";
/// A number that no log may show.
const FROM: &str = "15557654321";
/// Another user's.
const ANOTHER: &str = "15557654322";

/// When every webhook of the suite arrives.
pub const RECEIVED_AT: Timestamp = match Timestamp::from_unix_seconds(1_767_225_600) {
    Some(timestamp) => timestamp,
    None => Timestamp::UNIX_EPOCH,
};

fn sample() -> impl Iterator<Item = Element<'static>> {
    [Element::text("id-1", FROM, "text"), Element::WithoutId].into_iter().chain((0..16).map(Element::Garbage))
}

fn request(request: &http::Request<Bytes>) -> WebhookRequest<'_> {
    WebhookRequest::from_http(request, RECEIVED_AT)
}

fn receive(subject: &impl Subject, genuine: &http::Request<Bytes>) -> Result<Vec<InboundEvent>, Violation> {
    let provider = subject.provider();
    let request = request(genuine);
    violation::hold(Law::Genuine, provider.recognizes(&request.head), "it was not recognised")?;
    let webhook = provider.verify_signature(&request).map_err(|error| Violation::new(Law::Genuine, error))?;
    provider.parse_inbound(&webhook).map_err(|error| Violation::new(Law::Genuine, error))
}

/// The provider whose signature the webhook has: the subject's own, or one inside it.
fn verifier(subject: &impl Subject, genuine: &http::Request<Bytes>) -> Result<ProviderId, Violation> {
    let verified = subject.provider().verify_signature(&request(genuine));
    verified.map(|webhook| webhook.provider().clone()).map_err(|error| Violation::new(Law::Genuine, error))
}

/// Where no webhook is genuine, none is recognised or accepted.
fn receives_nothing(subject: &impl Subject) -> Result<(), Violation> {
    for body in ["", "{}", "a=b", "text"] {
        let webhook = http::Request::new(Bytes::from(body));
        let webhook = request(&webhook);
        let taken = subject.provider().recognizes(&webhook.head)
            || subject.provider().verify_signature(&webhook).is_ok();
        violation::hold(Law::Signatures, !taken, "it writes no webhook, and one is taken")?;
    }
    Ok(())
}
