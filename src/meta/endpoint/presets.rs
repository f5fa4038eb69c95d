//! The hosts that are known to speak Meta's payload.

use super::{Endpoint, EndpointAuth, EndpointPath};

/// What is asked of a number. A version that lacks one of the fields refuses all of them; then none are named, and the
/// few that every version gives come.
const NUMBER_FIELDS: &str = "{version}/{sender}?fields=id,display_phone_number,verified_name,name_status,\
    code_verification_status,quality_rating,platform_type,throughput,status,account_mode,\
    whatsapp_business_manager_messaging_limit,health_status";

/// What is asked of templates.
const TEMPLATE_FIELDS: &str = "{version}/{account}/message_templates?fields=id,name,language,status,category,\
    quality_score,parameter_format,rejected_reason,components";

impl Endpoint {
    /// Meta itself: `https://graph.facebook.com`, version `v25.0`.
    pub fn meta() -> Self {
        let paths = [
            (EndpointPath::Messages, "{version}/{sender}/messages"),
            (EndpointPath::MarketingMessages, "{version}/{sender}/marketing_messages"),
            (EndpointPath::MediaUpload, "{version}/{sender}/media"),
            (EndpointPath::Media, "{version}/{media}?phone_number_id={sender}"),
            (EndpointPath::Probe, "{version}/{sender}?fields=id"),
            (EndpointPath::Number, NUMBER_FIELDS),
            (EndpointPath::Templates, TEMPLATE_FIELDS),
            (EndpointPath::SubscribedApps, "{version}/{account}/subscribed_apps"),
        ];
        Self {
            base_url: "https://graph.facebook.com".to_owned(),
            version: "v25.0".to_owned(),
            paths: paths.into_iter().map(|(path, template)| (path, template.to_owned())).collect(),
            auth: EndpointAuth::Bearer,
            headers: Vec::new(),
            media_host_rewrite: None,
            media_hosts: Vec::new(),
            signs_webhooks: true,
        }
    }

    /// [360dialog](https://docs.360dialog.com): `https://waba-v2.360dialog.io`, without version and phone number id in
    /// its addresses, and with its key in `D360-API-KEY`. Media are fetched from there, too.
    ///
    /// It posts Meta's webhooks without a signature that its customers could check. A header of your own, which is
    /// entered there beside the webhook's URL, takes its place:
    /// [`webhook_secret_header`](crate::MetaCloudBuilder::webhook_secret_header). Templates are listed by an API of
    /// another form, which is not asked.
    ///
    /// ```no_run
    /// use whatsapp_provider::MetaCloud;
    /// use whatsapp_provider::meta::Endpoint;
    ///
    /// # fn run(api_key: &str, header_secret: &str) -> Result<(), whatsapp_provider::ConfigError> {
    /// let dialog360 = MetaCloud::builder()
    ///     .endpoint(Endpoint::dialog360())
    ///     .phone_number_id("106540352242922")
    ///     .access_token(api_key)
    ///     .webhook_secret_header("x-webhook-secret", header_secret)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "360dialog")]
    pub fn dialog360() -> Self {
        Self {
            auth: EndpointAuth::Header("D360-API-KEY".to_owned()),
            // Where the base URL is replaced, its key must not go to the real one.
            media_host_rewrite: Some(("https://lookaside.fbsbx.com".to_owned(), None)),
            signs_webhooks: false,
            ..Self::new("https://waba-v2.360dialog.io")
                .path(EndpointPath::Messages, "messages")
                .path(EndpointPath::MediaUpload, "media")
                .path(EndpointPath::Media, "{media}")
                .path(EndpointPath::Probe, "health_status")
                .path(EndpointPath::Number, "health_status")
                .without(EndpointPath::MarketingMessages)
                .without(EndpointPath::Templates)
                .without(EndpointPath::SubscribedApps)
        }
    }

    /// Kapso: `https://api.kapso.ai/meta/whatsapp`, version `v24.0`, with its key in `X-API-Key`. It passes on every
    /// path of Meta's. How it signs webhooks, and from where it serves media, is not known here; whoever knows it says so with
    /// [`webhook_hmac_header`](crate::MetaCloudBuilder::webhook_hmac_header) and [`media_host`](Self::media_host).
    pub fn kapso() -> Self {
        Self::new("https://api.kapso.ai/meta/whatsapp")
            .version("v24.0")
            .auth(EndpointAuth::Header("X-API-Key".to_owned()))
            .signs_webhooks(false)
    }

    /// Pinbot: `https://partnersv1.pinbot.ai`, `v3` in the place of a version, with its key in `apikey`. Only the address
    /// of messages is known here.
    pub fn pinbot() -> Self {
        Self::new("https://partnersv1.pinbot.ai")
            .version("v3")
            .auth(EndpointAuth::Header("apikey".to_owned()))
            .signs_webhooks(false)
            .only_messages()
    }

    /// Interakt: `https://amped-express.interakt.ai/api`, version `v17.0`, with its token in `x-access-token` and the id
    /// of the WhatsApp Business Account in `x-waba-id`. Only the address of messages is known here.
    pub fn interakt(account_id: impl Into<String>) -> Self {
        Self::new("https://amped-express.interakt.ai/api")
            .version("v17.0")
            .auth(EndpointAuth::Header("x-access-token".to_owned()))
            .header("x-waba-id", account_id)
            .signs_webhooks(false)
            .only_messages()
    }

    fn only_messages(mut self) -> Self {
        self.paths.retain(|path, _| *path == EndpointPath::Messages);
        self
    }
}
