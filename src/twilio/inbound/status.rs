use super::{Read, Source, message_ref, read_marks, user};
use crate::error::Failure;
use crate::inbound::{DeliveryState, StatusUpdate};
use crate::twilio::error::{is_remark, status_failure};

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
    let failed = *state == DeliveryState::Failed;
    // A remark is not why a message failed.
    if code.is_some_and(is_remark) && failed {
        return None;
    }
    let words = fields
        .text("ErrorMessage")
        .or_else(|| fields.text("ChannelStatusMessage"))
        .or(code.is_none().then_some(word));
    Some(status_failure(source.provider, code, words, failed))
}
