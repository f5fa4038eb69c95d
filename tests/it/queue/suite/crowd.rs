use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use whatsapp_provider::queue::{Queue, Then};

use super::{LONG, Place, numbers};
use crate::queue::events::{Sample, body, text};

const INSERTERS: usize = 6;
/// Conversations of each inserter alone.
const OWN: usize = 30;
/// Conversations that all inserters write to.
const SHARED: usize = 20;
/// Rows by each inserter.
const ROWS: usize = 700;

/// What the workers saw. Its lock is held for each step, so that the steps have an order.
#[derive(Default)]
struct Seen {
    in_work: HashSet<String>,
    handled: HashSet<i64>,
    /// Of each conversation, the rows and what they said, in the order in which they were handled.
    order: HashMap<String, Vec<(i64, String)>>,
}

/// When an insert was begun and when it had ended, in steps of one counter, by what the row says.
type Inserted = Mutex<HashMap<String, (u64, u64)>>;

fn conversation(body: &str) -> &str {
    body.split_once(' ').unwrap().0
}

/// Works until so many rows were handled.
async fn work<I: Sample>(queue: Arc<dyn Queue<I>>, most: usize, seen: Arc<Mutex<Seen>>, until: usize) {
    loop {
        let claims = queue.claim(most, LONG).await.unwrap();
        if claims.is_empty() {
            if seen.lock().unwrap().handled.len() == until {
                return;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
            continue;
        }
        for claim in &claims {
            let mut seen = seen.lock().unwrap();
            let says = body(claim);
            let key = conversation(&says).to_owned();
            assert!(seen.in_work.insert(key.clone()), "two rows of a conversation are in work");
            assert!(seen.handled.insert(claim.row), "a row was claimed twice");
            assert_eq!(claim.attempts, 1);
            seen.order.entry(key).or_default().push((claim.row, says));
        }
        for claim in &claims {
            tokio::task::yield_now().await;
            // Before the claim ends: from then on somebody else may have the next one.
            assert!(seen.lock().unwrap().in_work.remove(conversation(&body(claim))));
            assert!(queue.complete(claim).await.unwrap());
        }
    }
}

async fn insert<I: Sample>(
    queue: Arc<dyn Queue<I>>,
    inserter: usize,
    step: Arc<AtomicU64>,
    inserted: Arc<Inserted>,
) {
    let mut next = 0;
    while next < ROWS {
        let size = (1 + (next * 7 + inserter) % 12).min(ROWS - next);
        let mut says = Vec::new();
        let batch: Vec<_> = (next..next + size)
            .map(|n| {
                // Every fourth row goes to a conversation that the others write to as well.
                let user =
                    if n % 4 == 0 { INSERTERS * OWN + (n / 4) % SHARED } else { inserter * OWN + n % OWN };
                let body = format!("{user} {inserter} {n:04}");
                says.push(body.clone());
                text(user, &format!("{inserter}-{n}"), &body)
            })
            .collect();
        let begun = step.fetch_add(1, Ordering::SeqCst);
        queue.accept(&batch).await.unwrap();
        let ended = step.fetch_add(1, Ordering::SeqCst);
        inserted.lock().unwrap().extend(says.into_iter().map(|says| (says, (begun, ended))));
        next += size;
    }
}

/// 4,200 rows of 200 conversations, while they are inserted.
pub(crate) async fn many_workers_keep_the_order_and_handle_each_row_once(place: &impl Place) {
    let total = INSERTERS * ROWS;
    let (seen, inserted) = (Arc::new(Mutex::new(Seen::default())), Arc::new(Inserted::default()));
    let step = Arc::new(AtomicU64::new(0));
    let mut crowd = JoinSet::new();
    for n in 0..INSERTERS {
        crowd.spawn(insert(place.queue(), n, Arc::clone(&step), Arc::clone(&inserted)));
        crowd.spawn(work(place.queue(), 1 + 3 * n, Arc::clone(&seen), total));
    }
    while let Some(done) = crowd.join_next().await {
        done.unwrap();
    }

    assert_eq!(numbers(place.queue().counts().await.unwrap()), [0, 0, total as u64, 0, 0]);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let inserted = std::mem::take(&mut *inserted.lock().unwrap());
    assert_eq!(seen.handled.len(), total);
    assert_eq!(seen.order.len(), INSERTERS * OWN + SHARED);
    for (conversation, rows) in &seen.order {
        assert!(rows.is_sorted_by_key(|(row, _)| *row), "ids of {conversation} went back");
        let mut last_of = HashMap::new();
        let mut latest_begin = 0;
        for (_, says) in rows {
            let mut parts = says.split(' ').skip(1);
            let (inserter, number) = (parts.next().unwrap(), parts.next().unwrap());
            let before = last_of.insert(inserter, number);
            assert!(before < Some(number), "the rows of one inserter went back");
            // Whatever had ended before another began comes before it.
            let (begun, ended) = inserted[says];
            assert!(ended > latest_begin, "the order of commits went back in {conversation}");
            latest_begin = latest_begin.max(begun);
        }
    }
}

/// Workers park every second row at its first try, somebody drives them again all the time.
pub(crate) async fn redriving_among_workers_never_puts_two_rows_of_a_conversation_in_work(
    place: &impl Place,
) {
    const USERS: usize = 5;
    const EACH: usize = 24;
    let queue = place.queue();
    let events: Vec<_> =
        (0..USERS * EACH).map(|n| text(n % USERS, &n.to_string(), &format!("{} {n}", n % USERS))).collect();
    queue.accept(&events).await.unwrap();

    let in_work = Arc::new(Mutex::new(HashSet::new()));
    let done = Arc::new(AtomicUsize::new(0));
    let finished = Arc::new(AtomicBool::new(false));
    let tried = Arc::new(Mutex::new(HashSet::new()));
    let mut crowd = JoinSet::new();
    for _ in 0..5 {
        let (queue, in_work, tried) = (place.queue(), Arc::clone(&in_work), Arc::clone(&tried));
        let (done, finished) = (Arc::clone(&done), Arc::clone(&finished));
        crowd.spawn(async move {
            while done.load(Ordering::SeqCst) < USERS * EACH {
                for claim in queue.claim(3, LONG).await.unwrap() {
                    let key = conversation(&body(&claim)).to_owned();
                    assert!(in_work.lock().unwrap().insert(key.clone()), "two rows are in work");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    let park = claim.row % 2 == 0 && tried.lock().unwrap().insert(claim.row);
                    assert!(in_work.lock().unwrap().remove(&key));
                    if park {
                        assert!(queue.fail(&claim, Then::review("first try")).await.unwrap());
                    } else {
                        assert!(queue.complete(&claim).await.unwrap());
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
            finished.store(true, Ordering::SeqCst);
        });
    }
    let mut redriven = 0;
    while !finished.load(Ordering::SeqCst) && !crowd.is_empty() {
        let parked = queue.parked(0, 100).await.unwrap();
        let rows: Vec<i64> = parked.iter().map(|row| row.row).collect();
        redriven += queue.redrive(&rows).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        while let Some(ended) = crowd.try_join_next() {
            ended.unwrap();
        }
    }
    while let Some(ended) = crowd.join_next().await {
        ended.unwrap();
    }
    assert_eq!(redriven, tried.lock().unwrap().len() as u64, "every parked row was driven again once");
    assert_eq!(numbers(queue.counts().await.unwrap()), [0, 0, (USERS * EACH) as u64, 0, 0]);
}
