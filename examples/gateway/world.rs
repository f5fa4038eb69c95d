use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::outbound::Content;
use whatsapp_provider::simulator::{Delivery, Side, Simulator};
use whatsapp_provider::{ConfigError, MetaCloud, PhoneNumber, Twilio};

use super::Problem;

/// How long a user waits for the last answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both providers, and users who write to the business again and again.
pub(crate) struct World {
    simulator: Simulator,
    http: reqwest::Client,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { simulator: Simulator::new(Arc::new(TokioClock::new())), http: reqwest::Client::new() }
    }

    pub(crate) fn meta(&self) -> Result<MetaCloud, ConfigError> {
        self.simulator.meta().build()
    }

    pub(crate) fn twilio(&self) -> Result<Twilio, ConfigError> {
        self.simulator.twilio().build()
    }

    /// Lets users write, and the providers post what they wrote and what became of the answers. Ends when so many
    /// messages were written, and says whether each was answered once.
    pub(crate) async fn live(&self, url: &str, messages: Option<usize>) -> bool {
        let written = messages.unwrap_or(usize::MAX);
        let mut shown = 0;
        for n in 0..written {
            let side = if n % 2 == 0 { Side::Meta } else { Side::Twilio };
            if let Err(problem) = self.write(url, side, n).await {
                println!("the webhook could not be posted: {problem}");
            }
            let pause = if messages.is_some() { Duration::from_millis(20) } else { Duration::from_secs(1) };
            sleep(pause).await;
            shown = self.go_on(url, shown).await;
        }
        let end = Instant::now() + PATIENCE;
        while self.simulator.deliveries().len() < written && Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
            shown = self.go_on(url, shown).await;
        }
        let answered = self.answered();
        let once = (0..written).filter(|n| answered.get(&hello(*n)) == Some(&1)).count();
        println!(
            "{written} messages written, {once} answered once, {} answers in all",
            self.simulator.deliveries().len()
        );
        once == written && self.simulator.deliveries().len() == written
    }

    async fn write(&self, url: &str, side: Side, n: usize) -> Result<(), Problem> {
        let user = self.simulator.user(PhoneNumber::from_digits(&(15_550_200_000 + n % 7).to_string())?);
        println!("a user writes to {side:?}: {}", hello(n));
        self.post(url, user.writes(side, &hello(n)).request).await
    }

    /// Shows what reached the users' phones since the last time, and posts the statuses that are due.
    async fn go_on(&self, url: &str, shown: usize) -> usize {
        let deliveries = self.simulator.deliveries();
        for delivery in deliveries.iter().skip(shown) {
            println!("a user receives by {:?}: {}", delivery.side, text(delivery));
        }
        for webhook in self.simulator.due_webhooks() {
            if let Err(problem) = self.post(url, webhook.request).await {
                println!("a status could not be posted: {problem}");
            }
        }
        deliveries.len()
    }

    /// Posts to the address where this process listens; what is signed is the public one.
    async fn post(&self, url: &str, request: http::Request<Bytes>) -> Result<(), Problem> {
        let (head, body) = request.into_parts();
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let request =
            self.http.request(head.method, format!("{url}{query}")).headers(head.headers).body(body);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// How many times each message was answered.
    fn answered(&self) -> BTreeMap<String, usize> {
        let mut answered = BTreeMap::new();
        for delivery in self.simulator.deliveries() {
            let written = text(&delivery).trim_start_matches("You wrote: ").to_owned();
            *answered.entry(written).or_default() += 1;
        }
        answered
    }
}

fn hello(n: usize) -> String {
    format!("Hello {n}")
}

fn text(delivery: &Delivery) -> &str {
    match &delivery.content {
        Content::Text(text) => &text.body,
        _ => "",
    }
}
