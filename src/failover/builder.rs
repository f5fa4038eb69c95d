use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::health::{HealthPolicy, HealthRegistry};
use super::knowledge::Knowledge;
use super::observe::{Observer, Observers};
use super::policy::FailoverPolicy;
use super::route::{Route, RouteSource};
use super::status::Switches;
use super::{FailoverProvider, Inner, Member};
use crate::clock::{Clock, default_clock};
use crate::error::ConfigError;
use crate::ids::ProviderId;
use crate::provider::WhatsAppProvider;
use crate::state::StateStore;

/// A repeat may come days later, from a queue that stood still.
const SHORTEST_MEMORY: Duration = Duration::from_secs(24 * 3600);

/// Builds a [`FailoverProvider`].
pub struct FailoverBuilder {
    id: ProviderId,
    members: Vec<Arc<dyn WhatsAppProvider>>,
    route: Arc<dyn RouteSource>,
    default_route: Route,
    rollout_key: Vec<u8>,
    policy: FailoverPolicy,
    health: Option<HealthPolicy>,
    registry: Option<HealthRegistry>,
    observers: Observers,
    clock: Option<Arc<dyn Clock>>,
    store: Option<Arc<dyn StateStore>>,
    one_process: bool,
}

impl std::fmt::Debug for FailoverBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FailoverBuilder")
            .field("id", &self.id)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

impl FailoverBuilder {
    pub(super) fn new() -> Self {
        Self {
            id: ProviderId::FAILOVER,
            members: Vec::new(),
            route: Arc::new(Route::Auto),
            default_route: Route::Auto,
            rollout_key: Vec::new(),
            policy: FailoverPolicy::default(),
            health: None,
            registry: None,
            observers: Observers::default(),
            clock: None,
            store: None,
            one_process: false,
        }
    }

    /// The member that is used while it is well. Members are tried in the order in which they are named, so this goes
    /// in front of all that were named before.
    #[must_use]
    pub fn primary(mut self, member: impl WhatsAppProvider) -> Self {
        self.members.insert(0, Arc::new(member));
        self
    }

    /// A member that is used when those before it cannot be. There may be several.
    #[must_use]
    pub fn fallback(mut self, member: impl WhatsAppProvider) -> Self {
        self.members.push(Arc::new(member));
        self
    }

    /// Its own id, `failover` unless set.
    #[must_use]
    pub fn id(mut self, id: ProviderId) -> Self {
        self.id = id;
        self
    }

    /// The flag. Without one, the configured order holds.
    #[must_use]
    pub fn route(mut self, route: impl RouteSource) -> Self {
        self.route = Arc::new(route);
        self
    }

    /// What holds when the flag has no opinion, or does not answer and never has. [`Route::Auto`] unless set.
    #[must_use]
    pub fn default_route(mut self, route: Route) -> Self {
        self.default_route = route;
        self
    }

    /// The key of the hash that puts recipients into [buckets](super::RouteContext::bucket). With the same key every
    /// machine puts a recipient into the same one; set it where somebody who sees buckets must not be able to guess
    /// whose they are.
    #[must_use]
    pub fn rollout_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.rollout_key = key.into();
        self
    }

    /// How to decide.
    #[must_use]
    pub fn policy(mut self, policy: FailoverPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// When a member counts as unwell.
    #[must_use]
    pub fn health(mut self, health: HealthPolicy) -> Self {
        self.health = Some(health);
        self
    }

    /// Shares the health of the members with other failovers of this process, by the policy of the registry.
    #[must_use]
    pub fn health_registry(mut self, registry: HealthRegistry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Who is told of every decision. There may be several.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.add(observer);
        self
    }

    /// Where it is kept what became of a message with an
    /// [idempotency key](crate::OutboundMessage::with_idempotency_key), so that it is sent once, by whatever process and
    /// machine, and what [events](crate::WhatsAppProvider::record) have taught: windows, conversations, blocks, and which
    /// attempts were accepted. Keys and numbers are not written, only their SHA-256; the receipt is, with the recipient's
    /// number if the provider said it.
    ///
    /// Every failover that may send the same messages must have the same store.
    #[must_use]
    pub fn store(mut self, store: impl StateStore) -> Self {
        self.store = Some(Arc::new(store));
        self.one_process = false;
        self
    }

    /// As [`store`](Self::store), for a service that runs in one process only: the store need not be shared. What is in
    /// memory is forgotten when the process ends.
    ///
    /// A store in memory holds so many keys and then refuses new ones, and with them the messages. Each keyed message takes
    /// two for as long as the policy [remembers](FailoverPolicy::remember): with 100,000 keys and 30 days, 1,600 messages
    /// a day fit.
    #[must_use]
    pub fn local_store(mut self, store: impl StateStore) -> Self {
        self.store = Some(Arc::new(store));
        self.one_process = true;
        self
    }

    /// The clock. With the feature `tokio` there is a default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Puts it together.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is no member, if two members (or a member and the failover) have the same id, if the
    /// default route names no member, if the store is not shared and was not said to be [local](Self::local_store), if
    /// there is both a health policy and a registry that has its own, if messages would be remembered for less than a day,
    /// or if there is no clock.
    pub fn build(self) -> Result<FailoverProvider, ConfigError> {
        if self.members.is_empty() {
            return Err(ConfigError::new("members", "a failover needs at least one"));
        }
        let mut ids = HashSet::from([&self.id]);
        if let Some(twice) = self.members.iter().find(|member| !ids.insert(member.id())) {
            let problem = format!("`{}` is there twice; give one of them another id", twice.id());
            return Err(ConfigError::new("members", problem));
        }
        if let Some(nobody) = self.default_route.member().filter(|id| !ids.contains(id) || **id == self.id) {
            return Err(ConfigError::new("default_route", format!("there is no member `{nobody}`")));
        }
        if !self.one_process && self.store.as_ref().is_some_and(|store| !store.is_shared()) {
            let problem = "other processes do not see it; if there are none, say `local_store`";
            return Err(ConfigError::new("store", problem));
        }
        if self.policy.remember < SHORTEST_MEMORY {
            let problem = "what was sent must be remembered for a day at least, or a repeat sends it again";
            return Err(ConfigError::new("policy.remember", problem));
        }
        if self.health.is_some() && self.registry.is_some() {
            return Err(ConfigError::new("health", "the registry has a health policy of its own"));
        }
        let clock = match self.clock {
            Some(clock) => clock,
            None => default_clock()?,
        };
        let health = self.registry.unwrap_or_else(|| {
            HealthRegistry::with_clock(self.health.unwrap_or_default(), Arc::clone(&clock))
        });
        let member =
            |provider: Arc<dyn WhatsAppProvider>| Member { health: health.health(&*provider), provider };
        let members = self.members.into_iter().map(member).collect();
        let knowledge = Knowledge::new(self.store.clone(), Arc::clone(&clock), self.policy.remember);
        Ok(FailoverProvider(Arc::new(Inner {
            id: self.id,
            members,
            route: self.route,
            default_route: self.default_route,
            last_route: Mutex::default(),
            rollout_key: self.rollout_key,
            policy: self.policy,
            health,
            switches: Switches::default(),
            observers: self.observers,
            knowledge,
            clock,
            store: self.store,
        })))
    }
}
