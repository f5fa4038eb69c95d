//! The webhook handler with what the two providers really post.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use sha2::Sha256;
use whatsapp_provider::clock::{Clock, TokioClock};
use whatsapp_provider::handler::{WebhookHandlerBuilder, WebhookOutcome};
use whatsapp_provider::inbound::InboundContent;
use whatsapp_provider::simulator::{Side, SimulatedUser, SimulatedWebhook, Simulator};
use whatsapp_provider::sink::{Dedup, EventReceiver, SinkError, channel, sink_fn};
use whatsapp_provider::state::MemoryStore;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{
    EventKind, EventSink, FailoverProvider, InboundEvent, MetaCloud, PhoneNumber, ProviderId, SignatureError,
    Twilio, WebhookHandler,
};

mod connection;
mod sockets;

/// Both providers of a simulator, and a user of theirs.
struct World {
    /// Drives futures that need no socket.
    still: TestClock,
    clock: Arc<dyn Clock>,
    simulator: Simulator,
    meta: MetaCloud,
    twilio: Twilio,
    user: SimulatedUser,
}

impl World {
    /// Its time stands still.
    fn new() -> Self {
        let clock = TestClock::new();
        Self::on(Arc::new(clock.clone()), clock)
    }

    /// Its time is the system's, for tests on sockets.
    fn real() -> Self {
        Self::on(Arc::new(TokioClock::new()), TestClock::new())
    }

    fn on(clock: Arc<dyn Clock>, still: TestClock) -> Self {
        let simulator = Simulator::new(Arc::clone(&clock));
        let meta = simulator.meta().build().unwrap();
        let twilio = simulator.twilio().build().unwrap();
        let user = simulator.user(PhoneNumber::parse("+15557654321").unwrap());
        Self { still, clock, simulator, meta, twilio, user }
    }

    fn failover(&self) -> FailoverProvider {
        FailoverProvider::builder()
            .primary(self.meta.clone())
            .fallback(self.twilio.clone())
            .clock(Arc::clone(&self.clock))
            .build()
            .unwrap()
    }

    /// A handler of both, whose limits are measured by a clock that stands still.
    fn handler(&self, sink: impl EventSink) -> WebhookHandler {
        let builder = WebhookHandler::builder(self.meta.clone(), sink).provider(self.twilio.clone());
        builder.clock(Arc::clone(&self.clock)).build().unwrap()
    }

    /// The status of the answer, and its body.
    fn post(&self, handler: &WebhookHandler, request: &http::Request<Bytes>) -> (u16, Bytes) {
        let response = self.still.block_on(handler.handle(request.clone().map(Full::new)));
        (response.status().as_u16(), response.into_body())
    }

    /// A webhook of Meta's with as many bytes as this, signed.
    fn meta_webhook_of(&self, bytes: usize) -> http::Request<Bytes> {
        let SimulatedWebhook { request, .. } = self.user.writes(Side::Meta, "Hi");
        let mut body = request.body().to_vec();
        assert!(body.len() <= bytes);
        // Space after a JSON value is part of the text, and so of what is signed.
        body.resize(bytes, b' ');
        let secret = self.simulator.accounts().app_secret;
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&body).finalize();
        let digits: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut request = request.map(|_| Bytes::from(body));
        request.headers_mut().insert("x-hub-signature-256", format!("sha256={digits}").parse().unwrap());
        request.headers_mut().insert("content-length", bytes.into());
        request
    }
}

/// What is in the channel. Nobody sends while this looks, so what is not there at once is not there.
fn received(events: &mut EventReceiver) -> Vec<InboundEvent> {
    let mut context = Context::from_waker(Waker::noop());
    let mut received = Vec::new();
    while let Poll::Ready(Some(event)) = pin!(events.recv()).poll(&mut context) {
        received.push(event);
    }
    received
}

