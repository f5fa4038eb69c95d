//! What is known of a message's recipient and of the members, when it is planned.

use std::time::Duration;

use super::health::worse;
use super::knowledge::{
    Block, Contact, Found, Name, WINDOW, alias_key, block_key, contact_key, restriction_key, status_block_key,
};
use super::observe::FailoverEvent;
use super::plan::{Standing, Window};
use super::status::MemberRestriction;
use super::{FailoverProvider, Member};
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::ids::{ProviderId, SenderId};
use crate::inbound::RestrictedMessages;
use crate::outbound::OutboundMessage;

/// What restrictions are about.
pub(super) const RESTRICTED: [RestrictedMessages; 2] =
    [RestrictedMessages::BusinessInitiated, RestrictedMessages::UserInitiated];

/// What is known for one message. Nothing is known by default.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The member that the conversation is held over.
    pub(super) pin: Option<ProviderId>,
    /// For each member, in the configured order.
    pub(super) members: Vec<KnownMember>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct KnownMember {
    pub(super) window: Window,
    /// For how long the member is still blocked, by somebody's word.
    pub(super) blocked: Option<Duration>,
    /// Whether an earlier call with the message's key may have sent it by this member.
    pub(super) may_have_it: bool,
}

impl Known {
    /// Takes down which members may have the message already.
    pub(super) fn may_have_it(&mut self, members: &[Member], may: impl Fn(&ProviderId) -> bool) {
        for (known, member) in self.members.iter_mut().zip(members) {
            known.may_have_it = may(member.id());
        }
    }
}

impl FailoverProvider {
    /// Reads what is known, in one go, or in two if the recipient has other names.
    pub(super) async fn known(&self, message: &OutboundMessage) -> Known {
        let names = Name::of_recipient(&message.to);
        let senders: Vec<Vec<SenderId>> =
            self.0.members.iter().map(|member| member.senders_for(message.from.as_ref())).collect();
        let mut keys = contact_keys(senders.iter().flatten(), &names);
        keys.extend(names.iter().map(alias_key));
        keys.extend(senders.iter().flatten().flat_map(|sender| {
            let of_window = |window| restriction_key(sender, restricted_in(window));
            let restrictions = [Window::Open, Window::Unknown].into_iter().filter_map(of_window);
            [block_key(sender), status_block_key(sender)].into_iter().chain(restrictions)
        }));

        let began = self.0.clock.elapsed();
        let limit = self.0.policy.knowledge_limit;
        let mut found = self.0.knowledge.read(&keys, limit).await;
        let others = found.other_names(&names);
        if !others.is_empty() {
            let left = limit.saturating_sub(self.0.clock.elapsed().saturating_sub(began));
            let keys = contact_keys(senders.iter().flatten(), &others);
            found.extend(self.0.knowledge.read(&keys, left).await);
        }
        // The store has taken its time, in which attempts may have stalled.
        self.settle();
        if found.asked.is_err() {
            self.tell(FailoverEvent::KnowledgeUnavailable);
        }
        let names: Vec<Name> = names.into_iter().chain(others).collect();
        self.conclude_from(&found, &senders, &names, message.to.group().is_some())
    }

    fn conclude_from(
        &self,
        found: &Found,
        senders: &[Vec<SenderId>],
        names: &[Name],
        is_group: bool,
    ) -> Known {
        let now = self.0.clock.now();
        let mut known = Known::default();
        let mut pinned_at: Option<Timestamp> = None;
        for (member, senders) in self.0.members.iter().zip(senders) {
            let keys = contact_keys(senders.iter(), names);
            let contacts = || keys.iter().filter_map(|key| found.contact(key));
            let last_contact = contacts().filter_map(|contact| self.holds_until_now(contact, now)).max();
            if last_contact > pinned_at {
                (known.pin, pinned_at) = (Some(member.id().clone()), last_contact);
            }
            // The window belongs to the number, whichever application is in charge of the conversation.
            let wrote = contacts().filter_map(|contact| contact.wrote.max(contact.observed)).max();
            // A group has no window that one message of one member would open.
            let window = match wrote.filter(|_| !is_group) {
                None => Window::Unknown,
                Some(wrote) if now.since(wrote) < WINDOW => Window::Open,
                Some(_) => Window::Closed,
            };
            let blocks: Vec<_> = senders.iter().map(|sender| found.block(&block_key(sender))).collect();
            if let Some(lifted) = blocks.iter().flatten().filter_map(|block| block.lifted()).max() {
                member.health.reinstated(lifted);
            }
            let of_sender = |(sender, block): (&SenderId, _)| {
                let restriction = restriction_key(sender, restricted_in(window));
                [
                    block,
                    found.block(&status_block_key(sender)),
                    restriction.and_then(|restriction| found.block(&restriction)),
                ]
            };
            let blocks: Vec<_> = senders.iter().zip(blocks).map(of_sender).collect();
            let blocked = member.blocked(&blocks, now);
            known.members.push(KnownMember { window, blocked, may_have_it: false });
        }
        known
    }

