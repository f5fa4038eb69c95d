//! What Twilio's refusals mean: by code and operation, and only then by HTTP status.

use std::time::Duration;

use serde_json::Value;

use super::codes::{self, Place, Row};
use crate::error::{Acceptance, Error, ErrorKind, Failure, Hint};
use crate::http_client::Answer;
use crate::ids::ProviderId;

/// What was asked when a code came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// A message was sent.
    Send,
    /// A status webhook told of a message that had been accepted.
    Status,
    /// A typing indicator, or something else about one message that is there.
    OneMessage,
    /// A read of the account's messages.
    Read,
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

/// What a code means.
pub(super) struct Meaning {
    pub(super) kind: ErrorKind,
    /// Whether Twilio may have the message.
    acceptance: Acceptance,
    /// Whether the user certainly did not get it, if it failed with the code.
    proves_undelivered: bool,
    hint: Option<Hint>,
}

impl Meaning {
    pub(super) fn into_error(self, code: i64) -> Error {
        let error = Error::new(self.kind, self.acceptance).with_code(code);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// What a code means.
pub(super) fn classify(operation: Operation, code: i64, seen: Circumstances) -> Meaning {
    let row = row(operation, code);
    let kind = row.and_then(|row| row.kind).unwrap_or(match seen.http {
        Some(429) => ErrorKind::Throttled,
        Some(500..) => ErrorKind::NoAnswer,
        _ => ErrorKind::Unrecognized,
    });
    let told_to_return = code == 20503 && seen.retry_after.is_some() && seen.believe_retry_after;
    let (kind, acceptance) = match seen.http {
        // In a status it is what was true of the send: Twilio had the message.
        None => (kind, Acceptance::Unknown),
        // After it nothing is certain, whatever the code.
        Some(408) => (ErrorKind::NoAnswer, Acceptance::Unknown),
        Some(500..) if told_to_return => (kind, Acceptance::NotAccepted),
        Some(500..) => (kind, Acceptance::Unknown),
        Some(_) => (kind, Acceptance::NotAccepted),
    };
    Meaning {
        kind,
        acceptance,
        proves_undelivered: row.is_some_and(|row| row.proves_undelivered),
        hint: row.and_then(|row| row.hint),
    }
}

fn row(operation: Operation, code: i64) -> Option<&'static Row> {
    let own = codes::rows(code).find(|row| match row.place {
        Place::Send => operation == Operation::Send,
        Place::Status | Place::Remark => operation == Operation::Status,
        Place::SendOrStatus => matches!(operation, Operation::Send | Operation::Status),
        Place::OneMessage => operation == Operation::OneMessage,
        Place::Management | Place::Webhook | Place::OtherChannel => false,
    });
    let holds = |row: &&Row| match operation {
        // Twilio refuses more and more at once that it used to refuse later. It means the same then.
        Operation::Send | Operation::Status => row.kind.is_some(),
        // Of the codes of sending, those of the account and of Twilio itself hold for every request.
        Operation::OneMessage | Operation::Read => matches!(
            row.kind,
            Some(
                ErrorKind::Credentials
                    | ErrorKind::AccountBlocked
                    | ErrorKind::Throttled
                    | ErrorKind::Unavailable
                    | ErrorKind::NoAnswer
            )
        ),
    };
    own.or_else(|| codes::rows(code).find(holds))
}

/// Why a message failed, or what went wrong although it did not: a code, and what Twilio says of it in words.
pub(super) fn status_failure(
    provider: &ProviderId,
    code: Option<i64>,
    words: Option<&str>,
    failed: bool,
) -> Failure {
    let (error, proves_undelivered) = match code {
        Some(code) => {
            let meaning = classify(Operation::Status, code, Circumstances::STATUS);
            let proves = meaning.proves_undelivered;
            (meaning.into_error(code), proves)
        }
        None => (Error::new(ErrorKind::Unrecognized, Acceptance::Unknown), false),
    };
    let mut failure = Failure::from(&error.with_provider(provider.clone()));
    failure.proves_undelivered = failed && proves_undelivered;
    failure.details = words.map(str::to_owned);
    failure
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
            let meaning = classify(operation, envelope.code, seen);
            let mut error = meaning.into_error(envelope.code).with_status(http);
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
