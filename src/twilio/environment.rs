use super::TwilioBuilder;
use crate::env::{self, Names};
use crate::error::ConfigError;

const ACCOUNT: &str = "TWILIO_ACCOUNT_SID";
const TOKEN: &str = "TWILIO_AUTH_TOKEN";
const NUMBER: &str = "TWILIO_WHATSAPP_NUMBER";
const CALLBACK: &str = "TWILIO_STATUS_CALLBACK_URL";

const NAMES: Names = &[
    ("account_sid", ACCOUNT),
    ("auth_token", TOKEN),
    ("from_number", NUMBER),
    ("status_callback", CALLBACK),
];

impl TwilioBuilder {
    /// The settings of [`Twilio::from_env`](super::Twilio::from_env), to add others to.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the variable that is missing. One that is malformed is refused by
    /// [`build`](Self::build), which names it as well.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(env::variable)
    }

    fn from_variables(
        variable: impl Fn(&'static str) -> Result<Option<String>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let required = |name| variable(name)?.ok_or_else(|| env::missing(name));
        let mut builder = Self::new()
            .account_sid(required(ACCOUNT)?)
            .auth_token(required(TOKEN)?)
            .from_number(required(NUMBER)?);
        builder.variables = NAMES;
        Ok(match variable(CALLBACK)? {
            Some(url) => builder.status_callback(url),
            None => builder,
        })
    }
}

#[cfg(all(test, feature = "reqwest"))]
mod tests {
    use std::collections::HashMap;

    use super::super::Twilio;
    use super::*;
    use crate::provider::WhatsAppProvider;

    const GOOD: [(&str, &str); 4] = [
        (ACCOUNT, "AC00000000000000000000000000000001"),
        (TOKEN, "invented-token"),
        (NUMBER, "whatsapp:+15550001111"),
        (CALLBACK, "https://example.com/webhook"),
    ];

    fn from(variables: &[(&str, &str)]) -> Result<Twilio, ConfigError> {
        let values: HashMap<_, _> = variables.iter().copied().collect();
        TwilioBuilder::from_variables(|name| Ok(values.get(name).map(|value| (*value).to_owned())))?.build()
    }

    #[test]
    fn the_number_comes_with_or_without_its_prefix() {
        for number in ["whatsapp:+15550001111", "+15550001111"] {
            let twilio = from(&[GOOD[0], GOOD[1], (NUMBER, number)]).unwrap();
            assert_eq!(twilio.senders()[0].id, "+15550001111");
        }
        assert!(from(&GOOD).is_ok());
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        for (place, (name, _)) in GOOD.iter().enumerate().take(3) {
            let mut variables = GOOD.to_vec();
            variables.remove(place);
            assert_eq!(from(&variables).unwrap_err().field, *name);
        }
        for (place, bad) in [(0, "AC1"), (2, "5550001111"), (3, "not a URL")] {
            let mut variables = GOOD;
            variables[place].1 = bad;
            let error = from(&variables).unwrap_err();
            assert_eq!(error.field, variables[place].0, "{error}");
            assert!(!error.to_string().contains(bad), "{error}");
        }
    }
}
