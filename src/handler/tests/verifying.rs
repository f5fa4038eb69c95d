//! Signatures, and what comes after them.

use super::*;

fn post(body: &'static str) -> Request<Pieces> {
    Request::post("/webhook").body(Pieces::whole(body)).unwrap()
}

#[test]
fn every_provider_that_recognises_it_is_tried_until_one_signature_holds() {
    let world = World::new();
    let twilio = MemoryProvider::new(ProviderId::TWILIO);
    let handler = world.builder().provider(twilio.clone()).build().unwrap();
    let event = EventMaker::twilio().text("+15557654321", "Hi");
    let request = twilio.webhook(std::slice::from_ref(&event)).unwrap().map(Pieces::whole);
    assert_eq!(world.post(&handler, request), 200);
    assert_eq!(world.sink.events(), [event]);
    assert_eq!(
        world.outcomes(),
        [WebhookOutcome::Accepted { provider: ProviderId::TWILIO, events: 1, dead_lettered: 0 }]
    );
}

#[test]
fn of_two_that_verify_it_the_first_reads_it() {
    let world = World::new();
    let (mut first, mut second) = (Stub::new("first"), Stub::new("second"));
    first.events = Some(texts(1));
    second.events = Some(texts(2));
    let handler = world.builder_for(first).provider(second).build().unwrap();
    assert_eq!(world.post(&handler, post("")), 200);
    assert_eq!(world.sink.calls(), [["1"]]);
}

#[test]
fn what_nobody_verifies_is_refused_without_a_hint() {
    use SignatureError::{Malformed, Mismatch, Missing, NotConfigured};
    let world = World::new();
    // That a signature was wrong says more than that somebody could not look.
    for (first, second, told) in [
        (Mismatch, NotConfigured, ("a", Mismatch)),
        (NotConfigured, Mismatch, ("b", Mismatch)),
        (Mismatch, Mismatch, ("a", Mismatch)),
        (Malformed, Missing, ("a", Malformed)),
        (NotConfigured, Malformed, ("a", NotConfigured)),
    ] {
        let handler = world
            .builder_for(Stub::new("a").with_verdict(Err(first)))
            .provider(Stub::new("b").with_verdict(Err(second)))
            .build()
            .unwrap();
        let response = world.clock.block_on(handler.handle(post("[]")));
        assert_eq!((response.status().as_u16(), response.headers().len()), (401, 0));
        assert!(response.body().is_empty());
        assert_eq!(world.outcomes(), [refused(Some(told.0), told.1)]);
    }
    assert!(world.sink.calls().is_empty());
}

#[test]
fn a_forged_webhook_reaches_no_sink() {
    let world = World::new();
    let mut request = world.webhook(&texts(1));
    request.headers_mut().insert("x-memory-signature", "forged".parse().unwrap());
    assert_eq!(world.post(&world.handler(), request), 401);
    assert_eq!(world.outcomes(), [refused(Some("meta"), SignatureError::Mismatch)]);
    assert!(world.sink.calls().is_empty());
}

#[test]
fn what_the_provider_does_not_read_is_not_acknowledged() {
    let world = World::new();
    let mut stub = Stub::new("broken");
    stub.events = None;
    assert_eq!(world.post(&world.builder_for(stub).build().unwrap(), post("")), 500);
    assert_eq!(world.outcomes(), [WebhookOutcome::Foreign { provider: "broken".parse().unwrap() }]);
    assert!(world.sink.calls().is_empty());
}

#[test]
fn what_is_authentic_and_not_understood_is_an_event() {
    let world = World::new();
    let request = world.webhook(&[]).map(|_| Pieces::whole("<html>"));
    assert_eq!(world.post(&world.handler(), request), 200);
    assert_eq!(world.sink.events().len(), 1);
    assert_eq!(world.sink.events()[0].kind().as_str(), "unrecognized");
    assert_eq!(world.outcomes(), [accepted(1, 0)]);
}

#[test]
fn the_provider_that_verified_it_acknowledges() {
    let world = World::new();
    let mut stub = Stub::new("twiml");
    stub.acknowledgement = WebhookReply::xml("<Response/>");
    let refusing = Stub::new("other").with_verdict(Err(SignatureError::Mismatch));
    let handler = world.builder_for(refusing).provider(stub).build().unwrap();
    let response = world.clock.block_on(handler.handle(post("")));
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"<Response/>"[..]));
    assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
}

#[test]
fn a_handshake_is_not_verified_and_its_body_not_read() {
    let world = World::new();
    let stub = Stub::new("a").with_handshake(WebhookReply::text("challenge"));
    let body = Pieces::whole("[]");
    let asked = body.asked();
    let request = Request::get("/webhook").body(body).unwrap();
    let response = world.clock.block_on(world.builder_for(stub).build().unwrap().handle(request));
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"challenge"[..]));
    assert_eq!(*asked.lock().unwrap(), 0);
}

#[test]
fn the_webhook_arrives_when_its_head_does() {
    let world = World::new();
    world.clock.advance(SECOND);
    let arrived = world.clock.now();
    let request = world.webhook(&[]).map(|_| Pieces::new(Some(&world.clock)).piece(3 * SECOND, "<html>"));
    assert_eq!(world.post(&world.handler(), request), 200);
    assert_eq!(world.sink.events()[0].received_at(), arrived);
    assert_eq!(world.clock.now().since(arrived), 3 * SECOND);
}
