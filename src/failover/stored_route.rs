use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::lock::Mutex;

use super::route::{Route, RouteContext, RouteSource};
use crate::clock::{Clock, default_clock, timeout};
use crate::error::ConfigError;
use crate::state::{Expected, PutOutcome, StateError, StateStore};

mod order;

pub use order::RouteOrder;

/// How often a write is tried that others are faster than.
const TRIES: usize = 16;

/// How long a page may wait for a read.
const PAGE_LIMIT: Duration = Duration::from_secs(5);

/// The longest name of a flag.
const MAX_NAME: usize = 100;

/// A flag in a [`StateStore`]: one call of [`set`](Self::set) turns it for every machine. A clone is the same flag. In a
/// store that is not [shared](StateStore::is_shared) it is for one process.
///
/// # What reaches whom, and when
///
/// * The machine that calls `set` obeys at once. The others read the store when a message is to be sent and what they
///   know is older than the [refresh interval](Self::with_refresh) (2 seconds), so they obey within that time. There is no
///   task behind it, and no message, no read. Messages whose sending has begun are not affected.
/// * One message at a time waits for a read; the others go by what is known. Before anything is known all of them wait.
/// * While the store fails, does not answer, or has something that cannot be read (it was written by a newer version), the
///   last good order holds, to its end. The store is asked again after the interval and not before, so that a dead store
///   costs one message in two seconds the [limit for a read](Self::with_read_limit), 40 ms.
/// * A process that starts while the store is out of reach knows of no order: the
///   [default route](super::FailoverBuilder::default_route) holds.
/// * Where the store usually takes longer, raise the limit for a read, and above it the failover's
///   [limit for flags](super::FailoverPolicy::flag_limit), 50 ms: at that one the failover goes by what it was told last.
/// * An order that the store has lost, as a Redis that evicts or is flushed does, is none: without a word every machine
///   goes back to the default route.
/// * `set` fails if the store is out of reach. Keep another way to turn the route for that case.
///
/// ```
/// use whatsapp_provider::failover::{Route, RouteOrder, StoredRoute};
/// # use std::sync::Arc;
/// # use whatsapp_provider::state::MemoryStore;
/// # use whatsapp_provider::testing::TestClock;
/// use whatsapp_provider::ProviderId;
///
/// # let clock = Arc::new(TestClock::new());
/// # let store = MemoryStore::new(clock.clone());
/// # clock.block_on(async {
/// let flag = StoredRoute::with_clock(store, clock.clone()); // for `FailoverBuilder::route`
/// let order = RouteOrder::new(Route::Only(ProviderId::TWILIO)).with_reason("incident 7").with_by("on call");
/// flag.set(order.clone()).await?;
/// assert_eq!(flag.current().await, Some(order));
/// # Ok::<(), whatsapp_provider::state::StateError>(())
/// # })?;
/// # Ok::<(), whatsapp_provider::state::StateError>(())
/// ```
#[derive(Clone)]
pub struct StoredRoute {
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    name: String,
    refresh: Duration,
    read_limit: Duration,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    known: StdMutex<Known>,
    /// Whoever has it reads the store.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Known {
    order: Option<RouteOrder>,
    /// Whether the store has ever answered.
    heard: bool,
    /// When the store was last asked. A read that is given up leaves it behind, and so counts as one that failed.
    asked: Option<Duration>,
    /// How many writes by this process have succeeded: what was read before one says nothing any more.
    writes: u64,
}

impl StoredRoute {
    /// The flag in this store.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the crate was built without the feature `tokio`, so that there is no default clock.
    pub fn new(store: impl StateStore) -> Result<Self, ConfigError> {
        Ok(Self::with_clock(store, default_clock()?))
    }

    /// The flag in this store, by this clock. The failover should have the same one.
    pub fn with_clock(store: impl StateStore, clock: Arc<dyn Clock>) -> Self {
        Self {
            store: Arc::new(store),
            clock,
            name: "failover".to_owned(),
            refresh: Duration::from_secs(2),
            read_limit: Duration::from_millis(40),
            shared: Arc::default(),
        }
    }

