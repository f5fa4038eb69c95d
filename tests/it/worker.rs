//! The worker on a queue in memory, on a clock that is moved by hand.

mod errors;
mod lease;
mod outage;
mod outbox;
mod probe;
mod random;
mod shutdown;

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join;
use probe::{Call, Probe, Trouble};
use whatsapp_provider::clock::Clock;
use whatsapp_provider::queue::{Job, JobError, JobReport, RowStatus, Worker, WorkerEvent};
use whatsapp_provider::sink::EventSink;
use whatsapp_provider::testing::{EventMaker, MemoryQueue, QueuedRow, TestClock};
use whatsapp_provider::{Content, EventKind, InboundEvent};

const ANN: &str = "+15550000001";
const BOB: &str = "+15550000002";

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

struct Lab {
    clock: TestClock,
    queue: MemoryQueue,
    probe: Probe,
    events: Arc<Mutex<Vec<(Duration, WorkerEvent)>>>,
    maker: EventMaker,
}

impl Lab {
    fn new() -> Self {
        Self::on(TestClock::new())
    }

    fn on(clock: TestClock) -> Self {
        let queue = MemoryQueue::new(Arc::new(clock.clone()));
        let probe = Probe::new(queue.clone(), clock.clone());
        Self { clock, queue, probe, events: Arc::default(), maker: EventMaker::meta() }
    }

    /// A queue with a message of each of these users.
    fn with(users: &[&str]) -> Self {
        let mut lab = Self::new();
        for user in users {
            let event = lab.maker.text(user, "hi");
            lab.accept(event);
        }
        lab
    }

    fn accept(&self, event: InboundEvent) {
        self.clock.block_on(self.queue.accept(&[event])).unwrap();
    }

    fn worker(&self) -> Worker {
        let (clock, events) = (self.clock.clone(), Arc::clone(&self.events));
        Worker::new(self.probe.clone()).clock(Arc::new(self.clock.clone())).observer(move |event| {
            events.lock().unwrap().push((clock.elapsed(), event.clone()));
        })
    }

    /// Runs a worker that is told to stop at this time, and says when it was back.
    fn run<F>(&self, worker: Worker, stop_at: f64, handler: impl Fn(Job) -> F) -> f64
    where
        F: Future<Output = Result<(), JobError>>,
    {
        let shutdown = self.clock.sleep(secs(stop_at).saturating_sub(self.clock.elapsed()));
        self.clock.block_on(worker.run(shutdown, handler));
        self.now()
    }

    async fn sleep(&self, seconds: f64) {
        self.clock.sleep(secs(seconds)).await;
    }

    async fn sleep_ok(&self, seconds: f64) -> Result<(), JobError> {
        self.sleep(seconds).await;
        Ok(())
    }

    fn now(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }

    fn row(&self, id: usize) -> QueuedRow {
        self.queue.rows().remove(id - 1)
    }

    fn statuses(&self) -> Vec<RowStatus> {
        self.queue.rows().iter().map(|row| row.status).collect()
    }

    /// What the observer was told: the time, what happened, to which row in which attempt, how long its handler ran.
    fn told(&self) -> Vec<String> {
        let line = |(at, event): &(Duration, WorkerEvent)| {
            let (what, job) = match event {
                WorkerEvent::Completed { job, .. } => ("done".to_owned(), job),
                WorkerEvent::Failed { job, status, retry_after: None, .. } => {
                    (status.as_str().to_owned(), job)
                }
                WorkerEvent::Failed { job, status, retry_after: Some(after), .. } => {
                    (format!("{} for {after:?}", status.as_str()), job)
                }
                WorkerEvent::Panicked { job, .. } => ("panicked".to_owned(), job),
                WorkerEvent::Released { job, .. } => ("released".to_owned(), job),
                WorkerEvent::LeaseLost { job, .. } => ("lost".to_owned(), job),
                WorkerEvent::QueueUnavailable { call, error, .. } => {
                    let why = if error.is_some() { "failed" } else { "late" };
                    return format!("{at:?}: {call:?} {why}");
                }
                _ => panic!("unknown event"),
            };
            format!("{at:?}: {what} {}#{} {:?}", job.row, job.attempts, job.duration)
        };
        self.events.lock().unwrap().iter().map(line).collect()
    }
}

fn is_claim(call: &Call) -> bool {
    matches!(call, Call::Claim(_))
}

