use std::sync::Arc;

use http::StatusCode;

use crate::ids::ProviderId;
use crate::webhook::SignatureError;

pub(super) type Observer = Arc<dyn Fn(&WebhookOutcome) + Send + Sync>;

/// How a webhook ended, for the people who must be told when it did not end well. Nothing in it is of the request or of
/// its events: no body, number, URL or event id.
///
/// Why a sink failed is not in it either, because an error of a database may repeat what it was given; that is for the
/// sink to log. A webhook whose future was dropped has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookOutcome {
    /// The sink took the events, and the webhook was acknowledged.
    #[non_exhaustive]
    Accepted {
        /// The provider that verified it.
        provider: ProviderId,
        /// How many events it brought.
        events: usize,
        /// How many of them went to the dead-letter sink. Look at them.
        dead_lettered: usize,
    },
    /// A handshake was answered.
    #[non_exhaustive]
    HandshakeAnswered {
        /// With what: 200, or 403 for a wrong token.
        status: StatusCode,
    },
    /// It was neither GET nor POST.
    MethodNotAllowed,
    /// No signature held. Scanners make a steady trickle of [`Missing`](SignatureError::Missing);
    /// [`Mismatch`](SignatureError::Mismatch) in numbers is a secret that was changed on one side only, or an attack.
    #[non_exhaustive]
    Refused {
        /// The provider that refused it. None if nobody recognised it by its head.
        provider: Option<ProviderId>,
        /// Why.
        reason: SignatureError,
    },
    /// The body was larger than the limit.
    TooLarge,
    /// The body did not come in time.
    TooSlow,
    /// The body broke off.
    BrokenOff,
    /// The sink, or the dead-letter sink, could not take the events now. The webhook was not acknowledged.
    #[non_exhaustive]
    SinkUnavailable {
        /// The provider that verified it.
        provider: ProviderId,
        /// How many events it brought.
        events: usize,
    },
    /// The sink, with the dead-letter sink, took too long. The webhook was not acknowledged.
    #[non_exhaustive]
    SinkTimedOut {
        /// The provider that verified it.
        provider: ProviderId,
        /// How many events it brought.
        events: usize,
    },
    /// The sink can never take some of the events, and there is no dead-letter sink, or it can never take them either.
    /// The webhook was not acknowledged, and **will end so every time** until somebody changes the one or the other.
    #[non_exhaustive]
    Stuck {
        /// The provider that verified it.
        provider: ProviderId,
        /// How many events it brought.
        events: usize,
        /// How many of them nobody takes.
        rejected: usize,
    },
    /// The provider did not read what it had verified: a defect of that provider. The webhook was not acknowledged.
    #[non_exhaustive]
    Foreign {
        /// The provider that verified it.
        provider: ProviderId,
    },
}

impl WebhookOutcome {
    /// What is answered; for `Accepted`, unless the provider acknowledges in another way.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Accepted { .. } => StatusCode::OK,
            Self::HandshakeAnswered { status } => *status,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused { .. } => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::SinkUnavailable { .. } | Self::SinkTimedOut { .. } | Self::Stuck { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Foreign { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
