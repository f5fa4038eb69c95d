use super::*;
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::outbound::OutboundMessage;
use crate::provider::{Capabilities, WhatsAppProvider};
use crate::webhook::{VerifiedWebhook, WebhookRequest};

const URL: &str = "https://wa.example/hook";

fn field(builder: TwilioBuilder) -> Option<String> {
    builder.build().err().map(|error| error.field.into_owned())
}

#[test]
fn each_setting_is_checked_and_named() {
    let wire = Wire::answering([]);
    let bare = Twilio::builder;
    let ok = || sending(&wire);
    for (builder, expected) in [
        (ok(), None),
        (ok().from_number("whatsapp:+14155238886"), None),
        (ok().account_sid(format!(" {ACCOUNT}\n")), None),
        (with_wire(&wire).messaging_service_sid(SERVICE), None),
        (bare().auth_token("t").public_url(URL), None),
        (bare().auth_token("t").public_url("http://10.0.0.1/hook?a=b#rc=1"), None),
        (bare().auth_token("t").status_callback(URL), None),
        (bare().old_auth_token("t").public_url(URL), None),
        // Malformed.
        (ok().account_sid("AC0123"), Some("account_sid")),
        (ok().account_sid(ACCOUNT.replace("AC", "SK")), Some("account_sid")),
        (ok().account_sid(ACCOUNT.replace('f', "g")), Some("account_sid")),
        (ok().auth_token(" "), Some("auth_token")),
        (ok().old_auth_token(""), Some("old_auth_token")),
        (ok().from_number("14155238886"), Some("from_number")),
        (ok().from_number("whatsapp:"), Some("from_number")),
        (ok().messaging_service_sid("MG1"), Some("messaging_service_sid")),
        (ok().status_callback("http://wa.example/"), Some("status_callback")),
        (ok().public_url("wa.example/hook"), Some("public_url")),
        (ok().public_url("ftp://wa.example/"), Some("public_url")),
        (ok().public_url("https://wa.example/a b"), Some("public_url")),
        (ok().portfolio(" "), Some("portfolio")),
        (ok().template(ContentTemplate::new("t", "en", "HX")), Some("template")),
        (ok().base_url("http://api.example"), Some("base_url")),
        (ok().messaging_url(""), Some("messaging_url")),
        (ok().content_url("ftp://x.example"), Some("content_url")),
        // Half of what sending needs.
        (with_wire(&wire), Some("from_number")),
        (bare().account_sid(ACCOUNT).from_number(NUMBER), Some("auth_token")),
        (bare().account_sid(ACCOUNT).from_number(NUMBER).old_auth_token("t"), Some("auth_token")),
        (bare().auth_token("t").public_url(URL).from_number(NUMBER), Some("account_sid")),
        (bare().auth_token("t").public_url(URL).messaging_service_sid(SERVICE), Some("account_sid")),
        (bare().auth_token("t").public_url(URL).account_sid(ACCOUNT), Some("from_number")),
        // Neither half.
        (bare(), Some("auth_token")),
        (bare().public_url(URL), Some("auth_token")),
        (bare().auth_token("t"), Some("public_url")),
        (bare().old_auth_token("t"), Some("public_url")),
    ] {
        assert_eq!(field(builder).as_deref(), expected);
    }
}

#[test]
fn nothing_secret_is_printed() {
    let wire = Wire::answering([]);
    let builder = sending(&wire)
        .auth_token("CANARY")
        .old_auth_token("CANARY")
        .status_callback("https://canary:CANARY@wa.example/CANARY")
        .public_url("https://CANARY.example/")
        .portfolio("CANARY");
    let twilio = builder.clone().build().unwrap();
    let printed = format!("{builder:?} {builder:#?} {twilio:?} {twilio:#?} {:?}", twilio.account);
    assert!(!printed.contains("CANARY") && !printed.contains("+1415"), "{printed}");
}

