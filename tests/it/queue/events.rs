//! Events with the ids, users and texts that a test wants.

use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, Unrecognized, User};
use whatsapp_provider::queue::Claim;
use whatsapp_provider::testing::EventMaker;
use whatsapp_provider::{EventKind, InboundEvent, MessageRef, PhoneNumber, ProviderId, SenderId};

/// The phone number of a user, by a number of ours.
pub(crate) fn phone(user: usize) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1555{user:07}")).unwrap()
}

/// A text with this id from this user.
pub(crate) fn text(user: usize, id: &str, body: &str) -> InboundEvent {
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
    body_of(&serde_json::from_str(&claim.payload).unwrap())
}

pub(crate) fn body_of(event: &InboundEvent) -> String {
    let EventKind::Message(message) = event.kind() else { panic!("not a message") };
    let InboundContent::Text { body, .. } = &message.content else { panic!("not a text") };
    body.clone()
}