    /// Calls it so, so that several failovers have flags of their own in one store. `failover` unless set.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the name is empty, has more than 100 bytes, or has a control character in it.
    pub fn with_name(mut self, name: &str) -> Result<Self, ConfigError> {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
            return Err(ConfigError::new("name", "1 to 100 bytes without control characters"));
        }
        name.clone_into(&mut self.name);
        self.shared = Arc::default();
        Ok(self)
    }

    /// How old what is known may be before the store is read. 2 seconds unless set.
    #[must_use]
    pub fn with_refresh(mut self, refresh: Duration) -> Self {
        self.refresh = refresh;
        self
    }

    /// How long a message may wait for a read; then it goes by what is known. 40 milliseconds unless set. It must be below
    /// the failover's [limit for flags](super::FailoverPolicy::flag_limit).
    #[must_use]
    pub fn with_read_limit(mut self, read_limit: Duration) -> Self {
        self.read_limit = read_limit;
        self
    }

    /// The order that this machine obeys now, for a page that shows it. It reads the store as a message would, but waits up
    /// to 5 seconds.
    pub async fn current(&self) -> Option<RouteOrder> {
        self.current_within(PAGE_LIMIT).await
    }

    async fn current_within(&self, limit: Duration) -> Option<RouteOrder> {
        timeout(&*self.clock, limit, self.read_if_due()).await;
        let order = self.known().order.clone();
        order.filter(|order| order.holds(self.clock.now()))
    }

    /// Orders a route, for every machine. It takes the place of what was ordered before: the last caller wins.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store is out of reach; then it may have been ordered and may not, and [`current`](Self::current)
    /// shows it once the store answers. Also if 16 others in a row were faster.
    pub async fn set(&self, order: RouteOrder) -> Result<(), StateError> {
        let json = Bytes::from(serde_json::to_vec(&order).map_err(StateError::new)?);
        let writes = self.known().writes;
        let key = self.key();
        let mut expected = Expected::Absent;
        for _ in 0..TRIES {
            match self.store.put_if(&key, expected, json.clone(), None).await? {
                PutOutcome::Stored { .. } => {
                    self.written(writes, Some(order));
                    return Ok(());
                }
                PutOutcome::Conflict { current } => {
                    expected = current.map_or(Expected::Absent, |there| Expected::Version(there.version));
                }
            }
        }
        Err(StateError::new(Contended))
    }

    /// Takes back what was ordered, for every machine: the flag has no opinion then.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub async fn clear(&self) -> Result<(), StateError> {
        let writes = self.known().writes;
        let key = self.key();
        for _ in 0..TRIES {
            let there = self.store.get(&[&key]).await?.pop().flatten();
            let gone = match there {
                None => true,
                Some(there) => self.store.delete_if(&key, there.version).await?,
            };
            if gone {
                self.written(writes, None);
                return Ok(());
            }
        }
        Err(StateError::new(Contended))
    }

    /// Takes down what this process has written. If it has written something else meanwhile, only the store knows which
    /// of the two came last.
    fn written(&self, writes_before: u64, order: Option<RouteOrder>) {
        let mut known = self.known();
        let alone = known.writes == writes_before;
        known.writes += 1;
        known.heard = true;
        known.order = order;
        known.asked = alone.then(|| self.clock.elapsed());
    }

    async fn read_if_due(&self) {
        let turn = match self.shared.turn.try_lock() {
            Some(turn) => turn,
            None if self.known().heard => return,
            None => self.shared.turn.lock().await,
        };
        let writes = {
            let mut known = self.known();
            let now = self.clock.elapsed();
            if known.asked.is_some_and(|asked| now.saturating_sub(asked) < self.refresh) {
                return;
            }
            known.asked = Some(now);
            known.writes
        };
        let read = self.read().await;
        let mut known = self.known();
        match read {
            _ if known.writes != writes => {}
            Some(order) => {
                known.order = order;
                known.heard = true;
            }
            None => known.asked = Some(self.clock.elapsed()),
        }
        drop((known, turn));
    }

    /// The order in the store, if there is one; `None` if that cannot be said.
    async fn read(&self) -> Option<Option<RouteOrder>> {
        match self.store.get(&[&self.key()]).await.ok()?.pop()? {
            None => Some(None),
            Some(there) => serde_json::from_slice(&there.value).ok().map(Some),
        }
    }

    fn key(&self) -> String {
        format!("route/{}", self.name)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StoredRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredRoute({})", self.name)
    }
}

#[async_trait]
impl RouteSource for StoredRoute {
    async fn route(&self, _: &RouteContext) -> Option<Route> {
        Some(self.current_within(self.read_limit).await?.route)
    }
}

/// Others were faster each time.
#[derive(Debug, thiserror::Error)]
#[error("others changed the route each time that it was tried")]
struct Contended;

#[cfg(test)]
mod tests;
