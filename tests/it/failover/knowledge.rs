//! What webhooks teach: windows, conversations, names, blocks, and what was accepted.

use bytes::Bytes;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::failover::{FailoverBuilder, SkipReason, Window};
use whatsapp_provider::inbound::{
    AccountNotice, DeliveryState, EventId, IdentityChange, Notice, StatusUpdate, User,
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
fn one_user_is_known_under_all_names() {
    let world = World::new();
    let id = UserId::new("US.13491208655302741918").unwrap().with_scope("portfolio");
    let mut event = world.maker(ProviderId::TWILIO).text(ADA, "hi");
    let EventKind::Message(message) = event.kind() else { panic!() };
    let mut message = message.clone();
    message.from.user = Some(id.clone());
    event = world.maker(ProviderId::TWILIO).event(event.id().clone(), *message);
    world.record(0, &event);
    let by_id = OutboundMessage::text(id.clone(), "hi");
    assert_eq!(world.sends(1, &by_id).0, "twilio");
    assert_eq!(world.sends(1, &text()).0, "twilio");
    // Now the user shows the id alone, and is the same one.
    world.clock.advance(24 * HOUR);
    let by_id_alone = User::with_user(id.clone());
    let mut message = event.kind().clone();
    if let EventKind::Message(message) = &mut message {
        message.from = by_id_alone;
    }
    let event = world.maker(ProviderId::TWILIO).event(EventId::new(["message", "2"]), message);
    world.record(0, &event);
    assert_eq!(world.sends(1, &text()).0, "twilio", "by the number, too");
    let other_scope = UserId::new(id.as_str()).unwrap().with_scope("another");
    assert_eq!(world.sends(1, &OutboundMessage::text(other_scope, "hi")).0, "meta");
}

#[test]
fn a_number_that_is_called_otherwise_by_the_provider_is_the_same_user() {
    /// Answers that the number dialled is known by another one, as numbers in Brazil and Mexico are.
    #[derive(Debug, Clone)]
    struct Renames(MemoryProvider);

    #[async_trait]
    impl WhatsAppProvider for Renames {
        fn id(&self) -> &ProviderId {
            self.0.id()
        }

        fn senders(&self) -> Vec<SenderId> {
            self.0.senders()
        }

        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }

        fn check(&self, message: &OutboundMessage) -> Result<()> {
            self.0.check(message)
        }

        async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
            let mut receipt = self.0.send_attempt(message, attempt).await?;
            receipt.phone = Some(ada());
            Ok(receipt)
        }

        fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
            self.0.recognizes(head)
        }

        fn verify_signature<'r>(
            &self,
            request: &WebhookRequest<'r>,
        ) -> Result<VerifiedWebhook<'r>, SignatureError> {
            self.0.verify_signature(request)
        }

        fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
            self.0.parse_inbound(webhook)
        }
    }

    let clock = TestClock::new();
    let meta = Renames(MemoryProvider::new(ProviderId::META));
    let failover = FailoverProvider::builder()
        .primary(meta)
        .fallback(MemoryProvider::new(ProviderId::TWILIO))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let dialled = OutboundMessage::text(PhoneNumber::parse("+15550001111").unwrap(), "hi");
    clock.block_on(failover.send(&dialled)).unwrap();
    let event = EventMaker::new(SenderId::new(ProviderId::TWILIO, "memory")).text(ADA, "hello");
    clock.block_on(failover.record(&[event]));
    assert_eq!(clock.block_on(failover.send(&dialled)).unwrap().provider, ProviderId::TWILIO);
}

fn moved(before: User, after: User, number_changed: bool) -> IdentityChange {
    let mut change = IdentityChange::new(before, after);
    change.number_changed = number_changed;
    change
}

