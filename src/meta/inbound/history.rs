//! Messages from before a number joined. None of them is to be answered.

use super::echo::echo;
use super::lists::Lists;
use super::message::{NO_ID, author, message, read_named};
use super::people::{People, named};
use super::value::UNREAD_LIST;
use super::{Element, NO_OBJECT, Post, Reader, Reading, Scope};
use crate::inbound::{DeliveryState, EventKind, User};
use crate::meta::wire::Object;

/// The people of a value, and whose thread it is.
struct Thread<'p> {
    people: &'p People,
    own: People,
    user: User,
}

impl Thread<'_> {
    fn complete(&self, user: User) -> User {
        self.own.complete(self.people.complete(user))
    }
}

impl Reader<'_> {
    /// A part of a history: threads with their messages, or why there are none.
    pub(super) fn history(&mut self, element: &Element<'_>, scope: &Scope, people: &People) {
        let Some(part) = Object::read(element.json) else {
            return self.unrecognized(element, scope, NO_OBJECT);
        };
        let before = self.events.len();
        let mut places = Lists::new(&element.place);
        for (name, json) in part.members() {
            let known = ["threads", "errors"].contains(&name);
            self.list((name, json), known, &mut places, "", scope, |reader, element| match name {
                "threads" => reader.thread(element, scope, people),
                "errors" => {
                    let reading = reader.error(element, scope);
                    reader.add(element, scope, reading);
                }
                _ => reader.unrecognized(element, scope, UNREAD_LIST),
            });
        }
        self.rest(places, scope);
        if self.events.len() == before {
            self.unrecognized(element, scope, "a part of a history without messages");
        }
    }

    fn thread(&mut self, element: &Element<'_>, scope: &Scope, people: &People) {
        let Some(thread) = Object::read(element.json) else {
            return self.unrecognized(element, scope, NO_OBJECT);
        };
        let with = with(&thread, people, self.portfolio);
        let before = self.events.len();
        let mut places = Lists::new(&element.place);
        for (name, json) in thread.members() {
            let known = name == "messages";
            self.list((name, json), known, &mut places, "", scope, |reader, element| {
                if !known {
                    return reader.unrecognized(element, scope, UNREAD_LIST);
                }
                let reading = past(reader, element, scope, &with, None);
                reader.add(element, scope, reading);
            });
        }
        self.rest(places, scope);
        if self.events.len() == before {
            self.unrecognized(element, scope, "a thread without messages");
        }
    }
}

/// The user a thread is with, by its id, which is a phone number, and by what its context says.
fn with<'p>(thread: &Object<'_>, people: &'p People, portfolio: Option<&str>) -> Thread<'p> {
    let context = thread.object("context");
    let named = context.as_ref().map(|context| User {
        username: context.short_text("username"),
        ..named(context, ["wa_id", "user_id", "parent_user_id"], portfolio)
    });
    let mut user = named.unwrap_or_default();
    user.phone = user.phone.or_else(|| thread.phone("id"));
    let mut own = People::default();
    own.add(user.clone());
    Thread { people, own, user }
}

/// A file of a history, which is posted apart from the thread. The message that it belongs to has the same id and was
/// posted as well, with nothing but a placeholder.
pub(super) fn file(reader: &Reader<'_>, element: &Element<'_>, scope: &Scope, people: &People) -> Reading {
    let thread = Thread { people, own: People::default(), user: User::default() };
    past(reader, element, scope, &thread, Some("media"))
}

fn past(
    reader: &Reader<'_>,
    element: &Element<'_>,
    scope: &Scope,
    thread: &Thread<'_>,
    part: Option<&str>,
) -> Reading {
    read_named(element, scope, part, |object, id| ("history", kind(reader, object, id, scope, thread)))
}

/// A message of the user's, or one of the business's own: those say whom they went to, or come from our number.
fn kind(
    reader: &Reader<'_>,
    object: &Object<'_>,
    id: Option<&str>,
    scope: &Scope,
    thread: &Thread<'_>,
) -> Result<EventKind, &'static str> {
    let id = id.ok_or(NO_ID)?;
    let from = author(object, reader.portfolio)?;
    let state = object.object("history_context").and_then(|context| context.text("status"));
    let state = state.map(|word| DeliveryState::from_name(&word.to_ascii_lowercase()));
    let to = named(object, ["to", "to_user_id", "to_parent_user_id"], reader.portfolio);
    let is_ours = object.has("to")
        || object.has("to_user_id")
        || from.phone.is_some_and(|phone| scope.number == Some(phone));
    if is_ours {
        let to = if to.is_unknown() { thread.user.clone() } else { to };
        let mut echo = echo(reader, object, id, scope, thread.complete(to), Post::History)?;
        (echo.history, echo.state) = (true, state);
        return Ok(echo.into());
    }
    if from.is_unknown() {
        return Err("it does not say who wrote it");
    }
    let mut message = message(reader, object, id, scope, thread.complete(from), Post::History)?;
    (message.history, message.state) = (true, state);
    Ok(message.into())
}
