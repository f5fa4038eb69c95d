//! The Graph API, as far as this crate asks it anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::{Map, Value, json};

use super::accounts::{Side, SimulatedAccounts};
use super::delivery::Delivery;
use super::reaction::json as answer;
use super::state::State;
use super::status::{FAILURE, LIFE, Status, Way};
use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::outbound::Content;

mod account;
mod content;
mod direct_send;
mod interactive;
mod marketing;
mod media;
mod template;

pub(super) use account::RegisteredTemplate;
pub(super) use media::{FILES_HOST, MediaStore, webhook_hash};

/// The most bytes of `biz_opaque_callback_data`.
const MAX_CALLBACK_DATA: usize = 512;
/// The most characters of a text.
const MAX_TEXT: usize = 4096;

/// Why a request is refused.
#[derive(Debug)]
struct Refusal {
    status: u16,
    code: i64,
    subcode: Option<i64>,
    message: String,
    details: Option<String>,
}

impl Refusal {
    fn new(status: u16, code: i64, title: &str) -> Self {
        Self { status, code, subcode: None, message: format!("(#{code}) {title}"), details: None }
    }

    /// A parameter is missing or makes no sense.
    fn parameter(details: impl Into<String>) -> Self {
        Self { details: Some(details.into()), ..Self::new(400, 100, "Invalid parameter") }
    }

    fn token() -> Self {
        Self {
            message: "Invalid OAuth access token - Cannot parse access token".to_owned(),
            ..Self::new(401, 190, "")
        }
    }

    /// There is no such template, or nobody approved it.
    fn no_template() -> Self {
        Self::new(404, 132_001, "Template name does not exist in the translation")
    }

    /// What the Graph says of every object that is not there or not yours, and of what an object cannot do.
    fn object(method: &Method, id: &str) -> Self {
        let method = method.as_str().to_ascii_lowercase();
        Self {
            subcode: Some(33),
            message: format!(
                "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded due to \
                 missing permissions, or does not support this operation."
            ),
            ..Self::new(400, 100, "")
        }
    }

    fn into_response(self, trace: u64) -> Response<Bytes> {
        let kind = if self.subcode == Some(33) { "GraphMethodException" } else { "OAuthException" };
        let mut error = Map::new();
        error.insert("message".to_owned(), self.message.into());
        error.insert("type".to_owned(), kind.into());
        error.insert("code".to_owned(), self.code.into());
        if let Some(details) = self.details {
            let data = json!({ "messaging_product": "whatsapp", "details": details });
            error.insert("error_data".to_owned(), data);
        }
        if let Some(subcode) = self.subcode {
            error.insert("error_subcode".to_owned(), subcode.into());
        }
        error.insert("fbtrace_id".to_owned(), format!("Asimulated{trace:08}").into());
        answer(self.status, &json!({ "error": error }))
    }
}

/// A refusal that a fault asks for.
pub(super) fn refusal(status: u16, code: i64, trace: u64) -> Response<Bytes> {
    let title = match code {
        2 => "Service temporarily unavailable",
        _ => "Simulated refusal",
    };
    Refusal::new(status, code, title).into_response(trace)
}

/// Whether a body sends a message, rather than marking one as read.
pub(super) fn sends_message(body: &Bytes) -> bool {
    serde_json::from_slice::<Value>(body).map_or(true, |body| body.get("status").is_none())
}

/// Does what a request asks, if it may.
pub(super) fn handle(
    accounts: &SimulatedAccounts,
    state: &mut State,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if *request.method() == Method::GET && request.uri().path() == media::PATH {
        return media::download(accounts, &state.media, request, now);
    }
    match route(accounts, state, request, now) {
        Ok(body) => answer(200, &body),
        Err(refusal) => refusal.into_response(state.next_id()),
    }
}

