//! `X-Twilio-Signature`: HMAC-SHA1 over the public URL and the parameters of the form.
//!
//! The URL is the one that Twilio was told, so it is configured and never rebuilt from the request's `Host`. All work on
//! it is on text: a URL library would write some addresses differently, and then no signature holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::form::{self, Payload};
use crate::hex::hex;
use crate::secret::Secret;
use crate::webhook::{SignatureError, WebhookRequest};

pub(super) const SIGNATURE: &str = "x-twilio-signature";
/// Names the algorithm where Twilio was told to use another one than HMAC-SHA1.
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
/// The parameter that stands for a body which is no form.
const BODY_HASH: &[u8] = b"bodySHA256";

/// No webhook of Twilio's is near these; what is larger is refused before any work is done on it.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_PARAMETERS: usize = 500;

/// An address under which Twilio reaches the application, in its three parts.
#[derive(Clone)]
pub(super) struct PublicUrl {
    origin: String,
    path: String,
    query: Option<String>,
}

impl PublicUrl {
    /// Takes an absolute URL apart. A fragment is Twilio's own affair and never signed.
    pub(super) fn new(url: &str) -> Self {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (origin, rest) = split_origin(url);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Self { origin: origin.to_owned(), path: path.to_owned(), query }
    }

    /// The same origin with any path.
    pub(super) fn origin_only(&self) -> Self {
        Self { origin: self.origin.clone(), path: String::new(), query: None }
    }

    /// Whether `path` is the configured one, or goes on after a `/`. What is signed has no sign between the URL and the
    /// parameters, so a path that went on anyhow could swallow some of them.
    fn continues(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&*self.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }

    /// The addresses that Twilio may have signed when `path` and `query` arrived here.
    fn addresses(&self, path: &str, query: Option<&str>) -> Vec<String> {
        let mut addresses = Vec::new();
        if self.continues(path) {
            addresses.push(join(&self.origin, path, query));
        }
        // A proxy in between may have rewritten the path. The query comes through, or was part of what was configured.
        addresses.push(join(&self.origin, &self.path, query.or(self.query.as_deref())));
        addresses
    }
}

fn join(origin: &str, path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{origin}{path}?{query}"),
        None => format!("{origin}{path}"),
    }
}

/// Splits an absolute URL before its path; what has no scheme is all path.
fn split_origin(url: &str) -> (&str, &str) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return ("", url);
    };
    if scheme.contains(['/', '?']) {
        return ("", url);
    }
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    url.split_at(scheme.len() + "://".len() + authority)
}

/// Whether Twilio signs with or without a port is not consistent, and it takes `'` and `%27` in a query for the same.
fn variants(address: &str) -> Vec<String> {
    let mut found = vec![address.to_owned(), other_port(address)];
    for index in 0..2 {
        let Some((base, query)) = found.get(index).and_then(|address| address.split_once('?')) else {
            continue;
        };
        let quoted = [query.replace('\'', "%27"), query.replace("%27", "'")];
        let quoted = quoted.map(|query| format!("{base}?{query}"));
        found.extend(quoted);
    }
    found
}

/// The address without its port; if it has none, with the default one of its scheme.
fn other_port(address: &str) -> String {
    let (origin, rest) = split_origin(address);
    match origin.rsplit_once(':') {
        // The colon of an IPv6 address or of a password is followed by more than digits.
        Some((before, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => format!("{before}{rest}"),
        _ => {
            let https = origin.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
            format!("{origin}:{}{rest}", if https { "443" } else { "80" })
        }
    }
}

/// Checks the signature of a request against every token and every address that Twilio may have signed.
pub(super) fn verify(
    request: &WebhookRequest<'_>,
    tokens: &[Secret],
    urls: &[PublicUrl],
) -> Result<(), SignatureError> {
    if tokens.is_empty() || urls.is_empty() {
        return Err(SignatureError::NotConfigured);
    }
    if !request.head.headers.contains_key(SIGNATURE) {
        return Err(SignatureError::Missing);
    }
    let signature = request.head.header(SIGNATURE).ok_or(SignatureError::Malformed)?;
    // A signature of 20 bytes, as SHA-1 makes them.
    let signature: [u8; 20] = STANDARD
        .decode(signature)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(SignatureError::Malformed)?;
    algorithm_is_known(request)?;
    let parameters = signed_parameters(request)?;

    let url: &str = &request.head.url;
    let (_, target) = split_origin(url.split_once('#').map_or(url, |(url, _)| url));
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let mut candidates: Vec<String> = urls
        .iter()
        .flat_map(|url| url.addresses(path, request.head.query()))
        .flat_map(|address| variants(&address))
        .collect();
    candidates.sort_unstable();
    candidates.dedup();

    // All of them are tried, so that the time does not tell which one held.
    let mut holds = false;
    for token in tokens {
        let Ok(key) = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()) else {
            continue;
        };
        for candidate in &candidates {
            let mac = key.clone().chain_update(candidate).chain_update(&parameters);
            holds |= mac.verify_slice(&signature).is_ok();
        }
    }
    if holds { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// Twilio's shared keys can sign with other algorithms. They are not supported, and must not be taken for SHA-1.
fn algorithm_is_known(request: &WebhookRequest<'_>) -> Result<(), SignatureError> {
    if !request.head.headers.contains_key(SETTINGS) {
        return Ok(());
    }
    let settings = request.head.header(SETTINGS).ok_or(SignatureError::Malformed)?;
    let sha1 = settings
        .split(',')
        .filter_map(|setting| setting.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("algorithm"))
        .all(|(_, algorithm)| algorithm.trim().eq_ignore_ascii_case("HMAC_SHA1"));
    if sha1 { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// What is signed after the URL: names and values of the form, without repetitions, in the order of their bytes.
fn signed_parameters(request: &WebhookRequest<'_>) -> Result<Vec<u8>, SignatureError> {
    let query = request.head.query().unwrap_or_default();
    if request.body.len() > MAX_BYTES || query.len() > MAX_BYTES {
        return Err(SignatureError::Malformed);
    }
    let mut hashes =
        form::pairs(query.as_bytes()).filter(|(name, _)| name == BODY_HASH).map(|(_, hash)| hash).peekable();
    if hashes.peek().is_some() {
        let actual = sha256_hex(&[request.body]);
        return if hashes.all(|hash| hash.eq_ignore_ascii_case(actual.as_bytes())) {
            Ok(Vec::new())
        } else {
            Err(SignatureError::Mismatch)
        };
    }
    match Payload::of(request) {
        Payload::Query(_) => Ok(Vec::new()),
        // Without its hash nothing would vouch for such a body.
        Payload::Other(b"") => Ok(Vec::new()),
        Payload::Other(_) => Err(SignatureError::Mismatch),
        Payload::Form(body) => {
            let mut pairs: Vec<_> = form::pairs(body).take(MAX_PARAMETERS + 1).collect();
            if pairs.len() > MAX_PARAMETERS {
                return Err(SignatureError::Malformed);
            }
            pairs.sort_unstable();
            pairs.dedup();
            Ok(pairs.into_iter().flat_map(|(name, value)| [name, value]).flatten().collect())
        }
    }
}

/// The SHA-256 of the parts put together, in lower-case hexadecimal digits.
pub(super) fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests;
