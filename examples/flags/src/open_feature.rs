//! OpenFeature: one adapter for every flag service that has a provider for it.

use std::fmt;

use async_trait::async_trait;
use open_feature::{Client, EvaluationContext};
use whatsapp_provider::failover::{Route, RouteContext, RouteSource};

/// A flag of the type string whose value is a route: `auto`, `prefer:twilio`, `only:twilio`.
pub struct OpenFeatureRoute {
    pub client: Client,
    pub flag: String,
}

impl fmt::Debug for OpenFeatureRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFeatureRoute").field("flag", &self.flag).finish_non_exhaustive()
    }
}

#[async_trait]
impl RouteSource for OpenFeatureRoute {
    async fn route(&self, context: &RouteContext) -> Option<Route> {
        // Nothing here names the user: the bucket is what sticks in a rollout.
        let mut about = EvaluationContext::default()
            .with_targeting_key(context.bucket.to_string())
            .with_custom_field("bucket", i64::from(context.bucket))
            .with_custom_field("category", context.category.as_str());
        if let Some(sender) = &context.sender {
            about.add_custom_field("sender", sender.id.as_str());
        }
        // No value and a value that is no route are no opinion: the failover's default holds.
        self.client.get_string_value(&self.flag, Some(&about), None).await.ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
    use open_feature::{EvaluationError, EvaluationErrorCode, EvaluationResult, OpenFeature, StructValue};
    use whatsapp_provider::{Category, ProviderId};

    use super::*;

    /// Marketing goes by Twilio; the first hundredth of the users, too.
    struct Rules(ProviderMetadata);

    impl Rules {
        fn none<T>() -> EvaluationResult<T> {
            Err(EvaluationError { code: EvaluationErrorCode::FlagNotFound, message: None })
        }
    }

    #[async_trait]
    impl FeatureProvider for Rules {
        fn metadata(&self) -> &ProviderMetadata {
            &self.0
        }

        async fn resolve_string_value(
            &self,
            flag: &str,
            context: &EvaluationContext,
        ) -> EvaluationResult<ResolutionDetails<String>> {
            let field = |name: &str| &context.custom_fields[name];
            let marketing = field("category").as_str() == Some("marketing");
            let first = field("bucket").as_i64().is_some_and(|bucket| bucket < 100);
            match flag {
                "route" if marketing => Ok(ResolutionDetails::new("only:twilio")),
                "route" if first => Ok(ResolutionDetails::new("prefer:twilio")),
                "nonsense" => Ok(ResolutionDetails::new("sideways")),
                _ => Self::none(),
            }
        }

        async fn resolve_bool_value(
            &self,
            _: &str,
            _: &EvaluationContext,
        ) -> EvaluationResult<ResolutionDetails<bool>> {
            Self::none()
        }

        async fn resolve_int_value(
            &self,
            _: &str,
            _: &EvaluationContext,
        ) -> EvaluationResult<ResolutionDetails<i64>> {
            Self::none()
        }

        async fn resolve_float_value(
            &self,
            _: &str,
            _: &EvaluationContext,
        ) -> EvaluationResult<ResolutionDetails<f64>> {
            Self::none()
        }

        async fn resolve_struct_value(
            &self,
            _: &str,
            _: &EvaluationContext,
        ) -> EvaluationResult<ResolutionDetails<StructValue>> {
            Self::none()
        }
    }

    #[tokio::test]
    async fn the_flag_is_asked_with_what_a_message_is_for() {
        let mut api = OpenFeature::default();
        api.set_provider(Rules(ProviderMetadata::new("rules"))).await;
        let client = api.create_client();
        let mut route = OpenFeatureRoute { client, flag: "route".to_owned() };
        let twilio = || ProviderId::TWILIO;
        let marketing = RouteContext::new(Category::Marketing, 5000);
        assert_eq!(route.route(&marketing).await, Some(Route::Only(twilio())));
        let first = RouteContext::new(Category::Service, 99);
        assert_eq!(route.route(&first).await, Some(Route::Prefer(twilio())));
        assert_eq!(route.route(&RouteContext::new(Category::Service, 100)).await, None);
        for flag in ["nonsense", "unheard-of"] {
            flag.clone_into(&mut route.flag);
            assert_eq!(route.route(&marketing).await, None, "{flag}");
        }
    }
}
