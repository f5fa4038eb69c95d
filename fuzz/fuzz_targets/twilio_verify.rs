//! Any request with any signature: it holds exactly where the signature is that of one of the addresses and the parameters
//! as somebody else reads Twilio's rules, who wrote none of the crate's code.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::{Twilio, WebhookHead, WebhookRequest, WhatsAppProvider};

const TOKEN: &str = "a token";
const KEY: (&str, &str) = ("webhooks_sharedkey_1", "a shared secret");
const ORIGIN: &str = "https://wa.example";
const PATH: &str = "/hook";

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    claimed: &'a [u8],
    get: bool,
    json: bool,
    by_key: bool,
    long: bool,
    /// What Twilio signed of the address: with the port, and with which quotation marks.
    port: bool,
    quotes: bool,
    with_hash: bool,
    bit: usize,
    path: &'a str,
    query: &'a str,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let method = if input.get { Method::GET } else { Method::POST };
    // What no request line can hold cannot arrive.
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible(input.path)
        || !visible(input.query)
        || input.path.contains(['?', '#'])
        || input.query.contains('#')
    {
        return;
    }
    let path = format!("{PATH}/{}", input.path);
    let mut query = input.query.to_owned();
    if input.with_hash {
        if !query.is_empty() {
            query.push('&');
        }
        write!(query, "bodySHA256={}", hex(&Sha256::digest(input.body))).unwrap();
    }
    let request = Request { method, path, query, input: &input };

    // The genuine signature, and the same request with one bit of what is signed changed.
    if let Some(parameters) = request.parameters(input.body) {
        let address = request.address(input.port, input.quotes);
        let signature = input.sign(address.as_bytes(), &parameters);
        assert!(request.holds(signature.as_bytes(), input.body), "the genuine one");
        if !input.body.is_empty() {
            let mut changed = input.body.to_vec();
            let bit = input.bit % (changed.len() * 8);
            changed[bit / 8] ^= 1 << (bit % 8);
            let same = request.parameters(&changed).is_some_and(|changed| changed == parameters);
            assert_eq!(request.holds(signature.as_bytes(), &changed), same, "a changed body");
        }
        let mut bytes = STANDARD.decode(&signature).unwrap();
        let bit = input.bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!request.holds(STANDARD.encode(bytes).as_bytes(), input.body), "a changed signature");
    }
    // Any other one.
    let expected = request.parameters(input.body).is_some_and(|parameters| {
        request
            .addresses()
            .iter()
            .any(|address| input.sign(address.as_bytes(), &parameters).as_bytes() == input.claimed)
    });
    assert_eq!(request.holds(input.claimed, input.body), expected);
});

struct Request<'a> {
    method: Method,
    path: String,
    query: String,
    input: &'a Input<'a>,
}

impl Request<'_> {
    fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    fn address(&self, port: bool, encoded: bool) -> String {
        let port = if port { ":443" } else { "" };
        let query = if encoded { self.query.replace('\'', "%27") } else { self.query.replace("%27", "'") };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{ORIGIN}{port}{}{mark}{query}", self.path)
    }

    /// Every address for which a signature holds: where it went to, or the configured path if a proxy changed it.
    fn addresses(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for path in [self.path.as_str(), PATH] {
            for port in ["", ":443"] {
                let queries =
                    [self.query.clone(), self.query.replace('\'', "%27"), self.query.replace("%27", "'")];
                for query in queries {
                    let mark = if query.is_empty() { "" } else { "?" };
                    all.insert(format!("{ORIGIN}{port}{path}{mark}{query}"));
                }
            }
        }
        all
    }

    /// What is signed behind the address; `None` if nothing can vouch for the body.
    fn parameters(&self, body: &[u8]) -> Option<Vec<u8>> {
        let hashes: Vec<_> =
            pairs(self.query.as_bytes()).into_iter().filter(|(name, _)| name == b"bodySHA256").collect();
        if !hashes.is_empty() {
            let hash = hex(&Sha256::digest(body));
            let fits = |(_, value): &(Vec<u8>, Vec<u8>)| value.eq_ignore_ascii_case(hash.as_bytes());
            return hashes.iter().all(fits).then(Vec::new);
        }
        if self.method == Method::GET {
            return Some(Vec::new());
        }
        if self.input.json {
            return body.is_empty().then(Vec::new);
        }
        let pairs = pairs(body);
        if pairs.len() > 500 {
            return None;
        }
        let mut sorted: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for (name, value) in pairs {
            sorted.entry(name).or_default().insert(value);
        }
        let mut signed = Vec::new();
        for (name, values) in sorted {
            for value in values {
                signed.extend_from_slice(&name);
                signed.extend_from_slice(&value);
            }
        }
        Some(signed)
    }

    /// Whether a signature holds. One that no header can hold does not.
    fn holds(&self, signature: &[u8], body: &[u8]) -> bool {
        let Ok(value) = HeaderValue::from_bytes(signature) else { return false };
        let mut headers = HeaderMap::new();
        headers.insert("x-twilio-signature", value);
        let content_type =
            if self.input.json { "application/json" } else { "application/x-www-form-urlencoded" };
        headers.insert("content-type", HeaderValue::from_static(content_type));
        let algorithm = if self.input.long { "HMAC_SHA256" } else { "HMAC_SHA1" };
        let settings = match (self.input.by_key, self.input.long) {
            (true, _) => format!("key={},algorithm={algorithm}", KEY.0),
            (false, true) => format!("algorithm={algorithm}"),
            (false, false) => String::new(),
        };
        if !settings.is_empty() {
            headers.insert("x-twilio-webhooks-signature-settings", settings.parse().unwrap());
        }
        let head = WebhookHead::new(&self.method, self.target(), &headers);
        provider().verify_signature(&WebhookRequest::new(head, body, Timestamp::UNIX_EPOCH)).is_ok()
    }
}

impl Input<'_> {
    fn sign(&self, address: &[u8], parameters: &[u8]) -> String {
        let secret = if self.by_key { KEY.1 } else { TOKEN }.as_bytes();
        let data = [address, parameters].concat();
        STANDARD.encode(if self.long {
            Hmac::<Sha256>::new_from_slice(secret)
                .unwrap()
                .chain_update(data)
                .finalize()
                .into_bytes()
                .to_vec()
        } else {
            Hmac::<Sha1>::new_from_slice(secret).unwrap().chain_update(data).finalize().into_bytes().to_vec()
        })
    }
}

fn provider() -> &'static Twilio {
    static PROVIDER: OnceLock<Twilio> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let builder = Twilio::builder().auth_token(TOKEN).old_auth_token("another").shared_key(KEY.0, KEY.1);
        builder.public_url(format!("{ORIGIN}{PATH}#rc=5&rp=all")).build().unwrap()
    })
}

/// The pairs of a form, byte by byte.
fn pairs(form: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    for part in form.split(|byte| *byte == b'&') {
        if part.is_empty() {
            continue;
        }
        let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        pairs.push((decoded(&part[..at]), decoded(part.get(at + 1..).unwrap_or_default())));
    }
    pairs
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => bytes.push(b' '),
            (byte, ..) => bytes.push(byte),
        }
        at += 1;
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
