use std::fmt;
use std::time::Duration;

use crate::error::{Acceptance, Error, ErrorKind};

/// How long a row rests at most because an error asks for it: later rows of its conversation wait behind it, and what
/// asks may be a header with nonsense in it, or a machine whose clock is wrong.
const LONGEST_ASKED: Duration = Duration::from_secs(15 * 60);

/// Why an event was not handled, and what is to become of its row.
///
/// An [`Error`] of a provider becomes one by `?`, and a message that may have been accepted is never tried again blindly.
///
/// | the error | the row |
/// |---|---|
/// | [`Duplicate`](ErrorKind::Duplicate): the same message is being sent elsewhere just now | is tried again |
/// | [`StoreUnavailable`](ErrorKind::StoreUnavailable): nobody could say whether it was sent before | is tried again |
/// | its acceptance is [unknown](Acceptance::Unknown) | stands in `review` |
/// | not accepted, but may be later or elsewhere: throttled, unavailable, credentials, no route ... | is tried again |
/// | not accepted, and will not be: an invalid message, a refusing recipient, a closed window ... | is `dead` |
/// | [`Unrecognized`](ErrorKind::Unrecognized) | stands in `review` |
///
/// The first two are errors of messages with an idempotency key, even if they may have been accepted before: at the next
/// attempt the store decides whether such a message is sent.
///
/// What is tried again rests for as long as the error [asks](Error::retry_after), but 15 min at most; otherwise for 1 s
/// that doubles with each attempt up to 5 min. The reason is what the error displays, which names nobody.
///
/// At the [last attempt](crate::queue::Worker::max_attempts) a row that would be tried again is `dead`; it stands in
/// `review` if the error's acceptance is unknown, or if the handler was cut off.
///
/// Any other error is given as a reason of your own. **The reason is stored with the row**, in the clear, until the row
/// is done: of `error.to_string()` be sure that it names no user and repeats no message.
///
/// ```
/// use whatsapp_provider::queue::JobError;
///
/// fn look_up(order: &str) -> Result<u32, JobError> {
///     order.parse().map_err(|_| JobError::dead("the order is not a number"))
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct JobError {
    next: Next,
    reason: String,
}

/// What is to become of a row that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Tried again after this time, or one that grows with the attempts. Given up after the last attempt, or looked at
    /// if it is in doubt what was done.
    Retry {
        after: Option<Duration>,
        in_doubt: bool,
    },
    Review,
    Dead,
}

impl JobError {
    /// The row is tried again, after 1 s that doubles with each attempt up to 5 min, less up to half of it by chance.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::new(Next::Retry { after: None, in_doubt: false }, reason)
    }

    /// The row is tried again after this time.
    pub fn retry_after(after: Duration, reason: impl Into<String>) -> Self {
        Self::new(Next::Retry { after: Some(after), in_doubt: false }, reason)
    }

    /// The handler did not come to its end, so nobody knows what it had done.
    pub(super) fn cut_off(after: Option<Duration>, reason: &'static str) -> Self {
        Self::new(Next::Retry { after, in_doubt: true }, reason)
    }

    /// Somebody should look at the row.
    pub fn review(reason: impl Into<String>) -> Self {
        Self::new(Next::Review, reason)
    }

    /// The row is given up.
    pub fn dead(reason: impl Into<String>) -> Self {
        Self::new(Next::Dead, reason)
    }

    /// Why, as it will be stored.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    fn new(next: Next, reason: impl Into<String>) -> Self {
        Self { next, reason: reason.into() }
    }

    pub(super) fn into_parts(self) -> (Next, String) {
        (self.next, self.reason)
    }
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        let after = error.retry_after().map(|asked| asked.min(LONGEST_ASKED));
        let in_doubt = error.acceptance() == Acceptance::Unknown;
        let next = match error.kind() {
            // This call sent nothing. Another one may have, which the store will know at the next attempt.
            ErrorKind::Duplicate | ErrorKind::StoreUnavailable => Next::Retry { after, in_doubt },
            _ if in_doubt => Next::Review,
            kind => after_refusal(kind, after),
        };
        Self::new(next, error.to_string())
    }
}

