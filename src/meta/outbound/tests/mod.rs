mod contents;
mod envelope;
mod interactive;
mod limits;
mod refusals;
mod templates;

use serde_json::Value;

use crate::address::PhoneNumber;
use crate::error::ErrorKind::{self, InvalidMessage, NotPortable, Unsupported};
use crate::ids::{AttemptId, MediaRef, MessageRef, ProviderId, SenderId};
use crate::meta::fake::{Fake, Reply, builder, meta, run, sender};
use crate::outbound::{Attempt, Content, Link, OutboundMessage, SendReceipt};
use crate::provider::WhatsAppProvider;

const TAKEN: &str = r#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.OUT"}]}"#;

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

fn link(name: &str) -> Link {
    Link::new(format!("https://files.example/{name}")).unwrap()
}

fn stored() -> MediaRef {
    MediaRef::new(sender(), "3000007")
}

fn elsewhere() -> SenderId {
    SenderId::new(ProviderId::META, "100000000000008")
}

fn attempt() -> Attempt {
    Attempt::with_id(AttemptId::from_u128(0xabc))
}

/// Sends a message and returns what was posted.
fn posted(message: &OutboundMessage) -> (Value, SendReceipt) {
    let fake = Fake::new([Reply::Whole(200, TAKEN.to_owned())]);
    let meta = meta(&fake);
    meta.check(message).unwrap();
    let receipt = run(meta.send_attempt(message, &attempt())).unwrap();
    let requests = fake.requests.lock().unwrap();
    (requests[0].json(), receipt)
}

/// The type and the object of that name; the rest must be what every message has.
fn content(content: impl Into<Content>) -> Value {
    let (mut body, receipt) = posted(&OutboundMessage::new(to(), content));
    assert_eq!(receipt.dropped(), []);
    let body = body.as_object_mut().unwrap();
    for (name, value) in [
        ("messaging_product", "whatsapp"),
        ("recipient_type", "individual"),
        ("to", "+15550002222"),
        ("biz_opaque_callback_data", "00000000000000000000000000000abc"),
    ] {
        assert_eq!(body.remove(name), Some(value.into()));
    }
    Value::Object(body.clone())
}

/// `check` and a send refuse alike, and nothing is posted.
fn refused(message: &OutboundMessage) -> (ErrorKind, String) {
    let fake = Fake::new([]);
    let meta = builder(&fake).portfolio("P1").build().unwrap();
    let checked = meta.check(message).unwrap_err();
    let attempt = attempt();
    let sent = run(meta.send_attempt(message, &attempt)).unwrap_err();
    assert_eq!(checked.to_string(), sent.to_string());
    assert_eq!(checked.provider(), Some(&ProviderId::META));
    assert!(!attempt.departure.departed());
    assert!(attempt.departure.revoke(), "the mark was kept from the beginning");
    assert_eq!(fake.count(), 0);
    (checked.kind(), checked.field().unwrap().to_owned())
}

fn refused_content(content: impl Into<Content>) -> (ErrorKind, String) {
    refused(&OutboundMessage::new(to(), content))
}
