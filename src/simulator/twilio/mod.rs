//! Twilio's API, as far as this crate asks it anything.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::accounts::{Side, SimulatedAccounts};
use super::delivery::Delivery;
use super::reaction::json as answer;
use super::redelivery::Overrides;
use super::state::State;
use super::status::{FAILURE, LIFE, Status, Way};
use crate::address::PhoneNumber;
use crate::clock::Timestamp;

mod content;
mod library;
mod media;
mod message;
mod resource;

pub(super) use media::{ReceivedFiles, path as media_path};
pub(super) use message::StoredMessage;
pub(super) use resource::RegisteredContent;

/// The most characters of a body.
const MAX_BODY: usize = 1600;
/// The most characters of a callback's address.
const MAX_CALLBACK: usize = 4000;
/// How long before it is sent Twilio has to have a message for later, at least and at most.
const SOONEST: Duration = Duration::from_secs(15 * 60);
const LATEST: Duration = Duration::from_secs(35 * 24 * 60 * 60);
/// How WhatsApp addresses begin.
pub(super) const CHANNEL: &str = "whatsapp:";
/// The version of the Messages API.
pub(super) const API_VERSION: &str = "2010-04-01";

/// Why a request is refused.
#[derive(Debug)]
struct Refusal {
    status: u16,
    code: i64,
    message: &'static str,
}

impl Refusal {
    const fn new(status: u16, code: i64, message: &'static str) -> Self {
        Self { status, code, message }
    }

    const fn not_found() -> Self {
        Self::new(404, 20_404, "The requested resource was not found")
    }

    const fn invalid(code: i64, message: &'static str) -> Self {
        Self::new(400, code, message)
    }

    fn into_response(self) -> Response<Bytes> {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status,
        });
        answer(self.status, &body)
    }
}

/// A refusal that a fault asks for.
pub(super) fn refusal(status: u16, code: i64) -> Response<Bytes> {
    let message = match code {
        20_503 => "Service unavailable",
        _ => "Simulated refusal",
    };
    Refusal::new(status, code, message).into_response()
}

