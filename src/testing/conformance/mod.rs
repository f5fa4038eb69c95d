//! The laws that every provider keeps, as functions that any implementer can call from a test.
//!
//! Implement [`Subject`] for your provider, which is to say: teach the suite to write a webhook as your provider's
//! servers would, and to read what arrives there. Then call [`all`], or one law at a time. They run on any executor:
//!
//! ```
//! # use whatsapp_provider::testing::{TestClock, conformance};
//! # fn check(subject: &impl conformance::Subject) -> Result<(), conformance::Violation> {
//! TestClock::new().block_on(conformance::all(subject))
//! # }
//! ```
//!
//! | law | function |
//! |---|---|
//! | every element of a webhook becomes one event, in order | [`elements`] |
//! | what is not genuine is refused | [`signatures`] |
//! | what is sent is what arrives; the rest is said or refused | [`encoding`] |
//! | no secret, number or body is printed | [`redaction`] |
//! | any bytes are read without a panic, and none are passed over | [`robustness`] |
//! | twice the size is no more than 2.3 times the work | [`cost`], which is not part of [`all`] |
//! | a value is the same after a trip through JSON | [`json_of_events`], [`json_of_sending`] |
//!
//! A provider that only sends is asked by [`sending`], one that only reads webhooks by [`receiving`].

use std::fmt::{Debug, Display};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

mod cost;
mod inbound;
mod messages;
mod redaction;
mod sent;

pub use cost::{SORTS, adversarial, cost, read};
pub use inbound::{elements, robustness, signatures};
pub use messages::messages;
pub use redaction::redaction;
pub use sent::{encoding, json_of_sending};

use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::inbound::InboundEvent;
use crate::outbound::{Content, OutboundMessage};
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

    /// The messages that are tried: those that can go out where the provider's requests arrive, and those that cannot.
    /// By default [some of every sort](messages()). A provider that sends nothing refuses all of them.
    fn messages(&self) -> Vec<OutboundMessage> {
        let to = PhoneNumber::from_digits(FROM).ok();
        to.map(|to| messages(self.provider(), to)).unwrap_or_default()
    }

    /// The contents of the messages that arrived since the last call, read back from what the provider sent. `None`, the
    /// default, if nobody can tell: then it is not looked whether what is sent is what arrives.
    fn take_sent(&self) -> Option<Vec<Content>> {
        None
    }

    /// What a content reads back as that was sent, beside what the receipt says was dropped: the provider's normal form.
    /// By default it is the same.
    fn normal_form(&self, content: Content) -> Content {
        content
    }
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

/// Every law of this module but [`cost`].
///
/// # Errors
///
/// The first [`Violation`].
pub async fn all(subject: &impl Subject) -> Result<(), Violation> {
    receiving(subject).await?;
    redaction(subject).await?;
    sending(subject).await
}

/// The laws of receiving.
///
/// # Errors
///
/// The first [`Violation`].
pub async fn receiving(subject: &impl Subject) -> Result<(), Violation> {
    elements(subject).await?;
    signatures(subject).await?;
    robustness(subject, 0).await?;
    json_of_events(subject).await
}

/// The laws of sending. Nothing is asked of webhooks.
///
/// # Errors
///
/// The first [`Violation`].
pub async fn sending(subject: &impl Subject) -> Result<(), Violation> {
    encoding(subject).await?;
    json_of_sending(subject).await
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
pub async fn json_of_events(subject: &impl Subject) -> Result<(), Violation> {
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
