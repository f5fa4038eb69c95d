use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

use super::Simulator;
use super::accounts::Side;
use super::reaction::Reaction;
use crate::http_client::{HttpClient, HttpError, HttpErrorKind, Limits, RequestBody, ResponseBody};

/// How long a request takes unless it was set.
const LATENCY: Duration = Duration::from_millis(80);

/// The virtual door: requests that leave no process, in the clock's time.
pub(super) struct VirtualClient {
    simulator: Simulator,
}

impl VirtualClient {
    pub(super) fn new(simulator: Simulator) -> Self {
        Self { simulator }
    }
}

impl fmt::Debug for VirtualClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VirtualClient")
    }
}

#[async_trait]
impl HttpClient for VirtualClient {
    async fn execute(
        &self,
        request: http::Request<RequestBody>,
        limits: Limits,
    ) -> Result<http::Response<ResponseBody>, HttpError> {
        let clock = &self.simulator.0.clock;
        let (head, body) = request.into_parts();
        let side = Side::of_path(head.uri.path());
        let latency = self.simulator.latency(side).unwrap_or(LATENCY);

        let connecting = latency / 2;
        let until_connected = limits.connect.min(limits.total);
        clock.sleep(connecting.min(until_connected)).await;
        let late = connecting > until_connected;
        if late || self.simulator.refuses(side, &head.method, head.uri.path()) {
            // The body was not touched, so nothing has left.
            return Err(HttpError::new(HttpErrorKind::Connect));
        }

        let body = depart(body).await?;
        let arrived = self.simulator.react(&http::Request::from_parts(head, body));

        let reaction = arrived.reaction;
        let answering = arrived.latency.unwrap_or(LATENCY).saturating_sub(connecting);
        let until_head = limits.head.min(limits.total.saturating_sub(connecting));
        if answering > until_head || matches!(reaction, Reaction::Nothing) {
            clock.sleep(until_head).await;
            return Err(HttpError::new(HttpErrorKind::Timeout));
        }
        clock.sleep(answering).await;
        match reaction {
            Reaction::Answer(answer) => Ok(answer.map(ResponseBody::full)),
            Reaction::Cut(answer) => Ok(answer.map(|body| ResponseBody::new(CutBody::half_of(&body)))),
            Reaction::Close | Reaction::Nothing => Err(HttpError::new(HttpErrorKind::Interrupted)),
        }
    }
}

/// Reads the body as a connection would, piece by piece. Its first piece is the departure.
async fn depart(body: RequestBody) -> Result<Bytes, HttpError> {
    let mut body = pin!(body);
    let mut whole = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// The first half of a body, and then the end of the connection.
pub(super) struct CutBody(Part);

enum Part {
    Half(Bytes),
    Sent,
    Broken,
}

impl CutBody {
    pub(super) fn half_of(whole: &Bytes) -> Self {
        let mut half = whole.clone();
        half.truncate(whole.len() / 2);
        Self(Part::Half(half))
    }
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match std::mem::replace(&mut self.0, Part::Sent) {
            Part::Half(half) => Poll::Ready(Some(Ok(Frame::data(half)))),
            Part::Sent => {
                // One turn later, so that a server has written the first half out by then.
                self.0 = Part::Broken;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Part::Broken => Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Interrupted)))),
        }
    }
}

#[cfg(test)]
mod tests;
