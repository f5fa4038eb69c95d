use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use tokio::sync::watch;

use super::super::{Claim, QueueItem, RowStatus, Then};
use super::error::Next;
use super::pause::{Pauses, rest};
use super::run::Phase;
use super::{Job, JobError, JobReport, QueueCall, Worker, WorkerEvent};
use crate::clock::timeout;

/// A claim by our own clock: never longer than it is by the queue's, as long as both clocks run. Ours may stand still
/// while the machine is suspended; the time of day does not, but it is also set, and would cost claims that hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    renew_at: Duration,
    until: Duration,
}

impl Lease {
    /// What was asked for at this time.
    pub(super) fn from(asked_at: Duration, lease: Duration) -> Self {
        Self { renew_at: asked_at.saturating_add(lease / 3), until: asked_at.saturating_add(lease) }
    }

    fn is_over(self, now: Duration) -> bool {
        now >= self.until
    }
}

/// How the work on a row ended.
enum End {
    Done,
    Not(Then),
    /// The row is not ours any more.
    Lost,
}

impl<T: QueueItem> Worker<T> {
    /// Everything that is done for one claim. Whatever happens, it ends.
    pub(super) async fn work<H, F>(
        &self,
        claim: Claim,
        mut lease: Lease,
        handler: &H,
        mut phase: watch::Receiver<Phase>,
    ) where
        H: Fn(Job<T>) -> F,
        F: Future<Output = Result<(), JobError>>,
    {
        let item = T::read(&claim.payload);
        let mut report = JobReport {
            row: claim.row,
            provider: item.as_ref().and_then(|item| item.provider().cloned()),
            kind: item.as_ref().map(T::kind),
            attempts: claim.attempts,
            duration: Duration::ZERO,
        };
        let started = self.clock.elapsed();
        let end = match item {
            _ if lease.is_over(started) => End::Lost,
            _ if *phase.borrow() != Phase::Running => End::Not(Then::Release),
            // The last attempt was cut off with its worker.
            _ if claim.attempts > self.max_attempts => End::Not(Then::review("tried too often")),
            None => End::Not(Then::review("the event cannot be read")),
            Some(item) if item.is_over(claim.waited) => {
                let over = "the ttl was over";
                // An earlier attempt may have sent it.
                End::Not(if claim.attempts > 1 { Then::review(over) } else { Then::dead(over) })
            }
            Some(item) => {
                let is_last = claim.attempts >= self.max_attempts;
                let job = Job::new(item, claim.row, claim.attempts, is_last);
                let work = AssertUnwindSafe(async { handler(job).await }).catch_unwind();
                let result = self.hold(&claim, &mut lease, work, &mut phase).await;
                report.duration = self.clock.elapsed().saturating_sub(started);
                match result {
                    Held::Ended(Ok(Ok(()))) => End::Done,
                    Held::Ended(Ok(Err(error))) => End::Not(self.after(error, claim.attempts)),
                    Held::Ended(Err(_)) => {
                        self.observe(&WorkerEvent::Panicked { job: report.clone() });
                        End::Not(self.after(JobError::cut_off(None, "the handler panicked"), claim.attempts))
                    }
                    Held::Stopped => {
                        let stopped = JobError::cut_off(Some(Duration::ZERO), "the worker was stopped");
                        End::Not(self.after(stopped, claim.attempts))
                    }
                    Held::Lost => End::Lost,
                }
            }
        };
        let is_settled = self.settle(&claim, lease, &end, &mut phase).await;
        self.observe(&told(end, report, is_settled));
    }

    /// What becomes of a row whose handler failed.
    fn after(&self, error: JobError, attempts: u32) -> Then {
        let (next, reason) = error.into_parts();
        match next {
            Next::Retry { in_doubt: true, .. } if attempts >= self.max_attempts => Then::review(reason),
            Next::Retry { .. } if attempts >= self.max_attempts => Then::dead(reason),
            Next::Retry { after, .. } => {
                Then::retry(after.unwrap_or_else(|| rest(&*self.clock, attempts)), reason)
            }
            Next::Review => Then::review(reason),
            Next::Dead => Then::dead(reason),
        }
    }

