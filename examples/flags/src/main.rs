//! A failover that is led by a flag of somebody else's: the adapters for three flag services, and a run of one of them.
//!
//! ```text
//! cargo run --manifest-path examples/flags/Cargo.toml
//! ```
//!
//! Copy the adapter that you need. Each is a few lines: what a message is for goes in, a route comes out. The failover
//! asks it for every message and waits 50 ms at most, so the client must answer from what it knows, as all three do.

mod launch_darkly;
mod open_feature;
mod unleash;

use std::sync::Arc;

use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::failover::{FailoverProvider, RouteSource};
use whatsapp_provider::simulator::Simulator;
use whatsapp_provider::{OutboundMessage, PhoneNumber, WhatsAppProvider};

type Problem = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Problem> {
    println!("OpenFeature without a provider: no opinion");
    let client = ::open_feature::OpenFeature::default().create_client();
    run(open_feature::OpenFeatureRoute { client, flag: "whatsapp-route".to_owned() }).await?;

    println!("LaunchDarkly offline: no opinion");
    let config = launchdarkly_server_sdk::ConfigBuilder::new("").offline(true).build()?;
    let client = Arc::new(launchdarkly_server_sdk::Client::build(config)?);
    run(launch_darkly::LaunchDarklyRoute { client, flag: "whatsapp-route".to_owned() }).await?;

    println!("Unleash with a feature whose variant says prefer:twilio");
    let client = unleash_api_client::ClientBuilder::default()
        .enable_string_features()
        .disable_metric_submission()
        .into_client("http://127.0.0.1:9/api", "example", "one", None)
        .map_err(|problem| problem.to_string())?;
    let features = r#"{"version": 2, "features": [{
        "name": "whatsapp-route", "enabled": true, "strategies": [{"name": "default"}],
        "variants": [{"name": "twilio", "weight": 1000, "stickiness": "default",
                      "payload": {"type": "string", "value": "prefer:twilio"}}]}]}"#;
    client.memoize(serde_json::from_str(features)?).map_err(|problem| problem.to_string())?;
    run(unleash::UnleashRoute { client, feature: "whatsapp-route".to_owned() }).await
}

/// One message, with the route that the flag says.
async fn run(route: impl RouteSource) -> Result<(), Problem> {
    let simulator = Simulator::new(Arc::new(TokioClock::new()));
    let whatsapp = FailoverProvider::builder()
        .primary(simulator.meta().build()?)
        .fallback(simulator.twilio().build()?)
        .route(route)
        .build()?;
    let to = PhoneNumber::parse("+15551234567")?;
    let receipt = whatsapp.send(&OutboundMessage::text(to, "Your table is ready")).await?;
    println!("  sent by {}, route {}", receipt.provider, whatsapp.status().route);
    Ok(())
}
