use super::{Odd, Source};
use crate::address::PhoneNumber;
use crate::inbound::User;
use crate::twilio::account::scoped_user;

const CHANNEL: &str = "whatsapp:";

/// Reads `whatsapp:+E164` or `whatsapp:<business-scoped id>`.
pub(super) fn address(source: &Source<'_>, address: &str) -> Option<User> {
    name(source, address.strip_prefix(CHANNEL)?)
}

/// Reads an address without its channel.
///
/// A business-scoped id has digits too, so which of the two it is is looked at before anything is taken off.
fn name(source: &Source<'_>, name: &str) -> Option<User> {
    if name.starts_with('+') {
        return PhoneNumber::parse(name).ok().map(User::with_phone);
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return PhoneNumber::from_digits(name).ok().map(User::with_phone);
    }
    // The country, a point, and the rest.
    name.contains('.').then(|| scoped_user(name, source.portfolio)).flatten().map(User::with_user)
}

fn without_channel(address: &str) -> &str {
    address.strip_prefix(CHANNEL).unwrap_or(address)
}

/// The user behind `address_field`, by every name that the webhook gives; perhaps by none that is an address.
pub(super) fn read(source: &Source<'_>, address_field: &str) -> Result<User, Odd> {
    let own = source.fields.text(address_field);
    if own.is_some_and(|own| !own.starts_with(CHANNEL)) {
        return Err(Odd::new("it does not come from WhatsApp"));
    }
    let mut user = own.and_then(|own| address(source, own)).unwrap_or_default();
    let named = source.text("ExternalUserId").and_then(|id| name(source, without_channel(id)));
    let named = named.unwrap_or_default();
    user.user = user.user.or(named.user);
    user.phone = user.phone.or(named.phone);
    if user.phone.is_none() {
        let digits = source.text("WaId").filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        user.phone = digits.and_then(|id| PhoneNumber::from_digits(id).ok());
    }
    // Portfolios that are linked share it, so it has no scope.
    user.parent_user =
        source.text("ParentExternalUserId").and_then(|id| scoped_user(without_channel(id), None));
    user.username = source.owned("ProfileUsername").or_else(|| source.owned("Username"));
    user.profile_name = source.owned("ProfileName");
    Ok(user)
}
