use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered, Stream, StreamExt};
use tokio::sync::watch;

use super::super::{Claim, QueueItem, WakeUps};
use super::hold::Lease;
use super::pause::Pauses;
use super::{Job, JobError, QueueCall, Worker};
use crate::clock::{Sleep, timeout};

/// The longest pause before a queue that failed is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the queue has to take the last ends, after the grace.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// How a worker comes to its end. The jobs follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Nothing new is begun.
    Stopping,
    /// The grace is over: nothing goes on.
    Over,
}

/// What happened next.
enum Step {
    Stop,
    JobEnded,
    Claimed(Batch),
    Woken,
    TimeUp,
}

/// The rows of one claim, or `None` if the queue was out of reach; and when it was asked.
type Batch = (Duration, Option<Vec<Claim>>);

type Claiming<'w> = Pin<Box<dyn Future<Output = Batch> + Send + 'w>>;

pub(super) async fn run<T, S, H, F>(worker: &Worker<T>, shutdown: S, handler: &H)
where
    T: QueueItem,
    S: Future<Output = ()>,
    H: Fn(Job<T>) -> F,
    F: Future<Output = Result<(), JobError>>,
{
    let clock = &*worker.clock;
    let (phase, phases) = watch::channel(Phase::Running);
    let mut shutdown = pin!(shutdown);
    let mut wake_ups = pin!(worker.wake_ups());
    let mut jobs = FuturesUnordered::new();
    let mut claiming: Option<Claiming<'_>> = None;
    let mut pauses = Pauses::up_to(LONGEST_PAUSE);
    // There may be rows to claim.
    let mut wants_rows = true;
    // The queue failed and is left alone until the timer is up.
    let mut pausing = false;
    // While running, when to claim although nothing happened; later, the end of the phase.
    let mut timer: Option<Sleep> = None;
    loop {
        let running = *phases.borrow() == Phase::Running;
        let free = worker.concurrency.saturating_sub(jobs.len());
        let may_claim = running && !pausing && free > 0;
        if !running && jobs.is_empty() && claiming.is_none() {
            return;
        }
        let step = poll_fn(|cx| {
            if running && shutdown.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Step::Stop);
            }
            if may_claim && wants_rows && claiming.is_none() {
                wants_rows = false;
                timer = None;
                claiming = Some(Box::pin(worker.claim(free)));
            }
            if let Poll::Ready(Some(())) = jobs.poll_next_unpin(cx) {
                return Poll::Ready(Step::JobEnded);
            }
            if let Some(batch) = poll_some(&mut claiming, cx) {
                return Poll::Ready(Step::Claimed(batch));
            }
            if running && wake_ups.as_mut().poll_next(cx).is_ready() {
                return Poll::Ready(Step::Woken);
            }
            match poll_some(&mut timer, cx) {
                Some(()) => Poll::Ready(Step::TimeUp),
                None => Poll::Pending,
            }
        });
        match step.await {
            Step::Stop => {
                phase.send_replace(Phase::Stopping);
                timer = Some(clock.sleep(worker.grace));
            }
            // Its conversation may have a next row.
            Step::JobEnded | Step::Woken => wants_rows = true,
            Step::Claimed((asked_at, Some(claims))) => {
                pauses.reset();
                for claim in claims {
                    let lease = Lease::from(asked_at, worker.lease);
                    jobs.push(worker.work(claim, lease, handler, phases.clone()));
                }
                if running {
                    timer = Some(clock.sleep(worker.poll));
                }
            }
            Step::Claimed((_, None)) if running => {
                pausing = true;
                timer = Some(clock.sleep(pauses.next(clock)));
            }
            Step::Claimed((_, None)) => {}
            Step::TimeUp if running => {
                pausing = false;
                wants_rows = true;
            }
            // The queue did not answer; the leases will run out.
            Step::TimeUp if *phases.borrow() == Phase::Over => return,
            Step::TimeUp => {
                phase.send_replace(Phase::Over);
                timer = Some(clock.sleep(LAST_CALLS));
            }
        }
    }
}

/// Polls what may be there. What is ready is there no more.
fn poll_some<T>(
    future: &mut Option<Pin<Box<dyn Future<Output = T> + Send + '_>>>,
    cx: &mut Context<'_>,
) -> Option<T> {
    match future.as_mut()?.as_mut().poll(cx) {
        Poll::Ready(output) => {
            *future = None;
            Some(output)
        }
        Poll::Pending => None,
    }
}

impl<T: QueueItem> Worker<T> {
    async fn claim(&self, most: usize) -> Batch {
        // The lease is counted from before the question, so that it never seems longer here than it is there. For the
        // same reason an answer that takes as long as the lease is of no use.
        let asked_at = self.clock.elapsed();
        match timeout(&*self.clock, self.lease, self.queue.claim(most, self.lease)).await {
            Some(Ok(claims)) => return (asked_at, Some(claims)),
            Some(Err(error)) => self.observe_outage(QueueCall::Claim, Some(error)),
            None => self.observe_outage(QueueCall::Claim, None),
        }
        (asked_at, None)
    }

    /// An item whenever there may be new rows. It has no end.
    fn wake_ups(&self) -> impl Stream<Item = ()> + Send + '_ {
        let nobody: Option<Box<dyn WakeUps>> = None;
        stream::unfold((nobody, Pauses::up_to(LONGEST_PAUSE)), move |(mut listener, mut pauses)| async move {
            loop {
                let heard = match &mut listener {
                    Some(listener) => listener.next().await.map(|()| pauses.reset()),
                    // What was inserted before it listened is not told of, so to begin is a reason to ask, too.
                    None => self.queue.listen().await.map(|opened| listener = Some(opened)),
                };
                match heard {
                    Ok(()) => return Some(((), (listener, pauses))),
                    Err(error) => {
                        listener = None;
                        self.observe_outage(QueueCall::Listen, Some(error));
                        self.clock.sleep(pauses.next(&*self.clock)).await;
                    }
                }
            }
        })
    }
}
