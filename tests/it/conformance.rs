//! The conformance suite over every provider of the crate, and over providers that break a law.

use base64::Engine as _;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha2::Sha256;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, Unrecognized, User};
use whatsapp_provider::pace::Paced;
use whatsapp_provider::testing::conformance::{self, Element, Subject};
use whatsapp_provider::testing::{EventMaker, MemoryProvider};
use whatsapp_provider::{
    FailoverProvider, InboundEvent, Lines, MessageRef, MetaCloud, PhoneNumber, ProviderId, Twilio,
    WhatsAppProvider,
};

struct Memory {
    provider: MemoryProvider,
}

impl Memory {
    fn event(&self, place: usize, element: &Element<'_>) -> InboundEvent {
        let sender = self.provider.senders()[0].clone();
        let maker = EventMaker::new(sender.clone()).at(Timestamp::UNIX_EPOCH);
        match element {
            Element::Text { id, from, body } => {
                let message = MessageRef::new(sender, *id);
                let from = User::with_phone(PhoneNumber::from_digits(from).unwrap());
                let id = EventId::new(["message", *id]);
                maker.event(id, InboundMessage::new(message, from, InboundContent::text(*body)))
            }
            _ => {
                let id = EventId::new(["x", &place.to_string()]);
                maker.event(id, Unrecognized::new("garbage", vec![0xff, 0x00]))
            }
        }
    }
}

impl Subject for Memory {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn webhook(&self, elements: &[Element<'_>]) -> http::Request<Bytes> {
        let events: Vec<_> =
            elements.iter().enumerate().map(|(place, element)| self.event(place, element)).collect();
        self.provider.webhook(&events).unwrap().map(Bytes::from)
    }

    fn max_elements(&self) -> usize {
        1000
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-memory-signature")]
    }

    fn secrets(&self) -> Vec<String> {
        vec![]
    }
}

#[test]
fn the_provider_in_memory_keeps_the_laws_that_need_no_secret() {
    let subject = Memory { provider: MemoryProvider::new(ProviderId::META) };
    conformance::elements(&subject).unwrap();
    conformance::redaction(&subject).unwrap();
    conformance::json_of_events(&subject).unwrap();
    let violation = conformance::signatures(&subject).unwrap_err();
    assert!(violation.what.starts_with("accepted with another bit 0 of the body"), "{violation}");
}

struct Meta {
    provider: MetaCloud,
}

const APP_SECRET: &str = "invented-app-secret";

impl Meta {
    fn new() -> Self {
        let provider = MetaCloud::builder()
            .app_secret("an-older-secret")
            .app_secret(APP_SECRET)
            .verify_token("invented-verify-token")
            .keep_raw(true)
            .build()
            .unwrap();
        Self { provider }
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
                5 => format!(
                    r#"{{"from":"15557654321","id":"g{sort}","type":"hologram","hologram":{{"k":[1]}}}}"#
                ),
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
}

impl Subject for Meta {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn webhook(&self, elements: &[Element<'_>]) -> http::Request<Bytes> {
        let messages = elements.iter().map(Self::element).collect::<Vec<_>>().join(",");
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550001111","phone_number_id":"100000000000001"}},"messages":[{messages}]}}}}]}}]}}"#
        );
        let digest =
            Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap().chain_update(&body).finalize();
        let hex: String = digest.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        http::Request::post("/webhook")
            .header("x-hub-signature-256", format!("sha256={hex}"))
            .body(Bytes::from(body))
            .unwrap()
    }

    fn max_elements(&self) -> usize {
        1000
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        let digits = |request: &http::Request<Bytes>| {
            let value = request.headers()["x-hub-signature-256"].as_bytes();
            value.strip_prefix(b"sha256=").map(<[u8]>::to_ascii_lowercase)
        };
        a.body() == b.body() && digits(a) == digits(b)
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-hub-signature-256")]
    }

