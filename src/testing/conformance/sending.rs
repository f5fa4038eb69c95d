use super::violation::hold;
use super::{Delivered, Law, Subject, Violation, messages, wishes};
use crate::error::{Acceptance, Error, Result as Outcome};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{Attempt, OutboundMessage, SendReceipt, Wish};
use crate::provider::WhatsAppProvider;

/// What is sent is what arrives, in the provider's normal form, and the receipt names what that lacks; all else is refused,
/// by [`check`](WhatsAppProvider::check) as by [`send_attempt`](WhatsAppProvider::send_attempt), before any request. The
/// receipt names the provider, the sender and the attempt.
///
/// The messages are of every kind of content, with every wish, for each of the subject's
/// [recipients](Subject::recipients), and [its own](Subject::messages). A provider without senders refuses all of them.
///
/// # Errors
///
/// [`Violation`] of [`Law::Refusals`], [`Law::Sending`] or [`Law::Receipts`].
pub async fn sending(subject: &impl Subject) -> Result<(), Violation> {
    let provider = subject.provider();
    let mut open = provider.capabilities().contents;
    for message in messages::all(subject)?.iter().chain(&messages::hopeless()) {
        if one(subject, message).await? {
            let kind = message.content.kind();
            let carried = provider.capabilities().carries(kind);
            hold(Law::Sending, carried, format_args!("{kind:?} went, and the capabilities do not name it"))?;
            open.remove(&kind);
        }
    }
    hold(Law::Sending, open.is_empty(), format_args!("the capabilities name {open:?}, and none of it went"))
}

/// One attempt at a message.
pub(super) async fn attempt(
    subject: &impl Subject,
    message: &OutboundMessage,
) -> (Attempt, Outcome<SendReceipt>) {
    let attempt = Attempt::with_id(AttemptId::without_clock());
    let sent = subject.provider().send_attempt(message, &attempt).await;
    (attempt, sent)
}

/// Holds the laws for one message. Answers whether it went.
async fn one(subject: &impl Subject, message: &OutboundMessage) -> Result<bool, Violation> {
    let provider = subject.provider();
    subject.seen();
    let checked = provider.check(message);
    let (attempt, sent) = attempt(subject, message).await;
    let seen = subject.seen();
    let quiet = seen.requests == 0 && seen.delivered.is_empty() && !attempt.departure.departed();
    let violated = |law, what: &str| Err(Violation::new(law, format_args!("{what}: {message:?}")));
    match (checked, sent) {
        (Err(refusal), Err(error)) => {
            let alike = what(&refusal) == what(&error);
            hold(Law::Refusals, alike, format_args!("{refusal}, and the send: {error}"))?;
            let certain = [&refusal, &error].iter().all(|e| e.acceptance() == Acceptance::NotAccepted);
            hold(Law::Refusals, certain, format_args!("{refusal}, and the send: {error}"))?;
            hold(Law::Refusals, quiet, format_args!("{error}, and all the same something left"))?;
            Ok(false)
        }
        (Err(_), Ok(_)) => violated(Law::Refusals, "`check` refuses it, and it went"),
        (Ok(()), Err(error)) if quiet => {
            Err(Violation::new(Law::Refusals, format_args!("`check` takes it, and the send: {error}")))
        }
        (Ok(()), Err(error)) => Err(Violation::new(Law::Sending, format_args!("{error}: {message:?}"))),
        (Ok(()), Ok(receipt)) => {
            let [delivered] = &seen.delivered[..] else {
                return violated(Law::Sending, &format!("it reached users {} times", seen.delivered.len()));
            };
            receipt_names(provider, message, &attempt, &receipt)?;
            arrived(subject, message, &receipt, delivered)?;
            Ok(true)
        }
    }
}

/// What an error says, and nothing of where it was found.
fn what(error: &Error) -> impl PartialEq + '_ {
    (error.kind(), error.field(), error.limit(), error.actual())
}

