use super::{Inner, WebhookOutcome};
use crate::clock::timeout;
use crate::ids::ProviderId;
use crate::inbound::InboundEvent;
use crate::sink::{EventSink, SinkError};

/// Why the events of a webhook were not taken.
enum Undelivered {
    Unavailable,
    /// So many of them nobody takes, now or later.
    Stuck(usize),
}

impl Inner {
    /// Hands the events of a verified webhook over, within the time that the sink has.
    pub(super) async fn deliver(&self, provider: ProviderId, events: Vec<InboundEvent>) -> WebhookOutcome {
        let count = events.len();
        let delivered = timeout(&*self.clock, self.sink_time, self.hand_over(events)).await;
        match delivered {
            Some(Ok(dead_lettered)) => WebhookOutcome::Accepted { provider, events: count, dead_lettered },
            Some(Err(Undelivered::Unavailable)) => {
                WebhookOutcome::SinkUnavailable { provider, events: count }
            }
            Some(Err(Undelivered::Stuck(rejected))) => {
                WebhookOutcome::Stuck { provider, events: count, rejected }
            }
            None => WebhookOutcome::SinkTimedOut { provider, events: count },
        }
    }

    /// Gives the sink all the events at once; those that it rejects go to the dead-letter sink, and then it is given the
    /// rest, until it is content. Answers with how many it rejected.
    ///
    /// The dead letters come first, so that once the sink has taken the rest nothing can fail any more.
    async fn hand_over(&self, mut events: Vec<InboundEvent>) -> Result<usize, Undelivered> {
        let mut dead_lettered = 0;
        while !events.is_empty() {
            let rejected = match self.sink.accept(&events).await {
                Ok(()) => break,
                Err(SinkError::Reject(rejected)) => rejected,
                Err(SinkError::Unavailable { .. }) => return Err(Undelivered::Unavailable),
            };
            let (dead, rest) = split(events, &rejected);
            if dead.is_empty() {
                // It names none of those that it was given; to try again would never end.
                return Err(Undelivered::Unavailable);
            }
            let dead_letters = self.dead_letters.as_ref().ok_or(Undelivered::Stuck(dead.len()))?;
            match dead_letters.accept(&dead).await {
                Ok(()) => dead_lettered += dead.len(),
                Err(SinkError::Reject(_)) => return Err(Undelivered::Stuck(dead.len())),
                Err(SinkError::Unavailable { .. }) => return Err(Undelivered::Unavailable),
            }
            events = rest;
        }
        Ok(dead_lettered)
    }
}

/// The events at these places, and the others, each in their order.
fn split(events: Vec<InboundEvent>, places: &[usize]) -> (Vec<InboundEvent>, Vec<InboundEvent>) {
    let mut marked = vec![false; events.len()];
    for place in places {
        if let Some(mark) = marked.get_mut(*place) {
            *mark = true;
        }
    }
    let (mut dead, mut rest) = (Vec::new(), Vec::new());
    for (event, is_dead) in events.into_iter().zip(marked) {
        if is_dead { dead.push(event) } else { rest.push(event) }
    }
    (dead, rest)
}
