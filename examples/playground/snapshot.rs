//! All that the page shows, at one moment.

use serde_json::{Value, json};
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::simulator::{ChatEntry, ChatMessage, Side, Tick, UserMessage};

use super::contents::KINDS;
use super::world::{Person, World};

pub(crate) fn take(world: &World) -> Value {
    let (timeline, arrived, refused) = world.journal.read();
    let broken = world.broken();
    let status = serde_json::to_value(world.whatsapp.status()).unwrap_or_default();
    json!({
        "kinds": KINDS.iter().map(|(key, label)| json!({ "key": key, "label": label })).collect::<Vec<_>>(),
        "phones": world.people.iter().map(phone).collect::<Vec<_>>(),
        "route": world.flag.get().to_string(),
        "status": status,
        "broken": { "meta": broken[0], "twilio": broken[1] },
        "carried": { "meta": world.carried(Side::Meta), "twilio": world.carried(Side::Twilio) },
        "arrived": arrived,
        "refused": refused,
        "timeline": timeline,
    })
}

fn phone(person: &Person) -> Value {
    let mut chat: Vec<(Side, ChatEntry)> = Vec::new();
    for side in Side::ALL {
        chat.extend(person.user.chat(*side).into_iter().map(|entry| (*side, entry)));
    }
    chat.sort_by_key(|(_, entry)| entry.at);
    let closes = |side| person.user.window_closes(side).map(Timestamp::unix_seconds);
    json!({
        "key": person.key,
        "name": person.name,
        "number": person.user.phone().to_e164(),
        "windows": { "meta": closes(Side::Meta), "twilio": closes(Side::Twilio) },
        "chat": chat.iter().map(|(side, entry)| bubble(*side, entry)).collect::<Vec<_>>(),
    })
}

fn bubble(side: Side, entry: &ChatEntry) -> Value {
    let (from, content) = match &entry.said {
        ChatMessage::FromBusiness(content) => ("business", serde_json::to_value(content).unwrap_or_default()),
        ChatMessage::FromUser(message) => ("user", json!({ "type": "text", "body": words(message) })),
        _ => ("business", Value::Null),
    };
    let tick = match entry.tick {
        Tick::Read => "read",
        Tick::Delivered => "delivered",
        _ => "sent",
    };
    json!({
        "id": entry.message_id,
        "at": entry.at.unix_seconds(),
        "side": name(side),
        "from": from,
        "content": content,
        "tick": tick,
        "reaction": entry.reaction,
    })
}

fn words(message: &UserMessage) -> &str {
    match message {
        UserMessage::Text(text) => text,
        UserMessage::Button { title, .. } | UserMessage::ListRow { title, .. } => title,
        _ => "",
    }
}

const fn name(side: Side) -> &'static str {
    match side {
        Side::Meta => "meta",
        _ => "twilio",
    }
}
