use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::aio::ConnectionLike;
use redis::{Client, Cmd, ErrorKind, RedisResult, Script, ServerErrorKind, Value};

use super::{Expected, PutOutcome, StateError, StateStore, Versioned, check_key};
use crate::clock::{TokioClock, timeout};
use crate::error::ConfigError;

mod cause;
mod connection;

use cause::Cause;
use connection::Connection;

const PUT: &str = include_str!("put.lua");
const DELETE: &str = include_str!("delete.lua");

/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The longest prefix.
const MAX_PREFIX: usize = 100;

/// 100 years, in milliseconds: what is kept longer is kept for good, as far as anybody will see.
const MAX_TTL_MILLIS: u64 = 100 * 366 * 24 * 3600 * 1000;

/// A [`StateStore`] in Redis, for any number of machines. A clone is the same store. It is tested with Redis 7.0, and asks
/// for nothing that is newer than Redis 5.
///
/// A call takes 5 seconds at most, connecting included, and is an error then. A connection that was lost costs the calls
/// that were under way, and the next one opens another. An answer that is lost after a write is an error, too: it may
/// have been written, and so may what a future that is dropped was to write. Values expire by the server's clock, to the
/// millisecond; a time to live is rounded up to one.
///
/// # What is there
///
/// Every key begins with the [prefix](Self::with_prefix), `whatsapp:`. `whatsapp:key:<key>` holds a version in digits, a
/// `:`, and the value; `whatsapp:version` the last version that was given out. A user of the server's access control
/// lists needs these keys and the commands `mget`, `get`, `set`, `del`, `time`, `eval` and `evalsha`, `ping` for
/// [`connect`](Self::connect), and `select` for another database than 0.
///
/// A version is greater than the last one and never below the microseconds since 1970, by the server's clock. So none comes
/// a second time for a key after it was deleted or has expired; nor after `FLUSHALL`, a crash or a failover that lost the
/// last version, unless the server's clock was set back as well.
///
/// # What a server loses
///
/// Redis forgets what other databases keep. What was sent under a claim that is forgotten may be sent again, and the order
/// of a `StoredRoute` that is forgotten puts every machine back on the default route without a word:
///
/// * A server with a `maxmemory` and another `maxmemory-policy` than `noeviction` throws both away when it is full.
///   With `noeviction` it refuses the write, and the message is not sent.
/// * A crash loses what is not on the disk: everything without persistence, up to a second with `appendfsync everysec`,
///   nothing with `appendonly yes` and `appendfsync always`.
/// * Replication is asynchronous: what a replica has not heard of when it takes over is lost. This is so for Sentinel,
///   for Redis Cluster and for managed servers.
/// * `FLUSHALL` and `FLUSHDB` lose everything; a cache that is emptied now and then is no place for either.
///
/// Where none of that may happen, take `PostgresStore`.
///
/// # Redis Cluster
///
/// A script may touch the keys of one slot only. Give a prefix with a hash tag, as `{whatsapp}:`, and a cluster's
/// connection of the crate `redis` to [`with_connection`](Self::with_connection): all keys of the store are on one node
/// then, and it must read from that node, not from its replicas. Without the hash tag every write is refused (`CROSSSLOT`).
///
/// # TLS
///
/// For `rediss://` with one of the crate's TLS features. With rustls the application must have installed a default
/// cryptography provider if its dependencies bring several or none: the crate `redis` panics otherwise.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use whatsapp_provider::state::RedisStore;
///
/// let store = RedisStore::connect("redis://user:password@localhost/0").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    connection: Arc<Connection>,
    scripts: Arc<[Script; 2]>,
    prefix: Arc<str>,
}

impl RedisStore {
    /// Connects, with a connection of its own.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the address is not one of Redis, nobody answers there within 5 seconds, or the password is wrong.
    pub async fn connect(url: &str) -> Result<Self, StateError> {
        let client = Client::open(url).map_err(|error| StateError::new(Cause::from(error)))?;
        let store = Self::new(client);
        within_limit(store.connection.send(redis::cmd("PING"))).await?;
        Ok(store)
    }

    /// Connects as this client says, when a call needs it.
    pub fn new(client: Client) -> Self {
        Self::on(Connection::own(client))
    }

    /// Uses a connection that is there, as a `ConnectionManager` or one to a cluster. The store has no other: whether it
    /// comes back when it was lost is the connection's own business.
    pub fn with_connection(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::on(Connection::given(connection))
    }

    fn on(connection: Connection) -> Self {
        let scripts = Arc::new([PUT, DELETE].map(Script::new));
        Self { connection: Arc::new(connection), scripts, prefix: "whatsapp:".into() }
    }

