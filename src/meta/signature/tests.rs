use http::HeaderMap;

use super::*;
use crate::clock::Timestamp;

const EMPTY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;
const SIGNED: &str = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756";

fn secrets(texts: &[&str]) -> Vec<Secret> {
    texts.iter().map(|text| Secret::new(text).unwrap()).collect()
}

fn signed_with(app_secrets: &[Secret]) -> Verification {
    Verification { app_secrets: app_secrets.to_vec(), ..Verification::default() }
}

fn asked(verification: &Verification, body: &str, headers: &[(&str, &str)]) -> Result<(), SignatureError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let head = WebhookHead::new(&Method::POST, "/webhook", &map);
    verification.verify(&WebhookRequest::new(head, body.as_bytes(), Timestamp::UNIX_EPOCH))
}

fn verify_with(secrets: &[Secret], body: &str, headers: &[(&str, &str)]) -> Result<(), SignatureError> {
    asked(&signed_with(secrets), body, headers)
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
            assert_eq!(verify_with(&secrets(&[secret]), &body, &[(SIGNATURE, &header)]), Ok(()), "{body}");
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
        assert_eq!(signed_with(&secrets).verify(&request), Err(SignatureError::Mismatch));
    }
    let claimed = unhex_32(SIGNED.strip_prefix("sha256=").unwrap()).unwrap();
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
        assert_eq!(Verification::default().recognizes(&head), handshake(token, &head).is_some());
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

const BEYOND_ASCII: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"text":{"body":"äöå 😀"}}]}}]}]}"#;
/// Of the same text as Meta escapes it.
const SIGNED_ESCAPED: &str = "sha256=e04201730550587cef761ee1616bf62a000e182b9db9465b0117e2fcbc6a5900";

#[test]
fn a_body_that_lost_its_escapes_is_genuine_only_where_that_is_wished() {
    let strict = signed_with(&secrets(&["new_secret", "test_app_secret"]));
    let lenient = Verification { unescaped_bodies: true, ..signed_with(&strict.app_secrets) };
    let headers = [(SIGNATURE, SIGNED_ESCAPED)];
    assert_eq!(asked(&strict, BEYOND_ASCII, &headers), Err(SignatureError::Mismatch));
    assert_eq!(asked(&lenient, BEYOND_ASCII, &headers), Ok(()));
    assert_eq!(asked(&lenient, EMPTY, &[(SIGNATURE, SIGNED)]), Ok(()));
    for changed in [
        BEYOND_ASCII.replace('å', "Å"),
        BEYOND_ASCII.replace('{', "{ "),
        BEYOND_ASCII.replace('ö', r"\u00F6"),
    ] {
        assert_eq!(asked(&lenient, &changed, &headers), Err(SignatureError::Mismatch));
    }
    // Some of the escapes may still be there.
    assert_eq!(asked(&lenient, &BEYOND_ASCII.replace('ö', r"\u00f6"), &headers), Ok(()));
    assert_eq!(escaped(b"{\"a\":\xff}"), None);
    assert_eq!(escaped("\u{7f}\u{80}\u{ffff}".as_bytes()).unwrap(), b"\x7f\\u0080\\uffff");
}

const HEADER: &str = "x-webhook-secret";

fn with_header(app_secrets: &[&str]) -> Verification {
    let header =
        SecretHeader { name: HeaderName::from_static(HEADER), secrets: secrets(&["old one", "new one"]) };
    Verification { header: Some(header), ..signed_with(&secrets(app_secrets)) }
}

#[test]
fn a_secret_header_takes_the_place_of_a_signature() {
    use SignatureError::{Malformed, Mismatch, Missing};
    let verification = with_header(&[]);
    assert!(verification.is_configured());
    for (headers, expected) in [
        (&[(HEADER, "old one")][..], Ok(())),
        (&[("X-Webhook-Secret", "new one")], Ok(())),
        (&[(HEADER, "old one"), (SIGNATURE, "sha256=00")], Ok(())),
        (&[], Err(Missing)),
        (&[(SIGNATURE, SIGNED)], Err(Missing)),
        (&[(HEADER, "old one"), (HEADER, "old one")], Err(Malformed)),
        (&[(HEADER, "old one"), (HEADER, "other")], Err(Malformed)),
        (&[(HEADER, "")], Err(Mismatch)),
        (&[(HEADER, "old on")], Err(Mismatch)),
        (&[(HEADER, "old one ")], Err(Mismatch)),
        (&[(HEADER, "Old one")], Err(Mismatch)),
        (&[(HEADER, "old onenew one")], Err(Mismatch)),
    ] {
        assert_eq!(asked(&verification, EMPTY, headers), expected, "{headers:?}");
    }
}

