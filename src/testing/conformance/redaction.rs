use std::error::Error as StdError;
use std::fmt::{Debug, Write};

use super::contract::in_trouble;
use super::sending::attempt;
use super::{Element, FROM, ID, Law, MARK, Subject, Trouble, Violation, messages, receive, request};
use crate::error::Error;
use crate::ids::MessageRef;
use crate::outbound::OutboundMessage;
use crate::provider::SentQuery;

/// No secret, number, message id or body is in any `Debug` or `Display`: of the provider, of webhooks, of events, of
/// messages, of receipts, of errors and their causes.
///
/// # Errors
///
/// [`Violation`] names what was printed, by what.
pub async fn redaction(subject: &impl Subject) -> Result<(), Violation> {
    let mut canaries: Vec<String> = subject.secrets();
    canaries.extend([MARK, FROM].map(str::to_owned));
    let canaries = Canaries(canaries);

    canaries.in_debug("the provider", subject.provider())?;
    receiving(subject, &canaries)?;
    let messages = messages::all(subject)?;
    for message in messages.iter().chain(&messages::hopeless()) {
        sending(subject, message, &canaries).await?;
    }
    for sender in subject.provider().senders() {
        let message = MessageRef::new(sender, ID);
        let provider = subject.provider();
        let outcomes = [provider.mark_read(&message).await, provider.show_typing(&message).await];
        outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).try_for_each(|e| canaries.in_error(e))?;
    }
    canaries.in_debug("the provider", subject.provider())
}

fn receiving(subject: &impl Subject, canaries: &Canaries) -> Result<(), Violation> {
    let elements = super::sample().chain([Element::text(ID, FROM, MARK)]);
    for element in elements {
        let Some(genuine) = subject.webhook(&[element]) else { return Ok(()) };
        canaries.in_debug("a webhook", &request(&genuine))?;
        if let Ok(webhook) = subject.provider().verify_signature(&request(&genuine)) {
            canaries.in_debug("a verified webhook", &webhook)?;
        }
        canaries.in_debug("an event", &receive(subject, &genuine)?)?;
    }
    Ok(())
}

async fn sending(
    subject: &impl Subject,
    message: &OutboundMessage,
    canaries: &Canaries,
) -> Result<(), Violation> {
    let provider = subject.provider();
    canaries.in_debug("a message", message)?;
    if let Err(refusal) = provider.check(message) {
        return canaries.in_error(&refusal);
    }
    let (attempt, sent) = attempt(subject, message).await;
    match sent {
        Ok(receipt) => canaries.in_debug("a receipt", &receipt)?,
        Err(error) => canaries.in_error(&error)?,
    }
    if let Some(error) = in_trouble(subject, Trouble::Refusal, message).await {
        canaries.in_error(&error)?;
    }
    let query = SentQuery::new(attempt.id, message.clone(), super::RECEIVED_AT);
    canaries.in_debug("a search", &query)?;
    match provider.find_sent(&query).await {
        Ok(found) => canaries.in_debug("what was found", &found),
        Err(error) => canaries.in_error(&error),
    }
}

/// What must not be printed.
struct Canaries(Vec<String>);

impl Canaries {
    fn in_debug(&self, what: &str, value: &(impl Debug + ?Sized)) -> Result<(), Violation> {
        let mut text = String::new();
        let _ = write!(text, "{value:?} {value:#?}");
        self.in_text(what, &text)
    }

    fn in_error(&self, error: &Error) -> Result<(), Violation> {
        let mut next: Option<&dyn StdError> = Some(error);
        while let Some(error) = next {
            self.in_debug("an error", error)?;
            self.in_text("an error", &error.to_string())?;
            next = error.source();
        }
        self.in_debug("an attempt", error.attempts())
    }

    fn in_text(&self, what: &str, text: &str) -> Result<(), Violation> {
        match self.0.iter().position(|canary| text.contains(canary.as_str())) {
            None => Ok(()),
            Some(place) => Err(Violation::new(Law::Redaction, format_args!("{what} prints canary {place}"))),
        }
    }
}
