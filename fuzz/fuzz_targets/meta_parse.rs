//! Any bytes as the body of one of Meta's webhooks: nothing panics, and nothing of it is lost, doubled or out of order.

#![no_main]

use std::collections::HashSet;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::{
    InboundEvent, MetaCloud, ProviderId, VerifiedWebhook, WebhookHead, WebhookRequest, WhatsAppProvider,
};

fuzz_target!(|body: &[u8]| {
    let events = parse(body);
    assert!(!events.is_empty(), "a webhook becomes one event at least");
    assert!(events.len() >= listed(body), "an element of a list was lost");

    // Each event keeps its element, and the elements follow each other in the body.
    let mut rest = body;
    for event in &events {
        let raw = event.raw().expect("it is kept").as_bytes();
        let at = find(rest, raw).expect("the elements come out in order, each once");
        rest = &rest[at + raw.len()..];
    }

    let mut derived = HashSet::new();
    for event in &events {
        assert!(!event.id().is_derived() || derived.insert(event.id()), "two elements have one derived id");
        let json = serde_json::to_string(event).expect("an event can be written");
        let again: InboundEvent = serde_json::from_str(&json).expect("and read again");
        assert_eq!(again, *event);
        let _ = format!("{event:?}");
    }
    assert_eq!(parse(body), events, "the same body, the same events");
});

fn parse(body: &[u8]) -> Vec<InboundEvent> {
    static PROVIDER: OnceLock<MetaCloud> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| {
        MetaCloud::builder().app_secret("secret").verify_token("token").keep_raw(true).build().unwrap()
    });
    let headers = http::HeaderMap::new();
    let head = WebhookHead::new(&http::Method::POST, "/webhook", &headers);
    let request = WebhookRequest::new(head, body, Timestamp::UNIX_EPOCH);
    provider.parse_inbound(&VerifiedWebhook::assume_verified(request, ProviderId::META)).unwrap()
}

/// How many messages, statuses and errors a reader finds who knows nothing but the documented shape.
fn listed(body: &[u8]) -> usize {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return 0 };
    let each = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut count = 0;
    for entry in each(&body, "entry") {
        for change in each(&entry, "changes") {
            if change["field"] == "messages" {
                count += ["messages", "statuses", "errors"]
                    .iter()
                    .map(|list| each(&change["value"], list).len())
                    .sum::<usize>();
            }
        }
    }
    count
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}