fn route(
    accounts: &SimulatedAccounts,
    state: &mut State,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if token != Some(accounts.access_token.as_str()) {
        return Err(Refusal::token());
    }
    account::check_proof(accounts, request.uri().query())?;
    let (method, path) = (request.method(), request.uri().path());
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match segments.as_slice() {
        [version, id, rest @ ..] if is_version(version) => match (method, *id, rest) {
            (&Method::GET, id, []) if id == accounts.phone_number_id => {
                account::number(accounts, request.uri().query())
            }
            (&Method::POST, id, ["messages"]) if id == accounts.phone_number_id => {
                messages(accounts, state, request.body(), now)
            }
            (&Method::POST, id, ["marketing_messages"]) if id == accounts.phone_number_id => {
                marketing::look_at(request.body())?;
                messages(accounts, state, request.body(), now)
            }
            (&Method::POST, id, ["media"]) if id == accounts.phone_number_id => {
                let number = state.next_id();
                media::upload(&mut state.media, number, request, now)
            }
            (&Method::GET, id, ["message_templates"]) if id == accounts.business_account_id => {
                account::templates(state, request.uri())
            }
            (&Method::GET, id, ["subscribed_apps"]) if id == accounts.business_account_id => {
                Ok(account::subscribed_apps(accounts))
            }
            (_, id, []) => file(accounts, state, request, id, now),
            _ => Err(Refusal::object(method, id)),
        },
        // Without a version the Graph takes the newest one, which is no promise: a client must name it.
        [first, ..] => Err(Refusal::object(method, first)),
        [] => Err(Refusal::object(method, "")),
    }
}

/// What is asked about an object that is not the number: only files are known.
fn file(
    accounts: &SimulatedAccounts,
    state: &mut State,
    request: &Request<Bytes>,
    id: &str,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let method = request.method();
    let unknown = || Refusal::object(method, id);
    let file = state.media.find(id, now).ok_or_else(unknown)?;
    let query = request.uri().query().unwrap_or_default();
    let number = query.split('&').find_map(|field| field.strip_prefix("phone_number_id="));
    if number.is_some_and(|number| number != accounts.phone_number_id) {
        return Err(Refusal::parameter(
            "Param phone_number_id is not a valid whatsapp business phone number id ID",
        ));
    }
    match *method {
        Method::GET => Ok(media::info(accounts, request, id, file, now)),
        Method::DELETE => {
            state.media.delete(id);
            Ok(json!({ "success": true }))
        }
        _ => Err(unknown()),
    }
}

