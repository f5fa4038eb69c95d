//! The webhook handler as a route of axum.
//!
//! ```no_run
//! use whatsapp_provider::WebhookHandler;
//!
//! async fn serve(handler: WebhookHandler) -> std::io::Result<()> {
//!     let app = axum::Router::new().route("/webhook", whatsapp_provider::axum::route(handler));
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     axum::serve(listener, app).await
//! }
//! ```
//!
//! The handler limits the body by itself, to 4 MiB unless told otherwise. axum's `DefaultBodyLimit` of 2 MB, which is
//! less than what Meta posts, does not touch it; a layer that limits bodies does.

use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::routing::{MethodRouter, any};

use crate::handler::WebhookHandler;

/// The route that all providers post to, of every method: which ones there are is the handler's to say.
///
/// Under [`Router::nest`](axum::Router::nest) the handler still sees the whole path, as it was signed.
pub fn route<S>(handler: WebhookHandler) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    any(move |mut request: Request| {
        let handler = handler.clone();
        async move {
            // A router that is nested sees only the rest of the path.
            if let Some(OriginalUri(uri)) = request.extensions_mut().remove() {
                *request.uri_mut() = uri;
            }
            handler.handle(request).await.map(Body::from)
        }
    })
}
