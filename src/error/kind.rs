use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// For a send that failed: may the provider have the message all the same?
///
/// Looked at before anything else. A second attempt is safe after [`NotAccepted`](Self::NotAccepted) and only then.
/// `Err` never means sent: an answer that was lost after a success status is an `Ok` without a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "there is no third answer, and callers match on it")]
pub enum Acceptance {
    /// The provider certainly does not have the message.
    NotAccepted,
    /// The provider may have it; nothing that was seen decides.
    Unknown,
}

impl fmt::Display for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAccepted => "not accepted",
            Self::Unknown => "acceptance unknown",
        })
    }
}

macro_rules! error_kinds {
    ($($(#[$doc:meta])* $kind:ident => $name:literal, $says:literal;)+) => {
        /// What went wrong, by the provider's own code and by the operation; never by the HTTP status alone.
        ///
        /// The name in JSON, in metrics and in [`as_str`](Self::as_str) is snake case: `window_closed`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// What it means, in a few words.
            const fn says(self) -> &'static str {
                match self { $(Self::$kind => $says,)+ }
            }
        }
    };
}

error_kinds! {
    /// No provider could carry it: malformed, or the wrong parameters for its template. Mend the message.
    InvalidMessage => "invalid_message", "no provider could carry this message";
    /// This provider cannot carry it; another may. `field`, `limit` and `actual` say why.
    Unsupported => "unsupported", "this provider cannot carry it";
    /// It refers to what only another provider knows: a media id, a message to quote, a business-scoped user id.
    NotPortable => "not_portable", "it refers to what only another provider knows";
    /// The media file that it refers to is no longer kept, or never was. Upload it again, or ask the user for it.
    MediaExpired => "media_expired", "the media file is no longer kept";
    /// The account may not send this sort of message, or not to this recipient. Somebody should look at the account.
    NotEntitled => "not_entitled", "the account may not send this sort of message";
    /// No WhatsApp there, or it cannot receive. Only another channel helps.
    RecipientUnreachable => "recipient_unreachable", "the recipient cannot be reached on WhatsApp";
    /// Consent, policy or an identity check forbids it. Another sender would go round that, so none is ever tried.
    RecipientRefused => "recipient_refused", "consent or policy forbids it";
    /// Too many messages to this one user; wait a few seconds.
    RecipientThrottled => "recipient_throttled", "too many messages to this recipient";
    /// Over 24 hours since the user last wrote to this sender: only a template may go.
    WindowClosed => "window_closed", "the customer service window is closed";
    /// The template is missing, paused, disabled or rejected at this provider.
    TemplateUnavailable => "template_unavailable", "the template is not available here";
    /// The sender or the account sends too fast. `retry_after` says how long to wait, where that is known.
    Throttled => "throttled", "the sender or the account is throttled";
    /// The token or password is expired, wrong or revoked.
    Credentials => "credentials", "the credentials were refused";
    /// The account or the number is suspended, unregistered or unpaid.
    AccountBlocked => "account_blocked", "the account is blocked";
    /// The provider says that it is down, or it could not be reached.
    Unavailable => "unavailable", "the provider is unavailable";
    /// The request left and no usable answer came.
    NoAnswer => "no_answer", "no usable answer came";
    /// A code that this crate does not know, or one that says nothing.
    Unrecognized => "unrecognized", "the provider's code says nothing certain";
    /// Our own time to live or deadline ran out.
    Expired => "expired", "the time for it ran out";
    /// Every member was left out of the plan; nothing was sent.
    NoRoute => "no_route", "no provider could be chosen";
    /// A message with the same idempotency key is still open; nothing was sent.
    Duplicate => "duplicate", "the same message is still being sent";
    /// A claim could not be written to the store; nothing was sent.
    StoreUnavailable => "store_unavailable", "the store is unavailable";
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.says())
    }
}

impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A name that this version does not know is read as [`ErrorKind::Unrecognized`], so that an old reader survives a new
/// writer.
impl<'de> Deserialize<'de> for ErrorKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(Self::ALL.iter().copied().find(|kind| kind.as_str() == name).unwrap_or(Self::Unrecognized))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_read_back() {
        for kind in ErrorKind::ALL {
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.as_str()));
            assert_eq!(serde_json::from_str::<ErrorKind>(&json).unwrap(), *kind);
        }
        assert_eq!(serde_json::from_str::<ErrorKind>("\"new_in_2030\"").unwrap(), ErrorKind::Unrecognized);
    }
}
