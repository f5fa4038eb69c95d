//! Requests to the Graph API, and what their answers mean.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};

use super::error::{Operation, refusal};
use super::outbound::{Origin, prepare, read_receipt};
use super::wire::{Object, elements};
use super::{MetaCloud, Shared};
use crate::address::{PhoneNumber, UserId};
use crate::clock::Clock;
use crate::error::{AttemptReport, ConfigError, Error, ErrorKind, Result};
use crate::http_client::{Answer, HttpClient, exchange};
use crate::ids::{MessageRef, SenderId};
use crate::outbound::{AcceptedStatus, Attempt, Departure, OutboundMessage, SendReceipt};
use crate::secret::Secret;

/// What it takes to send from one number.
pub(super) struct Sending {
    pub(super) sender: SenderId,
    pub(super) http: Arc<dyn HttpClient>,
    pub(super) clock: Arc<dyn Clock>,
    messages: Uri,
    probe: Uri,
    /// Held only to copy or to replace it, never while waiting.
    credentials: RwLock<Credentials>,
}

/// The token as it travels, and how often it was replaced.
struct Credentials {
    authorization: HeaderValue,
    version: u64,
}

impl Sending {
    /// Puts the number's addresses and the token together. `base` has been checked, `version` and the sender's id have
    /// no character that means anything in a path.
    pub(super) fn new(
        base: &str,
        version: &str,
        sender: SenderId,
        token: &str,
        http: Arc<dyn HttpClient>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let address = |rest: &str| {
            format!("{base}/{version}/{}{rest}", sender.id)
                .parse::<Uri>()
                .map_err(|_| ConfigError::new("base_url", "does not make a URL with the version and the id"))
        };
        Ok(Self {
            messages: address("/messages")?,
            probe: address("?fields=id")?,
            credentials: RwLock::new(Credentials { authorization: authorization(token)?, version: 0 }),
            sender,
            http,
            clock,
        })
    }

    pub(super) fn set_token(&self, token: &str) -> Result<(), ConfigError> {
        let authorization = authorization(token)?;
        let mut credentials = self.credentials.write().unwrap_or_else(PoisonError::into_inner);
        *credentials = Credentials { authorization, version: credentials.version.wrapping_add(1) };
        Ok(())
    }

    pub(super) fn credentials_version(&self) -> u64 {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).version
    }

    /// Where messages are sent to, with the port if the address names one.
    pub(super) fn api(&self) -> Option<String> {
        let authority = self.messages.authority()?;
        Some(format!("meta/{}", authority.as_str().to_ascii_lowercase()))
    }

    fn request(&self, method: Method, uri: &Uri, body: impl Into<Bytes>) -> Request<Bytes> {
        let token = self.credentials.read().unwrap_or_else(PoisonError::into_inner).authorization.clone();
        let mut request = Request::new(body.into());
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert(header::AUTHORIZATION, token);
        request
    }

    fn post(&self, body: String) -> Request<Bytes> {
        let mut request = self.request(Method::POST, &self.messages, body);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        request
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("sender", &self.sender).finish_non_exhaustive()
    }
}

fn authorization(token: &str) -> Result<HeaderValue, ConfigError> {
    let invalid = |problem| ConfigError::new("access_token", problem);
    let token = Secret::setting("access_token", token)?;
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| invalid("has a character that no token has"))?;
    header.set_sensitive(true);
    Ok(header)
}

impl MetaCloud {
    /// What it takes to send, if it was given.
    pub(super) fn sending(&self) -> Result<&Sending> {
        self.sending
            .as_deref()
            .ok_or_else(|| Error::unsupported("access_token").with_provider(self.shared.id.clone()))
    }

    pub(super) fn origin<'a>(&'a self, sending: &'a Sending) -> Origin<'a> {
        Origin {
            provider: &self.shared.id,
            sender: &sending.sender,
            portfolio: self.shared.portfolio.as_deref(),
        }
    }

    /// One attempt: the request, and what its answer means.
    pub(super) async fn attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        let sending = self.sending()?;
        let prepared = prepare(message, &self.origin(sending))?;
        let dropped = prepared.dropped.clone();
        let request = sending.post(prepared.into_body(attempt.id, message.reference.as_deref()));
        let limits = self.shared.limits.at_most(attempt.deadline);

