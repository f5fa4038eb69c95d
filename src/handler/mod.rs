//! The webhook's whole way: from the HTTP request to the answer.
//!
//! A [`WebhookHandler`] serves one URL for all providers and numbers. It answers Meta's handshake, refuses what is not
//! signed, hands the events to an [`EventSink`], and **acknowledges only after the sink has taken them**: what was
//! acknowledged is not posted again.
//!
//! It knows no framework. With axum it is [one line](crate::axum); with anything else that has the types of the `http`
//! crate it is [`handle`](WebhookHandler::handle), here with plain hyper:
//!
//! ```no_run
//! use std::convert::Infallible;
//!
//! use http_body_util::Full;
//! use hyper::server::conn::http1;
//! use hyper::service::service_fn;
//! use hyper_util::rt::TokioIo;
//! use whatsapp_provider::WebhookHandler;
//!
//! async fn serve(handler: WebhookHandler) -> std::io::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     loop {
//!         let (stream, _) = listener.accept().await?;
//!         let handler = handler.clone();
//!         let service = service_fn(move |request| {
//!             let handler = handler.clone();
//!             async move { Ok::<_, Infallible>(handler.handle(request).await.map(Full::new)) }
//!         });
//!         tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
//!     }
//! }
//! ```
//!
//! A framework with types of its own takes the two steps by hand: [`admit`](WebhookHandler::admit) looks at the head,
//! [`finish`](PendingWebhook::finish) takes the body. Whoever reads the body himself limits its size and its time.
//!
//! ```
//! # use whatsapp_provider::{WebhookHandler, WebhookHead, WebhookReply, handler::Admission};
//! # async fn read_body() -> Vec<u8> { Vec::new() }
//! # async fn run(handler: WebhookHandler, method: http::Method, headers: http::HeaderMap) -> WebhookReply {
//! match handler.admit(WebhookHead::new(&method, "/webhook", &headers)) {
//!     Admission::Reply(reply) => reply,
//!     Admission::Body(pending) => pending.finish(&read_body().await).await,
//! }
//! # }
//! ```
//!
//! # What is answered
//!
//! | | |
//! |---|---|
//! | a handshake | as the provider says |
//! | another method than GET and POST | 405 |
//! | no provider recognises it by its head, or no signature holds | 401 without a body |
//! | the body is larger than [`body_limit`](WebhookHandlerBuilder::body_limit) | 413 |
//! | the body takes longer than [`body_time`](WebhookHandlerBuilder::body_time) | 408 |
//! | the body broke off | 400 |
//! | the sink took the events | as the provider that verified it says: 200, 204 or an empty TwiML |
//! | the sink did not, or not within [`sink_time`](WebhookHandlerBuilder::sink_time) | 503 |
//! | the provider verified what it does not read, which is a defect of its own | 500 |
//!
//! What is authentic and cannot be understood is an [`Unrecognized`](crate::inbound::Unrecognized) event and goes to the
//! sink like any other: refused, it would be posted for days.
//!
//! # What each provider does then
//!
//! Meta posts again what was not answered with 200, less and less often, for up to 7 days. **Twilio by default gives up
//! after an error that is answered**: add `#rc=5&rp=all` to the addresses that are entered there, and it tries up to
//! five times more. (The status callback that [`Twilio`](crate::Twilio) asks for has it.)
//!
//! Nothing is remembered from one webhook to the next. That an event comes twice is the
//! [sink's](crate::sink) affair.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Version, header};
use http_body::Body;

mod admission;
mod body;
mod builder;
mod delivery;
mod outcome;

pub use admission::{Admission, PendingWebhook};
pub use builder::WebhookHandlerBuilder;
pub use outcome::WebhookOutcome;

use crate::clock::Clock;
use crate::error::ConfigError;
use crate::provider::WhatsAppProvider;
use crate::sink::EventSink;
use crate::webhook::{WebhookHead, WebhookReply};