#[test]
fn a_new_id_is_the_old_user_and_an_old_number_is_nobody() {
    let world = World::new();
    let (old, new) = (UserId::new("US.1").unwrap(), UserId::new("US.2").unwrap());
    let mut event = world.maker(ProviderId::TWILIO).text(ADA, "hi");
    let EventKind::Message(message) = event.kind() else { panic!() };
    let mut message = message.clone();
    message.from.user = Some(old.clone());
    event = world.maker(ProviderId::TWILIO).event(event.id().clone(), *message);
    world.record(0, &event);

    world.clock.advance(HOUR);
    let before = event.user().unwrap().clone();
    let mut after = User::with_user(new.clone());
    after.phone = Some(PhoneNumber::parse("+15550009999").unwrap());
    let change = moved(before, after, true);
    let event = world.maker(ProviderId::TWILIO).event(EventId::new(["identity", "1"]), change);
    world.record(0, &event);
    assert_eq!(world.sends(1, &OutboundMessage::text(new, "hi")).0, "twilio", "by the new id");
    assert_eq!(world.sends(1, &text()), ("meta".into(), 0), "whoever has the number now wrote to nobody");
    assert_eq!(world.windows(), [Window::Unknown, Window::Unknown]);
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

fn notice(world: &World, notice: Notice) -> InboundEvent {
    world.maker(ProviderId::META).event(EventId::new(["x", "1"]), AccountNotice::new(notice))
}

#[test]
fn a_block_that_one_machine_hears_of_stops_them_all_until_it_is_lifted() {
    let world = World::new();
    world.record(0, &notice(&world, Notice::blocked(None)));
    assert_eq!(world.sends(1, &text()).0, "twilio");
    assert_eq!(world.meta.attempts(), 0);
    let events = world.events.lock().unwrap().clone();
    assert!(
        events
            .iter()
            .any(|event| { matches!(event, FailoverEvent::NeedsAttention { notice: Some("blocked"), .. }) })
    );
    let skipped = events.iter().find_map(|event| match event {
        FailoverEvent::Planned { plan, .. } => Some(plan.skipped[0].reason),
        _ => None,
    });
    assert_eq!(skipped, Some(SkipReason::Unhealthy(ErrorKind::AccountBlocked)));

    world.clock.advance(SECOND);
    world.record(0, &notice(&world, Notice::Reinstated));
    let stranger = OutboundMessage::text(to(5), "hi");
    assert_eq!(world.sends(1, &stranger).0, "meta");
}

#[test]
fn a_block_ends_when_the_member_is_let_in_by_hand_or_with_new_credentials() {
    for by_hand in [true, false] {
        let world = World::new();
        world.record(0, &notice(&world, Notice::blocked(None)));
        assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "twilio");
        let standing = || world.machines[1].status().members[0].standing;
        assert!(
            matches!(standing(), Standing::Open { cause: ErrorKind::AccountBlocked, .. }),
            "and it shows"
        );
        if by_hand {
            world.machines[1].restore(&ProviderId::META);
        } else {
            world.meta.replace_credentials();
        }
        assert_eq!(world.sends(1, &OutboundMessage::text(to(2), "hi")).0, "meta");
        assert_eq!(standing(), Standing::Ready);
        world.clock.advance(SECOND);
        world.record(0, &notice(&world, Notice::blocked(None)));
        assert_eq!(world.sends(1, &OutboundMessage::text(to(3), "hi")).0, "twilio", "it is said anew");
    }
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
fn a_search_leaves_time_for_the_next_member() {
    let world = World::new();
    world.meta.fail_next(unknown());
    let message = text()
        .with_category(Category::Authentication)
        .with_on_unknown(OnUnknown::reconcile(20 * SECOND, Otherwise::FailOver));
    let began = world.clock.elapsed();
    assert_eq!(world.sends(0, &message).0, "twilio");
    assert_eq!(world.clock.elapsed() - began, Duration::from_millis(7_500), "half of what was left");
}

#[test]
fn a_reinstatement_ends_the_wait_of_every_machine() {
    let world = World::new();
    world.meta.fail_next(refused(ErrorKind::AccountBlocked));
    assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "twilio");
    assert_eq!(world.sends(1, &OutboundMessage::text(to(2), "hi")).0, "twilio");
    world.clock.advance(SECOND);
    world.record(0, &notice(&world, Notice::Reinstated));
    assert_eq!(world.sends(1, &OutboundMessage::text(to(3), "hi")).0, "meta");
}

#[test]
fn a_block_without_an_end_is_tried_again_after_half_an_hour() {
    let world = World::new();
    world.record(0, &notice(&world, Notice::blocked(None)));
    let sends = |n| world.sends(1, &OutboundMessage::text(to(n), "hi")).0;
    world.clock.advance(30 * 60 * SECOND - Duration::from_millis(1));
    assert_eq!(sends(1), "twilio");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(sends(2), "meta");
}

