//! Meta's payload at other hosts, and what an account says of itself: through the bundled HTTP client, and through the
//! handler.

use std::sync::{Arc, Mutex};

use http_body_util::Full;
use serde_json::json;
use whatsapp_provider::handler::WebhookOutcome;
use whatsapp_provider::meta::{Checked, Endpoint, EndpointAuth, EndpointPath, TemplateStatus};
use whatsapp_provider::simulator::{Side, Simulator};
use whatsapp_provider::sink::sink_fn;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{
    ErrorKind, EventKind, InboundEvent, MetaCloud, OutboundMessage, PhoneNumber, SignatureError,
    WebhookHandler, WhatsAppProvider,
};
use wiremock::matchers::{any, header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

const NUMBER: &str = "100000000000001";
const ACCOUNT: &str = "200000000000002";
/// Of the secret `test_app_secret` and the token `EAAtesttoken`.
const PROOF: &str = "2f6c99f265a9e1644d725e8f9c96e439fcbf40a73357d1d98ba8b98fbfe445e4";

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

#[tokio::test]
async fn a_message_through_360dialog() {
    let server = MockServer::start().await;
    let accepted = json!({ "messages": [{ "id": "wamid.OUT" }], "contacts": [{ "wa_id": "15550002222" }] });
    Mock::given(method("POST"))
        .and(path("/messages"))
        .and(header("D360-API-KEY", "invented-key"))
        .respond_with(ResponseTemplate::new(200).set_body_json(accepted))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/health_status"))
        .and(header("D360-API-KEY", "invented-key"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "health_status": {}, "id": "1" })))
        .expect(1)
        .mount(&server)
        .await;
    let meta = MetaCloud::builder()
        .endpoint(Endpoint::dialog360())
        .base_url(server.uri())
        .phone_number_id(NUMBER)
        .access_token("invented-key")
        .build()
        .unwrap();
    let receipt = meta.send(&OutboundMessage::text(to(), "Hi")).await.unwrap();
    assert_eq!(receipt.sender.unwrap().id, NUMBER);
    meta.probe().await.unwrap();
    for request in server.received_requests().await.unwrap() {
        assert!(!request.headers.contains_key("authorization"));
        assert_eq!(request.url.query(), None);
    }
}