fn receipt_names(
    provider: &dyn WhatsAppProvider,
    message: &OutboundMessage,
    attempt: &Attempt,
    receipt: &SendReceipt,
) -> Result<(), Violation> {
    let hold = |holds, what: &str| hold(Law::Receipts, holds, format_args!("{what}: {receipt:?}"));
    let Some(last) = receipt.attempts.last() else { return hold(false, "it names no attempt") };
    hold(last.failure.is_none(), "its last attempt failed")?;
    hold(last.provider == receipt.provider, "its last attempt is another provider's")?;
    // One with others inside may make attempts of its own.
    let own = receipt.provider == *provider.id();
    hold(!own || last.id == attempt.id, "it names another attempt")?;
    let senders = provider.senders();
    let sender = receipt.sender.as_ref();
    let known = sender.is_none_or(|sender| senders.contains(sender) || provider.receives_for(sender));
    hold(known, "it went out from somebody else's number")?;
    hold(sender.is_some() || senders.len() > 1, "there is one sender, and it names none")?;
    let wanted = message.from.as_ref();
    hold(
        sender.is_none() || wanted.is_none_or(|from| Some(from) == sender),
        "it was to go from another one",
    )?;
    let named = receipt.message.as_ref();
    hold(named.is_none_or(|message| Some(&message.sender) == sender), "its message has another sender")?;
    let only = message.via.as_ref().filter(|_| message.via_only);
    let inside =
        |via: &ProviderId| via == provider.id() || senders.iter().any(|sender| sender.provider == *via);
    hold(only.is_none_or(inside), "it was to go by another provider only")?;
    hold(receipt.content_index == 0, "an attempt has one content")?;
    let left = !attempt.departure.is_kept() || attempt.departure.departed();
    hold(left, "it was accepted, and the mark says that it has not left")
}

fn arrived(
    subject: &impl Subject,
    message: &OutboundMessage,
    receipt: &SendReceipt,
    delivered: &Delivered,
) -> Result<(), Violation> {
    let hold = |holds, what: &str| hold(Law::Sending, holds, format_args!("{what}: {message:?}"));
    let named: Vec<Wish> = receipt.dropped().iter().map(|dropped| dropped.wish).collect();
    let mut expected = subject.normal(message.content.clone());
    named.iter().for_each(|wish| wishes::take_out(&mut expected, *wish));
    hold(delivered.content == expected, "another content arrived")?;
    let sent_by = receipt.attempts.last().map(|attempt| attempt.id);
    hold(delivered.attempt.is_none() || delivered.attempt == sent_by, "another attempt's id arrived")?;

    for wish in &named {
        hold(wishes::has(message, *wish), &format!("{wish:?} was dropped, and nobody wished it"))?;
        let once = named.iter().filter(|other| *other == wish).count() == 1;
        hold(once, &format!("{wish:?} was dropped twice"))?;
    }
    let honest = |wish: Wish, arrived: bool| {
        let lost = wishes::has(message, wish) && !arrived;
        let what = if lost { "is lost, and the receipt does not say so" } else { "is not lost" };
        hold(lost == named.contains(&wish), &format!("{wish:?} {what}"))
    };
    for wish in wishes::SHOWN {
        honest(wish, wishes::shows(&delivered.content, wish).unwrap_or(true))?;
    }
    if let Some(quotes) = delivered.quotes {
        honest(Wish::Quote, quotes)?;
        hold(message.reply_to.is_some() || !quotes, "it quotes what nobody quoted")?;
    }
    let required = message.reply_to.as_ref().is_some_and(|quote| quote.required);
    hold(!(required && named.contains(&Wish::Quote)), "it was to go with its quote or not at all")?;
    let same = delivered.identity_key_hash == message.identity_key_hash;
    hold(same, "another condition arrived: the hash of the identity key")?;
    let reference = message.reference.as_ref().filter(|reference| !reference.is_empty());
    honest(Wish::Reference, wishes::given(&delivered.reference))?;
    let same = !wishes::given(&delivered.reference) || delivered.reference.as_ref() == reference;
    hold(same, "another reference arrived")?;
    for wish in &subject.provider().capabilities().drops {
        // What a content shows was looked at; some contents keep what others drop.
        let told = wishes::SHOWN.contains(wish) || !wishes::has(message, *wish) || named.contains(wish);
        hold(told, &format!("the capabilities say that {wish:?} is dropped, and the receipt does not"))?;
    }
    Ok(())
}
