//! What fetching a file has in common at every provider.

use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, Uri, header};

use super::hosts::{HostNotAllowed, redirect_target};
use super::{HttpClient, Limits, RequestBody, ResponseBody};
use crate::error::{Acceptance, Error, ErrorKind, Result};

/// Servers of files refuse requests that do not say who asks (Meta's), and not every client says so by itself.
pub(crate) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("whatsapp-provider/", env!("CARGO_PKG_VERSION")));
/// How many redirects are followed. Twilio needs one, Meta none.
pub(crate) const MAX_REDIRECTS: usize = 3;

/// Asks for a file, for as long as is `left`. What takes its time is the file, not the beginning of the answer: that comes
/// as fast as the API's answers do, within `api`.
pub(crate) async fn ask_for_file(
    client: &dyn HttpClient,
    mut request: Request<RequestBody>,
    limits: Limits,
    api: Limits,
    left: Duration,
) -> Result<Response<ResponseBody>> {
    request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
    let limits = limits.at_most(Some(left)).with_head(limits.head.min(api.head));
    let answer = client.execute(request, limits).await;
    answer.map_err(|error| Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_source(error))
}

/// Where an answer to a request at `from` redirects to, if it does.
pub(crate) fn redirected(answer: &Response<ResponseBody>, from: &Uri) -> Option<Result<Uri>> {
    match answer.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = answer.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
            Some(location.and_then(|at| redirect_target(from, at)).ok_or_else(untrusted))
        }
        _ => None,
    }
}

/// An address that must not be asked, or too many of them.
pub(crate) fn untrusted() -> Error {
    let error = Error::new(ErrorKind::NoAnswer, Acceptance::NotAccepted);
    error.with_field("media.url").with_source(HostNotAllowed)
}
