//! Answers to events.

use super::content::InboundContent;
use super::event::{EventKind, InboundEvent};
use super::identity::User;
use super::message::InboundMessage;
use super::notice::Notice;
use super::status::StatusUpdate;
use crate::address::Recipient;
use crate::ids::MessageRef;
use crate::outbound::{Content, OutboundMessage};

impl InboundEvent {
    /// The message, if it is one that a user wrote and that is to be answered. An [`Observed`](EventKind::Observed) one
    /// is not.
    ///
    /// ```
    /// # use whatsapp_provider::testing::EventMaker;
    /// let event = EventMaker::meta().text("+15557654321", "Hi");
    /// assert_eq!(event.as_message().and_then(|message| message.text()), Some("Hi"));
    /// ```
    pub fn as_message(&self) -> Option<&InboundMessage> {
        if let EventKind::Message(message) = &self.kind { Some(message) } else { None }
    }

    /// The status, if it is one.
    pub fn as_status(&self) -> Option<&StatusUpdate> {
        if let EventKind::Status(status) = &self.kind { Some(status) } else { None }
    }

    /// The user it is about, if there is one. Of news those have one that are about a user: a wish, a handover, a call.
    pub fn user(&self) -> Option<&User> {
        match &self.kind {
            EventKind::Message(message) | EventKind::Observed(message) => Some(&message.from),
            EventKind::Status(status) => Some(&status.to),
            EventKind::Identity(change) => Some(&change.after),
            EventKind::Echo(echo) => Some(&echo.to),
            EventKind::Account(news) => news.notice.user(),
            EventKind::Unrecognized(_) => None,
        }
    }

    /// An answer: to the user (or the group) the event is about, from the sender that received it, quoting the message
    /// where that is possible, and with an idempotency key made of the event's id, so that handling the event again
    /// does not answer twice.
    ///
    /// The answer to a new wording quotes the message that was reworded. One to a reaction, or to a message that was taken
    /// back, quotes nothing.
    ///
    /// What is not to be answered makes an answer to nobody, which every provider refuses:
    /// [`Observed`](EventKind::Observed) messages, the business's own, and whatever else is of a conversation that
    /// another application is in charge of.
    ///
    /// It is the first step of an answer; further ones are [`reply_step`](Self::reply_step)s.
    pub fn reply(&self, content: impl Into<Content>) -> OutboundMessage {
        self.reply_step(0, content)
    }

    /// One of several answers to the same event, counted from 0.
    pub fn reply_step(&self, step: u32, content: impl Into<Content>) -> OutboundMessage {
        let mut reply = OutboundMessage::new(self.answer_to(), content)
            .with_idempotency_key(format!("reply:{}:{step}", self.id.as_str()));
        reply.from.clone_from(&self.sender);
        match self.as_message().and_then(quoted) {
            Some(message) => reply.with_reply_to(message.clone()),
            None => reply,
        }
    }

    /// Whom an answer goes to.
    fn answer_to(&self) -> Recipient {
        let (answerable, group) = match &self.kind {
            EventKind::Message(message) => (message.is_to_be_answered(), message.group.as_ref()),
            EventKind::Status(status) => (!status.standby, status.group.as_ref()),
            EventKind::Identity(change) => (!change.standby, None),
            EventKind::Account(news) => (!is_of_another_application(&news.notice), None),
            EventKind::Observed(_) | EventKind::Echo(_) | EventKind::Unrecognized(_) => (false, None),
        };
        let group = group.cloned().map(Recipient::Group);
        let to = group.or_else(|| self.user().map(User::recipient)).filter(|_| answerable);
        to.unwrap_or(Recipient::Unknown)
    }
}

fn is_of_another_application(notice: &Notice) -> bool {
    matches!(notice, Notice::Handover { in_control: false, .. })
}

