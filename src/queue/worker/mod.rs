//! Handles the rows of a queue.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

mod error;
mod hold;
mod job;
mod observe;
mod pause;
mod run;

pub use error::JobError;
pub use job::Job;
pub use observe::{JobReport, QueueCall, WorkerEvent};

use super::{Queue, QueueError, QueueItem};
use crate::clock::{Clock, TokioClock};
use crate::inbound::InboundEvent;

/// The shortest lease: below it there is no time to renew one.
const MIN_LEASE: Duration = Duration::from_millis(100);
/// How often a queue is asked at most.
const MIN_POLL: Duration = Duration::from_millis(10);

/// Handles the events of a [`Queue`], or sends the messages of an [outbox](super#the-outbox): claims rows, runs a handler
/// for each, keeps their leases, and tells the queue how they ended.
///
/// ```
/// # use std::sync::Arc;
/// # use whatsapp_provider::testing::{EventMaker, MemoryProvider, MemoryQueue, TestClock};
/// # use whatsapp_provider::{Content, EventKind, WhatsAppProvider, clock::Clock, sink::EventSink};
/// use whatsapp_provider::queue::Worker;
///
/// # async fn run(
/// #     queue: MemoryQueue,
/// #     provider: MemoryProvider,
/// #     clock: Arc<dyn Clock>,
/// #     shutdown: impl Future<Output = ()>,
/// # ) {
/// let whatsapp: &dyn WhatsAppProvider = &provider;
/// Worker::new(queue)
///     .concurrency(8)
/// #   .clock(clock)
///     .run(shutdown, |job| async move {
///         if let EventKind::Message(_) = job.event().kind() {
///             let answer = job.reply(Content::text("Your table is ready"));
///             whatsapp.send(&answer).await?;
///         }
///         Ok(())
///     })
///     .await;
/// # }
/// # let clock = Arc::new(TestClock::new());
/// # let provider = MemoryProvider::new("meta".parse()?);
/// # let queue = MemoryQueue::new(clock.clone());
/// # clock.block_on(async {
/// #     let mut maker = EventMaker::new(provider.senders().remove(0));
/// #     queue.accept(&[maker.text("+15557654321", "Hi")]).await.unwrap();
/// #     let shutdown = clock.sleep(std::time::Duration::from_secs(1));
/// #     run(queue, provider.clone(), clock.clone(), shutdown).await;
/// # });
/// # assert_eq!(provider.sent().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What a handler must bear
///
/// * **It may run more than once for one event**: after an error that is tried again, after a crash, and when the queue
///   did not learn in time that it had succeeded. Answers made with [`Job::reply`] have the same idempotency keys every
///   time.
/// * **Its future may be dropped at any await**: when the lease is lost, because another worker has the row then, and
///   when time runs out after `shutdown`.
/// * Events of one conversation come one after the other, in their order. Only what stands in `review` or `dead` is
///   passed over by those behind it.
/// * **After the machine was suspended** a handler may go on although its lease has ended and another worker has the
///   row: a monotonic clock may stand still meanwhile. The next renewal, due within a third of the lease, drops it.
///
/// # One future
///
/// Nothing is spawned: handlers, renewals and claims all run inside of the future of [`run`](Self::run), on one thread
/// at a time. A handler that computes for long or blocks its thread holds up all the others and their renewals; such
/// work belongs in `tokio::task::spawn_blocking` or its like. Several workers, in one process or many, share one queue.
#[derive(Clone)]
#[must_use = "a worker does nothing until it is run"]
pub struct Worker<T: QueueItem = InboundEvent> {
    queue: Arc<dyn Queue<T>>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<Observer>>,
    concurrency: usize,
    lease: Duration,
    poll: Duration,
    grace: Duration,
    max_attempts: u32,
}

type Observer = dyn Fn(&WorkerEvent) + Send + Sync;

impl<T: QueueItem> Worker<T> {
    /// A worker for this queue.
    pub fn new(queue: impl Queue<T>) -> Self {
        Self {
            queue: Arc::new(queue),
            clock: Arc::new(TokioClock::new()),
            observer: None,
            concurrency: 4,
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(30),
            max_attempts: 20,
        }
    }

    /// How many jobs run at once: 4 unless told otherwise. 0 counts as 1. A job that runs is not put back for one that goes
    /// first: that waits for a place.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// For how long a row is claimed: 60 s unless told otherwise, and at least 100 ms. It is renewed every third of it
    /// while the handler runs, so a handler may run for longer; after a crash it is how long the row rests.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(MIN_LEASE);
        self
    }

    /// How often the queue is asked for rows when nothing else is a reason to: every second unless told otherwise, and
    /// every 10 ms at most. Rows whose rest is over are found by it, and new ones where the queue cannot tell of them.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll.max(MIN_POLL);
        self
    }

    /// How many times a row is tried before it is given up: 20 unless told otherwise. 0 counts as 1.
    ///
    /// Every claim counts, those that were cut off included. A row is dead after its last attempt, or stands in `review`
    /// if nobody knows what that had done: it was cut off, or something may have been sent.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// How long jobs may go on once the worker was told to stop: 30 s unless told otherwise.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The clock of leases, pauses and durations: a [`TokioClock`] unless told otherwise.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Is told what happens, as it happens. It is called in between the jobs: be quick, and do not panic.
    pub fn observer(mut self, observer: impl Fn(&WorkerEvent) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Handles events until `shutdown` is ready.
    ///
    /// * A handler that returns `Ok` has handled its event; what a [`JobError`] does to the row, it says itself. A
    ///   handler that panics (where panics unwind) fails alone, and its row is tried again; the panic's message is not
    ///   kept, since it may repeat the user's.
    /// * A row that was claimed more than [`max_attempts`](Self::max_attempts) times, because its last attempt was cut
    ///   off, stands in `review`, as does one that cannot be read as an event or a message. A message whose
    ///   [`ttl`](crate::OutboundMessage::ttl) is over is dead, or stands in `review` if it was tried before, because that
    ///   may have sent it. None of these is given to the handler. An event of a kind
    ///   that this version does not know can be read, as [`Unrecognized`](crate::EventKind::Unrecognized).
    /// * A queue that fails is asked again, after a pause that grows from 1 s to 30 s. It never ends the worker.
    /// * Once `shutdown` is ready nothing more is claimed. Jobs that run go on for the time of
    ///   [`grace`](Self::grace); then they are dropped, and their rows are free at once, with this attempt counted.
    ///   Rows that were claimed and not begun are free as if nobody had claimed them. That takes up to 5 s more; rows
    ///   that a queue out of reach was not told of are free when their leases end.
    ///
    /// Dropping the future drops the jobs, and their rows are free when their leases end. A future that is neither
    /// dropped nor polled keeps no lease.
    pub async fn run<S, H, F>(self, shutdown: S, handler: H)
    where
        S: Future<Output = ()>,
        H: Fn(Job<T>) -> F,
        F: Future<Output = Result<(), JobError>>,
    {
        run::run(&self, shutdown, &handler).await;
    }

    fn observe(&self, event: &WorkerEvent) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    /// `None` stands for a call that was not answered in time.
    fn observe_outage(&self, call: QueueCall, error: Option<QueueError>) {
        self.observe(&WorkerEvent::QueueUnavailable { call, error: error.map(Arc::new) });
    }
}

impl<T: QueueItem> fmt::Debug for Worker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("queue", &self.queue)
            .field("concurrency", &self.concurrency)
            .field("lease", &self.lease)
            .field("poll", &self.poll)
            .field("grace", &self.grace)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}
