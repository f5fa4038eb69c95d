//! Requests to the Graph API, and what their answers mean.

use bytes::Bytes;
use http::{Method, Request, Uri};

use super::endpoint::EndpointPath;
use super::error::{Operation, refusal};
use super::outbound::{Origin, read_receipt};
use super::sending::Sending;
use super::wire::{Object, elements};
use super::{MetaCloud, Shared};
use crate::address::{PhoneNumber, UserId};
use crate::error::{AttemptReport, Error, Result};
use crate::http_client::{Answer, exchange};
use crate::ids::MessageRef;
use crate::outbound::{AcceptedStatus, Attempt, Departure, OutboundMessage, Remaining, SendReceipt};

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
            marketing: self.shared.marketing.as_ref(),
        }
    }

    /// One attempt: the request, and what its answer means.
    pub(super) async fn attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        let sending = self.sending()?;
        let remaining = Remaining::of(attempt, &*sending.clock);
        let mut prepared = self.prepare(sending, message)?;
        let mut limits = self.shared.limits.at_most(attempt.deadline);
        let files = self.upload_files(sending, message, &remaining).await?;
        if !files.is_empty() {
            prepared = self.prepare_with(sending, message, &files)?;
            limits = limits.at_most(remaining.left()?);
        }
        let (path, dropped) = (prepared.path, prepared.dropped.clone());
        let request = sending.post(path, prepared.into_body(attempt.id, message.reference.as_deref()))?;

        let answer = exchange(&*sending.http, request, limits, &attempt.departure).await?;
        let mut receipt = SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.shared.id.clone()))
            .with_sender(sending.sender.clone())
            .with_dropped(dropped);
        if !answer.status.is_success() {
            let refusal = self.refusal(Operation::Send, &answer);
            self.forget_after(&refusal, &files);
            return Err(refusal);
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
        let request = sending.post(EndpointPath::Messages, read_receipt(message, typing))?;
        self.succeed(sending, request, Operation::Fetch, |answer| answer.flag("success") == Some(true)).await
    }

    /// The cheapest question that needs the token and the number, at a host that knows one. A token may well send without
    /// being allowed to read the number, which is no trouble of the account's.
    pub(super) async fn ask_for_number(&self) -> Result<()> {
        let sending = self.sending()?;
        let address = sending.address(EndpointPath::Probe, &[])?;
        let request = sending.request(Method::GET, address, Bytes::new());
        self.succeed(sending, request, Operation::Management, |answer| answer.has("id")).await
    }

    /// Reads something. What was cut off has not been read.
    pub(super) async fn read_object<T>(
        &self,
        sending: &Sending,
        address: Uri,
        operation: Operation,
        read: impl Fn(&Object<'_>) -> Option<T> + Send,
    ) -> Result<T> {
        let request = sending.request(Method::GET, address, Bytes::new());
        let answer = exchange(&*sending.http, request, self.shared.limits, &Departure::new()).await?;
        let body = answer.body.as_deref().filter(|_| answer.status.is_success());
        let value = body.and_then(Object::read_body).and_then(|object| read(&object));
        value.ok_or_else(|| self.refusal(operation, &answer))
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

    pub(super) fn refusal(&self, operation: Operation, answer: &Answer) -> Error {
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
