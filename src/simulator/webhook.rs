use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::accounts::{Side, SimulatedAccounts};
use super::redelivery::{Overrides, Redelivery};
use super::status::{Status, Way};
use super::twilio::{API_VERSION, CHANNEL};
use crate::address::PhoneNumber;
use crate::hex::hex;
use crate::redact::redacted_debug;

const META_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
const TWILIO_SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// The same for every attempt to post one webhook.
const TWILIO_TOKEN: HeaderName = HeaderName::from_static("i-twilio-idempotency-token");

/// A webhook as a provider posts it: signed, to the whole public URL.
#[derive(Clone)]
#[non_exhaustive]
pub struct SimulatedWebhook {
    /// Who posts it.
    pub side: Side,
    /// The request.
    pub request: Request<Bytes>,
    /// The number of the attempt to post it, counted from one.
    pub attempt: u32,
    pub(super) redelivery: Redelivery,
    pub(super) forged: bool,
}

redacted_debug! {
    SimulatedWebhook { side, attempt }
}

impl SimulatedWebhook {
    /// The same with a signature that does not hold, though it looks like one.
    #[must_use]
    pub fn forged(&self) -> Self {
        let mut forged = Self { forged: true, ..self.clone() };
        let name = match self.side {
            Side::Meta => META_SIGNATURE,
            Side::Twilio => TWILIO_SIGNATURE,
        };
        if let Some(signature) = forged.request.headers_mut().get_mut(name) {
            let text = signature.to_str().unwrap_or_default();
            *signature = header(match self.side {
                Side::Meta => flip_hex(text),
                Side::Twilio => flip_base64(text),
            });
        }
        forged
    }
}

fn flip_hex(signature: &str) -> String {
    let mut flipped = signature.to_owned();
    let last = flipped.pop();
    flipped.push(if last == Some('0') { '1' } else { '0' });
    flipped
}

fn flip_base64(signature: &str) -> String {
    let mut bytes = STANDARD.decode(signature).unwrap_or_default();
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    STANDARD.encode(bytes)
}

fn header(value: String) -> HeaderValue {
    // Hexadecimal and base64 always fit into a header.
    HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A post of Meta's with these changes, each in an entry of its own.
pub(super) fn meta(accounts: &SimulatedAccounts, url: &Uri, entries: &[Value]) -> SimulatedWebhook {
    let body = json!({ "object": "whatsapp_business_account", "entry": entries });
    let body = Bytes::from(escape(&body.to_string()));
    let signature = format!("sha256={}", hex(&sha256(&accounts.app_secret, &body)));
    let mut request = post(url, "application/json", body);
    request.headers_mut().insert(META_SIGNATURE, header(signature));
    SimulatedWebhook { side: Side::Meta, request, attempt: 1, redelivery: Redelivery::Meta, forged: false }
}

/// An entry with a change of the field `messages`.
pub(super) fn meta_entry(accounts: &SimulatedAccounts, own: [(&str, Value); 2]) -> Value {
    let own = own.map(|(name, value)| (name.to_owned(), value));
    meta_change(accounts, "messages", Value::Object(own.into_iter().collect()))
}

/// An entry with a change that is about the business's number.
pub(super) fn meta_change(accounts: &SimulatedAccounts, field: &str, own: Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": accounts.meta_number.trim_start_matches('+'),
            "phone_number_id": accounts.phone_number_id,
        },
    });
    if let (Some(fields), Value::Object(own)) = (value.as_object_mut(), own) {
        fields.extend(own);
    }
    json!({ "id": accounts.business_account_id, "changes": [{ "field": field, "value": value }] })
}

/// How Meta names a user beside a message or a status; if the number is hidden, without it.
pub(super) fn meta_contact(user: PhoneNumber, hidden: bool) -> Value {
    let mut contact = json!({
        "profile": { "name": profile_name(user, hidden) },
        "user_id": Side::Meta.user_id(user),
    });
    if let (false, Some(fields)) = (hidden, contact.as_object_mut()) {
        fields.insert("wa_id".to_owned(), user.to_digits().into());
    }
    json!([contact])
}

/// What a user is called; not ASCII, as names are.
pub(super) fn profile_name(user: PhoneNumber, hidden: bool) -> String {
    if hidden { "Zoë".to_owned() } else { format!("Zoë {}", user.to_digits()) }
}

/// A post of Twilio's with this form.
pub(super) fn twilio(
    accounts: &SimulatedAccounts,
    url: &Uri,
    overrides: Overrides,
    form: &[(&str, String)],
) -> SimulatedWebhook {
    let mut signed = url.to_string();
    let mut pairs: Vec<&(&str, String)> = form.iter().collect();
    pairs.sort();
    for (name, value) in pairs {
        signed.push_str(name);
        signed.push_str(value);
    }
    let signature = STANDARD.encode(sha1(&accounts.auth_token, signed.as_bytes()));
    let body = serde_urlencoded::to_string(form).unwrap_or_default();
    let token = idempotency_token(body.as_bytes());
    let mut request = post(url, "application/x-www-form-urlencoded; charset=UTF-8", body.into());
    request.headers_mut().insert(TWILIO_TOKEN, header(token));
    request.headers_mut().insert(TWILIO_SIGNATURE, header(signature));
    let redelivery = Redelivery::Twilio(overrides);
    SimulatedWebhook { side: Side::Twilio, request, attempt: 1, redelivery, forged: false }
}

