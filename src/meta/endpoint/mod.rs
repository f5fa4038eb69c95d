use std::collections::BTreeMap;
use std::fmt;

use crate::http_client::Trust;

mod host;
mod media;
mod path;
mod presets;
#[cfg(test)]
mod tests;

pub(super) use host::{Host, Names, header_name, not_plain};
pub(super) use path::plain_segment;

/// Where an API that speaks Meta's payload is, and how one logs in there. Given to
/// [`MetaCloudBuilder::endpoint`](super::MetaCloudBuilder::endpoint); the default is Meta itself.
///
/// Several companies pass Meta's Cloud API on under addresses and keys of their own. What is sent and what arrives is the
/// same; the addresses, the header that carries the key, and the place of media differ. A preset is an endpoint like any
/// other, and every part of it can be changed.
///
/// ```no_run
/// use whatsapp_provider::MetaCloud;
/// use whatsapp_provider::meta::{Endpoint, EndpointAuth, EndpointPath};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::new("https://gateway.example/whatsapp")
///     .path(EndpointPath::Messages, "v3/{sender}/messages")
///     .auth(EndpointAuth::Header("apikey".to_owned()))
///     .header("x-tenant", "tenant-7");
/// let meta = MetaCloud::builder()
///     .endpoint(endpoint)
///     .phone_number_id("106540352242922")
///     .access_token("the gateway's key")
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// The phone number id stays Meta's, also where no address carries it: statuses and inbound messages name it.
///
/// Nothing is checked before [`build`](super::MetaCloudBuilder::build), which names what is wrong. `Debug` prints neither
/// addresses nor the values of headers.
#[doc(alias = "BSP")]
#[derive(Clone)]
#[must_use]
pub struct Endpoint {
    base_url: String,
    version: String,
    paths: BTreeMap<EndpointPath, String>,
    auth: EndpointAuth,
    headers: Vec<(String, String)>,
    /// What media addresses begin with, and what is put in its place; nothing is the base URL.
    media_host_rewrite: Option<(String, Option<String>)>,
    media_hosts: Vec<(String, Trust)>,
    pub(super) signs_webhooks: bool,
}

/// What an [`Endpoint`] has an address for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndpointPath {
    /// Messages are posted there. Meta: `{version}/{sender}/messages`.
    Messages,
    /// Marketing templates are posted there, where it is wished. Meta: `{version}/{sender}/marketing_messages`.
    MarketingMessages,
    /// Files are posted there. Meta: `{version}/{sender}/media`.
    MediaUpload,
    /// A file's address is read there, and the file is deleted there. Meta:
    /// `{version}/{media}?phone_number_id={sender}`.
    Media,
    /// The cheapest read that needs the key: it answers an object with an `id`. Meta: `{version}/{sender}?fields=id`.
    Probe,
    /// What is known of the number. Meta: `{version}/{sender}?fields=…`, the fields that
    /// [`check_account`](super::MetaCloud::check_account) reports.
    Number,
    /// The account's templates are listed there. Meta: `{version}/{account}/message_templates?fields=…`, those of a
    /// [`MessageTemplate`](super::MessageTemplate).
    Templates,
    /// The apps that get the account's webhooks are listed there. Meta: `{version}/{account}/subscribed_apps`.
    SubscribedApps,
}

impl EndpointPath {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Messages,
        Self::MarketingMessages,
        Self::MediaUpload,
        Self::Media,
        Self::Probe,
        Self::Number,
        Self::Templates,
        Self::SubscribedApps,
    ];

    /// How errors name it.
    const fn field(self) -> &'static str {
        match self {
            Self::Messages => "endpoint.messages",
            Self::MarketingMessages => "endpoint.marketing_messages",
            Self::MediaUpload => "endpoint.media_upload",
            Self::Media => "endpoint.media",
            Self::Probe => "endpoint.probe",
            Self::Number => "endpoint.number",
            Self::Templates => "endpoint.templates",
            Self::SubscribedApps => "endpoint.subscribed_apps",
        }
    }
}

/// How the access token travels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointAuth {
    /// `Authorization: Bearer <token>`, as at Meta.
    Bearer,
    /// `Authorization: <token>`, as at the partner API of Gupshup.
    Raw,
    /// A header with this name, with the token alone.
    Header(String),
}

impl Endpoint {
    /// An API with Meta's own paths and login under another address: a proxy, a gateway, an emulator. It must be
    /// `https`; plain `http` only to this machine.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self { base_url: base_url.into(), ..Self::meta() }
    }

    /// Sets the address that all paths are put behind.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets what `{version}` stands for, unless the builder's
    /// [`api_version`](super::MetaCloudBuilder::api_version) says it.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets a path, which is put behind the base URL. It may have a query, and these places: `{version}`, `{sender}` (the
    /// phone number id), `{account}` (the WhatsApp Business Account) and, for [`EndpointPath::Media`], `{media}`.
    pub fn path(mut self, path: EndpointPath, template: impl Into<String>) -> Self {
        self.paths.insert(path, template.into());
        self
    }

    /// Says that there is no such address. What would need it is [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn without(mut self, path: EndpointPath) -> Self {
        self.paths.remove(&path);
        self
    }

    /// Sets how the access token travels.
    pub fn auth(mut self, auth: EndpointAuth) -> Self {
        self.auth = auth;
        self
    }

    /// Adds a header to every request, with a value that is treated as a secret.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Fetches media from `to` where Meta says that they are at `from`: for hosts that hand Meta's media on, and whose
    /// key Meta would not know. Both are a scheme and a host, `https://lookaside.fbsbx.com`; `to` may have a path.
    pub fn media_host_rewrite(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.media_host_rewrite = Some((from.into(), Some(to.into())));
        self
    }

    /// Adds a host that media are fetched from, **with the access token**: `media.example.com`, `*.example.com` for every
    /// host below it, or the beginning of a URL, whose scheme and port count then (`http` only to this machine). The host of
    /// the base URL always is one. Meta's own, `*.fbsbx.com`, `*.fbcdn.net` and `*.whatsapp.net`, are added where the base
    /// URL is Meta's, whoever set it, and nowhere else: the key of another host is not for Meta. Name them for a proxy that
    /// hands Meta's own token on.
    pub fn media_host(mut self, host: impl Into<String>) -> Self {
        self.media_hosts.push((host.into(), Trust::Credentials));
        self
    }

    /// Adds a host that media are fetched from if one that is trusted with the token redirects there. It is not told the
    /// token. Written as for [`media_host`](Self::media_host).
    pub fn media_redirect_host(mut self, host: impl Into<String>) -> Self {
        self.media_hosts.push((host.into(), Trust::Redirects));
        self
    }

    /// Whether the webhooks of this host carry Meta's signature with an app secret that the caller knows. Where they do
    /// not, an app secret would verify nothing, and `build` asks for
    /// [`webhook_secret_header`](super::MetaCloudBuilder::webhook_secret_header) or
    /// [`webhook_hmac_header`](super::MetaCloudBuilder::webhook_hmac_header) in its place.
    pub fn signs_webhooks(mut self, signs: bool) -> Self {
        self.signs_webhooks = signs;
        self
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::meta()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("version", &self.version)
            .field("paths", &self.paths.keys())
            .field("headers", &self.headers.len())
            .field("signs_webhooks", &self.signs_webhooks)
            .finish_non_exhaustive()
    }
}
