//! A provider that keeps to the rates of its senders, so that a campaign is neither refused nor in anybody's way.
//!
//! Providers refuse what comes too fast, and a sender that is refused often loses its good name. [`Paced`] lets messages
//! wait for their turn instead, before any request is made:
//!
//! * for each **sender** so many messages a second, 80 unless told otherwise, in no second more: a twentieth of them at
//!   once, and the rest evenly;
//! * of those a **reserve** for authentication and service messages, 20 % unless told otherwise, so that a one-time code or
//!   an answer goes at once while 50,000 templates wait;
//! * for each **recipient** of a sender a burst of 45 and then one message every 6 s.
//!
//! Authentication and service on the one hand, utility and marketing on the other are first come, first served. One that
//! has to wait for its recipient is in nobody else's way.
//!
//! A message waits within its attempt's deadline. If its turn would come too late, it is refused: at once, where that can be
//! told from those who wait in front of it. The error is [`Throttled`](crate::ErrorKind::Throttled), or
//! [`RecipientThrottled`](crate::ErrorKind::RecipientThrottled) if it is the recipient's turn that is too late, certainly
//! not accepted, and says when to try again.
//!
//! Put it around each member of a failover, not around the failover, which chooses the sender only later:
//!
//! ```
//! use whatsapp_provider::FailoverProvider;
//! use whatsapp_provider::pace::{PacePolicy, Paced};
//! # use std::sync::Arc;
//! # use whatsapp_provider::simulator::Simulator;
//! # use whatsapp_provider::testing::TestClock;
//! # let clock = Arc::new(TestClock::new());
//! # let simulator = Simulator::new(clock.clone());
//! # let meta = simulator.meta().build()?;
//! # let twilio = simulator.twilio().build()?;
//!
//! let upgraded = PacePolicy::default().with_per_second(1_000);
//! let whatsapp = FailoverProvider::builder()
//! #   .clock(clock.clone())
//!     .primary(Paced::builder(meta).policy(upgraded).clock(clock.clone()).build()?)
//!     .fallback(Paced::builder(twilio).clock(clock.clone()).build()?)
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! There a message that waits for its turn has not left, so it says nothing about the provider's health, and one that is
//! refused for its turn neither: it closes no member and pauses no category. Whether it goes to the next member is for its
//! category's policy, as for every throttled message.
//!
//! It knows of what this process sends, in this provider and its clones. Several machines that send from one number divide
//! its rate among them, or let one of them work the outbox.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

mod policy;
mod provider;
mod rate;
#[cfg(test)]
mod tests;
mod turn;

pub use policy::{PacePolicy, RecipientPace};

use self::turn::{Class, TooLate, Turns};
use crate::clock::{Clock, default_clock};
use crate::error::{Acceptance, ConfigError, Error, ErrorKind, Hint, Result};
use crate::ids::SenderId;
use crate::outbound::{Attempt, Category, OutboundMessage, SendReceipt};
use crate::provider::WhatsAppProvider;

/// A provider whose messages wait for their turn. See [the module](crate::pace). A clone waits in the same lines.
pub struct Paced<P> {
    provider: P,
    shared: Arc<Shared>,
}

struct Shared {
    policy: PacePolicy,
    clock: Arc<dyn Clock>,
    turns: Mutex<HashMap<SenderId, Arc<Turns>>>,
    hasher: RandomState,
}

impl<P: WhatsAppProvider> Paced<P> {
    /// Around a provider, with the providers' usual rates.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is no clock, which there is with the feature `tokio`.
    pub fn new(provider: P) -> Result<Self, ConfigError> {
        Self::builder(provider).build()
    }

    /// Begins to put one together.
    pub fn builder(provider: P) -> PacedBuilder<P> {
        PacedBuilder { provider, policy: PacePolicy::default(), clock: None }
    }

    /// The provider inside.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// Waits for the message's turn, then sends it.
    async fn send_in_turn(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        // Nothing leaves while it waits.
        attempt.departure.arm();
        let clock = &self.shared.clock;
        let began = clock.elapsed();
        let limit = attempt.deadline.unwrap_or(self.shared.policy.longest_wait);
        if let Some(sender) = self.sender_of(message) {
            self.wait(&sender, message, began.saturating_add(limit)).await?;
        }
        if attempt.departure.is_given_up() {
            let given_up = Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted);
            return Err(given_up.with_provider(self.provider.id().clone()));
        }
        let mut inner = Attempt::with_id(attempt.id).with_departure(attempt.departure.child());
        inner.deadline =
            attempt.deadline.map(|limit| limit.saturating_sub(clock.elapsed().saturating_sub(began)));
        let mut sending = pin!(self.provider.send_attempt(message, &inner));
        poll_fn(|cx| {
            let polled = sending.as_mut().poll(cx);
            if !inner.departure.is_kept() {
                // It does not say when a message leaves, so this one may have.
                let _ = attempt.departure.depart();
            }
            polled
        })
        .await
    }

    async fn wait(&self, sender: &SenderId, message: &OutboundMessage, end: Duration) -> Result<()> {
        let class = match message.effective_category() {
            Category::Authentication | Category::Service => Class::Urgent,
            Category::Utility | Category::Marketing => Class::Bulk,
        };
        let recipient = self.shared.hasher.hash_one(message.to.lasting_name());
        let waited = self.shared.turns_of(sender).wait(class, recipient, end, &self.shared.clock).await;
        waited.map_err(|too_late| self.refused(too_late))
    }

    /// Our own line is too long, which says nothing about the provider.
    fn refused(&self, TooLate { kind, wait }: TooLate) -> Error {
        Error::new(kind, Acceptance::NotAccepted)
            .with_provider(self.provider.id().clone())
            // It is kept to the millisecond, and one that comes back must not be too early.
            .with_retry_after(wait.saturating_add(Duration::from_nanos(999_999)))
            .with_hint(Hint::Beside)
    }

    /// The sender that a message goes out from.
    fn sender_of(&self, message: &OutboundMessage) -> Option<SenderId> {
        message.from.clone().or_else(|| self.provider.senders().into_iter().next())
    }
}

impl<P: Clone> Clone for Paced<P> {
    fn clone(&self) -> Self {
        Self { provider: self.provider.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<P: fmt::Debug> fmt::Debug for Paced<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Shared {
    fn turns_of(&self, sender: &SenderId) -> Arc<Turns> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = turns.get(sender) {
            return Arc::clone(turns);
        }
        let new = Arc::new(Turns::new(self.policy.rates(sender)));
        turns.insert(sender.clone(), Arc::clone(&new));
        new
    }
}

/// Builds a [`Paced`] provider.
#[derive(Debug)]
#[must_use = "it does nothing until it is built"]
pub struct PacedBuilder<P> {
    provider: P,
    policy: PacePolicy,
    clock: Option<Arc<dyn Clock>>,
}

impl<P: WhatsAppProvider> PacedBuilder<P> {
    /// How fast messages may leave.
    pub fn policy(mut self, policy: PacePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The clock. With the feature `tokio` there is a default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Puts it together.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a number of the policy is out of its bounds, or if there is no clock.
    pub fn build(self) -> Result<Paced<P>, ConfigError> {
        self.policy.check()?;
        let clock = match self.clock {
            Some(clock) => clock,
            None => default_clock()?,
        };
        let shared =
            Shared { policy: self.policy, clock, turns: Mutex::default(), hasher: RandomState::new() };
        Ok(Paced { provider: self.provider, shared: Arc::new(shared) })
    }
}
