use std::sync::Arc;

use super::Simulator;
use super::meta::FILES_HOST;
use crate::meta::{Endpoint, MetaCloud, MetaCloudBuilder};
use crate::twilio::{Twilio, TwilioBuilder};

/// An address that is nobody's: a request that missed the virtual door would go nowhere.
const BASE_URL: &str = "https://simulator.test";

impl Simulator {
    /// Meta as the simulator plays it: a builder with the accounts, the virtual door and the clock set.
    pub fn meta(&self) -> MetaCloudBuilder {
        let accounts = self.accounts();
        MetaCloud::builder()
            // Where the API is nobody's, Meta's files are as well.
            .endpoint(Endpoint::meta().media_host(FILES_HOST))
            .phone_number_id(accounts.phone_number_id)
            .access_token(accounts.access_token)
            .account_id(accounts.business_account_id)
            .app_id(accounts.app_id)
            .app_secret(accounts.app_secret)
            .verify_token(accounts.verify_token)
            .base_url(BASE_URL)
            .http_client(self.http_client())
            .clock(Arc::clone(&self.0.clock))
    }

    /// Twilio as the simulator plays it: a builder with the accounts, the virtual door and the clock set. Statuses are
    /// posted to the webhook's address.
    pub fn twilio(&self) -> TwilioBuilder {
        let accounts = self.accounts();
        Twilio::builder()
            .account_sid(accounts.account_sid)
            .auth_token(accounts.auth_token)
            .from_number(accounts.twilio_number)
            .status_callback(accounts.webhook_url.clone())
            .public_url(accounts.webhook_url)
            .base_url(BASE_URL)
            .messaging_url(BASE_URL)
            .content_url(BASE_URL)
            .http_client(self.http_client())
            .clock(Arc::clone(&self.0.clock))
    }
}
