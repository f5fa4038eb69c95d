//! Providers that are broken on purpose, each in a way that somebody could break one: the suite has to notice.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use whatsapp_provider::outbound::{Dropped, Wish};
use whatsapp_provider::simulator::Side;
use whatsapp_provider::testing::conformance::{self, Violation};
use whatsapp_provider::{
    Acceptance, Attempt, Capabilities, Content, Error, ErrorKind, EventKind, ForeignWebhook, InboundEvent,
    MetaCloud, OutboundMessage, ProviderId, Result, SendReceipt, SenderId, SignatureError, VerifiedWebhook,
    WebhookHead, WebhookReply, WebhookRequest, WhatsAppProvider,
};

use super::{Simulated, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Not,
    // Receiving.
    DropsGarbage,
    MergesWhatHasNoId,
    Reorders,
    LosesTheLast,
    TrustsEverybody,
    TrustsWhatIsUnsigned,
    TrustsTheBeginningOfABody,
    ReadsForeignWebhooks,
    ForgetsAssumed,
    GreetsStrangers,
    PassesOverOddBodies,
    PanicsAtOddBytes,
    ReadsEverythingAgainAndAgain,
    // Sending.
    LosesACaption,
    SendsTwice,
    SendsNothing,
    ChecksNothing,
    ChecksTooMuch,
    RefusesOtherwise,
    RefusesAndSends,
    RefusesAndIsNotSure,
    NamesAnotherProvider,
    HidesWhatItCarries,
    DropsWhatIsRequired,
    SendsWhatWasGivenUp,
    // Talking.
    PrintsItsSecret,
    PrintsABody,
}

struct Broken {
    inner: MetaCloud,
    how: How,
    secret: String,
    /// What reading has cost so far.
    steps: AtomicU64,
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::PrintsItsSecret => write!(f, "Broken({})", self.secret),
            _ => f.write_str("Broken"),
        }
    }
}

impl Broken {
    fn is(&self, how: How) -> bool {
        self.how == how
    }
}

#[async_trait]
impl WhatsAppProvider for Broken {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn senders(&self) -> Vec<SenderId> {
        self.inner.senders()
    }

    fn capabilities(&self) -> Capabilities {
        if self.is(How::HidesWhatItCarries) { Capabilities::new([]) } else { self.inner.capabilities() }
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        let checked = self.inner.check(message);
        match (self.how, &message.content) {
            (How::ChecksNothing, _) => Ok(()),
            (How::ChecksTooMuch, Content::Document(_)) => {
                Err(Error::new(ErrorKind::Unsupported, Acceptance::NotAccepted))
            }
            (How::RefusesOtherwise, _) if checked.is_err() => {
                Err(Error::new(ErrorKind::NotPortable, Acceptance::NotAccepted))
            }
            (How::RefusesAndIsNotSure, _) if checked.is_err() => {
                Err(Error::new(ErrorKind::InvalidMessage, Acceptance::Unknown))
            }
            (How::PrintsABody, Content::Text(text)) => {
                let refusal = Error::new(ErrorKind::Unsupported, Acceptance::NotAccepted);
                checked.map_err(|_| refusal.with_field(text.body.clone()))
            }
            _ => checked,
        }
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        match self.how {
            How::LosesACaption => {
                let mut message = message.clone();
                if let Content::Image(image) = &mut message.content {
                    image.caption = None;
                }
                self.inner.send_attempt(&message, attempt).await
            }
            How::SendsTwice => {
                self.inner.send_attempt(message, &Attempt::with_id(attempt.id)).await?;
                self.inner.send_attempt(message, attempt).await
            }
            How::SendsNothing => {
                self.check(message)?;
                Err(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted))
            }
            How::RefusesAndSends => {
                if self.check(message).is_err() {
                    let instead =
                        OutboundMessage::new(message.to.clone(), Content::text("a message was refused"));
                    self.inner.send_attempt(&instead, &Attempt::with_id(attempt.id)).await?;
                }
                self.inner.send_attempt(message, attempt).await
            }
            How::RefusesAndIsNotSure => {
                self.check(message)?;
                self.inner.send_attempt(message, attempt).await
            }
            How::NamesAnotherProvider => {
                let mut receipt = self.inner.send_attempt(message, attempt).await?;
                receipt.provider = ProviderId::TWILIO;
                Ok(receipt)
            }
            How::DropsWhatIsRequired if message.reply_to.is_some() => {
                let mut message = message.clone();
                message.reply_to = None;
                let receipt = self.inner.send_attempt(&message, attempt).await?;
                Ok(receipt.with_dropped(vec![Dropped::new(Wish::Quote)]))
            }
            How::SendsWhatWasGivenUp => self.inner.send_attempt(message, &Attempt::with_id(attempt.id)).await,
            _ => self.inner.send_attempt(message, attempt).await,
        }
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.inner.recognizes(head)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        let verified = self.inner.verify_signature(request);
        match (self.how, &verified) {
            (How::TrustsEverybody, Err(SignatureError::Mismatch)) => Ok(request.attest(self.id())),
            (How::TrustsWhatIsUnsigned, Err(SignatureError::Missing)) => Ok(request.attest(self.id())),
            (How::TrustsTheBeginningOfABody, Err(SignatureError::Mismatch)) => {
                // The end of the body is not looked at: here, its last closing brace.
                let mut whole = request.body.to_vec();
                whole.pop();
                whole.push(b'}');
                let repaired = WebhookRequest::new(request.head.clone(), &whole, request.received_at);
                self.inner.verify_signature(&repaired)?;
                Ok(request.attest(self.id()))
            }
            _ => verified,
        }
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        let request = webhook.request();
        match self.how {
            How::ReadsForeignWebhooks => return self.inner.parse_inbound(&request.attest(self.id())),
            How::ForgetsAssumed if webhook.provider() == self.id() => {
                return self.inner.parse_inbound(&request.attest(self.id()));
            }
            How::PassesOverOddBodies
                if serde_json::from_slice::<serde_json::Value>(request.body).is_err() =>
            {
                return Ok(Vec::new());
            }
            How::PanicsAtOddBytes => assert!(std::str::from_utf8(request.body).is_ok(), "not UTF-8"),
            _ => {}
        }
        let length = request.body.len() as u64;
        let cost = if self.is(How::ReadsEverythingAgainAndAgain) { length * length } else { length };
        self.steps.fetch_add(cost, Ordering::Relaxed);
        let mut events = self.inner.parse_inbound(webhook)?;
        match self.how {
            How::DropsGarbage => events.retain(|event| !matches!(event.kind(), EventKind::Unrecognized(_))),
            How::MergesWhatHasNoId => events.dedup_by(|a, b| a.kind() == b.kind()),
            How::Reorders => events.reverse(),
            How::LosesTheLast if events.len() > 1 => drop(events.pop()),
            _ => {}
        }
        Ok(events)
    }

    fn handshake(&self, head: &WebhookHead<'_>) -> Option<WebhookReply> {
        if self.is(How::GreetsStrangers) {
            return Some(WebhookReply::text("1158201444"));
        }
        self.inner.handshake(head)
    }
}

