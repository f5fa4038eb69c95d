//! Messages with an idempotency key: sent again, on other machines, after crashes, and with a store that fails.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use whatsapp_provider::WhatsAppProviderExt;
use whatsapp_provider::clock::timeout;
use whatsapp_provider::inbound::{DeliveryState, EventId, StatusUpdate};
use whatsapp_provider::simulator::{Fault, Side, Simulator};
use whatsapp_provider::state::{Expected, MemoryStore, PutOutcome, StateError, StateStore, Versioned};

use super::*;

/// For how long a claim is open: the deadline, what the failover waits beyond it, twice the store's limit, and clocks
/// that are apart.
const BUSY: Duration = Duration::from_millis(45_000 + 500 + 4_000 + 5_000);

/// What a store does with a call that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Does nothing, and says so.
    Fails,
    /// Does it, and the answer is lost.
    LosesTheAnswer,
    /// Never answers.
    Hangs,
}

/// A store of all machines, with a script of troubles.
#[derive(Debug, Clone)]
struct Shared {
    store: MemoryStore,
    script: Arc<Mutex<VecDeque<Trouble>>>,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Shared {
    fn new(clock: &TestClock) -> Self {
        let store = MemoryStore::new(Arc::new(clock.clone()));
        Self { store, script: Arc::default(), keys: Arc::default() }
    }

    fn next(&self, troubles: &[Trouble]) {
        self.script.lock().unwrap().extend(troubles);
    }

    async fn suffer<T>(&self, call: impl Future<Output = Result<T, StateError>>) -> Result<T, StateError> {
        let trouble = self.script.lock().unwrap().pop_front().unwrap_or(Trouble::None);
        match trouble {
            Trouble::None => call.await,
            Trouble::Fails => Err(StateError::new("scripted")),
            Trouble::LosesTheAnswer => {
                call.await?;
                Err(StateError::new("scripted"))
            }
            Trouble::Hangs => std::future::pending().await,
        }
    }
}

#[async_trait]
impl StateStore for Shared {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        self.store.get(keys).await
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        self.keys.lock().unwrap().push(key.to_owned());
        self.suffer(self.store.put_if(key, expected, value, ttl)).await
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        self.suffer(self.store.delete_if(key, version)).await
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// Two machines with the same accounts and one store.
struct Machines {
    clock: TestClock,
    meta: MemoryProvider,
    twilio: MemoryProvider,
    store: Shared,
    machines: [FailoverProvider; 2],
}

impl Machines {
    fn new(policy: FailoverPolicy) -> Self {
        let clock = TestClock::new();
        let (meta, twilio) = (MemoryProvider::new(ProviderId::META), MemoryProvider::new(ProviderId::TWILIO));
        let store = Shared::new(&clock);
        let machine = || {
            FailoverProvider::builder()
                .primary(meta.clone())
                .fallback(twilio.clone())
                .policy(policy.clone())
                .store(store.clone())
                .clock(Arc::new(clock.clone()))
                .build()
                .unwrap()
        };
        let machines = [machine(), machine()];
        Self { clock, meta, twilio, store, machines }
    }

    fn send(&self, machine: usize, message: &OutboundMessage) -> Result<SendReceipt> {
        self.clock.block_on(self.machines[machine].send(message))
    }

