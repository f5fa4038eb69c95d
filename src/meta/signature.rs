//! Meta's `X-Hub-Signature-256`, and the handshake by which Meta makes sure of a webhook's owner.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use http::{Method, StatusCode};
use percent_encoding::percent_decode;
use sha2::Sha256;

use crate::secret::Secret;
use crate::webhook::{SignatureError, WebhookHead, WebhookReply, WebhookRequest};

/// There is also `x-hub-signature` with SHA-1, which is not looked at.
const SIGNATURE: &str = "x-hub-signature-256";

/// Whether a webhook looks like one of Meta's.
pub(super) fn recognizes(head: &WebhookHead<'_>) -> bool {
    head.headers.contains_key(SIGNATURE) || is_handshake(head)
}

/// Checks that the body was signed with one of the secrets.
///
/// What is signed are the bytes of the body as they were received. They carry no time, so an old webhook can be posted
/// again; the ids of the events show it.
pub(super) fn verify(secrets: &[Secret], request: &WebhookRequest<'_>) -> Result<(), SignatureError> {
    if secrets.is_empty() {
        return Err(SignatureError::NotConfigured);
    }
    if !request.head.headers.contains_key(SIGNATURE) {
        return Err(SignatureError::Missing);
    }
    // The header is read before anything is hashed: a request without a proper one costs nothing.
    let claimed = request
        .head
        .header(SIGNATURE)
        .and_then(|value| value.strip_prefix("sha256="))
        .and_then(digest)
        .ok_or(SignatureError::Malformed)?;
    // Every secret is tried, so that the time taken does not tell which one it was.
    let mut holds = false;
    for secret in secrets {
        holds |= keyed(secret.expose().as_bytes(), request.body)
            .is_some_and(|mac| mac.verify_slice(&claimed).is_ok());
    }
    if holds { Ok(()) } else { Err(SignatureError::Mismatch) }
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

/// Compares two texts in a time that says nothing of where they differ or of how long ours is.
fn same(ours: &[u8], theirs: &[u8]) -> bool {
    const PURPOSE: &[u8] = b"verify_token";
    keyed(PURPOSE, ours)
        .zip(keyed(PURPOSE, theirs))
        .is_some_and(|(ours, theirs)| ours.verify_slice(&theirs.finalize().into_bytes()).is_ok())
}

fn keyed(key: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length.
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    Some(mac.chain_update(message))
}

/// 64 hexadecimal digits of either case.
fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut digits = hex.chars();
    for byte in &mut bytes {
        let high = digits.next()?.to_digit(16)?;
        let low = digits.next()?.to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::clock::Timestamp;

    const EMPTY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;
    const SIGNED: &str = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756";

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().map(|text| Secret::new(text).unwrap()).collect()
    }

    fn verify_with(secrets: &[Secret], body: &str, headers: &[(&str, &str)]) -> Result<(), SignatureError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let head = WebhookHead::new(&Method::POST, "/webhook", &map);
        verify(secrets, &WebhookRequest::new(head, body.as_bytes(), Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn known_signatures_hold() {
        let text = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"text":{"body":"TEXT"}}]}}]}]}"#;
        for (secret, body, hex) in [
            (
                "test_app_secret",
                EMPTY.to_owned(),
                "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
            ),
            (
                "test_app_secret",
                EMPTY.replace(':', ": ").replace(',', ", "),
                "56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a",
            ),
            (
                "otro_secreto",
                EMPTY.to_owned(),
                "769b03d8c2ae6498f2d1e1f7299c0ba55448c69d741e7b0bb243d852d8a8d8c7",
            ),
            (
                "test_app_secret",
                text.replace("TEXT", "äöå 😀"),
                "6b00f2abaa358ff72847ca2c00d21c2d4ee7aa8aecb18afb4eb24d7e55e419b5",
            ),
            (
                "test_app_secret",
                text.replace("TEXT", r"\u00e4\u00f6\u00e5 \ud83d\ude00"),
                "e04201730550587cef761ee1616bf62a000e182b9db9465b0117e2fcbc6a5900",
            ),
            (
                "test_app_secret",
                String::new(),
                "517bc4c7d1d8d400868e0ad6f64b77098b818a2f2595004253a1922302a602c0",
            ),
        ] {
            for hex in [hex.to_owned(), hex.to_uppercase()] {
                let header = format!("sha256={hex}");
                assert_eq!(
                    verify_with(&secrets(&[secret]), &body, &[(SIGNATURE, &header)]),
                    Ok(()),
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn during_a_rotation_either_secret_will_do() {
        for texts in [["test_app_secret", "new_secret"], ["new_secret", "test_app_secret"]] {
            assert_eq!(verify_with(&secrets(&texts), EMPTY, &[(SIGNATURE, SIGNED)]), Ok(()));
        }
    }

    #[test]
    fn one_flipped_bit_anywhere_is_refused() {
        let secrets = secrets(&["test_app_secret"]);
        for bit in 0..EMPTY.len() * 8 {
            let mut body = EMPTY.as_bytes().to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            let mut headers = HeaderMap::new();
            headers.insert(SIGNATURE, SIGNED.parse().unwrap());
            let head = WebhookHead::new(&Method::POST, "/", &headers);
            let request = WebhookRequest::new(head, &body, Timestamp::UNIX_EPOCH);
            assert_eq!(verify(&secrets, &request), Err(SignatureError::Mismatch));
        }
        let claimed = digest(SIGNED.strip_prefix("sha256=").unwrap()).unwrap();
        for bit in 0..256 {
            let mut flipped = claimed;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let hex: String = flipped.iter().map(|byte| format!("{byte:02x}")).collect();
            let header = format!("sha256={hex}");
            assert_eq!(verify_with(&secrets, EMPTY, &[(SIGNATURE, &header)]), Err(SignatureError::Mismatch));
        }
        for secret in ["test_app_secreu", "test_app_secre", "Test_app_secret"] {
            assert_eq!(
                verify_with(&self::secrets(&[secret]), EMPTY, &[(SIGNATURE, SIGNED)]),
                Err(SignatureError::Mismatch)
            );
        }
    }

    #[test]
    fn what_is_not_a_signature_is_said_to_be_none() {
        use SignatureError::{Malformed, Missing, NotConfigured};
        let one = secrets(&["test_app_secret"]);
        let hex = SIGNED.strip_prefix("sha256=").unwrap();
        assert_eq!(verify_with(&[], EMPTY, &[(SIGNATURE, SIGNED)]), Err(NotConfigured));
        assert_eq!(verify_with(&one, EMPTY, &[]), Err(Missing));
        // The SHA-1 header alone is no signature, and beside the other one it is not looked at.
        assert_eq!(verify_with(&one, EMPTY, &[("x-hub-signature", "sha1=00")]), Err(Missing));
        assert_eq!(verify_with(&one, EMPTY, &[("x-hub-signature", "sha1=00"), (SIGNATURE, SIGNED)]), Ok(()));
        for bad in [
            "",
            "sha256=",
            hex,
            SIGNED.strip_suffix('6').unwrap(),
            &format!("{SIGNED}0"),
            &format!("sha1={hex}"),
            &format!("sha256= {hex}"),
            &SIGNED.replace('6', "g"),
        ] {
            assert_eq!(verify_with(&one, EMPTY, &[(SIGNATURE, bad)]), Err(Malformed), "{bad}");
        }
        assert_eq!(
            verify_with(&one, EMPTY, &[(SIGNATURE, SIGNED), (SIGNATURE, SIGNED)]),
            Err(Malformed),
            "two signatures are none"
        );
    }

    #[test]
    fn handshakes() {
        let token = Secret::new("a+b=c&ü").unwrap();
        let answer = |method: &Method, url: &str, token: Option<&Secret>| {
            let headers = HeaderMap::new();
            let head = WebhookHead::new(method, url.to_owned(), &headers);
            assert_eq!(recognizes(&head), handshake(token, &head).is_some());
            handshake(token, &head).map(|reply| (reply.status.as_u16(), reply.body.to_vec()))
        };
        let (get, forbidden) = (&Method::GET, Some((403, Vec::new())));
        let good = "/hook?hub.mode=subscribe&hub.challenge=CHALLENGE&hub.verify_token=a%2Bb%3Dc%26%C3%BC";
        for (challenge, expected) in
            [("1158201444", &b"1158201444"[..]), ("007", b"007"), ("a+b%20c%FF", b"a b c\xff"), ("", b"")]
        {
            let url = good.replace("CHALLENGE", challenge);
            assert_eq!(answer(get, &url, Some(&token)), Some((200, expected.to_vec())));
        }
        assert_eq!(answer(get, good, None), forbidden);
        for url in [
            &good.replace("a%2Bb", "a%2Bx"),
            &good.replace("%C3%BC", ""),
            &good.replace("a%2B", ""),
            &good.replace("subscribe", "unsubscribe"),
            &good.replace("hub.challenge", "hub.other"),
            "/hook?hub.mode=subscribe&hub.challenge=1",
            "/hook?hub.mode",
        ] {
            assert_eq!(answer(get, url, Some(&token)), forbidden, "{url}");
        }
        for url in ["/hook", "/hook?", "/hook?mode=subscribe", "/hook#?hub.mode=subscribe"] {
            assert_eq!(answer(get, url, Some(&token)), None, "{url}");
        }
        assert_eq!(answer(&Method::POST, good, Some(&token)), None);
    }
}
