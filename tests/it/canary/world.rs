use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::{
    FailoverBuilder, FailoverEvent, FailoverProvider, HealthRegistry, MetricsObserver, Route,
    TracingObserver, route_fn,
};
use whatsapp_provider::handler::WebhookHandler;
use whatsapp_provider::http_client::HttpClient;
use whatsapp_provider::inbound::InboundContent;
use whatsapp_provider::meta::MediaUpload;
use whatsapp_provider::outbound::{FileBytes, Template};
use whatsapp_provider::simulator::{Side, SimulatedWebhook, Simulator};
use whatsapp_provider::sink::sink_fn;
use whatsapp_provider::state::MemoryStore;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{
    AttemptId, Content, EventKind, InboundEvent, MediaRef, MessageRef, MetaCloud, OutboundMessage,
    PhoneNumber, ProviderId, Result, SendReceipt, SentQuery, Twilio, WebhookRequest, WhatsAppProvider,
};

use super::collector::Collector;
use super::said::{CODE, SHIPPED};

/// Both providers in the simulator, a failover over them with every observer, and a collector of all that is printed.
pub(super) struct World {
    pub(super) collector: Collector,
    pub(super) clock: TestClock,
    pub(super) simulator: Simulator,
    pub(super) store: MemoryStore,
    pub(super) registry: HealthRegistry,
    pub(super) meta: MetaCloud,
    pub(super) twilio: Twilio,
    pub(super) failover: FailoverProvider,
}

/// A failover that tells the collector of everything, and whose flag names nobody.
pub(super) fn observed(collector: &Collector, clock: &TestClock) -> FailoverBuilder {
    let (events, contexts) = (collector.clone(), collector.clone());
    FailoverProvider::builder()
        .clock(Arc::new(clock.clone()))
        .observer(TracingObserver::new())
        .observer(MetricsObserver::new())
        .observer(move |event: &FailoverEvent| events.debug("an event", event))
        .route(route_fn(move |context| {
            contexts.debug("what a flag is told", context);
            Some(Route::Only("nobody".parse().unwrap()))
        }))
}

impl World {
    pub(super) fn new(collector: &Collector) -> Self {
        Self::through(collector, Simulator::http_client)
    }

    /// A world whose providers are reached by another client.
    pub(super) fn through(
        collector: &Collector,
        client: impl FnOnce(&Simulator) -> Arc<dyn HttpClient>,
    ) -> Self {
        let clock = TestClock::new();
        let simulator = Simulator::new(Arc::new(clock.clone()));
        simulator.register_content(SHIPPED, "order_shipped", "en_US", ["1", "2"]);
        simulator.register_one_time_code(CODE, "login", "en_US");
        let client = client(&simulator);
        let meta = simulator.meta().http_client(Arc::clone(&client)).keep_raw(true);
        collector.debug("a builder", &meta);
        let twilio = simulator
            .twilio()
            .http_client(client)
            .keep_raw(true)
            .template(ContentTemplate::new("order_shipped", "en_US", SHIPPED))
            .template(ContentTemplate::new("login", "en_US", CODE));
        collector.debug("a builder", &twilio);
        let (meta, twilio) = (meta.build().unwrap(), twilio.build().unwrap());
        let store = MemoryStore::new(Arc::new(clock.clone()));
        let registry = HealthRegistry::with_clock(Default::default(), Arc::new(clock.clone()));
        let builder = observed(collector, &clock)
            .primary(meta.clone())
            .fallback(twilio.clone())
            .health_registry(registry.clone())
            .local_store(store.clone());
        collector.debug("a builder", &builder);
        let failover = builder.build().unwrap();
        Self { collector: collector.clone(), clock, simulator, store, registry, meta, twilio, failover }
    }

