use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::outbound::OutboundMessage;
use crate::provider::{Capabilities, WhatsAppProvider};
use crate::webhook::{VerifiedWebhook, WebhookRequest};

const KEY: &str = "SK0123456789abcdef0123456789abcdef";
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
        (ok().api_key("SK1", "s"), Some("api_key")),
        (ok().api_key(ACCOUNT, "s"), Some("api_key")),
        (ok().api_key(KEY, " "), Some("api_key_secret")),
        (ok().region("ie1.example"), Some("region")),
        (ok().region(""), Some("region")),
        (ok().edge("a/b"), Some("edge")),
        (ok().edge("ä"), Some("edge")),
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
        (bare().api_key(KEY, "s").public_url(URL), Some("auth_token")),
        (bare().api_key(KEY, "s").account_sid(ACCOUNT), Some("from_number")),
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
        .api_key(KEY, "CANARY")
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

/// The name and the password that a request logged in with.
fn login(recorded: &Recorded) -> String {
    let header = recorded.headers["authorization"].to_str().unwrap();
    String::from_utf8(STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap()).unwrap()
}

#[test]
fn a_key_logs_in_and_the_token_signs() {
    let wire = Wire::answering([]);
    let message = OutboundMessage::text(to(), "hi");
    let keyed = sending(&wire).api_key(KEY, "s3cret\n").public_url(URL).build().unwrap();
    let clone = keyed.clone();
    block_on(keyed.send(&message)).unwrap();
    keyed.set_token("n3w").unwrap();
    block_on(clone.send(&message)).unwrap();
    clone.set_api_key(KEY.replace('0', "1"), "s3cond").unwrap();
    assert_eq!(keyed.set_api_key("SK1", "x").unwrap_err().field, "api_key");
    assert_eq!(keyed.set_api_key(KEY, " ").unwrap_err().field, "api_key_secret");
    block_on(keyed.send(&message)).unwrap();
    assert_eq!(clone.credentials_version(), 2);
    let signing: Vec<_> = keyed.tokens.all().iter().map(|token| token.expose().to_owned()).collect();
    assert_eq!(signing, ["n3w"]);

    // A key alone sends, and there is nothing to verify with.
    let wire_of_key: Arc<dyn HttpClient> = Arc::<Wire>::clone(&wire);
    let alone = Twilio::builder().account_sid(ACCOUNT).api_key(KEY, "s3cret").from_number(NUMBER);
    let alone = alone.http_client(wire_of_key).clock(Arc::new(TestClock::new())).build().unwrap();
    block_on(alone.send(&message)).unwrap();
    assert!(alone.tokens.all().is_empty());

    let recorded = wire.recorded();
    let logins: Vec<_> = recorded.iter().map(login).collect();
    let first = format!("{KEY}:s3cret");
    let second = format!("{}:s3cond", KEY.replace('0', "1"));
    assert_eq!(logins, [first.clone(), first.clone(), second, first]);
    // The account is in the path all the same.
    assert!(recorded.iter().all(|recorded| recorded.uri.contains(&format!("/Accounts/{ACCOUNT}/"))));
}

#[test]
fn another_account_shares_the_connections_and_nothing_that_is_an_accounts_own() {
    let wire = Wire::answering([]);
    let main = sending(&wire)
        .api_key(KEY, "s3cret")
        .old_auth_token("0ld")
        .messaging_service_sid(SERVICE)
        .template(content_template())
        .template(ContentTemplate::looked_up("by_name", "en"))
        .look_up_templates(false)
        .portfolio("42")
        .status_callback("https://wa.example/status")
        .build()
        .unwrap();
    let sub = "ACffffffffffffffffffffffffffffffff";
    let other = main.with_account(sub, "sub-t0ken", "whatsapp:+14155550100").unwrap();
    assert_eq!(other.senders(), [SenderId::new(ProviderId::TWILIO, "+14155550100")]);
    block_on(other.send(&OutboundMessage::text(to(), "hi"))).unwrap();
    let recorded = wire.recorded().remove(0);
    assert_eq!(login(&recorded), format!("{sub}:sub-t0ken"));
    assert_eq!(recorded.uri, format!("https://api.twilio.com/2010-04-01/Accounts/{sub}/Messages.json"));
    let names: Vec<_> = recorded.pairs().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["To", "From", "Body", "StatusCallback"]);
    let signing: Vec<_> = other.tokens.all().iter().map(|token| token.expose().to_owned()).collect();
    assert_eq!(signing, ["sub-t0ken"]);
    let template = OutboundMessage::new(to(), crate::outbound::Template::new("order_shipped", "en_US"));
    assert!(main.check(&template).is_ok());
    assert_eq!(other.check(&template).unwrap_err().kind(), ErrorKind::TemplateUnavailable);
    let scoped = OutboundMessage::text(bsuid().with_scope("42"), "hi");
    assert!(main.check(&scoped).is_ok());
    assert_eq!(other.check(&scoped).unwrap_err().kind(), ErrorKind::NotPortable);

    // Neither changes the other's credentials.
    other.set_token("n3w").unwrap();
    assert_eq!((main.credentials_version(), other.credentials_version()), (0, 1));
    assert_eq!(main.with_account("AC1", "t", NUMBER).unwrap_err().field, "account_sid");
    assert_eq!(main.with_account(sub, " ", NUMBER).unwrap_err().field, "auth_token");
    assert_eq!(main.with_account(sub, "t", "1").unwrap_err().field, "from_number");
    let reader = Twilio::webhook_only("t0ken", URL).unwrap();
    assert_eq!(reader.with_account(sub, "t", NUMBER).unwrap_err().field, "account_sid");
}

#[test]
fn region_and_edge_are_in_the_names_of_the_hosts() {
    let wire = Wire::answering([]);
    for (region, edge, host) in [
        (None, None, "twilio.com"),
        (Some("ie1"), None, "ie1.twilio.com"),
        (None, Some("frankfurt"), "frankfurt.us1.twilio.com"),
        (Some(" IE1 "), Some("dublin"), "dublin.ie1.twilio.com"),
    ] {
        let mut builder = sending(&wire);
        builder = region.into_iter().fold(builder, TwilioBuilder::region);
        builder = edge.into_iter().fold(builder, TwilioBuilder::edge);
        let twilio = builder.clone().build().unwrap();
        assert_eq!(twilio.api(), Some(format!("twilio/api.{host}")));
        let account = twilio.account.as_ref().unwrap();
        assert_eq!(*account.base_url, format!("https://api.{host}"));
        assert_eq!(*account.messaging_url, format!("https://messaging.{host}"));
        assert_eq!(*account.content_url, format!("https://content.{host}"));
        // An address that is given is the address.
        let given = builder.base_url("https://gateway.example").build().unwrap();
        assert_eq!(given.api().as_deref(), Some("twilio/gateway.example"));
        assert_eq!(*given.account.unwrap().messaging_url, format!("https://messaging.{host}"));
    }
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
