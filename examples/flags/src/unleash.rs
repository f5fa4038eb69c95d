//! Unleash: a feature whose variants have a route as their payload.

use std::fmt;

use async_trait::async_trait;
use unleash_api_client::Context;
use unleash_api_client::client::Client;
use whatsapp_provider::failover::{Route, RouteContext, RouteSource};

/// A client that knows features by their names (`enable_string_features`), and that the application keeps up to date
/// with `poll_for_updates`. Asking it makes no request.
pub struct UnleashRoute {
    pub client: Client<NoFeature>,
    pub feature: String,
}

/// The client wants a type for the features that are known when the program is built. There are none.
#[derive(Debug, Clone, Copy)]
pub enum NoFeature {}

impl unleash_api_client::client::FeatureKey for NoFeature {
    fn name(self) -> &'static str {
        match self {}
    }
}

impl fmt::Debug for UnleashRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnleashRoute").field("feature", &self.feature).finish_non_exhaustive()
    }
}

#[async_trait]
impl RouteSource for UnleashRoute {
    async fn route(&self, context: &RouteContext) -> Option<Route> {
        // Nothing here names the user: the bucket is what sticks in a rollout.
        let mut about = Context { user_id: Some(context.bucket.to_string()), ..Context::default() };
        about.properties.insert("category".to_owned(), context.category.as_str().to_owned());
        if let Some(sender) = &context.sender {
            about.properties.insert("sender".to_owned(), sender.id.clone());
        }
        let variant = self.client.get_variant_str(&self.feature, &about);
        // No variant and one whose payload is no route are no opinion: the failover's default holds.
        variant.payload.get("value")?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use unleash_api_client::ClientBuilder;
    use whatsapp_provider::{Category, ProviderId};

    use super::*;

    #[tokio::test]
    async fn the_variant_that_a_message_gets_is_its_route() {
        let client: Client<NoFeature> = ClientBuilder::default()
            .enable_string_features()
            .disable_metric_submission()
            .into_client("http://127.0.0.1:9/api", "example", "one", None)
            .unwrap();
        let variant = |name: &str, route: &str| {
            let payload = json!({ "type": "string", "value": route });
            json!({ "name": name, "weight": 1000, "stickiness": "default", "payload": payload })
        };
        let only_marketing =
            json!([{ "contextName": "category", "operator": "IN", "values": ["marketing"] }]);
        let feature = |name: &str, variants: Vec<serde_json::Value>| {
            let strategy = json!({ "name": "default", "constraints": only_marketing });
            json!({ "name": name, "enabled": true, "strategies": [strategy], "variants": variants })
        };
        let features = json!({
            "version": 2,
            "features": [
                feature("route", vec![variant("twilio", "prefer:twilio")]),
                feature("nonsense", vec![variant("sideways", "sideways")]),
                feature("bare", vec![]),
            ],
        });
        client.memoize(serde_json::from_value(features).unwrap()).unwrap();

        let mut route = UnleashRoute { client, feature: "route".to_owned() };
        let marketing = RouteContext::new(Category::Marketing, 5000);
        assert_eq!(route.route(&marketing).await, Some(Route::Prefer(ProviderId::TWILIO)));
        assert_eq!(route.route(&RouteContext::new(Category::Service, 5000)).await, None);
        for feature in ["nonsense", "bare", "unheard-of"] {
            feature.clone_into(&mut route.feature);
            assert_eq!(route.route(&marketing).await, None, "{feature}");
        }
    }
}
