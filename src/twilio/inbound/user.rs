use super::{Odd, Source};
use crate::address::PhoneNumber;
use crate::inbound::User;
use crate::twilio::account::scoped_user;

/// Reads `whatsapp:+E164` or `whatsapp:<business-scoped id>`.
///
/// A business-scoped id has digits too, so which of the two it is is looked at before anything is taken off.
pub(super) fn address(source: &Source<'_>, address: &str) -> Option<User> {
    let name = address.strip_prefix("whatsapp:")?;
    if name.starts_with('+') {
        return PhoneNumber::parse(name).ok().map(User::with_phone);
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return PhoneNumber::from_digits(name).ok().map(User::with_phone);
    }
    // The country, a point, and the rest.
    name.contains('.').then(|| scoped_user(name, source.portfolio)).flatten().map(User::with_user)
}

/// The user behind `address_field`, by every name that the webhook gives; perhaps by none that is an address.
pub(super) fn read(source: &Source<'_>, address_field: &str) -> Result<User, Odd> {
    let fields = source.fields;
    let own = fields.text(address_field);
    if own.is_some_and(|own| !own.starts_with("whatsapp:")) {
        return Err(Odd::new("it does not come from WhatsApp"));
    }
    let mut user = own.and_then(|own| address(source, own)).unwrap_or_default();
    let named = fields.text("ExternalUserId").and_then(|id| address(source, id)).unwrap_or_default();
    user.user = user.user.or(named.user);
    user.phone = user.phone.or(named.phone);
    if user.phone.is_none() {
        user.phone = fields.text("WaId").and_then(|id| PhoneNumber::from_digits(id).ok());
    }
    // Portfolios that are linked share it, so it has no scope.
    user.parent_user = fields
        .text("ParentExternalUserId")
        .and_then(|id| scoped_user(id.strip_prefix("whatsapp:").unwrap_or(id), None));
    user.username = fields.owned("ProfileUsername").or_else(|| fields.owned("Username"));
    user.profile_name = fields.owned("ProfileName");
    Ok(user)
}
