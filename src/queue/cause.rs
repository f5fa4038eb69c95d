use super::QueueError;
use crate::database::Cause;
use crate::sink::SinkError;

pub(super) fn queue_error(error: sqlx::Error) -> QueueError {
    QueueError::new(Cause::from(error))
}

pub(super) fn sink_error(error: sqlx::Error) -> SinkError {
    SinkError::unavailable(Cause::from(error))
}