/// The webhook that brings a status.
pub(super) fn status(
    accounts: &SimulatedAccounts,
    url: &Uri,
    status: &Status,
    hidden: bool,
) -> SimulatedWebhook {
    match &status.way {
        Way::Meta { callback_data } => {
            let mut wire = json!({
                "id": status.message_id,
                "status": status.state,
                "timestamp": status.at.unix_seconds().to_string(),
                "recipient_user_id": Side::Meta.user_id(status.user),
            });
            if let (false, Some(fields)) = (hidden, wire.as_object_mut()) {
                fields.insert("recipient_id".to_owned(), status.user.to_digits().into());
            }
            if let (Some(data), Some(fields)) = (callback_data, wire.as_object_mut()) {
                fields.insert("biz_opaque_callback_data".to_owned(), data.as_str().into());
            }
            if let (Some(code), Some(fields)) = (status.error, wire.as_object_mut()) {
                fields.insert("errors".to_owned(), meta_errors(code));
            }
            let own = [("contacts", meta_contact(status.user, hidden)), ("statuses", json!([wire]))];
            meta(accounts, url, &[meta_entry(accounts, own)])
        }
        Way::Twilio { callback, overrides, from, service } => {
            let user_id = Side::Twilio.user_id(status.user);
            let to = if hidden { user_id.clone() } else { status.user.to_e164() };
            let mut form = vec![
                ("ChannelPrefix", "whatsapp".to_owned()),
                ("ApiVersion", API_VERSION.to_owned()),
                ("MessageStatus", status.state.to_owned()),
                ("SmsSid", status.message_id.clone()),
                ("SmsStatus", status.state.to_owned()),
                ("ChannelInstallSid", format!("XE{}", "5".repeat(32))),
                ("To", format!("{CHANNEL}{to}")),
                ("From", from.clone()),
                ("MessageSid", status.message_id.clone()),
                ("AccountSid", accounts.account_sid.clone()),
                ("ChannelToAddress", mask(&to)),
                ("ExternalUserId", format!("{CHANNEL}{user_id}")),
            ];
            match status.state {
                "delivered" => form.push(("EventType", "DELIVERED".to_owned())),
                "read" => form.push(("EventType", "READ".to_owned())),
                _ => {}
            }
            if let Some(code) = status.error {
                form.push(("ErrorCode", code.to_string()));
            }
            if let Some(service) = service {
                form.push(("MessagingServiceSid", service.clone()));
            }
            twilio(accounts, callback, *overrides, &form)
        }
    }
}

/// Why a message failed that Meta had accepted.
fn meta_errors(code: i64) -> Value {
    let title = match code {
        131_026 => "Message undeliverable",
        131_049 => "Meta chose not to deliver",
        _ => "Simulated failure",
    };
    json!([{ "code": code, "title": title, "message": title, "error_data": { "details": title } }])
}

/// `+1555765XXXX`.
fn mask(number: &str) -> String {
    let shown = number.chars().count().saturating_sub(4);
    number.chars().take(shown).chain("XXXX".chars()).collect()
}

fn idempotency_token(body: &[u8]) -> String {
    let mut token = hex(&Sha256::digest(body));
    token.truncate(32);
    token
}

/// How many messages and statuses there are in a webhook of Meta's.
pub(super) fn updates(webhook: &SimulatedWebhook) -> usize {
    let body: Value = serde_json::from_slice(webhook.request.body()).unwrap_or_default();
    let list =
        |json: &Value, name: &str| json.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let changes = list(&body, "entry").into_iter().flat_map(|entry| list(&entry, "changes"));
    let updates = changes.map(|change| {
        let of = |name| change.get("value").map_or(0, |value| list(value, name).len());
        // What is neither is one as well: news of an account.
        (of("messages") + of("statuses")).max(1)
    });
    updates.sum()
}

/// One post with the entries of several.
pub(super) fn batch(
    accounts: &SimulatedAccounts,
    url: &Uri,
    webhooks: &[SimulatedWebhook],
) -> Option<SimulatedWebhook> {
    let mut entries = Vec::new();
    for webhook in webhooks {
        if webhook.side != Side::Meta || webhook.forged {
            return None;
        }
        let mut body: Value = serde_json::from_slice(webhook.request.body()).ok()?;
        entries.append(body.get_mut("entry")?.as_array_mut()?);
    }
    (!entries.is_empty()).then(|| meta(accounts, url, &entries))
}

/// Meta's question whether the address is the business's own.
pub(super) fn handshake(accounts: &SimulatedAccounts, url: &Uri, challenge: &str) -> Request<Bytes> {
    let query = [
        ("hub.mode", "subscribe"),
        ("hub.challenge", challenge),
        ("hub.verify_token", &accounts.verify_token),
    ];
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    let and = if url.query().is_some() { '&' } else { '?' };
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = format!("{url}{and}{query}").parse().unwrap_or_default();
    request
}

fn post(url: &Uri, content_type: &'static str, body: Bytes) -> Request<Bytes> {
    let length = HeaderValue::from(body.len());
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.clone();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, length);
    if let Some(host) = url.authority() {
        headers.insert(header::HOST, header(host.to_string()));
    }
    request
}

/// JSON as Meta writes it: nothing but ASCII, and `/` as `\/`.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        match character {
            // Outside of texts JSON has neither.
            '/' => escaped.push_str("\\/"),
            character if character.is_ascii() => escaped.push(character),
            character => {
                for unit in character.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

pub(super) fn sha256(key: &str, message: &[u8]) -> Vec<u8> {
    // An HMAC takes keys of any length.
    Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map_or_else(|_| Vec::new(), |mac| mac.chain_update(message).finalize().into_bytes().to_vec())
}

fn sha1(key: &str, message: &[u8]) -> Vec<u8> {
    Hmac::<Sha1>::new_from_slice(key.as_bytes())
        .map_or_else(|_| Vec::new(), |mac| mac.chain_update(message).finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests;
