use std::sync::Arc;

use http::Uri;

use super::HttpClient;
use crate::error::ConfigError;

/// The client a builder takes when it is given none.
pub(crate) fn default_client() -> Result<Arc<dyn HttpClient>, ConfigError> {
    #[cfg(feature = "reqwest")]
    return Ok(Arc::new(super::ReqwestClient::new()?));
    #[cfg(not(feature = "reqwest"))]
    return Err(ConfigError::new(
        "http_client",
        "none is bundled without the feature `rustls` or `native-tls`; give the builder one",
    ));
}

/// Checks the address of a provider's API and takes a `/` from its end.
///
/// Credentials go there, so it is `https`; plain `http` only to this machine, for simulators.
pub(crate) fn base_url(field: &'static str, url: &str) -> Result<String, ConfigError> {
    let invalid = |problem| ConfigError::new(field, problem);
    let uri: Uri = url.trim().parse().map_err(|_| invalid("not a URL"))?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| invalid("the URL has no host"))?;
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if local => {}
        _ => return Err(invalid("must be https (http only to this machine)")),
    }
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    // `Uri` drops a fragment, which would swallow the paths that are put behind it.
    if user || uri.query().is_some() || url.contains('#') {
        return Err(invalid("must have neither a user name nor a query nor a fragment"));
    }
    Ok(url.trim().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_only_go_to_https_or_to_this_machine() {
        for (url, expected) in [
            ("https://graph.facebook.com", "https://graph.facebook.com"),
            (" https://example.com/meta/ ", "https://example.com/meta"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://localhost", "http://localhost"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(base_url("base_url", url).unwrap(), expected);
        }
        for bad in [
            "",
            "graph.facebook.com",
            "http://graph.facebook.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://user@example.com",
            "https://example.com/?a=b",
            "https://example.com/#a",
        ] {
            assert!(base_url("base_url", bad).is_err(), "{bad}");
        }
    }
}
