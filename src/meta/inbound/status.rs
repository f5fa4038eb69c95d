//! What became of messages that were sent.

use super::contacts::Contacts;
use super::{Element, Misread, NO_OBJECT, Reader, Reading, Scope};
use crate::ids::{AttemptId, MessageRef};
use crate::inbound::{Conversation, DeliveryState, EventId, Pricing, StatusUpdate, User};
use crate::meta::error::status_failures;
use crate::meta::wire::{Object, elements};

pub(super) fn read(
    reader: &Reader<'_>,
    element: &Element<'_>,
    scope: &Scope,
    contacts: &Contacts,
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
    let parts = ["status", id.as_str(), word.as_str()];
    let event_id = EventId::new(parts.into_iter().chain(participant.as_deref()));
    let Some(sender) = scope.sender.clone() else {
        return Reading {
            id: Some(event_id),
            kind: misread("the webhook does not say which number it is for"),
            time,
        };
    };
    let state = DeliveryState::from_name(&word);
    let mut status = StatusUpdate::new(MessageRef::new(sender, id), state);
    status.to = contacts.complete(recipient(&object, reader.portfolio));
    let member = named(&object, "recipient_participant", reader.portfolio);
    status.participant =
        Some(member).filter(|member| !member.is_unknown()).map(|member| contacts.complete(member));
    if let Some(callback) = object.text("biz_opaque_callback_data") {
        (status.attempt, status.reference) = split(callback);
    }
    if let Some(errors) = object.get("errors") {
        // Documented as a list; a single one will do.
        let errors = elements(errors).unwrap_or_else(|| vec![errors]);
        // That one member of a group did not get it says nothing about the others.
        let failed = status.state == DeliveryState::Failed && status.participant.is_none();
        status.failures = status_failures(reader.webhook.provider(), &errors, failed);
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

/// The user it went to. For a group `recipient_id` is the group, which is nobody's number.
fn recipient(object: &Object<'_>, portfolio: Option<&str>) -> User {
    let mut user = named(object, "recipient", portfolio);
    if object.text("recipient_type").as_deref() == Some("group") {
        user.phone = None;
    }
    user
}

fn named(object: &Object<'_>, role: &str, portfolio: Option<&str>) -> User {
    User {
        phone: object.phone(&format!("{role}_id")),
        user: object.user(&format!("{role}_user_id"), portfolio),
        parent_user: object.user(&format!("{role}_parent_user_id"), None),
        ..User::default()
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
