use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use sha2::{Digest, Sha256};

use super::endpoint::{EndpointPath, Host, Names};
use super::signature::proof;
use crate::clock::Clock;
use crate::error::{ConfigError, Error, Result};
use crate::http_client::HttpClient;
use crate::ids::SenderId;
use crate::secret::Secret;

/// What it takes to send from one number.
pub(super) struct Sending {
    pub(super) sender: SenderId,
    pub(super) http: Arc<dyn HttpClient>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) host: Arc<Host>,
    messages: Uri,
    proof_secret: Option<Secret>,
    /// Held only to copy or to replace it, never while waiting.
    credentials: RwLock<Credentials>,
}

/// The token as it travels, and how often it was replaced.
struct Credentials {
    authorization: HeaderValue,
    /// What proves to the Graph API that the app's own servers hold the token.
    proof: Option<String>,
    /// What tells the token from others and does not give it away.
    digest: [u8; 32],
    version: u64,
}

impl Credentials {
    /// The first ones.
    fn new(host: &Host, proof_secret: Option<&Secret>, token: &str) -> Result<Self, ConfigError> {
        let authorization = host.authorization(token)?;
        let proof = proof_secret.and_then(|secret| proof(secret, token.trim()));
        let digest = Sha256::digest(authorization.as_bytes()).into();
        Ok(Self { authorization, proof, digest, version: 0 })
    }
}

impl Sending {
    /// Puts the number's addresses and the token together. The sender's id has no character that means anything in a
    /// path.
    pub(super) fn new(
        host: Arc<Host>,
        proof_secret: Option<Secret>,
        sender: SenderId,
        token: &str,
        http: Arc<dyn HttpClient>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let messages =
            host.address(EndpointPath::Messages, &Names::of_sender(&sender.id), &[]).map_err(|_| {
                ConfigError::new("endpoint.messages", "does not make a URL with the base URL and the id")
            })?;
        let credentials = RwLock::new(Credentials::new(&host, proof_secret.as_ref(), token)?);
        Ok(Self { sender, http, clock, host, messages, proof_secret, credentials })
    }

    pub(super) fn set_token(&self, token: &str) -> Result<(), ConfigError> {
        let mut new = Credentials::new(&self.host, self.proof_secret.as_ref(), token)?;
        let mut credentials = self.credentials.write().unwrap_or_else(PoisonError::into_inner);
        new.version = credentials.version.wrapping_add(1);
        *credentials = new;
        Ok(())
    }

    pub(super) fn credentials_version(&self) -> u64 {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).version
    }

    /// The digest of the token that is in use.
    pub(super) fn token_digest(&self) -> [u8; 32] {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).digest
    }

    /// Where messages are sent to, with the port if the address names one.
    pub(super) fn api(&self) -> Option<String> {
        let authority = self.messages.authority()?;
        Some(format!("meta/{}", authority.as_str().to_ascii_lowercase()))
    }

    /// An address that is about this number. See [`Host::address`].
    pub(super) fn address(&self, path: EndpointPath, query: &[(&str, &str)]) -> Result<Uri, Error> {
        self.host.address(path, &Names::of_sender(&self.sender.id), query)
    }

    /// A request to the API, with the credentials.
    pub(super) fn request<B>(&self, method: Method, uri: Uri, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        let credentials = self.credentials.read().unwrap_or_else(PoisonError::into_inner);
        self.host.log_in(request.headers_mut(), credentials.authorization.clone());
        *request.uri_mut() = match &credentials.proof {
            Some(proof) => with_proof(uri, proof),
            None => uri,
        };
        request
    }

    /// A request that posts JSON.
    pub(super) fn post(&self, path: EndpointPath, body: String) -> Result<Request<Bytes>> {
        let address = match path {
            EndpointPath::Messages => self.messages.clone(),
            path => self.address(path, &[])?,
        };
        let mut request = self.request(Method::POST, address, Bytes::from(body));
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        Ok(request)
    }

    /// Puts the credentials into the head of a request that does not go to the API. Look at its address first
    /// ([`Host::media_location`]).
    pub(super) fn log_in(&self, headers: &mut HeaderMap) {
        let token = self.credentials.read().unwrap_or_else(PoisonError::into_inner).authorization.clone();
        self.host.log_in(headers, token);
    }
}

fn with_proof(uri: Uri, proof: &str) -> Uri {
    let separator = if uri.query().is_some() { '&' } else { '?' };
    // An address that gets too long by it, beyond 64 KiB, goes without, and is refused.
    format!("{uri}{separator}appsecret_proof={proof}").parse().unwrap_or(uri)
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("sender", &self.sender).finish_non_exhaustive()
    }
}
