//! Voice calls, of which only the news is passed on.

use super::people::{People, named};
use super::{Element, Misread, NO_OBJECT, Reader, Reading, Scope, TOO_DEEP};
use crate::inbound::{EventId, Notice, User};
use crate::json::Json;
use crate::meta::wire::Object;

/// Something that happened to a call.
pub(super) fn read(reader: &Reader<'_>, element: &Element<'_>, scope: &Scope, people: &People) -> Reading {
    news(reader, element, scope, people, "event")
}

/// How far a call is.
pub(super) fn status(reader: &Reader<'_>, element: &Element<'_>, scope: &Scope, people: &People) -> Reading {
    news(reader, element, scope, people, "status")
}

/// `member` is the one that says what happened.
fn news(reader: &Reader<'_>, element: &Element<'_>, scope: &Scope, people: &People, member: &str) -> Reading {
    let Some(object) = Object::read(element.json) else {
        return Reading::odd(NO_OBJECT, scope.what.clone());
    };
    let event = object.text(member);
    let id = object.text("id").zip(event.as_deref());
    let id = id.map(|(id, event)| EventId::new(["call", id.as_str(), event]));
    let call = event.ok_or("a call without an event").and_then(|event| {
        let data = Json::parse(element.json.get()).map_err(|_| TOO_DEEP)?;
        let user = user(reader, &object, scope).map(|user| Box::new(people.complete(user)));
        Ok(scope.notice(Notice::Call { event, user, direction: object.text("direction"), data }))
    });
    Reading {
        id,
        kind: call.map(Into::into).map_err(|reason| Misread::new(reason, scope.what.clone())),
        time: object.time("timestamp"),
    }
}

/// The user of a call: whoever calls us, or is called by us. Where the direction is not told, it is the side that is not
/// our number; nobody is guessed.
fn user(reader: &Reader<'_>, call: &Object<'_>, scope: &Scope) -> Option<User> {
    let side = |names| Some(named(call, names, reader.portfolio)).filter(|user| !user.is_unknown());
    let from = side(["from", "from_user_id", "from_parent_user_id"]);
    let to = side(["to", "to_user_id", "to_parent_user_id"]);
    // Our numbers have no user id.
    let is_user =
        |side: &User| side.user.is_some() || scope.number.is_some_and(|ours| side.phone != Some(ours));
    match call.text("direction").as_deref() {
        Some("USER_INITIATED") => from,
        Some("BUSINESS_INITIATED") => to,
        _ => from.filter(is_user).or_else(|| to.filter(is_user)),
    }
    .or_else(|| side(["recipient_id", "recipient_user_id", "recipient_parent_user_id"]))
}
