use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};

use super::address::Address;
use super::{gone, harmless};
use crate::error::Result;
use crate::http_client::{
    Answer, Expected, MAX_REDIRECTS, RequestBody, ResponseBody, ask_for_file, redirected, untrusted,
};
use crate::provider::MediaStream;
use crate::twilio::account::Account;
use crate::twilio::error::{Operation, refusal};

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
            Download::Body(response) => {
                let max = limits.max_response_bytes as u64;
                return MediaStream::checked(response, Expected::default(), None, max);
            }
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
        let request_for_file = request.map(|_| RequestBody::empty());
        let response =
            ask_for_file(&*account.http, request_for_file, account.media.limits, account.limits, left())
                .await?;
        if let Some(next) = redirected(&response, &uri) {
            let next = Some(next?).filter(|next| account.media.may_follow(next)).ok_or_else(untrusted)?;
            // A new request: nothing of the first one goes along, least of all the credentials.
            request = http::Request::new(Bytes::new());
            *request.uri_mut() = next;
            continue;
        }
        match response.status() {
            StatusCode::OK => return Ok(Download::Body(response)),
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => return Ok(Download::Missing(status)),
            _ => {
                // It is as long as the API's answers are.
                let answer = Answer::read(response, account.limits.max_response_bytes).await;
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