        let answer = exchange(&*sending.http, request, limits, &attempt.departure).await?;
        let mut receipt = SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.shared.id.clone()))
            .with_sender(sending.sender.clone())
            .with_dropped(dropped);
        if !answer.status.is_success() {
            return Err(self.refusal(Operation::Send, &answer));
        }
        let Some(body) = &answer.body else {
            // Meta took the message and the rest of what it said is lost. The statuses will name the attempt.
            return Ok(receipt);
        };
        match Accepted::read(body, &self.shared) {
            Some(accepted) => {
                receipt = receipt.with_message(MessageRef::new(sending.sender.clone(), accepted.id));
                receipt.status = accepted.status;
                receipt.phone = accepted.phone;
                receipt.user = accepted.user;
                Ok(receipt)
            }
            // A whole answer that Meta does not give: something in between may or may not have passed the message on.
            None => Err(self.refusal(Operation::Send, &answer)),
        }
    }

    /// Marks a message as read, and with `typing` shows that an answer is being typed.
    pub(super) async fn read(&self, message: &MessageRef, typing: bool) -> Result<()> {
        let sending = self.sending()?;
        if message.sender != sending.sender {
            return Err(Error::not_portable("message"));
        }
        let request = sending.post(read_receipt(message, typing));
        self.succeed(sending, request, Operation::Fetch, |answer| answer.flag("success") == Some(true)).await
    }

    /// The cheapest question that needs the token and the number.
    pub(super) async fn ask_for_number(&self) -> Result<()> {
        let sending = self.sending()?;
        let request = sending.request(Method::GET, &sending.probe, Bytes::new());
        self.succeed(sending, request, Operation::Send, |answer| answer.has("id")).await.map_err(|error| {
            let mut failure = error.failure().clone();
            // A token may well send without being allowed to read the number: that is no trouble of the account's. Nor
            // can one who may not read it tell it from one that is gone; if it is, the next message says so.
            let permission = match failure.code {
                Some(3 | 10 | 200..=299 | 131_005) => failure.kind != ErrorKind::NoAnswer,
                Some(100) => failure.kind == ErrorKind::AccountBlocked,
                _ => false,
            };
            if permission {
                failure.kind = ErrorKind::NotEntitled;
            }
            failure.into()
        })
    }

    /// A request that sends no message. An answer that was cut off after its status succeeded as well.
    async fn succeed(
        &self,
        sending: &Sending,
        request: Request<Bytes>,
        operation: Operation,
        expected: impl Fn(&Object<'_>) -> bool + Send,
    ) -> Result<()> {
        let answer = exchange(&*sending.http, request, self.shared.limits, &Departure::new()).await?;
        let fits = match answer.body.as_deref() {
            Some(body) => Object::read_body(body).is_some_and(|answer| expected(&answer)),
            None => true,
        };
        if answer.status.is_success() && fits { Ok(()) } else { Err(self.refusal(operation, &answer)) }
    }

    fn refusal(&self, operation: Operation, answer: &Answer) -> Error {
        refusal(operation, answer, self.shared.unknown_error_is_refusal)
    }
}

/// What Meta says of a message that it took. All but the id may be missing.
struct Accepted {
    id: String,
    status: Option<AcceptedStatus>,
    phone: Option<PhoneNumber>,
    user: Option<UserId>,
}

impl Accepted {
    fn read(body: &[u8], shared: &Shared) -> Option<Self> {
        let body = Object::read_body(body)?;
        let first = |name: &str| {
            let list = elements(body.get(name)?)?;
            list.first().and_then(|first| Object::read(first))
        };
        let message = first("messages")?;
        let contact = first("contacts");
        Some(Self {
            id: message.text("id")?,
            status: message.text("message_status").map(|word| AcceptedStatus::from_name(&word)),
            phone: contact.as_ref().and_then(|contact| contact.phone("wa_id")),
            user: contact.and_then(|contact| contact.user("user_id", shared.portfolio.as_deref())),
        })
    }
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
