//! The support desk: questions come in all the time, and their answers go into the same outbox.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use whatsapp_provider::OutboundMessage;
use whatsapp_provider::clock::{Clock, Timestamp, TokioClock};
use whatsapp_provider::queue::Queue;
use whatsapp_provider::simulator::Delivery;

use super::{Problem, office};

/// How often somebody asks.
const EVERY: Duration = Duration::from_millis(250);

/// When each answer was written.
#[derive(Default)]
pub(crate) struct Desk(Mutex<HashMap<String, Timestamp>>);

impl Desk {
    /// Answers customers, the last ones of the campaign first, until it is dropped.
    pub(crate) async fn work(
        &self,
        customers: usize,
        outbox: &impl Queue<OutboundMessage>,
    ) -> Result<(), Problem> {
        for (n, customer) in (0..customers).rev().cycle().enumerate() {
            let reference = format!("answer/{n}");
            let to = office::customer(customer)?;
            let answer = OutboundMessage::text(to, "Yes, we are open tomorrow.").with_reference(&*reference);
            let now = TokioClock::new().now();
            outbox
                .accept(&[answer.with_idempotency_key(&*reference).with_deadline(office::DEADLINE)])
                .await?;
            self.0.lock().map_err(|_| "the desk is gone")?.insert(reference, now);
            tokio::time::sleep(EVERY).await;
        }
        Ok(())
    }

    pub(crate) fn answers(&self) -> Vec<String> {
        self.0.lock().map(|written| written.keys().cloned().collect()).unwrap_or_default()
    }

    /// How long answers were on their way, from the shortest to the longest.
    pub(crate) fn delays(&self, deliveries: &[Delivery]) -> Vec<Duration> {
        let Ok(written) = self.0.lock() else { return Vec::new() };
        let mut delays: Vec<Duration> = deliveries
            .iter()
            .filter_map(|delivery| Some(delivery.at.since(*written.get(delivery.reference.as_deref()?)?)))
            .collect();
        delays.sort_unstable();
        delays
    }
}
