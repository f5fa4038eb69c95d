use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::accounts::Side;
use super::delivery::Delivery;
use super::posting::PostedWebhook;
use super::reaction::Reaction;
use super::redelivery::WebhookAnswer;
use crate::clock::Timestamp;
use crate::hex::hex;

/// One thing that happened between the service, a provider and its users.
///
/// Its `Display` is a line with the time, the side, what happened and the digest. It shows nothing of what was said:
///
/// ```text
/// 2026-01-01T00:00:00.040Z meta request POST 200 27d6f1b6c4dca6b1
/// 2026-01-01T00:00:00.040Z meta delivered 8a1c1a2e0ac9d8ef
/// 2026-01-01T00:00:00.340Z meta webhook 1 200 1b60f7b1ac3bf6b6
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub side: Side,
    /// What.
    pub what: Happening,
    /// The first 16 hexadecimal digits of a SHA-256 over all that was said: the whole request and its answer, the
    /// id of the message, the whole webhook. Where two runs have the same digests, the same bytes went to and fro.
    pub digest: String,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// A connection was refused.
    Refused,
    /// A request arrived.
    Request {
        /// Its method.
        method: Method,
        /// The status of the answer, if one was sent.
        answer: Option<StatusCode>,
    },
    /// A message reached a user.
    Delivered,
    /// A webhook was posted.
    Webhook {
        /// The number of the attempt, counted from one.
        attempt: u32,
        /// What came of it.
        answer: WebhookAnswer,
    },
}

impl TimelineEntry {
    pub(super) fn refused(side: Side, at: Timestamp) -> Self {
        Self { at, side, what: Happening::Refused, digest: digest(&[]) }
    }

    pub(super) fn request(side: Side, at: Timestamp, request: &Request<Bytes>, reaction: &Reaction) -> Self {
        let answer = reaction.answer();
        let back = match reaction {
            Reaction::Answer(answer) => {
                [b"whole".as_slice(), &headers(answer.headers()), answer.body()].concat()
            }
            Reaction::Cut(answer) => [b"cut".as_slice(), &headers(answer.headers()), answer.body()].concat(),
            Reaction::Close => b"closed".to_vec(),
            Reaction::Nothing => b"nothing".to_vec(),
        };
        let digest = digest(&[&written(request), &back]);
        let (method, answer) = (request.method().clone(), answer.map(Response::status));
        Self { at, side, what: Happening::Request { method, answer }, digest }
    }

    pub(super) fn delivered(delivery: &Delivery, at: Timestamp) -> Self {
        let digest = digest(&[delivery.message_id.as_bytes()]);
        Self { at, side: delivery.side, what: Happening::Delivered, digest }
    }

    pub(super) fn is_delivery_of(&self, message_id: &str) -> bool {
        self.what == Happening::Delivered && self.digest == digest(&[message_id.as_bytes()])
    }

    pub(super) fn posted(posted: &PostedWebhook) -> Self {
        let webhook = &posted.webhook;
        Self {
            at: posted.at,
            side: webhook.side,
            what: Happening::Webhook { attempt: webhook.attempt, answer: posted.answer },
            digest: digest(&[&written(&webhook.request)]),
        }
    }
}

impl fmt::Display for TimelineEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Meta => "meta",
            Side::Twilio => "twilio",
        };
        write!(f, "{} {side} ", self.at)?;
        match &self.what {
            Happening::Refused => write!(f, "refused")?,
            Happening::Request { method, answer: Some(answer) } => {
                write!(f, "request {method} {}", answer.as_u16())?;
            }
            Happening::Request { method, answer: None } => write!(f, "request {method} unanswered")?,
            Happening::Delivered => write!(f, "delivered")?,
            Happening::Webhook { attempt, answer } => match answer {
                WebhookAnswer::Status(status) => write!(f, "webhook {attempt} {}", status.as_u16())?,
                WebhookAnswer::NotConnected => write!(f, "webhook {attempt} not connected")?,
                WebhookAnswer::TimedOut => write!(f, "webhook {attempt} timed out")?,
            },
        }
        write!(f, " {}", self.digest)
    }
}

/// A request as bytes.
fn written(request: &Request<Bytes>) -> Vec<u8> {
    let mut bytes = format!("{} {}\n", request.method(), request.uri()).into_bytes();
    bytes.extend(headers(request.headers()));
    bytes.extend_from_slice(request.body());
    bytes
}

fn headers(headers: &HeaderMap) -> Vec<u8> {
    let lines = headers
        .iter()
        .map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    lines.collect::<Vec<_>>().concat()
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut digest = hex(&hash.finalize());
    digest.truncate(16);
    digest
}
