//! One event of every sort, and where a sort has several outcomes one of each, for the tests of the observers.

use std::time::Duration;

use super::{FailoverEvent, Resolution, RouteOrigin};
use crate::clock::Timestamp;
use crate::error::{Acceptance, ErrorKind, Failure};
use crate::failover::health::{HealthAspect, HealthState};
use crate::failover::plan::{Plan, SkipReason, Skipped, Standing, Step, Window};
use crate::failover::route::Route;
use crate::failover::status::Switch;
use crate::ids::{AttemptId, ProviderId, SenderId};
use crate::outbound::Category;

const SEND: AttemptId = AttemptId::from_u128(1);
const ATTEMPT: AttemptId = AttemptId::from_u128(2);

pub(super) fn samples() -> Vec<FailoverEvent> {
    let refused = |kind| Failure::new(kind, Acceptance::NotAccepted);
    let too_long = Failure {
        field: Some("content.body".into()),
        limit: Some(1_600),
        actual: Some(1_601),
        ..refused(ErrorKind::Unsupported)
    };
    let no_answer = Failure::new(ErrorKind::NoAnswer, Acceptance::Unknown);
    let expired_token = Failure {
        provider: Some(ProviderId::META),
        code: Some(190),
        status: Some(401),
        trace_id: Some("trace".to_owned()),
        // An event has none; if one had, it must not be told.
        details: Some("words".to_owned()),
        ..refused(ErrorKind::Credentials)
    };
    vec![
        FailoverEvent::Routed {
            send: SEND,
            route: Route::Prefer(ProviderId::META),
            origin: RouteOrigin::Flag,
        },
        FailoverEvent::UnknownMember { send: SEND, route: Route::Only(ProviderId::TWILIO) },
        FailoverEvent::Planned { send: SEND, plan: plan(), category: Category::Utility },
        FailoverEvent::Planned { send: SEND, plan: Plan::default(), category: Category::Utility },
        FailoverEvent::AttemptStarted {
            send: SEND,
            attempt: ATTEMPT,
            provider: ProviderId::META,
            trial: true,
        },
        attempt_ended(None),
        attempt_ended(Some(too_long.clone())),
        attempt_ended(Some(expired_token.clone())),
        attempt_ended(Some(no_answer.clone())),
        finished(None),
        finished(Some(too_long)),
        finished(Some(no_answer)),
        unknown(Resolution::Stopped),
        unknown(Resolution::FailedOver),
        unknown(Resolution::Found),
        unknown(Resolution::Refused),
        FailoverEvent::Repeated { send: SEND, provider: ProviderId::TWILIO },
        FailoverEvent::NotClaimed { send: SEND, kind: ErrorKind::Duplicate },
        FailoverEvent::NotClaimed { send: SEND, kind: ErrorKind::StoreUnavailable },
        FailoverEvent::Probed { provider: ProviderId::META, failure: None },
        FailoverEvent::Probed { provider: ProviderId::META, failure: Some(expired_token.clone()) },
        health(HealthAspect::Reachability, HealthState::Closed, HealthState::Open),
        health(HealthAspect::Account, HealthState::Open, HealthState::HalfOpen),
        health(HealthAspect::Reachability, HealthState::HalfOpen, HealthState::Closed),
        switched(ProviderId::META, ProviderId::TWILIO),
        switched(ProviderId::TWILIO, ProviderId::META),
        FailoverEvent::Paused {
            provider: ProviderId::META,
            category: Category::Marketing,
            wait: Duration::from_millis(900_000),
        },
        FailoverEvent::NeedsAttention {
            provider: ProviderId::META,
            failure: Some(expired_token),
            notice: None,
        },
        FailoverEvent::NeedsAttention { provider: ProviderId::META, failure: None, notice: Some("blocked") },
        FailoverEvent::Isolated { provider: ProviderId::META, isolated: true },
        FailoverEvent::Isolated { provider: ProviderId::META, isolated: false },
        FailoverEvent::KnowledgeUnavailable,
    ]
}

fn plan() -> Plan {
    Plan {
        preferred: Some(ProviderId::META),
        steps: vec![Step {
            member: ProviderId::TWILIO,
            contents: vec![0],
            standing: Standing::Ready,
            window: Window::Unknown,
        }],
        skipped: vec![Skipped {
            member: ProviderId::META,
            reason: SkipReason::Unhealthy(ErrorKind::Unavailable),
        }],
    }
}

fn attempt_ended(failure: Option<Failure>) -> FailoverEvent {
    FailoverEvent::AttemptEnded {
        send: SEND,
        attempt: ATTEMPT,
        provider: ProviderId::TWILIO,
        sender: failure.is_none().then(|| SenderId::new(ProviderId::TWILIO, "+14155238886")),
        category: Category::Utility,
        reference: Some("order-77".to_owned()),
        failure,
        latency: Duration::from_micros(81_500),
    }
}

fn finished(failure: Option<Failure>) -> FailoverEvent {
    FailoverEvent::Finished {
        send: SEND,
        provider: failure.is_none().then_some(ProviderId::TWILIO),
        category: Category::Authentication,
        reference: None,
        failure,
        attempts: 2,
        latency: Duration::from_millis(1_250),
    }
}

fn unknown(resolution: Resolution) -> FailoverEvent {
    FailoverEvent::Unknown { attempt: ATTEMPT, provider: ProviderId::META, resolution }
}

fn health(aspect: HealthAspect, from: HealthState, to: HealthState) -> FailoverEvent {
    FailoverEvent::HealthChanged { provider: ProviderId::META, aspect, from, to }
}

fn switched(from: ProviderId, to: ProviderId) -> FailoverEvent {
    let switch = Switch { at: Timestamp::UNIX_EPOCH, preferred: ProviderId::META, from, to };
    FailoverEvent::Switched { switch }
}

#[test]
fn every_sort_of_event_is_among_them() {
    // A new sort does not compile here until it has a number, and a number without a sample fails.
    let number = |event: &FailoverEvent| match event {
        FailoverEvent::Routed { .. } => 0,
        FailoverEvent::UnknownMember { .. } => 1,
        FailoverEvent::Planned { .. } => 2,
        FailoverEvent::AttemptStarted { .. } => 3,
        FailoverEvent::AttemptEnded { .. } => 4,
        FailoverEvent::Finished { .. } => 5,
        FailoverEvent::Unknown { .. } => 6,
        FailoverEvent::Repeated { .. } => 7,
        FailoverEvent::NotClaimed { .. } => 8,
        FailoverEvent::Probed { .. } => 9,
        FailoverEvent::HealthChanged { .. } => 10,
        FailoverEvent::Switched { .. } => 11,
        FailoverEvent::Paused { .. } => 12,
        FailoverEvent::NeedsAttention { .. } => 13,
        FailoverEvent::Isolated { .. } => 14,
        FailoverEvent::KnowledgeUnavailable => 15,
    };
    let mut numbers: Vec<usize> = samples().iter().map(number).collect();
    numbers.dedup();
    assert_eq!(numbers, (0..=15).collect::<Vec<_>>());
}
