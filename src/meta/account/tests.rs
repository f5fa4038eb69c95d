use serde_json::{Value, json};

use super::super::endpoint::Endpoint;
use super::super::fake::{Fake, NUMBER, Reply, builder, run, sender};
use super::super::templates::{Quality, TemplateStatus};
use super::*;

const ACCOUNT: &str = "200000000000002";

fn whole(body: &Value) -> Reply {
    Reply::Whole(200, body.to_string())
}

fn refused(code: i64) -> Reply {
    Reply::Whole(400, json!({ "error": { "message": "no", "code": code } }).to_string())
}

fn healthy() -> Value {
    json!({
        "id": NUMBER, "display_phone_number": "+1 555-010-0001", "verified_name": "Invented",
        "name_status": "APPROVED", "code_verification_status": "EXPIRED", "quality_rating": "GREEN",
        "platform_type": "CLOUD_API", "throughput": { "level": "HIGH" }, "status": "CONNECTED",
        "account_mode": "LIVE", "whatsapp_business_manager_messaging_limit": "TIER_10K",
        "health_status": { "can_send_message": "AVAILABLE", "entities": [
            { "entity_type": "PHONE_NUMBER", "id": NUMBER, "can_send_message": "AVAILABLE" } ] },
    })
}

fn apps(ids: &[&str]) -> Value {
    let app = |id| json!({ "whatsapp_business_api_data": { "id": id, "name": "App", "link": "https://x.example" } });
    json!({ "data": ids.iter().map(app).collect::<Vec<_>>() })
}

fn listed(name: &str, language: &str, status: &str) -> Value {
    json!({ "data": [{ "name": name, "language": language, "status": status }] })
}

fn check(replies: impl IntoIterator<Item = Reply>, templates: &[(&str, &str)]) -> AccountReport {
    let fake = Fake::new(replies);
    let meta = builder(&fake).account_id(ACCOUNT).app_id("300").build().unwrap();
    let report = run(meta.check_account(templates.iter().copied())).unwrap();
    let written = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<AccountReport>(&written).unwrap(), report);
    let written = serde_json::to_value(report.problems()).unwrap();
    assert!(written.as_array().unwrap().iter().all(|problem| problem["type"].is_string()), "{written}");
    assert_eq!(serde_json::from_value::<Vec<AccountProblem>>(written).unwrap(), report.problems());
    let printed = format!("{report:?} {:?} {}", report.problems(), says(&report).join(" "));
    for secret in ["555-010", "Invented", "TOKEN", "hook.example", "see number"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    report
}

