use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::fact::Fact;

/// What this process knows by itself: all there is without a store, and what is left when the store does not answer.
///
/// It holds so many facts and then forgets the oldest ones.
pub(super) struct Cache {
    entries: HashMap<String, Entry>,
    /// The keys, in the order in which they came.
    order: VecDeque<String>,
    capacity: usize,
}

struct Entry {
    fact: Fact,
    expires: Duration,
    /// Whether the store has it.
    stored: bool,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), capacity: capacity.max(1) }
    }

    pub(super) fn get(&self, key: &str, now: Duration) -> Option<&Fact> {
        self.entries.get(key).filter(|entry| now < entry.expires).map(|entry| &entry.fact)
    }

    /// Adds to what is known. Answers whether the store has to be told.
    pub(super) fn learn(&mut self, key: &str, fact: Fact, now: Duration, kept: Duration) -> bool {
        let expires = now.saturating_add(kept);
        if let Some(entry) = self.entries.get_mut(key).filter(|entry| now < entry.expires) {
            let merged = entry.fact.clone().merge(fact);
            let same = merged == entry.fact;
            entry.stored &= same;
            // Of two facts the later one is kept for longer, whichever of them is heard last.
            (entry.fact, entry.expires) = (merged, expires.max(entry.expires));
            return !entry.stored;
        }
        if kept.is_zero() {
            return false;
        }
        if self.entries.insert(key.to_owned(), Entry { fact, expires, stored: false }).is_none() {
            self.order.push_back(key.to_owned());
            if self.order.len() > self.capacity
                && let Some(oldest) = self.order.pop_front()
            {
                self.entries.remove(&oldest);
            }
        }
        true
    }

    /// The store has this fact now.
    pub(super) fn stored(&mut self, key: &str, fact: &Fact) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.stored |= entry.fact == *fact;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::failover::knowledge::fact::Contact;

    const HOUR: Duration = Duration::from_secs(3600);

    fn wrote(seconds: u64) -> Fact {
        let wrote = Timestamp::from_unix_seconds(seconds);
        Fact::Contact(Contact { wrote, ..Contact::default() })
    }

    #[test]
    fn facts_are_merged_and_told_to_the_store_until_it_has_them() {
        let mut cache = Cache::new(10);
        assert!(cache.learn("k", wrote(5), HOUR, HOUR));
        assert!(cache.learn("k", wrote(5), HOUR, HOUR), "the store has not got it yet");
        cache.stored("k", &wrote(4));
        assert!(cache.learn("k", wrote(5), HOUR, HOUR), "it has something else");
        cache.stored("k", &wrote(5));
        assert!(!cache.learn("k", wrote(3), HOUR, HOUR), "nothing new");
        assert!(cache.learn("k", wrote(7), HOUR, HOUR));
        assert!(cache.get("k", HOUR) == Some(&wrote(7)));
    }

    #[test]
    fn a_fact_is_gone_when_its_time_is_over() {
        let mut cache = Cache::new(10);
        cache.learn("k", wrote(5), Duration::ZERO, HOUR);
        assert!(cache.get("k", HOUR - Duration::from_nanos(1)).is_some());
        assert!(cache.get("k", HOUR).is_none());
        cache.learn("k", wrote(3), HOUR, HOUR);
        assert!(cache.get("k", HOUR) == Some(&wrote(3)), "what is gone is not merged with");
    }

    #[test]
    fn an_old_fact_does_not_shorten_the_life_of_a_new_one() {
        for kept in [[HOUR, Duration::ZERO], [Duration::from_secs(1), HOUR]] {
            let mut cache = Cache::new(10);
            for kept in kept {
                cache.learn("k", wrote(5), Duration::ZERO, kept);
            }
            assert!(cache.get("k", HOUR - Duration::from_nanos(1)).is_some(), "{kept:?}");
        }
    }

    #[test]
    fn what_is_too_old_is_not_learned() {
        let mut cache = Cache::new(2);
        assert!(!cache.learn("k", wrote(1), Duration::ZERO, Duration::ZERO));
        assert!(cache.entries.is_empty() && cache.order.is_empty());
    }

    #[test]
    fn the_oldest_make_room() {
        let mut cache = Cache::new(2);
        for key in ["a", "b", "a", "c"] {
            cache.learn(key, wrote(1), Duration::ZERO, HOUR);
        }
        let there = |key| cache.get(key, Duration::ZERO).is_some();
        assert_eq!([there("a"), there("b"), there("c")], [false, true, true]);
        assert_eq!(cache.entries.len(), 2);
    }
}
