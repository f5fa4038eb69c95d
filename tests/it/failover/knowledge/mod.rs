//! What webhooks teach: windows, conversations, names, blocks, and what was accepted.

mod accepted;
mod blocks;
mod names;
mod observed;
mod restrictions;

use bytes::Bytes;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::failover::{FailoverBuilder, SkipReason, Window};
use whatsapp_provider::inbound::{
    AccountNotice, DeliveryState, Edit, EventId, IdentityChange, InboundContent, Notice, StatusUpdate, User,
};
use whatsapp_provider::state::{Expected, MemoryStore, PutOutcome, StateError, StateStore, Versioned};
use whatsapp_provider::{EventKind, Recipient, UserId, WebhookHandler};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const ADA: &str = "+15557654321";

/// A store that may be down, or slow.
#[derive(Debug, Clone)]
pub(super) struct Moody {
    store: MemoryStore,
    clock: TestClock,
    pub(super) mood: Arc<Mutex<Mood>>,
}

#[derive(Debug, Default)]
pub(super) struct Mood {
    down: bool,
    pub(super) takes: Duration,
    reads: usize,
}

impl Moody {
    fn new(clock: &TestClock) -> Self {
        let store = MemoryStore::new(Arc::new(clock.clone()));
        Self { store, clock: clock.clone(), mood: Arc::default() }
    }

    async fn suffer(&self) -> Result<(), StateError> {
        let (down, takes) = {
            let mood = self.mood.lock().unwrap();
            (mood.down, mood.takes)
        };
        self.clock.sleep(takes).await;
        if down { Err(StateError::new("out of reach")) } else { Ok(()) }
    }
}

#[async_trait]
impl StateStore for Moody {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        self.mood.lock().unwrap().reads += 1;
        self.suffer().await?;
        self.store.get(keys).await
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        self.suffer().await?;
        self.store.put_if(key, expected, value, ttl).await
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        self.suffer().await?;
        self.store.delete_if(key, version).await
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// Two machines with the same accounts and one store.
pub(super) struct World {
    pub(super) clock: TestClock,
    pub(super) meta: MemoryProvider,
    pub(super) twilio: MemoryProvider,
    pub(super) store: Moody,
    pub(super) machines: [FailoverProvider; 2],
    events: Events,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(settings: impl Fn(FailoverBuilder) -> FailoverBuilder) -> Self {
        let clock = TestClock::new();
        let (meta, twilio) = (MemoryProvider::new(ProviderId::META), MemoryProvider::new(ProviderId::TWILIO));
        let (store, events) = (Moody::new(&clock), Events::default());
        let machine = || {
            let log = Arc::clone(&events);
            let builder = FailoverProvider::builder()
                .primary(meta.clone())
                .fallback(twilio.clone())
                .store(store.clone())
                .observer(move |event: &FailoverEvent| log.lock().unwrap().push(event.clone()))
                .clock(Arc::new(clock.clone()));
            settings(builder).build().unwrap()
        };
        let machines = [machine(), machine()];
        Self { clock, meta, twilio, store, machines, events }
    }

    fn maker(&self, provider: ProviderId) -> EventMaker {
        EventMaker::new(SenderId::new(provider, "memory")).at(self.clock.now())
    }

    /// A user writes to the sender of a provider, and a machine hears of it.
    fn writes(&self, machine: usize, provider: ProviderId) {
        let event = self.maker(provider).text(ADA, "hi");
        self.record(machine, &event);
    }

    fn record(&self, machine: usize, event: &InboundEvent) {
        self.clock.block_on(self.machines[machine].record(std::slice::from_ref(event)));
    }

    fn try_send(&self, machine: usize, message: &OutboundMessage) -> Result<SendReceipt> {
        self.clock.block_on(self.machines[machine].send(message))
    }

    /// Sends Ada something, and says by whom and which content went out.
    fn sends(&self, machine: usize, message: &OutboundMessage) -> (String, usize) {
        let receipt = self.try_send(machine, message).unwrap();
        (receipt.provider.to_string(), receipt.content_index)
    }

    fn windows(&self) -> Vec<Window> {
        let events = self.events.lock().unwrap();
        let plan = events.iter().rev().find_map(|event| match event {
            FailoverEvent::Planned { plan, .. } => Some(plan.clone()),
            _ => None,
        });
        plan.unwrap().steps.iter().map(|step| step.window).collect()
    }

    fn unavailable(&self) -> usize {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| matches!(event, FailoverEvent::KnowledgeUnavailable)).count()
    }
}

fn ada() -> PhoneNumber {
    PhoneNumber::parse(ADA).unwrap()
}

fn text() -> OutboundMessage {
    OutboundMessage::text(ada(), "Your table is ready")
}

fn text_or_template() -> OutboundMessage {
    text().or(Template::new("table_ready", "en"))
}

