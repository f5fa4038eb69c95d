use serde::{Deserialize, Serialize};

use super::notice::Notice;
use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::redact::redacted_debug;

/// News about the account, the number or a template rather than about one message.
///
/// Which sender it is about says the event; one that is about a whole account names none.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountNotice {
    /// The account it is about, where the webhook names one (Meta: the WABA id).
    #[doc(alias = "WABA")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The business's own number that it is about, where the webhook names it by its digits alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<PhoneNumber>,
    /// The news.
    #[serde(flatten)]
    pub notice: Notice,
}

impl AccountNotice {
    /// News about no account in particular.
    pub fn new(notice: Notice) -> Self {
        Self { account: None, number: None, notice }
    }

    /// Names the account.
    #[must_use]
    pub fn with_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Names the business's own number.
    #[must_use]
    pub fn with_number(mut self, number: PhoneNumber) -> Self {
        self.number = Some(number);
        self
    }
}

/// Something that an account may not do for a while.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Restriction {
    /// What, in the provider's word: `RESTRICTED_BIZ_INITIATED_MESSAGING`.
    pub what: String,
    /// Which messages it keeps from being sent. JSON that does not say so was written by an older version; that it is
    /// restricted is told then, and keeps no message from being sent.
    #[serde(default, skip_serializing_if = "RestrictedMessages::is_none")]
    pub messages: RestrictedMessages,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Restriction {
    /// A restriction without an end that is known, which concerns no messages.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), messages: RestrictedMessages::None, until: None }
    }

    /// Says which messages it keeps from being sent.
    #[must_use]
    pub fn with_messages(mut self, messages: RestrictedMessages) -> Self {
        self.messages = messages;
        self
    }

    /// Says until when it holds.
    #[must_use]
    pub fn with_end(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }
}

/// The messages that a [`Restriction`] keeps from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RestrictedMessages {
    /// Those to users who have not written within 24 hours.
    BusinessInitiated,
    /// Those to users who have: answers.
    UserInitiated,
    /// None, or nobody knows which.
    #[default]
    #[serde(other)]
    None,
}

impl RestrictedMessages {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde fixes the signature")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

redacted_debug! { AccountNotice { notice } }
