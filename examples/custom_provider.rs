//! A provider of your own: a gateway that speaks lines of text. It keeps the laws, and stands in a failover beside the
//! others.
//!
//! `cargo run --example custom_provider`

#![allow(clippy::print_stdout, reason = "an example talks")]

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha2::Sha256;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, Unrecognized, User};
use whatsapp_provider::outbound::{ContentKind, Dropped, Wish};
use whatsapp_provider::testing::conformance::{self, Delivered, Element, Seen, Subject};
use whatsapp_provider::testing::{ScriptedProvider, Step, TestClock};
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
    /// Where a gateway would have its connection: the lines that went out.
    wire: Arc<Mutex<Vec<String>>>,
}

impl LineGateway {
    fn new(sender: SenderId) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        Ok(Self { sender, key: Hmac::new_from_slice(SECRET.as_bytes())?, wire: Arc::default() })
    }

    /// A line is `id from text`.
    fn message(&self, line: &[u8]) -> Option<InboundMessage> {
        let (id, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let (from, text) = rest.split_once(' ')?;
        let from = User::with_phone(PhoneNumber::from_digits(from).ok()?);
        let message = MessageRef::new(self.sender.clone(), Some(id).filter(|id| !id.is_empty())?);
        Some(InboundMessage::new(message, from, InboundContent::text(text)))
    }
}

/// Neither the key nor what anybody says.
impl fmt::Debug for LineGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineGateway").field("sender", &self.sender).finish_non_exhaustive()
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
        let Content::Text(text) = &message.content else { return Err(Error::unsupported("content")) };
        // A wish may be dropped; a condition must be kept, or the message refused.
        let refused = [
            ("content.body", text.body.is_empty() || text.body.contains('\n')),
            ("to", message.to.phone().is_none()),
            ("from", message.from.as_ref().is_some_and(|from| *from != self.sender)),
            ("via", message.via_only && message.via.as_ref() != Some(self.id())),
            ("reply_to", message.reply_to.as_ref().is_some_and(|quote| quote.required)),
            ("direct_send", message.direct_send),
            ("identity_key_hash", message.identity_key_hash.is_some()),
            ("send_at", message.send_at.is_some()),
        ];
        match refused.into_iter().find(|(_, refused)| *refused) {
            Some((field, _)) => Err(Error::unsupported(field).with_provider(self.id().clone())),
            None => Ok(()),
        }
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        attempt.departure.arm();
        self.check(message)?;
        let (Content::Text(text), Some(to)) = (&message.content, message.to.phone()) else {
            return Err(Error::unsupported("content"));
        };
        if !attempt.departure.depart() {
            return Err(Error::new(ErrorKind::Expired, Acceptance::NotAccepted));
        }
        let line = format!("{} {} {}", attempt.id, to.to_digits(), text.body);
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        let dropped = [
            (Wish::Quote, message.reply_to.is_some()),
            (Wish::Ttl, message.ttl.is_some()),
            (Wish::Reference, message.reference.is_some()),
            (Wish::LinkPreview, text.preview_url.is_some()),
        ];
        let dropped = dropped.into_iter().filter(|(_, wished)| *wished).map(|(wish, _)| Dropped::new(wish));
        let accepted = AttemptReport::accepted(attempt.id, self.id().clone());
        Ok(SendReceipt::accepted(accepted)
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

/// What the conformance suite must know: how the gateway writes a webhook, and how what was sent is read back.
impl Subject for LineGateway {
    fn provider(&self) -> &dyn WhatsAppProvider {
        self
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>> {
        let line = |element: &Element<'_>| match element {
            Element::Text { id, from, body } => format!("{id} {from} {body}"),
            Element::WithoutId => " 15557654321 hello".to_owned(),
            _ => "garbage".to_owned(),
        };
        let body = elements.iter().map(line).collect::<Vec<_>>().join("\n");
        let signature = self.key.clone().chain_update(body.as_bytes()).finalize().into_bytes();
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        http::Request::post("/webhook").header(SIGNATURE, signature).body(Bytes::from(body)).ok()
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

    fn seen(&self) -> Seen {
        let lines = std::mem::take(&mut *self.wire.lock().unwrap_or_else(PoisonError::into_inner));
        Seen::new(lines.iter().filter_map(|line| {
            let mut parts = line.splitn(3, ' ');
            let (attempt, _to, text) = (parts.next()?, parts.next()?, parts.next()?);
            Some(Delivered::new(Content::text(text)).with_attempt(attempt.parse().ok()?).with_quotes(false))
        }))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let gateway = LineGateway::new(SenderId::new("gateway".parse()?, "line 1"))?;
    conformance::all(&gateway).await?;
    println!("the gateway keeps the laws");

    let down = ScriptedProvider::new(ProviderId::META, Arc::new(TestClock::new()));
    down.from_now_on(Step::no_connection());
    let whatsapp = FailoverProvider::builder().primary(down).fallback(gateway).build()?;
    let receipt = whatsapp.send_text(PhoneNumber::parse("+15551234567")?, "hello by another way").await?;
    println!("accepted by {} after {} attempts", receipt.provider, receipt.attempts.len());
    Ok(())
}