#[test]
fn an_alternative_is_chosen_once_the_window_is_known_to_be_closed() {
    let world = World::new();
    assert_eq!(world.sends(1, &text_or_template()), ("meta".into(), 0));
    assert_eq!(world.windows(), [Window::Unknown, Window::Unknown]);
    world.writes(0, ProviderId::META);
    world.clock.advance(24 * HOUR - Duration::from_millis(1));
    assert_eq!(world.sends(1, &text_or_template()), ("meta".into(), 0));
    assert_eq!(world.windows(), [Window::Open, Window::Unknown]);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.sends(1, &text_or_template()), ("meta".into(), 1));
    let error = world.try_send(1, &text()).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::WindowClosed, Acceptance::NotAccepted));
    let attempts = world.meta.attempts() + world.twilio.attempts();
    assert_eq!(attempts, 3, "what is known needs no request");
    // After 30 days nobody knows any more.
    world.clock.advance(29 * 24 * HOUR);
    assert_eq!(world.sends(1, &text()), ("meta".into(), 0));
}

#[test]
fn the_latest_message_counts_in_whatever_order_they_come() {
    let world = World::new();
    let early = world.maker(ProviderId::META).text(ADA, "hi");
    world.clock.advance(20 * HOUR);
    world.writes(0, ProviderId::META);
    world.record(1, &early);
    world.clock.advance(23 * HOUR);
    assert_eq!(world.sends(1, &text_or_template()), ("meta".into(), 0));
}

#[test]
fn a_conversation_stays_with_the_member_that_the_user_wrote_to() {
    let world = World::new();
    world.writes(0, ProviderId::TWILIO);
    world.clock.advance(24 * HOUR - Duration::from_millis(1));
    assert_eq!(world.sends(1, &text()).0, "twilio");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.sends(1, &text_or_template()).0, "meta", "the conversation is over");

    world.writes(0, ProviderId::META);
    world.clock.advance(HOUR);
    world.writes(0, ProviderId::TWILIO);
    assert_eq!(world.sends(0, &text()).0, "twilio", "the last one counts");
    let stranger = OutboundMessage::text(to(9), "hi");
    assert_eq!(world.sends(0, &stranger).0, "meta");
}

#[test]
fn a_failover_takes_the_conversation_with_it() {
    let world = World::new();
    world.meta.fail_next(refused(ErrorKind::Unavailable));
    assert_eq!(world.sends(0, &text()).0, "twilio");
    world.clock.advance(HOUR - Duration::from_millis(1));
    assert_eq!(world.sends(1, &text()).0, "twilio", "on every machine");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.sends(1, &text()).0, "meta");
    world.meta.fail_next(refused(ErrorKind::TemplateUnavailable));
    assert_eq!(world.sends(0, &text()).0, "twilio");
    assert_eq!(world.sends(0, &text()).0, "meta", "what a message causes moves that message only");
}

#[test]
fn a_pin_yields_to_health_and_to_what_the_message_says() {
    let world = World::new();
    world.writes(0, ProviderId::TWILIO);
    assert_eq!(world.sends(0, &text().with_via(ProviderId::META)).0, "meta");
    world.machines[0].isolate(&ProviderId::TWILIO);
    assert_eq!(world.sends(0, &text()).0, "meta");
}

#[test]
fn a_history_can_be_brought_along() {
    let world = World::new();
    let sender = SenderId::new(ProviderId::META, "memory");
    let wrote = |ago: Duration| world.clock.now().saturating_sub(ago);
    let seed = |time: Timestamp| {
        let ada = Recipient::from(ada());
        world.clock.block_on(world.machines[0].seed_window(&sender, &ada, time));
    };
    seed(wrote(25 * HOUR));
    assert_eq!(world.sends(1, &text_or_template()).1, 1);
    seed(wrote(23 * HOUR));
    assert_eq!(world.sends(1, &text_or_template()).1, 0);
    seed(wrote(25 * HOUR));
    assert_eq!(world.sends(1, &text_or_template()).1, 0, "what is known to be later stays");
}

#[test]
fn what_nobody_verified_teaches_nothing() {
    let world = World::new();
    let event = world.maker(ProviderId::TWILIO).text(ADA, "hi");
    let request = world.twilio.webhook(&[event]).unwrap();
    let request = WebhookRequest::from_http(&request, world.clock.now());
    let assumed = VerifiedWebhook::assume_verified(request, ProviderId::TWILIO);
    let events = world.machines[0].parse_inbound(&assumed).unwrap();
    assert!(events[0].is_assumed());
    world.record(0, &events[0]);
    assert_eq!(world.sends(0, &text()).0, "meta");
}

