use super::{Odd, Read, Source, content, message_ref, user};
use crate::ids::SenderId;
use crate::inbound::{InboundMessage, QuotedMessage, Referral};

/// Reads a user's message.
pub(super) fn read(source: &Source<'_>, sid: &str) -> Read {
    let fields = source.fields;
    let sender = source.sender("To")?;
    let from = user::read(source, "From")?;
    if from.is_unknown() {
        return Err(Odd::new("the user's address was not understood"));
    }
    let content = content::read(source, &sender)?;
    let mut message = InboundMessage::new(message_ref(&sender, sid), from, content);
    message.reply_to = quoted(source, &sender);
    message.frequently_forwarded = fields.is_true("FrequentlyForwarded");
    // What was forwarded often was forwarded, whether or not the webhook says that too.
    message.forwarded = message.frequently_forwarded || fields.is_true("Forwarded");
    message.referral = referral(source).map(Box::new);
    Ok((sender, message.into()))
}

fn quoted(source: &Source<'_>, sender: &SenderId) -> Option<QuotedMessage> {
    let sid = source.fields.text("OriginalRepliedMessageSid")?;
    let mut quoted = QuotedMessage::new(message_ref(sender, sid));
    quoted.author =
        source.fields.text("OriginalRepliedMessageSender").and_then(|author| user::address(source, author));
    Some(quoted)
}

/// `ReferralNumMedia` alone says nothing: ordinary messages have it too.
fn referral(source: &Source<'_>) -> Option<Referral> {
    let owned = |name: &str| source.fields.owned(name);
    let media_type = source.fields.text("ReferralMediaContentType");
    let referral = Referral {
        source_url: owned("ReferralSourceUrl"),
        source_id: owned("ReferralSourceId"),
        source_type: owned("ReferralSourceType"),
        headline: owned("ReferralHeadline"),
        body: owned("ReferralBody"),
        // `image` out of `image/jpeg`.
        media_type: media_type.and_then(|media_type| media_type.split('/').next().map(str::to_owned)),
        media_id: owned("ReferralMediaId"),
        media_url: owned("ReferralMediaUrl"),
        click_id: owned("ReferralCtwaClid"),
        ..Referral::default()
    };
    (referral != Referral::default()).then_some(referral)
}
