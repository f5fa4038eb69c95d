use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::address::{PhoneNumber, Recipient, UserId};
use crate::hex::hex;
use crate::ids::{AttemptId, SenderId};
use crate::inbound::{RestrictedMessages, User};

/// How many characters of the hash stand for a name: 128 bits.
const DIGITS: usize = 32;

/// One of the names of a user or a group, in a form that can be a key and shows nobody's number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::failover) struct Name(String);

impl Name {
    pub(in crate::failover) fn of_phone(phone: PhoneNumber) -> Self {
        Self(token(["phone", &phone.to_e164(), ""]))
    }

    /// An id means something in its scope only, so the scope is part of the name.
    pub(in crate::failover) fn of_user(user: &UserId) -> Self {
        Self(token(["user", user.as_str(), user.scope().unwrap_or_default()]))
    }

    /// All the names of a recipient.
    pub(in crate::failover) fn of_recipient(to: &Recipient) -> Vec<Self> {
        let group = to.group().map(|group| Self(token(["group", group.as_str(), ""])));
        let phone = to.phone().map(Self::of_phone);
        phone.into_iter().chain(to.user().map(Self::of_user)).chain(group).collect()
    }

    /// The names that an event gives a user.
    pub(in crate::failover) fn of_event(user: &User) -> Vec<Self> {
        Self::of_recipient(&user.recipient())
    }
}

/// When a user wrote to a sender, or was reached by it.
pub(in crate::failover) fn contact_key(sender: &SenderId, name: &Name) -> String {
    format!("contact/{}/{}", sender_token(sender), name.0)
}

/// The other names of a user.
pub(in crate::failover) fn alias_key(name: &Name) -> String {
    format!("alias/{}", name.0)
}

/// Whether a sender is blocked.
pub(in crate::failover) fn block_key(sender: &SenderId) -> String {
    format!("block/{}", sender_token(sender))
}

/// Whether a sender is blocked by the word of failed statuses, which say it for a minute and must not stand for what was
/// said for longer.
pub(in crate::failover) fn status_block_key(sender: &SenderId) -> String {
    format!("{}/status", block_key(sender))
}

/// Whether a sender may send these of its messages. `None` if it is not known which they are.
pub(in crate::failover) fn restriction_key(
    sender: &SenderId,
    messages: RestrictedMessages,
) -> Option<String> {
    let messages = match messages {
        RestrictedMessages::BusinessInitiated => "first",
        RestrictedMessages::UserInitiated => "answer",
        RestrictedMessages::None => return None,
    };
    Some(format!("{}/{messages}", block_key(sender)))
}

/// That an attempt was accepted.
pub(in crate::failover) fn seen_key(attempt: AttemptId) -> String {
    format!("seen/{attempt}")
}

/// Whether a key is of a fact about a single message, of which there are many.
pub(super) fn is_of_a_message(key: &str) -> bool {
    key.starts_with("seen/")
}

fn sender_token(sender: &SenderId) -> String {
    token(["sender", sender.provider.as_str(), &sender.id])
}

fn token(parts: [&str; 3]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let mut digits = hex(&hash.finalize());
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ProviderId;

    #[test]
    fn every_name_has_a_key_of_its_own_that_shows_nothing() {
        let phone = PhoneNumber::parse("+15557654321").unwrap();
        let user = UserId::new("15557654321").unwrap();
        let names = [
            Name::of_phone(phone),
            Name::of_user(&user),
            Name::of_user(&user.clone().with_scope("1")),
            Name::of_user(&user.clone().with_scope("2")),
        ];
        for (place, name) in names.iter().enumerate() {
            assert_eq!(name.0.len(), DIGITS);
            assert!(!name.0.contains("5557654321"));
            assert!(!names.iter().skip(place + 1).any(|other| other == name));
        }
        let both = Recipient::from_names(Some(phone), Some(user.clone()));
        assert_eq!(Name::of_recipient(&both), [Name::of_phone(phone), Name::of_user(&user)]);
        assert_eq!(Name::of_event(&User::with_phone(phone)), [Name::of_phone(phone)]);
        assert_eq!(Name::of_recipient(&Recipient::Unknown), []);
    }

    #[test]
    fn keys_tell_senders_and_kinds_apart() {
        let name = Name::of_phone(PhoneNumber::parse("+15557654321").unwrap());
        let meta = SenderId::new(ProviderId::META, "1");
        let other = SenderId::new(ProviderId::TWILIO, "1");
        assert_ne!(contact_key(&meta, &name), contact_key(&other, &name));
        assert_ne!(block_key(&meta), block_key(&other));
        assert_ne!(block_key(&meta), status_block_key(&meta));
        assert!(contact_key(&meta, &name).starts_with("contact/"));
        assert!(alias_key(&name).starts_with("alias/"));
        let attempt = AttemptId::from_u128(7);
        assert_eq!(seen_key(attempt), format!("seen/{attempt}"));
        assert!(is_of_a_message(&seen_key(attempt)) && !is_of_a_message(&alias_key(&name)));
    }
}