#[test]
fn the_handler_records_before_anybody_handles_the_event() {
    let world = World::new();
    let machine = world.machines[0].clone();
    let (answers, clock) = (Arc::new(Mutex::new(Vec::new())), world.clock.clone());
    let seen = Arc::clone(&answers);
    let sink = whatsapp_provider::sink::sink_fn(move |events: Vec<InboundEvent>| {
        let (machine, seen) = (machine.clone(), Arc::clone(&seen));
        async move {
            for event in &events {
                let answer = OutboundMessage::new(event.user().unwrap().recipient(), Content::text("hello"));
                let receipt = machine.send(&answer).await.unwrap();
                seen.lock().unwrap().push(receipt.provider);
            }
            Ok(())
        }
    });
    let handler = WebhookHandler::builder(world.machines[0].clone(), sink)
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let event = world.maker(ProviderId::TWILIO).text(ADA, "hi");
    let request = world.twilio.webhook(&[event]).unwrap();
    let request = request.map(|body| http_body_util::Full::new(Bytes::from(body)));
    let response = clock.block_on(handler.handle(request));
    assert_eq!(response.status(), 200);
    assert_eq!(*answers.lock().unwrap(), [ProviderId::TWILIO]);
}

#[test]
fn the_handler_lets_all_its_providers_learn() {
    let world = World::new();
    let sink = whatsapp_provider::sink::sink_fn(|_: Vec<InboundEvent>| async { Ok(()) });
    // The member itself verifies the webhook, beside the failover that it belongs to.
    let handler = WebhookHandler::builder(world.twilio.clone(), sink)
        .provider(world.machines[0].clone())
        .clock(Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let event = world.maker(ProviderId::TWILIO).text(ADA, "hi");
    let request = world.twilio.webhook(&[event]).unwrap();
    let request = request.map(|body| http_body_util::Full::new(Bytes::from(body)));
    assert_eq!(world.clock.block_on(handler.handle(request)).status(), 200);
    assert_eq!(world.sends(0, &text()).0, "twilio");
}

#[test]
fn what_other_numbers_get_is_their_own_affair() {
    let world = World::new();
    let mut maker =
        EventMaker::new(SenderId::new(ProviderId::TWILIO, "another number")).at(world.clock.now());
    world.record(0, &maker.text(ADA, "hi"));
    assert_eq!(world.sends(0, &text()).0, "meta", "the user wrote to somebody else");
    for n in 0..5 {
        let message = MessageRef::new(SenderId::new(ProviderId::META, "another number"), n.to_string());
        let failure = Failure::new(ErrorKind::AccountBlocked, Acceptance::Unknown);
        let maker = EventMaker::new(message.sender.clone()).at(world.clock.now());
        world.record(0, &maker.failed(&message, failure));
    }
    assert_eq!(world.sends(0, &text()).0, "meta");
}

#[test]
fn what_a_member_says_of_a_window_counts_more_than_what_was_known() {
    let world = World::new();
    world.writes(0, ProviderId::META);
    world.meta.fail_next(refused(ErrorKind::WindowClosed));
    let message = text().or(Content::text("in other words")).or(Template::new("table_ready", "en"));
    assert_eq!(world.sends(0, &message), ("meta".into(), 2));
    assert_eq!(world.meta.attempts(), 2);
}

#[test]
fn to_explain_is_not_to_send() {
    let world = World::new();
    world.writes(0, ProviderId::TWILIO);
    let plan = world.clock.block_on(world.machines[0].explain(&text()));
    let members: Vec<_> = plan.steps.iter().map(|step| step.member.as_str()).collect();
    assert_eq!((members, plan.preferred), (vec!["twilio", "meta"], Some(ProviderId::TWILIO)));
    assert_eq!(world.meta.attempts() + world.twilio.attempts(), 0);
    assert!(world.events.lock().unwrap().is_empty());
}

#[test]
fn knowledge_fails_open() {
    let world = World::new();
    world.writes(0, ProviderId::TWILIO);
    world.store.mood.lock().unwrap().down = true;
    let began = world.clock.elapsed();
    assert_eq!(world.sends(0, &text()).0, "twilio", "this machine knows by itself");
    assert_eq!(world.sends(1, &text()).0, "meta", "that one does not, and sends all the same");
    assert_eq!(world.clock.elapsed(), began);
    assert_eq!(world.unavailable(), 2);

    *world.store.mood.lock().unwrap() = Mood { takes: HOUR, ..Mood::default() };
    assert_eq!(world.sends(1, &text()).0, "meta");
    assert_eq!(world.clock.elapsed() - began, Duration::from_millis(50));
    let began = world.clock.elapsed();
    world.writes(1, ProviderId::TWILIO);
    assert_eq!(world.clock.elapsed() - began, Duration::from_millis(500));
    *world.store.mood.lock().unwrap() = Mood::default();
    assert_eq!(world.sends(1, &text()).0, "twilio", "what was not written is known here");
    // And is written with the next occasion.
    world.writes(1, ProviderId::TWILIO);
    assert_eq!(world.unavailable(), 4);
}

#[test]
fn a_send_asks_the_store_once() {
    let world = World::new();
    world.sends(0, &text());
    assert_eq!(world.store.mood.lock().unwrap().reads, 1);
}
