//! Law 4 on real sockets: the bundled client, in real time, with short limits. The seed decides what is done and not how
//! long it takes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::failover::{FailoverPolicy, FailoverProvider};
use whatsapp_provider::http_client::{HttpClient, ReqwestClient};
use whatsapp_provider::outbound::Otherwise;
use whatsapp_provider::simulator::{Fault, Side, Simulator, SimulatorServer};
use whatsapp_provider::state::MemoryStore;
use whatsapp_provider::{Acceptance, OnUnknown, OutboundMessage, WhatsAppProvider};

use super::{Broken, Random, seeds, user};

const MESSAGES: u64 = 12;

/// What the callers of one message were told, all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// That it was sent.
    Sent,
    /// Nothing, or that nobody knows.
    Doubt,
    /// That it was certainly not accepted.
    NotSent,
}

struct History {
    random: Random,
    simulator: Simulator,
    machines: [FailoverProvider; 2],
    told: Mutex<BTreeMap<String, Told>>,
}

impl History {
    fn new(seed: u64, client: &Arc<dyn HttpClient>, simulator: Simulator, server: &SimulatorServer) -> Self {
        let random = Random::new(seed);
        let within = random.millis(20..=200);
        let policy = random.pick(&[OnUnknown::Stop, OnUnknown::reconcile(within, Otherwise::Stop)]);
        let store = MemoryStore::new(Arc::new(TokioClock::new()));
        let machine = || {
            let [meta, twilio] = [Side::Meta, Side::Twilio].map(|side| server.url_of(side));
            FailoverProvider::builder()
                .primary(simulator.meta().base_url(meta).http_client(Arc::clone(client)).build().unwrap())
                .fallback(
                    simulator.twilio().base_url(twilio).http_client(Arc::clone(client)).build().unwrap(),
                )
                .policy(FailoverPolicy::default().with_on_unknown(policy))
                .local_store(store.clone())
                .build()
                .unwrap()
        };
        let machines = [machine(), machine()];
        Self { random, simulator, machines, told: Mutex::default() }
    }

    /// Breaks the sides, now and again, and heals them in the end.
    async fn trouble(&self) {
        for _ in 0..12 {
            let (side, fault) = (self.random.pick(Side::ALL), self.fault());
            match self.random.below(4) {
                0 | 1 => self.simulator.set_fault(side, Some(fault)),
                2 => self.simulator.set_fault(side, None),
                _ => self.simulator.fault_next(side, fault),
            }
            sleep(self.random.millis(0..=60)).await;
        }
        Side::ALL.iter().for_each(|side| self.simulator.set_fault(*side, None));
    }

    fn fault(&self) -> Fault {
        self.random.pick(&[
            Fault::Refuse,
            Fault::Hang,
            Fault::AcceptThenDrop,
            Fault::AcceptThenCut,
            Fault::AcceptThenHang { after: Duration::ZERO },
            Fault::AcceptThenUnavailable,
            Fault::Unavailable { with_envelope: true },
            Fault::Unavailable { with_envelope: false },
            Fault::Throttle { retry_after: None },
            Fault::WrongToken,
        ])
    }

    /// Sends a message, and again whenever that is allowed: with a key always, without one if it was not accepted.
    async fn live(&self, n: u64) {
        let name = n.to_string();
        let mut message = OutboundMessage::text(user(n), "hello")
            .with_reference(name.as_str())
            .with_deadline(self.random.millis(100..=400));
        if !n.is_multiple_of(3) {
            message = message.with_idempotency_key(name.as_str());
        }
        let mut told = Told::NotSent;
        for _ in 0..1 + self.random.below(4) {
            sleep(self.random.millis(0..=150)).await;
            let machine = self.random.pick(&self.machines);
            let patience =
                if self.random.percent(30) { self.random.millis(0..=30) } else { Duration::from_secs(10) };
            let this = match timeout(patience, machine.send(&message)).await {
                Ok(Ok(_)) => Told::Sent,
                Ok(Err(error)) if error.acceptance() == Acceptance::NotAccepted => Told::NotSent,
                _ => Told::Doubt,
            };
            told = match (told, this) {
                (Told::Sent, _) | (_, Told::Sent) => Told::Sent,
                (Told::Doubt, _) | (_, Told::Doubt) => Told::Doubt,
                _ => Told::NotSent,
            };
            if message.idempotency_key.is_none() && told != Told::NotSent {
                break;
            }
        }
        self.told.lock().unwrap().insert(name, told);
    }

    fn check(&self) -> Result<(), Broken> {
        let deliveries = self.simulator.deliveries();
        for (message, told) in self.told.lock().unwrap().iter() {
            let received = deliveries.iter().filter(|it| it.reference.as_ref() == Some(message)).count();
            let holds = match told {
                Told::Sent => received == 1,
                Told::Doubt => received <= 1,
                Told::NotSent => received == 0,
            };
            if !holds {
                return Err(format!(
                    "message {message} was received {received} times, and told was {told:?}"
                ));
            }
        }
        Ok(())
    }
}

async fn play(seed: u64, client: Arc<dyn HttpClient>) -> Result<BTreeMap<String, Told>, Broken> {
    let simulator = Simulator::new(Arc::new(TokioClock::new()));
    let server = simulator.serve().await.unwrap();
    let history = History::new(seed, &client, simulator, &server);
    let lives = futures_util::future::join_all((0..MESSAGES).map(|n| history.live(n)));
    tokio::join!(lives, history.trouble());
    // What was on its way when its caller went.
    sleep(Duration::from_millis(100)).await;
    history.check().map_err(|broken| format!("seed {seed}: {broken}"))?;
    Ok(history.told.into_inner().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_history_on_sockets_breaks_law_4() {
    let client: Arc<dyn HttpClient> = Arc::new(ReqwestClient::new().unwrap());
    let mut running = JoinSet::new();
    let mut tally = [0; 3];
    let mut seeds = seeds(24, 4);
    loop {
        // Not more at once than there are files to open.
        while running.len() < 12
            && let Some(seed) = seeds.next()
        {
            running.spawn(play(seed, Arc::clone(&client)));
        }
        let Some(told) = running.join_next().await else { break };
        for told in told.unwrap().unwrap_or_else(|broken| panic!("{broken}")).into_values() {
            tally[told as usize] += 1;
        }
    }
    let [sent, doubt, not_sent] = tally;
    println!("sent {sent}, in doubt {doubt}, not sent {not_sent}");
    assert!(sent > 0 && doubt > 0 || sent + doubt + not_sent < 200);
}
