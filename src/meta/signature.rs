//! What proves that a webhook is genuine: Meta's `X-Hub-Signature-256`, another host's signature, or a header whose value
//! only the host knows; and the handshake by which Meta makes sure of a webhook's owner.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, Method, StatusCode};
use percent_encoding::percent_decode;
use sha2::Sha256;

use crate::hex::{hex, hex_digits, unhex_32};
use crate::secret::Secret;
use crate::webhook::{SignatureError, WebhookHead, WebhookReply, WebhookRequest};

/// There is also `x-hub-signature` with SHA-1, which is not looked at.
const SIGNATURE: &str = "x-hub-signature-256";
/// What stands in front of a digest: always in Meta's header, perhaps in another host's.
const PREFIX: &str = "sha256=";

/// Whether a header is one that Meta signs with, in whichever way.
pub(super) fn is_metas(name: &HeaderName) -> bool {
    [SIGNATURE, "x-hub-signature"].contains(&name.as_str())
}

/// How webhooks are verified. Of several methods that are set up every one must hold, so that none makes another weaker.
#[derive(Default)]
pub(super) struct Verification {
    pub(super) app_secrets: Vec<Secret>,
    /// A header with one of its secrets as its value.
    pub(super) header: Option<SecretHeader>,
    /// A header with the HMAC of the body under one of its secrets.
    pub(super) hmac: Option<SecretHeader>,
    /// Whether a body may have lost the escapes that it was signed with.
    pub(super) unescaped_bodies: bool,
}

/// A header, and the secrets that the host was given for it.
pub(super) struct SecretHeader {
    pub(super) name: HeaderName,
    /// Each of them will do.
    pub(super) secrets: Vec<Secret>,
}

impl Verification {
    pub(super) fn is_configured(&self) -> bool {
        !self.app_secrets.is_empty() || self.header.is_some() || self.hmac.is_some()
    }

    /// Whether a webhook has the headers of one that is for us.
    pub(super) fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        // Whoever is not told how webhooks are verified knows those of Meta, too.
        let by_meta = !self.app_secrets.is_empty() || !self.is_configured();
        let mut others = self.header.iter().chain(&self.hmac);
        let bears_proof = (!by_meta || head.headers.contains_key(SIGNATURE))
            && others.all(|header| head.headers.contains_key(&header.name));
        bears_proof || is_handshake(head)
    }

    /// Checks that the body was signed with one of the secrets of each signature, and that the header has one of its own.
    ///
    /// What is signed are the bytes of the body as they were received. They carry no time, so an old webhook can be
    /// posted again; the ids of the events show it.
    pub(super) fn verify(&self, request: &WebhookRequest<'_>) -> Result<(), SignatureError> {
        if !self.is_configured() {
            return Err(SignatureError::NotConfigured);
        }
        // The headers are read before anything is hashed: a request without proper ones costs nothing.
        let claimed = if self.app_secrets.is_empty() { None } else { Some(claimed(&request.head)?) };
        let own = match &self.hmac {
            None => None,
            Some(header) => Some((header, header.claimed(&request.head)?)),
        };
        let shown = match &self.header {
            None => None,
            Some(header) => Some((header, header.shown(&request.head)?)),
        };
        // All are looked at in any case, so that the time taken does not tell which one it was.
        let signature_holds = claimed.is_none_or(|claimed| self.signed(&claimed, request.body));
        let own_holds =
            own.is_none_or(|(header, claimed)| is_signed(&header.secrets, &claimed, request.body));
        let header_holds = shown.is_none_or(|(header, shown)| any_is(&header.secrets, shown));
        if signature_holds & own_holds & header_holds { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    /// Whether one of the app secrets signed the body, as it is or as it was escaped.
    fn signed(&self, claimed: &[u8; 32], body: &[u8]) -> bool {
        let escaped = self.unescaped_bodies.then(|| escaped(body)).flatten();
        let bodies = [Some(body), escaped.as_deref()].into_iter().flatten();
        bodies.fold(false, |holds, body| holds | is_signed(&self.app_secrets, claimed, body))
    }
}

impl SecretHeader {
    /// The header's one value.
    fn shown<'h>(&self, head: &'h WebhookHead<'_>) -> Result<&'h [u8], SignatureError> {
        let mut values = head.headers.get_all(&self.name).iter();
        match (values.next(), values.next()) {
            (None, _) => Err(SignatureError::Missing),
            (Some(value), None) => Ok(value.as_bytes()),
            (Some(_), Some(_)) => Err(SignatureError::Malformed),
        }
    }

    /// The digest that the header's one value is.
    fn claimed(&self, head: &WebhookHead<'_>) -> Result<[u8; 32], SignatureError> {
        let shown = std::str::from_utf8(self.shown(head)?).ok();
        shown
            .and_then(|value| unhex_32(value.strip_prefix(PREFIX).unwrap_or(value)))
            .ok_or(SignatureError::Malformed)
    }
}

/// Whether one of the secrets signed the body. Every one is tried, so that the time taken does not tell which one it was.
fn is_signed(secrets: &[Secret], claimed: &[u8; 32], body: &[u8]) -> bool {
    secrets.iter().fold(false, |holds, secret| {
        let mac = keyed(secret.expose().as_bytes(), body);
        holds | mac.is_some_and(|mac| mac.verify_slice(claimed).is_ok())
    })
}

/// The digest that a webhook claims to have been signed with.
fn claimed(head: &WebhookHead<'_>) -> Result<[u8; 32], SignatureError> {
    if !head.headers.contains_key(SIGNATURE) {
        return Err(SignatureError::Missing);
    }
    head.header(SIGNATURE)
        .and_then(|value| value.strip_prefix(PREFIX))
        .and_then(unhex_32)
        .ok_or(SignatureError::Malformed)
}

/// The body with every character beyond ASCII written as Meta escapes it: UTF-16 in lower-case hexadecimal digits.
/// `None` if there is no such character, or if it is not text.
fn escaped(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok().filter(|text| !text.is_ascii())?;
    let mut escaped = Vec::with_capacity(text.len() * 2);
    let mut units = [0; 2];
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) if byte.is_ascii() => escaped.push(byte),
            _ => {
                for unit in character.encode_utf16(&mut units) {
                    escaped.extend_from_slice(b"\\u");
                    escaped.extend(unit.to_be_bytes().into_iter().flat_map(hex_digits));
                }
            }
        }
    }
    Some(escaped)
}

