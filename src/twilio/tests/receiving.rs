use http::Method;

use super::*;
use crate::clock::Timestamp;
use crate::ids::ProviderId;
use crate::inbound::{EventKind, InboundEvent, Unrecognized};
use crate::provider::WhatsAppProvider;
use crate::webhook::{SignatureError, VerifiedWebhook, WebhookHead, WebhookRequest};

pub(super) const URL: &str = "https://wa.example/hook";
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn provider() -> Twilio {
    Twilio::webhook_only("t0ken", URL).unwrap()
}

/// Reads a request whose signature is taken for granted.
pub(super) fn read(
    twilio: &Twilio,
    method: Method,
    url: &str,
    content_type: &str,
    body: &[u8],
) -> InboundEvent {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", content_type.parse().unwrap());
    let head = WebhookHead::new(&method, url, &headers);
    let request = WebhookRequest::new(head, body, Timestamp::UNIX_EPOCH);
    let webhook = VerifiedWebhook::assume_verified(request, twilio.id().clone());
    let mut events = twilio.parse_inbound(&webhook).unwrap();
    assert_eq!(events.len(), 1, "one webhook, one event");
    events.remove(0)
}

pub(super) fn post(twilio: &Twilio, url: &str, pairs: &[(&str, &str)]) -> InboundEvent {
    read(twilio, Method::POST, url, FORM, form::encode(pairs.iter().copied()).as_bytes())
}

pub(super) fn odd(event: &InboundEvent) -> Unrecognized {
    match event.kind() {
        EventKind::Unrecognized(odd) => (**odd).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_an_id_the_bytes_give_the_name() {
    let twilio = provider();
    let id = |url: &str, content_type: &str, body: &[u8]| {
        let event = read(&twilio, Method::POST, url, content_type, body);
        assert_eq!(odd(&event).raw.as_bytes(), body);
        event.id().as_str().to_owned()
    };
    // SHA-256 of `a=b`, a line break, and the body.
    assert_eq!(id("/hook?a=b", "application/json", b"{\"c\":1}"), "x/9f1d09457f8e9d71ad839f54f0be8c84");
    let mut ids: Vec<_> = [
        ("/hook", FORM, &b""[..]),
        ("/hook", FORM, b"Body=hi"),
        ("/hook?a", FORM, b"Body=hi"),
        ("/hook?aB", FORM, b"ody=hi"),
        ("/hook", FORM, b"MessageSid=&Body=hi"),
        ("/hook", FORM, b"MessageSid=SM1"),
        ("/hook", FORM, b"MessageSid=SM1&Body=%ff"),
        ("/hook", FORM, b"\xff\xfe\x00"),
        ("/hook", "application/json", b"{}"),
        ("/hook", "text/plain", b"MessageSid=SM1&Body=hi"),
    ]
    .into_iter()
    .map(|(url, content_type, body)| id(url, content_type, body))
    .collect();
    let count = ids.len();
    assert!(ids.iter().all(|id| id.starts_with("x/") && id.len() == 34));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "different bytes, different names");
}

#[test]
fn a_get_has_everything_in_its_query() {
    let twilio = Twilio::builder().auth_token("t").public_url(URL).keep_raw(true).build().unwrap();
    let query = "MessageSid=SM1&SmsStatus=received&From=whatsapp%3A%2B15557654321&To=whatsapp%3A%2B14155238886&Body=hi+there";
    let event = read(&twilio, Method::GET, &format!("/hook?{query}"), FORM, b"Body=ignored");
    let EventKind::Message(message) = event.kind() else { panic!("{event:?}") };
    assert_eq!(message.text(), Some("hi there"));
    assert_eq!(event.raw().unwrap().as_text(), Some(query));
    // The same in a POST's query is nothing.
    let event = read(&twilio, Method::POST, &format!("/hook?{query}"), FORM, b"");
    assert_eq!(odd(&event).raw.as_bytes(), b"");
    assert_eq!(event.raw().unwrap().as_bytes(), b"");
}

#[test]
fn the_whole_form_is_kept_if_wanted() {
    let body = b"MessageSid=SM1&SmsStatus=received&From=whatsapp:%2B15557654321&To=whatsapp:%2B14155238886&Body=hi&New=1";
    for keep in [true, false] {
        let builder = Twilio::builder().auth_token("t").public_url(URL);
        let twilio = builder.keep_raw(keep).build().unwrap();
        let event = read(&twilio, Method::POST, "/hook", FORM, body);
        assert_eq!(event.raw().map(crate::inbound::RawPayload::as_bytes), keep.then_some(&body[..]));
    }
}

#[test]
fn verified_and_read_through_the_contract() {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit, Mac};

    let wire = Wire::answering([]);
    let twilio = sending(&wire).status_callback("https://wa.example/status").build().unwrap();
    let other = twilio.with_sender("+14155550100").unwrap();
    let sign = |token: &str, data: &str| {
        let mac = Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).unwrap();
        let mac = mac.chain_update(data).finalize().into_bytes();
        base64::engine::general_purpose::STANDARD.encode(mac)
    };
    let request = |url: &str, token: &str, data: &str| {
        http::Request::post(url)
            .header("X-Twilio-Signature", sign(token, data))
            .header("content-type", FORM)
            .body("MessageSid=SM1")
            .unwrap()
    };
    let verify = |request: &http::Request<&'static str>| {
        let request = WebhookRequest::from_http(request, Timestamp::UNIX_EPOCH);
        assert!(other.recognizes(&request.head));
        other.verify_signature(&request).map(|webhook| {
            assert!(!webhook.is_assumed());
            other.parse_inbound(&webhook).unwrap().len()
        })
    };
    // The status callback's address is known, with what was added to it; and so is its host.
    let status = "/status?attempt=1&reference=a:b";
    let data = format!("https://wa.example{status}MessageSidSM1");
    assert_eq!(verify(&request(status, "t0ken", &data)), Ok(1));
    let inbound = request("/inbound", "t0ken", "https://wa.example/inboundMessageSidSM1");
    assert_eq!(verify(&inbound), Ok(1));
    twilio.set_token("n3w").unwrap();
    assert_eq!(verify(&inbound), Err(SignatureError::Mismatch));
    assert_eq!(verify(&request(status, "n3w", &data)), Ok(1));
    // With a public address of its own, the host alone is not enough; the status callback still is.
    let strict = sending(&wire)
        .status_callback("https://wa.example/status")
        .public_url("https://in.example/inbound")
        .old_auth_token("0ld")
        .build()
        .unwrap();
    let verify = |request: &http::Request<&'static str>| {
        let request = WebhookRequest::from_http(request, Timestamp::UNIX_EPOCH);
        strict.verify_signature(&request).map(drop)
    };
    assert_eq!(verify(&request(status, "0ld", &data)), Ok(()));
    assert_eq!(verify(&inbound), Err(SignatureError::Mismatch));
    let own = "https://in.example/inboundMessageSidSM1";
    assert_eq!(verify(&request("/inbound", "t0ken", own)), Ok(()));
    let bare = sending(&wire).build().unwrap();
    let request = WebhookRequest::from_http(&inbound, Timestamp::UNIX_EPOCH);
    assert_eq!(bare.verify_signature(&request).err(), Some(SignatureError::NotConfigured));

    let foreign = VerifiedWebhook::assume_verified(request, ProviderId::META);
    assert_eq!(bare.parse_inbound(&foreign).unwrap_err().provider, ProviderId::META);
    let unsigned = HeaderMap::new();
    assert!(!bare.recognizes(&WebhookHead::new(&Method::POST, "/inbound", &unsigned)));
}
