use crate::clock::Timestamp;
use crate::error::Error;
use crate::outbound::OutboundMessage;
use crate::queue::QueueError;
use crate::queue::row::NewRow;
use crate::sink::SinkError;

/// A message to insert into an outbox. A reference to a message is one, too.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct OutboxEntry<'m> {
    message: &'m OutboundMessage,
    not_before: Option<Timestamp>,
}

impl<'m> OutboxEntry<'m> {
    /// A message that may go out at once.
    pub fn new(message: &'m OutboundMessage) -> Self {
        Self { message, not_before: None }
    }

    /// Keeps it in the outbox until then, by the database's clock (by the queue's own where the database has none).
    ///
    /// Such a message has no place among the others to its recipient: it neither waits for them nor they for it, not
    /// even if the moment has passed when it is inserted.
    pub fn not_before(mut self, moment: Timestamp) -> Self {
        self.not_before = Some(moment);
        self
    }
}

impl<'m> From<&'m OutboundMessage> for OutboxEntry<'m> {
    fn from(message: &'m OutboundMessage) -> Self {
        Self::new(message)
    }
}

/// The rows of these entries, or the first one that cannot be one.
pub(crate) fn rows<'m, E: Into<OutboxEntry<'m>>>(
    entries: impl IntoIterator<Item = E>,
) -> Result<Vec<NewRow>, OutboxError> {
    let rows = entries.into_iter().enumerate().map(|(place, entry)| {
        let OutboxEntry { message, not_before } = entry.into();
        NewRow::of_message(message, not_before).map_err(|error| OutboxError::Invalid { place, error })
    });
    rows.collect()
}

/// None of the messages was inserted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// No provider could carry this one, or the outbox can never store it: its error names the [field](Error::field), and
    /// the limit if there is one.
    #[error("message {place} cannot be inserted: {error}")]
    #[non_exhaustive]
    Invalid {
        /// Its place among those that were given, from 0.
        place: usize,
        /// What is wrong with it.
        error: Error,
    },
    /// The outbox cannot take messages now.
    #[error(transparent)]
    Unavailable(#[from] QueueError),
}

impl From<SinkError> for OutboxError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Unavailable { source } => Self::Unavailable(QueueError::new(source)),
            // What the database refuses for what is in it is what the message says: all else was looked at before.
            SinkError::Reject(places) => Self::Invalid {
                place: places.first().copied().unwrap_or_default(),
                error: Error::invalid("content"),
            },
        }
    }
}
