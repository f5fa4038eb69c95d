use std::fmt::{Debug, Write};

use super::{Element, FROM, Subject, Violation, receive, request, sent};
use crate::address::PhoneNumber;
use crate::outbound::{Content, OutboundMessage};

/// What no `Debug` and no `Display` may show, as the body of messages.
const BODY: &str = "canary-5e1f-body";
/// The same, as the id of a message.
const ID: &str = "canary-5e1f-id";

/// No secret, number, message id or body is in any `Debug` or `Display`: of the provider, of webhooks, of events, of
/// errors.
///
/// # Errors
///
/// [`Violation`] names what was printed, by what.
pub async fn redaction(subject: &impl Subject) -> Result<(), Violation> {
    let provider = subject.provider();
    let mut canaries: Vec<String> = subject.secrets();
    canaries.extend([BODY, ID, FROM].map(str::to_owned));

    printed("the provider", provider, &canaries)?;
    let genuine = subject.webhook(&[Element::text(ID, FROM, BODY)]);
    printed("a webhook", &request(&genuine), &canaries)?;
    if let Ok(webhook) = provider.verify_signature(&request(&genuine)) {
        printed("a verified webhook", &webhook, &canaries)?;
    }
    let events = receive(subject, &genuine)?;
    printed("an event", &events, &canaries)?;
    for sort in 0..16 {
        let events = receive(subject, &subject.webhook(&[Element::Garbage(sort)]))?;
        printed("an event that was not understood", &events, &canaries)?;
    }
    let to = PhoneNumber::from_digits(FROM).map_err(|error| Violation::new(LAW, error))?;
    let contents =
        [Content::text(BODY), Content::text(BODY.repeat(10_000)), Content::location(f64::NAN, 0.0)];
    let messages = contents
        .map(|content| OutboundMessage::new(to, content).with_reference(BODY).with_idempotency_key(BODY));
    for message in &messages {
        printed("a message", message, &canaries)?;
        if let Err(error) = provider.check(message) {
            printed("a refusal", &error, &canaries)?;
            printed("a refusal", &error.to_string(), &canaries)?;
        }
    }
    sent::redaction(subject, &canaries, &messages).await
}

const LAW: &str = "no secret, number or body is printed";

pub(super) fn printed(
    what: &str,
    value: &(impl Debug + ?Sized),
    canaries: &[String],
) -> Result<(), Violation> {
    let mut text = String::new();
    let _ = write!(text, "{value:?} {value:#?}");
    match canaries.iter().position(|canary| text.contains(canary.as_str())) {
        None => Ok(()),
        Some(place) => Err(Violation::new(LAW, format_args!("{what} prints canary {place}"))),
    }
}
