use super::redaction::printed;
use super::{Subject, Violation, json};
use crate::error::{Acceptance, Error, ErrorKind};
use crate::outbound::{Attempt, Content, Dropped, OutboundMessage, SendReceipt, Wish};
use crate::provider::WhatsAppProvider;
use crate::testing::TestClock;

/// What is sent is what arrives: every [message](Subject::messages) either goes out and reads back as it was, but for
/// what the receipt says was dropped; or is refused by [`check`](WhatsAppProvider::check) and by
/// [`send_attempt`](WhatsAppProvider::send_attempt) alike, and then nothing leaves.
///
/// A receipt names its provider and the attempt that succeeded; what is carried is among the
/// [capabilities](WhatsAppProvider::capabilities); an attempt that was given up sends nothing.
///
/// # Errors
///
/// [`Violation`] names the kind of the message and what became of it. If no message went out at all, that is one too,
/// unless none of them passes the check.
pub async fn encoding(subject: &impl Subject) -> Result<(), Violation> {
    const LAW: &str = "what is sent is what arrives";
    let provider = subject.provider();
    let clock = TestClock::new();
    let messages = subject.messages();
    let (mut carried, mut allowed) = (0, 0);
    // What came before is not this law's affair.
    subject.take_sent();
    for (place, message) in messages.iter().enumerate() {
        let wrong = |what: String| {
            Violation::new(LAW, format_args!("message {place}, {}: {what}", message.content.kind().as_str()))
        };
        let attempt = Attempt::new(&clock);
        let checked = provider.check(message);
        let sent = provider.send_attempt(message, &attempt).await;
        let arrived = subject.take_sent();
        match (checked, sent) {
            (Err(check), Ok(_)) => {
                return Err(wrong(format!("check refused it ({}), and it was sent", check.kind())));
            }
            (Err(check), Err(error)) => {
                refused_alike(&check, &error).map_err(wrong)?;
                if arrived.as_ref().is_some_and(|arrived| !arrived.is_empty()) || attempt.departure.departed()
                {
                    return Err(wrong("it was refused, and something left all the same".to_owned()));
                }
            }
            (Ok(()), Err(error)) => {
                allowed += 1;
                failed(&error, attempt.departure.is_kept() && !attempt.departure.departed())
                    .map_err(wrong)?;
            }
            (Ok(()), Ok(receipt)) => {
                (carried, allowed) = (carried + 1, allowed + 1);
                names(provider, &attempt, &receipt).map_err(wrong)?;
                if !provider.capabilities().carries(message.content.kind()) {
                    return Err(wrong("it was sent, and is not among the capabilities".to_owned()));
                }
                let required = message.reply_to.as_ref().is_some_and(|quote| quote.required);
                if required && receipt.dropped().iter().any(|dropped| dropped.wish == Wish::Quote) {
                    return Err(wrong("its quote was required, and dropped".to_owned()));
                }
                if let Some(arrived) = arrived {
                    let expected = subject.normal_form(without(message.content.clone(), receipt.dropped()));
                    arrived_as(&expected, &arrived).map_err(wrong)?;
                }
            }
        }
    }
    if allowed > 0 && carried == 0 {
        return Err(Violation::new(LAW, "no message was accepted"));
    }
    given_up(subject, &messages).await
}

/// Nothing leaves an attempt that was given up before.
async fn given_up(subject: &impl Subject, messages: &[OutboundMessage]) -> Result<(), Violation> {
    const LAW: &str = "an attempt that was given up sends nothing";
    let provider = subject.provider();
    let Some(message) = messages.iter().find(|message| provider.check(message).is_ok()) else {
        return Ok(());
    };
    let attempt = Attempt::new(&TestClock::new());
    attempt.departure.arm();
    attempt.departure.revoke();
    let sent = provider.send_attempt(message, &attempt).await;
    let arrived = subject.take_sent().unwrap_or_default();
    match sent {
        Err(error) if error.acceptance() == Acceptance::NotAccepted && arrived.is_empty() => Ok(()),
        Err(error) => {
            Err(Violation::new(LAW, format_args!("it ended with {}, {}", error.kind(), error.acceptance())))
        }
        Ok(_) => Err(Violation::new(LAW, "it was accepted")),
    }
}

