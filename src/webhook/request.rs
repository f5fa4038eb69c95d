use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::verified::VerifiedWebhook;
use crate::clock::Timestamp;
use crate::ids::ProviderId;
use crate::redact::redacted_debug;

/// Method, URL and headers of a webhook: what is known before the body is read.
#[derive(Clone)]
#[non_exhaustive]
pub struct WebhookHead<'r> {
    /// The method: POST, or GET for a handshake and for Twilio numbers that are set so.
    pub method: &'r Method,
    /// The request target as it was received: path and query, or the whole URL. Never decoded or put in order anew,
    /// because a signature may cover it.
    pub url: Cow<'r, str>,
    /// The headers.
    pub headers: &'r HeaderMap,
}

impl<'r> WebhookHead<'r> {
    /// Takes the parts of a request.
    pub fn new(method: &'r Method, url: impl Into<Cow<'r, str>>, headers: &'r HeaderMap) -> Self {
        Self { method, url: url.into(), headers }
    }

    /// A header's value, if it is there exactly once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    /// The part of the URL after the first `?`, without a fragment.
    pub fn query(&self) -> Option<&str> {
        let url = self.url.split_once('#').map_or(&*self.url, |(url, _)| url);
        url.split_once('?').map(|(_, query)| query)
    }
}

/// A webhook as it was received: not to be trusted until its signature has been checked.
///
/// ```
/// use whatsapp_provider::{WebhookRequest, clock::Timestamp};
///
/// let request = http::Request::post("/webhook").body(r#"{"object":"whatsapp_business_account"}"#)?;
/// let webhook = WebhookRequest::from_http(&request, Timestamp::from(std::time::SystemTime::now()));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct WebhookRequest<'r> {
    /// Method, URL and headers.
    pub head: WebhookHead<'r>,
    /// The body, byte for byte.
    pub body: &'r [u8],
    /// When it arrived.
    pub received_at: Timestamp,
}

impl<'r> WebhookRequest<'r> {
    /// Takes the parts of a request.
    pub fn new(head: WebhookHead<'r>, body: &'r [u8], received_at: Timestamp) -> Self {
        Self { head, body, received_at }
    }

    /// Takes a request of the `http` crate, as axum, hyper and others hand them over.
    pub fn from_http<B: AsRef<[u8]>>(request: &'r http::Request<B>, received_at: Timestamp) -> Self {
        let head = WebhookHead::new(request.method(), request.uri().to_string(), request.headers());
        Self::new(head, request.body().as_ref(), received_at)
    }

    /// States that the signature of this request held for `provider`. Only for implementations of
    /// [`verify_signature`](crate::WhatsAppProvider::verify_signature); nobody else can know.
    pub fn attest(&self, provider: &ProviderId) -> VerifiedWebhook<'r> {
        VerifiedWebhook::attested(self.clone(), provider.clone())
    }
}

/// What to answer a provider.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookReply {
    /// The status.
    pub status: StatusCode,
    /// The content type, where there is a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
}

impl WebhookReply {
    /// An answer without a body.
    pub const fn empty(status: StatusCode) -> Self {
        Self { status, content_type: None, body: Bytes::new() }
    }

    /// 200 with a text.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, content_type: Some("text/plain; charset=utf-8"), body: body.into() }
    }

    /// 200 with TwiML.
    #[doc(alias = "TwiML")]
    pub fn xml(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, content_type: Some("text/xml; charset=utf-8"), body: body.into() }
    }

    /// The answer as the `http` crate has it.
    pub fn into_http(self) -> http::Response<Bytes> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        if let Some(content_type) = self.content_type {
            let value = http::HeaderValue::from_static(content_type);
            response.headers_mut().insert(http::header::CONTENT_TYPE, value);
        }
        response
    }
}

impl fmt::Debug for WebhookHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookHead").field("method", self.method).finish_non_exhaustive()
    }
}

impl fmt::Debug for WebhookRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRequest")
            .field("method", self.head.method)
            .field("body_bytes", &self.body.len())
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

redacted_debug! { WebhookReply { status, content_type } }
