mod shared_keys;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method};
use sha1::Sha1;

use super::keys::SETTINGS;
use super::*;
use crate::clock::Timestamp;
use crate::webhook::WebhookHead;
use SignatureError::{Malformed, Mismatch, Missing, NotConfigured};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request as it arrives.
#[derive(Clone)]
struct Arrived {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Arrived {
    fn post(url: &str, body: impl Into<Vec<u8>>) -> Self {
        let (method, headers) = (Method::POST, HeaderMap::new());
        let (url, body) = (url.to_owned(), body.into());
        let arrived = Self { method, url, headers, body };
        arrived.with("content-type", FORM)
    }

    fn get(url: &str) -> Self {
        let (method, headers) = (Method::GET, HeaderMap::new());
        let (url, body) = (url.to_owned(), Vec::new());
        Self { method, url, headers, body }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    fn signed(self, signature: &str) -> Self {
        self.with(SIGNATURE, signature)
    }

    /// As the request `to_sign` is signed: its URL, and the form pairs that are given.
    fn signed_for(self, token: &str, url: &str, pairs: &str) -> Self {
        let mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
        let mac = mac.chain_update(url).chain_update(pairs).finalize();
        self.signed(&STANDARD.encode(mac.into_bytes()))
    }

    fn verify(&self, tokens: &[&str], urls: &[&str]) -> Result<(), SignatureError> {
        let urls: Vec<_> = urls.iter().map(|url| PublicUrl::new(url)).collect();
        self.verify_urls(tokens, &urls)
    }

    fn verify_urls(&self, tokens: &[&str], urls: &[PublicUrl]) -> Result<(), SignatureError> {
        self.verify_keys(tokens, &shared_keys(&[], false), urls)
    }

    fn verify_keys(
        &self,
        tokens: &[&str],
        keys: &SharedKeys,
        urls: &[PublicUrl],
    ) -> Result<(), SignatureError> {
        let head = WebhookHead::new(&self.method, self.url.as_str(), &self.headers);
        let request = WebhookRequest::new(head, &self.body, Timestamp::UNIX_EPOCH);
        let tokens: Vec<_> = tokens.iter().map(|token| Secret::new(token).unwrap()).collect();
        verify(&request, &tokens, keys, urls)
    }
}

fn shared_keys(keys: &[(&str, &str)], required: bool) -> SharedKeys {
    let builder = crate::Twilio::builder().require_shared_key(required);
    let builder = keys.iter().fold(builder, |builder, (id, secret)| builder.shared_key(*id, *secret));
    builder.shared_keys.build().unwrap()
}

/// Signatures that were made by another implementation than this one.
#[test]
fn vectors() {
    let caller =
        "Digits=1234&CallSid=CA1234567890ABCDE&To=%2B18005551212&Caller=%2B14158675309&From=%2B14158675309";
    let hook = "https://wa.example/hook";
    let json_hash = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    for (token, url, request, signature) in [
        (
            "12345",
            "https://mycompany.com/myapp.php",
            Arrived::post("/myapp.php?foo=1&bar=2", caller),
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        ("t0ken", hook, Arrived::get("/hook?MessageSid=SM1&Body=a%20b"), "W5mhkwo0NSaDnCfKhTRnnXfCG5I="),
        // Repeated names and values, an empty value, and the order of bytes.
        ("t0ken", hook, Arrived::post("/hook", "b=2&b=1&b=2&a=&B=z&ab=c"), "PY82bUS2+4vUnoN8alPX5X/n8sQ="),
        // Bytes that are not UTF-8, and blanks that are not trimmed.
        ("t0ken", hook, Arrived::post("/hook", "Body=%FF%FE+Ol%C3%A1+"), "dlYgvvU06tD7m5ViHawjrHjcMro="),
        ("t0ken", hook, Arrived::post("/hook", ""), "DF4uvlE5feV1JUA7xpgrgc3/8as="),
        (
            "t0ken",
            hook,
            Arrived::post(&format!("/hook?bodySHA256={json_hash}"), r#"{"a":1}"#)
                .with("content-type", "application/json"),
            "29PpZJLyadsWBgjlAs+JvZgOFCo=",
        ),
        ("t0ken", hook, Arrived::post("/hook", "a=1"), "hrlinUZHQ6onurir1Ub0PzvOEwE="),
        ("t0ken", hook, Arrived::post("/hook", "a=1"), "MX/a+g5tqqks2gu6jv8tLBp1OJc="),
        (
            "t0ken",
            "https://wa.example:443/hook",
            Arrived::post("/hook", "a=1"),
            "hrlinUZHQ6onurir1Ub0PzvOEwE=",
        ),
    ] {
        let request = request.signed(signature);
        assert_eq!(request.verify(&[token], &[url]), Ok(()), "{url} {}", request.url);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let request = Arrived::post("/hook?q=1", "Body=hi&From=x").signed_for(
        "t0ken",
        "https://wa.example/hook?q=1",
        "BodyhiFromx",
    );
    let urls = ["https://wa.example/hook"];
    assert_eq!(request.verify(&["t0ken"], &urls), Ok(()));
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    let signature = STANDARD.decode(request.headers[SIGNATURE].as_bytes()).unwrap();
    for bit in 0..160 {
        let forged = request.clone().signed(&STANDARD.encode(flipped(&signature, bit)));
        assert_eq!(forged.verify(&["t0ken"], &urls), Err(Mismatch));
    }
    for bit in 0..request.body.len() * 8 {
        let mut forged = request.clone();
        forged.body = flipped(&request.body, bit);
        assert_eq!(forged.verify(&["t0ken"], &urls), Err(Mismatch), "{:?}", forged.body);
    }
    for bit in 0..request.url.len() * 8 {
        let Ok(url) = String::from_utf8(flipped(request.url.as_bytes(), bit)) else {
            continue;
        };
        let forged = Arrived { url, ..request.clone() };
        // The configured path stands in for one that was rewritten, so only the query is certain to be signed.
        let query = |url: &str| url.split_once('?').map(|(_, query)| query.to_owned());
        let same = query(forged.url.split('#').next().unwrap()) == query(&request.url);
        assert_eq!(forged.verify(&["t0ken"], &urls).is_ok(), same, "{}", forged.url);
    }
    for bit in 0..5 * 8 {
        let Ok(token) = String::from_utf8(flipped(b"t0ken", bit)) else {
            continue;
        };
        if Secret::new(&token).is_some_and(|secret| secret.expose().len() == 5) {
            assert_eq!(request.verify(&[&token], &urls), Err(Mismatch), "{token:?}");
        }
    }
}

#[test]
fn the_address_is_the_configured_one() {
    // What arrives, what is configured, what Twilio signed, and whether that holds.
    for (arrived, public, signed, holds) in [
        ("/hook", "https://wa.example/hook", "https://wa.example/hook", true),
        ("/hook/br?a=1", "https://wa.example/hook", "https://wa.example/hook/br?a=1", true),
        // A path goes on after a `/` only, or it could swallow parameters.
        ("/hook/", "https://wa.example/hook", "https://wa.example/hook/", true),
        ("/hook/br", "https://wa.example/hook/", "https://wa.example/hook/br", true),
        ("/hooks", "https://wa.example/hook", "https://wa.example/hooks", false),
        ("/hook%2Fbr", "https://wa.example/hook", "https://wa.example/hook%2Fbr", false),
        ("/anything?a", "https://wa.example", "https://wa.example/anything?a", true),
        ("/", "https://wa.example", "https://wa.example/", true),
        ("/", "https://wa.example", "https://wa.example", true),
        ("/hook?", "https://wa.example/hook", "https://wa.example/hook?", true),
        // A proxy took a part of the path away.
        ("/inner?a=1", "https://wa.example/outer", "https://wa.example/outer?a=1", true),
        // The query that was configured came through, or was taken away.
        ("/hook?k=v", "https://wa.example/hook?k=v", "https://wa.example/hook?k=v", true),
        ("/hook", "https://wa.example/hook?k=v", "https://wa.example/hook?k=v", true),
        ("/hook?k=w", "https://wa.example/hook?k=v", "https://wa.example/hook?k=v", false),
        // A fragment is not signed.
        ("/hook", "https://wa.example/hook#rc=5&rp=all", "https://wa.example/hook", true),
        ("/hook#x", "https://wa.example/hook", "https://wa.example/hook", true),
        ("/hook", "https://wa.example/hook#rc=5", "https://wa.example/hook#rc=5", false),
        // A whole URL arrived; its host is nobody's word.
        ("https://wa.example/hook", "https://wa.example/hook", "https://wa.example/hook", true),
        ("http://evil.example/hook?a", "https://wa.example/hook", "https://wa.example/hook?a", true),
        ("https://evil.example/hook", "https://wa.example/hook", "https://evil.example/hook", false),
        (
            "/hook?u=https://a.example/b",
            "https://wa.example/hook",
            "https://wa.example/hook?u=https://a.example/b",
            true,
        ),
        // Another host, scheme, case or path.
        ("/hook", "https://wa.example/hook", "https://evil.example/hook", false),
        ("/hook", "https://wa.example/hook", "http://wa.example/hook", false),
        ("/hook", "https://wa.example/hook", "https://WA.example/hook", false),
        ("/hook", "https://WA.example/hook", "https://WA.example/hook", true),
        ("/hooks", "https://wa.example/hook/", "https://wa.example/hooks", false),
        // Ports.
        ("/hook", "https://wa.example/hook", "https://wa.example:443/hook", true),
        ("/hook", "http://wa.example/hook", "http://wa.example:80/hook", true),
        ("/hook", "HTTPS://wa.example/hook", "HTTPS://wa.example:443/hook", true),
        ("/hook", "https://wa.example/hook", "https://wa.example:80/hook", false),
        ("/hook", "https://wa.example:8443/hook", "https://wa.example:8443/hook", true),
        ("/hook", "https://wa.example:8443/hook", "https://wa.example/hook", true),
        ("/hook", "https://wa.example:8443/hook", "https://wa.example:443/hook", false),
        ("/hook", "https://[2001:db8::1]/hook", "https://[2001:db8::1]:443/hook", true),
        ("/hook", "https://[2001:db8::1]:9/hook", "https://[2001:db8::1]/hook", true),
        ("/hook", "https://u:12@wa.example/hook", "https://u:12@wa.example:443/hook", true),
        ("/hook", "https://u:12@wa.example:1/hook", "https://u:12@wa.example/hook", true),
        ("/hook?a:1", "https://wa.example", "https://wa.example:443/hook?a:1", true),
        // Quotation marks in the query, and only there.
        ("/hook?a=%27b%27", "https://wa.example/hook", "https://wa.example/hook?a='b'", true),
        ("/hook?a='b'", "https://wa.example/hook", "https://wa.example/hook?a=%27b%27", true),
        ("/hook?a='b%27", "https://wa.example/hook", "https://wa.example:443/hook?a='b'", true),
        ("/ho'ok", "https://wa.example", "https://wa.example/ho%27ok", false),
        ("/hook?a=%40", "https://wa.example/hook", "https://wa.example/hook?a=@", false),
    ] {
        let request = Arrived::post(arrived, "b=2&a=1").signed_for("t0ken", signed, "a1b2");
        let expected = if holds { Ok(()) } else { Err(Mismatch) };
        assert_eq!(request.verify(&["t0ken"], &[public]), expected, "{arrived} {public} {signed}");
        let urls = ["https://other.example/x", public];
        assert_eq!(request.verify(&["t0ken"], &urls), expected, "one of several: {arrived}");
    }
    let status = PublicUrl::new("https://wa.example/status?k=v").origin_only();
    let request = Arrived::post("/inbound", "").signed_for("t0ken", "https://wa.example/inbound", "");
    assert_eq!(request.verify_urls(&["t0ken"], &[status]), Ok(()));
}

#[test]
fn several_tokens_and_odd_signatures() {
    let url = "https://wa.example/hook";
    let request = Arrived::post("/hook", "a=1").signed_for("new", url, "a1");
    assert_eq!(request.verify(&["old", "new"], &[url]), Ok(()));
    assert_eq!(request.verify(&["new", "old"], &[url]), Ok(()));
    assert_eq!(request.verify(&["old"], &[url]), Err(Mismatch));
    assert_eq!(request.verify(&[], &[url]), Err(NotConfigured));
    assert_eq!(request.verify(&["new"], &[]), Err(NotConfigured));

    let mut unsigned = request.clone();
    unsigned.headers.remove(SIGNATURE);
    assert_eq!(unsigned.verify(&["new"], &[url]), Err(Missing));
    let sha256 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for malformed in ["", "x", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", sha256] {
        let request = request.clone().signed(malformed);
        assert_eq!(request.verify(&["new"], &[url]), Err(Malformed), "{malformed}");
    }
    let mut twice = request.clone();
    let signature = twice.headers[SIGNATURE].clone();
    twice.headers.append(SIGNATURE, signature);
    assert_eq!(twice.verify(&["new"], &[url]), Err(Malformed));
}

#[test]
fn other_algorithms_are_not_taken_for_sha1() {
    let url = "https://wa.example/hook";
    let request = Arrived::post("/hook", "a=1").signed_for("t0ken", url, "a1");
    for (settings, expected) in [
        ("", Ok(())),
        ("key=webhooks_sharedkey_1", Ok(())),
        ("key=k,algorithm=HMAC_SHA1", Ok(())),
        ("key=k, Algorithm=hmac_sha1", Ok(())),
        ("algorithm=HMAC_SHA1,algorithm=HMAC_SHA1", Ok(())),
        // A signature of that algorithm is longer.
        ("key=k,algorithm=HMAC_SHA256", Err(Malformed)),
        ("algorithm=HMAC_MD5", Err(Mismatch)),
        ("algorithm=HMAC_SHA1,algorithm=none", Err(Mismatch)),
        ("algorithm=", Err(Mismatch)),
    ] {
        let request = request.clone().with(SETTINGS, settings);
        assert_eq!(request.verify(&["t0ken"], &[url]), expected, "{settings}");
    }
    let mut twice = request.with(SETTINGS, "algorithm=HMAC_SHA1");
    twice.headers.append(SETTINGS, "algorithm=HMAC_SHA256".parse().unwrap());
    assert_eq!(twice.verify(&["t0ken"], &[url]), Err(Malformed));
}

#[test]
fn a_body_that_is_no_form_needs_its_hash() {
    let hash = sha256_hex(&[b"{}"]);
    let base = "https://wa.example/hook";
    let of = |query: &str, content_type: &str, body: &str| {
        let url = format!("/hook{query}");
        Arrived::post(&url, body)
            .with("content-type", content_type)
            .signed_for("t0ken", &format!("{base}{query}"), "")
            .verify(&["t0ken"], &[base])
    };
    let hashed = format!("?bodySHA256={hash}");
    for content_type in ["application/json", "application/json; charset=utf-8", "text/plain"] {
        assert_eq!(of(&hashed, content_type, "{}"), Ok(()));
        assert_eq!(of(&hashed.to_uppercase().replace("BODY", "body"), content_type, "{}"), Ok(()));
        assert_eq!(of(&hashed, content_type, "{ }"), Err(Mismatch));
        assert_eq!(of("", content_type, "{}"), Err(Mismatch));
        assert_eq!(of("?bodySHA256=", content_type, "{}"), Err(Mismatch));
        assert_eq!(of(&format!("{hashed}&bodySHA256=0"), content_type, "{}"), Err(Mismatch));
        assert_eq!(of("", content_type, ""), Ok(()));
    }
    // The hash vouches for a form as well, and then nothing is appended.
    let hash = sha256_hex(&[b"a=1"]);
    assert_eq!(of(&format!("?bodySHA256={hash}"), FORM, "a=1"), Ok(()));
    // What a GET has in its body is neither signed nor read; what a POST has is a form unless it says otherwise.
    let mut bare = Arrived::post("/hook", "a=1").signed_for("t0ken", base, "a1");
    bare.headers.remove("content-type");
    assert_eq!(bare.verify(&["t0ken"], &[base]), Ok(()));
    bare.headers.append("content-type", FORM.parse().unwrap());
    bare.headers.append("content-type", "application/json".parse().unwrap());
    assert_eq!(bare.verify(&["t0ken"], &[base]), Err(Mismatch));
    let loud = Arrived::post("/hook", "a=1")
        .with("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8");
    assert_eq!(loud.signed_for("t0ken", base, "a1").verify(&["t0ken"], &[base]), Ok(()));
}

#[test]
fn size_is_limited_before_work_is_done() {
    let base = "https://wa.example/hook";
    let form = |count: usize| vec!["a=1"; count].join("&");
    let verify = |body: String| {
        let request = Arrived::post("/hook", body.clone());
        let pairs = if body.contains('&') { "a1".to_owned() } else { body.replace('=', "") };
        request.signed_for("t0ken", base, &pairs).verify(&["t0ken"], &[base])
    };
    assert_eq!(verify(form(500)), Ok(()));
    assert_eq!(verify(form(501)), Err(Malformed));
    let long = |bytes: usize| format!("b={}", "x".repeat(bytes - 2));
    assert_eq!(verify(long(1024 * 1024)), Ok(()));
    assert_eq!(verify(long(1024 * 1024 + 1)), Err(Malformed));

    // Its hash vouches for a body, and makes it no smaller.
    let hashed = |bytes: usize, content_type: &str| {
        let body = "x".repeat(bytes);
        let query = format!("?bodySHA256={}", sha256_hex(&[body.as_bytes()]));
        Arrived::post(&format!("/hook{query}"), body)
            .with("content-type", content_type)
            .signed_for("t0ken", &format!("{base}{query}"), "")
            .verify(&["t0ken"], &[base])
    };
    for content_type in [FORM, "application/json"] {
        assert_eq!(hashed(1024 * 1024, content_type), Ok(()));
        assert_eq!(hashed(1024 * 1024 + 1, content_type), Err(Malformed));
    }
    // Nor does a body without a hash that is no form come to be looked at, or a query without a body.
    let other = |bytes: usize| {
        Arrived::post("/hook", "x".repeat(bytes))
            .with("content-type", "text/plain")
            .signed_for("t0ken", base, "")
            .verify(&["t0ken"], &[base])
    };
    assert_eq!(other(1024 * 1024), Err(Mismatch));
    assert_eq!(other(1024 * 1024 + 1), Err(Malformed));
    let query = |bytes: usize| {
        let query = format!("?{}", "x".repeat(bytes));
        Arrived::get(&format!("/hook{query}"))
            .signed_for("t0ken", &format!("{base}{query}"), "")
            .verify(&["t0ken"], &[base])
    };
    assert_eq!(query(1024 * 1024), Ok(()));
    assert_eq!(query(1024 * 1024 + 1), Err(Malformed));
}

#[test]
fn parameters_cannot_be_moved_into_the_path() {
    let base = "https://wa.example/hook";
    let signed = format!("{base}AccountSidAC0Bodyhi");
    let whole = Arrived::post("/hook", "AccountSid=AC0&Body=hi").signed_for("t0ken", &signed, "");
    assert_eq!(whole.verify(&["t0ken"], &[base]), Ok(()));
    for (path, body) in [("/hookAccountSidAC0", "Body=hi"), ("/hookAccountSidAC0Bodyhi", "")] {
        let moved = Arrived::post(path, body).signed_for("t0ken", &signed, "");
        assert_eq!(moved.verify(&["t0ken"], &[base]), Err(Mismatch), "{path}");
    }
}

#[test]
fn garbage_is_refused_and_nothing_else_happens() {
    for url in ["", "/", "?", "#", "://", "https://", "a://b", "%", "/\u{0}", "ä?ö#ü", "https://[", "//x"]
    {
        for body in [&b""[..], b"&", b"=", b"%", b"\xff&\xff=\xff", b"+=+"] {
            let request = Arrived::post(url, body).signed("RSOYDt4T1cUTdK1PDd93/VVr8B8=");
            for public in ["https://wa.example", "https://", "x", "", "https://[", ":", "://"] {
                assert_eq!(request.verify(&["t"], &[public]), Err(Mismatch), "{url} {public}");
            }
        }
    }
}
