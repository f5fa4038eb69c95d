//! Webhooks on their way to the service: when, in which posts, and again if it does not take them.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::Simulator;
use super::accounts::Side;
use super::delivery::Delivery;
use super::outbox::Post;
use super::people::{Answers, Waiting};
use super::redelivery::{Overrides, WebhookAnswer};
use super::timeline::TimelineEntry;
use super::webhook::{self, SimulatedWebhook};
use crate::clock::{Timestamp, timeout};
use crate::redact::redacted_debug;

/// The largest post of Meta's, in bytes.
const LARGEST_POST: usize = 3_000_000;
/// How long the service has for its answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A webhook that was posted, and what came of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct PostedWebhook {
    /// The webhook.
    pub webhook: SimulatedWebhook,
    /// When it was answered, or given up.
    pub at: Timestamp,
    /// What the service answered.
    pub answer: WebhookAnswer,
}

redacted_debug! {
    PostedWebhook { webhook, at, answer }
}

impl Simulator {
    /// Puts a webhook among those that are due, behind those that are due already: what a user has done, or one that
    /// is to arrive twice.
    pub fn post(&self, webhook: SimulatedWebhook) {
        self.post_after(Duration::ZERO, webhook);
    }

    /// Puts a webhook among those to be posted, to be due after some time.
    pub fn post_after(&self, delay: Duration, webhook: SimulatedWebhook) {
        let at = self.0.clock.now().saturating_add(delay);
        self.state().outbox.put(at, Post::Webhook(webhook));
    }

    /// The webhooks whose time has come, in the order of their times: statuses, what was [posted](Self::post), what
    /// users [answer](super::SimulatedUser::answers), and what the service did not take before. Each is handed out once;
    /// tell by [`answered`](Self::answered) how it ended.
    ///
    /// A message that is accepted is `sent` 300 ms, `delivered` 900 ms and `read` 5 s after that. Twilio posts them
    /// only for a message that has a `StatusCallback`; Meta posts only `sent` for a reaction.
    pub fn due_webhooks(&self) -> Vec<SimulatedWebhook> {
        self.due_until(self.0.clock.now())
    }

    fn due_until(&self, time: Timestamp) -> Vec<SimulatedWebhook> {
        let (due, url, size) = {
            let mut state = self.state();
            (state.outbox.take_due(time), state.webhook_url.clone(), state.batch_size)
        };
        let written = due.into_iter().filter_map(|post| match post {
            Post::Status(status) => {
                let hidden = self.state().people.hidden.contains(&status.user);
                Some(webhook::status(&self.0.accounts, &url, &status, hidden))
            }
            Post::Webhook(webhook) => Some(webhook),
            Post::Answer(delivery, answers) => self.answer(delivery, answers),
        });
        if size > 1 { self.in_batches(written, size) } else { written.collect() }
    }

    /// What a user says to a message, unless the phone is off again.
    fn answer(&self, delivery: Box<Delivery>, answers: Answers) -> Option<SimulatedWebhook> {
        if let Some(waiting) = self.state().people.offline.get_mut(&delivery.to) {
            waiting.push(Waiting::Answer(delivery, answers));
            return None;
        }
        // Asked while nothing is locked, because the script may look at the simulator.
        let message = answers(&delivery)?;
        self.user(delivery.to).says(delivery.side, &message)
    }

    /// When the next webhook is due, if one is.
    pub fn next_webhook_at(&self) -> Option<Timestamp> {
        self.state().outbox.next_due()
    }

    /// Tells how a webhook ended that was handed out. One that the service did not take comes again, as its provider
    /// does it. Meta: after anything but 200, first after 10 s, each time after twice as long, for seven days. Twilio:
    /// after a second, as often and after such answers as the [overrides](Self::set_twilio_overrides) of the
    /// address say; by default once, if there was no connection.
    pub fn answered(&self, webhook: &SimulatedWebhook, answer: impl Into<WebhookAnswer>) {
        let (now, answer) = (self.0.clock.now(), answer.into());
        let mut state = self.state();
        // A forger tries once.
        let pause = webhook.redelivery.pause(webhook.attempt, answer).filter(|_| !webhook.forged);
        if let Some(pause) = pause {
            let again = SimulatedWebhook { attempt: webhook.attempt.saturating_add(1), ..webhook.clone() };
            state.outbox.put(now.saturating_add(pause), Post::Webhook(again));
        }
        let posted = PostedWebhook { webhook: webhook.clone(), at: now, answer };
        state.timeline.push(TimelineEntry::posted(&posted));
        state.posted.push(posted);
    }

    /// Every webhook of which it was told how it [ended](Self::answered), in that order.
    pub fn webhooks(&self) -> Vec<PostedWebhook> {
        self.state().posted.clone()
    }

