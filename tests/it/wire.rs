//! Requests as the providers' servers see them, and their answers, through the bundled HTTP client.

use serde_json::json;
use whatsapp_provider::outbound::{AcceptedStatus, Interactive, ReplyButton, Template};
use whatsapp_provider::{
    Acceptance, AttemptId, ErrorKind, MessageRef, MetaCloud, OutboundMessage, PhoneNumber, ProviderId,
    SenderId, Twilio, UserId, WhatsAppProvider,
};
use wiremock::matchers::{basic_auth, bearer_token, body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const NUMBER_ID: &str = "100000000000001";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const CONTENT: &str = "HX00000000000000000000000000000002";

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

async fn meta(server: &MockServer) -> MetaCloud {
    let builder = MetaCloud::builder().phone_number_id(NUMBER_ID).access_token("invented-token");
    builder.api_version("v25.0").base_url(server.uri()).build().unwrap()
}

async fn twilio(server: &MockServer) -> Twilio {
    Twilio::builder()
        .account_sid(ACCOUNT)
        .auth_token("invented-token")
        .from_number("whatsapp:+15550001111")
        .status_callback("https://example.com/webhook?tenant=7")
        .template(whatsapp_provider::twilio::ContentTemplate::new("order_shipped", "en_US", CONTENT))
        .base_url(server.uri())
        .messaging_url(server.uri())
        .content_url(server.uri())
        .build()
        .unwrap()
}

fn messages() -> String {
    format!("/v25.0/{NUMBER_ID}/messages")
}

/// The only request's body, without the attempt's id, which is checked and taken out.
async fn json_of_only_request(server: &MockServer) -> serde_json::Value {
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let mut body: serde_json::Value = requests[0].body_json().unwrap();
    let data = body.as_object_mut().unwrap().remove("biz_opaque_callback_data").unwrap();
    let data = data.as_str().unwrap();
    let (attempt, reference) = data.split_once('|').map_or((data, None), |(id, rest)| (id, Some(rest)));
    attempt.parse::<AttemptId>().unwrap();
    if let Some(reference) = reference {
        body["reference"] = reference.into();
    }
    body
}

fn pairs(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

#[tokio::test]
async fn meta_sends_json_with_a_bearer_token() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(messages()))
        .and(bearer_token("invented-token"))
        .and(header("content-type", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": "+15550002222", "wa_id": "15550002223", "user_id": "US.1" }],
            "messages": [{ "id": "wamid.OUT1", "message_status": "held_for_quality_assessment" }],
        })))
        .mount(&server)
        .await;
    let meta = meta(&server).await;
    let template = Template::new("order_shipped", "en_US").with_body(["Ada", "77"]);
    let receipt =
        meta.send(&OutboundMessage::template(to(), template).with_reference("order-77")).await.unwrap();
    assert_eq!(
        receipt.message.unwrap(),
        MessageRef::new(SenderId::new(ProviderId::META, NUMBER_ID), "wamid.OUT1")
    );
    assert_eq!(receipt.status, Some(AcceptedStatus::HeldForQuality));
    assert_eq!(receipt.phone, Some(PhoneNumber::parse("+15550002223").unwrap()));
    assert_eq!(receipt.user, Some(UserId::new("US.1").unwrap()));
    assert_eq!(
        json_of_only_request(&server).await,
        json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+15550002222",
            "type": "template",
            "template": {
                "name": "order_shipped",
                "language": { "code": "en_US" },
                "components": [{
                    "type": "body",
                    "parameters": [{ "type": "text", "text": "Ada" }, { "type": "text", "text": "77" }],
                }],
            },
            "reference": "order-77",
        })
    );
}

