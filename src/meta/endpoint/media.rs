//! Where files are fetched from, and who gets the account's credentials there.

use http::Uri;
use http::uri::PathAndQuery;

use crate::error::ConfigError;
use crate::http_client::{Hosts, Origin, Trust, base_url};

/// Below which Meta's API has its hosts.
const META: &str = "*.facebook.com";
/// Where Meta has its files.
const META_FILES: [&str; 3] = ["*.fbsbx.com", "*.fbcdn.net", "*.whatsapp.net"];

/// The hosts of media, checked.
#[derive(Clone)]
pub(super) struct MediaHosts {
    /// Addresses that begin with the first begin with the second in truth.
    rewrite: Option<(Origin, String)>,
    hosts: Hosts,
}

impl MediaHosts {
    /// Checks the settings of an endpoint. `base` is its base URL, which has been checked.
    pub(super) fn new(
        base: &str,
        rewrite: Option<(String, Option<String>)>,
        listed: &[(String, Trust)],
    ) -> Result<Self, ConfigError> {
        const REWRITE: &str = "endpoint.media_host_rewrite";
        let invalid = |problem| ConfigError::new(REWRITE, problem);
        let mut hosts = Hosts::new();
        hosts.add("base_url", base, Trust::Credentials)?;
        if is_meta(base) {
            for host in META_FILES {
                hosts.add("endpoint.media_hosts", host, Trust::Credentials)?;
            }
        }
        let rewrite = match rewrite {
            None => None,
            Some((from, to)) => {
                let from: Uri = from.trim().parse().map_err(|_| invalid("not a URL"))?;
                let bare = matches!(from.path_and_query().map(PathAndQuery::as_str), None | Some("/"));
                let origin = Origin::of(&from).filter(|origin| bare && origin.is_secure());
                let origin =
                    origin.ok_or_else(|| invalid("the address to replace must be https and have no path"))?;
                let to = match to {
                    Some(to) => base_url(REWRITE, &to)?,
                    None => base.to_owned(),
                };
                hosts.add(REWRITE, &to, Trust::Credentials)?;
                Some((origin, to))
            }
        };
        for (host, trust) in listed {
            hosts.add("endpoint.media_hosts", host, *trust)?;
        }
        Ok(Self { rewrite, hosts })
    }

    /// Where to fetch what is said to be at an address, and what its host is trusted with. `None` if it must not be asked.
    pub(super) fn location(&self, said: Uri) -> Option<(Uri, Trust)> {
        let uri = match &self.rewrite {
            Some((from, to)) if Origin::of(&said).as_ref() == Some(from) => {
                let rest = said.path_and_query().map_or("/", PathAndQuery::as_str);
                format!("{to}{rest}").parse().ok()?
            }
            _ => said,
        };
        let trust = self.hosts.trust(&uri)?;
        Some((uri, trust))
    }
}

/// Whether an address is one of Meta's own, so that the token is Meta's as well. Only the base URL that is used in the end
/// tells: under another one the token is a gateway's.
fn is_meta(base: &str) -> bool {
    let mut meta = Hosts::new();
    meta.add("base_url", META, Trust::Credentials).is_ok()
        && base.parse().is_ok_and(|base| meta.trust(&base).is_some())
}