/// What the users wrote.
fn bodies(events: &[InboundEvent]) -> Vec<String> {
    let body = |event: &InboundEvent| match event.kind() {
        EventKind::Message(message) => match &message.content {
            InboundContent::Text { body, .. } => body.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    events.iter().map(body).collect()
}

#[test]
fn both_providers_post_to_one_url() {
    let world = World::new();
    let (sink, mut events) = channel(10);
    let handler = world.handler(sink);
    let (meta, twilio) = (world.user.writes(Side::Meta, "a"), world.user.writes(Side::Twilio, "b"));
    assert_eq!(world.post(&handler, &meta.request), (200, Bytes::new()));
    assert_eq!(
        world.post(&handler, &twilio.request),
        (204, Bytes::new()),
        "each is acknowledged in its own way"
    );
    let got = received(&mut events);
    assert_eq!(bodies(&got), ["a", "b"]);
    let providers: Vec<_> = got.iter().map(|event| event.provider().as_str()).collect();
    assert_eq!(providers, ["meta", "twilio"]);
    assert!(got.iter().all(|event| !event.is_assumed()));

    for webhook in [meta, twilio] {
        assert_eq!(world.post(&handler, &webhook.forged().request), (401, Bytes::new()));
        let mut unsigned = webhook.request.clone();
        unsigned.headers_mut().remove("x-hub-signature-256");
        unsigned.headers_mut().remove("x-twilio-signature");
        assert_eq!(world.post(&handler, &unsigned), (401, Bytes::new()));
    }
    assert_eq!(received(&mut events), []);
}

#[test]
fn a_failover_is_one_provider() {
    let world = World::new();
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&outcomes);
    let (sink, mut events) = channel(10);
    let handler = WebhookHandler::builder(world.failover(), sink)
        .clock(Arc::clone(&world.clock))
        .observer(move |outcome| observed.lock().unwrap().push(outcome.clone()))
        .build()
        .unwrap();
    for (side, text, status) in [(Side::Meta, "a", 200), (Side::Twilio, "b", 204)] {
        let webhook = world.user.writes(side, text);
        assert_eq!(world.post(&handler, &webhook.request), (status, Bytes::new()), "as its member answers");
        assert_eq!(world.post(&handler, &webhook.forged().request), (401, Bytes::new()));
    }
    assert_eq!(bodies(&received(&mut events)), ["a", "b"]);
    let accepted = |outcome: &WebhookOutcome| match outcome {
        WebhookOutcome::Accepted { provider, events: 1, dead_lettered: 0, .. } => Some(provider.clone()),
        WebhookOutcome::Refused { reason: SignatureError::Mismatch, .. } => None,
        other => panic!("{other:?}"),
    };
    let accepted: Vec<_> = outcomes.lock().unwrap().iter().map(accepted).collect();
    assert_eq!(
        accepted,
        [Some(ProviderId::META), None, Some(ProviderId::TWILIO), None],
        "the member is named"
    );
}

#[test]
fn metas_handshake_is_answered_with_its_challenge() {
    let world = World::new();
    for handler in [
        world.handler(channel(1).0),
        WebhookHandler::builder(world.failover(), channel(1).0)
            .clock(Arc::clone(&world.clock))
            .build()
            .unwrap(),
    ] {
        let mut question = world.simulator.meta_handshake("1158201444");
        assert_eq!(world.post(&handler, &question), (200, Bytes::from("1158201444")));
        let wrong = question.uri().to_string().replace("simulated-verify-token", "guessed");
        *question.uri_mut() = wrong.parse().unwrap();
        assert_eq!(world.post(&handler, &question), (403, Bytes::new()));
    }
}

#[test]
fn a_batch_is_handed_over_whole() {
    let world = World::new();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&calls);
    let sink = sink_fn(move |events: Vec<InboundEvent>| {
        remembered.lock().unwrap().push(bodies(&events));
        std::future::ready(Ok(()))
    });
    let webhooks = ["a", "b", "c"].map(|text| world.user.writes(Side::Meta, text)).to_vec();
    let batch = world.simulator.batch(webhooks).unwrap();
    assert_eq!(world.post(&world.handler(sink), &batch.request).0, 200);
    assert_eq!(*calls.lock().unwrap(), [["a", "b", "c"]]);
}

#[test]
fn what_a_sink_did_not_take_comes_again_and_is_taken_once() {
    let world = World::new();
    let (inner, mut events) = channel(10);
    // Every second call fails.
    let calls = Arc::new(Mutex::new(0));
    let flaky = sink_fn(move |batch: Vec<InboundEvent>| {
        let (inner, calls) = (inner.clone(), Arc::clone(&calls));
        async move {
            *calls.lock().unwrap() += 1;
            if *calls.lock().unwrap() % 2 == 1 {
                return Err(SinkError::unavailable("not now"));
            }
            inner.accept(&batch).await
        }
    });
    let store = Arc::new(MemoryStore::new(Arc::clone(&world.clock)));
    let handler = world.handler(Dedup::new("test", flaky, store));
    for (side, done) in [(Side::Meta, 200), (Side::Twilio, 204)] {
        let webhook = world.user.writes(side, "Hi").request;
        let answers = [(); 4].map(|()| world.post(&handler, &webhook).0);
        assert_eq!(answers, [503, done, done, done]);
    }
    assert_eq!(bodies(&received(&mut events)), ["Hi", "Hi"], "one of each provider");
}

#[test]
fn a_webhook_as_large_as_metas_largest_is_taken() {
    let world = World::new();
    let (sink, mut events) = channel(10);
    let handler = world.handler(sink);
    assert_eq!(world.post(&handler, &world.meta_webhook_of(3_000_000)).0, 200);
    assert_eq!(world.post(&handler, &world.meta_webhook_of(4 * 1024 * 1024)).0, 200);
    assert_eq!(world.post(&handler, &world.meta_webhook_of(4 * 1024 * 1024 + 1)).0, 413);
    assert_eq!(received(&mut events).len(), 2);
}

/// A builder with small limits and the system's clock, for tests on sockets.
fn small(world: &World, sink: impl EventSink) -> WebhookHandlerBuilder {
    WebhookHandler::builder(world.meta.clone(), sink).provider(world.twilio.clone()).body_limit(2_000)
}