#[tokio::test]
async fn meta_reads_its_error_envelope() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400).insert_header("retry-after", "3").set_body_json(json!({
            "error": {
                "message": "(#130429) Rate limit hit", "type": "OAuthException", "code": 130_429,
                "error_data": { "messaging_product": "whatsapp", "details": "throughput has been reached" },
                "error_subcode": 2_494_055, "fbtrace_id": "Az8",
            }
        })))
        .mount(&server)
        .await;
    let error = meta(&server).await.send(&OutboundMessage::text(to(), "hi")).await.unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Throttled, Acceptance::NotAccepted));
    assert_eq!((error.code(), error.subcode(), error.status()), (Some(130_429), Some(2_494_055), Some(400)));
    assert_eq!((error.trace_id(), error.retry_after().unwrap().as_secs()), (Some("Az8"), 3));
    assert!(error.details().unwrap().contains("throughput has been reached"));
}

#[tokio::test]
async fn meta_marks_as_read_types_and_probes() {
    let server = MockServer::start().await;
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN1" });
    let mut typing = read.clone();
    typing["typing_indicator"] = json!({ "type": "text" });
    for body in [read, typing] {
        Mock::given(method("POST"))
            .and(path(messages()))
            .and(body_json(body))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "success": true })))
            .expect(1)
            .mount(&server)
            .await;
    }
    Mock::given(method("GET"))
        .and(path(format!("/v25.0/{NUMBER_ID}")))
        .and(bearer_token("invented-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "id": NUMBER_ID })))
        .expect(1)
        .mount(&server)
        .await;
    let meta = meta(&server).await;
    let message = MessageRef::new(SenderId::new(ProviderId::META, NUMBER_ID), "wamid.IN1");
    meta.mark_read(&message).await.unwrap();
    meta.show_typing(&message).await.unwrap();
    meta.probe().await.unwrap();
}

#[tokio::test]
async fn a_new_token_is_used_by_every_clone() {
    let server = MockServer::start().await;
    Mock::given(bearer_token("second-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "id": NUMBER_ID })))
        .mount(&server)
        .await;
    let unauthorised = json!({ "error": { "message": "m", "code": 190 } });
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401).set_body_json(unauthorised))
        .with_priority(10)
        .mount(&server)
        .await;
    let meta = meta(&server).await;
    let clone = meta.clone();
    assert_eq!(clone.probe().await.unwrap_err().kind(), ErrorKind::Credentials);
    meta.set_token("second-token").unwrap();
    clone.probe().await.unwrap();
    assert!(meta.set_token(" ").is_err());
}

#[tokio::test]
async fn twilio_sends_a_form_with_basic_authentication() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")))
        .and(basic_auth(ACCOUNT, "invented-token"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({
            "sid": "SM00000000000000000000000000000009", "status": "queued", "error_code": null,
            "from": "whatsapp:+15550001111", "to": "whatsapp:+15550002222", "num_media": "0",
        })))
        .mount(&server)
        .await;
    let twilio = twilio(&server).await;
    let template = Template::new("order_shipped", "en_US").with_body(["Ada & Bo", "77"]);
    let message = OutboundMessage::template(to(), template).with_reference("order/77 é");
    let receipt = twilio.send(&message).await.unwrap();
    let sender = SenderId::new(ProviderId::TWILIO, "+15550001111");
    assert_eq!(receipt.message.unwrap(), MessageRef::new(sender, "SM00000000000000000000000000000009"));

    let requests = server.received_requests().await.unwrap();
    let mut form = pairs(&requests[0]);
    let callback = form.iter().position(|(name, _)| name == "StatusCallback").unwrap();
    let (_, callback) = form.remove(callback);
    form.sort();
    let variables: serde_json::Value =
        serde_json::from_str(&form.iter().find(|(name, _)| name == "ContentVariables").unwrap().1).unwrap();
    assert_eq!(variables, json!({ "1": "Ada & Bo", "2": "77" }));
    form.retain(|(name, _)| name != "ContentVariables");
    let expected =
        [("ContentSid", CONTENT), ("From", "whatsapp:+15550001111"), ("To", "whatsapp:+15550002222")];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let callback = url::Url::parse(&callback).unwrap();
    assert_eq!(callback.fragment(), Some("rc=5&rp=all"));
    let query: Vec<_> = callback.query_pairs().into_owned().collect();
    assert_eq!(query[0], ("tenant".to_owned(), "7".to_owned()));
    query.iter().find(|(name, _)| name == "attempt").unwrap().1.parse::<AttemptId>().unwrap();
    assert!(query.contains(&("reference".to_owned(), "order/77 é".to_owned())));
}