    /// Begins every key with this instead of `whatsapp:`. Stores on one server that must not see each other need prefixes
    /// of which none begins with another.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is empty, has more than 100 bytes, or has a control character in it.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        if prefix.is_empty() || prefix.len() > MAX_PREFIX || prefix.contains(char::is_control) {
            return Err(ConfigError::new("prefix", "1 to 100 bytes without control characters"));
        }
        self.prefix = prefix.into();
        Ok(self)
    }

    fn key(&self, key: &str) -> String {
        format!("{}key:{key}", self.prefix)
    }

    /// Runs a script that the server has, or else brings it along: then the server has it.
    async fn run(&self, script: Which, keys: &[String], args: &[&[u8]]) -> Result<Value, StateError> {
        let [put, delete] = &*self.scripts;
        let (script, source) = match script {
            Which::Put => (put, PUT),
            Which::Delete => (delete, DELETE),
        };
        let command = |how: &str, what: &str| -> Cmd {
            let mut command = redis::cmd(how);
            command.arg(what).arg(keys.len()).arg(keys).arg(args);
            command
        };
        within_limit(async {
            match self.connection.send(command("EVALSHA", script.get_hash())).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    self.connection.send(command("EVAL", source)).await
                }
                answer => answer,
            }
        })
        .await
    }
}

#[derive(Clone, Copy)]
enum Which {
    Put,
    Delete,
}

async fn within_limit(work: impl Future<Output = RedisResult<Value>>) -> Result<Value, StateError> {
    match timeout(&TokioClock::new(), LIMIT, work).await {
        Some(answer) => answer.map_err(|error| StateError::new(Cause::from(error))),
        None => Err(StateError::new(Cause::timed_out())),
    }
}

/// What a key holds: `<version>:<value>`, or nothing.
fn stored(value: Value) -> Result<Option<Versioned>, StateError> {
    let unreadable = || StateError::new(Cause::unreadable());
    let text = match value {
        Value::Nil => return Ok(None),
        Value::BulkString(text) => Bytes::from(text),
        _ => return Err(unreadable()),
    };
    let end = text.iter().position(|byte| *byte == b':').ok_or_else(unreadable)?;
    let version = text.get(..end).and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    Ok(Some(Versioned::new(text.slice(end + 1..), version.ok_or_else(unreadable)?)))
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisStore({})", self.prefix)
    }
}

#[async_trait]
impl StateStore for RedisStore {
    async fn get(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StateError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = keys.iter().map(|key| self.key(key)).collect();
        let mut command = redis::cmd("MGET");
        command.arg(&keys);
        match within_limit(self.connection.send(command)).await? {
            Value::Array(values) if values.len() == keys.len() => values.into_iter().map(stored).collect(),
            _ => Err(StateError::new(Cause::unreadable())),
        }
    }

    async fn put_if(
        &self,
        key: &str,
        expected: Expected,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Result<PutOutcome, StateError> {
        check_key(key)?;
        let expected = match expected {
            Expected::Absent => String::new(),
            Expected::Version(version) => version.to_string(),
        };
        let millis = ttl.map_or_else(String::new, |ttl| millis(ttl).to_string());
        let keys = [self.key(key), format!("{}version", self.prefix)];
        let args = [expected.as_bytes(), &value, millis.as_bytes()];
        match self.run(Which::Put, &keys, &args).await? {
            Value::Int(version) => Ok(PutOutcome::stored(u64::try_from(version).map_err(StateError::new)?)),
            there => Ok(PutOutcome::conflict(stored(there)?)),
        }
    }

    async fn delete_if(&self, key: &str, version: u64) -> Result<bool, StateError> {
        check_key(key)?;
        let deleted = self.run(Which::Delete, &[self.key(key)], &[version.to_string().as_bytes()]).await?;
        Ok(deleted == Value::Int(1))
    }

    /// Every machine that uses the server sees the same.
    fn is_shared(&self) -> bool {
        true
    }
}

/// A time to live as Redis takes it: at least 1.
fn millis(ttl: Duration) -> u64 {
    let millis = ttl.as_micros().div_ceil(1000).max(1);
    u64::try_from(millis).unwrap_or(u64::MAX).min(MAX_TTL_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_rounded_up_and_never_none() {
        let cases = [(0, 1), (1, 1), (1_000_000, 1), (1_001_000, 2), (60_000_000_000, 60_000)];
        for (nanos, expected) in cases {
            assert_eq!(millis(Duration::from_nanos(nanos)), expected, "{nanos}");
        }
        assert_eq!(millis(Duration::MAX), MAX_TTL_MILLIS);
    }

    #[test]
    fn what_was_not_written_by_the_store_is_not_taken_for_a_value() {
        let text = |text: &str| stored(Value::BulkString(text.into()));
        assert_eq!(text("7:a:b").unwrap(), Some(Versioned::new("a:b", 7)));
        assert_eq!(text("18446744073709551615:").unwrap(), Some(Versioned::new("", u64::MAX)));
        assert_eq!(stored(Value::Nil).unwrap(), None);
        for bad in ["", "7", ":a", "x:a", "-1:a", "18446744073709551616:a"] {
            text(bad).unwrap_err();
        }
        stored(Value::Int(7)).unwrap_err();
    }
}
