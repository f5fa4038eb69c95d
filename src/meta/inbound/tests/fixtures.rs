//! What Meta posts, element by element, and the events that it becomes, from `tests/fixtures/meta`.
//!
//! An event is written as in the crate's own JSON, with what is the same in all of them left out, and with words that begin
//! with `$` for what comes again and again.

use std::sync::LazyLock;

use super::*;

/// An element of a list, or a value that is one piece of news.
#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) name: String,
    pub(super) field: String,
    /// The way to the list within the value: `messages`, `standby/messages`.
    pub(super) list: Option<String>,
    pub(super) element: Value,
    /// The events that it becomes, as [`outline`] writes them.
    pub(super) events: Vec<Value>,
}

const FILES: [(&str, &str); 6] = [
    ("messages", include_str!("../../../../tests/fixtures/meta/messages.json")),
    ("replies", include_str!("../../../../tests/fixtures/meta/replies.json")),
    ("system", include_str!("../../../../tests/fixtures/meta/system.json")),
    ("statuses", include_str!("../../../../tests/fixtures/meta/statuses.json")),
    ("not_to_be_answered", include_str!("../../../../tests/fixtures/meta/not_to_be_answered.json")),
    ("notices", include_str!("../../../../tests/fixtures/meta/notices.json")),
];

pub(super) static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(|| {
    let read = |(file, text): (&str, &str)| {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        cases.into_iter().map(fixture).collect::<Vec<_>>()
    };
    FILES.into_iter().flat_map(read).collect()
});

fn fixture(case: Value) -> Fixture {
    let text = |name: &str| case[name].as_str().map(str::to_owned);
    let (field, element) = (text("field").unwrap(), case["element"].clone());
    let raw = match text("list") {
        Some(_) => element.to_string(),
        None => json!({"field": field, "value": element}).to_string(),
    };
    let events = case["events"].as_array().unwrap().iter().map(|event| spelled_out(event, &raw)).collect();
    Fixture { name: text("name").unwrap(), field, list: text("list"), element, events }
}

/// Puts what is meant for the words with a `$`.
fn spelled_out(value: &Value, raw: &str) -> Value {
    match value {
        Value::String(word) => match word.as_str() {
            "$raw" => json!({ "text": raw }),
            "$ada" => json!({
                "phone": "+15550002222", "user": "US.1234", "username": "ada.l", "profile_name": "Ada",
            }),
            word => {
                let own =
                    |id: &str| json!({"sender": {"provider": "meta", "id": "100000000000007"}, "id": id});
                if let Some(id) = word.strip_prefix("$message ") {
                    own(id)
                } else if let Some(expiry) = word.strip_prefix("$file ") {
                    let mut file = own("300001");
                    file["expires_at"] = expiry.into();
                    file
                } else {
                    word.into()
                }
            }
        },
        Value::Array(list) => list.iter().map(|value| spelled_out(value, raw)).collect(),
        Value::Object(object) => {
            object.iter().map(|(name, value)| (name.clone(), spelled_out(value, raw))).collect()
        }
        other => other.clone(),
    }
}

/// An event as JSON, without what is the same in all events of these webhooks. An id that was derived is left out; that
/// such ids differ is another matter. `"sender": null` says that there is none.
pub(super) fn outline(event: &InboundEvent) -> Value {
    let mut json = serde_json::to_value(event).unwrap();
    let object = json.as_object_mut().unwrap();
    assert_eq!(object.remove("v"), Some(json!(1)));
    assert_eq!(object.remove("provider"), Some(json!("meta")));
    assert_eq!(object.remove("received_at"), Some(json!("2026-09-21T14:15:00.000Z")));
    match object.remove("sender") {
        Some(sender) => assert_eq!(sender, json!({"provider": "meta", "id": "100000000000007"})),
        None => drop(object.insert("sender".to_owned(), Value::Null)),
    }
    if event.id().is_derived() {
        object.remove("id");
    }
    json
}

/// What stands beside the lists of a value. The contacts are the same in all of them.
pub(super) fn frame() -> Value {
    value(json!({"contacts": [
        {"wa_id": "15550009999", "profile": {"name": "Somebody else"}},
        {"wa_id": "15550002222", "user_id": "US.1234", "profile": {"name": "Ada", "username": "ada.l"}},
    ]}))
}

impl Fixture {
    fn webhook(&self) -> String {
        let mut value = frame();
        match self.list.as_deref().map(|list| list.split_once('/').unwrap_or(("", list))) {
            Some(("", list)) => value[list] = json!([self.element]),
            Some((outer, list)) => value[outer][list] = json!([self.element]),
            None => value = self.element.clone(),
        }
        webhook(&self.field, &value)
    }

    pub(super) fn read(&self) -> Vec<InboundEvent> {
        read(&self.webhook())
    }
}

#[test]
fn every_fixture_becomes_its_events() {
    for fixture in &*FIXTURES {
        let events: Vec<_> = fixture.read().iter().map(outline).collect();
        assert_eq!(json!(events), json!(fixture.events), "{}", fixture.name);
    }
}

#[test]
fn every_event_of_a_fixture_is_the_same_after_a_trip_through_json() {
    for fixture in &*FIXTURES {
        for event in fixture.read() {
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<InboundEvent>(&json).unwrap(), event, "{}", fixture.name);
        }
    }
}

/// Every text of an element that is longer than a few letters, but for the words that say what it is.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(object) => object
            .iter()
            .filter(|(name, _)| !["type", "status", "phone_number_id"].contains(&name.as_str()))
            .for_each(|(_, value)| texts(value, found)),
        _ => {}
    }
}

#[test]
fn debug_shows_nothing_that_anybody_said() {
    let mut looked_at = 0;
    for fixture in &*FIXTURES {
        let mut said = Vec::new();
        texts(&fixture.element, &mut said);
        for event in fixture.read() {
            let shown = format!("{event:?}");
            for text in said.iter().filter(|text| text.len() > 6) {
                assert!(!shown.contains(text.as_str()), "{}: {text} in {shown}", fixture.name);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 500, "{looked_at}");
}
