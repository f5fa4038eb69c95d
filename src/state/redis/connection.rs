use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::Mutex;

use super::LIMIT;
use crate::clock::{Clock, TokioClock};

type Clones = dyn Fn() -> Box<dyn ConnectionLike + Send> + Send + Sync;

/// The way to the server.
pub(super) enum Connection {
    Own(Box<Reconnecting>),
    /// The application's: whether it comes back is its own business.
    Given(Box<Clones>),
}

impl Connection {
    pub(super) fn own(client: Client) -> Self {
        Self::Own(Box::new(Reconnecting { client, clock: TokioClock::new(), open: Mutex::default() }))
    }

    pub(super) fn given<C: ConnectionLike + Clone + Send + Sync + 'static>(connection: C) -> Self {
        Self::Given(Box::new(move || Box::new(connection.clone())))
    }

    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Own(own) => own.send(command).await,
            Self::Given(clone) => {
                let mut connection = clone();
                connection.req_packed_command(command).await.and_then(Value::extract_error)
            }
        }
    }
}

/// One connection for all calls. It is opened by the call that needs it, and another one is after it was lost.
pub(super) struct Reconnecting {
    client: Client,
    clock: TokioClock,
    /// Locked while it is being opened, so that one call does.
    open: Mutex<Option<Open>>,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// Since when commands are under way and no answer has come to any. A call whose future is dropped leaves it behind:
    /// a server that is gone without a word is found out even if nobody has the patience to wait for it.
    unanswered: Arc<StdMutex<Option<Duration>>>,
}

impl Open {
    fn is_silent(&self, now: Duration) -> bool {
        self.unanswered().is_some_and(|since| now.saturating_sub(since) >= LIMIT)
    }

    fn unanswered(&self) -> MutexGuard<'_, Option<Duration>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reconnecting {
    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let mut open = self.open().await?;
        open.unanswered().get_or_insert_with(|| self.clock.elapsed());
        let answer = open.connection.req_packed_command(command).await.and_then(Value::extract_error);
        *open.unanswered() = None;
        if answer.as_ref().is_err_and(is_of_no_use_any_more) {
            let mut current = self.open.lock().await;
            if current.as_ref().is_some_and(|current| Arc::ptr_eq(&current.unanswered, &open.unanswered)) {
                *current = None;
            }
        }
        answer
    }

    async fn open(&self) -> RedisResult<Open> {
        let mut open = self.open.lock().await;
        let now = self.clock.elapsed();
        if let Some(open) = open.as_ref().filter(|open| !open.is_silent(now)) {
            return Ok(open.clone());
        }
        // The limit is that of the call, of which this is a part.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(open.insert(Open { connection, unanswered: Arc::default() }).clone())
    }
}

/// Whether a new connection may do better: this one is broken, or its server is no longer the one that takes writes.
fn is_of_no_use_any_more(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
    match error.kind() {
        ErrorKind::Server(kind) => matches!(kind, BusyLoading | MasterDown | ReadOnly),
        ErrorKind::Extension => false,
        _ => true,
    }
}
