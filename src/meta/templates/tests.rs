use serde_json::json;

use super::super::fake::{Fake, Reply, builder, run};
use super::*;
use crate::error::{Acceptance, ErrorKind};
use crate::ids::ProviderId;

const ACCOUNT: &str = "200000000000002";

fn page(names: &[&str], paging: &serde_json::Value) -> Reply {
    let data: Vec<_> = names
        .iter()
        .map(|name| json!({ "id": "1", "name": name, "language": "en_US", "status": "APPROVED" }))
        .collect();
    Reply::Whole(200, json!({ "data": data, "paging": paging }).to_string())
}

fn to(cursor: &str) -> serde_json::Value {
    json!({ "cursors": { "before": "B", "after": cursor }, "next": "https://evil.example/?access_token=stolen" })
}

fn last() -> serde_json::Value {
    json!({ "cursors": { "before": "B", "after": "END" } })
}

fn refused(status: u16, code: i64) -> Reply {
    Reply::Whole(status, format!(r#"{{"error":{{"message":"no","code":{code}}}}}"#))
}

fn names(list: &TemplateList) -> Vec<&str> {
    list.templates.iter().map(|template| template.name.as_str()).collect()
}

fn read(json: &serde_json::Value) -> MessageTemplate {
    MessageTemplate::read(&serde_json::value::to_raw_value(json).unwrap()).unwrap()
}

#[test]
fn three_pages_by_their_cursors() {
    let fake = Fake::new([page(&["a", "b"], &to("C+1/=")), page(&["c"], &to("C2")), page(&["d"], &last())]);
    let meta = builder(&fake).account_id(ACCOUNT).build().unwrap();
    let mut pages = meta.templates().unwrap().page_size(2);
    assert_eq!(fake.count(), 0, "nothing is asked before a page is");
    assert_eq!(names(&run(pages.next_page()).unwrap().unwrap()), ["a", "b"]);
    assert_eq!(names(&run(pages.next_page()).unwrap().unwrap()), ["c"]);
    assert_eq!(names(&run(pages.next_page()).unwrap().unwrap()), ["d"]);
    assert_eq!(run(pages.next_page()).unwrap(), None);
    assert_eq!(run(pages.next_page()).unwrap(), None);

    let requests = fake.requests.lock().unwrap();
    let fields =
        "fields=id,name,language,status,category,quality_score,parameter_format,rejected_reason,components";
    let base = format!("https://graph.facebook.com/v25.0/{ACCOUNT}/message_templates?{fields}&limit=2");
    let seen: Vec<_> = requests.iter().map(|recorded| recorded.request.uri().to_string()).collect();
    assert_eq!(seen, [base.clone(), format!("{base}&after=C%2B1%2F%3D"), format!("{base}&after=C2")]);
    for recorded in requests.iter() {
        assert_eq!(recorded.request.method(), http::Method::GET);
        assert_eq!(recorded.request.headers()["authorization"], "Bearer TOKEN-1");
    }
}

#[test]
fn what_leads_back_or_nowhere_ends_with_an_error() {
    for replies in [
        vec![page(&["a"], &to("C1")), page(&["b"], &to("C1"))],
        vec![page(&["a"], &to("C1")), page(&["b"], &to("C2")), page(&["c"], &to("C1"))],
        vec![page(&["a"], &json!({ "next": "https://evil.example/" }))],
        vec![page(&["a"], &json!({ "next": "https://evil.example/", "cursors": { "after": "" } }))],
    ] {
        let count = replies.len();
        let fake = Fake::new(replies);
        let meta = builder(&fake).build().unwrap();
        let error = run(meta.templates_of(ACCOUNT).collect()).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::NoAnswer, Some("paging")));
        assert_eq!((error.provider(), fake.count()), (Some(&ProviderId::META), count));
    }
    // Nor does a list go on and on without anything on it; one with something now and then does.
    let empty = |number: usize| page(&[], &to(&format!("C{number}")));
    let fake = Fake::new((0..10).map(empty));
    let error = run(builder(&fake).build().unwrap().templates_of(ACCOUNT).collect()).unwrap_err();
    assert_eq!((error.kind(), error.field(), fake.count()), (ErrorKind::NoAnswer, Some("paging"), 10));
    let replies = (0..9).map(empty).chain([page(&["a"], &to("D"))]).chain((10..19).map(empty));
    let fake = Fake::new(replies.chain([page(&[], &last())]));
    let list = run(builder(&fake).build().unwrap().templates_of(ACCOUNT).collect()).unwrap();
    assert_eq!((names(&list), fake.count()), (vec!["a"], 20));
    // Without a next page, or without any paging, the list has ended.
    for paging in [
        json!(null),
        json!({}),
        json!({ "cursors": {} }),
        json!({ "next": "" }),
        json!({ "next": null }),
        json!(7),
    ] {
        let fake = Fake::new([page(&["a"], &paging)]);
        let meta = builder(&fake).build().unwrap();
        assert_eq!(run(meta.templates_of(ACCOUNT).collect()).unwrap().templates.len(), 1, "{paging}");
    }
}

