//! Settings and names that are not valid.

use std::sync::Arc;

use whatsapp_provider::failover::Route;
use whatsapp_provider::meta::{Endpoint, EndpointAuth, EndpointPath};
use whatsapp_provider::outbound::Link;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{
    AttemptId, ConfigError, GroupId, MetaCloud, PhoneNumber, ProviderId, Twilio, UserId,
};

use super::collector::Collector;
use super::echo::Echo;
use super::said::USER;

/// Settings and names that are not valid: the errors do not repeat them.
pub(super) fn wrong_settings(collector: &Collector) {
    let meta = || MetaCloud::builder().phone_number_id("1").access_token("canary-token");
    let twilio = || {
        Twilio::builder()
            .account_sid("AC00000000000000000000000000000001")
            .auth_token("canary-token")
            .from_number("+15550100002")
    };
    let result = |error: Result<(), ConfigError>| collector.error("a setting", &error.unwrap_err());
    for builder in [
        meta().access_token("canary\ntoken canary-token"),
        meta().phone_number_id("canary-id/x"),
        meta().api_version("no/version"),
        meta().base_url("canary-url"),
        meta().base_url("http://canary-host.example/canary-path?x=1"),
        meta().base_url("https://canary-user:canary-password@canary-host.example"),
        meta().verify_token("canary-verify-token"),
        meta().account_id("canary-account/x"),
        meta().webhook_secret_header("canary header", "canary-secret"),
        meta()
            .webhook_secret_header("x-secret", "canary-secret")
            .webhook_secret_header("x-a", "canary-secret"),
        meta().appsecret_proof_with("canary-secret").endpoint(Endpoint::dialog360()),
        meta().endpoint(Endpoint::new("canary-url")),
        meta().endpoint(Endpoint::meta().header("canary header", "canary-value")),
        meta().endpoint(Endpoint::meta().header("x-a", "canary\nvalue")),
        meta().endpoint(Endpoint::meta().path(EndpointPath::Messages, "{canary}")),
        meta().endpoint(Endpoint::meta().media_host("canary host")),
        meta().endpoint(Endpoint::meta().media_host_rewrite("canary-url", "canary-url")),
        meta().endpoint(Endpoint::meta().auth(EndpointAuth::Header("canary header".to_owned()))),
    ] {
        collector.debug("a builder", &builder);
        result(builder.build().map(drop));
    }
    for builder in [
        twilio().account_sid("canary-sid"),
        twilio().api_key("canary-sid", "canary-secret"),
        twilio().api_key("SK00000000000000000000000000000001", " "),
        twilio().region("canary.region"),
        twilio().edge("canary/edge"),
        twilio().from_number("canary-number"),
        twilio().from_number(format!("whatsapp:{USER}")),
        twilio().messaging_service_sid("canary-sid"),
        twilio().status_callback("canary-url"),
        twilio().status_callback("http://canary-host.example/canary-path"),
        twilio().status_callback("https://canary-host.example/canary-path?attempt=1"),
        twilio().public_url("canary-url"),
        twilio().base_url("http://canary-host.example"),
        twilio().content_url("canary-url"),
        twilio().media_redirect_host("canary-host"),
        twilio().shared_key("canary,key", "canary-secret"),
        twilio().template(ContentTemplate::new("order_shipped", "en_US", "no sid")),
    ] {
        collector.debug("a builder", &builder);
        result(builder.build().map(drop));
    }
    let provider =
        meta().http_client(Arc::new(Echo { status: 400, code: 1 })).clock(Arc::new(TestClock::new()));
    let provider = provider.build().unwrap();
    result(provider.set_token("canary token\ncanary-token"));
    result(provider.with_sender("canary-id/x", "canary-token").map(drop));
    collector.debug("a provider", &provider);

    collector.error("a number", &PhoneNumber::parse("canary-number").unwrap_err());
    collector.error("a number", &PhoneNumber::parse(&format!("+{USER}{USER}")).unwrap_err());
    collector.error("a user", &UserId::new("canary- user").unwrap_err());
    collector.error("a group", &GroupId::new("canary- group").unwrap_err());
    collector.error("a link", &"http://canary-host.example/".parse::<Link>().unwrap_err());
    collector.error("a provider's id", &"canary- id".parse::<ProviderId>().unwrap_err());
    collector.error("a route", &"canary-route".parse::<Route>().unwrap_err());
    collector.error("an attempt's id", &"canary-id".parse::<AttemptId>().unwrap_err());
}
