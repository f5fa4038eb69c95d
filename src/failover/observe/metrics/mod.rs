use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::{FailoverEvent, Observer, acceptance};
use crate::error::Failure;
use crate::failover::health::{HealthAspect, HealthState};
use crate::failover::status::FailoverStatus;
use crate::ids::ProviderId;

const SENDS: &str = "whatsapp_sends_total";
const SEND_DURATION: &str = "whatsapp_send_duration_seconds";
const ATTEMPTS: &str = "whatsapp_attempts_total";
const ATTEMPT_DURATION: &str = "whatsapp_attempt_duration_seconds";
const UNKNOWN: &str = "whatsapp_unknown_outcomes_total";
const REPEATED: &str = "whatsapp_repeated_sends_total";
const CLAIMS: &str = "whatsapp_refused_claims_total";
const HEALTH: &str = "whatsapp_health_state";
const SWITCHES: &str = "whatsapp_switches_total";
const PAUSES: &str = "whatsapp_pauses_total";
const ATTENTION: &str = "whatsapp_attention_needed_total";
const KNOWLEDGE: &str = "whatsapp_knowledge_unavailable_total";

/// What a label says where there is nothing to say.
const NONE: &str = "none";

/// Counts and times what a failover does, through the facade `metrics`: for whatever recorder the application installs.
///
/// ```
/// use whatsapp_provider::failover::{FailoverProvider, MetricsObserver};
/// # use whatsapp_provider::testing::{MemoryProvider, TestClock};
/// # let meta = MemoryProvider::new("meta".parse()?);
/// # let clock = std::sync::Arc::new(TestClock::new());
///
/// // Once, after the recorder was installed.
/// MetricsObserver::describe();
///
/// let metrics = MetricsObserver::new();
/// let whatsapp = FailoverProvider::builder()
///     .primary(meta)
///     .observer(metrics.clone())
/// #   .clock(clock)
///     .build()?;
///
/// // Now and then, from a timer of the application.
/// metrics.report(&whatsapp.status());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | name | type | labels | |
/// |---|---|---|---|
/// | `whatsapp_sends_total` | counter | `provider`, `category`, `acceptance`, `kind` | sends that ended |
/// | `whatsapp_send_duration_seconds` | histogram | `category`, `acceptance` | how long they took, the flag, the store and all attempts included |
/// | `whatsapp_attempts_total` | counter | `provider`, `category`, `acceptance`, `kind` | attempts that ended |
/// | `whatsapp_attempt_duration_seconds` | histogram | `provider`, `acceptance` | how long they took |
/// | `whatsapp_unknown_outcomes_total` | counter | `provider`, `resolution` | attempts of which nobody knows whether they were accepted, and what was done |
/// | `whatsapp_repeated_sends_total` | counter | `provider` | sends that an earlier call had made; they are among the sends, and made no attempt |
/// | `whatsapp_refused_claims_total` | counter | `kind` | sends that ended because their key could not be claimed |
/// | `whatsapp_health_state` | gauge | `provider`, `aspect` | 0 closed, 1 half open, 2 open |
/// | `whatsapp_switches_total` | counter | `from`, `to` | how often messages began to go by another provider, there and back |
/// | `whatsapp_pauses_total` | counter | `provider`, `category` | how often a category had to wait because it was throttled |
/// | `whatsapp_attention_needed_total` | counter | `provider`, `cause` | how often somebody should look at an account |
/// | `whatsapp_knowledge_unavailable_total` | counter | | how often the store did not say, or was not told, what is known of windows, conversations and blocks |
///
/// Labels have few values, and none is of one message or one user. `provider`, `from` and `to` are ids of members;
/// `provider` of a send is the member that accepted it. `acceptance` is `accepted`, `not_accepted` or `unknown`; `kind` is
/// the name of an [`ErrorKind`](crate::ErrorKind); `cause` is one too, or the name of a [notice](crate::inbound::Notice::as_str); `category`,
/// `aspect` and `resolution` are the names of a [`Category`](crate::Category), a [`HealthAspect`] and a
/// [`Resolution`](super::Resolution). Where there is nothing to say, they say `none`.
#[derive(Debug, Clone, Default)]
pub struct MetricsObserver(());

impl MetricsObserver {
    /// An observer that counts in whatever recorder is installed at that moment.
    pub fn new() -> Self {
        Self(())
    }

