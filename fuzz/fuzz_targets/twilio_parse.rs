//! Any bytes as one of Twilio's webhooks, posted as a form or asked for in a query: nothing panics, and each is one event
//! that keeps what it was read from.

#![no_main]

use std::collections::HashMap;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::{
    EventKind, InboundEvent, ProviderId, Twilio, VerifiedWebhook, WebhookHead, WebhookRequest,
    WhatsAppProvider,
};

fuzz_target!(|form: &[u8]| {
    let event = parse(&Method::POST, "/webhook?attempt=000102030405060708090a0b0c0d0e0f", form);
    assert_eq!(event.raw().expect("it is kept").as_bytes(), form);
    let json = serde_json::to_string(&event).expect("an event can be written");
    let again: InboundEvent = serde_json::from_str(&json).expect("and read again");
    assert_eq!(again, event);
    let _ = format!("{event:?}");
    assert_eq!(parse(&Method::POST, "/webhook?attempt=000102030405060708090a0b0c0d0e0f", form), event);
    expect(&event, form);

    // Asked for rather than posted it says the same, but for what the callback's own query says.
    if let Ok(query) = std::str::from_utf8(form)
        && !query.contains('#')
    {
        let asked = parse(&Method::GET, &format!("/webhook?{query}"), b"Body=ignored");
        assert_eq!(asked.raw().expect("it is kept").as_bytes(), form);
        assert_eq!((asked.kind().as_str(), asked.sender()), (event.kind().as_str(), event.sender()));
        assert!(asked.id() == event.id() || asked.id().is_derived());
    }
});

fn parse(method: &Method, url: &str, body: &[u8]) -> InboundEvent {
    static PROVIDER: OnceLock<Twilio> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| {
        Twilio::builder().auth_token("token").public_url("https://wa.example").keep_raw(true).build().unwrap()
    });
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let head = WebhookHead::new(method, url, &headers);
    let request = WebhookRequest::new(head, body, Timestamp::UNIX_EPOCH);
    let webhook = VerifiedWebhook::assume_verified(request, ProviderId::TWILIO);
    let mut events = provider.parse_inbound(&webhook).unwrap();
    assert_eq!(events.len(), 1, "one webhook, one event");
    events.remove(0)
}

/// What a reader finds who knows only a few names of parameters.
fn expect(event: &InboundEvent, form: &[u8]) {
    let mut first = HashMap::new();
    for (name, value) in form_urlencoded::parse(form) {
        first.entry(name).or_insert(value);
    }
    let text = |name: &str| first.get(name).map(|value| &**value).filter(|value| !value.is_empty());
    let state = text("MessageStatus").or(text("SmsStatus"));
    match event.kind() {
        EventKind::Message(_) => assert!(matches!(state, None | Some("received" | "receiving")), "{state:?}"),
        EventKind::Status(status) => {
            assert!(!matches!(state, Some("received" | "receiving")));
            assert_eq!(status.attempt.unwrap().to_string(), "000102030405060708090a0b0c0d0e0f");
        }
        EventKind::Unrecognized(odd) => assert_eq!(odd.raw.as_bytes(), form),
        other => panic!("Twilio has no {}", other.as_str()),
    }
    // The plainest text there is must be understood, whatever else stands beside it.
    let plain = |value: Option<&str>, known: &str| value == Some(known);
    let only = ["MessageSid", "SmsStatus", "From", "To", "Body", "ProfileName"];
    if plain(text("SmsStatus"), "received")
        && plain(text("From"), "whatsapp:+15550002222")
        && plain(text("To"), "whatsapp:+15550007777")
        && text("MessageSid").is_some()
        && text("Body").is_some()
        && first.keys().all(|name| only.contains(&&**name))
        && first.values().all(|value| !value.contains('\u{fffd}'))
    {
        let EventKind::Message(message) = event.kind() else { panic!("{event:?}") };
        assert_eq!(message.text(), text("Body"));
    }
}
