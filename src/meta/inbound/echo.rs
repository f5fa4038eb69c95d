//! Messages that the business itself wrote, from the app or another application.

use super::content;
use super::message::{NO_ID, group, quoted, read_named};
use super::people::{People, named};
use super::{Element, NO_NUMBER, Post, Reader, Reading, Scope};
use crate::ids::MessageRef;
use crate::inbound::{Echo, User};
use crate::meta::wire::Object;

pub(super) fn read(
    reader: &Reader<'_>,
    element: &Element<'_>,
    scope: &Scope,
    people: &People,
    post: Post,
) -> Reading {
    let standby = post == Post::Standby;
    read_named(element, scope, None, |object, id| {
        let echo = addressee(object, reader.portfolio).and_then(|to| {
            let id = id.ok_or(NO_ID)?;
            let mut echo = echo(reader, object, id, scope, people.complete(to), post)?;
            echo.standby = standby;
            Ok(echo.into())
        });
        (if standby { "standby" } else { "echo" }, echo)
    })
}

/// A message to a user that is known.
pub(super) fn echo(
    reader: &Reader<'_>,
    object: &Object<'_>,
    id: &str,
    scope: &Scope,
    to: User,
    post: Post,
) -> Result<Echo, &'static str> {
    let sender = scope.sender.as_ref().ok_or(NO_NUMBER)?;
    let content = content::read(reader, object, sender, post)?;
    let mut echo = Echo::new(MessageRef::new(sender.clone(), id), to, content);
    echo.group = group(object)?;
    echo.reply_to = object.object("context").and_then(|context| quoted(&context, sender, reader.portfolio));
    Ok(echo)
}

/// Whom it was sent to. A name that is there and is none would make it a message to nobody.
fn addressee(object: &Object<'_>, portfolio: Option<&str>) -> Result<User, &'static str> {
    let user = named(object, ["to", "to_user_id", "to_parent_user_id"], portfolio);
    let is_group = object.has("group_id");
    if user.phone.is_none() && object.has("to") && !is_group {
        return Err("its recipient is not a phone number");
    }
    if user.user.is_none() && object.has("to_user_id") {
        return Err("its recipient is not a user id");
    }
    Ok(user)
}
