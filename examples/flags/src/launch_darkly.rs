//! LaunchDarkly: a flag of the type string whose variations are routes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use launchdarkly_server_sdk::{Client, ContextBuilder};
use whatsapp_provider::failover::{Route, RouteContext, RouteSource};

/// A client that the application has started. Asking it makes no request.
pub struct LaunchDarklyRoute {
    pub client: Arc<Client>,
    pub flag: String,
}

impl fmt::Debug for LaunchDarklyRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchDarklyRoute").field("flag", &self.flag).finish_non_exhaustive()
    }
}

#[async_trait]
impl RouteSource for LaunchDarklyRoute {
    async fn route(&self, context: &RouteContext) -> Option<Route> {
        // Nothing here names the user: the bucket is what sticks in a rollout.
        let mut about = ContextBuilder::new(context.bucket.to_string());
        about.kind("bucket").set_string("category", context.category.as_str());
        if let Some(sender) = &context.sender {
            about.set_string("sender", sender.id.as_str());
        }
        // The default is no route, as is any other nonsense: no opinion, so that the failover's own default holds.
        self.client.str_variation(&about.build().ok()?, &self.flag, String::new()).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use launchdarkly_server_sdk::{ConfigBuilder, NullEventProcessorBuilder, ServiceEndpointsBuilder};
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use whatsapp_provider::{Category, ProviderId};

    use super::*;

    /// A flag by which marketing goes by Twilio.
    fn flag(key: &str, variations: [&str; 2]) -> serde_json::Value {
        let marketing = json!({
            "contextKind": "bucket", "attribute": "category", "op": "in", "values": ["marketing"], "negate": false,
        });
        json!({
            "key": key,
            "version": 1,
            "on": true,
            "salt": "salt",
            "variations": variations,
            "fallthrough": { "variation": 0 },
            "offVariation": 0,
            "prerequisites": [],
            "targets": [],
            "rules": [{ "id": "rule", "variation": 1, "clauses": [marketing], "trackEvents": false }],
        })
    }

    /// A server that tells all flags at once and then is silent.
    async fn stream(flags: serde_json::Value) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            let data = json!({ "path": "/", "data": { "flags": flags, "segments": {} } });
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            socket.write_all(format!("{head}event: put\ndata: {data}\n\n").as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        });
        url
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_variation_that_a_message_gets_is_its_route() {
        let flags = json!({
            "route": flag("route", ["auto", "only:twilio"]),
            "nonsense": flag("nonsense", ["sideways", "sideways"]),
        });
        let url = stream(flags).await;
        let config = ConfigBuilder::new("sdk-key")
            .service_endpoints(ServiceEndpointsBuilder::new().relay_proxy(&url))
            .event_processor(&NullEventProcessorBuilder::new())
            .build()
            .unwrap();
        let client = Arc::new(Client::build(config).unwrap());
        client.start_with_default_executor();
        assert_eq!(client.wait_for_initialization(Duration::from_secs(20)).await, Some(true));

        let mut route = LaunchDarklyRoute { client, flag: "route".to_owned() };
        let marketing = RouteContext::new(Category::Marketing, 5000);
        assert_eq!(route.route(&marketing).await, Some(Route::Only(ProviderId::TWILIO)));
        assert_eq!(route.route(&RouteContext::new(Category::Service, 5000)).await, Some(Route::Auto));
        for flag in ["nonsense", "unheard-of"] {
            flag.clone_into(&mut route.flag);
            assert_eq!(route.route(&marketing).await, None, "{flag}");
        }
    }
}
