//! What WhatsApp itself says of a user.

use super::message::author;
use super::people::{People, named};
use super::{Element, Misread, NO_BODY, NO_OBJECT, Post, Reader, Reading, Scope};
use crate::inbound::{EventId, IdentityChange, IdentityKey, User};
use crate::meta::wire::Object;

pub(super) const UNKNOWN_SYSTEM: &str = "news of a user that is not read";

/// A change of the user's names, or of the key.
pub(super) fn read(
    message: &Object<'_>,
    people: &People,
    portfolio: Option<&str>,
) -> Result<IdentityChange, &'static str> {
    let body = message.object("system").ok_or(NO_BODY)?;
    let kind = body.text("type").ok_or(NO_BODY)?;
    let author = author(message, portfolio)?;
    let mut change = match kind.as_str() {
        "user_changed_number" | "customer_changed_number" | "user_changed_user_id" => {
            names(&body, author, portfolio).ok_or(NO_BODY)?
        }
        "customer_identity_changed" | "user_identity_changed" => {
            key(message, &body, author, people).ok_or(NO_BODY)?
        }
        _ => return Err(UNKNOWN_SYSTEM),
    };
    // A user's id is made anew with the number, but where only the id is told the number may be the same one still.
    change.number_changed = match kind.as_str() {
        "user_changed_number" | "customer_changed_number" => true,
        _ => has_another_number(&change),
    };
    change.text = body.text("body");
    change.what = Some(kind);
    Ok(change)
}

fn has_another_number(change: &IdentityChange) -> bool {
    change.before.phone.zip(change.after.phone).is_some_and(|(before, after)| before != after)
}

/// An element of the list that the same news came in before they were messages: the names, or beside them the old ones,
/// or both within the name.
pub(super) fn update(reader: &Reader<'_>, element: &Element<'_>, scope: &Scope, post: Post) -> Reading {
    let Some(object) = Object::read(element.json) else {
        return Reading::odd(NO_OBJECT, scope.what.clone());
    };
    let mut change = updated(&object, reader.portfolio);
    if let Some(change) = &mut change {
        change.standby = post == Post::Standby;
    }
    Reading {
        id: object.text("id").map(|id| EventId::new(["identity", id.as_str()])),
        kind: change.map(Into::into).ok_or_else(|| Misread::new(NO_BODY, scope.what.clone())),
        time: object.time("timestamp"),
    }
}

fn updated(update: &Object<'_>, portfolio: Option<&str>) -> Option<IdentityChange> {
    let id = |name: &str, portfolio: Option<&str>| match update.object(name) {
        Some(both) => (both.user("previous", portfolio), both.user("current", portfolio)),
        None => (update.user(&format!("previous_{name}"), portfolio), update.user(name, portfolio)),
    };
    let ((user_before, user), (parent_before, parent_user)) =
        (id("user_id", portfolio), id("parent_user_id", None));
    user.as_ref().or(parent_user.as_ref())?;
    let phone = update.phone("wa_id");
    let before = User { phone, user: user_before, parent_user: parent_before, ..User::default() };
    let mut change = IdentityChange::new(before, User { phone, user, parent_user, ..User::default() });
    change.text = update.text("detail");
    change.what = Some("user_id_update".to_owned());
    Some(change)
}

/// From the names of the message to those of its body, which may also tell the old id.
fn names(body: &Object<'_>, author: User, portfolio: Option<&str>) -> Option<IdentityChange> {
    let mut after = named(body, ["wa_id", "user_id", "parent_user_id"], portfolio);
    after.phone = after.phone.or_else(|| body.phone("new_wa_id"));
    if after.is_unknown() {
        return None;
    }
    let told = named(body, ["customer", "previous_user_id", "previous_parent_user_id"], portfolio);
    let mut before = User {
        // What it says of the number is of the new one if that is what it says.
        phone: author.phone.or(told.phone).filter(|phone| Some(*phone) != after.phone),
        user: told.user.or(author.user),
        parent_user: told.parent_user.or(author.parent_user),
        ..User::default()
    };
    before.user = before.user.filter(|user| Some(user) != after.user.as_ref());
    Some(IdentityChange::new(before, after))
}

fn key(message: &Object<'_>, body: &Object<'_>, mut user: User, people: &People) -> Option<IdentityChange> {
    user.phone = user.phone.or_else(|| body.phone("customer")).or_else(|| body.phone("wa_id"));
    if user.is_unknown() {
        return None;
    }
    let user = people.complete(user);
    let identity = message.object("identity").or_else(|| body.object("identity"));
    let key = match &identity {
        Some(identity) => identity.text("hash").map(|hash| IdentityKey {
            acknowledged: identity.flag("acknowledged"),
            created_at: identity.time("created_timestamp"),
            ..IdentityKey::new(hash)
        }),
        None => body.text("identity").map(IdentityKey::new),
    };
    let mut change = IdentityChange::new(user.clone(), user);
    if let Some(key) = &key {
        change.after.identity_key_hash = Some(key.hash.clone());
    }
    change.key = key;
    Some(change)
}