    /// The health of a member, with the blocks of which this process has heard.
    pub(super) fn standing_of(&self, member: &Member) -> Standing {
        member.standing(self.remembered_block(member, |sender| [block_key(sender), status_block_key(sender)]))
    }

    /// What a member may not send for a while, as far as this process has heard.
    pub(super) fn restrictions_of(&self, member: &Member) -> Vec<MemberRestriction> {
        let of = |messages| {
            let remaining = self
                .remembered_block(member, |sender| [restriction_key(sender, messages).unwrap_or_default()]);
            remaining.map(|remaining| MemberRestriction { messages, remaining })
        };
        RESTRICTED.into_iter().filter_map(of).collect()
    }

    /// For how long every sender of a member is blocked still, by what this process has heard under these keys.
    fn remembered_block<const N: usize>(
        &self,
        member: &Member,
        keys: impl Fn(&SenderId) -> [String; N],
    ) -> Option<Duration> {
        let keys: Vec<[String; N]> = member.senders().iter().map(keys).collect();
        let found = self.0.knowledge.remembered(&keys.concat());
        let blocks: Vec<_> = keys.iter().map(|keys| keys.each_ref().map(|key| found.block(key))).collect();
        member.blocked(&blocks, self.0.clock.now())
    }

    /// When the user and the sender were last in contact, if the conversation is still held over that sender.
    fn holds_until_now(&self, contact: &Contact, now: Timestamp) -> Option<Timestamp> {
        let within = |limit| move |time: &Timestamp| now.since(*time) < limit;
        let wrote = contact.wrote.filter(within(self.0.policy.pin));
        wrote.max(contact.reached.filter(within(self.0.policy.pin_after_failover)))
    }
}

/// The messages that a restriction must be about to concern one to a user with this window. If it is not known to be open,
/// the message is the one that begins.
fn restricted_in(window: Window) -> RestrictedMessages {
    match window {
        Window::Open => RestrictedMessages::UserInitiated,
        Window::Closed | Window::Unknown => RestrictedMessages::BusinessInitiated,
    }
}

fn contact_keys<'s>(senders: impl Iterator<Item = &'s SenderId>, names: &[Name]) -> Vec<String> {
    senders.flat_map(|sender| names.iter().map(move |name| contact_key(sender, name))).collect()
}

impl Member {
    /// The senders that facts are kept under: the member's own, or the one that it has none of.
    pub(super) fn senders(&self) -> Vec<SenderId> {
        let senders = self.provider.senders();
        if senders.is_empty() { vec![SenderId::new(self.id().clone(), "")] } else { senders }
    }

    /// The sender under which facts about `named` are kept, which is one that the member receives for: it may receive for
    /// more senders than it lists, such as the numbers of a Messaging Service. If it lists one, that stands for all of them.
    pub(super) fn sender_of(&self, named: &SenderId) -> SenderId {
        match self.senders().as_slice() {
            [only] => only.clone(),
            _ => named.clone(),
        }
    }

    /// The senders that may be used for a message that names this one, or none.
    fn senders_for(&self, from: Option<&SenderId>) -> Vec<SenderId> {
        from.map_or_else(|| self.senders(), |from| vec![self.sender_of(from)])
    }

    /// For how long it is still blocked, by somebody's word: as long as each of its senders is, by any of what was said of
    /// that one. What was said before it was let in again, by hand or with new credentials, holds no longer.
    fn blocked<const N: usize>(&self, blocks: &[[Option<&Block>; N]], now: Timestamp) -> Option<Duration> {
        let let_in = self.health.let_in_at();
        let still = |block: &&Block| block.remaining(now, let_in);
        let longest = |of_sender: &[Option<&Block>; N]| of_sender.iter().flatten().filter_map(still).max();
        let all: Option<Vec<Duration>> = blocks.iter().map(longest).collect();
        all?.into_iter().min()
    }

    /// Its health; `blocked` is for how long it is blocked by somebody's word.
    pub(super) fn standing(&self, blocked: Option<Duration>) -> Standing {
        let standing = self.health.standing();
        let block = blocked.map(|left| Standing::open(ErrorKind::AccountBlocked, left));
        block.map_or(standing, |block| worse(block, standing))
    }
}
