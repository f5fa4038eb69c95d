//! The store in Redis.

use std::error::Error;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use redis::aio::MultiplexedConnection;
use redis::{Client, FromRedisValue, InfoDict, IntoConnectionInfo, RedisConnectionInfo};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use whatsapp_provider::state::{Expected, RedisStore, StateError, StateStore, Versioned};

use super::{Passing, World, holds_the_contract, put};
use crate::database::{RedisPlace, redis_url, unique};

fn source(error: &StateError) -> String {
    error.source().unwrap().to_string()
}

async fn write(store: &RedisStore, key: &str) -> u64 {
    put(store, key, Expected::Absent, b"a", None).await.unwrap()
}

fn world_of(store: RedisStore, other: RedisStore) -> World {
    let pass = |time: Duration| -> Passing { Box::pin(tokio::time::sleep(time + Duration::from_millis(20))) };
    World {
        store: Arc::new(store),
        other: Arc::new(other),
        pass: Box::new(pass),
        ttl: Duration::from_secs(1),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn it_holds_the_contract() {
    let place = RedisPlace::new();
    let given = place.client.get_multiplexed_async_connection().await.unwrap();
    let other = RedisStore::with_connection(given).with_prefix(&place.prefix).unwrap();
    let world = world_of(place.store(), other);
    assert!(world.store.is_shared());
    holds_the_contract(&world).await;
    place.drop().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn stores_of_other_prefixes_see_nothing() {
    let (place, elsewhere) = (RedisPlace::new(), RedisPlace::new());
    let version = write(&place.store(), "k").await;
    assert_eq!(elsewhere.store().get(&["k"]).await.unwrap(), [None]);
    assert!(!elsewhere.store().delete_if("k", version).await.unwrap());
    write(&elsewhere.store(), "k").await;
    place.drop().await;
    assert!(elsewhere.store().get(&["k"]).await.unwrap()[0].is_some());
    elsewhere.drop().await;
}

/// As `FLUSHALL` does, and an eviction, and a replica that takes over.
#[tokio::test]
#[ignore = "needs Redis"]
async fn a_version_comes_no_second_time_although_the_server_forgot_the_last_one() {
    let place = RedisPlace::new();
    let store = place.store();
    let mut last = 0;
    for _ in 0..20 {
        let version = write(&store, "k").await;
        assert!(version > last, "{version} after {last}");
        last = version;
        place.run(&format!("DEL {0}version {0}key:k", place.prefix)).await;
    }
    // Nor if the clock was set back.
    let ahead = last + 3_600_000_000;
    place.run(&format!("SET {}version {ahead}", place.prefix)).await;
    assert_eq!(write(&store, "k").await, ahead + 1);
    place.drop().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn what_it_did_not_write_it_neither_reads_nor_writes_over() {
    let place = RedisPlace::new();
    let store = place.store();
    place.run(&format!("SET {}key:k somebody's", place.prefix)).await;
    for error in [
        store.get(&["k"]).await.unwrap_err(),
        store.put_if("k", Expected::Absent, "a".into(), None).await.unwrap_err(),
        store.put_if("k", Expected::Version(1), "a".into(), None).await.unwrap_err(),
    ] {
        assert_eq!(source(&error), "what is there was not written by this store");
    }
    assert!(!store.delete_if("k", 1).await.unwrap());
    place.run(&format!("RPUSH {}key:list CANARY", place.prefix)).await;
    let error = store.put_if("list", Expected::Absent, "CANARY".into(), None).await.unwrap_err();
    assert_eq!(source(&error), "Redis answered WRONGTYPE");
    assert_eq!(format!("{error:?}"), "StateError { source: Some(Redis answered WRONGTYPE) }");
    place.drop().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn scripts_that_the_server_forgot_are_brought_again() {
    let place = RedisPlace::new();
    let store = place.store();
    let version = write(&store, "k").await;
    place.run("SCRIPT FLUSH").await;
    assert!(store.delete_if("k", version).await.unwrap());
    write(&store, "k").await;
    place.drop().await;
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_connection_that_is_killed_comes_back() {
    let place = RedisPlace::new();
    let user = format!("u{}", unique());
    // Nothing beyond what the documentation says that it needs.
    let commands = "+mget +get +set +del +time +eval +evalsha";
    place.run(&format!("ACL SETUSER {user} on >CANARY ~{}* {commands}", place.prefix)).await;
    let settings = redis_url().into_connection_info().unwrap();
    let named = settings.redis_settings().clone().set_username(&user).set_password("CANARY");
    let store = place.on(Client::open(settings.set_redis_settings(named)).unwrap());
    let version = write(&store, "k").await;
    for _ in 0..3 {
        assert_eq!(place.run(&format!("CLIENT KILL USER {user}")).await, redis::Value::Int(1));
        // The first call may find the connection broken.
        let _ = store.get(&["k"]).await;
        assert_eq!(store.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", version))]);
    }
    assert!(store.delete_if("k", version).await.unwrap());
    place.run(&format!("ACL DELUSER {user}")).await;
    place.drop().await;
}

/// A server of the test's own.
struct Server {
    url: String,
    admin: MultiplexedConnection,
    _process: Child,
}

impl Server {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let settings = format!("--bind 127.0.0.1 --port {port} --appendonly no --save");
        let process = Command::new("redis-server")
            .args(settings.split(' '))
            .arg("")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("redis://127.0.0.1:{port}");
        let client = Client::open(url.as_str()).unwrap();
        for _ in 0..300 {
            if let Ok(admin) = client.get_multiplexed_async_connection().await {
                return Self { url, admin, _process: process };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("redis-server does not begin to listen");
    }

    fn store(&self) -> RedisStore {
        RedisStore::new(Client::open(self.url.as_str()).unwrap())
    }

    async fn run<T: FromRedisValue>(&mut self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| _ = command.arg(word));
        command.query_async(&mut self.admin).await.unwrap()
    }

    /// How many connections were ever made to it.
    async fn connections(&mut self) -> u64 {
        let stats: InfoDict = self.run("INFO stats").await;
        stats.get("total_connections_received").unwrap()
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_master_that_is_a_replica_now_is_left() {
    let mut server = Server::start().await;
    let store = server.store();
    let version = write(&store, "k").await;
    let connections = server.connections().await;
    // Of nobody: it keeps what it has.
    let _: () = server.run("REPLICAOF 127.0.0.1 1").await;
    assert_eq!(source(&store.delete_if("k", version).await.unwrap_err()), "Redis answered READONLY");
    assert_eq!(server.connections().await, connections);
    assert_eq!(store.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", version))]);
    assert_eq!(server.connections().await, connections + 1);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_answer_that_nobody_waited_for_is_one() {
    let mut server = Server::start().await;
    let store = server.store();
    let version = write(&store, "k").await;
    let connections = server.connections().await;
    assert_eq!(store.get(&["k"]).now_or_never().map(drop), None);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(store.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", version))]);
    assert_eq!(server.connections().await, connections);
}

/// Between a client and the server. Every connection takes some time. Those that are open when it is told to fall silent
/// say nothing any more, and stay open; later ones work.
async fn proxy(mut silent: watch::Receiver<()>, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            tokio::time::sleep(delay).await;
            let server = redis_url().trim_start_matches("redis://").trim_end_matches('/').to_owned();
            let mut far = TcpStream::connect(server).await.unwrap();
            silent.mark_unchanged();
            let mut silent = silent.clone();
            held.push(tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = silent.changed() => std::future::pending().await,
                }
            }));
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_server_that_is_gone_without_a_word_is_left_although_nobody_waits_for_it() {
    let place = RedisPlace::new();
    let (fall_silent, silent) = watch::channel(());
    let store = place.on(Client::open(format!("redis://{}", proxy(silent, Duration::ZERO).await)).unwrap());
    let version = write(&store, "k").await;
    fall_silent.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let impatient = tokio::time::timeout(Duration::from_millis(50), store.get(&["k"])).await;
    assert!(impatient.is_err());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(store.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", version))]);
    // And whoever does wait is told.
    fall_silent.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let error = store.put_if("k", Expected::Absent, "b".into(), None).await.unwrap_err();
    assert_eq!(source(&error), "Redis did not answer in time");
    assert_eq!(store.get(&["k"]).await.unwrap(), [Some(Versioned::new("a", version))]);
    place.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_connection_that_no_call_has_the_patience_for_is_opened_by_all_of_them() {
    let place = RedisPlace::new();
    let version = write(&place.store(), "k").await;
    let (_never, silent) = watch::channel(());
    let address = proxy(silent, Duration::from_millis(500)).await;
    let store = place.on(Client::open(format!("redis://{address}")).unwrap());
    let mut given_up = 0;
    let found = loop {
        match tokio::time::timeout(Duration::from_millis(50), store.get(&["k"])).await {
            Ok(found) => break found.unwrap(),
            Err(_) => given_up += 1,
        }
        assert!(given_up < 200, "it is never opened");
    };
    assert!(given_up > 0);
    assert_eq!(found, [Some(Versioned::new("a", version))]);
    place.drop().await;
}

#[tokio::test]
async fn a_server_out_of_reach_is_an_error_that_names_no_address() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url = format!("redis://me:CANARY@127.0.0.1:{port}");
    let refused = RedisStore::connect(&url).await.unwrap_err();
    let store = RedisStore::new(Client::open(url).unwrap());
    let errors = [
        refused,
        store.get(&["k"]).await.unwrap_err(),
        store.put_if("k", Expected::Absent, "a".into(), None).await.unwrap_err(),
        store.delete_if("k", 1).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(source(&error), "the connection failed: connection refused");
        assert!(!format!("{error:?}{error}").contains("127"), "{error:?}");
    }
    assert_eq!(format!("{store:?}"), "RedisStore(whatsapp:)");
    for bad in ["CANARY", "https://CANARY", "redis://CANARY:x:y"] {
        let error = RedisStore::connect(bad).await.unwrap_err();
        assert_eq!(source(&error), "the settings of the connection are not valid", "{bad}");
        assert!(!format!("{error:?}").contains("CANARY"));
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_wrong_password_is_not_told() {
    let wrong = RedisConnectionInfo::default().set_username("CANARY").set_password("CANARY");
    let settings = redis_url().into_connection_info().unwrap().set_redis_settings(wrong);
    let store = RedisStore::new(Client::open(settings).unwrap());
    let error = store.get(&["k"]).await.unwrap_err();
    assert_eq!(source(&error), "the connection failed: authentication failed");
    assert!(!format!("{error:?} {store:?}").contains("CANARY"));
}

#[tokio::test]
async fn prefixes_that_would_need_care_are_refused() {
    let store = RedisStore::new(Client::open("redis://127.0.0.1").unwrap());
    let fits = "p".repeat(100);
    for good in ["a", "{whatsapp}:", "Ünïcode ", &fits] {
        store.clone().with_prefix(good).unwrap();
    }
    for bad in ["", "a\nb", "a\0b", &format!("{fits}p"), &"é".repeat(51)] {
        assert_eq!(store.clone().with_prefix(bad).unwrap_err().field, "prefix", "{bad}");
    }
}
