//! Three machines on one store: what one of them is told, all know; what one of them does, none does again.

mod machine;
mod store;

use std::sync::Arc;
use std::time::Duration;

use machine::{Answer, Machine};
use store::Shared;
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::outbound::Otherwise;
use whatsapp_provider::simulator::{Fault, Side, SimulatedWebhook, Simulator, SimulatorServer};
use whatsapp_provider::{Acceptance, ErrorKind, OnUnknown, OutboundMessage, PhoneNumber, ProviderId};

use crate::failover::signed;

/// A flag is read again after two seconds.
const FLAG_OBEYED: Duration = Duration::from_secs(3);

struct World {
    simulator: Simulator,
    server: SimulatorServer,
    shared: Shared,
    machines: [Machine; 3],
}

impl World {
    async fn new(shared: Shared) -> Self {
        let simulator = Simulator::new(Arc::new(TokioClock::new()));
        let server = simulator.serve().await.unwrap();
        let machines = [(); 3].map(|()| Machine::start(&shared.store, &server));
        Self { simulator, server, shared, machines }
    }

    /// Kills a machine and starts another one in its place.
    fn replace(&mut self, machine: usize) {
        self.machines[machine] = Machine::start(&self.shared.store, &self.server);
    }

    /// How often the message with this reference reached the user.
    fn received(&self, reference: &str) -> usize {
        let deliveries = self.simulator.deliveries();
        deliveries.iter().filter(|delivery| delivery.reference.as_deref() == Some(reference)).count()
    }

