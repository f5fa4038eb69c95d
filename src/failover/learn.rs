//! What a failover learns from the events of its webhooks.

use std::time::Duration;

use super::advice::needs_attention;
use super::delivery::Delivery;
use super::health::Change;
use super::knowledge::{
    Alias, Block, Contact, Fact, Name, Seen, alias_key, block_key, contact_key, restriction_key, seen_key,
    status_block_key,
};
use super::known::RESTRICTED;
use super::observe::FailoverEvent;
use super::routing::stands_for;
use super::{FailoverProvider, Member};
use crate::address::Recipient;
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Failure, Hint};
use crate::ids::SenderId;
use crate::inbound::{
    AccountNotice, DeliveryState, EventKind, IdentityChange, InboundContent, InboundEvent, InboundMessage,
    Notice, RestrictedMessages, Restriction, StatusUpdate, User,
};
use crate::outbound::{Category, SendReceipt};

/// Facts, with their keys; the ones that matter most come first.
type Facts = Vec<(String, Fact)>;

/// How old the news of an account may be that says something of how it is now. What could not be delivered is posted again
/// for days.
const NEWS: Duration = Duration::from_secs(15 * 60);

impl FailoverProvider {
    /// Learns from events, within the limit of the policy.
    pub(super) async fn learn(&self, events: &[InboundEvent]) {
        let (mut facts, mut statuses) = (Facts::new(), Facts::new());
        // What nobody has verified teaches nothing: it could come from anybody.
        for event in events.iter().filter(|event| !event.is_assumed()) {
            if let EventKind::Status(status) = event.kind() {
                statuses.extend(seen(status));
            }
            if let EventKind::Account(notice) = event.kind() {
                let members = self.members_of(event, notice);
                facts.extend(members.flat_map(|member| self.of_notice(member, event, notice)));
                continue;
            }
            let Some(member) = self.member_of(event) else { continue };
            match event.kind() {
                EventKind::Message(message) | EventKind::Observed(message) => {
                    facts.extend(of_message(member, event, message));
                }
                EventKind::Status(status) => facts.extend(self.of_status(member, event, status)),
                EventKind::Identity(change) => facts.extend(self.of_identity(event, change)),
                EventKind::Account(_) | EventKind::Echo(_) | EventKind::Unrecognized(_) => {}
            }
        }
        facts.append(&mut statuses);
        self.keep(facts, self.0.policy.record_limit).await;
    }

    /// Says that a user wrote to a sender at this time: for somebody who arrives with a history of his own. A window that
    /// is known to be open later stays open.
    ///
    /// Like everything that is known of windows it is kept for 30 days, in the store if there is one.
    pub async fn seed_window(&self, sender: &SenderId, user: &Recipient, wrote: Timestamp) {
        let sender =
            self.member_with(sender).map_or_else(|| sender.clone(), |member| member.sender_of(sender));
        let contact = Contact { wrote: Some(wrote), ..Contact::default() };
        self.keep(contacts(&[sender], &Name::of_recipient(user), &contact), self.0.policy.record_limit).await;
    }

    /// Learns from a message that was accepted: what the provider calls the user, and that a failover reached them.
    pub(super) async fn learn_from_receipt(&self, delivery: &Delivery<'_>, receipt: &SendReceipt) {
        let now = self.0.clock.now();
        let this_hour = hour(now);
        let names = Name::of_recipient(&delivery.message.to);
        let called = Name::of_recipient(&Recipient::from_names(receipt.phone, receipt.user.clone()));
        let others = || called.iter().filter(|other| !names.contains(other)).cloned();
        let mut facts: Facts = names.iter().filter_map(|name| linked(name, others(), this_hour)).collect();
        let member = delivery.member.as_ref().and_then(|id| self.member(id));
        if let Some(member) = member.filter(|_| delivery.stood_in) {
            let named = receipt.sender.as_ref().map(|sender| member.sender_of(sender));
            let sender = named.or_else(|| member.senders().into_iter().next());
            let contact = Contact { reached: Some(now), ..Contact::default() };
            facts.extend(contacts(sender.as_slice(), &names, &contact));
        }
        self.keep(facts, self.0.policy.knowledge_limit).await;
    }

