use crate::address::PhoneNumber;
use crate::clock::{Clock, Timestamp};
use crate::error::Failure;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::inbound::{
    AccountNotice, ButtonReply, DeliveryState, Echo, EventId, EventKind, IdentityChange, InboundContent,
    InboundEvent, InboundMessage, Notice, StatusUpdate, User,
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
        let message = InboundMessage::new(self.next(), user(from), content);
        self.event(EventId::new(["message", message.message.id.as_str()]), message)
    }

    /// A message from a user that another application is to answer.
    ///
    /// ```
    /// # use whatsapp_provider::testing::EventMaker;
    /// # use whatsapp_provider::{EventKind, inbound::InboundContent};
    /// let event = EventMaker::meta().standby("+15557654321", InboundContent::text("Hi"));
    /// assert!(matches!(event.kind(), EventKind::Observed(message) if message.standby));
    /// ```
    pub fn standby(&mut self, from: &str, content: InboundContent) -> InboundEvent {
        let mut message = InboundMessage::new(self.next(), user(from), content);
        message.standby = true;
        self.event(EventId::new(["standby", message.message.id.as_str()]), message)
    }

    /// A message that a user wrote before the number joined, at this time.
    pub fn history(&mut self, from: &str, content: InboundContent, wrote: Timestamp) -> InboundEvent {
        let mut message = InboundMessage::new(self.next(), user(from), content);
        message.history = true;
        let id = EventId::new(["history", message.message.id.as_str()]);
        self.event(id, message).with_occurred_at(wrote)
    }

    /// A message that the business itself sent to a user by another way, such as the app.
    pub fn echo(&mut self, to: &str, content: InboundContent) -> InboundEvent {
        let echo = Echo::new(self.next(), user(to), content);
        self.event(EventId::new(["echo", echo.message.id.as_str()]), echo)
    }

    /// A change of a user's names.
    pub fn identity(&mut self, before: User, after: User) -> InboundEvent {
        let id = EventId::new(["identity", self.next().id.as_str()]);
        self.event(id, IdentityChange::new(before, after))
    }

    /// News about the whole account, which names no sender. Every call on one maker gives the event an id of its own.
    pub fn notice(&mut self, notice: Notice) -> InboundEvent {
        let id = EventId::new(["x", self.next().id.as_str()]);
        let notice = AccountNotice::new(notice);
        InboundEvent::new(id, self.sender.provider.clone(), self.received_at, false, notice)
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

    fn next(&mut self) -> MessageRef {
        self.next_id += 1;
        MessageRef::new(self.sender.clone(), format!("test-{}", self.next_id))
    }

    /// Any event.
    pub fn event(&self, id: EventId, kind: impl Into<EventKind>) -> InboundEvent {
        InboundEvent::new(id, self.sender.provider.clone(), self.received_at, false, kind)
            .with_sender(self.sender.clone())
    }
}

/// A user by phone number; one that is none leaves the user unknown.
fn user(phone: &str) -> User {
    PhoneNumber::parse(phone).map(User::with_phone).unwrap_or_default()
}
