//! What Meta's errors mean: the kind by the code and by where it turned up, the acceptance by the HTTP status.

use serde_json::value::RawValue;

use super::codes::{CODES, Row, When};
use super::wire::{Object, elements};
use crate::error::{Acceptance, Error, ErrorKind, Failure, Hint};
use crate::http_client::Answer;
use crate::ids::ProviderId;

/// Where an error turned up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// The answer to a send, or to anything else about the number itself.
    Send,
    /// A status of a message that had been accepted, or news about the account.
    Status,
    /// The answer about something that is named by an id: a message to mark as read.
    Fetch,
    /// The answer about a file, which is kept for a while and then gone.
    File,
    /// A user's message.
    Inbound,
    /// The answer to a question about what the account has: its number, its templates, its apps. Most codes of this sort
    /// answer calls that this crate does not make.
    Management,
}

/// The code that says nothing but that something went wrong.
const UNKNOWN_ERROR: i64 = 131_000;

/// What an error means.
struct Meaning {
    kind: ErrorKind,
    /// Whether Meta may have the message.
    acceptance: Acceptance,
    /// Whether the user certainly did not get it, if it is in a status that the error is and the message failed.
    proves_undelivered: bool,
    hint: Option<Hint>,
}

/// What an error means.
///
/// `http_status` is `None` for an error in a webhook. It never decides the kind of a code that is known (but for 408,
/// after which nothing is certain): Meta answers throttling with 400 and a missing capability with 500. Of a code
/// without a meaning here it is all there is to go by.
fn classify(
    operation: Operation,
    http_status: Option<u16>,
    code: i64,
    subcode: Option<i64>,
    details: &str,
) -> Meaning {
    let row = find(operation, code, subcode, details);
    let kind = row.and_then(|row| row.kind).unwrap_or(match http_status {
        Some(429) => ErrorKind::Throttled,
        Some(500..=599) => ErrorKind::NoAnswer,
        _ => ErrorKind::Unrecognized,
    });
    let (kind, acceptance) = match http_status {
        Some(408) => (ErrorKind::NoAnswer, Acceptance::Unknown),
        Some(400..=499) => (kind, Acceptance::NotAccepted),
        Some(500..=599) if row.is_some_and(|row| row.refuses_at_5xx) => (kind, Acceptance::NotAccepted),
        Some(500..=599) => (kind, Acceptance::Unknown),
        // Who says an error with a status that is none was not Meta.
        Some(_) => (ErrorKind::NoAnswer, Acceptance::Unknown),
        // The message of a status had been accepted, whatever became of it then.
        None => (kind, Acceptance::Unknown),
    };
    Meaning {
        kind,
        acceptance,
        proves_undelivered: row.is_some_and(|row| row.proves_undelivered),
        hint: row.and_then(|row| row.hint),
    }
}

/// The row of a code. A code means the same wherever it turns up, unless a row for that place says otherwise.
fn find(operation: Operation, code: i64, subcode: Option<i64>, details: &str) -> Option<&'static Row> {
    let details = details.to_lowercase();
    let fits = |row: &&Row| match &row.when {
        When::Always => true,
        When::Subcode(expected) => subcode == Some(*expected),
        When::Details(words) => words.iter().any(|word| details.contains(word)),
    };
    let rows = CODES.split_at(CODES.partition_point(|row| row.last < code)).1;
    let rows = || rows.iter().take_while(|row| row.first <= code).filter(fits);
    rows().find(|row| row.places.contains(&operation)).or_else(|| rows().find(|row| row.kind.is_some()))
}