/// The two refusals of one message.
fn refused_alike(check: &Error, error: &Error) -> Result<(), String> {
    if (check.kind(), check.field()) != (error.kind(), error.field()) {
        let field = |error: &Error| error.field().unwrap_or("no field").to_owned();
        let (a, b) = (
            format!("{} of {}", check.kind(), field(check)),
            format!("{} of {}", error.kind(), field(error)),
        );
        return Err(format!("check refuses it as {a}, and sending as {b}"));
    }
    match (check.acceptance(), error.acceptance()) {
        (Acceptance::NotAccepted, Acceptance::NotAccepted) => Ok(()),
        _ => Err("it was refused before it left, and its acceptance is not known".to_owned()),
    }
}

/// A message that passed the check, and failed. What is wrong with the message itself has to be said by the check,
/// as far as it can be known before anything leaves.
fn failed(error: &Error, stayed: bool) -> Result<(), String> {
    let of_message =
        matches!(error.kind(), ErrorKind::InvalidMessage | ErrorKind::Unsupported | ErrorKind::NotPortable);
    if of_message && stayed && error.status().is_none() {
        return Err(format!("check let it pass, and it was refused before it left: {}", error.kind()));
    }
    Ok(())
}

fn names(provider: &dyn WhatsAppProvider, attempt: &Attempt, receipt: &SendReceipt) -> Result<(), String> {
    let known = receipt.provider == *provider.id()
        || provider.senders().iter().any(|sender| sender.provider == receipt.provider);
    if !known {
        return Err("the receipt names another provider".to_owned());
    }
    let Some(last) = receipt.attempts.last() else { return Err("the receipt names no attempt".to_owned()) };
    if last.failure.is_some() || (receipt.attempts.len() == 1 && last.id != attempt.id) {
        return Err("the receipt's last attempt is not the one that succeeded".to_owned());
    }
    Ok(())
}

fn arrived_as(expected: &Content, arrived: &[Content]) -> Result<(), String> {
    match arrived {
        [content] if content == expected => Ok(()),
        [content] => {
            let text = |content| serde_json::to_string(content).unwrap_or_default();
            Err(format!("it arrived as {} instead of {}", text(content), text(expected)))
        }
        [] => Err("it was accepted, and did not arrive".to_owned()),
        more => Err(format!("it arrived {} times", more.len())),
    }
}

/// A content without the wishes that were dropped.
fn without(mut content: Content, dropped: &[Dropped]) -> Content {
    for Dropped { wish, .. } in dropped {
        match (&mut content, wish) {
            (Content::Text(text), Wish::LinkPreview) => text.preview_url = None,
            (Content::Document(document), Wish::FileName) => document.filename = None,
            (Content::Document(document), Wish::Caption) => document.caption = None,
            (Content::Image(image), Wish::Caption) => image.caption = None,
            (Content::Video(video), Wish::Caption) => video.caption = None,
            (Content::Audio(audio), Wish::Voice) => audio.voice = false,
            (Content::Location(location), Wish::LocationAddress) => location.address = None,
            // The others are not in the content.
            _ => {}
        }
    }
    content
}

/// Every message that passes the check, every receipt and every error is the same after a trip through JSON.
///
/// # Errors
///
/// [`Violation`] if one is not.
pub async fn json_of_sending(subject: &impl Subject) -> Result<(), Violation> {
    let provider = subject.provider();
    for message in subject.messages() {
        // What no provider could carry need not be writable: a place that is no number, for one.
        if provider.check(&message).is_ok() {
            json(&message)?;
        }
        match provider.send_attempt(&message, &Attempt::new(&TestClock::new())).await {
            Ok(receipt) => json(&receipt)?,
            Err(error) => json(&crate::error::Failure::from(&error))?,
        }
    }
    subject.take_sent();
    Ok(())
}

/// No secret, number, message id or body is in any `Debug` or `Display` of what sending leaves behind.
pub(super) async fn redaction(
    subject: &impl Subject,
    canaries: &[String],
    messages: &[OutboundMessage],
) -> Result<(), Violation> {
    let provider = subject.provider();
    for message in messages {
        let attempt = Attempt::new(&TestClock::new());
        match provider.send_attempt(message, &attempt).await {
            Ok(receipt) => printed("a receipt", &receipt, canaries)?,
            Err(error) => {
                printed("an error", &error, canaries)?;
                printed("an error", &error.to_string(), canaries)?;
                printed("a failure", &crate::error::Failure::from(&error), canaries)?;
            }
        }
        printed("an attempt", &attempt, canaries)?;
    }
    subject.take_sent();
    Ok(())
}
