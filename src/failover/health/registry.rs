use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::account::Account;
use super::breaker::Breaker;
use super::{Health, HealthAspect, HealthPolicy};
use crate::clock::{Clock, default_clock};
use crate::error::ConfigError;
use crate::provider::WhatsAppProvider;

/// The health of providers, shared by several failovers of one process, so that forty numbers learn of an outage once. A
/// clone is the same registry.
///
/// Whether a provider can be reached is kept by its [API](WhatsAppProvider::api), so all numbers at one API share it;
/// what concerns an account (credentials, blocks, throttling) by the provider's id and its senders. It keeps what it has
/// learned for as long as it lives, also when a failover is built anew.
///
/// It cannot know that a provider that was built anew has other credentials: say
/// [`restore`](crate::FailoverProvider::restore) then, or replace them with `set_token` instead.
///
/// Machines do not share it: each finds out in a few calls, and one that has lost its own network would speak for all.
///
/// ```
/// use whatsapp_provider::failover::{FailoverProvider, HealthPolicy, HealthRegistry};
/// # use whatsapp_provider::testing::{MemoryProvider, TestClock};
/// # let clock = std::sync::Arc::new(TestClock::new());
/// # let numbers = ["line-1", "line-2"].map(|id| MemoryProvider::new(id.parse().unwrap()));
///
/// let health = HealthRegistry::with_clock(HealthPolicy::default(), clock.clone());
/// for number in numbers {
///     let whatsapp =
///         FailoverProvider::builder().primary(number).health_registry(health.clone()).clock(clock.clone()).build()?;
/// }
/// # Ok::<(), whatsapp_provider::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct HealthRegistry(Arc<Inner>);

struct Inner {
    policy: HealthPolicy,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    apis: HashMap<String, Arc<Breaker>>,
    accounts: HashMap<String, Arc<Account>>,
}

impl HealthRegistry {
    /// A registry in which everybody is well.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the crate was built without the feature `tokio`, so that there is no default clock.
    pub fn new(policy: HealthPolicy) -> Result<Self, ConfigError> {
        Ok(Self::with_clock(policy, default_clock()?))
    }

    /// A registry in which everybody is well, by this clock. The failovers must have the same one.
    pub fn with_clock(policy: HealthPolicy, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { policy, clock, known: Mutex::default() }))
    }

    pub(in crate::failover) fn policy(&self) -> &HealthPolicy {
        &self.0.policy
    }

    /// The health of a provider, which it shares with others by its API and with itself in other failovers.
    pub(in crate::failover) fn health(&self, provider: &dyn WhatsAppProvider) -> Health {
        let Inner { policy, clock, known } = &*self.0;
        let api = provider.api().unwrap_or_else(|| provider.id().to_string());
        let senders = provider.senders();
        let mut account = provider.id().to_string();
        for sender in &senders {
            account.push('\n');
            account.push_str(&sender.id);
        }
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let reach = known.apis.entry(api).or_insert_with(|| {
            Arc::new(Breaker::new(HealthAspect::Reachability, policy.clone(), Arc::clone(clock)))
        });
        let reach = Arc::clone(reach);
        let account = known.accounts.entry(account);
        let account = account.or_insert_with(|| Arc::new(Account::new(policy.clone(), Arc::clone(clock))));
        Health::new(reach, Arc::clone(account))
    }
}

impl fmt::Debug for HealthRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys of accounts hold numbers.
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("HealthRegistry")
            .field("apis", &known.apis.len())
            .field("accounts", &known.accounts.len())
            .finish_non_exhaustive()
    }
}
