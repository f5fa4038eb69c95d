//! Any signature over any body: only the right one holds, and it holds for this body alone. And any query of a
//! handshake: only the right token is granted.

#![no_main]

use std::fmt::Write as _;
use std::sync::OnceLock;

use hmac::{Hmac, KeyInit, Mac};
use http::header::{HeaderMap, HeaderValue};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::{MetaCloud, WebhookHead, WebhookRequest, WhatsAppProvider};

const SECRET: &str = "a secret";
const TOKEN: &str = "a token";

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    claimed: &'a [u8],
    url: &'a str,
    bit: usize,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let genuine = sign(input.body);
    assert!(holds(genuine.as_bytes(), input.body));
    if let Ok(claimed) = std::str::from_utf8(input.claimed) {
        assert_eq!(holds(claimed.as_bytes(), input.body), claimed.strip_prefix("sha256=").is_some_and(|digits| {
            digits.eq_ignore_ascii_case(&genuine[7..])
        }));
    } else {
        assert!(!holds(input.claimed, input.body));
    }
    if !input.body.is_empty() {
        let mut changed = input.body.to_vec();
        let bit = input.bit % (changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!holds(genuine.as_bytes(), &changed));
    }

    let headers = HeaderMap::new();
    let head = WebhookHead::new(&http::Method::GET, input.url, &headers);
    let reply = provider().handshake(&head);
    assert_eq!(reply.is_some(), provider().recognizes(&head));
    let granted = reply.is_some_and(|reply| reply.status == http::StatusCode::OK);
    let first = |name: &str| {
        let query = input.url.split('#').next()?.split_once('?')?.1;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let asked = first("hub.mode").as_deref() == Some("subscribe") && first("hub.challenge").is_some();
    assert_eq!(granted, asked && first("hub.verify_token").as_deref() == Some(TOKEN));
});

fn provider() -> &'static MetaCloud {
    static PROVIDER: OnceLock<MetaCloud> = OnceLock::new();
    PROVIDER.get_or_init(|| MetaCloud::webhook_only(SECRET, TOKEN).unwrap())
}

/// Whether a signature holds. One that no header can hold does not.
fn holds(signature: &[u8], body: &[u8]) -> bool {
    let Ok(value) = HeaderValue::from_bytes(signature) else { return false };
    let mut headers = HeaderMap::new();
    headers.insert("x-hub-signature-256", value);
    let head = WebhookHead::new(&http::Method::POST, "/webhook", &headers);
    provider().verify_signature(&WebhookRequest::new(head, body, Timestamp::UNIX_EPOCH)).is_ok()
}

fn sign(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body);
    let mut signature = String::from("sha256=");
    for byte in mac.finalize().into_bytes() {
        write!(signature, "{byte:02x}").unwrap();
    }
    signature
}
