//! What a user says, as Meta posts it.

use serde_json::{Map, Value, json};

use super::{Envelope, UserMessage, kind_of};
use crate::meta::write_contacts;
use crate::simulator::accounts::Side;
use crate::simulator::meta;
use crate::simulator::webhook::{self, SimulatedWebhook};

/// Writes a message that was sent at this time, in seconds.
pub(super) fn write(envelope: &Envelope<'_>, message: &UserMessage, seconds: u64) -> SimulatedWebhook {
    let (user, accounts) = (envelope.user, envelope.accounts);
    let mut fields = Map::new();
    if !envelope.hidden {
        fields.insert("from".to_owned(), user.to_digits().into());
    }
    fields.insert("from_user_id".to_owned(), Side::Meta.user_id(user).into());
    fields.insert("id".to_owned(), meta::message_id(user, envelope.number).into());
    fields.insert("timestamp".to_owned(), seconds.to_string().into());
    let message = message.bare();
    let (kind, content) = content(envelope, message);
    fields.insert("type".to_owned(), kind.into());
    fields.insert(kind.to_owned(), content);
    if let UserMessage::Unsupported(_) = message {
        let error = json!({
            "code": 131_051,
            "title": "Message type unknown",
            "message": "Message type unknown",
            "error_data": { "details": "Message type is currently not supported." },
        });
        fields.insert("errors".to_owned(), json!([error]));
    }
    if let Some((by_business, id)) = &envelope.answers {
        let mut context = json!({ "id": id });
        let from = if *by_business {
            Some(accounts.meta_number.trim_start_matches('+').to_owned())
        } else {
            (!envelope.hidden).then(|| user.to_digits())
        };
        if let (Some(from), Some(context)) = (from, context.as_object_mut()) {
            context.insert("from".to_owned(), from.into());
        }
        fields.insert("context".to_owned(), context);
    }
    let own = [
        ("contacts", webhook::meta_contact(user, envelope.hidden)),
        ("messages", Value::Array(vec![Value::Object(fields)])),
    ];
    webhook::meta(accounts, envelope.url, &[webhook::meta_entry(accounts, own)])
}

fn content(envelope: &Envelope<'_>, message: &UserMessage) -> (&'static str, Value) {
    let interactive = |kind: &str, reply: Value| ("interactive", json!({ "type": kind, kind: reply }));
    match message {
        UserMessage::Text(body) => ("text", json!({ "body": body })),
        UserMessage::Button { id, title } => interactive("button_reply", json!({ "id": id, "title": title })),
        UserMessage::TemplateButton { payload, text } => {
            ("button", json!({ "payload": payload, "text": text }))
        }
        UserMessage::ListRow { id, title, description } => {
            let mut row = json!({ "id": id, "title": title });
            put(&mut row, "description", description.as_deref());
            interactive("list_reply", row)
        }
        UserMessage::File { file, caption, name } => {
            let kind = kind_of(file);
            let mut media = self::media(envelope, file);
            // A sticker and a sound have no text.
            if !matches!(kind, "sticker" | "audio") {
                put(&mut media, "caption", caption.as_deref());
            }
            match kind {
                "document" => put(&mut media, "filename", name.as_deref()),
                "sticker" => put(&mut media, "animated", Some(false)),
                "audio" => put(&mut media, "voice", Some(false)),
                _ => {}
            }
            (kind, media)
        }
        UserMessage::Voice(file) => {
            let mut media = self::media(envelope, file);
            put(&mut media, "voice", Some(true));
            ("audio", media)
        }
        UserMessage::Location(place) => {
            let mut location = json!({ "latitude": place.latitude, "longitude": place.longitude });
            put(&mut location, "name", place.name.as_deref());
            put(&mut location, "address", place.address.as_deref());
            put(&mut location, "url", place.url.as_deref());
            ("location", location)
        }
        UserMessage::Contacts(cards) => ("contacts", write_contacts(cards).unwrap_or_default()),
        UserMessage::Reaction { message_id, emoji } => {
            let mut reaction = json!({ "message_id": message_id });
            put(&mut reaction, "emoji", emoji.as_deref());
            ("reaction", reaction)
        }
        UserMessage::FlowReply(response) => {
            let reply = json!({ "name": "flow", "body": "Sent", "response_json": response.0.to_string() });
            interactive("nfm_reply", reply)
        }
        UserMessage::Order(order) => {
            let items = order.items.iter().map(|item| {
                let mut written = json!({ "product_retailer_id": item.product, "quantity": item.quantity });
                // Meta writes a number.
                let price = item.price.as_deref().and_then(|price| serde_json::from_str::<Value>(price).ok());
                put(&mut written, "item_price", price);
                put(&mut written, "currency", item.currency.as_deref());
                written
            });
            let mut written = json!({
                "catalog_id": order.catalog_id,
                "product_items": items.collect::<Vec<_>>(),
            });
            put(&mut written, "text", order.text.as_deref());
            ("order", written)
        }
        UserMessage::Edit { message_id, text } => {
            let message = json!({ "type": "text", "text": { "body": text } });
            ("edit", json!({ "original_message_id": message_id, "message": message }))
        }
        UserMessage::Revoke { message_id } => ("revoke", json!({ "original_message_id": message_id })),
        UserMessage::Unsupported(kind) => ("unsupported", json!({ "type": kind })),
        UserMessage::Quote { message, .. } => content(envelope, message),
    }
}

fn media(envelope: &Envelope<'_>, file: &crate::outbound::FileBytes) -> Value {
    json!({
        "id": envelope.media_id,
        "mime_type": file.mime_type,
        "sha256": meta::webhook_hash(file),
    })
}

fn put(json: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Some(fields), Some(value)) = (json.as_object_mut(), value) {
        fields.insert(name.to_owned(), value.into());
    }
}