    async fn until_received(&self, reference: &str) {
        while self.received(reference) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The next status webhook.
    async fn status(&self) -> SimulatedWebhook {
        loop {
            if let Some(webhook) = self.simulator.due_webhooks().into_iter().next() {
                return webhook;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// News of Meta's account.
    fn news(&self, value: &serde_json::Value) -> SimulatedWebhook {
        let accounts = self.simulator.accounts();
        let change = serde_json::json!({ "field": "account_update", "value": value });
        let now = whatsapp_provider::clock::Clock::now(&TokioClock::new()).unix_seconds();
        let entry =
            serde_json::json!({ "id": accounts.business_account_id, "time": now, "changes": [change] });
        let body = serde_json::json!({ "object": "whatsapp_business_account", "entry": [entry] }).to_string();
        // Any webhook of Meta's, with another body.
        let mut webhook = self.simulator.user(user(0)).writes(Side::Meta, "");
        let signature = signed(&accounts.app_secret, &body);
        webhook.request.headers_mut().insert("x-hub-signature-256", signature.parse().unwrap());
        *webhook.request.body_mut() = body.into();
        webhook
    }

    /// Who sends for each of the machines.
    async fn ways(&self, users: u64) -> [Answer; 3] {
        let messages = [0, 1, 2].map(|n| OutboundMessage::text(user(users + n), "hi"));
        let [a, b, c] = &self.machines;
        let (a, b, c) = tokio::join!(a.send(&messages[0]), b.send(&messages[1]), c.send(&messages[2]));
        [a, b, c]
    }

    async fn end(self) {
        drop(self.machines);
        self.shared.drop().await;
    }
}

fn user(n: u64) -> PhoneNumber {
    PhoneNumber::from_digits(&(15_550_700_000 + n).to_string()).unwrap()
}

fn message(key: &str) -> OutboundMessage {
    OutboundMessage::text(user(0), "Your order 77 has shipped").with_reference(key).with_idempotency_key(key)
}

fn meta() -> Answer {
    Answer::Sent(ProviderId::META)
}

fn twilio() -> Answer {
    Answer::Sent(ProviderId::TWILIO)
}

async fn a_flag_set_through_one_is_obeyed_by_all(shared: Shared) {
    let mut world = World::new(shared).await;
    assert_eq!(world.ways(10).await, [meta(), meta(), meta()]);

    assert_eq!(world.machines[0].route("only:twilio").await, Answer::Done);
    assert_eq!(world.machines[0].send(&OutboundMessage::text(user(20), "hi")).await, twilio(), "at once");
    tokio::time::sleep(FLAG_OBEYED).await;
    assert_eq!(world.ways(20).await, [twilio(), twilio(), twilio()]);

    // Who set it is gone, and its place is taken by a machine that was not there.
    world.replace(0);
    assert_eq!(world.ways(30).await, [twilio(), twilio(), twilio()]);

    // Without the store the last word holds, however old it is, and nobody can say another one.
    world.shared.cut(true);
    tokio::time::sleep(FLAG_OBEYED).await;
    assert_eq!(world.ways(40).await, [twilio(), twilio(), twilio()]);
    assert_eq!(world.machines[1].route("auto").await, Answer::Refused);
    world.shared.cut(false);
    tokio::time::sleep(FLAG_OBEYED).await;
    assert_eq!(world.ways(50).await, [twilio(), twilio(), twilio()]);

    assert_eq!(world.machines[2].route("auto").await, Answer::Done);
    tokio::time::sleep(FLAG_OBEYED).await;
    assert_eq!(world.ways(60).await, [meta(), meta(), meta()]);
    world.end().await;
}

async fn a_status_that_reaches_one_settles_what_another_waits_for(shared: Shared) {
    let mut world = World::new(shared).await;
    let waiting = |key: &str| {
        message(key).with_on_unknown(OnUnknown::reconcile(Duration::from_secs(60), Otherwise::Stop))
    };
    world.simulator.fault_next(Side::Meta, Fault::AcceptThenDrop);
    let [first, second, _] = &world.machines;
    let lost = waiting("waiting");
    let status = async {
        let status = world.status().await;
        second.post(&status).await;
    };
    let (sent, ()) = tokio::join!(first.send(&lost), status);
    assert_eq!((sent, world.received("waiting")), (meta(), 1));

    // The machine that waits is killed. A later call for the same message is answered by the status alone.
    let lost = waiting("killed");
    world.simulator.fault_next(Side::Meta, Fault::AcceptThenDrop);
    tokio::select! {
        answer = world.machines[0].send(&lost) => panic!("{answer:?}"),
        () = world.until_received("killed") => {}
    }
    world.replace(0);
    loop {
        let status = world.status().await;
        world.machines[1].post(&status).await;
        if String::from_utf8_lossy(status.request.body()).contains("killed") {
            break;
        }
    }
    assert_eq!(world.machines[2].send(&message("killed")).await, meta());
    assert_eq!(world.machines[0].send(&message("killed")).await, meta());
    assert_eq!(world.received("killed"), 1);
    world.end().await;
}

async fn a_block_that_one_hears_of_stops_the_others(shared: Shared) {
    let mut world = World::new(shared).await;
    assert_eq!(world.ways(10).await, [meta(), meta(), meta()]);
    let ban = |state: &str| {
        let info = serde_json::json!({ "waba_ban_state": state, "waba_ban_date": "November 22, 2026" });
        serde_json::json!({ "event": "DISABLED_UPDATE", "ban_info": info })
    };
    world.machines[1].post(&world.news(&ban("DISABLE"))).await;
    assert_eq!(world.ways(20).await, [twilio(), twilio(), twilio()]);
    // Who heard it is gone.
    world.replace(1);
    assert_eq!(world.ways(30).await, [twilio(), twilio(), twilio()]);
    // What is known is known without the store as well.
    world.shared.cut(true);
    assert_eq!(world.ways(40).await, [twilio(), twilio(), twilio()]);
    world.shared.cut(false);
    // News are dated by the second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    world.machines[2].post(&world.news(&ban("REINSTATE"))).await;
    assert_eq!(world.ways(50).await, [meta(), meta(), meta()]);
    world.end().await;
}

async fn a_key_used_on_two_at_once_is_sent_once(shared: Shared) {
    let mut world = World::new(shared).await;
    let [a, b, c] = &world.machines;
    for n in 0..20 {
        let key = format!("twice/{n}");
        let twice = message(&key);
        let (one, other) = tokio::join!(a.send(&twice), b.send(&twice));
        let busy = Answer::not_sent(ErrorKind::Duplicate, Acceptance::Unknown);
        assert!(one == meta() || other == meta(), "{one:?} {other:?}");
        assert!(
            [&one, &other].iter().all(|answer| **answer == meta() || **answer == busy),
            "{one:?} {other:?}"
        );
        assert_eq!(c.send(&twice).await, meta(), "the first one's receipt");
        assert_eq!(world.received(&key), 1);
    }

    // One is killed while nobody answers it. What became of the message is not known, so it is not sent again.
    world.simulator.fault_next(Side::Meta, Fault::AcceptThenHang { after: Duration::ZERO });
    let lost = message("killed");
    tokio::select! {
        answer = world.machines[0].send(&lost) => panic!("{answer:?}"),
        () = world.until_received("killed") => {}
    }
    world.replace(0);
    for machine in &world.machines {
        let answer = machine.send(&message("killed")).await;
        assert!(
            matches!(&answer, Answer::NotSent { accepted: true, .. }),
            "it may have been sent: {answer:?}"
        );
    }
    assert_eq!(world.received("killed"), 1);

    // Without the store nobody can tell who else is at it.
    world.shared.cut(true);
    let answer = world.machines[1].send(&message("cut")).await;
    assert_eq!(answer, Answer::not_sent(ErrorKind::StoreUnavailable, Acceptance::Unknown));
    assert_eq!(world.received("cut"), 0);
    assert_eq!(
        world.machines[1].send(&OutboundMessage::text(user(90), "hi")).await,
        meta(),
        "no key, no claim"
    );
    world.shared.cut(false);
    let [a, b, _] = &world.machines;
    let cut = message("cut");
    let (one, other) = tokio::join!(a.send(&cut), b.send(&cut));
    assert!(one == meta() || other == meta(), "{one:?} {other:?}");
    assert_eq!(world.received("cut"), 1);
    world.end().await;
}

/// Each test on each store.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs PostgreSQL"]
                async fn $test() {
                    super::$test(super::Shared::postgres().await).await;
                }
            )+
        }

        mod on_redis {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs Redis"]
                async fn $test() {
                    super::$test(super::Shared::redis().await).await;
                }
            )+
        }
    };
}

on_both! {
    a_flag_set_through_one_is_obeyed_by_all,
    a_status_that_reaches_one_settles_what_another_waits_for,
    a_block_that_one_hears_of_stops_the_others,
    a_key_used_on_two_at_once_is_sent_once,
}
