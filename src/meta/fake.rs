//! A client that records requests and answers as it is told.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame};

use super::MetaCloud;
use super::builder::MetaCloudBuilder;
use crate::http_client::{HttpClient, HttpError, HttpErrorKind, Limits, RequestBody, ResponseBody};
use crate::ids::{ProviderId, SenderId};
use crate::testing::TestClock;

pub(super) const NUMBER: &str = "100000000000007";

/// What the next request is answered with.
#[derive(Debug)]
pub(super) enum Reply {
    Whole(u16, String),
    /// The head, a part of the body, and then nothing.
    Cut(u16),
    /// No connection: the body is never asked for.
    Unreachable,
    /// The body leaves, and nothing comes back.
    Silence,
}

#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) request: http::Request<Bytes>,
    pub(super) limits: Limits,
}

impl Recorded {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.request.body()).unwrap()
    }
}

#[derive(Debug, Default)]
pub(super) struct Fake {
    replies: Mutex<VecDeque<(Reply, Option<&'static str>)>>,
    pub(super) requests: Mutex<Vec<Recorded>>,
}

impl Fake {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        let replies = replies.into_iter().map(|reply| (reply, None)).collect();
        Arc::new(Self { replies: Mutex::new(replies), requests: Mutex::default() })
    }

    /// Lets every answer ask to wait.
    pub(super) fn with_retry_after(self: Arc<Self>, seconds: &'static str) -> Arc<Self> {
        for reply in self.replies.lock().unwrap().iter_mut() {
            reply.1 = Some(seconds);
        }
        self
    }

    pub(super) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

#[async_trait]
impl HttpClient for Fake {
    async fn execute(
        &self,
        request: http::Request<RequestBody>,
        limits: Limits,
    ) -> Result<http::Response<ResponseBody>, HttpError> {
        let (reply, retry_after) =
            self.replies.lock().unwrap().pop_front().expect("a request nobody expected");
        let (head, body) = request.into_parts();
        let body = match reply {
            Reply::Unreachable => Bytes::new(),
            _ => body.into_bytes()?,
        };
        self.requests
            .lock()
            .unwrap()
            .push(Recorded { request: http::Request::from_parts(head, body), limits });
        let (status, body) = match reply {
            Reply::Whole(status, body) => (status, ResponseBody::full(body)),
            Reply::Cut(status) => (status, ResponseBody::new(CutBody(2))),
            Reply::Unreachable => return Err(HttpError::new(HttpErrorKind::Connect)),
            Reply::Silence => return Err(HttpError::new(HttpErrorKind::Timeout)),
        };
        let mut response = http::Response::builder().status(status);
        if let Some(seconds) = retry_after {
            response = response.header("retry-after", seconds);
        }
        Ok(response.body(body).unwrap())
    }
}

struct CutBody(u8);

impl Body for CutBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.0 -= 1;
        Poll::Ready(Some(match self.0 {
            0 => Err(HttpError::new(HttpErrorKind::Interrupted)),
            _ => Ok(Frame::data(Bytes::from_static(b"{\"messages\":[{\"id\":"))),
        }))
    }
}

/// Settings that send through `fake` at 2026-01-01.
pub(super) fn builder(fake: &Arc<Fake>) -> MetaCloudBuilder {
    MetaCloud::builder()
        .phone_number_id(NUMBER)
        .access_token("TOKEN-1")
        .http_client(Arc::clone(fake) as Arc<dyn HttpClient>)
        .clock(Arc::new(TestClock::new()))
}

pub(super) fn meta(fake: &Arc<Fake>) -> MetaCloud {
    builder(fake).build().unwrap()
}

pub(super) fn sender() -> SenderId {
    SenderId::new(ProviderId::META, NUMBER)
}

pub(super) fn run<F: Future>(future: F) -> F::Output {
    TestClock::new().block_on(future)
}
