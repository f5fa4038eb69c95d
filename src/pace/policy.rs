use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::rate::Rate;
use super::turn::Rates;
use crate::error::ConfigError;
use crate::ids::SenderId;

/// The most messages a second that can be asked for: the highest figure that a provider has, with room.
const MAX_PER_SECOND: u32 = 10_000;

/// How fast messages may leave.
///
/// The defaults are Meta's figures, which hold for Twilio's senders as well because Meta's network is behind them: 80
/// messages a second for each business number, and for each pair of number and user a burst of 45 and then one message
/// every 6 s.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacePolicy {
    /// Messages a second of a sender that has no rate of its own in [`senders`](Self::senders). Default 80. Meta upgrades
    /// busy numbers to 1,000 by itself; numbers that are also used on a phone have 20. What comes in counts too, so leave
    /// room if users write a lot. 1 to 10,000.
    pub per_second: u32,
    /// The rates of senders of their own.
    pub senders: BTreeMap<SenderId, u32>,
    /// How much of a sender's rate is kept for authentication and service messages, in percent. Default 20. Utility and
    /// marketing never use it, however many wait. 0 to 90.
    pub reserve_percent: u8,
    /// The pace of one sender to one recipient. `None` sets none.
    pub recipient: Option<RecipientPace>,
    /// How long a message without a deadline waits for its turn at most. Default 45 s.
    pub longest_wait: Duration,
}

/// How fast one sender may write to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipientPace {
    /// How many messages may go at once. Default 45, at least 1.
    pub burst: u32,
    /// After the burst, one message in this time. Default 6 s, and more than none.
    pub interval: Duration,
}

impl Default for RecipientPace {
    fn default() -> Self {
        Self { burst: 45, interval: Duration::from_secs(6) }
    }
}

impl RecipientPace {
    /// A burst, and then one message in each interval.
    pub fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval }
    }

    /// `None` if a number is out of its bounds.
    fn rate(self) -> Option<Rate> {
        let burst = NonZeroU32::new(self.burst)?;
        (!self.interval.is_zero()).then_some(Rate { burst, period: self.interval })
    }
}

impl Default for PacePolicy {
    fn default() -> Self {
        Self {
            per_second: 80,
            senders: BTreeMap::new(),
            reserve_percent: 20,
            recipient: Some(RecipientPace::default()),
            longest_wait: Duration::from_secs(45),
        }
    }
}

impl PacePolicy {
    /// Sets the rate of every sender that has none of its own.
    #[must_use]
    pub fn with_per_second(mut self, per_second: u32) -> Self {
        self.per_second = per_second;
        self
    }

    /// Sets the rate of one sender.
    #[must_use]
    pub fn with_sender(mut self, sender: SenderId, per_second: u32) -> Self {
        self.senders.insert(sender, per_second);
        self
    }

    /// Sets how much is kept for authentication and service messages.
    #[must_use]
    pub fn with_reserve_percent(mut self, percent: u8) -> Self {
        self.reserve_percent = percent;
        self
    }

    /// Sets the pace of one sender to one recipient, or that there is none.
    #[must_use]
    pub fn with_recipient(mut self, pace: Option<RecipientPace>) -> Self {
        self.recipient = pace;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut rates = self.senders.values().chain([&self.per_second]);
        if rates.any(|rate| !(1..=MAX_PER_SECOND).contains(rate)) {
            return Err(ConfigError::new("per_second", "1 to 10,000 messages a second"));
        }
        if self.reserve_percent > 90 {
            return Err(ConfigError::new("reserve_percent", "at most 90, or nothing is left for campaigns"));
        }
        if self.recipient.is_some_and(|pace| pace.rate().is_none()) {
            let problem = "a burst of 1 at least, and an interval longer than none";
            return Err(ConfigError::new("recipient", problem));
        }
        Ok(())
    }

    pub(super) fn rates(&self, sender: &SenderId) -> Rates {
        let all = self.senders.get(sender).copied().unwrap_or(self.per_second);
        let share = 100_u64.saturating_sub(self.reserve_percent.into());
        let bulk = u64::from(all).saturating_mul(share) / 100;
        Rates {
            all: Rate::per_second(all),
            bulk: Rate::per_second(u32::try_from(bulk).unwrap_or(all).max(1)),
            recipient: self.recipient.and_then(RecipientPace::rate),
        }
    }
}