    async fn keep(&self, facts: Facts, limit: Duration) {
        if facts.is_empty() {
            return;
        }
        if self.0.knowledge.learn(facts, limit).await.is_err() {
            self.tell(FailoverEvent::KnowledgeUnavailable);
        }
    }

    /// The member that an event is about: the one that receives for its sender, or, if it names none, the one that
    /// verified it. What is about a sender of nobody here is nobody's.
    pub(super) fn member_of(&self, event: &InboundEvent) -> Option<&Member> {
        match event.sender() {
            Some(sender) => self.0.members.iter().find(|member| member.provider.receives_for(sender)),
            None => self.member(event.provider()),
        }
    }

    /// The members that news are about: the one that receives for their sender; or, if they name an account and no sender,
    /// whoever has that account. Of a member that has not been told its account it is taken for granted if that member
    /// verified the news.
    fn members_of<'s>(
        &'s self,
        event: &'s InboundEvent,
        notice: &'s AccountNotice,
    ) -> impl Iterator<Item = &'s Member> {
        let by_sender = self.member_of(event);
        let by_account = notice.account.as_deref().filter(|_| event.sender().is_none());
        self.0.members.iter().filter(move |member| match by_account {
            Some(account) => {
                let own = member.provider.receives_for_account(account);
                own.unwrap_or_else(|| member.id() == event.provider())
            }
            None => by_sender.is_some_and(|by_sender| by_sender.id() == member.id()),
        })
    }

    /// What a status says of the account. That its message was accepted is another fact.
    fn of_status(&self, member: &Member, event: &InboundEvent, status: &StatusUpdate) -> Facts {
        if !is_news(event) {
            return Facts::new();
        }
        let recipient = stands_for(&status.to.recipient());
        match status.state {
            DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read | DeliveryState::Played => {
                member.health.well_status();
            }
            _ => {}
        }
        let mut facts = Facts::new();
        for failure in &status.failures {
            self.heed(member, failure, recipient, None);
            let blocks = matches!(failure.kind, ErrorKind::AccountBlocked | ErrorKind::Credentials);
            // Of a member with several senders it would not be known which of them is meant.
            if status.state != DeliveryState::Failed || !blocks || member.senders().len() > 1 {
                continue;
            }
            let message = stands_for(&status.message);
            let credentials = member.provider.credentials_version();
            if let Some(change) = member.health.blocked_status(message, failure.kind, credentials) {
                self.changed(member, [Some(change), None]);
                let wait = self.0.health.policy().blocked;
                facts.extend(block_facts(
                    member,
                    event,
                    status_block_key,
                    &blocked(event, said(event), wait),
                ));
            }
        }
        facts
    }

    fn of_identity(&self, event: &InboundEvent, change: &IdentityChange) -> Facts {
        let time = said(event);
        let mut facts = Facts::new();
        if let Some(phone) = change.before.phone.filter(|_| change.number_changed) {
            // Soon the number may be somebody else's, who has written to nobody.
            let name = Name::of_phone(phone);
            let senders: Vec<SenderId> = self.0.members.iter().flat_map(Member::senders).collect();
            let cleared = Contact { cleared: Some(time), ..Contact::default() };
            facts.extend(contacts(&senders, std::slice::from_ref(&name), &cleared));
            let cleared = Fact::Alias(Alias { cleared: Some(time), ..Alias::default() });
            let names = Name::of_event(&change.before);
            facts.extend(names.iter().map(|name| (alias_key(name), cleared.clone())));
        }
        // What holds from now on is not what was cleared.
        let time = time.saturating_add(Duration::from_millis(1));
        let mut before = change.before.clone();
        if change.number_changed {
            before.phone = None;
        }
        let (before, after) = (Name::of_event(&before), Name::of_event(&change.after));
        for name in &after {
            facts.extend(linked(name, before.iter().filter(|other| *other != name).cloned(), time));
        }
        facts.extend(one_user(&change.after, time));
        facts
    }

    /// What news say of the account. Nobody is called for because of old news, and nothing pauses.
    fn of_notice(&self, member: &Member, event: &InboundEvent, notice: &AccountNotice) -> Facts {
        let notice = &notice.notice;
        if is_news(event) {
            if needs_attention(notice) {
                self.attention(member, None, Some(notice.as_str()));
            }
            if let Notice::Failed { failure } = notice {
                self.heed(member, failure, 0, None);
            }
        }
        // Where nobody says for how long, it is tried again after the longest time that a blocked member is left alone.
        let wait = self.0.health.policy().blocked_max;
        match notice {
            Notice::Blocked { from, .. } => {
                let block = blocked(event, from.unwrap_or(said(event)), wait);
                block_facts(member, event, block_key, &block)
            }
            Notice::Reinstated => {
                member.health.reinstated(said(event));
                let lifted = Block::lift(said(event));
                let mut facts = block_facts(member, event, block_key, &lifted);
                facts.extend(block_facts(member, event, status_block_key, &lifted));
                for messages in RESTRICTED {
                    facts.extend(restriction_facts(member, event, messages, &lifted));
                }
                facts
            }
            Notice::Restricted { restrictions } => {
                restrictions.iter().flat_map(|one| restricted(member, event, one, wait)).collect()
            }
            _ => Facts::new(),
        }
    }

    /// Does what a failure asks for beyond the message that it was about. `category` is the message's, if it is known.
    pub(super) fn heed(
        &self,
        member: &Member,
        failure: &Failure,
        recipient: u64,
        category: Option<Category>,
    ) {
        let needs_attention = matches!(
            failure.kind,
            ErrorKind::NotEntitled | ErrorKind::Credentials | ErrorKind::AccountBlocked
        );
        if needs_attention || failure.hint == Some(Hint::PauseMarketing) {
            self.attention(member, Some(failure), None);
        }
        let wait = failure.retry_after;
        match failure.hint {
            Some(Hint::PauseMarketing) => {
                let longest = self.0.health.policy().pause_max;
                self.pause(member, Category::Marketing, Some(wait.unwrap_or(longest)));
            }
            Some(Hint::ThrottledIfRepeated) if member.health.suspect(recipient) => {
                // Of a status nobody knows the category.
                let throttled = category.as_ref().map_or(Category::ALL, std::slice::from_ref);
                throttled.iter().for_each(|category| self.pause(member, *category, wait));
            }
            _ => {}
        }
        let throttled = failure.kind == ErrorKind::Throttled && failure.hint != Some(Hint::Beside);
        if let Some(category) = category.filter(|_| throttled) {
            self.pause(member, category, wait);
        }
    }

    fn pause(&self, member: &Member, category: Category, wait: Option<Duration>) {
        let wait = member.health.pause(category, wait);
        self.tell(FailoverEvent::Paused { provider: member.id().clone(), category, wait });
    }

    fn attention(&self, member: &Member, failure: Option<&Failure>, notice: Option<&'static str>) {
        let failure = failure.map(Failure::without_words);
        self.tell(FailoverEvent::NeedsAttention { provider: member.id().clone(), failure, notice });
    }

    /// Tells of changes of a member's health.
    pub(super) fn changed(&self, member: &Member, changes: [Option<Change>; 2]) {
        for Change { aspect, from, to } in changes.into_iter().flatten() {
            self.tell(FailoverEvent::HealthChanged { provider: member.id().clone(), aspect, from, to });
        }
    }
}