#[test]
fn statuses_that_say_it_is_blocked_close_the_account_everywhere() {
    let world = World::new();
    let failed = |n: u32, kind| {
        let message = MessageRef::new(SenderId::new(ProviderId::META, "memory"), n.to_string());
        world.maker(ProviderId::META).failed(&message, Failure::new(kind, Acceptance::Unknown))
    };
    for n in 0..2 {
        world.record(0, &failed(n, ErrorKind::AccountBlocked));
    }
    for n in 10..30 {
        world.record(0, &failed(n, ErrorKind::RecipientUnreachable));
    }
    assert_eq!(world.sends(1, &OutboundMessage::text(to(1), "hi")).0, "meta");
    world.record(0, &failed(3, ErrorKind::AccountBlocked));
    for machine in [0, 1] {
        assert_eq!(world.sends(machine, &OutboundMessage::text(to(2), "hi")).0, "twilio");
    }
}

#[test]
fn a_message_that_goes_on_its_way_begins_the_count_anew() {
    for state in [DeliveryState::Sent, DeliveryState::Delivered, DeliveryState::Read, DeliveryState::Played] {
        let world = World::new();
        let message = |n: u32| MessageRef::new(SenderId::new(ProviderId::META, "memory"), n.to_string());
        let maker = || world.maker(ProviderId::META);
        let blocked = |n| {
            let failure = Failure::new(ErrorKind::AccountBlocked, Acceptance::Unknown);
            world.record(0, &maker().failed(&message(n), failure));
        };
        blocked(1);
        blocked(2);
        world.record(0, &maker().status(&message(3), state));
        blocked(4);
        assert_eq!(world.sends(0, &text()).0, "meta");
        blocked(5);
        blocked(6);
        assert_eq!(world.sends(0, &text()).0, "twilio");
    }
}

