use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::MediaRef;
use crate::redact::redacted_debug;

/// Where a media file comes from.
///
/// As JSON: `{"link":"https://…"}`, `{"id":{…}}` or `{"bytes":{"data":"<base64>","mime_type":"image/png"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Media {
    /// A public address from which the provider fetches the file when it sends the message. If it cannot, the failure
    /// comes later, as a status.
    Link(Link),
    /// A file that the provider already has. Only the sender it belongs to can send it.
    Id(MediaRef),
    /// The file itself. Meta is given it first and the message then. To Twilio it cannot be given; a media host of your own
    /// (`twilio::MediaHost`) keeps it where Twilio can fetch it.
    Bytes(FileBytes),
}

/// An `https` address, at most 2,048 bytes long.
///
/// `Debug` does not print it: addresses of media often carry keys.
///
/// ```
/// use whatsapp_provider::outbound::Link;
///
/// assert!("https://example.com/menu.pdf".parse::<Link>().is_ok());
/// assert!("http://example.com/menu.pdf".parse::<Link>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Link(String);

impl Link {
    /// Checks an address.
    ///
    /// # Errors
    ///
    /// [`InvalidLink`] unless it is `https://`, a host and an optional rest, all in visible ASCII characters
    /// (anything else percent-encoded), without a user name, and at most 2,048 bytes long.
    pub fn new(url: impl Into<String>) -> Result<Self, InvalidLink> {
        let url = url.into();
        // A URI as `http` reads it may have any other character in its path.
        if url.len() > 2048 || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidLink);
        }
        let uri: http::Uri = url.parse().map_err(|_| InvalidLink)?;
        let https = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let named = uri.host().is_some_and(|host| !host.is_empty());
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if https && named && plain { Ok(Self(url)) } else { Err(InvalidLink) }
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Link {
    type Err = InvalidLink;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Self::new(url)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link([redacted])")
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The address was not `https`, had no host, named a user, was too long, or had characters that are not ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a link is an https address of at most 2048 visible ASCII characters")]
#[non_exhaustive]
pub struct InvalidLink;

/// A media file, held in memory.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileBytes {
    /// The content.
    #[serde(with = "crate::json::base64_bytes")]
    pub data: Bytes,
    /// Its media type, such as `image/png`.
    pub mime_type: String,
}

impl FileBytes {
    /// Holds a file.
    pub fn new(data: impl Into<Bytes>, mime_type: impl Into<String>) -> Self {
        Self { data: data.into(), mime_type: mime_type.into() }
    }
}

redacted_debug! { FileBytes { mime_type } }

impl From<Link> for Media {
    fn from(link: Link) -> Self {
        Self::Link(link)
    }
}

impl From<MediaRef> for Media {
    fn from(media: MediaRef) -> Self {
        Self::Id(media)
    }
}

impl From<FileBytes> for Media {
    fn from(bytes: FileBytes) -> Self {
        Self::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_https_with_a_host() {
        for good in ["https://example.com", "https://example.com:8443/a%20b?c=d#!~", "HTTPS://example.com/"] {
            assert_eq!(Link::new(good).unwrap().as_str(), good);
        }
        let long = format!("https://example.com/{}", "a".repeat(2048));
        for bad in [
            "",
            "example.com/a.png",
            "/a.png",
            "http://example.com",
            "ftp://example.com",
            "https://",
            "https://user:pw@example.com/",
            "https://example.com/a b",
            "https://exämple.com/",
            "https://example.com/ä.png",
            "https://example.com/?q=ä",
            "https://example.com/#ä",
            "https://example.com/#a b",
            "https://example.com/\u{7f}",
            "https://example.com/\n",
            &long,
        ] {
            assert_eq!(Link::new(bad), Err(InvalidLink), "{bad}");
        }
    }
}
