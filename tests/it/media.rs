//! Files, up and down, on real sockets.

mod fetching;
mod large;
mod playing;
mod server;
mod twilio;
mod uploading;

use serde_json::{Value, json};
use whatsapp_provider::meta::MetaCloudBuilder;
use whatsapp_provider::outbound::FileBytes;
use whatsapp_provider::{Content, MediaRef, MetaCloud, OutboundMessage, PhoneNumber, ProviderId, SenderId};

const NUMBER: &str = "100000000000001";
const TOKEN: &str = "an-invented-token";
/// Of `hello`.
const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn builder(url: &str) -> MetaCloudBuilder {
    MetaCloud::builder().phone_number_id(NUMBER).access_token(TOKEN).base_url(url)
}

fn stored(id: &str) -> MediaRef {
    MediaRef::new(SenderId::new(ProviderId::META, NUMBER), id)
}

fn image(data: impl Into<bytes::Bytes>) -> OutboundMessage {
    let to = PhoneNumber::parse("+15550002222").unwrap();
    OutboundMessage::new(to, Content::image(FileBytes::new(data, "image/png")))
}

/// What Meta says of the file `hello` at an address.
fn info(url: &str) -> Value {
    json!({
        "messaging_product": "whatsapp", "url": url, "mime_type": "image/png", "sha256": SHA256, "file_size": 5, "id": "1",
    })
}
