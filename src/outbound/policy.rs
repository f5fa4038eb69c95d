use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::to_millis;

/// What a message is for. It decides deadlines, who waits for whom when a sender is throttled, and whether failing
/// over is right at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// A one-time code. It is worth nothing in a minute.
    Authentication,
    /// An order, an appointment, an account: something the user waits for.
    Utility,
    /// Advertising.
    Marketing,
    /// An answer within the customer service window.
    Service,
}

impl Category {
    /// Every category.
    pub const ALL: &'static [Self] = &[Self::Authentication, Self::Utility, Self::Marketing, Self::Service];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Utility => "utility",
            Self::Marketing => "marketing",
            Self::Service => "service",
        }
    }
}

/// What a failover does when a provider may have the message and may not.
///
/// As JSON: `"stop"`, `"fail_over"` or `{"reconcile":{"within":20,"otherwise":"stop"}}`.
#[doc(alias = "ambiguous")]
#[doc(alias = "idempotency")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnUnknown {
    /// Answers with an error whose acceptance is unknown. The user gets the message at most once.
    #[default]
    Stop,
    /// Looks for the message at the provider that may have it.
    #[non_exhaustive]
    Reconcile {
        /// For how long, in seconds. Where another provider may be tried after it, half of the time that is left at most.
        #[serde(with = "crate::json::seconds")]
        within: Duration,
        /// What to do when that does not decide: not finding it is no proof.
        #[serde(default)]
        otherwise: Otherwise,
    },
    /// Tries the next provider. The user gets the message at least once, and may get it twice.
    FailOver,
}

impl OnUnknown {
    /// Looks for the message for as long as `within`, kept to the millisecond, and then does `otherwise`.
    pub fn reconcile(within: Duration, otherwise: Otherwise) -> Self {
        Self::Reconcile { within: to_millis(within), otherwise }
    }
}

/// What to do when looking for a message did not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Otherwise {
    /// As [`OnUnknown::Stop`].
    #[default]
    Stop,
    /// As [`OnUnknown::FailOver`].
    FailOver,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_forms() {
        for (value, json) in [
            (OnUnknown::Stop, r#""stop""#),
            (OnUnknown::FailOver, r#""fail_over""#),
            (
                OnUnknown::reconcile(Duration::from_secs(20), Otherwise::Stop),
                r#"{"reconcile":{"within":20,"otherwise":"stop"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<OnUnknown>(json).unwrap(), value);
        }
        for category in Category::ALL {
            assert_eq!(serde_json::to_string(category).unwrap(), format!("\"{}\"", category.as_str()));
        }
    }
}
