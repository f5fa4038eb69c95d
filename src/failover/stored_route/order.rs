use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::failover::Route;
use crate::json::Version1;
use crate::redact::redacted_debug;

/// What somebody ordered of the route, and why. As JSON:
/// `{"v":1,"route":"only:twilio","reason":"incident 7","by":"on call","until":"2026-11-22T10:00:00.000Z"}`, in which all
/// but the first two may be missing.
///
/// `Debug` prints neither the reason nor who it was.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RouteOrder {
    v: Version1,
    /// Where messages go.
    pub route: Route,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who ordered it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// From then on it is no opinion any more, by the time of day of each machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl RouteOrder {
    /// An order that holds until there is another one.
    pub fn new(route: Route) -> Self {
        Self { v: Version1, route, reason: None, by: None, until: None }
    }

    /// Says why.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Says who ordered it.
    #[must_use]
    pub fn with_by(mut self, by: impl Into<String>) -> Self {
        self.by = Some(by.into());
        self
    }

    /// Ends it by itself.
    #[must_use]
    pub fn with_until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    pub(super) fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

redacted_debug! {
    RouteOrder { route, until }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_what_they_write() {
        let order = RouteOrder::new("only:twilio".parse().unwrap());
        let until = "2026-11-22T10:00:00Z".parse().unwrap();
        let full = order.clone().with_reason("CANARY").with_by("CANARY").with_until(until);
        let said = r#""reason":"CANARY","by":"CANARY","until":"2026-11-22T10:00:00.000Z""#;
        for (order, json) in [
            (order, r#"{"v":1,"route":"only:twilio"}"#.to_owned()),
            (full, format!(r#"{{"v":1,"route":"only:twilio",{said}}}"#)),
        ] {
            assert_eq!(serde_json::to_string(&order).unwrap(), json);
            assert_eq!(serde_json::from_str::<RouteOrder>(&json).unwrap(), order);
            assert!(!format!("{order:?}").contains("CANARY"));
        }
        for bad in
            [r#"{"route":"auto"}"#, r#"{"v":2,"route":"auto"}"#, r#"{"v":1}"#, r#"{"v":1,"route":"x"}"#]
        {
            serde_json::from_str::<RouteOrder>(bad).unwrap_err();
        }
    }
}