#[tokio::test]
async fn a_host_with_addresses_and_headers_of_its_own() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/gateway/v3/{NUMBER}/message")))
        .and(header("authorization", "invented-key"))
        .and(header("x-tenant", "tenant-7"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({ "messages": [{ "id": "wamid.OUT" }] })),
        )
        .expect(1)
        .mount(&server)
        .await;
    let endpoint = Endpoint::new(format!("{}/gateway/", server.uri()))
        .version("v3")
        .path(EndpointPath::Messages, "/{version}/{sender}/message")
        .without(EndpointPath::Probe)
        .auth(EndpointAuth::Raw)
        .header("X-Tenant", "tenant-7");
    let builder =
        MetaCloud::builder().endpoint(endpoint).phone_number_id(NUMBER).access_token("invented-key");
    let meta = builder.build().unwrap();
    meta.send(&OutboundMessage::text(to(), "Hi")).await.unwrap();
    assert_eq!(meta.probe().await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn the_proof_of_the_token_is_on_the_wire() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/v25.0/{NUMBER}/messages")))
        .and(query_param("appsecret_proof", PROOF))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({ "messages": [{ "id": "wamid.OUT" }] })),
        )
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(400).set_body_json(json!({ "error": {
            "message": "Invalid appsecret_proof provided in the API argument", "code": 100 } })))
        .mount(&server)
        .await;
    let meta = MetaCloud::builder()
        .base_url(server.uri())
        .phone_number_id(NUMBER)
        .access_token("EAAtesttoken")
        .appsecret_proof_with("test_app_secret")
        .build()
        .unwrap();
    meta.send(&OutboundMessage::text(to(), "Hi")).await.unwrap();
    meta.set_token("another-token").unwrap();
    let error = meta.send(&OutboundMessage::text(to(), "Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials, "no fault of the message's");
    assert!(!format!("{error} {error:?} {meta:?}").contains(PROOF));
}

#[tokio::test]
async fn templates_are_read_to_the_end_and_nobody_else_gets_the_token() {
    let server = MockServer::start().await;
    let elsewhere = MockServer::start().await;
    let list = format!("/v25.0/{ACCOUNT}/message_templates");
    let template = |name: &str| json!({ "name": name, "language": "en_US", "status": "APPROVED" });
    for (cursor, data, next) in [
        (None, json!([template("a"), template("b")]), Some("C1")),
        (Some("C1"), json!([template("c"), { "odd": true }]), Some("C2")),
        (Some("C2"), json!([template("d")]), None),
    ] {
        let mut paging = json!({ "cursors": { "before": "x", "after": next.unwrap_or("end") } });
        if next.is_some() {
            paging["next"] = format!("{}/steal?access_token=invented-token", elsewhere.uri()).into();
        }
        let mock = Mock::given(method("GET")).and(path(list.as_str())).and(query_param("limit", "50"));
        let mock = match cursor {
            Some(cursor) => mock.and(query_param("after", cursor)),
            None => mock.and(query_param_is_missing("after")),
        };
        let answer = ResponseTemplate::new(200).set_body_json(json!({ "data": data, "paging": paging }));
        mock.respond_with(answer).expect(1).mount(&server).await;
    }
    let meta = MetaCloud::builder()
        .base_url(server.uri())
        .phone_number_id(NUMBER)
        .access_token("invented-token")
        .account_id(ACCOUNT)
        .build()
        .unwrap();
    // It may be waited for on any thread.
    let all = tokio::spawn(async move { meta.templates()?.collect().await }).await.unwrap().unwrap();
    let names: Vec<_> = all.templates.iter().map(|template| template.name.as_str()).collect();
    assert_eq!((names, all.unreadable.len()), (vec!["a", "b", "c", "d"], 1));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[test]
fn the_simulators_account_is_in_order() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    for number in 0..120 {
        simulator.register_template(
            &format!("order_{number:03}"),
            "en_US",
            "Order {{1}} is ready",
            "APPROVED",
        );
    }
    simulator.register_template("order_007", "pt_BR", "Oi", "REJECTED");
    let meta = simulator.meta().appsecret_proof(true).build().unwrap();
    clock.block_on(async {
        let all = meta.templates().unwrap().collect().await.unwrap();
        assert_eq!((all.templates.len(), all.unreadable.len()), (121, 0));
        assert_eq!(all.templates[0].parameters.body, ["1"]);
        let found = meta.template("order_007", "pt_BR").await.unwrap().unwrap();
        assert_eq!(found.status, TemplateStatus::Rejected);

        let report = meta.check_account([("order_001", "en_US")]).await.unwrap();
        assert_eq!(report.problems(), []);
        let wanted = [("order_007", "en_US"), ("order_007", "pt_BR"), ("order_7", "en_US")];
        let report = meta.check_account(wanted).await.unwrap();
        let says: Vec<_> = report.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            says,
            ["template order_007 (pt_BR) is REJECTED", "template order_7 (en_US) does not exist"]
        );
        let number = report.number.known().unwrap();
        assert_eq!(number.messaging_limit.as_deref(), Some("TIER_2K"));
        assert!(matches!(&report.webhooks, Checked::Known(apps) if apps.len() == 1));
        let other = simulator.meta().appsecret_proof_with("another secret").build().unwrap();
        let report = other.check_account([]).await.unwrap();
        assert!(
            matches!(&report.number, Checked::Unknown(failure) if failure.kind == ErrorKind::Credentials)
        );
    });
}

/// A handler for a number at 360dialog and one at Meta, with what it took and how webhooks ended.
struct Door {
    clock: TestClock,
    handler: WebhookHandler,
    taken: Arc<Mutex<Vec<InboundEvent>>>,
    outcomes: Arc<Mutex<Vec<WebhookOutcome>>>,
}

const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
    "messaging_product":"whatsapp","metadata":{"phone_number_id":"100000000000001"},
    "messages":[{"from":"15550002222","id":"wamid.IN","timestamp":"1795000000","type":"text","text":{"body":"Hi"}}]}}]}]}"#;

