//! A provider of your own: a gateway that speaks lines of text. It keeps the laws, and stands in a failover beside the
//! others.
//!
//! `cargo run --example custom_provider`

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha2::Sha256;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, Unrecognized, User};
use whatsapp_provider::outbound::{ContentKind, Dropped, Wish};
use whatsapp_provider::testing::MemoryProvider;
use whatsapp_provider::testing::conformance::{self, Element, Subject};
use whatsapp_provider::{
    Acceptance, Attempt, AttemptReport, Capabilities, Content, Error, ErrorKind, ForeignWebhook,
    InboundEvent, MessageRef, OutboundMessage, PhoneNumber, ProviderId, Result, SendReceipt, SenderId,
    SignatureError, VerifiedWebhook, WebhookHead, WebhookRequest, WhatsAppProvider, WhatsAppProviderExt,
};

const SIGNATURE: HeaderName = HeaderName::from_static("x-line-signature");
const SECRET: &str = "an invented secret";

struct LineGateway {
    sender: SenderId,
    key: Hmac<Sha256>,
    /// What went out and is still to be read back.
    sent: Mutex<Vec<String>>,
}

/// Nothing of what it holds is for a log.
impl fmt::Debug for LineGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineGateway").finish_non_exhaustive()
    }
}

impl LineGateway {
    /// A line is `id from text`.
    fn message(&self, line: &[u8]) -> Option<InboundMessage> {
        let (id, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let (from, text) = rest.split_once(' ')?;
        let from = User::with_phone(PhoneNumber::from_digits(from).ok()?);
        let message = MessageRef::new(self.sender.clone(), Some(id).filter(|id| !id.is_empty())?);
        Some(InboundMessage::new(message, from, InboundContent::text(text)))
    }
}

#[async_trait]
impl WhatsAppProvider for LineGateway {
    fn id(&self) -> &ProviderId {
        &self.sender.provider
    }

    fn senders(&self) -> Vec<SenderId> {
        vec![self.sender.clone()]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new([ContentKind::Text])
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        if message.reply_to.as_ref().is_some_and(|quote| quote.required) {
            return Err(Error::unsupported("reply_to"));
        }
        match (&message.content, message.to.phone()) {
            (Content::Text(text), Some(_)) if text.body.is_empty() => Err(Error::invalid("content.body")),
            (Content::Text(_), Some(_)) => Ok(()),
            (Content::Text(_), None) => Err(Error::unsupported("to")),
            _ => Err(Error::unsupported("content")),
        }
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        self.check(message)?;
        if !attempt.departure.depart() {
            return Err(Error::new(ErrorKind::Expired, Acceptance::NotAccepted));
        }
        // What a real one would write to its gateway.
        if let (Content::Text(text), Ok(mut sent)) = (&message.content, self.sent.lock()) {
            sent.push(text.body.clone());
        }
        // What a line has no place for is said.
        let wishes =
            [(Wish::Quote, message.reply_to.is_some()), (Wish::Reference, message.reference.is_some())];
        let dropped = wishes.into_iter().filter(|(_, wished)| *wished).map(|(wish, _)| Dropped::new(wish));
        Ok(SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.id().clone()))
            .with_message(MessageRef::new(self.sender.clone(), attempt.id.to_string()))
            .with_dropped(dropped.collect()))
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        head.headers.contains_key(SIGNATURE)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        let hex = request.head.header(SIGNATURE.as_str()).ok_or(SignatureError::Missing)?;
        let byte = |place| u8::from_str_radix(hex.get(place..place + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
        let bytes = bytes.ok_or(SignatureError::Malformed)?;
        self.key
            .clone()
            .chain_update(request.body)
            .verify_slice(&bytes)
            .map_err(|_| SignatureError::Mismatch)?;
        Ok(request.attest(self.id()))
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        if webhook.provider() != self.id() {
            return Err(ForeignWebhook::new(webhook.provider().clone()));
        }
        let event = |(place, line): (usize, &[u8])| {
            let garbage = || Unrecognized::new("not `id from text`", line.to_vec());
            match self.message(line) {
                Some(message) => {
                    webhook.event(EventId::new(["message", &message.message.id.clone()]), message)
                }
                None => webhook.event(EventId::new(["x", &place.to_string()]), garbage()),
            }
            .with_sender(self.sender.clone())
        };
        Ok(webhook.request().body.split(|byte| *byte == b'\n').enumerate().map(event).collect())
    }
}

/// What the conformance suite must know: how the gateway writes a webhook, and what it was told to send.
impl Subject for LineGateway {
    fn provider(&self) -> &dyn WhatsAppProvider {
        self
    }

    fn webhook(&self, elements: &[Element<'_>]) -> http::Request<Bytes> {
        let line = |element: &Element<'_>| match element {
            Element::Text { id, from, body } => format!("{id} {from} {body}"),
            Element::WithoutId => " 15557654321 hello".to_owned(),
            _ => "garbage".to_owned(),
        };
        let body = elements.iter().map(line).collect::<Vec<_>>().join("\n");
        let signature = self.key.clone().chain_update(body.as_bytes()).finalize().into_bytes();
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut request = http::Request::new(Bytes::from(body));
        *request.method_mut() = http::Method::POST;
        if let Ok(signature) = signature.parse() {
            request.headers_mut().insert(SIGNATURE, signature);
        }
        request
    }

    fn max_elements(&self) -> usize {
        1000
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        let lower = |request: &http::Request<Bytes>| {
            request.headers().get(SIGNATURE).map(|value| value.as_bytes().to_ascii_lowercase())
        };
        a.body() == b.body() && lower(a) == lower(b)
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![SIGNATURE]
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    fn take_sent(&self) -> Option<Vec<Content>> {
        let mut sent = self.sent.lock().ok()?;
        Some(sent.drain(..).map(Content::text).collect())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let sender = SenderId::new("gateway".parse()?, "line 1");
    let key = Hmac::new_from_slice(SECRET.as_bytes())?;
    let gateway = LineGateway { sender, key, sent: Mutex::default() };
    conformance::all(&gateway).await?;
    println!("the gateway keeps the laws");

    let down = MemoryProvider::new(ProviderId::META);
    down.fail_always(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted));
    let whatsapp = FailoverProvider::builder().primary(down).fallback(gateway).build()?;
    let receipt = whatsapp.send_text(PhoneNumber::parse("+15551234567")?, "hello by another way").await?;
    println!("accepted by {} after {} attempts", receipt.provider, receipt.attempts.len());
    Ok(())
}