/// `v23.0`.
fn is_version(segment: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    segment
        .strip_prefix('v')
        .and_then(|version| version.split_once('.'))
        .is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn messages(
    accounts: &SimulatedAccounts,
    state: &mut State,
    body: &Bytes,
    now: Timestamp,
) -> Result<Value, Refusal> {
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Refusal::parameter("The body is not a JSON object."))?;
    if text(&body, "messaging_product") != Some("whatsapp") {
        return Err(Refusal::parameter("The parameter messaging_product is required."));
    }
    if let Some(status) = body.get("status") {
        return match (status.as_str(), text(&body, "message_id")) {
            (Some("read"), Some(message_id)) => {
                if body.contains_key("typing_indicator") {
                    state.people.show_typing(Side::Meta, message_id, now);
                } else {
                    state.people.mark_read(Side::Meta, message_id);
                }
                Ok(json!({ "success": true }))
            }
            _ => Err(Refusal::parameter("A message is marked as read by its message_id.")),
        };
    }
    let kind = text(&body, "type").ok_or_else(|| Refusal::parameter("The parameter type is required."))?;
    let (input, user, answer_name) = recipient(&body)?;
    let content = content::read(&body, kind, &accounts.meta_sender())?;
    if let Content::Text(written) = &content
        && written.body.chars().count() > MAX_TEXT
    {
        return Err(Refusal::parameter("Param text['body'] must be at most 4096 characters long."));
    }
    let callback_data = text(&body, "biz_opaque_callback_data").map(str::to_owned);
    if callback_data.as_ref().is_some_and(|data| data.len() > MAX_CALLBACK_DATA) {
        return Err(Refusal::parameter(
            "Param biz_opaque_callback_data must be at most 512 characters long.",
        ));
    }
    let opens = direct_send::look_at(&body, &content)? || content.opens_conversations();
    if !opens && !state.window_is_open(Side::Meta, user, now) {
        return Err(Refusal {
            details: Some(
                "Message failed to send because more than 24 hours have passed since the customer last \
                 replied to this number."
                    .to_owned(),
            ),
            ..Refusal::new(400, 131_047, "Re-engagement message")
        });
    }

    if let (true, Content::Template(template)) = (state.require_templates, &content) {
        let named = (template.name.clone(), template.language.clone());
        let registered = state.templates.get(&named).ok_or_else(Refusal::no_template)?;
        registered.refusal(template).map_or(Ok(()), Err)?;
    }
    let files = media::named(&state.media, &content, now)?;
    // It counts when it arrives, even if it is accepted later.
    let arrived = state.clock.now();
    if !state.limits.take_meta(arrived) {
        return Err(Refusal::new(400, 130_429, "Rate limit hit"));
    }
    if !state.limits.take_pair(Side::Meta, user, arrived) {
        let title = "(Business Account, Consumer Account) pair rate limit hit";
        return Err(Refusal::new(400, 131_056, title));
    }

    let error = state.refused_later.take();
    let message_id = message_id(user, state.next_id());
    let first = Status {
        message_id: message_id.clone(),
        user,
        state: "accepted",
        at: now,
        error,
        way: Way::Meta { callback_data: callback_data.clone() },
    };
    let life = match error {
        Some(_) => &FAILURE[..],
        // A reaction is never delivered or read by itself.
        None if kind == "reaction" => &LIFE[..1],
        None => &LIFE[..],
    };
    state.follow(&first, life);
    let (attempt, reference) = content::read_callback_data(callback_data.as_deref());
    let mut message = json!({ "id": message_id });
    if let (Content::Template(_), Some(fields)) = (&content, message.as_object_mut()) {
        fields.insert("message_status".to_owned(), "accepted".into());
    }
    let delivery = Delivery {
        side: Side::Meta,
        to: user,
        message_id,
        content,
        files,
        attempt,
        reference,
        identity_key_hash: text(&body, "recipient_identity_key_hash").map(str::to_owned),
        at: now,
    };
    if error.is_none() {
        state.deliver(delivery);
    }
    let mut contact = json!({ "input": input });
    if let Some(fields) = contact.as_object_mut() {
        let (field, name) = answer_name;
        fields.insert(field.to_owned(), name.into());
    }
    Ok(json!({
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [message],
    }))
}

/// The recipient as it was given, who that is, and how the answer names the user.
type Named<'a> = (&'a str, PhoneNumber, (&'static str, String));

fn recipient(body: &Map<String, Value>) -> Result<Named<'_>, Refusal> {
    if text(body, "recipient_type").is_some_and(|kind| kind != "individual") {
        return Err(Refusal::new(400, 131_041, "Group unknown"));
    }
    // Where both are given, `to` wins.
    if let Some(to) = text(body, "to") {
        let user = PhoneNumber::from_digits(to.strip_prefix('+').unwrap_or(to))
            .map_err(|_| Refusal::parameter("Param to is not a phone number."))?;
        return Ok((to, user, ("wa_id", user.to_digits())));
    }
    let id = text(body, "recipient")
        .ok_or_else(|| Refusal::parameter("The parameter to or recipient is required."))?;
    let user = Side::Meta
        .user_by_id(id)
        .ok_or_else(|| Refusal::parameter("Param recipient is not a user of this business."))?;
    Ok((id, user, ("user_id", id.to_owned())))
}

/// A field that is text and not empty.
fn text<'a>(body: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    body.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// An id in the form of the real ones, which carry the user's number.
pub(super) fn message_id(user: PhoneNumber, number: u64) -> String {
    let digits = user.to_digits();
    let mut bytes = vec![0x1c, 0x18, u8::try_from(digits.len()).unwrap_or_default()];
    bytes.extend_from_slice(digits.as_bytes());
    bytes.extend_from_slice(&[0x15, 0x02, 0x00, 0x11, 0x18, 0x12]);
    bytes.extend_from_slice(format!("{number:018X}").as_bytes());
    bytes.push(0);
    format!("wamid.{}", STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests;
