//! Forms, written and read: what Twilio takes and what it posts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;

use http::{Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::webhook::WebhookRequest;

/// Everything but letters, digits and `-._~` is encoded, a space as `%20`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In a query of our own `:` and `@` stay as they are: Twilio signs them so even where it sends them encoded.
const QUERY: &AsciiSet = &FORM.remove(b':').remove(b'@');

/// Writes a form. A name may come several times.
pub(super) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(utf8_percent_encode(name, FORM));
        form.push('=');
        form.extend(utf8_percent_encode(value, FORM));
    }
    form
}

/// Writes a value for the query of a URL that Twilio will sign.
pub(super) fn encode_query_value(value: &str) -> String {
    utf8_percent_encode(value, QUERY).to_string()
}

/// The pairs of a form, decoded, in order; as bytes, because a signature is over bytes. Nothing is trimmed, and empty
/// values and repeated names stay.
pub(super) fn pairs(encoded: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default();
        (decode(name), decode(halves.next().unwrap_or_default()))
    })
}

fn decode(encoded: &[u8]) -> Vec<u8> {
    let spaced: Cow<'_, [u8]> = if encoded.contains(&b'+') {
        let plus_is_space = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
        encoded.iter().map(plus_is_space).collect()
    } else {
        encoded.into()
    };
    percent_decode(&spaced).collect()
}

/// Where a webhook has its parameters.
pub(super) enum Payload<'r> {
    /// In the query: a GET.
    Query(&'r [u8]),
    /// In the body, which is a form.
    Form(&'r [u8]),
    /// The body is something else.
    Other(&'r [u8]),
}

impl<'r> Payload<'r> {
    /// Looks at method and content type. A body without a content type is taken for a form, as Twilio posts hardly
    /// anything else.
    pub(super) fn of(request: &'r WebhookRequest<'_>) -> Self {
        let head = &request.head;
        if *head.method == Method::GET || *head.method == Method::HEAD {
            return Self::Query(head.query().unwrap_or_default().as_bytes());
        }
        let is_form = head.headers.get_all(header::CONTENT_TYPE).iter().all(|value| {
            let essence = value.as_bytes().split(|byte| *byte == b';').next();
            essence.is_some_and(|essence| {
                essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
            })
        });
        if is_form { Self::Form(request.body) } else { Self::Other(request.body) }
    }

    /// The bytes themselves.
    pub(super) fn as_bytes(&self) -> &'r [u8] {
        let (Self::Query(bytes) | Self::Form(bytes) | Self::Other(bytes)) = self;
        bytes
    }
}

/// The parameters of a webhook as text. Of a name that comes several times the first value counts.
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads a form; `None` if a name or a value is not UTF-8.
    pub(super) fn read(encoded: &[u8]) -> Option<Self> {
        let mut fields = BTreeMap::new();
        for (name, value) in pairs(encoded) {
            let (name, value) = (String::from_utf8(name).ok()?, String::from_utf8(value).ok()?);
            fields.entry(name).or_insert(value);
        }
        Some(Self(fields))
    }

    /// A value, unless it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value as an owned text, unless it is missing or empty.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// Whether a parameter is there, be it empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a parameter says `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The values of `<prefix>0`, `<prefix>1`, …, in the order of their numbers.
    pub(super) fn numbered(&self, prefix: &str) -> BTreeMap<u32, &str> {
        self.0
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter_map(|(name, value)| {
                let number = name.strip_prefix(prefix)?.parse().ok()?;
                (!value.is_empty()).then_some((number, value.as_str()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(encoded: &[u8]) -> Vec<(String, String)> {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        pairs(encoded).map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let written = [
            ("To", "whatsapp:+15551234567"),
            ("Body", "Olá & 100% = sure?\n+"),
            ("MediaUrl", "https://example.com/a?b=c"),
            ("MediaUrl", ""),
        ];
        let form = encode(written);
        assert_eq!(
            form,
            "To=whatsapp%3A%2B15551234567&Body=Ol%C3%A1%20%26%20100%25%20%3D%20sure%3F%0A%2B\
             &MediaUrl=https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc&MediaUrl="
        );
        assert_eq!(read(form.as_bytes()), written.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn odd_forms_are_read_without_loss() {
        for (encoded, expected) in [
            ("", vec![]),
            ("&&", vec![]),
            ("a", vec![("a", "")]),
            ("a=", vec![("a", "")]),
            ("=b", vec![("", "b")]),
            ("a=b=c", vec![("a", "b=c")]),
            ("a=1&a=1", vec![("a", "1"), ("a", "1")]),
            ("a=+x+&b=%2B", vec![("a", " x "), ("b", "+")]),
            ("a=100%&b=%zz", vec![("a", "100%"), ("b", "%zz")]),
        ] {
            let expected: Vec<_> =
                expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(read(encoded.as_bytes()), expected, "{encoded}");
        }
        assert_eq!(pairs(b"a=%ff").next().unwrap(), (b"a".to_vec(), vec![0xff]));
        assert!(Fields::read(b"a=%ff").is_none());
    }

    #[test]
    fn fields_are_found_by_name_and_number() {
        let fields = Fields::read(b"Url10=k&Url0=a&Url2=c&Url=x&Urlx=y&Url3=&t=TRUE&f=1&Url0=later").unwrap();
        let numbered: Vec<_> = fields.numbered("Url").into_iter().collect();
        assert_eq!(numbered, [(0, "a"), (2, "c"), (10, "k")]);
        assert!(fields.is_true("t") && !fields.is_true("f"));
        assert!(fields.has("Url3") && fields.text("Url3").is_none());
    }
}