/// The fields of a form, in order and decoded.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    fn read(encoded: &[u8]) -> Self {
        // Every byte string is a form; what is no pair becomes a name without a value.
        Self(serde_urlencoded::from_bytes(encoded).unwrap_or_default())
    }

    /// The first value of this name, if it is not empty.
    fn text(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter().filter(|(field, _)| field == name);
        pairs.next().map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Does what a request asks, if it may.
pub(super) fn handle(
    accounts: &SimulatedAccounts,
    state: &mut State,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    if *request.method() == Method::GET && authenticated(accounts, request) {
        // The real one redirects to where its files are.
        if let Some(file) = state.files.download(accounts, request.uri().path()) {
            return file;
        }
    }
    match route(accounts, state, request, now) {
        Ok((204, _)) => no_content(),
        Ok((status, body)) => answer(status, &body),
        Err(refusal) => refusal.into_response(),
    }
}

/// What was asked is done, and there is nothing to say about it.
fn no_content() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn route(
    accounts: &SimulatedAccounts,
    state: &mut State,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Result<(u16, Value), Refusal> {
    if !authenticated(accounts, request) {
        return Err(Refusal::new(401, 20_003, "Authenticate"));
    }
    let path = request.uri().path().trim_start_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match (request.method(), segments.as_slice()) {
        (method, [API_VERSION, "Accounts", account, rest @ ..]) if *account == accounts.account_sid => {
            match (method, rest) {
                (&Method::POST, ["Messages.json"]) => send(accounts, state, request.body(), now),
                (&Method::GET, ["Messages.json"]) => {
                    let query = Form::read(request.uri().query().unwrap_or_default().as_bytes());
                    Ok((200, message::list(accounts, &state.messages, &query, now)))
                }
                (&Method::POST, ["Messages", file]) => {
                    let form = Form::read(request.body());
                    cancel(accounts, state, file.strip_suffix(".json").unwrap_or_default(), &form, now)
                }
                (&Method::GET, ["Messages", file]) => {
                    let sid = file.strip_suffix(".json").unwrap_or_default();
                    let stored =
                        state.messages.iter().find(|message| message.sid == sid && message.at <= now);
                    let stored = stored.ok_or(const { Refusal::not_found() })?;
                    Ok((200, stored.resource(accounts, now)))
                }
                (&Method::DELETE, ["Messages", message, "Media", media]) => {
                    let deleted = state.files.delete(message, media);
                    if deleted { Ok((204, Value::Null)) } else { Err(Refusal::not_found()) }
                }
                _ => Err(Refusal::not_found()),
            }
        }
        (&Method::POST, ["v2", "Indicators", "Typing.json"]) => {
            let form = Form::read(request.body());
            match (form.text("channel"), form.text("messageId").filter(|sid| is_message_sid(sid))) {
                (Some("whatsapp"), Some(message_id)) => {
                    state.people.show_typing(Side::Twilio, message_id, now);
                    Ok((200, json!({ "success": true })))
                }
                _ => Err(Refusal::invalid(20_001, "Invalid parameter")),
            }
        }
        (_, [version @ ("v1" | "v2"), rest @ ..]) => {
            library::route(accounts, state, request, version, rest, now)
        }
        _ => Err(Refusal::not_found()),
    }
}

fn authenticated(accounts: &SimulatedAccounts, request: &Request<Bytes>) -> bool {
    let encoded = |name: &str, password: &str| STANDARD.encode(format!("{name}:{password}"));
    let expected = [
        encoded(&accounts.account_sid, &accounts.auth_token),
        encoded(&accounts.api_key_sid, &accounts.api_key_secret),
    ];
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "))
        .is_some_and(|given| expected.iter().any(|expected| given == expected))
}

fn send(
    accounts: &SimulatedAccounts,
    state: &mut State,
    body: &Bytes,
    now: Timestamp,
) -> Result<(u16, Value), Refusal> {
    let form = Form::read(body);
    let to = form.text("To").ok_or(const { Refusal::invalid(21_604, "A 'To' phone number is required.") })?;
    let (from, service) = sender(accounts, &form, to)?;
    let user = user(to)?;
    let written = form.text("Body");
    if written.is_none() && form.text("MediaUrl").is_none() && form.text("ContentSid").is_none() {
        return Err(Refusal::invalid(21_602, "Message body is required."));
    }
    if written.is_some_and(|body| body.chars().count() > MAX_BODY) {
        return Err(Refusal::invalid(
            21_617,
            "The concatenated message body exceeds the 1600 character limit.",
        ));
    }
    let content = content::read(&form, &state.contents)?;
    let callback = form.text("StatusCallback").map(callback).transpose()?;
    let (attempt, reference) = content::read_callback(callback.as_ref().map(|(callback, _)| callback));

    let media = form.text("MediaUrl").is_some();
    let sid = format!("{}{:032x}", if media { "MM" } else { "SM" }, state.next_id());
    // Without a service what is to be sent later is sent at once, as the real one does.
    let later =
        form.text("SendAt").filter(|_| service.is_some() && form.text("ScheduleType") == Some("fixed"));
    let sends_at = later.map_or(Ok(now), |at| scheduled(at, now))?;
    let scheduled = later.is_some();
    // It counts when it arrives, even if it is accepted later.
    let arrived = state.clock.now();
    let sends_at = if scheduled {
        sends_at
    } else {
        let full = const {
            Refusal::invalid(21_611, "This 'From' number has exceeded the maximum number of queued messages.")
        };
        state.limits.queue_at_twilio(arrived).ok_or(full)?.max(now)
    };
    let reaches = content.opens_conversations() || state.window_is_open(Side::Twilio, user, sends_at);
    // Twilio accepts what WhatsApp then refuses.
    let error = if let Some(code) = state.refused_later.take() {
        Some(code)
    } else if !reaches {
        let content = form.text("ContentSid").and_then(|sid| state.contents.get(sid));
        Some(content.and_then(RegisteredContent::refusal).unwrap_or(63_016))
    } else if !scheduled && !state.limits.take_pair(Side::Twilio, user, arrived) {
        Some(63_018)
    } else {
        None
    };
    if let Some((callback, overrides)) = callback {
        let first = Status {
            message_id: sid.clone(),
            user,
            state: "queued",
            at: sends_at,
            error,
            way: Way::Twilio { callback, overrides, from: from.clone(), service: service.clone() },
        };
        state.follow(&first, if error.is_some() { &FAILURE } else { &LIFE });
    }
    let stored = StoredMessage {
        sid: sid.clone(),
        to: to.to_owned(),
        from,
        service,
        body: written.unwrap_or_default().to_owned(),
        media,
        at: now,
        sends_at,
        scheduled,
        canceled: false,
        error,
    };
    // As it is at this moment, before anything of its life.
    let resource = stored.accepted(accounts);
    state.messages.push(stored);
    if error.is_none() {
        state.deliver(Delivery {
            identity_key_hash: None,
            files: Vec::new(),
            side: Side::Twilio,
            to: user,
            message_id: sid,
            content,
            attempt,
            reference,
            at: sends_at,
        });
    }
    Ok((201, resource))
}

/// When a message for later is to be sent.
fn scheduled(at: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let at =
        at.parse().ok().filter(|at| *at >= now.saturating_add(SOONEST) && *at <= now.saturating_add(LATEST));
    at.ok_or(const { Refusal::invalid(35_114, "Scheduling does not support this timestamp") })
}

/// Calls back a message that is to be sent later. Nothing else of a message can be changed here.
fn cancel(
    accounts: &SimulatedAccounts,
    state: &mut State,
    sid: &str,
    form: &Form,
    now: Timestamp,
) -> Result<(u16, Value), Refusal> {
    let found = state.messages.iter_mut().find(|message| message.sid == sid && message.at <= now);
    let message = found.ok_or(const { Refusal::not_found() })?;
    if form.text("Status") != Some("canceled") {
        return Err(Refusal::invalid(20_001, "Invalid parameter"));
    }
    if message.waits(now) {
        message.canceled = true;
        state.call_back(sid);
    }
    let found = state.messages.iter().find(|message| message.sid == sid);
    found.map(|message| (200, message.resource(accounts, now))).ok_or(const { Refusal::not_found() })
}

/// The number that sends, and the Messaging Service through which it does.
fn sender(accounts: &SimulatedAccounts, form: &Form, to: &str) -> Result<(String, Option<String>), Refusal> {
    let ours = format!("{CHANNEL}{}", accounts.twilio_number);
    let service = form.text("MessagingServiceSid");
    if service.is_some_and(|service| service != accounts.messaging_service_sid) {
        return Err(Refusal::new(404, 21_701, "The Messaging Service does not exist."));
    }
    match form.text("From") {
        Some(from) if from.starts_with(CHANNEL) != to.starts_with(CHANNEL) => Err(Refusal::invalid(
            21_910,
            "Invalid From and To pair. From and To should be of the same channel",
        )),
        Some(from) if from != ours => {
            Err(Refusal::invalid(63_007, "Twilio could not find a Channel with the specified From address"))
        }
        None if service.is_none() => Err(Refusal::invalid(
            21_603,
            "A 'From' or 'MessagingServiceSid' parameter is required to send a message.",
        )),
        _ => Ok((ours, service.map(str::to_owned))),
    }
}

fn user(to: &str) -> Result<PhoneNumber, Refusal> {
    let address = to.strip_prefix(CHANNEL).unwrap_or_default();
    PhoneNumber::parse(address)
        .ok()
        .or_else(|| Side::Twilio.user_by_id(address))
        .ok_or(const { Refusal::invalid(21_211, "Invalid 'To' Phone Number") })
}

/// Where statuses go, and what follows `#`, which is for Twilio.
fn callback(url: &str) -> Result<(Uri, Overrides), Refusal> {
    let invalid = const { Refusal::invalid(21_609, "Invalid 'StatusCallback'") };
    if url.len() > MAX_CALLBACK {
        return Err(invalid);
    }
    let (bare, fragment) = url.split_once('#').unwrap_or((url, ""));
    let web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    let plain = |uri: &Uri| uri.host().is_some_and(|host| !host.contains('_'));
    let uri = bare.parse().ok();
    let uri = uri.filter(|uri| web(uri) && plain(uri)).ok_or(invalid)?;
    Ok((uri, Overrides::read(fragment)))
}

fn is_message_sid(sid: &str) -> bool {
    let digits = sid.strip_prefix("SM").or_else(|| sid.strip_prefix("MM"));
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
