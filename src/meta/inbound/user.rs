//! What a user did or wishes, other than to write.

use super::people::{People, named};
use super::{Element, Misread, NO_BODY, NO_OBJECT, Reader, Reading, Scope};
use crate::clock::Timestamp;
use crate::inbound::Notice;
use crate::json::Json;
use crate::meta::wire::Object;
use crate::outbound::{ContactCard, ContactName, ContactPhone};

/// Whether a user wants marketing messages.
pub(super) fn preference(
    reader: &Reader<'_>,
    element: &Element<'_>,
    scope: &Scope,
    people: &People,
) -> Reading {
    news(element, scope, |wish| {
        if wish.text("category").is_some_and(|category| category != "marketing_messages") {
            return None;
        }
        let wanted = match wish.text("value")?.as_str() {
            "stop" => false,
            "resume" | "signup" => true,
            _ => return None,
        };
        let user = named(wish, ["wa_id", "user_id", "parent_user_id"], reader.portfolio);
        let user = Some(people.complete(user)).filter(|user| !user.is_unknown())?;
        let notice = Notice::MarketingPreference {
            user: Box::new(user),
            wanted,
            detail: wish.text("detail"),
            signup_id: wish.text("signup_id"),
        };
        Some((notice, wish.time("timestamp")))
    })
}

/// Such as a tap on a link. What it is made of differs from one sort to the next.
pub(super) fn action(element: &Element<'_>, scope: &Scope) -> Reading {
    news(element, scope, |action| {
        let data = Json::parse(element.json.get()).ok()?;
        let notice = Notice::UserAction { action: action.text("action_type")?, data };
        Some((notice, action.time("timestamp")))
    })
}

/// A contact in the address book of the business's app.
pub(super) fn address_book(element: &Element<'_>, scope: &Scope) -> Reading {
    news(element, scope, |change| {
        let removed = match change.text("action")?.as_str() {
            "add" | "edit" => false,
            "remove" => true,
            _ => return None,
        };
        let contact =
            change.object("contact").filter(|_| change.text("type").as_deref() == Some("contact"))?;
        let mut card = ContactCard::default();
        let name = ContactName {
            formatted: contact.text("full_name").unwrap_or_default(),
            first: contact.text("first_name"),
            ..ContactName::default()
        };
        card.name = Some(name).filter(|name| *name != ContactName::default());
        let phone = ContactPhone { phone: Some(contact.text("phone_number")?), ..ContactPhone::default() };
        card.phones.push(phone);
        let time = change.object("metadata").and_then(|metadata| metadata.time("timestamp"));
        Some((Notice::AddressBook { card: Box::new(card), removed }, time))
    })
}

/// News without an id of its own.
fn news(
    element: &Element<'_>,
    scope: &Scope,
    read: impl FnOnce(&Object<'_>) -> Option<(Notice, Option<Timestamp>)>,
) -> Reading {
    let Some(object) = Object::read(element.json) else {
        return Reading::odd(NO_OBJECT, scope.what.clone());
    };
    match read(&object) {
        Some((notice, time)) => Reading { id: None, kind: Ok(scope.notice(notice).into()), time },
        None => Reading {
            id: None,
            kind: Err(Misread::new(NO_BODY, scope.what.clone())),
            time: object.time("timestamp"),
        },
    }
}
