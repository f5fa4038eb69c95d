//! Random handlers, outages, shutdowns and crashes: nothing is lost, nothing overtakes, nothing is doubled at once.

use proptest::collection::vec;
use proptest::prelude::*;
use whatsapp_provider::clock::timeout;

use super::*;

const END: f64 = 400.0;

/// What a handler does, by the row and the attempt.
#[derive(Debug, Clone, Copy)]
enum Act {
    Handles,
    Fails,
    FailsFor(u16),
    Reviews,
    GivesUp,
    Panics,
    Hangs,
}

#[derive(Debug, Clone)]
struct Life {
    starts: f64,
    /// When it is told to stop, and how it ends otherwise.
    stops: f64,
    crashes: Option<f64>,
    grace: f64,
    lease: f64,
    jobs: usize,
    /// What goes wrong with its calls, one after the other and over again.
    troubles: Vec<Trouble>,
}

#[derive(Debug, Clone)]
struct History {
    /// The conversation of each message, and when it is inserted.
    messages: Vec<(u8, f64)>,
    lives: Vec<Life>,
    acts: Vec<(Act, f64)>,
    outages: Vec<(f64, f64)>,
    max_attempts: u32,
    seed: u64,
}

/// Seconds, to the millisecond.
fn seconds(upto: f64) -> impl Strategy<Value = f64> + Clone {
    (0..=(upto * 1000.0) as u32).prop_map(|millis| f64::from(millis) / 1000.0)
}

fn act() -> impl Strategy<Value = (Act, f64)> {
    let act = prop_oneof![
        6 => Just(Act::Handles),
        2 => Just(Act::Fails),
        2 => (0_u16..60).prop_map(Act::FailsFor),
        1 => Just(Act::Reviews),
        1 => Just(Act::GivesUp),
        1 => Just(Act::Panics),
        1 => Just(Act::Hangs),
    ];
    (act, prop_oneof![Just(0.0), seconds(2.0), seconds(50.0)])
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        12 => Just(Trouble::Fine),
        1 => Just(Trouble::Fails),
        1 => Just(Trouble::LosesTheAnswer),
        1 => Just(Trouble::Hangs),
        2 => seconds(15.0).prop_map(|time| Trouble::Slow(secs(time))),
    ]
}

fn life() -> impl Strategy<Value = Life> {
    let times = (seconds(200.0), seconds(300.0), prop::option::weighted(0.3, seconds(200.0)), seconds(40.0));
    (times, seconds(29.0), 1_usize..5, vec(trouble(), 1..40)).prop_map(
        |((starts, runs, crash, grace), lease, jobs, troubles)| Life {
            starts,
            stops: (starts + runs).min(END),
            crashes: crash,
            grace,
            lease: lease + 1.0,
            jobs,
            troubles,
        },
    )
}

fn history() -> impl Strategy<Value = History> {
    let messages = vec((0_u8..4, prop_oneof![Just(0.0), seconds(200.0)]), 1..16);
    let outages = vec((seconds(300.0), seconds(60.0)), 0..3);
    (messages, vec(life(), 1..5), vec(act(), 1..60), outages, 1_u32..9, any::<u64>()).prop_map(
        |(messages, lives, acts, outages, max_attempts, seed)| History {
            messages,
            lives,
            acts,
            outages,
            max_attempts,
            seed,
        },
    )
}

/// The time of one run of a handler; its end is written down when it is dropped.
struct Run {
    row: i64,
    begin: Duration,
    end: Option<Duration>,
}

struct Running<'a> {
    clock: &'a TestClock,
    runs: &'a RefCell<Vec<Run>>,
    index: usize,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.runs.borrow_mut()[self.index].end = Some(self.clock.elapsed());
    }
}

fn is_settled(row: &QueuedRow) -> bool {
    matches!(row.status, RowStatus::Done | RowStatus::Review | RowStatus::Dead)
}

struct World {
    lab: Lab,
    history: History,
    runs: RefCell<Vec<Run>>,
}