    fn sent(&self) -> (usize, usize) {
        (self.meta.sent().len(), self.twilio.sent().len())
    }
}

fn once() -> OutboundMessage {
    hello().with_idempotency_key("order-77/+15557654321")
}

#[test]
fn the_second_send_returns_the_receipt_of_the_first() {
    let world = Machines::new(FailoverPolicy::default());
    world.meta.fail_next(refused(ErrorKind::Unavailable));
    let first = world.send(0, &once()).unwrap();
    assert_eq!(first.provider, ProviderId::TWILIO);
    // Whatever it says now: the first answer counts.
    let again = OutboundMessage::text(to(1), "in other words").with_idempotency_key("order-77/+15557654321");
    for machine in [0, 1] {
        assert_eq!(world.send(machine, &again).unwrap(), first);
    }
    assert_eq!(world.sent(), (0, 1));
    let other = OutboundMessage::text(to(2), "hello");
    assert!(world.send(1, &other.clone().with_idempotency_key("order-78")).is_ok());
    assert!(world.send(1, &other).is_ok());
    assert_eq!(world.sent(), (2, 1));
    let keys = world.store.keys.lock().unwrap();
    let (claims, facts): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.starts_with("try/"));
    assert!(claims.iter().all(|key| key.len() == 68), "{claims:?}");
    // That the user was reached by the fallback.
    assert!(facts.iter().all(|key| key.starts_with("contact/") && key.len() == 73), "{facts:?}");
}

#[test]
fn it_is_remembered_as_long_as_the_policy_says() {
    let world = Machines::new(FailoverPolicy::default().with_remember(24 * 3600 * SECOND));
    world.send(0, &once()).unwrap();
    world.clock.advance(24 * 3600 * SECOND - Duration::from_nanos(1));
    world.send(0, &once()).unwrap();
    assert_eq!(world.sent(), (1, 0));
    world.clock.advance(Duration::from_nanos(1));
    world.send(0, &once()).unwrap();
    assert_eq!(world.sent(), (2, 0));
}

#[test]
fn what_was_certainly_not_accepted_may_be_sent_afresh() {
    let world = Machines::new(FailoverPolicy::default());
    world.meta.fail_next(refused(ErrorKind::RecipientUnreachable));
    let error = world.send(0, &once()).unwrap_err();
    assert_eq!(
        (error.kind(), error.acceptance()),
        (ErrorKind::RecipientUnreachable, Acceptance::NotAccepted)
    );
    assert_eq!(world.send(1, &once()).unwrap().provider, ProviderId::META);
    assert_eq!(world.sent(), (1, 0));
}

#[test]
fn an_unknown_outcome_is_never_tried_again() {
    let world = Machines::new(FailoverPolicy::default());
    world.meta.fail_next(unknown());
    let first = world.send(0, &once()).unwrap_err();
    for machine in [0, 1, 0] {
        world.clock.advance(600 * SECOND);
        let again = world.send(machine, &once()).unwrap_err();
        assert_eq!((again.kind(), again.acceptance()), (ErrorKind::NoAnswer, Acceptance::Unknown));
        assert_eq!(again.attempts()[0].id, first.attempts()[0].id, "the attempt that statuses will name");
    }
    assert_eq!(world.sent(), (1, 0));
}

#[test]
fn told_to_fail_over_it_never_goes_back_to_a_member_that_may_have_it() {
    let world = Machines::new(FailoverPolicy::default());
    world.meta.fail_next(unknown());
    world.send(0, &once()).unwrap_err();
    let anyhow = once().with_on_unknown(OnUnknown::FailOver);
    assert_eq!(world.send(1, &anyhow).unwrap().provider, ProviderId::TWILIO);
    assert_eq!(world.sent(), (1, 1));

    let world = Machines::new(FailoverPolicy::default().with_on_unknown(OnUnknown::FailOver));
    world.meta.fail_next(unknown());
    world.twilio.fail_next(unknown());
    assert_eq!(world.send(0, &once()).unwrap_err().acceptance(), Acceptance::Unknown);
    assert_eq!(world.send(1, &once()).unwrap_err().acceptance(), Acceptance::Unknown);
    assert_eq!(world.sent(), (1, 1), "nobody is left who certainly does not have it");
}

#[test]
fn a_call_that_was_dropped_leaves_its_claim_open_and_then_in_doubt() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let store = Shared::new(&clock);
    let [first, second] = [machine(&simulator, &store, &clock), machine(&simulator, &store, &clock)];
    let message = once();
    {
        // The process dies while the request is on its way.
        let mut send = pin!(first.send(&message));
        assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let send = || clock.block_on(second.send(&message)).unwrap_err();
    let early = send();
    assert_eq!((early.kind(), early.acceptance()), (ErrorKind::Duplicate, Acceptance::Unknown));
    assert_eq!(early.retry_after(), Some(BUSY));
    clock.advance(BUSY - Duration::from_millis(1));
    assert_eq!((send().kind(), send().retry_after()), (ErrorKind::Duplicate, Some(SECOND)));
    clock.advance(Duration::from_millis(1));
    let late = send();
    assert_eq!((late.kind(), late.acceptance()), (ErrorKind::NoAnswer, Acceptance::Unknown));
    assert_eq!(late.attempts().len(), 1, "it names the attempt that statuses would name");
    assert_eq!(simulator.requests().len(), 0, "nothing was sent a second time");
}

#[test]
fn a_status_settles_a_claim_that_a_dead_process_has_left_open() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let store = Shared::new(&clock);
    let [first, second] = [machine(&simulator, &store, &clock), machine(&simulator, &store, &clock)];
    simulator.set_fault(Side::Meta, Some(Fault::AcceptThenHang { after: Duration::ZERO }));
    let message = once();
    assert!(clock.block_on(timeout(&clock, 2 * SECOND, first.send(&message))).is_none(), "it dies");
    assert_eq!(clock.block_on(second.send(&message)).unwrap_err().kind(), ErrorKind::Duplicate);

