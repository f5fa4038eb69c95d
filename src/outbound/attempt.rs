use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::ids::AttemptId;

/// One try at one provider.
///
/// A cheap clone that outlives the future it was given to: whoever drops a send can still ask the [`Departure`]
/// whether anything left.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// Its id, which goes on the wire.
    pub id: AttemptId,
    /// How long it may take, from the call on. `None` leaves it to the provider.
    pub deadline: Option<Duration>,
    /// Whether the message has left.
    pub departure: Departure,
}

impl Attempt {
    /// A new attempt without a deadline.
    pub fn new(clock: &dyn Clock) -> Self {
        Self::with_id(AttemptId::new(clock))
    }

    /// An attempt with this id, without a deadline.
    pub fn with_id(id: AttemptId) -> Self {
        Self { id, deadline: None, departure: Departure::new() }
    }

    /// Limits how long it may take.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Replaces the mark, to tie it to another one.
    #[must_use]
    pub fn with_departure(mut self, departure: Departure) -> Self {
        self.departure = departure;
        self
    }
}

/// The mark that tells whether a message has left: whether the body of its request was ever asked for.
///
/// Before that, nothing deliverable is out, and what failed may safely be tried elsewhere. The mark is only worth
/// something where the provider keeps it, so a provider that does so [arms](Self::arm) it first; a provider that never
/// heard of it leaves it unarmed, and then nothing is ever proved.
///
/// ```
/// use whatsapp_provider::outbound::Departure;
///
/// let departure = Departure::new();
/// departure.arm();
/// assert!(departure.revoke(), "nothing has left, and nothing will");
/// assert!(!departure.depart(), "the body is refused from now on");
/// ```
#[derive(Clone)]
pub struct Departure {
    state: Arc<AtomicU8>,
    parent: Option<Arc<Self>>,
}

const UNARMED: u8 = 0;
const ARMED: u8 = 1;
const DEPARTED: u8 = 2;
const REVOKED: u8 = 3;

impl Departure {
    /// A mark that nobody keeps yet.
    pub fn new() -> Self {
        Self { state: Arc::new(AtomicU8::new(UNARMED)), parent: None }
    }

    /// A mark of its own that marks this one as well: for a provider that makes several attempts of one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { state: Arc::new(AtomicU8::new(UNARMED)), parent: Some(Arc::new(self.clone())) }
    }

    /// Promises that the message cannot leave without [`depart`](Self::depart). A provider calls it at the very
    /// beginning of `send_attempt`, before it first waits.
    pub fn arm(&self) {
        let _ = self.state.compare_exchange(UNARMED, ARMED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Marks that the message leaves now. `false` means that the attempt was given up: send nothing.
    #[must_use]
    pub fn depart(&self) -> bool {
        if self.state.load(Ordering::Acquire) == REVOKED {
            return false;
        }
        // The parent first: if it was given up meanwhile, this one must not go either.
        self.parent.as_ref().is_none_or(|parent| parent.depart())
            && self
                .state
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                    (state != REVOKED).then_some(DEPARTED)
                })
                .is_ok()
    }

    /// Gives the attempt up. `true` means that nothing has left and nothing will: the provider certainly does not have
    /// the message. `false` means that it may.
    pub fn revoke(&self) -> bool {
        match self.state.compare_exchange(ARMED, REVOKED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == REVOKED,
        }
    }

    /// Whether the attempt was given up, so that nothing can leave any more.
    #[cfg(any(feature = "meta", feature = "twilio", feature = "pace"))]
    pub(crate) fn is_given_up(&self) -> bool {
        let own = self.state.load(Ordering::Acquire) == REVOKED;
        own || self.parent.as_ref().is_some_and(|parent| parent.is_given_up())
    }

    /// Whether somebody promised to keep the mark.
    pub fn is_kept(&self) -> bool {
        self.state.load(Ordering::Acquire) != UNARMED
    }

    /// Whether the message has left, as far as anybody kept the mark.
    pub fn departed(&self) -> bool {
        self.state.load(Ordering::Acquire) == DEPARTED
    }
}

impl Default for Departure {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state.load(Ordering::Acquire) {
            UNARMED => "Departure(not kept)",
            ARMED => "Departure(not yet)",
            DEPARTED => "Departure(departed)",
            _ => "Departure(given up)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_nobody_keeps_proves_nothing() {
        let departure = Departure::new();
        assert!(!departure.revoke());
        assert!(!departure.departed());
    }

    #[test]
    fn what_departed_cannot_be_revoked_and_what_was_revoked_cannot_depart() {
        let departure = Departure::new();
        departure.arm();
        assert!(departure.depart());
        departure.arm();
        assert!(!departure.revoke());
        assert!(departure.departed());

        let departure = Departure::new();
        departure.arm();
        assert!(departure.revoke());
        assert!(departure.revoke());
        assert!(!departure.depart());
        assert!(!departure.departed());
    }

    #[test]
    fn a_child_marks_its_parent_and_obeys_it() {
        let parent = Departure::new();
        parent.arm();
        let (first, second) = (parent.child(), parent.child());
        first.arm();
        second.arm();
        assert!(first.revoke());
        assert!(!parent.departed());
        assert!(second.depart());
        assert!(parent.departed());

        let parent = Departure::new();
        parent.arm();
        let child = parent.child();
        child.arm();
        assert!(parent.revoke());
        #[cfg(any(feature = "meta", feature = "twilio"))]
        assert!(parent.is_given_up() && child.is_given_up() && !second.is_given_up());
        assert!(!child.depart());
    }

    #[test]
    fn revoke_and_depart_never_both_succeed() {
        for _ in 0..500 {
            let departure = Departure::new();
            departure.arm();
            let other = departure.clone();
            let thread = std::thread::spawn(move || other.depart());
            let revoked = departure.revoke();
            assert_ne!(revoked, thread.join().unwrap());
        }
    }
}
