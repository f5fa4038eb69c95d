//! What Meta posts with something of it changed: never lost, never doubled.

use proptest::prelude::*;

use super::fixtures::FIXTURES;
use super::*;

/// Puts something else in the place of one part of a value, counted from the outside in.
fn change(value: &mut Value, place: &mut usize, other: &Value) -> bool {
    if *place == 0 {
        *value = other.clone();
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|value| change(value, place, other)),
        Value::Object(object) => object.values_mut().any(|value| change(value, place, other)),
        _ => false,
    }
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[0-9]{1,16}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[1, null], {"id": "x"}])),
        Just(json!({"type": "text", "text": {"body": "Hi"}, "id": "x"})),
    ]
}

/// How many parts a value has, itself among them.
fn parts(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(parts).sum(),
        Value::Object(object) => object.values().map(parts).sum(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn an_element_with_an_odd_part_is_still_one_event(
        which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), other in anything()
    ) {
        // A part of a history brings as many events as it has messages.
        let one_event = FIXTURES.iter().filter(|fixture| fixture.list.as_deref() != Some("history"));
        let mut fixture = which.get(&one_event.collect::<Vec<_>>()).to_owned().clone();
        let inner = parts(&fixture.element) - 1;
        prop_assert!(change(&mut fixture.element, &mut (1 + place.index(inner)), &other));

        let event = only(fixture.read());
        if let EventKind::Unrecognized(unrecognized) = event.kind() {
            let kept: Value = serde_json::from_slice(unrecognized.raw.as_bytes()).unwrap();
            let whole = json!({"field": fixture.field, "value": fixture.element});
            prop_assert!(kept == fixture.element || kept == whole, "{}", fixture.name);
        }
        let json = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(&serde_json::from_str::<InboundEvent>(&json).unwrap(), &event);
        if matches!(event.kind(), EventKind::Message(_)) {
            prop_assert_eq!((&*fixture.field, fixture.list.as_deref()), ("messages", Some("messages")));
        }
    }
}