    fn secrets(&self) -> Vec<String> {
        vec![APP_SECRET.to_owned(), "an-older-secret".to_owned(), "invented-verify-token".to_owned()]
    }
}

#[test]
fn meta_keeps_the_laws() {
    let subject = Meta::new();
    conformance::all(&subject).unwrap();
    (1..6).for_each(|seed| conformance::robustness(&subject, seed).unwrap());
}

struct TwilioSubject {
    provider: Twilio,
}

const AUTH_TOKEN: &str = "invented-auth-token";
const PUBLIC_URL: &str = "https://example.com/webhook";

impl TwilioSubject {
    fn new() -> Self {
        let provider = Twilio::builder()
            .auth_token("a-newer-token")
            .old_auth_token(AUTH_TOKEN)
            .public_url(PUBLIC_URL)
            .keep_raw(true)
            .build()
            .unwrap();
        Self { provider }
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
}

fn decoded(request: &http::Request<Bytes>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = url::form_urlencoded::parse(request.body()).into_owned().collect();
    pairs.sort();
    pairs.dedup();
    pairs
}

impl Subject for TwilioSubject {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn webhook(&self, elements: &[Element<'_>]) -> http::Request<Bytes> {
        let pairs = Self::pairs(&elements[0]);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let mut sorted = pairs;
        sorted.sort();
        let mut mac =
            Hmac::<sha1::Sha1>::new_from_slice(AUTH_TOKEN.as_bytes()).unwrap().chain_update(PUBLIC_URL);
        for (name, value) in &sorted {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        http::Request::post("/webhook")
            .header("x-twilio-signature", signature)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap()
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        // Bytes that are not UTF-8 read alike here and not there, so only what is UTF-8 is compared.
        let readable = |request: &http::Request<Bytes>| {
            decoded(request).iter().all(|(a, b)| !(a.clone() + b).contains('\u{fffd}'))
        };
        a.headers() == b.headers() && readable(a) && readable(b) && decoded(a) == decoded(b)
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-twilio-signature")]
    }

    fn secrets(&self) -> Vec<String> {
        vec![AUTH_TOKEN.to_owned(), "a-newer-token".to_owned()]
    }
}

#[test]
fn twilio_keeps_the_laws() {
    let subject = TwilioSubject::new();
    conformance::all(&subject).unwrap();
    (1..6).for_each(|seed| conformance::robustness(&subject, seed).unwrap());
}

/// A provider with others inside, one of which is Meta's.
struct Wrapped<P>(P, Meta);

impl<P: WhatsAppProvider> Subject for Wrapped<P> {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.0
    }

    fn webhook(&self, elements: &[Element<'_>]) -> http::Request<Bytes> {
        self.1.webhook(elements)
    }

    fn max_elements(&self) -> usize {
        1000
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        self.1.same_meaning(a, b)
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        self.1.signature_headers()
    }

    fn secrets(&self) -> Vec<String> {
        self.1.secrets()
    }
}

#[test]
fn a_failover_keeps_the_laws_of_its_members() {
    let failover = FailoverProvider::builder()
        .primary(Meta::new().provider)
        .fallback(TwilioSubject::new().provider)
        .build()
        .unwrap();
    conformance::all(&Wrapped(failover, Meta::new())).unwrap();
}

#[test]
fn a_directory_of_lines_keeps_the_laws_of_its_lines() {
    let lines = Lines::new();
    let mut other = MetaCloud::builder().app_secret("another-app-secret");
    other = other.id("meta-other".parse().unwrap());
    lines.insert("a".parse().unwrap(), other.build().unwrap()).unwrap();
    lines.insert("b".parse().unwrap(), Meta::new().provider).unwrap();
    lines.insert("c".parse().unwrap(), TwilioSubject::new().provider).unwrap();
    conformance::all(&Wrapped(lines, Meta::new())).unwrap();
}

#[test]
fn a_paced_provider_keeps_the_laws_of_the_one_inside() {
    let paced = Paced::new(Meta::new().provider).unwrap();
    conformance::all(&Wrapped(paced, Meta::new())).unwrap();
}
