use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::Name;
use crate::clock::Timestamp;
use crate::ids::MessageRef;
use crate::json::Version1;

/// How long a user may be written to freely after a message of theirs.
pub(in crate::failover) const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// How long facts are kept: much longer than a window, so that a closed one is known to be closed.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The most other names of one user that are followed.
const MOST_NAMES: usize = 4;

/// The most words of a block that are remembered: nobody says it more often before it is lifted.
const MOST_WORDS: usize = 8;

/// Something that is known, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::failover) struct Stored {
    v: Version1,
    #[serde(flatten)]
    pub(in crate::failover) fact: Fact,
}

/// Something that is known. Facts about one thing can be [merged](Self::merge) in any order, any number of times, and
/// give the same: no machine has to be the first or the last to say something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub(in crate::failover) enum Fact {
    /// A user and a sender.
    Contact(Contact),
    /// A user's other names.
    Alias(Alias),
    /// Whether a sender may send.
    Block(Block),
    /// An attempt was accepted, by the word of a status.
    Seen(Seen),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::failover) struct Contact {
    /// When the user last wrote to the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::failover) wrote: Option<Timestamp>,
    /// When the user last wrote to the sender in a conversation that another application is in charge of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::failover) observed: Option<Timestamp>,
    /// When a failover last turned to this sender to reach the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::failover) reached: Option<Timestamp>,
    /// What is older than this was about somebody else who had the name before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::failover) cleared: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::failover) struct Alias {
    /// The other names, and when each was last seen with this one; the latest first.
    pub(in crate::failover) names: Vec<(Name, Timestamp)>,
    /// What is older than this was about somebody else who had the name before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::failover) cleared: Option<Timestamp>,
}

/// What was said of a sender since it was last said that it may send. A later word that it is blocked does not take the
/// place of an earlier one that holds for longer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::failover) struct Block {
    /// When it was last said that the sender may send again. What was said before holds no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted: Option<Timestamp>,
    /// That it is blocked; the latest word first.
    words: Vec<Word>,
}

/// That a sender is blocked, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Word {
    said: Timestamp,
    from: Timestamp,
    /// Until when that is to be believed.
    until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::failover) struct Seen {
    pub(in crate::failover) message: MessageRef,
}

impl Fact {
    /// What follows from both.
    pub(in crate::failover) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Contact(a), Self::Contact(b)) => Self::Contact(a.merge(&b)),
            (Self::Alias(a), Self::Alias(b)) => Self::Alias(a.merge(b)),
            (Self::Block(a), Self::Block(b)) => Self::Block(a.merge(b)),
            (Self::Seen(a), Self::Seen(b)) => Self::Seen(a.min(b)),
            // A key has one kind of fact; another one is not understood here.
            (fact, _) => fact,
        }
    }

    /// How long it is still kept: from the moment on that it speaks of, not from when it was last read. `remember` holds
    /// for what concerns a single message.
    pub(in crate::failover) fn kept(&self, now: Timestamp, remember: Duration) -> Duration {
        let latest = match self {
            Self::Contact(contact) => {
                contact.wrote.max(contact.observed).max(contact.reached).max(contact.cleared)
            }
            Self::Alias(alias) => alias.names.iter().map(|(_, time)| *time).max().max(alias.cleared),
            Self::Block(block) => block.words.iter().map(|word| word.said).max().max(block.lifted),
            Self::Seen(_) => return remember,
        };
        // What is announced for a day far away is kept until that day is over.
        let end = if let Self::Block(block) = self {
            block.words.iter().map(|word| word.until).max()
        } else {
            None
        };
        latest.map(|latest| latest.saturating_add(KEPT)).max(end).map_or(Duration::ZERO, |end| end.since(now))
    }

    pub(in crate::failover) fn to_json(&self) -> Vec<u8> {
        // Every part of a fact has a JSON form.
        serde_json::to_vec(&Stored { v: Version1, fact: self.clone() }).unwrap_or_default()
    }

    /// `None` if it was written by a version that this one does not understand.
    pub(in crate::failover) fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Stored>(json).ok().map(|stored| stored.fact)
    }
}

impl Block {
    /// It was said that a sender is blocked.
    pub(in crate::failover) fn from(said: Timestamp, from: Timestamp, until: Timestamp) -> Self {
        Self { lifted: None, words: vec![Word { said, from, until }] }
    }

    /// It was said that a sender may send again.
    pub(in crate::failover) fn lift(said: Timestamp) -> Self {
        Self { lifted: Some(said), words: Vec::new() }
    }

    /// For how long the sender is still blocked, by what was said after `let_in`.
    pub(in crate::failover) fn remaining(&self, now: Timestamp, let_in: Timestamp) -> Option<Duration> {
        let holds = |word: &&Word| word.said > let_in && word.from <= now && now < word.until;
        self.words.iter().filter(holds).map(|word| word.until.since(now)).max()
    }

