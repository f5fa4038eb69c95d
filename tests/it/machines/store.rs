//! The store that the machines share, and the way to it, which can be cut.

use std::sync::Arc;

use tokio::sync::watch;
use whatsapp_provider::state::{PostgresStore, RedisStore, StateStore};

use crate::database::{Place, RedisPlace, postgres_url, redis_url};

use crate::tcp::proxy;

/// What a machine is told of its store: a URL, and for Redis the beginning of its keys.
pub(super) struct Store {
    url: String,
    prefix: Option<String>,
}

impl Store {
    pub(super) fn of(text: &str) -> Self {
        let (url, prefix) = text.split_once(' ').unwrap_or((text, ""));
        Self { url: url.to_owned(), prefix: (!prefix.is_empty()).then(|| prefix.to_owned()) }
    }

    pub(super) async fn connect(&self) -> Arc<dyn StateStore> {
        match &self.prefix {
            None => Arc::new(PostgresStore::connect(&self.url).await.unwrap()),
            Some(prefix) => {
                let store = RedisStore::connect(&self.url).await.unwrap();
                Arc::new(store.with_prefix(prefix).unwrap())
            }
        }
    }
}

/// A store that nobody else uses.
pub(super) struct Shared {
    /// What machines are told, by way of the proxy.
    pub(super) store: String,
    cut: watch::Sender<bool>,
    kept: Kept,
}

enum Kept {
    Postgres(Place),
    Redis(Box<RedisPlace>),
}

impl Shared {
    pub(super) async fn postgres() -> Self {
        let place = Place::postgres().await;
        PostgresStore::connect(place.as_str()).await.unwrap().migrate().await.unwrap();
        let server = host(&postgres_url());
        let (cut, is_cut) = watch::channel(false);
        let by_proxy = proxy(server.clone(), is_cut).await.to_string();
        let store = place.as_str().replace(&server, &by_proxy);
        Self { store, cut, kept: Kept::Postgres(place) }
    }

    pub(super) async fn redis() -> Self {
        let prefix = RedisPlace::new();
        let server = host(&redis_url());
        let (cut, is_cut) = watch::channel(false);
        let by_proxy = proxy(server.clone(), is_cut).await.to_string();
        let store = format!("{} {}", redis_url().replace(&server, &by_proxy), prefix.prefix);
        Self { store, cut, kept: Kept::Redis(Box::new(prefix)) }
    }

    /// Cuts the way to it, or mends it.
    pub(super) fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    pub(super) async fn drop(self) {
        match self.kept {
            Kept::Postgres(place) => place.drop().await,
            Kept::Redis(prefix) => (*prefix).drop().await,
        }
    }
}

/// Host and port of a URL.
fn host(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap().to_owned()
}
