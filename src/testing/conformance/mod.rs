//! The laws that every provider keeps, as functions that any implementer can call from a test.
//!
//! Implement [`Subject`] for your provider, which is to say: teach the suite to write a webhook as your provider's
//! servers would. Then call [`all`], or one law at a time.
//!
//! ```
//! # use whatsapp_provider::testing::conformance;
//! # fn check(subject: &impl conformance::Subject) -> Result<(), conformance::Violation> {
//! conformance::all(subject)
//! # }
//! ```

use std::fmt::{Debug, Display};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

mod inbound;
mod redaction;

pub use inbound::{elements, robustness, signatures};
pub use redaction::redaction;

use crate::clock::Timestamp;
use crate::inbound::InboundEvent;
use crate::provider::WhatsAppProvider;
use crate::webhook::WebhookRequest;

/// A provider, and how its webhooks are written.
pub trait Subject {
    /// The provider, configured to verify what [`webhook`](Self::webhook) signs.
    fn provider(&self) -> &dyn WhatsAppProvider;

    /// A genuine webhook, signed, that brings these elements in this order. It is never asked for more than
    /// [`max_elements`](Self::max_elements).
    fn webhook(&self, elements: &[Element<'_>]) -> http::Request<Bytes>;

    /// The most elements that one webhook can bring.
    fn max_elements(&self) -> usize {
        1
    }

    /// Whether two requests mean the same to the provider although they differ in a bit, such as the case of a
    /// hexadecimal digit. By default they do if they are equal.
    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        a.body() == b.body() && a.headers() == b.headers()
    }

    /// The names of the headers that hold the signature.
    fn signature_headers(&self) -> Vec<http::HeaderName>;

    /// Every secret the provider was given: none of them may ever be printed.
    fn secrets(&self) -> Vec<String>;
}

/// An element of a webhook that the suite asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element<'a> {
    /// A text message.
    Text {
        /// The message's id.
        id: &'a str,
        /// The user's phone number, digits only.
        from: &'a str,
        /// The text.
        body: &'a str,
    },
    /// An element that has no id, always the same.
    WithoutId,
    /// Something that cannot be understood: of an unknown type, of a wrong shape, or no element at all. The number
    /// chooses one of several sorts; any number must do.
    Garbage(usize),
}

impl<'a> Element<'a> {
    /// A text message.
    pub const fn text(id: &'a str, from: &'a str, body: &'a str) -> Self {
        Self::Text { id, from, body }
    }
}

/// A law that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{law}: {what}")]
#[non_exhaustive]
pub struct Violation {
    /// The law.
    pub law: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    fn new(law: &'static str, what: impl Display) -> Self {
        Self { law, what: what.to_string() }
    }
}

/// Every law of this module.
///
/// # Errors
///
/// The first [`Violation`].
pub fn all(subject: &impl Subject) -> Result<(), Violation> {
    elements(subject)?;
    signatures(subject)?;
    redaction(subject)?;
    robustness(subject, 0)?;
    json_of_events(subject)
}

/// A value is the same after a trip through JSON.
///
/// # Errors
///
/// [`Violation`] if it is not, or cannot be written or read.
pub fn json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Result<(), Violation> {
    const LAW: &str = "a value is the same after a trip through JSON";
    let text = serde_json::to_string(value).map_err(|error| Violation::new(LAW, error))?;
    let again: T = serde_json::from_str(&text).map_err(|error| Violation::new(LAW, error))?;
    if again == *value {
        Ok(())
    } else {
        Err(Violation::new(LAW, format_args!("{value:?} became {again:?}")))
    }
}

/// Every event that the provider makes is the same after a trip through JSON.
///
/// # Errors
///
/// [`Violation`] if one is not.
pub fn json_of_events(subject: &impl Subject) -> Result<(), Violation> {
    for element in sample() {
        receive(subject, &subject.webhook(&[element]))?.iter().try_for_each(json)?;
    }
    Ok(())
}

fn sample() -> Vec<Element<'static>> {
    let mut elements = vec![Element::text("id-1", FROM, "text"), Element::WithoutId];
    elements.extend((0..16).map(Element::Garbage));
    elements
}

/// A number that no log may show.
const FROM: &str = "15557654321";

const RECEIVED_AT: Timestamp = match Timestamp::from_unix_seconds(1_767_225_600) {
    Some(timestamp) => timestamp,
    None => Timestamp::UNIX_EPOCH,
};

fn request(request: &http::Request<Bytes>) -> WebhookRequest<'_> {
    WebhookRequest::from_http(request, RECEIVED_AT)
}

fn receive(subject: &impl Subject, genuine: &http::Request<Bytes>) -> Result<Vec<InboundEvent>, Violation> {
    const LAW: &str = "a genuine webhook is accepted";
    let provider = subject.provider();
    let request = request(genuine);
    if !provider.recognizes(&request.head) {
        return Err(Violation::new(LAW, "it was not recognised"));
    }
    let webhook = provider.verify_signature(&request).map_err(|error| Violation::new(LAW, error))?;
    provider.parse_inbound(&webhook).map_err(|error| Violation::new(LAW, error))
}