impl Door {
    fn new() -> Self {
        let clock = TestClock::new();
        let dialog360 = MetaCloud::builder()
            .id("dialog360".parse().unwrap())
            .endpoint(Endpoint::dialog360())
            .webhook_secret_header("X-Webhook-Secret", "old-secret")
            .webhook_secret_header("X-Webhook-Secret", "new-secret")
            .build()
            .unwrap();
        let meta = MetaCloud::webhook_only("test_app_secret", "verify").unwrap();
        let (taken, outcomes) = (Arc::<Mutex<Vec<InboundEvent>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (keep, watch) = (Arc::clone(&taken), Arc::clone(&outcomes));
        let sink = sink_fn(move |events| {
            keep.lock().unwrap().extend_from_slice(&events);
            async { Ok(()) }
        });
        let handler = WebhookHandler::builder(meta, sink)
            .provider(dialog360)
            .clock(Arc::new(clock.clone()))
            .observer(move |outcome: &WebhookOutcome| watch.lock().unwrap().push(outcome.clone()))
            .build()
            .unwrap();
        Self { clock, handler, taken, outcomes }
    }

    /// Status, whether the answer says more, and why it was refused.
    fn post(&self, headers: &[(&str, &str)]) -> (u16, bool, Option<SignatureError>) {
        let mut request = http::Request::post("/webhook");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(bytes::Bytes::from_static(BODY.as_bytes()))).unwrap();
        let answer = self.clock.block_on(self.handler.handle(request));
        let reason = match self.outcomes.lock().unwrap().pop().unwrap() {
            WebhookOutcome::Refused { reason, .. } => Some(reason),
            _ => None,
        };
        (answer.status().as_u16(), !answer.body().is_empty(), reason)
    }
}

#[test]
fn a_secret_header_opens_the_handler_and_nothing_else_does() {
    use SignatureError::{Malformed, Mismatch, Missing};
    let door = Door::new();
    for (headers, reason) in [
        (&[][..], Missing),
        (&[("x-webhook-secret", "")], Mismatch),
        (&[("x-webhook-secret", "old-secre")], Mismatch),
        (&[("x-webhook-secret", "old-secrets")], Mismatch),
        (&[("x-webhook-secret", "OLD-SECRET")], Mismatch),
        (&[("x-webhook-secret", "old-secret"), ("x-webhook-secret", "new-secret")], Malformed),
        (&[("x-other-secret", "old-secret")], Missing),
        (&[("x-hub-signature-256", "old-secret")], Malformed),
        (
            &[(
                "x-hub-signature-256",
                "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
            )],
            Mismatch,
        ),
        (&[("authorization", "old-secret"), ("d360-api-key", "old-secret")], Missing),
    ] {
        assert_eq!(door.post(headers), (401, false, Some(reason)), "{headers:?}");
    }
    assert!(door.taken.lock().unwrap().is_empty());
    for secret in ["old-secret", "new-secret"] {
        assert_eq!(door.post(&[("x-webhook-secret", secret)]), (200, false, None));
        let taken = std::mem::take(&mut *door.taken.lock().unwrap());
        let [event] = taken.as_slice() else { panic!("{taken:?}") };
        assert_eq!((event.provider().as_str(), event.is_assumed()), ("dialog360", false));
        assert!(matches!(event.kind(), EventKind::Message(_)));
    }
}

#[test]
fn the_simulators_webhooks_need_the_header_as_well_where_one_is_set() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let both = simulator.meta().webhook_secret_header("x-proxy", "from-our-proxy").build().unwrap();
    let sink = sink_fn(|_| async { Ok(()) });
    let handler = WebhookHandler::builder(both, sink).clock(Arc::new(clock.clone())).build().unwrap();
    let webhook = || simulator.user(to()).writes(Side::Meta, "Hi").request.map(Full::new);
    let status = |request| clock.block_on(handler.handle(request)).status().as_u16();
    assert_eq!(status(webhook()), 401);
    for (value, expected) in [("from-our-proxy", 200), ("from-another", 401)] {
        let mut request = webhook();
        request.headers_mut().insert("x-proxy", value.parse().unwrap());
        assert_eq!(status(request), expected);
    }
}
