//! What happened in a history, in order.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::{FailoverEvent, Observer};
use whatsapp_provider::testing::TestClock;

use super::script::Change;

/// Everything that happened. What a failover decides belongs to the call for which it decides it.
#[derive(Clone)]
pub(super) struct Log {
    clock: TestClock,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
struct Entries {
    steps: Vec<Step>,
    /// The call that runs at this moment.
    running: Option<usize>,
}

#[derive(Clone)]
pub(super) struct Step {
    pub(super) at: Duration,
    pub(super) call: Option<usize>,
    pub(super) what: What,
}

#[derive(Clone)]
pub(super) enum What {
    Changed(Change),
    Called { message: String, machine: usize },
    Decided(Box<FailoverEvent>),
    Ended(String),
}

impl Log {
    pub(super) fn new(clock: &TestClock) -> Self {
        Self { clock: clock.clone(), entries: Arc::default() }
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        self.entries().steps.clone()
    }

    /// What was decided for a call, in order, and when.
    pub(super) fn decisions(&self, call: usize) -> Vec<(Duration, FailoverEvent)> {
        let decided = |step: &Step| match &step.what {
            What::Decided(event) if step.call == Some(call) => Some((step.at, (**event).clone())),
            _ => None,
        };
        self.entries().steps.iter().filter_map(decided).collect()
    }

    /// The last steps, one a line.
    pub(super) fn last(&self, count: usize) -> String {
        let entries = self.entries();
        let from = entries.steps.len().saturating_sub(count);
        entries.steps[from..].iter().map(|step| format!("  {step}\n")).collect()
    }

    pub(super) fn add(&self, call: Option<usize>, what: What) {
        self.entries().steps.push(Step { at: self.clock.elapsed(), call, what });
    }

    /// Runs a call: what is decided while it runs is its own.
    pub(super) async fn of<T>(&self, call: usize, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            self.entries().running = Some(call);
            let polled = future.as_mut().poll(cx);
            self.entries().running = None;
            polled
        })
        .await
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap()
    }
}

impl Observer for Log {
    fn observe(&self, event: &FailoverEvent) {
        let call = self.entries().running;
        self.add(call, What::Decided(Box::new(event.clone())));
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3} s  ", self.at.as_secs_f64())?;
        if let Some(call) = self.call {
            write!(f, "call {call}: ")?;
        }
        match &self.what {
            What::Changed(change) => write!(f, "{change:?}"),
            What::Called { message, machine } => write!(f, "message {message} is sent by machine {machine}"),
            What::Ended(end) => f.write_str(end),
            What::Decided(event) => match &**event {
                FailoverEvent::Planned { plan, .. } => {
                    let steps: Vec<_> = plan.steps.iter().map(|step| &step.member).collect();
                    let skipped: Vec<_> =
                        plan.skipped.iter().map(|skip| format!("{}: {}", skip.member, skip.reason)).collect();
                    write!(f, "plan {steps:?}, without {skipped:?}")
                }
                FailoverEvent::AttemptStarted { provider, trial, attempt, .. } => {
                    write!(f, "attempt {attempt} at {provider}{}", if *trial { ", a trial" } else { "" })
                }
                FailoverEvent::AttemptEnded { provider, failure: None, .. } => {
                    write!(f, "{provider} has accepted it")
                }
                FailoverEvent::AttemptEnded { provider, failure: Some(failure), .. } => {
                    write!(f, "{provider} has not: {:?}, {:?}", failure.kind, failure.acceptance)
                }
                other => write!(f, "{other:?}"),
            },
        }
    }
}
