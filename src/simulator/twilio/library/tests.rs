use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::outbound::{Content, Interactive, ListRow, ListSection, ReplyButton, Template, TemplateHeader};
use crate::simulator::harness::Bench;

fn request(bench: &Bench, method: Method, path: &str, body: &Value) -> Request<Bytes> {
    let user = format!("{}:{}", bench.accounts.account_sid, bench.accounts.auth_token);
    Request::builder()
        .method(method)
        .uri(format!("https://content.twilio.com{path}"))
        .header("authorization", format!("Basic {}", STANDARD.encode(user)))
        .header("content-type", "application/json")
        .body(if body.is_null() { Bytes::new() } else { body.to_string().into() })
        .unwrap()
}

fn asked(bench: &Bench, method: Method, path: &str, body: &Value) -> (u16, Value) {
    bench.json(request(bench, method, path, body))
}

/// Makes a content of one type and answers with its SID.
fn made(bench: &Bench, kind: &str, type_: &Value) -> String {
    let body = json!({ "friendly_name": kind, "language": "en", "variables": { "1": "one", "2": "two" },
        "types": { kind: type_ } });
    let (status, answer) = asked(bench, Method::POST, "/v1/Content", &body);
    assert_eq!(status, 201);
    answer["sid"].as_str().unwrap().to_owned()
}

#[test]
fn a_content_is_made_shown_and_deleted() {
    let bench = Bench::new();
    let body = json!({ "friendly_name": "greeting", "language": "en", "variables": { "1": "Ada" },
        "types": { "twilio/text": { "body": "Hi {{1}}" } } });
    let (status, answer) = asked(&bench, Method::POST, "/v1/Content", &body);
    let sid = "HX00000000000000000000000000000001";
    assert_eq!(status, 201);
    assert_eq!(
        answer,
        json!({
            "account_sid": bench.accounts.account_sid,
            "date_created": "2026-01-01T00:00:00.040Z",
            "date_updated": "2026-01-01T00:00:00.040Z",
            "friendly_name": "greeting",
            "language": "en",
            "sid": sid,
            "types": { "twilio/text": { "body": "Hi {{1}}" } },
            "url": format!("https://content.twilio.com/v1/Content/{sid}"),
            "variables": { "1": "Ada" },
        })
    );
    let path = format!("/v1/Content/{sid}");
    assert_eq!(asked(&bench, Method::GET, &path, &Value::Null), (200, answer));
    let deleted = bench.ask(request(&bench, Method::DELETE, &path, &Value::Null)).unwrap();
    assert_eq!((deleted.status().as_u16(), deleted.body().len()), (204, 0));
    for method in [Method::GET, Method::DELETE] {
        let (status, answer) = asked(&bench, method, &path, &Value::Null);
        assert_eq!((status, &answer["code"]), (404, &json!(20_404)));
    }
    let (status, answer) = bench.json(bench.twilio_message(&[("ContentSid", sid)]));
    assert_eq!((status, &answer["code"]), (400, &json!(21_655)));
}

#[test]
fn what_is_no_content_is_not_made() {
    let bench = Bench::new();
    let many: serde_json::Map<_, _> = (0..101).map(|name| (name.to_string(), json!("x"))).collect();
    let types = json!({ "twilio/text": { "body": "x" } });
    for (body, code) in [
        (json!(null), 20_001),
        (json!({ "types": types }), 20_001),
        (json!({ "language": "en" }), 20_001),
        (json!({ "language": "en", "types": {} }), 20_001),
        (json!({ "language": "en", "types": types, "variables": many }), 92_002),
    ] {
        let (status, answer) = asked(&bench, Method::POST, "/v1/Content", &body);
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body}");
    }
    let unauthorized = Request::post("https://content.twilio.com/v1/Content").body(Bytes::new()).unwrap();
    assert_eq!(bench.json(unauthorized).0, 401);
}

#[test]
fn lists_have_pages_and_a_filter() {
    let bench = Bench::new();
    for kind in ["twilio/text", "twilio/media", "twilio/card"] {
        made(&bench, kind, &json!({}));
    }
    let names = |path: &str| {
        let (status, page) = asked(&bench, Method::GET, path, &Value::Null);
        assert_eq!((status, &page["meta"]["key"]), (200, &json!("contents")));
        let contents = page["contents"].as_array().unwrap().clone();
        let names: Vec<_> =
            contents.iter().map(|content| content["friendly_name"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), page["meta"]["next_page_url"].as_str().map(str::to_owned))
    };
    let all = "twilio/text twilio/media twilio/card".to_owned();
    assert_eq!(names("/v1/Content"), (all.clone(), None));
    assert_eq!(names("/v1/Content?ContentName=media"), (all, None), "the filter is the second version's");
    let next = "https://content.twilio.com/v1/ContentAndApprovals?PageSize=2&Page=1&PageToken=PT1".to_owned();
    assert_eq!(
        names("/v1/ContentAndApprovals?PageSize=2"),
        ("twilio/text twilio/media".to_owned(), Some(next))
    );
    assert_eq!(
        names("/v1/ContentAndApprovals?PageSize=2&Page=1&PageToken=PT1"),
        ("twilio/card".to_owned(), None)
    );
    for (name, found) in [
        ("%5Etwilio/text%24", "twilio/text"),
        ("%5Etwilio/t", "twilio/text"),
        ("ia%24", "twilio/media"),
        ("%5Etwilio/tex%24", ""),
        ("a", "twilio/media twilio/card"),
    ] {
        assert_eq!(names(&format!("/v2/Content?ContentName={name}")).0, found, "{name}");
    }
}

