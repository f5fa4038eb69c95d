//! The providers in memory, whose signature is none: they keep the laws that need no secret.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderName;
use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, Unrecognized, User};
use whatsapp_provider::testing::conformance::{self, Delivered, Element, Law, Seen, Subject};
use whatsapp_provider::testing::{EventMaker, MemoryProvider, ScriptedProvider, TestClock};
use whatsapp_provider::{InboundEvent, MessageRef, PhoneNumber, ProviderId, WhatsAppProvider};

struct Memory<P> {
    memory: MemoryProvider,
    provider: P,
    seen: Mutex<usize>,
    /// Whether a quote is seen to arrive.
    quotes: bool,
}

impl<P: WhatsAppProvider> Memory<P> {
    fn new(memory: &MemoryProvider, provider: P) -> Self {
        Self { memory: memory.clone(), provider, seen: Mutex::default(), quotes: true }
    }

    fn event(&self, place: usize, element: &Element<'_>) -> InboundEvent {
        let sender = self.memory.senders()[0].clone();
        let maker = EventMaker::new(sender.clone()).at(conformance::RECEIVED_AT);
        match element {
            Element::Text { id, from, body } => {
                let message = MessageRef::new(sender, *id);
                let from = User::with_phone(PhoneNumber::from_digits(from).unwrap());
                let id = EventId::new(["message", *id]);
                maker.event(id, InboundMessage::new(message, from, InboundContent::text(*body)))
            }
            _ => {
                let id = EventId::new(["x", &place.to_string()]);
                maker.event(id, Unrecognized::new("garbage", vec![0xff, 0x00]))
            }
        }
    }
}

impl<P: WhatsAppProvider> Subject for Memory<P> {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn secrets(&self) -> Vec<String> {
        vec![]
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>> {
        let events: Vec<_> =
            elements.iter().enumerate().map(|(place, element)| self.event(place, element)).collect();
        Some(self.memory.webhook(&events).unwrap().map(Bytes::from))
    }

    fn max_elements(&self) -> usize {
        1000
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-memory-signature")]
    }

    fn seen(&self) -> Seen {
        let sent = self.memory.sent();
        let before = std::mem::replace(&mut *self.seen.lock().unwrap(), sent.len());
        Seen::new(sent.into_iter().skip(before).map(|sent| {
            Delivered::new(sent.message.content)
                .with_attempt(sent.attempt)
                .with_reference(sent.message.reference)
                .with_identity_key_hash(sent.message.identity_key_hash)
                .with_quotes(self.quotes && sent.message.reply_to.is_some())
        }))
    }
}

fn keeps_the_laws_that_need_no_secret(subject: &impl Subject) {
    conformance::elements(subject).unwrap();
    conformance::handshakes(subject).unwrap();
    conformance::robustness(subject, 0).unwrap();
    conformance::json_of_events(subject).unwrap();
    TestClock::new().block_on(async {
        conformance::sending(subject).await.unwrap();
        conformance::alternatives(subject).await.unwrap();
        conformance::optional_methods(subject).await.unwrap();
        conformance::redaction(subject).await.unwrap();
        conformance::json_of_sending(subject).await.unwrap();
    });
    let violation = conformance::signatures(subject).unwrap_err();
    assert_eq!(violation.law, Law::Signatures);
    assert!(violation.what.starts_with("accepted with another bit 0 of the body"), "{violation}");
}

#[test]
fn the_providers_in_memory_keep_the_laws_that_need_no_secret() {
    let memory = MemoryProvider::new(ProviderId::META);
    keeps_the_laws_that_need_no_secret(&Memory::new(&memory, memory.clone()));
    let memory = MemoryProvider::new(ProviderId::META);
    let scripted = ScriptedProvider::before(memory.clone(), Arc::new(TestClock::new()));
    keeps_the_laws_that_need_no_secret(&Memory::new(&memory, scripted));
}

#[test]
fn a_quote_that_is_lost_in_silence_is_found_out() {
    let memory = MemoryProvider::new(ProviderId::META);
    let subject = Memory { quotes: false, ..Memory::new(&memory, memory.clone()) };
    let violation = TestClock::new().block_on(conformance::sending(&subject)).unwrap_err();
    assert_eq!(violation.law, Law::Sending);
    assert!(violation.what.starts_with("Quote is lost, and the receipt does not say so"), "{violation}");
}
