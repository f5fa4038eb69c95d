use crate::address::PhoneNumber;
use crate::clock::{Clock, Timestamp};
use crate::error::Failure;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::inbound::{
    ButtonReply, DeliveryState, EventId, EventKind, InboundContent, InboundEvent, InboundMessage,
    StatusUpdate, User,
};
use crate::testing::TestClock;

/// Makes events as a provider's webhook would bring them, for tests of the code that handles them.
///
/// ```
/// use whatsapp_provider::testing::EventMaker;
///
/// let event = EventMaker::twilio().text("+15557654321", "Hi");
/// assert_eq!(event.provider().as_str(), "twilio");
/// ```
#[derive(Debug, Clone)]
pub struct EventMaker {
    sender: SenderId,
    received_at: Timestamp,
    next_id: u32,
}

impl EventMaker {
    /// Events from Meta, for the sender `106540352242922`.
    pub fn meta() -> Self {
        Self::new(SenderId::new(ProviderId::META, "106540352242922"))
    }

    /// Events from Twilio, for the sender `+14155238886`.
    pub fn twilio() -> Self {
        Self::new(SenderId::new(ProviderId::TWILIO, "+14155238886"))
    }

    /// Events for a sender of your own.
    pub fn new(sender: SenderId) -> Self {
        Self { sender, received_at: TestClock::new().now(), next_id: 0 }
    }

    /// Makes the following events arrive at this time.
    #[must_use]
    pub fn at(mut self, received_at: Timestamp) -> Self {
        self.received_at = received_at;
        self
    }

    /// A text from a user, by phone number in E.164 form (a number that is none leaves the user unknown). Every call
    /// on one maker gives the message an id of its own.
    pub fn text(&mut self, from: &str, body: &str) -> InboundEvent {
        self.message(from, InboundContent::text(body))
    }

    /// A tapped reply button.
    pub fn button(&mut self, from: &str, id: &str, title: &str) -> InboundEvent {
        self.message(from, InboundContent::Button(ButtonReply::new(id, title)))
    }

    /// Any message from a user.
    pub fn message(&mut self, from: &str, content: InboundContent) -> InboundEvent {
        self.next_id += 1;
        let message = MessageRef::new(self.sender.clone(), format!("test-{}", self.next_id));
        let from = PhoneNumber::parse(from).map(User::with_phone).unwrap_or_default();
        let id = EventId::new(["message", message.id.as_str()]);
        self.event(id, InboundMessage::new(message, from, content))
    }

    /// A status of a message that was sent.
    pub fn status(&self, message: &MessageRef, state: DeliveryState) -> InboundEvent {
        let id = EventId::new(["status", message.id.as_str(), state.as_str()]);
        self.event(id, StatusUpdate::new(message.clone(), state))
    }

    /// A status of a message that failed.
    pub fn failed(&self, message: &MessageRef, failure: Failure) -> InboundEvent {
        let mut status = StatusUpdate::new(message.clone(), DeliveryState::Failed);
        status.failures.push(failure);
        self.event(EventId::new(["status", message.id.as_str(), "failed"]), status)
    }

    /// Any event.
    pub fn event(&self, id: EventId, kind: impl Into<EventKind>) -> InboundEvent {
        InboundEvent::new(id, self.sender.provider.clone(), self.received_at, false, kind)
            .with_sender(self.sender.clone())
    }
}