/// Takes webhooks of one or more providers, from the HTTP request to the answer. A clone is the same handler.
///
/// See [the module](self) for what is answered when.
///
/// ```
/// use whatsapp_provider::{WebhookHandler, sink::sink_fn};
/// # use whatsapp_provider::PhoneNumber;
/// # use whatsapp_provider::simulator::{Side, Simulator};
/// # use whatsapp_provider::testing::TestClock;
/// # let clock = TestClock::new();
/// # let simulator = Simulator::new(std::sync::Arc::new(clock.clone()));
/// # let (meta, twilio) = (simulator.meta().build()?, simulator.twilio().build()?);
/// # let user = simulator.user(PhoneNumber::parse("+15557654321")?);
/// # let request = user.writes(Side::Meta, "Hi").request.map(|body| axum::body::Body::from(body));
///
/// let handler = WebhookHandler::builder(meta, sink_fn(|events| async move {
///     // Keep them, and answer Ok once they are safe.
/// #   assert_eq!(events.len(), 1);
///     Ok(())
/// }))
/// .provider(twilio)
/// # .clock(std::sync::Arc::new(clock.clone()))
/// .build()?;
///
/// # clock.block_on(async {
/// let response = handler.handle(request).await;
/// assert_eq!(response.status(), 200);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WebhookHandler(Arc<Inner>);

struct Inner {
    providers: Vec<Arc<dyn WhatsAppProvider>>,
    sink: Arc<dyn EventSink>,
    dead_letters: Option<Arc<dyn EventSink>>,
    body_limit: usize,
    body_time: Duration,
    sink_time: Duration,
    clock: Arc<dyn Clock>,
    observer: outcome::Observer,
}

impl WebhookHandler {
    /// A handler for one provider, with the limits that are right for most. A [`FailoverProvider`](crate::FailoverProvider)
    /// is one provider, whose members all post to the same URL.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the crate was built without the feature `tokio`, so that there is no default clock.
    pub fn new(provider: impl WhatsAppProvider, sink: impl EventSink) -> Result<Self, ConfigError> {
        Self::builder(provider, sink).build()
    }

    /// Begins to put a handler together.
    pub fn builder(provider: impl WhatsAppProvider, sink: impl EventSink) -> WebhookHandlerBuilder {
        WebhookHandlerBuilder::new(Arc::new(provider), Arc::new(sink))
    }

    /// The first step, which needs only the head of the request: the handshake is answered here, and what cannot be a
    /// webhook ends here, before its body is read.
    ///
    /// This moment is the [`received_at`](crate::InboundEvent::received_at) of the events.
    pub fn admit<'r>(&self, head: WebhookHead<'r>) -> Admission<'r> {
        Admission::of(&self.0, head)
    }

    /// Both steps, and the reading of the body in between under limits of size and time.
    ///
    /// The answer says `Connection: close` where the body was not read to its end (HTTP/1 only), and `Allow` with 405.
    /// Dropping the future does no harm: the webhook is not acknowledged then, and the provider posts it again.
    pub async fn handle<B: Body>(&self, request: http::Request<B>) -> http::Response<Bytes> {
        let (parts, body) = request.into_parts();
        let head = WebhookHead::new(&parts.method, parts.uri.to_string(), &parts.headers);
        let mut body = pin!(body);
        let (reply, read_to_end) = match self.admit(head) {
            Admission::Reply(reply) => (reply, body.is_end_stream()),
            Admission::Body(pending) => match self.0.read(body.as_mut()).await {
                Ok(bytes) => (pending.finish(&bytes).await, true),
                Err(unread) => (self.0.end(unread.outcome()), false),
            },
        };
        let mut response = reply.into_http();
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        // Otherwise the rest of the body, as long as it may be, would have to be read before the next request. In HTTP/2
        // a stream ends by itself, and the header is forbidden.
        if !read_to_end && parts.version <= Version::HTTP_11 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Inner {
    /// Tells the observer how a webhook ended, and says what to answer.
    fn end(&self, outcome: WebhookOutcome) -> WebhookReply {
        let reply = WebhookReply::empty(outcome.status());
        (self.observer)(&outcome);
        reply
    }
}

/// Meta asks by GET and posts; Twilio posts, or gets where a number is set so.
fn is_allowed(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::POST)
}

impl fmt::Debug for WebhookHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookHandler")
            .field("providers", &self.0.providers)
            .field("sink", &self.0.sink)
            .field("dead_letters", &self.0.dead_letters)
            .field("body_limit", &self.0.body_limit)
            .field("body_time", &self.0.body_time)
            .field("sink_time", &self.0.sink_time)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
