//! A sink for tests that does as it is told and remembers what it was given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

use super::{EventSink, SinkError};
use crate::clock::Clock;
use crate::inbound::InboundEvent;
use crate::testing::TestClock;

/// What the sink does with a call, after the time it takes.
#[derive(Debug, Clone)]
pub(crate) enum Do {
    Take,
    Fail,
    Reject(Vec<usize>),
    /// Never comes to an end.
    Hang,
}

/// It takes everything, at once, unless told otherwise. A clone is the same sink.
#[derive(Debug, Clone)]
pub(crate) struct Scripted(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    clock: TestClock,
    script: VecDeque<(Duration, Do)>,
    calls: Vec<Vec<InboundEvent>>,
    taken: Vec<InboundEvent>,
}

impl Scripted {
    pub(crate) fn new(clock: &TestClock) -> Self {
        let (script, calls, taken) = (VecDeque::new(), Vec::new(), Vec::new());
        Self(Arc::new(Mutex::new(State { clock: clock.clone(), script, calls, taken })))
    }

    /// What to do with the next call that nothing was said about.
    pub(crate) fn then(&self, what: Do) -> &Self {
        self.then_after(Duration::ZERO, what)
    }

    pub(crate) fn then_after(&self, time: Duration, what: Do) -> &Self {
        self.state().script.push_back((time, what));
        self
    }

    /// The ids of the events of each call, as the maker numbered them.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        self.state().calls.iter().map(|call| ids(call)).collect()
    }

    /// The ids of the events that were taken.
    pub(crate) fn taken(&self) -> Vec<String> {
        ids(&self.state().taken)
    }

    /// The events that were taken.
    pub(crate) fn events(&self) -> Vec<InboundEvent> {
        self.state().taken.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// `message/test-7` is `7`; any other id stays as it is.
pub(crate) fn ids(events: &[InboundEvent]) -> Vec<String> {
    let short = |event: &InboundEvent| event.id().as_str().trim_start_matches("message/test-").to_owned();
    events.iter().map(short).collect()
}

#[async_trait]
impl EventSink for Scripted {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        let (clock, (time, what)) = {
            let mut state = self.state();
            state.calls.push(events.to_vec());
            (state.clock.clone(), state.script.pop_front().unwrap_or((Duration::ZERO, Do::Take)))
        };
        if !time.is_zero() {
            clock.sleep(time).await;
        }
        match what {
            Do::Take => {
                self.state().taken.extend_from_slice(events);
                Ok(())
            }
            Do::Fail => Err(SinkError::unavailable("as it was told")),
            Do::Reject(places) => Err(SinkError::Reject(places)),
            Do::Hang => std::future::pending().await,
        }
    }
}
