use std::error::Error as StdError;
use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{HttpClient, HttpError, HttpErrorKind, Limits, RequestBody, ResponseBody};
use crate::error::ConfigError;

/// The bundled client: reqwest without redirects, without retries of its own, and with connections that are given up
/// after 15 s without use, well before the servers close them.
///
/// A clone shares the connections.
#[derive(Clone)]
pub struct ReqwestClient(reqwest::Client);

impl ReqwestClient {
    /// Makes a client that connects directly, whatever the environment says of proxies.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if TLS cannot be set up: no roots, or, with `rustls-no-provider`, no cryptography provider
    /// installed.
    pub fn new() -> Result<Self, ConfigError> {
        Self::with(|builder| builder)
    }

    /// Makes a client that connects through a proxy: `http://proxy.example:3128`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the address of the proxy is not a URL, or as for [`new`](Self::new).
    pub fn through_proxy(url: &str) -> Result<Self, ConfigError> {
        let proxy = reqwest::Proxy::all(url).map_err(|_| ConfigError::new("proxy", "not a URL"))?;
        Self::with(|builder| builder.proxy(proxy))
    }

    fn with(
        settings: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Self, ConfigError> {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .user_agent(concat!("whatsapp-provider/", env!("CARGO_PKG_VERSION")))
            // A redirect would send the message a second time, perhaps to somebody else.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Below the 60 to 75 s after which balancers close idle connections, to stay out of that race.
            .pool_idle_timeout(Duration::from_secs(15))
            // A dead connection is noticed in 25 s instead of at the time limit.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(5))
            .http2_keep_alive_while_idle(true);
        let client = settings(builder).build();
        client.map(Self).map_err(|_| ConfigError::new("http_client", "TLS could not be set up"))
    }
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestClient")
    }
}

#[async_trait]
impl HttpClient for ReqwestClient {
    async fn execute(
        &self,
        request: http::Request<RequestBody>,
        limits: Limits,
    ) -> Result<http::Response<ResponseBody>, HttpError> {
        let end = deadline(limits.total);
        let (head, body) = request.into_parts();
        let departure = body.departure();
        let url =
            url::Url::parse(&head.uri.to_string()).map_err(|_| HttpError::new(HttpErrorKind::Request))?;
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        let (announce, mut departed) = oneshot::channel();
        *request.body_mut() = Some(reqwest::Body::wrap(Announced { body, announce: Some(announce) }));

        let mut response = pin!(self.0.execute(request));
        let connected = end.min(deadline(limits.connect));
        let first = std::future::poll_fn(|cx| match response.as_mut().poll(cx) {
            Poll::Ready(response) => Poll::Ready(Some(response)),
            // Announced, or dropped without having been asked for anything: from here on the answer is waited for.
            Poll::Pending => Pin::new(&mut departed).poll(cx).map(|_| None),
        });
        let response = match tokio::time::timeout_at(connected, first).await {
            Ok(Some(response)) => response,
            // Nothing has left and now nothing will. (A body without a departure is dropped when its request goes out,
            // which announces it as well.)
            Err(_) if departure.is_none_or(|departure| departure.revoke()) => {
                return Err(HttpError::new(HttpErrorKind::Connect));
            }
            Ok(None) | Err(_) => tokio::time::timeout_at(end.min(deadline(limits.head)), response)
                .await
                .map_err(|_| HttpError::new(HttpErrorKind::Timeout))?,
        };
        let response: http::Response<reqwest::Body> = response.map_err(convert)?.into();
        Ok(response.map(|body| ResponseBody::new(Timed { body, sleep: Box::pin(sleep_until(end)) })))
    }
}

/// As far in the future as tokio's timer reaches, where the sum would overflow.
fn deadline(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365))
}

fn convert(error: reqwest::Error) -> HttpError {
    let kind = if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_builder() {
        HttpErrorKind::Request
    } else if causes(&error).filter_map(|cause| cause.downcast_ref()).any(hyper::Error::is_parse) {
        HttpErrorKind::Malformed
    } else {
        HttpErrorKind::Interrupted
    };
    HttpError::new(kind).with_source(Cause(error.without_url()))
}

/// What lies behind an error, from the outside in.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// A cause whose chain is written out once: `source()` of the original would print the same words again, and reqwest's
/// own `Debug` names hosts.
struct Cause(reqwest::Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        if self.0.is_dns() {
            return f.write_str(": name look-up failed");
        }
        for cause in causes(&self.0) {
            if let Some(http) = cause.downcast_ref::<hyper::Error>() {
                write!(f, ": {http}")?;
            }
            // Its own words may name a host, as those about certificates do.
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                return write!(f, ": {}", io.kind());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl StdError for Cause {}

/// A body that tells when it is first asked for its bytes, so that the time to the head can be counted from there.
struct Announced {
    body: RequestBody,
    announce: Option<oneshot::Sender<()>>,
}

impl Body for Announced {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Some(announce) = self.announce.take() {
            let _ = announce.send(());
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that must end before the time for everything does.
struct Timed {
    body: reqwest::Body,
    sleep: Pin<Box<Sleep>>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        // The time first: a body that is always ready would never let it be asked for.
        if self.sleep.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(convert)))
    }
}

#[cfg(test)]
mod tests;
