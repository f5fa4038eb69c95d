use base64::Engine as _;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::simulator::Side;
use whatsapp_provider::testing::conformance::{Element, Seen, Subject, Trouble};
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{Content, Recipient, Twilio, WhatsAppProvider};

use super::{World, meta};
use crate::contents::normal;

/// The content of the template that the suite sends.
pub(super) const SID: &str = "HX00000000000000000000000000000001";

/// Twilio, and the simulator as its servers.
pub(super) struct TwilioSubject {
    pub(super) world: World,
    provider: Twilio,
}

impl TwilioSubject {
    pub(super) fn new(world: World) -> Self {
        Self { provider: provider(&world), world }
    }
}

pub(super) fn provider(world: &World) -> Twilio {
    let template = ContentTemplate::new("order_shipped", "en_US", SID);
    let builder = world.simulator.twilio().old_auth_token("an-older-token").template(template);
    builder.keep_raw(true).build().unwrap()
}

fn pairs(element: &Element<'_>, to: &str) -> Vec<(String, String)> {
    let number = |digits: &str| format!("whatsapp:+{digits}");
    let to = format!("whatsapp:{to}");
    let pairs: Vec<(&str, String)> = match element {
        Element::Text { id, from, body } => vec![
            ("MessageSid", (*id).to_owned()),
            ("SmsStatus", "received".to_owned()),
            ("MessageType", "text".to_owned()),
            ("Body", (*body).to_owned()),
            ("From", number(from)),
            ("To", to),
            ("NumMedia", "0".to_owned()),
        ],
        Element::Garbage(sort) => match sort % 4 {
            0 => vec![],
            1 => vec![("Hello", "world".to_owned())],
            2 => vec![
                ("MessageSid", format!("g{sort}")),
                ("MessageType", "hologram".to_owned()),
                ("From", number("15557654321")),
                ("To", to),
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

    fn secrets(&self) -> Vec<String> {
        let accounts = self.world.simulator.accounts();
        vec![accounts.auth_token, accounts.account_sid, "an-older-token".to_owned()]
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>> {
        let accounts = self.world.simulator.accounts();
        let pairs = pairs(&elements[0], &accounts.twilio_number);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let mut sorted = pairs;
        sorted.sort();
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(accounts.auth_token.as_bytes()).unwrap();
        mac.update(accounts.webhook_url.as_bytes());
        for (name, value) in &sorted {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        let request = http::Request::post("/webhook")
            .header("x-twilio-signature", signature)
            .header("content-type", "application/x-www-form-urlencoded");
        Some(request.body(Bytes::from(body)).unwrap())
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-twilio-signature")]
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        // Bytes that are not UTF-8 read alike here and not there, so only what is UTF-8 is compared.
        let readable = |request: &http::Request<Bytes>| {
            decoded(request).iter().all(|(a, b)| !(a.clone() + b).contains('\u{fffd}'))
        };
        a.headers() == b.headers() && readable(a) && readable(b) && decoded(a) == decoded(b)
    }

    fn seen(&self) -> Seen {
        self.world.seen()
    }

    fn normal(&self, content: Content) -> Content {
        normal::twilio(content)
    }

    fn recipients(&self) -> Vec<Recipient> {
        meta::recipients(&self.world, Side::Twilio)
    }

    fn clock(&self) -> Option<&dyn Clock> {
        Some(&self.world.clock)
    }

    fn trouble(&self, trouble: Trouble) -> bool {
        self.world.trouble(trouble)
    }
}
