use http::{HeaderMap, Method};

use super::fake::{Fake, NUMBER, Reply, builder, meta, run, sender};
use super::*;
use crate::clock::Timestamp;
use crate::outbound::OutboundMessage;
use crate::testing::TestClock;

const TAKEN: &str = r#"{"messages":[{"id":"wamid.OUT"}]}"#;

fn refused(builder: MetaCloudBuilder) -> String {
    let error = builder.build().unwrap_err();
    assert!(!error.to_string().contains("SECRET"), "{error}");
    error.field.into_owned()
}

#[test]
fn half_a_provider_is_named() {
    let fake = Fake::new([]);
    let new = MetaCloud::builder;
    for (builder, field) in [
        (new(), "access_token"),
        (new().access_token("SECRET"), "phone_number_id"),
        (new().phone_number_id("1"), "access_token"),
        (new().phone_number_id("1").app_secret("SECRET"), "access_token"),
        (new().verify_token("SECRET"), "app_secret"),
        (builder(&fake).verify_token("SECRET"), "app_secret"),
        (builder(&fake).access_token(" \n"), "access_token"),
        (builder(&fake).access_token("SECRET\nx"), "access_token"),
        (builder(&fake).phone_number_id(""), "phone_number_id"),
        (builder(&fake).phone_number_id("1/2"), "phone_number_id"),
        (builder(&fake).phone_number_id(".."), "phone_number_id"),
        (builder(&fake).phone_number_id("1?a"), "phone_number_id"),
        (builder(&fake).phone_number_id("é"), "phone_number_id"),
        (builder(&fake).phone_number_id("1".repeat(129)), "phone_number_id"),
        (builder(&fake).api_version(""), "api_version"),
        (builder(&fake).api_version("v25.0/x"), "api_version"),
        (builder(&fake).api_version("."), "api_version"),
        (builder(&fake).base_url("http://graph.example"), "base_url"),
        (builder(&fake).app_secret(" "), "app_secret"),
        (builder(&fake).app_secret("SECRET").app_secret(""), "app_secret"),
        (builder(&fake).app_secret("SECRET").verify_token(" "), "verify_token"),
        (builder(&fake).portfolio(" "), "portfolio"),
    ] {
        assert_eq!(refused(builder), field);
    }
    assert!(builder(&fake).build().is_ok());
    assert!(new().app_secret("SECRET").build().is_ok(), "neither client nor clock");
    assert_eq!(MetaCloud::webhook_only("", "x").unwrap_err().field, "app_secret");
    assert_eq!(MetaCloud::webhook_only("x", "").unwrap_err().field, "verify_token");
}

#[test]
fn a_token_is_replaced_in_all_clones() {
    let fake = Fake::new((0..3).map(|_| Reply::Whole(200, TAKEN.to_owned())));
    let meta = meta(&fake);
    let clone = meta.clone();
    let other = meta.with_sender("200", "TOKEN-2").unwrap();
    let versions = || [&meta, &clone, &other].map(WhatsAppProvider::credentials_version);
    assert_eq!(versions(), [0, 0, 0]);
    clone.set_token("TOKEN-2").unwrap();
    assert_eq!(versions(), [1, 1, 0]);
    clone.set_token("TOKEN-3\n").unwrap();
    for bad in ["", " ", "a\nb"] {
        assert_eq!(meta.set_token(bad).unwrap_err().field, "access_token");
    }
    assert_eq!(versions(), [2, 2, 0], "only a token that was taken counts");
    assert_eq!(meta.with_sender("a/b", "T").unwrap_err().field, "phone_number_id");
    assert_eq!(meta.with_sender("200", "").unwrap_err().field, "access_token");

    let to = crate::address::PhoneNumber::parse("+15550002222").unwrap();
    for provider in [&meta, &clone, &other] {
        run(provider.send(&OutboundMessage::text(to, "Hi"))).unwrap();
    }
    let requests = fake.requests.lock().unwrap();
    let seen: Vec<_> = requests
        .iter()
        .map(|recorded| {
            let token = recorded.request.headers()["authorization"].to_str().unwrap();
            (recorded.request.uri().path().to_owned(), token.to_owned())
        })
        .collect();
    let first = (format!("/v25.0/{NUMBER}/messages"), "Bearer TOKEN-3".to_owned());
    let second = ("/v25.0/200/messages".to_owned(), "Bearer TOKEN-2".to_owned());
    assert_eq!(seen, [first.clone(), first, second]);
    assert_eq!(other.senders(), [SenderId::new(ProviderId::META, "200")]);

    let reader = MetaCloud::webhook_only("app", "verify").unwrap();
    assert_eq!(reader.set_token("T").unwrap_err().field, "phone_number_id");
    assert_eq!(reader.credentials_version(), 0);
}

