//! How the two sides behave: faults and how long things take, what they refuse, and in which order they tell of it.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{Fault, Script, Side, Simulator, StatusOrder};

impl Simulator {
    /// Sets how long a request takes. Through the virtual door the default is 80 ms; on a socket it comes on top of
    /// the socket's own, and the default is nothing.
    pub fn set_latency(&self, side: Side, latency: Duration) {
        self.state().faults(side).latency = Some(latency);
    }

    /// Breaks one side for every request from now on, until it is replaced. `None` heals it, of what
    /// [`fault_next`](Self::fault_next) has asked for as well.
    pub fn set_fault(&self, side: Side, fault: Option<Fault>) {
        self.state().faults(side).set(fault);
        #[cfg(not(target_family = "wasm"))]
        self.0.doors.follow(|| self.state().refusing());
    }

    /// Breaks the next request of one side that sends a message. Several calls are used up in order, one each, before
    /// what [`set_fault`](Self::set_fault) says; but where that refuses every connection, nothing arrives to use them up.
    ///
    /// A [`Fault::Refuse`] comes before a body is seen, so through the virtual door it also takes a request that marks
    /// a message as read, which has the same address at Meta. On a socket it can only drop the connection once the
    /// request is there; set it to stay if new connections must be refused.
    pub fn fault_next(&self, side: Side, fault: Fault) {
        self.state().faults(side).queued.push_back(fault);
    }

    /// Begins a script for one side, in the place of the one that it had. What else was set for the side stays until the
    /// script changes it.
    pub fn run_script(&self, side: Side, script: Script) {
        let now = self.0.clock.now();
        let mut state = self.state();
        let faults = state.faults(side);
        faults.run(script, now);
        faults.follow_script(now);
        drop(state);
        #[cfg(not(target_family = "wasm"))]
        {
            self.0.doors.follow(|| self.state().refusing());
            self.0.script_began.notify_waiters();
        }
    }

    /// Whether a message that is no template is refused more than 24 hours after the user last wrote to that side's
    /// number. Default `false`. Meta refuses at once (131047); Twilio accepts, and a status tells of the failure
    /// (63016), as the real ones do. For a message that is to be sent later it is decided when it is accepted.
    pub fn enforce_windows(&self, enforce: bool) {
        self.state().enforce_windows = enforce;
    }

    /// Whether Meta refuses a template that is [not registered](Self::register_template) or not approved (132001), that
    /// is paused (132015) or disabled (132016), or whose body has another number of places (132000). Default `false`: a
    /// message may name any template. Twilio always knows its contents; what was not approved is free-form there.
    pub fn require_templates(&self, require: bool) {
        self.state().require_templates = require;
    }

    /// Whether a user may get no more than a message every six seconds from one number, of which 45 may come at once
    /// at the expense of those that follow. Default `false`. Meta refuses at once (131056); Twilio accepts, and a status
    /// tells of the failure (63018). Messages that are to be sent later do not count.
    pub fn enforce_pair_rate(&self, enforce: bool) {
        self.state().limits.enforce_pairs = enforce;
    }

    /// Sets how many messages in a second one side's number may send, if there is a limit. Default `None`; the real ones
    /// begin with 80. Meta refuses what is over it (130429). Twilio sends it later, and refuses what it could not send
    /// within four hours (21611).
    pub fn set_throughput(&self, side: Side, per_second: Option<NonZeroU32>) {
        let mut state = self.state();
        match side {
            Side::Meta => state.limits.meta_rate = per_second,
            Side::Twilio => state.limits.twilio_rate = per_second,
        }
    }

    /// Sets in which order the statuses of messages that are accepted from now on are posted.
    pub fn set_status_order(&self, order: StatusOrder) {
        self.state().statuses.order = order;
    }

    /// Sets how many more times each status of messages that are accepted from now on is posted, ten seconds after one
    /// another. Default 0.
    pub fn repeat_statuses(&self, repetitions: u32) {
        self.state().statuses.repetitions = repetitions;
    }
}
