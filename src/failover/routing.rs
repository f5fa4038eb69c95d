//! Where a message goes by the flag's word, and who the recipient is to a flag and to a breaker.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::PoisonError;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::FailoverProvider;
use super::observe::{FailoverEvent, RouteOrigin};
use super::route::{Route, RouteContext};
use crate::address::Recipient;
use crate::clock::timeout;
use crate::ids::AttemptId;
use crate::outbound::OutboundMessage;

/// What the flag has said.
#[derive(Default)]
pub(super) struct LastRoute {
    /// Its last opinion, for when it does not answer.
    flag: Option<Route>,
    /// What held for the last message.
    held: Option<(Route, RouteOrigin)>,
}

impl FailoverProvider {
    /// Asks the flag, within its limit; then what it said last; then the default.
    pub(super) async fn route(&self, send: AttemptId, message: &OutboundMessage) -> (Route, RouteOrigin) {
        let context = RouteContext {
            sender: message.from.clone(),
            category: message.effective_category(),
            bucket: bucket(&self.0.rollout_key, &message.to),
        };
        let answer = timeout(&*self.0.clock, self.0.policy.flag_limit, self.0.route.route(&context)).await;
        let answer = match answer {
            Some(Some(route)) if !self.knows(&route) => {
                self.tell(FailoverEvent::UnknownMember { send, route });
                Some(None)
            }
            answer => answer,
        };
        {
            let mut last = self.0.last_route.lock().unwrap_or_else(PoisonError::into_inner);
            let (route, origin) = match answer {
                Some(route) => {
                    last.flag.clone_from(&route);
                    let origin = if route.is_some() { RouteOrigin::Flag } else { RouteOrigin::Default };
                    (route, origin)
                }
                None if last.flag.is_some() => (last.flag.clone(), RouteOrigin::LastKnown),
                None => (None, RouteOrigin::Default),
            };
            (route.unwrap_or_else(|| self.0.default_route.clone()), origin)
        }
    }

    /// Takes down which route holds for a message.
    pub(super) fn hold(&self, route: Route, origin: RouteOrigin) {
        self.0.last_route.lock().unwrap_or_else(PoisonError::into_inner).held = Some((route, origin));
    }

    /// The route that held for the last message, and where it came from.
    pub(super) fn last_route(&self) -> (Route, RouteOrigin) {
        let last = self.0.last_route.lock().unwrap_or_else(PoisonError::into_inner);
        last.held.clone().unwrap_or_else(|| (self.0.default_route.clone(), RouteOrigin::Default))
    }

    fn knows(&self, route: &Route) -> bool {
        route.member().is_none_or(|id| self.0.members.iter().any(|member| member.id() == id))
    }
}

/// A number that stands for a recipient, or a message, within this process.
pub(super) fn stands_for(name: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

/// Where a recipient stands in a rollout: the same on every machine and in every version of the crate.
fn bucket(key: &[u8], to: &Recipient) -> u16 {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return 0;
    };
    // Learning a user's id moves nobody.
    mac.update(to.lasting_name().as_bytes());
    let digest = mac.finalize().into_bytes();
    let number = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    u16::try_from(number % 10_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::PhoneNumber;

    #[test]
    fn buckets_are_stable_spread_and_keyed() {
        let number =
            |n: u64| Recipient::from(PhoneNumber::from_digits(&(15_550_000_000 + n).to_string()).unwrap());
        assert_eq!((bucket(b"", &number(1)), bucket(b"key", &number(1))), (9063, 7673));
        let buckets = |key: &[u8]| (0..10_000).map(|n| bucket(key, &number(n))).collect::<Vec<_>>();
        let plain = buckets(b"");
        let below = plain.iter().filter(|bucket| **bucket < 500).count();
        assert!((400..600).contains(&below), "{below} of 10,000 in the first 5 %");
        assert!(plain.iter().all(|bucket| *bucket < 10_000));
        let same = plain.iter().zip(buckets(b"key")).filter(|(a, b)| **a == *b).count();
        assert!(same < 20, "{same} the same under another key");
    }
}
