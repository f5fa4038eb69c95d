//! Several numbers of one application: one secret signs the webhooks of all of them.

use whatsapp_provider::MetaCloud;
use whatsapp_provider::failover::Window;
use whatsapp_provider::simulator::{Side, Simulator};

use super::*;

const OTHER_NUMBER: &str = "108080808080808";
const OTHER_ACCOUNT: &str = "208080808080808";

/// Two members with the secret of the simulated application: the first has another number, the second the simulator's.
struct Shared {
    clock: TestClock,
    simulator: Simulator,
    failover: FailoverProvider,
    events: Events,
}

fn id(id: &str) -> ProviderId {
    id.parse().unwrap()
}

impl Shared {
    fn new() -> Self {
        Self::with(|simulator| simulator.meta().account_id(OTHER_ACCOUNT).build().unwrap())
    }

    fn with(other: impl Fn(&Simulator) -> MetaCloud) -> Self {
        let clock = TestClock::new();
        let simulator = Simulator::new(Arc::new(clock.clone()));
        let number = simulator.meta().id(id("meta-b")).keep_raw(true).build().unwrap();
        let other = Self::renamed(&other(&simulator), &simulator);
        let events = Events::default();
        let log = Arc::clone(&events);
        let failover = FailoverProvider::builder()
            .primary(other)
            .fallback(number)
            .observer(move |event: &FailoverEvent| log.lock().unwrap().push(event.clone()))
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        Self { clock, simulator, failover, events }
    }

    /// The same provider for the other number.
    fn renamed(meta: &MetaCloud, simulator: &Simulator) -> MetaCloud {
        meta.with_sender(OTHER_NUMBER, simulator.accounts().access_token).unwrap()
    }

    fn receive(&self, request: &http::Request<bytes::Bytes>) -> Vec<InboundEvent> {
        let request = WebhookRequest::from_http(request, self.clock.now());
        let verified = self.failover.verify_signature(&request).unwrap();
        assert_eq!(verified.provider(), &ProviderId::META, "the first one whose secret holds");
        assert_eq!(self.failover.acknowledge(&verified).status, 200);
        let events = self.failover.parse_inbound(&verified).unwrap();
        self.clock.block_on(self.failover.record(&events));
        events
    }

    fn posted(&self, body: &serde_json::Value) -> Vec<InboundEvent> {
        let body = body.to_string();
        let request = http::Request::post("/webhook")
            .header("x-hub-signature-256", signed(&self.simulator.accounts().app_secret, &body))
            .body(bytes::Bytes::from(body))
            .unwrap();
        self.receive(&request)
    }

    fn hears(&self, account: &str, state: &str) -> InboundEvent {
        self.clock.advance(SECOND);
        let change = serde_json::json!({
            "field": "account_update",
            "value": { "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": state } },
        });
        let entry = serde_json::json!({
            "id": account, "time": self.clock.now().unix_seconds(), "changes": [change],
        });
        self.posted(&serde_json::json!({ "entry": [entry] })).remove(0)
    }

    fn blocked(&self) -> Vec<bool> {
        let members = self.failover.status().members;
        members.iter().map(|member| matches!(member.standing, Standing::Open { .. })).collect()
    }
}

#[test]
fn a_message_to_the_second_number_is_the_second_members() {
    let shared = Shared::new();
    let ada = shared.simulator.user(to(7));
    let event = shared.receive(&ada.writes(Side::Meta, "hi").request).remove(0);
    let number = SenderId::new(id("meta-b"), shared.simulator.accounts().phone_number_id);
    assert_eq!((event.provider(), event.sender()), (&id("meta-b"), Some(&number)));
    let message = event.as_message().unwrap();
    assert_eq!(message.message.sender, number);
    assert!(event.raw().is_some(), "as that member reads it");
    assert!(shared.failover.receives_for(event.sender().unwrap()));

    // The window is that number's, and the conversation stays there.
    let plan = shared.clock.block_on(shared.failover.explain(&OutboundMessage::text(to(7), "hello")));
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.member.as_str(), step.window)).collect();
    assert_eq!(steps, [("meta-b", Window::Open), ("meta", Window::Unknown)]);

    let receipt = shared.clock.block_on(shared.failover.send(&event.reply(Content::text("hello")))).unwrap();
    assert_eq!(receipt.provider, id("meta-b"));
    assert_eq!(shared.simulator.deliveries().len(), 1);
    shared.clock.block_on(shared.failover.mark_read(&message.message)).unwrap();
    let typing = shared.failover.show_typing(&message.message);
    shared.clock.block_on(typing).unwrap();
}

