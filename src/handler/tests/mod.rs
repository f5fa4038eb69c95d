//! Each rule of the handler, without a socket.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::{HeaderMap, Method, Request};

use super::*;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, SenderId};
use crate::inbound::InboundEvent;
use crate::outbound::{Attempt, OutboundMessage, SendReceipt};
use crate::provider::Capabilities;
use crate::sink::scripted::{Do, Scripted, ids};
use crate::testing::{EventMaker, MemoryProvider, TestClock};
use crate::webhook::{ForeignWebhook, SignatureError, VerifiedWebhook, WebhookRequest};

mod admitting;
mod building;
mod delivering;
mod reading;
mod verifying;

/// The limits of the default handler, as they are promised.
const LIMIT: usize = 4 * 1024 * 1024;
const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

/// A handler of two providers in memory, with everything that can be seen from outside.
struct World {
    clock: TestClock,
    provider: MemoryProvider,
    sink: Scripted,
    dead: Scripted,
    outcomes: Arc<Mutex<Vec<WebhookOutcome>>>,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        Self {
            provider: MemoryProvider::new(ProviderId::META),
            sink: Scripted::new(&clock),
            dead: Scripted::new(&clock),
            outcomes: Arc::default(),
            clock,
        }
    }

    /// With a clock and an observer; the rest is as it is by default.
    fn builder(&self) -> WebhookHandlerBuilder {
        self.builder_for(self.provider.clone())
    }

    fn builder_for(&self, provider: impl WhatsAppProvider) -> WebhookHandlerBuilder {
        let outcomes = Arc::clone(&self.outcomes);
        WebhookHandler::builder(provider, self.sink.clone())
            .clock(Arc::new(self.clock.clone()))
            .observer(move |outcome| outcomes.lock().unwrap().push(outcome.clone()))
    }

    fn handler(&self) -> WebhookHandler {
        self.builder().build().unwrap()
    }

    fn webhook(&self, events: &[InboundEvent]) -> Request<Pieces> {
        self.provider.webhook(events).unwrap().map(Pieces::whole)
    }

    /// The status of the answer.
    fn post(&self, handler: &WebhookHandler, request: Request<Pieces>) -> u16 {
        self.clock.block_on(handler.handle(request)).status().as_u16()
    }

    /// How the webhooks ended since this was asked last.
    fn outcomes(&self) -> Vec<WebhookOutcome> {
        std::mem::take(&mut *self.outcomes.lock().unwrap())
    }
}

fn texts(count: usize) -> Vec<InboundEvent> {
    let mut maker = EventMaker::meta();
    (0..count).map(|_| maker.text("+15557654321", "Hi")).collect()
}

fn accepted(events: usize, dead_lettered: usize) -> WebhookOutcome {
    WebhookOutcome::Accepted { provider: ProviderId::META, events, dead_lettered }
}

fn refused(provider: Option<&str>, reason: SignatureError) -> WebhookOutcome {
    WebhookOutcome::Refused { provider: provider.map(|id| id.parse().unwrap()), reason }
}

/// A body that comes in pieces, each after some time, and may break off. It counts how often it was asked.
struct Pieces {
    pieces: std::collections::VecDeque<Piece>,
    waiting: Option<crate::clock::Sleep>,
    clock: Option<TestClock>,
    asked: Arc<Mutex<usize>>,
}

struct Piece {
    after: Duration,
    data: std::result::Result<http_body::Frame<Bytes>, &'static str>,
}

impl Pieces {
    fn whole(data: impl Into<Bytes>) -> Self {
        Self::new(None).piece(Duration::ZERO, data)
    }

    fn new(clock: Option<&TestClock>) -> Self {
        let asked = Arc::default();
        Self { pieces: [].into(), waiting: None, clock: clock.cloned(), asked }
    }

    fn piece(self, after: Duration, data: impl Into<Bytes>) -> Self {
        self.frame(after, Ok(http_body::Frame::data(data.into())))
    }

    fn frame(
        mut self,
        after: Duration,
        data: std::result::Result<http_body::Frame<Bytes>, &'static str>,
    ) -> Self {
        self.pieces.push_back(Piece { after, data });
        self
    }

    fn asked(&self) -> Arc<Mutex<usize>> {
        Arc::clone(&self.asked)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::result::Result<http_body::Frame<Bytes>, &'static str>>> {
        let this = &mut *self;
        *this.asked.lock().unwrap() += 1;
        let after = this.pieces.front().map_or(Duration::ZERO, |piece| piece.after);
        if let (Some(clock), false) = (&this.clock, after.is_zero()) {
            let sleep = this.waiting.get_or_insert_with(|| clock.sleep(after));
            std::task::ready!(sleep.as_mut().poll(cx));
            this.waiting = None;
        }
        std::task::Poll::Ready(this.pieces.pop_front().map(|piece| piece.data))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// A provider whose answers are set: it recognises everything.
#[derive(Debug, Clone)]
struct Stub {
    id: ProviderId,
    handshake: Option<WebhookReply>,
    verdict: std::result::Result<(), SignatureError>,
    /// `None`: it does not read what it verified.
    events: Option<Vec<InboundEvent>>,
    acknowledgement: WebhookReply,
}

impl Stub {
    fn new(id: &str) -> Self {
        Self {
            id: id.parse().unwrap(),
            handshake: None,
            verdict: Ok(()),
            events: Some(Vec::new()),
            acknowledgement: WebhookReply::empty(StatusCode::OK),
        }
    }

    fn with_verdict(mut self, verdict: std::result::Result<(), SignatureError>) -> Self {
        self.verdict = verdict;
        self
    }

    fn with_handshake(mut self, reply: WebhookReply) -> Self {
        self.handshake = Some(reply);
        self
    }
}

#[async_trait]
impl WhatsAppProvider for Stub {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn senders(&self) -> Vec<SenderId> {
        Vec::new()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn check(&self, _: &OutboundMessage) -> Result<()> {
        Ok(())
    }

    async fn send_attempt(&self, _: &OutboundMessage, _: &Attempt) -> Result<SendReceipt> {
        Err(Error::unsupported("send"))
    }

    fn recognizes(&self, _: &WebhookHead<'_>) -> bool {
        true
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> std::result::Result<VerifiedWebhook<'r>, SignatureError> {
        self.verdict.map(|()| request.attest(&self.id))
    }

    fn parse_inbound(
        &self,
        webhook: &VerifiedWebhook<'_>,
    ) -> std::result::Result<Vec<InboundEvent>, ForeignWebhook> {
        self.events.clone().ok_or_else(|| ForeignWebhook::new(webhook.provider().clone()))
    }

    fn handshake(&self, _: &WebhookHead<'_>) -> Option<WebhookReply> {
        self.handshake.clone()
    }

    fn acknowledge(&self, _: &VerifiedWebhook<'_>) -> WebhookReply {
        self.acknowledgement.clone()
    }
}
