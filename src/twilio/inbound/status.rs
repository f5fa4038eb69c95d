use super::{Read, Source, message_ref, read_marks, user};
use crate::error::Failure;
use crate::inbound::{DeliveryState, StatusUpdate};
use crate::twilio::error::{is_remark, status_failure};
use crate::twilio::form::Fields;

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
    let words = words(fields).or_else(|| code.is_none().then(|| word.to_owned()));
    Some(status_failure(source.provider, code, words.as_deref(), failed))
}

/// Twilio's words, and behind them those of the channel: many of Twilio's say no more than that the channel's are to be
/// read.
fn words(fields: &Fields) -> Option<String> {
    let (own, channel) = (fields.text("ErrorMessage"), fields.text("ChannelStatusMessage"));
    match (own, channel) {
        (Some(own), Some(channel)) if own != channel => Some(format!("{own}: {channel}")),
        _ => own.or(channel).map(str::to_owned),
    }
}
