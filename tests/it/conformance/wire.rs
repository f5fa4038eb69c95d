//! Webhooks as the two providers write and sign them, by hand: the suite must not be checked by what it checks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, Request};
use sha2::Sha256;
use whatsapp_provider::testing::conformance::Element;

pub(super) const META_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
pub(super) const TWILIO_SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// A post of Meta's that is signed with this secret.
pub(super) fn meta(secret: &str, elements: &[Element<'_>]) -> Request<Bytes> {
    let messages = elements.iter().map(element).collect::<Vec<_>>().join(",");
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100001","phone_number_id":"107070707070707"}},"messages":[{messages}]}}}}]}}]}}"#
    );
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&body).finalize();
    let hex: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = Request::post("/webhook").header(META_SIGNATURE, format!("sha256={hex}"));
    request.body(Bytes::from(body)).unwrap()
}

/// Whether two posts of Meta's are the same but for the case of the signature's digits.
pub(super) fn same_at_meta(a: &Request<Bytes>, b: &Request<Bytes>) -> bool {
    let digits = |request: &Request<Bytes>| {
        let value = request.headers()[META_SIGNATURE].as_bytes();
        value.strip_prefix(b"sha256=").map(<[u8]>::to_ascii_lowercase)
    };
    a.body() == b.body() && digits(a) == digits(b)
}

fn element(element: &Element<'_>) -> String {
    match element {
        Element::Text { id, from, body } => format!(
            r#"{{"from":"{from}","id":"{id}","timestamp":"1795000000","type":"text","text":{{"body":"{body}"}}}}"#
        ),
        Element::Garbage(sort) => match sort % 12 {
            0 => "42".to_owned(),
            1 => "null".to_owned(),
            2 => r#""text""#.to_owned(),
            3 => "[]".to_owned(),
            4 => "{}".to_owned(),
            5 => {
                format!(r#"{{"from":"15557654321","id":"g{sort}","type":"hologram","hologram":{{"k":[1]}}}}"#)
            }
            6 => format!(r#"{{"from":"15557654321","id":"g{sort}","type":"text"}}"#),
            7 => {
                format!(r#"{{"from":"15557654321","id":"g{sort}","type":"text","text":{{"body":{{}}}}}}"#)
            }
            8 => format!(r#"{{"from":"no number","id":"g{sort}","type":"text","text":{{"body":"x"}}}}"#),
            9 => format!(r#"{{"from":"15557654321","id":"g{sort}","type":"image","image":[]}}"#),
            10 => format!(r#"{{"from":"15557654321","id":"g{sort}"}}"#),
            _ => format!(r#"{{"from":["15557654321"],"id":"g{sort}","type":7}}"#),
        },
        _ => r#"{"from":"15557654321","type":"text","text":{"body":"hello"}}"#.to_owned(),
    }
}

/// A post of Twilio's to this address that is signed with this token.
pub(super) fn twilio(token: &str, url: &str, element: &Element<'_>) -> Request<Bytes> {
    let mut pairs = pairs(element);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    pairs.sort();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).unwrap().chain_update(url);
    for (name, value) in &pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    Request::post("/webhook")
        .header(TWILIO_SIGNATURE, STANDARD.encode(mac.finalize().into_bytes()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap()
}

/// Whether two posts of Twilio's have the same parameters. Bytes that are not UTF-8 read alike here and not there, so only
/// what is UTF-8 is compared.
pub(super) fn same_at_twilio(a: &Request<Bytes>, b: &Request<Bytes>) -> bool {
    let readable = |request| decoded(request).iter().all(|(a, b)| !(a.clone() + b).contains('\u{fffd}'));
    a.headers() == b.headers() && readable(a) && readable(b) && decoded(a) == decoded(b)
}

fn decoded(request: &Request<Bytes>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = url::form_urlencoded::parse(request.body()).into_owned().collect();
    pairs.sort();
    pairs.dedup();
    pairs
}

fn pairs(element: &Element<'_>) -> Vec<(String, String)> {
    let number = |digits: &str| format!("whatsapp:+{digits}");
    let pairs: Vec<(&str, String)> = match element {
        Element::Text { id, from, body } => vec![
            ("MessageSid", (*id).to_owned()),
            ("SmsStatus", "received".to_owned()),
            ("MessageType", "text".to_owned()),
            ("Body", (*body).to_owned()),
            ("From", number(from)),
            ("To", number("15550001111")),
            ("NumMedia", "0".to_owned()),
        ],
        Element::Garbage(sort) => match sort % 4 {
            0 => vec![],
            1 => vec![("Hello", "world".to_owned())],
            2 => vec![
                ("MessageSid", format!("g{sort}")),
                ("MessageType", "hologram".to_owned()),
                ("From", number("15557654321")),
                ("To", number("15550001111")),
            ],
            _ => vec![
                ("MessageSid", format!("g{sort}")),
                ("Body", "x".to_owned()),
                ("From", "nobody".to_owned()),
            ],
        },
        _ => vec![("Body", "hello".to_owned()), ("From", number("15557654321"))],
    };
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
