use bytes::Bytes;
use http::HeaderName;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::inbound::{EventId, InboundContent, InboundMessage, Unrecognized, User};
use whatsapp_provider::testing::conformance::{self, Element, Subject};
use whatsapp_provider::testing::{EventMaker, MemoryProvider, TestClock};
use whatsapp_provider::{InboundEvent, MessageRef, PhoneNumber, ProviderId, WhatsAppProvider};

struct Memory {
    provider: MemoryProvider,
}

impl Memory {
    fn event(&self, place: usize, element: &Element<'_>) -> InboundEvent {
        let sender = self.provider.senders()[0].clone();
        let maker = EventMaker::new(sender.clone()).at(Timestamp::UNIX_EPOCH);
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

impl Subject for Memory {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn webhook(&self, elements: &[Element<'_>]) -> http::Request<Bytes> {
        let events: Vec<_> =
            elements.iter().enumerate().map(|(place, element)| self.event(place, element)).collect();
        self.provider.webhook(&events).unwrap().map(Bytes::from)
    }

    fn max_elements(&self) -> usize {
        1000
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-memory-signature")]
    }

    fn secrets(&self) -> Vec<String> {
        vec![]
    }
}

#[test]
fn the_provider_in_memory_keeps_the_laws_that_need_no_secret() {
    let subject = Memory { provider: MemoryProvider::new(ProviderId::META) };
    TestClock::new().block_on(async {
        conformance::elements(&subject).await.unwrap();
        conformance::redaction(&subject).await.unwrap();
        conformance::json_of_events(&subject).await.unwrap();
        conformance::sending(&subject).await.unwrap();
        let violation = conformance::signatures(&subject).await.unwrap_err();
        assert!(violation.what.starts_with("accepted with another bit 0 of the body"), "{violation}");
    });
}
