//! Webhooks of more elements than Meta ever posts.

use super::*;
use crate::meta::inbound::MAX_ELEMENTS;

const TOO_MANY: &str = "beyond the elements that are read of one webhook";

/// The last event, which holds what there was no room for.
fn rest(events: &[InboundEvent]) -> Value {
    let last = as_unrecognized(events.last().unwrap());
    assert_eq!(last.reason, TOO_MANY);
    serde_json::from_slice(last.raw.as_bytes()).unwrap()
}

fn messages(json: &str) -> String {
    let head = r#""messaging_product":"whatsapp","metadata":{"phone_number_id":"100000000000007"}"#;
    format!(r#"{{"entry":[{{"id":"2","changes":[{{"field":"messages","value":{{{head},{json}}}}}]}}]}}"#)
}

#[test]
fn what_is_beyond_the_bound_stays_together_and_nothing_is_lost() {
    // An entry and a change are elements as well.
    let fit = MAX_ELEMENTS - 2;
    let list = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let events = read(&messages(&format!(r#""messages":[{}]"#, list(fit))));
    assert_eq!(events.len(), fit);
    assert!(events.iter().all(|event| as_unrecognized(event).reason != TOO_MANY));

    let json = format!(r#""messages":[{}] , "statuses":[{{"id":"a"}},7],"errors":8"#, list(fit + 3));
    let events = read(&messages(&json));
    assert_eq!(events.len(), fit + 1);
    let expected = json!({"messages": [fit, fit + 1, fit + 2], "statuses": [{"id": "a"}, 7], "errors": 8});
    assert_eq!(rest(&events), expected);
    assert_eq!(as_unrecognized(events.last().unwrap()).account.as_deref(), Some("2"));
    let mut ids: Vec<_> = events.iter().map(InboundEvent::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn the_bound_holds_for_all_the_lists_of_a_webhook_together() {
    let many = |element: &str| vec![element; MAX_ELEMENTS * 2].join(",");
    let thread = format!(r#"{{"id":"1","messages":[{}]}}"#, many("1"));
    for body in [
        format!(r#"{{"entry":[{}]}}"#, many("1")),
        format!(r#"{{{}}}"#, many(r#""entry":[1]"#)),
        format!(r#"{{{}}}"#, many(r#""entry":7"#)),
        format!(r#"{{"entry":[{}]}}"#, many(r#"{"changes":[1]}"#)),
        format!(r#"{{"entry":[{{"changes":[{}]}}]}}"#, many("{}")),
        messages(&many(r#""messages":[1]"#)),
        messages(&many(r#""messages":7"#)),
        messages(&format!(r#""standby":{{"messages":[{}],"statuses":[1]}}"#, many("1"))),
        messages(&format!(r#""history":[{{"threads":[{thread},{thread}]}},{{"errors":[1]}}]"#)),
        messages(&many(&format!(r#""{}":[1]"#, "n".repeat(65)))),
    ] {
        let events = read(&body);
        assert!(events.len() >= MAX_ELEMENTS / 2, "{}", events.len());
        assert!(events.len() <= MAX_ELEMENTS + 5, "{}", events.len());
        rest(&events);
    }
}

#[test]
fn the_rest_names_its_lists() {
    let many = vec!["1"; MAX_ELEMENTS].join(",");
    let events = read(&messages(&format!(r#""standby":{{"messages":[{many}]}},"messages":[2,3]"#)));
    assert_eq!(rest(&events), json!({"standby/messages": [1, 1], "messages": [2, 3]}));
}

#[test]
fn no_more_people_are_known_than_elements_are_read() {
    let contact =
        |n: usize| json!({"wa_id": (15_550_000_000_u64 + n as u64).to_string(), "profile": {"name": "Ada"}});
    let contacts: Vec<_> = (0..=MAX_ELEMENTS).map(contact).collect();
    let message = |n: usize| json!({"id": n.to_string(), "from": contact(n)["wa_id"], "type": "text", "text": {"body": "Hi"}});
    let lists = json!({"contacts": contacts, "messages": [message(MAX_ELEMENTS - 1), message(MAX_ELEMENTS)]});
    let events = read(&webhook("messages", &value(lists)));
    let names: Vec<_> = events.iter().map(|event| as_message(event).from.profile_name.as_deref()).collect();
    assert_eq!(names, [Some("Ada"), None]);
}