#[test]
fn a_page_that_failed_can_be_asked_for_again() {
    let fake = Fake::new([page(&["a"], &to("C1")), Reply::Unreachable, page(&["b"], &last())]);
    let meta = builder(&fake).account_id(ACCOUNT).build().unwrap();
    let mut pages = meta.templates().unwrap().page_size(1000);
    run(pages.next_page()).unwrap();
    assert_eq!(run(pages.next_page()).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(names(&run(pages.next_page()).unwrap().unwrap()), ["b"]);
    let requests = fake.requests.lock().unwrap();
    let query = |index: usize| requests[index].request.uri().query().unwrap().to_owned();
    assert!(query(1).ends_with("&limit=100&after=C1"));
    assert_eq!(query(1), query(2));
}

#[test]
fn what_was_collected_before_an_error_is_not_lost() {
    let throttled = || refused(400, 80007);
    let replies = [page(&["a"], &to("C1")), page(&["b"], &to("C2")), throttled(), page(&["c"], &last())];
    let fake = Fake::new(replies);
    let meta = builder(&fake).account_id(ACCOUNT).build().unwrap();
    let mut pages = meta.templates().unwrap();
    assert_eq!(run(pages.collect()).unwrap_err().kind(), ErrorKind::Throttled);
    assert_eq!(names(&run(pages.collect()).unwrap()), ["a", "b", "c"]);
    assert_eq!(run(pages.collect()).unwrap(), TemplateList::default(), "nothing comes twice");
    assert_eq!(fake.count(), 4);
}

#[test]
fn filters_are_asked_for_and_held() {
    let data = json!([
        { "name": "a", "language": "en_US", "status": "APPROVED", "category": "UTILITY" },
        { "name": "a_1", "language": "en_US", "status": "APPROVED" },
        { "name": "a_2", "language": "en", "status": "APPROVED", "category": "UTILITY" },
        { "name": "a_3", "language": "en_US", "status": "PAUSED", "category": "UTILITY" },
        { "name": "a_4", "language": "en_US", "status": "APPROVED", "category": "MARKETING" },
        7,
    ]);
    let fake = Fake::new([Reply::Whole(200, json!({ "data": data }).to_string())]);
    let meta = builder(&fake).account_id(ACCOUNT).build().unwrap();
    let mut pages = meta
        .templates()
        .unwrap()
        .name("a&b")
        .status(TemplateStatus::Approved)
        .category(TemplateCategory::Utility)
        .language("en_US");
    let list = run(pages.collect()).unwrap();
    assert_eq!((names(&list), list.unreadable.len()), (vec!["a", "a_1"], 1));
    let requests = fake.requests.lock().unwrap();
    let query = requests[0].request.uri().query().unwrap();
    assert!(
        query.ends_with("&limit=50&name=a%26b&status=APPROVED&category=UTILITY&language=en_US"),
        "{query}"
    );
}

#[test]
fn errors_say_what_became_of_the_question() {
    use ErrorKind::{
        AccountBlocked, Credentials, InvalidMessage, NoAnswer, NotEntitled, Throttled, Unavailable,
    };
    for (reply, kind) in [
        (refused(400, 80007), Throttled),
        (refused(400, 4), Throttled),
        (refused(429, 999_999), Throttled),
        (refused(401, 190), Credentials),
        (refused(403, 10), NotEntitled),
        (refused(403, 200), NotEntitled),
        (refused(403, 294), NotEntitled),
        (refused(403, 131_005), NotEntitled),
        (Reply::Whole(400, r#"{"error":{"code":100,"error_subcode":33}}"#.to_owned()), NotEntitled),
        (
            Reply::Whole(400, r#"{"error":{"code":100,"message":"Invalid appsecret_proof"}}"#.to_owned()),
            Credentials,
        ),
        (refused(400, 100), InvalidMessage),
        (refused(403, 368), AccountBlocked),
        (refused(503, 2), Unavailable),
        (refused(500, 999_999), NoAnswer),
        (refused(200, 190), NoAnswer),
        (Reply::Whole(404, "<html>".to_owned()), Unavailable),
        (Reply::Whole(200, "<html>".to_owned()), NoAnswer),
        (Reply::Whole(200, "{}".to_owned()), NoAnswer),
        (Reply::Whole(200, r#"{"data":{}}"#.to_owned()), NoAnswer),
        (Reply::Whole(302, r#"{"data":[]}"#.to_owned()), NoAnswer),
        (Reply::Cut(200), NoAnswer),
        (Reply::Silence, Unavailable),
        (Reply::Unreachable, Unavailable),
    ] {
        let says = format!("{reply:?}");
        let meta = builder(&Fake::new([reply])).account_id(ACCOUNT).build().unwrap();
        let error = run(meta.templates().unwrap().next_page()).unwrap_err();
        assert_eq!((error.kind(), error.provider()), (kind, Some(&ProviderId::META)), "{says}");
    }
    let fake = Fake::new([]);
    let meta = builder(&fake).build().unwrap();
    let error = meta.templates().unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("account_id")));
    let error = run(meta.templates_of("1/2").next_page()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidMessage, Some("account_id")));
    let reader = MetaCloud::webhook_only("app", "verify").unwrap();
    let error = run(reader.templates_of(ACCOUNT).next_page()).unwrap_err();
    assert_eq!((error.field(), error.acceptance()), (Some("access_token"), Acceptance::NotAccepted));
}

#[test]
fn more_templates_than_anybody_has_are_refused() {
    let many: Vec<String> = (0..101).map(|number| format!("t{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let replies = (0..100).map(|number| page(&many, &to(&format!("C{number}"))));
    let fake = Fake::new(replies);
    let meta = builder(&fake).build().unwrap();
    let error = run(meta.templates_of(ACCOUNT).collect()).unwrap_err();
    assert_eq!(
        (error.field(), error.limit(), error.actual()),
        (Some("templates"), Some(10_000), Some(10_100))
    );
}

#[test]
fn one_template_by_its_name_and_language() {
    let data = json!([
        { "name": "order_ready_2", "language": "en_US", "status": "APPROVED" },
        { "name": "order_ready", "language": "pt_BR", "status": "APPROVED" },
        { "name": "order_ready", "language": "en_US", "status": "PAUSED" },
    ]);
    let reply = || Reply::Whole(200, json!({ "data": data }).to_string());
    let fake = Fake::new([reply(), reply(), reply(), reply()]);
    let meta = builder(&fake).account_id(ACCOUNT).build().unwrap();
    let found = run(meta.template("order_ready", "en_US")).unwrap().unwrap();
    assert_eq!((found.language.as_str(), found.status), ("en_US", TemplateStatus::Paused));
    assert_eq!(run(meta.template("order_ready", "en")).unwrap(), None);
    let other = run(meta.template_of("300", "order_ready", "pt_BR")).unwrap().unwrap();
    assert_eq!(other.language, "pt_BR");
    assert_eq!(run(meta.template("order&x=y", "en_US")).unwrap(), None);
    let requests = fake.requests.lock().unwrap();
    assert!(requests[0].request.uri().query().unwrap().ends_with("&limit=50&name=order_ready"));
    assert_eq!(requests[2].request.uri().path(), "/v25.0/300/message_templates");
    assert!(requests[3].request.uri().query().unwrap().ends_with("&name=order%26x%3Dy"));
}

#[test]
fn templates_are_read_whatever_is_missing_or_new() {
    let template = read(&json!({
        "id": "900000000000001", "name": "order_ready", "language": "en_US", "status": "APPROVED",
        "category": "UTILITY", "quality_score": { "score": "GREEN", "date": 1_795_000_000 },
        "parameter_format": "NAMED", "rejected_reason": "NONE", "new_member": [1],
        "components": [{ "type": "BODY", "text": "Hi {{first_name}}" }],
    }));
    assert_eq!(template.id.as_deref(), Some("900000000000001"));
    assert_eq!(template.category, Some(TemplateCategory::Utility));
    assert_eq!((template.quality.clone(), template.rejected_reason.clone()), (Some(Quality::Green), None));
    assert_eq!(template.parameter_format, Some(ParameterFormat::Named));
    assert_eq!(template.parameters.body, ["first_name"]);
    assert!(!format!("{template:?}").contains("first_name"));
    let written = serde_json::to_string(&template).unwrap();
    assert_eq!(serde_json::from_str::<MessageTemplate>(&written).unwrap(), template);

    let template = read(&json!({
        "id": 7, "name": "t", "language": "de", "status": "ON_ICE", "category": "LUCK", "quality_score": "RED",
        "parameter_format": "FREE", "rejected_reason": "TAG_CONTENT_MISMATCH", "components": "?",
    }));
    assert_eq!((template.id.as_deref(), template.status.as_str()), (Some("7"), "ON_ICE"));
    assert_eq!(template.category.as_ref().map(TemplateCategory::as_str), Some("LUCK"));
    assert_eq!(template.quality, Some(Quality::Red));
    assert_eq!(template.rejected_reason.as_deref(), Some("TAG_CONTENT_MISMATCH"));
    assert!(template.parameters.is_empty());
    let written = serde_json::to_string(&template).unwrap();
    assert_eq!(serde_json::from_str::<MessageTemplate>(&written).unwrap(), template);

    let least = read(&json!({ "name": "t", "language": "de", "status": "approved" }));
    assert_eq!((least.status, least.category, least.components), (TemplateStatus::Approved, None, None));
}

#[test]
fn no_element_is_lost() {
    let reply = r#"{"data":[{"name":"a","language":"en","status":"APPROVED"},7,{"name":"b"},null,
        {"name":"c","language":"en","status":"APPROVED","components":[[[]]]}]}"#;
    let meta = builder(&Fake::new([Reply::Whole(200, reply.to_owned())])).build().unwrap();
    let list = run(meta.templates_of(ACCOUNT).collect()).unwrap();
    assert_eq!(names(&list), ["a", "c"]);
    let raw: Vec<_> =
        list.unreadable.iter().map(|raw| String::from_utf8_lossy(raw.as_bytes()).into_owned()).collect();
    assert_eq!(raw, ["7", r#"{"name":"b"}"#, "null"]);
    let written = serde_json::to_string(&list).unwrap();
    assert_eq!(serde_json::from_str::<TemplateList>(&written).unwrap(), list);
}

#[test]
fn the_parameters_of_a_template() {
    let of = |components: serde_json::Value| {
        let parameters = TemplateParameters::of(&Json(components));
        let written = serde_json::to_string(&parameters).unwrap();
        assert_eq!(serde_json::from_str::<TemplateParameters>(&written).unwrap(), parameters);
        serde_json::to_value(&parameters).unwrap()
    };
    let body = |text: &str| of(json!([{ "type": "BODY", "text": text }]));
    for (text, expected) in [
        ("{{2}} before {{1}}, {{2}} again and {{10}}", json!(["1", "2", "10"])),
        ("{{ first_name }} {{order_id}} {{first_name}}", json!(["first_name", "order_id"])),
        ("{{{1}}}", json!(["1"])),
        ("{{1}", json!(null)),
        ("{{}} {{a b}} {1} }}{{", json!(null)),
        ("{{ä}} {{1}}", json!(["1"])),
    ] {
        assert_eq!(body(text)["body"], expected, "{text}");
    }
    assert_eq!(
        of(json!([
            { "type": "HEADER", "format": "IMAGE", "example": {} },
            { "type": "BODY", "text": "No place" },
            { "type": "FOOTER", "text": "{{1}}" },
            { "type": "BUTTONS", "buttons": [
                { "type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550100001" },
                { "type": "URL", "text": "Home", "url": "https://example.com/" },
                { "type": "URL", "text": "Order", "url": "https://example.com/{{1}}" },
                { "type": "QUICK_REPLY", "text": "Stop" },
                { "type": "COPY_CODE", "example": "25OFF" },
                { "type": "NEW" },
                7,
            ] },
            { "type": "LIMITED_TIME_OFFER", "limited_time_offer": { "text": "Soon", "has_expiration": true } },
            { "type": "NEW" },
        ])),
        json!({
            "header": "IMAGE",
            "buttons": [
                { "index": 2, "kind": "URL", "required": true },
                { "index": 3, "kind": "QUICK_REPLY", "required": false },
                { "index": 4, "kind": "COPY_CODE", "required": true },
            ],
            "offer_expiration": true,
        })
    );
    assert_eq!(
        of(json!([
            { "type": "header", "format": "text", "text": "Order {{1}}" },
            { "type": "carousel", "cards": [
                { "components": [{ "type": "header", "format": "video" }, { "type": "body", "text": "{{1}}" },
                                 { "type": "carousel", "cards": [{ "components": [] }] }] },
                {},
            ] },
        ])),
        json!({ "header": "TEXT", "header_text": ["1"], "cards": [{ "header": "VIDEO", "body": ["1"] }, {}] })
    );
    for nothing in [
        json!(null),
        json!([]),
        json!([{ "type": "HEADER", "format": "TEXT", "text": "Hi" }, { "type": "HEADER" }]),
        json!([{ "type": "BUTTONS" }, { "type": "CAROUSEL", "cards": 7 }, { "type": "BODY", "text": 7 }, 7]),
    ] {
        assert_eq!(of(nothing), json!({}));
    }
    // One-time codes have no address that could show their place.
    let code = of(json!([{ "type": "BUTTONS", "buttons": [{ "type": "OTP", "otp_type": "COPY_CODE" }] }]));
    assert_eq!(code["buttons"], json!([{ "index": 0, "kind": "OTP", "required": true }]));
}
