use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;
use crate::clock::Clock;
use crate::handler::WebhookHandler;
use crate::hex::hex;
use crate::http_client::{HttpClient, HttpError, Limits, RequestBody, ResponseBody};
use crate::meta::MetaCloud;
use crate::outbound::Content;
use crate::simulator::{Side, Simulator};
use crate::sink::sink_fn;

const LINES: usize = 40;
const ROUNDS: usize = 10;

/// A simulator that stands for another number: what is not for that one does not get in.
#[derive(Debug)]
struct Port {
    number: String,
    simulated: String,
    inner: Arc<dyn HttpClient>,
}

#[async_trait]
impl HttpClient for Port {
    async fn execute(
        &self,
        mut request: Request<RequestBody>,
        limits: Limits,
    ) -> Result<http::Response<ResponseBody>, HttpError> {
        let uri = request.uri().to_string();
        assert!(uri.contains(&self.number), "a request by another line's number");
        *request.uri_mut() = uri.replace(&self.number, &self.simulated).parse().unwrap();
        self.inner.execute(request, limits).await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Used,
    Retired,
}

/// A number of one of two applications; every other one has a provider id of its own.
struct Number {
    name: LineId,
    number: String,
    secret: String,
    simulator: Simulator,
    provider: MetaCloud,
}

impl Number {
    fn new(index: usize, clock: &TestClock) -> Self {
        let simulator = Simulator::new(Arc::new(clock.clone()));
        let number = (200_000_000_000_000 + index).to_string();
        let secret = ["the-first-secret", "the-second-secret"][index / 2 % 2].to_owned();
        let provider_id = if index.is_multiple_of(2) { "meta".to_owned() } else { format!("meta-{index}") };
        let port = Port {
            number: number.clone(),
            simulated: simulator.accounts().phone_number_id,
            inner: simulator.http_client(),
        };
        let accounts = simulator.accounts();
        let provider = MetaCloud::builder()
            .id(provider_id.parse().unwrap())
            .phone_number_id(number.as_str())
            .access_token(accounts.access_token)
            .app_secret(secret.as_str())
            .appsecret_proof(false)
            .base_url("https://simulator.test")
            .http_client(Arc::new(port))
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        Self { name: id(&format!("line-{index}")), number, secret, simulator, provider }
    }

    fn sender(&self) -> SenderId {
        self.provider.senders()[0].clone()
    }

    /// The webhooks that are due, and one of a user who writes, as they would be for this number.
    fn webhooks(&self, text: &str) -> Vec<Request<Bytes>> {
        let user = self.simulator.user(PhoneNumber::parse("+15557654321").unwrap());
        let mut webhooks = self.simulator.due_webhooks();
        webhooks.push(user.writes(Side::Meta, text));
        let simulated = self.simulator.accounts().phone_number_id;
        let of_number = |request: Request<Bytes>| {
            let body = String::from_utf8(request.into_body().to_vec()).unwrap();
            let body = body.replace(&simulated, &self.number);
            let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap().chain_update(&body);
            let signature = format!("sha256={}", hex(&mac.finalize().into_bytes()));
            let request = Request::post("/webhook").header("x-hub-signature-256", signature);
            request.body(Bytes::from(body)).unwrap()
        };
        webhooks.into_iter().map(|webhook| of_number(webhook.request)).collect()
    }

