//! Maps that remember so much and no more.

use std::collections::HashMap;
use std::hash::Hash;

/// Puts a value in. If that makes more than `most`, the oldest other one goes: the one whose `age` is the least.
pub(crate) fn insert<K: Clone + Eq + Hash, V, A: Ord>(
    map: &mut HashMap<K, V>,
    most: usize,
    key: K,
    value: V,
    age: impl Fn(&V) -> A,
) {
    if map.len() >= most && !map.contains_key(&key) {
        let oldest = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| key.clone());
        oldest.map(|oldest| map.remove(&oldest));
    }
    map.insert(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut map = HashMap::new();
        for (key, age) in [("a", 1), ("b", 2), ("c", 3)] {
            insert(&mut map, 3, key, age, |age| *age);
        }
        insert(&mut map, 3, "a", 4, |age| *age);
        assert_eq!(map.len(), 3, "one that is there takes no more room");
        insert(&mut map, 3, "d", 5, |age| *age);
        let mut left: Vec<_> = map.into_iter().collect();
        left.sort_unstable();
        assert_eq!(left, [("a", 4), ("c", 3), ("d", 5)]);
    }
}
