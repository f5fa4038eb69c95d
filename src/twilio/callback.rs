//! The address to which Twilio posts statuses, and what it carries there and back.
//!
//! Twilio has no field for a reference of the caller's own. Its `StatusCallback` is a URL per message, so attempt and
//! reference travel in the query of that, which is signed like the rest of the URL.

use crate::error::{ConfigError, Error, Result};
use crate::ids::AttemptId;

use super::form;

/// The most characters that Twilio takes (21609).
const MAX_BYTES: usize = 4000;
/// The most that may be configured, so that an attempt and a reference have room.
const MAX_CONFIGURED_BYTES: usize = 3000;

const ATTEMPT: &str = "attempt";
const REFERENCE: &str = "reference";

/// Twilio gives a status up after one failed connection unless it is told otherwise.
const RETRIES: &str = "#rc=5&rp=all";

/// A configured status callback.
pub(super) struct StatusCallback {
    /// The URL up to the fragment, and the sign that continues its query.
    base: String,
    /// The fragment with its `#`: connection overrides, which are not part of what is signed.
    fragment: String,
}

impl StatusCallback {
    /// Checks an address.
    pub(super) fn new(url: &str) -> Result<Self, ConfigError> {
        let invalid = |problem| Err(ConfigError::new("status_callback", problem));
        let url = url.trim();
        if url.len() > MAX_CONFIGURED_BYTES {
            return invalid("must be at most 3,000 characters long");
        }
        let uri = absolute_url("status_callback", url)?;
        let host = uri.host().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if uri.scheme_str() != Some("https") && !local {
            return invalid("must be https (http only to this machine)");
        }
        // Twilio refuses such hosts (21609).
        if host.contains('_') {
            return invalid("the host has an underscore, which Twilio does not accept");
        }
        let (base, fragment) = match url.split_once('#') {
            Some((base, fragment)) => (base, format!("#{fragment}")),
            None => (url, RETRIES.to_owned()),
        };
        let query = base.split_once('?').map(|(_, query)| query);
        let taken =
            |(name, _): (Vec<u8>, Vec<u8>)| [ATTEMPT.as_bytes(), REFERENCE.as_bytes()].contains(&&*name);
        if form::pairs(query.unwrap_or_default().as_bytes()).any(taken) {
            return invalid("its query must not have `attempt` or `reference`");
        }
        let joint = match query {
            None => "?",
            Some(query) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        Ok(Self { base: format!("{base}{joint}"), fragment })
    }

    /// The address for one attempt.
    pub(super) fn of(&self, attempt: AttemptId, reference: Option<&str>) -> Result<String> {
        let Self { base, fragment } = self;
        let Some(reference) = reference else {
            return Ok(format!("{base}{ATTEMPT}={attempt}{fragment}"));
        };
        let start = format!("{base}{ATTEMPT}={attempt}&{REFERENCE}=");
        let encoded = form::encode_query_value(reference);
        // In bytes of the encoded reference, because the rest is nothing that the caller could make shorter.
        let room = MAX_BYTES.saturating_sub(start.len() + fragment.len());
        if encoded.len() > room {
            return Err(Error::over_limit("reference", room as u64, encoded.len() as u64));
        }
        Ok(format!("{start}{encoded}{fragment}"))
    }
}

/// The attempt and the reference in the query of a status. Ours come after whatever was configured.
pub(super) fn read_marks(query: &str) -> (Option<AttemptId>, Option<String>) {
    let (mut attempt, mut reference) = (None, None);
    for (name, value) in form::pairs(query.as_bytes()) {
        let Ok(value) = String::from_utf8(value) else {
            continue;
        };
        if name == ATTEMPT.as_bytes() {
            attempt = value.parse().ok();
        } else if name == REFERENCE.as_bytes() && !value.is_empty() {
            reference = Some(value);
        }
    }
    (attempt, reference)
}

/// Reads a URL with scheme and host, in visible ASCII characters.
pub(super) fn absolute_url(field: &'static str, url: &str) -> Result<http::Uri, ConfigError> {
    let invalid = || ConfigError::new(field, "not an absolute URL in visible ASCII characters");
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid());
    }
    let uri: http::Uri = url.parse().map_err(|_| invalid())?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let named = uri.host().is_some_and(|host| !host.is_empty());
    if web && named { Ok(uri) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT_ID: &str = "000102030405060708090a0b0c0d0e0f";

    fn of(url: &str, reference: Option<&str>) -> String {
        let attempt = ATTEMPT_ID.parse().unwrap();
        StatusCallback::new(url).unwrap().of(attempt, reference).unwrap()
    }

    #[test]
    fn query_and_fragment_are_kept() {
        let id = ATTEMPT_ID;
        for (url, reference, expected) in [
            ("https://x.example/s", None, format!("https://x.example/s?attempt={id}#rc=5&rp=all")),
            (" https://x.example ", None, format!("https://x.example?attempt={id}#rc=5&rp=all")),
            (
                "https://x.example/s?a=b%20c",
                Some("order-77"),
                format!("https://x.example/s?a=b%20c&attempt={id}&reference=order-77#rc=5&rp=all"),
            ),
            ("https://x.example/s?", None, format!("https://x.example/s?attempt={id}#rc=5&rp=all")),
            ("https://x.example/s?a&", None, format!("https://x.example/s?a&attempt={id}#rc=5&rp=all")),
            ("https://x.example/s#rc=2", None, format!("https://x.example/s?attempt={id}#rc=2")),
            ("https://x.example/s#", None, format!("https://x.example/s?attempt={id}#")),
            ("http://127.0.0.1:8080/s", None, format!("http://127.0.0.1:8080/s?attempt={id}#rc=5&rp=all")),
            (
                "https://x.example/s",
                Some("a:b@c d&é#'+"),
                format!("https://x.example/s?attempt={id}&reference=a:b@c%20d%26%C3%A9%23%27%2B#rc=5&rp=all"),
            ),
        ] {
            assert_eq!(of(url, reference), expected);
        }
    }

    #[test]
    fn what_was_sent_comes_back() {
        let reference = "a:b@c d&é#'+%=";
        let url = of("https://x.example/s?attempts=1", Some(reference));
        let (_, query) = url.split_once('#').unwrap().0.split_once('?').unwrap();
        let (attempt, read) = read_marks(query);
        assert_eq!(attempt, Some(ATTEMPT_ID.parse().unwrap()));
        assert_eq!(read.as_deref(), Some(reference));
        assert_eq!(read_marks(""), (None, None));
        assert_eq!(read_marks("attempt=7&reference="), (None, None));
        assert_eq!(read_marks("reference=%ff"), (None, None));
    }

    #[test]
    fn the_whole_has_at_most_4000_characters() {
        let base = |bytes: usize| format!("https://x.example/{}", "p".repeat(bytes - 18));
        assert!(StatusCallback::new(&base(3000)).is_ok());
        assert!(StatusCallback::new(&base(3001)).is_err());
        let callback = StatusCallback::new(&base(3000)).unwrap();
        let attempt: AttemptId = ATTEMPT_ID.parse().unwrap();
        // `?attempt=<32>&reference=` and the fragment leave room for 936 characters, 312 encoded ones.
        let reference =
            |encoded: usize, plain: usize| format!("{}{}", "#".repeat(encoded), "p".repeat(plain));
        let url = callback.of(attempt, Some(&reference(312, 0))).unwrap();
        assert_eq!(url.len(), 4000);
        let error = callback.of(attempt, Some(&reference(311, 4))).unwrap_err();
        assert_eq!(error.field(), Some("reference"));
        assert_eq!((error.limit(), error.actual()), (Some(936), Some(937)));
    }

    #[test]
    fn addresses_that_twilio_refuses_are_refused_first() {
        for bad in [
            "",
            "/status",
            "x.example/status",
            "http://x.example/status",
            "ftp://127.0.0.1/",
            "https:///status",
            "https://a_b.example/status",
            "https://x.example/a b",
            "https://x.example/é",
            "https://x.example/?attempt=1",
            "https://x.example/?a=b&reference",
        ] {
            let error = StatusCallback::new(bad).err().unwrap_or_else(|| panic!("{bad}"));
            assert_eq!(error.field, "status_callback");
        }
    }
}
