//! Which addresses media may be fetched from with the account's credentials.

use std::net::Ipv4Addr;

use http::Uri;
use http::uri::{PathAndQuery, Scheme};

use crate::error::ConfigError;
use crate::http_client::base_url;

/// The hosts of media, checked.
#[derive(Clone)]
pub(super) struct MediaHosts {
    /// Addresses that begin with the first begin with the second in truth.
    rewrite: Option<(Origin, String)>,
    /// The API itself, and where media are rewritten to: whatever they are, the credentials are theirs.
    own: Vec<Origin>,
    /// Lower-case names, with `*.` in front if any host below will do.
    allowed: Vec<String>,
}

/// Scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let https = uri.scheme() == Some(&Scheme::HTTPS);
        if !https && uri.scheme() != Some(&Scheme::HTTP) {
            return None;
        }
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok()?,
            // What is no number is no port either, and `host:` has the default one.
            None if authority.as_str() == authority.host() => {
                if https {
                    443
                } else {
                    80
                }
            }
            None => return None,
        };
        Some(Self { https, host: authority.host().to_ascii_lowercase(), port })
    }
}

impl MediaHosts {
    /// Checks the settings of an endpoint. `base` is its base URL, which has been checked.
    pub(super) fn new(
        base: &str,
        rewrite: Option<(String, Option<String>)>,
        allowed: Vec<String>,
    ) -> Result<Self, ConfigError> {
        let invalid = |problem| ConfigError::new("endpoint.media_host_rewrite", problem);
        let origin = |url: &str| {
            let uri = url.parse::<Uri>().map_err(|_| invalid("not a URL"))?;
            Origin::of(&uri).map(|origin| (origin, uri)).ok_or_else(|| invalid("not a scheme and a host"))
        };
        let (own, _) = origin(base)?;
        let mut own = vec![own];
        let rewrite = match rewrite {
            None => None,
            Some((from, to)) => {
                let (from, uri) = origin(from.trim())?;
                if !from.https || !matches!(uri.path_and_query().map(PathAndQuery::as_str), None | Some("/"))
                {
                    return Err(invalid("the address to replace must be https and have no path"));
                }
                let to = match to {
                    Some(to) => base_url("endpoint.media_host_rewrite", &to)?,
                    None => base.to_owned(),
                };
                own.push(origin(&to)?.0);
                Some((from, to))
            }
        };
        let allowed = allowed.iter().map(|host| pattern(host)).collect::<Result<_, _>>()?;
        Ok(Self { rewrite, own, allowed })
    }

    /// Where to fetch what Meta says is at `url`. `None` if the credentials have no business there.
    pub(super) fn location(&self, url: &str) -> Option<Uri> {
        let mut uri = url.trim().parse::<Uri>().ok()?;
        let mut origin = Origin::of(&uri)?;
        if let Some((from, to)) = &self.rewrite
            && origin == *from
        {
            let rest = uri.path_and_query().map_or("/", PathAndQuery::as_str);
            uri = format!("{to}{rest}").parse().ok()?;
            origin = Origin::of(&uri)?;
        }
        let named =
            || origin.https && origin.port == 443 && self.allowed.iter().any(|own| covers(own, &origin.host));
        (self.own.contains(&origin) || named()).then_some(uri)
    }
}

fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        // The dot is a part of what remains, and something must be in front of it.
        Some(parent) => host.strip_suffix(parent).is_some_and(|child| !child.is_empty()),
        None => pattern == host,
    }
}

/// A name of at least two labels, or the names below one. Addresses in numbers are no names.
fn pattern(host: &str) -> Result<String, ConfigError> {
    let host = host.trim().to_ascii_lowercase();
    let name = host.strip_prefix("*.").unwrap_or(&host);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let number = name.parse::<Ipv4Addr>().is_ok() || name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if name.len() <= 253 && name.contains('.') && name.split('.').all(label) && !number {
        Ok(host)
    } else {
        Err(ConfigError::new(
            "endpoint.media_hosts",
            "must be a host such as `media.example.com` or `*.example.com`",
        ))
    }
}
