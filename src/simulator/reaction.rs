use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::Value;

use super::accounts::Side;
use super::delivery::SimulatedRequest;
use super::fault::Fault;
use super::state::State;
use super::timeline::TimelineEntry;
use super::{Simulator, meta, twilio};

/// What happens after a request has arrived.
pub(super) struct Arrived {
    pub(super) reaction: Reaction,
    /// How long it takes, if that was set.
    pub(super) latency: Option<Duration>,
}

/// What comes back.
pub(super) enum Reaction {
    /// An answer.
    Answer(Response<Bytes>),
    /// An answer whose body breaks off.
    Cut(Response<Bytes>),
    /// The connection closes.
    Close,
    /// Nothing, ever.
    Nothing,
}

impl Simulator {
    /// Whether a connection for this request is refused, by what can be known before its body is seen.
    pub(super) fn refuses(&self, side: Side, method: &Method, path: &str) -> bool {
        let mut state = self.state();
        let faults = state.faults(side);
        let now = self.0.clock.now();
        faults.follow_script(now);
        let refused = faults.refuse(may_send(side, method, path));
        if refused {
            state.timeline.push(TimelineEntry::refused(side, now));
        }
        refused
    }

    /// How long a side takes for a request, if that was set.
    pub(super) fn latency(&self, side: Side) -> Option<Duration> {
        let mut state = self.state();
        let faults = state.faults(side);
        faults.follow_script(self.0.clock.now());
        faults.latency
    }

    /// Lets the machine take a request that has arrived: behind both doors it begins here.
    pub(super) fn react(&self, request: &Request<Bytes>) -> Arrived {
        let now = self.0.clock.now();
        let path = request.uri().path();
        let side = Side::of_path(path);
        let mut state = self.state();
        let faults = state.faults(side);
        faults.follow_script(now);
        let sends = may_send(side, request.method(), path)
            && (side == Side::Twilio || meta::sends_message(request.body()));
        let treatment = faults.take(sends);
        let latency = treatment.latency.or(faults.latency);
        let fault = treatment.fault;
        if fault == Some(Fault::Refuse) {
            // The refusal is too late to be one: on a socket, or beside another request.
            state.timeline.push(TimelineEntry::refused(side, now));
            return Arrived { reaction: Reaction::Close, latency };
        }
        // Before what it does.
        let place = state.timeline.len();
        let done = self.do_as_asked(&mut state, side, request, fault, sends);
        let accepted = done.as_ref().is_some_and(|answer| answer.status().is_success());
        let reaction = match fault {
            None => done.map_or(Reaction::Nothing, Reaction::Answer),
            Some(fault) => broken(&mut state, side, fault, done),
        };
        // A message that was called back has taken its entry with it.
        let place = place.min(state.timeline.len());
        state.timeline.insert(place, TimelineEntry::request(side, now, request, &reaction));
        state.requests.push(SimulatedRequest {
            side,
            method: request.method().clone(),
            path: path.to_owned(),
            query: request.uri().query().map(str::to_owned),
            body: request.body().clone(),
            at: now,
            accepted,
            answer: reaction.answer().map(Response::status),
        });
        Arrived { reaction, latency }
    }

    /// Does what a request asks, unless the fault keeps the side from it. The answer may never be heard.
    fn do_as_asked(
        &self,
        state: &mut State,
        side: Side,
        request: &Request<Bytes>,
        fault: Option<Fault>,
        sends: bool,
    ) -> Option<Response<Bytes>> {
        state.refused_later = match fault {
            Some(Fault::FailLater { code }) if sends => Some(code),
            _ => None,
        };
        let after = fault.map_or(Some(Duration::ZERO), Fault::accepts_after)?;
        let at = self.0.clock.now().saturating_add(after);
        Some(match side {
            Side::Meta => meta::handle(&self.0.accounts, state, request, at),
            Side::Twilio => twilio::handle(&self.0.accounts, state, request, at),
        })
    }
}

impl Reaction {
    /// The answer, whether or not it comes whole.
    pub(super) fn answer(&self) -> Option<&Response<Bytes>> {
        match self {
            Self::Answer(answer) | Self::Cut(answer) => Some(answer),
            Self::Close | Self::Nothing => None,
        }
    }
}

/// What comes back from a side that is broken, where `answer` would have.
fn broken(state: &mut State, side: Side, fault: Fault, answer: Option<Response<Bytes>>) -> Reaction {
    if let Some((status, code)) = fault.refusal(side) {
        let mut refusal = match side {
            Side::Meta => meta::refusal(status, code, state.next_id()),
            Side::Twilio => twilio::refusal(status, code),
        };
        if let Fault::Throttle { retry_after: Some(wait) } = fault {
            refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        return Reaction::Answer(refusal);
    }
    match (fault, answer) {
        (Fault::FailLater { .. }, Some(answer)) => Reaction::Answer(answer),
        (Fault::AcceptThenDrop, _) => Reaction::Close,
        (Fault::AcceptThenCut, Some(answer)) => Reaction::Cut(answer),
        (Fault::AcceptThenUnavailable | Fault::Unavailable { .. }, _) => Reaction::Answer(bare_503()),
        _ => Reaction::Nothing,
    }
}

/// Whether a request to this address may send a message.
fn may_send(side: Side, method: &Method, path: &str) -> bool {
    let ends: &[&str] = match side {
        Side::Meta => &["/messages", "/marketing_messages"],
        Side::Twilio => &["/Messages.json"],
    };
    *method == Method::POST && ends.iter().any(|end| path.ends_with(end))
}

/// An answer of JSON.
pub(super) fn json(status: u16, body: &Value) -> Response<Bytes> {
    answer(status, "application/json; charset=utf-8", body.to_string())
}

/// What stands in front of an API says when nothing behind it answers.
fn bare_503() -> Response<Bytes> {
    let page = "<html><body><h1>503 Service Unavailable</h1></body></html>";
    answer(503, "text/html", page.to_owned())
}

fn answer(status: u16, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let length = HeaderValue::from(answer.body().len());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, length);
    answer
}