/// That a user wrote to a sender, and what the user is called.
fn of_message(member: &Member, event: &InboundEvent, message: &InboundMessage) -> Facts {
    if message.history && event.occurred_at().is_none() {
        // It was written long ago, and does not say when.
        return Facts::new();
    }
    let time = said(event);
    // Of a message that was written before the number joined nobody says that it opens a window, and one that only changes
    // what was written before opens none.
    let changes_another = matches!(message.content, InboundContent::Edit(_) | InboundContent::Revoke { .. });
    if message.history || changes_another {
        return if message.group.is_none() { one_user(&message.from, hour(time)) } else { Facts::new() };
    }
    let sender = member.sender_of(&message.message.sender);
    // A message that another application is to answer opens the window of the number, whoever writes by it then; but it
    // begins no conversation with this application.
    let contact = if message.standby {
        Contact { observed: Some(time), ..Contact::default() }
    } else {
        Contact { wrote: Some(time), ..Contact::default() }
    };
    let names = match &message.group {
        Some(group) => Name::of_recipient(&Recipient::Group(group.clone())),
        None => Name::of_event(&message.from),
    };
    let mut facts = contacts(&[sender], &names, &contact);
    if message.group.is_none() {
        facts.extend(one_user(&message.from, hour(time)));
    }
    facts
}