    let posted = simulator.due_webhooks().remove(0).request;
    let request = WebhookRequest::from_http(&posted, clock.now());
    clock.block_on(second.record(&second.receive(&request).unwrap()));
    let receipt = clock.block_on(second.send(&message)).unwrap();
    assert_eq!((receipt.provider, receipt.message.is_some()), (ProviderId::META, true));
    assert_eq!(simulator.deliveries().len(), 1);
}

#[test]
fn the_receipt_of_one_try_names_the_others_that_may_arrive() {
    let world = Machines::new(FailoverPolicy::default().with_on_unknown(OnUnknown::FailOver));
    world.meta.fail_next(unknown());
    world.twilio.fail_next(unknown());
    let error = world.send(0, &once()).unwrap_err();
    let tries: Vec<_> = error.attempts().iter().map(|attempt| attempt.id).collect();
    let message = MessageRef::new(SenderId::new(ProviderId::TWILIO, "memory"), "SM1");
    let mut status = StatusUpdate::new(message.clone(), DeliveryState::Sent);
    status.attempt = Some(tries[1]);
    let event = EventMaker::new(message.sender).event(EventId::new(["status", "x"]), status);
    world.clock.block_on(world.machines[0].record(&[event]));
    // The second is told what was taken down of the first.
    for machine in [1, 0] {
        let receipt = world.send(machine, &once()).unwrap();
        assert_eq!(receipt.provider, ProviderId::TWILIO);
        assert_eq!(receipt.attempts.iter().map(|attempt| attempt.id).collect::<Vec<_>>(), tries);
        assert_eq!(receipt.attempts[0].failure.as_ref().unwrap().acceptance, Acceptance::Unknown);
    }
    assert_eq!(world.sent(), (1, 1));
}

#[test]
fn a_claim_that_cannot_be_written_sends_nothing() {
    for trouble in [Trouble::Fails, Trouble::Hangs] {
        let world = Machines::new(FailoverPolicy::default());
        world.store.next(&[trouble, trouble]);
        let begin = world.clock.elapsed();
        let error = world.send(0, &once()).unwrap_err();
        assert_eq!(
            (error.kind(), error.acceptance()),
            (ErrorKind::StoreUnavailable, Acceptance::NotAccepted)
        );
        let waited = if trouble == Trouble::Hangs { 4 * SECOND } else { Duration::ZERO };
        assert_eq!(world.clock.elapsed() - begin, waited, "each call has 2 s");
        assert_eq!((world.meta.attempts(), world.twilio.attempts()), (0, 0));
        // Nothing is left behind that would keep the next one from it.
        assert!(world.send(1, &once()).is_ok());
    }
}

