use super::*;
use crate::clock::Timestamp;
use crate::state::MemoryStore;
use crate::testing::TestClock;

const LIMIT: Duration = Duration::from_secs(1);

fn knowledge(clock: &TestClock, store: &MemoryStore) -> Knowledge {
    let store: Arc<dyn StateStore> = Arc::new(store.clone());
    Knowledge::new(Some(store), Arc::new(clock.clone()), 24 * 3600 * LIMIT)
}

/// That somebody wrote so many seconds after the clock's start.
fn wrote(seconds: u64) -> Fact {
    Fact::Contact(Contact { wrote: Some(time(seconds)), ..Contact::default() })
}

fn time(seconds: u64) -> Timestamp {
    TestClock::new().now().saturating_add(Duration::from_secs(seconds))
}

fn read(clock: &TestClock, knowledge: &Knowledge, key: &str) -> Option<Fact> {
    clock.block_on(knowledge.read(&[key.to_owned()], LIMIT)).get(key).cloned()
}

fn learn(clock: &TestClock, knowledge: &Knowledge, key: &str, fact: Fact) -> Result<(), NotAsked> {
    clock.block_on(knowledge.learn(vec![(key.to_owned(), fact)], LIMIT))
}

#[test]
fn what_one_process_learns_another_knows_and_both_can_add_to_it() {
    let clock = TestClock::new();
    let store = MemoryStore::new(Arc::new(clock.clone()));
    let (one, other) = (knowledge(&clock, &store), knowledge(&clock, &store));
    assert_eq!(learn(&clock, &one, "k", wrote(5)), Ok(()));
    assert_eq!(learn(&clock, &other, "k", wrote(3)), Ok(()));
    let reached = Fact::Contact(Contact { reached: Some(time(7)), ..Contact::default() });
    assert_eq!(learn(&clock, &other, "k", reached), Ok(()));
    let all = Fact::Contact(Contact { wrote: Some(time(5)), reached: Some(time(7)), ..Contact::default() });
    for knowledge in [&one, &other, &self::knowledge(&clock, &store)] {
        assert_eq!(read(&clock, knowledge, "k"), Some(all.clone()));
    }
}

#[test]
fn many_that_write_at_once_all_count() {
    let clock = TestClock::new();
    let store = MemoryStore::new(Arc::new(clock.clone()));
    let machines: Vec<_> = (0..8).map(|_| knowledge(&clock, &store)).collect();
    let facts =
        |machine: u64| -> Vec<_> { (0..50).map(|n| (format!("k{n}"), wrote(machine * 10 + n))).collect() };
    let all = machines.iter().zip(0..).map(|(machine, n)| machine.learn(facts(n), LIMIT));
    let ends = clock.block_on(futures_util::future::join_all(all));
    assert!(ends.iter().all(Result::is_ok));
    let fresh = knowledge(&clock, &store);
    for n in 0..50 {
        assert_eq!(read(&clock, &fresh, &format!("k{n}")), Some(wrote(70 + n)));
    }
}

#[test]
fn what_a_newer_version_wrote_is_left_alone() {
    let clock = TestClock::new();
    let store = MemoryStore::new(Arc::new(clock.clone()));
    let newer = Bytes::from_static(br#"{"v":2,"fact":"contact"}"#);
    clock.block_on(store.put_if("k", Expected::Absent, newer.clone(), None)).unwrap();
    let knowledge = knowledge(&clock, &store);
    assert_eq!(learn(&clock, &knowledge, "k", wrote(5)), Ok(()));
    let there = clock.block_on(store.get(&["k"])).unwrap().remove(0).unwrap();
    assert_eq!(there.value, newer);
    assert_eq!(read(&clock, &knowledge, "k"), Some(wrote(5)), "here it is known all the same");
}

#[test]
fn without_a_store_this_process_knows_what_it_learned() {
    let clock = TestClock::new();
    let knowledge = Knowledge::new(None, Arc::new(clock.clone()), LIMIT);
    assert_eq!(learn(&clock, &knowledge, "k", wrote(5)), Ok(()));
    let found = clock.block_on(knowledge.read(&["k".to_owned(), "other".to_owned()], LIMIT));
    assert_eq!((found.get("k"), found.get("other"), found.asked), (Some(&wrote(5)), None, Ok(())));
}

#[test]
fn the_other_names_of_several_names_come_once() {
    let name = |digits: &str| Name::of_phone(crate::address::PhoneNumber::from_digits(digits).unwrap());
    let (a, b, c) = (name("15550000001"), name("15550000002"), name("15550000003"));
    let alias = |names: &[&Name]| {
        let names = names.iter().map(|name| ((*name).clone(), time(1))).collect();
        Fact::Alias(Alias { names, cleared: None })
    };
    let facts = [(alias_key(&a), alias(&[&b, &c])), (alias_key(&b), alias(&[&a, &c]))];
    let found = Found { facts: facts.into_iter().collect(), asked: Ok(()) };
    assert_eq!(found.other_names(&[a, b]), [c]);
}
