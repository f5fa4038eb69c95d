//! Machines, users and providers on one clock.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable, Either, LocalBoxFuture, join, select};
use futures_util::stream::FuturesUnordered;
use whatsapp_provider::clock::{Clock, Sleep, Timestamp, timeout};
use whatsapp_provider::failover::{
    FailoverEvent, FailoverPolicy, FailoverProvider, Route, RouteSwitch, Standing,
};
use whatsapp_provider::simulator::{Side, SimulatedWebhook, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{
    Acceptance, Error, ErrorKind, InboundEvent, OutboundMessage, ProviderId, SendReceipt, WebhookRequest,
    WhatsAppProvider, WhatsAppProviderExt,
};

use super::log::{Log, What};
use super::script::{Change, LATENCY, Script};
use super::store::{Shared, Trouble};
use super::{Random, SECOND, user};

const SHIPPED: &str = "HX00000000000000000000000000000001";

pub(super) struct World {
    pub(super) clock: TestClock,
    pub(super) simulator: Simulator,
    pub(super) random: Random,
    pub(super) calls: RefCell<Vec<Call>>,
    pub(super) log: Log,
    policy: FailoverPolicy,
    flag: RouteSwitch,
    store: Shared,
    machines: RefCell<Vec<Machine>>,
}

struct Machine {
    provider: FailoverProvider,
    running: Vec<AbortHandle>,
}

/// One call of `send`.
pub(super) struct Call {
    pub(super) message: OutboundMessage,
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) end: End,
}

impl Call {
    /// Whether it may have left something behind: it was not certainly refused, or the store did not say so.
    pub(super) fn leaves_doubt(&self) -> bool {
        !matches!(&self.end, End::Failed(error)
            if error.acceptance() == Acceptance::NotAccepted && error.kind() != ErrorKind::StoreUnavailable)
    }
}

#[derive(Clone)]
pub(super) enum End {
    Sent(Box<SendReceipt>),
    Failed(Arc<Error>),
    /// The future was dropped, by its caller or because its machine died; or the history ended first.
    Dropped,
}

/// When a call is dropped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Never.
    Endless,
    /// After this time.
    For(Duration),
    /// When it has been polled so many times.
    Polls(usize),
}

impl World {
    pub(super) fn new(seed: u64, machines: u64, policy: FailoverPolicy) -> Self {
        let clock = TestClock::with_seed(seed);
        let simulator = Simulator::new(Arc::new(clock.clone()));
        simulator.register_content(SHIPPED, "order_shipped", "en_US", ["1", "2"]);
        let world = Self {
            random: Random::new(seed),
            calls: RefCell::default(),
            log: Log::new(&clock),
            policy,
            flag: RouteSwitch::new(Route::Auto),
            store: Shared::new(&clock),
            machines: RefCell::default(),
            simulator,
            clock,
        };
        world.machines.borrow_mut().extend((0..machines).map(|_| world.machine()));
        world
    }

    fn machine(&self) -> Machine {
        let ahead = self.random.millis(0..=5_000);
        let clock: Arc<dyn Clock> = Arc::new(MachineClock { clock: self.clock.clone(), ahead });
        let shipped = ContentTemplate::new("order_shipped", "en_US", SHIPPED);
        // A look-up is a request that a member refuses although it is well.
        let twilio = self.simulator.twilio().template(shipped).look_up_templates(false);
        let provider = FailoverProvider::builder()
            .primary(self.simulator.meta().clock(Arc::clone(&clock)).build().unwrap())
            .fallback(twilio.clock(Arc::clone(&clock)).build().unwrap())
            .policy(self.policy.clone())
            .route(self.flag.clone())
            .store(self.store.clone())
            .observer(self.log.clone())
            .clock(clock)
            .build()
            .unwrap();
        Machine { provider, running: Vec::new() }
    }

    /// Any machine.
    pub(super) fn any(&self) -> usize {
        self.random.below(self.machines.borrow().len() as u64) as usize
    }

    pub(super) fn provider(&self, machine: usize) -> FailoverProvider {
        self.machines.borrow()[machine].provider.clone()
    }

    /// Sends a message by a machine, unless the machine dies or the caller waits no longer.
    pub(super) async fn send(&self, machine: usize, message: &OutboundMessage, patience: Patience) -> End {
        let began = self.clock.elapsed();
        let id = {
            let mut calls = self.calls.borrow_mut();
            calls.push(Call { message: message.clone(), began, ended: Duration::MAX, end: End::Dropped });
            calls.len() - 1
        };
        let called = What::Called { message: message.reference.clone().unwrap_or_default(), machine };
        self.log.add(Some(id), called);
        let provider = self.provider(machine);
        let (handle, registration) = AbortHandle::new_pair();
        self.machines.borrow_mut()[machine].running.push(handle);
        let send = self.log.of(id, provider.send(message));
        let send = async {
            match patience {
                Patience::Endless => Some(send.await),
                Patience::For(time) => timeout(&self.clock, time, send).await,
                Patience::Polls(times) => polled(times, send).await,
            }
        };
        let end = match Abortable::new(send, registration).await {
            Ok(Some(Ok(receipt))) => End::Sent(Box::new(receipt)),
            Ok(Some(Err(error))) => End::Failed(Arc::new(error)),
            Ok(None) | Err(_) => End::Dropped,
        };
        self.log.add(Some(id), What::Ended(end.to_string()));
        let call = &mut self.calls.borrow_mut()[id];
        (call.ended, call.end) = (self.clock.elapsed(), end.clone());
        end
    }

