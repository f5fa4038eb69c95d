use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::redact::redacted_debug;

/// A button that opens a WhatsApp Flow.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Flow {
    /// The flow's id or name.
    pub flow: FlowName,
    /// What the button says, best at most 30 characters.
    pub cta: String,
    /// Comes back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether the published flow or its draft is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FlowMode>,
    /// Where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<FlowStart>,
}

impl Flow {
    /// A button for the flow with this id.
    pub fn by_id(id: impl Into<String>, cta: impl Into<String>) -> Self {
        Self { flow: FlowName::Id(id.into()), cta: cta.into(), token: None, mode: None, start: None }
    }

    /// A button for the flow with this name.
    pub fn by_name(name: impl Into<String>, cta: impl Into<String>) -> Self {
        Self { flow: FlowName::Name(name.into()), ..Self::by_id("", cta) }
    }

    /// Sets what comes back with the answer.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Says which form of it is opened.
    #[must_use]
    pub fn with_mode(mut self, mode: FlowMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Says where it begins.
    #[must_use]
    pub fn with_start(mut self, start: FlowStart) -> Self {
        self.start = Some(start);
        self
    }
}

/// How a flow is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlowName {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

/// Which form of a flow is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlowMode {
    /// The published one.
    Published,
    /// The draft, for tests.
    Draft,
}

/// Where a flow begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlowStart {
    /// At a screen, with data for it.
    #[non_exhaustive]
    Navigate {
        /// The screen.
        screen: String,
        /// Its data.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
        data: Option<Json>,
    },
    /// The business's own endpoint decides.
    DataExchange,
}

impl FlowStart {
    /// At a screen, with data for it.
    pub fn navigate(screen: impl Into<String>, data: Option<Json>) -> Self {
        Self::Navigate { screen: screen.into(), data }
    }
}

redacted_debug! {
    Flow { mode }
}
