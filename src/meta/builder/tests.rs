use std::sync::Arc;

use http::{HeaderMap, Method};

use super::super::fake::{Fake, NUMBER, Reply, builder, run, sender};
use super::super::{Endpoint, EndpointPath};
use super::*;
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::http_client::HttpClient;
use crate::ids::MessageRef;
use crate::provider::WhatsAppProvider;
use crate::webhook::{SignatureError, WebhookHead, WebhookRequest};

/// Of the secret `test_app_secret` and the token `EAAtesttoken`.
const PROOF: &str = "2f6c99f265a9e1644d725e8f9c96e439fcbf40a73357d1d98ba8b98fbfe445e4";

fn refused(builder: MetaCloudBuilder) -> String {
    let printed = format!("{builder:?}");
    let error = builder.build().unwrap_err();
    assert!(!format!("{printed} {error} {error:?}").contains("SECRET"), "{error}");
    error.field.into_owned()
}

#[test]
fn what_does_not_fit_is_named() {
    let fake = Fake::new([]);
    let new = || builder(&fake);
    let dialog = || new().endpoint(Endpoint::dialog360());
    let marketing =
        |endpoint: Endpoint| new().endpoint(endpoint).marketing_messages(MarketingMessages::new());
    for (builder, field) in [
        (new().account_id("a/b"), "account_id"),
        (new().account_id(""), "account_id"),
        (new().app_id(" "), "app_id"),
        (new().webhook_secret_header("", "SECRET"), "webhook_secret_header"),
        (new().webhook_secret_header("x a", "SECRET"), "webhook_secret_header"),
        (new().webhook_secret_header("content-length", "SECRET"), "webhook_secret_header"),
        (new().webhook_secret_header("x-a", " \n"), "webhook_secret_header"),
        (
            new().webhook_secret_header("x-a", "SECRET").webhook_secret_header("x-b", "SECRET"),
            "webhook_secret_header",
        ),
        // Meta's own signature is no secret, and anybody can see it.
        (new().webhook_secret_header("X-Hub-Signature-256", "SECRET"), "webhook_secret_header"),
        (new().webhook_secret_header("x-hub-signature", "SECRET"), "webhook_secret_header"),
        (new().webhook_hmac_header("x-hub-signature-256", "SECRET"), "webhook_hmac_header"),
        (new().webhook_hmac_header("x a", "SECRET"), "webhook_hmac_header"),
        (new().webhook_hmac_header("x-a", " "), "webhook_hmac_header"),
        (
            new().webhook_hmac_header("x-a", "SECRET").webhook_hmac_header("x-b", "SECRET"),
            "webhook_hmac_header",
        ),
        (
            new().webhook_hmac_header("x-a", "SECRET").webhook_secret_header("X-A", "SECRET"),
            "webhook_hmac_header",
        ),
        (new().unescaped_webhooks(true), "unescaped_webhooks"),
        (new().unescaped_webhooks(true).webhook_secret_header("x-a", "SECRET"), "unescaped_webhooks"),
        (new().unescaped_webhooks(true).webhook_hmac_header("x-a", "SECRET"), "unescaped_webhooks"),
        (new().appsecret_proof(true), "appsecret_proof"),
        (new().appsecret_proof_with(" "), "appsecret_proof"),
        (new().app_secret("SECRET").app_secret("SECRET-2").appsecret_proof(true), "appsecret_proof"),
        (dialog().appsecret_proof_with("SECRET"), "appsecret_proof"),
        (new().endpoint(Endpoint::new("http://gateway.example")), "base_url"),
        (new().endpoint(Endpoint::meta().header("a b", "SECRET")), "endpoint.headers"),
        // Nothing that looks as if webhooks were verified.
        (dialog().app_secret("SECRET"), "webhook_secret_header"),
        (dialog().verify_token("SECRET"), "webhook_secret_header"),
        (dialog().app_secret("SECRET").webhook_secret_header("x-a", "SECRET"), "app_secret"),
        (dialog().app_secret("SECRET").webhook_hmac_header("x-a", "SECRET"), "app_secret"),
        (new().endpoint(Endpoint::kapso()).app_secret("SECRET"), "webhook_secret_header"),
        (new().endpoint(Endpoint::pinbot()).app_secret("SECRET"), "webhook_secret_header"),
        (new().endpoint(Endpoint::interakt("200")).app_secret("SECRET"), "webhook_secret_header"),
        // Every template of the category would be refused.
        (marketing(Endpoint::dialog360()), "marketing_messages"),
        (marketing(Endpoint::meta().without(EndpointPath::MarketingMessages)), "marketing_messages"),
        (MetaCloud::builder().endpoint(Endpoint::dialog360()).app_secret("SECRET"), "webhook_secret_header"),
        (MetaCloud::builder().endpoint(Endpoint::dialog360()), "access_token"),
    ] {
        assert_eq!(refused(builder), field);
    }
    for builder in [
        marketing(Endpoint::meta()),
        new().app_secret("SECRET").unescaped_webhooks(true),
        new()
            .webhook_hmac_header("x-a", "SECRET")
            .webhook_hmac_header("X-A", "SECRET-2")
            .verify_token("SECRET"),
        dialog().webhook_hmac_header("x-a", "SECRET").webhook_secret_header("x-b", "SECRET"),
        MetaCloud::builder().webhook_hmac_header("x-a", "SECRET"),
        new().app_secret("SECRET").app_secret("SECRET-2").appsecret_proof_with("SECRET-2"),
        new().app_secret("SECRET").webhook_secret_header("x-a", "SECRET"),
        new().webhook_secret_header("x-a", "SECRET").webhook_secret_header("X-A", "SECRET-2"),
        new().webhook_secret_header("x-a", "SECRET").verify_token("SECRET"),
        dialog().webhook_secret_header("x-a", "SECRET").verify_token("SECRET"),
        dialog(),
        dialog().endpoint(Endpoint::dialog360().signs_webhooks(true)).app_secret("SECRET"),
        MetaCloud::builder().webhook_secret_header("x-a", "SECRET"),
    ] {
        let meta = builder.build().unwrap();
        assert!(!format!("{meta:?}").contains("SECRET"));
    }
}