    /// When it was said that the sender may send again, if that was the last word.
    pub(in crate::failover) fn lifted(&self) -> Option<Timestamp> {
        self.lifted.filter(|_| self.words.is_empty())
    }

    fn merge(self, other: Self) -> Self {
        let lifted = self.lifted.max(other.lifted);
        let mut words: Vec<Word> = self.words.into_iter().chain(other.words).collect();
        // Of two words at one moment the worse one counts, so that both orders give the same.
        words.retain(|word| lifted.is_none_or(|lifted| word.said >= lifted));
        words.sort_unstable_by(|a, b| b.cmp(a));
        // What is heard again, and later, is one word.
        words.dedup_by(|next, kept| (next.said, next.from) == (kept.said, kept.from));
        words.truncate(MOST_WORDS);
        Self { lifted, words }
    }
}

impl Contact {
    fn merge(self, other: &Self) -> Self {
        let cleared = self.cleared.max(other.cleared);
        let after = |time: &Timestamp| cleared.is_none_or(|cleared| *time > cleared);
        Self {
            wrote: self.wrote.max(other.wrote).filter(after),
            observed: self.observed.max(other.observed).filter(after),
            reached: self.reached.max(other.reached).filter(after),
            cleared,
        }
    }
}

impl Alias {
    fn merge(self, other: Self) -> Self {
        let cleared = self.cleared.max(other.cleared);
        let mut names: Vec<(Name, Timestamp)> = Vec::new();
        for (name, time) in self.names.into_iter().chain(other.names) {
            if cleared.is_some_and(|cleared| time <= cleared) {
                continue;
            }
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, last)) => *last = time.max(*last),
                None => names.push((name, time)),
            }
        }
        names.sort_by(|(a, at_a), (b, at_b)| at_b.cmp(at_a).then_with(|| a.cmp(b)));
        names.truncate(MOST_NAMES);
        Self { names, cleared }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::PhoneNumber;
    use crate::ids::{ProviderId, SenderId};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    fn name(number: u64) -> Name {
        Name::of_phone(PhoneNumber::from_digits(&(15_550_000_000 + number).to_string()).unwrap())
    }

    fn facts(kind: u8) -> BoxedStrategy<Fact> {
        let time = || (0_u64..6).prop_map(at);
        let maybe = || prop::option::of((0_u64..6).prop_map(at));
        match kind {
            0 => (maybe(), maybe(), maybe(), maybe())
                .prop_map(|(wrote, observed, reached, cleared)| {
                    let contact = Contact { wrote, observed, reached, cleared };
                    // As it would have been stored.
                    Fact::Contact(contact.merge(&Contact::default()))
                })
                .boxed(),
            1 => (prop::collection::vec((0_u64..3, time()), 0..3), maybe())
                .prop_map(|(names, cleared)| {
                    let names = names.into_iter().map(|(number, time)| (name(number), time)).collect();
                    Fact::Alias(Alias { names, cleared }.merge(Alias::default()))
                })
                .boxed(),
            2 => (maybe(), prop::collection::vec((time(), time(), time()), 0..6))
                .prop_map(|(lifted, words)| {
                    let word = |(said, from, until)| Word { said, from, until };
                    let block = Block { lifted, words: words.into_iter().map(word).collect() };
                    Fact::Block(block.merge(Block::default()))
                })
                .boxed(),
            _ => (0_u8..3)
                .prop_map(|n| {
                    let sender = SenderId::new(ProviderId::META, "1");
                    Fact::Seen(Seen { message: MessageRef::new(sender, n.to_string()) })
                })
                .boxed(),
        }
    }

    fn three() -> impl Strategy<Value = [Fact; 3]> {
        (0_u8..4).prop_flat_map(|kind| [facts(kind), facts(kind), facts(kind)])
    }

    proptest! {
        #[test]
        fn facts_merge_in_any_order_and_any_number_of_times([a, b, c] in three()) {
            let merge = |a: &Fact, b: &Fact| a.clone().merge(b.clone());
            prop_assert!(merge(&a, &b) == merge(&b, &a), "the order does not matter");
            prop_assert!(merge(&a, &a) == a, "once or twice is the same");
            prop_assert!(merge(&merge(&a, &b), &c) == merge(&a, &merge(&b, &c)), "nor does the grouping");
        }

        #[test]
        fn facts_read_what_they_write([a, _, _] in three()) {
            prop_assert!(Fact::from_json(&a.to_json()) == Some(a));
        }
    }

    #[test]
    fn the_latest_time_counts_and_what_was_cleared_stays_away() {
        let early = Contact { wrote: Some(at(5)), reached: Some(at(9)), ..Contact::default() };
        let late = Contact { wrote: Some(at(7)), observed: Some(at(8)), ..Contact::default() };
        let both = Contact { observed: Some(at(8)), reached: Some(at(9)), ..late.clone() };
        assert_eq!(early.clone().merge(&late), both);
        let cleared = Contact { cleared: Some(at(8)), ..Contact::default() };
        let rest = Contact { reached: Some(at(9)), ..cleared.clone() };
        assert_eq!(early.merge(&cleared).merge(&late), rest);
        let at_that_moment = Contact { wrote: Some(at(8)), reached: Some(at(9)), ..Contact::default() };
        assert_eq!(at_that_moment.merge(&cleared), rest);
    }

    #[test]
    fn the_latest_names_are_followed() {
        let names = |numbers: &[u64]| Alias {
            names: numbers.iter().map(|number| (name(*number), at(*number))).collect(),
            cleared: None,
        };
        let merged = names(&[1, 2, 3]).merge(names(&[4, 5, 2]));
        let expected: Vec<_> = [5, 4, 3, 2].map(|number| (name(number), at(number))).into();
        assert!(merged.names == expected);
    }

    #[test]
    fn a_block_holds_until_it_is_lifted() {
        let left = |block: &Block, now| block.remaining(at(now), at(0)).map(|left| left.as_secs());
        let long = Block::from(at(5), at(5), at(100));
        let short = Block::from(at(7), at(7), at(9));
        let both = long.clone().merge(short.clone());
        assert_eq!((left(&both, 6), left(&both, 8)), (Some(94), Some(92)), "the longer one holds");
        let announced = Block::from(at(1), at(200), at(300));
        let all = both.merge(announced.clone());
        assert_eq!((left(&all, 150), left(&all, 200)), (None, Some(100)), "and what is announced");
        assert_eq!(all.remaining(at(8), at(5)).unwrap().as_secs(), 1, "that was said since");

        let lifted = Block::lift(at(6));
        assert_eq!(lifted.clone().merge(long.clone()), lifted);
        assert_eq!(lifted.lifted(), Some(at(6)));
        let again = lifted.merge(all);
        assert_eq!((left(&again, 8), left(&again, 200)), (Some(1), None));
        assert_eq!(again.lifted(), None);
        let same_time = Block::lift(at(5)).merge(long);
        assert_eq!(left(&same_time, 6), Some(94), "of two words at one moment the worse one counts");
    }

    #[test]
    fn what_is_heard_again_is_one_word_that_holds_longer() {
        let heard = |until| Block::from(at(5), at(5), at(until));
        let block = (0..20).fold(heard(9), |block, n| block.merge(heard(10 + n)));
        assert_eq!(block, heard(29));
    }

    #[test]
    fn facts_are_kept_for_thirty_days_from_what_they_speak_of() {
        let (now, day) = (at(40 * 86_400), Duration::from_secs(86_400));
        let days_ago = |days| Some(now.saturating_sub(day * days));
        let kept = |fact: Fact| fact.kept(now, 7 * day);
        let contact = |wrote, reached| Fact::Contact(Contact { wrote, reached, ..Contact::default() });
        assert_eq!(kept(contact(days_ago(1), days_ago(9))), 29 * day);
        assert_eq!(kept(contact(days_ago(30), None)), Duration::ZERO);
        assert_eq!(kept(contact(None, None)), Duration::ZERO);
        let cleared = days_ago(2);
        assert_eq!(kept(Fact::Alias(Alias { names: Vec::new(), cleared })), 28 * day);
        let observed = Contact { observed: days_ago(1), ..Contact::default() };
        assert_eq!(kept(Fact::Contact(observed)), 29 * day);
        assert_eq!(kept(Fact::Block(Block::lift(now))), 30 * day);
        let in_days = |days| now.saturating_add(day * days);
        assert_eq!(kept(Fact::Block(Block::from(now, now, in_days(1)))), 30 * day);
        assert_eq!(kept(Fact::Block(Block::from(now, in_days(90), in_days(91)))), 91 * day);
        let message = MessageRef::new(SenderId::new(ProviderId::META, "1"), "1");
        assert_eq!(kept(Fact::Seen(Seen { message })), 7 * day);
    }

    #[test]
    fn what_a_newer_version_wrote_is_not_known() {
        assert!(Fact::from_json(br#"{"v":2,"fact":"contact"}"#).is_none());
        assert!(Fact::from_json(br#"{"v":1,"fact":"weather"}"#).is_none());
        assert!(Fact::from_json(br#"{"v":1,"fact":"contact","new":1}"#).is_some());
        assert!(Fact::from_json(b"").is_none());
    }
}
