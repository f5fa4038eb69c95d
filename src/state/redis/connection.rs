use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

use super::LIMIT;
use crate::clock::{Clock, TokioClock};

/// What is waited for, and since when.
type Due = (Duration, BoxFuture<'static, ()>);
type Clones = dyn Fn() -> Box<dyn ConnectionLike + Send> + Send + Sync;

/// The way to the server.
pub(super) enum Connection {
    Own(Box<Reconnecting>),
    /// The application's: whether it comes back is its own business.
    Given(Box<Clones>),
}

impl Connection {
    pub(super) fn own(client: Client) -> Self {
        Self::Own(Box::new(Reconnecting { client, clock: TokioClock::new(), latest: Mutex::default() }))
    }

    pub(super) fn given<C: ConnectionLike + Clone + Send + Sync + 'static>(connection: C) -> Self {
        Self::Given(Box::new(move || Box::new(connection.clone())))
    }

    pub(super) async fn send(&self, command: Cmd) -> RedisResult<Value> {
        match self {
            Self::Own(own) => own.send(command).await,
            Self::Given(clone) => {
                let mut connection = clone();
                connection.req_packed_command(&command).await.and_then(Value::extract_error)
            }
        }
    }
}

/// One connection for all calls. The call that needs it begins to open it; another one is opened after it was lost.
pub(super) struct Reconnecting {
    client: Client,
    clock: TokioClock,
    latest: Mutex<Option<Latest>>,
}

/// The connection, or the way to it: every call that needs it drives the opening, so that none has to see it through.
#[derive(Clone)]
struct Latest {
    opening: Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>,
    /// Since when an answer is due, at first that of the opening. A call whose future is dropped leaves it behind: a server
    /// that is gone without a word is found out even if nobody has the patience to wait for it.
    due: Arc<Mutex<Option<Due>>>,
}

impl Latest {
    fn is_of_use(&self, now: Duration) -> bool {
        let silent = self.due().as_ref().is_some_and(|(since, _)| now.saturating_sub(*since) >= LIMIT);
        !silent && !matches!(self.opening.peek(), Some(Err(_)))
    }

    /// What is due still: what came after its caller had left has come.
    fn due(&self) -> MutexGuard<'_, Option<Due>> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.as_mut().is_some_and(|(_, answer)| answer.now_or_never().is_some()) {
            *due = None;
        }
        due
    }
}

impl Reconnecting {
    async fn send(&self, command: Cmd) -> RedisResult<Value> {
        let latest = self.latest();
        let mut connection = latest.opening.clone().await?;
        let answer =
            async move { connection.req_packed_command(&command).await.and_then(Value::extract_error) };
        let answer = answer.boxed().shared();
        latest.due().get_or_insert_with(|| (self.clock.elapsed(), answer.clone().map(drop).boxed()));
        let answer = answer.await;
        if answer.as_ref().is_err_and(is_of_no_use_any_more) {
            self.slot().take_if(|current| current.opening.ptr_eq(&latest.opening));
        }
        answer
    }

    fn latest(&self) -> Latest {
        let mut slot = self.slot();
        let now = self.clock.elapsed();
        if let Some(latest) = slot.as_ref().filter(|latest| latest.is_of_use(now)) {
            return latest.clone();
        }
        let client = self.client.clone();
        // The limits are those of the calls.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let opening = async move { client.get_multiplexed_async_connection_with_config(&config).await };
        let opening = opening.boxed().shared();
        let due = Arc::new(Mutex::new(Some((now, opening.clone().map(drop).boxed()))));
        slot.insert(Latest { opening, due }).clone()
    }

    fn slot(&self) -> MutexGuard<'_, Option<Latest>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a new connection may do better: this one is broken, or its server is no longer the one that takes writes.
fn is_of_no_use_any_more(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly, ResponseError};
    match error.kind() {
        // A script's, before Redis 7: `ERR Error running script (...): -READONLY ...`.
        ErrorKind::Server(ResponseError) => {
            error.detail().is_some_and(|detail| detail.contains("-READONLY "))
        }
        ErrorKind::Server(kind) => matches!(kind, BusyLoading | MasterDown | ReadOnly),
        ErrorKind::Extension => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_takes_no_writes_is_left_whatever_it_says_of_it() {
        let script = "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: ";
        let cases = [
            ("READONLY You can't write against a read only replica.".to_owned(), true),
            (format!("{script}-READONLY You can't write against a read only replica."), true),
            (format!("{script}Wrong number of args calling Redis command From Lua script"), false),
            ("OOM command not allowed when used memory > 'maxmemory'.".to_owned(), false),
            ("ERR".to_owned(), false),
        ];
        for (answer, left) in cases {
            let error = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes())
                .and_then(Value::extract_error)
                .unwrap_err();
            assert_eq!(is_of_no_use_any_more(&error), left, "{answer}");
        }
    }
}
