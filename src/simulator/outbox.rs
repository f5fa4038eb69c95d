use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

use super::delivery::Delivery;
use super::people::Answers;
use super::status::Status;
use super::webhook::SimulatedWebhook;
use crate::clock::Timestamp;

/// What the two providers have still to post: by the time it is due, then by the order in which it was put here.
pub(super) struct Outbox {
    waiting: BTreeMap<(Timestamp, u64), Post>,
    last: u64,
    /// Told of everything that is put here.
    filled: Arc<Notify>,
}

/// One of them.
pub(super) enum Post {
    /// A status, which becomes a webhook when it is due.
    Status(Status),
    /// A webhook that is written already.
    Webhook(SimulatedWebhook),
    /// What a user may say to a message.
    Answer(Box<Delivery>, Answers),
}

impl Outbox {
    pub(super) fn new(filled: Arc<Notify>) -> Self {
        Self { waiting: BTreeMap::new(), last: 0, filled }
    }

    pub(super) fn put(&mut self, at: Timestamp, post: Post) {
        self.last += 1;
        self.waiting.insert((at, self.last), post);
        self.filled.notify_waiters();
    }

    /// What is due, in order; it is gone then.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Post> {
        let mut due = Vec::new();
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }

    /// A message has no statuses any more, and is not answered.
    pub(super) fn drop_all_of(&mut self, message_id: &str) {
        self.waiting.retain(|_, post| match post {
            Post::Status(status) => status.message_id != message_id,
            Post::Answer(delivery, _) => delivery.message_id != message_id,
            Post::Webhook(_) => true,
        });
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::PhoneNumber;
    use crate::simulator::status::Way;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    fn outbox() -> Outbox {
        let mut outbox = Outbox::new(Arc::default());
        for (message_id, seconds) in [("c", 7), ("a", 3), ("d", 9), ("b", 3)] {
            let status = Status {
                message_id: message_id.to_owned(),
                user: PhoneNumber::from_digits("15557654321").unwrap(),
                state: "sent",
                at: at(seconds),
                error: None,
                way: Way::Meta { callback_data: None },
            };
            outbox.put(status.at, Post::Status(status));
        }
        outbox
    }

    fn names(posts: Vec<Post>) -> Vec<String> {
        let name = |post| match post {
            Post::Status(status) => status.message_id,
            Post::Webhook(_) | Post::Answer(..) => String::new(),
        };
        posts.into_iter().map(name).collect()
    }

    #[test]
    fn what_is_due_comes_in_the_order_of_its_times_and_once() {
        let mut outbox = outbox();
        assert!(outbox.take_due(at(2)).is_empty());
        assert_eq!(names(outbox.take_due(at(7))), ["a", "b", "c"]);
        assert!(outbox.take_due(at(8)).is_empty());
        assert_eq!(outbox.next_due(), Some(at(9)));
    }

    #[test]
    fn the_statuses_of_one_message_can_be_dropped() {
        let mut outbox = outbox();
        outbox.drop_all_of("a");
        outbox.drop_all_of("d");
        assert_eq!(names(outbox.take_due(at(9))), ["b", "c"]);
        assert_eq!(outbox.next_due(), None);
    }
}