#[test]
fn a_provider_that_only_reads_webhooks_says_so() {
    let twilio = Twilio::webhook_only("t0ken", URL).unwrap();
    assert!(twilio.senders().is_empty());
    assert_eq!(twilio.capabilities(), Capabilities::default());
    let message = OutboundMessage::text(to(), "hi");
    let inbound = MessageRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), MESSAGE);
    for error in [
        twilio.check(&message).unwrap_err(),
        block_on(twilio.send(&message)).unwrap_err(),
        block_on(twilio.show_typing(&inbound)).unwrap_err(),
        block_on(twilio.probe()).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("auth_token")));
        assert_eq!(error.provider(), Some(&ProviderId::TWILIO));
    }
    assert_eq!(twilio.with_sender(NUMBER).unwrap_err().field, "account_sid");
    assert_eq!(Twilio::webhook_only("", URL).unwrap_err().field, "auth_token");
    assert_eq!(Twilio::webhook_only("t", "hook").unwrap_err().field, "public_url");
}

#[test]
fn a_new_token_is_used_by_all_clones() {
    let wire = Wire::answering([]);
    let twilio = sending(&wire).build().unwrap();
    let clone = twilio.with_sender("+14155550100").unwrap();
    assert_eq!(twilio.with_sender("x").unwrap_err().field, "from_number");
    assert_eq!((twilio.credentials_version(), clone.credentials_version()), (0, 0));
    twilio.set_token("n3w").unwrap();
    clone.set_token("n3w\n").unwrap();
    assert_eq!(clone.set_token(" ").unwrap_err().field, "auth_token");
    assert_eq!((twilio.credentials_version(), clone.credentials_version()), (2, 2));
    block_on(twilio.send(&OutboundMessage::text(to(), "hi"))).unwrap();
    // base64 of `<account>:n3w`
    assert_eq!(
        wire.recorded()[0].headers["authorization"],
        "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpuM3c="
    );
}

#[test]
fn the_api_is_where_messages_go() {
    let wire = Wire::answering([]);
    for (url, api) in [
        ("https://api.twilio.com", "twilio/api.twilio.com"),
        ("https://gateway.example/twilio/", "twilio/gateway.example"),
        ("http://127.0.0.1:8080", "twilio/127.0.0.1:8080"),
        ("http://[::1]:8080/x", "twilio/[::1]:8080"),
    ] {
        let twilio = sending(&wire).base_url(url).build().unwrap();
        assert_eq!(twilio.api(), Some(api.to_owned()));
    }
    assert_eq!(sending(&wire).build().unwrap().api(), Some("twilio/api.twilio.com".to_owned()));
    assert_eq!(Twilio::webhook_only("t0ken", URL).unwrap().api(), None);
}

#[test]
fn webhooks_are_acknowledged_without_a_text() {
    let request = http::Request::post(URL).body([]).unwrap();
    let request = WebhookRequest::from_http(&request, Timestamp::UNIX_EPOCH);
    let webhook = VerifiedWebhook::assume_verified(request, ProviderId::TWILIO);
    let acknowledged = |twiml| {
        let builder = Twilio::builder().auth_token("t").public_url(URL);
        builder.acknowledge_with_twiml(twiml).build().unwrap().acknowledge(&webhook)
    };
    let reply = acknowledged(false);
    assert_eq!((reply.status.as_u16(), reply.content_type), (204, None));
    assert!(reply.body.is_empty());
    let reply = acknowledged(true);
    assert_eq!(reply.status.as_u16(), 200);
    assert_eq!(reply.content_type, Some("text/xml; charset=utf-8"));
    assert_eq!(reply.body, "<Response/>");
}

#[test]
fn errors_never_repeat_the_value() {
    let wire = Wire::answering([]);
    for builder in [
        sending(&wire).account_sid("CANARY"),
        sending(&wire).from_number("CANARY"),
        sending(&wire).status_callback("CANARY"),
        sending(&wire).public_url("CANARY"),
        sending(&wire).base_url("CANARY"),
    ] {
        assert!(!builder.build().unwrap_err().to_string().contains("CANARY"));
    }
}
