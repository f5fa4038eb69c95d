use std::collections::VecDeque;
use std::time::Duration;

use super::accounts::Side;
use super::script::{Change, OfMessage, Running, Script};
use crate::clock::Timestamp;

/// How one side can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// There is no connection. Nothing leaves.
    Refuse,
    /// The request is read and nothing ever comes back. The message is not accepted.
    Hang,
    /// The message is accepted and reaches the user; the connection closes without an answer.
    AcceptThenDrop,
    /// The message is accepted and reaches the user; the answer breaks off in its body.
    AcceptThenCut,
    /// The message is accepted and reaches the user, and nothing ever comes back. It may have been on its way for a
    /// while: whoever looks for it before `after` has passed does not find it.
    AcceptThenHang {
        /// How long after its arrival it is accepted.
        after: Duration,
    },
    /// The message is accepted and reaches the user; something in front of the API answers 503.
    AcceptThenUnavailable,
    /// The message is accepted and answered for, and a status tells later that WhatsApp refused it. It does not reach
    /// the user.
    FailLater {
        /// The provider's code, such as Meta's 131026 or Twilio's 63024.
        code: i64,
    },
    /// 503. Nothing is accepted.
    Unavailable {
        /// Whether the provider's own API says it (Meta's code 2, Twilio's 20503), or something in front of it does.
        with_envelope: bool,
    },
    /// The number sends too much (Meta's code 130429, Twilio's 20429). Nothing is accepted.
    Throttle {
        /// What the answer says in `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// The account is locked (Meta's code 131031, Twilio's 20005). Nothing is accepted.
    Suspend,
    /// The token is not, or no longer, a token (Meta's code 190, Twilio's 20003). Nothing is accepted.
    WrongToken,
    /// The provider's own refusal. Nothing is accepted.
    Code {
        /// The HTTP status, 100 to 999; any other becomes 500.
        status: u16,
        /// The provider's code.
        code: i64,
    },
}

impl Fault {
    /// How long after its arrival a request is done all the same, if it is.
    pub(super) const fn accepts_after(self) -> Option<Duration> {
        match self {
            Self::AcceptThenDrop
            | Self::AcceptThenCut
            | Self::AcceptThenUnavailable
            | Self::FailLater { .. } => Some(Duration::ZERO),
            Self::AcceptThenHang { after } => Some(after),
            _ => None,
        }
    }

    /// The HTTP status and the code of what the provider's own API says, if it says something.
    pub(super) const fn refusal(self, side: Side) -> Option<(u16, i64)> {
        let (meta, twilio) = match self {
            Self::Unavailable { with_envelope: true } => ((503, 2), (503, 20_503)),
            // Meta answers throttling with 400.
            Self::Throttle { .. } => ((400, 130_429), (429, 20_429)),
            Self::Suspend => ((403, 131_031), (403, 20_005)),
            Self::WrongToken => ((401, 190), (401, 20_003)),
            Self::Code { status, code } => ((status, code), (status, code)),
            _ => return None,
        };
        match side {
            Side::Meta => Some(meta),
            Side::Twilio => Some(twilio),
        }
    }
}

/// What is wrong with one side.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) standing: Option<Fault>,
    pub(super) queued: VecDeque<Fault>,
    /// If it was set.
    pub(super) latency: Option<Duration>,
    script: Option<Running>,
}

/// What happens to a request that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Treatment {
    pub(super) fault: Option<Fault>,
    /// How long its answer takes, if not as long as others.
    pub(super) latency: Option<Duration>,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self { standing: None, queued: VecDeque::new(), latency: None, script: None }
    }

    /// Breaks the side from now on, or heals it.
    pub(super) fn set(&mut self, standing: Option<Fault>) {
        self.standing = standing;
        if standing.is_none() {
            self.queued.clear();
        }
    }

    /// Begins a script, in the place of the one before.
    pub(super) fn run(&mut self, script: Script, now: Timestamp) {
        self.script = Some(Running::new(script, now));
    }

    /// Does what the script says up to now.
    pub(super) fn follow_script(&mut self, now: Timestamp) {
        for change in self.script.as_mut().map(|script| script.take_due(now)).unwrap_or_default() {
            match change {
                Change::Fault(fault) => self.set(Some(fault)),
                Change::Heal => self.set(None),
                Change::Latency(latency) => self.latency = Some(latency),
            }
        }
    }

    /// When the script changes something next.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn next_change(&self) -> Option<Timestamp> {
        self.script.as_ref()?.next()
    }

    /// Whether a connection for this request is refused. A queued refusal is used up.
    pub(super) fn refuse(&mut self, may_send: bool) -> bool {
        let queued = self.queued.front().copied().filter(|_| may_send);
        let scripted = self.scripted().fault.filter(|_| may_send);
        let always = self.standing == Some(Fault::Refuse);
        let refused = match (queued, scripted) {
            (None, Some(scripted)) => scripted == Some(Fault::Refuse),
            _ => always || queued == Some(Fault::Refuse),
        };
        if refused && may_send {
            if !always && queued.is_some() {
                self.queued.pop_front();
            }
            self.count();
        }
        refused
    }

    /// What happens to a request that has arrived. A queued fault is used up by one that sends a message.
    pub(super) fn take(&mut self, sends: bool) -> Treatment {
        if !sends {
            return Treatment { fault: self.standing, latency: None };
        }
        let scripted = self.scripted();
        self.count();
        let fault = match (self.queued.pop_front(), scripted.fault) {
            (Some(queued), _) => Some(queued),
            (None, Some(scripted)) => scripted,
            (None, None) => self.standing,
        };
        Treatment { fault, latency: scripted.latency }
    }

    /// What the script says of the next message.
    fn scripted(&self) -> OfMessage {
        self.script.as_ref().map(Running::of_next).unwrap_or_default()
    }

    fn count(&mut self) {
        if let Some(script) = &mut self.script {
            script.count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_faults_come_first_and_only_sends_use_them_up() {
        let mut faults = Faults::none();
        faults.set(Some(Fault::Hang));
        faults.queued.extend([Fault::AcceptThenDrop, Fault::Refuse]);
        assert!(!faults.refuse(true), "the refusal is not the next one");
        assert_eq!(faults.take(false).fault, Some(Fault::Hang));
        assert_eq!(faults.take(true).fault, Some(Fault::AcceptThenDrop));
        assert!(!faults.refuse(false));
        assert!(faults.refuse(true));
        assert!(!faults.refuse(true));
        assert_eq!(faults.take(true).fault, Some(Fault::Hang));
    }

    #[test]
    fn a_side_that_is_healed_has_nothing_wrong_with_it() {
        let mut faults = Faults::none();
        faults.queued.push_back(Fault::Hang);
        faults.set(Some(Fault::Refuse));
        assert_eq!(faults.queued.len(), 1);
        faults.set(None);
        assert!(!faults.refuse(true) && faults.take(true).fault.is_none());
    }

    #[test]
    fn a_side_that_refuses_every_connection_keeps_its_queue() {
        let mut faults = Faults::none();
        faults.set(Some(Fault::Refuse));
        faults.queued.push_back(Fault::Refuse);
        assert!(faults.refuse(true));
        assert_eq!(faults.queued.len(), 1);
    }
}