#[test]
fn whoever_only_sends_verifies_nothing() {
    let fake = Fake::new([]);
    let headers = [("x-a", "b")].map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let headers = HeaderMap::from_iter(headers);
    let request =
        WebhookRequest::new(WebhookHead::new(&Method::POST, "/", &headers), b"{}", Timestamp::UNIX_EPOCH);
    let sender = builder(&fake).endpoint(Endpoint::dialog360());
    assert_eq!(
        sender.build().unwrap().verify_signature(&request).unwrap_err(),
        SignatureError::NotConfigured
    );
    let reader = builder(&fake).endpoint(Endpoint::dialog360()).webhook_secret_header("X-A", "b");
    let reader = reader.build().unwrap();
    let webhook = reader.verify_signature(&request).unwrap();
    assert!(!webhook.is_assumed());
    assert_eq!(reader.parse_inbound(&webhook).unwrap().len(), 1);
}

#[test]
fn requests_go_where_the_endpoint_says() {
    let replies =
        [r#"{"messages":[{"id":"wamid.OUT"}]}"#, r#"{"success":true}"#, r#"{"id":"1","health_status":{}}"#];
    let fake = Fake::new(replies.map(|body| Reply::Whole(200, body.to_owned())));
    let endpoint = Endpoint::dialog360().header("x-partner", "SECRET");
    let meta = builder(&fake).endpoint(endpoint).build().unwrap();
    assert_eq!(meta.api().as_deref(), Some("meta/waba-v2.360dialog.io"));
    assert_eq!(meta.senders(), [sender()]);

    let to = crate::address::PhoneNumber::parse("+15550002222").unwrap();
    let receipt = run(meta.send(&crate::outbound::OutboundMessage::text(to, "Hi"))).unwrap();
    assert_eq!(receipt.sender, Some(sender()), "the sender is named by Meta's id");
    run(meta.mark_read(&MessageRef::new(sender(), "wamid.IN"))).unwrap();
    run(meta.probe()).unwrap();

    let requests = fake.requests.lock().unwrap();
    let seen: Vec<_> = requests
        .iter()
        .map(|recorded| {
            let headers = recorded.request.headers();
            assert!(!headers.contains_key("authorization"));
            assert_eq!(
                (&headers["d360-api-key"], &headers["x-partner"]),
                (&"TOKEN-1".parse().unwrap(), &"SECRET".parse().unwrap())
            );
            assert!(headers["d360-api-key"].is_sensitive() && headers["x-partner"].is_sensitive());
            recorded.request.uri().to_string()
        })
        .collect();
    let at = |path: &str| format!("https://waba-v2.360dialog.io/{path}");
    assert_eq!(seen, [at("messages"), at("messages"), at("health_status")]);
}

#[test]
fn without_a_cheap_read_there_is_no_probe() {
    let fake = Fake::new([]);
    let meta = builder(&fake).endpoint(Endpoint::pinbot()).build().unwrap();
    let error = run(meta.probe()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("endpoint.probe")));
    assert_eq!(fake.count(), 0);
}

