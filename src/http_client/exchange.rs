use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::date::internet_date;
use super::{HttpClient, HttpErrorKind, Limits, RequestBody, ResponseBody};
use crate::error::{Acceptance, Error, ErrorKind};
use crate::outbound::Departure;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `None` if it broke off or stalled; empty if it was too large to be one of the providers'.
    pub(crate) body: Option<Bytes>,
}

impl Answer {
    /// Reads an answer to its end, if it is not longer than `max` bytes.
    pub(crate) async fn read(response: http::Response<ResponseBody>, max: usize) -> Self {
        let (head, body) = response.into_parts();
        let body = match body.read(max).await {
            Ok(body) => Some(body),
            // Neither provider has so much to say: it is somebody else's answer, whole or not.
            Err(error) if error.kind() == HttpErrorKind::Malformed => Some(Bytes::new()),
            Err(_) => None,
        };
        Self { status: head.status, headers: head.headers, body }
    }

    /// How long the answer asks to wait, in its `Retry-After` header: in seconds, or until a date.
    ///
    /// A date is taken from the answer's own `Date`, so a clock of ours that is wrong makes nobody wait. Every server that
    /// has a clock sends one; without it a date says nothing.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = |name| self.headers.get(name)?.to_str().ok();
        let asked = text(header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = asked.parse() {
            return Some(Duration::from_secs(seconds));
        }
        Some(internet_date(asked)?.since(internet_date(text(header::DATE)?)?))
    }

    /// What the status alone proves, for an answer without the provider's own envelope.
    ///
    /// A refusal by status can only be believed for 4xx: whoever answered did not take the message. 408 and all else
    /// may come from something in between that had passed the message on.
    pub(crate) fn without_envelope(&self) -> Error {
        let (kind, acceptance) = match self.status.as_u16() {
            429 => (ErrorKind::Throttled, Acceptance::NotAccepted),
            408 => (ErrorKind::NoAnswer, Acceptance::Unknown),
            400..=499 => (ErrorKind::Unavailable, Acceptance::NotAccepted),
            _ => (ErrorKind::NoAnswer, Acceptance::Unknown),
        };
        let error = Error::new(kind, acceptance).with_status(self.status.as_u16());
        match self.retry_after() {
            Some(retry_after) => error.with_retry_after(retry_after),
            None => error,
        }
    }
}

/// Sends a request whose body carries `departure` and reads the whole answer.
///
/// # Errors
///
/// `Unavailable` and not accepted if the body never departed (and then it never will); `NoAnswer` and unknown if it
/// did. There is an error only if there is no head: an answer that breaks off after it has a body of `None`.
pub(crate) async fn exchange(
    client: &dyn HttpClient,
    request: http::Request<impl Into<RequestBody>>,
    limits: Limits,
    departure: &Departure,
) -> Result<Answer, Error> {
    departure.arm();
    let request = request.map(|body| {
        let body: RequestBody = body.into();
        // A client need not ask an empty body for its bytes, so nothing can be learned from that. It sends no message.
        if body.is_empty() { RequestBody::empty() } else { body.with_departure(departure.clone()) }
    });
    match client.execute(request, limits).await {
        Ok(response) => Ok(Answer::read(response, limits.max_response_bytes).await),
        Err(error) if departure.revoke() => {
            Err(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_source(error))
        }
        Err(error) => Err(Error::new(ErrorKind::NoAnswer, Acceptance::Unknown).with_source(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&'static str>) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        }
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: None }
    }

    #[test]
    fn a_bare_status_proves_only_refusals() {
        use Acceptance::{NotAccepted, Unknown};
        use ErrorKind::{NoAnswer, Throttled, Unavailable};
        for (status, kind, acceptance) in [
            (200, NoAnswer, Unknown),
            (204, NoAnswer, Unknown),
            (301, NoAnswer, Unknown),
            (307, NoAnswer, Unknown),
            (400, Unavailable, NotAccepted),
            (401, Unavailable, NotAccepted),
            (404, Unavailable, NotAccepted),
            (407, Unavailable, NotAccepted),
            (408, NoAnswer, Unknown),
            (409, Unavailable, NotAccepted),
            (428, Unavailable, NotAccepted),
            (429, Throttled, NotAccepted),
            (430, Unavailable, NotAccepted),
            (499, Unavailable, NotAccepted),
            (500, NoAnswer, Unknown),
            (502, NoAnswer, Unknown),
            (503, NoAnswer, Unknown),
            (504, NoAnswer, Unknown),
        ] {
            let error = answer(status, None).without_envelope();
            assert_eq!((error.kind(), error.acceptance()), (kind, acceptance), "{status}");
            assert_eq!(error.status(), Some(status));
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        for (value, expected) in [
            (Some("7"), Some(Duration::from_secs(7))),
            (Some(" 0 "), Some(Duration::ZERO)),
            (Some("soon"), None),
            (Some("-1"), None),
            (None, None),
        ] {
            assert_eq!(answer(429, value).without_envelope().retry_after(), expected, "{value:?}");
        }
    }

    #[test]
    fn retry_after_is_read_as_a_date() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (value, date, expected) in [
            ("Sun, 06 Nov 1994 08:51:07 GMT", Some(now), Some(Duration::from_secs(90))),
            (now, Some(now), Some(Duration::ZERO)),
            // What is over need not be waited for.
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(now), Some(Duration::ZERO)),
            ("Sun, 06 Nov 1994 08:51:07 GMT", None, None),
            ("Sun, 06 Nov 1994 08:51:07 GMT", Some("today"), None),
            ("tomorrow", Some(now), None),
        ] {
            let mut answer = answer(503, Some(value));
            if let Some(date) = date {
                answer.headers.insert(header::DATE, date.parse().unwrap());
            }
            assert_eq!(answer.without_envelope().retry_after(), expected, "{value} {date:?}");
        }
    }
}