/// That the message of a status was accepted, whatever became of it then.
fn seen(status: &StatusUpdate) -> Option<(String, Fact)> {
    let seen = Seen { message: status.message.clone() };
    Some((seen_key(status.attempt?), Fact::Seen(seen)))
}

fn contacts(senders: &[SenderId], names: &[Name], contact: &Contact) -> Facts {
    let keys = senders.iter().flat_map(|sender| names.iter().map(move |name| contact_key(sender, name)));
    keys.map(|key| (key, Fact::Contact(contact.clone()))).collect()
}

/// When an event speaks from: a time that is still to come was not meant.
fn said(event: &InboundEvent) -> Timestamp {
    event.occurred_at().map_or(event.received_at(), |time| time.min(event.received_at()))
}

/// Whether an event is young enough to say something of how the account is now.
fn is_news(event: &InboundEvent) -> bool {
    event.received_at().since(said(event)) <= NEWS
}

/// Blocked from this time on. It is believed for `wait`, which begins when it was heard: what came late would be over
/// otherwise before anybody knew of it.
fn blocked(event: &InboundEvent, from: Timestamp, wait: Duration) -> Block {
    Block::from(said(event), from, from.max(event.received_at()).saturating_add(wait))
}

/// The sender of an event is blocked, or may send again; or every sender of the member.
fn block_facts(member: &Member, event: &InboundEvent, key: fn(&SenderId) -> String, block: &Block) -> Facts {
    let fact = |sender| (key(&sender), Fact::Block(block.clone()));
    senders_of(member, event).into_iter().map(fact).collect()
}

/// The sender of an event cannot send some of its messages, or every sender of the member; that is believed to its end,
/// or for `wait` if nobody says when that is.
fn restricted(member: &Member, event: &InboundEvent, restriction: &Restriction, wait: Duration) -> Facts {
    let said = said(event);
    let block = match restriction.until {
        Some(until) => Block::from(said, said, until),
        None => blocked(event, said, wait),
    };
    restriction_facts(member, event, restriction.messages, &block)
}

fn restriction_facts(
    member: &Member,
    event: &InboundEvent,
    messages: RestrictedMessages,
    block: &Block,
) -> Facts {
    let fact = |sender| Some((restriction_key(&sender, messages)?, Fact::Block(block.clone())));
    senders_of(member, event).into_iter().filter_map(fact).collect()
}

/// The sender that an event is about, or every sender of the member.
fn senders_of(member: &Member, event: &InboundEvent) -> Vec<SenderId> {
    event.sender().map_or_else(|| member.senders(), |sender| vec![member.sender_of(sender)])
}

/// The hour of a time. What every message says anew is said for the hour, so that it is written once.
fn hour(time: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_millis() / 3_600_000 * 3_600).unwrap_or(time)
}

/// That a user is known by these other names as well.
fn linked(name: &Name, others: impl Iterator<Item = Name>, time: Timestamp) -> Option<(String, Fact)> {
    let names: Vec<_> = others.map(|other| (other, time)).collect();
    (!names.is_empty()).then(|| (alias_key(name), Fact::Alias(Alias { names, cleared: None })))
}

/// That all the names of a user are one user's.
fn one_user(user: &User, time: Timestamp) -> Facts {
    let names = Name::of_event(user);
    let others = |name: &Name| names.iter().filter(|other| *other != name).cloned().collect::<Vec<_>>();
    names.iter().filter_map(|name| linked(name, others(name).into_iter(), time)).collect()
}