#[test]
fn the_proof_goes_with_every_request_and_with_every_token() {
    let read = || Reply::Whole(200, r#"{"success":true,"id":"1"}"#.to_owned());
    let fake = Fake::new((0..5).map(|_| read()));
    let meta = builder(&fake)
        .access_token("EAAtesttoken\n")
        .app_secret("test_app_secret")
        .appsecret_proof(true)
        .build()
        .unwrap();
    let message = MessageRef::new(sender(), "wamid.IN");
    run(meta.mark_read(&message)).unwrap();
    run(meta.probe()).unwrap();
    let other = meta.with_sender("200", "another-token").unwrap();
    run(other.probe()).unwrap();
    meta.clone().set_token("another-token").unwrap();
    run(meta.probe()).unwrap();
    meta.set_token("EAAtesttoken").unwrap();
    run(meta.probe()).unwrap();

    let requests = fake.requests.lock().unwrap();
    let queries: Vec<_> = requests.iter().map(|recorded| recorded.request.uri().query().unwrap()).collect();
    let fields = format!("fields=id&appsecret_proof={PROOF}");
    assert_eq!(queries[..2], [&format!("appsecret_proof={PROOF}"), &fields]);
    assert_eq!(queries[2], queries[3]);
    assert_ne!(queries[3], fields);
    assert_eq!(queries[4], fields);
    assert_eq!(requests[0].request.uri().path(), format!("/v25.0/{NUMBER}/messages"));
    let printed = format!("{meta:?} {:?}", meta.sending().unwrap());
    assert!(!printed.contains(PROOF), "{printed}");
}

#[test]
fn the_proof_is_made_with_the_secret_that_was_named() {
    let read = || Reply::Whole(200, r#"{"id":"1"}"#.to_owned());
    let fake = Fake::new([read(), read()]);
    let base = || builder(&fake).access_token("EAAtesttoken");
    for (meta, proves) in [
        (base().app_secret("old").appsecret_proof_with("test_app_secret"), true),
        (base().app_secret("test_app_secret").appsecret_proof(true).appsecret_proof(false), false),
    ] {
        run(meta.build().unwrap().probe()).unwrap();
        let requests = fake.requests.lock().unwrap();
        let query = requests.last().unwrap().request.uri().query().unwrap().to_owned();
        assert_eq!(query.ends_with(PROOF), proves, "{query}");
    }
    // A webhook-only provider has no requests that could carry it.
    let reader = MetaCloud::builder().app_secret("app").appsecret_proof(true);
    let reader = reader.http_client(Arc::clone(&fake) as Arc<dyn HttpClient>).build().unwrap();
    assert_eq!(run(reader.probe()).unwrap_err().field(), Some("access_token"));
}
