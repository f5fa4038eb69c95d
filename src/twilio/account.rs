//! The account that sends: its requests, and what the answers say.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::Value;

use super::builder::is_sid;
use super::callback::StatusCallback;
use super::content::Contents;
use super::error::{self, Circumstances, Operation, classify, refusal};
use super::form;
use super::hosting::Hosting;
use super::media::MediaPolicy;
use super::outbound::Outgoing;
use super::tokens::Tokens;
use crate::address::{PhoneNumber, UserId};
use crate::clock::Clock;
use crate::error::{Acceptance, AttemptReport, Error, ErrorKind, Result};
use crate::http_client::{Answer, HttpClient, Limits, exchange};
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::outbound::{AcceptedStatus, Attempt, Departure, SendReceipt};

/// What is needed to send.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) account_sid: Arc<str>,
    pub(super) tokens: Arc<Tokens>,
    /// At least one of this and the next is there.
    pub(super) from_number: Option<PhoneNumber>,
    pub(super) messaging_service_sid: Option<Arc<str>>,
    pub(super) status_callback: Option<Arc<StatusCallback>>,
    pub(super) portfolio: Option<Arc<str>>,
    pub(super) contents: Arc<Contents>,
    pub(super) hosting: Option<Arc<Hosting>>,
    pub(super) base_url: Arc<str>,
    pub(super) messaging_url: Arc<str>,
    pub(super) content_url: Arc<str>,
    pub(super) believe_retry_after: bool,
    pub(super) say_intent: bool,
    pub(super) same_text_is_same_message: bool,
    pub(super) http: Arc<dyn HttpClient>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) media: Arc<MediaPolicy>,
}

impl Account {
    /// The number, or the Messaging Service if there is no number.
    pub(super) fn sender(&self, provider: &ProviderId) -> SenderId {
        let id = match (&self.from_number, &self.messaging_service_sid) {
            (Some(number), _) => number.to_e164(),
            (None, Some(service)) => service.to_string(),
            (None, None) => String::new(),
        };
        SenderId::new(provider.clone(), id)
    }

    /// Whether Twilio chooses the number, out of those of a Messaging Service.
    pub(super) fn sends_from_a_pool(&self) -> bool {
        self.from_number.is_none() && self.messaging_service_sid.is_some()
    }

    /// Where messages are sent to, with the port if the address names one.
    pub(super) fn api(&self) -> Option<String> {
        let (_, rest) = self.base_url.split_once("://")?;
        Some(format!("twilio/{}", rest.split('/').next()?.to_ascii_lowercase()))
    }

    /// Posts a message.
    pub(super) async fn send(
        &self,
        provider: &ProviderId,
        outgoing: Outgoing,
        attempt: &Attempt,
    ) -> Result<SendReceipt> {
        let answer = self.post(&outgoing, attempt).await?;
        let receipt = SendReceipt::accepted(AttemptReport::accepted(attempt.id, provider.clone()))
            .with_sender(outgoing.sender)
            .with_dropped(outgoing.dropped);
        match &answer.body {
            // Accepted, and the rest of the answer was lost.
            None => Ok(receipt),
            Some(body) => self.read_message(body, receipt, &answer),
        }
    }

    /// Shows that an answer is being typed to the inbound message with this SID.
    pub(super) async fn show_typing(&self, message: &str) -> Result<()> {
        let url = format!("{}/v2/Indicators/Typing.json", self.messaging_url);
        let form = form::encode([("messageId", message), ("channel", "whatsapp")]);
        let answer = self.ask(Operation::OneMessage, self.request(Method::POST, url, form)?).await?;
        let Some(body) = &answer.body else {
            // Done, and the rest of the answer was lost.
            return Ok(());
        };
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let success = json.get("success").and_then(Value::as_bool);
        match success {
            Some(true) => Ok(()),
            Some(false) => Err(Error::new(ErrorKind::Unrecognized, Acceptance::NotAccepted)),
            // Somebody answered, but not Twilio.
            None => Err(answer.without_envelope()),
        }
    }

    /// Calls a message back that is to be sent later.
    pub(super) async fn cancel(&self, message: &str) -> Result<()> {
        // It becomes part of an address.
        if !["SM", "MM"].iter().any(|prefix| is_sid(prefix, message)) {
            return Err(Error::invalid("message"));
        }
        let (base, account) = (&self.base_url, &self.account_sid);
        let url = format!("{base}/2010-04-01/Accounts/{account}/Messages/{message}.json");
        let form = form::encode([("Status", "canceled")]);
        let answer = self.ask(Operation::OneMessage, self.request(Method::POST, url, form)?).await?;
        let Some(body) = &answer.body else {
            // Done, and the rest of the answer was lost.
            return Ok(());
        };
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        match (sid(&json), json.get("status").and_then(Value::as_str)) {
            (Some(_), Some("canceled")) => Ok(()),
            (Some(_), Some(_)) => Err(Error::new(ErrorKind::Unrecognized, Acceptance::NotAccepted)),
            // Somebody answered, but not Twilio.
            _ => Err(answer.without_envelope()),
        }
    }

