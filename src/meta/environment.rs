use super::MetaCloudBuilder;
use crate::env::{self, Names};
use crate::error::ConfigError;

const TOKEN: &str = "WHATSAPP_ACCESS_TOKEN";
const NUMBER: &str = "WHATSAPP_PHONE_NUMBER_ID";
const SECRET: &str = "WHATSAPP_APP_SECRET";
const VERIFY: &str = "WHATSAPP_VERIFY_TOKEN";
const HEADER: &str = "WHATSAPP_WEBHOOK_SECRET_HEADER";
const HEADER_SECRET: &str = "WHATSAPP_WEBHOOK_SECRET";
const ACCOUNT: &str = "WHATSAPP_BUSINESS_ACCOUNT_ID";

const NAMES: Names = &[
    ("access_token", TOKEN),
    ("phone_number_id", NUMBER),
    ("app_secret", SECRET),
    ("verify_token", VERIFY),
    ("webhook_secret_header", HEADER),
    ("account_id", ACCOUNT),
];

impl MetaCloudBuilder {
    /// The settings of [`MetaCloud::from_env`](super::MetaCloud::from_env), to add others to.
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
        let mut builder = Self::new();
        builder.variables = NAMES;
        let sends = match (variable(TOKEN)?, variable(NUMBER)?) {
            (Some(token), Some(number)) => {
                builder = builder.access_token(token).phone_number_id(number);
                true
            }
            (Some(_), None) => return Err(env::missing(NUMBER)),
            (None, Some(_)) => return Err(env::missing(TOKEN)),
            (None, None) => false,
        };
        let mut verifies = false;
        if let Some(secret) = variable(SECRET)? {
            builder = builder.app_secret(secret);
            verifies = true;
        }
        match (variable(HEADER)?, variable(HEADER_SECRET)?) {
            (Some(name), Some(secret)) => {
                builder = builder.webhook_secret_header(name, secret);
                verifies = true;
            }
            (Some(_), None) => return Err(env::missing(HEADER_SECRET)),
            (None, Some(_)) => return Err(env::missing(HEADER)),
            (None, None) => {}
        }
        match variable(VERIFY)? {
            Some(verify) if verifies => builder = builder.verify_token(verify),
            Some(_) => return Err(env::missing(SECRET)),
            None if !sends && !verifies => return Err(env::missing(TOKEN)),
            None => {}
        }
        if let Some(account) = variable(ACCOUNT)? {
            builder = builder.account_id(account);
        }
        Ok(builder)
    }
}

#[cfg(all(test, feature = "reqwest"))]
mod tests {
    use std::collections::HashMap;

    use super::super::MetaCloud;
    use super::*;
    use crate::provider::WhatsAppProvider;

    fn from(variables: &[(&str, &str)]) -> Result<MetaCloud, ConfigError> {
        let values: HashMap<_, _> = variables.iter().copied().collect();
        MetaCloudBuilder::from_variables(|name| Ok(values.get(name).map(|value| (*value).to_owned())))?
            .build()
    }

    #[test]
    fn either_half_will_do_and_what_is_missing_or_malformed_is_named() {
        let sending = [(TOKEN, "invented-token"), (NUMBER, "100000000000001")];
        let receiving = [(SECRET, "invented-secret"), (VERIFY, "invented-verify-token")];
        for (variables, senders) in
            [(&[sending, receiving].concat()[..], 1), (&sending, 1), (&receiving, 0), (&receiving[..1], 0)]
        {
            assert_eq!(from(variables).unwrap().senders().len(), senders);
        }
        let header = [(HEADER, "x-webhook-secret"), (HEADER_SECRET, "invented-secret"), receiving[1]];
        assert!(from(&header).unwrap().shared.verification.header.is_some());
        assert!(from(&header[..2]).unwrap().senders().is_empty());
        let account = [sending[0], sending[1], (ACCOUNT, "200000000000002")];
        assert_eq!(from(&account).unwrap().shared.host.account(), Some("200000000000002"));
        for (variables, named) in [
            (&[][..], TOKEN),
            (&sending[..1], NUMBER),
            (&sending[1..], TOKEN),
            (&receiving[1..], SECRET),
            (&header[..1], HEADER_SECRET),
            (&header[1..], HEADER),
            (&[(HEADER, "content-length"), header[1]], HEADER),
            (&[sending[0], (NUMBER, "../me")], NUMBER),
            (&[sending[0], sending[1], (ACCOUNT, "../me")], ACCOUNT),
            (&[(ACCOUNT, "200000000000002")], TOKEN),
            (&[(TOKEN, "with a \u{7} bell"), sending[1]], TOKEN),
        ] {
            let error = from(variables).unwrap_err();
            assert_eq!(error.field, named, "{error}");
            assert!(!error.to_string().contains("../me"));
        }
    }
}
