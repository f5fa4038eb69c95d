//! The page, its events, and its buttons.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use tokio::net::TcpListener;

use super::actions::{self, Action};
use super::snapshot;
use super::world::World;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How often it is looked whether the page has something new to show.
const TICK: Duration = Duration::from_millis(120);
/// After so long without news something is sent all the same, so that a page that is gone is noticed.
const QUIET_TICKS: u32 = 100;

pub(crate) async fn serve(listener: TcpListener, address: SocketAddr, world: Arc<World>) -> io::Result<()> {
    let app = Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", PAGE)))
        .route("/page.css", get(|| file("text/css; charset=utf-8", STYLE)))
        .route("/page.js", get(|| file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/events", get(events))
        .route("/act", post(act))
        .layer(middleware::from_fn_with_state(address, only_from_here))
        .with_state(world);
    axum::serve(listener, app).await
}

async fn file(content_type: &'static str, content: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    (headers, content).into_response()
}

/// Answers this page and nobody else: another page in the same browser must not press its buttons, whatever name it
/// gives to this address.
async fn only_from_here(State(address): State<SocketAddr>, request: Request, next: Next) -> Response {
    if !is_from_here(request.headers(), address) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_from_here(headers: &HeaderMap, address: SocketAddr) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let hosts = match address.port() {
        80 => ["127.0.0.1".to_owned(), "localhost".to_owned()],
        port => [address.to_string(), format!("localhost:{port}")],
    };
    let host = text(header::HOST).unwrap_or_default();
    let origin = text(header::ORIGIN);
    hosts.iter().any(|own| own == host) && origin.is_none_or(|origin| origin == format!("http://{host}"))
}

async fn act(State(world): State<Arc<World>>, body: Bytes) -> Response {
    let action: Action = match serde_json::from_slice(&body) {
        Ok(action) => action,
        Err(problem) => return (StatusCode::BAD_REQUEST, problem.to_string()).into_response(),
    };
    match actions::perform(&world, action) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(problem) => (StatusCode::UNPROCESSABLE_ENTITY, problem.to_string()).into_response(),
    }
}

/// A snapshot whenever there is something new in it.
async fn events(State(world): State<Arc<World>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(unfold((world, String::new()), async |(world, shown)| {
        for _ in 0..QUIET_TICKS {
            // The first one at once. The others are as they are when they are sent.
            tokio::time::sleep(if shown.is_empty() { Duration::ZERO } else { TICK }).await;
            let now = snapshot::take(&world).to_string();
            if now != shown {
                return Some((Ok(Event::default().data(&now)), (world, now)));
            }
        }
        Some((Ok(Event::default().comment("quiet")), (world, shown)))
    }))
}
