use serde::{Deserialize, Serialize};

use crate::address::{PhoneNumber, Recipient, UserId};
use crate::clock::Timestamp;
use crate::redact::redacted_debug;

/// A user, by as many names as the event gave.
///
/// Any of them may be missing: a user with a user name shows no phone number to a business that does not know it, and
/// older events have no user id. As JSON: `{"phone":"+15557654321","user":"US.1349","profile_name":"Ada"}`.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct User {
    /// The phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The business-scoped id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The id that linked portfolios share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_user: Option<UserId>,
    /// The user name, which is no address: it can change hands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name in the user's profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_name: Option<String>,
    /// A hash of the user's identity key, where the provider was told to check identities. It changes with the user's
    /// phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_key_hash: Option<String>,
}

impl User {
    /// A user by phone number.
    pub fn with_phone(phone: PhoneNumber) -> Self {
        Self { phone: Some(phone), ..Self::default() }
    }

    /// A user by business-scoped id.
    pub fn with_user(user: UserId) -> Self {
        Self { user: Some(user), ..Self::default() }
    }

    /// The address to answer to.
    pub fn recipient(&self) -> Recipient {
        Recipient::from_names(self.phone, self.user.clone())
    }

    /// Whether no address is known.
    pub fn is_unknown(&self) -> bool {
        self.phone.is_none() && self.user.is_none()
    }
}

/// A user's names changed, or the key that stands for the user's phone.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdentityChange {
    /// The names before, as far as they are known.
    pub before: User,
    /// The names from now on, as far as they are known.
    pub after: User,
    /// Whether the phone number changed (and the old one may soon be somebody else's).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub number_changed: bool,
    /// What the provider says of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What happened, in the provider's word: `user_changed_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// The user's new key, where it is the key that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdentityKey>,
    /// Whether another application is in charge of the conversation with the user: not to be answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
}

impl IdentityChange {
    /// A change from one set of names to another.
    pub fn new(before: User, after: User) -> Self {
        Self { before, after, number_changed: false, text: None, what: None, key: None, standby: false }
    }
}

/// The key that stands for a user's phone. It is another one after the user has registered anew: perhaps on a new phone,
/// perhaps because somebody else has the number now.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdentityKey {
    /// Its hash.
    pub hash: String,
    /// Whether the business has acknowledged it, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<bool>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

impl IdentityKey {
    /// A key about which nothing more is known.
    pub fn new(hash: impl Into<String>) -> Self {
        Self { hash: hash.into(), acknowledged: None, created_at: None }
    }
}

redacted_debug! {
    User {}
    IdentityChange { number_changed, standby }
    IdentityKey { acknowledged, created_at }
}
