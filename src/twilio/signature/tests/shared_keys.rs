use super::*;

const URL: &str = "https://wa.example/hook";
const NAMED: &str = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256";
/// Of `a=1`, made by another implementation than this one with `a shared secret`.
const SHA256: &str = "7vYrhkVZ0docUEfCjhBtbTil1s1LzMbJD+K/GhU/qPo=";
const SHA1: &str = "TBUgMrLLk/z5O/gxorGEImvShkY=";

fn one() -> SharedKeys {
    shared_keys(&[("webhooks_sharedkey_1", "a shared secret")], false)
}

impl Arrived {
    fn with_keys(&self, keys: &SharedKeys) -> Result<(), SignatureError> {
        self.verify_keys(&["t0ken"], keys, &[PublicUrl::new(URL)])
    }
}

fn post(signature: &str, settings: &str) -> Arrived {
    Arrived::post("/hook", "a=1").signed(signature).with(SETTINGS, settings)
}

#[test]
fn vectors_of_shared_keys() {
    let json_hash = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    let json = Arrived::post(&format!("/hook?bodySHA256={json_hash}"), r#"{"a":1}"#)
        .with("content-type", "application/json")
        .with(SETTINGS, NAMED)
        .signed("yVLnXj8TUgPwJjt5tl6+IYCpR9XZsHRXiTUkxSvwM/Y=");
    let get = Arrived::get("/hook?x=y")
        .with(SETTINGS, NAMED)
        .signed("yTNQqZfUS0NfoU4to97P/xSfUFp2x9K6T95CCP5U+xk=");
    for request in [
        post(SHA256, NAMED),
        post(SHA256, " Algorithm = hmac_sha256 , Key = webhooks_sharedkey_1 "),
        post(SHA1, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1"),
        post(SHA1, "key=webhooks_sharedkey_1"),
        json,
        // With the default port.
        get,
    ] {
        assert_eq!(request.with_keys(&one()), Ok(()), "{:?}", request.headers[SETTINGS]);
    }
}

#[test]
fn the_header_only_chooses_among_what_is_configured() {
    let keys = shared_keys(
        &[("webhooks_sharedkey_1", "a shared secret"), ("webhooks_sharedkey_2", "another")],
        false,
    );
    for (request, expected) in [
        (post(SHA256, NAMED), Ok(())),
        // Another key, none, or one that nobody knows: then the auth tokens, which did not sign this.
        (post(SHA256, &NAMED.replace("_1", "_2")), Err(Mismatch)),
        (post(SHA256, &NAMED.replace("_1", "_3")), Err(Mismatch)),
        (post(SHA256, "algorithm=HMAC_SHA256"), Err(Mismatch)),
        (post(SHA256, "key=,algorithm=HMAC_SHA256"), Err(Mismatch)),
        (post(SHA256, &format!("{NAMED},key=webhooks_sharedkey_2")), Err(Mismatch)),
        // The wrong algorithm for the signature.
        (post(SHA1, NAMED), Err(Malformed)),
        (post(SHA256, "key=webhooks_sharedkey_1"), Err(Malformed)),
        (post(SHA256, &NAMED.replace("SHA256", "SHA512")), Err(Mismatch)),
        // A key's secret signs nothing that does not name the key.
        (Arrived::post("/hook", "a=1").signed(SHA1), Err(Mismatch)),
    ] {
        assert_eq!(request.with_keys(&keys), expected, "{:?}", request.headers.get(SETTINGS));
    }
    let by_token = Arrived::post("/hook", "a=1").signed_for("t0ken", URL, "a1");
    assert_eq!(by_token.with_keys(&keys), Ok(()));
    // A token does not sign for a key.
    let claimed = by_token.with(SETTINGS, "key=webhooks_sharedkey_1");
    assert_eq!(claimed.with_keys(&keys), Err(Mismatch));
}

#[test]
fn where_a_key_is_required_a_token_signs_nothing() {
    let keys = shared_keys(&[("webhooks_sharedkey_1", "a shared secret")], true);
    assert_eq!(post(SHA256, NAMED).with_keys(&keys), Ok(()));
    let by_token = Arrived::post("/hook", "a=1").signed_for("t0ken", URL, "a1");
    for request in [by_token.clone(), by_token.with(SETTINGS, "key=webhooks_sharedkey_2")] {
        assert_eq!(request.with_keys(&keys), Err(Mismatch));
    }
}

#[test]
fn every_flipped_bit_of_a_long_signature_is_refused() {
    let signature = STANDARD.decode(SHA256).unwrap();
    for bit in 0..256 {
        let mut flipped = signature.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(post(&STANDARD.encode(flipped), NAMED).with_keys(&one()), Err(Mismatch));
    }
}

#[test]
fn keys_are_checked_when_the_provider_is_built() {
    use crate::{Twilio, WhatsAppProvider};
    let field = |builder: crate::TwilioBuilder| builder.build().err().map(|error| error.field.into_owned());
    let bare = || Twilio::builder().public_url(URL);
    assert_eq!(field(bare().shared_key("k", "s")), None, "a key alone is enough to verify");
    assert_eq!(field(Twilio::builder().shared_key("k", "s")).as_deref(), Some("public_url"));
    for (id, secret) in [("", "s"), (" ", "s"), ("a,b", "s"), ("é", "s"), ("k", ""), ("k", " ")] {
        let error = bare().shared_key(id, secret).build().unwrap_err();
        assert_eq!(error.field, "shared_key", "{id:?} {secret:?}");
    }
    assert_eq!(field(bare().auth_token("t").require_shared_key(true)).as_deref(), Some("require_shared_key"));
    let builder = bare().auth_token("CANARY").shared_key("CANARY", "CANARY");
    let twilio = builder.clone().build().unwrap();
    assert!(!format!("{builder:?} {twilio:?}").contains("CANARY"));

    let twilio = bare().shared_key(" webhooks_sharedkey_1", "a shared secret\n").build().unwrap();
    let arrived = post(SHA256, NAMED);
    let head = WebhookHead::new(&arrived.method, &*arrived.url, &arrived.headers);
    let request = WebhookRequest::new(head, &arrived.body, Timestamp::UNIX_EPOCH);
    assert!(twilio.verify_signature(&request).is_ok());
}