#[test]
fn a_content_without_approval_is_what_its_type_says() {
    let bench = Bench::new();
    let action = |title, id| json!({ "type": "QUICK_REPLY", "title": title, "id": id });
    for (kind, type_, expected) in [
        ("twilio/text", json!({ "body": "{{1}} and {{ 2 }} {{" }), Some(Content::text("A {{2}} and two {{"))),
        (
            "twilio/media",
            json!({ "body": "{{1}}", "media": ["https://files.example/a.png"] }),
            Some(
                Content::image(crate::outbound::Link::new("https://files.example/a.png").unwrap())
                    .with_caption("A {{2}}"),
            ),
        ),
        (
            "twilio/quick-reply",
            json!({ "body": "Fine?", "actions": [action("{{2}}", "{{1}}"), action("No", "")] }),
            Some(
                Interactive::buttons(
                    "Fine?",
                    [ReplyButton::new("A {{2}}", "two"), ReplyButton::new("No", "No")],
                )
                .into(),
            ),
        ),
        ("twilio/quick-reply", json!({ "body": "x", "actions": vec![action("{{1}}", "{{2}}"); 4] }), None),
        (
            "twilio/list-picker",
            json!({ "body": "Which?", "button": "{{2}}", "items": [
                { "item": "{{1}}", "id": "a", "description": "D" }, { "item": "B", "id": "b" },
            ] }),
            Some(
                Interactive::list(
                    "Which?",
                    "two",
                    [ListSection::new([
                        ListRow::new("a", "A {{2}}").with_description("D"),
                        ListRow::new("b", "B"),
                    ])],
                )
                .into(),
            ),
        ),
        (
            "twilio/call-to-action",
            json!({ "body": "{{1}}", "actions": [
                { "type": "URL", "title": "See", "url": "https://a.example/{{2}}" },
            ] }),
            Some(Interactive::cta_url("A {{2}}", "See", "https://a.example/two").into()),
        ),
        (
            "twilio/call-to-action",
            json!({ "body": "{{1}}", "actions": [{ "type": "PHONE_NUMBER", "title": "See", "phone": "{{2}}" }] }),
            None,
        ),
        ("twilio/carousel", json!({ "body": "{{1}} {{2}}", "cards": [] }), None),
    ] {
        let sid = made(&bench, kind, &type_);
        let own = [("ContentSid", sid.as_str()), ("ContentVariables", r#"{"1":"A {{2}}"}"#)];
        match expected {
            Some(expected) => assert!(bench.twilio_content(&own) == expected, "{kind}"),
            None => {
                let (status, answer) = bench.json(bench.twilio_message(&own));
                assert_eq!((status, &answer["code"]), (400, &json!(63_006)), "{kind}");
            }
        }
    }
    let sid = made(&bench, "twilio/text", &json!({ "body": "{{1}}" }));
    for variables in [r#"{"3":"x"}"#, r#"{"1":""}"#] {
        let own = [("ContentSid", sid.as_str()), ("ContentVariables", variables)];
        let (status, answer) = bench.json(bench.twilio_message(&own));
        assert_eq!((status, &answer["code"]), (400, &json!(21_656)), "{variables}");
    }
}

#[test]
fn an_approved_content_opens_conversations() {
    let bench = Bench::new();
    bench.simulator.enforce_windows(true);
    let type_ = json!({
        "header_text": "{{1}}", "body": "Hi {{who}}",
        "actions": [{ "type": "QUICK_REPLY", "title": "Yes", "id": "{{2}}" }],
    });
    let sid = made(&bench, "whatsapp/card", &type_);
    let path = format!("/v1/Content/{sid}/ApprovalRequests");
    let status = || asked(&bench, Method::GET, &path, &Value::Null).1["whatsapp"]["status"].clone();
    assert_eq!(status(), "unsubmitted");
    bench.simulator.decide_about_content(&sid, "approved");
    assert_eq!(status(), "unsubmitted", "nobody has asked");
    assert_eq!(asked(&bench, Method::POST, &format!("{path}/whatsapp"), &json!({ "name": "hi" })).0, 400);
    let request = json!({ "name": "hi", "category": "UTILITY" });
    let (code, answer) = asked(&bench, Method::POST, &format!("{path}/whatsapp"), &request);
    assert_eq!((code, &answer["status"], &answer["name"]), (201, &json!("received"), &json!("hi")));
    bench.simulator.decide_about_content(&sid, "approved");
    assert_eq!(status(), "approved");
    let own = [("ContentSid", sid.as_str()), ("ContentVariables", r#"{"1":"H","who":"Ada","2":"yes"}"#)];
    let expected = Template::new("hi", "en")
        .with_header(TemplateHeader::Text(crate::outbound::Parameter::text("H")))
        .with_named("who", "Ada")
        .with_button(0, crate::outbound::ButtonParameter::quick_reply("yes"));
    assert!(bench.twilio_content(&own) == expected.into());
    let lacking = [("ContentSid", sid.as_str()), ("ContentVariables", r#"{"1":"H","who":"Ada"}"#)];
    assert_eq!(bench.json(bench.twilio_message(&lacking)).1["code"], 21_656);
}
