use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, Uri, header};

use super::outgoing::{expired, has_expired};
use super::{MediaInfo, harmless};
use crate::error::{Error, Result};
use crate::http_client::{
    Answer, Expected, Limits, MAX_REDIRECTS, RequestBody, ResponseBody, Trust, USER_AGENT, ask_for_file,
    exchange, redirected, untrusted,
};
use crate::ids::MediaRef;
use crate::meta::MetaCloud;
use crate::meta::endpoint::{EndpointPath, Names};
use crate::meta::error::Operation;
use crate::meta::sending::Sending;
use crate::meta::wire::Object;
use crate::outbound::Departure;
use crate::provider::MediaStream;

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
            Download::Body(response) => {
                let sha256 = info.sha256.as_deref().and_then(Expected::read_sha256);
                let said = Expected { length: info.length, sha256 };
                MediaStream::checked(response, said, info.mime_type, limits.max_response_bytes as u64)
            }
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
        for step in 0..=MAX_REDIRECTS {
            let trust;
            (uri, trust) = sending.host.media_location(uri).ok_or_else(untrusted)?;
            let mut request = http::Request::new(RequestBody::empty());
            *request.uri_mut() = uri.clone();
            match trust {
                Trust::Credentials => sending.log_in(request.headers_mut()),
                // Only a host that is trusted with the token may be the first one.
                Trust::Redirects if step == 0 => return Err(untrusted()),
                Trust::Redirects => {}
            }
            let (client, api) = (&*sending.http, self.shared.limits);
            let response = ask_for_file(client, request, limits, api, left()).await?;
            if let Some(next) = redirected(&response, &uri) {
                uri = next?;
                continue;
            }
            let status = response.status();
            if status == StatusCode::OK {
                return Ok(Download::Body(response));
            }
            // It is as long as the API's answers are.
            let answer = Answer::read(response, api.max_response_bytes).await;
            if status == StatusCode::NOT_FOUND {
                return Ok(Download::Gone(answer));
            }
            return Err(harmless(self.refusal(Operation::File, &answer)));
        }
        Err(untrusted())
    }
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
