//! The wing through its public door, with a client that records what leaves and answers from a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{ContentTemplate, Twilio, TwilioBuilder, form};
use crate::address::{PhoneNumber, UserId};
use crate::http_client::{HttpClient, HttpError, HttpErrorKind, Limits, RequestBody, ResponseBody};
use crate::testing::TestClock;

mod answers;
mod building;
mod contents;
mod fixtures;
mod hosting;
mod later;
mod lookup;
mod media;
mod messages;
mod receiving;
mod sending;
mod statuses;
mod templates;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
const CONTENT: &str = "HX0123456789abcdef0123456789abcdef";
const MESSAGE: &str = "SM0123456789abcdef0123456789abcdef";
const NUMBER: &str = "+14155238886";
const CREATED: &str = r#"{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued","error_code":null}"#;

/// What the client does with a request.
#[derive(Debug, Clone)]
enum Reply {
    /// Answers.
    With(u16, &'static str),
    /// Answers, with a header besides.
    WithHeader(u16, &'static str, (&'static str, &'static str)),
    /// Answers, and breaks off within the body.
    Cut(u16),
    /// Does not connect.
    NoConnection,
    /// Sends the body and gets no answer.
    Silence,
}

#[derive(Debug, Clone)]
struct Recorded {
    method: http::Method,
    uri: String,
    headers: HeaderMap,
    body: Bytes,
    limits: Limits,
}

impl Recorded {
    fn pairs(&self) -> Vec<(String, String)> {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        form::pairs(&self.body).map(|(name, value)| (text(name), text(value))).collect()
    }
}

#[derive(Debug, Default)]
struct Wire {
    replies: Mutex<VecDeque<Reply>>,
    recorded: Mutex<Vec<Recorded>>,
}

impl Wire {
    fn answering(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        let wire = Self::default();
        wire.replies.lock().unwrap().extend(replies);
        Arc::new(wire)
    }

    fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().unwrap().clone()
    }
}

/// A body that ends with an error.
struct Broken(bool);

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, HttpError>>> {
        std::task::Poll::Ready(Some(if std::mem::replace(&mut self.0, true) {
            Err(HttpError::new(HttpErrorKind::Interrupted))
        } else {
            Ok(http_body::Frame::data(Bytes::from_static(b"{\"sid\":\"SM")))
        }))
    }
}

#[async_trait]
impl HttpClient for Wire {
    async fn execute(
        &self,
        request: http::Request<RequestBody>,
        limits: Limits,
    ) -> Result<http::Response<ResponseBody>, HttpError> {
        let reply = self.replies.lock().unwrap().pop_front();
        let reply = reply.unwrap_or(Reply::With(201, CREATED));
        if let Reply::NoConnection = reply {
            return Err(HttpError::new(HttpErrorKind::Connect));
        }
        let (head, body) = request.into_parts();
        let body = body.into_bytes()?;
        self.recorded.lock().unwrap().push(Recorded {
            method: head.method,
            uri: head.uri.to_string(),
            headers: head.headers,
            body,
            limits,
        });
        let (status, body, header) = match reply {
            Reply::With(status, body) => (status, ResponseBody::full(body), None),
            Reply::WithHeader(status, body, header) => (status, ResponseBody::full(body), Some(header)),
            Reply::Cut(status) => (status, ResponseBody::new(Broken(false)), None),
            Reply::NoConnection | Reply::Silence => return Err(HttpError::new(HttpErrorKind::Timeout)),
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Ok(response)
    }
}

/// A provider that can send from [`NUMBER`].
fn sending(wire: &Arc<Wire>) -> TwilioBuilder {
    with_wire(wire).from_number(NUMBER)
}

fn with_wire(wire: &Arc<Wire>) -> TwilioBuilder {
    let wire: Arc<dyn HttpClient> = Arc::<Wire>::clone(wire);
    Twilio::builder()
        .account_sid(ACCOUNT)
        .auth_token("t0ken")
        .http_client(wire)
        .clock(Arc::new(TestClock::new()))
}

fn content_template() -> ContentTemplate {
    ContentTemplate::new("order_shipped", "en_US", CONTENT)
}

fn block_on<F: Future>(future: F) -> F::Output {
    TestClock::new().block_on(future)
}

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15551234567").unwrap()
}

fn bsuid() -> UserId {
    UserId::new("US.13491208655302741918").unwrap()
}
