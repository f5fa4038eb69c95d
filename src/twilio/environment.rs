use super::TwilioBuilder;
use crate::env::{self, Names};
use crate::error::ConfigError;

const ACCOUNT: &str = "TWILIO_ACCOUNT_SID";
const TOKEN: &str = "TWILIO_AUTH_TOKEN";
const KEY: &str = "TWILIO_API_KEY";
const KEY_SECRET: &str = "TWILIO_API_KEY_SECRET";
const NUMBER: &str = "TWILIO_WHATSAPP_NUMBER";
const SERVICE: &str = "TWILIO_MESSAGING_SERVICE_SID";
const CALLBACK: &str = "TWILIO_STATUS_CALLBACK_URL";
const REGION: &str = "TWILIO_REGION";
const EDGE: &str = "TWILIO_EDGE";

const NAMES: Names = &[
    ("account_sid", ACCOUNT),
    ("auth_token", TOKEN),
    ("api_key", KEY),
    ("api_key_secret", KEY_SECRET),
    ("from_number", NUMBER),
    ("messaging_service_sid", SERVICE),
    ("status_callback", CALLBACK),
    ("region", REGION),
    ("edge", EDGE),
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
        let mut builder = Self::new().account_sid(required(ACCOUNT)?);
        builder.variables = NAMES;
        if let Some(key) = variable(KEY)? {
            builder = builder.api_key(key, required(KEY_SECRET)?);
        }
        builder.auth_token = variable(TOKEN)?;
        if builder.api_key.is_none() && builder.auth_token.is_none() {
            return Err(env::missing(TOKEN));
        }
        builder.messaging_service_sid = variable(SERVICE)?;
        builder.from_number = variable(NUMBER)?;
        if builder.messaging_service_sid.is_none() && builder.from_number.is_none() {
            return Err(env::missing(NUMBER));
        }
        builder.status_callback = variable(CALLBACK)?;
        builder.region = variable(REGION)?;
        builder.edge = variable(EDGE)?;
        Ok(builder)
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
        for (name, bad) in [(SERVICE, "MG1"), (REGION, "ie1.example"), (EDGE, "a/b")] {
            let variables: Vec<_> = GOOD.into_iter().chain([(name, bad)]).collect();
            assert_eq!(from(&variables).unwrap_err().field, name);
        }
    }

    #[test]
    fn a_key_stands_in_for_the_token_and_a_service_for_the_number() {
        let key = (KEY, "SK00000000000000000000000000000001");
        let secret = (KEY_SECRET, "invented-secret");
        let service = (SERVICE, "MG00000000000000000000000000000001");
        let twilio = from(&[GOOD[0], key, secret, service]).unwrap();
        assert_eq!(twilio.senders()[0].id, service.1);
        assert_eq!(from(&[GOOD[0], key, service]).unwrap_err().field, KEY_SECRET);
        assert_eq!(from(&[GOOD[0], (KEY, "SK1"), secret, service]).unwrap_err().field, KEY);
        assert_eq!(from(&[GOOD[0], secret, service]).unwrap_err().field, TOKEN);
        assert_eq!(from(&[GOOD[0], key, secret]).unwrap_err().field, NUMBER);
        let twilio = from(&[GOOD[0], GOOD[1], GOOD[2], service, (REGION, "ie1"), (EDGE, "dublin")]).unwrap();
        assert_eq!(twilio.senders()[0].id, "+15550001111");
        assert_eq!(twilio.api().as_deref(), Some("twilio/api.dublin.ie1.twilio.com"));
    }
}
