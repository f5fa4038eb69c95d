mod fetching;
mod uploading;

use std::sync::Arc;

use http::Method;
use serde_json::json;

use super::*;
use crate::address::PhoneNumber;
use crate::error::Acceptance::{NotAccepted, Unknown};
use crate::error::ErrorKind::{
    self, Credentials, InvalidMessage, MediaExpired, NoAnswer, NotPortable, Throttled, Unavailable,
    Unsupported,
};
use crate::http_client::Limits;
use crate::ids::{AttemptId, ProviderId, SenderId};
use crate::meta::fake::{Fake, NUMBER, Reply, builder, meta, run, sender};
use crate::outbound::{Attempt, Content, FileBytes, OutboundMessage};
use crate::provider::WhatsAppProvider;
use crate::testing::TestClock;

const TAKEN: &str = r#"{"messages":[{"id":"wamid.OUT"}]}"#;
const UPLOADED: &str = r#"{"id":"1037543291543636"}"#;
/// Of `hello`.
const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn whole(status: u16, body: &str) -> Reply {
    Reply::Whole(status, body.to_owned())
}

fn refused(code: i64) -> String {
    format!(r#"{{"error":{{"message":"no","code":{code}}}}}"#)
}

fn photo() -> FileBytes {
    FileBytes::new("photo", "image/jpeg")
}

fn message(content: impl Into<Content>) -> OutboundMessage {
    OutboundMessage::new(PhoneNumber::parse("+15550002222").unwrap(), content)
}

fn attempt() -> Attempt {
    Attempt::with_id(AttemptId::from_u128(7))
}

fn stored(id: &str) -> MediaRef {
    MediaRef::new(sender(), id)
}

/// A provider whose clock the test moves.
fn with_clock(fake: &Arc<Fake>) -> (MetaCloud, TestClock) {
    let clock = TestClock::new();
    let meta = builder(fake).clock(Arc::new(clock.clone())).build().unwrap();
    (meta, clock)
}

/// The methods and paths that were asked for.
fn asked(fake: &Fake) -> Vec<String> {
    let requests = fake.requests.lock().unwrap();
    requests.iter().map(|seen| format!("{} {}", seen.request.method(), seen.request.uri())).collect()
}

fn info(url: &str, length: usize, sha256: &str) -> Reply {
    let size = length.to_string();
    let info =
        json!({ "url": url, "mime_type": "image/jpeg", "sha256": sha256, "file_size": size, "id": "1" });
    Reply::Whole(200, info.to_string())
}