#[test]
fn a_claim_that_was_written_although_the_store_said_otherwise_is_held() {
    let world = Machines::new(FailoverPolicy::default());
    world.store.next(&[Trouble::LosesTheAnswer]);
    let receipt = world.send(0, &once()).unwrap();
    assert_eq!(world.send(1, &once()).unwrap(), receipt);
    assert_eq!(world.sent(), (1, 0));
}

#[test]
fn an_outcome_that_cannot_be_written_is_in_doubt_for_the_others_and_the_receipt_is_returned() {
    let world = Machines::new(FailoverPolicy::default());
    world.store.next(&[Trouble::None, Trouble::Fails, Trouble::Fails]);
    assert!(world.send(0, &once()).is_ok());
    let error = world.send(1, &once()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.retry_after(), Some(BUSY));
    world.clock.advance(BUSY - Duration::from_millis(1));
    assert_eq!(world.send(1, &once()).unwrap_err().kind(), ErrorKind::Duplicate);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.send(1, &once()).unwrap_err().kind(), ErrorKind::NoAnswer);
    assert_eq!(world.sent(), (1, 0));
}

#[test]
fn a_record_that_cannot_be_read_sends_nothing() {
    let world = Machines::new(FailoverPolicy::default());
    world.send(0, &once()).unwrap();
    let key = world.store.keys.lock().unwrap()[0].clone();
    let newer = Bytes::from_static(br#"{"v":2,"state":"elsewhere"}"#);
    let overwrite = async {
        let current = world.store.get(&[&key]).await.unwrap().remove(0).unwrap();
        world.store.put_if(&key, Expected::Version(current.version), newer, None).await.unwrap()
    };
    assert!(matches!(world.clock.block_on(overwrite), PutOutcome::Stored { .. }));
    let error = world.send(1, &once()).unwrap_err();
    // This call has sent nothing; what an earlier one did is what the record would say.
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::StoreUnavailable, Acceptance::Unknown));
    assert_eq!(world.sent(), (1, 0));
}

#[test]
fn a_store_that_others_do_not_see_is_refused_unless_there_are_no_others() {
    let clock = TestClock::new();
    let store = MemoryStore::new(Arc::new(clock.clone()));
    let builder = || {
        let meta = MemoryProvider::new(ProviderId::META);
        FailoverProvider::builder().primary(meta).clock(Arc::new(clock.clone()))
    };
    assert_eq!(builder().store(store.clone()).build().unwrap_err().field, "store");
    let alone = builder().local_store(store).build().unwrap();
    let first = clock.block_on(alone.send(&once())).unwrap();
    assert_eq!(clock.block_on(alone.send(&once())).unwrap(), first);
}

#[test]
fn of_two_calls_at_once_one_sends() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let store = Shared::new(&clock);
    let [first, second] = [machine(&simulator, &store, &clock), machine(&simulator, &store, &clock)];
    let message = once();
    let (a, b) = clock.block_on(futures_util::future::join(first.send(&message), second.send(&message)));
    assert!(a.is_ok());
    assert_eq!(b.unwrap_err().kind(), ErrorKind::Duplicate);
    assert_eq!(simulator.deliveries().len(), 1);
}

#[test]
fn of_two_machines_that_have_both_read_nothing_one_sends() {
    let world = super::knowledge::World::new();
    world.store.mood.lock().unwrap().takes = Duration::from_millis(20);
    let message = once();
    let ends = world.clock.block_on(async {
        let [first, second] = world.machines.each_ref().map(|machine| machine.send(&message));
        futures_util::future::join(first, second).await
    });
    assert_eq!(world.meta.attempts() + world.twilio.attempts(), 1);
    let (Ok(_), Err(error)) = ends else { panic!("{ends:?}") };
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Duplicate, Acceptance::Unknown));
    // It was sent, so whoever asks again is told so.
    assert!(world.clock.block_on(world.machines[1].send(&message)).is_ok());
}

