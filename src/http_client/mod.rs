//! How requests leave: a small trait, the bodies, and the bundled client over reqwest.
//!
//! A client of your own says only *what* happened; whether the message may have been accepted is derived from the
//! departure mark in the [`RequestBody`], so no client can get it wrong. Three settings are conditions of the promise
//! that nothing is sent twice: no redirects are followed, nothing is retried, and the body is streamed (a client that
//! turns it into bytes first cannot prove that nothing left).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

mod body;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod checked;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod date;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod defaults;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod download;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod exchange;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod hosts;
#[cfg(feature = "reqwest")]
mod reqwest;
mod response_body;

pub use body::RequestBody;
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use checked::{Checked, Expected};
#[cfg(feature = "twilio")]
pub(crate) use date::internet_date;
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use defaults::{base_url, default_client};
#[cfg(feature = "meta")]
pub(crate) use download::USER_AGENT;
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use download::{MAX_REDIRECTS, ask_for_file, redirected, untrusted};
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use exchange::{Answer, exchange};
#[cfg(feature = "twilio")]
pub(crate) use hosts::HostNotAllowed;
#[cfg(feature = "meta")]
pub(crate) use hosts::Origin;
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use hosts::{Hosts, Trust};
#[cfg(feature = "reqwest")]
pub use reqwest::ReqwestClient;
pub use response_body::ResponseBody;

/// Sends one request and returns the head of the answer.
///
/// # Contract
///
/// * Redirects are not followed and nothing is sent a second time.
/// * The request body is read from [`RequestBody`] as it goes out, and not before there is a connection.
/// * A header of the request goes out as it is, `User-Agent` included.
/// * The [`Limits`] hold: the time to connect until the body departs, the time to the head from there on, the time
///   for everything until the end of the answer's body.
#[async_trait]
pub trait HttpClient: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`.
    ///
    /// # Errors
    ///
    /// [`HttpError`] if there is no answer. A status that says an error is an answer.
    async fn execute(
        &self,
        request: http::Request<RequestBody>,
        limits: Limits,
    ) -> Result<http::Response<ResponseBody>, HttpError>;
}

/// How long a request may take and how large its answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Until the body departs: name look-up, TCP and TLS. Default 3 s.
    pub connect: Duration,
    /// From the departure to the head of the answer. Default 30 s, because Twilio may take 26.
    pub head: Duration,
    /// For everything, the answer's body included. Default 60 s.
    pub total: Duration,
    /// The largest answer, in bytes. Default 1 MiB. The crate enforces it, not the client.
    pub max_response_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            head: Duration::from_secs(30),
            total: Duration::from_secs(60),
            max_response_bytes: 1024 * 1024,
        }
    }
}

impl Limits {
    /// Sets the time to connect.
    #[must_use]
    pub const fn with_connect(mut self, connect: Duration) -> Self {
        self.connect = connect;
        self
    }

    /// Sets the time to the head of the answer.
    #[must_use]
    pub const fn with_head(mut self, head: Duration) -> Self {
        self.head = head;
        self
    }

    /// Sets the time for everything.
    #[must_use]
    pub const fn with_total(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Sets the largest answer, in bytes.
    #[must_use]
    pub const fn with_max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// The limits for media files, up and down: as by default, but 10 minutes to the head and for everything, because a
    /// large file takes its time, and 100 MiB, which is the most that WhatsApp carries.
    pub const fn media() -> Self {
        let minutes = Duration::from_secs(10 * 60);
        Self {
            connect: Duration::from_secs(3),
            head: minutes,
            total: minutes,
            max_response_bytes: 100 * 1024 * 1024,
        }
    }

    /// Allows no more than `total` for everything.
    #[cfg(any(feature = "meta", feature = "twilio"))]
    #[must_use]
    pub(crate) fn at_most(mut self, total: Option<Duration>) -> Self {
        self.total = total.map_or(self.total, |total| total.min(self.total));
        self
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// No connection: the name, the port, the TLS handshake, or a proxy.
    Connect,
    /// A time limit ran out.
    Timeout,
    /// The connection broke.
    Interrupted,
    /// The answer was not HTTP, or was larger than allowed.
    Malformed,
    /// The answer is not what it was announced to be: its length or its SHA-256 differs.
    Corrupted,
    /// The request could not be made.
    Request,
}

/// A request without an answer.
///
/// It says only what happened. `Debug` and `Display` print no URL.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
pub struct HttpError {
    kind: HttpErrorKind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl HttpError {
    /// Says what happened.
    pub const fn new(kind: HttpErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Keeps the cause, which must not print the URL.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What happened.
    pub const fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    const fn message(&self) -> &'static str {
        match self.kind {
            HttpErrorKind::Connect => "no connection to the provider",
            HttpErrorKind::Timeout => "the provider took too long",
            HttpErrorKind::Interrupted => "the connection to the provider broke",
            HttpErrorKind::Malformed => "the answer was not HTTP, or too large",
            HttpErrorKind::Corrupted => "the answer is not what was announced",
            HttpErrorKind::Request => "the request could not be made",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_set_alone() {
        let [second, minute] = [Duration::from_secs(1), Duration::from_secs(60)];
        let all =
            |connect, head, total, max_response_bytes| Limits { connect, head, total, max_response_bytes };
        let default = all(3 * second, 30 * second, minute, 1_048_576);
        assert_eq!(Limits::default(), default);
        let changed = default.with_connect(second).with_head(2 * second);
        assert_eq!(changed, all(second, 2 * second, minute, 1_048_576));
        assert_eq!(changed.with_total(second), all(second, 2 * second, second, 1_048_576));
        assert_eq!(changed.with_max_response_bytes(7), all(second, 2 * second, minute, 7));

        assert_eq!(Limits::media(), all(3 * second, 10 * minute, 10 * minute, 104_857_600));

        assert_eq!(changed.at_most(None), changed);
        assert_eq!(changed.at_most(Some(2 * minute)), changed);
        assert_eq!(changed.at_most(Some(second)), changed.with_total(second));
    }

    #[test]
    fn an_error_says_what_happened_and_keeps_its_cause() {
        let error = HttpError::new(HttpErrorKind::Timeout).with_source("a cause");
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
        assert_eq!(error.to_string(), "the provider took too long");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "a cause");
        assert_eq!(HttpError::new(HttpErrorKind::Connect).to_string(), "no connection to the provider");
    }
}
