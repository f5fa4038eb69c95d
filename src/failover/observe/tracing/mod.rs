use std::time::Duration;

use tracing::{Level, debug, field, info, trace, warn};

use super::{FailoverEvent, Observer, Resolution, acceptance};
use crate::error::{Acceptance, ErrorKind, Failure};
use crate::failover::health::HealthState;
use crate::ids::ProviderId;

const TARGET: &str = "whatsapp_provider::failover";

/// Writes every decision of a failover to `tracing`, under the target `whatsapp_provider::failover`.
///
/// ```
/// use whatsapp_provider::failover::{FailoverProvider, TracingObserver};
/// # use whatsapp_provider::testing::{MemoryProvider, TestClock};
/// # let meta = MemoryProvider::new("meta".parse()?);
/// # let clock = std::sync::Arc::new(TestClock::new());
///
/// let whatsapp = FailoverProvider::builder()
///     .primary(meta)
///     .observer(TracingObserver::new())
/// #   .clock(clock)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | message | level | fields |
/// |---|---|---|
/// | `routed` | trace | `send`, `route`, `origin` |
/// | `the flag names no member` | warn | `send`, `route` |
/// | `planned` | debug | `send`, `category`, `preferred`, `members`, `skipped` |
/// | `attempt started` | trace | `send`, `attempt`, `provider`, `trial` |
/// | `attempt ended` | debug, or by its failure | `send`, `attempt`, `provider`, `sender`, `category`, `reference`, `acceptance`, `kind`, `code`, `field`, `latency_ms` |
/// | `send finished` | debug, or by its failure | `send`, `provider`, `category`, `reference`, `acceptance`, `kind`, `code`, `field`, `attempts`, `latency_ms` |
/// | `outcome unknown` | warn; info if it was found out | `attempt`, `provider`, `resolution` |
/// | `sent by an earlier call` | debug | `send`, `provider` |
/// | `not claimed` | warn; info for a duplicate | `send`, `kind` |
/// | `probed` | debug, or by its failure | `provider`, `kind`, `code` |
/// | `health changed` | warn when it opens, else info | `provider`, `aspect`, `from`, `to` |
/// | `switched` | warn; info when messages go where they should again | `preferred`, `from`, `to` |
/// | `paused` | info: what a provider asked for is done | `provider`, `category`, `wait_ms` |
/// | `attention needed` | warn | `provider`, `kind`, `code`, `notice` |
/// | `isolated by hand`, `restored by hand` | warn, info | provider |
/// | `knowledge unavailable` | warn | |
///
/// What every send does is debug, its single steps are trace. A failure is info if the message, its recipient or another
/// call with its key brought it about: that is everyday life, and the caller is told of it. It is warn if it speaks of a
/// provider, an account, a template or a store, or if nobody knows whether the message was accepted: then somebody
/// should know.
///
/// `acceptance` is `accepted`, `not_accepted` or `unknown`; `kind` is the name of the [`ErrorKind`], `code` the
/// provider's own code; times are whole milliseconds. A field for which there is no value is left out. Of a sender that is
/// a number only the last four characters are written, and of a provider's answer never the words. The `reference` is the
/// caller's own and is written as it is: do not put names, numbers or secrets into it.
#[derive(Debug, Clone, Default)]
pub struct TracingObserver(());

impl TracingObserver {
    /// An observer that writes to whatever `tracing` writes to at that moment.
    pub fn new() -> Self {
        Self(())
    }
}

/// An event whose level is only known when it happens; `tracing` wants a place in the code for each.
macro_rules! at {
    ($level:expr, $($event:tt)+) => {
        match $level {
            Level::DEBUG => debug!(target: TARGET, $($event)+),
            Level::INFO => info!(target: TARGET, $($event)+),
            _ => warn!(target: TARGET, $($event)+),
        }
    };
}

