//! A queue in memory whose calls are written down and can go wrong one by one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use whatsapp_provider::InboundEvent;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::queue::{Claim, Counts, ParkedRow, Queue, QueueError, Retention, Then, WakeUps};
use whatsapp_provider::sink::{EventSink, SinkError};
use whatsapp_provider::testing::{MemoryQueue, TestClock};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Claim(usize),
    Extend(i64),
    Complete(i64),
    Fail(i64, Then),
    Listen,
    /// Not a call but a wake-up that somebody waits for.
    Next,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Fine,
    /// It fails and changes nothing.
    Fails,
    /// It is done, and then the answer is lost.
    LosesTheAnswer,
    /// It is never answered, and changes nothing.
    Hangs,
    /// It is done, and answered after this time.
    Slow(Duration),
    /// It answers that the claim was lost.
    SaysLost,
}

type Script = Arc<Mutex<Box<dyn FnMut(&Call, Duration) -> Trouble + Send>>>;

#[derive(Clone)]
pub(super) struct Probe {
    pub(super) inner: MemoryQueue,
    clock: TestClock,
    calls: Arc<Mutex<Vec<(Duration, Call)>>>,
    script: Script,
    payload: Arc<Mutex<Option<String>>>,
}

impl Probe {
    pub(super) fn new(inner: MemoryQueue, clock: TestClock) -> Self {
        let script: Script = Arc::new(Mutex::new(Box::new(|_, _| Trouble::Fine)));
        Self { inner, clock, calls: Arc::default(), script, payload: Arc::default() }
    }

    /// Says what goes wrong from now on, by the call and the time.
    pub(super) fn script(&self, script: impl FnMut(&Call, Duration) -> Trouble + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Hands out this in the place of events.
    pub(super) fn replace_payload(&self, payload: impl Into<String>) {
        *self.payload.lock().unwrap() = Some(payload.into());
    }

    /// Every call of a sort with its time in seconds.
    pub(super) fn calls(&self, wanted: impl Fn(&Call) -> bool) -> Vec<(f64, Call)> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|(_, call)| wanted(call))
            .map(|(at, call)| (at.as_secs_f64(), call.clone()))
            .collect()
    }

    /// When the calls of a sort were made, in seconds.
    pub(super) fn times(&self, wanted: impl Fn(&Call) -> bool) -> Vec<f64> {
        self.calls(wanted).into_iter().map(|(at, _)| at).collect()
    }

    async fn goes<T>(
        &self,
        call: Call,
        lost: Option<T>,
        real: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        let now = self.clock.elapsed();
        let trouble = (self.script.lock().unwrap())(&call, now);
        self.calls.lock().unwrap().push((now, call));
        match (trouble, lost) {
            (Trouble::Fails, _) => Err(QueueError::new("scripted")),
            (Trouble::Hangs, _) => std::future::pending().await,
            (Trouble::LosesTheAnswer, _) => {
                real.await?;
                Err(QueueError::new("scripted"))
            }
            (Trouble::Slow(time), _) => {
                let answer = real.await;
                self.clock.sleep(time).await;
                answer
            }
            (Trouble::SaysLost, Some(lost)) => Ok(lost),
            (Trouble::SaysLost | Trouble::Fine, _) => real.await,
        }
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Probe")
    }
}

#[async_trait]
impl EventSink for Probe {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        self.inner.accept(events).await
    }
}

#[async_trait]
impl Queue for Probe {
    async fn claim(&self, most: usize, lease: Duration) -> Result<Vec<Claim>, QueueError> {
        let mut claims = self.goes(Call::Claim(most), None, self.inner.claim(most, lease)).await?;
        if let Some(payload) = &*self.payload.lock().unwrap() {
            claims.iter_mut().for_each(|claim| claim.payload.clone_from(payload));
        }
        Ok(claims)
    }

    async fn extend(&self, claim: &Claim, lease: Duration) -> Result<bool, QueueError> {
        self.goes(Call::Extend(claim.row), Some(false), self.inner.extend(claim, lease)).await
    }

    async fn complete(&self, claim: &Claim) -> Result<bool, QueueError> {
        self.goes(Call::Complete(claim.row), Some(false), self.inner.complete(claim)).await
    }

    async fn fail(&self, claim: &Claim, then: Then) -> Result<bool, QueueError> {
        let call = Call::Fail(claim.row, then.clone());
        self.goes(call, Some(false), self.inner.fail(claim, then)).await
    }

    async fn counts(&self) -> Result<Counts, QueueError> {
        self.inner.counts().await
    }

    async fn parked(&self, after: i64, most: usize) -> Result<Vec<ParkedRow>, QueueError> {
        self.inner.parked(after, most).await
    }

    async fn redrive(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.inner.redrive(rows).await
    }

    async fn discard(&self, rows: &[i64]) -> Result<u64, QueueError> {
        self.inner.discard(rows).await
    }

    async fn erase(&self, age: Duration) -> Result<u64, QueueError> {
        self.inner.erase(age).await
    }

    async fn purge(&self, retention: Retention) -> Result<u64, QueueError> {
        self.inner.purge(retention).await
    }

    async fn listen(&self) -> Result<Box<dyn WakeUps>, QueueError> {
        let inner = self.goes(Call::Listen, None, self.inner.listen()).await?;
        Ok(Box::new(Ear { probe: self.clone(), inner }))
    }
}

struct Ear {
    probe: Probe,
    inner: Box<dyn WakeUps>,
}

#[async_trait]
impl WakeUps for Ear {
    async fn next(&mut self) -> Result<(), QueueError> {
        self.probe.goes(Call::Next, None, self.inner.next()).await
    }
}
