use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};

use super::outgoing::{expired, has_expired};
use super::{MediaInfo, harmless};
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::http_client::{
    Answer, Checked, Expected, HostNotAllowed, Limits, RequestBody, ResponseBody, Trust, exchange,
    redirect_target,
};
use crate::ids::MediaRef;
use crate::meta::MetaCloud;
use crate::meta::endpoint::{EndpointPath, Names};
use crate::meta::error::Operation;
use crate::meta::sending::Sending;
use crate::meta::wire::Object;
use crate::outbound::Departure;
use crate::provider::MediaStream;

/// Meta's servers of files refuse requests that do not say who asks, and not every client says so by itself.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("whatsapp-provider/", env!("CARGO_PKG_VERSION")));
/// How many redirects are followed. None is known to be needed.
const MAX_REDIRECTS: usize = 3;
/// The code of a parameter that Meta does not take.
const INVALID_PARAMETER: i64 = 100;

/// What became of a download.
enum Download {
    Body(http::Response<ResponseBody>),
    /// There is no file at the address, or no longer: it works for five minutes.
    Gone(Answer),
}

impl MetaCloud {
    /// Asks what is known of a file.
    pub(super) async fn look_up(
        &self,
        sending: &Sending,
        media: &MediaRef,
        limits: Limits,
    ) -> Result<MediaInfo> {
        if media.sender == sending.sender && has_expired(media, &*sending.clock) {
            return Err(expired("media"));
        }
        self.ask_about(sending, Method::GET, media, limits, read).await
    }

    /// A request about a file, which names the number that it belongs to, and what its answer says.
    pub(super) async fn ask_about<T: Send>(
        &self,
        sending: &Sending,
        method: Method,
        media: &MediaRef,
        limits: Limits,
        read: impl Fn(&Object<'_>) -> Option<T> + Send,
    ) -> Result<T> {
        if media.sender != sending.sender {
            return Err(Error::not_portable("media"));
        }
        let names = Names { media: Some(&media.id), ..Names::of_sender(&sending.sender.id) };
        let mut uri = sending.host.address(EndpointPath::Media, &names, &[])?;
        loop {
            let mut request = sending.request(method.clone(), uri.clone(), Bytes::new());
            request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
            let answer =
                exchange(&*sending.http, request, limits, &Departure::new()).await.map_err(harmless)?;
            if answer.status.is_success()
                && let Some(said) =
                    answer.body.as_deref().and_then(Object::read_body).and_then(|body| read(&body))
            {
                return Ok(said);
            }
            let error = harmless(self.refusal(Operation::File, &answer));
            // Meta takes the number only if the file was uploaded for it, and has refused it for files of users, who
            // uploaded them themselves. The token alone says enough then.
            match without_query(&uri).filter(|_| refuses_number(&error)) {
                Some(bare) => uri = bare,
                None => return Err(error),
            }
        }
    }

    /// Fetches a file: looks it up and follows its address.
    pub(super) async fn fetch(&self, sending: &Sending, media: &MediaRef) -> Result<MediaStream> {
        let clock = &*sending.clock;
        let limits = self.shared.media_limits;
        let end = clock.elapsed().saturating_add(limits.total);
        let left = || end.saturating_sub(clock.elapsed());
        let look_up = async || {
            let short = self.shared.limits.at_most(Some(left()));
            let info = self.look_up(sending, media, short).await?;
            let max = limits.max_response_bytes as u64;
            match info.length {
                Some(length) if length > max => Err(Error::over_limit("media", max, length)),
                _ => Ok(info),
            }
        };
        let mut info = look_up().await?;
        let mut download = self.download(sending, &info.url, limits, &left).await?;
        if let Download::Gone(_) = download {
            info = look_up().await?;
            download = self.download(sending, &info.url, limits, &left).await?;
        }
        match download {
            Download::Body(response) => stream(response, &info, limits.max_response_bytes as u64),
            Download::Gone(answer) => Err(harmless(self.refusal(Operation::File, &answer))),
        }
    }

    /// Asks for a file at an address, and where that redirects to.
    async fn download(
        &self,
        sending: &Sending,
        url: &str,
        limits: Limits,
        left: &(impl Fn() -> Duration + Sync),
    ) -> Result<Download> {
        let mut uri: Uri = url.parse().map_err(|_| untrusted())?;
        // Only a host that is trusted with the token may be the first one.
        let mut first = true;
        for _ in 0..=MAX_REDIRECTS {
            let trust;
            (uri, trust) = sending.host.media_location(uri).ok_or_else(untrusted)?;
            let mut request = http::Request::new(RequestBody::empty());
            *request.uri_mut() = uri.clone();
            match trust {
                Trust::Credentials => sending.log_in(request.headers_mut()),
                Trust::Redirects if first => return Err(untrusted()),
                Trust::Redirects => {}
            }
            first = false;
            request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
            // What takes its time is the file, not the beginning of the answer.
            let head = limits.head.min(self.shared.limits.head);
            let limits = limits.at_most(Some(left())).with_head(head);
            let response = sending.http.execute(request, limits).await.map_err(|error| {
                Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_source(error)
            })?;
            match response.status() {
                StatusCode::OK => return Ok(Download::Body(response)),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let location = response.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
                    uri = location.and_then(|at| redirect_target(&uri, at)).ok_or_else(untrusted)?;
                }
                StatusCode::NOT_FOUND => return Ok(Download::Gone(self.read_refusal(response).await)),
                _ => {
                    let answer = self.read_refusal(response).await;
                    return Err(harmless(self.refusal(Operation::File, &answer)));
                }
            }
        }
        Err(untrusted())
    }

    /// Reads an answer that is no file. It is as long as the API's answers are.
    async fn read_refusal(&self, response: http::Response<ResponseBody>) -> Answer {
        let (head, body) = response.into_parts();
        let body = body.read(self.shared.limits.max_response_bytes).await.ok();
        Answer { status: head.status, headers: head.headers, body }
    }
}

/// An address that must not be asked, or too many of them.
fn untrusted() -> Error {
    let error = Error::new(ErrorKind::NoAnswer, Acceptance::NotAccepted);
    error.with_field("media.url").with_source(HostNotAllowed)
}

/// An address without the number that its query names, if it has one.
fn without_query(uri: &Uri) -> Option<Uri> {
    uri.query()?;
    uri.to_string().split('?').next()?.parse().ok()
}

fn refuses_number(error: &Error) -> bool {
    let names_it = |details: &str| details.contains("phone_number_id");
    error.code() == Some(INVALID_PARAMETER) && error.details().is_some_and(names_it)
}

/// Meta's answer about a file. Without an address it is none.
fn read(body: &Object<'_>) -> Option<MediaInfo> {
    Some(MediaInfo {
        url: body.text("url")?,
        mime_type: body.text("mime_type"),
        length: body.number("file_size"),
        sha256: body.text("sha256"),
    })
}

/// The file, held against what was said of it.
fn stream(response: http::Response<ResponseBody>, info: &MediaInfo, max: u64) -> Result<MediaStream> {
    let (head, body) = response.into_parts();
    let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let announced = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
    let length = info.length.or(announced);
    if let Some(length) = announced.filter(|length| *length > max) {
        return Err(Error::over_limit("media", max, length));
    }
    let sha256 = info.sha256.as_deref().and_then(Expected::read_sha256);
    let checked = Checked::new(body, Expected { length, sha256 }, max);
    let mut stream = MediaStream::new(ResponseBody::new(checked));
    stream.mime_type = info.mime_type.clone().or_else(|| text(header::CONTENT_TYPE).map(str::to_owned));
    stream.length = length;
    Ok(stream)
}
