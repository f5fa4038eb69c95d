//! Voice calls, of which only the news is passed on.

use super::{Element, Misread, NO_OBJECT, Reading, Scope};
use crate::inbound::{EventId, Notice};
use crate::json::Json;
use crate::meta::wire::Object;

/// Something that happened to a call.
pub(super) fn read(element: &Element<'_>, scope: &Scope) -> Reading {
    news(element, scope, "event")
}

/// How far a call is.
pub(super) fn status(element: &Element<'_>, scope: &Scope) -> Reading {
    news(element, scope, "status")
}

/// `member` is the one that says what happened.
fn news(element: &Element<'_>, scope: &Scope, member: &str) -> Reading {
    let Some(object) = Object::read(element.json) else {
        return Reading::odd(NO_OBJECT, scope.what.clone());
    };
    let event = object.text(member);
    let id = object.text("id").zip(event.as_deref());
    let id = id.map(|(id, event)| EventId::new(["call", id.as_str(), event]));
    let call = event.and_then(|event| {
        let data = Json::parse(element.json.get()).ok()?;
        Some(scope.notice(Notice::Call { event, data }))
    });
    Reading {
        id,
        kind: call.map(Into::into).ok_or_else(|| Misread::new("a call without an event", scope.what.clone())),
        time: object.time("timestamp"),
    }
}
