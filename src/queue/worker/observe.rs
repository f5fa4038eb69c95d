use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::{QueueError, RowStatus};
use crate::ids::ProviderId;

/// What a worker tells its observer. No event holds anything of what a row says or whom it is about; `Debug` prints no
/// reason and no cause.
#[derive(Clone)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// A row is done.
    #[non_exhaustive]
    Completed {
        /// The job.
        job: JobReport,
    },
    /// A row is not done.
    #[non_exhaustive]
    Failed {
        /// The job.
        job: JobReport,
        /// The status it has now: [`Pending`](RowStatus::Pending) if it is tried again,
        /// [`Review`](RowStatus::Review) or [`Dead`](RowStatus::Dead). The reason is kept with the row.
        status: RowStatus,
        /// How long it rests, if it is tried again.
        retry_after: Option<Duration>,
    },
    /// A handler panicked. What becomes of its row is told apart.
    #[non_exhaustive]
    Panicked {
        /// The job.
        job: JobReport,
    },
    /// A row was claimed while the worker was told to stop, and was given back untouched.
    #[non_exhaustive]
    Released {
        /// The job.
        job: JobReport,
    },
    /// A claim ran out, or the queue did not take its end in time. If the handler was still running it was dropped; the
    /// row is handled again, unless the queue had taken the end and only its answer was lost.
    #[non_exhaustive]
    LeaseLost {
        /// The job.
        job: JobReport,
    },
    /// The queue did not do what it was asked; it is asked again.
    #[non_exhaustive]
    QueueUnavailable {
        /// What it was asked.
        call: QueueCall,
        /// Why not; `None` if it did not answer in time.
        error: Option<Arc<QueueError>>,
    },
}

/// What a worker asks of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueueCall {
    /// To claim rows.
    Claim,
    /// To let a claim hold for longer.
    Extend,
    /// To take the end of a job: that its row is done, or that it is not.
    End,
    /// To tell of new rows.
    Listen,
}

/// A job, as an observer is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobReport {
    /// The row.
    pub row: i64,
    /// The provider that the event came from, or that the message wants. `None` if there is none, or the row cannot be
    /// read.
    pub provider: Option<ProviderId>,
    /// The [kind](crate::EventKind::as_str) of the event, or of the message's
    /// [content](crate::outbound::ContentKind::as_str). `None` if the row cannot be read.
    pub kind: Option<&'static str>,
    /// How many times the row was claimed, this time included.
    pub attempts: u32,
    /// How long the handler ran, by the worker's clock. Zero if it did not.
    pub duration: Duration,
}

impl fmt::Debug for WorkerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, job) = match self {
            Self::Completed { job } => ("Completed", job),
            Self::Failed { job, status, retry_after } => {
                return f
                    .debug_struct("Failed")
                    .field("job", job)
                    .field("status", status)
                    .field("retry_after", retry_after)
                    .finish();
            }
            Self::Panicked { job } => ("Panicked", job),
            Self::Released { job } => ("Released", job),
            Self::LeaseLost { job } => ("LeaseLost", job),
            // The cause says what a database said, which may be anything.
            Self::QueueUnavailable { call, .. } => {
                return f.debug_struct("QueueUnavailable").field("call", call).finish_non_exhaustive();
            }
        };
        f.debug_struct(name).field("job", job).finish()
    }
}