#[test]
fn a_claim_that_came_too_late_is_taken_back() {
    let world = super::knowledge::World::new();
    world.store.mood.lock().unwrap().takes = Duration::from_millis(40);
    // Reading takes 40 ms, the plan another 40, and the claim as much again.
    let error = world
        .clock
        .block_on(world.machines[0].send(&once().with_deadline(Duration::from_millis(100))))
        .unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Expired, Acceptance::NotAccepted));
    assert_eq!(world.meta.attempts(), 0);
    assert!(world.clock.block_on(world.machines[1].send(&once())).is_ok(), "nobody has it");
}

#[test]
fn a_claim_of_which_nobody_knew_is_taken_back_when_the_store_answers_again() {
    let world = Machines::new(FailoverPolicy::default());
    // Written, and neither that answer nor the next one comes.
    world.store.next(&[Trouble::LosesTheAnswer, Trouble::Fails]);
    let error = world.send(0, &once()).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::StoreUnavailable, Acceptance::NotAccepted));
    assert!(world.send(1, &once()).is_ok(), "nothing was sent, and the claim is gone");

    // Somebody else's claim is left alone.
    let world = Machines::new(FailoverPolicy::default());
    world.store.next(&[Trouble::Fails, Trouble::Fails]);
    world.send(0, &once()).unwrap_err();
    assert!(world.send(1, &once()).is_ok());
    world.store.next(&[Trouble::Fails, Trouble::Fails]);
    assert!(world.send(0, &once()).is_ok(), "it is answered from the record, which needs no write");
    assert_eq!(world.sent(), (1, 0));
}

#[test]
fn a_claim_that_is_over_is_deleted_although_the_store_fails_once() {
    for (troubles, sent_again) in [(1, true), (2, false)] {
        let world = Machines::new(FailoverPolicy::default());
        world.meta.fail_next(refused(ErrorKind::RecipientUnreachable));
        let mut script = vec![Trouble::None];
        script.extend(vec![Trouble::Fails; troubles]);
        world.store.next(&script);
        assert_eq!(world.send(0, &once()).unwrap_err().kind(), ErrorKind::RecipientUnreachable);
        assert_eq!(world.send(1, &once()).is_ok(), sent_again, "{troubles} troubles");
    }
}

#[test]
fn a_member_that_is_unwell_is_tried_when_the_other_one_may_have_the_message() {
    let world = Machines::new(FailoverPolicy::default().with_on_unknown(OnUnknown::FailOver));
    world.meta.fail_next(unknown());
    world.twilio.fail_next(refused(ErrorKind::AccountBlocked));
    assert_eq!(world.send(0, &once()).unwrap_err().acceptance(), Acceptance::Unknown);
    let receipt = world.send(0, &once()).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO, "it is all there is");
}