    /// Does the work for as long as the claim can be kept and the worker may go on. When this returns, the work has
    /// ended or is dropped.
    async fn hold<W: Future>(
        &self,
        claim: &Claim,
        lease: &mut Lease,
        work: W,
        phase: &mut watch::Receiver<Phase>,
    ) -> Held<W::Output> {
        let lost = pin!(self.keep(claim, lease));
        let over = pin!(phase.wait_for(|phase| *phase == Phase::Over));
        // The work is asked first: what is done at the last moment is done.
        match select(pin!(work), select(lost, over)).await {
            Either::Left((output, _)) => Held::Ended(output),
            Either::Right((Either::Left(_), _)) => Held::Lost,
            Either::Right((Either::Right(_), _)) => Held::Stopped,
        }
    }

    /// Renews a lease again and again. Returns when it is lost.
    async fn keep(&self, claim: &Claim, lease: &mut Lease) {
        loop {
            self.clock.sleep(lease.renew_at.saturating_sub(self.clock.elapsed())).await;
            let mut pauses = self.pauses_in_lease();
            loop {
                let asked_at = self.clock.elapsed();
                let left = lease.until.saturating_sub(asked_at);
                if left.is_zero() {
                    return;
                }
                match timeout(&*self.clock, left, self.queue.extend(claim, self.lease)).await {
                    Some(Ok(true)) => {
                        *lease = Lease::from(asked_at, self.lease);
                        break;
                    }
                    Some(Ok(false)) => return,
                    Some(Err(error)) => self.observe_outage(QueueCall::Extend, Some(error)),
                    None => self.observe_outage(QueueCall::Extend, None),
                }
                let left = lease.until.saturating_sub(self.clock.elapsed());
                self.clock.sleep(pauses.next(&*self.clock).min(left)).await;
            }
        }
    }

    /// Tells the queue how a claim ended, until it has heard it, the lease is over, or there is no time left. `false`
    /// if it has not.
    async fn settle(
        &self,
        claim: &Claim,
        lease: Lease,
        end: &End,
        phase: &mut watch::Receiver<Phase>,
    ) -> bool {
        let mut pauses = self.pauses_in_lease();
        loop {
            let call = async {
                match end {
                    End::Done => self.queue.complete(claim).await,
                    End::Not(then) => self.queue.fail(claim, then.clone()).await,
                    End::Lost => Ok(false),
                }
            };
            let left = lease.until.saturating_sub(self.clock.elapsed());
            if left.is_zero() {
                return false;
            }
            match timeout(&*self.clock, left, call).await {
                Some(Ok(held)) => return held,
                Some(Err(error)) => self.observe_outage(QueueCall::End, Some(error)),
                None => self.observe_outage(QueueCall::End, None),
            }
            // After the grace there is one call for each row and no more.
            if *phase.borrow() == Phase::Over {
                return false;
            }
            let left = lease.until.saturating_sub(self.clock.elapsed());
            let pause = self.clock.sleep(pauses.next(&*self.clock).min(left));
            select(pause, pin!(phase.wait_for(|phase| *phase == Phase::Over))).await;
        }
    }

    /// A lease leaves time for several calls, however short it is.
    fn pauses_in_lease(&self) -> Pauses {
        Pauses::up_to(self.lease / 6)
    }
}

/// How it went on with work under a lease.
enum Held<T> {
    Ended(T),
    Lost,
    Stopped,
}

/// What an observer is told of the end of a job.
fn told(end: End, job: JobReport, is_settled: bool) -> WorkerEvent {
    let (status, retry_after) = match end {
        _ if !is_settled => return WorkerEvent::LeaseLost { job },
        End::Lost => return WorkerEvent::LeaseLost { job },
        End::Done => return WorkerEvent::Completed { job },
        End::Not(Then::Release) => return WorkerEvent::Released { job },
        End::Not(Then::Retry { after, .. }) => (RowStatus::Pending, Some(after)),
        End::Not(Then::Review { .. }) => (RowStatus::Review, None),
        End::Not(Then::Dead { .. }) => (RowStatus::Dead, None),
    };
    WorkerEvent::Failed { job, status, retry_after }
}
