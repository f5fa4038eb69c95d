use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use http_body::Body;

use super::multipart::Form;
use super::{MediaKind, harmless};
use crate::error::Result;
use crate::http_client::{Limits, RequestBody, exchange};
use crate::ids::MediaRef;
use crate::meta::MetaCloud;
use crate::meta::endpoint::EndpointPath;
use crate::meta::error::Operation;
use crate::meta::sending::Sending;
use crate::meta::wire::Object;
use crate::outbound::{Departure, FileBytes};
use crate::redact::redacted_debug;

/// How long Meta keeps a file that was uploaded.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A file to upload: in memory, or a stream of which the length is known.
///
/// ```
/// use whatsapp_provider::meta::{MediaKind, MediaUpload};
/// use whatsapp_provider::outbound::FileBytes;
///
/// let photo = FileBytes::new(&b"\xff\xd8\xff"[..], "image/jpeg");
/// // A picture of more than 5 MiB can still be sent as a file.
/// let upload = MediaUpload::from(photo).with_kind(MediaKind::Document).with_filename("roof.jpg");
/// ```
pub struct MediaUpload {
    file: RequestBody,
    /// The file once more where it is in memory, to look into.
    data: Option<Bytes>,
    length: u64,
    mime_type: String,
    kind: Option<MediaKind>,
    filename: Option<String>,
}

impl MediaUpload {
    /// A file of `length` bytes that are taken out of `body` as they go out, and are never all in memory: the
    /// [`body`](crate::MediaStream::body) of a file that was fetched, or any other with your own errors. If it yields more
    /// or fewer bytes, nothing is uploaded.
    pub fn stream<B>(body: B, length: u64, mime_type: impl Into<String>) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let file = RequestBody::stream(body, length);
        Self { file, data: None, length, mime_type: mime_type.into(), kind: None, filename: None }
    }

    /// Says what it will be sent as. By default its media type decides ([`MediaKind::of`]).
    #[must_use]
    pub fn with_kind(mut self, kind: MediaKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Names it in the upload. Users see the name that is in the message
    /// ([`Document::filename`](crate::outbound::Document::filename)), not this one.
    #[must_use]
    pub fn with_filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Some(filename.into());
        self
    }
}

impl From<FileBytes> for MediaUpload {
    fn from(file: FileBytes) -> Self {
        Self {
            file: RequestBody::new(file.data.clone()),
            length: file.data.len() as u64,
            data: Some(file.data),
            mime_type: file.mime_type,
            kind: None,
            filename: None,
        }
    }
}

redacted_debug! { MediaUpload { length, mime_type, kind } }

impl MetaCloud {
    /// Uploads a file within `limits`. Whatever goes wrong, it is not in doubt whether a message was accepted.
    pub(super) async fn upload(
        &self,
        sending: &Sending,
        upload: MediaUpload,
        limits: Limits,
    ) -> Result<MediaRef> {
        let MediaUpload { file, data, length, mime_type, kind, filename } = upload;
        let kind = kind.unwrap_or_else(|| MediaKind::of(&mime_type));
        kind.check("media", &mime_type, length, data.as_deref())?;
        let address = sending.address(EndpointPath::MediaUpload, &[])?;
        let form = Form::new(&*sending.clock, &mime_type, filename.as_deref(), file, data.as_deref());
        let mut request = sending.request(Method::POST, address, form.body);
        request.headers_mut().insert(header::CONTENT_TYPE, form.content_type);
        let now = sending.clock.now();
        // The file is large, and what Meta says of it is not.
        let limits = limits.with_max_response_bytes(self.shared.limits.max_response_bytes);
        let answer = exchange(&*sending.http, request, limits, &Departure::new()).await.map_err(harmless)?;
        let id = answer.body.as_deref().and_then(Object::read_body).and_then(|body| body.text("id"));
        match id {
            Some(id) if answer.status.is_success() => {
                Ok(MediaRef::new(sending.sender.clone(), id).with_expiry(now.saturating_add(KEPT)))
            }
            // Of an upload whose answer was lost the id is lost; nobody can send the file, and it ends by itself.
            _ => Err(harmless(self.refusal(Operation::Send, &answer))),
        }
    }
}
