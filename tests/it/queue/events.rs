//! Events and messages with the ids, users and texts that a test wants.

use serde::de::DeserializeOwned;
use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, Unrecognized, User};
use whatsapp_provider::queue::{Claim, QueueItem};
use whatsapp_provider::testing::EventMaker;
use whatsapp_provider::{
    Content, EventKind, InboundEvent, MessageRef, OutboundMessage, PhoneNumber, ProviderId, SenderId,
};

/// The phone number of a user, by a number of ours.
pub(crate) fn phone(user: usize) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1555{user:07}")).unwrap()
}

/// What a queue holds, for the tests of every queue.
pub(crate) trait Sample: QueueItem + DeserializeOwned + PartialEq {
    /// A text with this id from or to this user.
    fn text(user: usize, id: &str, body: &str) -> Self;
}

impl Sample for InboundEvent {
    fn text(user: usize, id: &str, body: &str) -> Self {
        event(user, id, body)
    }
}

impl Sample for OutboundMessage {
    fn text(user: usize, id: &str, body: &str) -> Self {
        // Nobody carries an empty text.
        let body = if body.is_empty() { "-" } else { body };
        Self::text(phone(user), body).with_idempotency_key(format!("message/{id}"))
    }
}

/// A text with this id from or to this user.
pub(crate) fn text<I: Sample>(user: usize, id: &str, body: &str) -> I {
    I::text(user, id, body)
}

fn event(user: usize, id: &str, body: &str) -> InboundEvent {
    let message = MessageRef::new(SenderId::new(ProviderId::META, "106540352242922"), id);
    let content = InboundContent::text(body);
    let message = InboundMessage::new(message, User::with_phone(phone(user)), content);
    EventMaker::meta().event(EventId::new(["message", id]), message)
}

/// Notices without an id of their own, which are all equal.
pub(crate) fn notices(number: usize) -> Vec<InboundEvent> {
    let notice = Unrecognized::new("a new kind", &b"{}"[..]);
    vec![EventMaker::meta().event(EventId::new(["x", "cafe"]), notice); number]
}

/// The text that a claimed message says.
pub(crate) fn body(claim: &Claim) -> String {
    body_of(&claim.payload)
}

/// The text that a payload says.
pub(crate) fn body_of(payload: &str) -> String {
    if let Ok(message) = serde_json::from_str::<OutboundMessage>(payload) {
        let Content::Text(text) = message.content else { panic!("not a text") };
        return text.body;
    }
    let event: InboundEvent = serde_json::from_str(payload).unwrap();
    let EventKind::Message(message) = event.kind() else { panic!("not a message") };
    let InboundContent::Text { body, .. } = &message.content else { panic!("not a text") };
    body.clone()
}