fn says(report: &AccountReport) -> Vec<String> {
    report.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn a_healthy_account_has_no_problems() {
    let replies = [whole(&healthy()), whole(&apps(&["200", "300"])), whole(&listed("t", "en", "APPROVED"))];
    let report = check(replies, &[("t", "en")]);
    assert_eq!(says(&report), Vec::<String>::new());
    assert_eq!((&report.sender, report.app_id.as_deref()), (&sender(), Some("300")));
    let number = report.number.known().unwrap();
    assert_eq!(number.display_phone_number.as_deref(), Some("+1 555-010-0001"));
    assert_eq!(number.verified_name.as_deref(), Some("Invented"));
    assert_eq!((&number.quality, &number.state), (&Some(Quality::Green), &Some(NumberState::Connected)));
    assert_eq!(number.name_status, Some(NameStatus::Approved));
    assert_eq!(number.code_verification_status.as_deref(), Some("EXPIRED"));
    assert_eq!(number.platform_type.as_deref(), Some("CLOUD_API"));
    assert_eq!((number.throughput.as_deref(), number.account_mode.as_deref()), (Some("HIGH"), Some("LIVE")));
    assert_eq!(number.messaging_limit.as_deref(), Some("TIER_10K"));
    assert_eq!(number.health.as_ref().unwrap().can_send, Some(CanSend::Available));
    assert_eq!(report.webhooks.known().unwrap()[1].name.as_deref(), Some("App"));
    assert_eq!(report.templates[0].template.known().unwrap().as_ref().unwrap().name, "t");
}

#[test]
fn the_requests_of_a_check() {
    let templates = [("t", "en"), ("u", "en"), ("t", "pt_BR")];
    let fake = Fake::new([
        whole(&healthy()),
        whole(&apps(&["300"])),
        whole(&listed("t", "en", "APPROVED")),
        whole(&listed("u", "en", "REJECTED")),
    ]);
    let meta = builder(&fake).account_id(ACCOUNT).build().unwrap();
    let report = run(meta.check_account(templates)).unwrap();
    assert_eq!(says(&report), ["template u (en) is REJECTED", "template t (pt_BR) does not exist"]);
    let requests = fake.requests.lock().unwrap();
    let paths: Vec<_> = requests.iter().map(|recorded| recorded.request.uri().path().to_owned()).collect();
    let account = |rest: &str| format!("/v25.0/{ACCOUNT}/{rest}");
    let listed = account("message_templates");
    assert_eq!(paths, [format!("/v25.0/{NUMBER}"), account("subscribed_apps"), listed.clone(), listed]);
    let fields = requests[0].request.uri().query().unwrap();
    assert!(fields.starts_with("fields=id,") && fields.contains(",health_status"), "{fields}");
}

#[test]
fn every_problem_is_said_in_words() {
    let number = json!({
        "id": NUMBER, "name_status": "DECLINED", "quality_rating": "RED", "platform_type": "NOT_APPLICABLE",
        "status": "BANNED", "account_mode": "SANDBOX",
        "health_status": { "can_send_message": "BLOCKED", "entities": [
            { "entity_type": "WABA", "id": ACCOUNT, "can_send_message": "BLOCKED", "errors": [
                { "error_code": 141_006, "error_description": "see number 15550100001", "possible_solution": "Pay." },
                { "error_code": "141010" }, 7 ] },
            { "entity_type": "APP", "can_send_message": "LIMITED", "additional_info": ["Slow.", 7] },
            { "entity_type": "BUSINESS", "can_send_message": "AVAILABLE" }, { "id": "nameless" } ] },
    });
    let report = check(
        [
            whole(&number),
            whole(&apps(&["200"])),
            whole(&listed("t", "en", "PAUSED")),
            whole(&json!({ "data": [] })),
            refused(80007),
        ],
        &[("t", "en"), ("u", "de"), ("v", "de")],
    );
    assert_eq!(
        says(&report),
        [
            "the number is BANNED, not CONNECTED",
            "the number is registered at NOT_APPLICABLE, not at CLOUD_API",
            "the number's display name is DECLINED",
            "the number's quality is RED",
            "the account is a sandbox",
            "WABA: sending is BLOCKED (code 141006, 141010)",
            "APP: sending is LIMITED",
            "the app is not subscribed to the account's webhooks (1 others are)",
            "template t (en) is PAUSED",
            "template u (de) does not exist",
            "template v (de) could not be looked up: the sender or the account is throttled (code 80007)",
        ]
    );
    let health = report.number.known().unwrap().health.as_ref().unwrap();
    assert_eq!(health.entities[0].problems[0].possible_solution.as_deref(), Some("Pay."));
    assert_eq!(health.entities[1].additional_info, ["Slow."]);
    let status = &report.templates[0].template.known().unwrap().as_ref().unwrap().status;
    assert_eq!(*status, TemplateStatus::Paused);
}

#[test]
fn a_permission_that_is_missing_hinders_nothing_else() {
    let report = check([refused(200), refused(10), whole(&listed("t", "en", "APPROVED"))], &[("t", "en")]);
    assert_eq!(
        says(&report),
        [
            "the number could not be read: the token may not read it (code 200)",
            "who gets the account's webhooks could not be read: the token may not read it (code 10)",
        ]
    );
    let Checked::Unknown(failure) = &report.number else { panic!() };
    assert_eq!((failure.kind, failure.code), (ErrorKind::NotEntitled, Some(200)));
    assert!(failure.provider.is_some());

    let report =
        check([Reply::Unreachable, Reply::Whole(502, "<html>".to_owned()), Reply::Cut(200)], &[("t", "en")]);
    assert_eq!(
        says(&report),
        [
            "the number could not be read: the provider is unavailable",
            "who gets the account's webhooks could not be read: no usable answer came (HTTP 502)",
            "template t (en) could not be looked up: no usable answer came (HTTP 200)",
        ]
    );
}

#[test]
fn a_field_that_a_version_lacks_costs_only_the_fields() {
    let nonexisting = || {
        let message = "(#100) Tried accessing nonexisting field (health_status) on node type (WhatsAppBusinessPhoneNumber)";
        Reply::Whole(400, json!({ "error": { "message": message, "code": 100 } }).to_string())
    };
    let plain = json!({ "id": NUMBER, "quality_rating": "YELLOW", "throughput": "STANDARD" });
    let fake = Fake::new([nonexisting(), whole(&plain), nonexisting(), nonexisting()]);
    let meta = builder(&fake).app_secret("a").appsecret_proof(true).build().unwrap();
    let report = run(meta.check_account([])).unwrap();
    assert_eq!(report.number.known().unwrap().throughput.as_deref(), Some("STANDARD"));
    assert_eq!(says(&report), ["the number's quality is YELLOW"]);
    assert!(matches!(report.webhooks, Checked::NotAsked), "no account is known");
    {
        let requests = fake.requests.lock().unwrap();
        let asked = &requests[1].request;
        assert_eq!(asked.uri().path(), format!("/v25.0/{NUMBER}"));
        let query = asked.uri().query().unwrap();
        assert!(query.starts_with("appsecret_proof=") && !query.contains('&'), "{query}");
    }
    // Once is enough.
    let report = run(meta.check_account([])).unwrap();
    assert_eq!(
        says(&report),
        ["the number could not be read: no provider could carry this message (code 100)"]
    );
    assert_eq!(fake.count(), 4);
}

#[test]
fn what_cannot_be_asked_is_not_asked() {
    let health = json!({ "id": "1", "health_status": { "can_send_message": "LIMITED", "entities": [
        { "entity_type": "PHONE_NUMBER", "can_send_message": "AVAILABLE" } ] } });
    let fake = Fake::new([whole(&health)]);
    let meta = builder(&fake).endpoint(Endpoint::dialog360()).account_id(ACCOUNT).build().unwrap();
    let report = run(meta.check_account([("t", "en")])).unwrap();
    assert_eq!(
        says(&report),
        [
            "account: sending is LIMITED",
            "template t (en) could not be looked up: no account id is set, or the host lists none",
        ]
    );
    assert_eq!(fake.count(), 1);
    let written = serde_json::to_value(&report).unwrap();
    assert_eq!(written["templates"], json!([{ "name": "t", "language": "en" }]));
    assert_eq!(serde_json::from_value::<AccountReport>(written).unwrap(), report);

    let fake = Fake::new([]);
    let meta = builder(&fake).endpoint(Endpoint::pinbot()).build().unwrap();
    let report = run(meta.check_account([])).unwrap();
    assert_eq!((says(&report).len(), fake.count()), (0, 0));
    let reader = MetaCloud::webhook_only("app", "verify").unwrap();
    assert_eq!(run(reader.check_account([])).unwrap_err().field(), Some("access_token"));
}

#[test]
fn subscriptions_in_every_form() {
    let data = json!({ "data": [
        { "whatsapp_business_api_data": { "id": 300, "name": "App" }, "override_callback_uri": "https://hook.example" },
        { "id": "301" },
        7,
    ] });
    let report = check([whole(&healthy()), whole(&data)], &[]);
    let apps = report.webhooks.known().unwrap();
    assert_eq!(apps.len(), 3);
    assert_eq!(
        (apps[0].id.as_deref(), apps[1].id.as_deref(), apps[2].id.as_deref()),
        (Some("300"), Some("301"), None)
    );
    assert_eq!(apps[0].override_callback_uri.as_deref(), Some("https://hook.example"));
    assert_eq!(says(&report), Vec::<String>::new());

    let report = check([whole(&healthy()), whole(&apps_of_nobody())], &[]);
    assert_eq!(says(&report), ["no app is subscribed to the account's webhooks"]);
    let report = check([whole(&healthy()), whole(&json!({}))], &[]);
    assert_eq!(
        says(&report),
        ["who gets the account's webhooks could not be read: no usable answer came (HTTP 200)"]
    );
}

fn apps_of_nobody() -> Value {
    json!({ "data": [] })
}
