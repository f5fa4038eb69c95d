//! The small print of the contract, where somebody can get it wrong and a test can see it.

use std::time::Duration;

use super::sending::attempt;
use super::violation::hold;
use super::{Law, Subject, Trouble, Violation, messages};
use crate::clock::timeout;
use crate::error::{Acceptance, Error, ErrorKind};
use crate::ids::{AttemptId, MessageRef};
use crate::outbound::{Attempt, OutboundMessage};

/// A [`send`](crate::WhatsAppProvider::send) whose first content cannot go by this provider sends the next one, and its
/// receipt says which.
///
/// # Errors
///
/// [`Violation`] if it does not.
pub async fn alternatives(subject: &impl Subject) -> Result<(), Violation> {
    let provider = subject.provider();
    let messages = messages::all(subject)?;
    let impossible = messages.iter().find(|message| provider.check(message).is_err_and(|e| may_go_on(&e)));
    let (Some(impossible), Some(possible)) = (impossible, first_that_goes(subject, &messages)) else {
        return Ok(());
    };
    let message = possible.with_only(&impossible.content).or(possible.content.clone());
    if provider.check(&message).is_ok() {
        return Ok(()); // It was not the content that made it impossible.
    }
    subject.seen();
    let receipt = provider.send(&message).await.map_err(|error| Violation::new(Law::Alternatives, error))?;
    let delivered = subject.seen().delivered;
    let index = receipt.content_index;
    hold(Law::Alternatives, index == 1, format_args!("content {index} was sent instead of content 1"))?;
    let once = delivered.len() == 1;
    hold(Law::Alternatives, once, format_args!("it reached users {} times", delivered.len()))
}

fn may_go_on(refusal: &Error) -> bool {
    matches!(refusal.kind(), ErrorKind::Unsupported | ErrorKind::NotPortable)
        && refusal.field().is_some_and(|field| field.starts_with("content"))
}

fn first_that_goes<'m>(
    subject: &impl Subject,
    messages: &'m [OutboundMessage],
) -> Option<&'m OutboundMessage> {
    messages.iter().find(|message| subject.provider().check(message).is_ok())
}

/// An attempt that nobody answers ends at its deadline, and is not called refused once it has left. Only for a subject that
/// has a [clock](Subject::clock) and can [keep silent](Trouble::Silence).
///
/// # Errors
///
/// [`Violation`] if it goes on, or ends with anything else.
pub async fn deadlines(subject: &impl Subject) -> Result<(), Violation> {
    let messages = messages::all(subject)?;
    let (Some(clock), Some(message)) = (subject.clock(), first_that_goes(subject, &messages)) else {
        return Ok(());
    };
    if !subject.trouble(Trouble::Silence) {
        return Ok(());
    }
    let deadline = Duration::from_secs(2);
    let attempt = Attempt::with_id(AttemptId::without_clock()).with_deadline(deadline);
    let began = clock.elapsed();
    let sent = timeout(clock, 10 * deadline, subject.provider().send_attempt(message, &attempt)).await;
    let took = clock.elapsed().saturating_sub(began);
    subject.trouble(Trouble::None);
    let hold = |holds, what: &str| hold(Law::Deadlines, holds, what);
    // As long as a failover waits for one that does not keep it.
    let in_time = sent.is_some() && took <= deadline + Duration::from_millis(500);
    hold(in_time, &format!("{took:?} instead of {deadline:?}"))?;
    match sent {
        Some(Err(error)) => {
            let refused = error.acceptance() == Acceptance::NotAccepted;
            hold(
                !(refused && attempt.departure.departed()),
                "it has left, and the error says that it is not out",
            )
        }
        _ => hold(false, "nobody answered, and there is a receipt"),
    }
}

/// An attempt that was given up before it began sends nothing and says so. Only for a provider that keeps the
/// [mark](crate::outbound::Departure).
///
/// # Errors
///
/// [`Violation`] if the message goes out, or the error does not say that it is not out.
pub async fn given_up(subject: &impl Subject) -> Result<(), Violation> {
    let messages = messages::all(subject)?;
    let Some(message) = first_that_goes(subject, &messages) else { return Ok(()) };
    if !attempt(subject, message).await.0.departure.is_kept() {
        return Ok(());
    }
    subject.seen();
    let attempt = Attempt::with_id(AttemptId::without_clock());
    attempt.departure.arm();
    attempt.departure.revoke();
    let sent = subject.provider().send_attempt(message, &attempt).await;
    let stayed = subject.seen().delivered.is_empty() && !attempt.departure.departed();
    hold(Law::Departures, stayed, "it went out all the same")?;
    let certain = sent.is_err_and(|error| error.acceptance() == Acceptance::NotAccepted);
    hold(Law::Departures, certain, "nothing went out, and the error does not say so")
}

/// What the [capabilities](crate::WhatsAppProvider::capabilities) do not name, the methods call
/// [`Unsupported`](ErrorKind::Unsupported), and what they name, they do not. A message of a sender that is not the
/// provider's own is never marked.
///
/// # Errors
///
/// [`Violation`] if they answer anything else.
pub async fn optional_methods(subject: &impl Subject) -> Result<(), Violation> {
    let provider = subject.provider();
    let capabilities = provider.capabilities();
    let (mut marks, mut types) = (false, false);
    for sender in provider.senders() {
        let message = MessageRef::new(sender, super::ID);
        marks |= !is_unsupported(provider.mark_read(&message).await);
        types |= !is_unsupported(provider.show_typing(&message).await);
    }
    let says = |name: &str, said: bool, does: bool| {
        let what = format!("{name}: the capabilities say {said}, and the method {does}");
        hold(Law::Optional, said == does, what)
    };
    says("mark_read", capabilities.mark_read, marks)?;
    says("show_typing", capabilities.show_typing, types)?;
    let Some(stranger) = messages::stranger() else { return Ok(()) };
    subject.seen();
    let foreign = MessageRef::new(stranger, super::ID);
    let refused =
        provider.mark_read(&foreign).await.is_err() && provider.show_typing(&foreign).await.is_err();
    let quiet = subject.seen().requests == 0;
    hold(Law::Optional, refused && quiet, "it marks a message of somebody else's sender")
}

fn is_unsupported(outcome: crate::Result<()>) -> bool {
    outcome.is_err_and(|error| error.kind() == ErrorKind::Unsupported)
}

/// An attempt at the first message that goes, with everything going wrong like this. `None` if it cannot.
pub(super) async fn in_trouble(
    subject: &impl Subject,
    trouble: Trouble,
    message: &OutboundMessage,
) -> Option<Error> {
    if !subject.trouble(trouble) {
        return None;
    }
    let sent = attempt(subject, message).await.1;
    subject.trouble(Trouble::None);
    sent.err()
}
