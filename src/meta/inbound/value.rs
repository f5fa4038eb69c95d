//! The value of a change: its lists, element by element, or the one piece of news that it is.

use super::lists::{Lists, STANDBY, has_lists, is_known};
use super::people::People;
use super::{
    Element, Misread, NO_BODY, Post, Reader, Reading, Scope, call, echo, history, message, notices, status,
    system, user,
};
use crate::error::Failure;
use crate::inbound::Notice;
use crate::meta::error::{Operation, webhook_failure};
use crate::meta::wire::Object;

pub(super) const UNREAD_LIST: &str = "an element of a list that is not read";
const UNREAD_CHANGE: &str = "an element of a change that is not read";

impl Reader<'_> {
    pub(super) fn value(&mut self, change: &Element<'_>, value: &Object<'_>, scope: &Scope) {
        let field = scope.what.as_deref();
        let post = match field {
            Some("messages") => Post::Own,
            Some(STANDBY) => Post::Standby,
            Some("history") => Post::History,
            Some("calls") => Post::Calls,
            _ => Post::Other,
        };
        let before = self.events.len();
        let news = field.and_then(|field| notices::read(field, value, self.portfolio));
        if let Some(news) = news {
            // A list beside the news would be lost.
            let news = news.and_then(|notice| if has_lists(value) { Err(NO_BODY) } else { Ok(notice) });
            let kind = news.map(|notice| notices::about(value, scope, notice).into());
            let kind = kind.map_err(|reason| Misread::new(reason, scope.what.clone()));
            return self.add(change, scope, Reading { id: None, kind, time: value.time("timestamp") });
        }
        if post == Post::Own || has_lists(value) {
            let place = format!("{}/value", change.place);
            let people = people(value, self.portfolio);
            let mut places = Lists::new(&place);
            self.lists(value, &people, post, &mut places, "", scope);
            self.rest(places, scope);
        }
        if self.events.len() == before {
            self.unrecognized(change, scope, "a change that is not read");
        }
    }

    /// Every member that is a list, in the order in which they stand.
    fn lists(
        &mut self,
        value: &Object<'_>,
        people: &People,
        post: Post,
        places: &mut Lists<'_>,
        steps: &str,
        scope: &Scope,
    ) {
        for (name, json) in value.members() {
            if name == STANDBY
                && steps.is_empty()
                && let Some(inner) = Object::read(json)
            {
                self.lists(&inner, people, Post::Standby, places, "standby/", scope);
                continue;
            }
            // In a change of messages the list says what its elements are, in others the change does.
            let what = if post == Post::Own { Some(name.to_owned()) } else { scope.what.clone() };
            let scope = Scope { what, ..scope.clone() };
            self.list((name, json), is_known(name), places, steps, &scope, |reader, element| {
                reader.element(name, element, &scope, people, post);
            });
        }
    }

    /// An element, by its list and by the way it came. What the business itself wrote (echoes), what another application
    /// answers (standby) and what was written long ago (history) must not be taken for messages to be answered, so a
    /// message is one only where it is known to be.
    fn element(&mut self, list: &str, element: &Element<'_>, scope: &Scope, people: &People, post: Post) {
        let reading = match (list, post) {
            ("messages", Post::Own | Post::Standby) => message::read(self, element, scope, people, post),
            ("messages", Post::History) => history::file(self, element, scope, people),
            ("statuses", Post::Own | Post::Standby) => status::read(self, element, scope, people, post),
            ("statuses", Post::Calls) => call::status(self, element, scope, people),
            ("message_echoes", _) => echo::read(self, element, scope, people, post),
            ("history", Post::Own | Post::History) => return self.history(element, scope, people),
            ("errors", _) => self.error(element, scope),
            ("calls", Post::Own | Post::Calls) => call::read(self, element, scope, people),
            ("user_preferences", _) => user::preference(self, element, scope, people),
            ("user_actions", _) => user::action(element, scope),
            ("user_id_update", _) => system::update(self, element, scope, post),
            ("state_sync", _) => user::address_book(element, scope),
            _ => {
                let reason = if post == Post::Own { UNREAD_LIST } else { UNREAD_CHANGE };
                return self.unrecognized(element, scope, reason);
            }
        };
        self.add(element, scope, reading);
    }

    /// An error that belongs to no message.
    pub(super) fn error(&self, element: &Element<'_>, scope: &Scope) -> Reading {
        let object = Object::read(element.json);
        let provider = self.webhook.provider();
        let failure: Option<Failure> =
            object.as_ref().and_then(|error| webhook_failure(Operation::Status, provider, error, false));
        Reading {
            id: None,
            time: object.and_then(|error| error.time("timestamp")),
            kind: failure
                .map(|failure| scope.notice(Notice::failed(failure)).into())
                .ok_or_else(|| Misread::new("an error without a code", scope.what.clone())),
        }
    }
}

/// The people of a value: they stand beside its lists, or with those of another application.
fn people(value: &Object<'_>, portfolio: Option<&str>) -> People {
    let mut people = People::default();
    people.add_contacts(value, portfolio);
    for (_, json) in value.members().filter(|(name, _)| *name == STANDBY) {
        if let Some(inner) = Object::read(json) {
            people.add_contacts(&inner, portfolio);
        }
    }
    people
}