#[test]
fn of_a_signature_and_a_secret_header_both_must_hold() {
    use SignatureError::{Malformed, Mismatch, Missing};
    let verification = with_header(&["test_app_secret"]);
    for (headers, expected) in [
        (&[(HEADER, "new one"), (SIGNATURE, SIGNED)][..], Ok(())),
        (&[(HEADER, "new one")], Err(Missing)),
        (&[(SIGNATURE, SIGNED)], Err(Missing)),
        (&[(HEADER, "new one"), (SIGNATURE, "sha256=00")], Err(Malformed)),
        (&[(HEADER, "new one"), (HEADER, "new one"), (SIGNATURE, SIGNED)], Err(Malformed)),
        (&[(HEADER, "other"), (SIGNATURE, SIGNED)], Err(Mismatch)),
        (&[(HEADER, "new one"), (SIGNATURE, SIGNED_ESCAPED)], Err(Mismatch)),
        (&[(HEADER, "other"), (SIGNATURE, SIGNED_ESCAPED)], Err(Mismatch)),
    ] {
        assert_eq!(asked(&verification, EMPTY, headers), expected, "{headers:?}");
    }
}

const HMAC: &str = "x-gateway-signature";

fn with_hmac(app_secrets: &[&str]) -> Verification {
    let header = SecretHeader {
        name: HeaderName::from_static(HMAC),
        secrets: secrets(&["new_secret", "test_app_secret"]),
    };
    Verification { hmac: Some(header), ..signed_with(&secrets(app_secrets)) }
}

#[test]
fn another_hosts_signature_is_over_the_same_body() {
    use SignatureError::{Malformed, Mismatch, Missing};
    let verification = with_hmac(&[]);
    assert!(verification.is_configured());
    let bare = SIGNED.strip_prefix("sha256=").unwrap();
    let other = SIGNED_ESCAPED.strip_prefix("sha256=").unwrap();
    for (headers, expected) in [
        (&[(HMAC, bare)][..], Ok(())),
        (&[(HMAC, SIGNED)], Ok(())),
        (&[(HMAC, bare.to_uppercase().as_str())], Ok(())),
        (&[], Err(Missing)),
        (&[(SIGNATURE, SIGNED)], Err(Missing)),
        (&[(HMAC, bare), (HMAC, bare)], Err(Malformed)),
        (&[(HMAC, "")], Err(Malformed)),
        (&[(HMAC, "sha256=")], Err(Malformed)),
        (&[(HMAC, bare.strip_prefix('d').unwrap())], Err(Malformed)),
        (&[(HMAC, "test_app_secret")], Err(Malformed)),
        (&[(HMAC, other)], Err(Mismatch)),
    ] {
        assert_eq!(asked(&verification, EMPTY, headers), expected, "{headers:?}");
    }
    assert_eq!(asked(&verification, &EMPTY.replace('[', "[ "), &[(HMAC, bare)]), Err(Mismatch));
    // It is over the bytes as they are, whatever was escaped.
    assert_eq!(asked(&verification, BEYOND_ASCII, &[(HMAC, other)]), Err(Mismatch));
}

#[test]
fn of_all_that_is_set_up_everything_must_hold() {
    use SignatureError::{Mismatch, Missing};
    let header = with_header(&[]).header;
    let verification = Verification { header, ..with_hmac(&["test_app_secret"]) };
    let all = [(SIGNATURE, SIGNED), (HMAC, SIGNED), (HEADER, "new one")];
    assert_eq!(asked(&verification, EMPTY, &all), Ok(()));
    for left_out in 0..3 {
        let mut headers = all.to_vec();
        headers.remove(left_out);
        assert_eq!(asked(&verification, EMPTY, &headers), Err(Missing), "{headers:?}");
        let mut headers = all.to_vec();
        headers[left_out].1 = if headers[left_out].0 == HEADER { "other" } else { SIGNED_ESCAPED };
        assert_eq!(asked(&verification, EMPTY, &headers), Err(Mismatch), "{headers:?}");
    }
}

#[test]
fn a_webhook_is_recognized_by_all_the_headers_that_it_must_have() {
    let recognizes = |verification: &Verification, names: &[&'static str]| {
        let headers =
            names.iter().map(|name| (HeaderName::from_static(name), "x".parse().unwrap())).collect();
        verification.recognizes(&WebhookHead::new(&Method::POST, "/", &headers))
    };
    let (neither, signature) = (Verification::default(), signed_with(&secrets(&["test_app_secret"])));
    let (header, both) = (with_header(&[]), with_header(&["test_app_secret"]));
    let (hmac, two) = (with_hmac(&[]), with_hmac(&["test_app_secret"]));
    for (names, expected) in [
        (&[][..], [false, false, false, false, false, false]),
        (&[SIGNATURE], [true, true, false, false, false, false]),
        (&[HEADER], [false, false, true, false, false, false]),
        (&[SIGNATURE, HEADER], [true, true, true, true, false, false]),
        (&[HMAC], [false, false, false, false, true, false]),
        (&[SIGNATURE, HMAC], [true, true, false, false, true, true]),
    ] {
        let seen = [&neither, &signature, &header, &both, &hmac, &two]
            .map(|verification| recognizes(verification, names));
        assert_eq!(seen, expected, "{names:?}");
    }
}

#[test]
fn the_proof_of_a_token() {
    let secret = Secret::new("test_app_secret").unwrap();
    assert_eq!(
        proof(&secret, "EAAtesttoken").as_deref(),
        Some("2f6c99f265a9e1644d725e8f9c96e439fcbf40a73357d1d98ba8b98fbfe445e4")
    );
}
