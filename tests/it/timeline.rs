//! A whole service behind the simulator's virtual door: the same seed gives the same timeline, byte for byte.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::http_client::RequestBody;
use whatsapp_provider::simulator::{Change, Fault, Script, Side, SimulatedUser, Simulator, StatusOrder};
use whatsapp_provider::sink::sink_fn;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{
    Content, EventKind, EventSink, OutboundMessage, PhoneNumber, WebhookHandler, WhatsAppProvider,
};

const MINUTES: u64 = 30;

/// What one run left behind.
#[derive(PartialEq, Eq)]
struct Record {
    timeline: Vec<String>,
    requests: Vec<Bytes>,
    webhooks: Vec<Bytes>,
    answered: usize,
}

struct World {
    clock: TestClock,
    simulator: Simulator,
    whatsapp: FailoverProvider,
    handler: WebhookHandler,
}

impl World {
    fn new(seed: u64) -> Self {
        let clock = TestClock::with_seed(seed);
        let simulator = Simulator::new(Arc::new(clock.clone()));
        let whatsapp = FailoverProvider::builder()
            .primary(simulator.meta().build().unwrap())
            .fallback(simulator.twilio().build().unwrap())
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        let handler = WebhookHandler::builder(whatsapp.clone(), bot(whatsapp.clone()))
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        simulator.set_status_order(StatusOrder::Shuffled);
        simulator.repeat_statuses(1);
        simulator.set_batch_size(7);
        simulator.set_twilio_overrides("rc=5&rp=all");
        Self { clock, simulator, whatsapp, handler }
    }

    fn below(&self, limit: u64) -> u64 {
        self.clock.random() % limit
    }

    fn user(&self, number: u64) -> SimulatedUser {
        self.simulator.user(PhoneNumber::from_digits(&(15_557_654_000 + number).to_string()).unwrap())
    }

    /// Outages at times that follow from the seed, and messages that go wrong one by one.
    fn break_things(&self) {
        const FAULTS: [Fault; 6] = [
            Fault::Refuse,
            Fault::Hang,
            Fault::AcceptThenDrop,
            Fault::Unavailable { with_envelope: true },
            Fault::Throttle { retry_after: Some(Duration::from_secs(20)) },
            Fault::FailLater { code: 131_026 },
        ];
        for side in Side::ALL {
            let mut script = Script::new();
            for _ in 0..6 {
                let start = Duration::from_secs(self.below(60 * MINUTES));
                let fault = FAULTS[usize::try_from(self.below(6)).unwrap()];
                let end = start + Duration::from_secs(self.below(120));
                let latency = Duration::from_millis(self.below(3_000));
                script =
                    script.after(start, fault).after(end, Change::Heal).after(end, Change::Latency(latency));
                let fault = FAULTS[usize::try_from(self.below(6)).unwrap()];
                script = script.message(self.below(100), fault);
            }
            self.simulator.run_script(*side, script);
        }
    }

    /// Users write, and the business writes to users.
    async fn live(&self) {
        while self.clock.elapsed() < Duration::from_secs(60 * MINUTES) {
            self.clock.sleep(Duration::from_millis(self.below(30_000))).await;
            let user = self.user(self.below(5));
            if self.below(3) == 0 {
                let text = format!("It is {}", self.clock.elapsed().as_millis());
                // However it ends.
                let _ = self.whatsapp.send(&OutboundMessage::text(user.phone(), text)).await;
            } else {
                let side = Side::ALL[usize::try_from(self.below(2)).unwrap()];
                self.simulator.post(user.writes(side, "What time is it?"));
            }
        }
        self.clock.sleep(Duration::from_secs(60)).await;
    }

    /// The service, which is out of order now and then.
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        if self.below(10) == 0 {
            let mut down = Response::new(Bytes::new());
            *down.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return down;
        }
        self.handler.handle(request.map(RequestBody::new)).await
    }
}

/// Answers every text.
fn bot(whatsapp: FailoverProvider) -> impl EventSink {
    sink_fn(move |events| {
        let whatsapp = whatsapp.clone();
        async move {
            for event in events {
                if let EventKind::Message(_) = event.kind() {
                    // What cannot be answered is let go here.
                    let _ = whatsapp.send(&event.reply(Content::text("Late."))).await;
                }
            }
            Ok(())
        }
    })
}

fn run(seed: u64) -> Record {
    let world = World::new(seed);
    world.break_things();
    world.clock.block_on(async {
        tokio::select! {
            biased;
            () = world.simulator.post_webhooks(|request| world.answer(request)) => {}
            () = world.live() => {}
        }
    });
    let webhooks = world.simulator.webhooks();
    Record {
        timeline: world.simulator.timeline().iter().map(ToString::to_string).collect(),
        requests: world.simulator.requests().into_iter().map(|request| request.body).collect(),
        answered: webhooks.iter().filter(|posted| posted.answer == StatusCode::OK.into()).count(),
        webhooks: webhooks.into_iter().map(|posted| posted.webhook.request.into_body()).collect(),
    }
}

#[test]
fn the_same_seed_gives_the_same_timeline_byte_for_byte() {
    let mut all = Vec::new();
    for seed in 0..4 {
        let (first, second) = (run(seed), run(seed));
        let differing = first.timeline.iter().zip(&second.timeline).find(|(a, b)| a != b);
        assert_eq!(differing, None, "seed {seed}");
        assert!(first == second, "seed {seed}");
        // It was worth comparing: much happened, and much of it went wrong.
        let happened = |what: &str| first.timeline.iter().filter(|line| line.contains(what)).count();
        assert!(
            first.requests.len() > 50 && first.answered > 50 && happened("delivered") > 50,
            "seed {seed}"
        );
        assert!(happened("webhook 2") > 5, "seed {seed}");
        all.push(first);
    }
    for (seed, record) in all.iter().enumerate() {
        assert!(all[..seed].iter().all(|other| other.timeline != record.timeline), "seed {seed}");
    }
    let happened =
        |what: &str| all.iter().flat_map(|record| &record.timeline).any(|line| line.contains(what));
    for what in ["refused", "unanswered", "request POST 503", "request POST 400", "webhook 1 503"] {
        assert!(happened(what), "{what}");
    }
}