/// Counts who is there; the count goes down when it is dropped.
struct Guest<'a>(&'a RefCell<(usize, usize)>);

impl<'a> Guest<'a> {
    fn enters(room: &'a RefCell<(usize, usize)>) -> Self {
        let mut count = room.borrow_mut();
        count.0 += 1;
        count.1 = count.1.max(count.0);
        drop(count);
        Self(room)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().0 -= 1;
    }
}

fn many_users(users: usize) -> Lab {
    let mut lab = Lab::new();
    for user in 0..users {
        let event = lab.maker.text(&format!("+1555000{user:04}"), "hi");
        lab.accept(event);
    }
    lab
}

#[test]
fn events_are_handled_and_done_and_told_of() {
    let lab = Lab::with(&[ANN]);
    let seen = Mutex::new(Vec::new());
    let back = lab.run(lab.worker(), 10.0, |job| {
        seen.lock().unwrap().push((job.row(), job.attempts(), job.event().clone()));
        lab.sleep_ok(0.25)
    });
    assert_eq!(back, 10.0);
    let seen = seen.into_inner().unwrap();
    assert_eq!((seen.len(), seen[0].0, seen[0].1), (1, 1, 1));
    assert_eq!(lab.row(1).status, RowStatus::Done);
    assert_eq!(serde_json::to_string(&seen[0].2).unwrap(), lab.row(1).payload);
    assert_eq!(lab.told(), ["250ms: done 1#1 250ms"]);
    let WorkerEvent::Completed { job, .. } = lab.events.lock().unwrap()[0].1.clone() else { panic!() };
    assert_eq!((job.provider.unwrap().as_str(), job.kind), ("meta", Some("message")));
}

#[test]
fn as_many_jobs_run_at_once_as_it_was_told() {
    for (told, most, end) in
        [(None, 4, 3.0), (Some(0), 1, 12.0), (Some(1), 1, 12.0), (Some(5), 5, 3.0), (Some(12), 12, 1.0)]
    {
        let lab = many_users(12);
        let room = RefCell::new((0, 0));
        let worker = lab.worker().poll(secs(3600.0));
        let worker = if let Some(jobs) = told { worker.concurrency(jobs) } else { worker };
        lab.run(worker, 60.0, async |_| {
            let _guest = Guest::enters(&room);
            lab.sleep_ok(1.0).await
        });
        assert_eq!(*room.borrow(), (0, most), "{told:?}");
        assert_eq!(lab.statuses(), [RowStatus::Done; 12]);
        let last = lab.told().pop().unwrap();
        assert!(last.starts_with(&format!("{:?}: ", secs(end))), "{last}");
        let claims = lab.probe.calls(is_claim);
        assert_eq!(claims[0], (0.0, Call::Claim(most)));
    }
}

#[test]
fn the_next_of_a_conversation_begins_when_the_one_before_has_ended() {
    let lab = Lab::with(&[ANN, BOB, ANN, ANN]);
    let log = RefCell::new(Vec::new());
    lab.run(lab.worker().poll(secs(3600.0)), 60.0, async |job| {
        log.borrow_mut().push((lab.now(), job.row()));
        lab.sleep_ok(if job.row() == 2 { 10.0 } else { 0.25 }).await
    });
    assert_eq!(*log.borrow(), [(0.0, 1), (0.0, 2), (0.25, 3), (0.5, 4)]);
}

#[test]
fn a_new_row_is_found_at_once_where_the_queue_tells_of_it() {
    let mut lab = Lab::new();
    let event = lab.maker.text(ANN, "hi");
    let run = lab.worker().poll(secs(3600.0)).run(lab.clock.sleep(secs(200.0)), |_| lab.sleep_ok(0.0));
    let insert = async {
        lab.sleep(100.0).await;
        lab.queue.accept(&[event]).await
    };
    lab.clock.block_on(join(run, insert)).1.unwrap();
    assert_eq!(lab.told(), ["100s: done 1#1 0ns"]);
    // At the start, when it began to listen, when it was woken, when the job had ended.
    assert_eq!(lab.probe.times(is_claim), [0.0, 0.0, 100.0, 100.0]);
}