#[test]
fn notices_that_call_for_somebody_are_told() {
    let told = |notice: Notice| {
        let world = World::new();
        world.record(0, &self::notice(&world, notice));
        let events = world.events.lock().unwrap();
        events.iter().find_map(|event| match event {
            FailoverEvent::NeedsAttention { failure, notice, .. } => {
                Some((failure.as_ref().map(|failure| failure.kind), *notice))
            }
            _ => None,
        })
    };
    let restricted = serde_json::from_str::<Notice>(r#"{"notice":"restricted","restrictions":[]}"#).unwrap();
    assert_eq!(told(restricted), Some((None, Some("restricted"))));
    assert_eq!(told(Notice::blocked(None)), Some((None, Some("blocked"))));
    let failed = |kind| Notice::failed(Failure::new(kind, Acceptance::Unknown));
    assert_eq!(told(failed(ErrorKind::Credentials)), Some((Some(ErrorKind::Credentials), None)));
    assert_eq!(told(failed(ErrorKind::Throttled)), None);
    assert_eq!(told(Notice::Reinstated), None);
}

#[test]
fn a_status_from_long_ago_says_nothing_of_the_account() {
    let world = World::new();
    let failed = |n: u32, ago: Duration| {
        let message = MessageRef::new(SenderId::new(ProviderId::META, "memory"), n.to_string());
        let failure = Failure::new(ErrorKind::AccountBlocked, Acceptance::Unknown);
        let time = world.clock.now().saturating_sub(ago);
        world.maker(ProviderId::META).failed(&message, failure).with_occurred_at(time)
    };
    let quarter = 15 * 60 * SECOND;
    for (ago, expected) in [(quarter + Duration::from_millis(1), "meta"), (quarter, "twilio")] {
        for n in 0..3 {
            world.record(0, &failed(n, ago));
        }
        assert_eq!(world.sends(0, &text()).0, expected, "{ago:?}");
    }
}

#[test]
fn what_is_known_already_is_not_written_again() {
    let world = World::new();
    let id = UserId::new("US.13491208655302741918").unwrap();
    let event = world.maker(ProviderId::META).text(ADA, "hi");
    let EventKind::Message(message) = event.kind() else { panic!() };
    let mut message = message.clone();
    message.from.user = Some(id);
    let event = world.maker(ProviderId::META).event(event.id().clone(), *message);
    world.record(0, &event);
    let reads = world.store.mood.lock().unwrap().reads;
    world.record(0, &event);
    assert_eq!(world.store.mood.lock().unwrap().reads, reads, "the same event once more");
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

fn lost(within: u64) -> OutboundMessage {
    let on_unknown = OnUnknown::reconcile(Duration::from_secs(within), Otherwise::Stop);
    text().with_on_unknown(on_unknown)
}

/// The status of the last message that Meta has taken, whatever its answer was.
fn status(world: &World, state: DeliveryState) -> InboundEvent {
    let sent = world.meta.sent().pop().unwrap();
    let mut status = StatusUpdate::new(sent.id, state);
    status.attempt = Some(sent.attempt);
    world.maker(ProviderId::META).event(EventId::new(["status", "1"]), status)
}

#[test]
fn a_status_at_one_machine_settles_what_another_waits_for() {
    for state in [DeliveryState::Sent, DeliveryState::Delivered, DeliveryState::Failed] {
        let world = World::new();
        world.meta.fail_next(unknown());
        let message = lost(20);
        let began = world.clock.elapsed();
        let receipt = world.clock.block_on(async {
            let record = async {
                world.clock.sleep(3 * SECOND).await;
                let event = status(&world, state.clone());
                world.machines[1].record(&[event]).await;
            };
            futures_util::future::join(world.machines[0].send(&message), record).await.0
        });
        let receipt = receipt.unwrap();
        assert_eq!(receipt.provider, ProviderId::META);
        assert_eq!(
            receipt.message,
            Some(world.meta.sent()[0].id.clone()),
            "acceptance is not delivery: {state}"
        );
        assert!(world.clock.elapsed() - began <= 4 * SECOND);
    }
}

#[test]
fn without_a_status_nothing_is_found_and_nothing_is_sent_twice() {
    let world = World::new();
    world.meta.fail_next(unknown());
    let began = world.clock.elapsed();
    let error = world.try_send(0, &lost(20)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoAnswer, Acceptance::Unknown));
    assert_eq!(world.clock.elapsed() - began, 20 * SECOND);
    assert_eq!(world.twilio.attempts(), 0);
}

#[test]
fn a_status_settles_a_repeat_under_every_policy() {
    for on_unknown in [OnUnknown::Stop, OnUnknown::FailOver, lost(5).on_unknown.unwrap()] {
        let world = World::new();
        world.meta.fail_next(unknown());
        let message = text().with_idempotency_key("order-77").with_on_unknown(on_unknown);
        if on_unknown == OnUnknown::FailOver {
            // Both may have it; then a status says that the second one does.
            world.twilio.fail_next(unknown());
        }
        assert_eq!(world.try_send(0, &message).unwrap_err().acceptance(), Acceptance::Unknown);
        let attempts = world.meta.attempts() + world.twilio.attempts();
        world.record(1, &status(&world, DeliveryState::Delivered));
        let receipt = world.try_send(0, &message).unwrap();
        assert_eq!(receipt.message, Some(world.meta.sent()[0].id.clone()));
        assert_eq!(world.meta.attempts() + world.twilio.attempts(), attempts, "{on_unknown:?}");
        assert_eq!(world.try_send(1, &message).unwrap().message, receipt.message);
    }
}

#[test]
fn a_category_has_a_policy_of_its_own_for_what_is_not_known() {
    let policy = FailoverPolicy::default()
        .with_category(Category::Authentication, |category| category.with_on_unknown(OnUnknown::FailOver));
    let world = World::with(|builder| builder.policy(policy.clone()));
    world.meta.fail_next(unknown());
    let code = text().with_category(Category::Authentication);
    assert_eq!(world.sends(0, &code).0, "twilio");
    world.meta.fail_next(unknown());
    let stays = OutboundMessage::text(to(3), "hi");
    assert_eq!(world.try_send(0, &stays).unwrap_err().acceptance(), Acceptance::Unknown);
    world.meta.fail_next(unknown());
    let last_word = OutboundMessage::text(to(4), "hi")
        .with_category(Category::Authentication)
        .with_on_unknown(OnUnknown::Stop);
    assert_eq!(world.try_send(0, &last_word).unwrap_err().acceptance(), Acceptance::Unknown);
}