impl World {
    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        let index = self.runs.borrow().len();
        self.runs.borrow_mut().push(Run { row: job.row(), begin: self.lab.clock.elapsed(), end: None });
        let _running = Running { clock: &self.lab.clock, runs: &self.runs, index };
        self.assert_is_next(job.row());
        let nth = job.row() as usize * 7 + job.attempts() as usize;
        let (act, time) = self.history.acts[nth % self.history.acts.len()];
        self.lab.sleep(time).await;
        match act {
            // After the storm every handler ends.
            Act::Hangs if self.lab.now() < END => std::future::pending().await,
            Act::Handles | Act::Hangs => Ok(()),
            Act::Fails => Err(JobError::retry("again")),
            Act::FailsFor(seconds) => Err(JobError::retry_after(secs(f64::from(seconds)), "later")),
            Act::Reviews => Err(JobError::review("look")),
            Act::GivesUp => Err(JobError::dead("no")),
            Act::Panics => std::panic::resume_unwind(Box::new("panic")),
        }
    }

    /// Everything before it in its conversation is settled, whoever settled it.
    fn assert_is_next(&self, id: i64) {
        let rows = self.lab.queue.rows();
        let row = rows.iter().find(|row| row.row == id).unwrap();
        let before = rows.iter().filter(|other| other.row < id && other.conversation == row.conversation);
        for other in before {
            assert!(is_settled(other), "row {id} overtook row {}", other.row);
        }
    }

    async fn live(&self, life: &Life) {
        let lab = &self.lab;
        lab.sleep(life.starts).await;
        let probe = Probe::new(lab.queue.clone(), lab.clock.clone());
        let mut troubles = life.troubles.clone().into_iter().cycle();
        probe.script(move |_, now| if now < secs(END) { troubles.next().unwrap() } else { Trouble::Fine });
        let worker = Worker::new(probe)
            .clock(Arc::new(lab.clock.clone()))
            .concurrency(life.jobs)
            .lease(secs(life.lease))
            .grace(secs(life.grace))
            .max_attempts(self.history.max_attempts);
        let shutdown = lab.clock.sleep(secs(life.stops - life.starts));
        let run = worker.run(shutdown, async |job| self.handle(&job).await);
        match life.crashes {
            Some(after) => {
                timeout(&lab.clock, secs(after), run).await;
            }
            None => run.await,
        }
        let late = lab.now() - life.stops;
        assert!(late <= life.grace + 5.001, "it came to its end {late} s after it was told to");
    }

    async fn insert(&self, events: &[(InboundEvent, f64)]) {
        for (event, at) in events {
            self.lab.clock.sleep(secs(*at).saturating_sub(self.lab.clock.elapsed())).await;
            while self.lab.queue.accept(std::slice::from_ref(event)).await.is_err() {
                self.lab.sleep(1.0).await;
            }
            // As a provider does that has not heard that it was taken.
            let _ = self.lab.queue.accept(std::slice::from_ref(event)).await;
        }
    }

    async fn fail(&self) {
        for (begin, length) in &self.history.outages {
            self.lab.clock.sleep(secs(*begin).saturating_sub(self.lab.clock.elapsed())).await;
            self.lab.queue.set_unavailable(true);
            self.lab.sleep(*length).await;
            self.lab.queue.set_unavailable(false);
        }
    }

    /// A last worker, after the storm.
    async fn finish(&self) {
        self.lab.sleep(END + 100.0).await;
        let worker = Worker::new(self.lab.queue.clone())
            .clock(Arc::new(self.lab.clock.clone()))
            .poll(secs(10.0))
            .max_attempts(self.history.max_attempts);
        let shutdown = async {
            while !self.lab.queue.rows().iter().all(is_settled) {
                assert!(self.lab.now() < 100_000.0, "a row is never settled");
                self.lab.sleep(30.0).await;
            }
        };
        worker.run(shutdown, async |job| self.handle(&job).await).await;
    }
}

fn check(mut history: History) {
    history.messages.sort_by(|a, b| a.1.total_cmp(&b.1));
    history.outages.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lab = Lab::on(TestClock::with_seed(history.seed));
    let events =
        history.messages.iter().map(|(user, at)| (lab.maker.text(&format!("+1555000{user:04}"), "hi"), *at));
    let events: Vec<_> = events.collect();
    let world = World { lab, history, runs: RefCell::default() };
    let clock = world.lab.clock.clone();
    let lives = futures_util::future::join_all(world.history.lives.iter().map(|life| world.live(life)));
    clock.block_on(join(join(lives, world.finish()), join(world.insert(&events), world.fail())));

    let rows = world.lab.queue.rows();
    assert_eq!(rows.len(), events.len(), "each event once");
    assert!(rows.iter().all(is_settled), "{rows:?}");
    let runs = world.runs.borrow();
    for row in &rows {
        let count = runs.iter().filter(|run| run.row == row.row).count();
        assert!(count <= world.history.max_attempts as usize, "{row:?} ran {count} times");
        assert!(count > 0 || row.status == RowStatus::Review, "{row:?} was never handled");
    }
    let conversation = |id: i64| &rows.iter().find(|row| row.row == id).unwrap().conversation;
    for (index, run) in runs.iter().enumerate() {
        let end = run.end.unwrap();
        for other in &runs[index + 1..] {
            // They are in the order in which they began.
            let apart = other.begin >= end || conversation(run.row) != conversation(other.row);
            assert!(apart, "rows {} and {} at once", run.row, other.row);
        }
        let is_done = |id: i64| rows.iter().any(|row| row.row == id && row.status == RowStatus::Done);
        for other in &runs[..index] {
            let overtaken = other.row > run.row && conversation(run.row) == conversation(other.row);
            assert!(!(overtaken && is_done(run.row)), "row {} came before row {}", other.row, run.row);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..ProptestConfig::with_cases(500)
    })]

    #[test]
    fn every_event_is_settled_once_and_in_its_order(history in history()) {
        check(history);
    }
}
