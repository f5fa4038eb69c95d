//! What Twilio posts, webhook by webhook, and the event that it becomes, from `tests/fixtures/twilio`.
//!
//! An event is written as in the crate's own JSON, with what is the same in all of them left out, and with words that begin
//! with `$` for what comes again and again.

use std::sync::LazyLock;

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::receiving::read;
use super::*;
use crate::inbound::{EventKind, InboundEvent};

/// A webhook with its parameters.
struct Fixture {
    name: String,
    /// The query of the address that it is posted to.
    query: String,
    parameters: Vec<(String, String)>,
    /// The event that it becomes, as [`outline`] writes it.
    event: Value,
}

const FILES: [(&str, &str); 6] = [
    ("messages", include_str!("../../../tests/fixtures/twilio/messages.json")),
    ("files", include_str!("../../../tests/fixtures/twilio/files.json")),
    ("replies", include_str!("../../../tests/fixtures/twilio/replies.json")),
    ("places", include_str!("../../../tests/fixtures/twilio/places.json")),
    ("statuses", include_str!("../../../tests/fixtures/twilio/statuses.json")),
    ("odd", include_str!("../../../tests/fixtures/twilio/odd.json")),
];

static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(|| {
    let read = |(file, text): (&str, &str)| {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        cases.into_iter().map(fixture).collect::<Vec<_>>()
    };
    FILES.into_iter().flat_map(read).collect()
});

