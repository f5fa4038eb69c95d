//! Where files may be fetched from, and who is told the credentials.
//!
//! The addresses of files come in answers and in redirects: whoever can write one could have the credentials sent to a
//! machine of their own, or have this one ask a neighbour behind the firewall. So nothing is asked that is not listed.
//!
//! A name is compared letter by letter and anything that is not a plain name is refused, because the next reader of the
//! address may see another host in it: one that is percent-encoded, written as a number, or stands behind a user name.

use http::Uri;

use super::base_url;
use crate::error::ConfigError;

/// What a host is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It may be asked and is told the credentials.
    Credentials,
    /// It may be asked, without credentials, if another one redirects there.
    Redirects,
}

/// The hosts that may be asked.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Vec<(Rule, Trust)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// Scheme, host and port as somebody has configured them: the only way to a server without TLS or without a name.
    Origin(Origin),
    /// This name, over `https` and its usual port.
    Name(String),
    /// All names below this one, over `https` and its usual port.
    Below(String),
}

/// An address leads to a host that is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file is at a host that is not trusted")]
pub(crate) struct HostNotAllowed;

impl Hosts {
    /// No hosts.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a host: `files.example.com`, `*.example.com` for all below that name, or the beginning of a URL, whose scheme
    /// and port count then (`http` only to this machine).
    pub(crate) fn add(&mut self, field: &'static str, host: &str, trust: Trust) -> Result<(), ConfigError> {
        let host = host.trim();
        let named = |name: &str| {
            public_name(name).ok_or_else(|| {
                ConfigError::new(field, "must be a public host name, `*.` and one, or the beginning of a URL")
            })
        };
        let rule = if host.contains("://") {
            let origin = base_url(field, host)?.parse().ok().and_then(|uri| Origin::of(&uri));
            Rule::Origin(origin.ok_or_else(|| ConfigError::new(field, "not a URL"))?)
        } else if let Some(name) = host.strip_prefix("*.") {
            Rule::Below(named(name)?)
        } else {
            Rule::Name(named(host)?)
        };
        self.0.push((rule, trust));
        Ok(())
    }

    /// What the host of an address is trusted with. `None`: it must not be asked.
    pub(crate) fn trust(&self, uri: &Uri) -> Option<Trust> {
        let origin = Origin::of(uri)?;
        let name = public_name(&origin.host).filter(|_| origin.secure && origin.port == 443);
        let fits = |rule: &Rule| match rule {
            Rule::Origin(listed) => *listed == origin,
            Rule::Name(listed) => name.as_ref() == Some(listed),
            Rule::Below(listed) => {
                let below = name.as_ref().and_then(|name| name.strip_suffix(listed.as_str()));
                below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
        };
        let trusts = || self.0.iter().filter(|(rule, _)| fits(rule)).map(|(_, trust)| *trust);
        trusts().find(|trust| *trust == Trust::Credentials).or_else(|| trusts().next())
    }
}

/// Scheme, host and port of an address, in one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Whether it is `https`.
    #[cfg(feature = "meta")]
    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// `None` for an address that has none, or names a user, or has an odd port.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let secure = match uri.scheme_str()? {
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            _ => return None,
        };
        let authority = uri.authority()?.as_str();
        let host = uri.host().filter(|host| !host.is_empty())?;
        let port = match authority.strip_prefix(host)? {
            "" => {
                if secure {
                    443
                } else {
                    80
                }
            }
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self { secure, host: host.to_ascii_lowercase(), port })
    }
}

/// Names that lead to no public host, with all below them (RFC 6761, 6762, 8375, and what private networks use).
const PRIVATE: &[&str] = &[
    "localhost",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "test",
    "invalid",
    "onion",
];

/// A name in lower case, if it is one that public hosts have: labels of letters, digits and hyphens, at least two, of
/// which the last is no number (which would be an address) and none is empty (as behind a dot at the end).
fn public_name(host: &str) -> Option<String> {
    let name = host.to_ascii_lowercase();
    let plain = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let (_, last) = name.rsplit_once('.')?;
    let public = name.len() <= 253
        && name.split('.').all(plain)
        && last.starts_with(|first: char| first.is_ascii_alphabetic())
        && !PRIVATE.contains(&last);
    public.then_some(name)
}

