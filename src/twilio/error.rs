//! What Twilio's refusals mean: by code and operation, and only then by HTTP status.

use std::time::Duration;

use serde_json::Value;

use super::codes::{self, Place};
use crate::error::{Acceptance, Error, ErrorKind};
use crate::http_client::Answer;

/// What was asked when a code came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// A message was sent.
    Send,
    /// A status webhook told of a message that had been accepted.
    Status,
    /// A typing indicator.
    Typing,
    /// A cheap read, to see whether the account is alive.
    Probe,
}

/// What decides about a code besides the code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// The HTTP status of the answer; none for a status webhook.
    pub(super) http: Option<u16>,
    /// Whether the answer asked to come back later.
    pub(super) retry_after: Option<Duration>,
    /// Whether "unavailable, come back later" is believed to mean that nothing was accepted.
    pub(super) believe_retry_after: bool,
}

impl Circumstances {
    /// Those of a status webhook.
    pub(super) const STATUS: Self = Self { http: None, retry_after: None, believe_retry_after: false };
}

/// The kind of a code, and whether Twilio may have the message.
pub(super) fn classify(operation: Operation, code: i64, seen: Circumstances) -> (ErrorKind, Acceptance) {
    let kind = kind(operation, code).unwrap_or(match seen.http {
        Some(429) => ErrorKind::Throttled,
        Some(408 | 500..) => ErrorKind::NoAnswer,
        _ => ErrorKind::Unrecognized,
    });
    let told_to_return = code == 20503 && seen.retry_after.is_some() && seen.believe_retry_after;
    let acceptance = match seen.http {
        // In a status it is what was true of the send: Twilio had the message.
        None | Some(408) => Acceptance::Unknown,
        Some(500..) if told_to_return => Acceptance::NotAccepted,
        Some(500..) => Acceptance::Unknown,
        Some(_) => Acceptance::NotAccepted,
    };
    (kind, acceptance)
}

fn kind(operation: Operation, code: i64) -> Option<ErrorKind> {
    let own = codes::rows(code).find(|row| match row.place {
        Place::Send => operation == Operation::Send,
        Place::Status | Place::Remark => operation == Operation::Status,
        Place::SendOrStatus => matches!(operation, Operation::Send | Operation::Status),
        Place::Typing => operation == Operation::Typing,
        Place::Management | Place::Webhook | Place::OtherChannel => false,
    });
    if let Some(row) = own {
        return row.kind;
    }
    let elsewhere = codes::rows(code).find_map(|row| row.kind)?;
    match operation {
        // Twilio refuses more and more at once that it used to refuse later. It means the same then.
        Operation::Send | Operation::Status => Some(elsewhere),
        // Of the codes of sending, those of the account and of Twilio itself hold for every request.
        Operation::Typing | Operation::Probe => matches!(
            elsewhere,
            ErrorKind::Credentials
                | ErrorKind::AccountBlocked
                | ErrorKind::Throttled
                | ErrorKind::Unavailable
                | ErrorKind::NoAnswer
        )
        .then_some(elsewhere),
    }
}

/// Whether a code is only a remark in a status: Twilio goes on, and nothing failed.
pub(super) fn is_remark(code: i64) -> bool {
    codes::rows(code).any(|row| row.place == Place::Remark)
}

/// What an answer that is no success means.
pub(super) fn refusal(operation: Operation, answer: &Answer, believe_retry_after: bool) -> Error {
    let http = answer.status.as_u16();
    let envelope = answer.body.as_deref().filter(|_| http >= 400).and_then(Envelope::read);
    let mut error = match envelope {
        None => answer.without_envelope(),
        Some(envelope) => {
            let seen =
                Circumstances { http: Some(http), retry_after: answer.retry_after(), believe_retry_after };
            let (kind, acceptance) = classify(operation, envelope.code, seen);
            let mut error = Error::new(kind, acceptance).with_code(envelope.code).with_status(http);
            if let Some(words) = envelope.words {
                error = error.with_details(words);
            }
            if let Some(retry_after) = seen.retry_after {
                error = error.with_retry_after(retry_after);
            }
            error
        }
    };
    // What Twilio's support asks for.
    if let Some(id) = answer.headers.get("twilio-request-id").and_then(|id| id.to_str().ok()) {
        error = error.with_trace_id(id);
    }
    error
}

/// An error body with a code of Twilio's, in any of its three shapes: `{code, message}`, RFC 9457's `{code, detail}`, and
/// `{errors: [{code, message}]}`.
struct Envelope {
    code: i64,
    words: Option<String>,
}

impl Envelope {
    fn read(body: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        let of = |json: &Value| {
            let words = ["message", "detail", "title"].into_iter().find_map(|name| json.get(name)?.as_str());
            Some(Self { code: code(json.get("code")?)?, words: words.map(str::to_owned) })
        };
        of(&json).or_else(|| of(json.get("errors")?.get(0)?))
    }
}

/// A code, written as a number or as a text.
pub(super) fn code(json: &Value) -> Option<i64> {
    match json {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
