//! Whose turn it is: those who wait for one sender, in two classes, each in the order in which they came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rate::{Gone, Rate};
use crate::clock::{Clock, timeout};
use crate::error::ErrorKind;

/// Below this many recipients of a sender nobody is forgotten.
pub(super) const FEW_RECIPIENTS: usize = 10_000;

/// How fast messages of one sender may leave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) all: Rate,
    /// What of it is for utility and marketing, which leaves the reserve alone.
    pub(super) bulk: Rate,
    /// To one recipient.
    pub(super) recipient: Option<Rate>,
}

/// The turns of one sender.
pub(super) struct Turns {
    rates: Rates,
    gone: Mutex<SenderGone>,
    lines: Lines,
}

/// What has left. It changes at once, when a message leaves: nobody has anything to give back.
struct SenderGone {
    all: Gone,
    bulk: Gone,
    /// Recipients are known by a number that means nothing outside of this process.
    recipients: HashMap<u64, RecipientGone>,
    /// With how many recipients those are forgotten who may be written to freely again.
    forget_at: usize,
}

#[derive(Default)]
struct RecipientGone {
    gone: Gone,
    lines: Arc<Lines>,
}

/// Which of the two classes a message is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Urgent,
    Bulk,
}

/// Its turn would come too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLate {
    /// Whether it is the sender's line that is too long or the recipient's.
    pub(super) kind: ErrorKind,
    /// When it would be the turn of one that comes now.
    pub(super) wait: Duration,
}

impl Turns {
    pub(super) fn new(rates: Rates) -> Self {
        let gone = SenderGone {
            all: Gone::default(),
            bulk: Gone::default(),
            recipients: HashMap::new(),
            forget_at: FEW_RECIPIENTS,
        };
        Self { rates, gone: Mutex::new(gone), lines: Lines::default() }
    }

    /// Waits for a turn, which must come by `end`. Dropped, it gives its place to those behind it.
    ///
    /// A message waits for its recipient first, so that it is in nobody else's way, and for its sender then.
    pub(super) async fn wait(
        &self,
        class: Class,
        recipient: u64,
        end: Duration,
        clock: &dyn Clock,
    ) -> Result<(), TooLate> {
        let lines = self.lines_to(recipient, clock.elapsed());
        let mut of_recipient = lines.as_deref().map(|lines| lines.of(class).join());
        loop {
            if let Some(place) = &mut of_recipient {
                let turn = |in_front| self.recipient_turn(recipient, in_front, clock.elapsed());
                let check = || Some(turn(0)).filter(|turn| *turn > clock.elapsed());
                let waited = place.wait(end, clock, turn, check).await;
                waited.map_err(|wait| TooLate { kind: ErrorKind::RecipientThrottled, wait })?;
            }
            let turn = |in_front| self.gone().turn(&self.rates, class, in_front, clock.elapsed());
            let mut left = false;
            let check = || {
                let taken = self.take(class, recipient, clock.elapsed());
                left = taken == Ok(true);
                taken.err()
            };
            let waited = self.lines.of(class).join().wait(end, clock, turn, check).await;
            waited.map_err(|wait| TooLate { kind: ErrorKind::Throttled, wait })?;
            if left {
                return Ok(());
            }
            // Others to the same recipient were quicker.
        }
    }

    /// Lets one leave, if its sender may send now, or says when it may. `false` if it is the recipient's turn that has not
    /// come.
    fn take(&self, class: Class, recipient: u64, now: Duration) -> Result<bool, Duration> {
        let mut gone = self.gone();
        let turn = gone.turn(&self.rates, class, 0, now);
        if turn > now {
            return Err(turn);
        }
        if let Some(rate) = self.rates.recipient {
            let to = gone.recipients.entry(recipient).or_default();
            if to.gone.turn(rate, 0, now) > now {
                return Ok(false);
            }
            to.gone.add(rate, now);
        }
        gone.all.add(self.rates.all, now);
        if class == Class::Bulk {
            gone.bulk.add(self.rates.bulk, now);
        }
        Ok(true)
    }

    fn recipient_turn(&self, recipient: u64, in_front: u32, now: Duration) -> Duration {
        let gone = self.gone().recipients.get(&recipient).map(|to| to.gone).unwrap_or_default();
        self.rates.recipient.map_or(now, |rate| gone.turn(rate, in_front, now))
    }

    fn lines_to(&self, recipient: u64, now: Duration) -> Option<Arc<Lines>> {
        self.rates.recipient?;
        let mut gone = self.gone();
        gone.forget(now);
        Some(Arc::clone(&gone.recipients.entry(recipient).or_default().lines))
    }

    fn gone(&self) -> MutexGuard<'_, SenderGone> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn recipients(&self) -> usize {
        self.gone().recipients.len()
    }
}

impl SenderGone {
    fn turn(&self, rates: &Rates, class: Class, in_front: u32, now: Duration) -> Duration {
        let all = self.all.turn(rates.all, in_front, now);
        match class {
            Class::Urgent => all,
            Class::Bulk => all.max(self.bulk.turn(rates.bulk, in_front, now)),
        }
    }

    /// Forgets the recipients whose burst is whole again and for whom nobody waits, whenever there are twice as many as
    /// were left the last time.
    fn forget(&mut self, now: Duration) {
        if self.recipients.len() >= self.forget_at {
            self.recipients.retain(|_, to| !to.gone.is_forgotten(now) || Arc::strong_count(&to.lines) > 1);
            self.forget_at = self.recipients.len().saturating_mul(2).max(FEW_RECIPIENTS);
        }
    }
}

#[derive(Default)]
struct Lines {
    urgent: Line,
    bulk: Line,
}

impl Lines {
    fn of(&self, class: Class) -> &Line {
        match class {
            Class::Urgent => &self.urgent,
            Class::Bulk => &self.bulk,
        }
    }
}

#[derive(Default)]
struct Line {
    /// Held by the one who is next.
    next: tokio::sync::Mutex<()>,
    waiting: AtomicU32,
}

impl Line {
    fn join(&self) -> Place<'_> {
        let in_front = self.waiting.fetch_add(1, Ordering::AcqRel);
        Place { line: self, in_front }
    }
}

/// A place among those who wait.
struct Place<'l> {
    line: &'l Line,
    in_front: u32,
}

impl Place<'_> {
    /// Waits to be the next one, and then until `check` has nothing against it. If that would be after `end`, it says for
    /// how long one would wait that comes now; at once, if those in front take that long by `turn`.
    async fn wait(
        &mut self,
        end: Duration,
        clock: &dyn Clock,
        turn: impl Fn(u32) -> Duration,
        mut check: impl FnMut() -> Option<Duration>,
    ) -> Result<(), Duration> {
        let wait = |in_front| turn(in_front).saturating_sub(clock.elapsed());
        if turn(self.in_front) > end {
            return Err(wait(self.in_front));
        }
        let others = || self.line.waiting.load(Ordering::Acquire).saturating_sub(1);
        let left = end.saturating_sub(clock.elapsed());
        let Some(_next) = timeout(clock, left, self.line.next.lock()).await else {
            return Err(wait(others()));
        };
        while let Some(turn) = check() {
            if turn > end {
                return Err(wait(others()));
            }
            clock.sleep(turn.saturating_sub(clock.elapsed())).await;
        }
        self.in_front = 0;
        Ok(())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.line.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
