use std::collections::BTreeMap;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::media::MediaHosts;
use super::path::{PathTemplate, Place, plain_segment};
use super::{Endpoint, EndpointAuth, EndpointPath};
use crate::error::{ConfigError, Error, Result};
use crate::http_client::{Trust, base_url};
use crate::secret::Secret;

/// All but what a query may have everywhere.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An [`Endpoint`] whose every part was found in order.
pub(in crate::meta) struct Host {
    base: String,
    version: String,
    account: Option<String>,
    paths: BTreeMap<EndpointPath, PathTemplate>,
    auth: Auth,
    /// Their values are marked as sensitive.
    headers: HeaderMap,
    media: MediaHosts,
}

enum Auth {
    Bearer,
    Header(HeaderName),
}

/// What an address is about, beyond the account that was set up.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::meta) struct Names<'a> {
    pub(in crate::meta) sender: Option<&'a str>,
    pub(in crate::meta) account: Option<&'a str>,
    pub(in crate::meta) media: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// About a number.
    pub(in crate::meta) fn of_sender(sender: &'a str) -> Self {
        Self { sender: Some(sender), ..Self::default() }
    }
}

impl Host {
    /// Checks an endpoint. The builder's own base URL and version, if it was given them, win. `account` is the WhatsApp
    /// Business Account.
    pub(in crate::meta) fn new(
        endpoint: Endpoint,
        base: Option<&str>,
        version: Option<String>,
        account: Option<String>,
    ) -> Result<Self, ConfigError> {
        let base = base_url("base_url", base.unwrap_or(&endpoint.base_url))?;
        let version = version.unwrap_or(endpoint.version);
        if !plain_segment(&version) {
            return Err(not_plain("api_version"));
        }
        if account.as_ref().is_some_and(|account| !plain_segment(account)) {
            return Err(not_plain("account_id"));
        }
        let mut paths = BTreeMap::new();
        for (path, template) in endpoint.paths {
            let template = PathTemplate::parse(path.field(), &template)?;
            if template.has(Place::Media) != (path == EndpointPath::Media) {
                return Err(ConfigError::new(
                    path.field(),
                    "{media} belongs into the path of one file and nowhere else",
                ));
            }
            paths.insert(path, template);
        }
        let auth = match endpoint.auth {
            EndpointAuth::Bearer => Auth::Bearer,
            EndpointAuth::Raw => Auth::Header(header::AUTHORIZATION),
            EndpointAuth::Header(name) => Auth::Header(header_name("endpoint.auth", &name)?),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in endpoint.headers {
            let name = header_name("endpoint.headers", &name)?;
            if name == *auth.header() || headers.contains_key(&name) {
                return Err(ConfigError::new(
                    "endpoint.headers",
                    "has a header twice, or the one that carries the token",
                ));
            }
            headers.insert(name, secret_value("endpoint.headers", "", &value)?);
        }
        let media = MediaHosts::new(&base, endpoint.media_host_rewrite, &endpoint.media_hosts)?;
        Ok(Self { base, version, account, paths, auth, headers, media })
    }

    /// The address of something, with `query` (not encoded) behind what its path says.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if this host has no such address, or if it is not known what it is
    /// about; [`InvalidMessage`](crate::ErrorKind::InvalidMessage) if a name in it would mean something else in a path.
    pub(in crate::meta) fn address(
        &self,
        path: EndpointPath,
        names: &Names<'_>,
        query: &[(&str, &str)],
    ) -> Result<Uri> {
        let template = self.paths.get(&path).ok_or_else(|| Error::unsupported(path.field()))?;
        let value = |place| match place {
            Place::Version => Some(self.version.as_str()),
            Place::Sender => names.sender,
            Place::Account => names.account.or(self.account.as_deref()),
            Place::Media => names.media,
        };
        for place in [Place::Sender, Place::Account, Place::Media] {
            if value(place).is_some_and(|name| template.has(place) && !plain_segment(name)) {
                return Err(Error::invalid(field_of(place)));
            }
        }
        let filled = template.fill(value).map_err(|place| Error::unsupported(field_of(place)))?;
        let mut url = format!("{}/{filled}", self.base);
        for (name, value) in query {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.extend(utf8_percent_encode(name, QUERY));
            url.push('=');
            url.extend(utf8_percent_encode(value, QUERY));
        }
        url.parse().map_err(|_| Error::invalid(path.field()))
    }

    /// Where to fetch a file that is said to be at an address: there, or at the host that serves it in Meta's place; and
    /// what that host is trusted with. `None` if it must not be asked.
    pub(in crate::meta) fn media_location(&self, said: Uri) -> Option<(Uri, Trust)> {
        self.media.location(said)
    }

    /// Whether there is such an address.
    pub(in crate::meta) fn has(&self, path: EndpointPath) -> bool {
        self.paths.contains_key(&path)
    }

    /// The account that was set up.
    pub(in crate::meta) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The value of the header that carries a token.
    pub(in crate::meta) fn authorization(&self, token: &str) -> Result<HeaderValue, ConfigError> {
        let prefix = match self.auth {
            Auth::Bearer => "Bearer ",
            Auth::Header(_) => "",
        };
        secret_value("access_token", prefix, token)
    }

    /// Puts the credentials into a request.
    pub(in crate::meta) fn log_in(&self, headers: &mut HeaderMap, authorization: HeaderValue) {
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        headers.insert(self.auth.header(), authorization);
    }

    /// Whether the token is one of Meta's own, and not a key of the host's.
    pub(in crate::meta) fn takes_access_tokens(&self) -> bool {
        matches!(self.auth, Auth::Bearer)
    }
}

impl Auth {
    fn header(&self) -> &HeaderName {
        match self {
            Self::Bearer => &header::AUTHORIZATION,
            Self::Header(name) => name,
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("version", &self.version).finish_non_exhaustive()
    }
}

const fn field_of(place: Place) -> &'static str {
    match place {
        Place::Version => "api_version",
        Place::Sender => "phone_number_id",
        Place::Account => "account_id",
        Place::Media => "media",
    }
}

pub(in crate::meta) fn not_plain(field: &'static str) -> ConfigError {
    ConfigError::new(field, "must be 1 to 128 letters, digits, `.`, `_` or `-`, and not only dots")
}

/// The name of a header that a request may carry beside those that the client and this crate write.
pub(in crate::meta) fn header_name(field: &'static str, name: &str) -> Result<HeaderName, ConfigError> {
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| ConfigError::new(field, "is not the name of a header"))?;
    let taken = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::HOST,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    if taken.contains(&name) {
        return Err(ConfigError::new(field, "is a header that says how the request is to be read"));
    }
    Ok(name)
}

/// A header's value that nobody prints.
fn secret_value(field: &'static str, prefix: &str, secret: &str) -> Result<HeaderValue, ConfigError> {
    let secret = Secret::setting(field, secret)?;
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose()))
        .map_err(|_| ConfigError::new(field, "has a character that no header's value has"))?;
    value.set_sensitive(true);
    Ok(value)
}
