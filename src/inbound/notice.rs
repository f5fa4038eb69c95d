use serde::{Deserialize, Serialize};

use super::account::Restriction;
use super::identity::User;
use crate::clock::Timestamp;
use crate::error::Failure;
use crate::json::Json;
use crate::outbound::ContactCard;
use crate::redact::redacted_debug;

/// The news of an [`AccountNotice`](super::AccountNotice). As JSON it has a `notice`:
/// `{"notice":"blocked","reason":"…"}`.
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
    /// The account violated a policy. It can still send.
    #[non_exhaustive]
    Violation {
        /// The policy, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        what: Option<String>,
    },
    /// Something that somebody should look at.
    #[non_exhaustive]
    Alert {
        /// What it is about, in the provider's word.
        event: String,
        /// How bad it is, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        severity: Option<String>,
        /// How far it is, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// What the provider says of it, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The provider has looked at the account.
    #[non_exhaustive]
    Review {
        /// The decision, in the provider's word.
        decision: String,
    },
    /// The limits of the account changed.
    #[non_exhaustive]
    Limits {
        /// The messaging limit, in the provider's word or as a number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        messages: Option<String>,
        /// How many numbers it may have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        numbers: Option<u64>,
    },
    /// Something else about the account changed.
    #[non_exhaustive]
    Updated {
        /// What, in the provider's word.
        event: String,
        /// The provider's JSON.
        data: Json,
    },
    /// The quality or the limits of the number changed.
    #[non_exhaustive]
    NumberQuality {
        /// What happened, in the provider's word.
        event: String,
        /// The messaging limit, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<String>,
        /// The messaging limit before, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_limit: Option<String>,
    },
    /// A decision about the number's display name.
    #[non_exhaustive]
    NumberName {
        /// The decision, in the provider's word.
        decision: String,
        /// The name that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Why, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The business's user name changed, or a decision about it.
    #[non_exhaustive]
    Username {
        /// The user name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<String>,
        /// How far it is, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
    },
    /// A template was approved, paused, disabled, or otherwise changed.
    Template(Box<TemplateUpdate>),
    /// A user wants or does not want marketing messages.
    #[non_exhaustive]
    MarketingPreference {
        /// The user.
        user: Box<User>,
        /// Whether marketing may be sent.
        wanted: bool,
        /// What the provider says of it, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// The id of the form by which the user asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signup_id: Option<String>,
    },
    /// A user did something other than write, such as follow a link of a marketing message.
    #[non_exhaustive]
    UserAction {
        /// What, in the provider's word.
        action: String,
        /// The provider's JSON.
        data: Json,
    },
    /// A contact was put into the address book of the business's app, or taken out of it.
    #[non_exhaustive]
    AddressBook {
        /// The contact.
        card: Box<ContactCard>,
        /// Whether it was taken out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        removed: bool,
    },
    /// Something of the account's security, such as a PIN that was changed.
    #[non_exhaustive]
    Security {
        /// What happened, in the provider's word.
        event: String,
        /// Who did it, by the provider's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
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
        /// Whether this application has control now: so it is if control was passed, and not so if it was taken.
        in_control: bool,
        /// What happened, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event: Option<String>,
        /// The role of whoever had control before, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
        /// The role of whoever has control now, in the provider's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    /// Something about a voice call.
    #[non_exhaustive]
    Call {
        /// What happened, in the provider's word.
        event: String,
        /// The user who calls or is called, where the provider says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Box<User>>,
        /// Who calls whom, in the provider's word: `USER_INITIATED`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        direction: Option<String>,
        /// The provider's JSON.
        data: Json,
    },
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

    /// Some sorts of message cannot be sent for a while.
    pub fn restricted(restrictions: Vec<Restriction>) -> Self {
        Self::Restricted { restrictions }
    }

    /// A user wants or does not want marketing messages.
    pub fn marketing_preference(user: User, wanted: bool) -> Self {
        Self::MarketingPreference { user: Box::new(user), wanted, detail: None, signup_id: None }
    }

    /// A template changed.
    pub fn template(update: TemplateUpdate) -> Self {
        Self::Template(Box::new(update))
    }

    /// The user that the news are about, where they are about one.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::MarketingPreference { user, .. } | Self::Handover { user, .. } => Some(user),
            Self::Call { user, .. } => user.as_deref(),
            _ => None,
        }
    }

    /// The stable name of the news.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Blocked { .. } => "blocked",
            Self::Restricted { .. } => "restricted",
            Self::Reinstated => "reinstated",
            Self::Violation { .. } => "violation",
            Self::Alert { .. } => "alert",
            Self::Review { .. } => "review",
            Self::Limits { .. } => "limits",
            Self::Updated { .. } => "updated",
            Self::NumberQuality { .. } => "number_quality",
            Self::NumberName { .. } => "number_name",
            Self::Username { .. } => "username",
            Self::Template(_) => "template",
            Self::MarketingPreference { .. } => "marketing_preference",
            Self::UserAction { .. } => "user_action",
            Self::AddressBook { .. } => "address_book",
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

/// What happened to a template.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateUpdate {
    /// The template's name.
    pub name: String,
    /// Its language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What happened, or what it is now, in the provider's word: `APPROVED`, `PAUSED`, `GREEN`, `UTILITY`.
    pub event: String,
    /// What of the template changed: `status`, `quality`, `category` or `components`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect: Option<String>,
    /// Why, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The provider's id of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its category, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What it was before, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is to become, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<String>,
    /// When it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Which pause it is, in the provider's word: `FIRST_PAUSE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the provider says of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the provider recommends, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
    /// The template's parts, as the provider's JSON has them, where it is they that changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    pub data: Option<Json>,
}

impl TemplateUpdate {
    /// Something that happened to the template of this name.
    pub fn new(name: impl Into<String>, event: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            language: None,
            event: event.into(),
            aspect: None,
            reason: None,
            id: None,
            category: None,
            before: None,
            planned: None,
            disabled_at: None,
            title: None,
            text: None,
            recommendation: None,
            data: None,
        }
    }
}

redacted_debug! { TemplateUpdate {} }