    /// Reads one message of the account's, whichever it is.
    pub(super) async fn probe(&self) -> Result<()> {
        let request = self.request(Method::GET, self.messages("?PageSize=1"), String::new())?;
        let answer = self.ask(Operation::Read, request).await?;
        let Some(body) = &answer.body else {
            return Ok(());
        };
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        // A login page or a proxy says 200 too.
        let is_twilio = json.get("messages").is_some_and(Value::is_array);
        if is_twilio { Ok(()) } else { Err(answer.without_envelope()) }
    }

    pub(super) async fn ask(&self, operation: Operation, request: http::Request<Bytes>) -> Result<Answer> {
        let answer = exchange(&*self.http, request, self.limits, &Departure::new()).await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(refusal(operation, &answer, self.believe_retry_after))
        }
    }

    pub(super) fn messages(&self, query: &str) -> String {
        let (base, account) = (&self.base_url, &self.account_sid);
        format!("{base}/2010-04-01/Accounts/{account}/Messages.json{query}")
    }

    pub(super) fn request(&self, method: Method, url: String, form: String) -> Result<http::Request<Bytes>> {
        let login = self.tokens.login(&self.account_sid).ok_or_else(|| Error::unsupported("auth_token"))?;
        let login = STANDARD.encode(login);
        let mut authorization = HeaderValue::try_from(format!("Basic {login}"))
            .map_err(|_| Error::new(ErrorKind::Credentials, Acceptance::NotAccepted))?;
        authorization.set_sensitive(true);
        let mut request = http::Request::builder()
            .method(&method)
            .uri(url)
            .header(header::AUTHORIZATION, authorization)
            .header(header::ACCEPT, "application/json");
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request.body(Bytes::from(form)).map_err(|_| Error::unsupported("base_url"))
    }

    /// Completes the receipt from the body of a success.
    fn read_message(&self, body: &[u8], receipt: SendReceipt, answer: &Answer) -> Result<SendReceipt> {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        if sid(&json).is_none() {
            // Somebody answered, but not Twilio.
            return Err(answer.without_envelope());
        }
        // Twilio took the message and gave it up within the same answer: it certainly will not send it. The codes are those
        // of statuses. What is undelivered had left, and without a code that says why nothing is certain: the status
        // webhook will tell.
        if let Some("failed" | "canceled") = text("status")
            && let Some(code) = json.get("error_code").and_then(error::code)
            && let meaning = classify(Operation::Status, code, Circumstances::STATUS)
            && !matches!(meaning.kind, ErrorKind::NoAnswer | ErrorKind::Unavailable | ErrorKind::Unrecognized)
        {
            let error = meaning.into_error(code).with_acceptance(Acceptance::NotAccepted);
            let error = error.with_status(answer.status.as_u16());
            return Err(match text("error_message") {
                Some(words) => error.with_details(words),
                None => error,
            });
        }
        Ok(self.describe(&json, receipt))
    }

    /// Completes the receipt from a message as Twilio shows it.
    pub(super) fn describe(&self, json: &Value, receipt: SendReceipt) -> SendReceipt {
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        let mut sender = receipt.sender.clone();
        if let (Some(sender), Some(number)) = (&mut sender, text("from").and_then(whatsapp_number)) {
            // With a Messaging Service, Twilio may say at once which number of its pool it took.
            sender.id = number.to_e164();
        }
        let mut receipt = match sender.zip(sid(json)) {
            Some((sender, sid)) => receipt.with_message(MessageRef::new(sender, sid)),
            None => receipt,
        };
        receipt.status = text("status").map(AcceptedStatus::from_name);
        receipt.phone = text("to").and_then(whatsapp_number);
        if receipt.phone.is_none() {
            let user = text("to").and_then(|to| to.strip_prefix("whatsapp:"));
            receipt.user = user.and_then(|user| scoped_user(user, self.portfolio.as_deref()));
        }
        receipt
    }
}

/// The id of a message as Twilio shows it.
pub(super) fn sid(json: &Value) -> Option<&str> {
    let sid = json.get("sid")?.as_str()?;
    (sid.starts_with("SM") || sid.starts_with("MM")).then_some(sid)
}

/// A business-scoped user id in the portfolio of this account's number.
pub(super) fn scoped_user(id: &str, portfolio: Option<&str>) -> Option<UserId> {
    let user = UserId::new(id).ok()?;
    Some(match portfolio {
        Some(portfolio) => user.with_scope(portfolio),
        None => user,
    })
}

fn whatsapp_number(address: &str) -> Option<PhoneNumber> {
    PhoneNumber::parse(address.strip_prefix("whatsapp:")?).ok()
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("contents", &self.contents)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