    /// Sends by the failover, and looks at what comes of it.
    pub(super) fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        self.send_by(&self.failover, message)
    }

    pub(super) fn send_by(
        &self,
        provider: &dyn WhatsAppProvider,
        message: &OutboundMessage,
    ) -> Result<SendReceipt> {
        self.collector.debug("a message", message);
        self.collector.result("a check", &provider.check(message));
        let result = self.clock.block_on(provider.send(message));
        self.collector.result("a send", &result);
        let attempts = match &result {
            Ok(receipt) => &receipt.attempts,
            Err(error) => error.attempts(),
        };
        for failure in attempts.iter().filter_map(|report| report.failure.as_ref()) {
            self.collector.debug("a failure", failure);
            self.collector.text("a failure", failure);
        }
        result
    }

    /// Brings a webhook to the failover, by hand and through a handler. The answer is what it brings, if it is genuine.
    pub(super) fn receive(&self, request: &http::Request<Bytes>) -> Vec<InboundEvent> {
        let Self { collector, clock, failover, .. } = self;
        let webhook = WebhookRequest::from_http(request, clock.now());
        collector.debug("a request", &webhook);
        collector.debug("a request", &webhook.head);
        let verified = failover.verify_signature(&webhook);
        collector.result("verifying", &verified);
        let mut events = Vec::new();
        if let Ok(verified) = verified {
            collector.debug("an acknowledgement", &failover.acknowledge(&verified));
            collector.result("parsing by another", &self.other(verified.provider()).parse_inbound(&verified));
            events = failover.parse_inbound(&verified).unwrap();
            for event in &events {
                collector.debug("an event of a webhook", event);
                collector.debug("parts of an event", &(event.id(), event.kind(), event.raw()));
                collector.debug("an answer", &event.reply(Content::text("canary-reply")));
                collector.debug("advice", &failover.advise(event));
            }
            clock.block_on(failover.record(&events));
        }

        let (outcomes, taken) = (collector.clone(), collector.clone());
        let sink = sink_fn(move |events| {
            taken.debug("what a sink is given", &events);
            async { Ok(()) }
        });
        let builder = WebhookHandler::builder(failover.clone(), sink)
            .observer(move |outcome| outcomes.debug("an outcome", outcome))
            .clock(Arc::new(clock.clone()));
        collector.debug("a builder", &builder);
        let handler = builder.build().unwrap();
        collector.debug("a handler", &handler);
        collector.debug("an admission", &handler.admit(webhook.head));
        let reply = clock.block_on(handler.handle(request.clone().map(Full::new)));
        collector.debug("a reply", reply.headers());
        events
    }

    fn other(&self, verifier: &ProviderId) -> &dyn WhatsAppProvider {
        if *verifier == ProviderId::META { &self.twilio } else { &self.meta }
    }

    /// Brings the statuses of all that was sent.
    pub(super) fn statuses(&self) {
        self.clock.advance(Duration::from_secs(10));
        for SimulatedWebhook { request, .. } in self.simulator.due_webhooks() {
            self.receive(&request);
        }
    }

    /// Looks at everything that can be looked at.
    pub(super) fn look(&self) {
        let Self { collector, clock, simulator, failover, .. } = self;
        let status = failover.status();
        MetricsObserver::describe();
        MetricsObserver::new().report(&status);
        collector.debug("a failover", failover);
        collector.debug("a status", &status);
        collector.debug("the standings", &failover.standings());
        collector.debug("the members' checks", &clock.block_on(failover.check_members()));
        collector.debug("a provider", &self.meta);
        collector.debug("a provider", &self.twilio);
        collector.debug("a store", &self.store);
        collector.debug("a registry", &self.registry);
        collector.debug("the simulator", simulator);
        collector.debug("the accounts", &simulator.accounts());
        collector.debug("what arrived", &simulator.deliveries());
        collector.debug("what was asked", &simulator.requests());
    }

    /// Does what a provider can do besides sending.
    pub(super) fn others(&self, user: PhoneNumber) {
        let Self { collector, clock, failover, .. } = self;
        collector.debug("a user", &self.simulator.user(user));
        for provider in [&self.meta as &dyn WhatsAppProvider, &self.twilio, failover] {
            let sender = provider.senders().remove(0);
            let message = MessageRef::new(sender.clone(), "canary-message");
            let media = MediaRef::new(sender, "canary-media");
            let query = OutboundMessage::template(user, Template::new("canary", "en"));
            let query = SentQuery::new(AttemptId::from_u128(1), query, clock.now());
            collector.debug("names", &(&message, &media, &query));
            collector.result("reading", &clock.block_on(provider.mark_read(&message)));
            collector.result("typing", &clock.block_on(provider.show_typing(&message)));
            collector.result("a file", &clock.block_on(provider.fetch_media(&media)));
            collector.result("a probe", &clock.block_on(provider.probe()));
            collector.result("a search", &clock.block_on(provider.find_sent(&query)));
        }
        self.files(user);
    }

    /// Brings files up and down, and asks what is known of them.
    pub(super) fn files(&self, user: PhoneNumber) {
        let Self { collector, clock, meta, simulator, .. } = self;
        let file = FileBytes::new("canary-file", "text/plain");
        let upload = MediaUpload::from(file.clone()).with_filename("canary-name");
        collector.debug("an upload", &upload);
        let uploaded = clock.block_on(meta.upload_media(upload));
        collector.result("an upload", &uploaded);
        let webhook = simulator.user(user).sends_file(Side::Meta, &file, Some("canary-caption"));
        let events = self.receive(&webhook.request);
        let inbound = events.iter().find_map(|event| match event.kind() {
            EventKind::Message(message) => match &message.content {
                InboundContent::Document(document) => Some(document.media.clone()),
                _ => None,
            },
            _ => None,
        });
        for media in [uploaded.ok(), inbound].into_iter().flatten() {
            collector.result("a look-up", &clock.block_on(meta.look_up_media(&media)));
            let fetched = clock.block_on(meta.fetch_media(&media));
            collector.result("a file", &fetched);
            if let Ok(file) = fetched {
                collector.result("a file that is too large", &clock.block_on(file.read(1)).map(drop));
            }
            collector.result("deleting", &clock.block_on(meta.delete_media(&media)));
            collector.result("a file that is gone", &clock.block_on(meta.fetch_media(&media)));
        }
    }

    /// A webhook of one side's that says this and is signed.
    pub(super) fn signed(&self, side: Side, body: &str) -> http::Request<Bytes> {
        use base64::Engine as _;
        use hmac::{Hmac, KeyInit, Mac};

        let accounts = self.simulator.accounts();
        let request = http::Request::post(&accounts.webhook_url);
        let request = match side {
            Side::Meta => {
                let mac = Hmac::<sha2::Sha256>::new_from_slice(accounts.app_secret.as_bytes()).unwrap();
                let digest = mac.chain_update(body).finalize().into_bytes();
                let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                request.header("x-hub-signature-256", format!("sha256={digits}"))
            }
            _ => {
                let mut pairs: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).collect();
                pairs.sort();
                let mac = Hmac::<sha1::Sha1>::new_from_slice(accounts.auth_token.as_bytes()).unwrap();
                let mut mac = mac.chain_update(&accounts.webhook_url);
                pairs.iter().for_each(|(name, value)| {
                    mac.update(name.as_bytes());
                    mac.update(value.as_bytes());
                });
                let digest = mac.finalize().into_bytes();
                let signature = base64::engine::general_purpose::STANDARD.encode(digest);
                request
                    .header("x-twilio-signature", signature)
                    .header("content-type", "application/x-www-form-urlencoded")
            }
        };
        request.body(Bytes::from(body.to_owned())).unwrap()
    }
}
