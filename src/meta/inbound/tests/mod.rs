mod batches;
mod bounds;
mod calls;
mod changes;
mod fixtures;
mod messages;
mod mixed;
mod mutated;
mod people;
mod statuses;

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::inbound::{EventKind, InboundEvent, InboundMessage, StatusUpdate, Unrecognized};
use crate::webhook::{WebhookHead, WebhookRequest};

/// When every webhook of these tests arrives, in seconds since 1970.
const ARRIVED: u64 = 1_790_000_100;

fn sender() -> SenderId {
    SenderId::new(ProviderId::META, "100000000000007")
}

fn ours(id: &str) -> MessageRef {
    MessageRef::new(sender(), id)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds).unwrap()
}

fn read_with(body: &[u8], portfolio: Option<&str>, keep_raw: bool) -> Vec<InboundEvent> {
    let headers = HeaderMap::new();
    let head = WebhookHead::new(&Method::POST, "/", &headers);
    let request = WebhookRequest::new(head, body, at(ARRIVED));
    super::read(&request.attest(&ProviderId::META), portfolio, keep_raw)
}

fn read(body: &str) -> Vec<InboundEvent> {
    read_with(body.as_bytes(), None, false)
}

/// A webhook with one change.
fn webhook(field: &str, value: &Value) -> String {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "200000000000009", "changes": [{"field": field, "value": value}]}],
    })
    .to_string()
}

/// A value of the field `messages` with these lists in it.
fn value(mut lists: Value) -> Value {
    lists["messaging_product"] = "whatsapp".into();
    lists["metadata"] = json!({
        "display_phone_number": "15550007777",
        "phone_number_id": "100000000000007",
    });
    lists
}

fn only(mut events: Vec<InboundEvent>) -> InboundEvent {
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// A message with these members beside its id, its sender and its time.
fn message_event(members: Value) -> InboundEvent {
    let mut message = json!({"id": "wamid.IN", "from": "15550002222", "timestamp": "1790000000"});
    for (name, value) in members.as_object().unwrap() {
        message[name] = value.clone();
    }
    let contact = json!({
        "wa_id": "15550002222", "user_id": "US.1234", "profile": {"name": "Ada", "username": "ada.l"},
    });
    only(read(&webhook("messages", &value(json!({"contacts": [contact], "messages": [message]})))))
}

fn as_message(event: &InboundEvent) -> &InboundMessage {
    let EventKind::Message(message) = event.kind() else { panic!("{event:?}") };
    message
}

fn as_status(event: &InboundEvent) -> &StatusUpdate {
    let EventKind::Status(status) = event.kind() else { panic!("{event:?}") };
    status
}

fn as_unrecognized(event: &InboundEvent) -> &Unrecognized {
    let EventKind::Unrecognized(unrecognized) = event.kind() else { panic!("{event:?}") };
    unrecognized
}