    /// What this number's own provider reads in a webhook.
    fn reads(&self, webhook: &Request<Bytes>) -> Vec<InboundEvent> {
        let request = WebhookRequest::from_http(webhook, Timestamp::UNIX_EPOCH);
        self.provider.parse_inbound(&self.provider.verify_signature(&request).unwrap()).unwrap()
    }
}

/// By which sender, by which event.
type Events = BTreeMap<(SenderId, String), usize>;

fn count(events: &Mutex<Events>, sender: &SenderId, event: &InboundEvent) {
    *events.lock().unwrap().entry((sender.clone(), event.id().as_str().to_owned())).or_default() += 1;
}

#[test]
fn lines_come_and_go_under_traffic_and_nothing_goes_astray() {
    (0..4).for_each(come_and_go);
}

fn come_and_go(seed: u64) {
    let clock = TestClock::with_seed(seed);
    let numbers: Vec<Number> = (0..LINES).map(|index| Number::new(index, &clock)).collect();
    let lines = Lines::new();
    let states = Mutex::new(vec![State::Absent; LINES]);
    for (index, number) in numbers.iter().enumerate().take(LINES * 3 / 4) {
        lines.insert(number.name.clone(), number.provider.clone()).unwrap();
        states.lock().unwrap()[index] = State::Used;
    }
    let (came_out, expected) = (Arc::new(Mutex::new(Events::new())), Mutex::new(Events::new()));
    let sink = {
        let came_out = Arc::clone(&came_out);
        sink_fn(move |events: Vec<InboundEvent>| {
            events.iter().for_each(|event| count(&came_out, event.sender().unwrap(), event));
            async { Ok(()) }
        })
    };
    let handler =
        WebhookHandler::builder(lines.clone(), sink).clock(Arc::new(clock.clone())).build().unwrap();
    let accepted: Mutex<Vec<Vec<Content>>> = Mutex::new(vec![Vec::new(); LINES]);
    let refused = Mutex::new([0, 0]);
    let pause = || clock.sleep(Duration::from_millis(1 + clock.random() % 400));

    let sends = numbers.iter().enumerate().map(|(index, number)| {
        let (accepted, refused, states, lines, pause) = (&accepted, &refused, &states, &lines, &pause);
        async move {
            for round in 0..ROUNDS {
                pause().await;
                let to = PhoneNumber::parse("+15557654321").unwrap();
                let content = Content::text(format!("{index}, {round}"));
                let message = OutboundMessage::new(to, content.clone()).with_from(number.sender());
                // Nothing comes in between: the line is looked up at once.
                let state = states.lock().unwrap()[index];
                match (lines.send(&message).await, state) {
                    (Ok(receipt), State::Used) => {
                        assert_eq!(receipt.message.unwrap().sender, number.sender());
                        accepted.lock().unwrap()[index].push(content);
                    }
                    (Err(error), State::Retired) => {
                        assert_eq!(cause(&error), LineError::Retired { line: number.name.clone() });
                        refused.lock().unwrap()[0] += 1;
                    }
                    (Err(error), State::Absent) => {
                        assert_eq!(cause(&error), LineError::UnknownSender);
                        refused.lock().unwrap()[1] += 1;
                    }
                    (result, state) => panic!("{state:?}: {result:?}"),
                }
            }
        }
    });
    let posts = numbers.iter().enumerate().map(|(index, number)| {
        let (expected, states, handler, pause) = (&expected, &states, &handler, &pause);
        async move {
            for round in 0..ROUNDS {
                pause().await;
                for webhook in number.webhooks(&format!("{index}, {round}")) {
                    let events = number.reads(&webhook);
                    let known = states.lock().unwrap()[index] != State::Absent;
                    let status = handler.handle(webhook.map(http_body_util::Full::new)).await.status();
                    assert!(status == 200 || (!known && status == 401), "{status}");
                    if known {
                        events.iter().for_each(|event| count(expected, &number.sender(), event));
                    }
                }
            }
        }
    });
    let changes = async {
        for _ in 0..LINES * 4 {
            clock.sleep(Duration::from_millis(clock.random() % 30)).await;
            let index = usize::try_from(clock.random()).unwrap() % LINES;
            let number = &numbers[index];
            let state = &mut states.lock().unwrap()[index];
            *state = match (*state, clock.random() % 3) {
                (State::Absent, _) => {
                    lines.insert(number.name.clone(), number.provider.clone()).unwrap();
                    State::Used
                }
                (_, 0) => {
                    lines.replace(number.name.clone(), number.provider.clone()).unwrap();
                    State::Used
                }
                (State::Used, 1) => {
                    lines.retire(&number.name).unwrap();
                    State::Retired
                }
                _ => {
                    lines.remove(&number.name).unwrap();
                    State::Absent
                }
            };
        }
    };
    clock.block_on(async {
        let all = futures_util::future::join(
            futures_util::future::join_all(sends),
            futures_util::future::join_all(posts),
        );
        futures_util::future::join(all, changes).await;
    });

    for (number, accepted) in numbers.iter().zip(accepted.lock().unwrap().iter()) {
        let deliveries = number.simulator.deliveries();
        let delivered: Vec<&Content> = deliveries.iter().map(|delivery| &delivery.content).collect();
        assert_eq!(delivered, accepted.iter().collect::<Vec<_>>());
    }
    let came_out = came_out.lock().unwrap();
    for (event, times) in expected.lock().unwrap().iter() {
        assert_eq!((came_out.get(event), *times), (Some(&1), 1), "{event:?}");
    }
    assert!(came_out.values().all(|times| *times == 1));
    assert!(refused.lock().unwrap().iter().all(|times| *times > 0));
}
