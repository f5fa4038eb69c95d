//! What is made of servers that misbehave, on real sockets: the bundled client under the crate's own `exchange`.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::ReqwestClient;
use crate::error::{Acceptance, Error, ErrorKind};
use crate::http_client::{Answer, HttpError, HttpErrorKind, Limits, exchange};
use crate::outbound::Departure;

mod connecting;
mod http1;
mod http2;
mod http2_server;
mod limits;
mod peer;
mod random;
mod tls;

/// What is known of a message after its request.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Verdict {
    /// Certainly not accepted.
    NotAccepted(HttpErrorKind),
    /// Nobody knows.
    Unknown(HttpErrorKind),
    /// Answered with this status.
    Answered(u16),
    /// Answered with this status, and broken off in the body.
    Cut(u16),
}

impl Verdict {
    fn of(result: &Result<Answer, Error>) -> Self {
        let error = match result {
            Ok(Answer { status, body: Some(_), .. }) => return Self::Answered(status.as_u16()),
            Ok(Answer { status, body: None, .. }) => return Self::Cut(status.as_u16()),
            Err(error) => error,
        };
        let cause: &HttpError = error.source().unwrap().downcast_ref().unwrap();
        match (error.kind(), error.acceptance()) {
            (ErrorKind::Unavailable, Acceptance::NotAccepted) => Self::NotAccepted(cause.kind()),
            (ErrorKind::NoAnswer, Acceptance::Unknown) => Self::Unknown(cause.kind()),
            other => panic!("{other:?} is no verdict"),
        }
    }
}

/// Short, because most of these are waited for; long enough for a busy machine to answer in.
fn limits() -> Limits {
    let limits = Limits::default().with_connect(Duration::from_secs(2));
    limits.with_head(Duration::from_secs(4)).with_total(Duration::from_secs(8))
}

fn client() -> ReqwestClient {
    ReqwestClient::new().unwrap()
}

fn post(url: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(url).body(body.into()).unwrap()
}

async fn send_within(limits: Limits, client: &ReqwestClient, url: &str, body: impl Into<Bytes>) -> Verdict {
    Verdict::of(&exchange(client, post(url, body), limits, &Departure::new()).await)
}

async fn send(client: &ReqwestClient, url: &str, body: impl Into<Bytes>) -> Verdict {
    send_within(limits(), client, url, body).await
}
