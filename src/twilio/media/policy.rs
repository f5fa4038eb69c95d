use http::Uri;

use super::address::{Address, Misplaced};
use crate::error::{ConfigError, Error, Result};
use crate::http_client::{HostNotAllowed, Hosts, Limits, Trust};
use crate::twilio::TwilioBuilder;

/// Where addresses of files begin, whatever the API's base URL is here.
const API: &str = "api.twilio.com";
/// Where Twilio redirects to for files.
const FILE_HOSTS: [&str; 2] = ["*.twilio.com", "*.twiliocdn.com"];

/// How files are fetched, as it was given to the builder.
#[derive(Clone)]
pub(in crate::twilio) struct MediaSettings {
    redirect_hosts: Vec<String>,
    limits: Limits,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self { redirect_hosts: Vec::new(), limits: Limits::media() }
    }
}

impl MediaSettings {
    /// Checks them. `base` is the API's base URL, which has been checked.
    pub(in crate::twilio) fn build(&self, base: &str) -> Result<MediaPolicy, ConfigError> {
        let mut hosts = Hosts::new();
        hosts.add("base_url", base, Trust::Credentials)?;
        hosts.add("base_url", API, Trust::Credentials)?;
        for host in FILE_HOSTS {
            hosts.add("base_url", host, Trust::Redirects)?;
        }
        for host in &self.redirect_hosts {
            hosts.add("media_redirect_host", host, Trust::Redirects)?;
        }
        Ok(MediaPolicy { hosts, limits: self.limits })
    }
}

impl TwilioBuilder {
    /// A further host to which Twilio redirects for files, and which is asked without the credentials:
    /// `files.example.com`, `*.example.com` for all below that name, or the beginning of a URL (`http` only to this
    /// machine). `*.twilio.com` and `*.twiliocdn.com` are followed by themselves; a bucket of S3
    /// (`s3-external-1.amazonaws.com`) is not, because anybody can have one. Can be given several times.
    pub fn media_redirect_host(mut self, host: impl Into<String>) -> Self {
        self.media.redirect_hosts.push(host.into());
        self
    }

    /// The limits of fetching a file. Default [`Limits::media`].
    pub fn media_limits(mut self, limits: Limits) -> Self {
        self.media.limits = limits;
        self
    }
}

/// How files are fetched, and from where.
pub(in crate::twilio) struct MediaPolicy {
    hosts: Hosts,
    pub(super) limits: Limits,
}

impl MediaPolicy {
    /// Reads the address of a file, which must be one of the API's under the own account.
    pub(super) fn address(&self, url: &str, account_sid: &str) -> Result<Address> {
        let malformed = || Error::invalid("media").with_source(HostNotAllowed);
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        if self.hosts.trust(&uri) != Some(Trust::Credentials) || uri.query().is_some() {
            return Err(malformed());
        }
        match Address::read(uri.path(), account_sid) {
            Ok(address) => Ok(address),
            Err(Misplaced::Malformed) => Err(Error::invalid("media")),
            Err(Misplaced::Foreign) => Err(Error::not_portable("media")),
        }
    }

    /// Whether a redirect may be followed. Wherever it leads, it is told no credentials.
    pub(super) fn may_follow(&self, uri: &Uri) -> bool {
        self.hosts.trust(uri).is_some()
    }
}