fn subject(how: How) -> Simulated<Broken> {
    Simulated::new(Side::Meta, |world: &World| Broken {
        inner: world.meta(),
        how,
        secret: world.simulator.accounts().app_secret,
        steps: AtomicU64::new(0),
    })
}

fn all(how: How) -> Result<(), Violation> {
    let subject = subject(how);
    subject.run(conformance::all(&subject))
}

#[test]
fn a_provider_that_is_not_broken_keeps_the_laws() {
    all(How::Not).unwrap();
}

#[test]
fn every_way_to_break_one_is_noticed() {
    const ELEMENTS: &str = "every element becomes one event, in order";
    const GENUINE: &str = "what is not genuine is refused";
    const ODD: &str = "no body is passed over";
    const SENT: &str = "what is sent is what arrives";
    const GIVEN_UP: &str = "an attempt that was given up sends nothing";
    const SILENT: &str = "no secret, number or body is printed";
    for (how, law, what) in [
        (How::DropsGarbage, ELEMENTS, "elements became"),
        (How::MergesWhatHasNoId, ELEMENTS, "1000 elements became 1 events"),
        (How::Reorders, ELEMENTS, "element 0"),
        (How::LosesTheLast, ELEMENTS, "100 elements became 99 events"),
        (How::TrustsEverybody, GENUINE, "accepted with another bit 0 of the body"),
        (How::TrustsWhatIsUnsigned, GENUINE, "without a signature"),
        (How::TrustsTheBeginningOfABody, GENUINE, "of the body"),
        (How::ReadsForeignWebhooks, GENUINE, "another provider verified"),
        (How::ForgetsAssumed, GENUINE, "assumed"),
        (How::GreetsStrangers, GENUINE, "handshake"),
        (How::PassesOverOddBodies, ODD, "seed 0"),
        (How::LosesACaption, SENT, "image: it arrived as"),
        (How::SendsTwice, SENT, "it arrived 2 times"),
        (How::SendsNothing, SENT, "no message was accepted"),
        (How::ChecksNothing, SENT, "check let it pass"),
        (How::ChecksTooMuch, SENT, "and it was sent"),
        (How::RefusesOtherwise, SENT, "check refuses it as"),
        (How::RefusesAndSends, SENT, "something left all the same"),
        (How::RefusesAndIsNotSure, SENT, "its acceptance is not known"),
        (How::NamesAnotherProvider, SENT, "names another provider"),
        (How::HidesWhatItCarries, SENT, "not among the capabilities"),
        (How::DropsWhatIsRequired, SENT, "its quote was required"),
        (How::SendsWhatWasGivenUp, GIVEN_UP, "it was accepted"),
        (How::PrintsItsSecret, SILENT, "the provider"),
        (How::PrintsABody, SILENT, "a refusal"),
    ] {
        let violation = all(how).expect_err(&format!("{how:?} was not noticed"));
        assert_eq!(violation.law, law, "{how:?}: {violation}");
        assert!(violation.what.contains(what), "{how:?}: {violation}");
    }
}

#[test]
fn a_panic_is_a_panic() {
    let subject = subject(How::PanicsAtOddBytes);
    let outcome = catch_unwind(AssertUnwindSafe(|| subject.run(conformance::robustness(&subject, 0))));
    assert!(outcome.is_err());
}

#[test]
fn what_costs_more_and_more_is_noticed() {
    let cost = |how| {
        let subject = subject(how);
        let steps = || subject.provider.steps.load(Ordering::Relaxed);
        subject.run(conformance::cost(&subject, 4_000, |work| {
            let before = steps();
            work();
            steps() - before
        }))
    };
    cost(How::Not).unwrap();
    let violation = cost(How::ReadsEverythingAgainAndAgain).unwrap_err();
    assert!(violation.what.starts_with("sort 0: "), "{violation}");
}

#[test]
fn what_json_forgets_is_noticed() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Forgetful {
        #[serde(skip)]
        text: String,
    }
    conformance::json(&Forgetful { text: String::new() }).unwrap();
    let violation = conformance::json(&Forgetful { text: "x".to_owned() }).unwrap_err();
    assert_eq!(violation.law, "a value is the same after a trip through JSON");
}
