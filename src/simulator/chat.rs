use std::time::Duration;

use super::accounts::Side;
use super::people::People;
use super::status::LIFE;
use super::user::{SimulatedUser, UserMessage};
use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::outbound::Content;
use crate::redact::redacted_debug;

/// How long a phone shows that the business types, unless a message comes before.
const TYPING: Duration = Duration::from_secs(25);

/// One bubble of a chat, as the user's phone shows it.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ChatEntry {
    /// The message's id.
    pub message_id: String,
    /// When it was sent.
    pub at: Timestamp,
    /// Who said what.
    pub said: ChatMessage,
    /// How far it has come.
    pub tick: Tick,
    /// The emoji that the other side has put on it.
    pub reaction: Option<String>,
}

/// Who said what.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ChatMessage {
    /// The business.
    FromBusiness(Box<Content>),
    /// The user.
    FromUser(UserMessage),
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tick {
    /// It was sent.
    Sent,
    /// It is on the other's device. What users write is at once.
    Delivered,
    /// It was read. The business has to say so by [`mark_read`](crate::WhatsAppProvider::mark_read).
    Read,
}

redacted_debug! {
    ChatEntry { at, said, tick }
    ChatMessage {}
}

impl ChatEntry {
    /// Whether the user wrote it.
    fn is_own(&self) -> bool {
        matches!(self.said, ChatMessage::FromUser(_))
    }
}

impl SimulatedUser {
    /// What the phone shows of the chat with one side's number, in the order in which it was sent. Emoji are on the
    /// messages that they were put on; what was edited shows the new text, and what was revoked is gone.
    pub fn chat(&self, side: Side) -> Vec<ChatEntry> {
        let simulator = self.simulator();
        let now = simulator.0.clock.now();
        let state = simulator.state();
        let people = &state.people;
        let mut entries: Vec<ChatEntry> = Vec::new();
        let mut reactions = Vec::new();
        for delivery in &state.deliveries {
            if delivery.side != side || delivery.to != self.phone() || delivery.at > now {
                continue;
            }
            if let Content::Reaction(reaction) = &delivery.content {
                reactions.push((delivery.at, reaction.message.id.clone(), reaction.emoji.clone()));
                continue;
            }
            entries.push(ChatEntry {
                message_id: delivery.message_id.clone(),
                at: delivery.at,
                said: ChatMessage::FromBusiness(Box::new(delivery.content.clone())),
                tick: tick(people, self.phone(), &delivery.message_id, delivery.at, now),
                reaction: None,
            });
        }
        let mut changes = Vec::new();
        for said in people.said.iter().filter(|said| said.side == side && said.user == self.phone()) {
            match said.message.bare() {
                UserMessage::Reaction { message_id, emoji } => {
                    reactions.push((said.at, message_id.clone(), emoji.clone()));
                }
                UserMessage::Edit { message_id, text } => changes.push((message_id, Some(text))),
                UserMessage::Revoke { message_id } => changes.push((message_id, None)),
                _ => entries.push(ChatEntry {
                    message_id: said.message_id.clone(),
                    at: said.at,
                    said: ChatMessage::FromUser(said.message.clone()),
                    tick: if said.read { Tick::Read } else { Tick::Delivered },
                    reaction: None,
                }),
            }
        }
        for (message_id, text) in changes {
            match text {
                Some(text) => {
                    let mut own = entries.iter_mut().filter(|entry| entry.is_own());
                    if let Some(entry) = own.find(|entry| entry.message_id == *message_id) {
                        entry.said = ChatMessage::FromUser(UserMessage::text(text));
                    }
                }
                None => entries.retain(|entry| entry.message_id != *message_id || !entry.is_own()),
            }
        }
        drop(state);
        reactions.sort_by_key(|(at, ..)| *at);
        for (_, message_id, emoji) in reactions {
            if let Some(entry) = entries.iter_mut().find(|entry| entry.message_id == message_id) {
                entry.reaction = emoji;
            }
        }
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    /// Whether the phone shows that one side's number types: for 25 seconds after
    /// [`show_typing`](crate::WhatsAppProvider::show_typing), or until a message comes from there.
    pub fn sees_typing(&self, side: Side) -> bool {
        let simulator = self.simulator();
        let now = simulator.0.clock.now();
        let state = simulator.state();
        let Some(began) = state.people.typing.get(&(side, self.phone())) else { return false };
        let came_since =
            state.last_delivery(side, self.phone()).is_some_and(|delivery| delivery.at >= *began);
        now.since(*began) < TYPING && !came_since
    }

    /// Until when one side's number may write to the user as it likes. `None` if the user has not written there within
    /// 24 hours. It is known whether or not the simulator [enforces](super::Simulator::enforce_windows) it.
    pub fn window_closes(&self, side: Side) -> Option<Timestamp> {
        let simulator = self.simulator();
        let now = simulator.0.clock.now();
        simulator.state().window_closes(side, self.phone()).filter(|closes| *closes > now)
    }
}

/// How far a message of the business's has come by now.
fn tick(people: &People, user: PhoneNumber, message_id: &str, at: Timestamp, now: Timestamp) -> Tick {
    let [_, (_, delivered), (_, read)] = LIFE;
    let since =
        people.came.get(message_id).map_or_else(|| now.since(at), |came| now.since(*came).max(delivered));
    if since >= read && !people.discreet.contains(&user) {
        Tick::Read
    } else if since >= delivered {
        Tick::Delivered
    } else {
        Tick::Sent
    }
}
