//! Files: uploaded by the business or sent by users, kept for a while, and handed out at addresses that work for minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::accounts::SimulatedAccounts;
use super::super::webhook::sha256;
use super::Refusal;
use crate::clock::Timestamp;
use crate::hex::hex;
use crate::outbound::{Content, FileBytes, Media, files};

/// Where files are, unless they are asked for at a socket.
pub(in crate::simulator) const FILES_HOST: &str = "lookaside.fbsbx.com";
/// The path of every file's address; which one it is stands in the query.
pub(super) const PATH: &str = "/whatsapp_business/attachments/";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a file that was uploaded is kept.
const UPLOADED: Duration = DAY.saturating_mul(30);
/// How long a file that a user sent is kept.
const RECEIVED: Duration = DAY.saturating_mul(7);
/// How long an address works.
const ADDRESS: Duration = Duration::from_secs(5 * 60);

/// The first id; the store gives out these and none else.
const FIRST_ID: u64 = 900_000_000_000_000;
const LAST_ID: u64 = 900_999_999_999_999;

/// The files that Meta keeps.
#[derive(Default)]
pub(in crate::simulator) struct MediaStore(BTreeMap<String, Kept>);

struct Kept {
    file: FileBytes,
    until: Timestamp,
}

impl MediaStore {
    /// Keeps a file that a user sent, under an id made from a number that no other id is made from.
    pub(in crate::simulator) fn receive(&mut self, number: u64, file: FileBytes, now: Timestamp) -> String {
        self.keep(number, file, now.saturating_add(RECEIVED))
    }

    fn keep(&mut self, number: u64, file: FileBytes, until: Timestamp) -> String {
        let id = FIRST_ID.saturating_add(number).to_string();
        self.0.insert(id.clone(), Kept { file, until });
        id
    }

    pub(super) fn find(&self, id: &str, now: Timestamp) -> Option<&FileBytes> {
        self.0.get(id).filter(|kept| now < kept.until).map(|kept| &kept.file)
    }

    /// Forgets what is no longer kept.
    pub(in crate::simulator) fn forget(&mut self, now: Timestamp) {
        self.0.retain(|_, kept| now < kept.until);
    }

    pub(super) fn delete(&mut self, id: &str) {
        self.0.remove(id);
    }
}

/// Takes a file out of a form and keeps it.
pub(super) fn upload(
    store: &mut MediaStore,
    number: u64,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let parts = boundary(request)
        .and_then(|boundary| parts(request.body(), boundary))
        .ok_or_else(|| Refusal::parameter("The body is not a form."))?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    if part("messaging_product").is_none_or(|part| part.data != "whatsapp") {
        return Err(Refusal::parameter("The parameter messaging_product is required."));
    }
    let file = part("file").ok_or_else(|| Refusal::parameter("The parameter file is required."))?;
    let (Some(mime_type), true) = (&file.content_type, file.is_file) else {
        return Err(Refusal::parameter("Param file must be a file."));
    };
    if part("type").is_none_or(|part| part.data != mime_type.as_bytes()) {
        return Err(Refusal::parameter("Param type must be the type of the file."));
    }
    let file = FileBytes::new(file.data.clone(), mime_type.as_str());
    Ok(json!({ "id": store.keep(number, file, now.saturating_add(UPLOADED)) }))
}

/// What is known of a file, with an address at the door through which the question came.
pub(super) fn info(
    accounts: &SimulatedAccounts,
    request: &Request<Bytes>,
    id: &str,
    file: &FileBytes,
    now: Timestamp,
) -> Value {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let base = match (request.uri().authority(), host) {
        (None, Some(host)) => format!("http://{host}"),
        _ => format!("https://{FILES_HOST}"),
    };
    let end = now.saturating_add(ADDRESS).unix_seconds();
    let hash = address_hash(accounts, id, end);
    json!({
        "messaging_product": "whatsapp",
        "url": format!("{base}{PATH}?mid={id}&ext={end}&hash={hash}"),
        "mime_type": file.mime_type,
        "sha256": hex(&Sha256::digest(&file.data)),
        "file_size": file.data.len().to_string(),
        "id": id,
    })
}