fn fixture(case: Value) -> Fixture {
    let parameters: Vec<_> = case["parameters"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    Fixture {
        name: case["name"].as_str().unwrap().to_owned(),
        query: case["query"].as_str().unwrap_or_default().to_owned(),
        event: spelled_out(&case["event"], &written(&parameters)),
        parameters,
    }
}

/// Puts what is meant for the words with a `$`.
fn spelled_out(value: &Value, raw: &str) -> Value {
    let sender = json!({"provider": "twilio", "id": "+15550007777"});
    match value {
        Value::String(word) => match word.as_str() {
            "$raw" => json!({ "text": raw }),
            "$ada" => json!({
                "phone": "+15550002222", "user": "US.13491208655302741918", "profile_name": "Ada",
            }),
            word => match word.split_once(' ') {
                Some(("$message", id)) => json!({"sender": sender, "id": id}),
                Some(("$file", path)) => {
                    let url = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{path}");
                    json!({"sender": sender, "id": url})
                }
                _ => word.into(),
            },
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
fn outline(event: &InboundEvent) -> Value {
    let mut json = serde_json::to_value(event).unwrap();
    let object = json.as_object_mut().unwrap();
    assert_eq!(object.remove("v"), Some(json!(1)));
    assert_eq!(object.remove("provider"), Some(json!("twilio")));
    assert_eq!(object.remove("received_at"), Some(json!("1970-01-01T00:00:00.000Z")));
    assert_eq!(object.remove("assumed"), Some(json!(true)));
    match object.remove("sender") {
        Some(sender) if sender == json!({"provider": "twilio", "id": "+15550007777"}) => {}
        sender => drop(object.insert("sender".to_owned(), sender.unwrap_or_default())),
    }
    if event.id().is_derived() {
        object.remove("id");
    }
    json
}

fn written(parameters: &[(String, String)]) -> String {
    form::encode(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// The event of a form, and the same whether it is posted or, where it has no query of its own, asked for.
fn event(form: &str, query: &str) -> InboundEvent {
    let twilio = receiving::provider();
    let content_type = "application/x-www-form-urlencoded; charset=UTF-8";
    let url = if query.is_empty() { "/hook".to_owned() } else { format!("/hook?{query}") };
    let event = read(&twilio, Method::POST, &url, content_type, form.as_bytes());
    if query.is_empty() {
        let asked = read(&twilio, Method::GET, &format!("/hook?{form}"), content_type, b"");
        assert_eq!(asked.kind(), event.kind());
    }
    event
}

impl Fixture {
    fn read(&self) -> InboundEvent {
        event(&written(&self.parameters), &self.query)
    }
}

#[test]
fn every_fixture_becomes_its_event() {
    for fixture in &*FIXTURES {
        assert_eq!(outline(&fixture.read()), fixture.event, "{}", fixture.name);
    }
}

#[test]
fn debug_shows_nothing_that_anybody_said() {
    let mut looked_at = 0;
    for fixture in &*FIXTURES {
        let shown = format!("{:?}", fixture.read());
        for (name, text) in &fixture.parameters {
            // The kind of a file and the state of a message are no words of anybody's, and a service names a sender.
            let technical =
                name.starts_with("MediaContentType") || name.ends_with("Status") || name == "MessageType";
            let service = name == "MessagingServiceSid";
            if text.len() > 6 && !technical && !service {
                assert!(!shown.contains(text.as_str()), "{}: {text} in {shown}", fixture.name);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 500, "{looked_at}");
}

#[test]
fn a_message_is_never_a_status_and_a_status_never_a_message() {
    for fixture in &*FIXTURES {
        let has = |name: &str| fixture.parameters.iter().any(|(own, _)| own == name);
        let kind = fixture.read();
        match kind.kind() {
            EventKind::Message(_) => assert!(!has("ChannelPrefix"), "{}", fixture.name),
            EventKind::Status(_) => assert!(!has("NumMedia"), "{}", fixture.name),
            _ => {}
        }
    }
}

/// What is done to a parameter.
#[derive(Debug, Clone)]
enum Change {
    Drop,
    Double,
    /// Another value stands in front of it.
    Before(String),
    Replace(String),
    Rename(String),
}

fn change() -> impl Strategy<Value = Change> {
    let value = prop_oneof![
        Just(String::new()),
        ".{0,20}",
        "[0-9]{1,20}",
        "-?[0-9]{1,3}\\.[0-9]{1,5}",
        "whatsapp:.{0,12}",
        "whatsapp:\\+[0-9]{0,16}",
        Just("received".to_owned()),
        Just("{\"type\":\"whatsapp\",\"data\":{\"context\":{\"WaId\":7}}}".to_owned()),
        Just("[".repeat(200)),
        Just("NaN".to_owned()),
    ];
    prop_oneof![
        Just(Change::Drop),
        Just(Change::Double),
        value.clone().prop_map(Change::Before),
        value.prop_map(Change::Replace),
        "[A-Za-z]{0,8}[0-9]{0,12}".prop_map(Change::Rename),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn a_webhook_with_odd_parameters_is_still_one_event(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..4),
    ) {
        let fixture = which.get(&FIXTURES);
        let mut parameters = fixture.parameters.clone();
        for (place, change) in changes {
            let place = place.index(parameters.len());
            let (name, value) = parameters[place].clone();
            match change {
                Change::Drop if parameters.len() > 1 => drop(parameters.remove(place)),
                Change::Drop => {}
                Change::Double => parameters.push((name, value)),
                Change::Before(other) => parameters.insert(place, (name, other)),
                Change::Replace(other) => parameters[place].1 = other,
                Change::Rename(other) => parameters[place].0 = other,
            }
        }
        let form = written(&parameters);
        // `event` sees to it that there is one.
        let event = event(&form, &fixture.query);
        if let EventKind::Unrecognized(odd) = event.kind() {
            prop_assert_eq!(odd.raw.as_bytes(), form.as_bytes());
        }
        let json = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(&serde_json::from_str::<InboundEvent>(&json).unwrap(), &event);
        let state = |name: &str| parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let state = state("MessageStatus").filter(|state| !state.is_empty()).or(state("SmsStatus"));
        match event.kind() {
            EventKind::Status(_) => prop_assert!(!matches!(state, Some("received" | "receiving"))),
            EventKind::Message(_) => prop_assert!(matches!(state, None | Some("" | "received" | "receiving"))),
            _ => {}
        }
    }

    #[test]
    fn any_bytes_are_one_event(form in prop::collection::vec(any::<u8>(), 0..200)) {
        let event = read(&receiving::provider(), Method::POST, "/hook", "application/x-www-form-urlencoded", &form);
        let json = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<InboundEvent>(&json).unwrap(), event);
    }
}