    pub(super) async fn change(&self, change: &Change) {
        self.log.add(None, What::Changed(change.clone()));
        match change.clone() {
            Change::Fault(side, fault) => self.simulator.set_fault(side, fault),
            Change::NextFault(side, fault) => self.simulator.fault_next(side, fault),
            Change::Latency(side, latency) => self.simulator.set_latency(side, latency),
            Change::Store(trouble) => self.store.set(trouble),
            Change::Flag(route) => self.flag.set(route),
            Change::Crash(machine) => {
                let fresh = self.machine();
                let dead = std::mem::replace(&mut self.machines.borrow_mut()[machine as usize], fresh);
                dead.running.iter().for_each(AbortHandle::abort);
            }
            Change::Writes(n, side) => {
                let webhook = self.simulator.user(user(n)).writes(side, "hi");
                self.post(&webhook).await;
            }
        }
    }

    /// Ends every fault and every trouble.
    pub(super) async fn heal(&self) {
        for side in Side::ALL.iter().copied() {
            self.change(&Change::Fault(side, None)).await;
            self.change(&Change::Latency(side, LATENCY)).await;
        }
        self.change(&Change::Store(Trouble::None)).await;
        self.change(&Change::Flag(Route::Auto)).await;
    }

    /// Posts a webhook to any machine.
    pub(super) async fn post(&self, webhook: &SimulatedWebhook) -> Vec<InboundEvent> {
        let provider = self.provider(self.any());
        let request = WebhookRequest::from_http(&webhook.request, self.clock.now());
        let events = provider.receive(&request).unwrap();
        provider.record(&events).await;
        events
    }

    /// Plays a script from its beginning until nobody sends any more.
    pub(super) fn play(&self, script: &Script) {
        let lives = script.messages.iter().map(|(at, message)| self.live(*at, message));
        self.run_all(&script.changes, lives);
    }

    /// Runs everything to its end, each future whenever it is woken, while the world changes.
    pub(super) fn run_all<'a>(
        &'a self,
        changes: &'a [(Duration, Change)],
        all: impl Iterator<Item: Future<Output = ()> + 'a>,
    ) {
        let tasks: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        tasks.push(Box::pin(async {
            for (at, change) in changes {
                self.until(*at).await;
                self.change(change).await;
            }
        }));
        all.for_each(|one| tasks.push(Box::pin(one)));
        self.run(tasks.for_each(|()| async {}));
    }

    /// Runs something to its end, and posts the webhooks meanwhile.
    pub(super) fn run<T>(&self, something: impl Future<Output = T>) -> T {
        let (something, webhooks) = (pin!(something), pin!(self.webhooks()));
        match self.clock.block_on(select(something, webhooks)) {
            Either::Left((output, _)) => output,
            Either::Right((never, _)) => match never {},
        }
    }

    /// How machine 0 finds the primary.
    pub(super) fn primary(&self) -> Standing {
        self.provider(0).standings()[0].standing
    }

    /// The member that a call tried first.
    pub(super) fn first_choice(&self, call: usize) -> Option<ProviderId> {
        self.log.decisions(call).into_iter().find_map(|(_, event)| match event {
            FailoverEvent::AttemptStarted { provider, .. } => Some(provider),
            _ => None,
        })
    }

    pub(super) async fn until(&self, at: Duration) {
        self.clock.sleep(at.saturating_sub(self.clock.elapsed())).await;
    }

    /// Sends a message, and again whenever that is allowed: with a key always, without one if it was not accepted.
    async fn live(&self, at: Duration, message: &OutboundMessage) {
        self.until(at).await;
        let has_key = message.idempotency_key.is_some();
        for _ in 0..6 {
            let patience = match self.random.percent(8) {
                true => Patience::For(self.random.millis(0..=200)),
                false => Patience::Endless,
            };
            let send = || self.send(self.any(), message, patience);
            // Some are sent by two machines at once.
            let end =
                if has_key && self.random.percent(5) { join(send(), send()).await.0 } else { send().await };
            let (again, wait) = match end {
                End::Sent(_) => (has_key && self.random.percent(15), Duration::ZERO),
                End::Failed(error) => {
                    let safe = has_key || error.acceptance() == Acceptance::NotAccepted;
                    (safe && self.random.percent(70), error.retry_after().unwrap_or_default())
                }
                End::Dropped => (has_key, SECOND),
            };
            if !again {
                return;
            }
            self.clock.sleep(wait + self.random.millis(0..=90_000)).await;
        }
    }

    /// Posts the webhooks that are due: some are lost, some come late, and some come twice.
    async fn webhooks(&self) -> Infallible {
        let mut late = Vec::new();
        loop {
            let due = self.simulator.due_webhooks();
            for webhook in std::mem::take(&mut late).into_iter().chain(due) {
                match self.random.below(10) {
                    0 => {}
                    1 => late.push(webhook),
                    2 => {
                        self.post(&webhook).await;
                        self.post(&webhook).await;
                    }
                    _ => {
                        self.post(&webhook).await;
                    }
                }
            }
            self.clock.sleep(SECOND).await;
        }
    }
}

/// Polls a future so many times at most, and drops it then.
async fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        let polled = if left > 0 { future.as_mut().poll(cx).map(Some) } else { Poll::Ready(None) };
        left = left.saturating_sub(1);
        if polled.is_pending() && left == 0 { Poll::Ready(None) } else { polled }
    })
    .await
}

/// Everybody's time, and a time of day that is a little ahead: the clocks of two machines may be 5 s apart.
#[derive(Debug)]
struct MachineClock {
    clock: TestClock,
    ahead: Duration,
}

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        self.clock.now().saturating_add(self.ahead)
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration)
    }

    fn random(&self) -> u64 {
        self.clock.random()
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sent(receipt) => write!(f, "it is sent, by {}", receipt.provider),
            Self::Failed(error) => write!(f, "it fails: {:?}, {:?}", error.kind(), error.acceptance()),
            Self::Dropped => f.write_str("it is dropped"),
        }
    }
}