/// The error that an answer is.
///
/// `unknown_error_is_refusal` is the caller's decision to take 131000 for a refusal even at 5xx.
pub(super) fn refusal(operation: Operation, answer: &Answer, unknown_error_is_refusal: bool) -> Error {
    let bare = answer.without_envelope();
    let status = answer.status.as_u16();
    let body = answer.body.as_deref().and_then(Object::read_body);
    let Some(envelope) = body.and_then(|body| Envelope::read(&body.object("error")?)) else {
        return bare;
    };
    let mut meaning = envelope.meaning(operation, Some(status));
    if unknown_error_is_refusal && envelope.code == UNKNOWN_ERROR && (500..=599).contains(&status) {
        meaning.acceptance = Acceptance::NotAccepted;
    }
    let error = envelope.into_error(&meaning).with_status(status);
    match answer.retry_after() {
        Some(retry_after) => error.with_retry_after(retry_after),
        None => error,
    }
}

/// An error in a webhook, as it stands in a status, in a user's message or beside the messages. `None` if it has no code.
///
/// `failed` says that it is why a message failed: only then can it prove that nobody got it. Its acceptance is always
/// unknown: of a status it is true that Meta had the message, and an error that names no message proves nothing about
/// any.
pub(super) fn webhook_failure(
    operation: Operation,
    provider: &ProviderId,
    error: &Object<'_>,
    failed: bool,
) -> Option<Failure> {
    let envelope = Envelope::read(error)?;
    let meaning = envelope.meaning(operation, None);
    let error = envelope.into_error(&meaning).with_provider(provider.clone());
    let mut failure = Failure::from(&error);
    failure.proves_undelivered = failed && meaning.proves_undelivered;
    Some(failure)
}

/// The errors of a status or of a message: one failure for each, also for one that cannot be read. They are documented as
/// a list; a single one will do.
pub(super) fn webhook_failures(
    operation: Operation,
    provider: &ProviderId,
    errors: &RawValue,
    failed: bool,
) -> Vec<Failure> {
    let errors = elements(errors).unwrap_or_else(|| vec![errors]);
    let unreadable = || {
        let failure = Error::new(ErrorKind::Unrecognized, Acceptance::Unknown);
        Failure::from(&failure.with_provider(provider.clone()))
    };
    let read = |error: &&RawValue| webhook_failure(operation, provider, &Object::read(error)?, failed);
    errors.iter().map(|error| read(error).unwrap_or_else(unreadable)).collect()
}

/// Meta's error object.
struct Envelope {
    code: i64,
    subcode: Option<i64>,
    details: Option<String>,
    trace_id: Option<String>,
}

impl Envelope {
    /// Only an object with a code is one of Meta's.
    fn read(error: &Object<'_>) -> Option<Self> {
        let data = error.object("error_data");
        let mut words: Vec<String> = Vec::new();
        for said in [
            error.text("title"),
            error.text("message"),
            data.and_then(|data| data.text("details")).or_else(|| error.text("error_data")),
            error.text("error_user_msg"),
        ]
        .into_iter()
        .flatten()
        {
            // The title of a webhook's error is usually its message once more.
            if words.last() != Some(&said) {
                words.push(said);
            }
        }
        Some(Self {
            code: error.number("code")?,
            subcode: error.number("error_subcode"),
            details: Some(words.join(": ")).filter(|details| !details.is_empty()),
            trace_id: error.short_text("fbtrace_id"),
        })
    }

    fn meaning(&self, operation: Operation, http_status: Option<u16>) -> Meaning {
        let details = self.details.as_deref().unwrap_or_default();
        classify(operation, http_status, self.code, self.subcode, details)
    }

    fn into_error(self, meaning: &Meaning) -> Error {
        let mut error = Error::new(meaning.kind, meaning.acceptance).with_code(self.code);
        if let Some(hint) = meaning.hint {
            error = error.with_hint(hint);
        }
        if let Some(subcode) = self.subcode {
            error = error.with_subcode(subcode);
        }
        if let Some(details) = self.details {
            error = error.with_details(details);
        }
        if let Some(trace_id) = self.trace_id {
            error = error.with_trace_id(trace_id);
        }
        error
    }
}

#[cfg(test)]
mod tests;
