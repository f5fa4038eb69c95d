//! The addresses that Twilio may have signed. All work on them is on text: a URL library would write some of them
//! differently, and then no signature holds.

use crate::webhook::WebhookHead;

/// An address under which Twilio reaches the application, in its three parts.
#[derive(Clone)]
pub(in crate::twilio) struct PublicUrl {
    origin: String,
    path: String,
    query: Option<String>,
}

impl PublicUrl {
    /// Takes an absolute URL apart. A fragment is Twilio's own affair and never signed.
    pub(in crate::twilio) fn new(url: &str) -> Self {
        let (origin, rest) = split_origin(without_fragment(url));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        Self { origin: origin.to_owned(), path: path.to_owned(), query }
    }

    /// The same origin with any path.
    pub(in crate::twilio) fn origin_only(&self) -> Self {
        Self { origin: self.origin.clone(), path: String::new(), query: None }
    }

    /// Whether `path` is the configured one, or goes on after a `/`. What is signed has no sign between the URL and the
    /// parameters, so a path that went on anyhow could swallow some of them.
    fn continues(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&*self.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }

    /// The addresses that Twilio may have signed when `path` and `query` arrived here.
    fn addresses(&self, path: &str, query: Option<&str>) -> Vec<String> {
        let mut addresses = Vec::new();
        if self.continues(path) {
            addresses.push(join(&self.origin, path, query));
        }
        // A proxy in between may have rewritten the path. The query comes through, or was part of what was configured.
        addresses.push(join(&self.origin, &self.path, query.or(self.query.as_deref())));
        addresses
    }
}

/// Every address that Twilio may have signed for a request that arrived, each once.
pub(super) fn candidates(head: &WebhookHead<'_>, urls: &[PublicUrl]) -> Vec<String> {
    let (_, target) = split_origin(without_fragment(&head.url));
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let mut candidates: Vec<String> = urls
        .iter()
        .flat_map(|url| url.addresses(path, head.query()))
        .flat_map(|address| variants(&address))
        .collect();
    candidates.sort_unstable();
    candidates.dedup();
    candidates
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

fn join(origin: &str, path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{origin}{path}?{query}"),
        None => format!("{origin}{path}"),
    }
}

/// Splits an absolute URL before its path; what has no scheme is all path.
fn split_origin(url: &str) -> (&str, &str) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return ("", url);
    };
    if scheme.contains(['/', '?']) {
        return ("", url);
    }
    let authority = rest.find(['/', '?']).unwrap_or(rest.len());
    url.split_at(scheme.len() + "://".len() + authority)
}

/// Whether Twilio signs with or without a port is not consistent, and it takes `'` and `%27` in a query for the same.
fn variants(address: &str) -> Vec<String> {
    let mut found = vec![address.to_owned(), other_port(address)];
    for index in 0..2 {
        let Some((base, query)) = found.get(index).and_then(|address| address.split_once('?')) else {
            continue;
        };
        let quoted = [query.replace('\'', "%27"), query.replace("%27", "'")];
        let quoted = quoted.map(|query| format!("{base}?{query}"));
        found.extend(quoted);
    }
    found
}

/// The address without its port; if it has none, with the default one of its scheme.
fn other_port(address: &str) -> String {
    let (origin, rest) = split_origin(address);
    match origin.rsplit_once(':') {
        // The colon of an IPv6 address or of a password is followed by more than digits.
        Some((before, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => format!("{before}{rest}"),
        _ => {
            let https = origin.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
            format!("{origin}:{}{rest}", if https { "443" } else { "80" })
        }
    }
}