    /// Tells the recorder what each metric means, and its unit. Call it once, after the recorder was installed.
    pub fn describe() {
        for (name, text) in [
            (SENDS, "Sends that ended."),
            (ATTEMPTS, "Attempts that ended."),
            (UNKNOWN, "Attempts of which nobody knows whether they were accepted, and what was done."),
            (REPEATED, "Sends that an earlier call with the same idempotency key had made."),
            (CLAIMS, "Sends that ended because their idempotency key could not be claimed."),
            (SWITCHES, "How often messages began to go by another provider."),
            (PAUSES, "How often a category of messages had to wait because it was throttled."),
            (ATTENTION, "How often somebody should look at an account."),
            (KNOWLEDGE, "How often the store did not say, or was not told, what is known."),
        ] {
            describe_counter!(name, Unit::Count, text);
        }
        describe_histogram!(SEND_DURATION, Unit::Seconds, "How long sends took, all attempts included.");
        describe_histogram!(ATTEMPT_DURATION, Unit::Seconds, "How long attempts took.");
        describe_gauge!(HEALTH, "The health of a provider: 0 closed, 1 half open, 2 open.");
    }

    /// Sets the gauges of all members to what is true now.
    ///
    /// A failover tells of changes only, so before the first one there is no gauge; and where several share a
    /// [`HealthRegistry`](crate::failover::HealthRegistry) each change is told once, by the one that noticed it. Call this
    /// from the timer that checks the members, or whenever metrics are collected.
    pub fn report(&self, status: &FailoverStatus) {
        for member in &status.members {
            set_health(&member.member, HealthAspect::Reachability, member.reachability);
            set_health(&member.member, HealthAspect::Account, member.account);
        }
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: &FailoverEvent) {
        match event {
            FailoverEvent::AttemptEnded { provider, category, failure, latency, .. } => {
                let failure = failure.as_ref();
                counter!(
                    ATTEMPTS,
                    "provider" => provider.to_string(),
                    "category" => category.as_str(),
                    "acceptance" => acceptance(failure),
                    "kind" => kind(failure),
                )
                .increment(1);
                histogram!(
                    ATTEMPT_DURATION,
                    "provider" => provider.to_string(),
                    "acceptance" => acceptance(failure),
                )
                .record(*latency);
            }
            FailoverEvent::Finished { provider, category, failure, latency, .. } => {
                let failure = failure.as_ref();
                counter!(
                    SENDS,
                    "provider" => provider.as_ref().map_or(NONE, ProviderId::as_str).to_owned(),
                    "category" => category.as_str(),
                    "acceptance" => acceptance(failure),
                    "kind" => kind(failure),
                )
                .increment(1);
                histogram!(
                    SEND_DURATION,
                    "category" => category.as_str(),
                    "acceptance" => acceptance(failure),
                )
                .record(*latency);
            }
            FailoverEvent::Unknown { provider, resolution, .. } => {
                let resolution = resolution.as_str();
                counter!(UNKNOWN, "provider" => provider.to_string(), "resolution" => resolution)
                    .increment(1);
            }
            FailoverEvent::Repeated { provider, .. } => {
                counter!(REPEATED, "provider" => provider.to_string()).increment(1);
            }
            FailoverEvent::NotClaimed { kind, .. } => {
                counter!(CLAIMS, "kind" => kind.as_str()).increment(1);
            }
            FailoverEvent::HealthChanged { provider, aspect, to, .. } => set_health(provider, *aspect, *to),
            FailoverEvent::Switched { switch } => {
                counter!(SWITCHES, "from" => switch.from.to_string(), "to" => switch.to.to_string())
                    .increment(1);
            }
            FailoverEvent::Paused { provider, category, .. } => {
                counter!(PAUSES, "provider" => provider.to_string(), "category" => category.as_str())
                    .increment(1);
            }
            FailoverEvent::NeedsAttention { provider, failure, notice } => {
                let cause = failure.as_ref().map(|failure| failure.kind.as_str()).or(*notice);
                counter!(ATTENTION, "provider" => provider.to_string(), "cause" => cause.unwrap_or(NONE))
                    .increment(1);
            }
            FailoverEvent::KnowledgeUnavailable => counter!(KNOWLEDGE).increment(1),
            // What came of these is counted where it shows.
            FailoverEvent::Isolated { .. }
            | FailoverEvent::Routed { .. }
            | FailoverEvent::UnknownMember { .. }
            | FailoverEvent::Planned { .. }
            | FailoverEvent::AttemptStarted { .. }
            | FailoverEvent::Probed { .. } => {}
        }
    }
}

fn set_health(member: &ProviderId, aspect: HealthAspect, state: HealthState) {
    let value = match state {
        HealthState::Closed => 0.0,
        HealthState::HalfOpen => 1.0,
        HealthState::Open => 2.0,
    };
    gauge!(HEALTH, "provider" => member.to_string(), "aspect" => aspect.as_str()).set(value);
}

fn kind(failure: Option<&Failure>) -> &'static str {
    failure.map_or(NONE, |failure| failure.kind.as_str())
}

#[cfg(test)]
mod tests;