fn address_hash(accounts: &SimulatedAccounts, id: &str, end: u64) -> String {
    hex(&sha256(&accounts.app_secret, format!("{id}/{end}").as_bytes()))
}

/// The hash of a file as webhooks write it.
pub(in crate::simulator) fn webhook_hash(file: &FileBytes) -> String {
    STANDARD.encode(Sha256::digest(&file.data))
}

/// Hands out a file, to who has the token and says who asks, as long as the address works.
pub(super) fn download(
    accounts: &SimulatedAccounts,
    store: &MediaStore,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let headers = request.headers();
    let bearer = format!("Bearer {}", accounts.access_token);
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value.as_bytes() != bearer.as_bytes()) {
        return page(401);
    }
    if !headers.contains_key(header::USER_AGENT) {
        return page(403);
    }
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(request.uri().query().unwrap_or_default()).unwrap_or_default();
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let file = field("mid").zip(field("ext").and_then(|end| end.parse().ok())).and_then(|(id, end)| {
        let right = field("hash") == Some(address_hash(accounts, id, end).as_str());
        store.find(id, now).filter(|_| right && now.unix_seconds() < end)
    });
    let Some(file) = file else { return page(404) };
    let mut answer = Response::new(file.data.clone());
    let length = HeaderValue::from(file.data.len());
    answer.headers_mut().insert(header::CONTENT_LENGTH, length);
    if let Ok(mime_type) = HeaderValue::from_str(&file.mime_type) {
        answer.headers_mut().insert(header::CONTENT_TYPE, mime_type);
    }
    answer
}

/// An answer of the server of files, which says no more than its status.
fn page(status: u16) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    answer
}

/// The files that a message names by their ids. An id that is none of the store's is taken as it is, as if its file had
/// been uploaded before the simulator began.
pub(super) fn named(
    store: &MediaStore,
    content: &Content,
    now: Timestamp,
) -> Result<Vec<FileBytes>, Refusal> {
    let mut named = Vec::new();
    for place in files(content) {
        let Media::Id(media) = place.media else { continue };
        match store.find(&media.id, now) {
            Some(file) => named.push(file.clone()),
            None if media.id.parse().is_ok_and(|id: u64| (FIRST_ID..=LAST_ID).contains(&id)) => {
                return Err(Refusal::new(
                    400,
                    100,
                    "Param ['id'] is not a valid whatsapp business account media attachment ID",
                ));
            }
            None => {}
        }
    }
    Ok(named)
}

struct Part {
    name: String,
    /// Whether it has the name of a file.
    is_file: bool,
    content_type: Option<String>,
    data: Bytes,
}

fn boundary(request: &Request<Bytes>) -> Option<&str> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    kind.strip_prefix("multipart/form-data; boundary=").filter(|boundary| !boundary.is_empty())
}

/// The parts of a form. `None` if it is not whole.
fn parts(body: &Bytes, boundary: &str) -> Option<Vec<Part>> {
    let line = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    let mut rest = body.strip_prefix(line.trim_start().as_bytes())?;
    loop {
        if rest == b"--\r\n" {
            return Some(parts);
        }
        let (part, after) = cut(rest.strip_prefix(b"\r\n")?, line.as_bytes())?;
        let (head, data) = cut(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(head).ok()?;
        let of = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name));
        let disposition = of("Content-Disposition: form-data; ")?;
        let quoted = |name: &str| {
            let (_, value) = disposition.split_once(&format!("{name}=\""))?;
            value.split_once('"').map(|(value, _)| value.to_owned())
        };
        parts.push(Part {
            name: quoted("name")?,
            is_file: quoted("filename").is_some(),
            content_type: of("Content-Type: ").map(str::to_owned),
            data: body.slice_ref(data),
        });
        rest = after;
    }
}

/// What stands before and behind the first place of `line`.
fn cut<'b>(bytes: &'b [u8], line: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(line.len()).position(|window| window == line)?;
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.strip_prefix(line)?))
}

#[cfg(test)]
mod tests;
