use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::state::{Expected, MemoryStore, PutOutcome, StateError, StateStore, Versioned};
use whatsapp_provider::testing::TestClock;

/// What a store does with whatever it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// Does nothing, and says so.
    Fails,
    /// Writes, and the answer is lost.
    LosesAnswers,
    /// Does it after this time, if anybody still waits.
    Slow(Duration),
    /// Writes after this time, whether or not anybody still waits, and never answers.
    Late(Duration),
}

/// The store of all machines.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    store: MemoryStore,
    clock: TestClock,
    trouble: Arc<Mutex<Trouble>>,
    /// Writes on their way, and when they arrive.
    late: Arc<Mutex<Vec<(Duration, Write)>>>,
}

#[derive(Debug, Clone)]
enum Write {
    Put(String, Expected, Bytes, Option<Duration>),
    Delete(String, u64),
}

impl Shared {
    pub(super) fn new(clock: &TestClock) -> Self {
        let store = MemoryStore::new(Arc::new(clock.clone()));
        Self {
            store,
            clock: clock.clone(),
            trouble: Arc::new(Mutex::new(Trouble::None)),
            late: Arc::default(),
        }
    }

    pub(super) fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    async fn suffer<T>(
        &self,
        write: Option<Write>,
        call: impl Future<Output = Result<T, StateError>>,
    ) -> Result<T, StateError> {
        self.arrive().await;
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Trouble::None => call.await,
            Trouble::LosesAnswers | Trouble::Late(_) if write.is_none() => call.await,
            Trouble::Fails => Err(StateError::new("it fails")),
            Trouble::LosesAnswers => {
                call.await?;
                Err(StateError::new("the answer is lost"))
            }
            Trouble::Slow(time) => {
                self.clock.sleep(time).await;
                call.await
            }
            Trouble::Late(time) => {
                let arrival = self.clock.elapsed() + time;
                self.late.lock().unwrap().extend(write.map(|write| (arrival, write)));
                // Longer than anybody waits.
                self.clock.sleep(Duration::from_secs(3600)).await;
                Err(StateError::new("it never answers"))
            }
        }
    }

    /// Does what has been on its way until now.
    async fn arrive(&self) {
        let now = self.clock.elapsed();
        let mut due = Vec::new();
        self.late.lock().unwrap().retain(|(arrival, write)| {
            let is_due = *arrival <= now;
            if is_due {
                due.push(write.clone());
            }
            !is_due
        });
        for write in due {
            // Whoever asked for it has gone.
            let _ = match write {
                Write::Put(key, expected, value, ttl) => {
                    self.store.put_if(&key, expected, value, ttl).await.map(|_| ())
                }
                Write::Delete(key, version) => self.store.delete_if(&key, version).await.map(|_| ()),
            };
        }
    }
}

#[async_trait]
impl StateStore for Shared {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        self.suffer(None, self.store.get(keys)).await
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        let write = Write::Put(key.to_owned(), expected, value.clone(), ttl);
        self.suffer(Some(write), self.store.put_if(key, expected, value, ttl)).await
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        let write = Write::Delete(key.to_owned(), version);
        self.suffer(Some(write), self.store.delete_if(key, version)).await
    }

    fn is_shared(&self) -> bool {
        true
    }
}