#[tokio::test]
async fn twilio_types_and_probes() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v2/Indicators/Typing.json"))
        .and(basic_auth(ACCOUNT, "invented-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "success": true })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")))
        .and(query_param("PageSize", "1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "messages": [] })))
        .expect(1)
        .mount(&server)
        .await;
    let twilio = twilio(&server).await;
    let message = MessageRef::new(SenderId::new(ProviderId::TWILIO, "+15550001111"), "SM1");
    twilio.show_typing(&message).await.unwrap();
    twilio.probe().await.unwrap();
    assert_eq!(twilio.mark_read(&message).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let requests = server.received_requests().await.unwrap();
    let mut form = pairs(requests.iter().find(|request| request.method.as_str() == "POST").unwrap());
    form.sort();
    assert_eq!(
        form,
        [("channel", "whatsapp"), ("messageId", "SM1")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}

#[tokio::test]
async fn twilio_looks_up_the_templates_it_was_not_told() {
    let server = MockServer::start().await;
    let content = json!({
        "sid": CONTENT, "friendly_name": "x", "language": "en_US", "variables": { "1": "Ada" },
        "types": { "twilio/text": { "body": "Hi {{1}}!" } },
        "approval_requests": { "name": "greeting", "status": "approved", "content_type": "twilio/text" },
    });
    let list = json!({ "contents": [content], "meta": { "next_page_url": null, "key": "contents" } });
    Mock::given(method("GET"))
        .and(path("/v1/ContentAndApprovals"))
        .and(basic_auth(ACCOUNT, "invented-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(list))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "sid": "SM1", "status": "queued" })))
        .expect(1)
        .mount(&server)
        .await;
    let twilio = twilio(&server).await;
    let greeting = Template::new("greeting", "en_US").with_body(["Ada"]);
    twilio.send(&OutboundMessage::template(to(), greeting)).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let form = pairs(&requests[1]);
    assert!(form.contains(&("ContentSid".to_owned(), CONTENT.to_owned())));
    assert!(form.contains(&("ContentVariables".to_owned(), r#"{"1":"Ada"}"#.to_owned())));

    let message = OutboundMessage::template(to(), Template::new("other", "en_US"));
    let error = twilio.send(&message).await.unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::TemplateUnavailable, Acceptance::NotAccepted));
    assert_eq!(twilio.check(&message).unwrap_err().kind(), ErrorKind::TemplateUnavailable);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn twilio_makes_a_content_for_buttons() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/v2/Content"))
        .and(query_param("PageSize", "50"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "contents": [], "meta": {} })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/v1/Content"))
        .and(basic_auth(ACCOUNT, "invented-token"))
        .and(header("content-type", "application/json"))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "sid": CONTENT })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "sid": "SM1", "status": "queued" })))
        .expect(10)
        .mount(&server)
        .await;
    let twilio = twilio(&server).await;
    let sends = (0..10).map(|number| {
        let buttons = [ReplyButton::new(format!("yes-{number}"), "Yes")];
        let message = OutboundMessage::new(to(), Interactive::buttons(format!("No. {number}?"), buttons));
        let twilio = twilio.clone();
        tokio::spawn(async move { twilio.send(&message).await })
    });
    for sent in sends.collect::<Vec<_>>() {
        sent.await.unwrap().unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    let values =
        requests.iter().filter(|request| request.url.path().ends_with("/Messages.json")).map(|request| {
            let form = pairs(request);
            form.into_iter().find(|(name, _)| name == "ContentVariables").unwrap().1
        });
    let values: std::collections::BTreeSet<_> = values.collect();
    let expected = (0..10).map(|number| format!(r#"{{"1":"No. {number}?","2":"Yes","3":"yes-{number}"}}"#));
    assert_eq!(values, expected.collect());
}
