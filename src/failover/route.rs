use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{ProviderId, SenderId};
use crate::outbound::Category;

/// What a flag says about where messages go. As text and in JSON: `auto`, `prefer:<id>` or `only:<id>`.
///
/// ```
/// use whatsapp_provider::failover::Route;
/// use whatsapp_provider::ProviderId;
///
/// assert_eq!("only:twilio".parse(), Ok(Route::Only(ProviderId::TWILIO)));
/// assert_eq!(Route::Prefer(ProviderId::META).to_string(), "prefer:meta");
/// ```
#[doc(alias = "feature flag")]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Route {
    /// The configured order, as health allows.
    #[default]
    Auto,
    /// This member first, then the others, as health allows.
    Prefer(ProviderId),
    /// This member and no other, whatever its health.
    Only(ProviderId),
}

impl Route {
    /// The member it names, if it names one.
    pub fn member(&self) -> Option<&ProviderId> {
        match self {
            Self::Auto => None,
            Self::Prefer(id) | Self::Only(id) => Some(id),
        }
    }
}

/// The text was not a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a route is `auto`, `prefer:<id>` or `only:<id>`")]
#[non_exhaustive]
pub struct InvalidRoute;

impl FromStr for Route {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let id = |id: &str| id.parse().map_err(|_| InvalidRoute);
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            Some(("prefer", member)) => id(member).map(Self::Prefer),
            Some(("only", member)) => id(member).map(Self::Only),
            _ => Err(InvalidRoute),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Prefer(id) => write!(f, "prefer:{id}"),
            Self::Only(id) => write!(f, "only:{id}"),
        }
    }
}

impl Serialize for Route {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a flag may look at. There is nothing in it that names the user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteContext {
    /// The sender the message must come from, if it says so.
    pub sender: Option<SenderId>,
    /// What the message is for.
    pub category: Category,
    /// A number from 0 to 9,999 that is always the same for one recipient: `bucket < 500` is five in a hundred users,
    /// the same ones each time.
    pub bucket: u16,
}

impl RouteContext {
    /// What a flag is told of a message that names no sender.
    pub fn new(category: Category, bucket: u16) -> Self {
        Self { sender: None, category, bucket }
    }

    /// Names the sender.
    #[must_use]
    pub fn with_sender(mut self, sender: SenderId) -> Self {
        self.sender = Some(sender);
        self
    }
}

/// A flag: something that is asked, for every message, where it goes.
///
/// It has 50 ms to answer. After that the failover goes by the last answer it had, whichever message that was for, and
/// before there was one by the configured default: a flag service that is down never stops a message. A flag that answers
/// for some users only had therefore better say `prefer` than `only`.
///
/// Adapters for OpenFeature, Unleash and LaunchDarkly are in the repository's folder `examples/flags`.
#[async_trait]
pub trait RouteSource: fmt::Debug + Send + Sync + 'static {
    /// Where this message goes; `None` is no opinion.
    async fn route(&self, context: &RouteContext) -> Option<Route>;
}

#[async_trait]
impl<S: RouteSource + ?Sized> RouteSource for Arc<S> {
    async fn route(&self, context: &RouteContext) -> Option<Route> {
        (**self).route(context).await
    }
}

/// A route that never changes.
#[async_trait]
impl RouteSource for Route {
    async fn route(&self, _: &RouteContext) -> Option<Self> {
        Some(self.clone())
    }
}

/// A flag that the application turns itself, for this process. A clone is the same switch. One for every machine is
/// [`StoredRoute`](super::StoredRoute).
///
/// ```
/// use whatsapp_provider::failover::{Route, RouteSwitch};
/// use whatsapp_provider::ProviderId;
///
/// let switch = RouteSwitch::new(Route::Auto);
/// switch.set(Route::Only(ProviderId::TWILIO));
/// assert_eq!(switch.get().to_string(), "only:twilio");
/// ```
#[derive(Debug, Clone, Default)]
pub struct RouteSwitch(Arc<Mutex<Route>>);

impl RouteSwitch {
    /// A switch in this position.
    pub fn new(route: Route) -> Self {
        Self(Arc::new(Mutex::new(route)))
    }

    /// Turns it. Messages whose sending has begun are not affected.
    pub fn set(&self, route: Route) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = route;
    }

    /// Its position.
    pub fn get(&self) -> Route {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl RouteSource for RouteSwitch {
    async fn route(&self, _: &RouteContext) -> Option<Route> {
        Some(self.get())
    }
}

/// A flag that is a function: one line for most flag services.
///
/// ```
/// use whatsapp_provider::failover::{Route, route_fn};
/// use whatsapp_provider::ProviderId;
///
/// let five_percent = route_fn(|context| (context.bucket < 500).then_some(Route::Prefer(ProviderId::TWILIO)));
/// ```
pub fn route_fn<F>(function: F) -> RouteFn<F>
where
    F: Fn(&RouteContext) -> Option<Route> + Send + Sync + 'static,
{
    RouteFn(function)
}

/// What [`route_fn`] makes.
#[derive(Clone)]
pub struct RouteFn<F>(F);

impl<F> fmt::Debug for RouteFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RouteFn")
    }
}

#[async_trait]
impl<F> RouteSource for RouteFn<F>
where
    F: Fn(&RouteContext) -> Option<Route> + Send + Sync + 'static,
{
    async fn route(&self, context: &RouteContext) -> Option<Route> {
        (self.0)(context)
    }
}

/// The newest value of a watch channel.
#[cfg(feature = "tokio")]
#[async_trait]
impl RouteSource for tokio::sync::watch::Receiver<Route> {
    async fn route(&self, _: &RouteContext) -> Option<Route> {
        Some(self.borrow().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_read_what_they_write() {
        for text in ["auto", "prefer:meta", "only:meta-br.2"] {
            let route: Route = text.parse().unwrap();
            assert_eq!(route.to_string(), text);
            let json = format!("\"{text}\"");
            assert_eq!(serde_json::to_string(&route).unwrap(), json);
            assert_eq!(serde_json::from_str::<Route>(&json).unwrap(), route);
        }
        for bad in ["", "Auto", "only", "only:", "only:a b", "prefer:only:meta", "avoid:meta"] {
            assert_eq!(bad.parse::<Route>(), Err(InvalidRoute), "{bad}");
        }
    }
}