impl Observer for TracingObserver {
    fn observe(&self, event: &FailoverEvent) {
        match event {
            FailoverEvent::Routed { send, route, origin } => {
                trace!(target: TARGET, %send, %route, origin = origin.as_str(), "routed");
            }
            FailoverEvent::UnknownMember { send, route } => {
                warn!(target: TARGET, %send, %route, "the flag names no member");
            }
            FailoverEvent::Planned { send, plan, category } => debug!(
                target: TARGET,
                %send,
                category = category.as_str(),
                preferred = plan.preferred.as_ref().map(ProviderId::as_str),
                members = ?plan.steps.iter().map(|step| &step.member).collect::<Vec<_>>(),
                skipped = ?plan.skipped,
                "planned"
            ),
            FailoverEvent::AttemptStarted { send, attempt, provider, trial } => {
                trace!(target: TARGET, %send, %attempt, provider = provider.as_str(), trial, "attempt started");
            }
            FailoverEvent::AttemptEnded {
                send,
                attempt,
                provider,
                sender,
                category,
                reference,
                failure,
                latency,
            } => {
                let failure = failure.as_ref();
                at!(
                    level(failure),
                    %send,
                    %attempt,
                    provider = provider.as_str(),
                    sender = sender.as_ref().map(field::debug),
                    category = category.as_str(),
                    reference = reference.as_deref(),
                    acceptance = acceptance(failure),
                    kind = failure.map(kind),
                    code = failure.and_then(|failure| failure.code),
                    field = failure.and_then(|failure| failure.field.as_deref()),
                    latency_ms = millis(*latency),
                    "attempt ended"
                );
            }
            FailoverEvent::Finished { send, provider, category, reference, failure, attempts, latency } => {
                let failure = failure.as_ref();
                at!(
                    level(failure),
                    %send,
                    provider = provider.as_ref().map(ProviderId::as_str),
                    category = category.as_str(),
                    reference = reference.as_deref(),
                    acceptance = acceptance(failure),
                    kind = failure.map(kind),
                    code = failure.and_then(|failure| failure.code),
                    field = failure.and_then(|failure| failure.field.as_deref()),
                    attempts,
                    latency_ms = millis(*latency),
                    "send finished"
                );
            }
            FailoverEvent::Unknown { attempt, provider, resolution } => at!(
                match resolution {
                    Resolution::Found | Resolution::Refused => Level::INFO,
                    Resolution::Stopped | Resolution::FailedOver => Level::WARN,
                },
                %attempt,
                provider = provider.as_str(),
                resolution = resolution.as_str(),
                "outcome unknown"
            ),
            FailoverEvent::Repeated { send, provider } => {
                debug!(target: TARGET, %send, provider = provider.as_str(), "sent by an earlier call");
            }
            FailoverEvent::NotClaimed { send, kind } => at!(
                if *kind == ErrorKind::Duplicate { Level::INFO } else { Level::WARN },
                %send,
                kind = kind.as_str(),
                "not claimed"
            ),
            FailoverEvent::Probed { provider, failure } => {
                let failure = failure.as_ref();
                at!(
                    level(failure),
                    provider = provider.as_str(),
                    kind = failure.map(kind),
                    code = failure.and_then(|failure| failure.code),
                    "probed"
                );
            }
            FailoverEvent::HealthChanged { provider, aspect, from, to } => at!(
                if *to == HealthState::Open { Level::WARN } else { Level::INFO },
                provider = provider.as_str(),
                aspect = aspect.as_str(),
                from = from.as_str(),
                to = to.as_str(),
                "health changed"
            ),
            FailoverEvent::Switched { switch } => at!(
                if switch.to == switch.preferred { Level::INFO } else { Level::WARN },
                preferred = switch.preferred.as_str(),
                from = switch.from.as_str(),
                to = switch.to.as_str(),
                "switched"
            ),
            FailoverEvent::Paused { provider, category, wait } => info!(
                target: TARGET,
                provider = provider.as_str(),
                category = category.as_str(),
                wait_ms = millis(*wait),
                "paused"
            ),
            FailoverEvent::NeedsAttention { provider, failure, notice } => {
                let failure = failure.as_ref();
                warn!(
                    target: TARGET,
                    provider = provider.as_str(),
                    kind = failure.map(kind),
                    code = failure.and_then(|failure| failure.code),
                    notice,
                    "attention needed"
                );
            }
            FailoverEvent::Isolated { provider, isolated: true } => {
                warn!(target: TARGET, provider = provider.as_str(), "isolated by hand");
            }
            FailoverEvent::Isolated { provider, isolated: false } => {
                info!(target: TARGET, provider = provider.as_str(), "restored by hand");
            }
            FailoverEvent::KnowledgeUnavailable => warn!(target: TARGET, "knowledge unavailable"),
        }
    }
}

/// See the documentation of [`TracingObserver`].
fn level(failure: Option<&Failure>) -> Level {
    let Some(failure) = failure else { return Level::DEBUG };
    match (failure.kind, failure.acceptance) {
        // Its acceptance is not known because another call is at the same message: that is for the other call to tell.
        (ErrorKind::Duplicate, _) => Level::INFO,
        (_, Acceptance::Unknown) => Level::WARN,
        (
            ErrorKind::InvalidMessage
            | ErrorKind::Unsupported
            | ErrorKind::NotPortable
            | ErrorKind::MediaExpired
            | ErrorKind::RecipientUnreachable
            | ErrorKind::RecipientRefused
            | ErrorKind::RecipientThrottled
            | ErrorKind::WindowClosed,
            Acceptance::NotAccepted,
        ) => Level::INFO,
        (_, Acceptance::NotAccepted) => Level::WARN,
    }
}

fn kind(failure: &Failure) -> &'static str {
    failure.kind.as_str()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
