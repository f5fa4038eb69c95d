//! Meta, broken on purpose in one way, as somebody might break it who implements the contract.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use sha2::Sha256;
use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, User};
use whatsapp_provider::outbound::{AcceptedStatus, ContentKind, Departure, Dropped, Location, Wish};
use whatsapp_provider::webhook::WebhookReply;
use whatsapp_provider::{
    Acceptance, Attempt, AttemptId, AttemptReport, Capabilities, Content, Error, ErrorKind, EventKind,
    ForeignWebhook, InboundEvent, MessageRef, MetaCloud, OutboundMessage, PhoneNumber, ProviderId, Result,
    SendReceipt, SenderId, SentLookup, SentQuery, SignatureError, VerifiedWebhook, WebhookHead,
    WebhookRequest, WhatsAppProvider,
};

/// One way to break a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bend {
    /// None.
    Not,
    RecognizesNothing,
    RefusesWhatIsGenuine,
    DropsGarbage,
    MergesWhatHasNoId,
    Reorders,
    GivesTwoTheSameId,
    AsksAClock,
    NumbersEvents,
    NamesGarbageByItsPlace,
    ForgetsTheSender,
    TakesEverybodyForOne,
    ForgetsWhatIsNotAscii,
    AcceptsAnySignature,
    AcceptsAPartOfASignature,
    TrimsBodies,
    TrustsLongBodies,
    AcceptsWithoutSignature,
    ParsesForeignWebhooks,
    HidesThatNobodyVerified,
    RecognizesOneSpelling,
    AnswersEveryHandshake,
    PanicsOnOddBytes,
    PanicsOnOddSignatures,
    PassesOverGarbage,
    SearchesFromEveryBracket,
    WritesWhatCannotBeRead,
    ChecksNothing,
    ChecksTooMuch,
    RefusesTooLate,
    RefusesForAnotherReason,
    RefusesInDoubt,
    LosesThePreview,
    LosesTheReference,
    LosesTheCondition,
    LosesTheRequiredQuote,
    LosesTheOnlyWay,
    SendsTwice,
    SendsNothing,
    NamesWhatIsNotLost,
    NamesWhatNobodyWished,
    PromisesTooMuch,
    PromisesTooLittle,
    NamesAnotherAttempt,
    NamesAnotherProvider,
    NamesNoSender,
    KeepsNoMark,
    ForgetsAlternatives,
    ForgetsTheIndex,
    ForgetsTheDeadline,
    CallsSilenceARefusal,
    SendsWhatWasGivenUp,
    CallsGivenUpUnknown,
    HidesWhatItMarks,
    MarksForeignMessages,
    PrintsTheSecret,
    PrintsTheBodyInAReceipt,
    PrintsTheBodyInARefusal,
    PrintsTheNumberInACause,
}

use Bend::*;

const SIGNATURE: &str = "x-hub-signature-256";

pub(super) struct Bent {
    pub(super) inner: MetaCloud,
    pub(super) bend: Bend,
    pub(super) secret: String,
    /// What reading has cost so far, in steps.
    pub(super) steps: AtomicU64,
    events: AtomicU64,
}

impl Bent {
    pub(super) fn new(inner: MetaCloud, secret: String, bend: Bend) -> Self {
        Self { inner, bend, secret, steps: AtomicU64::new(0), events: AtomicU64::new(0) }
    }

    fn is(&self, bend: Bend) -> bool {
        self.bend == bend
    }

    /// An event of its own instead of one of the inner provider's.
    fn own(&self, webhook: &VerifiedWebhook<'_>, content: InboundContent, id: &str) -> InboundEvent {
        let sender = self.senders().remove(0);
        let message = InboundMessage::new(MessageRef::new(sender.clone(), id), User::default(), content);
        webhook.event(EventId::new(["message", id]), message).with_sender(sender)
    }