#[test]
fn the_api_is_where_messages_go() {
    let fake = Fake::new([]);
    for (url, api) in [
        ("https://graph.facebook.com", "meta/graph.facebook.com"),
        ("https://gateway.example/meta/", "meta/gateway.example"),
        ("http://127.0.0.1:8080", "meta/127.0.0.1:8080"),
        ("http://[::1]:8080/x", "meta/[::1]:8080"),
    ] {
        let meta = builder(&fake).base_url(url).build().unwrap();
        assert_eq!(meta.api(), Some(api.to_owned()));
        assert_eq!(meta.with_sender("200", "T").unwrap().api(), Some(api.to_owned()));
    }
    assert_eq!(meta(&fake).api(), Some("meta/graph.facebook.com".to_owned()));
    assert_eq!(MetaCloud::webhook_only("app", "verify").unwrap().api(), None);
}

#[test]
fn who_reads_webhooks_can_be_given_a_number() {
    let fake = Fake::new([Reply::Whole(200, TAKEN.to_owned())]);
    let reader = MetaCloud::builder()
        .app_secret("app")
        .http_client(Arc::clone(&fake) as Arc<dyn HttpClient>)
        .clock(Arc::new(TestClock::new()))
        .build()
        .unwrap();
    let meta = reader.with_sender(NUMBER, "T").unwrap();
    let to = crate::address::PhoneNumber::parse("+15550002222").unwrap();
    run(meta.send(&OutboundMessage::text(to, "Hi"))).unwrap();
    assert_eq!(meta.senders(), [sender()]);
}

#[test]
fn debug_prints_no_secret() {
    let fake = Fake::new([]);
    let builder = builder(&fake).access_token("SECRET-1").app_secret("SECRET-2").verify_token("SECRET-3");
    let printed = format!("{builder:?}");
    let meta = builder.build().unwrap();
    let printed = format!("{printed} {meta:?} {:?}", meta.sending().unwrap());
    assert!(printed.contains("meta") && !printed.contains("SECRET"), "{printed}");
}

#[test]
fn a_webhook_is_read_by_who_verified_it() {
    let body = br#"{"entry":[]}"#;
    let id = ProviderId::new("meta-br").unwrap();
    let ours = MetaCloud::builder()
        .id(id.clone())
        .app_secret("other")
        .app_secret("test_app_secret")
        .build()
        .unwrap();
    let mut headers = HeaderMap::new();
    let signed = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let signature = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756";
    headers.insert("x-hub-signature-256", signature.parse().unwrap());
    let head = WebhookHead::new(&Method::POST, "/", &headers);
    assert!(ours.recognizes(&head));
    assert_eq!(ours.handshake(&head), None);
    let request = WebhookRequest::new(head.clone(), signed, Timestamp::UNIX_EPOCH);
    let webhook = ours.verify_signature(&request).unwrap();
    assert_eq!(webhook.provider(), &id);
    let events = ours.parse_inbound(&webhook).unwrap();
    assert_eq!(events.len(), 1);
    assert!(!events[0].is_assumed());

    let forged = WebhookRequest::new(head, body, Timestamp::UNIX_EPOCH);
    assert_eq!(ours.verify_signature(&forged).unwrap_err(), SignatureError::Mismatch);
    let other = MetaCloud::webhook_only("test_app_secret", "verify").unwrap();
    assert_eq!(other.parse_inbound(&webhook), Err(ForeignWebhook::new(id)));
    let sender = meta(&Fake::new([]));
    assert_eq!(sender.verify_signature(&request).unwrap_err(), SignatureError::NotConfigured);
}