    /// Posts webhooks to a service as they fall due, one after the other, for as long as the future is polled. It never
    /// ends by itself: run it beside what it is for, and drop it; what it has not posted yet stays. The service has 15
    /// seconds for an answer.
    ///
    /// The service is any function that answers a request; the requests are whole, with the webhook's address as their
    /// URI. An answer may be a response, a status, or a [`WebhookAnswer`].
    pub async fn post_webhooks<S, F>(&self, service: S)
    where
        S: Fn(Request<Bytes>) -> F,
        F: Future<Output: Into<WebhookAnswer>>,
    {
        self.post_until(None, service).await;
    }

    /// The same for so long. What is due at its end is posted; nothing is posted after it.
    pub async fn post_webhooks_for<S, F>(&self, time: Duration, service: S)
    where
        S: Fn(Request<Bytes>) -> F,
        F: Future<Output: Into<WebhookAnswer>>,
    {
        self.post_until(Some(self.0.clock.now().saturating_add(time)), service).await;
    }

    /// Sets how many messages and statuses Meta puts into one post at most, of those that are due when it posts. Default
    /// 1, at most 1,000 and 3 MB as with the real one. Only what follows one another is put together: Twilio posts each by
    /// itself, and so are forged webhooks and those that come again.
    pub fn set_batch_size(&self, most: usize) {
        self.state().batch_size = most.clamp(1, 1000);
    }

    /// Sets what stands after the `#` in the address that is configured at Twilio for what users write, such as
    /// `rc=5&rp=all`: how often it is posted again, and after what. A `StatusCallback` has its own.
    pub fn set_twilio_overrides(&self, overrides: &str) {
        self.state().twilio_overrides = Overrides::read(overrides);
    }

    async fn post_until<S, F>(&self, end: Option<Timestamp>, service: S)
    where
        S: Fn(Request<Bytes>) -> F,
        F: Future<Output: Into<WebhookAnswer>>,
    {
        let clock = &self.0.clock;
        let is_over = |now| end.is_some_and(|end| now > end);
        loop {
            // It hears from now on, before it is looked, so that nothing is put into the outbox unheard.
            let filled = self.0.filled.notified();
            let until = end.map_or(clock.now(), |end| end.min(clock.now()));
            let mut in_hand = InHand { simulator: self, webhooks: self.due_until(until).into() };
            while let Some(webhook) = in_hand.webhooks.front() {
                if is_over(clock.now()) {
                    return;
                }
                let answer = self.within_patience(service(webhook.request.clone())).await;
                if let Some(webhook) = in_hand.webhooks.pop_front() {
                    self.answered(&webhook, answer);
                }
            }
            let now = clock.now();
            let next = self.next_webhook_at();
            if is_over(now) || (end == Some(now) && next.is_none_or(|next| next > now)) {
                return;
            }
            if next.is_some_and(|next| next <= now) {
                continue;
            }
            match next.into_iter().chain(end).min() {
                Some(until) => drop(timeout(clock, until.since(now), filled).await),
                None => filled.await,
            }
        }
    }

    async fn within_patience(&self, answer: impl Future<Output: Into<WebhookAnswer>>) -> WebhookAnswer {
        timeout(&self.0.clock, PATIENCE, answer).await.map_or(WebhookAnswer::TimedOut, Into::into)
    }

    /// The same webhooks in fewer posts.
    fn in_batches(
        &self,
        webhooks: impl Iterator<Item = SimulatedWebhook>,
        size: usize,
    ) -> Vec<SimulatedWebhook> {
        let (mut posts, mut batch) = (Vec::new(), Vec::new());
        let (mut updates, mut bytes) = (0, 0);
        for webhook in webhooks {
            let joins = webhook.side == Side::Meta && !webhook.forged && webhook.attempt == 1;
            let (more, longer) = (webhook::updates(&webhook), webhook.request.body().len());
            if !joins || updates + more > size || bytes + longer > LARGEST_POST {
                posts.extend(self.batch(std::mem::take(&mut batch)));
                (updates, bytes) = (0, 0);
            }
            if joins {
                (updates, bytes) = (updates + more, bytes + longer);
                batch.push(webhook);
            } else {
                posts.push(webhook);
            }
        }
        posts.extend(self.batch(batch));
        posts
    }
}

/// Webhooks that were taken out of the outbox to be posted. What is not posted goes back, whenever the posting ends.
struct InHand<'a> {
    simulator: &'a Simulator,
    webhooks: VecDeque<SimulatedWebhook>,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        for webhook in self.webhooks.drain(..) {
            self.simulator.post(webhook);
        }
    }
}

#[cfg(test)]
mod tests;