/// The message that an answer to this one quotes.
fn quoted(message: &InboundMessage) -> Option<&MessageRef> {
    match &message.content {
        // It has no bubble of its own in the chat.
        InboundContent::Edit(edit) => Some(&edit.original),
        InboundContent::Revoke { .. } | InboundContent::Reaction(_) => None,
        _ => Some(&message.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::GroupId;
    use crate::ids::{ProviderId, SenderId};
    use crate::inbound::{AccountNotice, DeliveryState, Edit, EventId, IdentityChange, InboundReaction};
    use crate::json::Json;
    use crate::testing::EventMaker;

    const ADA: &str = "+15557654321";

    fn ours(id: &str) -> MessageRef {
        MessageRef::new(SenderId::new(ProviderId::META, "106540352242922"), id)
    }

    fn ada() -> User {
        EventMaker::meta().text(ADA, "Hi").user().unwrap().clone()
    }

    fn answer(kind: impl Into<EventKind>) -> OutboundMessage {
        EventMaker::meta().event(EventId::new(["x", "1"]), kind).reply(Content::text("hello"))
    }

    #[test]
    fn an_answer_quotes_what_stands_in_the_chat() {
        let quoted = |content: InboundContent| {
            let reply = EventMaker::meta().message(ADA, content).reply(Content::text("hello"));
            assert_eq!(reply.to, ada().recipient());
            reply.reply_to.map(|quote| quote.message.id)
        };
        let hi = || InboundContent::text("Hi");
        assert_eq!(quoted(hi()).as_deref(), Some("test-1"));
        let edit = InboundContent::Edit(Edit::new(ours("before"), hi()));
        assert_eq!(quoted(edit).as_deref(), Some("before"));
        assert_eq!(quoted(InboundContent::revoke(ours("before"))), None);
        let reaction = InboundReaction::new(ours("before"), Some("👍".to_owned()));
        assert_eq!(quoted(InboundContent::Reaction(reaction)), None);
    }

    #[test]
    fn what_another_application_is_in_charge_of_is_answered_to_nobody() {
        for standby in [false, true] {
            let expected = if standby { Recipient::Unknown } else { ada().recipient() };
            let mut status = StatusUpdate::new(ours("1"), DeliveryState::Read);
            (status.to, status.standby) = (ada(), standby);
            assert_eq!(answer(status).to, expected);
            let mut change = IdentityChange::new(User::default(), ada());
            change.standby = standby;
            assert_eq!(answer(change).to, expected);
            let handover = Notice::Handover {
                user: Box::new(ada()),
                in_control: !standby,
                event: None,
                before: None,
                after: None,
            };
            assert_eq!(answer(AccountNotice::new(handover)).to, expected);
        }
    }

    #[test]
    fn an_answer_to_a_groups_status_goes_to_the_group() {
        let group = GroupId::new("Y2Fw").unwrap();
        let mut status = StatusUpdate::new(ours("1"), DeliveryState::Read);
        (status.to, status.group) = (ada(), Some(group.clone()));
        assert_eq!(answer(status).to, Recipient::Group(group));
    }

    #[test]
    fn news_have_the_user_they_are_about() {
        let call = |user| Notice::Call {
            event: "connect".into(),
            user,
            direction: None,
            data: Json::parse("{}").unwrap(),
        };
        let maker = EventMaker::meta();
        let event = |notice| maker.event(EventId::new(["x", "1"]), AccountNotice::new(notice));
        assert_eq!(event(call(Some(Box::new(ada())))).user(), Some(&ada()));
        assert_eq!(event(call(None)).user(), None);
        assert_eq!(event(Notice::marketing_preference(ada(), false)).user(), Some(&ada()));
        assert_eq!(event(Notice::Reinstated).user(), None);
        assert_eq!(event(Notice::Reinstated).reply(Content::text("hello")).to, Recipient::Unknown);
    }

    #[test]
    fn events_are_taken_for_what_they_are() {
        let mut maker = EventMaker::meta();
        let (text, status) = (maker.text(ADA, "Hi"), maker.status(&ours("1"), DeliveryState::Read));
        assert!(text.as_message().is_some() && text.as_status().is_none());
        assert!(status.as_message().is_none() && status.as_status().is_some());
        assert!(maker.standby(ADA, InboundContent::text("Hi")).as_message().is_none());
    }
}