/// What becomes of an event whose answer was certainly not accepted. Every kind is named, so that a new one is thought
/// about.
fn after_refusal(kind: ErrorKind, after: Option<Duration>) -> Next {
    match kind {
        ErrorKind::Throttled
        | ErrorKind::RecipientThrottled
        | ErrorKind::Unavailable
        | ErrorKind::NoAnswer
        | ErrorKind::NoRoute
        | ErrorKind::StoreUnavailable
        | ErrorKind::Credentials
        | ErrorKind::AccountBlocked
        | ErrorKind::Duplicate
        | ErrorKind::Expired => Next::Retry { after, in_doubt: false },
        ErrorKind::InvalidMessage
        | ErrorKind::Unsupported
        | ErrorKind::NotPortable
        | ErrorKind::MediaExpired
        | ErrorKind::NotEntitled
        | ErrorKind::RecipientUnreachable
        | ErrorKind::RecipientRefused
        | ErrorKind::WindowClosed
        | ErrorKind::TemplateUnavailable => Next::Dead,
        ErrorKind::Unrecognized => Next::Review,
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobError").field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Option<Duration> = Some(Duration::from_secs(7));

    fn retry(after: Option<Duration>, in_doubt: bool) -> Next {
        Next::Retry { after, in_doubt }
    }

    fn next(kind: ErrorKind, acceptance: Acceptance, wait: Option<Duration>) -> Next {
        let error = Error::new(kind, acceptance);
        let error = wait.map_or(Error::new(kind, acceptance), |wait| error.with_retry_after(wait));
        let text = error.to_string();
        let error = JobError::from(error);
        assert_eq!(error.reason(), text);
        error.next
    }

    #[test]
    fn what_may_have_been_accepted_is_never_tried_again_blindly() {
        let tried_again = [ErrorKind::Duplicate, ErrorKind::StoreUnavailable];
        for kind in ErrorKind::ALL {
            let expected = if tried_again.contains(kind) { retry(WAIT, true) } else { Next::Review };
            assert_eq!(next(*kind, Acceptance::Unknown, WAIT), expected, "{kind:?}");
        }
        for kind in tried_again {
            assert_eq!(next(kind, Acceptance::Unknown, None), retry(None, true));
        }
    }

    #[test]
    fn what_was_not_accepted_goes_by_its_kind() {
        let of = |expected: Next| {
            let kinds = ErrorKind::ALL.iter().copied();
            kinds.filter(|kind| next(*kind, Acceptance::NotAccepted, WAIT) == expected).collect::<Vec<_>>()
        };
        use ErrorKind::*;
        assert_eq!(
            of(retry(WAIT, false)),
            [
                RecipientThrottled,
                Throttled,
                Credentials,
                AccountBlocked,
                Unavailable,
                NoAnswer,
                Expired,
                NoRoute,
                Duplicate,
                StoreUnavailable
            ]
        );
        assert_eq!(
            of(Next::Dead),
            [
                InvalidMessage,
                Unsupported,
                NotPortable,
                MediaExpired,
                NotEntitled,
                RecipientUnreachable,
                RecipientRefused,
                WindowClosed,
                TemplateUnavailable
            ]
        );
        assert_eq!(of(Next::Review), [Unrecognized]);
        assert_eq!(next(Throttled, Acceptance::NotAccepted, None), retry(None, false));
    }

    #[test]
    fn nobody_makes_a_row_rest_for_longer_than_a_quarter_of_an_hour() {
        let longest = Duration::from_secs(900);
        let asks =
            [longest - Duration::from_millis(1), longest, longest + Duration::from_millis(1), Duration::MAX];
        for (kind, acceptance) in
            [(ErrorKind::Throttled, Acceptance::NotAccepted), (ErrorKind::Duplicate, Acceptance::Unknown)]
        {
            let rests = asks.map(|ask| next(kind, acceptance, Some(ask)));
            assert_eq!(
                rests,
                [asks[0], longest, longest, longest]
                    .map(|rest| retry(Some(rest), acceptance == Acceptance::Unknown))
            );
        }
        let own = JobError::retry_after(Duration::from_secs(86_400), "closed until tomorrow");
        assert_eq!(own.next, retry(Some(Duration::from_secs(86_400)), false), "the handler's own word holds");
    }

    #[test]
    fn debug_says_what_becomes_of_the_row_and_not_why() {
        let error = JobError::retry_after(Duration::from_secs(1), "CANARY");
        assert_eq!(format!("{error:?}"), "JobError { next: Retry { after: Some(1s), in_doubt: false }, .. }");
    }
}