#[test]
fn each_element_goes_to_the_member_that_it_is_for() {
    let shared = Shared::new();
    let accounts = shared.simulator.accounts();
    let change = |number: &str| {
        let message = serde_json::json!({ "id": number, "from": "15550000007", "type": "text", "text": { "body": "hi" } });
        serde_json::json!({ "field": "messages", "value": {
            "metadata": { "phone_number_id": number }, "messages": [message],
        } })
    };
    let changes = [OTHER_NUMBER, &accounts.phone_number_id, "109090909090909", OTHER_NUMBER].map(change);
    let entry = serde_json::json!({ "id": "1", "changes": changes });
    let events = shared.posted(&serde_json::json!({ "entry": [entry, 7] }));
    let providers: Vec<_> = events.iter().map(|event| event.provider().as_str()).collect();
    assert_eq!(providers, ["meta", "meta-b", "meta", "meta", "meta"], "nobody's stays as it was read");
}

#[test]
fn a_member_with_another_secret_reads_nothing_of_it() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let other = Shared::renamed(&simulator.meta().build().unwrap(), &simulator);
    // It has the number, but does not hold the webhook to be genuine.
    let accounts = simulator.accounts();
    let number = MetaCloud::builder()
        .id(id("meta-b"))
        .phone_number_id(&accounts.phone_number_id)
        .access_token(&accounts.access_token)
        .app_secret("another secret")
        .http_client(simulator.http_client())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let failover =
        FailoverProvider::builder().primary(other).fallback(number).clock(Arc::new(clock.clone())).build();
    let failover = failover.unwrap();
    let webhook = simulator.user(to(7)).writes(Side::Meta, "hi");
    let request = WebhookRequest::from_http(&webhook.request, clock.now());
    let verified = failover.verify_signature(&request).unwrap();
    assert_eq!(failover.parse_inbound(&verified).unwrap()[0].provider(), &ProviderId::META);
    // One that nobody has verified is read by whoever it is for, and remains unverified.
    let assumed = VerifiedWebhook::assume_verified(request, ProviderId::META);
    let events = failover.parse_inbound(&assumed).unwrap();
    assert_eq!((events[0].provider(), events[0].is_assumed()), (&id("meta-b"), true));
}

#[test]
fn news_of_an_account_concern_the_members_that_have_it() {
    let shared = Shared::new();
    let own = shared.simulator.accounts().business_account_id;
    let event = shared.hears(&own, "DISABLE");
    assert_eq!(event.provider(), &id("meta-b"));
    assert_eq!(shared.blocked(), [false, true]);
    shared.hears(OTHER_ACCOUNT, "DISABLE");
    assert_eq!(shared.blocked(), [true, true]);
    shared.hears(&own, "REINSTATE");
    assert_eq!(shared.blocked(), [true, false]);
    shared.hears("309090909090909", "REINSTATE");
    assert_eq!(shared.blocked(), [true, false], "somebody else's");
    shared.hears("309090909090909", "DISABLE");
    assert_eq!(shared.blocked(), [true, false], "somebody else's");
}

#[test]
fn two_numbers_of_one_account_share_its_news() {
    let shared = Shared::with(|simulator| simulator.meta().build().unwrap());
    shared.hears(&shared.simulator.accounts().business_account_id, "DISABLE");
    assert_eq!(shared.blocked(), [true, true]);
}

#[test]
fn a_member_that_was_not_told_its_account_believes_what_it_verified() {
    let shared = Shared::with(|simulator| {
        let accounts = simulator.accounts();
        MetaCloud::builder()
            .phone_number_id(accounts.phone_number_id)
            .access_token(accounts.access_token)
            .app_secret(accounts.app_secret)
            .http_client(simulator.http_client())
            .clock(Arc::new(TestClock::new()))
            .build()
            .unwrap()
    });
    shared.hears(OTHER_ACCOUNT, "DISABLE");
    assert_eq!(shared.blocked(), [true, false]);
}

#[test]
fn news_call_for_somebody_once_and_by_the_members_name() {
    let shared = Shared::new();
    shared.hears(&shared.simulator.accounts().business_account_id, "DISABLE");
    shared.hears("309090909090909", "DISABLE");
    let events = shared.events.lock().unwrap();
    let called: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            FailoverEvent::NeedsAttention { provider, .. } => Some(provider.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(called, ["meta-b"]);
}

#[test]
fn every_pointer_and_wrapper_asks_the_provider_for_its_account() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let own = simulator.accounts().business_account_id;
    let meta = simulator.meta().build().unwrap();
    let failover = FailoverProvider::builder().primary(meta.clone()).clock(Arc::new(clock)).build().unwrap();
    let shared: Arc<dyn WhatsAppProvider> = Arc::new(meta.clone());
    let boxed: Box<dyn WhatsAppProvider> = Box::new(failover.clone());
    for provider in [&meta as &dyn WhatsAppProvider, &failover, &shared, &boxed] {
        assert_eq!(provider.receives_for_account(&own), Some(true));
        assert_eq!(provider.receives_for_account(OTHER_ACCOUNT), Some(false));
    }
    assert_eq!(simulator.twilio().build().unwrap().receives_for_account(OTHER_ACCOUNT), None);
    let unknown = MetaCloud::webhook_only("secret", "token").unwrap();
    assert_eq!(unknown.receives_for_account(OTHER_ACCOUNT), None);
}