#[test]
fn where_the_queue_tells_nothing_it_is_asked_every_so_often() {
    for (poll, found, claims) in [(None, 1.0, 4), (Some(0.4), 0.8, 9), (Some(0.0), 0.6, 301)] {
        let mut lab = Lab::new();
        lab.probe.script(|call, _| if *call == Call::Listen { Trouble::Hangs } else { Trouble::Fine });
        let event = lab.maker.text(ANN, "hi");
        let worker = lab.worker();
        let worker = if let Some(poll) = poll { worker.poll(secs(poll)) } else { worker };
        let run = worker.run(lab.clock.sleep(secs(3.0)), |_| lab.sleep_ok(0.0));
        let insert = async {
            lab.sleep(0.6).await;
            lab.queue.accept(&[event]).await
        };
        lab.clock.block_on(join(insert, run)).0.unwrap();
        assert_eq!(lab.told(), [format!("{:?}: done 1#1 0ns", secs(found))]);
        assert_eq!(lab.probe.times(is_claim).len(), claims, "{poll:?}");
    }
}

#[test]
fn several_workers_share_a_queue() {
    let lab = many_users(12);
    let worker = || lab.worker().concurrency(2).run(lab.clock.sleep(secs(10.0)), |_| lab.sleep_ok(1.0));
    lab.clock.block_on(join(worker(), join(worker(), worker())));
    assert_eq!(lab.statuses(), [RowStatus::Done; 12]);
    assert_eq!(lab.told().len(), 12);
    assert!(
        lab.told().iter().all(|line| line.starts_with("1s") || line.starts_with("2s")),
        "{:?}",
        lab.told()
    );
}

#[test]
fn answers_of_one_job_are_numbered_and_have_the_same_keys_when_it_runs_again() {
    let lab = Lab::with(&[ANN]);
    let keys = RefCell::new(Vec::new());
    lab.run(lab.worker().max_attempts(2), 10.0, async |job| {
        assert_eq!(job.is_last_attempt(), job.attempts() == 2);
        for body in ["a", "b", "c"] {
            let reply = job.reply(Content::text(body));
            assert_eq!(reply, job.event().reply_step(keys.borrow().len() as u32 % 3, Content::text(body)));
            keys.borrow_mut().push(reply.idempotency_key.unwrap());
        }
        if job.is_last_attempt() { Ok(()) } else { Err(JobError::retry("again")) }
    });
    let keys = keys.into_inner();
    assert_eq!((keys.len(), &keys[..3]), (6, &keys[3..]));
    assert_eq!(keys[0], "reply:message/test-1:0");
    assert_eq!(lab.statuses(), [RowStatus::Done]);
}

#[test]
fn the_future_of_a_worker_can_be_spawned() {
    fn spawns(_: impl Future<Output = ()> + Send + 'static) {}
    let lab = Lab::new();
    let worker = lab.worker().concurrency(3);
    assert!(
        format!("{worker:?}")
            .starts_with("Worker { queue: Probe, concurrency: 3, lease: 60s, poll: 1s, grace: 30s")
    );
    spawns(worker.run(std::future::pending(), |job| async move {
        tokio::task::yield_now().await;
        let _ = job.row();
        Ok(())
    }));
}

#[test]
fn nothing_that_is_shown_names_anybody() {
    let mut lab = Lab::new();
    let event = lab.maker.text("+15559876543", "CANARY");
    lab.accept(event);
    lab.run(lab.worker().max_attempts(1), 1.0, async |job| {
        let shown = format!("{job:?}");
        assert_eq!(shown, "Job { row: 1, attempts: 1, last_attempt: true, .. }");
        let EventKind::Message(_) = job.event().kind() else { panic!() };
        Err(JobError::retry("CANARY"))
    });
    let shown = format!("{:?}", lab.events);
    assert!(shown.contains("Failed { job: JobReport { row: 1, provider: Some(meta)"), "{shown}");
    assert!(
        !shown.contains("CANARY") && !shown.contains("5559876543") && !shown.contains("test-1"),
        "{shown}"
    );
    assert_eq!(lab.row(1).reason.unwrap(), "CANARY", "what a handler wants kept is kept");
}

/// The jobs whose end the queue has taken, as the observer was told of them.
fn reports(lab: &Lab) -> Vec<JobReport> {
    let job = |event: &WorkerEvent| match event {
        WorkerEvent::Completed { job, .. } | WorkerEvent::Failed { job, .. } => Some(job.clone()),
        _ => None,
    };
    lab.events.lock().unwrap().iter().filter_map(|(_, event)| job(event)).collect()
}
