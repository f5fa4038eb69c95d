use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::violation::hold;
use super::{Law, Subject, Trouble, Violation, messages, receive, sample, sending::attempt};
use crate::error::{Error, Failure};
use crate::outbound::OutboundMessage;

/// A value is the same after a trip through JSON.
///
/// # Errors
///
/// [`Violation`] if it is not, or cannot be written or read.
pub fn json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Result<(), Violation> {
    let text = serde_json::to_string(value).map_err(|error| Violation::new(Law::Json, error))?;
    let again: T = serde_json::from_str(&text).map_err(|error| Violation::new(Law::Json, error))?;
    hold(Law::Json, again == *value, format_args!("{value:?} became {again:?}"))
}

/// Every event that the provider makes is the same after a trip through JSON.
///
/// # Errors
///
/// [`Violation`] if one is not.
pub fn json_of_events(subject: &impl Subject) -> Result<(), Violation> {
    for element in sample() {
        let Some(webhook) = subject.webhook(&[element]) else { return Ok(()) };
        receive(subject, &webhook)?.iter().try_for_each(json)?;
    }
    Ok(())
}

/// Every message that the suite sends, every receipt and every failure is the same after a trip through JSON.
///
/// # Errors
///
/// [`Violation`] if one is not.
pub async fn json_of_sending(subject: &impl Subject) -> Result<(), Violation> {
    let messages = messages::all(subject)?;
    messages.iter().try_for_each(json)?;
    let as_ever = each(subject, &messages).await;
    let refused = if subject.trouble(Trouble::Refusal) { each(subject, &messages).await } else { Ok(()) };
    subject.trouble(Trouble::None);
    as_ever.and(refused)
}

async fn each(subject: &impl Subject, messages: &[OutboundMessage]) -> Result<(), Violation> {
    for message in messages {
        match attempt(subject, message).await.1 {
            Ok(receipt) => json(&receipt)?,
            Err(error) => of_error(&error)?,
        }
    }
    Ok(())
}

fn of_error(error: &Error) -> Result<(), Violation> {
    json(&Failure::from(error))?;
    error.attempts().iter().try_for_each(json)
}
