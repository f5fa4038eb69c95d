use serde::{Deserialize, Serialize};

use super::identity::User;
use crate::clock::Timestamp;
use crate::error::Failure;
use crate::json::Json;
use crate::redact::redacted_debug;

/// News about the account, the number or a template rather than about one message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountNotice {
    /// The account it is about, where the webhook names one (Meta: the WABA id).
    #[doc(alias = "WABA")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The news.
    #[serde(flatten)]
    pub notice: Notice,
}

impl AccountNotice {
    /// News about no account in particular.
    pub fn new(notice: Notice) -> Self {
        Self { account: None, notice }
    }

    /// Names the account.
    #[must_use]
    pub fn with_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }
}

/// The news of an [`AccountNotice`]. As JSON it has a `notice`: `{"notice":"blocked","reason":"…"}`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// The account or the number cannot send any more.
    #[non_exhaustive]
    Blocked {
        /// Why, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When it takes effect, if it is announced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Timestamp>,
    },
    /// Some sorts of message cannot be sent for a while.
    #[non_exhaustive]
    Restricted {
        /// What is restricted.
        restrictions: Vec<Restriction>,
    },
    /// The account or the number can send again.
    Reinstated,
    /// The quality or the limits of the number changed.
    #[non_exhaustive]
    NumberQuality {
        /// What happened, in the provider's word.
        event: String,
        /// The messaging limit, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<String>,
    },
    /// A decision about the number's display name.
    #[non_exhaustive]
    NumberName {
        /// The decision, in the provider's word.
        decision: String,
        /// The name that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A template was approved, paused, disabled, or otherwise changed.
    #[non_exhaustive]
    Template {
        /// The template's name.
        name: String,
        /// Its language.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
        /// What happened, in the provider's word: `APPROVED`, `PAUSED`, `GREEN`, `UTILITY`.
        event: String,
        /// What of the template changed: `status`, `quality` or `category`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aspect: Option<String>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A user wants or does not want marketing messages.
    #[non_exhaustive]
    MarketingPreference {
        /// The user.
        user: Box<User>,
        /// Whether marketing may be sent.
        wanted: bool,
    },
    /// Something of the account's security, such as a PIN that was changed.
    #[non_exhaustive]
    Security {
        /// What happened, in the provider's word.
        event: String,
    },
    /// Something went wrong that belongs to no message.
    #[non_exhaustive]
    Failed {
        /// What.
        failure: Box<Failure>,
    },
    /// Another system took over the conversation with a user, or gave it back.
    #[non_exhaustive]
    Handover {
        /// The user.
        user: Box<User>,
        /// Whether this application has control now.
        in_control: bool,
    },
    /// Something about a voice call.
    #[non_exhaustive]
    Call {
        /// What happened, in the provider's word.
        event: String,
        /// The provider's JSON.
        data: Json,
    },
}

/// Something that an account may not do for a while.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Restriction {
    /// What, in the provider's word: `RESTRICTED_BIZ_INITIATED_MESSAGING`.
    pub what: String,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Restriction {
    /// A restriction without an end that is known.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), until: None }
    }
}

impl Notice {
    /// Something went wrong that belongs to no message.
    pub fn failed(failure: Failure) -> Self {
        Self::Failed { failure: Box::new(failure) }
    }

    /// The account or the number cannot send any more.
    pub fn blocked(reason: Option<String>) -> Self {
        Self::Blocked { reason, from: None }
    }

    /// The stable name of the news.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Blocked { .. } => "blocked",
            Self::Restricted { .. } => "restricted",
            Self::Reinstated => "reinstated",
            Self::NumberQuality { .. } => "number_quality",
            Self::NumberName { .. } => "number_name",
            Self::Template { .. } => "template",
            Self::MarketingPreference { .. } => "marketing_preference",
            Self::Security { .. } => "security",
            Self::Failed { .. } => "failed",
            Self::Handover { .. } => "handover",
            Self::Call { .. } => "call",
        }
    }
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed { failure } => f.debug_tuple("Failed").field(failure).finish(),
            other => write!(f, "Notice({})", other.as_str()),
        }
    }
}

redacted_debug! { AccountNotice { notice } }
