//! What became of messages that were sent.

use super::people::{People, named};
use super::{Element, Misread, NO_NUMBER, NO_OBJECT, Post, Reader, Reading, Scope};
use crate::address::GroupId;
use crate::ids::{AttemptId, MessageRef};
use crate::inbound::{Conversation, DeliveryState, EventId, Pricing, StatusUpdate};
use crate::meta::error::{Operation, webhook_failures};
use crate::meta::wire::Object;

pub(super) fn read(
    reader: &Reader<'_>,
    element: &Element<'_>,
    scope: &Scope,
    people: &People,
    post: Post,
) -> Reading {
    let misread = |reason| Err(Misread::new(reason, scope.what.clone()));
    let Some(object) = Object::read(element.json) else {
        return Reading { id: None, kind: misread(NO_OBJECT), time: None };
    };
    let time = object.time("timestamp");
    let (Some(id), Some(word)) = (object.text("id"), object.text("status")) else {
        return Reading { id: None, kind: misread("a status without an id or a state"), time };
    };
    // In a group every member brings its own.
    let participant =
        object.text("recipient_participant_id").or_else(|| object.text("recipient_participant_user_id"));
    let prefix = if post == Post::Standby { "standby" } else { "status" };
    let parts = [prefix, id.as_str(), word.as_str()];
    let event_id = EventId::new(parts.into_iter().chain(participant.as_deref()));
    let Some(sender) = scope.sender.clone() else {
        return Reading { id: Some(event_id), kind: misread(NO_NUMBER), time };
    };
    let mut status = StatusUpdate::new(MessageRef::new(sender, id), state(&word));
    status.standby = post == Post::Standby;
    let mut to =
        named(&object, ["recipient_id", "recipient_user_id", "recipient_parent_user_id"], reader.portfolio);
    if object.text("recipient_type").as_deref() == Some("group") {
        // Then it is the group's id, which is nobody's number.
        to.phone = None;
        status.group = object.text("recipient_id").and_then(|id| GroupId::new(id).ok());
    }
    status.to = people.complete(to);
    let member = named(
        &object,
        ["recipient_participant_id", "recipient_participant_user_id", "recipient_participant_parent_user_id"],
        reader.portfolio,
    );
    status.participant =
        Some(member).filter(|member| !member.is_unknown()).map(|member| people.complete(member));
    if let Some(callback) = object.text("biz_opaque_callback_data") {
        (status.attempt, status.reference) = split(callback);
    }
    if let Some(errors) = object.get("errors") {
        // That one member of a group did not get it says nothing about the others.
        let failed = status.state == DeliveryState::Failed && status.participant.is_none();
        status.failures = webhook_failures(Operation::Status, reader.webhook.provider(), errors, failed);
    }
    status.pricing = object.object("pricing").map(|pricing| Pricing {
        billable: pricing.flag("billable"),
        model: pricing.text("pricing_model"),
        kind: pricing.text("type"),
        category: pricing.text("category"),
    });
    status.conversation = object.object("conversation").and_then(|conversation| {
        let origin = conversation.object("origin");
        Some(Conversation {
            id: conversation.text("id")?,
            expires_at: conversation.time("expiration_timestamp"),
            origin: origin.and_then(|origin| origin.text("type")),
        })
    });
    Reading { id: Some(event_id), kind: Ok(status.into()), time }
}

/// The state of a word. What the answer to a send calls by a longer name is the same here.
fn state(word: &str) -> DeliveryState {
    match word {
        "held_for_quality_assessment" => DeliveryState::Held,
        word => DeliveryState::from_name(word),
    }
}

/// The attempt and the caller's reference, as `outbound` joined them. What another application put there is all
/// reference.
fn split(callback: String) -> (Option<AttemptId>, Option<String>) {
    let (attempt, reference) = match callback.split_once('|') {
        Some((attempt, reference)) => (attempt, Some(reference)),
        None => (callback.as_str(), None),
    };
    match attempt.parse() {
        Ok(attempt) => {
            let reference = reference.filter(|reference| !reference.is_empty());
            (Some(attempt), reference.map(str::to_owned))
        }
        Err(_) => (None, Some(callback)),
    }
}
