use crate::address::PhoneNumber;
use crate::ids::{ProviderId, SenderId};
use crate::redact::redacted_debug;

/// One of the two providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Side {
    /// Meta's Cloud API.
    Meta,
    /// Twilio.
    Twilio,
}

impl Side {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Meta, Self::Twilio];

    /// Whose address this is. Graph versions have a dot (`v23.0`), Twilio's have none (`2010-04-01`, `v2`).
    pub(super) fn of_path(path: &str) -> Self {
        let version = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let whole = version
            .strip_prefix('v')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        if version == "2010-04-01" || whole { Self::Twilio } else { Self::Meta }
    }

    /// How this side's business portfolio names a user who shares no number. The two are different portfolios, so the
    /// names differ. They are made from the number, so that nobody has to be registered.
    pub(super) fn user_id(self, phone: PhoneNumber) -> String {
        format!("{}{:0>15}", self.user_id_prefix(), phone.to_digits())
    }

    /// The user of whom this is the name.
    pub(super) fn user_by_id(self, id: &str) -> Option<PhoneNumber> {
        let digits = id.strip_prefix(self.user_id_prefix())?;
        let phone = PhoneNumber::from_digits(digits.trim_start_matches('0')).ok()?;
        (self.user_id(phone) == id).then_some(phone)
    }

    const fn user_id_prefix(self) -> &'static str {
        match self {
            Self::Meta => "US.10",
            Self::Twilio => "US.20",
        }
    }
}

/// The business's accounts at both providers. Everything in them is invented.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimulatedAccounts {
    /// Meta: the id of the WhatsApp Business Account.
    pub business_account_id: String,
    /// Meta: the id of the app that the token belongs to, and that gets the account's webhooks.
    pub app_id: String,
    /// Meta: the id of the business's number.
    pub phone_number_id: String,
    /// Meta: the business's number, in E.164.
    pub meta_number: String,
    /// Meta: the token that requests carry.
    pub access_token: String,
    /// Meta: the secret that signs webhooks.
    pub app_secret: String,
    /// Meta: the token of the handshake.
    pub verify_token: String,
    /// Twilio: the account, `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// Twilio: the password of the account, which signs webhooks too.
    pub auth_token: String,
    /// Twilio: a key of the account, `SK` and 32 hexadecimal digits, that requests may carry instead of the password.
    pub api_key_sid: String,
    /// Twilio: the secret of that key.
    pub api_key_secret: String,
    /// Twilio: the business's number, in E.164.
    pub twilio_number: String,
    /// Twilio: a Messaging Service that sends from that number, `MG` and 32 hexadecimal digits.
    pub messaging_service_sid: String,
    /// Where webhooks are posted.
    pub webhook_url: String,
}

/// Until [`set_webhook_url`](super::Simulator::set_webhook_url).
pub(super) const WEBHOOK_URL: &str = "https://example.test/webhook";

impl SimulatedAccounts {
    pub(super) fn invented() -> Self {
        Self {
            business_account_id: "102030405060708".to_owned(),
            app_id: "103030303030303".to_owned(),
            phone_number_id: "107070707070707".to_owned(),
            meta_number: "+15550100001".to_owned(),
            access_token: "EAAsimulatedaccesstoken".to_owned(),
            app_secret: "0a1b2c3d4e5f60718293a4b5c6d7e8f9".to_owned(),
            verify_token: "simulated-verify-token".to_owned(),
            account_sid: "AC0123456789abcdef0123456789abcdef".to_owned(),
            auth_token: "9f8e7d6c5b4a39281706f5e4d3c2b1a0".to_owned(),
            api_key_sid: "SK0123456789abcdef0123456789abcdef".to_owned(),
            api_key_secret: "simulated-key-secret".to_owned(),
            twilio_number: "+15550100002".to_owned(),
            messaging_service_sid: "MG0123456789abcdef0123456789abcdef".to_owned(),
            webhook_url: WEBHOOK_URL.to_owned(),
        }
    }

    /// The sender to whom Meta's media and message ids belong.
    pub(super) fn meta_sender(&self) -> SenderId {
        SenderId::new(ProviderId::META, self.phone_number_id.as_str())
    }
}

redacted_debug! {
    SimulatedAccounts {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_apis_are_told_apart_by_their_paths() {
        for (path, side) in [
            ("/v23.0/1/messages", Side::Meta),
            ("/v23.0/1", Side::Meta),
            ("/1/messages", Side::Meta),
            ("/", Side::Meta),
            ("", Side::Meta),
            ("/v", Side::Meta),
            ("/2010-04-01/Accounts/AC1/Messages.json", Side::Twilio),
            ("/v2/Indicators/Typing.json", Side::Twilio),
        ] {
            assert_eq!(Side::of_path(path), side, "{path}");
        }
    }

    #[test]
    fn user_ids_name_one_user_of_one_portfolio() {
        for digits in ["123456", "15557654321", "999999999999999"] {
            let phone = PhoneNumber::from_digits(digits).unwrap();
            for side in Side::ALL {
                let id = side.user_id(phone);
                assert!(crate::address::UserId::new(id.as_str()).is_ok());
                assert_eq!(side.user_by_id(&id), Some(phone));
            }
            assert_eq!(Side::Meta.user_by_id(&Side::Twilio.user_id(phone)), None);
        }
        for stranger in ["", "US.1349", "US.1015557654321", "US.10000000000000000"] {
            assert_eq!(Side::Meta.user_by_id(stranger), None, "{stranger}");
        }
    }
}