/// Where a redirect leads to: a whole address, one without a scheme, or a path from the root. Nobody redirects to files
/// in another way, and what is not understood is not followed.
pub(crate) fn redirect_target(from: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with("//") {
        format!("{}:{location}", from.scheme_str()?).parse().ok()
    } else if location.starts_with('/') {
        format!("{}://{}{location}", from.scheme_str()?, from.authority()?).parse().ok()
    } else {
        let uri: Uri = location.parse().ok()?;
        uri.scheme().is_some().then_some(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let mut hosts = Hosts::new();
        for host in
            ["graph.facebook.com", "*.fbcdn.net", "https://bsp.example:8443/v1", "http://127.0.0.1:8080"]
        {
            hosts.add("media_host", host, Trust::Credentials).unwrap();
        }
        for host in ["*.store.example", "files.fbcdn.net", "http://localhost:99"] {
            hosts.add("media_redirect_host", host, Trust::Redirects).unwrap();
        }
        hosts
    }

    /// What an address is trusted with; one that is not even a URI must not be asked either.
    fn trust(url: &str) -> Option<Trust> {
        hosts().trust(&url.parse().ok()?)
    }

    #[test]
    fn listed_hosts_are_asked() {
        for url in [
            "https://graph.facebook.com/x",
            "https://graph.facebook.com:443/x?y=https://evil.example",
            "HTTPS://GRAPH.Facebook.COM",
            "https://a.fbcdn.net/",
            "https://scontent-1.xx.fbcdn.net/v/t62?oe=1",
            "https://bsp.example:8443/anything",
            "http://127.0.0.1:8080/v25.0/1",
            "https://files.fbcdn.net/in-both-lists",
        ] {
            assert_eq!(trust(url), Some(Trust::Credentials), "{url}");
        }
        for url in ["https://a.store.example/x", "http://localhost:99/x"] {
            assert_eq!(trust(url), Some(Trust::Redirects), "{url}");
        }
    }

    #[test]
    fn nothing_else_is_asked() {
        for url in [
            // Without TLS, or another door.
            "http://graph.facebook.com/",
            "ftp://graph.facebook.com/",
            "https://graph.facebook.com:8443/",
            "https://graph.facebook.com:/",
            "https://graph.facebook.com:0443x/",
            "https://graph.facebook.com:99999/",
            "https://127.0.0.1:8080/",
            "http://127.0.0.1:8081/",
            "http://127.0.0.1/",
            "http://bsp.example:8443/",
            "https://bsp.example/",
            // Names that look like listed ones.
            "https://fbcdn.net/",
            "https://.fbcdn.net/",
            "https://evilfbcdn.net/",
            "https://fbcdn.net.evil.example/",
            "https://a.fbcdn.net.evil.example/",
            "https://a.fbcdn.net.",
            "https://graph.facebook.com./",
            "https://graph.facebook.com.evil.example/",
            "https://evil.example/graph.facebook.com",
            "https://evil.example?graph.facebook.com",
            "https://evil.example#.fbcdn.net",
            "https://a..fbcdn.net/",
            "https://-a.fbcdn.net/",
            "https://a_b.fbcdn.net/",
            "https://x.graph.facebook.com/",
            // Users.
            "https://user@graph.facebook.com/",
            "https://user:password@graph.facebook.com/",
            "https://graph.facebook.com@evil.example/",
            "https://graph.facebook.com:443@evil.example/",
            "https://@graph.facebook.com/",
            // Encoded names and other writing.
            "https://graph%2efacebook.com/",
            "https://evil.example%2f.fbcdn.net/",
            "https://evil.example%00.fbcdn.net/",
            "https://evil.example\\.fbcdn.net/",
            "https://evil.example\t.fbcdn.net/",
            "https:\\\\a.fbcdn.net\\",
            "https:/a.fbcdn.net/",
            "https:a.fbcdn.net/",
            "https://gräph.facebook.com/",
            "https://graph\u{3002}facebook\u{3002}com/",
            "https://graph.facebook.c\u{43e}m/",
            "https://xn--grph-loa.facebook.com/",
            // No name at all.
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fe80::1%25a.fbcdn.net]/",
            "https://localhost/",
            "https:///",
            "https://",
            "/v25.0/1",
            "graph.facebook.com",
            "",
        ] {
            assert_eq!(trust(url), None, "{url}");
        }
    }

    #[test]
    fn what_can_be_listed() {
        let add = |host: &str| Hosts::new().add("media_host", host, Trust::Credentials);
        for good in [
            " files.example.com ",
            "*.example.com",
            "https://files.example",
            "http://[::1]:8080",
            "xn--e1a.example",
        ] {
            assert!(add(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "*.",
            "*.com",
            "com",
            "a.*.example.com",
            "localhost",
            "printer.local",
            "db.internal",
            "10.0.0.1",
            "0x7f.0x1",
            "[::1]",
            "files.example.com.",
            "files.example.com:8443",
            "files.example.com/path",
            "user@files.example.com",
            "http://files.example.com",
            "ftp://files.example.com",
            "https://user@files.example.com",
            "füür.example",
        ] {
            assert_eq!(add(bad).unwrap_err().field, "media_host", "{bad}");
        }
    }

    #[test]
    fn redirects_are_followed_from_the_root_or_not_at_all() {
        let from: Uri = "https://a.example:8443/b/c?d=e".parse().unwrap();
        for (location, target) in [
            ("https://x.example/y", Some("https://x.example/y")),
            ("http://x.example", Some("http://x.example/")),
            ("//x.example/y?z", Some("https://x.example/y?z")),
            ("/y?z#fragment", Some("https://a.example:8443/y?z")),
            ("/", Some("https://a.example:8443/")),
            ("/https://x.example", Some("https://a.example:8443/https://x.example")),
            ("y", None),
            ("../y", None),
            ("?z", None),
            ("", None),
            ("#f", None),
            ("x.example", None),
            ("https:x.example", None),
            ("\\\\x.example\\y", None),
            ("javascript:alert(1)", None),
            ("https://x y/", None),
        ] {
            let found = redirect_target(&from, location).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), target, "{location}");
        }
    }
}
