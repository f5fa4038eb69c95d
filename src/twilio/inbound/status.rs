use super::{Read, Source, message_ref, read_marks, user};
use crate::error::{Error, Failure};
use crate::inbound::{DeliveryState, StatusUpdate};
use crate::twilio::error::{Circumstances, Operation, classify, is_remark};

/// Reads the status of a message of ours; `word` is its state.
pub(super) fn read(source: &Source<'_>, sid: &str, word: &str) -> Read {
    let sender = source.sender("From")?;
    let state = match word {
        "undelivered" => DeliveryState::Failed,
        word => DeliveryState::from_name(word),
    };
    let mut status = StatusUpdate::new(message_ref(&sender, sid), state);
    status.to = user::read(source, "To")?;
    (status.attempt, status.reference) = read_marks(source.query);
    status.failures = failure(source, &status.state).into_iter().collect();
    Ok((sender, status.into()))
}

fn failure(source: &Source<'_>, state: &DeliveryState) -> Option<Failure> {
    let fields = source.fields;
    let word = fields.text("ErrorCode").filter(|code| *code != "0")?;
    let code: Option<i64> = word.trim().parse().ok();
    // A remark is not why a message failed.
    if code.is_some_and(is_remark) && *state == DeliveryState::Failed {
        return None;
    }
    // 0 is no code of Twilio's, so it stands for one that is not a number.
    let (kind, acceptance) = classify(Operation::Status, code.unwrap_or(0), Circumstances::STATUS);
    let mut error = Error::new(kind, acceptance).with_provider(source.provider.clone());
    if let Some(code) = code {
        error = error.with_code(code);
    }
    let words = fields
        .text("ErrorMessage")
        .or_else(|| fields.text("ChannelStatusMessage"))
        .or(code.is_none().then_some(word));
    if let Some(words) = words {
        error = error.with_details(words);
    }
    Some(Failure::from(&error))
}