fn machine(simulator: &Simulator, store: &Shared, clock: &TestClock) -> FailoverProvider {
    FailoverProvider::builder()
        .primary(simulator.meta().build().unwrap())
        .fallback(simulator.twilio().build().unwrap())
        .store(store.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap()
}

/// A history of sends of one message from three machines, with faults of the providers and of the store, and calls that
/// are dropped wherever they wait.
struct History {
    clock: TestClock,
    simulator: Simulator,
    store: Shared,
    machines: Vec<FailoverProvider>,
    random: TestClock,
}

impl History {
    fn new(seed: u64) -> Self {
        let clock = TestClock::with_seed(seed);
        let simulator = Simulator::new(Arc::new(clock.clone()));
        let store = Shared::new(&clock);
        let machines = (0..3).map(|_| machine(&simulator, &store, &clock)).collect();
        Self { clock, simulator, store, machines, random: TestClock::with_seed(seed ^ 0x5eed) }
    }

    fn below(&self, end: u64) -> u64 {
        self.random.random() % end
    }

    fn trouble(&self) {
        for side in [Side::Meta, Side::Twilio] {
            let fault = match self.below(8) {
                0 => Fault::Refuse,
                1 => Fault::Unavailable { with_envelope: true },
                2 => Fault::Unavailable { with_envelope: false },
                3 => Fault::AcceptThenDrop,
                _ => continue,
            };
            self.simulator.fault_next(side, fault);
        }
        for _ in 0..self.below(5) {
            let trouble = match self.below(8) {
                0 => Trouble::Fails,
                1 => Trouble::LosesTheAnswer,
                2 => Trouble::Hangs,
                _ => Trouble::None,
            };
            self.store.next(&[trouble]);
        }
    }

    /// Lets a call go on for some steps, and drops it if it is not at its end by then.
    fn dropped(&self, message: &OutboundMessage) -> Option<Result<SendReceipt>> {
        let mut send = pin!(self.machines[self.below(3) as usize].send(message));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..self.below(12) {
            if let Poll::Ready(result) = send.as_mut().poll(&mut cx) {
                return Some(result);
            }
            self.clock.advance(Duration::from_millis(self.below(60)));
        }
        None
    }

    fn send(&self, message: &OutboundMessage) -> Option<Result<SendReceipt>> {
        if self.below(3) == 0 {
            return self.dropped(message);
        }
        Some(self.clock.block_on(self.machines[self.below(3) as usize].send(message)))
    }

    fn delivered(&self, reference: &str) -> Vec<Option<whatsapp_provider::AttemptId>> {
        let of = |delivery: &whatsapp_provider::simulator::Delivery| {
            (delivery.reference.as_deref() == Some(reference)).then_some(delivery.attempt)
        };
        self.simulator.deliveries().iter().filter_map(of).collect()
    }
}

#[test]
fn no_history_of_faults_crashes_and_machines_delivers_a_message_twice() {
    let (mut receipts, mut doubts, mut crashes) = (0, 0, 0);
    for seed in 0..1000 {
        let history = History::new(seed);
        let on_unknown = match history.below(2) {
            0 => OnUnknown::Stop,
            _ => OnUnknown::reconcile(2 * SECOND, Otherwise::Stop),
        };
        let message = once().with_reference("it").with_on_unknown(on_unknown);
        for _ in 0..3 + history.below(6) {
            history.trouble();
            match history.send(&message) {
                Some(Ok(receipt)) => {
                    receipts += 1;
                    let accepted = receipt.attempts.last().unwrap().id;
                    assert_eq!(history.delivered("it"), [Some(accepted)], "seed {seed}");
                }
                Some(Err(error)) => doubts += u32::from(error.acceptance() == Acceptance::Unknown),
                None => crashes += 1,
            }
            history.clock.advance(Duration::from_millis(history.below(90_000)));
            assert!(history.delivered("it").len() <= 1, "seed {seed}");
        }
    }
    assert!(receipts > 500 && doubts > 500 && crashes > 200, "{receipts} {doubts} {crashes}");
}

#[test]
fn a_handler_that_runs_again_sends_each_of_its_steps_once() {
    for seed in 0..300 {
        let history = History::new(seed);
        let event = EventMaker::meta().text("+15550000001", "hi");
        let step = |n: u32| {
            let mut reply = event.reply_step(n, Content::text(format!("step {n}")));
            // The maker's sender is none of the simulator's.
            reply.from = None;
            reply.reply_to = None;
            reply.with_reference(n.to_string())
        };
        let mut crashed = false;
        for run in 0.. {
            // It dies between the steps, or after the last one; in the end it comes through.
            let steps = if run < 4 { history.below(4) as u32 } else { 3 };
            for n in 0..steps {
                let result =
                    if history.below(10) == 0 { history.dropped(&step(n)) } else { history.send(&step(n)) };
                crashed |= result.is_none();
            }
            if run >= 4 {
                break;
            }
        }
        for n in 0..3 {
            let delivered = history.delivered(&n.to_string()).len();
            assert!(delivered <= 1, "seed {seed}");
            assert!(delivered == 1 || crashed, "seed {seed}: step {n} was lost without a crash");
        }
    }
}