/// The answer to Meta's GET request: the challenge if the token is ours, 403 if not. `None` for any other request.
pub(super) fn handshake(verify_token: Option<&Secret>, head: &WebhookHead<'_>) -> Option<WebhookReply> {
    if !is_handshake(head) {
        return None;
    }
    let granted = parameter(head, b"hub.mode").as_deref() == Some(b"subscribe")
        && verify_token
            .zip(parameter(head, b"hub.verify_token"))
            .is_some_and(|(ours, theirs)| same(ours.expose().as_bytes(), &theirs));
    Some(match parameter(head, b"hub.challenge") {
        Some(challenge) if granted => WebhookReply::text(challenge.into_owned()),
        _ => WebhookReply::empty(StatusCode::FORBIDDEN),
    })
}

fn is_handshake(head: &WebhookHead<'_>) -> bool {
    head.method == Method::GET && parameter(head, b"hub.mode").is_some()
}

/// The first parameter of the query with this name, decoded. The challenge is given back byte for byte, so it is
/// never taken for text.
fn parameter<'h>(head: &'h WebhookHead<'_>, name: &[u8]) -> Option<Cow<'h, [u8]>> {
    head.query()?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (*decode(key) == *name).then(|| decode(value))
    })
}

fn decode(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        Cow::Owned(percent_decode(text.replace('+', " ").as_bytes()).collect())
    } else {
        percent_decode(text.as_bytes()).into()
    }
}

/// Whether one of our secrets is this one. All of them are compared, whichever it is.
fn any_is(ours: &[Secret], theirs: &[u8]) -> bool {
    ours.iter().fold(false, |found, secret| found | same(secret.expose().as_bytes(), theirs))
}

/// Compares two texts in a time that says nothing of where they differ or of how long ours is.
fn same(ours: &[u8], theirs: &[u8]) -> bool {
    const PURPOSE: &[u8] = b"same";
    keyed(PURPOSE, ours)
        .zip(keyed(PURPOSE, theirs))
        .is_some_and(|(ours, theirs)| ours.verify_slice(&theirs.finalize().into_bytes()).is_ok())
}

/// Proof that who holds an access token also knows its app's secret: the token's HMAC, in hexadecimal digits.
pub(super) fn proof(app_secret: &Secret, token: &str) -> Option<String> {
    let mac = keyed(app_secret.expose().as_bytes(), token.as_bytes())?;
    Some(hex(&mac.finalize().into_bytes()))
}

fn keyed(key: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length.
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    Some(mac.chain_update(message))
}

#[cfg(test)]
mod tests;
