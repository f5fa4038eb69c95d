use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};

use super::address::Address;
use super::{gone, harmless};
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::http_client::{
    Answer, Checked, Expected, HostNotAllowed, Limits, RequestBody, ResponseBody, redirect_target,
};
use crate::provider::MediaStream;
use crate::twilio::account::Account;
use crate::twilio::error::{Operation, refusal};

/// Servers of files like to know who asks, and not every client says so by itself.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("whatsapp-provider/", env!("CARGO_PKG_VERSION")));
/// How many redirects are followed. Twilio needs one.
const MAX_REDIRECTS: usize = 3;
/// A webhook can be faster than its file: what is not there yet is asked for again after these pauses.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// What became of a download.
enum Download {
    Body(http::Response<ResponseBody>),
    /// There is no file: not yet, or no longer.
    Missing(StatusCode),
}

/// Fetches a file: asks the API for it and follows where that redirects to.
pub(super) async fn fetch(account: &Account, address: &Address) -> Result<MediaStream> {
    let clock = &*account.clock;
    let limits = account.media.limits;
    let end = clock.elapsed().saturating_add(limits.total);
    let left = || end.saturating_sub(clock.elapsed());
    let mut pauses = PAUSES.into_iter();
    loop {
        match download(account, address, &left).await? {
            Download::Body(response) => return stream(response, limits.max_response_bytes as u64),
            Download::Missing(status) => match pauses.next().filter(|pause| *pause < left()) {
                Some(pause) => clock.sleep(pause).await,
                None => return Err(gone(status)),
            },
        }
    }
}

async fn download(
    account: &Account,
    address: &Address,
    left: &(impl Fn() -> Duration + Sync),
) -> Result<Download> {
    let first = address.url(&account.base_url, &account.account_sid);
    let mut request = account.request(Method::GET, first, String::new())?;
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    for step in 0..=MAX_REDIRECTS {
        let uri = request.uri().clone();
        let response = ask(account, request, left()).await?;
        match response.status() {
            StatusCode::OK => return Ok(Download::Body(response)),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
                let next: Option<Uri> = location.and_then(|at| redirect_target(&uri, at));
                let next = next.filter(|next| account.media.may_follow(next)).ok_or_else(untrusted)?;
                // A new request: nothing of the first one goes along, least of all the credentials.
                request = http::Request::new(Bytes::new());
                *request.uri_mut() = next;
            }
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => return Ok(Download::Missing(status)),
            _ => {
                let answer = read(account, response).await;
                return Err(harmless(match step {
                    0 => refusal(Operation::Read, &answer, account.believe_retry_after),
                    // Not the API, so its codes mean nothing there.
                    _ => answer.without_envelope(),
                }));
            }
        }
    }
    Err(untrusted())
}

async fn ask(
    account: &Account,
    request: http::Request<Bytes>,
    left: Duration,
) -> Result<http::Response<ResponseBody>> {
    let mut request = request.map(|_| RequestBody::empty());
    request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
    // What takes its time is the file, not the beginning of the answer.
    let limits: Limits = account.media.limits;
    let limits = limits.at_most(Some(left)).with_head(limits.head.min(account.limits.head));
    let answer = account.http.execute(request, limits).await;
    answer.map_err(|error| Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_source(error))
}

/// Reads an answer that is no file. It is as long as the API's answers are.
async fn read(account: &Account, response: http::Response<ResponseBody>) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.read(account.limits.max_response_bytes).await.ok();
    Answer { status: head.status, headers: head.headers, body }
}

/// A redirect that must not be followed, or too many of them.
fn untrusted() -> Error {
    let error = Error::new(ErrorKind::NoAnswer, Acceptance::NotAccepted);
    error.with_field("media.url").with_source(HostNotAllowed)
}

/// The file, held against what was announced.
fn stream(response: http::Response<ResponseBody>, max: u64) -> Result<MediaStream> {
    let (head, body) = response.into_parts();
    let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let length: Option<u64> = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
    if let Some(length) = length.filter(|length| *length > max) {
        return Err(Error::over_limit("media", max, length));
    }
    let checked = Checked::new(body, Expected { length, sha256: None }, max);
    let mut stream = MediaStream::new(ResponseBody::new(checked));
    stream.mime_type = text(header::CONTENT_TYPE).map(str::to_owned);
    stream.length = length;
    Ok(stream)
}