    fn count(&self, bytes: &[u8]) {
        let mut steps = bytes.len();
        if self.is(SearchesFromEveryBracket) {
            let opened = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'[');
            steps +=
                opened.map(|(at, _)| bytes[at..].iter().take_while(|b| **b != b']').count()).sum::<usize>();
        }
        self.steps.fetch_add(steps as u64, Ordering::Relaxed);
    }

    fn change(&self, receipt: SendReceipt, message: &OutboundMessage) -> SendReceipt {
        let reported = |id, provider: ProviderId| {
            let bare = SendReceipt::accepted(AttemptReport::accepted(id, provider));
            receipt.message.clone().map_or(bare.clone(), |message| bare.with_message(message))
        };
        let attempt = receipt.attempts[0].id;
        match self.bend {
            LosesTheRequiredQuote if message.reply_to.as_ref().is_some_and(|quote| quote.required) => {
                receipt.with_dropped(vec![Dropped::new(Wish::Quote)])
            }
            NamesWhatIsNotLost if message.reference.is_some() => {
                receipt.with_dropped(vec![Dropped::new(Wish::Reference)])
            }
            NamesWhatNobodyWished if message.ttl.is_none() => {
                receipt.with_dropped(vec![Dropped::new(Wish::Ttl)])
            }
            NamesAnotherAttempt => reported(AttemptId::from_u128(7), self.id().clone()),
            NamesAnotherProvider => reported(attempt, ProviderId::TWILIO)
                .with_sender(SenderId::new(ProviderId::TWILIO, "+15550001111")),
            NamesNoSender => SendReceipt::accepted(AttemptReport::accepted(attempt, self.id().clone())),
            PrintsTheBodyInAReceipt => match &message.content {
                Content::Text(text) => receipt.with_status(AcceptedStatus::from_name(&text.body)),
                _ => receipt,
            },
            _ => receipt,
        }
    }
}

impl fmt::Debug for Bent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self.is(PrintsTheSecret).then_some(&self.secret);
        f.debug_struct("Bent").field("secret", &secret).finish_non_exhaustive()
    }
}

impl Bent {
    /// The signature that a body should have.
    fn signature(&self, body: &[u8]) -> String {
        let mac =
            Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap().chain_update(body).finalize();
        let hex: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    }
}

