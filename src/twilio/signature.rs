//! `X-Twilio-Signature`: an HMAC over the public URL and the parameters of the form.
//!
//! The URL is the one that Twilio was told, so it is configured and never rebuilt from the request's `Host`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

mod address;
mod keys;
#[cfg(test)]
mod tests;

pub(super) use address::PublicUrl;
pub(super) use keys::{SharedKeySettings, SharedKeys};

use super::form::{self, Payload};
use crate::hex::hex;
use crate::secret::Secret;
use crate::webhook::{SignatureError, WebhookRequest};
use keys::Settings;

pub(super) const SIGNATURE: &str = "x-twilio-signature";
/// The parameter that stands for a body which is no form.
const BODY_HASH: &[u8] = b"bodySHA256";

/// No webhook of Twilio's is near these; what is larger is refused before any work is done on it.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_PARAMETERS: usize = 500;

/// Checks the signature of a request against every secret and every address that Twilio may have signed.
pub(super) fn verify(
    request: &WebhookRequest<'_>,
    tokens: &[Secret],
    keys: &SharedKeys,
    urls: &[PublicUrl],
) -> Result<(), SignatureError> {
    if (tokens.is_empty() && keys.is_empty()) || urls.is_empty() {
        return Err(SignatureError::NotConfigured);
    }
    if !request.head.headers.contains_key(SIGNATURE) {
        return Err(SignatureError::Missing);
    }
    let settings = Settings::read(&request.head)?;
    let signature = request.head.header(SIGNATURE).and_then(|text| STANDARD.decode(text).ok());
    let signature = signature
        .filter(|bytes| bytes.len() == settings.algorithm.length())
        .ok_or(SignatureError::Malformed)?;
    let parameters = signed_parameters(request)?;
    let candidates = address::candidates(&request.head, urls);
    let mut holds = false;
    for secret in keys.secrets(settings.key, tokens) {
        holds |= settings.algorithm.holds(secret, &candidates, &parameters, &signature);
    }
    if holds { Ok(()) } else { Err(SignatureError::Mismatch) }
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
