//! Webhooks through a failover, and failovers within failovers.

use whatsapp_provider::simulator::{Side, Simulator};

use super::*;

#[test]
fn webhooks_go_to_whoever_recognises_them() {
    let pair = Pair::new();
    let event = EventMaker::twilio().text("+15557654321", "hi");
    let received_at = pair.clock.now();
    let request = pair.twilio.webhook(std::slice::from_ref(&event)).unwrap();
    let webhook = pair.failover.verify_signature(&WebhookRequest::from_http(&request, received_at)).unwrap();
    assert_eq!(webhook.provider(), &ProviderId::TWILIO);
    assert_eq!(pair.failover.parse_inbound(&webhook).unwrap(), [event]);

    let strange = http::Request::post("/webhook").body(Vec::new()).unwrap();
    let strange = WebhookRequest::from_http(&strange, received_at);
    assert_eq!(pair.failover.verify_signature(&strange).unwrap_err(), SignatureError::Missing);
    let forged = http::Request::post("/webhook").header("x-memory-signature", "x").body(Vec::new()).unwrap();
    let forged = WebhookRequest::from_http(&forged, received_at);
    assert_eq!(pair.failover.verify_signature(&forged).unwrap_err(), SignatureError::Mismatch);
    let foreign = VerifiedWebhook::assume_verified(forged, "nobody".parse().unwrap());
    assert_eq!(pair.failover.parse_inbound(&foreign).unwrap_err().provider.as_str(), "nobody");
}

#[test]
fn an_answer_goes_out_by_the_sender_that_received() {
    let pair = Pair::new();
    let mut maker = EventMaker::new(SenderId::new(ProviderId::TWILIO, "memory"));
    let event = maker.text("+15557654321", "hi");
    let reply = event.reply(Content::text("hello"));
    assert_eq!(reply.idempotency_key.as_deref(), Some("reply:message/test-1:0"));
    let receipt = pair.send(&reply).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO);
    let sent = &pair.twilio.sent()[0].message;
    assert_eq!(sent.to, PhoneNumber::parse("+15557654321").unwrap().into());
    assert_eq!(sent.idempotency_key, None, "the failover's affair, not the member's");
    assert_eq!(sent.reply_to.as_ref().unwrap().message.id, "test-1");
}

#[test]
fn a_failover_can_be_a_member_of_another() {
    let clock = TestClock::new();
    let pair = Pair::new();
    let spare = MemoryProvider::new("spare".parse().unwrap());
    let outer = FailoverProvider::builder()
        .primary(pair.failover.clone())
        .fallback(spare.clone())
        .id("outer".parse().unwrap())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    pair.meta.fail_next(refused(ErrorKind::Unavailable));
    pair.twilio.fail_next(refused(ErrorKind::Unavailable));
    let receipt = clock.block_on(outer.send(&hello())).unwrap();
    let providers: Vec<_> = receipt.attempts.iter().map(|report| report.provider.as_str()).collect();
    assert_eq!(providers, ["meta", "twilio", "spare"]);
}

#[test]
fn a_webhook_is_acknowledged_as_the_member_does_that_verified_it() {
    let simulator = Simulator::new(Arc::new(TestClock::new()));
    let pair = |clock: &TestClock| {
        FailoverProvider::builder()
            .primary(simulator.meta().build().unwrap())
            .fallback(simulator.twilio().build().unwrap())
            .clock(Arc::new(clock.clone()))
    };
    let clock = TestClock::new();
    let inner = pair(&clock).build().unwrap();
    let outer = FailoverProvider::builder().primary(inner.clone()).id("outer".parse().unwrap());
    let outer = outer.clock(Arc::new(clock.clone())).build().unwrap();
    let user = simulator.user(PhoneNumber::parse("+15557654321").unwrap());
    for failover in [inner, outer] {
        for (side, status) in [(Side::Meta, 200), (Side::Twilio, 204)] {
            let webhook = user.writes(side, "hi");
            let request = WebhookRequest::from_http(&webhook.request, clock.now());
            let verified = failover.verify_signature(&request).unwrap();
            assert_eq!(failover.acknowledge(&verified).status.as_u16(), status);
        }
    }
}