#[async_trait]
impl WhatsAppProvider for Bent {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn senders(&self) -> Vec<SenderId> {
        self.inner.senders()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        match self.bend {
            ChecksTooMuch | RefusesTooLate | PromisesTooLittle => {
                capabilities.contents.remove(&ContentKind::Sticker);
            }
            HidesWhatItMarks => capabilities.mark_read = false,
            _ => {}
        }
        capabilities
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        let is_sticker = matches!(message.content, Content::Sticker(_));
        match self.bend {
            ChecksNothing => Ok(()),
            ChecksTooMuch | RefusesTooLate | PromisesTooMuch if is_sticker => {
                Err(Error::unsupported("content"))
            }
            PrintsTheBodyInARefusal if matches!(message.content, Content::Text(_)) => {
                let Content::Text(text) = &message.content else { return Ok(()) };
                self.inner.check(message).map_err(|_| Error::invalid(text.body.clone()))
            }
            PrintsTheNumberInACause => self.inner.check(message).map_err(|error| {
                let number = message.to.phone().map(PhoneNumber::to_digits).unwrap_or_default();
                error.with_source(format!("cannot send to {number}"))
            }),
            LosesTheOnlyWay => {
                let mut anyway = message.clone();
                anyway.via_only = false;
                self.inner.check(&anyway)
            }
            _ => self.inner.check(message),
        }
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        let (mut message, mut attempt) = (message.clone(), attempt.clone());
        let checked = self.check(&message);
        match self.bend {
            // It does whatever the one inside does.
            ChecksNothing | ChecksTooMuch => {}
            RefusesTooLate => {
                let sent = self.inner.send_attempt(&message, &attempt).await;
                return checked.and(sent);
            }
            RefusesForAnotherReason => checked.map_err(|_| Error::unsupported("message"))?,
            RefusesInDoubt => checked.map_err(|error| error.with_acceptance(Acceptance::Unknown))?,
            _ => checked?,
        }
        match self.bend {
            LosesThePreview => {
                if let Content::Text(text) = &mut message.content {
                    text.preview_url = None;
                }
            }
            LosesTheReference => message.reference = None,
            LosesTheOnlyWay => message.via_only = false,
            LosesTheCondition => message.identity_key_hash = None,
            SendsTwice => drop(self.inner.send_attempt(&message, &Attempt::with_id(attempt.id)).await),
            SendsNothing => {
                let accepted = AttemptReport::accepted(attempt.id, self.id().clone());
                return Ok(SendReceipt::accepted(accepted).with_sender(self.senders().remove(0)));
            }
            KeepsNoMark => {
                attempt.departure.arm();
                attempt.departure = Departure::new();
            }
            SendsWhatWasGivenUp => {
                attempt.departure.arm();
                let _ = attempt.departure.depart();
                attempt.departure = Departure::new();
            }
            ForgetsTheDeadline => attempt.deadline = None,
            _ => {}
        }
        match self.inner.send_attempt(&message, &attempt).await {
            Ok(receipt) => Ok(self.change(receipt, &message)),
            Err(error) if self.is(CallsSilenceARefusal) && error.kind() == ErrorKind::NoAnswer => {
                Err(error.with_acceptance(Acceptance::NotAccepted))
            }
            Err(error) if self.is(CallsGivenUpUnknown) => Err(error.with_acceptance(Acceptance::Unknown)),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        if self.is(ForgetsAlternatives) {
            let single = message.with_only(&message.content);
            return self.send_attempt(&single, &Attempt::with_id(AttemptId::from_u128(1))).await;
        }
        let receipt = self.inner.send(message).await?;
        Ok(if self.is(ForgetsTheIndex) { receipt.with_content_index(0) } else { receipt })
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        let spelt = |value: &str| value.chars().any(|letter| letter.is_ascii_uppercase());
        let strange = self.is(RecognizesOneSpelling) && head.header(SIGNATURE).is_some_and(spelt);
        !strange && !self.is(RecognizesNothing) && self.inner.recognizes(head)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        if let (true, Some(value)) = (self.is(PanicsOnOddSignatures), request.head.headers.get(SIGNATURE)) {
            assert!(!value.as_bytes()["sha256=".len()..].is_empty());
        }
        match (self.bend, self.inner.verify_signature(request)) {
            (AcceptsAnySignature, Err(SignatureError::Mismatch)) => Ok(request.attest(self.id())),
            (AcceptsWithoutSignature, Err(SignatureError::Missing)) => Ok(request.attest(self.id())),
            (AcceptsAPartOfASignature, Err(error)) => {
                let given = request.head.header(SIGNATURE).ok_or(SignatureError::Missing)?;
                if self.signature(request.body).starts_with(given) {
                    Ok(request.attest(self.id()))
                } else {
                    Err(error)
                }
            }
            (TrimsBodies, Err(error)) => {
                let end = request.body.iter().rposition(|byte| *byte == b'}').map_or(0, |place| place + 1);
                let trimmed = self.signature(&request.body[..end]);
                let given = request.head.header(SIGNATURE).ok_or(SignatureError::Missing)?;
                if given == trimmed { Ok(request.attest(self.id())) } else { Err(error) }
            }
            (TrustsLongBodies, Err(SignatureError::Mismatch)) if request.body.len() > 1024 => {
                Ok(request.attest(self.id()))
            }
            (RefusesWhatIsGenuine, Ok(_)) => Err(SignatureError::Mismatch),
            (_, verified) => verified,
        }
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        let request = webhook.request();
        self.count(request.body);
        if self.is(ParsesForeignWebhooks) && webhook.provider() != self.id() {
            let own = VerifiedWebhook::assume_verified(request.clone(), self.id().clone());
            return self.inner.parse_inbound(&own);
        }
        let mut events = match self.bend {
            HidesThatNobodyVerified if webhook.provider() == self.id() => {
                self.inner.parse_inbound(&request.attest(self.id()))?
            }
            AsksAClock => {
                let mut later = request.clone();
                later.received_at = later.received_at.saturating_add(std::time::Duration::from_secs(1));
                self.inner.parse_inbound(&later.attest(self.id()))?
            }
            _ => self.inner.parse_inbound(webhook)?,
        };
        let is_garbage = |event: &InboundEvent| matches!(event.kind(), EventKind::Unrecognized(_));
        match self.bend {
            DropsGarbage if events.len() > 1 => events.retain(|event| !is_garbage(event)),
            MergesWhatHasNoId => events.dedup_by(|a, b| a.kind() == b.kind()),
            Reorders => events.reverse(),
            GivesTwoTheSameId if events.len() > 1 => {
                let text = || InboundContent::text("hello");
                let derived = events.iter().all(|event| event.id().is_derived());
                events.iter_mut().filter(|_| derived).for_each(|e| *e = self.own(webhook, text(), "no id"));
            }
            NumbersEvents => {
                for event in events.iter_mut().filter(|event| event.id().is_derived()) {
                    let number = self.events.fetch_add(1, Ordering::Relaxed).to_string();
                    *event = webhook.event(EventId::new(["x", &number]), event.kind().clone());
                }
            }
            NamesGarbageByItsPlace => {
                for (place, event) in events.iter_mut().enumerate().filter(|(_, event)| is_garbage(event)) {
                    *event =
                        webhook.event(EventId::new(["garbage", &place.to_string()]), event.kind().clone());
                }
            }
            TakesEverybodyForOne | ForgetsWhatIsNotAscii => {
                for event in &mut events {
                    let EventKind::Message(message) = event.kind() else { continue };
                    let mut message = message.clone();
                    if self.is(TakesEverybodyForOne) {
                        message.from = User::with_phone(PhoneNumber::from_digits("15557654321").unwrap());
                    } else if let InboundContent::Text { body, .. } = &mut message.content {
                        body.retain(|letter| letter.is_ascii());
                    }
                    let sender = event.sender().cloned();
                    *event = webhook.event(event.id().clone(), EventKind::Message(message));
                    if let Some(sender) = sender {
                        *event = event.clone().with_sender(sender);
                    }
                }
            }
            ForgetsTheSender => {
                for event in &mut events {
                    *event = webhook.event(event.id().clone(), event.kind().clone());
                }
            }
            PanicsOnOddBytes => {
                let body = std::str::from_utf8(request.body).unwrap();
                assert!(!body.is_empty());
            }
            PassesOverGarbage if events.len() == 1 && !request.body.starts_with(b"{") => events.clear(),
            WritesWhatCannotBeRead => {
                let place = InboundContent::Location(Location::new(f64::INFINITY, 0.0));
                let hello = request.body.windows(5).any(|bytes| bytes == b"hello");
                for (n, event) in events.iter_mut().filter(|_| hello).enumerate() {
                    *event = self.own(webhook, place.clone(), &n.to_string());
                }
            }
            _ => {}
        }
        Ok(events)
    }

    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        let eager = self.is(AnswersEveryHandshake).then(|| WebhookReply::empty(StatusCode::OK));
        self.inner.handshake(head).or(eager)
    }

    async fn mark_read(&self, message: &MessageRef) -> Result<()> {
        if self.is(MarksForeignMessages) {
            let own = MessageRef::new(self.senders().remove(0), message.id.clone());
            return self.inner.mark_read(&own).await;
        }
        self.inner.mark_read(message).await
    }

    async fn show_typing(&self, message: &MessageRef) -> Result<()> {
        self.inner.show_typing(message).await
    }

    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        self.inner.find_sent(query).await
    }
}
